//! `quezao node` beside a portal: two processes that share nothing but HTTP.
#![allow(clippy::unwrap_used)]

mod house;
mod sitting;

use house::{House, program};
use serde_json::Value;
use sitting::{Court, FORM, done, form, json, words};
use std::{
    fs,
    io::{Read, Write},
    process::Command,
    thread,
    time::Duration,
};

/// The institution's own certificate signs the keys, and OpenSSL reads that.
fn signed_statement(work: &tempfile::TempDir, key: &str) {
    let shell = |script: &str| {
        let output = Command::new("sh").args(["-ec", script]).current_dir(work.path()).output().unwrap();
        assert!(output.status.success(), "{}", words(&output));
        words(&output)
    };
    shell(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout root.key -out root.pem -days 30 -subj /CN=Root
         openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout court.key -out court.csr -subj /CN=Court
         openssl x509 -req -in court.csr -CA root.pem -CAkey root.key -CAcreateserial -days 30 -out court.pem
         cat court.key court.pem root.pem > signer.pem",
    );
    let made = program(work)
        .args(["node", "key", "--data", "court", "--signer", "signer.pem", "--statement", "keys.p7m"])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", words(&made));
    let again = program(work)
        .args(["node", "key", "--data", "court", "--signer", "signer.pem", "--statement", "keys.p7m"])
        .output()
        .unwrap();
    assert!(again.status.code() == Some(2) && words(&again).contains("keys.p7m"), "{}", words(&again));
    let read = shell("openssl cms -verify -inform DER -in keys.p7m -CAfile root.pem -purpose any");
    assert!(read.contains(key) && read.contains("见证"), "{read}");
}

