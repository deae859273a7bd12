//! A sealed certificate, as strangers' programs see it, and what becomes of one that was touched.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../../verify/tests/common/mod.rs"]
mod common;
#[allow(dead_code)]
mod sheets;

use archive::pdf;
use certificate::{
    Fonts, Locale, render,
    seal::{Seal, SealError, seal},
};
use common::World;
use std::{fs, path::Path, process::Command};
use timestamp::DocumentSigner;
use verify::{Check, Outcome, Trust, check_certificate};

/// A signer in a world of its own ledger and authority.
struct Case {
    world: World,
    /// One honest record's package.
    entries: Vec<(String, Vec<u8>)>,
    signer: DocumentSigner,
    crls: Vec<Vec<u8>>,
}

impl Case {
    fn new() -> Self {
        let world = World::new(11);
        let entries = world.honest();
        let made = DocumentSigner::create("测试", world.now()).unwrap();
        let pem = format!("{}{}{}", made.signer_key_pem, made.signer_cert_pem, made.root_cert_pem);
        Self { world, entries, signer: DocumentSigner::from_pem(pem.as_bytes()).unwrap(), crls: vec![made.crl_der] }
    }

    fn drawn(&self) -> Vec<u8> {
        let thumbnail = sheets::thumbnail(320, 200);
        render(&sheets::full(), Some(&thumbnail), &self.entries, Locale::Zh, &Fonts::embedded()).unwrap()
    }

    fn seal(&self, pdf: &[u8]) -> Result<Vec<u8>, SealError> {
        let roots = [self.world.authority.root().clone()];
        let (signer, crls, stamper) = (&self.signer, &self.crls[..], &self.world.authority);
        seal(pdf, &Seal { signer, crls, stamper, roots: &roots, at: self.world.now() })
    }

    fn trust(&self) -> Trust {
        let mut trust = self.world.trust();
        trust.signers.push(self.signer.root());
        trust
    }

    /// The check of the signature, by a reader who trusts this world.
    fn signature(&self, file: &[u8]) -> Check {
        let verdict = check_certificate(file, &self.trust(), &common::picture(), self.world.now());
        verdict.find("certificate-signature").unwrap().clone()
    }

    fn code(&self, file: &[u8]) -> u8 {
        check_certificate(file, &self.trust(), &common::picture(), self.world.now()).code()
    }
}

fn splice(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    let at = bytes.windows(from.len()).position(|w| w == from.as_bytes()).unwrap_or_else(|| panic!("no {from}"));
    [&bytes[..at], to.as_bytes(), &bytes[at + from.len()..]].concat()
}

#[test]
fn a_sealed_certificate_is_evidence_by_itself() {
    let case = Case::new();
    let drawn = case.drawn();
    let file = case.seal(&drawn).unwrap();
    assert!(file.starts_with(&drawn), "the pages stay what they were");
    let read = pdf::read(&file).unwrap();
    let mut honest = case.entries.clone();
    honest.sort();
    assert_eq!(read.first, drawn.len());
    assert!(read.attachments == honest);
    assert_eq!((read.timestamp.unwrap().end, read.foreign), (file.len(), None));
    let verdict = check_certificate(&file, &case.trust(), &common::picture(), case.world.now());
    assert_eq!(verdict.code(), 0, "{:#?}", verdict.checks);
    assert_eq!(verdict.find("form").unwrap().result, Outcome::Pass);
}

#[test]
fn one_package_holds_the_certificate_and_the_same_files() {
    let case = Case::new();
    let file = case.seal(&case.drawn()).unwrap();
    let mut entries = case.entries.clone();
    entries.push(("certificate.pdf".into(), file.clone()));
    let verdict = |entries: &[(String, Vec<u8>)]| {
        let zip = archive::package::write(entries).unwrap();
        verify::check_package(&zip, &case.trust(), &common::picture(), case.world.now())
    };
    assert_eq!(verdict(&entries).code(), 0);
    // Another honest record's package, with this one's certificate.
    let ledger = [case.world.operator(), case.world.image("甲"), case.world.image("乙")];
    let mut other = case.world.entries(&ledger, 2);
    other.push(("certificate.pdf".into(), file));
    let verdict = verdict(&other);
    assert_eq!(verdict.code(), 1);
    assert_eq!(verdict.find("certificate-signature").unwrap().result, Outcome::Fail);
}

