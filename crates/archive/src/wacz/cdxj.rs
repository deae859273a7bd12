//! The lists of a WACZ: index (CDXJ), pages, package. Each follows from the records and pages, so a reader writes it
//! again and compares. Their JSON is canonical (RFC 8785), one spelling for any text.

use super::{About, Entry, MAX_LIST, Page, WACZ_VERSION, warc};
use evidence::{
    Error, Result, hex,
    json::{self, Value},
    time::Utc,
};

pub(super) const WARC: &str = "archive/data.warc.gz";
pub(super) const INDEX: &str = "indexes/index.cdx";
pub(super) const PAGES: &str = "pages/pages.jsonl";
pub(super) const PACKAGE: &str = "datapackage.json";
pub(super) const DIGEST: &str = "datapackage-digest.json";
/// All entries, in order.
pub(super) const ENTRIES: [&str; 5] = [WARC, INDEX, PAGES, PACKAGE, DIGEST];

/// Bytes, size and digest of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) size: u64,
    pub(super) sha256: [u8; 32],
}

/// Responses to GET and own artefacts, one line each, ascending as bytes; offsets are those in the WARC file.
pub(super) fn index(entries: &[Entry], warc_starts_at: u64) -> Result<Vec<u8>> {
    let mut lines = Vec::new();
    for entry in entries.iter().filter(|e| e.indexed) {
        let media = entry.content_type.as_deref().unwrap_or("unk").split(';').next().unwrap_or_default();
        let media = media.trim().to_ascii_lowercase();
        let members = json::json!({
            "digest": warc::labelled(&entry.payload_sha256),
            "filename": "data.warc.gz",
            "length": entry.length.to_string(),
            "mime": media,
            "offset": entry.offset.saturating_sub(warc_starts_at).to_string(),
            "status": entry.status.unwrap_or(200).to_string(),
            "url": entry.target,
        });
        let members = String::from_utf8_lossy(&json::to_bytes_free("CDXJ", &members)?).into_owned();
        lines.push(format!("{} {} {members}\n", sort_key(&entry.target), fourteen(entry.at)));
    }
    lines.sort_unstable();
    bounded("CDXJ", lines.concat().into_bytes())
}

/// `YYYYMMDDHHMMSS`, UTC.
fn fourteen(at: Utc) -> String {
    at.to_micros().bytes().take(19).filter(u8::is_ascii_digit).map(char::from).collect()
}

/// The SURT of a URL: everything in lower case, `www` labels off, labels of the host reversed, the scheme's own port
/// off, a query's parts in order, no last slash. A `urn:` stands as it is.
fn sort_key(url: &str) -> String {
    let url = url.to_ascii_lowercase();
    let Some((scheme, rest)) = url.split_once("://") else { return url };
    let (authority, path) = rest.find(['/', '?']).map_or((rest, ""), |n| rest.split_at(n));
    let host = authority.rsplit_once('@').map_or(authority, |(_, h)| h);
    let host = host.strip_suffix(if scheme == "https" { ":443" } else { ":80" }).unwrap_or(host);
    let (host, port) = match host.rsplit_once(':') {
        Some((h, p)) if p.bytes().all(|c| c.is_ascii_digit()) => (h, format!(":{p}")),
        _ => (host, String::new()),
    };
    let www = |label: &str| label.strip_prefix("www").is_some_and(|n| n.bytes().all(|c| c.is_ascii_digit()));
    let mut labels: Vec<&str> = host.split('.').collect();
    if labels.len() > 1 && www(labels[0]) {
        labels.remove(0);
    }
    labels.reverse();
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let path = if path.len() > 1 { path.strip_suffix('/').unwrap_or(path) } else { "/" };
    let mut parts: Vec<&str> = query.split('&').collect();
    parts.sort_unstable();
    let query = if query.is_empty() { String::new() } else { format!("?{}", parts.join("&")) };
    format!("{}{port}){path}{query}", labels.join(","))
}

/// `pages.jsonl`: a head line, then a line for each page.
pub(super) fn pages(pages: &[Page]) -> Result<Vec<u8>> {
    let text = pages.iter().any(|p| p.text.is_some());
    let head = json::json!({"format": "json-pages-1.0", "hasText": text, "id": "pages", "title": "All Pages"});
    let mut out = json::to_bytes_free(PAGES, &head)?;
    for (n, page) in pages.iter().enumerate() {
        warc::check_url(&page.url)?;
        let mut line = json::json!({"id": (n + 1).to_string(), "ts": page.at.to_micros(), "url": page.url});
        page.title.iter().for_each(|t| line["title"] = json::json!(t));
        page.text.iter().for_each(|t| line["text"] = json::json!(t));
        out.push(b'\n');
        out.extend(json::to_bytes_free(PAGES, &line)?);
    }
    out.push(b'\n');
    bounded("pages.jsonl", out)
}