#[test]
fn a_court_witnesses_and_mirrors_the_portal_s_ledger() {
    let work = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| program(&work).args(args).output().unwrap();
    let made = run(&["init", "--data", "data", "--owner-kind", "individual", "--owner-name", "林晚"]);
    assert!(made.status.success(), "{}", words(&made));
    for n in 0..3 {
        fs::write(work.path().join(format!("{n}.txt")), format!("file {n}")).unwrap();
    }
    assert!(run(&["deposit", "--data", "data", "0.txt", "1.txt", "2.txt"]).status.success());
    let key = json(&run(&["admin", "keys", "--data", "data", "--json"]))["ledger_key"].as_str().unwrap().to_owned();

    let house = House::open(work);
    let work = &house.work;
    let ledger = format!("http://{}/ledger", house.address);
    let node = |more: &[&str]| {
        let mut command = program(work);
        command.args(["node", "--data", "court", "--ledger", &ledger, "--listen", "127.0.0.1:0"]).args(more);
        command
    };
    for (more, why) in [
        (vec![], "--log-key"),
        (vec!["--log-key", "data/trust/roles.json"], "policy"),
        (vec!["--log-key", &key, "--name", "cоurt.example"], "court.example/node"),
        (vec!["--log-key", &key, "--data", "data"], "--data"),
    ] {
        let refused = node(&more).output().unwrap();
        assert!(refused.status.code() == Some(2) && words(&refused).contains(why), "{}", words(&refused));
    }
    let inside =
        program(work).args(["node", "--data", "data", "--ledger", &ledger, "--log-key", &key]).output().unwrap();
    assert!(inside.status.code() == Some(2) && words(&inside).contains("data"), "{}", words(&inside));

    // The key stands in the trust folder that the portal hands out.
    let plus = work.path().join("policy+of+data");
    fs::copy(work.path().join("data/trust/policy"), plus).unwrap();
    let mut court = Court::open(&mut node(&["--log-key", "policy+of+data", "--name", "court.example/node"]));
    let checkpoint = house.browser().get("/ledger/checkpoint").body;
    let hash = evidence::hex::encode(&evidence::digest::sha256(checkpoint.lines().next().unwrap().as_bytes()));
    let copied = court.get(&format!("/mirror/{hash}/checkpoint"));
    assert!(copied.starts_with(&checkpoint) && copied.contains("\n— court.example/node/mirror "), "{copied}");
    let bundle = court.browser.get(&format!("/mirror/{hash}/tile/entries/000.p/4")).bytes;
    assert_eq!(bundle, house.browser().get("/ledger/tile/entries/000.p/4").bytes);

    // A mirror far away asks for the partial tiles of a checkpoint that is no longer the last one.
    for path in ["tile/entries/000.p/2", "tile/0/000.p/3"] {
        let [ours, theirs] =
            [court.browser.get(&format!("/mirror/{hash}/{path}")), house.browser().get(&format!("/ledger/{path}"))];
        assert!(ours.status == 200 && theirs.status == 200 && ours.bytes == theirs.bytes, "{path}");
    }
    assert_eq!(house.browser().get("/ledger/tile/0/000.p/5").status, 404);

    let answer = court.browser.send("POST", "/add-checkpoint", &[], format!("old 0\n\n{checkpoint}").as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.body);
    let published = json(&program(work).args(["node", "key", "--data", "court", "--json"]).output().unwrap());
    // A reader who trusts the court counts it.
    let policy =
        format!("log {key}\n{}\nquorum court.example/node/witness\n", published["policy"][0].as_str().unwrap());
    let policy = evidence::policy::Policy::parse(policy.as_bytes()).unwrap();
    let note = evidence::note::Note::parse(format!("{checkpoint}{}", answer.body).as_bytes()).unwrap();
    assert!(policy.evaluate(&note, checkpoint.lines().next().unwrap()).met);
    assert_eq!(published["roles"][0]["role"], "court");
    signed_statement(work, published["witness"][0].as_str().unwrap());

    let status = program(work).args(["node", "status", "--data", "court", "--json"]).output().unwrap();
    let line = json(&status);
    assert_eq!((status.status.code(), &line["cosigned"], &line["mirrored"]), (Some(0), &4.into(), &4.into()));
    let mut looked = line["examined"].as_u64();
    while looked != Some(4) {
        thread::sleep(Duration::from_millis(50));
        looked =
            json(&program(work).args(["node", "status", "--data", "court", "--json"]).output().unwrap())["examined"]
                .as_u64();
    }
    assert_eq!(court.stop(), Some(0));

    // It knows its ledger and its name; an alarm is an exit code too.
    let court = Court::open(program(work).args(["node", "--data", "court", "--listen", "127.0.0.1:0"]));
    assert_eq!(court.stop(), Some(0));
    let kept = work.path().join("court/alarms/fork-00");
    fs::create_dir(&kept).unwrap();
    fs::write(kept.join("alarm.json"), "torn").unwrap();
    let status = program(work).args(["node", "status", "--data", "court"]).output().unwrap();
    assert!(status.status.code() == Some(1) && words(&status).contains("fork-00"), "{}", words(&status));
}

