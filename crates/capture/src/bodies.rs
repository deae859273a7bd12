//! Bodies: which responses are held until their bytes are known, and what becomes of the answers.

use std::io::{BufReader, Read};
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use base64::read::DecoderReader;
use serde_json::{Value, json};

use crate::browser::{Awaited, Browser};
use crate::network::{Key, text};
use crate::recording::{Fidelity, Spooled};

impl Browser {
    /// A response whose body is asked for before it goes on, if it is a text: the network domain decodes it.
    pub(crate) fn paused(&mut self, session: &str, p: &Value) {
        let pause = text(&p["requestId"]);
        let status = p["responseStatusCode"].as_u64().unwrap_or(0);
        let header = |name: &str| {
            let all = p["responseHeaders"].as_array().into_iter().flatten();
            all.filter(|h| h["name"].as_str().is_some_and(|n| n.eq_ignore_ascii_case(name)))
                .map(|h| text(&h["value"]).to_ascii_lowercase())
                .next()
                .unwrap_or_default()
        };
        let kind = header("content-type");
        let textual = kind.is_empty()
            || ["text/", "json", "javascript", "ecmascript", "xml"].iter().any(|part| kind.contains(part));
        let stream = kind.contains("event-stream") || header("content-disposition").contains("attachment");
        let long = header("content-length").parse::<u64>().is_ok_and(|n| n > self.limits.body.min(32 << 20));
        let hold = textual
            && !stream
            && !long
            && status >= 200
            && !(300..400).contains(&status)
            && p["networkId"].is_string()
            && !self.unending.contains(&text(&p["request"]["url"]));
        if hold {
            let id = self.wire.send(session, "Fetch.getResponseBody", json!({ "requestId": pause }));
            let key = text(&p["networkId"]);
            self.awaited.insert(id, Awaited::Held { session: session.to_owned(), pause: pause.clone(), key });
            self.held.insert((session.to_owned(), pause), (Instant::now(), text(&p["request"]["url"])));
        } else {
            self.wire.send(session, "Fetch.continueRequest", json!({ "requestId": pause }));
        }
    }

    pub(crate) fn want_body(&mut self, session: &str, key: Key) {
        let id = self.wire.send(session, "Network.getResponseBody", json!({ "requestId": key }));
        self.awaited.insert(id, Awaited::Body { session: session.to_owned(), key });
    }

    pub(crate) fn answered(&mut self, awaited: Awaited, message: &Value, files: &mut [std::fs::File]) {
        let (key, held) = match awaited {
            Awaited::Body { key, .. } => (key, None),
            Awaited::Held { session, pause, key } => (key, Some((session, pause))),
        };
        let body = match message.get("error") {
            Some(error) => Err(text(&error["message"])),
            None => self.keep_body(&message["result"], files, held.is_some()),
        };
        match held {
            Some((session, pause)) => {
                if self.held.remove(&(session.clone(), pause.clone())).is_some() {
                    self.wire.send(&session, "Fetch.continueRequest", json!({ "requestId": pause }));
                }
                // Without it the network domain is asked when the loading ends.
                if body.is_ok() {
                    self.network.body(&key, body);
                }
            }
            None => self.network.body(&key, body),
        }
    }

    fn keep_body(
        &mut self,
        result: &Value,
        files: &mut [std::fs::File],
        exact: bool,
    ) -> std::result::Result<(Spooled, Fidelity), String> {
        let most = self.limits.body;
        let coded = result["base64Encoded"] == true;
        let fidelity = if coded || exact { Fidelity::Exact } else { Fidelity::Text };
        let full = "the recording's limit of bytes is reached";
        let over = |size: u64| format!("{size} bytes: longer than the limit of {most}");
        if let Some(file) = spilled(&result["body"], files) {
            let mut limited: Box<dyn Read> = if coded {
                Box::new(DecoderReader::new(BufReader::with_capacity(1 << 18, file), &STANDARD))
            } else {
                Box::new(file)
            };
            let spooled = self.spool.put_from(limited.by_ref().take(most + 1)).ok_or(full)?;
            if spooled.size > most {
                self.spool.forget(&spooled);
                return Err(over(spooled.size));
            }
            return Ok((spooled, fidelity));
        }
        let body = result["body"].as_str().ok_or("the browser gave no body")?;
        let bytes = if coded {
            STANDARD.decode(body).map_err(|_| "the browser gave no base64")?
        } else {
            body.as_bytes().to_vec()
        };
        if bytes.len() as u64 > most {
            return Err(over(bytes.len() as u64));
        }
        let spooled = self.spool.put(&bytes).ok_or(full)?;
        Ok((spooled, fidelity))
    }
}

/// The file in which a long string lies.
pub(crate) fn spilled<'f>(value: &Value, files: &'f mut [std::fs::File]) -> Option<&'f mut std::fs::File> {
    let number = usize::try_from(value["spilled"].as_u64()?).ok()?;
    files.get_mut(number)
}
