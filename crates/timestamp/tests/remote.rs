//! A second authority, `openssl ts -reply` behind a loopback server, and what it may do wrong.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use evidence::time::Utc;
use evidence::token::{Root, Token};
use testkit::tsa::{Answer, Openssl, Server, reply, send};
use timestamp::{Error, Remote, RemoteAuthority, Stamper};

fn root(openssl: &Openssl) -> Root {
    Root::from_pem(&fs::read(openssl.dir().join("root.pem")).unwrap()).unwrap()
}

fn now() -> Utc {
    Utc(i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros()).unwrap())
}

fn remote(server: &Server, openssl: &Openssl) -> Remote {
    Remote {
        name: "second".into(),
        url: server.url.clone(),
        roots: vec![root(openssl)],
        timeout: Duration::from_secs(5),
        ..Remote::default()
    }
}

fn authority(remote: Remote) -> RemoteAuthority {
    RemoteAuthority::new(remote, Box::new(now)).unwrap()
}

/// The reason why the answer of such a server is refused.
fn refused(openssl: &Openssl, answer: Box<Answer>, change: impl FnOnce(&mut Remote)) -> String {
    let server = Server::new(answer);
    let mut remote = remote(&server, openssl);
    change(&mut remote);
    let authority = authority(remote);
    let error = authority.stamp(b"checkpoint").unwrap_err();
    assert_eq!(authority.health().failures, 1, "{error}");
    error.to_string()
}

#[test]
fn a_token_of_a_real_second_authority_passes_and_its_lies_do_not() {
    let openssl = Arc::new(Openssl::new());
    let good = openssl.clone();
    let server = Server::new(Box::new(move |query, stream| reply(stream, &good.reply("good", query))));
    let second = authority(remote(&server, &openssl));
    let tsr = second.stamp(b"checkpoint").unwrap();
    let token = Token::parse_tsr(&tsr).unwrap();
    token.check_imprint(b"checkpoint").unwrap();
    assert_eq!(token.policy, "1.3.6.1.4.1.99999.1");
    assert_eq!(second.health().tokens, 1);
    let renewal = Token::parse_tsr(&second.stamp_sha512(b"list").unwrap()).unwrap();
    renewal.check_imprint(b"list").unwrap();
    assert_eq!(renewal.imprint_algorithm(), "SHA-512");
    // What was kept is what openssl itself accepts.
    fs::write(openssl.dir().join("kept.tsr"), &tsr).unwrap();
    fs::write(openssl.dir().join("data"), b"checkpoint").unwrap();
    openssl.run("ts -verify -in kept.tsr -data data -CAfile root.pem", &[]);
    // A policy that it has, and one that it has not.
    let other = authority(Remote { policy: Some("1.3.6.1.4.1.99999.2".into()), ..remote(&server, &openssl) });
    assert_eq!(Token::parse_tsr(&other.stamp(b"x").unwrap()).unwrap().policy, "1.3.6.1.4.1.99999.2");
    let none = authority(Remote { policy: Some("1.2.3.4".into()), ..remote(&server, &openssl) });
    assert!(none.stamp(b"x").unwrap_err().to_string().contains("time-stamp status"), "refused by status");

    let own = openssl.clone();
    let old = openssl.reply(
        "good",
        &openssl.run(
            "ts -query -digest 0000000000000000000000000000000000000000000000000000000000000000 -sha256 -cert",
            &[],
        ),
    );
    let replayed = refused(&openssl, Box::new(move |_, s| reply(s, &old)), |_| ());
    assert!(replayed.contains("imprint"), "{replayed}");
    // The same imprint, another nonce: an old answer to the same question.
    let digest = evidence::hex::encode(&evidence::digest::sha256(b"checkpoint"));
    let old = openssl.reply("good", &openssl.run(&format!("ts -query -digest {digest} -sha256 -cert"), &[]));
    let reused = refused(&openssl, Box::new(move |_, s| reply(s, &old)), |_| ());
    assert!(reused.contains("nonce"), "{reused}");
    let usage = refused(&openssl, Box::new(move |q, s| reply(s, &forged(&own, q))), |_| ());
    assert!(usage.contains("status") || usage.contains("usage") || usage.contains("timeStamping"), "{usage}");
    // Its certificate has ended: openssl stamps all the same.
    fs::copy(openssl.dir().join("good.key"), openssl.dir().join("old.key")).unwrap();
    let sign = "x509 -req -in good.csr -CA root.pem -CAkey root.key -CAcreateserial -days 0 -extfile good.ext";
    openssl.run(&format!("{sign} -out old.pem"), &[]);
    std::thread::sleep(Duration::from_millis(2100));
    let own = openssl.clone();
    let ended = refused(&openssl, Box::new(move |q, s| reply(s, &own.reply("old", q))), |_| ());
    assert!(ended.contains("valid") || ended.contains("expired"), "{ended}");
    let own = openssl.clone();
    let stranger = Openssl::new();
    let unknown =
        refused(&openssl, Box::new(move |q, s| reply(s, &own.reply("good", q))), |r| r.roots = vec![root(&stranger)]);
    assert!(unknown.contains("root") || unknown.contains("path"), "{unknown}");
    let own = openssl.clone();
    let server = Server::new(Box::new(move |q, s| reply(s, &own.reply("good", q))));
    let ahead = RemoteAuthority::new(remote(&server, &openssl), Box::new(|| now().plus(600_000_000))).unwrap();
    let apart = ahead.stamp(b"checkpoint").unwrap_err().to_string();
    assert!(apart.contains("genTime"), "{apart}");
}