/// Reads what [`pages`] writes.
pub(super) fn read_pages(bytes: &[u8]) -> Result<Vec<Page>> {
    let mut found = Vec::new();
    for line in bytes.split(|c| *c == b'\n').skip(1).filter(|l| !l.is_empty()) {
        let line = json::parse_free("pages.jsonl", line, MAX_LIST as usize)?;
        let text = |name: &str| line.get(name).and_then(Value::as_str);
        let required = |name: &'static str| text(name).ok_or_else(|| absent("pages.jsonl", name));
        let at = Utc::parse_micros(required("ts")?)?;
        let (title, text) = (text("title").map(str::to_owned), text("text").map(str::to_owned));
        found.push(Page { url: required("url")?.to_owned(), title, at, text });
    }
    if found.is_empty() {
        return Err(Error::malformed("pages.jsonl", "no page", "at least one"));
    }
    same("pages.jsonl", bytes, &pages(&found)?)?;
    Ok(found)
}

/// `datapackage.json` of the first three entries, in their order.
pub(super) fn package(about: &About, main: &Page, listed: &[Listed]) -> Result<Vec<u8>> {
    warc::info(&about.software)?;
    let resource = |(path, listed): (&&str, &Listed)| {
        let name = path.rsplit('/').next().unwrap_or_default();
        json::json!({"bytes": listed.size, "hash": warc::labelled(&listed.sha256), "name": name, "path": path})
    };
    let resources: Vec<Value> = ENTRIES.iter().zip(listed).map(resource).collect();
    let mut value = json::json!({
        "created": about.created.to_micros(),
        "mainPageDate": main.at.to_micros(),
        "mainPageUrl": main.url,
        "profile": "data-package",
        "resources": resources,
        "software": about.software,
        "wacz_version": WACZ_VERSION,
    });
    about.title.iter().for_each(|t| value["title"] = json::json!(t));
    bounded("datapackage.json", json::to_bytes_free(PACKAGE, &value)?)
}

/// What [`package`] says, where it says nothing else.
pub(super) fn read_package(bytes: &[u8], main: &Page, listed: &[Listed]) -> Result<About> {
    let value = json::parse_free("datapackage.json", bytes, MAX_LIST as usize)?;
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    let required = |name: &'static str| text(name).ok_or_else(|| absent("datapackage.json", name));
    let version = required("wacz_version")?;
    if version != WACZ_VERSION {
        return Err(Error::Unknown { what: "WACZ version", found: version.to_owned() });
    }
    let created = Utc::parse_micros(required("created")?)?;
    let about = About { software: required("software")?.to_owned(), created, title: text("title").map(str::to_owned) };
    same("datapackage.json", bytes, &package(&about, main, listed)?)?;
    Ok(about)
}

/// `datapackage-digest.json`. The signature that the specification allows here is none of ours: it lies beside the file.
pub(super) fn digest(package: &[u8]) -> Result<Vec<u8>> {
    let hash = warc::labelled(&evidence::digest::sha256(package));
    json::to_bytes_free(DIGEST, &json::json!({"hash": hash, "path": PACKAGE}))
}

/// Compares a list with what it must be.
pub(super) fn same(what: &'static str, found: &[u8], expected: &[u8]) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    let at = found.iter().zip(expected).take_while(|(a, b)| a == b).count();
    let around = |b: &[u8]| {
        let from = at.saturating_sub(40).min(b.len());
        String::from_utf8_lossy(&b[from..b.len().min(at + 40)]).into_owned()
    };
    Err(Error::mismatch(what, around(found), around(expected)))
}

fn absent(what: &'static str, name: &'static str) -> Error {
    Error::malformed(what, format!("no \"{name}\""), format!("\"{name}\""))
}

fn bounded(what: &'static str, bytes: Vec<u8>) -> Result<Vec<u8>> {
    if bytes.len() as u64 <= MAX_LIST {
        return Ok(bytes);
    }
    Err(Error::TooLarge { what, found: bytes.len() as u64, limit: MAX_LIST })
}

/// For messages: the first digits of a digest.
pub(super) fn short(digest: &[u8; 32]) -> String {
    hex::encode(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sort_keys_are_those_of_the_surt_library() {
        for (url, key) in [
            ("https://www.Example.com:443/A/b/?z=1&a=2", "com,example)/a/b?a=2&z=1"),
            ("http://example.com", "com,example)/"),
            ("http://example.com/?", "com,example)/"),
            ("http://127.0.0.1:8080/x.png", "1,0,0,127:8080)/x.png"),
            ("https://shop.example.com:8443/", "com,example,shop:8443)/"),
            ("https://www2.example.com?q", "com,example)/?q"),
            ("urn:quezao:dom", "urn:quezao:dom"),
        ] {
            assert_eq!(sort_key(url), key, "{url}");
        }
    }
}
