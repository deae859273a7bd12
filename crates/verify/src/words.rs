//! Dates, digests, and the two lists at the end of a verdict.

use crate::{Check, Facts, Outcome, Sentence, verdict::clean};
use evidence::{
    digest::FileDigests,
    hex,
    json::Value,
    statement::{Custody, Kind, OperatorRelation},
    time::{SECOND, Utc},
};

/// `2026-11-24 11:05:00 (UTC+8), 03:05:00 UTC`, up to the next second, so that "no later than" stays true.
pub(crate) fn date(at: Utc) -> String {
    let at = at.plus(SECOND - 1);
    let (there, utc) = (at.plus(8 * 3600 * SECOND).to_micros(), at.to_micros());
    let day = |text: &str| text.get(..10).unwrap_or_default().to_owned();
    let hour = |text: &str| text.get(11..19).unwrap_or_default().to_owned();
    let utc_day = if day(&there) == day(&utc) { String::new() } else { format!("{} ", day(&utc)) };
    format!("{} {} (UTC+8), {utc_day}{} UTC", day(&there), hour(&there), hour(&utc))
}

/// The same down to the full second before, so that "not before" stays true.
pub(crate) fn date_before(at: Utc) -> String {
    date(at.plus(1 - SECOND))
}

pub(crate) fn digests(d: &FileDigests) -> String {
    format!("{} bytes, SHA-256 {}, SM3 {}", d.size, hex::encode(&d.sha256), hex::encode(&d.sm3))
}

