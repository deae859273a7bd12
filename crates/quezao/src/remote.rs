//! A server as the commands see it: its API over HTTP, asked with a token.
//!
//! Rules:
//! - The token goes to this host alone: over TLS with a verified certificate, in clear to this machine only; nothing is
//!   followed, neither a redirect nor a proxy of the environment.
//! - A lost connection is taken up again, a creating call under the same Idempotency-Key; "too many calls" is waited
//!   out; a server that never answered is not waited for.
//! - What comes back is bounded, and nothing of it reaches a terminal or a file name before it was looked at.

pub(crate) mod capture;
pub(crate) mod deposit;
pub(crate) mod export;
pub(crate) mod licence;
mod line;
pub(crate) mod records;

use serde_json::Value;
use service::Error;
use std::{
    io::Read,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use ureq::{Body, SendBody, http::Response};

/// Longest JSON answer, in bytes.
const MAX_JSON: u64 = 64 << 20;
/// Longest file that a token is read from.
const MAX_TOKEN: u64 = 4096;
/// Rests between tries, half a minute in all: a server that starts again is back by then.
const RESTS: [Duration; 6] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
    Duration::from_secs(15),
];
/// How often "too many calls" is waited out: a large run goes as fast as the server lets it.
const MAX_SLOWED: u32 = 1000;
/// Longest rest that an answer may ask for.
const MAX_REST: Duration = Duration::from_secs(60);

/// A server and the token for it.
pub(crate) struct Server {
    base: String,
    token: String,
    agent: ureq::Agent,
    /// It has answered before.
    reached: AtomicBool,
    /// Set by a signal: no further try.
    pub stop: Arc<AtomicBool>,
}

/// What is sent.
pub(crate) struct Call<'a> {
    pub path: &'a str,
    pub key: &'a str,
    pub media_type: &'a str,
    /// Bytes of the body.
    pub length: u64,
    /// The body from its start, for each try.
    pub body: &'a mut dyn FnMut() -> service::Result<Box<dyn Read + 'a>>,
}

impl Server {
    /// The server at `url`, with the token of QUEZAO_TOKEN or of the file that QUEZAO_TOKEN_FILE names.
    pub(crate) fn new(url: &str) -> service::Result<Self> {
        let (base, secure) = address(url)?;
        let mut config = ureq::Agent::config_builder()
            .max_redirects(0)
            .http_status_as_error(false)
            .proxy(None)
            .https_only(secure)
            .user_agent(concat!("quezao/", env!("CARGO_PKG_VERSION")))
            .max_response_header_size(16 << 10)
            .timeout_connect(Some(Duration::from_secs(15)))
            .timeout_per_read(Some(Duration::from_secs(180)))
            .timeout_per_write(Some(Duration::from_secs(60)));
        if secure {
            config = config.tls_config(service::web_tls()?);
        }
        Ok(Self {
            base,
            token: token()?,
            agent: config.build().new_agent(),
            reached: AtomicBool::new(false),
            stop: Arc::default(),
        })
    }

    /// The JSON that stands at this path.
    pub(crate) fn json(&self, path: &str) -> service::Result<Value> {
        parse(&self.bytes(path, MAX_JSON)?)
    }

    /// What stands at this path, at most so long.
    pub(crate) fn bytes(&self, path: &str, most: u64) -> service::Result<Vec<u8>> {
        self.tried(&mut || {
            let mut bytes = Vec::new();
            let mut reader = self.get(path)?.into_body().into_reader().take(most + 1);
            reader.read_to_end(&mut bytes).map_err(|e| Failed::lost(&self.base, &e.to_string()))?;
            if bytes.len() as u64 > most {
                return Err(Failed::For(Error::new(
                    format!("{} 的回答超过 {most} 字节，没有接收", self.base),
                    format!("the answer of {} is longer than {most} bytes and was not taken", self.base),
                )));
            }
            Ok(bytes)
        })
    }

    /// What stands at this path, to be read as it comes.
    pub(crate) fn stream(&self, path: &str) -> service::Result<impl Read + use<>> {
        self.tried(&mut || Ok(self.get(path)?.into_body().into_reader()))
    }

    /// A creating call, answered once.
    pub(crate) fn post(&self, call: &mut Call<'_>) -> service::Result<Value> {
        let bytes = self.tried(&mut || {
            let mut body = (call.body)().map_err(Failed::For)?;
            let length = call.length.to_string();
            let mut post = self
                .agent
                .post(format!("{}{}", self.base, call.path))
                .header("Authorization", format!("Bearer {}", self.token))
                .header("Accept", "application/json")
                .header("Content-Type", call.media_type)
                .header("Content-Length", length)
                .header("Idempotency-Key", call.key);
            // Nobody sends gigabytes to hear that the token has ended.
            if call.length > 64 << 10 {
                post = post.header("Expect", "100-continue");
            }
            let answer = post.send(SendBody::from_reader(&mut body)).map_err(|e| self.failed(&e))?;
            let mut bytes = Vec::new();
            let mut reader = self.look(answer)?.into_body().into_reader().take(MAX_JSON);
            reader.read_to_end(&mut bytes).map_err(|e| Failed::lost(&self.base, &e.to_string()))?;
            Ok(bytes)
        })?;
        parse(&bytes)
    }

