//! What the guard refuses, on a real connection: asserted from the hook through which every connection is
//! made, so nothing can have left.
#![allow(clippy::unwrap_used)]

mod hosts;

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use capture::guard::{Answer, Connect, Guard, Resolver, Rules, Several, What};
use hosts::{Names, REFUSED};

type Connected = Arc<Mutex<Vec<SocketAddr>>>;

/// Notes what would have left, and gives a local echo instead.
struct Hook(Connected, SocketAddr);

impl Connect for Hook {
    fn connect(&self, to: SocketAddr, _: Duration) -> io::Result<TcpStream> {
        self.0.lock().unwrap().push(to);
        TcpStream::connect(self.1)
    }
}

struct Bench {
    guard: Arc<Guard>,
    at: SocketAddr,
    connected: Connected,
}

impl Bench {
    fn new(rules: Rules) -> Self {
        Self::with(rules, Box::new(Names::default()))
    }

    fn with(rules: Rules, resolver: Box<dyn Resolver>) -> Self {
        let site = TcpListener::bind("127.0.0.1:0").unwrap();
        let there = site.local_addr().unwrap();
        std::thread::spawn(move || {
            for mut stream in site.incoming().flatten() {
                std::thread::spawn(move || {
                    let mut block = [0; 65536];
                    while let Ok(n @ 1..) = stream.read(&mut block) {
                        stream.write_all(&block[..n]).unwrap_or(());
                    }
                });
            }
        });
        let connected = Connected::default();
        let hook = Box::new(Hook(Arc::clone(&connected), there));
        let guard = Arc::new(Guard::new(rules, resolver, hook, Instant::now(), "mark".to_owned()));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        guard.serve(listener).unwrap();
        Self { guard, at, connected }
    }

    /// Sends bytes as the browser would, and gives what comes back.
    fn send(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.at).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        stream.write_all(bytes).unwrap();
        let mut out = Vec::new();
        let mut block = [0; 4096];
        while let Ok(n @ 1..) = stream.read(&mut block) {
            out.extend(&block[..n]);
        }
        String::from_utf8_lossy(&out).into_owned()
    }

    fn get(&self, authority: &str) -> String {
        self.send(format!("GET http://{authority}/ HTTP/1.1\r\nHost: {authority}\r\n\r\n").as_bytes())
    }

    fn tunnel(&self, authority: &str) -> String {
        self.send(format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n").as_bytes())
    }

    fn left(&self) -> Vec<SocketAddr> {
        self.connected.lock().unwrap().clone()
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.guard.stop();
    }
}

#[test]
fn more_than_two_hundred_hosts_are_refused_and_nothing_leaves() {
    let bench = Bench::new(Rules::default());
    let mut count = 0;
    for host in REFUSED.split_whitespace() {
        let answer = bench.get(host);
        assert!(answer.starts_with("HTTP/1.1 403 ") && answer.contains("X-Guard: mark"), "GET {host}: {answer}");
        let answer = bench.tunnel(&format!("{host}:443"));
        assert!(answer.starts_with("HTTP/1.1 403 "), "CONNECT {host}: {answer}");
        count += 1;
    }
    assert_eq!(bench.left(), vec![]);
    assert!(count >= 200, "{count}");
    let refused = bench.guard.events().0.iter().filter(|e| matches!(e.what, What::Refused { .. })).count();
    assert_eq!(refused, 2 * count);
}

#[test]
fn only_ports_80_and_443() {
    let bench = Bench::new(Rules::default());
    for port in [
        "0", "1", "22", "25", "53", "79", "81", "442", "444", "3306", "6379", "8080", "8443", "65535", "65536",
        "99999", "080", "+80", " 80", "", "80:80", "0x50",
    ] {
        for host in ["8.8.4.4", "public.example", "[2606:4700::1111]"] {
            let answer = bench.tunnel(&format!("{host}:{port}"));
            assert!(!answer.contains(" 200 "), "{host}:{port}: {answer}");
            assert!(!bench.get(&format!("{host}:{port}")).contains("GET /"), "{host}:{port}");
        }
    }
    assert_eq!(bench.left(), vec![]);
}

#[test]
fn public_addresses_are_contacted_and_the_pinned_one_only() {
    let bench = Bench::new(Rules::default());
    for target in ["8.8.4.4", "public.example", "PUBLIC.example", "public.example.", "public.example:80"] {
        assert!(bench.get(target).starts_with("GET / HTTP/1.1\r\n"), "{target}");
    }
    for target in [
        "8.8.4.4:443",
        "[2606:4700::1111]:443",
        "public.example:443",
        "1.1.1.1:443",
        "100.63.255.255:443",
        "172.32.0.1:443",
        "223.255.255.255:443",
    ] {
        assert!(bench.tunnel(target).starts_with("HTTP/1.1 200 "), "{target}");
    }
    let asked = bench
        .guard
        .events()
        .0
        .iter()
        .filter(|e| matches!(&e.what, What::Resolved { name, .. } if name == "public.example"))
        .count();
    assert_eq!(asked, 1, "a name is asked for once");
    assert_eq!(bench.left().iter().filter(|to| to.ip() == "8.8.4.4".parse::<IpAddr>().unwrap()).count(), 7);
}