#[test]
fn a_court_s_desk_answers_by_its_own_copy_and_its_own_trust() {
    let work = tempfile::tempdir().unwrap();
    let at = |name: &str| work.path().join(name);
    let run = |args: &[&str]| done(&work, args);
    run(&["init", "--data", "data", "--owner-kind", "individual", "--owner-name", "林晚", "--operator-name", "衡鉴"]);
    for fork in ["fork", "wide"] {
        assert!(Command::new("cp").args(["-r", "data", fork]).current_dir(work.path()).status().unwrap().success());
    }
    let deposit = |data: &str, text: &str| {
        fs::write(at("photo.txt"), text).unwrap();
        let mut command = program(&work);
        command.args(["deposit", "--data", data, "--json", "photo.txt"]);
        let id = json(&command.env("QUEZAO_STATE_DIR", at(&format!("{data}-state"))).output().unwrap())["id"].clone();
        let id = id.as_str().unwrap().to_owned();
        let mut command = program(&work);
        command.args(["export", "--data", data, "--output", "out", &id]);
        assert!(command.env("QUEZAO_STATE_DIR", at(&format!("{data}-state"))).output().unwrap().status.success());
        id
    };
    let (good, bad) = (deposit("data", "mine"), deposit("fork", "never there"));
    // A history that is longer than the one that the node will hold: two records under one seal.
    // Ids and what was registered, by their place in that history, which follows no order of names.
    let wide: Vec<(String, &str)> = {
        for (name, text) in [("photo.txt", "never there"), ("more.txt", "nor this")] {
            fs::write(at(name), text).unwrap();
        }
        let wide =
            |args: &[&str]| program(&work).args(args).env("QUEZAO_STATE_DIR", at("wide-state")).output().unwrap();
        let out = wide(&["deposit", "--data", "wide", "--json", "photo.txt", "more.txt"]);
        let lines = String::from_utf8_lossy(&out.stdout).into_owned();
        let mut lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        lines.sort_by_key(|line| line["index"].as_u64());
        let text = |line: &Value| {
            if line["file"].as_str().unwrap().ends_with("photo.txt") { "never there" } else { "nor this" }
        };
        let ids: Vec<_> = lines.iter().map(|line| (line["id"].as_str().unwrap().to_owned(), text(line))).collect();
        assert!(wide(&["export", "--data", "wide", "--output", "out", &ids[0].0, &ids[1].0]).status.success());
        ids
    };
    let out = |name: String| fs::read(at("out").join(name)).unwrap();
    let (certificate, package, forged) =
        (out(format!("{good}.pdf")), out(format!("{good}.zip")), out(format!("{bad}.zip")));

    let mut command = program(&work);
    command.env("QUEZAO_STATE_DIR", at("data-state"));
    let house = House::open_by(work, command, &[]);
    let work = &house.work;
    let at = |name: &str| work.path().join(name);
    let ledger = format!("http://{}/ledger", house.address);
    let mut command = program(work);
    command.args([
        "node",
        "--data",
        "court",
        "--ledger",
        &ledger,
        "--listen",
        "127.0.0.1:0",
        "--name",
        "court.example/node",
    ]);
    let mut court = Court::open(command.args(["--log-key", "data/trust/policy"]));
    let origin = house.browser().get("/ledger/checkpoint").body.lines().next().unwrap().to_owned();
    court.get(&format!("/mirror/{}/checkpoint", evidence::hex::encode(&evidence::digest::sha256(origin.as_bytes()))));

    let ask = |court: &mut Court, parts: &[(&str, &str, &[u8])]| {
        let answer = court.browser.send("POST", "/api/v1/verifications", &[FORM], &form(parts));
        (answer.status, serde_json::from_str::<Value>(&answer.body).unwrap_or_else(|_| panic!("{}", answer.body)))
    };
    let (evidence, original) =
        (("evidence", "c.pdf", certificate.as_slice()), ("file", "photo.txt", b"mine".as_slice()));
    // Without trust of the institution's own nothing is verified, whatever the evidence brings along.
    let (_, verdict) = ask(&mut court, &[evidence, original]);
    assert_eq!(
        (&verdict["result"], &verdict["own_copy"]["result"]),
        (&"incomplete".into(), &"pass".into()),
        "{verdict}"
    );
    assert!(Command::new("cp").arg("-r").arg(at("data/trust")).arg(at("court/trust")).status().unwrap().success());
    for evidence in [evidence, ("evidence", "c.zip", package.as_slice())] {
        let (status, verdict) = ask(&mut court, &[evidence, original]);
        assert_eq!((status, &verdict["result"]), (200, &"verified".into()), "{verdict}");
        assert!(verdict["own_copy"]["text"]["en"].as_str().unwrap().contains("own copy"));
        let articles = verdict["articles"].as_array().unwrap();
        assert_eq!(articles.len(), 7, "Art. 93, 94; 16 to 19; 11");
        assert!(
            articles
                .iter()
                .flat_map(|a| a["asked"].as_array().unwrap())
                .all(|q| { !q["seen"].as_array().unwrap().is_empty() || !q["beyond"].is_null() })
        );
    }
    let (_, verdict) = ask(&mut court, &[evidence, ("file", "photo.txt", b"another")]);
    assert_eq!(verdict["result"], "not_verified");
    assert_eq!(verdict["decisions"][0]["seen"][1]["result"], "fail", "{}", verdict["decisions"][0]);
    // Signed by the same key, but not the history that this node holds.
    let (_, verdict) = ask(&mut court, &[("evidence", "c.zip", &forged), ("file", "photo.txt", b"never there")]);
    assert_eq!((&verdict["result"], &verdict["own_copy"]["result"]), (&"not_verified".into(), &"fail".into()));
    assert!(verdict["own_copy"]["values"][0] != verdict["own_copy"]["values"][1]);
    // Whoever lays that down has shown this node both sides: they are kept, and every later answer says so.
    let alarms = program(work).args(["node", "alarm", "list", "--data", "court", "--json"]).output().unwrap();
    assert_eq!((alarms.status.code(), &json(&alarms)["kind"]), (Some(1), &"fork".into()));
    let (_, verdict) = ask(&mut court, &[evidence, original]);
    let ledger = verdict["decisions"][3]["seen"].as_array().unwrap().iter().find(|s| s["id"] == "ledger-alarms");
    assert_eq!((&verdict["result"], &ledger.unwrap()["result"]), (&"verified".into(), &"limited".into()), "{verdict}");
    // A larger tree is no way around the copy, and what the ledger signed against it is kept.
    let [first, second] = [&wide[0], &wide[1]].map(|(id, _)| fs::read(at(&format!("out/{id}.zip"))).unwrap());
    let (_, verdict) = ask(&mut court, &[("evidence", "c.zip", &first), ("file", "a.txt", wide[0].1.as_bytes())]);
    assert_eq!((&verdict["result"], &verdict["own_copy"]["result"]), (&"not_verified".into(), &"fail".into()));
    let (_, verdict) = ask(&mut court, &[("evidence", "c.zip", &second), ("file", "a.txt", wide[1].1.as_bytes())]);
    assert_eq!(
        (&verdict["result"], &verdict["own_copy"]["result"]),
        (&"incomplete".into(), &"limited".into()),
        "{verdict}"
    );
    let alarms = fs::read_dir(at("court/alarms")).unwrap().flatten();
    let forks = alarms.filter(|alarm| alarm.file_name().to_string_lossy().starts_with("fork-"));
    let forks: Vec<_> = forks.map(|alarm| fs::read_to_string(alarm.path().join("proof.txt")).unwrap()).collect();
    assert_eq!(forks.len(), 2, "{forks:?}");
    assert!(forks.iter().any(|proof| proof.contains("inclusion proofs of leaf 1")), "{forks:?}");
    for (parts, status) in [
        (vec![original], 422),
        (vec![("evidence", "c.pdf", b"%PDF-1.7 torn".as_slice())], 200),
        (vec![evidence, ("other", "x", b"y".as_slice())], 422),
        (vec![evidence, evidence], 422),
        (vec![evidence, ("file", "", b"y".as_slice())], 422),
        (vec![evidence, ("file", "", b"".as_slice())], 200),
    ] {
        assert_eq!(ask(&mut court, &parts).0, status);
    }

    // The pages, in both languages; the report; the neutral export.
    let told = court.browser.send("POST", "/examinations?lang=zh", &[FORM], &form(&[evidence, original]));
    assert_eq!(told.status, 303, "{}", told.body);
    let place = told.head("location").unwrap().split('?').next().unwrap().to_owned();
    for (lang, said) in [
        ("zh", ["核验一致，有保留", "第九十三条", "软件不能回答", "林晚"]),
        ("en", ["Consistent, with reservations", "Article 93", "Beyond software", "林晚"]),
    ] {
        let page = court.browser.get(&format!("{place}?lang={lang}"));
        assert!(page.status == 200 && said.iter().all(|s| page.body.contains(s)), "{}", page.body);
        assert!(page.head("content-security-policy").unwrap().starts_with("default-src 'none'"));
        let report = court.browser.get(&format!("{place}/report.pdf?lang={lang}"));
        assert!(report.bytes.starts_with(b"%PDF-1.7"), "{}", report.body);
        let path = at(&format!("report-{lang}.pdf"));
        fs::write(&path, &report.bytes).unwrap();
        if let Ok(folder) = std::env::var("REPORTS_OUT") {
            fs::copy(&path, std::path::Path::new(&folder).join(format!("report-{lang}.pdf"))).unwrap();
        }
        let signed = Command::new("pdfsig").arg(&path).output().unwrap();
        assert!(words(&signed).contains("Signature is Valid"), "{}", words(&signed));
        let listed = words(&Command::new("pdfdetach").arg("-list").arg(&path).output().unwrap());
        for name in ["evidence.pdf", "verification.json", "trust-policy", "node-checkpoint.txt"] {
            assert!(listed.contains(name), "{listed}");
        }
    }
    believed_by_a_stranger(work);
    let materials = court.browser.get(&format!("{place}/materials.zip"));
    fs::write(at("materials.zip"), &materials.bytes).unwrap();
    let script = "import sys,zipfile\nz=zipfile.ZipFile(sys.argv[1])\nassert z.testzip() is None\n\
                  print(' '.join(z.namelist()));print(z.read('COMMANDS.txt').decode(), z.read('ORIGINALS.txt').decode())";
    let listed = words(&Command::new("python3").args(["-c", script]).arg(at("materials.zip")).output().unwrap());
    for said in [
        "evidence.pdf verify.py held/",
        "python3 verify.py",
        "held/record.json",
        "SHA256SUMS",
        "openssl ts",
        "photo.txt",
    ] {
        assert!(listed.contains(said), "{listed}");
    }
    assert!(!listed.contains("一致") && !listed.contains("erified"), "no conclusions: {listed}");
    assert_eq!(court.browser.get("/examinations/0000").status, 404);

    // Only paper: by number, by digest, and by what is neither.
    let sha256 = evidence::hex::encode(&evidence::digest::sha256(b"mine"));
    for typed in [good.to_uppercase(), sha256] {
        let page = court.browser.get(&format!("/record?lang=en&q={typed}"));
        assert!(page.body.contains(&good) && page.body.contains("Leaf 1"), "{}", page.body);
    }
    assert!(court.browser.get(&format!("/record?lang=en&q={bad}")).body.contains("no such record"));
    assert_eq!(court.browser.get("/record?q=%E5%AD%98%E8%AF%81").status, 422);
    // A web page whose name was made to lead to this machine reads nothing of an open desk.
    // Nor does a proxy, as nginx and Apache pass requests on unless told otherwise, nor another site's page.
    for (head, why) in [
        ("GET /status HTTP/1.1\r\nhost: rebound.example", "rebound.example"),
        ("GET /status HTTP/1.0\r\nhost: 127.0.0.1:8090", "HTTP/1.0"),
        ("GET /status HTTP/1.1\r\nhost: 127.0.0.1:8090\r\nx-forwarded-for: 192.0.2.1", "--desk-token-file"),
        ("POST /api/v1/verifications HTTP/1.1\r\nhost: 127.0.0.1\r\nsec-fetch-site: cross-site", "another site"),
    ] {
        let mut stranger = std::net::TcpStream::connect(court.browser.address).unwrap();
        stranger.write_all(format!("{head}\r\nconnection: close\r\n\r\n").as_bytes()).unwrap();
        let mut said = String::new();
        stranger.read_to_string(&mut said).unwrap();
        assert!(said.split(' ').nth(1) == Some("403") && said.contains(why), "{head}: {said}");
    }
    // A program that asks for what there is not is told so in both languages.
    for (method, path, status) in [
        ("GET", "/api/v1/verifications", 405),
        ("POST", "/api/v2/verifications", 404),
        ("POST", "/api/v1/verifications", 415),
    ] {
        let answer = court.browser.send(method, path, &[], b"");
        let problem: Value = serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("{path}: {}", answer.body));
        assert_eq!((answer.status, &problem["status"]), (status, &status.into()));
        let zh = problem["detail_zh"].as_str().unwrap();
        assert!(zh.contains('；') || zh.contains("须为"), "{problem}");
    }

    // The ledger is gone; another node has its copy from this one, and verifies by that.
    let hash = evidence::hex::encode(&evidence::digest::sha256(origin.as_bytes()));
    let base = format!("http://{}/mirror/{hash}", court.browser.address);
    let (work, _) = house.stop();
    let mut command = program(&work);
    command.args([
        "node",
        "--data",
        "second",
        "--ledger",
        &base,
        "--listen",
        "127.0.0.1:0",
        "--name",
        "second.example/node",
    ]);
    let mut second = Court::open(command.args(["--log-key", "data/trust/policy"]));
    second.get(&format!("/mirror/{hash}/checkpoint"));
    let at = |name: &str| work.path().join(name);
    assert!(Command::new("cp").arg("-r").arg(at("data/trust")).arg(at("second/trust")).status().unwrap().success());
    let (_, verdict) = ask(&mut second, &[evidence, original]);
    assert_eq!((&verdict["result"], &verdict["own_copy"]["result"]), (&"verified".into(), &"pass".into()), "{verdict}");
    let (_, verdict) = ask(&mut second, &[("evidence", "c.zip", &forged), ("file", "photo.txt", b"never there")]);
    assert_eq!((&verdict["result"], &verdict["own_copy"]["result"]), (&"not_verified".into(), &"fail".into()));

    // Nobody is left to copy from, and the copy is taken away: while the node runs, and before it starts again.
    assert_eq!(court.stop(), Some(0));
    fs::remove_dir_all(at("second/mirror")).unwrap();
    let unread = |verdict: &Value| {
        let (result, own) = (verdict["result"].as_str(), verdict["own_copy"]["result"].as_str());
        assert_eq!((result, own), (Some("incomplete"), Some("not_checked")), "{verdict}");
    };
    unread(&ask(&mut second, &[evidence, original]).1);
    assert_eq!(second.stop(), Some(0));
    let mut second = Court::open(program(&work).args(["node", "--data", "second", "--listen", "127.0.0.1:0"]));
    unread(&ask(&mut second, &[evidence, original]).1);
    let searched = second.browser.get(&format!("/record?lang=en&q={good}")).body;
    assert!(searched.contains("nothing was looked up") && !searched.contains("no such record"), "{searched}");
    // An alarm that was torn still counts as one of its kind; where none can be looked at that is said.
    let said = |verdict: &Value| {
        let mut seen = verdict["decisions"].as_array().unwrap().iter().flat_map(|d| d["seen"].as_array().unwrap());
        seen.find(|s| s["id"] == "ledger-alarms").unwrap()["result"].clone()
    };
    assert_eq!(said(&ask(&mut second, &[evidence, original]).1), "limited", "of the forged package");
    fs::remove_dir_all(at("second/alarms")).unwrap();
    fs::create_dir(at("second/alarms")).unwrap();
    assert_eq!(said(&ask(&mut second, &[evidence, original]).1), "pass");
    fs::create_dir(at("second/alarms/fork-00")).unwrap();
    fs::write(at("second/alarms/fork-00/alarm.json"), "torn").unwrap();
    assert_eq!(said(&ask(&mut second, &[evidence, original]).1), "limited");
    fs::remove_dir_all(at("second/alarms")).unwrap();
    assert_eq!(said(&ask(&mut second, &[evidence, original]).1), "not_checked");
}

