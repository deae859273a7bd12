//! What a party wrote is shown on a court's desk and typeset in its report, whatever it is: nothing of it is run, nothing
//! is turned around, and the page holds.
#![allow(clippy::unwrap_used)]

mod house;
mod sitting;

use house::House;
use sitting::{Court, done, json, words};
use std::{fs, path::Path, process::Command};

/// Typst, HTML, PDF, letters of other scripts that look like Latin ones: what a record may hold.
const MARKUP: &str =
    r#"</title><script>alert(1)</script> #panic("x") = *b* _i_ @a <l> $x^2$ \u{41} `r` // c ) >> endobj аpple ﷽"#;

fn lines(text: &str, bad: &str) {
    assert!(!text.contains(bad), "{bad:?} in {text}");
}

/// Every word of this PDF lies on its page.
fn on_the_page(pdf: &Path) {
    let out = Command::new("pdftotext").args(["-bbox"]).arg(pdf).arg("-").output().unwrap();
    let text = words(&out);
    let number = |line: &str, name: &str| -> f64 {
        let at = line.split(&format!("{name}=\"")).nth(1).unwrap();
        at.split('"').next().unwrap().parse().unwrap()
    };
    let (mut width, mut height, mut seen) = (0.0, 0.0, 0);
    for line in text.lines() {
        if line.contains("<page ") {
            (width, height) = (number(line, "width"), number(line, "height"));
            assert!((594.0..596.0).contains(&width) && (841.0..843.0).contains(&height), "A4: {line}");
        } else if line.contains("<word ") {
            seen += 1;
            let inside = number(line, "xMin") >= 0.0 && number(line, "xMax") <= width;
            assert!(inside && number(line, "yMin") >= 0.0 && number(line, "yMax") <= height, "{line}");
        }
    }
    assert!(seen > 200, "{text}");
}

#[test]
fn names_are_words_and_nothing_else() {
    let work = tempfile::tempdir().unwrap();
    let long = "权".repeat(150);
    let owner = format!("林晚 {MARKUP}");
    done(
        &work,
        &["init", "--data", "data", "--owner-kind", "individual", "--owner-name", &owner, "--operator-name", MARKUP],
    );
    fs::write(work.path().join("=a'b&c.txt"), "mine").unwrap();
    let deposit = ["deposit", "--data", "data", "--json", "--title", MARKUP, "--author", &long, "=a'b&c.txt"];
    let id = json(&done(&work, &deposit))["id"].as_str().unwrap().to_owned();
    done(&work, &["export", "--data", "data", "--output", "out", &id]);
    let certificate = fs::read(work.path().join(format!("out/{id}.pdf"))).unwrap();
    let house = House::open(work);
    let mut court = Court::beside(&house);

    // Names of files are the sender's alone: they may be anything that a form can carry.
    let file =
        format!("{}\u{202e}gpj.exe\u{2066}\u{200b}<img src=x onerror=alert(1)> #eval(\"1\") {MARKUP}", "长".repeat(60))
            .replace('"', "%22");
    let wide = "W".repeat(5000);
    let place = court.lay(&[
        ("evidence", &file, &certificate),
        ("file", "../../etc/passwd%0d%0aset-cookie: a=b", b"mine"),
        ("file", &wide, b"mine"),
    ]);
    for lang in ["zh", "en"] {
        let page = court.browser.get(&format!("{place}?lang={lang}"));
        assert_eq!(page.status, 200);
        assert!(page.head("content-security-policy").unwrap().contains("default-src 'none'"));
        assert!(page.body.contains("&lt;script&gt;alert(1)"), "{}", page.body);
        for bad in ["<script", "<img", "\u{202e}", "\u{2066}", "\u{200b}"] {
            lines(&page.body, bad);
        }
        assert!(!page.body.contains(&"W".repeat(201)), "a name has an end");

        let report = court.browser.get(&format!("{place}/report.pdf?lang={lang}"));
        let path = house.work.path().join(format!("report-{lang}.pdf"));
        fs::write(&path, &report.bytes).unwrap();
        assert!(report.bytes.starts_with(b"%PDF-1.7"), "{}", report.body);
        let run = |name: &str, args: &[&str]| words(&Command::new(name).args(args).arg(&path).output().unwrap());
        assert!(run("pdfsig", &[]).contains("Signature is Valid"));
        let info = run("pdfinfo", &[]);
        assert!(info.contains("JavaScript:      no") && info.contains("Encrypted:       no"), "{info}");
        let text = words(&Command::new("pdftotext").args(["-raw"]).arg(&path).arg("-").output().unwrap());
        let flat: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        // As it was written, to the letter.
        for said in
            ["<script>alert(1)</script>", "#panic(\"x\")=*b*_i_@a<l>$x^2$\\u{41}`r`//c)>>endobj", "onerror=alert(1)"]
        {
            assert!(flat.contains(said), "{said}: {text}");
        }
        for bad in ["\u{202e}", "\u{2066}", "\u{200b}"] {
            lines(&text, bad);
        }
        on_the_page(&path);
        verapdf(&path);
        // Who is given the report finds the evidence in it.
        let said =
            house.command().args(["verify", "--data", "data", "--json"]).arg(&path).arg("=a'b&c.txt").output().unwrap();
        let verdict = json(&said);
        let result =
            |id: &str| verdict["checks"].as_array().unwrap().iter().find(|c| c["id"] == id).unwrap()["result"].clone();
        assert_eq!(
            (result("file"), result("inclusion"), result("report")),
            ("pass".into(), "pass".into(), "not_checked".into())
        );
    }
    // A picture alone is no evidence: it is looked up, and nothing is said to be inconsistent.
    for (bytes, said) in [(b"mine".as_slice(), id.as_str()), (b"never seen", "没有这样的记录")] {
        let place = court.browser.send(
            "POST",
            "/examinations?lang=zh",
            &[sitting::FORM],
            &sitting::form(&[("evidence", "a.jpg", bytes)]),
        );
        let page = court.browser.get(place.head("location").unwrap());
        assert!(
            page.body.contains(said) && page.body.contains("不是证书") && !page.body.contains("核验不一致"),
            "{}",
            page.body
        );
    }
    let materials = court.browser.get(&format!("{place}/materials.zip"));
    assert!(materials.bytes.starts_with(b"PK"));
    assert!(materials.head("set-cookie").is_none());
}

/// PDF/A-3b by a validator that we did not write, where it can be run.
fn verapdf(path: &Path) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/verapdf.sh");
    let out = Command::new(script).arg(path).output().unwrap();
    if out.status.code() == Some(2) {
        return house::not_run(&String::from_utf8_lossy(&out.stderr));
    }
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stdout));
}
