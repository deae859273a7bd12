//! One account's data as a whole, piece by piece: what the account is, its records, people, log and movements.
//!
//! Rules:
//! - For a main account of the account itself, with the password, or for the operator, for a reason; both logs say so.
//! - Everything is asked by the account's number alone, so nothing of another's can be among it. What opens somebody else's
//!   door is left out: passwords, tokens, sessions, secrets of hooks.
//! - A piece is whole and small; nothing is held but the place where the next one begins. Whether it may go on is asked
//!   again at each.
//! - It needs the account's key: of a closed account nothing is left to export.

use super::{Actor, Answer, Permission, Refusal, Why, merchants};
use crate::{ExportRequest, Folder, Result, clock, identity::Party};
use base64::{Engine, engine::general_purpose::STANDARD};
use evidence::{
    disclosure, hex,
    json::{Value, json},
    time::Utc,
};
use std::collections::{BTreeMap, VecDeque};
use store::{Act, OWNER_ACCOUNT, Record, Role};

/// Records of one piece.
const PIECE: u32 = 200;
/// Lines of one piece of what is small.
const LINES: u32 = 2000;
/// Kinds that say who may use what is registered.
const LICENCES: [&str; 3] = ["licence", "confirmation", "revocation"];

/// An export under way.
#[derive(Clone, Debug)]
pub struct Takeout {
    account: i64,
    /// For the operator.
    operator: bool,
    packages: bool,
    stage: Stage,
    /// Pieces so far of this stage.
    nth: u32,
    missing: String,
}

#[derive(Clone, Debug)]
enum Stage {
    About,
    People,
    Given,
    Records(String),
    Licences(String),
    Captures(i64),
    Movements(i64),
    Log(i64),
    Packages(String, VecDeque<String>),
    Missing,
    End,
}

impl Takeout {
    /// Whose.
    pub fn account(&self) -> i64 {
        self.account
    }
}

impl Folder {
    /// Begins an export of the actor's own account. `packages`: the package of each record, too.
    pub fn take_out(&self, actor: &Actor, password: &str, packages: bool) -> Answer<Takeout> {
        let person = self.allow(actor, Permission::Account)?;
        self.same_person(actor, person, password)?;
        self.note(actor, person, "export-account", "")?;
        Ok(Takeout::new(person.account, false, packages))
    }

    /// Begins an export of a merchant's account, for the operator, for a reason that both logs keep.
    pub fn take_out_for(&self, actor: &Actor, account: i64, reason: &str, packages: bool) -> Answer<Takeout> {
        let person = self.allow(actor, Permission::Operate)?;
        let reason = reason.trim();
        if reason.is_empty() || reason.chars().count() > 500 || evidence::json::check_string("", reason).is_err() {
            let (zh, en) =
                ("请写明理由，一行，不超过 500 个字", "give the reason in one line of at most 500 characters");
            return Err(Refusal::field("export", zh, en));
        }
        if self.store.merchant(account)?.is_none() {
            return Err(merchants::none());
        }
        self.note(actor, person, "export-account", &format!("{account} {reason}"))?;
        let (via, subject) = ("operator".to_owned(), reason.to_owned());
        self.store.note_act(&Act {
            at: clock::now().0,
            account,
            sign_in: None,
            via,
            act: "export-account",
            subject,
        })?;
        Ok(Takeout::new(account, true, packages))
    }

    /// The next file of an export: its name and bytes; `None` after the last.
    pub fn take_next(&self, actor: &Actor, out: &mut Takeout) -> Answer<Option<(String, Vec<u8>)>> {
        loop {
            let person = self.allow(actor, if out.operator { Permission::Operate } else { Permission::Account })?;
            if !out.operator && person.account != out.account {
                return Err(merchants::none());
            }
            // Closed meanwhile, there is no key any more.
            if out.account != OWNER_ACCOUNT && self.store.party(out.account)?.is_none() {
                return Err(Refusal::new(Why::Gone, "账户已经注销", "the account is closed"));
            }
            if matches!(out.stage, Stage::End) {
                return Ok(None);
            }
            if let Some(file) = self.piece(out)? {
                return Ok(Some(file));
            }
        }
    }

