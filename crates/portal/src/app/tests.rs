//! What is remembered of comparisons, by whom.
#![allow(clippy::unwrap_used)]

use super::*;
use service::{FirstSignIn, InitOptions, SignedIn};

#[tokio::test(flavor = "multi_thread")]
async fn of_a_capture_that_is_nobodys_or_anothers_nothing_is_remembered() {
    let work = tempfile::tempdir().unwrap();
    let data = work.path().join("data");
    let options =
        InitOptions { owner_kind: "individual".into(), owner_name: "林晚".into(), ..InitOptions::default() };
    Folder::init(&data, &options).unwrap();
    let config = Config {
        data,
        listen: "127.0.0.1:0".parse().unwrap(),
        public: None,
        calls: 0,
        tls: None,
        sign_up: SignUps::Closed,
        trusted_proxies: Vec::new(),
        metrics: None,
        log: Log { json: true },
        mail: None,
        openid: None,
        identity: None,
        capture: CaptureRequest::default(),
    };
    let app = App::open(&config, None, Places::new(9, 9), &mut |_| ()).unwrap();
    let folder = app.folder().unwrap();
    let person =
        FirstSignIn { login: "linwan".into(), name: "林晚".into(), password: "correct horse battery".into() };
    folder.add_first_sign_in(&person).unwrap();
    let SignedIn::Opened(opened) = folder.sign_in("linwan", &person.password, "").unwrap() else { panic!("no codes") };
    let actor = folder.actor(&opened.token).unwrap();
    for who in [actor.clone(), Actor::visitor()] {
        let refused = app.compare(who.clone(), "01890000-0000-7000-8000-000000000000", None).await;
        assert!(matches!(refused, Err(refusal) if matches!(refusal.why, Why::NotFound | Why::SignIn)));
    }
    assert!(lock(&app.0.comparing).is_empty());
    // What one account is told of its capture, another is not.
    let key = (actor.account().unwrap(), "capture".to_owned());
    lock(&app.0.comparing).insert(key, Compared::Going(1, 2));
    assert!(app.comparing(actor.account().unwrap(), "capture").is_some());
    assert!(app.comparing(actor.account().unwrap() + 1, "capture").is_none());
}
