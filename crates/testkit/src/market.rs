//! A service market that tells of orders over real HTTP, signed as docs/market.md has it, or not.

use hmac::{Hmac, KeyInit, Mac};
use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// A market that knows where the portal is, and its secret.
pub struct Market {
    /// Where orders are told.
    pub portal: SocketAddr,
    /// What is signed with.
    pub secret: String,
}

impl Market {
    /// Unix seconds.
    pub fn now() -> i64 {
        i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
    }

    /// What stands in `Quezao-Signature`.
    pub fn sign(&self, timestamp: i64, body: &str) -> String {
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(self.secret.as_bytes()).unwrap();
        mac.update(format!("{timestamp}.{body}").as_bytes());
        let hex: String = mac.finalize().into_bytes().iter().map(|b| format!("{b:02x}")).collect();
        format!("v1={hex}")
    }

    /// Sends a message, signed now: status and body of the answer.
    pub fn send(&self, body: &str) -> (u16, String) {
        let now = Self::now();
        self.send_as(now, &self.sign(now, body), body)
    }

    /// Sends whatever is given as time and signature.
    pub fn send_as(&self, timestamp: i64, signature: &str, body: &str) -> (u16, String) {
        self.send_long(timestamp, signature, body, body.len() as u64)
    }

    /// The same, announcing another length than that of what is sent.
    pub fn send_long(&self, timestamp: i64, signature: &str, body: &str, length: u64) -> (u16, String) {
        let mut stream = TcpStream::connect(self.portal).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let head = format!(
            "POST /market/orders HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-type: application/json\r\n\
             quezao-timestamp: {timestamp}\r\nquezao-signature: {signature}\r\ncontent-length: {length}\r\n\r\n{body}",
            self.portal
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
        (status, answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
    }
}
