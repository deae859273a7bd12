//! Place in the ledger, the ledger's key and role, the quorum, and who runs it.
//!
//! The ledger's key is looked up by origin in the reader's policy, and nowhere else.

use super::{Walk, later::Later};
use crate::{Check, Outcome, Role, Witness, verdict::clean};
use evidence::{
    Error, Result,
    checkpoint::Checkpoint,
    disclosure, hex, merkle,
    note::Note,
    policy::Evaluation,
    proof::TlogProof,
    record::{Record, leaf_hash},
    statement::{Kind, Statement},
    time::Utc,
};

/// A checkpoint, and what the reader's policy says about it.
pub(crate) struct Signed {
    pub(crate) bytes: Vec<u8>,
    pub(crate) note: Note,
    pub(crate) checkpoint: Checkpoint,
    pub(crate) evaluation: Option<Evaluation>,
}

impl Signed {
    pub(super) fn read(bytes: &[u8], policy: Option<&evidence::policy::Policy>) -> Result<Self> {
        let note = Note::parse(bytes)?;
        let checkpoint = Checkpoint::parse(&note.text)?;
        let evaluation = policy.map(|p| p.evaluate(&note, &checkpoint.origin));
        Ok(Self { bytes: bytes.to_vec(), note, checkpoint, evaluation })
    }

    /// Verifies the log's line with the reader's key.
    pub(super) fn verify_log(&self) -> Result<()> {
        let missing = |missing: &str| Error::Missing { what: "trust", missing: missing.to_owned() };
        let evaluation = self.evaluation.as_ref().ok_or_else(|| missing("policy"))?;
        let key = evaluation.log.as_ref().ok_or_else(|| missing("the key of this ledger"))?;
        self.note.verify_log(key)
    }

    /// Verifies a proof under this checkpoint; returns the leaf's index.
    pub(super) fn includes(&self, proof: &[u8], record: &[u8]) -> Result<u64> {
        let proof = TlogProof::parse(proof)?;
        if proof.checkpoint != self.bytes {
            let text = |b: &[u8]| hex::encode(&evidence::digest::sha256(b));
            return Err(Error::mismatch("checkpoint in the proof", text(&proof.checkpoint), text(&self.bytes)));
        }
        let Checkpoint { size, root, .. } = &self.checkpoint;
        merkle::verify_inclusion(&leaf_hash(record), proof.index, *size, &proof.hashes, root)?;
        Ok(proof.index)
    }
}

