//! A sealed certificate, as strangers' programs see it, and what happens to one that was touched.
#![allow(clippy::unwrap_used)]

#[allow(dead_code)]
mod sheets;

use archive::pdf;
use certificate::{
    Fonts, Locale, render,
    seal::{Seal, seal},
};
use evidence::{time::Utc, token::Root};
use std::fs;
use timestamp::{Authority, DocumentSigner};

struct Keys {
    signer: DocumentSigner,
    authority: Authority,
    crls: Vec<Vec<u8>>,
    roots: Vec<Root>,
}

fn now() -> Utc {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Utc(i64::try_from(now.as_micros()).unwrap())
}

fn keys() -> Keys {
    let material = Authority::create("测试", now()).unwrap();
    let own = DocumentSigner::create("测试", now()).unwrap();
    let pem = format!("{}{}{}", own.signer_key_pem, own.signer_cert_pem, own.root_cert_pem);
    let authority = Authority::load(&material, Box::new(now)).unwrap();
    Keys {
        signer: DocumentSigner::from_pem(pem.as_bytes()).unwrap(),
        roots: vec![authority.root().clone()],
        crls: vec![own.crl_der, material.crl_der],
        authority,
    }
}

fn drawn() -> Vec<u8> {
    let attached =
        vec![("record.json".to_owned(), b"{\"a\":1}".repeat(400)), ("statement.json".to_owned(), b"{}".to_vec())];
    let thumbnail = sheets::thumbnail(320, 200);
    render(&sheets::full(), Some(&thumbnail), &attached, Locale::Zh, &Fonts::embedded()).unwrap()
}

fn sealed(keys: &Keys, pdf: &[u8]) -> Vec<u8> {
    let with = Seal { signer: &keys.signer, crls: &keys.crls, stamper: &keys.authority, roots: &keys.roots, at: now() };
    seal(pdf, &with).unwrap()
}

#[test]
fn a_sealed_certificate_reads_back_whole() {
    let keys = keys();
    let drawn = drawn();
    let file = sealed(&keys, &drawn);
    assert!(file.starts_with(&drawn));
    let read = pdf::read(&file).unwrap();
    assert_eq!(read.first, drawn.len());
    assert_eq!(read.attachments.len(), 2);
    assert_eq!(read.attachments[0].1, b"{\"a\":1}".repeat(400));
    assert_eq!(read.timestamp.unwrap().end, file.len());
    assert_eq!(read.foreign, None);
    let validation = read.validation.unwrap();
    assert_eq!((validation.certificates.len(), validation.crls.len()), (4, 2));
    fs::write(std::env::temp_dir().join("sealed.pdf"), &file).unwrap();
    fs::write(std::env::temp_dir().join("r1.der"), &keys.signer.root().der).unwrap();
    fs::write(std::env::temp_dir().join("r2.der"), &keys.roots[0].der).unwrap();
}
