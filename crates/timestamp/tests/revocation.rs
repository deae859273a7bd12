//! Revocation lists of a real second authority, served from loopback: heeded, held, and lied about.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use evidence::time::Utc;
use evidence::token::{Root, Token};
use testkit::tsa::{Openssl, Second, Server, send};
use timestamp::{Error, Remote, RemoteAuthority, Stamper, lists_about};

/// What the lists' server does next.
type Serve = Box<dyn Fn(&mut TcpStream) + Send>;

struct World {
    second: Second,
    lists: Server,
    serve: Arc<Mutex<Serve>>,
    home: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let serve: Arc<Mutex<Serve>> = Arc::new(Mutex::new(Box::new(|_| ())));
        let next = serve.clone();
        let lists = Server::new(Box::new(move |_, stream| (next.lock().unwrap())(stream)));
        let second = Second::of(Openssl::listed(&lists.url));
        Self { second, lists, serve, home: tempfile::tempdir().unwrap() }
    }

    fn serves(&self, serve: impl Fn(&mut TcpStream) + Send + 'static) {
        *self.serve.lock().unwrap() = Box::new(serve);
    }

    fn serves_list(&self, der: Vec<u8>) {
        self.serves(move |stream| send(stream, "application/pkix-crl", &der));
    }

    /// A process of its own, that holds its lists in this folder.
    fn authority(&self, folder: &Path) -> RemoteAuthority {
        let root = fs::read(self.second.openssl.dir().join("root.pem")).unwrap();
        let remote = Remote {
            name: "second".into(),
            url: self.second.server.url.clone(),
            roots: vec![Root::from_pem(&root).unwrap()],
            timeout: Duration::from_secs(5),
            lists: Some(folder.to_owned()),
            ..Remote::default()
        };
        RemoteAuthority::new(remote, Box::new(now)).unwrap()
    }

    /// A token although the list is no good: what is said of it.
    fn said(&self, folder: &str) -> String {
        let authority = self.authority(&self.home.path().join(folder));
        authority.stamp(b"checkpoint").unwrap();
        authority.lists()[0].reason.clone().unwrap()
    }

    fn asked(&self) -> usize {
        self.lists.requests.load(Ordering::Relaxed)
    }
}

fn now() -> Utc {
    Utc(i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros()).unwrap())
}

