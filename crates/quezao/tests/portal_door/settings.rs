//! `admin config check`: every value with where it came from, and what is wrong by name.

use crate::{
    house::{House, program},
    text,
};
use serde_json::Value;
use std::fs;

#[test]
fn every_setting_says_where_it_came_from() {
    let work = tempfile::tempdir().unwrap();
    fs::create_dir(work.path().join("data")).unwrap();
    let own = "[serve]\npublic_url = \"https://own.example\"\nlisten = \"127.0.0.1:1\"\n[clock]\nlimit_ms = 250\n";
    fs::write(work.path().join("data/quezao.toml"), own).unwrap();
    fs::write(work.path().join("other.toml"), "[serve]\nlisten = \"127.0.0.1:2\"\n").unwrap();
    let mut command = program(&work);
    command.args(["admin", "config", "check", "--data", "data", "--config", "other.toml", "--json"]);
    command.args(["--log", "json"]).env("QUEZAO_TRUSTED_PROXIES", "10.0.0.0/8, ::1").env("QUEZAO_LISTEM", "x");
    let checked = command.output().unwrap();
    assert!(checked.status.success(), "{}", text(&checked));
    assert!(String::from_utf8_lossy(&checked.stderr).contains("QUEZAO_LISTEM"), "{}", text(&checked));
    let lines: Vec<Value> =
        String::from_utf8_lossy(&checked.stdout).lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    for (key, value, from, file) in [
        ("serve.listen", "127.0.0.1:2", "file", Some("other.toml")),
        ("serve.public_url", "https://own.example", "file", Some("data/quezao.toml")),
        ("serve.trusted_proxies", "10.0.0.0/8 ::1", "environment", None),
        ("serve.log", "json", "flag", None),
        ("serve.metrics", "", "default", None),
        ("clock.limit_ms", "250", "file", Some("data/quezao.toml")),
        ("clock.every_minutes", "60", "default", None),
    ] {
        let line = lines.iter().find(|l| l["key"] == key).unwrap_or_else(|| panic!("{key}"));
        let words: Vec<&str> = line["value"].as_array().unwrap().iter().map(|w| w.as_str().unwrap()).collect();
        assert_eq!((words.join(" ").as_str(), line["from"].as_str()), (value, Some(from)), "{line}");
        assert_eq!(line["file"].as_str(), file, "{line}");
    }
}

#[test]
fn what_is_wrong_is_named_in_both_languages_and_nothing_is_served() {
    let work = tempfile::tempdir().unwrap();
    fs::create_dir(work.path().join("data")).unwrap();
    let wrong =
        "[serve]\nlisen = \"127.0.0.1:1\"\nmetrics = \"9090\"\n[tls]\ncertificate = \"c.pem\"\n[clock]\nlimit_ms = 0\n";
    fs::write(work.path().join("data/quezao.toml"), wrong).unwrap();
    for (language, other) in [("en_GB.UTF-8", "it must be ADDRESS:PORT"), ("zh_CN.UTF-8", "应为地址:端口")] {
        for arguments in [&["admin", "config", "check", "--data", "data"][..], &["serve", "--data", "data"]] {
            let mut command = program(&work);
            let run = command.args(arguments).env("LC_ALL", language).output().unwrap();
            assert_eq!(run.status.code(), Some(2), "{arguments:?} {}", text(&run));
            for named in ["serve.lisen", "serve.metrics", "tls.key_file", other] {
                assert!(text(&run).contains(named), "{named} {arguments:?}: {}", text(&run));
            }
        }
    }
    let run = program(&work).args(["admin", "config", "check", "--data", "data"]).output().unwrap();
    assert!(text(&run).contains("limit_ms = 0"), "{}", text(&run));
    // A secret in the settings is a setting that does not exist.
    fs::write(work.path().join("data/quezao.toml"), "[tls]\nkey = \"-----BEGIN PRIVATE KEY-----\"\n").unwrap();
    let run = program(&work).args(["admin", "config", "check", "--data", "data"]).output().unwrap();
    assert!(run.status.code() == Some(2) && text(&run).contains("tls.key"), "{}", text(&run));
}

#[test]
fn a_bad_value_in_the_environment_or_as_a_flag_is_named_by_where_it_stands() {
    let work = tempfile::tempdir().unwrap();
    let run = program(&work).args(["serve", "--data", "data"]).env("QUEZAO_LISTEN", "here").output().unwrap();
    assert!(run.status.code() == Some(2) && text(&run).contains("QUEZAO_LISTEN"), "{}", text(&run));
    let run = program(&work).args(["serve", "--data", "data", "--trusted-proxy", "10.0.0.0/40"]).output().unwrap();
    assert!(run.status.code() == Some(2) && text(&run).contains("--trusted-proxy"), "{}", text(&run));
    let run = program(&work).args(["serve", "--data", "data", "--config", "none.toml"]).output().unwrap();
    assert!(run.status.code() == Some(2) && text(&run).contains("none.toml"), "{}", text(&run));
    // The server itself takes its address from the folder's file.
    fs::create_dir(work.path().join("data")).unwrap();
    let command = program(&work);
    fs::write(work.path().join("other.toml"), "[serve]\nlog = \"json\"\n").unwrap();
    let house = House::open_by(work, command, &["--config", "other.toml"]);
    assert_eq!(house.browser().get("/healthz").status, 200);
}
