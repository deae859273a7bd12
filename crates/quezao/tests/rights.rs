//! Rights of a folder from a table: what is claimed, and that nothing is recorded where one cell is wrong.
#![allow(clippy::unwrap_used)]

mod desk;

use desk::{Desk, said};
use serde_json::Value;
use std::{fs, io::Write};

const LIBREOFFICE: &[u8] = include_bytes!("../../sidecar/fixtures/libreoffice.xlsx");

fn shop() -> Desk {
    let desk = Desk::new(|_| Vec::new());
    for (name, bytes) in
        [("秋季/IMG_0001.jpg", "one"), ("IMG_0002.jpg", "two"), ("IMG_0003.jpg", "three"), ("合同.pdf", "%PDF")]
    {
        let path = desk.path("shop").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    desk
}

/// Claims of the record of this file.
fn claims(desk: &Desk, file: &str) -> String {
    let lines = desk.lines(&["find", "--data", "data", "--json", &format!("shop/{file}")]);
    assert_eq!(lines.len(), 1, "{file}: {lines:?}");
    said(&desk.done(&["show", "--data", "data", lines[0]["id"].as_str().unwrap()]))
}

fn records(desk: &Desk) -> usize {
    desk.lines(&["list", "--data", "data", "--json"]).len()
}

#[test]
fn a_table_from_libreoffice_and_one_in_gbk_say_the_same() {
    // The table in GBK: `iconv -f UTF-8 -t GBK`, as a Chinese Excel saves CSV.
    let text = "文件,匹配,作品名称,作者,作品来源,完成日期\r\n,**/*.jpg,,林喆珺,职务作品,\r\n秋季/IMG_0001.jpg,,釉色杯（秋）,,,2025/10/3\r\n";
    for (name, bytes) in [("libreoffice.xlsx", LIBREOFFICE.to_vec()), ("gbk.csv", gbk(text))] {
        let desk = shop();
        fs::write(desk.path(&format!("shop/{name}")), bytes).unwrap();
        let table = format!("shop/{name}");
        let check = desk.lines(&["rights", "check", "--json", &table, "shop"]);
        assert_eq!((&check[0]["files"], &check[0]["claims"]["work_origin"]), (&3.into(), &"employee".into()));
        assert_eq!(records(&desk), 0, "checking records nothing");
        let output = desk.done(&["deposit", "--data", "data", "--basis", "给全部", "--rights", &table, "shop"]);
        assert_eq!(said(&output).contains("GBK"), name == "gbk.csv", "{}", said(&output));
        let one = claims(&desk, "秋季/IMG_0001.jpg");
        for part in ["林喆珺", "employee", "2025-10-03", "釉色杯（秋）"] {
            assert!(one.contains(part), "{part} in {one}");
        }
        let three = claims(&desk, "IMG_0003.jpg");
        assert!(three.contains("林喆珺") && !three.contains("title"), "{three}");
        // LibreOffice's table names it as an attachment, of which nothing is claimed; the other says nothing of it.
        assert_eq!(claims(&desk, "合同.pdf").contains("给全部"), name == "gbk.csv");
        // The table itself is no picture.
        let found = desk.run(&["find", "--data", "data", "--json", &table]);
        assert!(found.stdout.is_empty());
    }
}

#[test]
fn one_wrong_cell_and_nothing_is_recorded() {
    let desk = shop();
    let mut table = fs::File::create(desk.path("r.csv")).unwrap();
    table
        .write_all(
            "file,pattern,title,completed_at\nIMG_0002.jpg,,杯,2026-01-31\nIMG_9.jpg,,碗,31.1.2026\n,*.tif,,\n"
                .as_bytes(),
        )
        .unwrap();
    let (line, code) = desk.json(&["deposit", "--data", "data", "--json", "--rights", "r.csv", "shop"]);
    let error = line["error"].as_str().unwrap();
    for part in ["row 3, column D 'completed_at'", "第 3 行 D 列", "31.1.2026"] {
        assert!(error.contains(part), "{part} in {error}");
    }
    assert_eq!((code, records(&desk)), (2, 0));
    fs::write(desk.path("r.csv"), "file,pattern,title\nIMG_0002.jpg,,杯\nIMG_9.jpg,,碗\n,*.tif,\nIMG_0002.jpg,,盘\n")
        .unwrap();
    let output = desk.run(&["rights", "check", "--json", "r.csv", "shop"]);
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8_lossy(&output.stdout);
    let lines: Vec<Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let places: Vec<_> = lines.iter().map(|l| (l["row"].as_u64(), l["column"].as_str())).collect();
    assert_eq!(places, [(Some(3), Some("A")), (Some(4), Some("B")), (Some(5), Some("A"))], "{text}");
    let output = desk.run(&["deposit", "--data", "data", "--rights", "r.csv", "shop"]);
    assert!(said(&output).contains("nothing was recorded") && records(&desk) == 0, "{}", said(&output));
}

#[test]
fn attachments_are_records_of_their_own_that_came_first() {
    let desk = shop();
    fs::create_dir(desk.path("shop/raw")).unwrap();
    fs::write(desk.path("shop/raw/1.cr3"), "raw").unwrap();
    fs::write(desk.path("letter.pdf"), "%PDF letter").unwrap();
    fs::write(desk.path("r.csv"), "file,title,attach\n秋季/IMG_0001.jpg,杯,raw/1.cr3\n").unwrap();
    let args = ["deposit", "--data", "data", "--json", "--rights", "r.csv", "--attach", "letter.pdf", "shop"];
    let lines = desk.lines(&args);
    let line = |name: &str| lines.iter().find(|l| l["file"].as_str().unwrap().ends_with(name)).unwrap().clone();
    assert_eq!(lines.len(), 6, "{lines:?}");
    let (raw, letter, one, two) = (line("1.cr3"), line("letter.pdf"), line("IMG_0001.jpg"), line("IMG_0002.jpg"));
    assert!(raw["index"].as_u64() < one["index"].as_u64() && letter["index"].as_u64() < two["index"].as_u64());
    let shown = |id: &Value| said(&desk.done(&["show", "--data", "data", id.as_str().unwrap()]));
    let (first, second) = (shown(&one["id"]), shown(&two["id"]));
    assert!(first.contains(raw["id"].as_str().unwrap()) && first.contains(letter["id"].as_str().unwrap()), "{first}");
    assert!(
        !second.contains(raw["id"].as_str().unwrap()) && second.contains(letter["id"].as_str().unwrap()),
        "{second}"
    );
    assert!(!shown(&raw["id"]).contains("杯"), "what is claimed of the picture is not claimed of its attachment");
    // Again: everything is there, and nothing is said to differ.
    let again = desk.done(&args);
    assert!(!said(&again).contains("--again"), "{}", said(&again));
    assert_eq!(records(&desk), 6);
    // The package verifies; its certificate names them.
    desk.done(&["export", "--data", "data", "--output", "out", one["id"].as_str().unwrap()]);
    let zip = format!("out/{}.zip", one["id"].as_str().unwrap());
    let (verdict, code) = desk.json(&["verify", "--json", "--data", "data", &zip, "shop/秋季/IMG_0001.jpg"]);
    assert_eq!(code, 0, "{verdict}");
    // An attachment that is missing: nothing is recorded.
    fs::write(desk.path("r.csv"), "file,attach\nIMG_0003.jpg,raw/2.cr3\n").unwrap();
    fs::write(desk.path("shop/new.jpg"), "new").unwrap();
    let output = desk.run(&["deposit", "--data", "data", "--rights", "r.csv", "shop"]);
    assert!(said(&output).contains("row 2, column B 'attach'"), "{}", said(&output));
    assert_eq!(records(&desk), 6);
}

#[test]
fn a_later_claim_stands_beside_the_first_with_its_own_time() {
    let desk = shop();
    let lines = desk.lines(&["deposit", "--data", "data", "--json", "--title", "杯", "shop/IMG_0002.jpg"]);
    let id = lines[0]["id"].as_str().unwrap();
    let add = ["rights", "add", "--data", "data", "--json", id, "--author", "林晚", "--completed-at", "2026-01-31"];
    let first = desk.lines(&add).swap_remove(0);
    assert_eq!(first["status"], "new");
    let again = desk.lines(&add).swap_remove(0);
    assert_eq!((&again["status"], &again["id"]), (&"existing".into(), &first["id"]), "the same claims twice");
    let later = first["id"].as_str().unwrap();
    for (args, said_of_it) in [
        (vec!["rights", "add", "--data", "data", later, "--author", "x"], "a record of kind rights"),
        (vec!["rights", "add", "--data", "data", id], "no claim was given"),
        (vec!["rights", "add", "--data", "data", "0", "--author", "x"], "there is no record"),
        (vec!["rights", "add", "--data", "data", id, "--work-origin", "mine"], "cannot be recorded"),
    ] {
        let output = desk.run(&args);
        assert!(output.status.code() == Some(2) && said(&output).contains(said_of_it), "{}", said(&output));
    }
    assert_eq!(records(&desk), 2);
    assert!(said(&desk.done(&["show", "--data", "data", id])).contains(later));

    desk.done(&["export", "--data", "data", "--output", "out", id, later]);
    let entries = archive::package::read(&fs::read(desk.path(&format!("out/{id}.zip"))).unwrap()).unwrap().entries;
    assert!(entries.iter().any(|(name, _)| name == "related-01-record.json"));
    for file in [format!("out/{id}.zip"), format!("out/{id}.pdf")] {
        let (verdict, code) = desk.json(&["verify", "--json", "--data", "data", &file, "shop/IMG_0002.jpg"]);
        assert_eq!((code, desk::result(&verdict, "related-1")), (0, Some("limited")), "{verdict}");
        let shows = verdict["shows"].to_string();
        assert!(shows.contains("作者“林晚”") && shows.contains(later) && shows.contains("2026-01-31"), "{shows}");
    }
    // The later record has a package of its own.
    let (verdict, code) = desk.json(&["verify", "--json", "--data", "data", &format!("out/{later}.zip")]);
    assert_eq!(code, 0, "{verdict}");
    // Another program, written from the specification, finds the same.
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/../archive/assets/verify.py");
    let package = format!("out/{id}.zip");
    let output = std::process::Command::new("python3")
        .args([program, "--json", "--trust", "data/trust", &package, "shop/IMG_0002.jpg"])
        .current_dir(desk.work.path())
        .output()
        .unwrap();
    let verdict: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(&output)));
    assert_eq!((output.status.code(), desk::result(&verdict, "related-1")), (Some(0), Some("limited")), "{verdict}");
    // The certificate says it in print.
    let mut pdftotext = std::process::Command::new("pdftotext");
    pdftotext.args([&format!("out/{id}.pdf"), "-"]).current_dir(desk.work.path());
    let Ok(page) = pdftotext.output() else { return };
    let page = String::from_utf8_lossy(&page.stdout).replace(char::is_whitespace, "");
    assert!(page.contains("Claimedlater") && page.contains("林晚"), "{page}");
}

