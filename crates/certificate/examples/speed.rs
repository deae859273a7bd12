//! How long one certificate takes to draw and to seal, the first and the warm ones (`make bench`).
#![allow(clippy::unwrap_used, missing_docs)]

#[allow(dead_code)]
#[path = "../tests/sheets/mod.rs"]
mod sheets;

use certificate::{
    Fonts, Locale, render,
    seal::{Seal, seal},
};
use evidence::time::Utc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use timestamp::{Authority, DocumentSigner};

fn now() -> Utc {
    Utc(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as i64)
}

fn main() {
    let (fonts, picture) = (Fonts::embedded(), sheets::thumbnail(450, 282));
    let authority = Authority::load(&Authority::create("speed", now()).unwrap(), Box::new(now)).unwrap();
    let made = DocumentSigner::create("speed", now()).unwrap();
    let pem = format!("{}{}{}", made.signer_key_pem, made.signer_cert_pem, made.root_cert_pem);
    let (signer, crls) = (DocumentSigner::from_pem(pem.as_bytes()).unwrap(), [made.crl_der]);
    let roots = [authority.root().clone()];
    let (mut drawn, mut sealed) = (Vec::new(), Vec::new());
    for i in 0..60u64 {
        let mut s = sheets::merchant();
        s.id = format!("019ab3c1-e6f0-7c4e-9f20-{i:012}");
        s.file.as_mut().unwrap().sha256 = format!("{i:064x}");
        let start = Instant::now();
        let pdf = render(&s, Some(&picture), &sheets::attachments(), Locale::Zh, &fonts).unwrap();
        drawn.push(start.elapsed());
        let start = Instant::now();
        let with = Seal { signer: &signer, crls: &crls, stamper: &authority, roots: &roots, at: now() };
        seal(&pdf, &with).unwrap();
        sealed.push(start.elapsed());
    }
    let first = drawn[0] + sealed[0];
    let median = |times: &mut Vec<Duration>| {
        times.sort();
        times[times.len() / 2]
    };
    let (drawn, sealed) = (median(&mut drawn), median(&mut sealed));
    println!("one certificate: first {first:?}; then drawn in {drawn:?} and sealed in {sealed:?} (medians of 60)");
}
