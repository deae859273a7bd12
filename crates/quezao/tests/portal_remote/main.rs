//! The commands through a server: the same words out, the same codes, and nothing lost when a connection is. And the
//! other way: what a server tells programs by itself.
#![allow(clippy::unwrap_used)]

#[path = "../house/mod.rs"]
mod house;
mod licences;

use house::{Browser, House, token};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU16, AtomicUsize, Ordering},
    },
    time::Duration,
};

struct Shop {
    house: House,
    owner: Browser,
    token: String,
}

impl Shop {
    fn open() -> Self {
        let (house, mut owner) = House::set_up();
        let token = token(&mut owner, &["deposit", "read", "capture", "licences"]);
        Self { house, owner, token }
    }

    fn command(&self, at: SocketAddr) -> Command {
        let mut command = self.house.command();
        command.env("QUEZAO_SERVER", format!("http://{at}")).env("QUEZAO_TOKEN", &self.token);
        command
    }

    /// Through the server.
    fn run(&self, args: &[&str]) -> Output {
        self.command(self.house.address).args(args).output().unwrap()
    }

    /// On the folder that the server serves.
    fn here(&self, args: &[&str]) -> Output {
        self.house.command().args(args).args(["--data", "data"]).output().unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.house.work.path().join(name)
    }

    fn picture(&self, name: &str, n: u8) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        image::RgbImage::from_fn(40, 30, |x, y| image::Rgb([n, x as u8, y as u8])).save(self.path(name)).unwrap();
    }
}