#[test]
fn a_list_is_heeded_and_held_and_one_that_cannot_be_had_is_said() {
    let world = World::new();
    let openssl = &world.second.openssl;
    let folder = world.home.path().join("held");

    // Had once, then held, also by the next process; it travels with the tokens that it is about.
    let good = openssl.list(None);
    world.serves_list(good.clone());
    let authority = world.authority(&folder);
    let token = Token::parse_tsr(&authority.stamp(b"checkpoint").unwrap()).unwrap();
    authority.stamp(b"checkpoint").unwrap();
    let again = world.authority(&folder);
    again.ask(b"checkpoint").unwrap();
    assert_eq!(world.asked(), 1);
    let list = again.lists().remove(0);
    assert_eq!((&list.url, list.der.as_deref()), (&world.lists.url, Some(&good[..])));
    assert!(list.until().unwrap() > now() && list.reason.is_none(), "{list:?}");
    assert_eq!(lists_about(&folder, &token), [good]);
    let other = Second::new();
    let unlisted = Remote {
        url: other.server.url.clone(),
        roots: vec![Root::from_pem(&fs::read(other.root()).unwrap()).unwrap()],
        ..authority.remote().clone()
    };
    let unlisted = RemoteAuthority::new(unlisted, Box::new(now)).unwrap();
    unlisted.stamp(b"checkpoint").unwrap();
    assert_eq!(unlisted.list_urls(), Some(Vec::new()), "its certificates name none");

    // None to be had: said, not fatal, and not asked for again at once unless by hand.
    let before = world.asked();
    world.serves(|stream| drop(stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")));
    assert!(world.said("absent").starts_with("HTTP 404"));
    assert!(world.said("absent").starts_with("HTTP 404"));
    assert_eq!(world.asked(), before + 1);
    world.authority(&world.home.path().join("absent")).ask(b"x").unwrap();
    assert_eq!(world.asked(), before + 2);
    let elsewhere = Server::new(Box::new(|_, stream| send(stream, "application/pkix-crl", b"")));
    let (url, followed) = (elsewhere.url.clone(), elsewhere.requests.clone());
    world.serves(move |stream| {
        let _ = write!(stream, "HTTP/1.1 302 Found\r\nLocation: {url}\r\nContent-Length: 0\r\n\r\n");
    });
    assert!(world.said("redirect").starts_with("HTTP 302"));
    assert_eq!(followed.load(Ordering::Relaxed), 0);
    world.serves(|stream| {
        // 1 GiB, as far as anybody takes it.
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n");
        while stream.write_all(&[0x30; 1 << 16]).is_ok() {}
    });
    assert!(world.said("huge").contains("longer than 1048576"), "{}", world.said("huge"));
    world.serves_list(b"<html>".to_vec());
    assert!(world.said("page").contains("CRL"), "{}", world.said("page"));
    world.serves_list(Openssl::new().list(None));
    // The same name, another key.
    assert!(world.said("stranger").contains("its signature is not"), "{}", world.said("stranger"));
    let stranger = Openssl::new();
    stranger.run("req -new -key root.key -subj /CN=Stranger -out s.csr", &[]);
    stranger.run("x509 -req -in s.csr -signkey root.key -days 9 -extfile root.ext -out root.pem", &[]);
    world.serves_list(stranger.list(None));
    assert!(world.said("other").contains("the list of CN=Stranger"), "{}", world.said("other"));

    // Ended: said. An older one never takes its place.
    world.serves_list(openssl.list(Some(("20260201000000Z", "20260301000000Z"))));
    assert_eq!(world.said("ended"), "it ended on 2026-03-01T00:00:00.000000Z");
    world.serves_list(openssl.list(Some(("20260101000000Z", "20260201000000Z"))));
    let by_hand = world.authority(&world.home.path().join("ended"));
    by_hand.ask(b"x").unwrap();
    let list = by_hand.lists().remove(0);
    assert!(list.reason.as_ref().unwrap().contains("older than the one held"), "{list:?}");
    assert_eq!(list.until().unwrap().to_micros(), "2026-03-01T00:00:00.000000Z");

    // Revoked: refused, by a current list and by one that has ended.
    openssl.revoke("good");
    for (folder, between) in [("revoked", None), ("long ago", Some(("20260101000000Z", "20260201000000Z")))] {
        world.serves_list(openssl.list(between));
        let authority = world.authority(&world.home.path().join(folder));
        let refused = authority.stamp(b"checkpoint").unwrap_err();
        assert!(matches!(refused, Error::Revoked { .. }), "{refused}");
        let said = refused.to_string();
        for part in ["Second-good", "KeyCompromise", &world.lists.url, "quezao admin tsa"] {
            assert!(said.contains(part), "{part} in {said}");
        }
        let serial = String::from_utf8(openssl.run("x509 -in good.pem -noout -serial", &[])).unwrap();
        let serial = serial.trim().trim_start_matches("serial=").to_lowercase();
        assert!(said.contains(&serial), "{serial} in {said}");
        assert_eq!(authority.health().failures, 1);
    }
    // A list that was held before goes on until it ends: it says nothing of what came later.
    world.authority(&folder).stamp(b"x").unwrap();
}

#[test]
fn lists_of_two_issuers_at_one_address_are_both_held() {
    let world = World::new();
    let folder = world.home.path().join("both");
    let first = world.second.openssl.list(None);
    world.serves_list(first.clone());
    let authority = world.authority(&folder);
    authority.stamp(b"checkpoint").unwrap();
    let other = Second::of(Openssl::listed(&world.lists.url));
    let second = other.openssl.list(None);
    world.serves_list(second.clone());
    let remote = Remote {
        url: other.server.url.clone(),
        roots: vec![Root::from_pem(&fs::read(other.root()).unwrap()).unwrap()],
        ..authority.remote().clone()
    };
    for _ in 0..2 {
        RemoteAuthority::new(remote.clone(), Box::new(now)).unwrap().stamp(b"checkpoint").unwrap();
        world.authority(&folder).stamp(b"checkpoint").unwrap();
    }
    assert_eq!(world.asked(), 2, "each once");
    let files = fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path());
    let mut held: Vec<_> = files.filter(|p| p.extension().is_some_and(|e| e == "crl")).collect();
    held.sort_by_key(|path| path.to_string_lossy().len());
    assert_eq!(held.iter().map(|path| fs::read(path).unwrap()).collect::<Vec<_>>(), [first, second]);
}

/// A list of the root's with an issuingDistributionPoint.
fn shard(openssl: &Openssl, point: &str) -> Vec<u8> {
    let config = fs::read_to_string(openssl.dir().join("ca.cnf")).unwrap();
    let lines = "[shard]\nissuingDistributionPoint=critical,@point\n[relative]\nCN=list\n[point]\n";
    fs::write(openssl.dir().join("shard.cnf"), format!("{config}{lines}{point}\n")).unwrap();
    let own = "ca -config shard.cnf -crlexts shard -cert root.pem -keyfile root.key -gencrl -out list.pem";
    openssl.run(own, &[]);
    openssl.run("crl -in list.pem -outform DER", &[])
}

#[test]
fn the_list_of_other_certificates_of_the_issuer_is_not_this_ones() {
    let world = World::new();
    let openssl = &world.second.openssl;
    for (folder, point) in [("other", "fullname=URI:http://127.0.0.1/2.crl"), ("relative", "relativename=relative")] {
        world.serves_list(shard(openssl, point));
        assert!(world.said(folder).contains("partial list (2.5.29.28)"), "{}", world.said(folder));
    }
    world.serves_list(shard(openssl, &format!("fullname=URI:{}", world.lists.url)));
    let authority = world.authority(&world.home.path().join("own"));
    authority.stamp(b"checkpoint").unwrap();
    assert_eq!(authority.lists()[0].reason, None);
}

#[test]
fn a_revoked_signer_is_refused_under_every_algorithm_of_a_path_and_stays_so() {
    let world = World::new();
    let openssl = &world.second.openssl;
    // ECDSA P-256 with SHA-512, which not every library of path checks has.
    openssl.run("x509 -req -in good.csr -CA root.pem -CAkey root.key -CAcreateserial -days 365 -sha512 -extfile good.ext -out good.pem", &[]);
    let config = fs::read_to_string(openssl.dir().join("ca.cnf")).unwrap();
    fs::write(openssl.dir().join("ca.cnf"), config.replace("sha256", "sha512")).unwrap();
    let silent = openssl.list(None);
    openssl.revoke("good");
    world.serves_list(openssl.list(Some(("20260101000000Z", "20260201000000Z"))));
    let authority = world.authority(&world.home.path().join("held"));
    let refused = authority.stamp(b"checkpoint").unwrap_err();
    assert!(matches!(refused, Error::Revoked { .. }), "{refused}");

    // A newer list that no longer names it.
    world.serves_list(silent);
    let refused = authority.ask(b"checkpoint").unwrap_err();
    assert!(matches!(refused, Error::Revoked { .. }), "{refused}");
}
