//! The vectors, made from fixed keys and times: every file below `vectors/`, as bytes.
//!
//! What a case should give is written here by hand, never taken from a verifier.
#![allow(clippy::unwrap_used, unreachable_pub, dead_code, missing_docs)]

mod attested;
mod capture;
mod capture_told;
mod certificate;
mod certificate_form;
mod collection;
mod comparison;
mod contact;
pub mod der;
mod earlier;
mod forged;
mod forged_capture;
mod form;
mod formats;
mod formats_notes;
mod later;
mod ledger;
mod licence;
mod licensed;
mod notes;
mod pdf;
mod related;
mod report;
mod series;
mod sign;
pub mod stamp;
mod statement;
mod tokens;
pub mod world;

use evidence::json::{Value, json};
use std::collections::BTreeMap;
use world::{Build, Entries, NOW, World};

/// One case: a package or certificate, who reads it, and what he should find.
pub struct Case {
    folder: String,
    check: String,
    what: String,
    package: Vec<u8>,
    /// Its name: `package.zip` or `certificate.pdf`.
    file: &'static str,
    trust: (&'static str, Entries),
    originals: Vec<(&'static str, &'static [u8])>,
    exit: u8,
    /// Every check that is not `pass`.
    checks: BTreeMap<String, &'static str>,
    optional: Option<&'static str>,
}

impl Case {
    /// Another check is not `pass` either.
    pub fn and(&mut self, id: &str, result: &'static str) -> &mut Self {
        self.checks.insert(id.to_owned(), result);
        self
    }

    /// It is this one of the series that fails, not the first.
    pub fn instead(&mut self, first: &str, id: &str) -> &mut Self {
        let result = self.checks.remove(first).unwrap();
        self.and(id, result)
    }

    pub fn all(&mut self, ids: &[&str], result: &'static str) -> &mut Self {
        ids.iter().for_each(|id| {
            self.and(id, result);
        });
        self
    }

    /// What stands on the statement is not looked at.
    pub fn statement_stops(&mut self) -> &mut Self {
        self.all(&["disclosures", "file", "ledger-binding", "times", "clock"], "not_checked")
    }

    /// The reader has no key of this ledger.
    pub fn no_log_key(&mut self) -> &mut Self {
        self.all(&["ledger-binding", "log-signature", "log-role", "policy"], "not_checked")
    }

    /// Needs what a reader may leave out.
    pub fn optional(&mut self, what: &'static str) -> &mut Self {
        self.optional = Some(what);
        self
    }

    fn json(&self) -> Vec<u8> {
        let result = ["verified", "not_verified", "", "incomplete"][usize::from(self.exit)];
        let originals: Vec<String> = self.originals.iter().map(|o| format!("originals/{}", o.0)).collect();
        let mut value = json!({
            "check": self.check, "what": self.what, "package": self.file, "trust": format!("trust/{}", self.trust.0),
            "originals": originals, "now": NOW.to_micros(), "result": result, "exit": self.exit, "checks": self.checks,
        });
        if let Some(what) = self.optional {
            value["optional"] = json!(what);
        }
        pretty(&value)
    }
}

/// All cases, in the order in which they are made.
#[derive(Default)]
pub struct Book {
    pub cases: Vec<Case>,
    counts: BTreeMap<String, usize>,
}

impl Book {
    fn add(&mut self, group: &str, kind: &str, slug: &str, what: &str, change: impl FnOnce(&mut Build)) -> &mut Case {
        let count = self.counts.entry(format!("{group}/{kind}")).or_default();
        *count += 1;
        let kind = if group == "forged" { String::new() } else { format!("{kind}-") };
        let folder = format!("{group}/{kind}{count:02}-{slug}");
        let mut build = Build::new(World::new(1));
        change(&mut build);
        self.cases.push(Case {
            folder,
            check: group.to_owned(),
            what: what.to_owned(),
            package: build.package(),
            file: if build.certificate.is_some() { "certificate.pdf" } else { "package.zip" },
            trust: build.trust,
            originals: build.originals,
            exit: 0,
            checks: BTreeMap::new(),
            optional: None,
        });
        self.cases.last_mut().unwrap()
    }

    /// Verified.
    pub fn good(&mut self, check: &str, slug: &str, what: &str, change: impl FnOnce(&mut Build)) -> &mut Case {
        self.add(check, "good", slug, what, change)
    }

    /// This check fails, and no other.
    pub fn bad(&mut self, check: &str, slug: &str, what: &str, change: impl FnOnce(&mut Build)) -> &mut Case {
        let case = self.add(check, "bad", slug, what, change);
        case.exit = 1;
        case.and(&check.replace('N', "1"), "fail")
    }

    /// This check is not made, and nothing contradicts.
    pub fn open(&mut self, check: &str, slug: &str, what: &str, change: impl FnOnce(&mut Build)) -> &mut Case {
        let case = self.add(check, "bad", slug, what, change);
        case.exit = 3;
        case.and(&check.replace('N', "1"), "not_checked")
    }
}

/// Every file below `vectors/` but the README, by path.
pub fn all() -> BTreeMap<String, Vec<u8>> {
    let mut book = Book::default();
    form::cases(&mut book);
    statement::cases(&mut book);
    ledger::cases(&mut book);
    notes::cases(&mut book);
    later::cases(&mut book);
    tokens::cases(&mut book);
    forged::cases(&mut book);
    certificate::cases(&mut book);
    certificate_form::cases(&mut book);
    capture::cases(&mut book);
    capture_told::cases(&mut book);
    contact::cases(&mut book);
    comparison::cases(&mut book);
    forged_capture::cases(&mut book);
    collection::cases(&mut book);
    related::cases(&mut book);
    earlier::cases(&mut book);
    attested::cases(&mut book);
    licence::cases(&mut book);
    licensed::cases(&mut book);
    report::cases(&mut book);
    let mut files = BTreeMap::new();
    let mut put = |path: String, bytes: Vec<u8>| {
        // Shared files are put by every case that uses them, always the same.
        let before = files.insert(path.clone(), bytes.clone());
        assert!(before.is_none_or(|b| b == bytes), "{path} has two contents");
    };
    for (name, bytes) in formats::files() {
        put(format!("formats/{name}"), bytes);
    }
    for case in book.cases {
        put(format!("{}/case.json", case.folder), case.json());
        put(format!("{}/{}", case.folder, case.file), case.package);
        for (name, bytes) in case.trust.1 {
            put(format!("trust/{}/{name}", case.trust.0), bytes);
        }
        for (name, bytes) in case.originals {
            put(format!("originals/{name}"), bytes.to_vec());
        }
    }
    files
}

fn pretty(value: &Value) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(value).unwrap();
    bytes.push(b'\n');
    bytes
}