/// A root of the test's own, and a certificate of it for 127.0.0.1: `root.pem`, `server.pem`, `server.key`.
fn certify(work: &Path) {
    let openssl = |args: &str| {
        let done = Command::new("openssl").args(args.split(' ')).current_dir(work).output().unwrap();
        assert!(done.status.success(), "{}", said(&done));
    };
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    openssl(&format!("req -x509 {key} -keyout root.key -out root.pem -days 2 -subj /CN=test-root"));
    openssl(&format!("req {key} -keyout server.key -out server.csr -subj /CN=test-server"));
    fs::write(work.join("names"), "subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth\n").unwrap();
    openssl("x509 -req -in server.csr -CA root.pem -CAkey root.key -days 2 -extfile names -out server.pem");
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn lines(output: &Output) -> Vec<Value> {
    text(output).lines().map(|l| serde_json::from_str(l).unwrap()).collect()
}

#[test]
fn the_token_goes_to_a_server_whose_certificate_is_checked_alone() {
    let Shop { house, token, .. } = Shop::open();
    let (work, _) = house.stop();
    certify(work.path());
    let command = house::program(&work);
    let house = House::open_by(work, command, &["--tls-certificate", "server.pem", "--tls-key-file", "server.key"]);
    fs::write(house.work.path().join("a.txt"), "over TLS").unwrap();
    let run = |roots: Option<&str>, scheme: &str, args: &[&str]| {
        let mut command = house.command();
        command.env("QUEZAO_SERVER", format!("{scheme}://{}", house.address)).env("QUEZAO_TOKEN", &token);
        command.env_remove("SSL_CERT_FILE").envs(roots.map(|roots| ("SSL_CERT_FILE", roots)));
        command.args(args).output().unwrap()
    };
    let deposited = run(Some("root.pem"), "https", &["deposit", "--json", "a.txt"]);
    assert!(deposited.status.success(), "{}", said(&deposited));
    let id = lines(&deposited)[0]["id"].as_str().unwrap().to_owned();
    let exported = run(Some("root.pem"), "https", &["export", "--output", "out", &id]);
    assert!(exported.status.success(), "{}", said(&exported));
    let verified = house.command().args(["verify", "--data", "data", &format!("out/{id}.zip"), "a.txt"]).output();
    assert!(verified.unwrap().status.success());
    // The system's roots do not know this one, nor does its own certificate vouch for itself; in clear nothing answers.
    for (roots, scheme) in [(None, "https"), (Some("server.csr"), "https"), (Some("root.pem"), "http")] {
        let refused = run(roots, scheme, &["list", "--json"]);
        assert_ne!(refused.status.code(), Some(0), "{roots:?} {scheme}: {}", text(&refused));
        assert!(!text(&refused).contains(&id));
    }
}

#[test]
fn a_folder_through_a_server_is_the_same_as_on_the_spot() {
    let shop = Shop::open();
    shop.picture("shop/a.png", 1);
    shop.picture("shop/杯/“b”.png", 2);
    fs::copy(shop.path("shop/a.png"), shop.path("shop/same.png")).unwrap();
    fs::write(shop.path("shop/empty.jpg"), b"").unwrap();
    fs::write(shop.path("shop/.hidden"), b"x").unwrap();
    fs::write(shop.path("rights.csv"), "file,title,author\na.png,晨,林晚\n").unwrap();
    let args = ["deposit", "--rights", "rights.csv", "--work-origin", "self", "--report", "r.csv", "--json", "shop"];
    let done = shop.run(&args);
    assert_eq!(done.status.code(), Some(2), "one of them is empty: {}", said(&done));
    let mut all = lines(&done);
    all.sort_by_key(|l| l["file"].as_str().unwrap().to_owned());
    let of = |name: &str| all.iter().find(|l| l["file"] == format!("shop/{name}")).unwrap();
    assert_eq!(all.len(), 4);
    assert_eq!(of("empty.jpg")["status"], "failed");
    assert_eq!(of("杯/“b”.png")["status"], "new");
    let (a, same) = (of("a.png"), of("same.png"));
    assert_eq!(a["id"], same["id"], "the same bytes are one record");
    let mut two = [a["status"].as_str().unwrap(), same["status"].as_str().unwrap()];
    two.sort_unstable();
    assert_eq!(two, ["existing", "new"]);
    assert!(fs::read_to_string(shop.path("r.csv")).unwrap().contains("hidden"));
    let keys: Vec<&String> = a.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["error", "file", "id", "index", "record_sha256", "sha256", "sm3", "status"]);

    // What is left to do is known from the report.
    shop.picture("shop/empty.jpg", 3);
    let again = shop.run(&["deposit", "--retry", "r.csv", "--json"]);
    assert_eq!((again.status.code(), lines(&again).len()), (Some(0), 1), "{}", said(&again));

    for args in [
        vec!["list"],
        vec!["list", "--json"],
        vec!["list", "--csv"],
        vec!["list", "--name", "*.png"],
        vec!["list", "--since", "2020-01-01"],
    ] {
        assert_eq!(text(&shop.run(&args)), text(&shop.here(&args)), "{args:?}");
        assert!(text(&shop.here(&args)).lines().count() >= 3, "{args:?}");
    }
    let id = a["id"].as_str().unwrap();
    for args in [vec!["show", id], vec!["show", id, "--json"]] {
        let (there, here) = (shop.run(&args), shop.here(&args));
        assert_eq!((text(&there), there.status.code()), (text(&here), Some(0)), "{}", said(&there));
    }
    assert!(text(&shop.run(&["show", id])).contains("林晚"));

    let exported = shop.run(&["export", "--all", "--output", "out", "--originals", "--lang", "en"]);
    assert_eq!(exported.status.code(), Some(0), "{}", said(&exported));
    assert_eq!(text(&exported).lines().count(), 9, "certificate, package, original of three");
    for evidence in [format!("out/{id}.pdf"), format!("out/{id}.zip")] {
        let verified =
            shop.house.command().args(["verify", "--data", "data", &evidence, "shop/a.png"]).output().unwrap();
        assert_eq!(verified.status.code(), Some(0), "{}", text(&verified));
    }
    assert_eq!(fs::read(shop.path("shop/a.png")).unwrap(), {
        let original = fs::read_dir(shop.path("out")).unwrap().flatten().map(|e| e.path());
        // Either of the two names may have been first.
        let mut original = original.filter(|p| p.to_string_lossy().contains(&format!("{id}-")));
        fs::read(original.next().unwrap()).unwrap()
    });
    assert!(shop.run(&["export", id, "--output", "court", "--disclose", "full"]).status.success());
    assert!(shop.path(&format!("court/{id}.full.zip")).is_file());
}