#[test]
fn what_was_appended_or_cut_leaves_the_signed_revision_only() {
    let case = Case::new();
    let drawn = case.drawn();
    let file = case.seal(&drawn).unwrap();
    let signed = pdf::read(&file).unwrap().signature.unwrap().end;
    let shadow = {
        // An update that replaces the catalog and takes the attached files away.
        let root = String::from_utf8_lossy(&file).split("/Root ").nth(1).unwrap().split(' ').next().unwrap().to_owned();
        let at = file.len() + 1;
        let update = format!("\n{root} 0 obj\n<</Type/Catalog/Pages 1 0 R>>\nendobj\n");
        let xref = file.len() + update.len();
        format!(
            "{update}xref\n{root} 1\n{at:010} 00000 n\r\ntrailer\n<</Size 9999/Root {root} 0 R/Prev {signed}>>\nstartxref\n{xref}\n%%EOF"
        )
    };
    for (what, touched) in [
        ("bytes appended", [&file[..], b"\n"].concat()),
        ("a shadow attack", [&file[..], shadow.as_bytes()].concat()),
        ("the last revision twice", [&file[..], &file[signed..]].concat()),
        ("cut after the signature", file[..signed].to_vec()),
        ("cut within the last revision", file[..file.len() - 1].to_vec()),
        ("never signed", drawn.clone()),
    ] {
        let check = case.signature(&touched);
        assert_eq!((check.result, case.code(&touched)), (Outcome::NotChecked, 3), "{what}: {}", check.en);
    }
    assert_eq!(case.code(&file[..drawn.len() - 1]), 1, "cut within the pages");
}

#[test]
fn whoever_signs_again_is_not_the_signer_that_the_reader_trusts() {
    let (case, attacker) = (Case::new(), Case::new());
    let drawn = case.drawn();
    let forged = Case { world: case.world, entries: case.entries, ..attacker };
    let file = forged.seal(&drawn).unwrap();
    let reader = Trust { signers: vec![case.signer.root()], ..forged.world.trust() };
    let verdict = check_certificate(&file, &reader, &common::picture(), forged.world.now());
    assert_eq!(verdict.code(), 3);
    // His signature over the honest signature revision's end is no second signer either.
    assert_eq!(verdict.find("certificate-signature").unwrap().result, Outcome::NotChecked);
}

#[test]
fn a_changed_first_revision_contradicts_its_signature_or_its_form() {
    let case = Case::new();
    let drawn = case.drawn();
    let file = case.seal(&drawn).unwrap();
    // Two attached files exchange their names, in the pages' revision, with the signature as it was.
    let swapped = splice(
        &splice(&file, "(record.json)/UF(record.json)", "(RECORD.json)/UF(RECORD.json)"),
        "/F(statement.json)",
        "/F(record.json)###",
    );
    assert_eq!(case.code(&swapped), 1);
    let changed = splice(&file, "/ModDate(D:20", "/ModDate(D:19");
    let check = case.signature(&changed);
    assert_eq!((check.result, case.code(&changed)), (Outcome::Fail, 1), "{}", check.en);
}