#[test]
fn a_name_that_changes_its_mind_stays_where_it_was() {
    let bench = Bench::new(Rules::default());
    for _ in 0..4 {
        bench.get("rebind.example");
    }
    assert_eq!(bench.left(), vec!["8.8.4.4:80".parse().unwrap(); 4]);
}

#[test]
fn requests_that_could_be_read_in_two_ways_are_refused() {
    let bench = Bench::new(Rules::default());
    for request in [
        "GET http://8.8.4.4/ HTTP/1.1\r\nHost: 10.0.0.1\r\n\r\n",
        "GET http://8.8.4.4/ HTTP/1.1\r\nHost: 8.8.4.4\r\nHost: 10.0.0.1\r\n\r\n",
        "GET http://8.8.4.4/ HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: 8.8.4.4\r\n\r\n",
        "GET https://8.8.4.4/ HTTP/1.1\r\nHost: 8.8.4.4\r\n\r\n",
        "GET ftp://8.8.4.4/ HTTP/1.1\r\nHost: 8.8.4.4\r\n\r\n",
        "GET file:///etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET http://8.8.4.4/ HTTP/1.0\r\nHost: 8.8.4.4\r\n\r\n",
        "GET  http://8.8.4.4/ HTTP/1.1\r\nHost: 8.8.4.4\r\n\r\n",
        "get http://8.8.4.4/ HTTP/1.1\r\nHost: 8.8.4.4\r\n\r\n",
        "GET http://8.8.4.4/ HTTP/1.1 x\r\nHost: 8.8.4.4\r\n\r\n",
        "GET http://8.8.4.4#x/ HTTP/1.1\r\nHost: 8.8.4.4\r\n\r\n",
        "GET http://8.8.4.4\\@10.0.0.1/ HTTP/1.1\r\nHost: 8.8.4.4\r\n\r\n",
        "POST http://8.8.4.4/ HTTP/1.1\r\nHost: 8.8.4.4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST http://8.8.4.4/ HTTP/1.1\r\nHost: 8.8.4.4\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "POST http://8.8.4.4/ HTTP/1.1\r\nHost: 8.8.4.4\r\nContent-Length: -1\r\n\r\n",
        "POST http://8.8.4.4/ HTTP/1.1\r\nHost: 8.8.4.4\r\nContent-Length: 99999999999\r\n\r\n",
        "GET http://8.8.4.4/ HTTP/1.1\r\nHost: 8.8.4.4\nX: y\r\n\r\n",
        "GET http://8.8.4.4/ HTTP/1.1\r\nHost : 8.8.4.4\r\n\r\n",
        "GET http://8.8.4.4/ HTTP/1.1\r\n Host: 8.8.4.4\r\n\r\n",
        "GET http://8.8.4.4/ HTTP/1.1\r\nHost: 8.8.4.4\r\nno colon\r\n\r\n",
        "GET http://8.8.4.4/ HTTP/1.1\r\nHost: 8.8.4.4\r\nA: \0\r\n\r\n",
        "CONNECT 8.8.4.4 HTTP/1.1\r\nHost: 8.8.4.4\r\n\r\n",
        "CONNECT http://8.8.4.4:443 HTTP/1.1\r\nHost: 8.8.4.4\r\n\r\n",
        "\r\n\r\n",
    ] {
        let answer = bench.send(request.as_bytes());
        assert!(answer.starts_with("HTTP/1.1 403 "), "{request:?}: {answer}");
    }
    assert_eq!(bench.left(), vec![]);
}

#[test]
fn a_second_request_on_one_connection_goes_nowhere() {
    let bench = Bench::new(Rules::default());
    let first = "GET http://8.8.4.4/one HTTP/1.1\r\nHost: 8.8.4.4\r\n\r\n";
    let second = "GET http://10.0.0.1/two HTTP/1.1\r\nHost: 10.0.0.1\r\n\r\n";
    let echo = bench.send(format!("{first}{second}").as_bytes());
    assert!(echo.starts_with("GET /one HTTP/1.1\r\n") && !echo.contains("two"), "{echo}");
    assert_eq!(bench.left(), vec!["8.8.4.4:80".parse().unwrap()]);
    // The body goes along, and not a byte more.
    let echo = bench.send(b"POST http://8.8.4.4/ HTTP/1.1\r\nHost: 8.8.4.4\r\nContent-Length: 3\r\n\r\nabcGET http://10.0.0.1/ HTTP/1.1\r\n\r\n");
    assert!(echo.ends_with("\r\n\r\nabc"), "{echo}");
}

