//! The certificate file without fonts or signatures: form alone, and bytes that somebody invented.
#![allow(clippy::unwrap_used, missing_docs)]

use archive::pdf::{Validation, prepare_signature, prepare_timestamp, read};
use proptest::prelude::*;

/// The smallest first revision: one page, two attached files.
fn pages() -> Vec<u8> {
    pages_with("", "")
}

/// The same with one change in the objects, and a cross-reference table that follows from them.
fn pages_with(from: &str, to: &str) -> Vec<u8> {
    let objects = [
        "<</Type/Pages/Count 1/Kids[2 0 R]>>".to_owned(),
        "<</Type/Page/Resources<<>>/MediaBox[0 0 595.3 841.9]/Parent 1 0 R>>".to_owned(),
        "<</Type/Filespec/F(a.json)/UF(a.json)/EF<</F 5 0 R/UF 5 0 R>>>>".to_owned(),
        "<</Type/Filespec/F(b.tsr)/UF(b.tsr)/EF<</F 6 0 R/UF 6 0 R>>>>".to_owned(),
        "<</Length 2/Type/EmbeddedFile/Params<</Size 2>>>>\nstream\n{}\nendstream".to_owned(),
        "<</Length 1/Type/EmbeddedFile/Params<</Size 1>>>>\nstream\nx\nendstream".to_owned(),
        "<</Title(x)>>".to_owned(),
        "<</Type/Catalog/Pages 1 0 R/Lang(zh-CN)/Names<</EmbeddedFiles<</Names[(a.json)3 0 R(b.tsr)4 0 R]>>>>/AF[3 0 R 4 0 R]>>"
            .to_owned(),
    ];
    assert!(objects.iter().any(|o| o.contains(from)), "{from}");
    let objects = objects.map(|o| if from.is_empty() { o } else { o.replacen(from, to, 1) });
    let mut pdf = b"%PDF-1.7\n%\x80\x80\x80\x80\n\n".to_vec();
    let mut table = format!("xref\n0 {}\n0000000000 65535 f\r\n", objects.len() + 1);
    for (n, object) in (1..).zip(&objects) {
        table.push_str(&format!("{:010} 00000 n\r\n", pdf.len()));
        pdf.extend_from_slice(format!("{n} 0 obj\n{object}\nendobj\n").as_bytes());
    }
    let at = pdf.len();
    pdf.extend_from_slice(table.as_bytes());
    let size = objects.len() + 1;
    pdf.extend_from_slice(
        format!("trailer\n<</Size {size}/Root 8 0 R/Info 7 0 R/ID[(a)(b)]>>\nstartxref\n{at}\n%%EOF").as_bytes(),
    );
    pdf
}

/// Four revisions, with DER in Contents that is no signature.
fn whole() -> Vec<u8> {
    let signed = prepare_signature(&pages(), "20261124030612", 8192).unwrap().fill(&[0x30, 2, 5, 0]).unwrap();
    let validation = Validation { certificates: vec![vec![1, 2], vec![3]], crls: vec![b"\nendstream".to_vec()] };
    prepare_timestamp(&signed, &validation, 8192).unwrap().fill(&[0x30, 0]).unwrap()
}

#[test]
fn what_was_written_reads_back() {
    let read = read(&whole()).unwrap();
    assert_eq!(read.attachments, [("a.json".to_owned(), b"{}".to_vec()), ("b.tsr".to_owned(), b"x".to_vec())]);
    assert_eq!((read.language.as_str(), read.first), ("zh-CN", pages().len()));
    assert_eq!(read.signature.as_ref().unwrap().der, [0x30, 2, 5, 0]);
    assert_eq!(read.signature.unwrap().date, "20261124030612");
    assert_eq!(read.validation.unwrap().crls, [b"\nendstream"]);
    assert_eq!((read.timestamp.unwrap().end, read.foreign), (whole().len(), None));
}

