//! A verdict becomes a sheet: what the verdict holds is printed, what it does not hold is not.
//!
//! Rules:
//! - The one source is [`verify::Verdict`] with its facts. Beside it stand only [`Beside`]'s three values, each
//!   printed as what it is: a date, a count "by the operator", a file name inside a command.
//! - An opened claim is printed only where `disclosures` holds, a date only where its token and what it stands on do.
//! - `owner_id` and `operator_id` are never looked up: there is no way from them to the page, whatever is disclosed.
//! - The verdict's sentences speak to a reader with a trust of his own; on paper they speak of the trust that was used.

use archive::wacz::Source;
use evidence::json::Value;
use evidence::statement::{self, OperatorRelation};
use evidence::time::{SECOND, Utc};
use verify::{Facts, Overall};

use crate::collected::Collected;
use crate::compared::{Compared, Likenesses};
use crate::error::Error;
use crate::report::{Pictures, Report, cut};
use crate::sheet::{
    Check, Claim, Clock, Custody, Event, EventKind, File, Kind, Ledger, Moment, Number, NumberLabel, Operator, Outcome,
    Owner, Provenance, Relation, Sheet, Step, Verdict, Words,
};

/// What `init` adds to the name of an authority of the operator's own.
const EMBEDDED: &str = " · embedded authority / 平台自签时间标记";
/// Characters of a page's title beside the pictures; all of a longer one stands among the facts.
pub(crate) const TITLE: usize = 90;
/// The verdict's words to a reader, and what they are on paper.
const TO_PAPER: [(&str, &str); 14] = [
    ("您的信任设置", "所用信任"),
    ("您信任设置", "所用信任"),
    ("您信任的", "所信任的"),
    ("您规则", "所用规则"),
    ("您的规则", "所用规则"),
    ("；请同时给出原件再核验", ""),
    ("; give it together with the evidence", ""),
    (
        "; your trust does not mark it independent, so it counts as the operator's own",
        "; not marked independent here: the operator's own mark",
    ),
    ("your trust", "the trust used"),
    ("Your trust", "The trust used"),
    ("your policy", "the policy used"),
    ("Your policy", "The policy used"),
    ("that you trust", "that are trusted here"),
    (EMBEDDED, ""),
];

/// What stands on a sheet beside its verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beside {
    /// When the verdict was made: the reader's clock that it was given. Printed to the second.
    pub checked: Utc,
    /// Earlier records of the same digest, as the operator counted them at the checkpoint's size.
    pub earlier: Option<u64>,
    /// How a printed command names the attached root that verifies the tokens, where there is one alone.
    pub root_file: Option<String>,
}

impl Sheet {
    /// The sheet of a record of kind `image`, `file` or `digest`.
    ///
    /// # Errors
    /// [`Error::Malformed`] where the verdict has no statement, checkpoint or record to print, or is of another kind.
    pub fn from_verdict(verdict: &verify::Verdict, beside: &Beside) -> Result<Self, Error> {
        Self::fill(verdict, beside, Own::None)
    }

    /// The sheet of a comparison whose document the verdict holds; `pictures` are those of its pairs.
    ///
    /// # Errors
    /// As [`Self::from_verdict`], and [`Error::Malformed`] where the document does not hold.
    pub fn of_comparison(verdict: &verify::Verdict, beside: &Beside, pictures: &Likenesses) -> Result<Self, Error> {
        let document = verdict.facts.comparison.as_deref().filter(|_| holds(verdict, "comparison"));
        let document = document.ok_or_else(|| Error::Malformed {
            what: "a comparison's document",
            found: "none that holds".into(),
            expected: "the comparison.json that the statement names".into(),
        })?;
        Self::fill(verdict, beside, Own::Comparison(Box::new(Compared::of(document, pictures)?)))
    }