/// What this shows: each sentence only where every check that it rests on holds.
pub(crate) fn shows(checks: &[Check], facts: &Facts) -> Vec<Sentence> {
    let holds = |id: &str| checks.iter().any(|c| c.id == id && c.holds());
    let mut out = Vec::new();
    let compared = facts.statement.as_ref().is_some_and(|s| s.kind == Kind::Comparison);
    if holds("file") && compared {
        out.push(Sentence::new(
            "比对文件就是声明所指的文件（大小、SHA-256、SM3 都一致）。",
            "The comparison's document is the one that the statement names (size, SHA-256 and SM3 agree).",
        ));
    } else if holds("file") && facts.collection.is_some() {
        out.push(Sentence::new(
            "清单就是声明所指的文件（大小、SHA-256、SM3 都一致）。",
            "The list is the file that the statement names (size, SHA-256 and SM3 agree).",
        ));
    } else if holds("file") {
        out.push(Sentence::new(
            "所给文件就是声明所指的文件（大小、SHA-256、SM3 都一致）。",
            "The given file is the one that the statement names (size, SHA-256 and SM3 agree).",
        ));
    }
    let dated = holds("statement") && holds("disclosures");
    if let Some(t1) = facts.t1.as_ref().filter(|_| dated) {
        let (date, who) = (date(t1.by()), &t1.authority);
        let subject = if holds("file") && facts.collection.is_some() {
            ("清单、存证主体和各项声明", "List, owner and claims")
        } else if holds("file") {
            ("文件、存证主体和各项声明", "File, owner and claims")
        } else if facts.statement.as_ref().is_some_and(|s| s.kind == Kind::Origin) {
            ("声明", "The statement")
        } else if facts.statement.as_ref().is_some_and(|s| !s.kind.has_file()) {
            ("声明（含存证主体和各项声明）", "The statement (owner and claims)")
        } else {
            ("声明（含文件摘要、存证主体和各项声明）", "The statement (file digests, owner and claims)")
        };
        let sealed = facts.t2.as_ref().filter(|_| holds("inclusion") && holds("log-signature") && holds("times"));
        let sealed = sealed.map_or((String::new(), String::new()), |t2| {
            let (date, who) = (self::date(t2.by()), &t2.authority);
            (format!("；不晚于 {date} 封存（{who}）"), format!("; sealed no later than {date} ({who})"))
        });
        out.push(Sentence::new(
            format!("{}不晚于 {date} 已经存在（{who}）{}。", subject.0, sealed.0),
            format!("{} existed no later than {date} ({who}){}.", subject.1, sealed.1),
        ));
    }
    if holds("inclusion") && holds("log-signature") && holds("ledger-binding") {
        let (index, size) = (facts.index.unwrap_or(0), facts.checkpoint.as_ref().map_or(0, |c| c.1));
        out.push(Sentence::new(
            format!("记录位于该账本第 {index} 条，由账本密钥在 {size} 条时签署。"),
            format!("The record is leaf {index} of this ledger, signed by the ledger's key at size {size}."),
        ));
    }
    if let Some(earlier) = facts.earlier.as_ref().filter(|_| holds("earlier-ledger") && holds("disclosures")) {
        let (origin, size) = (&earlier.checkpoint.origin, earlier.checkpoint.size);
        out.push(Sentence::new(
            format!("本账本写明它在账本 {origin} 之后另起；后者的密钥签署过 {size} 条记录的状态。"),
            format!("This ledger says that it goes on after the ledger {origin}, whose key signed a state of {size} records."),
        ));
    }
    if facts.statement.as_ref().is_some_and(|s| s.kind == Kind::Licence) && holds("disclosures") {
        out.push(licensed(facts));
    }
    let order = facts.order.as_ref().filter(|_| holds("capture-order"));
    if let Some(t0) = order.and_then(|o| o.t2.as_ref()) {
        let (date, who) = (date_before(t0.at.plus(-t0.accuracy)), &t0.authority);
        out.push(Sentence::new(
            format!("取证指令先写入账本并封存（{who}，不早于 {date}）；本记录在此之后作出。"),
            format!(
                "The order was put on the ledger and sealed first (no earlier than {date}, {who}); this record was made after that."
            ),
        ));
    }
    let listed =
        facts.collection.as_ref().filter(|_| holds("file") && holds("collection-items") && holds("log-signature"));
    if let Some(latest) = listed.and_then(|c| c.items.iter().map(|i| i.t1.by()).max()) {
        let (n, date) = (listed.map_or(0, |c| c.lines.len()), date(latest));
        out.push(Sentence::new(
            format!("清单所列 {n} 个文件的摘要都已由同一存证主体登记在该账本，最晚的一个不晚于 {date}。"),
            format!(
                "The digests of the {n} listed files were each registered on this ledger by the same owner, the latest no later than {date}."
            ),
        ));
    }
    let given = checks.iter().filter(|c| c.id.starts_with("collection-file-") && c.holds()).count();
    if given > 0 {
        out.push(Sentence::new(
            format!("给出的文件中有 {given} 条与清单一致（大小、SHA-256、SM3）。"),
            format!(
                "{} their file among the given ones (size, SHA-256 and SM3 agree).",
                counted(given, "line of the list has", "lines of the list have")
            ),
        ));
    }
    let given = checks.iter().filter(|c| c.id.starts_with("named-file-") && c.holds()).count();
    if given > 0 {
        out.push(Sentence::new(
            format!("给出的文件中有 {given} 个是许可写明的登记的文件（大小、SHA-256、SM3 都一致）。"),
            format!(
                "{} of registrations that the licence names (size, SHA-256 and SM3 agree).",
                counted(given, "of the given files is a file", "of the given files are files")
            ),
        ));
    }
    out.extend(facts.related.iter().map(crate::Related::shown));
    if holds("policy") && !facts.witnesses.is_empty() {
        let names: Vec<&str> = facts.witnesses.iter().map(|w| w.name.as_str()).collect();
        let (n, size) = (names.len(), facts.witnessed_size.unwrap_or_default());
        out.push(Sentence::new(
            format!("您规则中的 {n} 个见证密钥签署了账本 {size} 条时的检查点：{}。", names.join("、")),
            format!(
                "{} of your policy cosigned the ledger's checkpoint of {}: {}.",
                counted(n, "witness key", "witness keys"),
                counted(size, "leaf", "leaves"),
                names.join(", ")
            ),
        ));
    }
    out
}

/// English counts: `1 leaf`, `2 leaves`.
fn counted(n: impl std::fmt::Display, one: &str, many: &str) -> String {
    let n = n.to_string();
    let noun = if n == "1" { one } else { many };
    format!("{n} {noun}")
}

/// Who may use what, and for how long.
fn licensed(facts: &Facts) -> Sentence {
    let text = |name: &str| facts.claims.get(name).and_then(Value::as_str).map(|t| clean(t.to_owned()));
    let told = |name: &str| text(name).unwrap_or_else(|| "—".into());
    let (owner, licensee, from) = (told("owner_name"), told("licensee_name"), told("licence_from"));
    let n = facts.claims.get("refs").and_then(Value::as_array).map_or(0, Vec::len);
    let urls = facts.claims.get("licensee_urls").and_then(Value::as_array).into_iter().flatten();
    let urls = urls.filter_map(Value::as_str).map(|u| clean(u.to_owned())).collect::<Vec<_>>().join(" ");
    let places = [text("licensee_shop"), (!urls.is_empty()).then_some(urls)].into_iter().flatten();
    let places = places.collect::<Vec<_>>().join(" · ");
    let (at, at_en) = match places.is_empty() {
        true => (String::new(), String::new()),
        false => (format!("（{places}）"), format!(" ({places})")),
    };
    let (until, until_en) = match text("licence_until") {
        Some(until) => (format!("至 {until}"), format!("until {until}")),
        None => ("未写明终止日期".into(), "without a stated end".into()),
    };
    let (scope, scope_en) = match text("licence_scope") {
        Some(scope) => (format!("，范围“{scope}”"), format!(", scope \"{scope}\"")),
        None => (String::new(), String::new()),
    };
    Sentence::new(
        format!("“{owner}”声明许可“{licensee}”{at}使用所列 {n} 项登记，自 {from} 起，{until}{scope}。"),
        format!(
            "\"{owner}\" declared that \"{licensee}\"{at_en} may use {} from {from}, {until_en}{scope_en}.",
            counted(n, "listed registration", "listed registrations")
        ),
    )
}