    fn get(&self, path: &str) -> Result<Response<Body>, Failed> {
        let get = self.agent.get(format!("{}{path}", self.base));
        let get = get.header("Authorization", format!("Bearer {}", self.token));
        self.look(get.call().map_err(|e| self.failed(&e))?)
    }

    fn tried<T>(&self, attempt: &mut dyn FnMut() -> Result<T, Failed>) -> service::Result<T> {
        let (mut rests, mut slowed) = (RESTS.iter(), 0);
        loop {
            let (error, rest) = match attempt() {
                Ok(done) => return Ok(done),
                Err(Failed::For(error)) => return Err(error),
                Err(Failed::Nobody(error)) if !self.reached.load(Ordering::Relaxed) => return Err(error),
                Err(Failed::Nobody(error) | Failed::Lost(error)) => (error, rests.next().copied()),
                Err(Failed::Slow(error, asked)) => {
                    slowed += 1;
                    (error, Some(asked.clamp(RESTS[0], MAX_REST)).filter(|_| slowed <= MAX_SLOWED))
                }
            };
            let Some(mut left) = rest else { return Err(error) };
            while !left.is_zero() && !self.stop.load(Ordering::Relaxed) {
                let nap = left.min(Duration::from_millis(100));
                std::thread::sleep(nap);
                left -= nap;
            }
            if self.stop.load(Ordering::Relaxed) {
                return Err(error);
            }
        }
    }

    /// An answer that is one, or what it says instead.
    fn look(&self, answer: Response<Body>) -> Result<Response<Body>, Failed> {
        self.reached.store(true, Ordering::Relaxed);
        let status = answer.status().as_u16();
        if (200..300).contains(&status) {
            return Ok(answer);
        }
        let head = |name: &str| answer.headers().get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
        let asked = head("retry-after").and_then(|v| v.parse().ok()).map(Duration::from_secs);
        let problem = head("content-type").is_some_and(|v| v.starts_with("application/problem+json"));
        let mut body = Vec::new();
        let _ = answer.into_body().into_reader().take(64 << 10).read_to_end(&mut body);
        let said = serde_json::from_slice::<Problem>(&body).ok().filter(|_| problem);
        let mut error = match said {
            Some(said) => Error::new(printable(&said.detail_zh), printable(&said.detail)),
            None => Error::new(
                format!("{} 回答 HTTP {status}；请检查网址", self.base),
                format!("{} answered HTTP {status}; check the address", self.base),
            ),
        };
        match status {
            401 => {
                error = Error::new(
                    format!("{} 不接受这个令牌：它已到期、已终止，或抄写有误；请在账户页新建一个", self.base),
                    format!(
                        "{} does not accept the token: it has ended or is misspelt; make another on the account page",
                        self.base
                    ),
                );
                error.code = UNUSABLE;
            }
            403 => error.code = UNUSABLE,
            404 => error.code = NOT_FOUND,
            409 => error.exit = 3,
            429 => return Err(Failed::Slow(error, asked.unwrap_or_default())),
            502..=504 => return Err(Failed::Lost(error)),
            _ => {}
        }
        Err(Failed::For(error))
    }

    fn failed(&self, error: &ureq::Error) -> Failed {
        let said = printable(&error.to_string());
        match error {
            ureq::Error::Rustls(_) | ureq::Error::Tls(_) | ureq::Error::Pem(_) | ureq::Error::BadUri(_) => {}
            // A certificate that fails is wrapped in an input-output error.
            ureq::Error::Io(e) if e.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()) => {}
            // A file of our own that changed under way.
            ureq::Error::Io(e) if e.kind() == std::io::ErrorKind::InvalidData => {
                return Failed::For(Error::new(
                    format!("发送时文件发生了变化（{said}）；请等它写完后重试"),
                    format!("the file changed while it was sent ({said}); try again when it is finished"),
                ));
            }
            ureq::Error::HostNotFound | ureq::Error::ConnectionFailed => return Failed::nobody(&self.base, &said),
            ureq::Error::Io(e) if unreached(e.kind()) => return Failed::nobody(&self.base, &said),
            _ => return Failed::lost(&self.base, &said),
        }
        let mut error = Error::new(
            format!("{} 的 TLS 证书不被信任（{said}）；要信任自建机构，请用 SSL_CERT_FILE 指明其根证书", self.base),
            format!(
                "the TLS certificate of {} is not trusted ({said}); SSL_CERT_FILE can name the root of an authority of your own",
                self.base
            ),
        );
        error.code = UNUSABLE;
        Failed::For(error)
    }
}

/// Word for what ends a whole run.
pub(crate) const UNUSABLE: &str = "server";
/// Word for what a server does not have.
pub(crate) const NOT_FOUND: &str = "not-found";

