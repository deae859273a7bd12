//! A small stub resolver (RFC 1035) that keeps the messages as received.
//!
//! It asks the operator's servers, or those of `/etc/resolv.conf`, itself, so the hosts file has no say in where a
//! capture goes. Of the system's servers the first that answers decides, as the system itself would have it; of the
//! operator's every one is asked. Nothing is cached beyond the guard's own pinning.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use super::resolve::{Answer, Resolver, Several, System};

const A: u16 = 1;
const AAAA: u16 = 28;
const MESSAGE_MAX: usize = 16 << 10;
/// Compression pointers in one name, labels in one name.
const STEPS_MAX: usize = 128;

/// Asks these servers.
#[derive(Clone, Debug)]
pub struct Dns {
    /// In this order.
    pub servers: Vec<SocketAddr>,
    /// For one answer of one server.
    pub wait: Duration,
}

impl Dns {
    /// The servers of `/etc/resolv.conf`; none, and the system's resolver is asked instead.
    pub fn system() -> Self {
        let text = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
        let servers = text.lines().filter_map(|line| {
            let mut words = line.split_whitespace();
            let address = words.next().filter(|word| *word == "nameserver").and_then(|_| words.next())?;
            Some(SocketAddr::new(address.parse::<IpAddr>().ok()?, 53))
        });
        Self { servers: servers.take(3).collect(), wait: Duration::from_secs(3) }
    }

    /// Every one of `servers` for itself, compared; where none is named, the system's.
    pub fn of(servers: &[SocketAddr]) -> Box<dyn Resolver> {
        if servers.is_empty() {
            return Box::new(Self::system());
        }
        let one = |server: &SocketAddr| -> Box<dyn Resolver> {
            Box::new(Self { servers: vec![*server], wait: Duration::from_secs(3) })
        };
        Box::new(Several(servers.iter().map(one).collect()))
    }

    fn query(&self, server: SocketAddr, name: &str, kind: u16) -> io::Result<Vec<u8>> {
        let question = question(name, kind)?;
        let local: IpAddr = if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let socket = UdpSocket::bind((local, 0))?;
        socket.connect(server)?; // only this server's answers arrive
        socket.set_read_timeout(Some(self.wait))?;
        socket.send(&question)?;
        let mut bytes = vec![0; MESSAGE_MAX];
        // A few strangers' messages may be read over; the wait bounds each.
        for _ in 0..4 {
            let n = socket.recv(&mut bytes)?;
            if !answers(&bytes[..n], &question) {
                continue;
            }
            if bytes[2] & 2 == 0 {
                bytes.truncate(n);
                return Ok(bytes);
            }
            return self.ask_by_tcp(server, &question); // it was cut
        }
        Err(io::Error::other("no answer to this question"))
    }

    fn ask_by_tcp(&self, server: SocketAddr, question: &[u8]) -> io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect_timeout(&server, self.wait)?;
        stream.set_read_timeout(Some(self.wait))?;
        let mut message = u16::try_from(question.len()).map_err(io::Error::other)?.to_be_bytes().to_vec();
        message.extend(question);
        stream.write_all(&message)?;
        let mut length = [0; 2];
        stream.read_exact(&mut length)?;
        let mut bytes = vec![0; u16::from_be_bytes(length).into()];
        stream.read_exact(&mut bytes)?;
        if answers(&bytes, question) { Ok(bytes) } else { Err(io::Error::other("no answer to this question")) }
    }
}

impl Resolver for Dns {
    fn resolve(&self, name: &str) -> io::Result<Answer> {
        if self.servers.is_empty() {
            return System.resolve(name);
        }
        let mut last = io::Error::other("no server");
        for server in &self.servers {
            let both = self.query(*server, name, A).and_then(|a| Ok([a, self.query(*server, name, AAAA)?]));
            match both {
                Ok(raw) => {
                    let mut answer = Answer { raw: raw.into(), ..Answer::default() };
                    for message in &answer.raw {
                        match read(message) {
                            Ok(found) => {
                                for address in found {
                                    if !answer.addresses.contains(&address) {
                                        answer.addresses.push(address);
                                    }
                                }
                            }
                            // Kept as received all the same. What is broken in part is not used in part.
                            Err(e) => {
                                return Ok(Answer { addresses: Vec::new(), note: Some(e.to_string()), ..answer });
                            }
                        }
                    }
                    return Ok(answer);
                }
                Err(e) => last = e,
            }
        }
        Err(last)
    }