#[test]
fn digests_alone_go_through_a_server_and_the_picture_stays() {
    let shop = Shop::open();
    shop.picture("a.png", 7);
    let done = shop.run(&["deposit", "--digest-only", "--title", "海报", "--json", "a.png"]);
    let line = &lines(&done)[0];
    assert_eq!((done.status.code(), line["status"].as_str()), (Some(0), Some("new")), "{}", said(&done));
    let id = line["id"].as_str().unwrap();
    assert_eq!(lines(&shop.run(&["deposit", "--digest-only", "--json", "a.png"]))[0]["id"], id);
    assert!(text(&shop.run(&["show", id])).contains("海报"));
    let original = shop.run(&["export", id, "--output", "out", "--originals", "--json"]);
    assert_eq!(original.status.code(), Some(2));
    assert!(lines(&original)[0]["error"].as_str().unwrap().contains("not kept"), "{}", text(&original));
    assert!(shop.run(&["export", id, "--output", "out"]).status.success());
    let package = format!("out/{id}.zip");
    let verified = shop.house.command().args(["verify", "--data", "data", &package, "a.png"]).output().unwrap();
    assert_eq!(verified.status.code(), Some(0), "{}", text(&verified));
    assert!(shop.owner.clone().get("/library").body.contains("海报"));
}

#[test]
fn what_cannot_be_is_refused_by_name() {
    let shop = Shop::open();
    shop.picture("a.png", 1);
    let refused = |args: &[&str], word: &str| {
        let output = shop.run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", text(&output));
        assert!(said(&output).contains(word), "{args:?}: {}", said(&output));
        assert_eq!(text(&output), "", "{args:?}");
    };
    refused(&["deposit", "--again", "a.png"], "--again");
    refused(&["deposit", "--watch", "."], "--watch");
    refused(&["deposit", "--attach", "a.png", "a.png"], "--attach");
    refused(&["deposit", "--data", "data", "--server", "https://x", "a.png"], "--server");
    refused(&["list", "--server", "http://portal.example"], "https://");
    refused(&["list", "--server", "portal"], "https://");
    refused(&["list", "--server", "http://127.0.0.1:1"], "127.0.0.1:1");
    refused(&["show", "../../etc/passwd"], "no record");
    refused(&["show", "01a20d51-07a2-7ef7-9aa6-6128256c1eaf"], "no such record");
    let with = |name: &str, value: &str, args: &[&str]| {
        let output = shop.command(shop.house.address).env(name, value).args(args).output().unwrap();
        (output.status.code(), said(&output))
    };
    let (code, words) = with("QUEZAO_DATA", "data", &["list"]);
    assert!(code == Some(2) && words.contains("QUEZAO_SERVER"), "{words}");
    assert_eq!(with("QUEZAO_DATA", "data", &["list", "--data", "data"]).0, Some(0));
    let wrong = format!("qz_{}", "0".repeat(64));
    let (code, words) = with("QUEZAO_TOKEN", &wrong, &["deposit", "a.png"]);
    assert!(code == Some(2) && words.contains("token") && !words.contains(&wrong), "{words}");
    let (code, words) = with("QUEZAO_TOKEN", "", &["list"]);
    assert!(code == Some(2) && words.contains("QUEZAO_TOKEN_FILE"), "{words}");
    fs::write(shop.path("token"), format!("{}\n", shop.token)).unwrap();
    let mut of_file = shop.command(shop.house.address);
    let of_file = of_file.env_remove("QUEZAO_TOKEN").env("QUEZAO_TOKEN_FILE", "token").arg("list").output().unwrap();
    assert_eq!(of_file.status.code(), Some(0), "{}", said(&of_file));
    // Nothing of it was recorded.
    assert_eq!(text(&shop.here(&["list"])), "");
}