/// What the evidence refers to is looked up in the copy; what has no file is asked no question about one.
#[test]
fn a_licence_on_the_desk() {
    let work = tempfile::tempdir().unwrap();
    let at = |name: &str| work.path().join(name);
    let run = |args: &[&str]| done(&work, args);
    run(&["init", "--data", "data", "--owner-kind", "individual", "--owner-name", "林晚"]);
    fs::write(at("a.txt"), "a").unwrap();
    let picture = json(&run(&["deposit", "--data", "data", "--json", "a.txt"]))["id"].as_str().unwrap().to_owned();
    let line = json(&run(&["licence", "add", "--data", "data", "--json", "--licensee", "丙店", &picture]));
    let licence = line["id"].as_str().unwrap().to_owned();
    run(&["licence", "export", "--data", "data", "--output", "out", &licence]);
    let package = fs::read(at(&format!("out/{licence}.zip"))).unwrap();
    let house = House::open(work);
    let mut court = Court::beside(&house);
    let (_, verdict) = court.ask(&[("evidence", "licence.zip", &package)]);
    assert_eq!(verdict["result"], "verified", "{verdict}");
    let decisions = verdict["decisions"].to_string();
    assert!(decisions.contains("\"own-refs\"") && decisions.contains("each before it"), "{decisions}");
    assert!(decisions.contains("记录是否未变") && !decisions.contains("文件是否未变"), "{decisions}");
    let all = verdict.to_string();
    assert!(!all.contains("产生该文件的设备") && !all.contains("取得指纹以前"), "{decisions}");
    assert!(verdict["articles"].to_string().contains("可要求提交合同"), "{verdict}");
}

