//! The certificate in strangers' hands: drawn again, taken apart by poppler, checked along VERIFY.txt; and an
//! operator's own signing key.
#![allow(clippy::unwrap_used)]

use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

const NUMBER: &str = "11010519491231002X";

struct Desk {
    work: tempfile::TempDir,
}

impl Desk {
    fn new(more: &[&str]) -> Self {
        let desk = Self { work: tempfile::tempdir().unwrap() };
        desk.init(more);
        image::RgbImage::from_fn(640, 400, |x, y| image::Rgb([(x / 3) as u8, (y / 2) as u8, (x ^ y) as u8]))
            .save(desk.path("a.jpg"))
            .unwrap();
        desk
    }

    fn init(&self, more: &[&str]) {
        let first =
            ["init", "--data", "data", "--owner-kind", "individual", "--owner-name", "林晚", "--owner-id", NUMBER];
        let made = self.run(&[&first[..], more].concat());
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }

    fn path(&self, name: &str) -> PathBuf {
        self.work.path().join(name)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_quezao"));
        command.args(args).current_dir(self.work.path()).env("QUEZAO_STATE_DIR", self.path("state"));
        command.env("LC_ALL", "C.UTF-8").env_remove("QUEZAO_DATA");
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Certificate and package of `a.jpg`.
    fn export(&self, more: &[&str]) -> (String, String) {
        let line = self.run(&["deposit", "--data", "data", "--json", "a.jpg"]);
        let id = json(&line)["id"].as_str().unwrap().to_owned();
        let out = self.run(&[&["export", "--data", "data", "--output", "out", &id], more].concat());
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        (format!("out/{id}.pdf"), format!("out/{id}.zip"))
    }

    /// The verdict with the reader's trust, and its exit code.
    fn verify(&self, args: &[&str]) -> (Value, i32) {
        let out = self.run(&[&["verify", "--trust", "data/trust", "--json"], args].concat());
        (json(&out), out.status.code().unwrap())
    }
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

fn result<'v>(verdict: &'v Value, id: &str) -> &'v Value {
    &verdict["checks"].as_array().unwrap().iter().find(|c| c["id"] == id).unwrap()["result"]
}

/// Whether a foreign program is here; a machine that ran scripts/setup.sh has them.
fn here(program: &str) -> bool {
    let found = Command::new(program).arg("-v").output().is_ok();
    if !found {
        eprintln!("not run: {program} is not here (Debian: poppler-utils)");
    }
    found
}

#[test]
fn one_pdf_beside_the_original_is_enough_and_its_page_can_be_drawn_again() {
    let desk = Desk::new(&[]);
    for (lang, locale) in [("zh", "zh-CN"), ("en", "en-GB")] {
        let (pdf, zip) = desk.export(&["--lang", lang]);
        for artefact in [&pdf, &zip] {
            let (verdict, code) = desk.verify(&["--render", artefact, "a.jpg"]);
            assert_eq!(code, 0, "{verdict:#}");
            assert_eq!(result(&verdict, "certificate-signature"), "pass");
            assert_eq!(result(&verdict, "printed-page"), "pass", "{verdict:#}");
        }
        let bytes = fs::read(desk.path(&pdf)).unwrap();
        assert!(bytes.windows(locale.len()).any(|w| w == locale.as_bytes()), "{locale}");
        let (verdict, code) = desk.verify(&[&pdf, "a.jpg"]);
        assert_eq!((code, result(&verdict, "printed-page")), (0, &Value::from("not_checked")));
        assert_eq!(desk.verify(&[&pdf]).1, 3, "original not given");
    }
    fs::write(desk.path("b.jpg"), [&fs::read(desk.path("a.jpg")).unwrap()[..], b"\0"].concat()).unwrap();
    let (pdf, _) = desk.export(&[]);
    assert_eq!(desk.verify(&["--render", &pdf, "b.jpg"]).1, 1, "another picture");
    assert_eq!(desk.run(&["verify", &pdf, "a.jpg"]).status.code(), Some(3), "no trust of the reader's own");
}

