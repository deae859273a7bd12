//! A small SNTP client (RFC 4330, 5; RFC 5905, 7.3): how far this machine's clock stands from servers that the operator
//! named. Nobody is asked where none is named. An answer is not authenticated, and the report says so.

use std::io::Read;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::clock::wall;

/// From 1900 to 1970.
const ERA: i64 = 2_208_988_800;
/// For one answer.
const WAIT: Duration = Duration::from_secs(2);
const SERVERS_MAX: usize = 8;

/// One server's word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    /// As the operator named it.
    pub source: String,
    /// This machine's clock minus the server's, microseconds.
    pub offset_us: i64,
    /// Round trip, microseconds: the offset is known to half of it.
    pub delay_us: i64,
    /// Of the server, 1 to 15.
    pub stratum: u8,
    /// By this machine's clock, microseconds since 1970, UTC.
    pub at: i64,
}

/// Asks the first eight at once, two seconds each at most beside the look-up of their names: in their order the
/// measurement, or why there is none.
pub fn ask_all(servers: &[String]) -> Vec<Result<Measured, String>> {
    let servers = &servers[..servers.len().min(SERVERS_MAX)];
    std::thread::scope(|scope| {
        let asked: Vec<_> = servers.iter().map(|server| scope.spawn(|| ask(server))).collect();
        asked.into_iter().map(|one| one.join().unwrap_or_else(|_| Err("its thread failed".to_owned()))).collect()
    })
}

/// Asks all of them. Gives the answer with the shortest way, and every one as data.
pub(crate) fn measure(servers: &[String]) -> (Option<Measured>, Vec<Value>) {
    let answers = ask_all(servers);
    let lines = servers.iter().zip(&answers).map(|(server, answer)| match answer {
        Ok(m) => json!({
            "server": server, "offset_us": m.offset_us, "round_trip_us": m.delay_us, "stratum": m.stratum,
            "at": evidence::time::Utc(m.at).to_micros(),
        }),
        Err(reason) => json!({ "server": server, "unanswered": reason }),
    });
    let lines = lines.collect();
    (answers.into_iter().flatten().min_by_key(|measured| measured.delay_us), lines)
}

fn ask(server: &str) -> Result<Measured, String> {
    let text = |e: std::io::Error| e.to_string();
    let named = if server.parse::<std::net::IpAddr>().is_ok() || !server.contains(':') {
        (server, 123).to_socket_addrs()
    } else {
        server.to_socket_addrs()
    };
    let to: SocketAddr = named.map_err(text)?.next().ok_or("no address")?;
    let local: std::net::IpAddr =
        if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((local, 0)).map_err(text)?;
    socket.connect(to).map_err(text)?; // only this server's answers arrive
    // Version 4, mode 3. The transmit time is a random number: an answer must repeat it, and it tells nothing.
    let mut question = [0; 48];
    question[0] = 0x23;
    std::fs::File::open("/dev/urandom").and_then(|mut f| f.read_exact(&mut question[40..])).map_err(text)?;
    let (began, sent) = (Instant::now(), wall());
    socket.send(&question).map_err(text)?;
    let mut answer = [0; 512];
    loop {
        let left = WAIT.saturating_sub(began.elapsed());
        if left.is_zero() {
            return Err("no answer in time".to_owned());
        }
        socket.set_read_timeout(Some(left)).map_err(text)?;
        let n = socket.recv(&mut answer).map_err(text)?;
        // The wall clock may step meanwhile; the way is measured by the monotonic one.
        let way = i64::try_from(began.elapsed().as_micros()).unwrap_or(i64::MAX);
        if let Some(read) = read(&answer[..n], &question[40..]) {
            let Read4 { received, transmitted, stratum } = read?;
            // A server that worked longer than we waited lies, and would pass for the one with the shortest way.
            if !(0..=way).contains(&transmitted.saturating_sub(received)) {
                return Err("an impossible answer: longer at work than the answer was away".to_owned());
            }
            // Ours minus theirs: mean of both ways (RFC 5905, 8), turned round.
            let offset = i128::from(sent) + i128::from(way / 2) - (i128::from(received) + i128::from(transmitted)) / 2;
            return Ok(Measured {
                source: server.to_owned(),
                offset_us: i64::try_from(offset).map_err(|_| "an impossible time".to_owned())?,
                delay_us: (way - (transmitted - received)).max(0),
                stratum,
                at: sent + way,
            });
        }
    }
}

