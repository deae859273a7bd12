//! What the sheet of a licence says beyond every other one, and of what ends or confirms it.
//!
//! Rules:
//! - Terms are the claims that `disclosures` holds; titles and digests of pictures are those of records that `named` holds.
//!   A reference whose record is not carried along stands with its number and leaf hash alone.
//! - A sheet knows no more than what is attached: that no end and no confirmation is there is said as that, with its date.
//! - The contact sheet is a picture, as a collection's is: who has the originals makes it again.

use evidence::{
    hex,
    json::Value,
    statement::{Kind as Of, Ref, parse_refs},
};
use locale::grouped;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::fill::{Beside, Own};
use crate::held::{Held, holds, second};
use crate::instant::Instant;
use crate::sheet::{Claim, Sheet, Words};

/// Most references of a statement.
const MAX_REFS: usize = 16;

/// A record that a licence names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Licensable {
    /// Its record's number.
    pub id: String,
    /// 64 lower-case hexadecimal digits: what the licence commits to.
    pub leaf: String,
    /// Its own, where its record is carried along.
    pub known: Option<Known>,
}

/// What a record that is carried along says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// What it is, in words.
    pub kind: Words,
    /// Whether a picture can be drawn of it.
    pub picture: bool,
    /// As claimed.
    pub title: Option<String>,
    /// As claimed.
    pub file_name: Option<String>,
    /// Bytes.
    pub size: u64,
    /// 64 lower-case hexadecimal digits.
    pub sha256: String,
}

/// Everything that the sheet of a licence, of its end or of its confirmation says beyond every other one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Licensed {
    /// What stands beside the owner: the licensee, or the licence in question.
    pub other: Claim,
    /// Under it: a public code, or a leaf hash.
    pub number: Option<String>,
    /// The terms, each a line.
    pub terms: Vec<Claim>,
    /// How it stood when the sheet was drawn, as far as is attached.
    pub standing: Vec<Words>,
    /// What is licensed; none where the record is about a licence.
    pub pictures: Vec<Licensable>,
}

impl Licensed {
    pub(crate) fn of(held: &Held<'_>, kind: Of, checked: &str) -> Result<Self, Error> {
        let claim = |zh: &str, en: &str, value: Words| Claim { label: Words::new(zh, en), value };
        let told = |name: &str| held.claim(name);
        let refs = held.opened("refs").and_then(|v| parse_refs(v).ok()).unwrap_or_default();
        let first = || refs.first().map_or_else(|| "—".to_owned(), |r| r.id.clone());
        let mut terms = Vec::new();
        let mut add = |zh: &str, en: &str, value: Option<Words>| terms.extend(value.map(|v| claim(zh, en, v)));
        let same = |name: &str| told(name).map(Words::same);
        let (mut standing, mut pictures) = (Vec::new(), Vec::new());
        let (other, number) = match kind {
            Of::Licence => {
                add("店铺", "Shop", same("licensee_shop"));
                let urls: Vec<&str> = held
                    .opened("licensee_urls")
                    .and_then(Value::as_array)
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_str)
                    .collect();
                add(
                    "网址范围",
                    "URL patterns",
                    match urls[..] {
                        [] => Some(Words::new("未写明：不限于某个网址", "none stated: not tied to any address")),
                        _ => Some(Words::same(urls.join("\n"))),
                    },
                );
                let from = told("licence_from").unwrap_or_else(|| "—".into());
                let until = told("licence_until");
                add(
                    "期限",
                    "Term",
                    Some(match &until {
                        Some(until) => Words::new(
                            format!("{from} 至 {until}，含首尾两日（UTC+8）"),
                            format!("{from} to {until}, both days included (UTC+8)"),
                        ),
                        None => Words::new(
                            format!("自 {from} 起（UTC+8），未写明终止日期"),
                            format!("from {from} (UTC+8), no end stated"),
                        ),
                    }),
                );
                add("范围", "Scope", same("licence_scope").or_else(|| Some(Words::new("未写明", "not stated"))));
                pictures = refs.iter().zip(1..).map(|(r, place)| licensable(held, r, place)).collect();
                standing = standing_of(held, checked)?;
                let name = told("licensee_name").unwrap_or_else(|| "—".into());
                (claim("被许可方", "Licensee", Words::same(name)), told("licensee_code"))
            }
            Of::Revocation => {
                let day = told("revoked_at").unwrap_or_else(|| "—".into());
                add(
                    "终止之日",
                    "Ends on",
                    Some(Words::new(
                        format!("{day}（UTC+8）：自该日起许可不再有效"),
                        format!("{day} (UTC+8): the first day on which it holds no more"),
                    )),
                );
                add("原因", "Reason", same("revoked_reason").or_else(|| Some(Words::new("未说明", "not stated"))));
                (claim("所终止的许可", "Licence that ends", Words::same(first())), None)
            }
            Of::Confirmation => {
                add("所填名称", "Name given", same("confirmed_by").or_else(|| Some(Words::new("未填写", "none"))));
                add(
                    "方式",
                    "How",
                    Some(Words::new(
                        "持有确认链接的人打开链接，看到许可的条款，并作了确认；名称由其自行填写，未经核对",
                        "whoever held the link opened it, was shown the licence’s terms, and confirmed; the name was typed in and not checked",
                    )),
                );
                (claim("所确认的许可", "Licence confirmed", Words::same(first())), None)
            }
            other => {
                let expected = "licence, revocation or confirmation".into();
                return Err(Error::Malformed {
                    what: "kind of a licence's sheet",
                    found: other.as_str().into(),
                    expected,
                });
            }
        };
        if kind != Of::Licence {
            let leaf = refs.first().map(|r| hex::encode(&r.leaf));
            terms.extend(leaf.map(|leaf| claim("许可的叶哈希", "Its leaf hash", Words::same(leaf))));
            let (zh, en) = (
                "条款见许可自己的证书；账本中的许可记录不因此改变。",
                "The terms stand in the licence’s own certificate; its record on the ledger is not changed by this one.",
            );
            standing.push(Words::new(zh, en));
        }
        Ok(Self { other, number, terms, standing, pictures })
    }

    /// Contact sheets: one where there is a picture to be drawn.
    pub(crate) fn sheets(&self) -> usize {
        usize::from(self.pictures.iter().any(|p| p.known.as_ref().is_some_and(|k| k.picture)))
    }

    /// Refuses what the layout cannot set.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let (what, found, limit) = ("licensed pictures", self.pictures.len(), MAX_REFS);
        if found > limit {
            return Err(Error::TooLarge { what, found, limit });
        }
        Ok(())
    }

    /// Every text, for fonts and bounds.
    pub(crate) fn texts(&self) -> Vec<&str> {
        let claims = self.terms.iter().chain([&self.other]).flat_map(|c| [&c.label, &c.value]);
        let mut out: Vec<&str> = claims.chain(&self.standing).flat_map(|w| [w.zh.as_str(), w.en.as_str()]).collect();
        out.extend(self.number.as_deref());
        for known in self.pictures.iter().filter_map(|p| p.known.as_ref()) {
            out.extend(known.title.as_deref().into_iter().chain(known.file_name.as_deref()));
            out.extend([known.kind.zh.as_str(), known.kind.en.as_str()]);
        }
        out
    }

    /// As the template reads it; numbers as text, as everywhere.
    pub(crate) fn data(&self) -> serde_json::Value {
        let known = |k: &Known| {
            serde_json::json!({
                "kind": k.kind, "picture": k.picture, "title": k.title, "name": k.file_name, "size": grouped(k.size), "sha256": k.sha256,
            })
        };
        let picture =
            |p: &Licensable| serde_json::json!({ "id": p.id, "leaf": p.leaf, "known": p.known.as_ref().map(known) });
        serde_json::json!({
            "other": self.other, "number": self.number, "terms": self.terms, "standing": self.standing, "sheets": self.sheets(),
            "pictures": self.pictures.iter().map(picture).collect::<Vec<_>>(),
        })
    }
}

