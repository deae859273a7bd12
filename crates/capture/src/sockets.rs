//! WebSockets: handshakes and messages, as far as they fit.

use serde_json::{Value, json};

use crate::network::text;

/// Of one message, characters as CDP gives them.
const MESSAGE: usize = 64 << 10;
/// Of all messages.
const ALL: usize = 8 << 20;
const LINES: usize = 10_000;

#[derive(Default)]
pub(crate) struct Sockets {
    pub(crate) lines: Vec<Value>,
    bytes: usize,
    pub(crate) left_out: u64,
    pub(crate) cut: u64,
}

impl Sockets {
    /// A `Network.webSocket…` event; `at`: microseconds since the capture began.
    pub(crate) fn event(&mut self, method: &str, at: u64, p: &Value) {
        let socket = text(&p["requestId"]);
        let line = match method {
            "Network.webSocketCreated" => json!({ "event": "created", "url": p["url"] }),
            "Network.webSocketWillSendHandshakeRequest" => {
                json!({ "event": "request", "headers": p["request"]["headers"] })
            }
            "Network.webSocketHandshakeResponseReceived" => json!({
                "event": "response", "status": p["response"]["status"],
                "head": p["response"]["headersText"], "request_head": p["response"]["requestHeadersText"],
            }),
            "Network.webSocketFrameSent" | "Network.webSocketFrameReceived" => {
                let direction = if method.ends_with("Sent") { "sent" } else { "received" };
                let data = p["response"]["payloadData"].as_str().unwrap_or_default();
                let opcode = p["response"]["opcode"].as_u64().unwrap_or(0);
                let short: String = if data.len() > MESSAGE {
                    self.cut += 1;
                    // A multiple of four, so that base64 stays base64.
                    data.chars().take(MESSAGE).collect()
                } else {
                    data.to_owned()
                };
                let name = if opcode == 1 { "text" } else { "base64" };
                let mut line =
                    json!({ "event": "message", "direction": direction, "opcode": opcode, "size": data.len() });
                line[name] = short.into();
                line
            }
            "Network.webSocketFrameError" => json!({ "event": "error", "text": p["errorMessage"] }),
            "Network.webSocketClosed" => json!({ "event": "closed" }),
            _ => return,
        };
        let mut line = line;
        line["socket"] = socket.into();
        line["at_us"] = at.into();
        let size = line.to_string().len();
        if self.lines.len() >= LINES || self.bytes + size > ALL {
            self.left_out += 1;
            return;
        }
        self.bytes += size;
        self.lines.push(line);
    }
}
