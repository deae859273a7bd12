//! Tokens across implementations: OpenSSL reads ours, we read OpenSSL's, and neither reads a forgery.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs)]

use cms::{content_info::CmsVersion, signed_data::SignerInfo};
use der::{
    Decode, Encode,
    asn1::{ObjectIdentifier, OctetString},
};
use evidence::{
    Error,
    time::{SECOND, Utc},
    token::{
        Binding, Root, Token,
        asn1::{ContentInfo, SigningCertificateV2, Tsr, oid},
        normalize_response, wrap_tsr,
    },
};
use spki::AlgorithmIdentifierOwned;
use std::{fs, path::Path, process::Command};
use timestamp::{Authority, Material};

const NOW: i64 = 1_795_489_500;

fn openssl(dir: &Path, arguments: &str) -> (bool, String) {
    let out = Command::new("openssl").args(arguments.split(' ')).current_dir(dir).output().unwrap();
    (out.status.success(), String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned())
}

fn run(dir: &Path, arguments: &str) {
    let (ok, text) = openssl(dir, arguments);
    assert!(ok, "openssl {arguments}: {text}");
}

fn embedded() -> (Material, Authority, Root) {
    let material = Authority::create("测试 Test", Utc(NOW * SECOND)).unwrap();
    let authority = Authority::load(&material, Box::new(|| Utc(NOW * SECOND + 123_456))).unwrap();
    let root = Root::from_pem(material.root_cert_pem.as_bytes()).unwrap();
    (material, authority, root)
}

fn check(tsr: &[u8], data: &[u8], roots: &[Root]) -> Result<Binding, Error> {
    let token = Token::parse_tsr(tsr)?;
    token.check_imprint(data)?;
    let binding = token.check_signature()?;
    token.check_path(roots)?;
    Ok(binding)
}

#[test]
fn openssl_accepts_the_embedded_authority() {
    let dir = tempfile::tempdir().unwrap();
    let (material, authority, root) = embedded();
    let tsr = authority.stamp(b"statement").unwrap();
    assert_eq!(check(&tsr, b"statement", std::slice::from_ref(&root)), Ok(Binding::V2));
    let token = Token::parse_tsr(&tsr).unwrap();
    assert_eq!((token.gen_time_text.as_str(), token.accuracy), ("20261124030500.123Z", SECOND));
    assert_eq!(token.imprint_algorithm(), "SHA-256");
    assert!(token.signer_name().contains("平台自签时间标记 测试 Test"), "{}", token.signer_name());

    fs::write(dir.path().join("data"), b"statement").unwrap();
    fs::write(dir.path().join("tsr"), &tsr).unwrap();
    fs::write(dir.path().join("root.pem"), &material.root_cert_pem).unwrap();
    fs::write(dir.path().join("crl"), &material.crl_der).unwrap();
    run(dir.path(), &format!("ts -verify -data data -in tsr -CAfile root.pem -attime {NOW}"));
    run(dir.path(), "crl -inform DER -in crl -CAfile root.pem -noout");

    for digest in ["sha256", "sha384", "sha512", "sm3"] {
        run(dir.path(), &format!("ts -query -data data -{digest} -cert -out query"));
        let answer = authority.respond(&fs::read(dir.path().join("query")).unwrap()).unwrap();
        fs::write(dir.path().join("answer"), &answer).unwrap();
        run(dir.path(), &format!("ts -verify -queryfile query -in answer -CAfile root.pem -attime {NOW}"));
        let tsr = normalize_response(&answer).unwrap();
        assert_eq!(check(&tsr, b"statement", std::slice::from_ref(&root)), Ok(Binding::V2), "{digest}");
    }
    run(dir.path(), "ts -query -data data -sha1 -out query");
    let refused = authority.respond(&fs::read(dir.path().join("query")).unwrap()).unwrap();
    assert!(matches!(normalize_response(&refused), Err(Error::Mismatch { .. })));
}

#[test]
fn no_byte_of_a_token_is_free() {
    let (_, authority, root) = embedded();
    let tsr = authority.stamp(b"statement").unwrap();
    for at in 0..tsr.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut forged = tsr.clone();
            forged[at] ^= flip;
            assert!(check(&forged, b"statement", std::slice::from_ref(&root)).is_err(), "byte {at} ^ {flip:#x}");
        }
    }
    assert!(Token::parse_tsr(&[tsr.as_slice(), &[0]].concat()).is_err());
    assert!(matches!(check(&tsr, b"other", &[root]), Err(Error::Mismatch { .. })));
}

#[test]
fn another_root_is_missing_and_an_expired_signer_contradicts() {
    let (material, authority, root) = embedded();
    let (_, _, other) = embedded();
    let tsr = authority.stamp(b"s").unwrap();
    let roots = [other.clone(), root.clone()];
    assert_eq!(Token::parse_tsr(&tsr).unwrap().check_path(&roots), Ok(&roots[1]));
    assert!(matches!(check(&tsr, b"s", &[other]), Err(Error::Missing { .. })));
    assert!(matches!(check(&tsr, b"s", &[]), Err(Error::Missing { .. })));
    for years in [-1, 21, 26] {
        let late = Authority::load(&material, Box::new(move || Utc((NOW + years * 31_557_600) * SECOND))).unwrap();
        let refused = late.stamp(b"s").unwrap_err();
        assert!(matches!(refused, timestamp::Error::Evidence(Error::Mismatch { .. })), "{refused}");
    }
}

