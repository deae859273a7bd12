//! The columns: their names in both languages, and what may stand in them.

use crate::{
    Refusal,
    place::{Place, brief},
};

/// What a column says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    /// One file's name.
    File,
    /// A pattern.
    Pattern,
    /// A claim.
    Claim(&'static str),
    /// Attachments, by lines or `|` apart.
    Attach,
}

/// Name in a file, name in a Chinese table, other Chinese names that are understood.
pub(crate) const COLUMNS: &[(Column, &str, &[&str])] = &[
    (Column::File, "file", &["文件", "文件名"]),
    (Column::Pattern, "pattern", &["匹配", "匹配式"]),
    (Column::Claim("title"), "title", &["作品名称", "名称", "标题"]),
    (Column::Claim("author"), "author", &["作者"]),
    (Column::Claim("work_origin"), "work_origin", &["作品来源", "来源"]),
    (Column::Claim("basis"), "basis", &["权利依据", "依据"]),
    (Column::Claim("completed_at"), "completed_at", &["完成日期", "创作完成日期"]),
    (Column::Claim("completed_place"), "completed_place", &["完成地点", "创作完成地点"]),
    (Column::Claim("published_at"), "published_at", &["首次发表日期", "发表日期"]),
    (Column::Claim("published_place"), "published_place", &["首次发表地点", "发表地点"]),
    (Column::Claim("published_url"), "published_url", &["首次发表网址", "发表网址"]),
    (Column::Attach, "attach", &["附件"]),
];

/// `work_origin` in a Chinese table, as the certificate prints it.
pub(crate) const ORIGINS: &[(&str, &str)] = &[
    ("self", "本人创作"),
    ("employee", "职务作品"),
    ("commissioned", "委托创作"),
    ("assigned", "受让取得"),
    ("supplier", "供应商提供"),
    ("buyer", "买家提供"),
    ("generated", "程序生成"),
];

/// The column with this head, in either language.
pub(crate) fn column(head: &str) -> Option<Column> {
    let word = head.trim().trim_start_matches('\u{feff}');
    let found = COLUMNS.iter().find(|(_, en, zh)| en.eq_ignore_ascii_case(word) || zh.contains(&word));
    found.map(|(column, ..)| *column)
}

/// A claim's value as the statement will have it.
pub(crate) fn value(place: &Place, claim: &'static str, text: &str) -> Result<String, Refusal> {
    let text = crate::clean(place, text)?;
    match claim {
        "work_origin" => match ORIGINS.iter().find(|(en, zh)| *en == text || *zh == text) {
            Some((word, _)) => Ok((*word).to_owned()),
            None => {
                let (en, zh): (Vec<_>, Vec<_>) = ORIGINS.iter().copied().unzip();
                Err(Refusal::new(
                    place.clone(),
                    format!("“{}”不在可选之列；请填 {}", brief(&text), zh.join("、")),
                    format!("\"{}\" is not one of {}", brief(&text), en.join(", ")),
                ))
            }
        },
        "completed_at" | "published_at" => date(place, &text),
        _ => Ok(text),
    }
}

/// `2026-01-31`, and what spreadsheets make of it: `2026/1/31`, `2026.1.31`, `2026年1月31日`. The year stands first, so
/// nothing is guessed. An instant in the statement's own form is left as it is.
fn date(place: &Place, text: &str) -> Result<String, Refusal> {
    let parts: Vec<&str> = text.split(['-', '/', '.', '年', '月']).map(|p| p.trim_end_matches('日')).collect();
    let numbers: Option<Vec<u32>> = parts
        .iter()
        .map(|p| p.parse().ok().filter(|_| p.len() <= 4 && p.bytes().all(|b| b.is_ascii_digit())))
        .collect();
    let plain = match (parts.as_slice(), numbers.as_deref()) {
        ([y, ..], Some([year, month, day])) if y.len() == 4 => format!("{year:04}-{month:02}-{day:02}"),
        _ => text.to_owned(),
    };
    evidence::statement::check_claim("completed_at", &plain.as_str().into()).map(|()| plain).map_err(|_| {
        Refusal::new(
            place.clone(),
            format!("“{}”不是日期；请写成 2026-01-31", brief(text)),
            format!("\"{}\" is not a date; write it as 2026-01-31", brief(text)),
        )
    })
}
