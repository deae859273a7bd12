//! `licence` through a server: made, listed and ended there by the token's owner, and links by which a licensee confirms.

use super::{
    Call, Server,
    line::{is_digest, is_id, no_record},
    not_understood,
};
use evidence::json::check_string;
use serde::Deserialize;
use serde_json::{Value, json};
use service::{Licence, LicenceLine};
use std::io::Cursor;

/// Most pages of a list.
const PAGES: u64 = 100_000;

#[derive(Deserialize)]
struct Told {
    id: String,
    title: Option<String>,
    licensee: Option<String>,
    code: Option<String>,
    shop: Option<String>,
    urls: Vec<String>,
    from: Option<String>,
    until: Option<String>,
    scope: Option<String>,
    pictures: Vec<String>,
    state: String,
    ended: Option<String>,
    ended_by: Option<String>,
    reason: Option<String>,
    confirmed: Option<String>,
    confirmed_by: Option<String>,
    confirmation: Option<String>,
    status: String,
    index: Option<u64>,
    record_sha256: Option<String>,
}

/// Records a licence.
pub(crate) fn add(server: &Server, licence: &Licence) -> service::Result<LicenceLine> {
    let l = licence;
    let asked = json!({
        "licensee": l.licensee, "pictures": l.pictures, "title": l.title, "code": l.code, "shop": l.shop, "urls": l.urls,
        "from": l.from, "until": l.until, "scope": l.scope,
    });
    line(&post(server, "/api/v1/licences", &asked)?)
}

/// The token's owner's licences, the newest first.
pub(crate) fn list(server: &Server) -> service::Result<Vec<LicenceLine>> {
    let mut lines = Vec::new();
    for page in 1..=PAGES {
        let answer = server.json(&format!("/api/v1/licences?page={page}"))?;
        let told = answer["licences"].as_array().ok_or_else(not_understood)?;
        for one in told {
            lines.push(line(one)?);
        }
        if answer["pages"].as_u64().ok_or_else(not_understood)? <= page {
            break;
        }
    }
    Ok(lines)
}

/// Ends a licence from a day on.
pub(crate) fn end(server: &Server, id: &str, from: Option<&str>, reason: Option<&str>) -> service::Result<LicenceLine> {
    let path = format!("/api/v1/licences/{}/revocation", number(id)?);
    let told = line(&post(server, &path, &json!({"from": from, "reason": reason}))?)?;
    if told.id.as_deref() == Some(id) { Ok(told) } else { Err(not_understood()) }
}

/// Makes a link that is good until the end of a day.
pub(crate) fn link(server: &Server, id: &str, until: &str) -> service::Result<String> {
    let path = format!("/api/v1/licences/{}/links", number(id)?);
    let answer = post(server, &path, &json!({"until": until}))?;
    let url = answer["url"].as_str().ok_or_else(not_understood)?;
    let plain =
        url.bytes().all(|b| b.is_ascii_graphic()) && (url.starts_with("https://") || url.starts_with("http://"));
    if plain { Ok(url.to_owned()) } else { Err(not_understood()) }
}

fn number(id: &str) -> service::Result<&str> {
    if is_id(id) { Ok(id) } else { Err(no_record(id)) }
}

fn post(server: &Server, path: &str, asked: &Value) -> service::Result<Value> {
    let asked = asked.to_string().into_bytes();
    server.post(&mut Call {
        path,
        key: &service::random_word()?,
        media_type: "application/json",
        length: asked.len() as u64,
        body: &mut || Ok(Box::new(Cursor::new(asked.clone()))),
    })
}

/// A licence as an answer tells it, looked at before it is printed.
fn line(value: &Value) -> service::Result<LicenceLine> {
    let t = Told::deserialize(value).map_err(|_| not_understood())?;
    if !is_plain(&t) {
        return Err(not_understood());
    }
    Ok(LicenceLine {
        id: Some(t.id),
        title: t.title,
        licensee: t.licensee,
        code: t.code,
        shop: t.shop,
        urls: t.urls,
        from: t.from,
        until: t.until,
        scope: t.scope,
        pictures: t.pictures,
        state: t.state,
        ended: t.ended,
        ended_by: t.ended_by,
        reason: t.reason,
        confirmed: t.confirmed,
        confirmed_by: t.confirmed_by,
        confirmation: t.confirmation,
        status: t.status,
        index: t.index,
        record_sha256: t.record_sha256,
        error: None,
    })
}

/// Whether numbers are numbers, words known ones, and texts such as a terminal may have.
fn is_plain(t: &Told) -> bool {
    let mut ids = [Some(&t.id), t.ended_by.as_ref(), t.confirmation.as_ref()].into_iter().flatten().chain(&t.pictures);
    let terms = [&t.title, &t.licensee, &t.code, &t.shop, &t.from, &t.until, &t.scope];
    let later = [&t.ended, &t.reason, &t.confirmed, &t.confirmed_by];
    let mut texts = terms.into_iter().chain(later).flatten().chain(&t.urls);
    ["new", "existing", "pending"].contains(&t.status.as_str())
        && ["coming", "valid", "over", "ended"].contains(&t.state.as_str())
        && ids.all(|id| is_id(id))
        && texts.all(|text| check_string("licence", text).is_ok())
        && t.record_sha256.as_deref().is_none_or(is_digest)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_a_server_tells_of_a_licence_is_looked_at() {
        let id = "01a20d51-07a2-7ef7-9aa6-6128256c1eaf";
        let good = json!({
            "id": id, "title": null, "licensee": "丙店", "code": null, "shop": null, "urls": ["https://shop.example/*"],
            "from": "2026-01-01", "until": null, "scope": null, "pictures": [id], "state": "valid", "ended": null,
            "ended_by": null, "reason": null, "confirmed": null, "confirmed_by": null, "confirmation": null,
            "status": "new", "index": 7, "record_sha256": "ab".repeat(32),
        });
        assert_eq!(line(&good).unwrap().licensee.as_deref(), Some("丙店"));
        for (name, value) in [
            ("id", json!("../../etc/passwd")),
            ("licensee", json!("\u{1b}[2J")),
            ("urls", json!(["a\u{202e}b"])),
            ("pictures", json!([7])),
            ("state", json!("fine")),
            ("status", json!("failed")),
            ("record_sha256", json!("x")),
            ("ended_by", json!("x")),
        ] {
            let mut bad = good.clone();
            bad[name] = value;
            assert!(line(&bad).is_err(), "{name}");
        }
    }
}
