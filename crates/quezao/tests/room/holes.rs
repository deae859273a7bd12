//! What would be lost or given away at the edges: seats of an edition that has ended, merchants of a ledger that ends, names
//! that look like another's, ids of another's in the room.

use crate::{
    HAITANG, ZHOU,
    house::{House, PASSWORD, program},
    merchant, register,
};
use std::process::Stdio;

#[test]
fn an_edition_has_its_seats_when_somebody_joins_too() {
    let (house, mut operator) = House::set_up_with(&["--sign-up", "open"]);
    let mut one = merchant(&house, HAITANG, "haitang");
    one.get("/account/people");
    let page = one.post("/account/people", &[("name", "小李"), ("days", "3"), ("view", "yes")]).body;
    let join = format!("/join/{}", &page.split("/join/").nth(1).expect(&page)[..64]);
    // The edition ends between invitation and joining.
    let page = operator.get("/operator/grants?account=2").body;
    assert_eq!(operator.post(&crate::action(&page, "/end"), &[]).status, 303);
    let mut sub = house.browser();
    sub.get(&join);
    let fields = [("login", "xiaoli"), ("password", PASSWORD), ("password2", PASSWORD)];
    let refused = sub.post(&join, &fields);
    assert!(refused.status == 422 && refused.body.contains("没有空余名额"), "{}", refused.body);
    one.get("/account/people");
    assert_eq!(one.post("/account/people", &[("name", "小王"), ("days", "3"), ("view", "yes")]).status, 422);
    // Nothing was lost by it: with seats again the same address is good.
    operator.get("/operator/grants");
    let give = [("account", "2"), ("edition", "standard")];
    assert_eq!(operator.post("/operator/grants", &give).status, 303);
    sub.get(&join);
    assert_eq!(sub.post(&join, &fields).status, 303);
}

#[test]
fn a_ledger_with_merchants_ends_only_when_it_is_said_that_they_stay() {
    let (house, _operator) = House::set_up_with(&["--sign-up", "open"]);
    let mut one = merchant(&house, HAITANG, "haitang");
    register(&mut one, "a.txt", b"a");
    let (work, _) = house.stop();
    let origin = |more: &[&str]| {
        let mut command = program(&work);
        command.args(["admin", "origin", "--data", "data", "--new", "new", "--reason", "ended"]).args(more);
        let run = command.env("LC_ALL", "zh_CN.UTF-8").stdin(Stdio::null()).output().unwrap();
        (run.status.code(), format!("{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr)))
    };
    let (code, said) = origin(&[]);
    assert!(code == Some(2) && said.contains("有商户") && said.contains("--leave-merchants"), "{said}");
    assert!(!work.path().join("new").exists(), "before anything is written");
    std::fs::write(work.path().join("b.txt"), "b").unwrap();
    let deposit = program(&work).args(["deposit", "--data", "data", "b.txt"]).output().unwrap();
    assert!(deposit.status.success(), "the ledger goes on");
    let (code, said) = origin(&["--leave-merchants"]);
    assert!(code == Some(0) && work.path().join("new/quezao.db").is_file(), "{said}");
}

#[test]
fn a_name_that_looks_like_anothers_is_asked_about() {
    let (house, mut operator) = House::set_up_with(&["--sign-up", "open"]);
    let mut visitor = house.browser();
    visitor.get("/sign-up");
    // One of its letters is Cyrillic.
    let fields = [
        ("kind", ZHOU[0]),
        ("owner_name", "Lin W\u{430}n"),
        ("number", ZHOU[2]),
        ("name", "小周"),
        ("login", "zhou"),
        ("password", PASSWORD),
        ("password2", PASSWORD),
    ];
    let asked = visitor.post("/sign-up", &fields);
    assert!(asked.status == 422 && asked.body.contains("U+0430") && asked.body.contains("请确认"), "{}", asked.body);
    assert!(operator.get("/operator/merchants").body.contains("还没有商户"), "nobody was made meanwhile");
    let sure: Vec<_> = fields.into_iter().chain([("confirmed", "yes")]).collect();
    assert_eq!(visitor.post("/sign-up", &sure).status, 303);
}