    /// One step: a file, or none where the step had nothing.
    fn piece(&self, out: &mut Takeout) -> Result<Option<(String, Vec<u8>)>> {
        let account = out.account;
        out.nth += 1;
        match out.stage.clone() {
            Stage::About => {
                out.go(Stage::People);
                let about = self.account_told(account)?;
                Ok(Some(("account.json".into(), pretty(&about))))
            }
            Stage::People => {
                out.go(Stage::Given);
                let mut lines = Vec::new();
                for p in self.store.people(account)? {
                    let role = if p.role == Role::Main { "main" } else { "sub" };
                    lines.push(json!({"person": p.id, "login": p.login, "name": p.name, "role": role,
                        "permissions": p.permissions, "shops": p.shops, "joined_at": Utc(p.created_at).to_micros()}));
                }
                for s in self.store.shops(account)? {
                    lines.push(json!({"shop": s.id, "platform": s.platform, "name": s.name, "url": s.url,
                        "made_at": Utc(s.created_at).to_micros(), "ended_at": s.ended_at.map(|at| Utc(at).to_micros())}));
                }
                for h in self.store.hooks(account)? {
                    lines.push(json!({"hook": h.id, "url": h.url, "events": h.events, "paused": h.paused,
                        "made_at": Utc(h.created_at).to_micros()}));
                }
                Ok(Some(("people.jsonl".into(), jsonl(&lines))))
            }
            Stage::Given => {
                out.go(Stage::Records(String::new()));
                let lines: Vec<Value> = self
                    .store
                    .entitlements(account)?
                    .into_iter()
                    .map(|e| {
                        json!({"number": e.id, "kind": e.kind, "name": e.name, "source": e.source, "reference": e.reference,
                            "giver": e.giver, "gift": e.gift, "begins_at": Utc(e.begins_at).to_micros(),
                            "expires_at": Utc(e.expires_at).to_micros(),
                            "terms": serde_json::from_str::<Value>(&e.terms).unwrap_or_default()})
                    })
                    .collect();
                Ok((!lines.is_empty()).then(|| ("editions.jsonl".into(), jsonl(&lines))))
            }
            Stage::Records(after) => {
                let records = self.store.records_after(account, &after, PIECE, None)?;
                let Some(last) = records.last().map(|r| r.id.clone()) else {
                    out.go(Stage::Licences(String::new()));
                    return Ok(None);
                };
                let lines = records.iter().map(|r| self.whole(r)).collect::<Result<Vec<_>>>()?;
                out.stage = Stage::Records(last);
                Ok(Some((format!("records-{:04}.jsonl", out.nth), jsonl(&lines))))
            }
            Stage::Licences(after) => {
                let records = self.store.records_after(account, &after, PIECE, None)?;
                let Some(last) = records.last().map(|r| r.id.clone()) else {
                    out.go(Stage::Captures(i64::MAX));
                    return Ok(None);
                };
                let own = records.iter().filter(|r| LICENCES.contains(&r.kind.as_str()));
                let lines = own.map(|r| self.whole(r)).collect::<Result<Vec<_>>>()?;
                out.stage = Stage::Licences(last);
                Ok((!lines.is_empty()).then(|| (format!("licences-{:04}.jsonl", out.nth), jsonl(&lines))))
            }
            Stage::Captures(below) => {
                let pages = self.store.queued_captures(account, None, below, LINES)?;
                let Some(last) = pages.last().map(|page| page.id) else {
                    out.go(Stage::Movements(i64::MAX));
                    return Ok(None);
                };
                out.stage = Stage::Captures(last);
                let line = |q: &store::Queued| {
                    json!({"number": q.id, "url": q.url, "state": q.state, "outcome": q.outcome, "record": q.record,
                        "order": q.ordered, "asked_at": Utc(q.created_at).to_micros(),
                        "error": q.error.as_ref().map(|(zh, en)| json!({"zh": zh, "en": en}))})
                };
                let lines: Vec<Value> = pages.iter().map(line).collect();
                Ok(Some((format!("captures-{:04}.jsonl", out.nth), jsonl(&lines))))
            }
            Stage::Movements(below) => {
                let moves = self.store.moves(account, below, LINES, None)?;
                let Some(last) = moves.last().map(|m| m.seq) else {
                    out.go(Stage::Log(i64::MAX));
                    return Ok(None);
                };
                out.stage = Stage::Movements(last);
                let line = |m: &store::Move| {
                    json!({"at": Utc(m.at).to_micros(), "act": m.act, "unit": m.unit, "amount": m.amount, "bytes": m.bytes,
                        "subject": m.subject, "who": m.who, "why": m.why.as_ref().map(|(zh, en)| json!({"zh": zh, "en": en}))})
                };
                let lines: Vec<Value> = moves.iter().map(line).collect();
                Ok(Some((format!("quota-{:04}.jsonl", out.nth), jsonl(&lines))))
            }
            Stage::Log(before) => {
                let acts = self.store.acts(account, before, None, LINES)?;
                let Some(last) = acts.last().map(|a| a.seq) else {
                    out.go(if out.packages { Stage::Packages(String::new(), VecDeque::new()) } else { Stage::End });
                    return Ok(None);
                };
                out.stage = Stage::Log(last);
                let line = |a: &store::Noted| json!({"at": Utc(a.at).to_micros(), "who": a.who, "via": a.via, "act": a.act, "subject": a.subject});
                let lines: Vec<Value> = acts.iter().map(line).collect();
                Ok(Some((format!("audit-{:04}.jsonl", out.nth), jsonl(&lines))))
            }
            Stage::Packages(after, mut due) => {
                if due.is_empty() {
                    let more = self.store.records_after(account, &after, PIECE, None)?;
                    due.extend(more.into_iter().map(|r| r.id));
                }
                let Some(id) = due.pop_front() else {
                    out.go(Stage::Missing);
                    return Ok(None);
                };
                out.stage = Stage::Packages(id.clone(), due);
                // Erased meanwhile.
                let Some(record) = self.store.record(&id)?.filter(|r| r.account == account) else { return Ok(None) };
                match self.made(&record, &ExportRequest { pending: true, ..ExportRequest::default() }) {
                    Ok(made) => Ok(Some((format!("packages/{id}.zip"), made.package))),
                    Err(e) => {
                        out.miss(&id, &e.zh, &e.en);
                        Ok(None)
                    }
                }
            }
            Stage::Missing => {
                out.go(Stage::End);
                let missing = std::mem::take(&mut out.missing);
                Ok((!missing.is_empty()).then(|| ("missing.txt".into(), missing.into_bytes())))
            }
            Stage::End => Ok(None),
        }
    }

