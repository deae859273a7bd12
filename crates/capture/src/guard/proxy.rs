//! One connection from the browser: a tunnel, or one plain-HTTP request.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::{Guard, What};

const HEAD_MAX: usize = 64 << 10;
const REQUEST_BODY_MAX: u64 = 16 << 20;
/// How often a silent connection looks whether the guard was stopped.
const TICK: Duration = Duration::from_millis(250);

/// A request that was understood.
struct Request {
    method: String,
    /// Host and port as asked.
    authority: String,
    /// What goes to the site; `None` for a tunnel.
    head: Option<Vec<u8>>,
    body: u64,
}

pub(super) fn serve(guard: &Guard, stream: u64, mut client: TcpStream) {
    let _ = client.set_nodelay(true);
    let _ = client.set_read_timeout(Some(guard.rules.idle));
    let _ = client.set_write_timeout(Some(guard.rules.idle));
    let Some((head, rest)) = read_head(&mut client) else { return };
    if guard.stop.load(Ordering::SeqCst) {
        return;
    }
    let first = String::from_utf8_lossy(head.split(|b| *b == b'\r').next().unwrap_or_default()).into_owned();
    let refuse = |client: &mut TcpStream, reason: String| {
        let answer = format!(
            "HTTP/1.1 403 Refused\r\nX-Guard: {}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            guard.mark
        );
        let _ = client.write_all(answer.as_bytes());
        guard.log.push(stream, What::Refused { target: first.chars().take(500).collect(), reason });
    };
    if guard.bytes.load(Ordering::SeqCst) >= guard.rules.bytes {
        guard.reached("bytes");
        return refuse(&mut client, "the capture's bytes are used up".to_owned());
    }
    let request = match parse(&head) {
        Ok(request) => request,
        Err(reason) => return refuse(&mut client, reason),
    };
    let default = request.head.is_some().then_some(80);
    let permit = match guard.permit(stream, &request.authority, default) {
        Ok(permit) => permit,
        Err(reason) => return refuse(&mut client, reason),
    };
    let site = match guard.reach(&permit.addresses, None) {
        Ok((site, peer)) => {
            let (host, port) = split(&request.authority, default);
            guard.log.push(
                stream,
                What::Connected { method: request.method.clone(), host, port, peer, loopback: permit.loopback },
            );
            site
        }
        Err(e) => {
            let failed = format!(
                "HTTP/1.1 502 Failed\r\nX-Guard: {}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
                guard.mark
            );
            let _ = client.write_all(failed.as_bytes());
            guard.log.push(stream, What::Failed { target: request.authority, reason: e.to_string() });
            return;
        }
    };
    let (sent, received, limit) = carry(guard, client, site, &request, &rest);
    guard.log.push(stream, What::Closed { sent, received, limit });
}

/// Head with its empty line, and what was read past it.
fn read_head(client: &mut TcpStream) -> Option<(Vec<u8>, Vec<u8>)> {
    let (mut head, mut block) = (Vec::new(), [0; 8192]);
    loop {
        let n = client.read(&mut block).ok().filter(|n| *n > 0)?;
        let from = head.len().saturating_sub(3);
        head.extend_from_slice(&block[..n]);
        if let Some(end) = head[from..].windows(4).position(|four| four == b"\r\n\r\n") {
            let rest = head.split_off(from + end + 4);
            return (head.len() <= HEAD_MAX).then_some((head, rest));
        }
        if head.len() > HEAD_MAX {
            return None;
        }
    }
}

fn parse(head: &[u8]) -> Result<Request, String> {
    let text = std::str::from_utf8(head).map_err(|_| "a head that is not UTF-8".to_owned())?;
    if text.bytes().any(|b| b == 0) || text.replace("\r\n", "").contains(['\r', '\n']) {
        return Err("a head with bare line ends or zero bytes".to_owned());
    }
    let mut lines = text.trim_end_matches("\r\n").split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (Some(method), Some(target), Some("HTTP/1.1"), None) = (words.next(), words.next(), words.next(), words.next())
    else {
        return Err("not an HTTP/1.1 request line".to_owned());
    };
    if method.is_empty() || !method.bytes().all(|b| b.is_ascii_uppercase()) {
        return Err("not a method".to_owned());
    }
    if method == "CONNECT" {
        return Ok(Request { method: "connect".to_owned(), authority: target.to_owned(), head: None, body: 0 });
    }
    let rest = target.strip_prefix("http://").ok_or("only http:// goes without a tunnel")?;
    let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    if path.starts_with(['#', '\\']) {
        return Err("not a path".to_owned());
    }
    let mut out = format!("{method} {}{path} HTTP/1.1\r\n", if path.starts_with('/') { "" } else { "/" });
    let (mut hosts, mut body, mut lengths) = (0, 0, 0);
    for line in lines {
        let (name, value) = line.split_once(':').ok_or("a header line without a colon")?;
        let value = value.trim();
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_graphic()) {
            return Err("a header name with other characters".to_owned());
        }
        match name.to_ascii_lowercase().as_str() {
            "host" => {
                hosts += 1;
                if !value.eq_ignore_ascii_case(authority) {
                    return Err(format!("Host says {value:?}, the target {authority:?}"));
                }
            }
            "transfer-encoding" => return Err("a chunked request".to_owned()),
            "content-length" => {
                lengths += 1;
                body = value.parse().map_err(|_| "not a length".to_owned())?;
            }
            "connection" | "proxy-connection" | "proxy-authorization" | "keep-alive" | "upgrade" => continue,
            _ => {}
        }
        out.push_str(line);
        out.push_str("\r\n");
    }
    if hosts != 1 || lengths > 1 {
        return Err("not exactly one Host, or more than one Content-Length".to_owned());
    }
    if body > REQUEST_BODY_MAX {
        return Err(format!("a request body of {body} bytes"));
    }
    out.push_str("Connection: close\r\n\r\n");
    Ok(Request { method: method.to_owned(), authority: authority.to_owned(), head: Some(out.into_bytes()), body })
}