    /// The sheet of a capture: `source` is its file, which the verdict was made with; `pictures` its screenshot.
    ///
    /// # Errors
    /// As [`Self::from_verdict`], and [`Error::Malformed`] where the file does not hold.
    pub fn of_capture(
        verdict: &verify::Verdict,
        beside: &Beside,
        source: &mut dyn Source,
        pictures: &Pictures,
    ) -> Result<Self, Error> {
        let file = verdict.facts.capture.as_deref().filter(|_| holds(verdict, "capture-resources"));
        let file = file.ok_or_else(|| Error::Malformed {
            what: "a capture's file",
            found: "none that holds".into(),
            expected: "the WACZ that the statement names".into(),
        })?;
        let opened = |name: &str| verdict.facts.claims.get(name).filter(|_| holds(verdict, "disclosures")).cloned();
        let order = verdict.facts.order.as_ref().and_then(|o| o.t2.as_ref());
        let strong = verdict.find("capture-order").is_some_and(|c| c.result == verify::Outcome::Pass);
        let ordered = order.map(|t| Moment {
            at: second_before(t.at.plus(-t.accuracy)),
            accuracy_us: u64::try_from(t.accuracy).unwrap_or(0),
            authority: paper(&t.authority, &t.authority),
            independent: t.independent,
            result: if t.independent && strong { Outcome::Pass } else { Outcome::Limited },
        });
        let report = crate::gather::report(&verdict.facts, file, source, pictures, &opened, ordered);
        let at = file.pages.first().map(|p| p.at);
        Self::fill(verdict, beside, Own::Capture(Box::new(report), at))
    }

    pub(crate) fn fill(verdict: &verify::Verdict, beside: &Beside, own: Own) -> Result<Self, Error> {
        let facts = &verdict.facts;
        let absent = |what, expected: &str| Error::Malformed { what, found: "none".into(), expected: expected.into() };
        let statement = facts.statement.as_ref().ok_or_else(|| absent("statement", "one that can be read"))?;
        let (origin, size, root) =
            facts.checkpoint.as_ref().ok_or_else(|| absent("checkpoint", "one that can be read"))?;
        let record = facts.record_sha256.ok_or_else(|| absent("record", "one that can be read"))?;
        let index = facts.index.ok_or_else(|| absent("leaf index", "a record that is in the ledger"))?;
        let file = statement.file.as_ref().ok_or_else(|| absent("file", "a statement about a file"))?;
        let held =
            Held { verdict, facts, same_person: statement.operator_relation == Some(OperatorRelation::SamePerson) };
        let (mut report, mut opened, mut comparison, mut collection) = (None, None, None, None);
        match own {
            Own::None => {}
            Own::Capture(one, at) => (report, opened) = (Some(*one), at),
            Own::Comparison(one) => comparison = Some(*one),
            Own::Collection(one) => collection = Some(*one),
        }
        let captured = report.is_some();
        let made = match (&report, &comparison) {
            (Some(_), _) => Some(("capture.wacz", statement::Kind::Capture)),
            (_, Some(_)) => Some(("comparison.json", statement::Kind::Comparison)),
            _ => collection.as_ref().map(|_| ("manifest.jsonl", statement::Kind::Collection)),
        };
        Ok(Self {
            id: statement.id.clone(),
            kind: kind(statement.kind, made.map(|m| m.1))?,
            operator: held.operator(),
            relation: match statement.operator_relation {
                Some(OperatorRelation::IndependentDeclared) => Relation::IndependentDeclared,
                Some(OperatorRelation::SamePerson) => Relation::SamePerson,
                _ => Relation::Unknown,
            },
            owner: held.owner(),
            identity: held.identity(),
            account: held.account(),
            title: match captured {
                true => held.claim("page_title").map(|t| cut(&t, TITLE)),
                false => held.claim("title"),
            },
            claims: if made.is_some() { Vec::new() } else { held.rights() },
            file: File {
                name: made.map_or_else(|| held.claim("file_name"), |m| Some(m.0.into())),
                size: Some(file.digests.size),
                mime: Some(file.media_type.clone()),
                pixels: None,
                sha256: evidence::hex::encode(&file.digests.sha256),
                sm3: evidence::hex::encode(&file.digests.sm3),
                custody: match file.custody {
                    statement::Custody::Held if held.same_person => Custody::Own,
                    statement::Custody::Held => Custody::Held,
                    statement::Custody::Read => Custody::Read,
                    statement::Custody::Declared => Custody::Declared,
                },
            },
            provenance: match statement.provenance {
                Some(statement::Provenance::PlatformCaptured) => Provenance::PlatformCaptured,
                Some(statement::Provenance::ApplicantOperated) => Provenance::ApplicantOperated,
                _ => Provenance::UserSupplied,
            },
            t1: held.t1(),
            t2: held.t2(),
            events: match &report {
                Some(report) => held.capture_events(report.ordered.as_ref(), opened),
                None => held.events(statement.received_at),
            },
            ledger: Ledger {
                origin: origin.clone(),
                index,
                size: *size,
                record: evidence::hex::encode(&record),
                root: evidence::hex::encode(root),
            },
            earlier: beside.earlier,
            checked: second(beside.checked),
            verdict: match verdict.result {
                Overall::Verified => Verdict::Verified,
                Overall::NotVerified => Verdict::NotVerified,
                Overall::Incomplete => Verdict::Incomplete,
            },
            roots: if held.same_person {
                Words::new("存证主体自己的信任文件（随附件）", "the owner’s own trust files, attached")
            } else {
                Words::new("账本运营者自己的信任文件（随附件）", "the operator’s own trust files, attached")
            },
            checks: held.checks(),
            unanswerable: vec![
                Words::new("运营者与存证主体的资格、利害关系。", "The standing and interests of operator and owner."),
                if comparison.is_some() {
                    Words::new(
                        "相似的图片是否出自同一作品、使用是否经过许可。",
                        "Whether similar pictures are one work, and whether a use was permitted.",
                    )
                } else if captured {
                    Words::new(
                        "网页内容是否属实、由谁发布，其他访客是否看到同样的内容。",
                        "Whether the page is true, who published it, and whether others saw the same.",
                    )
                } else {
                    Words::new(
                        "取得摘要之前，文件由谁、在何时、以何种方式完成。",
                        "Who made the file, when and how, before its digest was taken.",
                    )
                },
            ],
            does_not_show: verdict.does_not_show.iter().map(|s| held.words(&s.zh, &s.en)).collect(),
            steps: held.steps(beside.root_file.as_deref(), made.map_or("ORIGINAL", |m| m.0), collection.is_some()),
            software: software(),
            report,
            comparison,
            collection,
        })
    }
}

