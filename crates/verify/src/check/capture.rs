//! A capture's file: every byte of it, how its page was reached, its order, and the contact proofs.
//!
//! The order lies in the file as a package of its own. It is checked like any other, by the same trust and clock; a
//! package inside it would be refused, so nothing nests twice.

use super::{Container, Entries, Stamp, Walk, check, environment, path, stamps, told, trees};
use crate::{Check, Facts, Outcome, Overall, Seal, Sentence, Verdict, verdict::clean, words};
use archive::wacz::{self, Source, Wacz};
use evidence::{
    Error, Result,
    contact::{self, Contact},
    hex,
    json::Value,
    record::leaf_hash,
    statement::{Kind, Ref, Statement},
    token::{Root, Token},
};
use sha2::{Digest, Sha256};
use std::{collections::BTreeSet, io::SeekFrom};

/// Most bytes of the order's package.
const MAX_ORDER: u64 = 64 << 20;
/// Most contact proofs.
const MAX_CONTACTS: usize = 256;

/// How a claim of the order and the same of the capture are held against each other.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// Both disclose it and neither leaves it null.
    Told,
    /// Both disclose it, or neither.
    Both,
    /// Where both disclose it: an order's package never has what only the court's copy discloses.
    Where,
}

const AGREE: [(&str, Rule); 7] = [
    ("url", Rule::Told),
    ("purpose", Rule::Told),
    ("owner_kind", Rule::Both),
    ("owner_name", Rule::Both),
    ("owner_code", Rule::Both),
    ("owner_id_masked", Rule::Both),
    ("owner_id", Rule::Where),
];

/// The order's package, as far as it can be read.
struct Order {
    entries: Entries,
    verdict: Verdict,
}

