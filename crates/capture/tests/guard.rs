//! What the guard refuses, on a real connection: asserted from the hook through which every connection is
//! made, so nothing can have left.
#![allow(clippy::unwrap_used)]

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use capture::guard::{Answer, Connect, Guard, Resolver, Rules, What};

type Connected = Arc<Mutex<Vec<SocketAddr>>>;

/// Notes what would have left, and gives a local echo instead.
struct Hook(Connected, SocketAddr);

impl Connect for Hook {
    fn connect(&self, to: SocketAddr, _: Duration) -> io::Result<TcpStream> {
        self.0.lock().unwrap().push(to);
        TcpStream::connect(self.1)
    }
}

/// Knows a few names; `rebind.example` answers otherwise each time.
struct Names(Mutex<u32>);

impl Resolver for Names {
    fn resolve(&self, name: &str) -> io::Result<Answer> {
        let mut count = self.0.lock().unwrap();
        *count += 1;
        let addresses: &[&str] = match name {
            "public.example" => &["8.8.4.4", "2606:4700::1111"],
            "mixed.example" => &["8.8.4.4", "10.0.0.1"],
            "mixed6.example" => &["2606:4700::1111", "fe80::1"],
            "private.example" => &["192.168.1.1"],
            "mapped.example" => &["::ffff:8.8.8.8"],
            "empty.example" => &[],
            "rebind.example" if *count % 2 == 1 => &["8.8.4.4"],
            "rebind.example" => &["127.0.0.1"],
            _ => return Err(io::Error::other("no such name")),
        };
        Ok(Answer { addresses: addresses.iter().map(|a| a.parse().unwrap()).collect(), raw: vec![] })
    }

    fn describe(&self) -> String {
        "table".to_owned()
    }
}

struct Bench {
    guard: Arc<Guard>,
    at: SocketAddr,
    connected: Connected,
}

impl Bench {
    fn new(rules: Rules) -> Self {
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
        let guard =
            Arc::new(Guard::new(rules, Box::new(Names(Mutex::new(0))), hook, Instant::now(), "mark".to_owned()));
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

/// Hosts that are never contacted, whatever the scheme.
const REFUSED: &str = "
0.0.0.0 0.1.2.3 0.255.255.255 10.0.0.0 10.0.0.1 10.255.255.255 100.64.0.1 100.100.100.200 100.127.255.255 127.0.0.1
127.0.0.0 127.1.2.3 127.255.255.255 168.63.129.16 169.254.0.1 169.254.169.254 169.254.255.255 172.16.0.1 172.20.10.5
172.31.255.255 192.0.0.1 192.0.0.170 192.0.0.255 192.0.2.1 192.0.2.255 192.31.196.1 192.52.193.1 192.88.99.1
192.168.0.1 192.168.255.255 192.175.48.1 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255
240.0.0.1 255.255.255.254 255.255.255.255
[::] [::1] [::2] [::ffff:127.0.0.1] [::ffff:8.8.8.8] [::ffff:7f00:1] [::127.0.0.1] [::ffff:0:8.8.8.8] [64:ff9b::8.8.8.8]
[64:ff9b::7f00:1] [64:ff9b::a00:1] [64:ff9b:1::1] [64:ff9b:1:ffff::1] [100::1] [2001::1] [2001:0:4136:e378:8000:63bf:3fff:fdd2]
[2001:10::1] [2001:20::1] [2001:2::1] [2001:3::1] [2001:4:112::1] [2001:1::1] [2001:db8::1] [2001:db8:ffff::1]
[2002:7f00:1::1] [2002:a00:1::] [2002:c0a8:101::1] [2002:808:808::1] [2620:4f:8000::1] [3fff::1] [3fff:fff::1] [5f00::1]
[fc00::1] [fd00::1] [fd12:3456:789a::1] [fdff:ffff::1] [fe80::1] [febf::1] [fec0::1] [feff::1] [ff00::1] [ff02::1] [ff05::2]
[ff0e::1] [4000::1] [8000::1] [1::1] [200::1] [400::1] [fd00:ec2::254] [fd20:ce::254] [2606:4700::5efe:a00:1]
[2606:4700::200:5efe:7f00:1] [::ffff:0:127.0.0.1] [0:0:0:0:0:ffff:a9fe:a9fe]
2130706433 017700000001 0x7f000001 0x7f.0.0.1 0x7f.1 0177.0.0.1 0177.1 127.1 127.0.1 10.1 192.168.257 1.2.3 0 00000000
0x0 0xa9fea9fe 2852039166 0251.0376.0251.0376 169.254.43518 8.8.8.010 08.8.8.8 8.8.8.8.8 256.1.1.1 1.1.1.256 999.1.1.1
0x8.8.8.8 8.8.8.0x8 1.1.1.0001 127.0.0.1. 127.1. 3232235777 4294967296 0xffffffff 0X7F.1 017700000001. foo.1 foo.0x1 a.b.09
１２７.0.0.1 ①②⑦.0.0.1 127。0。0。1 ｌｏｃａｌｈｏｓｔ 例え.example loc%61lhost 127.0.0.1%2f 127.0.0.1%00
localhost localhost. LOCALHOST LocalHost.LocalDomain foo.localhost foo.localhost. a.b.localhost localhost.localdomain
intranet router printer.local nas.lan router.home host.home.arpa db.internal metadata.google.internal instance-data.ec2.internal
kubernetes.default.svc.cluster.local wiki.corp x.private x.intranet x.test x.invalid abcdef.onion x.alt gateway wpad
-a.example a-.example a..example .example a_b.-c.example a*.example a!b.example exa$mple.example a/b a\\b a?b a#b
user@8.8.8.8 user:pw@8.8.8.8 @8.8.8.8 8.8.8.8@10.0.0.1 public.example@10.0.0.1 public.example#@10.0.0.1
[fe80::1%eth0] [fe80::1%25eth0] [::1 ::1] [[::1]] [8.8.8.8] [] [:::] [12345::] [::ffff:999.1.1.1] [v1.a]x
update.googleapis.com clients2.google.com mixed.example mixed6.example private.example mapped.example empty.example unknown.example
aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example
";

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