/// Passes connections on; the first of them is cut after so many bytes of its request, or, `None`, when the answer begins.
fn cutting(to: SocketAddr, after: Option<usize>) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (at, seen) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    let counted = seen.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let n = counted.fetch_add(1, Ordering::SeqCst);
            let onward = TcpStream::connect(to).unwrap();
            let (mut ask, mut asked) = (stream.try_clone().unwrap(), onward.try_clone().unwrap());
            let (mut answer, mut answered) = (onward, stream);
            let cut = n == 0;
            std::thread::spawn(move || {
                let (mut buffer, mut passed) = ([0; 4096], 0);
                while let Ok(n @ 1..) = ask.read(&mut buffer) {
                    passed += n;
                    if cut && after.is_some_and(|after| passed > after) {
                        let _ = ask.shutdown(std::net::Shutdown::Both);
                        let _ = asked.shutdown(std::net::Shutdown::Both);
                        return;
                    }
                    if asked.write_all(&buffer[..n]).is_err() {
                        return;
                    }
                }
            });
            std::thread::spawn(move || {
                let mut buffer = [0; 4096];
                while let Ok(n @ 1..) = answer.read(&mut buffer) {
                    let interim = buffer.starts_with(b"HTTP/1.1 100");
                    if cut && after.is_none() && !interim {
                        let _ = answered.shutdown(std::net::Shutdown::Both);
                        return;
                    }
                    if answered.write_all(&buffer[..n]).is_err() {
                        return;
                    }
                }
            });
        }
    });
    (at, seen)
}

#[test]
fn a_lost_connection_is_taken_up_and_nothing_is_recorded_twice() {
    let shop = Shop::open();
    // Noise, so that it is long.
    let bytes: Vec<u8> = (0..400_000u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    for (n, after) in [(1, Some(700_000)), (2, None)] {
        fs::write(shop.path(&format!("{n}.bin")), [&bytes[..], &[n]].concat()).unwrap();
        let (at, seen) = cutting(shop.house.address, after);
        let done = shop.command(at).args(["deposit", "--json", &format!("{n}.bin")]).output().unwrap();
        let all = lines(&done);
        assert_eq!((done.status.code(), all.len()), (Some(0), 1), "{}", said(&done));
        assert!(all.iter().all(|l| l["status"] == "new"), "what was answered before is answered again: {all:?}");
        assert_eq!(seen.load(Ordering::SeqCst), 2, "one was lost, and one more was made");
    }
    assert_eq!(text(&shop.here(&["list", "--json"])).lines().count(), 2);
}

#[test]
fn a_package_about_another_record_is_not_written() {
    let shop = Shop::open();
    shop.picture("a.png", 1);
    shop.picture("b.png", 2);
    let ids: Vec<String> = lines(&shop.run(&["deposit", "--json", "a.png", "b.png"]))
        .iter()
        .map(|l| l["id"].as_str().unwrap().into())
        .collect();
    let mut browser = shop.house.browser();
    let bearer = format!("Bearer {}", shop.token);
    let told = browser.send("GET", &format!("/api/v1/records/{}", ids[0]), &[("authorization", &bearer)], &[]);
    let other =
        browser.send("GET", &format!("/api/v1/deposits/{}/package.zip", ids[1]), &[("authorization", &bearer)], &[]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let (mut head, mut byte) = (Vec::new(), [0]);
            while !head.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).is_ok() {
                head.push(byte[0]);
            }
            let zip = String::from_utf8_lossy(&head).contains("package.zip");
            let body = if zip { &other.bytes } else { &told.bytes };
            let _ = write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            let _ = stream.write_all(body);
        }
    });
    let output = shop.command(at).args(["export", &ids[0], "--output", "out", "--json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(lines(&output)[0]["error"].as_str().unwrap().contains("not about this record"), "{}", text(&output));
    assert_eq!(fs::read_dir(shop.path("out")).unwrap().count(), 0);
}

#[test]
fn a_page_is_captured_through_a_server() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let page = format!("page.test:{}", listener.local_addr().unwrap().port());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            let body = "<!doctype html><title>展</title><h1>春季画册</h1><p>Enough words to be a page that a reader can read.</p>";
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/html; charset=utf-8\r\nconnection: close";
            let _ = write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        }
    });
    let (house, mut owner) = House::set_up_with(&["--allow-loopback", &page]);
    let token = token(&mut owner, &["capture", "read"]);
    let run = |args: &[&str]| {
        let mut command = house.command();
        command.env("QUEZAO_SERVER", format!("http://{}", house.address)).env("QUEZAO_TOKEN", &token);
        command.args(args).output().unwrap()
    };
    let url = format!("http://{page}/");
    let done = run(&["capture", "--purpose", "own", "--json", &url]);
    let line = &lines(&done)[0];
    assert_eq!((done.status.code(), line["status"].as_str()), (Some(0), Some("complete")), "{line}: {}", said(&done));
    let keys: Vec<&String> = line.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["error", "id", "order", "sha256", "status", "url"]);
    let exported = run(&["export", line["id"].as_str().unwrap(), "--output", "out", "--originals"]);
    assert_eq!(text(&exported).lines().count(), 3, "report, package, WACZ: {}", said(&exported));
    let failed = run(&["capture", "--json", "http://127.0.0.1:1/"]);
    assert_eq!(failed.status.code(), Some(2), "{}", text(&failed));
    for flag in [vec!["--no-film"], vec!["--resolver", "9.9.9.9"]] {
        let output = run(&[&["capture", &url][..], &flag].concat());
        assert!(output.status.code() == Some(2) && said(&output).contains(flag[0]), "{}", said(&output));
    }
}

