//! `licence … --server`: the same words and codes as on a folder, and the link that only a portal has.

use crate::{Shop, lines, said, text};
use std::fs;

#[test]
fn a_licence_through_a_server_is_the_same_as_on_the_spot() {
    let shop = Shop::open();
    for (name, bytes) in [("a.txt", "one"), ("b.txt", "two"), ("c.txt", "three")] {
        fs::write(shop.path(name), bytes).unwrap();
    }
    let done = shop.run(&["deposit", "--json", "a.txt", "b.txt", "c.txt"]);
    let done = lines(&done);
    let of = |name: &str| done.iter().find(|l| l["file"] == name).unwrap()["id"].as_str().unwrap().to_owned();
    let ids = ["a.txt", "b.txt"].map(of);
    let add = [
        "licence",
        "add",
        "--json",
        "--licensee",
        "丙店",
        "--url",
        "https://shop.example/c/*",
        "--until",
        "2099-12-31",
    ];
    let add: Vec<&str> = add.into_iter().chain([ids[0].as_str(), ids[1].as_str()]).collect();
    let made = shop.run(&add);
    assert!(made.status.success(), "{}", said(&made));
    let line = lines(&made).remove(0);
    assert_eq!((&line["status"], &line["state"]), (&"new".into(), &"valid".into()), "{line}");
    let id = line["id"].as_str().unwrap().to_owned();
    let again = lines(&shop.run(&add)).remove(0);
    assert_eq!((&again["id"], &again["status"]), (&line["id"], &"existing".into()));
    // The same words as on the folder, with and without --json.
    for json in [vec!["licence", "list", "--json"], vec!["licence", "list"]] {
        let (there, here) = (shop.run(&json), shop.here(&json));
        assert_eq!(text(&there), text(&here), "{}{}", said(&there), said(&here));
        assert!(text(&there).contains("丙店"));
    }
    let day = evidence::time::Utc(
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_micros() as i64
            + 7 * 86_400_000_000,
    );
    let until = &day.to_micros()[..10];
    let link = shop.run(&["licence", "link", &id, "--until", until, "--json"]);
    let url = lines(&link).remove(0)["link"].as_str().unwrap().to_owned();
    let mut licensee = shop.house.browser();
    let page = licensee.get(&format!("/confirm/{}", url.split_once("/confirm/").unwrap().1));
    assert!(page.status == 200 && page.body.contains("丙店"), "{}", page.body);
    for bad in [vec!["licence", "link", &id, "--until", "soon"], vec!["licence", "link", "x", "--until", until]] {
        assert_eq!(shop.run(&bad).status.code(), Some(2), "{bad:?}");
    }

    let exported = shop.run(&["licence", "export", "--output", "out", &id]);
    assert!(exported.status.success(), "{}", said(&exported));
    let verify = |file: &str| {
        let run =
            shop.house.command().args(["verify", "--data", "data", "--json", &format!("out/{id}.pdf"), file]).output();
        let run = run.unwrap();
        (run.status.code(), text(&run))
    };
    assert_eq!(verify("b.txt").0, Some(0), "one of those licensed");
    assert_eq!(verify("c.txt").0, Some(1), "none of them");

    let end = ["licence", "end", "--json", "--reason", "双方同意", &id];
    let ended = lines(&shop.run(&end)).remove(0);
    assert_eq!((&ended["state"], &ended["reason"]), (&"ended".into(), &"双方同意".into()), "{ended}");
    let twice = shop.run(&end);
    assert!(
        twice.status.code() != Some(0) && said(&twice).contains("已经终止") || said(&twice).contains("ended"),
        "{}",
        said(&twice)
    );
    for (args, code) in [
        (vec!["licence", "end", "019abcde-0000-7000-8000-000000000000"], 2),
        (vec!["licence", "add", "--licensee", "丙", "019abcde-0000-7000-8000-000000000000"], 2),
        (vec!["licence", "add", "--licensee", "丙", "--url", "*.com.cn", &ids[0]], 2),
    ] {
        let refused = shop.run(&args);
        assert_eq!(refused.status.code(), Some(code), "{args:?}: {}", said(&refused));
    }
}
