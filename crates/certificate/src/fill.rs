//! A verdict becomes a sheet: what the verdict holds is printed, what it does not hold is not.
//!
//! Rules:
//! - The one source is [`verify::Verdict`] with its facts, asked through [`Held`]. Beside it stand only [`Beside`]'s
//!   three values, each printed as what it is: a date, a count "by the operator", a file name inside a command.
//! - A capture's, comparison's or collection's sheet is drawn only where the check of its file holds.

use archive::wacz::Source;
use evidence::statement::{self, OperatorRelation};
use evidence::time::Utc;
use verify::Overall;

use crate::collected::Collected;
use crate::compared::{Compared, Likenesses};
use crate::error::Error;
use crate::held::{Held, holds, paper, second, second_before};
use crate::licensed::Licensed;
use crate::report::{Pictures, Report, cut};
use crate::sheet::{Custody, File, Kind, Ledger, Moment, Outcome, Provenance, Relation, Sheet, Verdict, Words};

/// Characters of a page's title beside the pictures; all of a longer one stands among the facts.
pub(crate) const TITLE: usize = 90;
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
        let held =
            Held { verdict, facts, same_person: statement.operator_relation == Some(OperatorRelation::SamePerson) };
        let (mut report, mut opened, mut comparison, mut collection, mut licence) = (None, None, None, None, None);
        match own {
            Own::None => {}
            Own::Capture(one, at) => (report, opened) = (Some(*one), at),
            Own::Comparison(one) => comparison = Some(*one),
            Own::Collection(one) => collection = Some(*one),
            Own::Licence => licence = Some(Licensed::of(&held, statement.kind, &second(beside.checked))?),
        }
        let file = match (&statement.file, &licence) {
            (None, None) => return Err(absent("file", "a statement about a file")),
            (file, _) => file.as_ref(),
        };
        let captured = report.is_some();
        let made = match (&report, &comparison) {
            (Some(_), _) => Some(("capture.wacz", statement::Kind::Capture)),
            (_, Some(_)) => Some(("comparison.json", statement::Kind::Comparison)),
            _ if licence.is_some() => Some(("", statement.kind)),
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
            file: file.map(|file| File {
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
            }),
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
                } else if licence.is_some() {
                    Words::new(
                        "许可方是否享有权利、对方是谁、双方是否另有约定。",
                        "Whether the licensor holds rights, who the other party is, and what else they agreed.",
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
            steps: held.steps(
                beside.root_file.as_deref(),
                licence.is_none().then(|| made.map_or("ORIGINAL", |m| m.0)),
                collection.is_some(),
            ),
            software: software(),
            report,
            comparison,
            collection,
            licence,
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
        (statement::Kind::Licence, Some(statement::Kind::Licence)) => Ok(Kind::Licence),
        (statement::Kind::Revocation, Some(statement::Kind::Revocation)) => Ok(Kind::Revocation),
        (statement::Kind::Confirmation, Some(statement::Kind::Confirmation)) => Ok(Kind::Confirmation),
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
    /// Of a licence, or of what ends or confirms one.
    Licence,
}
