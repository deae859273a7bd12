//! A platform that forges: it holds its ledger's key and its time authority, and signs and stamps what it likes.
//!
//! Nothing here is used to make evidence; salts and record numbers are as good as a forgery needs.

use evidence::{
    checkpoint::{self, Checkpoint},
    cosignature::Cosigner,
    digest::{self, FileDigests},
    disclosure::{self, Disclosure},
    hex,
    json::{self, Value, json},
    merkle,
    note::{Note, Signer},
    proof::TlogProof,
    record::{Record, Timestamp, leaf_hash},
    statement::{Clock, Custody, File, Kind, OperatorRelation, Provenance, Software, Statement},
    time::{SECOND, Utc},
    token::Token,
};
use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};
use timestamp::Authority;

pub(super) type Entries = Vec<(String, Vec<u8>)>;
pub(super) type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// A ledger's key, its name, and a time authority.
pub(super) struct Platform {
    pub signer: Arc<Signer>,
    pub authority: Arc<Authority>,
    pub origin: String,
}

/// A record, ready for a ledger, and what opens it.
#[derive(Clone)]
pub(super) struct Made {
    pub statement: Vec<u8>,
    pub record: Vec<u8>,
    pub tokens: Vec<Vec<u8>>,
    pub disclosures: Vec<u8>,
}

impl Platform {
    /// One that nobody knows: own key, own ledger, own authority under any name.
    pub(super) fn unknown(seed: u8, ledger: &str, authority: &str) -> Result<(Self, String)> {
        let seed = digest::sha256(&[&[seed][..], b"quezao demo"].concat());
        let public = Signer::from_seed("quezao", &seed)?.verifier_key();
        let origin = checkpoint::origin(ledger, public.public_key().try_into()?)?;
        let material = Authority::create(authority, now().plus(-SECOND))?;
        let root = material.root_cert_pem.clone();
        let authority = Arc::new(Authority::load(&material, Box::new(now))?);
        Ok((Self { signer: Arc::new(Signer::from_seed(&origin, &seed)?), authority, origin }, root))
    }

    /// Leaf 0 of this ledger.
    pub(super) fn operator(&self, name: &str) -> Result<Made> {
        let claims = [("operator_kind", json!("enterprise")), ("operator_name", json!(name))];
        let (statement, disclosures) = self.statement(Kind::Operator, None, &claims)?;
        self.stamped(&statement, &disclosures)
    }

    /// A record of an image with this owner.
    pub(super) fn image(&self, owner: &str, digests: FileDigests) -> Result<Made> {
        let (statement, disclosures) = self.image_statement(owner, digests)?;
        self.stamped(&statement, &disclosures)
    }

    pub(super) fn image_statement(&self, owner: &str, digests: FileDigests) -> Result<(Statement, Vec<Disclosure>)> {
        let file = File { digests, media_type: "image/png".into(), custody: Custody::Held };
        let claims = [("owner_kind", json!("individual")), ("owner_name", json!(owner))];
        self.statement(Kind::Image, Some(file), &claims)
    }

    /// A statement of `kind`; claims that are not given commit to `null`.
    pub(super) fn statement(
        &self,
        kind: Kind,
        file: Option<File>,
        claims: &[(&str, Value)],
    ) -> Result<(Statement, Vec<Disclosure>)> {
        let received_at = now();
        let seed = digest::sha256(format!("{}{}{claims:?}", self.origin, received_at.0).as_bytes());
        let tail = hex::encode(&seed[..6]);
        let millis = received_at.0 / 1000;
        let id = format!("{:08x}-{:04x}-7000-8000-{tail}", millis >> 16, millis & 0xffff);
        let mut salt = [0; 16];
        salt.copy_from_slice(&seed[16..]);
        let mut disclosures = Vec::new();
        for name in kind.claims() {
            salt[0] = salt[0].wrapping_add(1);
            let value = claims.iter().find(|c| c.0 == name).map_or(Value::Null, |c| c.1.clone());
            disclosures.push(Disclosure::new(&salt, name, value)?);
        }
        let statement = Statement {
            kind,
            id,
            ledger: self.origin.clone(),
            received_at,
            clock: Clock::Unchecked,
            provenance: match kind {
                Kind::Operator => None,
                Kind::Order | Kind::Capture => Some(Provenance::ApplicantOperated),
                _ => Some(Provenance::UserSupplied),
            },
            operator_relation: (kind != Kind::Operator).then_some(OperatorRelation::SamePerson),
            software: Software { name: "quezao".into(), version: "0".into(), commit: "0".into() },
            file,
            claims: disclosures.iter().map(|d| (d.name().to_owned(), d.digest())).collect(),
        };
        Ok((statement, disclosures))
    }

    pub(super) fn stamped(&self, statement: &Statement, disclosures: &[Disclosure]) -> Result<Made> {
        let bytes = statement.to_bytes()?;
        let token = self.authority.stamp(&bytes)?;
        made(statement, vec![token], disclosures)
    }