/// What draws sheets. Another release may draw another page of the same evidence.
pub(crate) fn software() -> Words {
    const VERSION: &str = env!("CARGO_PKG_VERSION");
    Words::new(format!("鹊凿 {VERSION}"), format!("Quezao {VERSION}"))
}

fn kind(kind: statement::Kind, made: Option<statement::Kind>) -> Result<Kind, Error> {
    match (kind, made) {
        (statement::Kind::Image, None) => Ok(Kind::Image),
        (statement::Kind::File, None) => Ok(Kind::File),
        (statement::Kind::Digest, None) => Ok(Kind::Digest),
        (statement::Kind::Capture, Some(statement::Kind::Capture)) => Ok(Kind::Capture),
        (statement::Kind::Comparison, Some(statement::Kind::Comparison)) => Ok(Kind::Comparison),
        (statement::Kind::Collection, Some(statement::Kind::Collection)) => Ok(Kind::Collection),
        (other, made) => {
            let expected = made.map_or("image, file or digest", statement::Kind::as_str).to_owned();
            Err(Error::Malformed { what: "kind of a certificate's record", found: other.as_str().into(), expected })
        }
    }
}

/// What a sheet has of its own, and when a captured page was opened.
pub(crate) enum Own {
    None,
    Capture(Box<Report>, Option<Utc>),
    Comparison(Box<Compared>),
    Collection(Box<Collected>),
}

/// A verdict, asked only for what it holds.
struct Held<'a> {
    verdict: &'a verify::Verdict,
    facts: &'a Facts,
    same_person: bool,
}

