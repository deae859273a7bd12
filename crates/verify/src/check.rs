//! The walk: every check in the order in which a reader asks.
//!
//! A check reads only what it needs, so one broken entry does not silence the others.

mod address;
mod capture;
mod certificate;
mod collection;
mod comparison;
mod earlier;
mod environment;
mod file;
mod form;
mod later;
mod ledger;
mod named;
mod path;
mod related;
mod report;
mod stamps;
mod told;
mod trees;

pub use self::{comparison::licence_words, related::attested, report::reported};
pub(crate) use self::{
    later::{Added, Later},
    ledger::Signed,
    stamps::Stamp,
};
use crate::{Check, Facts, Original, Outcome, Overall, Trust, Verdict, times, verdict::clean, words};
use archive::{pdf::CertificatePdf, wacz::Source};
use evidence::{
    Error, Result,
    comparison::Comparison,
    digest, disclosure, hex,
    record::Record,
    statement::{Clock, Kind, Statement},
    time::Utc,
};
use std::collections::BTreeMap;

/// Where the entries come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    /// A ZIP: `package.json` is there.
    Package,
    /// A folder: `package.json` may be absent.
    Folder,
    /// A certificate's attachments: there is no `package.json`, since the signature covers them all.
    Certificate,
}

pub(crate) type Entries = BTreeMap<String, Vec<u8>>;

/// Checks a package as it lies there. What cannot be read as a package ends at `form`.
pub fn check_package(bytes: &[u8], trust: &Trust, originals: &[Original], now: Utc) -> Verdict {
    check_package_beside(bytes, trust, originals, None, now)
}

/// [`check_package`], with a capture's file (or a comparison's) that lies beside it; its digests stand in `originals` too.
pub fn check_package_beside(
    bytes: &[u8],
    trust: &Trust,
    originals: &[Original],
    wacz: Option<&mut dyn Source>,
    now: Utc,
) -> Verdict {
    match archive::package::read(bytes) {
        Ok(package) => {
            check_beside(&package.entries.into_iter().collect(), Container::Package, trust, originals, wacz, now)
        }
        Err(e) => unreadable(&e, None, trust, now),
    }
}

/// Checks a certificate (PDF): what it attaches, and its signature. Of a verification report, the evidence that it attaches.
pub fn check_certificate(bytes: &[u8], trust: &Trust, originals: &[Original], now: Utc) -> Verdict {
    check_certificate_beside(bytes, trust, originals, None, now)
}

/// [`check_certificate`], with a capture's file that lies beside it; its digests stand in `originals` too.
pub fn check_certificate_beside(
    bytes: &[u8],
    trust: &Trust,
    originals: &[Original],
    wacz: Option<&mut dyn Source>,
    now: Utc,
) -> Verdict {
    let read = archive::pdf::read(bytes);
    if let Some(read) = read.as_ref().ok().filter(|read| report::is_report(read)) {
        return report::check(bytes, read, trust, originals, wacz, now);
    }
    let read = read.and_then(|read| match read.attachments.iter().find(|(name, _)| !archive::is_attached(name)) {
        Some((name, _)) => Err(Error::malformed("certificate", format!("{name} attached"), "evidence only")),
        None => Ok(read),
    });
    let read = match read {
        Ok(read) => read,
        Err(e) => return unreadable(&e, Some(Carried::Unreadable), trust, now),
    };
    let entries: Entries = read.attachments.iter().cloned().collect();
    let mut walk = Walk::new(&entries, trust, now);
    walk.certificate = Some(Carried::Itself(bytes, &read));
    walk.wacz = wacz.map(|w| w as &mut dyn Source);
    walk.all(Container::Certificate, originals);
    walk.verdict()
}

/// What cannot be read ends at `form`.
fn unreadable(error: &Error, certificate: Option<Carried<'_>>, trust: &Trust, now: Utc) -> Verdict {
    let mut walk = Walk::new(const { &Entries::new() }, trust, now);
    walk.certificate = certificate;
    walk.nothing_but(Check::error("form", error));
    walk.verdict()
}

/// Checks the entries of a package or folder against the reader's trust, originals and clock.
pub fn check(entries: &Entries, container: Container, trust: &Trust, originals: &[Original], now: Utc) -> Verdict {
    check_beside(entries, container, trust, originals, None, now)
}