#[test]
fn a_desk_opens_by_its_token() {
    let work = tempfile::tempdir().unwrap();
    let signer = evidence::note::Signer::from_seed("log.example/a", &[1; 32]).unwrap();
    let known = signer.verifier_key().to_string();
    let node = |more: &[&str]| {
        let mut command = program(&work);
        command.args(["node", "--data", "court", "--ledger", "http://127.0.0.30:9", "--log-key", &known]);
        command.args(["--listen", "127.0.0.1:0", "--name", "court.example/node"]).args(more);
        command
    };
    let token = "0123456789abcdef0123456789abcdef";
    let path = work.path().join("token");
    for (text, why) in [("short\n", "openssl rand"), ("中文中文中文中文中文中文中文中文中文中文\n", "ASCII")]
    {
        fs::write(&path, text).unwrap();
        let refused = node(&["--desk-token-file", "token"]).output().unwrap();
        assert!(refused.status.code() == Some(2) && words(&refused).contains(why), "{}", words(&refused));
        assert!(!words(&refused).contains("short"), "what might be a secret is not said");
    }
    assert_eq!(node(&["--desk-token-file", "absent"]).output().unwrap().status.code(), Some(2));
    fs::write(&path, format!("{token}\n")).unwrap();
    let mut court = Court::open(&mut node(&["--desk-token-file", "token"]));
    for path in ["/", "/status", "/record?q=00", "/examinations/00"] {
        let page = court.browser.get(path);
        assert!(page.status == 401 && page.body.contains("name=\"token\""), "{path}: {}", page.status);
    }
    for path in ["/healthz", "/readyz", "/metrics", "/desk.css"] {
        assert_eq!(court.browser.get(path).status, 200, "{path}");
    }
    let body = form(&[("file", "a.txt", b"a")]);
    let mut call = |heads: &[(&str, &str)]| {
        let answer = court.browser.send("POST", "/api/v1/verifications", &[&[FORM], heads].concat(), &body);
        (answer.status, serde_json::from_str::<Value>(&answer.body).unwrap())
    };
    let (status, problem) = call(&[]);
    assert!(status == 401 && problem["detail_zh"].as_str().unwrap().contains("口令"), "{problem}");
    assert_eq!(call(&[("authorization", "Bearer 0123456789abcdef0123456789abcdee")]).0, 401);
    assert_eq!(call(&[("authorization", &format!("Bearer {token}"))]).0, 422);
    let urlencoded = ("content-type", "application/x-www-form-urlencoded");
    let wrong = court.browser.send("POST", "/sign-in?lang=en", &[urlencoded], b"token=0123");
    assert!(
        wrong.status == 401 && wrong.body.contains("not the token") && !wrong.body.contains("0123"),
        "{}",
        wrong.body
    );
    let opened = court.browser.send("POST", "/sign-in?lang=en", &[urlencoded], format!("token={token}").as_bytes());
    let cookie = opened.head("set-cookie").unwrap().to_owned();
    assert!(
        opened.status == 303 && cookie.contains("HttpOnly; SameSite=Strict") && !cookie.contains(token),
        "{cookie}"
    );
    let cookie = cookie.split(';').next().unwrap().to_owned();
    assert_eq!(court.browser.get("/status?lang=zh").status, 200);
    assert_eq!(court.browser.send("POST", "/sign-out?lang=zh", &[], b"").status, 303);
    court.browser.cookies.clear();
    assert_eq!(court.browser.send("GET", "/status?lang=zh", &[("cookie", &cookie)], b"").status, 401);
}

