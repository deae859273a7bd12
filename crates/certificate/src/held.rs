//! What a sheet asks a verdict: each answer is there only where the checks that it stands on hold.
//!
//! Rules:
//! - An opened claim is printed only where `disclosures` holds, a date only where its token and what it stands on do.
//! - `owner_id` and `operator_id` are never looked up: there is no way from them to the page, whatever is disclosed.
//! - The verdict's sentences speak to a reader with a trust of his own; on paper they speak of the trust that was used.

use evidence::attestation::NAMED;
use evidence::json::Value;
use evidence::statement::Kind;
use evidence::time::{SECOND, Utc};
use verify::Facts;

use crate::sheet::{
    Check, Claim, Clock, Event, EventKind, Moment, Number, NumberLabel, Operator, Outcome, Owner, Step, Words,
};

/// What `init` adds to the name of an authority of the operator's own.
const EMBEDDED: &str = " · embedded authority / 平台自签时间标记";
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

/// A verdict, asked only for what it holds.
pub(crate) struct Held<'a> {
    pub(crate) verdict: &'a verify::Verdict,
    pub(crate) facts: &'a Facts,
    pub(crate) same_person: bool,
}

impl Held<'_> {
    fn holds(&self, id: &str) -> bool {
        holds(self.verdict, id)
    }

    /// An opened claim that is a text. The full number of a person is not one that anybody asks for here.
    pub(crate) fn claim(&self, name: &str) -> Option<String> {
        debug_assert!(name != "owner_id" && name != "operator_id");
        let value = self.facts.claims.get(name).filter(|_| self.holds("disclosures"))?;
        value.as_str().map(str::to_owned)
    }

    /// An opened claim of whatever form.
    pub(crate) fn opened(&self, name: &str) -> Option<&Value> {
        debug_assert!(name != "owner_id" && name != "operator_id");
        self.facts.claims.get(name).filter(|_| self.holds("disclosures"))
    }

    pub(crate) fn operator(&self) -> Operator {
        let text = |name: &str| {
            let value = self.facts.operator.get(name).filter(|_| self.holds("operator"))?;
            value.as_str().map(str::to_owned)
        };
        Operator { name: text("operator_name").unwrap_or_else(unstated), code: text("operator_code") }
    }

    pub(crate) fn owner(&self) -> Owner {
        let code = self.claim("owner_code").map(|value| Number { label: NumberLabel::Code, value });
        // What is not masked is not printed as masked.
        let masked = self.claim("owner_id_masked").filter(|m| m.matches('*').count() >= 6);
        let masked = masked.map(|value| Number { label: NumberLabel::Masked, value });
        Owner { name: self.claim("owner_name").unwrap_or_else(unstated), number: code.or(masked) }
    }

    /// How the owner's name was established: by the attestation that is carried along, else as the record says.
    pub(crate) fn identity(&self) -> Words {
        if let Some(attested) = self.facts.related.iter().find(|r| r.kind == Kind::Attestation) {
            let ((zh, en), id) = (attested.said(), &attested.id);
            return Words::new(format!("{zh}；运营者的记录 {id}"), format!("{en}; the operator’s record {id}"));
        }
        match self.claim("identity_method").as_deref() {
            Some(method) if method.starts_with(NAMED) => Words::new(
                format!("运营者称已核实，见其记录 {}（未随附）", &method[NAMED.len()..]),
                format!("Established, says the operator, by its record {} (not carried along)", &method[NAMED.len()..]),
            ),
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

    pub(crate) fn account(&self) -> Words {
        match self.claim("acting_account") {
            Some(account) => Words::same(account),
            None if self.same_person => Words::new("本机操作，无账号", "None, on the owner’s own machine"),
            None => Words::new("未记录", "Not recorded"),
        }
    }

    pub(crate) fn rights(&self) -> Vec<Claim> {
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
        let later = self.facts.related.iter().filter(|r| r.kind == Kind::Rights);
        claims.extend(later.map(crate::later::claim));
        if !ids.is_empty() {
            claims.push(Claim { label: Words::new("相关记录", "Refers to"), value: Words::same(ids.join(" ")) });
        }
        claims
    }

    pub(crate) fn t1(&self) -> Option<Moment> {
        let dated = self.holds("statement") && self.holds("disclosures");
        self.facts.t1.as_ref().filter(|_| dated).map(|t| self.moment(t, "statement-token-"))
    }

    pub(crate) fn t2(&self) -> Option<Moment> {
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

    pub(crate) fn events(&self, received_at: Utc) -> Vec<Event> {
        // The platform's clock is nobody's "no later than", so its second is cut.
        let mut events = vec![event(EventKind::Received, second_before(received_at), Clock::Machine, None)];
        events.extend(self.stamped());
        events
    }

    /// The order's seal, the page by the capturing machine's clock, then as ever.
    pub(crate) fn capture_events(&self, ordered: Option<&Moment>, opened: Option<Utc>) -> Vec<Event> {
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

    pub(crate) fn checks(&self) -> Vec<Check> {
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
    pub(crate) fn words(&self, zh: &str, en: &str) -> Words {
        paper(zh, en)
    }

    pub(crate) fn steps(&self, root_file: Option<&str>, original: Option<&str>, listed: bool) -> Vec<Step> {
        let step = |zh: &str, en: &str, commands: Vec<String>| Step { label: Words::new(zh, en), commands };
        let root = root_file.unwrap_or("ROOT.pem");
        let single = |group: &str| self.verdict.checks.iter().filter(|c| c.id.starts_with(group)).count() == 1;
        let stamp = |data: &str, token: &str, at: Utc| {
            format!("openssl ts -verify -data {data} -in {token} -CAfile {root} -attime {}", at.unix_seconds())
        };
        let mut steps = vec![step("取出附件", "Extract the files", vec!["pdfdetach -saveall CERTIFICATE.pdf".into()])];
        if let Some(original) = original {
            let command = format!("sha256sum {original}; openssl dgst -sm3 {original}");
            steps.push(step("计算原件摘要", "Digest the original", vec![command]));
        }
        if let Some(t1) = self.facts.t1.as_ref().filter(|_| single("statement-token-")) {
            let command = stamp("statement.json", "timestamp-1.tsr", t1.at);
            steps.push(step("核对内容时间", "Time of the content", vec![command]));
        }
        if let Some(t2) = self.facts.t2.as_ref().filter(|_| single("sealing-token-")) {
            let command = stamp("checkpoint.txt", "checkpoint.tsr", t2.at);
            steps.push(step("核对封存时间", "Time of sealing", vec![command]));
        }
        let given = if listed { "FILES…" } else { original.unwrap_or_default() };
        let all = format!("quezao verify --trust DIR CERTIFICATE.pdf {given}").trim_end().to_owned();
        steps.push(step("全部核验", "Everything", vec![all]));
        steps
    }
}

pub(crate) fn holds(verdict: &verify::Verdict, id: &str) -> bool {
    let good = |r| matches!(r, verify::Outcome::Pass | verify::Outcome::Limited);
    verdict.find(id).is_some_and(|c| good(c.result))
}

/// A sentence of the verdict, or an authority's name, as it stands on paper.
pub(crate) fn paper(zh: &str, en: &str) -> Words {
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
pub(crate) fn second_before(at: Utc) -> String {
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