enum Failed {
    /// Another try says the same.
    For(Error),
    /// No connection.
    Nobody(Error),
    /// A connection that there was.
    Lost(Error),
    /// Too many calls; how long to wait.
    Slow(Error, Duration),
}

impl Failed {
    fn nobody(base: &str, said: &str) -> Self {
        match Self::lost(base, said) {
            Self::Lost(error) => Self::Nobody(error),
            other => other,
        }
    }

    fn lost(base: &str, said: &str) -> Self {
        let said = printable(said);
        let mut error = Error::new(
            format!("与 {base} 的连接中断或无法建立（{said}）；请检查网址与网络后重试"),
            format!("no connection to {base}, or it was lost ({said}); check address and network and try again"),
        );
        error.code = UNUSABLE;
        Self::Lost(error)
    }
}

fn unreached(kind: std::io::ErrorKind) -> bool {
    use std::io::ErrorKind as K;
    matches!(kind, K::ConnectionRefused | K::AddrNotAvailable | K::HostUnreachable | K::NetworkUnreachable)
}

/// What an answer of RFC 9457 says in both languages.
#[derive(serde::Deserialize)]
struct Problem {
    detail: String,
    detail_zh: String,
}

fn parse(bytes: &[u8]) -> service::Result<Value> {
    serde_json::from_slice(bytes).map_err(|_| not_understood())
}

/// The answer is none of this API's.
pub(crate) fn not_understood() -> Error {
    Error::new(
        "服务器的回答不是预期的格式；请确认网址与版本",
        "the server's answer does not have the expected form; check its address and version",
    )
}

/// `https://host[:port]`, or `http` to this machine; and whether it is the former.
fn address(url: &str) -> service::Result<(String, bool)> {
    let shown = printable(url);
    let uri: Option<ureq::http::Uri> = url.parse().ok();
    let parts = uri.as_ref().and_then(|u| Some((u.scheme_str()?, u.authority()?, u.path_and_query()?.as_str())));
    let Some((scheme @ ("http" | "https"), host, "" | "/")) = parts.filter(|p| !p.1.as_str().contains('@')) else {
        return Err(Error::new(
            format!("{shown} 不是服务器网址；应为 https://主机"),
            format!("{shown} is no server's address; it should be https://host"),
        ));
    };
    let secure = scheme == "https";
    let name = host.host().trim_start_matches('[').trim_end_matches(']');
    let here = name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    if !secure && !here {
        return Err(Error::new(
            format!("{shown}：令牌不能不加密地发往另一台机器；请用 https://"),
            format!("{shown}: the token is not sent in clear to another machine; use https://"),
        ));
    }
    Ok((format!("{scheme}://{host}"), secure))
}

fn token() -> service::Result<String> {
    let set = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
    let token = match (set("QUEZAO_TOKEN"), set("QUEZAO_TOKEN_FILE")) {
        (Some(token), _) => token,
        (None, Some(path)) => {
            let mut text = String::new();
            let read = std::fs::File::open(&path).and_then(|f| f.take(MAX_TOKEN).read_to_string(&mut text));
            read.map_err(|e| {
                let shown = service::show_path(Path::new(&path));
                Error::new(
                    format!("{shown}：无法读取令牌（{e}）；请检查 QUEZAO_TOKEN_FILE"),
                    format!("{shown}: the token cannot be read ({e}); check QUEZAO_TOKEN_FILE"),
                )
            })?;
            text
        }
        (None, None) => {
            return Err(Error::new(
                "没有令牌；请在账户页新建一个，放入 QUEZAO_TOKEN，或把含有它的文件放入 QUEZAO_TOKEN_FILE",
                "there is no token; make one on the account page and put it into QUEZAO_TOKEN, or its file into QUEZAO_TOKEN_FILE",
            ));
        }
    };
    let token = token.trim();
    // It is not repeated: it is a secret, even where it is wrong.
    if token.is_empty() || token.len() > 128 || !token.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(Error::new(
            "令牌的格式不对；它以 qz_ 开头，共 67 个字符",
            "the token is malformed; it begins with qz_ and has 67 characters",
        ));
    }
    Ok(token.to_owned())
}

/// At most 400 characters, none of which a terminal obeys.
pub(crate) fn printable(text: &str) -> String {
    service::show_path(Path::new(&text.chars().take(400).collect::<String>()))
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn the_token_goes_in_clear_to_this_machine_alone() {
        for (good, secure) in [
            ("https://portal.example", true),
            ("https://portal.example:8443/", true),
            ("http://127.0.0.1:8080", false),
            ("http://localhost", false),
            ("http://[::1]:80/", false),
        ] {
            assert_eq!(address(good).map(|a| a.1).ok(), Some(secure), "{good}");
        }
        for bad in [
            "",
            "portal.example",
            "http://portal.example",
            "http://localhost.evil.example",
            "https://user:secret@portal.example",
            "https://portal.example/x",
            "https://portal.example/?a",
            "ftp://127.0.0.1",
        ] {
            assert!(address(bad).is_err(), "{bad}");
        }
    }
}