/// What this does not show; the first three always stand there.
pub(crate) fn does_not_show(checks: &[Check], facts: &Facts) -> Vec<Sentence> {
    let size = facts.checkpoint.as_ref().map_or("?".to_owned(), |c| c.1.to_string());
    let drawn_again =
        checks.iter().any(|c| c.id == "printed-page" && matches!(c.result, Outcome::Pass | Outcome::Limited));
    let mut out = vec![
        Sentence::new(
            "不证明谁是作者、权利归谁、他人是否侵权，也不说明取得摘要之前的事。",
            "It does not show who the author is, who holds rights, whether anybody infringes, or what was true before the digest was taken.",
        ),
        Sentence::new(
            format!("账本第 {size} 条之后的记录未检查（例如对本记录的更正），只有节点能检查。"),
            format!(
                "Records after size {size} (a correction of this one, for example) were not checked; only a node can."
            ),
        ),
        if drawn_again {
            Sentence::new(
                "比较的是文件中的页面，不是打印件。",
                "The page in the file was compared, not a copy on paper.",
            )
        } else {
            Sentence::new("打印或显示的页面未检查。", "The printed or shown page was not checked.")
        },
    ];
    let outcome = |id: &str| checks.iter().find(|c| c.id == id).map(|c| c.result);
    let mut add = |zh: &str, en: &str| out.push(Sentence::new(zh, en));
    if let Some([zh, en]) = facts.report.as_ref().map(crate::Reported::told) {
        add(&zh, &en);
    }
    if facts.statement.as_ref().is_some_and(|s| s.kind == Kind::Origin) {
        add(
            "不证明前一账本的运营者同意，或是同一运营者：持有其检查点的任何人都可以写明它。",
            "It does not show that the earlier ledger's operator agreed or is the same: anybody who holds its checkpoint can name it.",
        );
        add(
            "那是不是前一账本的最后状态、它为何结束，只是运营者的说法；写有前一账本名称的证据仍按那个账本的密钥核验。",
            "That it was the earlier ledger's last state, and why it ended, is the operator's word; evidence of the earlier ledger is verified by that ledger's key.",
        );
    } else if let Some(statement) = &facts.statement {
        add(
            "存证主体、题名、作者等由其自行声明；身份如何核实，只是运营者的说法。",
            "Owner, title, author and the like are the owner's own words; how identity was checked is the operator's word.",
        );
        let declared = statement.file.as_ref().is_some_and(|f| f.custody == Custody::Declared);
        if statement.kind == Kind::Digest || declared {
            add(
                "平台只被告知摘要：不证明登记时持有该文件。",
                "The platform was only told the digests: possession of the file was not shown.",
            );
        }
        if statement.operator_relation == Some(OperatorRelation::SamePerson) {
            add("运营者与存证主体是同一人：自行固定。", "Operator and owner are the same person: self-made.");
        }
        if statement.kind == Kind::Licence {
            add(
                "不证明许可方对图片享有权利；没有确认记录的，也不证明被许可方知道此许可。",
                "It does not show that the licensor holds rights in the pictures, nor, without a confirmation, that the licensee knows of it.",
            );
            add(
                "是否在此之后终止：只有随附的终止记录看得到。",
                "Whether it ended since: only an end that is carried along can be seen.",
            );
        }
        if checks.iter().any(|c| c.id.starts_with("named-file-") && !c.holds()) {
            add(
                "不说明不一致的文件是否为某项登记的改动件：缩放、压缩或裁剪过的图片摘要不同，此处只比对摘要。",
                "It does not show whether a file that agrees with none is an altered copy of one: resized, recompressed or cropped pictures have other digests, and only digests were compared.",
            );
        }
        if statement.kind == Kind::Revocation {
            add(
                "不证明被许可方已获知终止，也不说明许可方是否有权单方终止。",
                "It does not show that the licensee was told, nor whether the licensor was free to end it.",
            );
        }
        if statement.kind == Kind::Confirmation {
            add(
                "只说明持有确认链接的人在当时作了确认；其名称未经核对，不证明那人是谁、有无权限。",
                "It shows only that whoever held the link confirmed at that time; the name was not checked, nor who it was or for whom that person could speak.",
            );
        }
        if statement.kind == Kind::Comparison {
            add(evidence::comparison::NOTICE.0, evidence::comparison::NOTICE.1);
            if facts.comparison.as_ref().is_some_and(|c| c.licences.is_some()) {
                add(
                    "没有列出许可，不等于没有许可：只列出在此登记的，其内容由各自的证据包证明。",
                    "That no licence is listed does not mean that there is none: only those recorded here are, and what each says is for its own package to show.",
                );
            }
            add(
                "比对由平台的程序作出；未重新计算的，只是平台的说法。",
                "The comparison was made by the platform's program; what was not computed again is the platform's word.",
            );
        }
        if let Some(collection) = &facts.collection {
            let given = checks.iter().filter(|c| c.id.starts_with("collection-file-") && c.holds()).count();
            let (all, left) = (collection.lines.len(), collection.lines.len().saturating_sub(given));
            add(
                &format!("清单所列 {all} 个文件中，{left} 个没有给出，未与原件比对。"),
                &format!("Of the {all} listed files {left} were not given and not compared."),
            );
            add(
                "不说明清单是否齐全：列入哪些由存证主体选定。",
                "It does not show that the list is complete: the owner chose what to put on it.",
            );
            if collection.items.iter().any(|i| i.kind == Kind::Digest) {
                add(
                    "清单中有只告知摘要的记录：不证明登记时持有那些文件。",
                    "Some listed records are of digests that were only told: possession of those files was not shown.",
                );
            }
        }
        if statement.kind == Kind::Capture {
            add(
                "页面内容确由该网址发出、在指令之后取得、未经改动，这些依赖取证机器；此处没有网站对页面内容的签名。",
                "That these bytes are what the address sent, after the order and unchanged, rests on the capturing machine; nothing here is the site's signature over them.",
            );
            add(
                "不证明网页内容属实，或由其名义上的发布者发布。",
                "It does not show that the page is true, or published by whom it names.",
            );
            add(
                "页面会因地区、账号、设备和时间而不同：不证明他人当时看到的也是这样。",
                "Pages differ by region, account, device and time: it does not show what others saw.",
            );
            match facts.claims.get("outcome").and_then(Value::as_str) {
                Some("blocked") => add(
                    "页面要求登录或验证，其内容没有取得；留存的只是当时显示的拦截页。",
                    "The page asked for sign-in or a check and its content was not obtained; what is kept is the wall that stood there.",
                ),
                Some("partial") => add(
                    "页面没有完整取得；缺少什么、为什么，平台记在取证文件里。",
                    "The page was not obtained whole; what is missing and why is noted by the platform in the capture's file.",
                ),
                _ => {}
            }
            if facts.order.as_ref().and_then(|o| o.t2.as_ref()).is_some_and(|t| !t.independent) {
                add(
                    "指令的封存时间只由未标为独立的机构（按运营者自己看待）确认。",
                    "When the order was sealed rests only on an authority that is not marked independent, so on the operator's own.",
                );
            }
        }
    }
    if facts.t1.is_some() && ![&facts.t1, &facts.t2].iter().any(|t| t.as_ref().is_some_and(|t| t.independent)) {
        add(
            "时间只由未标为独立的机构（按运营者自己看待）确认。",
            "The times rest only on authorities that are not marked independent, so on the operator's own.",
        );
    }
    if outcome("log-role") == Some(Outcome::Limited) {
        add(
            "账本密钥没有平台身份：自行固定，或身份不明。",
            "The ledger's key has no role of a platform: self-made or unknown.",
        );
    }
    if outcome("policy") == Some(Outcome::Limited) {
        add(
            "没有他人见证账本：单一运营者可能向不同的人出示不同的账本。",
            "Nobody else witnesses the ledger: a single operator could show different ledgers to different people.",
        );
    }
    if !facts.unchecked_entries.is_empty() {
        let names = facts.unchecked_entries.join(", ");
        add(&format!("下列内容存在但未检查：{names}。"), &format!("Present but not checked: {names}."));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_name_their_zone_and_never_round_down() {
        assert_eq!(date(Utc(1_795_489_500_000_000)), "2026-11-24 11:05:00 (UTC+8), 03:05:00 UTC");
        assert_eq!(date(Utc(1_795_489_500_000_001)), "2026-11-24 11:05:01 (UTC+8), 03:05:01 UTC");
        assert_eq!(date(Utc(1_795_549_500_000_000)), "2026-11-25 03:45:00 (UTC+8), 2026-11-24 19:45:00 UTC");
    }
}