#[test]
fn what_poppler_takes_out_is_the_evidence_and_never_the_full_number() {
    let desk = Desk::new(&[]);
    let (pdf, _) = desk.export(&[]);
    if !here("pdfdetach") || !here("pdftotext") {
        return;
    }
    let opened = desk.path("opened");
    fs::create_dir(&opened).unwrap();
    let detach = Command::new("pdfdetach").arg("-saveall").arg("-o").arg(&opened).arg(desk.path(&pdf)).status();
    assert!(detach.unwrap().success());
    let text = Command::new("pdftotext").arg(desk.path(&pdf)).arg("-").output().unwrap().stdout;
    let mut seen = vec![("the page".to_owned(), text)];
    seen.extend(fs::read_dir(&opened).unwrap().map(|e| {
        let path = e.unwrap().path();
        (path.display().to_string(), fs::read(path).unwrap())
    }));
    assert!(seen.len() > 14, "{}", seen.len());
    let encoded = base64_like(NUMBER);
    for (name, bytes) in &seen {
        for needle in [NUMBER.as_bytes()].into_iter().chain(encoded.iter().map(String::as_bytes)) {
            assert!(!bytes.windows(needle.len()).any(|w| w == needle), "{name}");
        }
    }

    // The commands of VERIFY.txt as they stand, with the two files that it asks to be put beside.
    fs::copy(desk.path("a.jpg"), opened.join("ORIGINAL")).unwrap();
    fs::copy(desk.path(&pdf), opened.join("certificate.pdf")).unwrap();
    let guide = fs::read_to_string(opened.join("VERIFY.txt")).unwrap();
    let trust = desk.path("data/trust");
    let mut ran = 0;
    for command in
        guide.lines().filter_map(|l| l.strip_prefix("    ")).filter(|c| !c.starts_with(' ') && !c.starts_with("unzip "))
    {
        let command = command.replace("TRUST", trust.to_str().unwrap());
        let out = Command::new("sh").args(["-c", &command]).current_dir(&opened).output().unwrap();
        // Without trust of the reader's own the independent reader says incomplete.
        let expected = if command == "python3 verify.py . ORIGINAL" { 3 } else { 0 };
        let said = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
        assert_eq!(out.status.code(), Some(expected), "{command}\n{said}");
        if command.starts_with("openssl ts") {
            assert!(said.contains("Verification: OK"), "{command}\n{said}");
        }
        if command.starts_with("grep -c") {
            assert_eq!(said.trim(), "1", "{command}");
        }
        if command.starts_with("pdfsig") {
            assert!(said.contains("Signature is Valid"), "{said}");
        }
        ran += 1;
    }
    assert!(ran >= 24, "{ran} commands in\n{guide}");
    assert_eq!(desk.verify(&["opened", "a.jpg"]).1, 0, "the folder, by our own reader");
}

/// The number as it would stand inside base64 at each of the three alignments, without the ends that its
/// neighbours decide.
fn base64_like(text: &str) -> Vec<String> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    (0..3)
        .map(|shift| {
            let padded: Vec<u8> = std::iter::repeat_n(0, shift).chain(text.bytes()).collect();
            let whole = &padded[..padded.len() / 3 * 3];
            let encoded: String = whole
                .chunks(3)
                .flat_map(|c| {
                    let n = u32::from(c[0]) << 16 | u32::from(c[1]) << 8 | u32::from(c[2]);
                    [18, 12, 6, 0].map(|s| ALPHABET[(n >> s & 63) as usize] as char)
                })
                .collect();
            encoded[if shift == 0 { 0 } else { 4 }..].to_owned()
        })
        .collect()
}

/// An operator's own authority: root, intermediate, RSA signer, and a revocation list of each issuer.
fn own_signer(folder: &Path, revoked: bool) {
    let script = r#"
set -e
cat > ca.cnf <<X
[ca]
default_ca=c
[c]
database=$PWD/index
serial=$PWD/serial
crlnumber=$PWD/crlnumber
default_md=sha256
default_crl_days=30
default_days=30
policy=p
new_certs_dir=$PWD
[p]
commonName=supplied
[req]
distinguished_name=d
[d]
[ca_x]
basicConstraints=critical,CA:true
keyUsage=critical,keyCertSign,cRLSign
subjectKeyIdentifier=hash
[leaf]
basicConstraints=CA:false
keyUsage=critical,digitalSignature,nonRepudiation
authorityKeyIdentifier=keyid
X
new() { openssl genpkey -quiet -algorithm "$2" $3 $4 -out $1.key; openssl req -new -key $1.key -subj "/CN=$1" -config ca.cnf -out $1.csr; }
new root EC -pkeyopt ec_paramgen_curve:P-384
new middle EC -pkeyopt ec_paramgen_curve:P-256
new signer RSA -pkeyopt rsa_keygen_bits:2048
openssl x509 -req -in root.csr -signkey root.key -days 30 -extfile ca.cnf -extensions ca_x -out root.pem
openssl x509 -req -in middle.csr -CA root.pem -CAkey root.key -set_serial 2 -days 30 -extfile ca.cnf -extensions ca_x -out middle.pem
openssl x509 -req -in signer.csr -CA middle.pem -CAkey middle.key -set_serial 3 -days 30 -extfile ca.cnf -extensions leaf -out signer.pem
list() { : > index; echo 01 > crlnumber; echo 10 > serial; [ -z "$3" ] || openssl ca -config ca.cnf -cert $1.pem -keyfile $1.key -revoke $3; openssl ca -config ca.cnf -cert $1.pem -keyfile $1.key -gencrl -out $2; }
list root root.crl ""
list middle middle.crl "$REVOKED"
cat signer.key signer.pem middle.pem root.pem > own.pem
"#;
    let revoked = if revoked { "signer.pem" } else { "" };
    let out = Command::new("sh").args(["-c", script]).env("REVOKED", revoked).current_dir(folder).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}