    fn describe(&self) -> String {
        if self.servers.is_empty() {
            return System.describe();
        }
        let servers: Vec<String> = self.servers.iter().map(ToString::to_string).collect();
        format!("dns {}", servers.join(" "))
    }
}

/// A question with a random number, recursion desired.
fn question(name: &str, kind: u16) -> io::Result<Vec<u8>> {
    let mut number = [0; 2];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut number)?;
    let mut out = number.to_vec();
    out.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in name.split('.') {
        let length = u8::try_from(label.len()).ok().filter(|n| (1..=63).contains(n));
        out.push(length.ok_or_else(|| io::Error::other("not a name"))?);
        out.extend(label.bytes());
    }
    out.push(0);
    out.extend(kind.to_be_bytes());
    out.extend([0, 1]);
    Ok(out)
}

/// Whether it answers this very question: number, response bit, and the question itself, whatever its case.
fn answers(message: &[u8], question: &[u8]) -> bool {
    message.len() >= question.len()
        && message[..2] == question[..2]
        && message[2] & 0x80 != 0
        && message[4..6] == [0, 1]
        && message[12..question.len()].eq_ignore_ascii_case(&question[12..])
}

/// The addresses of the answer section; a name that does not exist is an error.
fn read(message: &[u8]) -> io::Result<Vec<IpAddr>> {
    let broken = || io::Error::other("a broken DNS message");
    let two = |at: usize| message.get(at..at + 2).map(|b| u16::from_be_bytes([b[0], b[1]])).ok_or_else(broken);
    match two(2)? & 15 {
        0 => {}
        3 => return Err(io::Error::other("no such name")),
        code => return Err(io::Error::other(format!("the DNS server answered with code {code}"))),
    }
    let mut at = skip_name(message, 12).ok_or_else(broken)? + 4;
    let mut found = Vec::new();
    for _ in 0..two(6)? {
        at = skip_name(message, at).ok_or_else(broken)?;
        let (kind, class, length) = (two(at)?, two(at + 2)?, usize::from(two(at + 8)?));
        let data = message.get(at + 10..at + 10 + length).ok_or_else(broken)?;
        at += 10 + length;
        match (kind, class) {
            (A, 1) => found.push(IpAddr::from(<[u8; 4]>::try_from(data).map_err(|_| broken())?)),
            (AAAA, 1) => found.push(IpAddr::from(<[u8; 16]>::try_from(data).map_err(|_| broken())?)),
            _ => {}
        }
    }
    Ok(found)
}