/// A signer of another usage: openssl refuses to sign for it, so its certificate is put where the right one was.
fn forged(openssl: &Openssl, query: &[u8]) -> Vec<u8> {
    fs::write(openssl.dir().join("mail-query"), query).unwrap();
    let command =
        "ts -reply -config ts.cnf -section own -queryfile mail-query -signer mail.pem -inkey mail.key -out mail-reply";
    let done = Command::new("openssl").args(command.split(' ')).current_dir(openssl.dir()).output().unwrap();
    if done.status.success() {
        fs::read(openssl.dir().join("mail-reply")).unwrap()
    } else {
        vec![0x30, 0x05, 0x30, 0x03, 0x02, 0x01, 0x02]
    }
}

#[test]
fn a_server_that_misbehaves_is_bounded_and_named() {
    let openssl = Openssl::new();
    let endless = refused(
        &openssl,
        Box::new(|_, s| {
            let _ = s.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/timestamp-reply\r\n\r\n");
            while s.write_all(&[0; 65536]).is_ok() {}
        }),
        |_| (),
    );
    assert!(endless.contains("longer than"), "{endless}");
    let elsewhere = refused(
        &openssl,
        Box::new(|_, s| {
            drop(s.write_all(b"HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n"))
        }),
        |_| (),
    );
    assert!(elsewhere.contains("redirect") || elsewhere.contains("302"), "{elsewhere}");
    let page = refused(&openssl, Box::new(|_, s| send(s, "text/html", b"<html>")), |_| ());
    assert!(page.contains("text/html"), "{page}");
    let broken =
        refused(&openssl, Box::new(|_, s| drop(s.write_all(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"))), |_| ());
    assert!(broken.contains("500"), "{broken}");
    refused(&openssl, Box::new(|_, s| reply(s, b"\x30\x80\x00\x00")), |_| ());
    refused(&openssl, Box::new(|_, s| drop(s.shutdown(std::net::Shutdown::Both))), |_| ());
    let slow = refused(&openssl, Box::new(|_, _| std::thread::sleep(Duration::from_secs(3))), |r| {
        r.timeout = Duration::from_millis(300)
    });
    assert!(slow.contains("timeout"), "{slow}");
}

#[test]
fn one_that_failed_rests_and_one_with_a_pace_is_not_due() {
    let openssl = Arc::new(Openssl::new());
    let server = Server::new(Box::new(|_, s| send(s, "text/html", b"down")));
    let down = authority(remote(&server, &openssl));
    assert!(down.due(now()) && down.stamp(b"x").is_err());
    assert!(!down.due(now()));
    assert!(matches!(down.stamp(b"x"), Err(Error::Resting { failures: 1, .. })));
    // Another process goes on with the rest that this one began.
    let next = authority(remote(&server, &openssl));
    next.resume(down.health(), down.rest());
    assert!(matches!(next.stamp(b"x"), Err(Error::Resting { failures: 1, .. })));
    assert_eq!(server.requests.load(Ordering::Relaxed), 1, "a resting authority is not asked");
    let own = openssl.clone();
    let server = Server::new(Box::new(move |q, s| reply(s, &own.reply("good", q))));
    let paced = authority(Remote { pace: Duration::from_secs(3600), ..remote(&server, &openssl) });
    paced.stamp(b"x").unwrap();
    assert!(!paced.due(now()));
}

#[test]
fn what_cannot_be_used_is_refused_before_anyone_is_asked() {
    let openssl = Openssl::new();
    let usable = |change: &dyn Fn(&mut Remote)| {
        let mut remote = Remote {
            name: "x".into(),
            url: "http://127.0.0.1:9/".into(),
            roots: vec![root(&openssl)],
            ..Remote::default()
        };
        change(&mut remote);
        RemoteAuthority::new(remote, Box::new(now)).is_ok()
    };
    assert!(usable(&|_| ()));
    for url in
        ["ftp://a/", "a", "http://", "http://user:password@a/", "https://a/?key=1", "http:// a/", "file:///etc/passwd"]
    {
        assert!(!usable(&|r| r.url = url.into()), "{url}");
    }
    assert!(!usable(&|r| r.roots.clear()));
    assert!(!usable(&|r| r.policy = Some("1.2.x".into())));
    assert!(!usable(&|r| r.credentials = Some(("a".into(), "b".into()))), "a password in clear");
    assert!(!usable(&|r| r.url = "https://127.0.0.1:9/".into()), "https without roots");
    let pem = |path: PathBuf| fs::read(path).unwrap();
    let web = pem(openssl.dir().join("root.pem"));
    assert!(usable(&|r| (r.url, r.web_roots) = ("https://127.0.0.1:9/".into(), web.clone())));
    assert!(!usable(
        &|r| (r.url, r.web_roots, r.client) = ("https://127.0.0.1:9/".into(), web.clone(), Some(b"no".to_vec()))
    ));
}