#[test]
fn the_file_s_own_words_are_marked_and_its_exif_stays_at_home() {
    let desk = shop();
    let exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x0f\x01\x02\0\x08\0\0\0\x1a\0\0\0\0\0\0\0KAMERA1\0";
    let xmp = "http://ns.adobe.com/xap/1.0/\0<x><rdf:Description><dc:title><rdf:li>釉色杯</rdf:li></dc:title></rdf:Description></x>";
    let segment = |data: &[u8]| [b"\xff\xe1", &u16::try_from(data.len() + 2).unwrap().to_be_bytes()[..], data].concat();
    // A whole picture, with both segments put behind its first two bytes.
    let mut jpeg = std::io::Cursor::new(Vec::new());
    image::DynamicImage::new_rgb8(64, 48).write_to(&mut jpeg, image::ImageFormat::Jpeg).unwrap();
    let jpeg = jpeg.into_inner();
    let whole = [&jpeg[..2], &segment(exif), &segment(xmp.as_bytes()), &jpeg[2..]].concat();
    fs::write(desk.path("shop/own.jpg"), whole).unwrap();
    let lines = desk.lines(&["deposit", "--data", "data", "--json", "--from-file", "--author", "林晚", "shop/own.jpg"]);
    let id = lines[0]["id"].as_str().unwrap();
    let shown = said(&desk.done(&["show", "--data", "data", id]));
    for part in ["釉色杯", "林晚", "the file's own words: title", "KAMERA1"] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    let package = desk.package(id);
    let entries = archive::package::read(&package).unwrap().entries;
    let disclosed = &entries.iter().find(|(name, _)| name == "disclosure.json").unwrap().1;
    let disclosed = evidence::disclosure::parse_set(disclosed).unwrap();
    assert!(
        disclosed.iter().any(|d| d.value() == "釉色杯")
            && !disclosed.iter().any(|d| d.value().to_string().contains("KAMERA"))
    );
}