#[test]
fn loopback_only_for_the_pair_that_was_named() {
    let rules = Rules {
        loopback: vec!["shop.test:8801".parse().unwrap(), "127.0.0.1:8443".parse().unwrap()],
        ..Rules::default()
    };
    let bench = Bench::new(rules);
    assert!(bench.get("shop.test:8801").starts_with("GET / "));
    assert!(bench.tunnel("127.0.0.1:8443").starts_with("HTTP/1.1 200 "));
    let allowed = bench.left();
    assert_eq!(allowed, ["127.0.0.1:8801".parse().unwrap(), "127.0.0.1:8443".parse().unwrap()]);
    for other in [
        "shop.test:8802",
        "shop.test:80",
        "127.0.0.1:8801",
        "localhost:8801",
        "x.shop.test:8801",
        "[::1]:8443",
        "127.0.0.2:8443",
    ] {
        assert!(bench.get(other).starts_with("HTTP/1.1 403 "), "{other}");
        assert!(bench.tunnel(other).starts_with("HTTP/1.1 403 "), "{other}");
    }
    assert_eq!(bench.left(), allowed);
}

#[test]
fn bytes_and_connections_are_capped_and_said() {
    let bench = Bench::new(Rules { bytes: 100_000, ..Rules::default() });
    let mut stream = TcpStream::connect(bench.at).unwrap();
    stream.write_all(b"CONNECT 8.8.4.4:443 HTTP/1.1\r\n\r\n").unwrap();
    let _ = stream.write_all(&vec![7; 200_000]);
    let mut all = Vec::new();
    let _ = stream.read_to_end(&mut all);
    assert!(all.len() < 100_100, "{}", all.len());
    assert_eq!(bench.guard.limit(), Some("bytes"));
    assert!(bench.get("8.8.4.4").starts_with("HTTP/1.1 403 "));
    let bench = Bench::new(Rules { connections: 2, ..Rules::default() });
    for _ in 0..3 {
        bench.get("8.8.4.4");
    }
    assert_eq!((bench.left().len(), bench.guard.limit()), (2, Some("connections")));
}

/// Says the same of every name.
struct Says(&'static str, io::Result<&'static [&'static str]>);

impl Resolver for Says {
    fn resolve(&self, _: &str) -> io::Result<Answer> {
        let addresses = self.1.as_ref().map_err(|e| io::Error::from(e.kind()))?;
        let addresses = addresses.iter().map(|a| a.parse().unwrap()).collect();
        Ok(Answer { addresses, raw: vec![vec![1, 2, 3]], note: None })
    }

    fn describe(&self) -> String {
        self.0.to_owned()
    }
}

#[test]
fn every_resolver_is_asked_and_each_may_refuse() {
    let silent = || Err(io::ErrorKind::TimedOut.into());
    let several = |all: Vec<Says>| {
        Bench::with(Rules::default(), {
            let all = all.into_iter().map(|one| Box::new(one) as Box<dyn Resolver>);
            Box::new(Several(all.collect()))
        })
    };
    // They differ: the first that knows an address says whither, all answers are kept.
    let bench = several(vec![
        Says("silent", silent()),
        Says("empty", Ok(&[])),
        Says("one", Ok(&["8.8.4.4"])),
        Says("two", Ok(&["1.1.1.1"])),
    ]);
    assert!(bench.get("shop.example").starts_with("GET / "));
    assert!(bench.get("shop.example").starts_with("GET / "));
    assert_eq!(bench.left(), vec!["8.8.4.4:80".parse().unwrap(); 2]);
    let log = bench.guard.events().0;
    let said: Vec<_> = log
        .iter()
        .filter_map(|event| match &event.what {
            What::Resolved { resolver, answers, raw, .. } => Some((resolver.as_str(), answers.join(" "), raw.len())),
            What::Unanswered { resolver, .. } => Some((resolver.as_str(), "unanswered".to_owned(), 0)),
            _ => None,
        })
        .collect();
    let expected = [("silent", "unanswered", 0), ("empty", "", 1), ("one", "8.8.4.4", 1), ("two", "1.1.1.1", 1)];
    assert_eq!(said, expected.map(|(resolver, answers, raw)| (resolver, answers.to_owned(), raw)));
    // One of them points inward: refused, whoever else knows better.
    for inward in ["10.0.0.1", "::ffff:8.8.8.8", "169.254.169.254"] {
        let inward: &'static [&'static str] = Box::leak(Box::new([inward]));
        let bench = several(vec![Says("one", Ok(&["8.8.4.4"])), Says("two", Ok(inward))]);
        assert!(bench.get("shop.example").starts_with("HTTP/1.1 403 "), "{inward:?}");
        assert!(bench.tunnel("shop.example:443").starts_with("HTTP/1.1 403 "), "{inward:?}");
        assert_eq!(bench.left(), vec![]);
    }
    let bench = several(vec![Says("one", silent()), Says("two", silent())]);
    assert!(bench.get("shop.example").starts_with("HTTP/1.1 403 ") && bench.left().is_empty());
}
