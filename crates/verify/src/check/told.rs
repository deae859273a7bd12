//! What a capture's file and its statement say about each other, and the file's parts about themselves.
//!
//! None of this shows that the page was so: it shows that the file tells one story, the one that the statement tells.

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

/// A URL as a browser asks for it (WHATWG URL), where that is plain; `None` where it takes more than this.
fn as_asked(url: &str) -> Option<String> {
    let (scheme, rest) = url.trim_matches(' ').split_once("://")?;
    let default = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return None,
    };
    let rest = plain(rest);
    let (authority, tail) = rest.find(['/', '?']).map_or((rest, ""), |n| rest.split_at(n));
    let authority = authority.to_ascii_lowercase();
    let authority = authority.strip_suffix(default).unwrap_or(&authority);
    let (host, port) = authority.split_once(':').map_or((authority, None), |(h, p)| (h, Some(p)));
    let port_fits = port.is_none_or(|p| !p.is_empty() && !p.starts_with('0') && p.bytes().all(|c| c.is_ascii_digit()));
    let label = |l: &str| !l.is_empty() && l.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_'));
    // A last label that is a number makes an address of it, whose other spellings are not compared.
    let number = host.rsplit('.').next().is_some_and(|l| l.starts_with(|c: char| c.is_ascii_digit()));
    let address = host.parse::<core::net::Ipv4Addr>().is_ok_and(|a| a.to_string() == host);
    if !host.split('.').all(label) || host.split('.').any(|l| l.starts_with("xn--")) || !port_fits || number && !address
    {
        return None;
    }
    let (path, query) = tail.split_once('?').map_or((tail, None), |(p, q)| (p, Some(q)));
    let dots = |s: &str| matches!(s.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..");
    if path.split('/').any(dots) || tail.contains(['\\', '^', '|']) || tail.chars().any(char::is_control) {
        return None;
    }
    let path = if path.is_empty() { "/".to_owned() } else { escaped(path, b" \"<>`{}") };
    let query = query.map_or_else(String::new, |q| format!("?{}", escaped(q, b" \"<>'")));
    Some(format!("{scheme}://{authority}{path}{query}"))
}

fn escaped(text: &str, also: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_graphic() && !also.contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Without a fragment, which no request carries.
fn plain(url: &str) -> &str {
    url.split('#').next().unwrap_or_default()
}

fn same(what: &'static str, found: &str, expected: &str) -> Result<()> {
    if found == expected { Ok(()) } else { Err(Error::mismatch(what, found, expected)) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_url_is_asked_for_as_a_browser_does() {
        for (url, asked) in [
            ("https://Shop.example", "https://shop.example/"),
            ("https://shop.example:443/a?b#c", "https://shop.example/a?b"),
            ("http://shop.example:8080/?q=连衣裙 a", "http://shop.example:8080/?q=%E8%BF%9E%E8%A1%A3%E8%A3%99%20a"),
            ("http://127.0.0.1:8000/item{1}?it's", "http://127.0.0.1:8000/item%7B1%7D?it%27s"),
            (" https://shop.example?x ", "https://shop.example/?x"),
            ("https://shop.example/%E5%BA%97//a.", "https://shop.example/%E5%BA%97//a."),
        ] {
            assert_eq!(as_asked(url).as_deref(), Some(asked), "{url}");
        }
        for other in [
            "ftp://shop.example/",
            "https://商店.example/",
            "https://xn--a.example/",
            "http://0x7f.1/",
            "http://2130706433/",
            "http://[::1]/",
            "https://u@shop.example/",
            "https://shop.example/a/../b",
            "https://shop.example/%2E%2e/b",
            "https://shop.example/a\\b",
            "https://shop.example:080/",
            "https://shop..example/",
        ] {
            assert_eq!(as_asked(other), None, "{other}");
        }
    }
}