#[test]
fn contents_take_the_smallest_room_and_lower_case() {
    let room = |room: usize, der: &[u8]| prepare_signature(&pages(), "20261124030612", room).unwrap().fill(der);
    assert!(room(16_384, &[0x30, 0]).is_err(), "more room than needed");
    assert!(room(8_192, &vec![0x30; 9_000]).is_err(), "too little");
    let file = room(8_192, &[0x30, 2, 0xab, 0xcd]).unwrap();
    let upper = String::from_utf8_lossy(&file).find("3002abcd").unwrap();
    let at = file.windows(8).position(|w| w == b"3002abcd").unwrap();
    assert!(upper > 0);
    for (place, byte) in [(at + 4, b'A'), (at + 16_383, b'1'), (at + 3, b'1')] {
        let mut touched = file.clone();
        touched[place] = byte;
        assert!(read(&touched).is_err(), "byte {place} as {}", byte as char);
    }
}

#[test]
fn files_have_one_name_one_stream_and_their_size() {
    assert!(read(&pages_with("/Title(x)", "/Title(y)")).is_ok());
    for (from, to) in [
        ("/UF 5 0 R", "/UF 6 0 R"),
        ("/F 6 0 R/UF 6 0 R", "/F 5 0 R/UF 5 0 R"),
        ("Size 2", "Size 3"),
        ("(b.tsr)4 0 R", "(A.tsr)4 0 R"),
        ("/AF[3 0 R 4 0 R]", "/AF[4 0 R 3 0 R]"),
        ("/Params<</Size 1>>", "/F(//evil/share)/Params<</Size 1>>"),
        // What other readers apply, or take a file from.
        ("/Params<</Size 1>>", "/DP<</Predictor 12/Columns 4>>/Params<</Size 1>>"),
        ("/Params<</Size 1>>", "/DecodeParms<</Predictor 12>>/Params<</Size 1>>"),
        ("/UF(a.json)", "/UF(a.json)/RF<</F[(x)6 0 R]>>"),
        ("/UF(a.json)", "/UF(a.json)/FS/URL"),
        ("/UF(a.json)", "/UF(a.json)/Unix(b)"),
        ("/Title(x)", "/EF<</F 6 0 R/UF 6 0 R>>"),
        ("/Title(x)", "/AF[3 0 R]"),
        ("/Title(x)", "/JS(x)"),
        ("/Title(x)", "/J#53(x)"),
        ("/Title(x)", "/S/GoToR"),
        ("<</Type/Pages/", "<</Linearized 1/Type/Pages/"),
        // A page tree that viewers count in another way.
        ("/Count 1", "/Count 7"),
        ("/Count 1", "/Count 0"),
        ("/Count 1", "/Count 1/Rotate 90"),
        ("/Lang(zh-CN)", "/Lang(zh-CN)/Outlines 7 0 R"),
        ("/Lang(zh-CN)", "/Lang(zh-CN)/OpenAction 7 0 R"),
    ] {
        assert!(read(&pages_with(from, to)).is_err(), "{from} as {to}");
    }
}

#[test]
fn a_file_full_of_keys_or_values_is_bounded() {
    let keys: String = (0..60_000).map(|n| format!("/K{n} 1")).collect();
    assert!(read(&pages_with("/Title(x)", &keys)).is_ok());
    assert!(read(&pages_with("/Title(x)", &format!("/K[{}]", "1 ".repeat(2_000_001)))).is_err());
    let list: Vec<Vec<u8>> = (0..65u8).map(|n| vec![0x30, 1, n]).collect();
    let signed = prepare_signature(&pages(), "20261124030612", 8192).unwrap().fill(&[0x30, 0]).unwrap();
    for certificates in [list, vec![vec![1], vec![1]]] {
        let validation = Validation { certificates, crls: vec![] };
        let file = prepare_timestamp(&signed, &validation, 8192).unwrap().fill(&[0x30, 0]).unwrap();
        assert!(read(&file).unwrap().validation.is_none());
    }
}

proptest! {
    #[test]
    fn invented_bytes_are_refused_without_a_panic(at in 0usize..20_000, with in proptest::collection::vec(any::<u8>(), 0..40), cut in 0usize..40) {
        let file = whole();
        let at = at % file.len();
        let end = (at + cut).min(file.len());
        let touched = [&file[..at], &with, &file[end..]].concat();
        if let Ok(found) = read(&touched) {
            // Whatever is read as whole is what the writer writes.
            prop_assert!(touched == file || found.foreign.is_some() || found.timestamp.is_none() || found.first != pages().len()
                || touched.len() == file.len());
        }
    }

    #[test]
    fn noise_is_refused(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        prop_assert!(read(&bytes).is_err());
    }
}
