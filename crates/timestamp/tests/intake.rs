//! What an authority answers in BER becomes the one DER form, or is refused.
#![allow(clippy::unwrap_used, missing_docs)]

use evidence::{
    time::{SECOND, Utc},
    token::{Token, normalize_response},
};
use timestamp::Authority;

fn token() -> Vec<u8> {
    let now = Utc(1_795_489_500 * SECOND);
    let material = Authority::create("Test", now).unwrap();
    Authority::load(&material, Box::new(move || now)).unwrap().stamp(b"statement").unwrap()
}

/// Tag, body and rest of the first DER element.
fn element(der: &[u8]) -> (u8, &[u8], &[u8]) {
    let (size, from) = match der[1] {
        0x81 => (usize::from(der[2]), 3),
        0x82 => (usize::from(der[2]) << 8 | usize::from(der[3]), 4),
        short => (usize::from(short), 2),
    };
    (der[0], &der[from..from + size], &der[from + size..])
}

fn children(mut body: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut out = Vec::new();
    while !body.is_empty() {
        let (tag, inside, rest) = element(body);
        out.push((tag, inside.to_vec()));
        body = rest;
    }
    out
}

/// The same value as loosely as BER allows: indefinite lengths, OCTET STRINGs in pieces, lengths in four octets.
fn loose(tag: u8, body: &[u8]) -> Vec<u8> {
    let long = |tag: u8, body: &[u8]| [&[tag, 0x84], &(body.len() as u32).to_be_bytes()[..], body].concat();
    if tag & 0x20 != 0 {
        let inside: Vec<u8> = children(body).iter().flat_map(|(t, b)| loose(*t, b)).collect();
        [&[tag, 0x80], &inside[..], &[0, 0]].concat()
    } else if tag == 4 && body.len() > 3 {
        let (first, second) = body.split_at(body.len() / 2);
        [&[0x24, 0x80], &long(4, first)[..], &[4, second.len() as u8], second, &[0, 0]].concat()
    } else {
        long(tag, body)
    }
}

fn loosened(der: &[u8]) -> Vec<u8> {
    let (tag, body, _) = element(der);
    loose(tag, body)
}

#[test]
fn ber_is_encoded_again_as_the_der_that_was_signed() {
    let tsr = token();
    let ber = loosened(&tsr);
    assert!(Token::parse_tsr(&ber).is_err());
    assert_eq!(normalize_response(&ber), Ok(tsr));
}

#[test]
fn what_is_not_signed_is_dropped() {
    let tsr = token();
    // SEQUENCE{status, SEQUENCE{oid, [0]{SEQUENCE{..., SET{SEQUENCE SignerInfo}}}}}
    let der = |tag: u8, parts: &[(u8, Vec<u8>)]| {
        let body: Vec<u8> = parts.iter().flat_map(|(t, b)| wrap(*t, b)).collect();
        (tag, body)
    };
    let mut top = children(element(&tsr).1);
    let mut info = children(&top[1].1);
    let explicit = children(&info[1].1);
    let mut signed = children(&explicit[0].1);
    let mut signer = children(&children(&signed.pop().unwrap().1)[0].1);
    let attribute = wrap(0x30, &[&[6, 3, 0x2a, 3, 4][..], &[0x31, 2, 5, 0]].concat());
    signer.push((0xa1, attribute));
    signed.push(der(0x31, &[der(0x30, &signer)]));
    info[1] = der(0xa0, &[der(0x30, &signed)]);
    top[1] = der(0x30, &info);
    let (tag, body) = der(0x30, &top);
    let with = wrap(tag, &body);
    assert!(Token::parse_tsr(&with).is_err());
    assert_eq!(normalize_response(&with), Ok(tsr.clone()));
    assert_eq!(normalize_response(&loosened(&with)), Ok(tsr));
}

fn wrap(tag: u8, body: &[u8]) -> Vec<u8> {
    match body.len() {
        n @ 0..0x80 => [&[tag, n as u8], body].concat(),
        n @ 0x80..0x100 => [&[tag, 0x81, n as u8], body].concat(),
        n => [&[tag, 0x82, (n >> 8) as u8, n as u8], body].concat(),
    }
}

#[test]
fn bad_answers_are_refused() {
    let tsr = token();
    let ber = loosened(&tsr);
    let end = ber.len();
    let refused = |bytes: Vec<u8>| normalize_response(&bytes).unwrap_err().to_string();
    for (what, bytes) in [
        ("a byte after it", [&ber[..], &[0]].concat()),
        ("an end too early", ber[..end - 2].to_vec()),
        ("half of it", ber[..end / 2].to_vec()),
        ("an indefinite primitive", [&[0x30, 0x80, 2, 0x80, 0, 0], &ber[2..]].concat()),
        ("status 2, rejection", [0x30, 5, 0x30, 3, 2, 1, 2].to_vec()),
        ("no token", [0x30, 5, 0x30, 3, 2, 1, 0].to_vec()),
        ("nested without end", [0x30, 0x80].repeat(10_000)),
        ("a length of eight octets", [&[0x30, 0x88, 0, 0, 0, 0, 0, 0, 0, 1], &ber[2..]].concat()),
        ("too large", vec![0x30; 70_000]),
    ] {
        assert!(!refused(bytes).is_empty(), "{what}");
    }
    // A changed signed byte does not come in, whatever the encoding.
    for at in (0..tsr.len()).step_by(7) {
        let mut bad = tsr.clone();
        bad[at] ^= 1;
        if let Ok(taken) = normalize_response(&bad) {
            assert_eq!(taken, tsr, "byte {at}");
        }
    }
}
