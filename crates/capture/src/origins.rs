//! Every https origin that a capture met: its contact proof, its chain by the system's roots, beside what the browser saw.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::thread::JoinHandle;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use evidence::time::Utc;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::Url;

use crate::clock::wall;
use crate::guard::{Answered, Guard};
use crate::page::Page;
use crate::recording::{Machine, Reason};
use crate::roots::Roots;
use crate::spool::hex;

/// Handshakes at one moment.
const AT_ONCE: usize = 8;

/// The order's own origin: asked before the page is opened.
pub(crate) const BEFORE: &str = "before-opening";
/// Further ones, to which the browser had a connection.
pub(crate) const AFTER: &str = "after-capture";

/// Host and port of an https origin.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Origin {
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Origin {
    /// Of a URL, where it is https.
    pub(crate) fn of(url: &Url) -> Option<Self> {
        let host = url.host_str().filter(|_| url.scheme() == "https")?;
        Some(Self { host: host.to_ascii_lowercase(), port: url.port_or_known_default()? })
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.port {
            443 => write!(f, "https://{}", self.host),
            port => write!(f, "https://{}:{port}", self.host),
        }
    }
}

/// An origin that the guard asked for a proof.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) origin: Origin,
    /// [`BEFORE`] or [`AFTER`].
    when: &'static str,
    /// Microseconds since 1970, UTC.
    at: i64,
    pub(crate) answer: Result<Answered, Reason>,
}