impl Held<'_> {
    fn holds(&self, id: &str) -> bool {
        holds(self.verdict, id)
    }

    /// An opened claim that is a text. The full number of a person is not one that anybody asks for here.
    fn claim(&self, name: &str) -> Option<String> {
        debug_assert!(name != "owner_id" && name != "operator_id");
        let value = self.facts.claims.get(name).filter(|_| self.holds("disclosures"))?;
        value.as_str().map(str::to_owned)
    }

    fn operator(&self) -> Operator {
        let text = |name: &str| {
            let value = self.facts.operator.get(name).filter(|_| self.holds("operator"))?;
            value.as_str().map(str::to_owned)
        };
        Operator { name: text("operator_name").unwrap_or_else(unstated), code: text("operator_code") }
    }

    fn owner(&self) -> Owner {
        let code = self.claim("owner_code").map(|value| Number { label: NumberLabel::Code, value });
        // What is not masked is not printed as masked.
        let masked = self.claim("owner_id_masked").filter(|m| m.matches('*').count() >= 6);
        let masked = masked.map(|value| Number { label: NumberLabel::Masked, value });
        Owner { name: self.claim("owner_name").unwrap_or_else(unstated), number: code.or(masked) }
    }

    fn identity(&self) -> Words {
        match self.claim("identity_method").as_deref() {
            Some("self-declared") if self.same_person => {
                Words::new("本人填写，未经他人核实", "As entered by the owner, established by no one else")
            }
            Some("self-declared") => {
                Words::new("由存证主体填写，运营者未作核实", "As entered by the owner, not checked by the operator")
            }
            Some(method) => Words::new(format!("{method}（运营者的说法）"), format!("{method} (the operator’s word)")),
            None => Words::new("未说明", "Not stated"),
        }
    }

    fn account(&self) -> Words {
        match self.claim("acting_account") {
            Some(account) => Words::same(account),
            None if self.same_person => Words::new("本机操作，无账号", "None, on the owner’s own machine"),
            None => Words::new("未记录", "Not recorded"),
        }
    }

    fn rights(&self) -> Vec<Claim> {
        // Dates and places of one event share a line.
        const LINES: [(&[&str], &str, &str); 4] = [
            (&["author"], "作者", "Author"),
            (&["work_origin", "basis"], "来源与依据", "Origin, basis"),
            (&["completed_at", "completed_place"], "完成", "Completed"),
            (&["published_at", "published_place", "published_url"], "首次发表", "First published"),
        ];
        let line = |(names, zh, en): (&[&str], &str, &str)| {
            let made = |name: &&str| self.claim(name).map(|value| origin_of_work(name, value));
            let values: Vec<Words> = names.iter().filter_map(made).collect();
            let joined = |text: fn(&Words) -> &str| values.iter().map(text).collect::<Vec<_>>().join(" · ");
            let value = Words::new(joined(|w| &w.zh), joined(|w| &w.en));
            (!values.is_empty()).then(|| Claim { label: Words::new(zh, en), value })
        };
        let mut claims: Vec<Claim> = LINES.into_iter().filter_map(line).collect();
        let refs = self.facts.claims.get("refs").filter(|_| self.holds("disclosures")).and_then(Value::as_array);
        let ids: Vec<&str> = refs.into_iter().flatten().filter_map(|r| r.get("id")?.as_str()).collect();
        claims.extend(self.facts.related.iter().map(crate::later::claim));
        if !ids.is_empty() {
            claims.push(Claim { label: Words::new("相关记录", "Refers to"), value: Words::same(ids.join(" ")) });
        }
        claims
    }

    fn t1(&self) -> Option<Moment> {
        let dated = self.holds("statement") && self.holds("disclosures");
        self.facts.t1.as_ref().filter(|_| dated).map(|t| self.moment(t, "statement-token-"))
    }

    fn t2(&self) -> Option<Moment> {
        let sealed = ["inclusion", "log-signature", "times"].iter().all(|id| self.holds(id));
        self.facts.t2.as_ref().filter(|_| sealed).map(|t| self.moment(t, "sealing-token-"))
    }

    fn moment(&self, seal: &verify::Seal, group: &str) -> Moment {
        let mut tokens = self.verdict.checks.iter().filter(|c| c.id.starts_with(group));
        let passes = seal.independent && tokens.any(|c| c.result == verify::Outcome::Pass);
        Moment {
            // To the next full second, as in the verdict's own sentences: "no later than" stays true.
            at: second(seal.at),
            accuracy_us: u64::try_from(seal.accuracy).unwrap_or(0),
            authority: self.words(&seal.authority, &seal.authority),
            independent: seal.independent,
            result: if passes { Outcome::Pass } else { Outcome::Limited },
        }
    }

    fn events(&self, received_at: Utc) -> Vec<Event> {
        // The platform's clock is nobody's "no later than", so its second is cut.
        let mut events = vec![event(EventKind::Received, second_before(received_at), Clock::Machine, None)];
        events.extend(self.stamped());
        events
    }

    /// The order's seal, the page by the capturing machine's clock, then as ever.
    fn capture_events(&self, ordered: Option<&Moment>, opened: Option<Utc>) -> Vec<Event> {
        let ordered = ordered.map(|t| {
            let (clock, by) = authority(t);
            event(EventKind::Order, t.at.clone(), clock, by)
        });
        let opened = opened.map(|at| event(EventKind::Opened, second_before(at), Clock::Machine, None));
        ordered.into_iter().chain(opened).chain(self.stamped()).collect()
    }

    fn stamped(&self) -> Vec<Event> {
        let mut events = Vec::new();
        if let Some(t1) = self.t1() {
            let (clock, by) = authority(&t1);
            events.push(event(EventKind::Content, t1.at, clock, by));
        }
        if self.holds("policy") {
            events.extend(self.facts.witnesses.iter().take(32).map(|w| {
                let at = Utc(i64::try_from(w.unix_seconds).unwrap_or(0).saturating_mul(SECOND));
                event(EventKind::Witness, second(at), Clock::Witness, Some(Words::same(&w.name)))
            }));
        }
        if let Some(t2) = self.t2() {
            let (clock, by) = authority(&t2);
            events.push(event(EventKind::Seal, t2.at, clock, by));
        }
        events
    }

    fn checks(&self) -> Vec<Check> {
        let check = |c: &verify::Check| Check {
            id: c.id.clone(),
            required: c.required,
            result: match c.result {
                verify::Outcome::Pass => Outcome::Pass,
                verify::Outcome::Limited => Outcome::Limited,
                verify::Outcome::NotChecked => Outcome::NotChecked,
                verify::Outcome::Fail => Outcome::Fail,
            },
            subject: None,
            text: self.words(&c.zh, &c.en),
        };
        self.verdict.checks.iter().map(check).collect()
    }

    /// A sentence of the verdict as it stands on paper.
    fn words(&self, zh: &str, en: &str) -> Words {
        paper(zh, en)
    }

    fn steps(&self, root_file: Option<&str>, original: &str, listed: bool) -> Vec<Step> {
        let step = |zh: &str, en: &str, commands: Vec<String>| Step { label: Words::new(zh, en), commands };
        let root = root_file.unwrap_or("ROOT.pem");
        let single = |group: &str| self.verdict.checks.iter().filter(|c| c.id.starts_with(group)).count() == 1;
        let stamp = |data: &str, token: &str, at: Utc| {
            format!("openssl ts -verify -data {data} -in {token} -CAfile {root} -attime {}", at.unix_seconds())
        };
        let mut steps = vec![
            step("取出附件", "Extract the files", vec!["pdfdetach -saveall CERTIFICATE.pdf".into()]),
            step(
                "计算原件摘要",
                "Digest the original",
                vec![format!("sha256sum {original}; openssl dgst -sm3 {original}")],
            ),
        ];
        if let Some(t1) = self.facts.t1.as_ref().filter(|_| single("statement-token-")) {
            let command = stamp("statement.json", "timestamp-1.tsr", t1.at);
            steps.push(step("核对内容时间", "Time of the content", vec![command]));
        }
        if let Some(t2) = self.facts.t2.as_ref().filter(|_| single("sealing-token-")) {
            let command = stamp("checkpoint.txt", "checkpoint.tsr", t2.at);
            steps.push(step("核对封存时间", "Time of sealing", vec![command]));
        }
        let given = if listed { "FILES…" } else { original };
        let all = format!("quezao verify --trust DIR CERTIFICATE.pdf {given}");
        steps.push(step("全部核验", "Everything", vec![all]));
        steps
    }
}