fn split(authority: &str, default: Option<u16>) -> (String, u16) {
    match authority.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?))) {
        Some((host, port)) => (host.to_owned(), port),
        None => (authority.to_owned(), default.unwrap_or_default()),
    }
}

/// Bytes both ways until an end or a limit: sent, received, limit.
fn carry(
    guard: &Guard,
    mut client: TcpStream,
    mut site: TcpStream,
    request: &Request,
    rest: &[u8],
) -> (u64, u64, Option<&'static str>) {
    let begun = (|| {
        site.set_nodelay(true)?;
        for socket in [&client, &site] {
            socket.set_read_timeout(Some(TICK))?;
            socket.set_write_timeout(Some(guard.rules.idle))?;
        }
        match &request.head {
            Some(head) => site.write_all(head)?,
            None => client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n")?,
        }
        Ok::<_, io::Error>((client.try_clone()?, site.try_clone()?))
    })();
    let Ok((up_from, up_to)) = begun else { return (0, 0, None) };
    let active = Activity(AtomicU64::new(0), Instant::now());
    // Of a plain request only its own body goes on; of a tunnel everything.
    let allowed = if request.head.is_some() { request.body } else { u64::MAX };
    let mut rest = rest;
    let already = request.head.as_ref().map_or(0, |head| head.len() as u64);
    std::thread::scope(|scope| {
        let up = scope.spawn(|| {
            let take = usize::try_from(allowed).unwrap_or(usize::MAX).min(rest.len());
            rest = &rest[..take];
            let mut up_to = up_to;
            if up_to.write_all(rest).is_err() {
                return (0, None);
            }
            let done = pump(guard, &active, up_from, &mut up_to, allowed - take as u64);
            if request.head.is_none() {
                let _ = up_to.shutdown(Shutdown::Write);
            }
            (done.0 + take as u64, done.1)
        });
        let (received, down_limit) = pump(guard, &active, site, &mut client, u64::MAX);
        let _ = client.shutdown(Shutdown::Both);
        let (sent, up_limit) = up.join().unwrap_or((0, None));
        (sent + already, received, down_limit.or(up_limit))
    })
}

/// When bytes last went either way, in milliseconds since the beginning.
struct Activity(AtomicU64, Instant);

impl Activity {
    fn now(&self) -> u64 {
        u64::try_from(self.1.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

fn pump(
    guard: &Guard,
    active: &Activity,
    mut from: TcpStream,
    to: &mut TcpStream,
    mut left: u64,
) -> (u64, Option<&'static str>) {
    let mut block = vec![0; 64 << 10];
    let mut done = 0;
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(block.len());
        match from.read(&mut block[..most]) {
            Ok(0) => break,
            Ok(n) => {
                active.0.store(active.now(), Ordering::Relaxed);
                let n = n as u64;
                if guard.bytes.fetch_add(n, Ordering::SeqCst) + n > guard.rules.bytes {
                    guard.reached("bytes");
                    let _ = to.shutdown(Shutdown::Both);
                    return (done, Some("bytes"));
                }
                if to.write_all(&block[..most.min(n as usize)]).is_err() {
                    break;
                }
                done += n;
                left -= n;
            }
            Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                let silent = active.now().saturating_sub(active.0.load(Ordering::Relaxed));
                if guard.stop.load(Ordering::SeqCst) || u128::from(silent) > guard.rules.idle.as_millis() {
                    let _ = to.shutdown(Shutdown::Both);
                    return (done, (!guard.stop.load(Ordering::SeqCst)).then_some("idle"));
                }
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    (done, None)
}