fn licensable(held: &Held<'_>, r: &Ref, place: usize) -> Licensable {
    let named = held.facts.named.iter().find(|n| n.place == place && holds(held.verdict, "named"));
    let known = named.map(|n| {
        let text = |name: &str| n.claims.get(name).and_then(Value::as_str).map(str::to_owned);
        let kind = match n.kind {
            Of::Image => Words::new("图片", "picture"),
            Of::Digest => Words::new("仅告知的摘要", "digest that was told"),
            Of::Collection => Words::new("合集（清单）", "collection (its list)"),
            _ => Words::new("文件", "file"),
        };
        Known {
            kind,
            picture: n.kind == Of::Image,
            title: text("title"),
            file_name: text("file_name"),
            size: n.digests.size,
            sha256: hex::encode(&n.digests.sha256),
        }
    });
    Licensable { id: r.id.clone(), leaf: hex::encode(&r.leaf), known }
}

/// What is attached about a licence's confirmation and end, and what is not.
fn standing_of(held: &Held<'_>, checked: &str) -> Result<Vec<Words>, Error> {
    let local = |at: &str| Instant::parse("time", at).map(|t| t.local());
    let mut out = Vec::new();
    for kind in [Of::Confirmation, Of::Revocation] {
        let mut found = false;
        for related in held.facts.related.iter().filter(|r| r.kind == kind) {
            found = true;
            let ((zh, en), at) = (related.said(), local(&second(related.t1.by()))?);
            out.push(Words::new(
                format!("不晚于 {at} (UTC+8)：{zh}（存证编号 {}）。", related.id),
                format!("No later than {at} (UTC+8): {en} (record {}).", related.id),
            ));
        }
        let at = local(checked)?;
        if !found && kind == Of::Confirmation {
            out.push(Words::new(
                format!("截至 {at} (UTC+8)，没有被许可方的确认记录随附。"),
                format!("As of {at} (UTC+8) no confirmation by the licensee is attached."),
            ));
        }
        if !found && kind == Of::Revocation {
            out.push(Words::new(
                format!("截至 {at} (UTC+8)，没有终止记录随附。此后的终止不会出现在本证书中：可向平台查询，或请账本的节点查找。"),
                format!("As of {at} (UTC+8) no end is attached. A later end cannot stand in this certificate: ask the platform, or a node of the ledger."),
            ));
        }
    }
    Ok(out)
}

impl Sheet {
    /// The sheet of a licence, of what ends one, or of what confirms one.
    ///
    /// # Errors
    /// As [`Self::from_verdict`].
    pub fn of_licence(verdict: &verify::Verdict, beside: &Beside) -> Result<Self, Error> {
        Self::fill(verdict, beside, Own::Licence)
    }
}
