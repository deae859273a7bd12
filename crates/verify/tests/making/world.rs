//! An operator, its ledger, its witnesses and its time authority, all with fixed keys; and one package, step by step.
//!
//! A step can be spoiled; all later ones are then made honestly again, as a dishonest platform would,
//! which holds all of its own keys.

use super::stamp::Authority;
pub use crate::common::{Entries, replace};
use crate::common::{proof, root};
use base64::Engine as _;
use evidence::{
    checkpoint::{self, Checkpoint},
    cosignature::Cosigner,
    digest::{self, FileDigests},
    disclosure::Disclosure,
    hex,
    json::{Value, json},
    note::{Note, SignatureLine, Signer},
    statement::Kind,
    time::{SECOND, Utc},
    token::Token,
};

/// 2026-01-05T01:00:00Z, when leaf 0 is received.
pub const START: Utc = Utc(1_767_574_800_000_000);
/// The reader's clock: 2026-02-01T00:00:00Z.
pub const NOW: Utc = Utc(1_769_904_000_000_000);
pub const PICTURE: &[u8] = b"\xff\xd8\xff\xe0 not quite a picture of a magpie\n";
pub const OTHER: &[u8] = b"\xff\xd8\xff\xe0 not quite a picture of a heron!\n";

/// `seconds` after the start.
pub fn at(seconds: i64) -> Utc {
    START.plus(seconds * SECOND)
}