#[test]
fn an_operator_signs_with_his_own_key_and_a_revoked_one_is_refused() {
    let desk = Desk { work: tempfile::tempdir().unwrap() };
    own_signer(desk.work.path(), false);
    desk.init(&["--signer", "own.pem", "--crl", "root.crl", "--crl", "middle.crl"]);
    fs::write(desk.path("a.jpg"), b"not a picture, yet a file").unwrap();
    let (pdf, _) = desk.export(&[]);
    let (verdict, code) = desk.verify(&[&pdf, "a.jpg"]);
    assert_eq!((code, result(&verdict, "certificate-signature")), (0, &Value::from("pass")), "{verdict:#}");

    // A list is missing: what would be signed would not verify, so nothing is taken.
    let short = desk.run(&["admin", "signer", "--data", "data", "--signer", "own.pem", "--crl", "root.crl"]);
    assert_eq!(short.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&short.stderr).contains("--crl"), "{}", String::from_utf8_lossy(&short.stderr));

    // Another signer later; what the first signed stays valid.
    fs::create_dir(desk.path("next")).unwrap();
    own_signer(&desk.path("next"), false);
    let next = ["--signer", "next/own.pem", "--crl", "next/root.crl", "--crl", "next/middle.crl"];
    let set = desk.run(&[&["admin", "signer", "--data", "data"], &next[..]].concat());
    assert!(set.status.success(), "{}", String::from_utf8_lossy(&set.stderr));
    assert_eq!(desk.verify(&[&pdf, "a.jpg"]).1, 0);
    let (pdf, _) = desk.export(&[]);
    assert_eq!(desk.verify(&[&pdf, "a.jpg"]).1, 0);

    // PKCS#12: read with its password, from a file or from the environment.
    let shell = |script: &str| {
        let script =
            script.replace("pkcs12 -export", "pkcs12 -export -inkey signer.key -in signer.pem -passout pass:口令");
        assert!(Command::new("sh").args(["-c", &script]).current_dir(desk.path("next")).status().unwrap().success());
    };
    shell("cat middle.pem root.pem > chain.pem; openssl pkcs12 -export -certfile chain.pem -out own.p12");
    shell("openssl pkcs12 -export -out alone.p12; openssl pkcs12 -export -legacy -certfile chain.pem -out old.p12");
    fs::write(desk.path("password"), "口令\n").unwrap();
    let taken = |args: &[&str], password: Option<&str>| {
        let lists = ["--crl", "next/root.crl", "--crl", "next/middle.crl"];
        let mut command =
            desk.command(&[&["admin", "signer", "--data", "data", "--signer"], args, &lists[..]].concat());
        let out = command.envs(password.map(|password| ("QUEZAO_SIGNER_PASSWORD", password))).output().unwrap();
        (out.status.code(), String::from_utf8(out.stderr).unwrap())
    };
    let file = ["--signer-password-file", "password"];
    let set = taken(&["next/own.p12", file[0], file[1]], None);
    assert_eq!(set.0, Some(0), "{}", set.1);
    let set = taken(&["next/own.p12"], Some("口令"));
    assert_eq!(set.0, Some(0), "{}", set.1);
    let (pdf, _) = desk.export(&[]);
    assert_eq!(desk.verify(&[&pdf, "a.jpg"]).1, 0);
    for (password, part) in [(None, "--signer-password-file"), (Some("other"), "the password does not open it")] {
        let (code, said) = taken(&["next/own.p12"], password);
        assert!(code == Some(2) && said.contains(part), "{said}");
    }
    // With old encryption, or without the issuers: refused with a command, which works as printed.
    fs::copy(desk.path("next/chain.pem"), desk.path("issuers.pem")).unwrap();
    for refused in ["next/old.p12", "next/alone.p12"] {
        let (code, said) = taken(&[refused, file[0], file[1]], None);
        let command = said.lines().map(str::trim).find(|line| line.starts_with("(umask"));
        let command = command.unwrap_or_else(|| panic!("{said}"));
        let command =
            command.replace("-nodes", "-nodes -passin pass:口令").replace("-export", "-export -passout pass:口令");
        assert!(Command::new("sh").args(["-c", &command]).current_dir(desk.work.path()).status().unwrap().success());
        assert!(code == Some(2) && !desk.path("new.pem").exists(), "{said}");
        let set = taken(&["new.p12", file[0], file[1]], None);
        assert_eq!(set.0, Some(0), "{}", set.1);
    }

    fs::create_dir(desk.path("bad")).unwrap();
    own_signer(&desk.path("bad"), true);
    let bad = ["--signer", "bad/own.pem", "--crl", "bad/root.crl", "--crl", "bad/middle.crl"];
    let refused = desk.run(&[&["admin", "signer", "--data", "data"], &bad[..]].concat());
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("revoked"));
}