/// Heads (name → value, in lower case) and a body.
type Heard = (BTreeMap<String, String>, String);

/// A receiver of web hooks.
#[derive(Clone, Default)]
struct Receiver {
    heard: Arc<Mutex<Vec<Heard>>>,
    /// What it answers; 0: it hangs up.
    status: Arc<AtomicU16>,
}

impl Receiver {
    fn on(listener: TcpListener) -> Self {
        let this = Self::default();
        let own = this.clone();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let (mut head, mut byte) = (Vec::new(), [0]);
                while !head.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).is_ok() {
                    head.push(byte[0]);
                }
                let head = String::from_utf8(head).unwrap();
                let fields = head.lines().filter_map(|l| l.split_once(": "));
                let mut fields: BTreeMap<String, String> =
                    fields.map(|(n, v)| (n.to_ascii_lowercase(), v.to_owned())).collect();
                fields.insert(String::new(), head.lines().next().unwrap_or_default().to_owned());
                let mut body = vec![0; fields.get("content-length").map_or(0, |l| l.parse().unwrap())];
                stream.read_exact(&mut body).unwrap();
                own.heard.lock().unwrap().push((fields, String::from_utf8(body).unwrap()));
                let status = own.status.load(Ordering::SeqCst);
                if status > 0 {
                    let rest = "location: http://127.0.0.1:1/\r\ncontent-length: 0\r\nconnection: close";
                    let _ = write!(stream, "HTTP/1.1 {status} x\r\n{rest}\r\n\r\n");
                }
            }
        });
        this
    }

    fn answer(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    /// The tries so far, once there are so many.
    fn tries(&self, many: usize) -> Vec<Heard> {
        until(|| Some(self.heard.lock().unwrap().clone()).filter(|heard| heard.len() >= many))
    }
}