pub fn canonical(value: &Value) -> Vec<u8> {
    // Also of values that the project would not write: strings may break its rules.
    let mut out = String::new();
    write(value, &mut out);
    out.into_bytes()
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Array(items) => {
            out.push('[');
            for (n, item) in items.iter().enumerate() {
                out.push_str(if n > 0 { "," } else { "" });
                write(item, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            let mut names: Vec<&String> = members.keys().collect();
            names.sort_by_key(|n| n.encode_utf16().collect::<Vec<_>>());
            out.push('{');
            for (n, name) in names.into_iter().enumerate() {
                out.push_str(if n > 0 { "," } else { "" });
                write(&Value::String(name.clone()), out);
                out.push(':');
                write(&members[name], out);
            }
            out.push('}');
        }
        other => out.push_str(&other.to_string()),
    }
}

pub struct World {
    pub seed: u8,
    pub origin: String,
    pub log: Signer,
    pub tsa: Authority,
    pub witnesses: Vec<Cosigner>,
    pub owner: &'static str,
}

/// Cosigns a text at a time (seconds since the epoch).
pub type Cosign<'a> = &'a dyn Fn(&str, u64) -> SignatureLine;

impl World {
    pub fn new(seed: u8) -> Self {
        let key = Signer::from_seed("x", &[seed; 32]).unwrap().verifier_key();
        let origin = checkpoint::origin("ledger.example", key.public_key().try_into().unwrap()).unwrap();
        Self::of(seed, &origin, "Example Time Authority", "court.example/w1")
    }

    /// With any origin, and any names of others.
    pub fn of(seed: u8, origin: &str, authority: &str, witness: &str) -> Self {
        Self {
            seed,
            origin: origin.to_owned(),
            log: Signer::from_seed(origin, &[seed; 32]).unwrap(),
            tsa: Authority::new(authority, seed + 40),
            witnesses: vec![
                Cosigner::from_seed(witness, &[seed + 100; 32]).unwrap(),
                Cosigner::from_seed("notary.example/w2", &[seed + 101; 32]).unwrap(),
            ],
            owner: "甲",
        }
    }

    /// `received_at` and a UUIDv7 of it into a statement.
    pub fn receive(statement: &mut Value, received: Utc, n: u64) {
        let ms = received.0 / 1000;
        statement["id"] = json!(format!("{:08x}-{:04x}-7000-8000-{n:012x}", ms >> 16, ms & 0xffff));
        statement["received_at"] = json!(received.to_micros());
    }

    /// An honest statement and all its disclosures.
    pub fn statement(&self, kind: Kind, n: u64, received: Utc, claims: &[(&str, Value)]) -> (Value, Vec<String>) {
        let value = |name: &str| claims.iter().find(|c| c.0 == name).map_or(Value::Null, |c| c.1.clone());
        let mut slots = json!({});
        let mut opened = Vec::new();
        let mut names = kind.claims();
        names.sort_unstable();
        for name in names {
            let salt = digest::sha256(format!("{} {n} {name}", self.seed).as_bytes());
            let made = Disclosure::new(salt[..16].try_into().unwrap(), name, value(name)).unwrap();
            slots[name] = json!({"_sd": [made.digest()]});
            opened.push(made.encoded().to_owned());
        }
        let mut statement = json!({
            "schema": "quezao/statement/v1", "kind": kind.as_str(), "ledger": self.origin,
            "clock": {"checked": true, "source": "ntp.example", "offset_us": -180, "at": at(-600).to_micros()},
            "software": {"name": "quezao", "version": "0.1.0", "commit": "0"},
            "_sd_alg": "sha-256", "claims": slots,
        });
        Self::receive(&mut statement, received, n);
        if kind.has_provenance() {
            let captured = matches!(kind, Kind::Order | Kind::Capture | Kind::Comparison | Kind::Collection);
            statement["provenance"] = json!(if captured { "platform-captured" } else { "user-supplied" });
        }
        if kind.has_owner() {
            statement["operator_relation"] = json!("independent-declared");
        }
        if kind.has_file() {
            let FileDigests { sha256, sm3, size } = FileDigests::of(PICTURE);
            statement["file"] = json!({
                "sha256": hex::encode(&sha256), "sm3": hex::encode(&sm3), "size": size,
                "media_type": match kind {
                    Kind::Capture => "application/wacz",
                    Kind::Comparison => "application/json",
                    Kind::Collection => "application/jsonl",
                    _ => "image/jpeg",
                },
                "custody": if kind == Kind::Digest { "declared" } else { "held" },
            });
        }
        (statement, opened)
    }

    pub fn operator(&self) -> (Value, Vec<String>) {
        let claims = [("operator_kind", json!("enterprise")), ("operator_name", json!("Example"))];
        self.statement(Kind::Operator, 1, at(0), &claims)
    }

    pub fn image(&self) -> (Value, Vec<String>) {
        self.image_of(self.owner, 2, at(60))
    }

    pub fn image_of(&self, owner: &str, n: u64, received: Utc) -> (Value, Vec<String>) {
        let claims = [("owner_kind", json!("individual")), ("owner_name", json!(owner)), ("title", json!("喜鹊"))];
        self.statement(Kind::Image, n, received, &claims)
    }

    /// Tokens over the statement, then the record that names them.
    pub fn record(&self, statement: &Value, stamped: Utc) -> Vec<u8> {
        record(statement, &[self.tsa.stamp(&canonical(statement), stamped)])
    }

    /// A checkpoint over these leaves, cosigned by all witnesses.
    pub fn note(&self, leaves: &[Vec<u8>], cosigned: Utc) -> Vec<u8> {
        let text = self.text(leaves);
        let mut signatures = vec![self.log.sign(&text)];
        let seconds = cosigned.unix_seconds() as u64;
        signatures.extend(self.witnesses.iter().map(|w| w.cosign(&text, seconds)));
        Note { text, signatures }.to_bytes()
    }

    pub fn text(&self, leaves: &[Vec<u8>]) -> String {
        Checkpoint { origin: self.origin.clone(), size: leaves.len() as u64, root: root(leaves) }.to_text()
    }

    /// The reader's trust folder, where he trusts this world.
    pub fn trust(&self) -> Entries {
        self.trust_with(&self.policy("group witnesses all court notary\nquorum witnesses\n"), |_| ())
    }

    pub fn policy(&self, quorum: &str) -> String {
        let [court, notary] = [0, 1].map(|n| self.witnesses[n].verifier_key());
        format!("log {}\nwitness court {court}\nwitness notary {notary}\n{quorum}", self.log.verifier_key())
    }

    pub fn trust_with(&self, policy: &str, roles: impl FnOnce(&mut Value)) -> Entries {
        let line = |key: String, role: &str, name: &str, independent: bool| json!({"key": key, "role": role, "name": name, "independent": independent, "from": null, "until": null});
        let root = format!("sha256:{}", hex::encode(&digest::sha256(&self.tsa.root_der())));
        let mut lines = json!([
            line(self.log.verifier_key().to_string(), "platform", "Example", false),
            line(root, "time-authority", "Example Time Authority", true),
            line(self.witnesses[0].verifier_key().to_string(), "court", "Example Court", true),
            line(self.witnesses[1].verifier_key().to_string(), "notary", "Example Notary", true),
        ]);
        roles(&mut lines);
        vec![
            ("policy".into(), policy.into()),
            ("roles.json".into(), canonical(&lines)),
            ("tsa-example.pem".into(), self.tsa.root_pem().into_bytes()),
        ]
    }
}

/// A record that names these tokens, whatever they stamp.
pub fn record(statement: &Value, tokens: &[Vec<u8>]) -> Vec<u8> {
    let timestamps: Vec<Value> = tokens
        .iter()
        .map(|tsr| {
            // A token that does not parse is named all the same.
            let (time, sha) = match Token::parse_tsr(tsr) {
                Ok(t) => (t.gen_time_text, hex::encode(&t.token_sha256)),
                Err(_) => ("20260105010101Z".into(), hex::encode(&digest::sha256(inner(tsr)))),
            };
            json!({"gen_time": time, "token_sha256": sha})
        })
        .collect();
    canonical(&json!({"schema": "quezao/record/v1", "statement": statement, "timestamps": timestamps}))
}

/// The token inside a `.tsr` whose lengths take two octets.
fn inner(tsr: &[u8]) -> &[u8] {
    tsr.get(9..).unwrap_or_default()
}

/// Tokens of this authority over these bytes.
pub type MakeTokens = Box<dyn Fn(&Authority, &[u8]) -> Vec<Vec<u8>>>;
/// The note over these leaves.
pub type MakeNote = Box<dyn Fn(&World, &[Vec<u8>]) -> Vec<u8>>;
/// Adds to the entries, given the leaves.
pub type Add = Box<dyn Fn(&World, &[Vec<u8>], &mut Entries)>;
/// Changes the entries.
pub type Edit = Box<dyn Fn(&World, &mut Entries)>;
/// Makes a certificate of the entries.
pub type Certify = Box<dyn Fn(&World, &Entries) -> Vec<u8>>;
type Change<T> = Option<Box<dyn Fn(T) -> T>>;

/// One package, to be made step by step.
pub struct Build {
    pub world: World,
    pub statement: Value,
    /// Instead of the statement's canonical bytes.
    pub statement_bytes: Option<Vec<u8>>,
    /// What goes into `disclosure.json`.
    pub opened: Vec<String>,
    pub disclosure: Option<Vec<u8>>,
    pub operator: Value,
    pub operator_opened: Vec<String>,
    /// Makes the tokens over the statement.
    pub stamp: MakeTokens,
    pub record: Change<Vec<u8>>,
    pub operator_record: Change<Vec<u8>>,
    /// Leaves between leaf 0 and the record.
    pub before: Vec<Vec<u8>>,
    /// The leaves after leaf 0 and the record.
    pub leaves: Change<Vec<Vec<u8>>>,
    pub note: Change<Vec<u8>>,
    /// Makes the note instead.
    pub sign: Option<MakeNote>,
    pub proof: Change<Vec<u8>>,
    pub operator_proof: Change<Vec<u8>>,
    pub seal: MakeTokens,
    /// What is added after the first seal, given the leaves and all entries before.
    pub later: Add,
    pub entries: Edit,
    pub zip: Change<Vec<u8>>,
    /// A certificate instead of a package.
    pub certificate: Option<Certify>,
    pub trust: (&'static str, Entries),
    pub originals: Vec<(&'static str, &'static [u8])>,
}

impl Build {
    pub fn new(world: World) -> Self {
        let (statement, opened) = world.image();
        let (operator, operator_opened) = world.operator();
        Self {
            trust: ("main", world.trust()),
            world,
            statement,
            statement_bytes: None,
            opened,
            disclosure: None,
            operator,
            operator_opened,
            stamp: Box::new(|tsa, data| vec![tsa.stamp(data, at(61))]),
            record: None,
            operator_record: None,
            before: Vec::new(),
            leaves: None,
            note: None,
            sign: None,
            proof: None,
            operator_proof: None,
            seal: Box::new(|tsa, note| vec![tsa.stamp(note, at(122))]),
            later: Box::new(|_, _, _| ()),
            entries: Box::new(|_, _| ()),
            zip: None,
            certificate: None,
            originals: vec![("magpie.jpg", PICTURE)],
        }
    }

    /// Another kind, with these claims.
    pub fn kind(&mut self, kind: Kind, claims: &[(&str, Value)]) {
        (self.statement, self.opened) = self.world.statement(kind, 2, at(60), claims);
    }

    /// Commits to another value of a claim, and discloses it (with `raw`, a disclosure's JSON text).
    pub fn commit(&mut self, name: &str, raw: &str) {
        let encoded = base64url(raw.as_bytes());
        self.statement["claims"][name] = json!({"_sd": [base64url(&digest::sha256(encoded.as_bytes()))]});
        let kind: Kind = Kind::parse(self.statement["kind"].as_str().unwrap()).unwrap();
        let mut names = kind.claims().to_vec();
        names.sort_unstable();
        let place = names.iter().position(|n| *n == name).unwrap();
        self.opened[place] = encoded;
    }

    pub fn leaf_list(&self) -> (Vec<Vec<u8>>, Vec<Vec<u8>>, Vec<u8>) {
        let statement = self.statement_bytes.clone().unwrap_or_else(|| canonical(&self.statement));
        let tokens = (self.stamp)(&self.world.tsa, &statement);
        let change = |c: &Change<Vec<u8>>, bytes: Vec<u8>| c.as_ref().map_or(bytes.clone(), |f| f(bytes));
        let record = change(&self.record, record(&self.statement, &tokens));
        let operator = change(&self.operator_record, self.world.record(&self.operator, at(1)));
        let (other, _) = self.world.image_of("乙", 3, at(70));
        let mut leaves = vec![operator];
        leaves.extend(self.before.iter().cloned());
        leaves.extend([record, self.world.record(&other, at(71))]);
        let leaves = self.leaves.as_ref().map_or(leaves.clone(), |f| f(leaves));
        (leaves, tokens, statement)
    }

    /// All entries but `package.json`.
    pub fn make(&self) -> Entries {
        let (leaves, tokens, statement) = self.leaf_list();
        let change = |c: &Change<Vec<u8>>, bytes: Vec<u8>| c.as_ref().map_or(bytes.clone(), |f| f(bytes));
        let note = match &self.sign {
            Some(sign) => sign(&self.world, &leaves),
            None => self.world.note(&leaves, at(121)),
        };
        let note = change(&self.note, note);
        let mut out: Entries = Vec::new();
        let mut put = |name: &str, bytes: Vec<u8>| out.push((name.to_owned(), bytes));
        put("statement.json", statement);
        for (n, token) in (1..).zip(&tokens) {
            put(&format!("timestamp-{n}.tsr"), token.clone());
        }
        let record = change(&self.record, record(&self.statement, &tokens));
        let operator = change(&self.operator_record, self.world.record(&self.operator, at(1)));
        put("record.json", record);
        put("proof.tlog-proof", change(&self.proof, proof(&leaves, 1 + self.before.len(), &note)));
        put("checkpoint.txt", note.clone());
        for (n, token) in (1..).zip((self.seal)(&self.world.tsa, &note)) {
            put(&if n == 1 { "checkpoint.tsr".to_owned() } else { format!("checkpoint-{n}.tsr") }, token);
        }
        put("disclosure.json", self.disclosure.clone().unwrap_or_else(|| canonical(&json!(self.opened))));
        put("operator-record.json", operator);
        put("operator-disclosure.json", canonical(&json!(self.operator_opened)));
        put("operator-proof.tlog-proof", change(&self.operator_proof, proof(&leaves, 0, &note)));
        (self.later)(&self.world, &leaves, &mut out);
        let mut put = |name: &str, bytes: Vec<u8>| out.push((name.to_owned(), bytes));
        let carried = self.world.trust();
        put("trust-policy", carried[0].1.clone());
        put("trust-roles.json", carried[1].1.clone());
        let root = hex::encode(&digest::sha256(&self.world.tsa.root_der()));
        put(&format!("trust-tsa-{}.pem", &root[..16]), carried[2].1.clone());
        put("VERIFY.txt", b"A vector: see the README of this folder's parent.\n".to_vec());
        put("verify.py", b"# A vector: the reader travels in real packages.\n".to_vec());
        (self.entries)(&self.world, &mut out);
        out
    }

    pub fn package(&self) -> Vec<u8> {
        let entries = self.make();
        if let Some(certify) = &self.certificate {
            return certify(&self.world, &entries);
        }
        let zip = zip(&entries);
        self.zip.as_ref().map_or(zip.clone(), |f| f(zip))
    }
}

pub fn base64(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

pub fn base64url(bytes: &[u8]) -> String {
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

/// `package.json` and the canonical ZIP of these entries, valid or not.
pub fn zip(entries: &[(String, Vec<u8>)]) -> Vec<u8> {
    let listing = archive::package::manifest(entries).unwrap();
    let mut all = vec![("package.json".to_owned(), listing)];
    all.extend_from_slice(entries);
    raw_zip(&all)
}

/// The ZIP of exactly these entries.
pub fn raw_zip(entries: &[(String, Vec<u8>)]) -> Vec<u8> {
    let (mut out, mut central) = (Vec::new(), Vec::new());
    for (name, bytes) in entries {
        let mut fields = vec![20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0];
        fields.extend(crc32(bytes).to_le_bytes());
        fields.extend([(bytes.len() as u32).to_le_bytes(); 2].concat());
        fields.extend((name.len() as u16).to_le_bytes());
        fields.extend([0, 0]);
        central.extend([b"PK\x01\x02\x14\x00", &fields[..], &[0; 10]].concat());
        central.extend((out.len() as u32).to_le_bytes());
        central.extend(name.as_bytes());
        out.extend([b"PK\x03\x04", &fields[..], name.as_bytes(), bytes].concat());
    }
    let count = (entries.len() as u16).to_le_bytes();
    let (size, start) = ((central.len() as u32).to_le_bytes(), (out.len() as u32).to_le_bytes());
    out.extend(central);
    out.extend([b"PK\x05\x06\0\0\0\0", &count[..], &count, &size, &start, &[0, 0]].concat());
    out
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, b| {
        (0..8).fold(crc ^ u32::from(*b), |c, _| if c & 1 == 1 { c >> 1 ^ 0xedb8_8320 } else { c >> 1 })
    })
}

pub fn entry<'e>(entries: &'e Entries, name: &str) -> &'e [u8] {
    &entries.iter().find(|e| e.0 == name).unwrap().1
}
