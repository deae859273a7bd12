#![allow(clippy::unwrap_used)]
use super::*;

const AT: i64 = 0x019a_b3c1_e6f0 * 1000;

fn record(n: u8) -> Ref {
    let id = format!("019ab3c1-e6f0-7c4e-9f20-5d1e8a6b4c{n:02x}");
    Ref { ledger: "quezao.local/00".into(), id, leaf: [n; 32] }
}

fn captured(n: u8) -> Captured {
    let (received_at, gen_time) = (Utc(AT), "20261124030500.5Z".into());
    Captured { record: record(n), received_at, gen_time, sha256: [n; 32], url: Some("https://shop.example/".into()) }
}

fn registered(n: u8) -> Registered {
    let (received_at, gen_time) = (Utc(AT), "20261124030500Z".into());
    Registered { record: record(n), kind: "image".into(), sha256: [n; 32], received_at, gen_time }
}

fn image(n: u8) -> Image {
    Image {
        url: Some("https://shop.example/a.jpg".into()),
        sha256: [n; 32],
        size: 900,
        media_type: "image/jpeg".into(),
        width: 640,
        height: 480,
        place: Some([-3, 0, 640, 480]),
        occurrences: 1,
        result: "compared".into(),
    }
}

fn near(dct: u64, gradient: u64) -> Option<Match> {
    let (page_part, registered_part) = ("whole".into(), "inner-90".into());
    Some(Match { page_part, registered_part, mirrored: true, dct, gradient })
}

fn document() -> Comparison {
    let pairs = vec![
        Pair { image: 1, record: registered(9), found: None },
        Pair { image: 0, record: registered(7), found: near(3, 10) },
        Pair { image: 0, record: registered(8), found: near(60, 400) },
    ];
    let scan = Scan {
        images: vec![image(5), image(9), Image { result: "small".into(), ..image(6) }],
        images_found: 3,
        records: 12,
        compared: 9,
        not_compared: [1, 2, 0, 0, 0, 0, 0, 0],
        pairs_found: 3,
        pairs,
    };
    Comparison { compared_at: Utc(AT + 5), capture: captured(1), against: Against::Registered(scan), licences: None }
}

fn scan(change: impl FnOnce(&mut Scan)) -> Result<Vec<u8>> {
    let mut document = document();
    if let Against::Registered(scan) = &mut document.against {
        change(scan);
    }
    document.to_bytes()
}

fn two() -> Comparison {
    let text = Changes {
        added: vec!["¥199".into()],
        removed: vec!["¥299".into()],
        added_found: 1,
        removed_found: 1,
        unchanged: 40,
    };
    let images = Changes { added: vec![[4; 32]], added_found: 1, ..Changes::default() };
    let facts = vec![Fact { name: "price".into(), earlier: Some("¥299".into()), later: None }];
    let differences = Differences { text: Some(text), images, facts: Some(facts) };
    let against = Against::Earlier(Box::new(captured(2)), differences);
    Comparison { compared_at: Utc(AT), capture: captured(1), against, licences: None }
}

#[test]
fn both_forms_read_back() {
    for document in [document(), two()] {
        let bytes = document.to_bytes().unwrap();
        assert_eq!(Comparison::parse(&bytes).unwrap(), document);
    }
    let ids = |refs: Vec<Ref>| refs.iter().map(|r| r.leaf[0]).collect::<Vec<_>>();
    assert_eq!(ids(document().refs()), [1, 9, 7, 8]);
    assert_eq!(ids(two().refs()), [1, 2]);
}

#[test]
fn refs_stop_at_sixteen() {
    let mut document = document();
    if let Against::Registered(scan) = &mut document.against {
        scan.pairs = (30..60).map(|n| Pair { image: 0, record: registered(n), found: near(3, 10) }).collect();
        scan.pairs_found = 30;
    }
    document.to_bytes().unwrap();
    assert_eq!(document.refs().len(), MAX_REFS);
}

