//! A recording as a WACZ among the kept originals.
//!
//! Nothing is held in memory: bodies go from the recording's folder into the file. What the browser only reported is
//! marked as such in the record.

use crate::{Error, Result, intake};
use archive::wacz::{About, Body, Coding, Exchange, HeadSource, Message, Page, Resource, Writer};
use capture::{Fidelity, Head, Recording, Spooled};
use evidence::{digest::FileDigests, time::Utc};
use std::{fs::File, io::BufWriter, path::Path};

/// Longest page title and visible text that are listed; the whole text is a resource of its own.
const MAX_LISTED: usize = 1 << 20;

/// Writes the recording with its order's package; it lies durably under its SHA-256 when this returns.
pub(crate) fn keep(originals: &Path, recording: &Recording, order: Vec<u8>) -> Result<FileDigests> {
    let copy = intake::Copy::begin(originals)?;
    let file = copy.file().map_err(|e| Error::io(copy.path(), &e))?;
    write(file, recording, order)
        .map_err(|e| Error::new(format!("WACZ 无法写成（{e}）"), format!("the WACZ could not be written ({e})")))?;
    let digests = intake::digests(copy.path(), &mut |_| ())?;
    copy.finish(&digests)?;
    Ok(digests)
}

/// A page's text as a claim may hold it: NFC, without control and steering characters, not too long.
pub(crate) fn claimable(text: &str) -> String {
    use unicode_normalization::UnicodeNormalization;
    let fits = |c: &char| evidence::json::check_string("claim", &c.to_string()).is_ok();
    text.nfc().filter(fits).take(2_000).collect()
}

fn write(file: File, recording: &Recording, order: Vec<u8>) -> archive::wacz::Result<()> {
    let (name, version, _) = crate::SOFTWARE;
    let title = Some(recording.title.clone()).filter(|t| !t.is_empty());
    let about = About { software: format!("{name} {version}"), created: Utc(recording.ended), title: title.clone() };
    let mut out = Writer::new(BufWriter::new(file), &about)?;
    let package = Resource {
        name: "order".into(),
        label: None,
        content_type: "application/zip".into(),
        at: Utc(recording.started),
        body: order.into(),
    };
    out.resource(package)?;
    for exchange in &recording.exchanges {
        if exchange.url.starts_with("http://") || exchange.url.starts_with("https://") {
            out.exchange(converted(exchange)?)?;
        }
    }
    for resource in &recording.resources {
        let (name, label) = match resource.name.split_once('/') {
            Some((name, label)) => (name, Some(label.to_owned())),
            None => (resource.name.as_str(), None),
        };
        out.resource(Resource {
            name: name.to_owned(),
            label,
            content_type: resource.media_type.to_owned(),
            at: Utc(recording.ended),
            body: body(&resource.content)?,
        })?;
    }
    let text = recording.resource("text").and_then(|r| std::fs::read(&r.content.file).ok());
    let text = text.map(|b| String::from_utf8_lossy(&b[..b.len().min(MAX_LISTED)]).into_owned());
    let url = if recording.final_url.is_empty() { &recording.url } else { &recording.final_url };
    out.page(Page { url: url.clone(), title, at: Utc(recording.started), text })?;
    out.finish()?;
    Ok(())
}

fn converted(exchange: &capture::Exchange) -> archive::wacz::Result<Exchange> {
    let url = exchange.url.split('#').next().unwrap_or_default();
    let target = path_of(url);
    let request = Message {
        coding: Coding::Wire,
        ..message(
            &format!("{} {target} HTTP/1.1", exchange.method),
            &exchange.head,
            exchange.post.as_ref().map_or_else(|| Ok(Body::empty()), body)?,
        )
    };
    let mut protocols = Vec::new();
    let mut response = None;
    if let Some(answer) = &exchange.response {
        protocols.extend(protocol(&answer.protocol));
        protocols.extend(answer.security["protocol"].as_str().and_then(protocol));
        let start = format!("HTTP/1.1 {} {}", answer.status, answer.status_text);
        let content = answer.body.as_ref().map_or_else(|| Ok(Body::empty()), body)?;
        let coded = |name: &str| {
            name.eq_ignore_ascii_case("content-encoding") || name.eq_ignore_ascii_case("transfer-encoding")
        };
        let decoded = answer.fidelity == Fidelity::Text || answer.head.fields.iter().any(|(name, _)| coded(name));
        let coding = if decoded { Coding::Decoded } else { Coding::Wire };
        let mut made = Message { coding, ..message(&start, &answer.head, content) };
        made.truncated =
            answer.body.is_none().then_some(archive::wacz::Truncated::Unspecified).filter(|_| answer.note.is_some());
        response = Some(made);
    }
    Ok(Exchange {
        url: url.to_owned(),
        at: Utc(exchange.started),
        request,
        response,
        ip_address: exchange.peer.map(|p| p.ip()),
        protocols,
        cipher: None,
    })
}

/// The head as received, where the browser shows it; else as it reported the fields.
fn message(start: &str, head: &Head, body: Body) -> Message {
    match &head.raw {
        Some(raw) if raw.ends_with("\r\n\r\n") => Message {
            head: raw.clone().into_bytes(),
            head_source: HeadSource::Wire,
            ..Message::reported(start, [], body)
        },
        _ => Message::reported(start, head.fields.iter().map(|(n, v)| (n.as_str(), v.as_str())), body),
    }
}

fn body(spooled: &Spooled) -> archive::wacz::Result<Body> {
    Ok(Body::Source(Box::new(File::open(&spooled.file)?)))
}

/// `h2`, `http/1.1`, `tls/1.3`, as WARC-Protocol writes them.
fn protocol(reported: &str) -> Option<String> {
    match reported.to_ascii_lowercase().as_str() {
        "" => None,
        "tls 1.2" => Some("tls/1.2".into()),
        "tls 1.3" => Some("tls/1.3".into()),
        other => Some(other.to_owned()),
    }
}

/// Path and query of an absolute URL.
fn path_of(url: &str) -> &str {
    let after = url.find("://").map_or(0, |i| i + 3);
    url[after..].find('/').map_or("/", |i| &url[after + i..])
}