impl Walk<'_> {
    /// The checks of a capture. `tokens` are those over its statement.
    pub(super) fn capture(&mut self, statement: &Statement, tokens: &[Stamp]) {
        let mut carried = self.entries.get("capture.wacz").map(|bytes| wacz::in_memory(bytes));
        let mut beside = self.wacz.take();
        let source: Option<&mut dyn Source> = match (&mut carried, &mut beside) {
            (Some(bytes), _) => Some(bytes),
            (None, Some(file)) => Some(&mut **file),
            (None, None) => None,
        };
        let Some(source) = source else {
            let (zh, en) =
                ("没有给出取证文件（WACZ）；请一并给出。", "The capture's file (WACZ) was not given; give it along.");
            return ["capture-resources", path::ID, "capture-order", "capture-contact"].into_iter().for_each(|id| {
                self.unmade(id, zh, en);
            });
        };
        let (read, open, result) = match self.resources(statement, source) {
            Ok(found) => found,
            Err(e) => {
                self.checks.push(Check::error("capture-resources", &e));
                let (zh, en) = ("取证文件不成立，未再检查。", "Not checked, as the capture's file does not hold.");
                return [path::ID, "capture-order", "capture-contact"]
                    .into_iter()
                    .for_each(|id| self.unmade(id, zh, en));
            }
        };
        let (records, named) = (read.entries.len(), read.named().count());
        let (zh, en) = (
            format!("取证文件的每个字节都有出处：{records} 条记录，其中 {named} 条是取证自身的产物，全部摘要相符"),
            format!(
                "Every byte of the capture's file is accounted for: {records} records, {named} of them made by the capture itself, all digests agree"
            ),
        );
        let with = |of: fn(&Sentence) -> &str, between: &str| open.iter().map(of).collect::<Vec<_>>().join(between);
        self.checks.push(match open.is_empty() {
            true => Check::new("capture-resources", Outcome::Pass, format!("{zh}。"), format!("{en}.")),
            false => Check::new(
                "capture-resources",
                Outcome::Limited,
                format!("{zh}；有保留：{}。", with(|s| &s.zh, "；")),
                format!("{en}; with reservations: {}.", with(|s| &s.en, "; ")),
            ),
        });
        let ordered = self.facts.claims.get("url").and_then(Value::as_str);
        self.checks.push(path::check(ordered, &read, result.as_ref()));
        let order = self.order(&read, source);
        let compared = match &order {
            Ok(order) => self.compare(statement, tokens, order, &read),
            Err(e) => Err(e.clone()),
        };
        let check = match compared {
            Ok(check) => check,
            Err(e) => Check::error("capture-order", &e),
        };
        let contact = match order.as_ref().ok().filter(|_| check.result != Outcome::Fail) {
            Some(order) => self.contacts(&read, source, order),
            None => Check::new(
                "capture-contact",
                Outcome::NotChecked,
                "取证指令不成立，接触证明没有可比对的值。",
                "The order does not hold, so contact proofs cannot be compared with it.",
            ),
        };
        let held = check.holds();
        self.checks.extend([check, contact.optional()]);
        self.checks.extend(result.as_ref().and_then(environment::check));
        // What lies unchecked in the order's package is said like what lies unchecked in this one.
        let unchecked = order.iter().flat_map(|o| &o.verdict.facts.unchecked_entries);
        self.facts.unchecked_entries.extend(unchecked.map(|name| format!("order/{name}")));
        self.facts.order = order.ok().filter(|_| held).map(|o| Box::new(o.verdict.facts));
        self.facts.ended = result;
        self.facts.capture = Some(Box::new(read));
    }

    fn unmade(&mut self, id: &str, zh: &str, en: &str) {
        let check = Check::new(id, Outcome::NotChecked, zh, en);
        self.checks.push(Check { required: id != "capture-contact", ..check });
    }

    /// The file's form, the statement's digest of it, and the story that both tell; what holds with a reservation, and
    /// what the file says of its own end.
    fn resources(
        &self,
        statement: &Statement,
        source: &mut dyn Source,
    ) -> Result<(Wacz, Vec<Sentence>, Option<Value>)> {
        let read = wacz::read(source).map_err(in_words)?;
        let (size, sha256) = digest(source)?;
        let file = statement.file.as_ref().map(|f| &f.digests);
        if let Some(file) = file.filter(|f| (f.size, f.sha256) != (size, sha256)) {
            let text = |size: u64, sha: &[u8; 32]| format!("{size} bytes, SHA-256 {}", hex::encode(sha));
            return Err(Error::mismatch("WACZ", text(size, &sha256), text(file.size, &file.sha256)));
        }
        let result = environment::result(&read, source);
        let open = told::agree(statement, &self.facts.claims, &read, source, result.as_ref())?;
        Ok((read, open, result))
    }

    fn order(&self, read: &Wacz, source: &mut dyn Source) -> Result<Order> {
        let entry = read.find("order");
        let entry = entry.ok_or_else(|| Error::malformed("WACZ", "no urn:quezao:order", "the order's package"))?;
        if entry.content_type.as_deref() != Some("application/zip") {
            let found = entry.content_type.clone().unwrap_or_default();
            return Err(Error::malformed("media type of the order", found, "application/zip"));
        }
        let bytes = read.payload(source, entry, MAX_ORDER).map_err(in_words)?;
        let entries: Entries = archive::package::read(&bytes)?.entries.into_iter().collect();
        const FILES: [&str; 4] = ["certificate.pdf", "capture.wacz", "comparison.json", "manifest.jsonl"];
        if let Some(name) = FILES.into_iter().find(|n| entries.contains_key(*n)) {
            return Err(Error::malformed("the order's package", name, "an order's evidence alone"));
        }
        let verdict = check(&entries, Container::Package, self.trust, &[], self.now);
        Ok(Order { entries, verdict })
    }

    /// What order and capture say about each other; a contradiction comes before what is missing.
    fn compare(&self, statement: &Statement, tokens: &[Stamp], order: &Order, read: &Wacz) -> Result<Check> {
        let Order { entries, verdict } = order;
        if verdict.result == Overall::NotVerified {
            let failed = verdict.checks.iter().find(|c| c.result == Outcome::Fail);
            let (id, zh, en) = failed.map_or(("", "", ""), |c| (&c.id, &c.zh, &c.en));
            let (zh, en) =
                (format!("指令的证据包不成立（{id}）：{zh}"), format!("The order's package fails at {id}: {en}"));
            return Ok(Check::new("capture-order", Outcome::Fail, zh, en));
        }
        let Some(ordered) = &verdict.facts.statement else {
            let unread = verdict.checks.iter().find(|c| c.required && c.result == Outcome::NotChecked);
            let missing = unread.map_or_else(String::new, |c| format!("{}: {}", c.id, c.en));
            return Err(Error::Missing { what: "statement of the order", missing });
        };
        same("kind of the order", ordered.kind.as_str(), Kind::Order.as_str())?;
        let provenance = |s: &Statement| s.provenance.map_or("none", |p| p.as_str());
        same("provenance of the order", provenance(ordered), provenance(statement))?;
        same("ledger of the order", &ordered.ledger, &statement.ledger)?;
        let record = entries.get("record.json").map(Vec::as_slice).unwrap_or_default();
        let named = self.facts.claims.get("refs").map_or(&Value::Null, |refs| &refs[0]);
        let own = Ref { ledger: ordered.ledger.clone(), id: ordered.id.clone(), leaf: leaf_hash(record) }.to_value();
        same("first of the capture's refs", named, &own)?;
        if let (Some(index), Some(first)) = (self.facts.index, verdict.facts.index)
            && first >= index
        {
            return Err(Error::mismatch("index of the order", first, format!("< {index}")));
        }
        self.same_ledger(order)?;
        self.in_order(tokens, entries, read)?;
        let (ordered, captured) = (&verdict.facts.claims, &self.facts.claims);
        for (name, rule) in AGREE {
            let told = |claim: Option<&Value>| claim.is_some_and(|v| rule != Rule::Told || !v.is_null());
            let (a, b) = (ordered.get(name), captured.get(name));
            match (told(a), told(b)) {
                (true, true) => {
                    let (a, b) = (a.unwrap_or(&Value::Null), b.unwrap_or(&Value::Null));
                    same(name_of(name), a, b)?;
                }
                (false, false) if rule != Rule::Told => {}
                _ if rule == Rule::Where => {}
                // Not to be told apart from another page's order, or another owner's.
                _ => return Err(Error::Missing { what: "disclosed by order and capture", missing: name.into() }),
            }
        }
        Ok(match verdict.result {
            Overall::Incomplete => {
                let open = verdict.checks.iter().find(|c| c.required && c.result == Outcome::NotChecked);
                let (id, zh, en) = open.map_or(("", "", ""), |c| (&c.id, &c.zh, &c.en));
                let (zh, en) = (
                    format!("指令的证据包不完整（{id}）：{zh}"),
                    format!("The order's package is incomplete at {id}: {en}"),
                );
                Check::new("capture-order", Outcome::NotChecked, zh, en)
            }
            _ => held(verdict),
        })
    }

    /// Whether order and capture can be of one ledger. The capture's leaf commits to the order's checkpoint, so it
    /// cannot be among the leaves that this checkpoint covers; a ledger has one leaf 0; and what both proofs say about
    /// the same part of the tree is the same.
    fn same_ledger(&self, order: &Order) -> Result<()> {
        if let (Some(index), Some((_, covered, _))) = (self.facts.index, &order.verdict.facts.checkpoint)
            && index < *covered
        {
            let bound = format!(">= {covered} (the size of the order's checkpoint)");
            return Err(Error::mismatch("index of the capture", index, bound));
        }
        let first = |entries: &Entries| entries.get("operator-record.json").map(|r| hex::encode(&leaf_hash(r)));
        if let (Some(a), Some(b)) = (first(&order.entries), first(self.entries)) {
            same("leaf 0 with the order", &a, &b)?;
        }
        // A proof that leads nowhere fails elsewhere.
        let holds = |checks: &[Check]| checks.iter().any(|c| c.id == "inclusion" && c.holds());
        if holds(&self.checks) && holds(&order.verdict.checks) {
            trees::agree(&order.entries, self.entries)?;
        }
        Ok(())
    }

    /// genTime − accuracy of each token over the order's checkpoint ≤ genTime + accuracy of each over the statement,
    /// and what the file is dated lies between.
    fn in_order(&self, tokens: &[Stamp], order: &Entries, read: &Wacz) -> Result<()> {
        let seals = order.iter().filter(|(n, _)| n.starts_with("checkpoint") && n.ends_with(".tsr"));
        let seals = seals.map(|(_, seal)| Token::parse_tsr(seal)).collect::<Result<Vec<_>>>()?;
        let tokens: Vec<&Token> = tokens.iter().filter_map(|s| s.token.as_ref()).collect();
        for (seal, token) in seals.iter().flat_map(|s| tokens.iter().map(move |t| (s, t))) {
            let (earliest, latest) = (seal.gen_time.plus(-seal.accuracy), token.gen_time.plus(token.accuracy));
            if earliest > latest {
                let bound = format!(">= {} (the order's seal)", earliest.to_micros());
                return Err(Error::mismatch("genTime over the capture's statement", latest.to_micros(), bound));
            }
        }
        told::dated(read, &seals, &tokens)
    }

    fn contacts(&self, read: &Wacz, source: &mut dyn Source, order: &Order) -> Check {
        const ID: &str = "capture-contact";
        let proofs: Vec<_> = read.named().filter(|(n, _)| n.split('/').next() == Some("contact")).collect();
        if proofs.is_empty() {
            let (zh, en) =
                ("没有接触证明；没有它不说明什么。", "There is no contact proof; that there is none proves nothing.");
            return Check::new(ID, Outcome::NotChecked, zh, en);
        }
        if proofs.len() > MAX_CONTACTS {
            let (found, limit) = (proofs.len() as u64, MAX_CONTACTS as u64);
            return Check::error(ID, &Error::TooLarge { what: "contact proofs", found, limit });
        }
        let (record, seal) = (order.entries.get("record.json"), order.entries.get("checkpoint.tsr"));
        let (Some(record), Some(seal)) = (record, seal) else {
            let e = Error::Missing { what: "the order's package", missing: "checkpoint.tsr".into() };
            return Check::error(ID, &e);
        };
        let random = contact::random(record, seal);
        let mut open = None;
        let mut found: Vec<Contact> = Vec::new();
        for (_, entry) in proofs {
            let proof = read.payload(source, entry, contact::MAX_BYTES as u64).map_err(in_words);
            match proof.and_then(|p| Contact::parse(&p)) {
                Ok(contact) if contact.random != random => {
                    let (found, expected) = (hex::encode(&contact.random), hex::encode(&random));
                    return Check::error(ID, &Error::mismatch("ClientHello.random", found, expected));
                }
                Ok(contact) => found.push(contact),
                Err(e) if e.is_incomplete() => open = Some(e),
                Err(e) => return Check::error(ID, &e),
            }
        }
        if let Some(e) = open {
            return Check::error(ID, &e);
        }
        if self.trust.web.is_empty() {
            return Check::new(
                ID,
                Outcome::NotChecked,
                "接触证明的签名都成立，但您的信任文件夹中没有网站根证书（web-*.pem），不知道是谁的密钥。",
                "The proofs' signatures hold, but your trust folder has no roots for web sites (web-*.pem), so whose keys they are is not known.",
            );
        }
        // The proofs are over this token: what is not known of it, the lower bound lacks.
        let note = order.entries.get("checkpoint.txt").map(Vec::as_slice).unwrap_or_default();
        let stamp = stamps::check(self.trust, "sealing-token-1".into(), seal, note, None, &stamps::CHECKPOINT);
        self.trusted(&found, stamp.verified.as_ref())
    }

    /// Names and chains, by the reader's roots, when the capture was stamped. `sealed` is the token of the order's
    /// `checkpoint.tsr`, if the reader knows its authority.
    fn trusted(&self, found: &[Contact], sealed: Option<&Seal>) -> Check {
        const ID: &str = "capture-contact";
        let at = self.facts.t1.as_ref().map_or(self.now, |t| t.at);
        let (mut names, mut doubts) = (Vec::new(), Vec::new());
        for contact in found {
            let name = contact.server_name.clone().unwrap_or_else(|| "an address".into());
            match contact.check_path(&self.trust.web, at) {
                Ok(root) if contact.is_for_name() => names.push((name, Root::name(root))),
                Ok(_) => doubts.push(format!("{name}: not in the certificate")),
                Err(e) => doubts.push(format!("{name}: {e}")),
            }
        }
        // The site that was ordered, and the one whose page is shown: a redirect may lead to another's.
        let sites = ["url", "final_url"].map(|name| self.facts.claims.get(name).and_then(Value::as_str));
        let sites: BTreeSet<_> = sites.into_iter().flatten().map(|url| host(url).ok_or(url)).collect();
        if doubts.is_empty() {
            let proved = |host: &String| names.iter().any(|(n, _)| n == host);
            let lacking = sites.iter().filter(|site| !site.as_ref().is_ok_and(proved));
            doubts.extend(lacking.map(|site| match site {
                Ok(host) => format!("{host}: no proof"),
                Err(url) => format!("{}: no proof", url.chars().take(100).collect::<String>()),
            }));
        }
        let names: Vec<String> = names.into_iter().map(|(name, root)| format!("{name} ({root})")).collect();
        let (listed, doubts) = (clean(names.join(", ")), clean(doubts.join("; ")));
        let (zh, en) = sealed.map_or_else(
            || {
                (
                    "指令的 checkpoint.tsr 出自您不认识的机构，其时间不能确认；各证明都签在它之后".to_owned(),
                    "The order's checkpoint.tsr is by an authority that you do not know, so its time is not established; each proof was signed after it"
                        .to_owned(),
                )
            },
            |seal| {
                let (who, date) = (&seal.authority, words::date_before(seal.at.plus(-seal.accuracy)));
                (
                    format!("“{who}”封存指令（checkpoint.tsr，不早于 {date}）之后，各证明才签署"),
                    format!("Each proof was signed after \"{who}\" had sealed the order (checkpoint.tsr, no earlier than {date})"),
                )
            },
        );
        let (zh, en) = if listed.is_empty() {
            (zh, en)
        } else {
            (format!("{zh}；有过应答的网站密钥：{listed}"), format!("{en}; keys of these sites answered: {listed}"))
        };
        if doubts.is_empty() && sealed.is_some() {
            let en = format!("{en}. It binds no content of a page, and tells no port from another.");
            return Check::new(ID, Outcome::Pass, format!("{zh}。它不约束页面的内容，也不区分端口。"), en);
        }
        if doubts.is_empty() {
            return Check::new(ID, Outcome::Limited, format!("{zh}。"), format!("{en}."));
        }
        Check::new(
            ID,
            Outcome::Limited,
            format!("{zh}；有保留：{doubts}。"),
            format!("{en}; with reservations: {doubts}."),
        )
    }
}

