//! Licences by the command line: made, told, ended, exported, and read again by a stranger.
#![allow(clippy::unwrap_used)]

mod desk;

use desk::{Desk, result, said};
use serde_json::Value;
use std::fs;

/// A folder with three registered files: their numbers.
fn shop() -> (Desk, Vec<String>) {
    let desk = Desk::new(|_| Vec::new());
    let names = ["one.txt", "two.txt", "three.txt"];
    for name in names {
        fs::write(desk.path(name), name).unwrap();
    }
    let mut args = vec!["deposit", "--data", "data", "--json"];
    args.extend(names);
    let lines = desk.lines(&args);
    let of = |name: &&str| lines.iter().find(|line| line["file"] == *name).unwrap()["id"].as_str().unwrap().to_owned();
    let ids = names.iter().map(of).collect();
    (desk, ids)
}

fn add(desk: &Desk, ids: &[&str], more: &[&str]) -> (Value, i32) {
    let mut args = vec!["licence", "add", "--data", "data", "--json", "--licensee", "丙店"];
    args.extend(more);
    args.extend(ids);
    desk.json(&args)
}

fn verified(desk: &Desk, file: &str) -> (Value, i32) {
    desk.json(&["verify", "--data", "data", "--json", file])
}

#[test]
fn a_licence_is_made_ended_and_read_by_a_stranger() {
    let (desk, ids) = shop();
    let terms = ["--url", "https://shop.example/c/*", "--until", "2099-12-31", "--scope", "商品详情页"];
    let (line, code) = add(&desk, &[&ids[0], &ids[1], &ids[0]], &terms);
    assert_eq!((code, &line["state"], &line["status"]), (0, &"valid".into(), &"new".into()), "{line}");
    assert_eq!(line["pictures"], serde_json::json!([ids[0], ids[1]]));
    let id = line["id"].as_str().unwrap().to_owned();
    let (again, _) = add(&desk, &[&ids[0], &ids[1]], &terms);
    assert_eq!((&again["id"], &again["status"]), (&line["id"], &"existing".into()));

    desk.done(&["licence", "export", "--data", "data", "--output", "out", &id]);
    let (verdict, code) = verified(&desk, &format!("out/{id}.zip"));
    let shown = verdict["shows"].to_string();
    assert_eq!(code, 0, "{verdict}");
    for part in ["丙店", "2099-12-31", "商品详情页", "https://shop.example/c/*", "may use 2 listed"] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    assert!(verdict["does_not_show"].to_string().contains("that the licensee knows of it"));

    let (ended, code) = desk.json(&["licence", "end", "--data", "data", "--json", "--reason", "双方同意", &id]);
    assert_eq!((code, &ended["state"], &ended["reason"]), (0, &"ended".into(), &"双方同意".into()), "{ended}");
    let twice = desk.run(&["licence", "end", "--data", "data", &id]);
    assert_eq!(twice.status.code(), Some(2), "{}", said(&twice));
    desk.done(&["licence", "export", "--data", "data", "--output", "out", &id]);
    let (verdict, code) = verified(&desk, &format!("out/{id}.zip"));
    assert_eq!(code, 0, "{verdict}");
    assert!(verdict["shows"].to_string().contains("The same owner ended the licence"), "{verdict}");

    // What ended is ended: the same terms again are a new licence.
    let (new, _) = add(&desk, &[&ids[0], &ids[1]], &terms);
    assert_ne!(new["id"], line["id"]);
    let states: Vec<Value> =
        desk.lines(&["licence", "list", "--data", "data", "--json"]).into_iter().map(|l| l["state"].clone()).collect();
    assert_eq!(states, ["valid", "ended"], "the newest first");
    let text = said(&desk.done(&["licence", "list", "--data", "data"]));
    assert!(text.contains("from ") && text.contains("until 2099-12-31") && text.contains("双方同意"), "{text}");

    // Erasing a licence takes along what ended it.
    desk.done(&["erase", "--data", "data", "--yes", &id]);
    let kinds = desk.lines(&["list", "--data", "data", "--json"]);
    let erased = kinds.iter().filter(|l| l["status"] == "erased").count();
    assert_eq!(erased, 2, "{kinds:?}");
}