/// A report is somebody's word to whoever took the node's roots and its role from the institution, and to nobody else.
fn believed_by_a_stranger(work: &tempfile::TempDir) {
    let at = |name: &str| work.path().join(name);
    let run = |args: &[&str]| program(work).args(args).output().unwrap();
    fs::write(at("shown.txt"), "mine").unwrap();
    assert!(Command::new("cp").arg("-r").arg(at("data/trust")).arg(at("reader")).status().unwrap().success());
    let report = || {
        let read = run(&["verify", "--trust", "reader", "--json", "report-en.pdf", "shown.txt"]);
        let verdict = json(&read);
        let checks = verdict["checks"].as_array().unwrap();
        let check = checks.iter().find(|check| check["id"] == "report").unwrap_or_else(|| panic!("{verdict}"));
        (read.status.code(), check["result"].clone(), verdict)
    };
    let (code, result, verdict) = report();
    assert_eq!((code, result), (Some(3), "not_checked".into()), "{verdict}");
    let roots = json(&run(&["node", "key", "--data", "court", "--report-roots", "reader", "--json"]));
    assert_eq!(roots["report_roots"].as_array().unwrap().len(), 2, "{roots}");
    let (code, result, verdict) = report();
    assert_eq!((code, result), (Some(0), "limited".into()), "no role yet: {verdict}");
    let mut roles: Vec<Value> = serde_json::from_slice(&fs::read(at("reader/roles.json")).unwrap()).unwrap();
    roles.extend(roots["roles"].as_array().unwrap().iter().cloned());
    fs::write(at("reader/roles.json"), serde_json::to_vec(&roles).unwrap()).unwrap();
    let (code, result, verdict) = report();
    assert_eq!((code, result), (Some(0), "pass".into()), "{verdict}");

    // Asked again it finds them there; what is not theirs is not written over.
    let root = roots["report_roots"][0].as_str().unwrap();
    let again = ["node", "key", "--data", "court", "--report-roots", "reader"];
    assert!(run(&again).status.success());
    fs::write(at(root), "another's").unwrap();
    let refused = run(&again);
    assert!(!refused.status.success() && words(&refused).contains(root), "{}", words(&refused));
    assert_eq!(fs::read(at(root)).unwrap(), b"another's");
    // A node that never ran has none.
    let none = run(&["node", "key", "--data", "never", "--report-roots", "reader"]);
    assert!(!none.status.success() && words(&none).contains("never"), "{}", words(&none));
}