    /// A record whose statement is whatever JSON this is, canonical and stamped.
    pub(super) fn made_of(&self, statement: &Value, disclosures: &[Disclosure]) -> Result<Made> {
        let bytes = json::to_bytes("statement", statement)?;
        let token = self.authority.stamp(&bytes)?;
        let parsed = Token::parse_tsr(&token)?;
        let timestamps = json!([{"gen_time": parsed.gen_time_text, "token_sha256": hex::encode(&parsed.token_sha256)}]);
        let record = json!({"schema": "quezao/record/v1", "statement": statement, "timestamps": timestamps});
        let record = json::to_bytes("record", &record)?;
        Ok(Made { statement: bytes, record, tokens: vec![token], disclosures: disclosure::set_to_bytes(disclosures)? })
    }

    /// Signs a checkpoint over these leaves, with whatever witnesses there are.
    pub(super) fn checkpoint(&self, leaves: &[Made], witnesses: &[&Cosigner]) -> Vec<u8> {
        let hashes: Vec<merkle::Hash> = leaves.iter().map(|m| leaf_hash(&m.record)).collect();
        let text = Checkpoint { origin: self.origin.clone(), size: leaves.len() as u64, root: root(&hashes) }.to_text();
        let mut signatures = vec![self.signer.sign(&text)];
        let seconds = u64::try_from(now().unix_seconds()).unwrap_or_default();
        signatures.extend(witnesses.iter().map(|w| w.cosign(&text, seconds)));
        Note { text, signatures }.to_bytes()
    }

    /// Puts record `index` of a ledger, under a fresh sealed checkpoint, into the place of an honest package's.
    pub(super) fn package(
        &self,
        honest: &Entries,
        ledger: &[Made],
        index: usize,
        witnesses: &[&Cosigner],
    ) -> Result<Entries> {
        let note = self.checkpoint(ledger, witnesses);
        self.package_under(honest, ledger, index, &note)
    }

    pub(super) fn package_under(
        &self,
        honest: &Entries,
        ledger: &[Made],
        index: usize,
        note: &[u8],
    ) -> Result<Entries> {
        let (made, first) = (&ledger[index], &ledger[0]);
        let mut out: Entries = vec![("statement.json".into(), made.statement.clone())];
        out.extend((1..).zip(&made.tokens).map(|(n, t)| (format!("timestamp-{n}.tsr"), t.clone())));
        let put = [
            ("record.json", made.record.clone()),
            ("proof.tlog-proof", proof(ledger, index, note)),
            ("checkpoint.txt", note.to_vec()),
            ("checkpoint.tsr", self.authority.stamp(note)?),
            ("disclosure.json", made.disclosures.clone()),
            ("operator-record.json", first.record.clone()),
            ("operator-disclosure.json", first.disclosures.clone()),
            ("operator-proof.tlog-proof", proof(ledger, 0, note)),
        ];
        out.extend(put.map(|(name, bytes)| (name.to_owned(), bytes)));
        // Trust and guide stay as they are; a certificate would contradict, so the attacker leaves it out.
        let kept = |name: &str| name.starts_with("trust-") || matches!(name, "VERIFY.txt" | "verify.py");
        out.extend(honest.iter().filter(|e| kept(&e.0)).cloned());
        Ok(out)
    }
}

/// A record that names these tokens, whatever they stamp.
pub(super) fn made(statement: &Statement, tokens: Vec<Vec<u8>>, disclosures: &[Disclosure]) -> Result<Made> {
    let mut timestamps = Vec::new();
    for token in &tokens {
        let token = Token::parse_tsr(token)?;
        timestamps.push(Timestamp { gen_time: token.gen_time_text, token_sha256: token.token_sha256 });
    }
    Ok(Made {
        statement: statement.to_bytes()?,
        record: Record { statement: statement.clone(), timestamps }.to_bytes()?,
        tokens,
        disclosures: disclosure::set_to_bytes(disclosures)?,
    })
}

/// An inclusion proof by the definition (RFC 6962, 2.1.1), around any signed note.
pub(super) fn proof(ledger: &[Made], index: usize, note: &[u8]) -> Vec<u8> {
    let all: Vec<merkle::Hash> = ledger.iter().map(|m| leaf_hash(&m.record)).collect();
    let (mut at, mut hashes, mut part) = (index, Vec::new(), all.as_slice());
    while part.len() > 1 {
        let (left, right) = part.split_at(part.len().next_power_of_two() / 2);
        if at < left.len() {
            hashes.insert(0, root(right));
            part = left;
        } else {
            hashes.insert(0, root(left));
            at -= left.len();
            part = right;
        }
    }
    TlogProof { index: index as u64, hashes, checkpoint: note.to_vec() }.to_bytes()
}

fn root(hashes: &[merkle::Hash]) -> merkle::Hash {
    match hashes {
        [] => merkle::empty_root(),
        [one] => *one,
        many => {
            let (left, right) = many.split_at(many.len().next_power_of_two() / 2);
            merkle::node_hash(&root(left), &root(right))
        }
    }
}

pub(crate) fn now() -> Utc {
    let micros = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_micros());
    Utc(i64::try_from(micros).unwrap_or(i64::MAX))
}