/// Where the name that begins at `at` ends.
fn skip_name(message: &[u8], mut at: usize) -> Option<usize> {
    for _ in 0..STEPS_MAX {
        match *message.get(at)? {
            0 => return Some(at + 1),
            pointer if pointer & 0xc0 == 0xc0 => return message.get(at + 1).map(|_| at + 2),
            length if length & 0xc0 == 0 => at += 1 + usize::from(length),
            _ => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::net::TcpListener;

    use super::*;

    /// Answers each question with `records` of its kind; by UDP only "cut" where `cut`.
    fn server(records: &'static [&'static str], cut: bool) -> Dns {
        // A port that is free for UDP may be somebody's by TCP.
        let bind = || {
            let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
            let tcp = TcpListener::bind(udp.local_addr().unwrap()).ok()?;
            Some((udp, tcp))
        };
        let (udp, tcp) = (0..100).find_map(|_| bind()).unwrap();
        let at = udp.local_addr().unwrap();
        let answer = move |question: &[u8], cut: bool| {
            let mut out = question.to_vec();
            out[2] = 0x81 | if cut { 2 } else { 0 };
            let kind = u16::from_be_bytes([question[question.len() - 4], question[question.len() - 3]]);
            // A CNAME first, which is read over.
            out.extend([0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 9, 0, 2, 0xc0, 12]);
            let mut count = 1;
            for record in records.iter().filter(|_| !cut) {
                let data = match record.parse::<IpAddr>().unwrap() {
                    IpAddr::V4(v4) if kind == A => v4.octets().to_vec(),
                    IpAddr::V6(v6) if kind == AAAA => v6.octets().to_vec(),
                    _ => continue,
                };
                out.extend([0xc0, 12]);
                out.extend(kind.to_be_bytes());
                out.extend([0, 1, 0, 0, 0, 9, 0, data.len() as u8]);
                out.extend(data);
                count += 1;
            }
            out[7] = count;
            out
        };
        std::thread::spawn(move || {
            let mut bytes = [0; 512];
            while let Ok((n, who)) = udp.recv_from(&mut bytes) {
                udp.send_to(b"\x00\x00 a stranger's", who).unwrap();
                udp.send_to(&answer(&bytes[..n], cut), who).unwrap();
            }
        });
        std::thread::spawn(move || {
            for mut stream in tcp.incoming().flatten() {
                let mut length = [0; 2];
                stream.read_exact(&mut length).unwrap();
                let mut bytes = vec![0; u16::from_be_bytes(length).into()];
                stream.read_exact(&mut bytes).unwrap();
                let out = answer(&bytes, false);
                stream.write_all(&(out.len() as u16).to_be_bytes()).unwrap();
                stream.write_all(&out).unwrap();
            }
        });
        Dns { servers: vec![at], wait: Duration::from_secs(2) }
    }

    #[test]
    fn both_kinds_are_asked_and_the_messages_kept() {
        for cut in [false, true] {
            let answer = server(&["8.8.4.4", "10.0.0.1", "2606:4700::1111"], cut).resolve("shop.example").unwrap();
            let expected: Vec<IpAddr> =
                ["8.8.4.4", "10.0.0.1", "2606:4700::1111"].iter().map(|a| a.parse().unwrap()).collect();
            assert_eq!(answer.addresses, expected);
            assert!(answer.raw.len() == 2 && answer.raw[0].windows(4).any(|four| four == [8, 8, 4, 4]));
        }
    }

    #[test]
    fn a_silent_server_is_passed_over() {
        let mut dns = server(&["8.8.4.4"], false);
        dns.wait = Duration::from_millis(200);
        let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
        dns.servers.insert(0, silent.local_addr().unwrap());
        assert_eq!(dns.resolve("shop.example").unwrap().addresses.len(), 1);
    }

    #[test]
    fn several_are_asked_and_each_speaks_for_itself() {
        let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut third = server(&[], false);
        third.servers = vec![silent.local_addr().unwrap()];
        third.wait = Duration::from_millis(200);
        let both = [server(&["8.8.4.4"], false), server(&["8.8.8.8"], false), third];
        let several = Several(both.into_iter().map(|dns| Box::new(dns) as Box<dyn Resolver>).collect());
        let said = several.ask("shop.example");
        let address = |i: usize| said[i].answer.as_ref().map(|answer| answer.addresses[0].to_string());
        assert_eq!((address(0).unwrap(), address(1).unwrap()), ("8.8.4.4".to_owned(), "8.8.8.8".to_owned()));
        assert!(address(2).is_err() && said[2].resolver.starts_with("dns 127.0.0.1:"));
        assert_eq!(several.resolve("shop.example").unwrap().addresses, ["8.8.4.4".parse::<IpAddr>().unwrap()]);
    }

    #[test]
    fn broken_messages_are_errors_and_never_panics() {
        let question = question("shop.example", A).unwrap();
        let mut message = question.clone();
        message[2] = 0x81;
        message[7] = 2;
        message.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 8, 8, 4, 4]);
        message.extend([0xc0, 12, 0, 28, 0, 1, 0, 0, 0, 9, 0, 4, 8, 8, 4, 4]);
        assert!(read(&message).is_err(), "an IPv6 address of four bytes");
        for end in 0..message.len() {
            let _ = read(&message[..end]);
        }
        for at in 0..message.len() {
            for byte in [0, 1, 63, 64, 127, 192, 255] {
                let mut other = message.clone();
                other[at] = byte;
                let _ = (read(&other), answers(&other, &question));
            }
        }
        message[3] = 3;
        assert_eq!(read(&message).unwrap_err().to_string(), "no such name");
        assert!(super::question(&format!("{}.example", "a".repeat(64)), A).is_err());
    }
}