/// What the server says.
#[derive(Debug, PartialEq)]
struct Read4 {
    received: i64,
    transmitted: i64,
    stratum: u8,
}

/// `None`: not an answer to this question. An error: the server refuses, or is not set itself.
fn read(answer: &[u8], asked: &[u8]) -> Option<Result<Read4, String>> {
    if answer.len() < 48 || answer[0] & 7 != 4 || answer[24..32] != *asked {
        return None;
    }
    let stratum = answer[1];
    if stratum == 0 {
        let code = String::from_utf8_lossy(&answer[12..16]).into_owned();
        return Some(Err(format!("the server refuses ({})", code.escape_default())));
    }
    let (received, transmitted) = (time(&answer[32..40]), time(&answer[40..48]));
    let (Some(received), Some(transmitted)) = (received, transmitted) else {
        return Some(Err("an answer without its times".to_owned()));
    };
    if answer[0] >> 6 == 3 || stratum > 15 {
        return Some(Err("the server's own clock is not set".to_owned()));
    }
    if transmitted < received {
        return Some(Err("an answer that left before its question came".to_owned()));
    }
    Some(Ok(Read4 { received, transmitted, stratum }))
}

/// Seconds since 1900 and a binary fraction, to microseconds since 1970. A first bit of 0 is the era after 2036.
fn time(eight: &[u8]) -> Option<i64> {
    let (seconds, fraction) = eight.split_at(4);
    let (seconds, fraction) =
        (u32::from_be_bytes(seconds.try_into().ok()?), u32::from_be_bytes(fraction.try_into().ok()?));
    if seconds == 0 {
        return None;
    }
    let era = if seconds >> 31 == 0 { 1_i64 << 32 } else { 0 };
    let micros = (u64::from(fraction) * 1_000_000) >> 32;
    Some((i64::from(seconds) + era - ERA) * 1_000_000 + micros as i64)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use testkit::ntp::Server;

    #[test]
    fn the_offset_is_ours_minus_theirs() {
        for ahead in [0, 3_000_000, -90_000_000] {
            let server = Server::new(ahead, |_| ());
            let (best, lines) = measure(std::slice::from_ref(&server.at));
            let best = best.unwrap();
            assert!((best.offset_us + ahead).abs() < 200_000, "{best:?}");
            assert_eq!((lines.len(), best.stratum), (1, 2));
        }
    }

    #[test]
    fn what_is_no_time_is_said() {
        for (change, said) in [
            ((|a| a[1] = 0) as fn(&mut [u8; 48]), "refuses"),
            (|a| a[0] = 0xe4, "not set"),
            (|a| a[40..48].fill(0), "without its times"),
            (|a| a[40] = 0x81, "left before"),
        ] {
            let server = Server::new(0, change);
            let (best, lines) = measure(std::slice::from_ref(&server.at));
            assert!(best.is_none() && lines[0]["unanswered"].as_str().unwrap().contains(said), "{lines:?}");
        }
        assert!(read(&[0x24; 48], &[0; 8]).is_none(), "another question's answer");
        assert_eq!(measure(&[]), (None, vec![]));
    }

    #[test]
    fn eras() {
        assert_eq!(time(&[0x83, 0xaa, 0x7e, 0x80, 0, 0, 0, 0]), Some(0));
        assert_eq!(time(&[0, 0, 0, 1, 0x80, 0, 0, 0]), Some(((1_i64 << 32) + 1 - ERA) * 1_000_000 + 500_000));
    }
}
