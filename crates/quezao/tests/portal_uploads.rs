//! Uploads that are resumed, and ZIPs: pieces, cuts, kills, two hands at once, full disks, other accounts, hostile
//! archives. The protocol is held against a client of other people's in tests/portal/tus.mjs.
#![allow(clippy::unwrap_used)]

mod house;

use base64::{Engine, prelude::BASE64_STANDARD};
use house::{Answer, Browser, House, program};
use serde_json::Value;
use std::{
    fs,
    io::Write,
    net::TcpStream,
    process::{Command, Stdio},
    time::Duration,
};

const TUS: (&str, &str) = ("tus-resumable", "1.0.0");
const PIECE: (&str, &str) = ("content-type", "application/offset+octet-stream");

/// A page's script: its heads, and what it remembers.
struct Page<'b> {
    browser: &'b mut Browser,
    csrf: String,
}

impl<'b> Page<'b> {
    fn new(browser: &'b mut Browser) -> Self {
        browser.get("/register");
        let csrf = browser.csrf.clone();
        Self { browser, csrf }
    }

    fn ask(&mut self, method: &str, path: &str, heads: &[(&str, &str)], body: &[u8]) -> Answer {
        let csrf = self.csrf.clone();
        let own = [TUS, ("x-csrf", csrf.as_str())];
        self.browser.send(method, path, &[&own, heads].concat(), body)
    }

    fn create(&mut self, name: &str, length: usize) -> Answer {
        let metadata = format!("filename {}", base64(name.as_bytes()));
        self.ask("POST", "/uploads", &[("upload-length", &length.to_string()), ("upload-metadata", &metadata)], &[])
    }

    fn place(&mut self, name: &str, length: usize) -> String {
        let answer = self.create(name, length);
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.head("location").unwrap().to_owned()
    }

    fn piece(&mut self, place: &str, offset: usize, bytes: &[u8]) -> Answer {
        self.ask("PATCH", place, &[PIECE, ("upload-offset", &offset.to_string())], bytes)
    }

    fn offset(&mut self, place: &str) -> usize {
        let answer = self.ask("HEAD", place, &[], &[]);
        assert_eq!((answer.status, answer.head("cache-control")), (200, Some("no-store")));
        answer.head("upload-offset").unwrap().parse().unwrap()
    }

    fn send(&mut self, name: &str, bytes: &[u8]) -> String {
        let place = self.place(name, bytes.len());
        assert_eq!(self.piece(&place, 0, bytes).status, 204);
        place
    }

    fn deposit(&mut self, place: &str, claims: &str) -> (u16, Value) {
        let answer = self.ask("POST", &format!("{place}/deposit"), &[], claims.as_bytes());
        (answer.status, serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("{}", answer.body)))
    }

    /// The counts, and a line for each file; or the refusal.
    fn unpack(&mut self, place: &str) -> Result<(Value, Vec<Value>), String> {
        let answer = self.ask("POST", &format!("{place}/unpack"), &[], br#"{"author":"x"}"#);
        if answer.status != 200 {
            assert_eq!(answer.status, 422, "{}", answer.body);
            let problem: Value = serde_json::from_str(&answer.body).unwrap();
            return Err(problem["detail"].as_str().unwrap().to_owned());
        }
        let mut lines: Vec<Value> = answer.body.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        let head = lines.remove(0);
        Ok((head, lines))
    }

    /// Begins a piece by hand, so that it can be left in the middle.
    fn begin(&self, place: &str, offset: usize, length: usize, part: &[u8]) -> TcpStream {
        let cookies: Vec<String> = self.browser.cookies.iter().map(|(n, v)| format!("{n}={v}")).collect();
        let mut stream = TcpStream::connect(self.browser.address).unwrap();
        let head = format!(
            "PATCH {place} HTTP/1.1\r\nhost: {}\r\ncookie: {}\r\nx-csrf: {}\r\ntus-resumable: 1.0.0\r\n{}: {}\r\nupload-offset: {offset}\r\ncontent-length: {length}\r\n\r\n",
            self.browser.address,
            cookies.join("; "),
            self.csrf,
            PIECE.0,
            PIECE.1,
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(part).unwrap();
        stream
    }

    /// Waits until so many bytes are acknowledged.
    fn until(&mut self, place: &str, offset: usize) {
        for _ in 0..200 {
            if self.offset(place) >= offset {
                return;
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        panic!("{} of {offset} bytes", self.offset(place));
    }
}

fn base64(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(bytes)
}

/// Bytes that differ everywhere.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    (0..length)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        })
        .collect()
}

/// Changes the database beside the server.
fn sql(house: &House, statement: &str) {
    let program =
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], timeout=30); c.executescript(sys.argv[2]); c.commit()";
    let done =
        Command::new("python3").args(["-c", program]).arg(house.data().join("quezao.db")).arg(statement).status();
    assert!(done.unwrap().success());
}