/// One handshake with each, some at once.
pub(crate) fn ask(
    guard: &Guard,
    origins: Vec<Origin>,
    random: [u8; 32],
    when: &'static str,
    wait: Duration,
) -> Vec<Asked> {
    let many = origins.len().min(AT_ONCE);
    let waiting = Mutex::new(origins.into_iter().enumerate().collect::<VecDeque<_>>());
    let done = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..many {
            scope.spawn(|| {
                // The lock is let go before the handshake.
                while let Some((n, origin)) = waiting.lock().ok().and_then(|mut waiting| waiting.pop_front()) {
                    let at = wall();
                    let answer = guard.contact(&origin.host, origin.port, random, wait);
                    if let Ok(mut done) = done.lock() {
                        done.push((n, Asked { origin, when, at, answer }));
                    }
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_default();
    done.sort_by_key(|(n, _)| *n);
    done.into_iter().map(|(_, asked)| asked).collect()
}

/// What the guard was answered; a thread that failed gives nothing.
pub(crate) fn joined(contacting: Option<JoinHandle<Vec<Asked>>>) -> Vec<Asked> {
    contacting.and_then(|thread| thread.join().ok()).unwrap_or_default()
}

/// Keeps the proofs, says which are missing, completes the chains; red flags.
pub(crate) fn keep(page: &mut Page<'_>, chains: &mut Vec<Value>, asked: &[Asked], machine: &Machine) -> Vec<Reason> {
    let (mut labels, mut missing) = (Vec::new(), Vec::new());
    for asked in asked {
        let origin = &asked.origin;
        match &asked.answer {
            Ok(answered) => {
                let label = format!("contact/{:04}", labels.iter().flatten().count() + 1);
                page.keep(&label, "application/octet-stream", &answered.proof);
                labels.push(Some(label));
            }
            Err(reason) => {
                if asked.when == BEFORE {
                    page.remark(Reason::new(
                        reason.code,
                        format!("没有 {origin} 的接触证明：{}", reason.zh),
                        format!("no contact proof of {origin}: {}", reason.en),
                    ));
                } else {
                    missing.push(origin.to_string());
                }
                labels.push(None);
            }
        }
    }
    if !missing.is_empty() {
        let (n, list) = (missing.len(), missing.iter().take(5).cloned().collect::<Vec<_>>().join(" "));
        page.remark(Reason::new(
            "contact-further",
            format!("另有 {n} 个网站没有给出接触证明：{list}"),
            format!("{n} further sites gave no contact proof: {list}"),
        ));
    }
    if asked.is_empty() { Vec::new() } else { complete(chains, asked, &labels, &Roots::read(&machine.roots)) }
}

/// Completes the browser's chains, a line an origin, by what the guard was answered; gives what a reader must be told.
/// `labels`: the artefact of each of `asked`, where there is one.
pub(crate) fn complete(
    chains: &mut Vec<Value>,
    asked: &[Asked],
    labels: &[Option<String>],
    roots: &Roots,
) -> Vec<Reason> {
    let mut flags = Vec::new();
    for (asked, label) in asked.iter().zip(labels) {
        let origin = asked.origin.to_string();
        let at = chains.iter().position(|line| line["origin"] == origin.as_str());
        let at = at.unwrap_or_else(|| {
            chains.push(json!({ "origin": origin }));
            chains.len() - 1
        });
        let mut contact = json!({ "artefact": label, "when": asked.when, "at": Utc(asked.at).to_micros() });
        match &asked.answer {
            Err(reason) => contact["unavailable"] = json!(reason),
            Ok(answered) => {
                let browser = chains[at]["der_base64"][0].as_str().and_then(|text| STANDARD.decode(text).ok());
                judge(&mut contact, answered, roots, Utc(asked.at));
                if let Some(browser) = browser {
                    let (browser, own) = (hex(&Sha256::digest(&browser)), sha256(&answered.contact.chain[0]));
                    contact["browser"] = json!({ "certificate": browser, "same": browser == own });
                    if browser != own {
                        flags.push(Reason::new(
                            "contact-chain",
                            format!("{origin} 向守卫出示的证书（SHA-256 {own}）与浏览器所见（{browser}）不同"),
                            format!(
                                "{origin} showed the guard another certificate (SHA-256 {own}) than the browser ({browser})"
                            ),
                        ));
                    }
                }
                if let Some((zh, en)) = doubt(&contact) {
                    flags.push(Reason::new(
                        "contact-untrusted",
                        format!("{origin} 的证书：{zh}"),
                        format!("the certificate of {origin}: {en}"),
                    ));
                }
            }
        }
        chains[at]["contact"] = contact;
    }
    if !asked.is_empty() {
        chains.push(json!({ "system_roots": roots.name() }));
    }
    flags
}

/// Chain and name, by the system's roots and clock.
fn judge(contact: &mut Value, answered: &Answered, roots: &Roots, at: Utc) {
    let seen = &answered.contact;
    contact["peer"] = json!(answered.peer.to_string());
    contact["server_name"] = json!(seen.server_name);
    contact["protocol"] = json!(seen.protocol.as_deref().map(String::from_utf8_lossy));
    contact["scheme"] = json!(format!("{:04x}", seen.scheme));
    contact["hello_retry"] = json!(seen.retried);
    contact["certificates"] = json!(seen.chain.iter().map(|der| sha256(der)).collect::<Vec<_>>());
    contact["name_matches"] = json!(seen.is_for_name());
    contact["chain"] = match seen.check_path(&roots.roots, at) {
        Ok(root) => json!({ "trusted": true, "root": root.name(), "root_sha256": hex(&root.fingerprint()) }),
        Err(e) => json!({ "trusted": false, "reason": e.to_string() }),
    };
    contact["roots_sha256"] = json!(roots.sha256);
}

fn doubt(contact: &Value) -> Option<(String, String)> {
    if contact["chain"]["trusted"] != true {
        let reason = contact["chain"]["reason"].as_str().unwrap_or_default();
        return Some((
            format!("不能追溯到本机系统的根证书（{reason}）"),
            format!("does not lead to a root of this system ({reason})"),
        ));
    }
    if contact["name_matches"] != true {
        let name = contact["server_name"].as_str().unwrap_or("?");
        return Some((format!("不是为 {name} 签发的"), format!("is not for {name}")));
    }
    None
}

fn sha256(der: &[u8]) -> String {
    hex(&Sha256::digest(der))
}