impl Walk<'_> {
    pub(super) fn main_checkpoint(&mut self) -> Result<Signed> {
        let signed = Signed::read(self.entry("checkpoint.txt")?, self.trust.policy.as_ref())?;
        let Checkpoint { origin, size, root } = signed.checkpoint.clone();
        self.facts.checkpoint = Some((origin, size, root));
        Ok(signed)
    }

    pub(super) fn ledger_binding(&self, statement: Option<&Statement>, main: &Result<Signed>) -> Check {
        let bound = || -> Result<String> {
            let main = main.as_ref().map_err(Clone::clone)?;
            let origin = &main.checkpoint.origin;
            let statement =
                statement.ok_or_else(|| Error::Missing { what: "statement", missing: "a readable one".into() })?;
            if statement.ledger != *origin {
                return Err(Error::mismatch("ledger of the statement", &statement.ledger, origin));
            }
            // The origin commits to the key, so without the reader's key only half of this is known.
            let key = main.evaluation.as_ref().and_then(|e| e.log.as_ref());
            let key = key.ok_or_else(|| Error::Missing { what: "trust", missing: "the key of this ledger".into() })?;
            evidence::checkpoint::check_origin(origin, key.public_key())?;
            Ok(origin.clone())
        };
        match bound() {
            Ok(origin) => Check::new(
                "ledger-binding",
                Outcome::Pass,
                "声明写明的账本就是签署检查点的账本。",
                "The statement names the ledger whose checkpoint this is.",
            )
            .values(&origin, &origin),
            Err(e) => Check::error("ledger-binding", &e),
        }
    }

    /// `inclusion`, `log-signature`, `log-role`.
    pub(super) fn log_checks(&mut self, main: &Result<Signed>, at: Utc) {
        let inclusion = self.inclusion(main);
        self.checks.push(inclusion);
        let signature = main.as_ref().map_err(Clone::clone).and_then(Signed::verify_log);
        let known = main.as_ref().ok().and_then(|m| m.evaluation.as_ref()?.log.clone());
        let vkey = known.as_ref().map(ToString::to_string);
        let check = match signature {
            Ok(()) => Check::new(
                "log-signature",
                Outcome::Pass,
                "检查点由您信任设置中的账本密钥签署。",
                "The checkpoint is signed by the ledger's key in your trust.",
            ),
            Err(Error::Missing { .. }) if main.is_ok() => Check::new(
                "log-signature",
                Outcome::NotChecked,
                "您的信任设置中没有这个账本的密钥；证据自带的密钥不能证明它自己。",
                "Your trust has no key of this ledger that signed here; a key that the evidence brings cannot vouch for itself.",
            ),
            Err(e) => Check::error("log-signature", &e),
        };
        self.checks.push(Check { expected: vkey.map(clean), ..check });

        let Some(key) = known else {
            self.checks.push(
                Check::new(
                    "log-role",
                    Outcome::NotChecked,
                    "账本密钥未知，谈不上它的身份。",
                    "The ledger's key is not known, so neither is what its holder is.",
                )
                .optional(),
            );
            return;
        };
        let line = self.trust.role_of_key(&key, at);
        let check = match line {
            Some(line) if line.role == Role::Platform => {
                self.facts.platform = Some(line.name.clone());
                Check::new(
                    "log-role",
                    Outcome::Pass,
                    format!("您的信任设置把账本密钥列为平台“{}”的密钥。", line.name),
                    format!("Your trust lists the ledger's key as that of the platform \"{}\".", line.name),
                )
            }
            _ => Check::new(
                "log-role",
                Outcome::Limited,
                "您的信任设置没有把账本密钥列为平台密钥：自行固定，或身份不明，无论声明怎么写。",
                "Your trust does not list the ledger's key as a platform's: self-made or unknown, whatever the statement says.",
            ),
        };
        self.checks.push(check.optional());
    }

    fn inclusion(&mut self, main: &Result<Signed>) -> Check {
        let included = || -> Result<(u64, u64)> {
            let main = main.as_ref().map_err(Clone::clone)?;
            let index = main.includes(self.entry("proof.tlog-proof")?, self.entry("record.json")?)?;
            if index == 0 {
                return Err(Error::malformed("leaf index", "0", "1 or more: leaf 0 is the operator's own record"));
            }
            Ok((index, main.checkpoint.size))
        };
        match included() {
            Ok((index, size)) => {
                self.facts.index = Some(index);
                Check::new(
                    "inclusion",
                    Outcome::Pass,
                    format!("记录是账本的第 {index} 条（检查点共 {size} 条，从 0 起）。"),
                    format!("The record is leaf {index} of the ledger at size {size}."),
                )
            }
            Err(e) => Check::error("inclusion", &e),
        }
    }

    /// Met by one checkpoint alone: the first, or one that was added later.
    pub(super) fn policy(&mut self, main: &Result<Signed>, later: &[Later], at: Utc) -> Check {
        let Ok(main) = main else {
            return Check::new("policy", Outcome::NotChecked, "检查点无法读取。", "The checkpoint could not be read.");
        };
        let Some(evaluation) = &main.evaluation else {
            return Check::new(
                "policy",
                Outcome::NotChecked,
                "您的信任设置没有见证规则（policy）；证据自带的规则不算数。",
                "Your trust has no policy; the one that the evidence brings does not count.",
            );
        };
        self.facts.quorum = Some(evaluation.quorum.clone());
        self.facts.unknown_lines = evaluation.unknown_lines;
        if let Some((name, key)) = evaluation.bad.first() {
            let error = Error::Signature { what: "cosignature", key: format!("{name} ({})", key.name()) };
            return Check::error("policy", &error);
        }
        // Roles are those of the moment at which the checkpoint that is counted was sealed.
        let sealed = |l: &Later| l.stamp.verified.as_ref().map_or(at, |seal| seal.at);
        let others = later.iter().filter(|l| l.counts).map(|l| (&l.signed, sealed(l)));
        // Whether the log signed is `log-signature`'s to say; without its key no checkpoint is this ledger's.
        let known = evaluation.log.is_some();
        let mut all = std::iter::once((main, at)).filter(|_| known).chain(others);
        let met = all.find_map(|(s, at)| Some((s, s.evaluation.as_ref().filter(|e| e.met)?, at)));
        let unknown = match evaluation.unknown_lines {
            0 => (String::new(), String::new()),
            n => (format!("另有 {n} 行签名无法检查。"), format!(" {n} lines could not be checked.")),
        };
        let Some((signed, met, at)) = met else {
            let why = if known {
                ("见证签名不满足您的规则", "The cosignatures do not meet your policy")
            } else {
                ("账本密钥未知，见证规则无从谈起", "The ledger's key is not known, so the policy was not checked")
            };
            return Check::new(
                "policy",
                Outcome::NotChecked,
                format!("{}。{}", why.0, unknown.0),
                format!("{}.{}", why.1, unknown.1),
            )
            .values(&evaluation.quorum, format!("{} cosigned", evaluation.cosigned.len()));
        };
        let n = met.cosigned.len();
        for (name, key, unix_seconds) in &met.cosigned {
            let line = self.trust.role_of_key(key, at);
            let name = clean(line.map_or(name, |l| &l.name).clone());
            let independent = line.is_some_and(|l| l.independent);
            let role = line.map(|l| l.role);
            self.facts.witnesses.push(Witness { name, role, independent, unix_seconds: *unix_seconds });
        }
        self.facts.witnessed_size = Some(signed.checkpoint.size);
        // A later checkpoint covers the record; that the first one was seen by anybody it does not say.
        let later = match signed.checkpoint == main.checkpoint {
            true => (String::new(), String::new()),
            false => {
                let (size, first) = (signed.checkpoint.size, main.checkpoint.size);
                (
                    format!("签署的是后来的检查点（{size} 条），不是首次封存的（{first} 条）。"),
                    format!(" They cosigned a later checkpoint ({size} leaves), not the one first sealed ({first})."),
                )
            }
        };
        let unknown = (later.0 + &unknown.0, later.1 + &unknown.1);
        let names: Vec<&str> = self.facts.witnesses.iter().map(|w| w.name.as_str()).collect();
        let check = if n == 0 {
            Check::new(
                "policy",
                Outcome::Limited,
                format!("您的规则不要求见证：这是单一运营者的账本，没有他人见证。{}", unknown.0),
                format!(
                    "Your policy asks for no witness: the ledger of a single operator, witnessed by nobody.{}",
                    unknown.1
                ),
            )
        } else if !self.facts.witnesses.iter().any(|w| w.independent) {
            Check::new(
                "policy",
                Outcome::Limited,
                format!(
                    "已获 {n} 个见证密钥签署，符合您的规则：{}；但您的信任设置没有把其中任何一家列为独立于运营者，因此视同运营者自己的。{}",
                    names.join("、"),
                    unknown.0
                ),
                format!(
                    "{n} witness keys cosigned, as your policy asks: {}; your trust marks none of them independent, so they count as the operator's own.{}",
                    names.join(", "),
                    unknown.1
                ),
            )
        } else {
            Check::new(
                "policy",
                Outcome::Pass,
                format!("已获 {n} 个见证密钥签署，符合您的规则：{}。{}", names.join("、"), unknown.0),
                format!("{n} witness keys cosigned, as your policy asks: {}.{}", names.join(", "), unknown.1),
            )
        };
        check.values(&met.quorum, format!("{n} cosigned"))
    }

    pub(super) fn operator(&mut self, main: &Result<Signed>) -> Check {
        let opened = || -> Result<_> {
            let record = self.entry("operator-record.json")?;
            let read = Record::parse(record)?;
            if read.statement.kind != Kind::Operator {
                return Err(Error::mismatch("kind of leaf 0", read.statement.kind.as_str(), "operator"));
            }
            let main = main.as_ref().map_err(Clone::clone)?;
            if read.statement.ledger != main.checkpoint.origin {
                let (found, expected) = (&read.statement.ledger, &main.checkpoint.origin);
                return Err(Error::mismatch("ledger of leaf 0", found, expected));
            }
            let set = disclosure::parse_set(self.entry("operator-disclosure.json")?)?;
            let opened = read.statement.open(&set)?;
            match main.includes(self.entry("operator-proof.tlog-proof")?, record)? {
                0 => Ok(opened),
                other => Err(Error::mismatch("index of the operator's record", other, 0)),
            }
        };
        match opened() {
            Ok(opened) => {
                let name = opened.get("operator_name").and_then(|v| v.as_str()).unwrap_or("—").to_owned();
                self.facts.operator = opened;
                Check::new(
                    "operator",
                    Outcome::Pass,
                    format!("账本第一条记录自称运营者为“{name}”。"),
                    format!("The ledger's first record says that \"{name}\" runs it."),
                )
            }
            Err(e) => Check::error("operator", &e),
        }
    }
}