#[test]
fn pieces_become_a_file_and_the_file_a_record() {
    let (house, mut owner) = House::set_up();
    let mut page = Page::new(&mut owner);
    let spoken = page.ask("OPTIONS", "/uploads", &[], &[]);
    assert_eq!((spoken.status, spoken.head("tus-version")), (204, Some("1.0.0")));
    assert_eq!(spoken.head("tus-extension"), Some("creation,expiration,checksum,termination"));
    let bytes = noise(100_000);
    let answer = page.create("图/春 天.bin", bytes.len());
    let place = answer.head("location").unwrap().to_owned();
    assert!(answer.head("upload-expires").unwrap().ends_with(" GMT") && place.starts_with("/uploads/"));
    assert_eq!(page.offset(&place), 0);
    assert_eq!(page.deposit(&place, "{}").0, 409, "not all is here");
    let first = page.piece(&place, 0, &bytes[..40_000]);
    assert_eq!((first.status, first.head("upload-offset")), (204, Some("40000")));
    // What does not fit to what is here changes nothing.
    for (offset, status) in [(0, 409), (39_999, 409), (40_001, 409)] {
        assert_eq!(page.piece(&place, offset, b"x").status, status, "{offset}");
    }
    assert_eq!(page.piece(&place, 40_000, &noise(60_001)).status, 413, "more than was announced");
    let sum = |algorithm: &str, sum: &[u8]| format!("{algorithm} {}", base64(sum));
    let wrong = sum("sha1", &[7; 20]);
    let at = ("upload-offset", "40000");
    let answer = page.ask("PATCH", &place, &[PIECE, at, ("upload-checksum", &wrong)], &bytes[40_000..]);
    assert_eq!(answer.status, 460, "{}", answer.body);
    assert_eq!(page.offset(&place), 40_000);
    let unknown = sum("crc32", &[7; 4]);
    assert_eq!(page.ask("PATCH", &place, &[PIECE, at, ("upload-checksum", &unknown)], b"x").status, 400);
    assert_eq!(page.ask("PATCH", &place, &[at, ("content-type", "text/plain")], b"x").status, 415);
    let right = sum("sha256", &evidence::digest::sha256(&bytes[40_000..]));
    let answer = page.ask("PATCH", &place, &[PIECE, at, ("upload-checksum", &right)], &bytes[40_000..]);
    assert_eq!((answer.status, answer.head("upload-offset")), (204, Some("100000")));

    let (status, line) = page.deposit(&place, r#"{"author":"林晚","title":null}"#);
    assert_eq!(
        (status, line["status"].as_str(), line["file"].as_str()),
        (201, Some("new"), Some("春 天.bin")),
        "{line}"
    );
    // An answer that was lost is given again, and nothing is registered twice.
    let again = page.deposit(&place, r#"{"author":"林晚"}"#);
    assert_eq!((again.0, &again.1["id"]), (200, &line["id"]));
    let id = line["id"].as_str().unwrap();
    assert_eq!(page.browser.get(&format!("/deposits/{id}/original")).bytes, bytes);
    assert!(page.browser.get(&format!("/deposits/{id}")).body.contains("林晚"));
    assert_eq!(fs::read_dir(house.data().join("uploads")).unwrap().count(), 0, "the bytes lie with the originals");
}

#[test]
fn what_was_never_whole_is_refused_with_its_field() {
    let (house, mut owner) = House::set_up();
    let mut page = Page::new(&mut owner);
    let named = format!("filename {}", base64(b"a.jpg"));
    let metadata = ("upload-metadata", named.as_str());
    for (heads, status) in [
        (vec![metadata], 400),
        (vec![metadata, ("upload-length", "-1")], 400),
        (vec![metadata, ("upload-length", "1e3")], 400),
        (vec![metadata, ("upload-length", "18446744073709551616")], 400),
        (vec![metadata, ("upload-length", "0")], 422),
        (vec![metadata, ("upload-length", "2147483649")], 413),
        (vec![("upload-length", "7")], 400),
        (vec![("upload-length", "7"), ("upload-metadata", "filename")], 422),
        (vec![("upload-length", "7"), ("upload-metadata", "filename /w==")], 400),
    ] {
        let answer = page.ask("POST", "/uploads", &heads, &[]);
        assert_eq!(answer.status, status, "{heads:?}: {}", answer.body);
        let problem: Value = serde_json::from_str(&answer.body).unwrap();
        assert!(problem["detail"].is_string() && problem["detail_zh"].is_string(), "{problem}");
    }
    let place = page.place("a.jpg", 7);
    // Another version of the protocol, another site's page, nobody.
    let csrf = page.csrf.clone();
    let answer = page.browser.send("HEAD", &place, &[("x-csrf", &csrf)], &[]);
    assert_eq!((answer.status, answer.head("tus-version")), (412, Some("1.0.0")));
    for method in ["POST", "PATCH", "DELETE"] {
        assert_eq!(page.browser.send(method, &place, &[TUS, PIECE, ("x-csrf", "0")], &[]).status, 403, "{method}");
        assert_eq!(house.browser().send(method, &place, &[TUS, PIECE], &[]).status, 401, "{method}");
    }
    assert_eq!(page.ask("POST", &place, &[("x-http-method-override", "DELETE")], &[]).status, 204);
    for id in [place.as_str(), "/uploads/0", "/uploads/..%2f..%2fquezao.db"] {
        assert_eq!(page.ask("HEAD", id, &[], &[]).status, 404, "{id}");
        assert_eq!(page.ask("DELETE", id, &[], &[]).status, 404, "{id}");
    }
    // Claims that nobody can make.
    let place = page.send("a.txt", b"content");
    for (claims, status) in [
        (r#"{"owner_name":"张三"}"#, 422),
        (r#"{"title":1}"#, 422),
        (r#"{"title":"a","title":"b"}"#, 422),
        (r#"{"published_at":"2026-11-31"}"#, 422),
        ("[]", 422),
    ] {
        assert_eq!(page.deposit(&place, claims).0, status, "{claims}");
    }
    assert_eq!(page.deposit(&place, "").0, 201, "what was refused can be said better");
}

#[test]
fn an_upload_outlives_connections_servers_and_second_tabs() {
    let (house, mut owner) = House::set_up();
    let bytes = noise(20 << 20);
    let mut page = Page::new(&mut owner);
    let place = page.place("画册.psb", bytes.len());
    // The connection breaks in the middle: what came is kept.
    drop(page.begin(&place, 0, bytes.len(), &bytes[..1_000_000]));
    page.until(&place, 1_000_000);
    assert_eq!(page.offset(&place), 1_000_000);
    // While one tab sends, another one is told so, and cannot take it away.
    let first = page.begin(&place, 1_000_000, bytes.len() - 1_000_000, &bytes[1_000_000..10_000_000]);
    page.until(&place, 1_000_001);
    assert_eq!(page.piece(&place, 1_000_000, b"x").status, 423);
    assert_eq!(page.ask("DELETE", &place, &[], &[]).status, 423);
    assert_eq!(page.deposit(&place, "{}").0, 423);
    // The server is killed in the middle, and what it acknowledged is there when it is back.
    let cookies = page.browser.cookies.clone();
    let acknowledged = page.offset(&place);
    let work = house.kill();
    drop(first);
    let torn = fs::OpenOptions::new().append(true).open(work.path().join(format!("data{place}/画册.psb")));
    torn.unwrap().write_all(b"what no row counts").unwrap();
    let house = House::open(work);
    let mut owner = house.browser();
    owner.cookies = cookies;
    let mut page = Page::new(&mut owner);
    let offset = page.offset(&place);
    assert!(offset >= acknowledged && offset <= 10_000_000, "{offset} after {acknowledged}");
    assert_eq!(page.piece(&place, offset, &bytes[offset..]).status, 204);
    let (status, line) = page.deposit(&place, "{}");
    assert_eq!((status, line["status"].as_str()), (201, Some("new")), "{line}");
    let sha256: String = evidence::digest::sha256(&bytes).iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(line["sha256"], sha256.as_str());
}

#[test]
fn others_uploads_are_not_there_and_old_ones_are_swept() {
    let (house, mut owner) = House::set_up();
    let mut page = Page::new(&mut owner);
    let (others, old) = (page.place("a.jpg", 7), page.place("b.jpg", 7));
    let id = |place: &str| place.rsplit('/').next().unwrap().to_owned();
    sql(
        &house,
        &format!(
            "INSERT INTO accounts VALUES (2, 'open', 0); UPDATE uploads SET account = 2 WHERE id = '{}'; UPDATE uploads SET expires_at = 1 WHERE id = '{}'",
            id(&others),
            id(&old)
        ),
    );
    for place in [&others, &old] {
        assert_eq!(page.ask("HEAD", place, &[], &[]).status, 404);
        assert_eq!(page.piece(place, 0, b"x").status, 404);
        assert_eq!(page.ask("DELETE", place, &[], &[]).status, 404);
        assert_eq!(page.deposit(place, "{}").0, 404);
        assert_eq!(page.ask("POST", &format!("{place}/unpack"), &[], b"{}").status, 404);
    }
    page.place("c.jpg", 7);
    assert!(!house.data().join(format!("uploads/{}", id(&old))).exists(), "swept");
    assert!(house.data().join(format!("uploads/{}", id(&others))).exists());
    // Only so many at once.
    sql(
        &house,
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) INSERT INTO uploads SELECT 'n' || i, 1, 'x', '', 7, 0, NULL, 9000000000000000 FROM n",
    );
    let answer = page.create("d.jpg", 7);
    assert!(answer.status == 429 && answer.head("retry-after").is_some(), "{}", answer.body);
    // Rows without their bytes go at the next start; bytes without their row too.
    fs::create_dir(house.data().join("uploads/stray")).unwrap();
    let (work, _) = house.stop();
    let house = House::open(work);
    assert!(!house.data().join("uploads/stray").exists());
    let mut again = house.browser();
    again.cookies = owner.cookies.clone();
    assert_eq!(Page::new(&mut again).create("d.jpg", 7).status, 201);
}

#[test]
fn a_full_disk_is_said_and_loses_nothing() {
    let work = tempfile::tempdir().unwrap();
    // A disk of 100 MB of its own, in namespaces of its own.
    let mut server = Command::new("unshare");
    server.args([
        "-rm",
        "sh",
        "-c",
        "mount -t tmpfs -o size=100m none \"$PWD\" && cd \"$PWD\" && exec \"$0\" serve --data data --listen 127.0.0.1:0",
    ]);
    let quezao = program(&work);
    server.arg(quezao.get_program()).current_dir(work.path());
    server.env("QUEZAO_STATE_DIR", work.path().join("state")).env("LC_ALL", "C.UTF-8");
    let house = House::of(work, server.stdout(Stdio::piped()).stderr(Stdio::piped()));
    let mut owner = house.set_up_by_lin_wan();
    let mut page = Page::new(&mut owner);
    let answer = page.create("large.bin", 60 << 20);
    assert!(answer.status == 507 && answer.body.contains("磁盘空间不足"), "{}", answer.body);
    let bytes = noise(1 << 20);
    let place = page.place("small.bin", bytes.len());
    assert_eq!(page.piece(&place, 0, &bytes[..1000]).status, 204);
    let filler = format!("/proc/{}/root{}/filler", house.pid(), house.data().display());
    fs::write(&filler, noise(40 << 20)).unwrap();
    let answer = page.piece(&place, 1000, &bytes[1000..]);
    assert!(answer.status == 507 && answer.body.contains("续传中已收到的都保留着"), "{}", answer.body);
    assert_eq!(page.offset(&place), 1000);
    fs::remove_file(&filler).unwrap();
    assert_eq!(page.piece(&place, 1000, &bytes[1000..]).status, 204);
    assert_eq!(page.deposit(&place, "{}").0, 201);
}

/// ZIPs as Python packs them, and as nobody should.
const ZIPS: &str = r#"
import os, struct, zipfile
class Gbk(zipfile.ZipInfo):
    def _encodeFilenameFlags(self):
        return self.filename.encode('gbk'), self.flag_bits
def pack(name, entries, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(name, 'w', method) as z:
        for info, data in entries:
            z.writestr(info, data, compress_type=method)
def flagged(name, bit):
    data = bytearray(open(name, 'rb').read())
    for magic, at in ((b'PK\3\4', 6), (b'PK\1\2', 8)):
        place = data.find(magic)
        data[place + at] |= bit
    open(name, 'wb').write(data)
pack('gbk.zip', [(Gbk('杯子\\图一.txt'), b'one'), (Gbk('杯子/图二.txt'), b'two'), (zipfile.ZipInfo('说明.txt'), b'three'),
                 (zipfile.ZipInfo('__MACOSX/._a'), b'x'), (zipfile.ZipInfo('.DS_Store'), b'x'), (zipfile.ZipInfo('leer.txt'), b''), (zipfile.ZipInfo('dir/'), b'')])
pack('inner.zip', [(zipfile.ZipInfo('a.txt'), b'inside')])
pack('nested.zip', [(zipfile.ZipInfo('inner.zip'), open('inner.zip', 'rb').read())], zipfile.ZIP_STORED)
for n, bad in enumerate(['../evil.txt', '/etc/evil.txt', 'a/../../evil.txt', 'C:\\evil.txt', 'a//b.txt', 'tab\there.txt', '/'.join('d' * 40) + '/x', 'n' * 251]):
    pack('path%d.zip' % n, [(zipfile.ZipInfo('good.txt'), b'g'), (zipfile.ZipInfo(bad), b'evil')])
link = zipfile.ZipInfo('link'); link.create_system = 3; link.external_attr = 0o120777 << 16
pack('link.zip', [(link, b'/etc/passwd')])
pack('twice.zip', [(zipfile.ZipInfo('a.txt'), b'1'), (zipfile.ZipInfo('b.txt'), b'2')])
data = open('twice.zip', 'rb').read(); open('twice.zip', 'wb').write(data.replace(b'b.txt', b'a.txt'))
pack('both.zip', [(zipfile.ZipInfo('a'), b'1'), (zipfile.ZipInfo('a/b'), b'2')])
pack('secret.zip', [(zipfile.ZipInfo('密.txt'), b'secret')]); flagged('secret.zip', 1)
pack('lzma.zip', [(zipfile.ZipInfo('a.txt'), b'x')], zipfile.ZIP_LZMA)
pack('bomb.zip', [(zipfile.ZipInfo('%d.bin' % n), bytes(30 << 20)) for n in range(5)])
pack('many.zip', [(zipfile.ZipInfo('%d' % n), b'') for n in range(10001)], zipfile.ZIP_STORED)
# The directory says 100 bytes, what is packed is more.
pack('liar.zip', [(zipfile.ZipInfo('a.bin'), bytes(1 << 20))])
data = bytearray(open('liar.zip', 'rb').read())
for magic, at in ((b'PK\3\4', 22), (b'PK\1\2', 24)):
    struct.pack_into('<I', data, data.find(magic) + at, 100)
open('liar.zip', 'wb').write(data)
pack('torn.zip', [(zipfile.ZipInfo('a.txt'), b'hello')], zipfile.ZIP_STORED)
data = open('torn.zip', 'rb').read(); open('torn.zip', 'wb').write(data.replace(b'hello', b'jello'))
open('none.zip', 'wb').write(b'no zip at all')
"#;

#[test]
fn a_zip_is_registered_file_by_file_or_not_at_all() {
    let (house, mut owner) = House::set_up();
    let work = house.work.path().to_owned();
    let made = Command::new("python3").args(["-W", "ignore", "-c", ZIPS]).current_dir(&work).status().unwrap();
    assert!(made.success());
    let mut page = Page::new(&mut owner);
    let zip = |name: &str| fs::read(work.join(name)).unwrap();
    let place = page.send("商品.zip", &zip("gbk.zip"));
    let (head, lines) = page.unpack(&place).unwrap();
    assert_eq!((head["files"].as_u64(), head["passed"].as_u64()), (Some(4), Some(2)));
    let told = |lines: &[Value]| {
        let mut told: Vec<_> =
            lines.iter().map(|l| format!("{} {}", l["file"], l["status"]).replace('"', "")).collect();
        told.sort();
        told
    };
    assert_eq!(told(&lines), ["leer.txt failed", "杯子/图一.txt new", "杯子/图二.txt new", "说明.txt new"]);
    let empty = lines.iter().find(|l| l["status"] == "failed").unwrap();
    assert!(empty["error"].as_str().unwrap().starts_with("leer.txt：空文件"), "{empty}");
    let library = page.browser.get("/library").body;
    assert!(library.contains("图一.txt") && library.contains("说明.txt") && !library.contains("商品.zip"));
    // Again: nothing twice. And the ZIP itself, for whoever wants it.
    assert_eq!(told(&page.unpack(&place).unwrap().1)[1], "杯子/图一.txt existing");
    assert_eq!(page.deposit(&place, "{}").1["status"], "new");
    let place = page.send("nested.zip", &zip("nested.zip"));
    assert_eq!(told(&page.unpack(&place).unwrap().1), ["inner.zip new"]);

    let before = house.data();
    let count =
        |house: &House| house.command().args(["list", "--data", "data", "--json"]).output().unwrap().stdout.len();
    let listed = count(&house);
    for (name, said) in [
        ("path0.zip", "../evil.txt"),
        ("path1.zip", "/etc/evil.txt"),
        ("path2.zip", "a/../../evil.txt"),
        ("path3.zip", "C:/evil.txt"),
        ("path4.zip", "a//b.txt"),
        ("path5.zip", "path that cannot be used"),
        ("path6.zip", "path that cannot be used"),
        ("path7.zip", "path that cannot be used"),
        ("link.zip", "\"link\" in the ZIP is a symbolic link"),
        ("twice.zip", "\"a.txt\" in the ZIP stands in it twice"),
        ("both.zip", "\"a\" in the ZIP is a file and a folder"),
        ("secret.zip", "\"密.txt\" in the ZIP is encrypted"),
        ("lzma.zip", "packed in an unusual way"),
        ("bomb.zip", "unpacks to too much"),
        ("many.zip", "unpacks to too much"),
        ("none.zip", "no whole ZIP"),
    ] {
        let place = page.send(name, &zip(name));
        let refused = page.unpack(&place).unwrap_err();
        assert!(refused.contains(said), "{name}: {refused}");
        page.ask("DELETE", &place, &[], &[]);
    }
    // What only shows while it is unpacked comes after the counts.
    for name in ["liar.zip", "torn.zip"] {
        let place = page.send(name, &zip(name));
        let (_, lines) = page.unpack(&place).unwrap();
        assert!(lines.len() == 1 && lines[0]["error"].as_str().unwrap().contains("已损坏"), "{name}: {lines:?}");
    }
    assert_eq!(count(&house), listed, "of a ZIP that is refused nothing is registered");
    assert!(!work.join("evil.txt").exists() && !before.join("evil.txt").exists());
    let left = fs::read_dir(house.data().join("originals/incoming")).unwrap().count();
    assert_eq!(left, 0);
}

#[test]
fn digests_and_tables_of_the_page_are_held_to_their_word() {
    let (_house, mut owner) = House::set_up();
    owner.get("/register");
    let both = [("sha256", "ab".repeat(32)), ("sm3", "cd".repeat(32))];
    let mut fields: Vec<(&str, &str)> = both.iter().map(|(n, v)| (*n, v.as_str())).collect();
    fields.extend([("size", "7"), ("media_type", "image/jpeg"), ("file_name", "秋.jpg"), ("author", "林晚")]);
    let answer = owner.post("/register/digests", &fields);
    assert!(answer.status == 422 && answer.body.contains("原件由您保管"), "{}", answer.body);
    fields.push(("kept", "yes"));
    let line: Value = serde_json::from_str(&owner.post("/register/digests", &fields).body).unwrap();
    assert_eq!((line["status"].as_str(), line["file"].as_str()), (Some("new"), Some("秋.jpg")), "{line}");
    let page = owner.get(&format!("/deposits/{}", line["id"].as_str().unwrap())).body;
    assert!(page.contains("林晚") && page.contains("秋.jpg"));
    let upper = "AB".repeat(32);
    for (name, bad) in [("sha256", upper.as_str()), ("sm3", "cd"), ("size", "-1"), ("size", "0"), ("media_type", "no")]
    {
        let fields: Vec<_> = fields.iter().map(|(n, v)| if *n == name { (*n, bad) } else { (*n, *v) }).collect();
        assert_eq!(owner.post("/register/digests", &fields).status, 422, "{name} = {bad}");
    }

    owner.get("/register");
    let csrf = owner.csrf.clone();
    let mut table = |csrf: &str, name: &str, table: &str| {
        let body = format!(
            "--edge\r\ncontent-disposition: form-data; name=\"csrf\"\r\n\r\n{csrf}\r\n--edge\r\ncontent-disposition: form-data; name=\"names\"\r\n\r\n1.jpg\n杯/2.jpg\r\n--edge\r\ncontent-disposition: form-data; name=\"table\"; filename=\"{name}\"\r\n\r\n{table}\r\n--edge--\r\n"
        );
        let answer = owner.send(
            "POST",
            "/register/table",
            &[("content-type", "multipart/form-data; boundary=edge")],
            body.as_bytes(),
        );
        (answer.status, serde_json::from_str::<Value>(&answer.body).unwrap_or_default())
    };
    let (status, told) = table(&csrf, "权利.csv", "文件,作者,完成日期\n1.jpg,林晚,2026/1/31\n");
    assert_eq!((status, told["silent"].as_u64()), (200, Some(1)), "{told}");
    assert_eq!(told["claims"][0]["completed_at"], "2026-01-31");
    let (_, told) = table(&csrf, "权利.csv", "文件,作者\n1.jpg,林晚\n3.jpg,林晚\n2.jpg,林\u{202e}晚\n");
    let places: Vec<_> = told["wrong"].as_array().unwrap().iter().map(|w| w["row"].as_u64().unwrap()).collect();
    assert!(!places.is_empty() && told["claims"].as_array().unwrap().is_empty(), "{told}");
    assert!(told["wrong"][0]["text"].as_str().unwrap().starts_with("第 "), "{told}");
    let (_, told) = table(&csrf, "权利.doc", "x");
    assert!(told["wrong"][0]["text"].as_str().unwrap().contains(".csv"), "{told}");
    assert_eq!(table("0", "权利.csv", "x").0, 403);
    // A published page's address is carried over to the form that captures it.
    let page = owner.get("/captures?whose=own&url=https://example.com/%22%3Ea").body;
    assert!(page.contains("https://example.com/&quot;&gt;a") && page.contains("value=\"own\" checked"), "{page}");
}
