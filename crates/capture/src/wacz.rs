//! A recording as a WACZ: nothing is added but what the caller brings (order, contact proofs).

use std::fs::File;
use std::io::{Seek, Write};

use archive::wacz::{self, About, Body, Coding, HeadSource, Message, Page, Summary, Truncated, Writer};
use evidence::time::Utc;
use url::Url;

use crate::network::ENDED;
use crate::recording::{Exchange, Fidelity, Head, Recording, Response, Spooled};

impl Recording {
    /// Writes exchanges, artefacts and `extra` ones. `out` is empty and stands at its start; `software` is
    /// the statement's.
    pub fn write_wacz<W: Write + Seek>(
        &self,
        out: W,
        software: &str,
        extra: Vec<wacz::Resource>,
    ) -> wacz::Result<(W, Summary)> {
        let title = Some(self.title.clone()).filter(|title| !title.is_empty());
        let about = About { software: software.to_owned(), created: Utc(self.ended), title: title.clone() };
        let mut writer = Writer::new(out, &about)?;
        for exchange in &self.exchanges {
            if let Some(exchange) = record(exchange)? {
                writer.exchange(exchange)?;
            }
        }
        for resource in extra {
            writer.resource(resource)?;
        }
        for resource in &self.resources {
            let (name, label) = match resource.name.split_once('/') {
                Some((name, label)) => (name, Some(label.to_owned())),
                None => (resource.name.as_str(), None),
            };
            writer.resource(wacz::Resource {
                name: name.to_owned(),
                label,
                content_type: resource.media_type.to_owned(),
                at: Utc(self.ended),
                body: file(&resource.content)?,
            })?;
        }
        let text = match self.resource("text") {
            Some(text) => Some(String::from_utf8_lossy(&std::fs::read(&text.content.file)?).into_owned()),
            None => None,
        };
        writer.page(Page { url: self.begins_at(), title, at: Utc(self.started), text })?;
        writer.finish()
    }

    /// Where a replay begins: where the page ended, or, where that is no address of the web (`about:blank`, an error
    /// page of the browser's), what was opened last.
    fn begins_at(&self) -> String {
        let web = |url: &str| url.starts_with("http://") || url.starts_with("https://");
        let last = || self.exchanges.iter().rev().find(|e| e.main && !e.printing).map_or(&self.url, |e| &e.url);
        plain(if web(&self.final_url) { &self.final_url } else { last() })
    }
}

/// `None`: nothing went out (the guard refused it; its log says so), or a WACZ has no place for it (an address above
/// 64 KiB); `urn:quezao:heads` names it all the same.
fn record(exchange: &Exchange) -> wacz::Result<Option<wacz::Exchange>> {
    let method = !exchange.method.is_empty() && exchange.method.bytes().all(|b| b.is_ascii_uppercase() || b == b'-');
    let url = plain(&exchange.url);
    let (Some(peer), true, Ok(parsed)) = (exchange.peer, method, Url::parse(&url)) else { return Ok(None) };
    if url.len() > wacz::MAX_URL {
        return Ok(None);
    }
    let target = &parsed[url::Position::BeforePath..];
    let body = exchange.post.as_ref().map_or_else(|| Ok(Body::empty()), file)?;
    let start = format!("{} {target} HTTP/1.1", exchange.method);
    let mut request = Message::reported(&start, fields(&exchange.head), body);
    request.coding = Coding::Wire;
    if !wacz::takes_head(&request.head, true) {
        request.head = Message::reported(&start, None, Body::empty()).head;
    }
    let security = exchange.response.as_ref().map(|r| &r.security);
    let tls =
        security.and_then(|s| s["protocol"].as_str()).and_then(|p| p.strip_prefix("TLS ")).map(|v| format!("tls/{v}"));
    let http = exchange
        .response
        .as_ref()
        .map(|r| r.protocol.clone())
        .filter(|p| matches!(p.as_str(), "http/1.0" | "http/1.1" | "h2" | "h3"));
    Ok(Some(wacz::Exchange {
        url,
        at: Utc(exchange.started),
        request,
        response: exchange.response.as_ref().map(|r| response(exchange, r)).transpose()?,
        ip_address: Some(peer.ip()),
        cipher: tls.as_deref().and_then(|tls| suite(tls, security.and_then(|s| s["cipher"].as_str())?)),
        protocols: http.into_iter().chain(tls).collect(),
    }))
}

fn response(exchange: &Exchange, response: &Response) -> wacz::Result<Message> {
    let has = |name: &str| response.head.field(name);
    let body = response.body.as_ref().map_or_else(|| Ok(Body::empty()), file)?;
    let start = format!(
        "HTTP/1.1 {} {}",
        response.status.clamp(100, 999),
        response.status_text.replace(|c: char| !(' '..='~').contains(&c), "?")
    );
    let mut message = Message::reported(start.trim_end(), fields(&response.head), body);
    // Of other bytes than ASCII it is not known how the browser turned them into text. What a record cannot hold (lines
    // that end in LF alone, another version) stands in `urn:quezao:heads`.
    let takes = |raw: &&String| raw.is_ascii() && wacz::takes_head(raw.as_bytes(), false);
    if let Some(raw) = response.head.raw.as_ref().filter(takes) {
        message.head = raw.clone().into_bytes();
        message.head_source = HeadSource::Wire;
    } else if !wacz::takes_head(&message.head, false) {
        message.head = Message::reported(start.trim_end(), None, Body::empty()).head;
    }
    let size = response.body.as_ref().map(|body| body.size);
    let length = has("content-length").and_then(|length| length.trim().parse::<u64>().ok());
    let coded = has("content-encoding").is_some() || has("transfer-encoding").is_some();
    let bodiless = exchange.method == "HEAD" || matches!(response.status, 101 | 204 | 205 | 304) || length == Some(0);
    let whole = bodiless || size.is_some() && length.is_none_or(|length| Some(length) == size);
    if !coded && whole && response.fidelity == Fidelity::Exact {
        message.coding = Coding::Wire;
    }
    message.truncated = match (&exchange.failure, size) {
        _ if bodiless => None,
        (Some(failure), _) if failure == ENDED => Some(Truncated::Time),
        (Some(_), _) => Some(Truncated::Disconnect),
        (None, None) => Some(Truncated::Unspecified),
        _ => None,
    };
    Ok(message)
}

fn fields(head: &Head) -> impl Iterator<Item = (&str, &str)> {
    // HTTP/2's own fields are no header lines, and a line has no line ends inside.
    let line = |text: &str| !text.contains(['\r', '\n', '\0']);
    let fields = head.fields.iter().filter(move |(name, value)| !name.starts_with(':') && line(name) && line(value));
    fields.map(|(name, value)| (name.as_str(), value.as_str()))
}

fn file(spooled: &Spooled) -> wacz::Result<Body> {
    Ok(Body::Source(Box::new(File::open(&spooled.file)?)))
}

/// Without a fragment.
fn plain(url: &str) -> String {
    url.split('#').next().unwrap_or_default().to_owned()
}

/// TLS 1.3's suites by the name that Chromium gives the cipher; older versions' names would be guesses.
fn suite(tls: &str, cipher: &str) -> Option<String> {
    let suite = match cipher {
        "AES_128_GCM" => "TLS_AES_128_GCM_SHA256",
        "AES_256_GCM" => "TLS_AES_256_GCM_SHA384",
        "CHACHA20_POLY1305" => "TLS_CHACHA20_POLY1305_SHA256",
        _ => return None,
    };
    (tls == "tls/1.3").then(|| suite.to_owned())
}
