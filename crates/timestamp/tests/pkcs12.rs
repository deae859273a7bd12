//! PKCS#12 files as openssl makes them, and as nobody should.
#![allow(clippy::unwrap_used)]

use std::fs;

use testkit::tsa::Openssl;
use timestamp::{DocumentSigner, Error, is_pkcs12, pkcs12_to_pem};

const EXPORT: &str = "pkcs12 -export -in good.pem -inkey good.key";

/// Bytes of its MAC, at the end.
const MAC: usize = 67;

fn made(openssl: &Openssl, how: &str) -> Vec<u8> {
    openssl.run(&format!("{how} -out made.p12"), &[]);
    fs::read(openssl.dir().join("made.p12")).unwrap()
}

#[test]
fn what_openssl_exports_is_read_and_anything_else_is_refused() {
    let openssl = Openssl::new();
    let whole = made(&openssl, &format!("{EXPORT} -certfile root.pem -passout pass:x"));
    let pem = pkcs12_to_pem(&whole, "x").unwrap();
    let signer = DocumentSigner::from_pem(pem.as_bytes()).unwrap();
    assert_eq!(signer.chain().len(), 2);
    assert!(is_pkcs12(&whole) && !is_pkcs12(pem.as_bytes()));
    // Other orders, passwords, digests, key lengths, iterations; certificates in clear; nothing but the key encrypted.
    for (how, password) in [
        ("-certfile root.pem -passout pass:密码é", "密码é"),
        ("-certfile root.pem -passout pass:", ""),
        ("-certfile root.pem -passout pass:x -macalg sha512 -iter 10000", "x"),
        ("-certfile root.pem -passout pass:x -macalg sha384 -keypbe AES-128-CBC -certpbe AES-192-CBC", "x"),
        ("-certfile root.pem -passout pass:x -certpbe NONE", "x"),
        ("-certfile root.pem -passout pass:x -keypbe NONE -certpbe NONE -nomaciter", "x"),
        // A certificate of somebody else lies beside.
        ("-certfile both.pem -passout pass:x", "x"),
    ] {
        let both = ["mail.pem", "root.pem"].map(|name| fs::read(openssl.dir().join(name)).unwrap()).concat();
        fs::write(openssl.dir().join("both.pem"), both).unwrap();
        let bytes = made(&openssl, &format!("{EXPORT} {how}"));
        assert_eq!(pkcs12_to_pem(&bytes, password).unwrap(), pem, "{how}");
    }

    let refused = |bytes: &[u8], password: &str| pkcs12_to_pem(bytes, password).map(drop).unwrap_err();
    let wrong = refused(&whole, "y").to_string();
    assert!(wrong.contains("the password does not open it"), "{wrong}");
    for cut in [0, 1, 40, whole.len() / 2, whole.len() - 1] {
        assert!(matches!(refused(&whole[..cut], "x"), Error::Structure { .. }), "{cut}");
    }
    let trailed = [&whole[..], b"x"].concat();
    assert!(matches!(refused(&trailed, "x"), Error::Structure { .. }));
    for at in (0..whole.len() - MAC).step_by(97) {
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        pkcs12_to_pem(&flipped, "x").map(drop).unwrap_err();
    }
    assert!(refused(&vec![0x30; (1 << 20) + 1], "x").to_string().contains("more than"));
    let none = refused(&made(&openssl, "pkcs12 -export -nokeys -in good.pem -passout pass:x"), "x").to_string();
    assert!(none.contains("no private key"), "{none}");
    let alone = refused(&made(&openssl, &format!("{EXPORT} -passout pass:x")), "x");
    assert!(matches!(&alone, Error::NoIssuer { issuer } if issuer == "CN=Second-Root"), "{alone}");
    let bare = refused(&made(&openssl, &format!("{EXPORT} -passout pass:x -nomac")), "x").to_string();
    assert!(bare.contains("no MAC"), "{bare}");
    for old in ["-legacy", "-macalg sha1", "-keypbe PBE-SHA1-3DES"] {
        let bytes = made(&openssl, &format!("{EXPORT} -certfile root.pem -passout pass:x {old}"));
        assert!(matches!(refused(&bytes, "x"), Error::OldEncryption { .. }), "{old}");
    }
    // 2,048 iterations at the end of the file become 2^31 - 1.
    let (mut hostile, mac) = (whole.clone(), whole.len() - MAC);
    assert!(hostile[mac] == 0x30 && hostile.ends_with(&[2, 2, 8, 0]));
    hostile.truncate(whole.len() - 4);
    hostile.extend([2, 4, 0x7f, 0xff, 0xff, 0xff]);
    hostile[mac + 1] += 2;
    let length = u16::from_be_bytes([hostile[2], hostile[3]]) + 2;
    hostile[2..4].copy_from_slice(&length.to_be_bytes());
    let refused = refused(&hostile, "x").to_string();
    assert!(refused.contains("2147483647 iterations"), "{refused}");
}