/// [`check`], with a capture's file that lies beside the entries; its digests stand in `originals` too.
pub fn check_beside(
    entries: &Entries,
    container: Container,
    trust: &Trust,
    originals: &[Original],
    wacz: Option<&mut dyn Source>,
    now: Utc,
) -> Verdict {
    let mut walk = Walk::new(entries, trust, now);
    walk.wacz = wacz.map(|w| w as &mut dyn Source);
    walk.certificate = entries.get("certificate.pdf").map(|bytes| Carried::Entry(bytes));
    walk.all(container, originals);
    walk.verdict()
}

/// State of one verification.
struct Walk<'a> {
    entries: &'a Entries,
    trust: &'a Trust,
    now: Utc,
    checks: Vec<Check>,
    facts: Facts,
    certificate: Option<Carried<'a>>,
    /// A capture's file, or a comparison's, that lies beside the entries.
    wacz: Option<&'a mut dyn Source>,
    /// A comparison's document, until it is checked.
    comparison: Option<Result<Comparison>>,
}

/// The certificate in question, where there is one.
enum Carried<'a> {
    Itself(&'a [u8], &'a CertificatePdf),
    Entry(&'a [u8]),
    /// Its form does not hold.
    Unreadable,
}

/// Ids, without their numbers, in the order in which they are reported.
const ORDER: &[&str] = &[
    "form",
    "statement",
    "disclosures",
    "file",
    "ledger-binding",
    "statement-token-",
    "inclusion",
    "log-signature",
    "sealing-token-",
    "log-role",
    "later-",
    "renewal-",
    "policy",
    "operator",
    "times",
    "clock",
    "certificate-signature",
    "report",
    "capture-resources",
    "capture-path",
    "capture-order",
    "capture-contact",
    "capture-environment",
    "comparison",
    "comparison-distances",
    "collection-manifest",
    "collection-items",
    "collection-file-",
    "earlier-ledger",
    "named",
    "named-file-",
    "related-",
    "later-records",
    "printed-page",
];

/// A clock that is further off is told, microseconds.
const CLOCK_OFF: u64 = 1_000_000;

/// The required checks after `form`.
const REQUIRED: &[&str] = &[
    "file",
    "statement",
    "disclosures",
    "ledger-binding",
    "statement-token-1",
    "inclusion",
    "log-signature",
    "policy",
    "operator",
    "sealing-token-1",
    "times",
];

fn in_order(checks: &mut [Check]) {
    let is = |id: &str, known: &str| match id.strip_prefix(known) {
        Some("") => true,
        Some(rest) => known.ends_with('-') && rest.bytes().all(|c| c.is_ascii_digit()),
        None => false,
    };
    checks.sort_by_key(|c| ORDER.iter().position(|known| is(&c.id, known)).unwrap_or(ORDER.len()));
}

impl<'a> Walk<'a> {
    fn new(entries: &'a Entries, trust: &'a Trust, now: Utc) -> Self {
        Self {
            entries,
            trust,
            now,
            checks: Vec::new(),
            facts: Facts::default(),
            certificate: None,
            wacz: None,
            comparison: None,
        }
    }
}

