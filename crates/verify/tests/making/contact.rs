//! `capture-contact`: what a site signed over the order's digest, and what may be wrong with it.

use super::{
    Book,
    capture::{CONTACT, capture, plan, resource},
    der::{Cert, Key, pem},
    world::{Build, Entries, entry},
};
use archive::wacz::{Resource, Writer};
use evidence::{contact, digest};
use std::io::Cursor;

pub fn cases(book: &mut Book) {
    let what = "the site's key signed over the order's digest";
    book.good(CONTACT, "answered", what, |b| contacted(b, |_| (), |_| ()));
    book.good(CONTACT, "another-name", "the certificate is not for the name that was asked for", |b| {
        contacted(b, |h| h.name = "heron.example", |_| ());
    })
    .and(CONTACT, "limited");
    book.good(CONTACT, "another-root", "the certificate is of somebody whom the reader does not trust", |b| {
        let own = |h: &mut Handshake| {
            let mut leaf = Cert::signer("shop.example", 9003, h.key.clone());
            (leaf.purposes, leaf.names) = (None, vec!["shop.example"]);
            h.certificate = leaf.signed_by(&Cert::root("Another root", 9004, Key::p256(202)));
        };
        contacted(b, own, |_| ());
    })
    .and(CONTACT, "limited");
    book.good(CONTACT, "no-roots", "the reader has no roots for web sites", |b| {
        contacted(b, |_| (), |_| ());
        b.trust = ("main", b.world.trust());
    })
    .and(CONTACT, "not_checked");
    book.bad(CONTACT, "another-order", "a handshake over another order's digest", |b| {
        contacted(b, |h| h.random = contact::random(b"another", b"another"), |_| ());
    });
    book.bad(CONTACT, "another-key", "signed by a key that is not the certificate's", |b| {
        contacted(b, |h| h.key = Key::p256(203), |_| ());
    });
    book.bad(CONTACT, "another-version", "no TLS 1.3", |b| contacted(b, |h| h.version = [3, 3], |_| ()));
    book.bad(CONTACT, "another-certificate", "the certificate exchanged after the site signed", |b| {
        contacted(
            b,
            |_| (),
            |proof| {
                let place = proof.windows(12).position(|w| w == b"shop.example").unwrap();
                let last = place + proof[place + 12..].windows(12).position(|w| w == b"shop.example").unwrap() + 12;
                proof[last..last + 12].copy_from_slice(b"shop.exampla");
            },
        );
    });
    book.bad(CONTACT, "after", "bytes after the signature", |b| contacted(b, |_| (), |proof| proof.push(0)));
    book.bad(CONTACT, "cut", "without the signature", |b| {
        contacted(b, |_| (), |proof| proof.truncate(proof.len() - 80));
    });
}

/// A handshake of its own making: P-256, TLS_AES_128_GCM_SHA256.
pub(super) struct Handshake {
    pub(super) random: [u8; 32],
    pub(super) name: &'static str,
    pub(super) version: [u8; 2],
    pub(super) key: Key,
    pub(super) certificate: Vec<u8>,
}

fn root() -> Cert {
    Cert::root("Example web root", 9001, Key::p256(200))
}

impl Handshake {
    fn over(order: &Entries) -> Self {
        let key = Key::p256(201);
        let mut leaf = Cert::signer("shop.example", 9002, key.clone());
        (leaf.purposes, leaf.names) = (Some((false, vec!["1.3.6.1.5.5.7.3.1"])), vec!["shop.example"]);
        let random = contact::random(entry(order, "record.json"), entry(order, "checkpoint.tsr"));
        Self { random, name: "shop.example", version: [3, 4], key, certificate: leaf.signed_by(&root()) }
    }

    fn proof(&self) -> Vec<u8> {
        let vec2 = |b: &[u8]| [&(b.len() as u16).to_be_bytes()[..], b].concat();
        let vec3 = |b: &[u8]| [&(b.len() as u32).to_be_bytes()[1..], b].concat();
        let extension = |kind: u16, body: &[u8]| [&kind.to_be_bytes()[..], &vec2(body)].concat();
        let message = |kind: u8, body: &[u8]| [&[kind][..], &vec3(body)].concat();
        let sni = extension(0, &vec2(&[&[0][..], &vec2(self.name.as_bytes())].concat()));
        let hello = [&[3, 3][..], &self.random, &[0], &vec2(&[0x13, 1]), &[1, 0], &vec2(&sni)].concat();
        let versions = vec2(&extension(43, &self.version));
        let server = [&[3, 3][..], &[7; 32], &[0, 0x13, 1, 0], &versions].concat();
        let list = vec3(&[&vec3(&self.certificate)[..], &[0, 0]].concat());
        let transcript = [
            message(1, &hello),
            message(2, &server),
            message(8, &vec2(&extension(16, &vec2(b"\x02h2")))),
            message(11, &[&[0][..], &list].concat()),
        ]
        .concat();
        let hash = digest::sha256(&transcript);
        let signed = [&[b' '; 64][..], b"TLS 1.3, server CertificateVerify\0", &hash].concat();
        let verify = [&[4, 3][..], &vec2(&self.key.ecdsa(&signed))].concat();
        [transcript, message(15, &verify)].concat()
    }
}

/// A capture with one contact proof.
pub(super) fn contacted(
    b: &mut Build,
    change: impl Fn(&mut Handshake) + 'static,
    spoil: impl Fn(&mut Vec<u8>) + 'static,
) {
    let add = move |w: &mut Writer<Cursor<Vec<u8>>>, order: &Entries| {
        let mut handshake = Handshake::over(order);
        change(&mut handshake);
        let mut proof = handshake.proof();
        spoil(&mut proof);
        let one = resource("contact", "application/octet-stream", proof);
        w.resource(Resource { label: Some("shop-example".into()), ..one }).unwrap();
    };
    capture(b, &plan(|p| p.add = Box::new(add)));
    let mut trust = b.world.trust();
    trust.push(("web-example.pem".into(), pem(&root().signed_by(&root())).into_bytes()));
    b.trust = ("web", trust);
}