fn until<T>(mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..1200 {
        if let Some(found) = look() {
            return found;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("it never came");
}

/// A receiver's check as Standard Webhooks has it, by Python's own hmac.
const CHECK: &str = r#"
import base64, hashlib, hmac, sys
secret, name, stamp, signature, body = sys.argv[1:6]
key = base64.b64decode(secret.removeprefix("whsec_"))
mac = hmac.new(key, f"{name}.{stamp}.{body}".encode(), hashlib.sha256).digest()
sys.exit(0 if signature == "v1," + base64.b64encode(mac).decode() else 1)
"#;

#[test]
fn what_has_ended_is_told_signed_and_survives_a_stop() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let allowed = format!("hook.test:{}", listener.local_addr().unwrap().port());
    let receiver = Receiver::on(listener);
    let arguments = ["--allow-loopback", allowed.as_str()];
    let (house, mut owner) = House::set_up_with(&arguments);
    let token = token(&mut owner, &["deposit", "read", "capture", "licences"]);
    let deposit = |house: &House, name: &str| {
        fs::write(house.work.path().join(name), name).unwrap();
        let mut command = house.command();
        command.env("QUEZAO_SERVER", format!("http://{}", house.address)).env("QUEZAO_TOKEN", &token);
        lines(&command.args(["deposit", "--json", name]).output().unwrap())[0].clone()
    };
    deposit(&house, "before.txt");
    owner.get("/account/hooks");
    for bad in ["http://10.0.0.1/", "https://127.0.0.1/", "https://[::1]/", "http://hook.test/", "hook", ""] {
        assert_eq!(owner.post("/account/hooks", &[("url", bad), ("deposit", "yes")]).status, 422, "{bad}");
    }
    let url = format!("http://{allowed}/hear?from=quezao");
    assert_eq!(owner.post("/account/hooks", &[("url", &url)]).status, 422, "of nothing");
    let page = owner.post("/account/hooks", &[("url", &url), ("deposit", "yes"), ("capture", "yes")]);
    assert_eq!(page.status, 200, "{}", page.body);
    let secret = page.body[page.body.find("whsec_").unwrap()..].split('<').next().unwrap().to_owned();
    assert!(!owner.get("/account/hooks").body.contains(&secret), "shown once");

    // Refused once, then heard under the same name; what was there before the hook is not told.
    receiver.answer(500);
    let line = deposit(&house, "secret-name.txt");
    receiver.tries(1);
    receiver.answer(204);
    let heard = receiver.tries(2);
    let (head, body) = &heard[1];
    assert_eq!(head[""], "POST /hear?from=quezao HTTP/1.1");
    assert_eq!((&heard[0].0["webhook-id"], &heard[0].1), (&head["webhook-id"], body));
    let parts = [&secret, &head["webhook-id"], &head["webhook-timestamp"], &head["webhook-signature"], body];
    assert!(Command::new("python3").args(["-c", CHECK]).args(parts).status().unwrap().success());
    let said: Value = serde_json::from_str(body).unwrap();
    assert_eq!((said["type"].as_str(), &said["data"]["id"]), (Some("deposit.sealed"), &line["id"]));
    assert_eq!(said["data"]["record_sha256"], line["record_sha256"]);
    assert!(!body.contains("secret-name") && !body.contains("林晚"), "{body}");

    // Nobody answers: it is said after the server was stopped and started.
    receiver.answer(0);
    let second = deposit(&house, "second.txt");
    receiver.tries(3);
    let (work, code) = house.stop();
    assert_eq!(code, Some(0));
    receiver.answer(204);
    let house = House::open_with(work, &arguments);
    owner.address = house.address;
    let heard = receiver.tries(4);
    let said: Value = serde_json::from_str(&heard[3].1).unwrap();
    assert_eq!((&heard[3].0["webhook-id"], &said["data"]["id"]), (&heard[2].0["webhook-id"], &second["id"]));

    // One that wants no more is left alone, and is told what it missed when its owner says so.
    receiver.answer(410);
    deposit(&house, "third.txt");
    let page = until(|| Some(owner.get("/account/hooks").body).filter(|page| page.contains("已放弃")));
    assert!(page.contains("已暂停") && page.contains("HTTP 410"), "{page}");
    receiver.answer(302);
    let of = |what: &str| {
        let at = page.find(&format!("/{what}\"")).unwrap();
        page[page[..at].rfind("\"/").unwrap() + 1..at + what.len() + 1].to_owned()
    };
    assert_eq!(owner.post(&of("again"), &[]).status, 303);
    assert_eq!(owner.post(&of("resume"), &[]).status, 303);
    let page = until(|| Some(owner.get("/account/hooks").body).filter(|page| page.contains("HTTP 302")));
    assert!(page.contains("不予跟随"), "{page}");
    receiver.answer(204);
    until(|| Some(()).filter(|()| owner.get("/account/hooks").body.matches("已送达").count() == 3));
    assert_eq!(owner.post(&of("end"), &[]).status, 303);
    assert_eq!(owner.post(&of("end"), &[]).status, 404);
}