const CONFIG: &str = "\
[req]\ndistinguished_name=dn\n[dn]\n[ca]\nbasicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign\n\
subjectKeyIdentifier=hash\n[tsa]\nextendedKeyUsage=critical,timeStamping\nkeyUsage=critical,digitalSignature\n\
[lax]\nextendedKeyUsage=timeStamping\n[two]\nextendedKeyUsage=critical,timeStamping,codeSigning\n\
[ts]\nserial=serial\ncrypto_device=builtin\nsigner_cert=tsa.pem\ncerts=ca.pem\nsigner_key=tsa.key\n\
default_policy=1.2.3.4\ndigests=sha256,sha384,sha512,sm3\naccuracy=secs:1,millisecs:500,microsecs:100\n\
ess_cert_id_chain=no\ness_cert_id_alg=sha1\n";

/// An authority made by OpenSSL, and its root.
fn foreign(dir: &Path, key: &str, section: &str) -> Root {
    fs::write(dir.join("conf"), CONFIG).unwrap();
    fs::write(dir.join("serial"), "01\n").unwrap();
    fs::write(dir.join("data"), b"statement").unwrap();
    run(
        dir,
        &format!(
            "req -x509 -config conf -extensions ca -newkey {key} -nodes -keyout ca.key -subj /CN=CA -days 9 -out ca.pem"
        ),
    );
    run(dir, &format!("req -new -config conf -newkey {key} -nodes -keyout tsa.key -subj /CN=TSA -out csr"));
    run(
        dir,
        &format!(
            "x509 -req -in csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 9 -extfile conf -extensions {section} -out tsa.pem"
        ),
    );
    Root::from_pem(&fs::read(dir.join("ca.pem")).unwrap()).unwrap()
}

fn reply(dir: &Path, imprint: &str, signer: &str) -> Vec<u8> {
    run(dir, &format!("ts -query -data data -{imprint} -cert -out query"));
    run(dir, &format!("ts -reply -config conf -section ts -queryfile query -{signer} -out answer"));
    fs::read(dir.join("answer")).unwrap()
}

#[test]
fn tokens_of_openssl_are_accepted() {
    let keys = ["rsa:2048", "ec -pkeyopt ec_paramgen_curve:P-256", "ec -pkeyopt ec_paramgen_curve:P-384"];
    for key in keys {
        let dir = tempfile::tempdir().unwrap();
        let root = foreign(dir.path(), key, "tsa");
        for digest in ["sha256", "sha384", "sha512"] {
            let tsr = normalize_response(&reply(dir.path(), digest, digest)).unwrap();
            assert_eq!(Token::parse_tsr(&tsr).unwrap().accuracy, 1_500_100);
            let checked = check(&tsr, b"statement", std::slice::from_ref(&root));
            assert_eq!(checked, Ok(Binding::V1Sha1), "{key} {digest}");
            assert_eq!(
                check(&tsr, b"statement", &[embedded().2]),
                Err(Error::Missing {
                    what: "path of the signing certificate",
                    missing: "a trusted root that it leads to".into(),
                })
            );
        }
        // ESSCertIDv2 with the default digest left out, and with another spelled out.
        for ess in ["sha256", "sha384", "sha512"] {
            let conf = CONFIG.replace("ess_cert_id_alg=sha1", &format!("ess_cert_id_alg={ess}"));
            fs::write(dir.path().join("conf"), conf).unwrap();
            let tsr = normalize_response(&reply(dir.path(), "sha256", "sha256")).unwrap();
            assert_eq!(check(&tsr, b"statement", std::slice::from_ref(&root)), Ok(Binding::V2), "{key} {ess}");
        }
        let tsr = normalize_response(&reply(dir.path(), "sha256", "sha256")).unwrap();
        for at in 0..tsr.len() {
            let mut forged = tsr.clone();
            forged[at] ^= 1;
            assert!(check(&forged, b"statement", std::slice::from_ref(&root)).is_err(), "{key}: byte {at}");
        }
        // SM3 and SHA-256 are equally long: the algorithm tells them apart.
        let tsr = normalize_response(&reply(dir.path(), "sm3", "sha256")).unwrap();
        assert_eq!(Token::parse_tsr(&tsr).unwrap().imprint_algorithm(), "SM3");
        let (sm3, sha256) =
            (b"\x06\x08\x2a\x81\x1c\xcf\x55\x01\x83\x11", b"\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01");
        assert!(tsr.windows(sm3.len()).any(|w| w == sm3) && tsr.windows(sha256.len()).any(|w| w == sha256));
    }
}

