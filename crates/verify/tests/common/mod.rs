//! A small world with its own keys, which writes complete packages: honest, or as an attacker would.
#![allow(clippy::unwrap_used, dead_code, unreachable_pub)]

use evidence::{
    checkpoint::{self, Checkpoint},
    cosignature::Cosigner,
    digest::{self, FileDigests},
    disclosure::{self, Disclosure},
    hex,
    json::{Value, json},
    merkle,
    note::{Note, Signer},
    proof::TlogProof,
    record::{Record, Timestamp, leaf_hash},
    statement::*,
    time::{SECOND, Utc},
    token::Token,
};
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};
use verify::{Original, Trust};

pub type Entries = Vec<(String, Vec<u8>)>;

pub const START: Utc = Utc(1_795_489_500_000_000);
pub const PICTURE: &[u8] = b"\xff\xd8\xff\xe0 a picture of a magpie";

/// One operator with its ledger and its time authority.
pub struct World {
    pub signer: Signer,
    pub origin: String,
    pub clock: Arc<AtomicI64>,
    pub authority: timestamp::Authority,
    pub root_pem: String,
    pub witnesses: Vec<Cosigner>,
}

/// A record, ready for the ledger, and what opens it.
#[derive(Clone)]
pub struct Made {
    pub statement: Statement,
    pub record: Record,
    pub tokens: Vec<Vec<u8>>,
    pub disclosures: Vec<Disclosure>,
}

impl World {
    pub fn new(seed: u8) -> Self {
        Self::named(seed, "quezao.local")
    }

    pub fn named(seed: u8, name: &str) -> Self {
        let public = Signer::from_seed("x", &[seed; 32]).unwrap().verifier_key();
        let origin = checkpoint::origin(name, public.public_key().try_into().unwrap()).unwrap();
        let clock = Arc::new(AtomicI64::new(START.0));
        let read = clock.clone();
        let material = timestamp::Authority::create("Example TSA", START.plus(-SECOND)).unwrap();
        let root_pem = material.root_cert_pem.clone();
        let ticking = Box::new(move || Utc(read.load(Ordering::SeqCst)));
        Self {
            signer: Signer::from_seed(&origin, &[seed; 32]).unwrap(),
            origin,
            clock,
            authority: timestamp::Authority::load(&material, ticking).unwrap(),
            root_pem,
            witnesses: Vec::new(),
        }
    }

    pub fn now(&self) -> Utc {
        Utc(self.clock.load(Ordering::SeqCst))
    }

    pub fn pass(&self, seconds: i64) {
        self.clock.fetch_add(seconds * SECOND, Ordering::SeqCst);
    }

    /// The reader's trust folder, where he trusts this world.
    pub fn trust_files(&self, independent: bool) -> Entries {
        let root = self.authority.root().fingerprint();
        let roles = json!([
            {"key": self.signer.verifier_key().to_string(), "role": "platform", "name": "Example", "independent": false, "from": null, "until": null},
            {"key": format!("sha256:{}", hex::encode(&root)), "role": "time-authority", "name": "Example TSA", "independent": independent, "from": null, "until": null},
        ]);
        let witnesses: String =
            (1..).zip(&self.witnesses).map(|(n, w)| format!("witness w{n} {}\n", w.verifier_key())).collect();
        let names: String = (1..=self.witnesses.len()).map(|n| format!(" w{n}")).collect();
        let quorum = if names.is_empty() {
            "quorum none\n".into()
        } else {
            format!("group all-of-them all{names}\nquorum all-of-them\n")
        };
        let policy = format!("log {}\n{witnesses}{quorum}", self.signer.verifier_key());
        vec![
            ("policy".into(), policy.into_bytes()),
            ("roles.json".into(), serde_json::to_vec(&roles).unwrap()),
            ("tsa-example.pem".into(), self.root_pem.clone().into_bytes()),
        ]
    }

    pub fn trust(&self) -> Trust {
        Trust::from_files(self.trust_files(true)).unwrap()
    }

    /// A statement of `kind` with these claims; all others commit to `null`.
    pub fn statement(&self, kind: Kind, claims: &[(&str, Value)]) -> (Statement, Vec<Disclosure>) {
        let received_at = self.now();
        let (m, n) = (received_at.0 / 1000, (received_at.0 as u16) & 0x0fff);
        let id = format!("{:08x}-{:04x}-7{n:03x}-8000-{:012x}", m >> 16, m & 0xffff, claims.len());
        let value = |name: &str| claims.iter().find(|c| c.0 == name).map_or(Value::Null, |c| c.1.clone());
        let mut salt = [9u8; 16];
        let disclosures: Vec<Disclosure> = kind
            .claims()
            .iter()
            .map(|name| {
                salt[0] += 1;
                Disclosure::new(&salt, name, value(name)).unwrap()
            })
            .collect();
        let operator = kind == Kind::Operator;
        let statement = Statement {
            kind,
            id,
            ledger: self.origin.clone(),
            received_at,
            clock: Clock::Unchecked,
            provenance: (!operator).then_some(Provenance::UserSupplied),
            operator_relation: (!operator).then_some(OperatorRelation::IndependentDeclared),
            software: Software { name: "quezao".into(), version: "0".into(), commit: "0".into() },
            file: (!operator).then(|| File {
                digests: FileDigests::of(PICTURE),
                media_type: "image/jpeg".into(),
                custody: Custody::Held,
            }),
            claims: disclosures.iter().map(|d| (d.name().to_owned(), d.digest())).collect(),
        };
        (statement, disclosures)
    }

