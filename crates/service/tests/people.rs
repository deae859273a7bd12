//! What a person may do is asked when it is done, not when it was asked for.
#![allow(clippy::unwrap_used)]

mod fresh;

use service::{Actor, CaptureRequest, FirstSignIn, Folder, Mode, Permitted, SignedIn};

const PASSWORD: &str = "correct horse battery";

fn signed_in(folder: &Folder, login: &str) -> Actor {
    match folder.sign_in(login, PASSWORD, "a test").unwrap() {
        SignedIn::Opened(opened) => folder.actor(&opened.token).unwrap(),
        SignedIn::Code(_) => panic!("no code is in use"),
    }
}

fn may(words: &[&str]) -> Permitted {
    Permitted { permissions: words.iter().map(|w| (*w).to_owned()).collect(), shops: None }
}

#[test]
fn a_page_whose_orderer_may_not_capture_any_more_is_not_opened() {
    let work = tempfile::tempdir().unwrap();
    let data = fresh::init(work.path());
    let folder = Folder::open(&data, Mode::Write).unwrap();
    let first = FirstSignIn { login: "linwan".into(), name: "林晚".into(), password: PASSWORD.into() };
    folder.add_first_sign_in(&first).unwrap();
    let owner = signed_in(&folder, "linwan");
    let join = |login: &str| {
        let token = folder.invite(&owner, "陈岚", &may(&["capture"]), 3).unwrap();
        folder.join(&token, login, PASSWORD).unwrap();
        let sub = signed_in(&folder, login);
        let number = sub.person_number().unwrap();
        (sub, number)
    };
    let settings = CaptureRequest::default();
    let order = |who: &Actor| {
        let pages = ["https://shop.example/".to_owned()];
        folder.order_captures(who, &pages, false, false, &settings, None).unwrap()[0]
    };
    let ((narrowed, one), (ended, two)) = (join("chenlan"), join("zhaohe"));
    let orders = [order(&narrowed), order(&ended)];
    folder.permit(&owner, one, &may(&["view"])).unwrap();
    folder.end_person(&owner, two).unwrap();
    let records = folder.check_ledger().unwrap().0;
    for number in orders {
        let ran = folder.run_next_capture(&settings, &mut |_, step| panic!("{step} was begun"));
        assert!(ran.unwrap(), "it was the next one");
        let (page, _) = folder.queued_capture(&owner, number).unwrap();
        let (zh, en) = page.error.clone().unwrap();
        assert_eq!((page.state.as_str(), &page.record, &page.ordered), ("failed", &None, &None), "{page:?}");
        assert!(zh.contains("已不能取证") && en.contains("may not capture any more"), "{zh} {en}");
    }
    assert!(!folder.run_next_capture(&settings, &mut |_, _| ()).unwrap(), "none waits");
    assert_eq!(folder.check_ledger().unwrap().0, records, "nothing was recorded, the order neither");
    for who in [one, two] {
        let log = folder.audit(&owner, i64::MAX, Some(who)).unwrap();
        let line = log.iter().find(|line| line.act == "refused").unwrap_or_else(|| panic!("{log:?}"));
        assert_eq!((line.via.as_str(), line.subject.as_str()), ("queue", "capture"));
    }
    folder.close().unwrap();
}