#[test]
fn a_lax_extended_key_usage_is_refused() {
    for section in ["lax", "two"] {
        let dir = tempfile::tempdir().unwrap();
        foreign(dir.path(), "ec -pkeyopt ec_paramgen_curve:P-256", section);
        run(dir.path(), "ts -query -data data -sha256 -cert -out query");
        let (made, _) = openssl(dir.path(), "ts -reply -config conf -section ts -queryfile query -sha256 -out answer");
        if made {
            let refused = normalize_response(&fs::read(dir.path().join("answer")).unwrap());
            assert!(matches!(refused, Err(Error::Malformed { .. } | Error::Mismatch { .. })), "{section}: {refused:?}");
        }
    }
}

#[test]
fn wrapping_is_what_parsing_takes_off() {
    let (_, authority, _) = embedded();
    let tsr = authority.stamp(b"s").unwrap();
    let token = &tsr[9..];
    assert_eq!(wrap_tsr(token), tsr);
}

/// What a reader says of a good token that was changed in one place.
fn changed(change: impl FnOnce(&mut ContentInfo)) -> Result<Binding, Error> {
    let (_, authority, root) = embedded();
    let mut tsr = Tsr::from_der(&authority.stamp(b"s").unwrap()).unwrap();
    change(&mut tsr.token);
    check(&tsr.to_der().unwrap(), b"s", &[root])
}

fn signer(token: &mut ContentInfo, change: impl FnOnce(&mut SignerInfo)) {
    let mut info = token.content.signer_infos.as_slice()[0].clone();
    change(&mut info);
    token.content.signer_infos = vec![info].try_into().unwrap();
}

fn is_malformed(found: &Result<Binding, Error>) -> bool {
    matches!(found, Err(Error::Malformed { .. }))
}

#[test]
fn unsigned_parts_have_one_form() {
    assert_eq!(changed(|_| {}), Ok(Binding::V2));
    let two = changed(|t| {
        let one = t.content.signer_infos.as_slice()[0].clone();
        let other = SignerInfo { signature: OctetString::new(*b"other").unwrap(), ..one.clone() };
        t.content.signer_infos = vec![one, other].try_into().unwrap();
    });
    assert!(is_malformed(&two), "{two:?}");
    let none = changed(|t| t.content.signer_infos = Vec::new().try_into().unwrap());
    assert!(is_malformed(&none), "{none:?}");
    let version = changed(|t| t.content.version = 1);
    assert!(is_malformed(&version), "{version:?}");
    let version = changed(|t| signer(t, |s| s.version = CmsVersion::V3));
    assert!(is_malformed(&version), "{version:?}");
    let unsigned = changed(|t| signer(t, |s| s.unsigned_attrs = s.signed_attrs.clone()));
    assert!(is_malformed(&unsigned), "{unsigned:?}");
    let digests = changed(|t| {
        let one = t.content.digest_algorithms.as_slice()[0].clone();
        let other = AlgorithmIdentifierOwned { oid: oid::SHA512, parameters: None };
        t.content.digest_algorithms = vec![one, other].try_into().unwrap();
    });
    assert!(is_malformed(&digests), "{digests:?}");
    let bare = changed(|t| t.content.certificates = None);
    assert!(is_malformed(&bare), "{bare:?}");
    let unknown =
        changed(|t| signer(t, |s| s.signature_algorithm.oid = ObjectIdentifier::new_unwrap("1.2.156.10197.1.501")));
    assert!(matches!(unknown, Err(Error::Unknown { .. })), "{unknown:?}");
}

#[test]
fn the_signer_must_be_bound_by_its_own_hash() {
    let attribute = |id| {
        move |s: &mut SignerInfo| {
            let kept: Vec<_> = s.signed_attrs.iter().flat_map(|a| a.iter()).filter(|a| a.oid != id).cloned().collect();
            s.signed_attrs = Some(kept.try_into().unwrap());
        }
    };
    for id in [oid::CONTENT_TYPE, oid::MESSAGE_DIGEST, oid::SIGNING_CERTIFICATE_V2] {
        let without = changed(|t| signer(t, attribute(id)));
        assert!(is_malformed(&without), "{id}: {without:?}");
    }
    // Another certificate of the same key and names has another hash.
    let wrong = changed(|t| {
        signer(t, |s| {
            let mut attributes = s.signed_attrs.clone().unwrap().into_vec();
            let at = attributes.iter().position(|a| a.oid == oid::SIGNING_CERTIFICATE_V2).unwrap();
            let mut list: SigningCertificateV2 = attributes[at].values.as_slice()[0].decode_as().unwrap();
            list.certs[0].cert_hash = OctetString::new([7; 32]).unwrap();
            attributes[at].values = vec![der::Any::encode_from(&list).unwrap()].try_into().unwrap();
            s.signed_attrs = Some(attributes.try_into().unwrap());
        });
    });
    assert!(matches!(wrong, Err(Error::Mismatch { what: "ESSCertIDv2", .. })), "{wrong:?}");
}