/// The platform itself may forge: these are never signed, because they are no first revision.
#[test]
fn nothing_lies_outside_the_table_or_in_it_twice() {
    let drawn = Case::new().drawn();
    let text = String::from_utf8_lossy(&drawn).into_owned();
    let xref = text.find("xref\n0 ").map(|_| drawn.windows(7).position(|w| w == b"xref\n0 ").unwrap()).unwrap();
    let hidden = [&drawn[..xref], b"999 0 obj\n<<>>\nendobj\n", &drawn[xref..]].concat();
    let twice = splice(&drawn, "2 0 obj\n", "1 0 obj\n");
    for (what, bad) in [
        ("an object outside the table", hidden),
        ("an object number twice", twice),
        ("another generation", splice(&drawn, "3 0 obj\n", "3 1 obj\n")),
        ("another generation in the table", splice(&drawn, " 00000 n", " 00001 n")),
        ("a free entry", splice(&drawn, " 00000 n", " 00000 f")),
        ("a comment", splice(&drawn, "\nendobj\n", "%x\nendobj\n")),
        ("an action", splice(&drawn, "/MarkInfo", "/OpenAction 1 0 R/MarkInfo")),
        ("a layer", splice(&drawn, "/MarkInfo", "/OCProperties<<>>/MarkInfo")),
        ("a key twice", splice(&drawn, "/MarkInfo", "/Lang(zh-CN)/MarkInfo")),
        ("F is not UF", splice(&drawn, "/UF(statement.json)", "/UF(statement.jsoN)")),
        ("a name twice", splice(&drawn, "(record.json)", "(statement.json)")),
        ("another version", splice(&drawn, "%PDF-1.7", "%PDF-2.0")),
        ("bytes before it", [b"x", &drawn[..]].concat()),
    ] {
        assert!(pdf::read(&bad).is_err(), "{what}");
        assert!(pdf::prepare_signature(&bad, "20261124030612", 8192).is_err(), "{what}");
    }
}

#[test]
fn no_bit_is_free() {
    let case = Case::new();
    let file = case.seal(&case.drawn()).unwrap();
    let read = pdf::read(&file).unwrap();
    // Every revision's structure is dense in the last tenth; everywhere else a sample.
    let updates = (read.first..file.len()).step_by(97);
    for at in (0..read.first).step_by(1_999).chain(updates) {
        for bit in [0, 5] {
            let mut changed = file.clone();
            changed[at] ^= 1 << bit;
            assert_ne!(case.code(&changed), 0, "bit {bit} of byte {at}");
        }
    }
}

#[test]
fn poppler_pyhanko_and_verapdf_accept_it() {
    let case = Case::new();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("c.pdf"), case.seal(&case.drawn()).unwrap()).unwrap();
    fs::write(path("signer.der"), case.signer.root().der).unwrap();
    fs::write(path("tsa.der"), &case.world.authority.root().der).unwrap();
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts");

    if let Some(out) = run(Command::new("pdfsig").arg(path("c.pdf")), "pdfsig") {
        assert!(out.contains("Signature is Valid"), "{out}");
        assert!(out.contains("ETSI.CAdES.detached"), "{out}");
    }
    let arguments = [path("c.pdf"), path("signer.der"), path("tsa.der")];
    run(Command::new(scripts.join("pyhanko.sh")).args(&arguments), "pyHanko");
    run(Command::new(scripts.join("verapdf.sh")).arg(path("c.pdf")), "veraPDF");
    if run(Command::new("pdfdetach").arg("-saveall").arg("-o").arg(folder.path()).arg(path("c.pdf")), "pdfdetach")
        .is_some()
    {
        for (name, bytes) in case.entries.clone() {
            assert!(fs::read(path(&name)).unwrap() == bytes, "{name}");
        }
    }
}

/// Output of a foreign program that accepted; `None` where the machine has it not (exit 2 of our scripts).
fn run(command: &mut Command, name: &str) -> Option<String> {
    let out = match command.output() {
        Ok(out) if out.status.code() != Some(2) || name.starts_with("pdf") => out,
        _ => {
            eprintln!("not run: {name} is not here");
            return None;
        }
    };
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(out.status.success(), "{name}: {text}{}", String::from_utf8_lossy(&out.stderr));
    Some(text)
}