pub(crate) fn holds(verdict: &verify::Verdict, id: &str) -> bool {
    let good = |r| matches!(r, verify::Outcome::Pass | verify::Outcome::Limited);
    verdict.find(id).is_some_and(|c| good(c.result))
}

/// A sentence of the verdict, or an authority's name, as it stands on paper.
fn paper(zh: &str, en: &str) -> Words {
    let paper = |text: &str| TO_PAPER.iter().fold(text.to_owned(), |t, (from, to)| t.replace(from, to));
    Words::new(paper(zh), paper(en))
}

fn authority(t: &Moment) -> (Clock, Option<Words>) {
    match t.independent {
        true => (Clock::Tsa, Some(t.authority.clone())),
        false => (Clock::Own, None),
    }
}

fn event(what: EventKind, at: String, clock: Clock, by: Option<Words>) -> Event {
    Event { what, at, clock, by }
}

fn unstated() -> String {
    "—".into()
}

/// `2026-11-24T03:05:00Z`, the next full second where there is a fraction.
pub(crate) fn second(at: Utc) -> String {
    let mut text = at.plus(SECOND - 1).to_micros();
    text.truncate(19);
    text.push('Z');
    text
}

/// The full second before: of a clock that is nobody's "no later than", and of what came "not before".
fn second_before(at: Utc) -> String {
    second(Utc(at.0.div_euclid(SECOND) * SECOND))
}

/// `work_origin` is a word of a closed list; everything else stands as recorded.
fn origin_of_work(name: &str, value: String) -> Words {
    let (zh, en) = match (name, value.as_str()) {
        ("work_origin", "self") => ("本人创作", "own work"),
        ("work_origin", "employee") => ("职务作品", "made in employment"),
        ("work_origin", "commissioned") => ("委托创作", "commissioned"),
        ("work_origin", "assigned") => ("受让取得", "assigned"),
        ("work_origin", "supplier") => ("供应商提供", "from a supplier"),
        ("work_origin", "buyer") => ("买家提供", "from a buyer"),
        ("work_origin", "generated") => ("程序生成", "generated"),
        _ => return Words::same(value),
    };
    Words::new(zh, en)
}
