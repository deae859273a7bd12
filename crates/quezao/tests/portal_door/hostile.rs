//! What hostile clients try: paths, heads, lengths, floods of connections, forms full of nonsense, a full disk.
//!
//! `QUEZAO_TORTURE=full` opens 10,000 connections and waits for slow bodies to be cut off (`make torture`).

use crate::{
    house::{Answer, Browser, House, PASSWORD, lin_wan, program, read},
    watched::register,
};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    process::{Command, Stdio},
    time::Duration,
};

fn full() -> bool {
    std::env::var_os("QUEZAO_TORTURE").is_some_and(|v| v == "full")
}

/// What is answered to these very bytes.
fn raw(at: SocketAddr, bytes: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(at).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
    let _ = stream.write_all(bytes);
    read(stream)
}

#[test]
fn odd_paths_and_heads_reach_nothing() {
    let (house, _owner) = House::set_up();
    let at = house.address;
    let get =
        |path: &str| raw(at, format!("GET {path} HTTP/1.1\r\nhost: {at}\r\nconnection: close\r\n\r\n").as_bytes());
    for path in [
        "/../keys/ledger.pem",
        "/assets/../keys/ledger.pem",
        "/assets/0/..%2f..%2fkeys%2fledger.pem",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/ledger/tile/..%2f..%2fkeys%2fledger.pem",
        "/ledger/tile/../../keys/ledger.pem",
        "/ledger/tile/%2e%2e/checkpoint",
        "/ledger/tile/0/000%00",
        "/ledger/tile//000",
        "//evil.example/",
        "/sign-in//",
        "/./sign-in",
        "/deposits/%00",
        "/deposits/%ff%fe",
        "/deposits/..%2f..%2fkeys",
        "/reset/..%2f",
        "/api/v1/deposits/..%2f..%2fkeys",
        "/api/v1/deposits/%00/original",
    ] {
        let answer = get(path);
        assert!([303, 400, 401, 404].contains(&answer.status), "{path}: {} {}", answer.status, answer.body);
        assert!(!answer.body.contains("PRIVATE KEY") && !answer.body.contains("root:"), "{path}");
        if answer.status == 303 {
            assert!(answer.head("location").unwrap().starts_with("/sign-in?next=%2F"), "{path}: {:?}", answer.heads);
        }
    }
    let own = format!("host: {at}\r\nconnection: close\r\n");
    let form = format!("{own}content-type: application/x-www-form-urlencoded\r\n");
    for (what, request, allowed) in [
        ("a NUL in the path", "GET /\0 HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(), &[400][..]),
        ("no host", "GET /sign-in HTTP/1.1\r\nconnection: close\r\n\r\n".into(), &[400]),
        ("two hosts", format!("GET /sign-in HTTP/1.1\r\n{own}host: evil.example\r\n\r\n"), &[400]),
        ("another host in the line", format!("GET http://evil.example/ HTTP/1.1\r\n{own}\r\n"), &[400]),
        ("the same host in the line", format!("GET http://{at}/healthz HTTP/1.1\r\n{own}\r\n"), &[200]),
        (
            "two lengths",
            format!("POST /sign-in HTTP/1.1\r\n{form}content-length: 5\r\ncontent-length: 6\r\n\r\nabcdef"),
            &[400],
        ),
        ("two lengths in one", format!("POST /sign-in HTTP/1.1\r\n{form}content-length: 5, 6\r\n\r\nabcdef"), &[400]),
        ("a length below nothing", format!("POST /sign-in HTTP/1.1\r\n{form}content-length: -1\r\n\r\n"), &[400]),
        ("a length with a sign", format!("POST /sign-in HTTP/1.1\r\n{form}content-length: +5\r\n\r\nabcde"), &[400]),
        (
            "a length without end",
            format!("POST /sign-in HTTP/1.1\r\n{form}content-length: 99999999999999999999\r\n\r\n"),
            &[400],
        ),
        (
            "chunks that are no chunks",
            format!("POST /sign-in HTTP/1.1\r\n{form}transfer-encoding: xchunked\r\n\r\n"),
            &[400],
        ),
        (
            "chunked before another",
            format!("POST /sign-in HTTP/1.1\r\n{form}transfer-encoding: chunked, gzip\r\n\r\n"),
            &[400],
        ),
        // The length counts for nothing then (RFC 9112, 6.3): what follows the last chunk is another request.
        (
            "chunks and a length",
            format!("POST /sign-in HTTP/1.1\r\n{form}content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
            &[400, 403],
        ),
        (
            "a huge chunk",
            format!("POST /sign-in HTTP/1.1\r\n{form}transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n"),
            &[400, 422],
        ),
        ("a space before the colon", "GET /sign-in HTTP/1.1\r\nhost : x\r\nconnection: close\r\n\r\n".into(), &[400]),
        ("a line that goes on", format!("GET /sign-in HTTP/1.1\r\n{own}x: a\r\n b\r\n\r\n"), &[400]),
        ("a bare line feed in a value", format!("GET /sign-in HTTP/1.1\r\n{own}x: a\rb\r\n\r\n"), &[400]),
        (
            "a tunnel",
            "CONNECT evil.example:443 HTTP/1.1\r\nhost: evil.example:443\r\nconnection: close\r\n\r\n".into(),
            &[400, 404, 405],
        ),
        ("everything", format!("OPTIONS * HTTP/1.1\r\n{own}\r\n"), &[400, 404, 405]),
        ("an echo", format!("TRACE /sign-in HTTP/1.1\r\n{own}x-secret: y\r\n\r\n"), &[405]),
        ("another version", format!("GET / HTTP/9.9\r\n{own}\r\n"), &[400]),
        ("the second version", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".into(), &[0, 400]),
        ("the first version", "GET /\r\n\r\n".into(), &[0, 400]),
        ("many heads", format!("GET / HTTP/1.1\r\n{own}{}\r\n", "x: y\r\n".repeat(400)), &[431]),
        ("a long path", format!("GET /{} HTTP/1.1\r\n{own}\r\n", "x".repeat(70 << 10)), &[400, 414, 431]),
    ] {
        let answer = raw(at, request.as_bytes());
        assert!(allowed.contains(&answer.status), "{what}: {} {}", answer.status, answer.body);
        assert!(!answer.body.contains("x-secret"), "{what}");
    }
    assert_eq!(house.browser().get("/healthz").status, 200);
}

#[test]
fn a_body_without_end_is_cut_off() {
    let (house, owner) = House::set_up();
    let cookies: Vec<String> = owner.cookies.iter().map(|(n, v)| format!("{n}={v}")).collect();
    for (path, kind) in [
        ("/sign-in", "application/x-www-form-urlencoded"),
        ("/account/password", "application/x-www-form-urlencoded"),
        ("/verify", "multipart/form-data; boundary=edge"),
        ("/register", "multipart/form-data; boundary=edge"),
        ("/tsa", "application/timestamp-query"),
        ("/api/v1/deposits", "application/json"),
        ("/market/orders", "application/json"),
    ] {
        let mut stream = TcpStream::connect(house.address).unwrap();
        stream.set_write_timeout(Some(Duration::from_secs(60))).unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\ncookie: {}\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\n\r\n",
            house.address,
            cookies.join("; ")
        );
        stream.write_all(head.as_bytes()).unwrap();
        let chunk = format!("4000\r\n{}\r\n", "a=b&".repeat(0x1000));
        let mut sent = 0;
        while sent < 64 << 20 && stream.write_all(chunk.as_bytes()).is_ok() {
            sent += chunk.len();
        }
        assert!(sent < 64 << 20, "{path} takes everything");
    }
    assert_eq!(house.browser().get("/healthz").status, 200);
}

/// Opens this many connections that begin a head and say no more; holds them until its input ends.
const FLOOD: &str = "import resource,socket,sys\n\
    most=resource.getrlimit(resource.RLIMIT_NOFILE)[1]\n\
    resource.setrlimit(resource.RLIMIT_NOFILE,(most,most))\n\
    held=[]\n\
    for n in range(int(sys.argv[2])):\n    \
        s=socket.create_connection(('127.0.0.1',int(sys.argv[1])),30)\n    \
        s.send(b'GET / HTTP/1.1\\r\\nx: ')\n    \
        held.append(s)\n\
    print('open',flush=True)\n\
    sys.stdin.read()";

#[test]
fn thousands_of_connections_that_say_nothing_take_no_room_from_who_asks() {
    let (house, mut owner) = House::set_up();
    let count = if full() { 10_000 } else { 600 };
    let mut flood = Command::new("python3");
    flood.args(["-c", FLOOD, &house.address.port().to_string(), &count.to_string()]);
    let mut flood = flood.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    BufReader::new(flood.stdout.take().unwrap()).read_line(&mut said).unwrap();
    assert_eq!(said, "open\n");
    for _ in 0..20 {
        assert_eq!(house.browser().get("/healthz").body, "ok\n");
        assert_eq!(owner.get("/account").status, 200);
    }
    let status = std::fs::read_to_string(format!("/proc/{}/status", house.pid())).unwrap();
    let resident = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap();
    let resident: u64 = resident.trim().trim_end_matches(" kB").parse().unwrap();
    let open = std::fs::read_dir(format!("/proc/{}/fd", house.pid())).unwrap().count();
    assert!(resident < 250 << 10 && open < 400, "{resident} kB, {open} descriptors");
    drop(flood.stdin.take());
    flood.wait().unwrap();
}

#[test]
fn a_slow_body_is_cut_off() {
    if !full() {
        return;
    }
    let (house, _owner) = House::set_up();
    let mut stream = TcpStream::connect(house.address).unwrap();
    let head = "content-type: application/x-www-form-urlencoded\r\ncontent-length: 1000\r\n";
    let _ = stream.write_all(format!("POST /sign-in HTTP/1.1\r\nhost: {}\r\n{head}\r\n", house.address).as_bytes());
    let mut drips = stream.try_clone().unwrap();
    std::thread::spawn(move || {
        while drips.write_all(b"a").is_ok() {
            std::thread::sleep(Duration::from_secs(1));
        }
    });
    let mut answer = [0; 12];
    stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 422");
}

/// The sentences of refusal on a page.
fn refusals(page: &str) -> String {
    let after =
        |sign: &'static str| page.split(sign).skip(1).filter_map(|rest| rest.split('>').nth(1)?.split('<').next());
    after("class=\"err").chain(after("class=\"lead")).collect::<Vec<_>>().join(" ")
}

/// Sends a form once in each language; both must refuse, in a sentence of that language.
fn refused_twice(browser: &mut Browser, page: &str, path: &str, fields: &[(&str, &str)], what: &str) {
    let mut said = Vec::new();
    for language in ["zh", "en"] {
        browser.heads = vec![("accept-language".into(), language.into())];
        browser.get(page);
        let answer = browser.post(path, fields);
        assert!((400..500).contains(&answer.status), "{path} {what}: {} {}", answer.status, answer.body);
        said.push(refusals(&answer.body));
    }
    let chinese = |text: &str| text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
    assert!(chinese(&said[0]) && !said[1].is_empty() && !chinese(&said[1]), "{path} {what}: {said:?}");
}

#[test]
fn forms_full_of_nonsense_are_refused_with_their_field_in_both_languages() {
    let (house, mut owner) = House::set_up();
    let long = "x".repeat(5000);
    let huge = "x".repeat(70 << 10);
    let bad = ["", "a\0b", huge.as_str(), long.as_str(), "\u{202e}gnp.exe", "\u{200b}\u{2066}"];
    type Fields = &'static [(&'static str, &'static str)];
    let forms: [(&str, &str, Fields, &[&str]); 4] = [
        ("/account", "/account/tokens", &[("name", "shop"), ("days", "3"), ("read", "yes")], &["name", "days"]),
        ("/captures", "/captures", &[("urls", "https://shop.example/"), ("purpose", "own")], &["urls"]),
        (
            "/account/password",
            "/account/password",
            &[("old", PASSWORD), ("password", "staple battery"), ("password2", "staple battery")],
            &["password"],
        ),
        ("/account/codes", "/account/codes", &[("password", PASSWORD), ("code", "123456")], &["code"]),
    ];
    for (page, path, fields, tried) in forms {
        for name in tried {
            for value in bad {
                let with: Vec<(&str, &str)> =
                    fields.iter().map(|(n, v)| (*n, if n == name { value } else { v })).collect();
                refused_twice(&mut owner, page, path, &with, &format!("{name} = {value:.20?}"));
            }
        }
    }
    for (name, value) in
        [("days", "many"), ("days", "0"), ("days", "367"), ("days", "-3"), ("days", "1e9"), ("read", "maybe")]
    {
        let fields = [("name", "shop"), ("days", "3"), ("read", "yes")];
        let with = fields.map(|(n, v)| (n, if n == name { value } else { v }));
        refused_twice(&mut owner, "/account", "/account/tokens", &with, &format!("{name} = {value}"));
    }
    // A name that only looks like the owner's is another name, and is not told from one that nobody has.
    owner.heads.clear();
    let mut visitor = house.browser();
    for login in ["linwаn", "ｌｉｎｗａｎ", "linwan\u{200b}", "linwan ' OR 1=1", ""] {
        refused_twice(&mut visitor, "/sign-in", "/sign-in", &[("login", login), ("password", PASSWORD)], login);
    }
    // The first form of all, before there is anything.
    let house = House::open(tempfile::tempdir().unwrap());
    let (path, mut browser) = (house.set_up.clone().unwrap(), house.browser());
    for (name, value) in [
        ("name", "\u{202e}晚林"),
        ("name", &long),
        ("login", "linwаn"),
        ("login", "林晚"),
        ("login", "a\0b"),
        ("operator_name", "\u{202e}晚林"),
        ("operator_name", &huge),
        ("password", ""),
        ("origin", "a b.example/../x"),
        ("filings", "\u{202e}"),
    ] {
        let mut fields: Vec<(&str, &str)> = lin_wan().into_iter().filter(|(n, _)| *n != name).collect();
        fields.push((name, value));
        refused_twice(&mut browser, &path, &path, &fields, &format!("{name} = {value:.20?}"));
    }
    assert!(!house.data().exists(), "nothing was written");
}

#[test]
fn two_tabs_that_do_the_same_do_it_once() {
    let (_house, mut owner) = House::set_up();
    owner.get("/account");
    owner.post("/account/tokens", &[("name", "shop"), ("days", "3"), ("read", "yes")]);
    let id = owner.get("/account").body.split("/account/tokens/").nth(1).unwrap().split('/').next().unwrap().to_owned();
    let at_once = |path: String| -> Vec<u16> {
        std::thread::scope(|scope| {
            let tabs: Vec<_> = (0..4)
                .map(|_| {
                    let (mut tab, path) = (owner.clone(), path.clone());
                    scope.spawn(move || tab.post(&path, &[]).status)
                })
                .collect();
            tabs.into_iter().map(|t| t.join().unwrap()).collect()
        })
    };
    let ended = at_once(format!("/account/tokens/{id}/end"));
    assert_eq!(ended.iter().filter(|s| **s == 303).count(), 1, "{ended:?}");
    assert!(ended.iter().all(|s| [303, 404].contains(s)), "{ended:?}");
    let out = at_once("/sign-out".into());
    assert!(out.contains(&303) && out.iter().all(|s| [303, 403, 404].contains(s)), "{out:?}");
    assert_eq!(owner.get("/account").status, 303);

    // Two who set up at once with the one address: one is first, the folder is whole.
    let house = House::open(tempfile::tempdir().unwrap());
    let (path, mut browser) = (house.set_up.clone().unwrap(), house.browser());
    browser.get(&path);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let tabs: Vec<_> = (0..3)
            .map(|_| {
                let (mut tab, path) = (browser.clone(), path.clone());
                scope.spawn(move || tab.post(&path, &lin_wan()).status)
            })
            .collect();
        tabs.into_iter().map(|t| t.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|s| **s == 303).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|s| *s < 500 || *s == 503), "{statuses:?}");
    browser.get("/sign-in");
    assert_eq!(browser.post("/sign-in", &[("login", "linwan"), ("password", PASSWORD)]).status, 303);
}