#[test]
fn what_contradicts_itself_is_refused() {
    assert!(scan(|_| ()).is_ok());
    type Case = (&'static str, Box<dyn FnOnce(&mut Scan)>);
    let refused: [Case; 16] = [
        ("weaker before stronger", Box::new(|s| s.pairs.swap(1, 2))),
        (
            "one pair twice",
            Box::new(|s| {
                s.pairs.push(s.pairs[2].clone());
                s.pairs_found = 4;
            }),
        ),
        ("within no threshold", Box::new(|s| s.pairs[1].found = near(61, 121))),
        ("identical with another digest", Box::new(|s| s.pairs[1].found = None)),
        ("a distance between the same bytes", Box::new(|s| s.pairs[0].found = near(0, 0))),
        ("an image that is not listed", Box::new(|s| s.pairs[1].image = 3)),
        ("an image that was not compared", Box::new(|s| s.pairs[1].image = 2)),
        ("one digest twice", Box::new(|s| s.images[2].sha256 = [5; 32])),
        ("fewer than are listed", Box::new(|s| s.images_found = 2)),
        ("more than are listed, though more could be", Box::new(|s| s.pairs_found = 9)),
        ("records that are not accounted for", Box::new(|s| s.compared = 8)),
        (
            "parts that are never held against each other",
            Box::new(|s| {
                s.pairs[1].found = Some(Match { page_part: "inner-90".into(), ..near(3, 10).unwrap() });
            }),
        ),
        (
            "a mirrored side with itself",
            Box::new(|s| {
                let side = || "without-left".to_owned();
                s.pairs[1].found = Some(Match { page_part: side(), registered_part: side(), ..near(3, 10).unwrap() });
            }),
        ),
        ("no such result", Box::new(|s| s.images[0].result = "stolen".into())),
        ("compared without pixels", Box::new(|s| s.images[0].width = 0)),
        ("a capture as a registered image", Box::new(|s| s.pairs[0].record.kind = "capture".into())),
    ];
    for (what, change) in refused {
        let error = scan(change).unwrap_err();
        assert!(!error.is_incomplete(), "{what}: {error}");
    }
    let early = Comparison { compared_at: Utc(AT - 1), ..document() };
    assert!(early.to_bytes().is_err());
    let itself = Against::Earlier(Box::new(captured(1)), Differences::default());
    assert!(Comparison { against: itself, ..document() }.to_bytes().is_err());
}

#[test]
fn words_and_thresholds_are_fixed() {
    let with = |change: &dyn Fn(&mut Value)| {
        let mut value = document().to_value();
        change(&mut value);
        Comparison::parse(&json::to_bytes("test", &value).unwrap()).unwrap_err()
    };
    let unknown = |e: Error| matches!(e, Error::Unknown { .. });
    assert!(!with(&|v| v["notice"]["en"] = "It was stolen.".into()).is_incomplete());
    assert!(!with(&|v| v["pairs"][1]["similarity"] = "identical".into()).is_incomplete());
    assert!(!with(&|v| drop(v.as_object_mut().unwrap().remove("earlier"))).is_incomplete());
    assert!(!with(&|v| v["registered"] = Value::Null).is_incomplete());
    assert!(unknown(with(&|v| v["thresholds"]["close"]["dct"] = 99.into())));
    assert!(unknown(with(&|v| v["algorithms"][1]["version"] = 2.into())));
    assert!(unknown(with(&|v| v["schema"] = "quezao/comparison/v3".into())));
    assert!(unknown(with(&|v| v["verdict"] = "infringement".into())));
}

proptest::proptest! {
    #[test]
    fn what_is_read_is_what_would_be_written(at: proptest::sample::Index, byte: u8) {
        let mut bytes = document().to_bytes().unwrap();
        let place = at.index(bytes.len());
        bytes[place] = byte;
        if let Ok(read) = Comparison::parse(&bytes) {
            proptest::prop_assert_eq!(read.to_bytes().unwrap(), bytes);
        }
    }

    #[test]
    fn nothing_panics(bytes: Vec<u8>) {
        drop(Comparison::parse(&bytes));
    }
}

fn licence(n: u8, from: &str, until: Option<&str>) -> Licence {
    Licence {
        record: record(n),
        received_at: Utc(AT),
        gen_time: "20261124030500Z".into(),
        licensee: "丙店".into(),
        from: from.into(),
        until: until.map(str::to_owned),
        place: Place::Page("shop.example".into()),
        pairs: vec![0, 2],
        ended: None,
    }
}

fn told(listed: Vec<Licence>) -> Comparison {
    let found = listed.len() as u64;
    Comparison { licences: Some(Licences { listed, found }), ..document() }
}

#[test]
fn a_licence_is_told_as_it_stood_on_the_day_of_the_capture() {
    // 2025-11-24 in UTC+8, whatever the clock of the reader.
    let day = Utc(AT).plus(8 * 3600 * crate::time::SECOND).to_micros()[..10].to_owned();
    let ended =
        Ended { record: record(40), received_at: Utc(AT + 1), gen_time: "20261124030500Z".into(), from: day.clone() };
    let licences = vec![
        licence(20, "2020-01-01", None),
        licence(21, "2020-01-01", Some("2020-02-01")),
        licence(22, "2090-01-01", None),
        Licence { ended: Some(ended.clone()), ..licence(23, "2020-01-01", None) },
        Licence { ended: Some(Ended { from: "2090-01-01".into(), ..ended }), ..licence(24, &day, Some(&day)) },
        Licence { place: Place::Elsewhere, pairs: vec![1], ..licence(25, "2020-01-01", None) },
        Licence { place: Place::Any, ..licence(26, "2020-01-01", None) },
    ];
    let document = told(licences);
    let states: Vec<&str> =
        document.licences.iter().flat_map(|l| &l.listed).map(|l| l.state(&document.capture).as_str()).collect();
    assert_eq!(states, ["valid", "over", "coming", "ended", "valid", "valid", "valid"]);
    let bytes = document.to_bytes().unwrap();
    assert_eq!(Comparison::parse(&bytes).unwrap(), document);
    // Version 1 does not tell, and still is one.
    assert!(super::Comparison::parse(&self::document().to_bytes().unwrap()).unwrap().licences.is_none());
}

#[test]
fn licences_that_contradict_are_refused() {
    let one = || licence(20, "2020-01-01", None);
    let ended = |n: u8, at: i64| Ended {
        record: record(n),
        received_at: Utc(at),
        gen_time: "20261124030500Z".into(),
        from: "2026-01-01".into(),
    };
    for bad in [
        vec![one(), one()],
        vec![licence(21, "2020-01-01", None), one()],
        vec![licence(20, "2020-01-01", Some("2019-12-31"))],
        vec![licence(20, "2020-02-30", None)],
        vec![Licence { pairs: vec![3], ..one() }],
        vec![Licence { pairs: vec![1, 1], ..one() }],
        vec![Licence { pairs: vec![2, 0], ..one() }],
        vec![Licence { pairs: vec![], place: Place::Elsewhere, ..one() }],
        vec![Licence { received_at: Utc(AT + 9000), ..one() }],
        vec![Licence { ended: Some(ended(20, AT)), ..one() }],
        vec![Licence { ended: Some(ended(41, AT + 9000)), ..one() }],
    ] {
        assert!(told(bad.clone()).to_bytes().is_err(), "{bad:?}");
    }
    let fewer = Comparison { licences: Some(Licences { listed: vec![one()], found: 2 }), ..document() };
    assert!(fewer.to_bytes().is_err(), "more than are listed, though there is room");
    let text = String::from_utf8(told(vec![one()]).to_bytes().unwrap()).unwrap();
    for (from, to) in [
        ("\"state\":\"valid\"", "\"state\":\"over\""),
        ("\"place\":\"page\"", "\"place\":\"any\""),
        ("comparison/v2", "comparison/v1"),
    ] {
        assert!(text.contains(from));
        assert!(Comparison::parse(text.replace(from, to).as_bytes()).is_err(), "{to}");
    }
}