/// The order holds, and so does its place before the capture.
fn held(verdict: &Verdict) -> Check {
    let Facts { index, t2, .. } = &verdict.facts;
    let date = t2.as_ref().map_or_else(String::new, |t| words::date_before(t.at.plus(-t.accuracy)));
    let (index, who) = (index.unwrap_or(0), t2.as_ref().map_or("", |t| t.authority.as_str()));
    let (zh, en) = (
        format!("指令是该账本第 {index} 条，由“{who}”封存（不早于 {date}）；取证记录在此之后作出"),
        format!(
            "The order is leaf {index} of this ledger, sealed by \"{who}\" no earlier than {date}; the capture's record was made after that"
        ),
    );
    let limited = verdict.checks.iter().filter(|c| c.result == Outcome::Limited && (c.required || c.id == "log-role"));
    let limited = limited.map(|c| c.id.as_str()).collect::<Vec<_>>().join(", ");
    if verdict.has_reservations() {
        return Check::new(
            "capture-order",
            Outcome::Limited,
            format!("{zh}；指令的证据包带有保留（{limited}）。"),
            format!("{en}; the order's package holds with reservations ({limited})."),
        );
    }
    Check::new("capture-order", Outcome::Pass, format!("{zh}。"), format!("{en}."))
}

/// Host of a URL, lower case, if it is a name.
fn host(url: &str) -> Option<String> {
    let rest = url.strip_prefix("https://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let name = authority.rsplit_once('@').map_or(authority, |(_, h)| h);
    Some(name.rsplit_once(':').map_or(name, |(n, _)| n).to_ascii_lowercase())
}

fn same<T: PartialEq + ToString + ?Sized>(what: &'static str, found: &T, expected: &T) -> Result<()> {
    if found == expected { Ok(()) } else { Err(Error::mismatch(what, found.to_string(), expected.to_string())) }
}

fn name_of(claim: &str) -> &'static str {
    match claim {
        "url" => "url of the order",
        "purpose" => "purpose of the order",
        _ => "owner of the order",
    }
}

/// A file that cannot be read contradicts nothing.
pub(super) fn in_words(error: wacz::Error) -> Error {
    match error {
        wacz::Error::Form(e) => e,
        wacz::Error::Io(e) => Error::Missing { what: "WACZ", missing: format!("its bytes ({e})") },
    }
}

fn digest(source: &mut dyn Source) -> Result<(u64, [u8; 32])> {
    let lost = |e: std::io::Error| in_words(wacz::Error::Io(e));
    source.seek(SeekFrom::Start(0)).map_err(lost)?;
    let (mut sha256, mut size, mut buffer) = (Sha256::new(), 0, vec![0; 64 << 10]);
    loop {
        match source.read(&mut buffer).map_err(lost)? {
            0 => return Ok((size, sha256.finalize().into())),
            n => {
                sha256.update(&buffer[..n]);
                size += n as u64;
            }
        }
    }
}