#[test]
fn a_template_is_written_once_and_read_again() {
    let desk = shop();
    for (format, lang) in [("csv", "zh"), ("xlsx", "zh"), ("toml", "en")] {
        let file = format!("t.{format}");
        desk.done(&["rights", "template", "--format", format, "--lang", lang, "--to", &file]);
        let again = desk.run(&["rights", "template", "--format", format, "--to", &file]);
        assert_eq!(again.status.code(), Some(2), "somebody may have filled it in");
        let empty = desk.run(&["rights", "check", &file, "shop"]);
        assert!(said(&empty).contains("there is no row"), "{}", said(&empty));
    }
    let mut filled = fs::read_to_string(desk.path("t.csv")).unwrap();
    filled += "IMG_0002.jpg,,杯,林晚,本人创作,,2026-01-31,,,,,\r\n";
    fs::write(desk.path("t.csv"), filled).unwrap();
    desk.done(&["deposit", "--data", "data", "--rights", "t.csv", "shop/IMG_0002.jpg"]);
    assert!(claims(&desk, "IMG_0002.jpg").contains("self"));
    assert_eq!(records(&desk), 1);
}

fn gbk(text: &str) -> Vec<u8> {
    let mut iconv = std::process::Command::new("iconv")
        .args(["-f", "UTF-8", "-t", "GBK"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    iconv.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = iconv.wait_with_output().unwrap();
    assert!(output.status.success());
    output.stdout
}