    fn account_told(&self, account: i64) -> Result<Value> {
        let Party { kind, name, code, id } = self.owner_of(account)?;
        let review = self.store.review(account)?;
        let review = review.map(|r| json!({"state": r.state, "reason": r.reason, "attestation": r.attestation}));
        Ok(json!({
            "account": account, "kind": kind, "name": name, "code": code, "id": id, "identity": review,
            "hold": self.store.hold(account)?, "ledger": self.origin, "operator": self.runs(),
            "exported_at": clock::now().to_micros(), "format": "quezao account export 1",
        }))
    }

    /// A record with all that opens it.
    fn whole(&self, record: &Record) -> Result<Value> {
        let told = disclosure::parse_set(&record.disclosures)?;
        let claims: BTreeMap<&str, &Value> = told.iter().map(|d| (d.name(), d.value())).collect();
        let tokens: Vec<String> = self.store.tokens(&record.id)?.iter().map(|t| STANDARD.encode(t)).collect();
        Ok(json!({
            "id": record.id, "kind": record.kind, "file": record.file_name, "size": record.size,
            "sha256": record.sha256.map(|d| hex::encode(&d)), "sm3": record.sm3.map(|d| hex::encode(&d)),
            "received_at": Utc(record.received_at).to_micros(), "index": record.index,
            "record_sha256": record.digest_hex(), "record": String::from_utf8_lossy(&record.record),
            "claims": claims, "disclosures": serde_json::from_slice::<Value>(&record.disclosures).unwrap_or_default(),
            "timestamps": tokens, "shops": self.store.shops_of(&record.id)?,
        }))
    }
}

impl Takeout {
    fn new(account: i64, operator: bool, packages: bool) -> Self {
        Self { account, operator, packages, stage: Stage::About, nth: 0, missing: String::new() }
    }

    fn go(&mut self, stage: Stage) {
        (self.stage, self.nth) = (stage, 0);
    }

    /// A file that could not be made, or found no room.
    pub fn miss(&mut self, name: &str, zh: &str, en: &str) {
        self.missing.push_str(&format!("{name}\t{zh}\t{en}\r\n"));
    }
}

fn jsonl(lines: &[Value]) -> Vec<u8> {
    lines.iter().map(|line| format!("{line}\n")).collect::<String>().into_bytes()
}

fn pretty(value: &Value) -> Vec<u8> {
    let mut text = serde_json::to_vec_pretty(value).unwrap_or_default();
    text.push(b'\n');
    text
}
