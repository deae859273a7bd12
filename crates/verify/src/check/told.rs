//! What a capture's file and its statement say about each other, and the file's parts about themselves.
//!
//! None of this shows that the page was so: it shows that the file tells one story, the one that the statement tells.

use super::address::{as_asked, plain};
use crate::Sentence;
use archive::wacz::{Source, Wacz};
use evidence::{
    Error, Result, json,
    json::Value,
    statement::Statement,
    time::{SECOND, Utc},
    token::Token,
};
use std::collections::BTreeMap;

/// How far the capturing machine's clock may be from an authority's, as for cosignatures.
const CLOCK: i64 = 60 * SECOND;
/// Most bytes of the page's text.
const MAX_TEXT: u64 = 64 << 20;
/// Most characters of a title that a claim takes over whole.
const TITLE: usize = 2_000;
/// Most bytes of it.
const CLAIM: usize = 4096;

/// Title, software, text, address: one each. What holds with a reservation is returned.
pub(super) fn agree(
    statement: &Statement,
    claims: &BTreeMap<String, Value>,
    read: &Wacz,
    source: &mut dyn Source,
    result: Option<&Value>,
) -> Result<Vec<Sentence>> {
    let claim = |name: &str| claims.get(name).and_then(Value::as_str);
    let [page] = read.pages.as_slice() else {
        return Err(Error::malformed(
            "pages.jsonl",
            format!("{} pages", read.pages.len()),
            "the one that was captured",
        ));
    };
    let made = format!("{} {}", statement.software.name, statement.software.version);
    same("software of the WACZ", &read.about.software, &made)?;
    let shown = |title: &Option<String>| title.clone().unwrap_or_default();
    same("title in datapackage.json", &shown(&read.about.title), &shown(&page.title))?;
    if let Some(stated) = claim("final_url") {
        same("main page of the WACZ", plain(&page.url), plain(stated))?;
    }
    // A claim holds a title in NFC, without control characters, cut: only one that is so already can be compared.
    let whole = |t: &str| json::check_string("title", t).is_ok() && t.chars().count() <= TITLE && t.len() <= CLAIM;
    let title = shown(&page.title);
    if let Some(stated) = claim("page_title").filter(|_| whole(&title)) {
        same("title of the page", &title, stated)?;
    }
    let text = match read.find("text") {
        Some(entry) => {
            let bytes = read.payload(source, entry, MAX_TEXT).map_err(super::capture::in_words)?;
            Some(String::from_utf8_lossy(&bytes).into_owned())
        }
        None => None,
    };
    if text != page.text {
        let size = |t: &Option<String>| t.as_ref().map_or_else(|| "none".into(), |t| format!("{} bytes", t.len()));
        return Err(Error::mismatch("text in pages.jsonl and urn:quezao:text", size(&page.text), size(&text)));
    }
    // A file that says nothing of its end is not held to it; one that does, is.
    if let (Some(stated), Some(own)) = (claim("outcome"), result.and_then(|r| r["outcome"].as_str())) {
        same("outcome in operations", own, stated)?;
    }
    let mut open = Vec::new();
    if let Some(url) = claim("url") {
        open.extend(requested(url, read)?);
    }
    let answers = || read.entries.iter().filter(|e| e.kind == "response");
    let clear = answers().filter(|e| e.target.starts_with("http://")).count();
    if clear > 0 {
        let all = answers().count();
        open.push(Sentence::new(
            format!("{all} 个应答中有 {clear} 个经明文 HTTP 取得，途中任何人都可能改动"),
            format!("{clear} of {all} answers came over plain HTTP, which anybody on the way could have changed"),
        ));
    }
    Ok(open)
}

/// Nothing in the file is dated before the order's seal, or after the token over the statement.
pub(super) fn dated(read: &Wacz, seals: &[Token], tokens: &[&Token]) -> Result<()> {
    let all = || {
        let own = [read.about.created].into_iter().chain(read.pages.iter().map(|p| p.at));
        own.chain(read.entries.iter().map(|e| e.at))
    };
    let (Some(first), Some(last)) = (all().min(), all().max()) else { return Ok(()) };
    for seal in seals {
        let bound = seal.gen_time.plus(-seal.accuracy - CLOCK);
        if first < bound {
            return Err(outside(first, format!(">= {} (the order's seal − 60 s)", bound.to_micros())));
        }
    }
    for token in tokens {
        let bound = token.gen_time.plus(token.accuracy + CLOCK);
        if last > bound {
            return Err(outside(last, format!("<= {} (the statement's token + 60 s)", bound.to_micros())));
        }
    }
    Ok(())
}

fn outside(at: Utc, bound: String) -> Error {
    Error::mismatch("a date in the WACZ", at.to_micros(), bound)
}

/// The order's URL was asked for: as it stands, or over https, as browsers do where they know a site to want that.
fn requested(url: &str, read: &Wacz) -> Result<Option<Sentence>> {
    let Some(wanted) = as_asked(url) else {
        return Ok(Some(Sentence::new(
            "指令网址的写法特殊，未与各请求比对",
            "the order's URL is written in a way that was not compared with the requests",
        )));
    };
    let upgraded = wanted.strip_prefix("http://").map(|rest| format!("https://{rest}"));
    let asked = |t: &str| t == wanted || upgraded.as_deref() == Some(t);
    if read.entries.iter().any(|e| e.kind == "request" && asked(&e.target)) {
        return Ok(None);
    }
    let first = read.entries.iter().find(|e| e.kind == "request").map_or("no request", |e| e.target.as_str());
    Err(Error::mismatch("request of the order's URL", format!("{first}, and others"), wanted))
}

fn same(what: &'static str, found: &str, expected: &str) -> Result<()> {
    if found == expected { Ok(()) } else { Err(Error::mismatch(what, found, expected)) }
}