    pub fn made(&self, kind: Kind, claims: &[(&str, Value)]) -> Made {
        let (statement, disclosures) = self.statement(kind, claims);
        self.pass(1);
        let token = self.authority.stamp(&statement.to_bytes().unwrap()).unwrap();
        made(statement, vec![token], disclosures)
    }

    pub fn operator(&self) -> Made {
        self.made(Kind::Operator, &[("operator_kind", json!("enterprise")), ("operator_name", json!("Example"))])
    }

    pub fn image(&self, owner: &str) -> Made {
        self.made(Kind::Image, &[("owner_kind", json!("individual")), ("owner_name", json!(owner))])
    }

    /// Signs (and cosigns) a checkpoint over these leaves.
    pub fn checkpoint(&self, leaves: &[Vec<u8>]) -> Vec<u8> {
        let text = Checkpoint { origin: self.origin.clone(), size: leaves.len() as u64, root: root(leaves) }.to_text();
        let mut signatures = vec![self.signer.sign(&text)];
        let seconds = self.now().unix_seconds() as u64;
        signatures.extend(self.witnesses.iter().map(|w| w.cosign(&text, seconds)));
        Note { text, signatures }.to_bytes()
    }

    /// The entries of record `index` under a fresh sealed checkpoint.
    pub fn entries(&self, ledger: &[Made], index: usize) -> Entries {
        let leaves: Vec<Vec<u8>> = ledger.iter().map(|m| m.record.to_bytes().unwrap()).collect();
        self.pass(1);
        let note = self.checkpoint(&leaves);
        self.pass(1);
        self.entries_under(ledger, index, &note)
    }

    pub fn entries_under(&self, ledger: &[Made], index: usize, note: &[u8]) -> Entries {
        let leaves: Vec<Vec<u8>> = ledger.iter().map(|m| m.record.to_bytes().unwrap()).collect();
        let proof = |index: usize| proof(&leaves, index, note);
        let made = &ledger[index];
        let mut out: Entries = Vec::new();
        let mut put = |name: &str, bytes: Vec<u8>| out.push((name.to_owned(), bytes));
        put("statement.json", made.statement.to_bytes().unwrap());
        for (n, token) in (1..).zip(&made.tokens) {
            put(&format!("timestamp-{n}.tsr"), token.clone());
        }
        put("record.json", leaves[index].clone());
        put("proof.tlog-proof", proof(index));
        put("checkpoint.txt", note.to_vec());
        put("checkpoint.tsr", self.authority.stamp(note).unwrap());
        put("disclosure.json", disclosure::set_to_bytes(&made.disclosures).unwrap());
        put("operator-record.json", leaves[0].clone());
        put("operator-disclosure.json", disclosure::set_to_bytes(&ledger[0].disclosures).unwrap());
        put("operator-proof.tlog-proof", proof(0));
        let trust = self.trust_files(true);
        put("trust-policy", trust[0].1.clone());
        put("trust-roles.json", trust[1].1.clone());
        let name = &hex::encode(&self.authority.root().fingerprint())[..16];
        put(&format!("trust-tsa-{name}.pem"), self.root_pem.clone().into_bytes());
        put("VERIFY.txt", b"how to".to_vec());
        put("verify.py", b"print()\n".to_vec());
        out
    }

    /// Two records and leaf 0, the entries of the first.
    pub fn honest(&self) -> Entries {
        let ledger = [self.operator(), self.image("甲"), self.image("乙")];
        self.entries(&ledger, 1)
    }
}

/// A record that names these tokens, whatever they stamp.
pub fn made(statement: Statement, tokens: Vec<Vec<u8>>, disclosures: Vec<Disclosure>) -> Made {
    let timestamps = tokens
        .iter()
        .map(|t| Token::parse_tsr(t).unwrap())
        .map(|t| Timestamp { gen_time: t.gen_time_text, token_sha256: t.token_sha256 })
        .collect();
    Made { record: Record { statement: statement.clone(), timestamps }, statement, tokens, disclosures }
}

pub fn proof(leaves: &[Vec<u8>], index: usize, note: &[u8]) -> Vec<u8> {
    let (mut at, mut hashes, mut all) = (index, Vec::new(), leaves.to_vec());
    // Down the tree from the root, by the definition in RFC 6962, 2.1.1.
    while all.len() > 1 {
        let split = all.len().next_power_of_two() / 2;
        let (left, right) = (all[..split].to_vec(), all[split..].to_vec());
        if at < split {
            hashes.insert(0, root(&right));
            all = left;
        } else {
            hashes.insert(0, root(&left));
            at -= split;
            all = right;
        }
    }
    TlogProof { index: index as u64, hashes, checkpoint: note.to_vec() }.to_bytes()
}

pub fn root(leaves: &[Vec<u8>]) -> merkle::Hash {
    match leaves {
        [] => merkle::empty_root(),
        [one] => leaf_hash(one),
        many => {
            let split = many.len().next_power_of_two() / 2;
            merkle::node_hash(&root(&many[..split]), &root(&many[split..]))
        }
    }
}

pub fn picture() -> Vec<Original> {
    vec![Original { name: "magpie.jpg".into(), digests: FileDigests::of(PICTURE) }]
}

pub fn package(entries: &[(String, Vec<u8>)]) -> Vec<u8> {
    archive::package::write(entries).unwrap()
}

pub fn replace(entries: &mut Entries, name: &str, bytes: Vec<u8>) {
    entries.iter_mut().find(|e| e.0 == name).unwrap().1 = bytes;
}

pub fn get<'e>(entries: &'e Entries, name: &str) -> &'e [u8] {
    &entries.iter().find(|e| e.0 == name).unwrap().1
}

pub fn sha256(bytes: &[u8]) -> String {
    hex::encode(&digest::sha256(bytes))
}
