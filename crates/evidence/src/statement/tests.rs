#![allow(clippy::unwrap_used)]
use super::*;
use crate::digest::FileDigests;

fn disclosures(kind: Kind) -> Vec<Disclosure> {
    kind.claims()
        .iter()
        .enumerate()
        .map(|(i, name)| Disclosure::new(&[i as u8; 16], name, Value::Null).unwrap())
        .collect()
}

fn image() -> Statement {
    Statement {
        kind: Kind::Image,
        id: "019ab3c1-e6f0-7c4e-9f20-5d1e8a6b4c37".into(),
        ledger: "quezao.local/00".into(),
        received_at: Utc(0x019a_b3c1_e6f0 * 1000 + 7),
        clock: Clock::Unchecked,
        provenance: Some(Provenance::UserSupplied),
        operator_relation: Some(OperatorRelation::SamePerson),
        software: Software { name: "quezao".into(), version: "0".into(), commit: "0".into() },
        file: Some(File {
            digests: FileDigests::of(b"picture"),
            media_type: "image/jpeg".into(),
            custody: Custody::Held,
        }),
        claims: disclosures(Kind::Image).iter().map(|d| (d.name().to_owned(), d.digest())).collect(),
    }
}

fn read(value: &Value) -> Result<Statement> {
    Statement::parse(&json::to_bytes("test", value).unwrap())
}

#[test]
fn a_statement_reads_back() {
    let bytes = image().to_bytes().unwrap();
    assert_eq!(Statement::parse(&bytes).unwrap(), image());
}

#[test]
fn wrong_members_are_refused_and_unknown_ones_need_a_newer_reader() {
    let good = image().to_value();
    let with = |f: &dyn Fn(&mut Value)| {
        let mut v = good.clone();
        f(&mut v);
        read(&v)
    };
    let unknown = |r: Result<Statement>| matches!(r, Err(Error::Unknown { .. }));
    assert!(unknown(with(&|v| v["schema"] = "quezao/statement/v2".into())));
    assert!(unknown(with(&|v| v["kind"] = "observation".into())));
    assert!(unknown(with(&|v| v["provenance"] = "node-captured".into())));
    assert!(unknown(with(&|v| v["novelty"] = 1.into())));
    let refused = |r: Result<Statement>| matches!(r, Err(Error::Malformed { .. }));
    assert!(refused(with(&|v| v["gen_time"] = "x".into())));
    assert!(refused(with(&|v| v["provenance"] = "found".into())));
    assert!(refused(with(&|v| v["provenance"] = "platform-captured".into())));
    assert!(refused(with(&|v| v["file"]["custody"] = "declared".into())));
    assert!(refused(with(&|v| v["file"]["size"] = 0.into())));
    assert!(refused(with(&|v| v["received_at"] = "2026-11-24T03:05:00.000000Z".into())));
    assert!(refused(with(&|v| v["id"] = "019ab3c1-e6f0-4c4e-9f20-5d1e8a6b4c37".into())));
    assert!(refused(with(&|v| v["claims"]["title"]["_sd"] = json::json!([]))));
    assert!(refused(with(&|v| v["claims"]["title"]["_sd"] = json::json!(["a", "b"]))));
    assert!(refused(with(&|v| drop(v["claims"].as_object_mut().unwrap().remove("title")))));
}

#[test]
fn one_slot_opens_only_as_what_it_committed_to() {
    let statement = image();
    let all = disclosures(Kind::Image);
    assert_eq!(statement.open(&all).unwrap().len(), Kind::Image.claims().len());
    let other = Disclosure::new(&[9; 16], "owner_name", json::json!("他人")).unwrap();
    assert!(matches!(statement.open(&[other]), Err(Error::Mismatch { .. })));
    let alien = Disclosure::new(&[9; 16], "operator_name", json::json!("x")).unwrap();
    assert!(matches!(statement.open(&[alien]), Err(Error::Malformed { .. })));
    assert!(statement.open(&[all[0].clone(), all[0].clone()]).is_err());
}

#[test]
fn nobody_attests_his_own_name() {
    let statement = Statement {
        kind: Kind::Attestation,
        provenance: None,
        operator_relation: Some(OperatorRelation::IndependentDeclared),
        file: None,
        claims: disclosures(Kind::Attestation).iter().map(|d| (d.name().to_owned(), d.digest())).collect(),
        ..image()
    };
    assert_eq!(Statement::parse(&statement.to_bytes().unwrap()).unwrap(), statement);
    let same = Some(OperatorRelation::SamePerson);
    assert!(Statement { operator_relation: same, ..statement.clone() }.to_bytes().is_err());
    assert!(Statement { provenance: Some(Provenance::UserSupplied), ..statement }.to_bytes().is_err());
}

#[test]
fn what_a_kind_always_tells_fits_together() {
    let told = |kind: Kind, claims: Value| {
        let opened = claims.as_object().unwrap().iter().map(|(n, v)| (n.clone(), v.clone())).collect();
        Statement { kind, ..image() }.check_told(&opened)
    };
    let refs = json::json!([{"ledger": "a/0", "id": "b", "leaf": "c"}]);
    let licence = |from: &str, until: Value| {
        let claims = json::json!({"licensee_name": "x", "licence_from": from, "licence_until": until, "refs": refs});
        told(Kind::Licence, claims)
    };
    licence("2026-01-01", Value::Null).unwrap();
    licence("2026-01-01", "2026-01-01".into()).unwrap();
    licence("2026-01-02", "2026-01-01".into()).unwrap_err();
    told(Kind::Licence, json::json!({"licensee_name": "x", "licence_from": "2026-01-01", "refs": []})).unwrap_err();
    let attested = |how: &str, by: Value, at: &str| {
        let claims = json::json!({"owner_kind": "individual", "owner_name": "x", "attested_how": how, "attested_by": by, "attested_at": at});
        told(Kind::Attestation, claims)
    };
    let day = image().received_at.to_micros()[..10].to_owned();
    attested("documents", Value::Null, &day).unwrap();
    attested("provider", "y".into(), &day).unwrap();
    attested("provider", Value::Null, &day).unwrap_err();
    attested("documents", Value::Null, "2099-01-01").unwrap_err();
    told(Kind::Revocation, json::json!({"refs": refs})).unwrap_err();
}

proptest::proptest! {
    #[test]
    fn a_changed_byte_never_reads_as_the_same(at in 0usize..1500, to: u8) {
        let bytes = image().to_bytes().unwrap();
        let mut changed = bytes.clone();
        let at = at % changed.len();
        changed[at] = to;
        if let Ok(read) = Statement::parse(&changed) {
            assert_eq!(read.to_bytes().unwrap(), changed);
            assert!(changed == bytes || read != image());
        }
    }
}
