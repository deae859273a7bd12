// Prints one line a file: PDF/A-3b or not, and which rule of ISO 19005-3 says so. Exit 1 if one is not.
import java.io.FileInputStream;
import java.util.TreeMap;
import org.verapdf.gf.foundry.VeraGreenfieldFoundryProvider;
import org.verapdf.pdfa.Foundries;
import org.verapdf.pdfa.PDFAParser;
import org.verapdf.pdfa.PDFAValidator;
import org.verapdf.pdfa.flavours.PDFAFlavour;
import org.verapdf.pdfa.results.TestAssertion;
import org.verapdf.pdfa.results.ValidationResult;

public class Check {
    public static void main(String[] files) throws Exception {
        java.util.logging.Logger.getLogger("").setLevel(java.util.logging.Level.SEVERE);
        VeraGreenfieldFoundryProvider.initialise();
        boolean good = files.length > 0;
        for (String file : files) {
            try (FileInputStream in = new FileInputStream(file);
                    PDFAParser parser = Foundries.defaultInstance().createParser(in, PDFAFlavour.PDFA_3_B);
                    PDFAValidator validator = Foundries.defaultInstance().createValidator(PDFAFlavour.PDFA_3_B, false)) {
                ValidationResult result = validator.validate(parser);
                PDFAFlavour said = parser.getFlavour();
                good &= result.isCompliant() && said == PDFAFlavour.PDFA_3_B;
                System.out.println((result.isCompliant() ? "PDF/A-3b" : "not PDF/A-3b") + "\tdeclares " + said + "\t" + file);
                TreeMap<String, String> broken = new TreeMap<>();
                for (TestAssertion a : result.getTestAssertions()) {
                    if (a.getStatus() == TestAssertion.Status.FAILED) {
                        broken.put(a.getRuleId().getClause() + " test " + a.getRuleId().getTestNumber(), a.getMessage());
                    }
                }
                broken.forEach((rule, why) -> System.out.println("  " + rule + ": " + why));
            }
        }
        System.exit(good ? 0 : 1);
    }
}