impl Walk<'_> {
    fn all(&mut self, container: Container, originals: &[Original]) {
        let record = self.entry("record.json").and_then(Record::parse);
        let statement = self.entry("statement.json").and_then(Statement::parse);
        self.facts.record_sha256 = self.entry("record.json").ok().map(digest::sha256);
        self.facts.statement = statement.clone().ok();

        let form = self.form(container, record.as_ref().ok());
        if !form.holds() {
            return self.nothing_but(form);
        }
        self.checks.push(form);
        let stated = self.statement(&statement, &record);
        // What stands on the statement is not looked at where that does not stand.
        let statement = statement.ok().filter(|_| stated.holds());
        self.facts.statement = statement.clone();
        self.checks.push(stated);
        let disclosures = self.disclosures(statement.as_ref());
        self.checks.push(disclosures);
        if statement.as_ref().is_some_and(|s| s.kind == Kind::Comparison) {
            self.comparison = Some(self.document());
        }
        let file = self.file(statement.as_ref(), originals);
        self.checks.push(file);

        let main = self.main_checkpoint();
        let binding = self.ledger_binding(statement.as_ref(), &main);
        self.checks.push(binding);
        let mut statement_tokens = self.statement_tokens(record.as_ref().ok());
        let mut sealing = self.sealing_tokens();
        let at = sealing.iter().chain(&statement_tokens).find_map(|s| s.verified.as_ref()).map_or(self.now, |s| s.at);
        self.facts.t1 = stamps::earliest(&statement_tokens);
        self.facts.t2 = stamps::earliest(&sealing);
        self.log_checks(&main, at);
        let mut added = self.added(&main);
        for stamp in statement_tokens.iter_mut().chain(&mut sealing) {
            stamp.age(&added.renewed, self.now);
        }
        self.checks.extend(statement_tokens.iter().map(|s| s.check.clone()));
        let policy = self.policy(&main, &added.later, at);
        self.checks.push(policy);
        let operator = self.operator(&main);
        self.checks.push(operator);
        self.checks.extend(sealing.iter().map(|s| s.check.clone()));

        let cosigned = times::cosignatures(&main, &sealing, &added.later);
        let times =
            times::check(self.facts.statement.as_ref(), &statement_tokens, &sealing, &added, &cosigned, self.now);
        self.checks.push(times);
        let clock = self.clock();
        self.checks.push(clock);
        self.checks.append(&mut added.checks);
        self.related(&main, &statement_tokens);
        let signature = match &self.certificate {
            Some(Carried::Itself(bytes, read)) => Some(self.certificate(bytes, read)),
            Some(Carried::Entry(bytes)) => Some(self.carried_certificate(bytes)),
            Some(Carried::Unreadable) | None => None,
        };
        self.checks.extend(signature);
        match &statement {
            Some(statement) if statement.kind == Kind::Capture => self.capture(statement, &statement_tokens),
            Some(statement) if statement.kind == Kind::Comparison => self.comparison(statement),
            Some(statement) if statement.kind == Kind::Collection => {
                self.collection(statement, &main, (&statement_tokens, &added.renewed), originals);
            }
            Some(statement) if statement.kind == Kind::Licence => self.licence(originals),
            Some(statement) if statement.kind == Kind::Origin => self.earlier(statement),
            _ => {}
        }
        self.always();
    }

    fn verdict(self) -> Verdict {
        let Walk { mut checks, facts, .. } = self;
        in_order(&mut checks);
        let result = Overall::of(&checks);
        let shows = if result == Overall::NotVerified { Vec::new() } else { words::shows(&checks, &facts) };
        let does_not_show = words::does_not_show(&checks, &facts);
        Verdict { result, checks, shows, does_not_show, facts }
    }

    /// Without its form nothing is read from it: every required check is named, and not made.
    fn nothing_but(&mut self, form: Check) {
        self.facts = Facts::default();
        self.checks.push(form);
        for id in REQUIRED {
            let (zh, en) = ("格式不成立，未再检查。", "Not checked, as the form does not hold.");
            self.checks.push(Check::new(*id, Outcome::NotChecked, zh, en));
        }
        if self.certificate.is_some() {
            let (zh, en) = ("格式不成立，未再检查。", "Not checked, as the form does not hold.");
            self.checks.push(Check::new("certificate-signature", Outcome::NotChecked, zh, en));
        }
        self.always();
    }

    /// An entry that must be there to look at it; whether its absence contradicts is `form`'s to say.
    fn entry(&self, name: &str) -> Result<&[u8]> {
        let bytes = self.entries.get(name).map(Vec::as_slice);
        bytes.ok_or_else(|| Error::Missing { what: "package", missing: clean(name.to_owned()) })
    }

    fn statement(&self, statement: &Result<Statement>, record: &Result<Record>) -> Check {
        let compared = || -> Result<()> {
            let (statement, record) =
                (statement.as_ref().map_err(Clone::clone)?, record.as_ref().map_err(Clone::clone)?);
            let (found, inside) = (self.entry("statement.json")?, record.statement.to_bytes()?);
            if found != inside {
                let text = |b: &[u8]| hex::encode(&digest::sha256(b));
                return Err(Error::mismatch("statement in the record", text(found), text(&inside)));
            }
            match statement.kind {
                Kind::Operator => {
                    Err(Error::malformed("statement kind", "operator", "a record of its own, not leaf 0"))
                }
                _ => Ok(()),
            }
        };
        match compared() {
            Ok(()) => Check::new(
                "statement",
                Outcome::Pass,
                "声明格式正确，并且就是账本记录中的那一份。",
                "The statement has its form and is the one inside the ledger's record.",
            ),
            Err(e) => Check::error("statement", &e),
        }
    }

    fn disclosures(&mut self, statement: Option<&Statement>) -> Check {
        let Some(statement) = statement else {
            return Check::new(
                "disclosures",
                Outcome::NotChecked,
                "声明无法读取，披露的内容没有可比对的值。",
                "The statement could not be read, so what is disclosed cannot be compared.",
            );
        };
        let opened = self.entry("disclosure.json").and_then(disclosure::parse_set).and_then(|set| statement.open(&set));
        let opened = opened.and_then(|opened| statement.check_told(&opened).map(|()| opened));
        match opened {
            Ok(opened) => {
                let (n, of) = (opened.len(), statement.claims.len());
                self.facts.claims = opened;
                Check::new(
                    "disclosures",
                    Outcome::Pass,
                    format!("披露的 {n} 项内容都是声明中承诺的原值（共 {of} 项）。"),
                    format!("The {n} disclosed claims are those that the statement commits to (of {of})."),
                )
            }
            Err(e) => Check::error("disclosures", &e),
        }
    }

    fn statement_tokens(&self, record: Option<&Record>) -> Vec<Stamp> {
        let data = self.entries.get("statement.json").map(Vec::as_slice).unwrap_or_default();
        let mut stamps: Vec<Stamp> = (1..=4)
            .filter_map(|n| Some((n, self.entries.get(&format!("timestamp-{n}.tsr"))?)))
            .map(|(n, tsr)| {
                let named = record.and_then(|r| r.timestamps.get(n - 1));
                stamps::check(self.trust, format!("statement-token-{n}"), tsr, data, named, &stamps::STATEMENT)
            })
            .collect();
        if stamps.is_empty() {
            let e = Error::Missing { what: "package", missing: "timestamp-1.tsr".into() };
            stamps.push(Stamp::absent(Check::error("statement-token-1", &e)));
        }
        stamps::settle(&mut stamps);
        stamps
    }

    fn sealing_tokens(&self) -> Vec<Stamp> {
        let data = self.entries.get("checkpoint.txt").map(Vec::as_slice).unwrap_or_default();
        let name = |n| if n == 1 { "checkpoint.tsr".to_owned() } else { format!("checkpoint-{n}.tsr") };
        let mut stamps: Vec<Stamp> = (1..=9)
            .filter_map(|n| Some((n, self.entries.get(&name(n))?)))
            .map(|(n, tsr)| {
                stamps::check(self.trust, format!("sealing-token-{n}"), tsr, data, None, &stamps::CHECKPOINT)
            })
            .collect();
        if stamps.is_empty() {
            stamps.push(Stamp::absent(Check::new(
                "sealing-token-1",
                Outcome::NotChecked,
                "检查点还没有时间戳（尚未封存）。",
                "The checkpoint has no time-stamp (not sealed yet).",
            )));
        }
        stamps::settle(&mut stamps);
        stamps
    }

    fn clock(&self) -> Check {
        let check = match self.facts.statement.as_ref().map(|s| &s.clock) {
            Some(Clock::Checked { source, offset_us, at }) if offset_us.unsigned_abs() > CLOCK_OFF => Check::new(
                "clock",
                Outcome::Limited,
                format!("平台称其时钟于 {} 与 {source} 比对，相差 {offset_us} 微秒，超过一秒。", words::date(*at)),
                format!(
                    "The platform says that it compared its clock with {source} at {}: {offset_us} us, more than a second.",
                    words::date(*at)
                ),
            ),
            Some(Clock::Checked { source, offset_us, at }) => Check::new(
                "clock",
                Outcome::Pass,
                format!("平台称其时钟于 {} 与 {source} 比对，相差 {offset_us} 微秒。", words::date(*at)),
                format!(
                    "The platform says that it compared its clock with {source} at {}: {offset_us} us.",
                    words::date(*at)
                ),
            ),
            Some(Clock::Unchecked) => Check::new(
                "clock",
                Outcome::Limited,
                "平台没有比对过自己的时钟；证据的时间以时间戳为准。",
                "The platform did not compare its clock; the time-stamps are what dates the evidence.",
            ),
            None => Check::new("clock", Outcome::NotChecked, "声明无法读取。", "The statement could not be read."),
        };
        check.optional()
    }

    /// What is never checked here.
    fn always(&mut self) {
        let mut unchecked = |id: &str, required: bool, zh: String, en: String| {
            self.checks.push(Check { required, ..Check::new(id, Outcome::NotChecked, zh, en) });
        };
        let size = self.facts.checkpoint.as_ref().map_or("?".to_owned(), |c| c.1.to_string());
        unchecked(
            "later-records",
            false,
            format!("账本第 {size} 条之后的记录未检查：只有节点能检查。"),
            format!("Records after size {size} were not checked: only a node can."),
        );
        unchecked(
            "printed-page",
            false,
            "打印或显示的页面未检查：核验的是文件本身。".into(),
            "The printed or shown page was not checked: the files are what is verified.".into(),
        );
    }
}