#[test]
fn what_cannot_be_licensed_is_refused_and_nothing_is_recorded() {
    let (desk, ids) = shop();
    let one = ids[0].as_str();
    let rights =
        desk.lines(&["rights", "add", "--data", "data", "--json", "--author", "林晚", one]).remove(0)["id"].clone();
    let many: Vec<&str> = vec!["https://shop.example"; 65];
    let many: Vec<&str> = many.iter().flat_map(|url| ["--url", url]).collect();
    for (ids, more, names) in [
        (vec![one], vec!["--url", "https://shop.example@evil.example/"], "evil.example"),
        (vec![one], vec!["--url", "*.cn"], "*.cn"),
        (vec![one], vec!["--from", "2026-02-30"], "2026-02-30"),
        (vec![one], vec!["--from", "2026-03-02", "--until", "2026-03-01"], "2026-03-01"),
        (vec![one], vec!["--scope", "a\u{202e}b"], "scope"),
        (vec![one], many, "65"),
        (vec![rights.as_str().unwrap()], vec![], "rights"),
        (vec!["019ab3c1-e6f0-7c4e-9f20-5d1e8a6b4c37"], vec![], "019ab3c1"),
    ] {
        let mut args = vec!["licence", "add", "--data", "data", "--licensee", "丙店"];
        args.extend(&more);
        args.extend(&ids);
        let output = desk.run(&args);
        let text = said(&output);
        assert!(output.status.code() == Some(2) && text.contains(names), "{names} in {text}");
    }
    assert!(desk.lines(&["licence", "list", "--data", "data", "--json"]).is_empty());
    let unknown = desk.run(&["licence", "end", "--data", "data", one]);
    assert!(unknown.status.code() == Some(2) && said(&unknown).contains(one));
}

#[test]
fn a_given_file_is_one_of_those_licensed_or_it_is_not() {
    let (desk, ids) = shop();
    let collected = desk.lines(&["collect", "--data", "data", "--json", &ids[1], &ids[2]]).remove(0);
    let collection = collected["id"].as_str().unwrap().to_owned();
    let (line, code) = add(&desk, &[&ids[0], &collection], &[]);
    assert_eq!(code, 0, "{line}");
    let id = line["id"].as_str().unwrap();
    fs::write(desk.path("other.txt"), "nobody's").unwrap();
    let export = || desk.done(&["licence", "export", "--data", "data", "--output", "out", id]);
    export();
    let (zip, pdf) = (format!("out/{id}.zip"), format!("out/{id}.pdf"));
    let python = |file: &str| {
        let mut command = std::process::Command::new("python3");
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../archive/assets/verify.py")).current_dir(desk.work.path());
        let run = command.args(["--trust", "data/trust", "--json", &zip, file]).output().unwrap();
        (serde_json::from_slice::<Value>(&run.stdout).unwrap(), run.status.code().unwrap())
    };
    let asked = |file: &str, expected: (&str, i32)| {
        let of_rust = [&zip, &pdf].map(|evidence| desk.json(&["verify", "--data", "data", "--json", evidence, file]));
        for (verdict, code) in of_rust.into_iter().chain([python(file)]) {
            assert_eq!((result(&verdict, "named-file-1").unwrap(), code), expected, "{file}: {verdict}");
        }
    };
    asked("one.txt", ("pass", 0));
    asked("three.txt", ("pass", 0));
    asked("other.txt", ("fail", 1));
    let (verdict, _) = desk.json(&["verify", "--data", "data", "--json", &pdf, "three.txt", "one.txt"]);
    let check = |n: &str| verdict["checks"].as_array().unwrap().iter().find(|c| c["id"] == n).unwrap()["en"].clone();
    assert!(
        check("named-file-1").as_str().unwrap().contains(&format!("({}) on the list of collection 2", ids[2])),
        "{verdict}"
    );
    assert!(
        check("named-file-2")
            .as_str()
            .unwrap()
            .contains(&format!("registration 1 that the licence names ({})", ids[0]))
    );
    assert!(verdict["shows"].to_string().contains("2 of the given files"), "{verdict}");
    let drawn = desk.json(&["verify", "--data", "data", "--json", "--render", &pdf, "one.txt"]);
    assert_eq!((drawn.1, result(&drawn.0, "printed-page")), (0, Some("pass")), "{}", drawn.0);
    let said = said(&desk.run(&["verify", "--data", "data", &pdf, "other.txt"]));
    assert!(said.contains("other.txt") && said.contains("altered copy"), "{said}");

    // Of what was erased nobody is told any more: then it cannot be said of a file that it is none of them.
    desk.done(&["erase", "--data", "data", "--yes", &ids[1]]);
    export();
    asked("one.txt", ("pass", 0));
    asked("three.txt", ("not_checked", 3));
    asked("other.txt", ("not_checked", 3));
}