#[test]
fn a_full_disk_refuses_and_loses_nothing() {
    let work = tempfile::tempdir().unwrap();
    std::fs::create_dir(work.path().join("disk")).unwrap();
    // A small disk of its own, which ends with the process.
    let own = program(&work);
    let mut command = Command::new("unshare");
    command.current_dir(work.path()).envs(own.get_envs().filter_map(|(n, v)| Some((n, v?)))).env_remove("QUEZAO_DATA");
    let shell = "mount -t tmpfs -o size=96m quezao disk && exec \"$0\" \"$@\"";
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", shell, env!("CARGO_BIN_EXE_quezao")]);
    let (house, mut owner) = House::set_up_by(work, command, &["--data", "disk/data"]);
    assert!(register(&mut owner, "一.txt", b"one") < 400);
    let large = vec![7; 48 << 20];
    owner.heads = vec![("accept-language".into(), "en".into())];
    let csrf = {
        owner.get("/register");
        owner.csrf.clone()
    };
    let head = "--edge\r\ncontent-disposition: form-data; name=\"files\"; filename=\"large.bin\"\r\n\r\n";
    let mut body =
        format!("--edge\r\ncontent-disposition: form-data; name=\"csrf\"\r\n\r\n{csrf}\r\n{head}").into_bytes();
    body.extend_from_slice(&large);
    body.extend(b"\r\n--edge--\r\n");
    let kind = ("content-type", "multipart/form-data; boundary=edge");
    let answer = owner.send("POST", "/register", &[kind, ("x-csrf", &csrf)], &body);
    assert!(answer.status == 507 && answer.body.contains("nearly full"), "{} {}", answer.status, answer.body);
    // What was there is there, what is small still goes in, and nothing half is left.
    assert!(register(&mut owner, "二.txt", b"two") < 400);
    let library = owner.get("/library").body;
    assert!(library.contains("一.txt") && library.contains("二.txt") && !library.contains("large.bin"), "{library}");
    assert_eq!(house.browser().get("/readyz").status, 200);
}
