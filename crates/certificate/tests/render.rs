//! What a reader of the page, and of the file behind it, relies on.
#![allow(clippy::unwrap_used, missing_docs)]

#[allow(dead_code)]
mod sheets;

use certificate::{
    Article, Asked, Block, Error, Examination, Examined, Fonts, Locale, Outcome, Pictures, Seen, Sheet, Verdict, Words,
    render, render_examination, render_report,
};
use sheets::{keep, poppler, text};

const BOTH: [Locale; 2] = [Locale::Zh, Locale::En];

fn draw(sheet: &Sheet, picture: Option<(u32, u32)>, locale: Locale) -> Vec<u8> {
    let picture = picture.map(|(w, h)| sheets::thumbnail(w, h));
    render(sheet, picture.as_deref(), &sheets::attachments(), locale, &Fonts::embedded()).unwrap()
}

#[test]
fn every_sheet_draws_and_draws_again_the_same() {
    let cases = [
        ("merchant", sheets::merchant(), Some((450, 282))),
        ("self", sheets::self_made(), Some((450, 300))),
        ("full", sheets::full(), Some((450, 300))),
        ("long", sheets::long(), Some((200, 400))),
        ("digest", sheets::digest(), None),
        ("incomplete", sheets::incomplete(), None),
        ("not-verified", sheets::not_verified(), Some((400, 400))),
        ("strip", sheets::merchant(), Some((1600, 60))),
        ("pole", sheets::self_made(), Some((20, 1600))),
    ];
    for (name, sheet, picture) in cases {
        for locale in BOTH {
            let pdf = draw(&sheet, picture, locale);
            assert!(pdf.starts_with(b"%PDF-1.7"));
            assert_eq!(pdf, draw(&sheet, picture, locale), "{name} {locale:?}: two drawings differ");
            keep(name, locale, &pdf);
        }
    }
}

#[test]
fn a_report_draws_and_draws_again_the_same() {
    let (mut sheet, pictures) = sheets::capture();
    let fonts = Fonts::embedded();
    for locale in BOTH {
        let draw = || render_report(&sheet, &pictures, &sheets::attachments(), locale, &fonts).unwrap();
        let pdf = draw();
        assert_eq!(pdf, draw());
        keep("capture", locale, &pdf);
        // Each part is in the file once, whatever is cut out of it.
        assert_eq!(pdf.windows(10).filter(|w| w == b"/DCTDecode").count(), 2);
    }
    let fewer = Pictures { parts: pictures.parts[..1].to_vec(), ..pictures };
    assert!(matches!(render_report(&sheet, &fewer, &[], Locale::Zh, &fonts), Err(Error::Mismatch { .. })));
    sheet.kind = certificate::Kind::Image;
    assert!(matches!(sheet.check(), Err(Error::Mismatch { .. })));
}

#[test]
fn every_page_counts_itself() {
    for (sheet, pages) in [(sheets::merchant(), 2), (sheets::not_verified(), 2), (sheets::long(), 2)] {
        let Some(text) = text(&draw(&sheet, Some((200, 400)), Locale::En)) else { return };
        for (i, page) in text.trim_end_matches('\u{c}').split('\u{c}').enumerate() {
            assert!(page.contains(&format!("Page {} of {pages}", i + 1)), "{page}");
            let first = page.trim_start().lines().take(2).collect::<String>();
            assert_eq!(first.contains(&sheet.id) && first.contains("Certificate"), i > 0, "{first}");
        }
    }
}

#[test]
fn the_languages_are_two_sheets() {
    let s = sheets::merchant();
    assert_ne!(draw(&s, None, Locale::Zh), draw(&s, None, Locale::En));
}

#[test]
fn attachments_keep_names_and_bytes() {
    let pdf = draw(&sheets::merchant(), None, Locale::Zh);
    if let Some(list) = poppler("pdfdetach", &["-list", "PDF"], &pdf) {
        let names: Vec<_> = list.lines().filter_map(|l| l.split_once(": ")).map(|(_, n)| n.to_owned()).collect();
        let mut want: Vec<_> = sheets::attachments().into_iter().map(|(n, _)| n).collect();
        let mut found = names.clone();
        want.sort();
        found.sort();
        assert_eq!(found, want);
    }
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    if poppler("pdfdetach", &["-saveall", "-o", out, "PDF"], &pdf).is_some() {
        for (name, bytes) in sheets::attachments() {
            assert_eq!(std::fs::read(folder.path().join(name)).unwrap(), bytes);
        }
    }
}

#[test]
fn the_words_are_text_and_digests_copy_whole() {
    let s = sheets::self_made();
    let Some(page) = text(&draw(&s, None, Locale::Zh)) else { return };
    for want in [
        &*s.id,
        "自行固定记录",
        "电子数据存证证书",
        "非作品登记证书",
        "自签时间标记",
        "3301**********0024",
        "软件不能回答",
        "核验一致，有保留",
    ] {
        assert!(page.contains(want), "{want} is not in\n{page}");
    }
    assert!(
        s.file.as_ref().is_some_and(|f| page.contains(&f.sha256) && page.contains(&f.sm3)),
        "a digest does not copy as one string\n{page}"
    );
    for row in [&s.ledger.record[..32], &s.ledger.record[32..], &s.ledger.root[..32], &s.ledger.root[32..]] {
        assert!(page.contains(row), "{row}");
    }
    // Where no platform is, none is named; where no outside authority is, no 可信时间戳.
    assert!(!page.contains("平台自签") && !page.contains("可信时间戳"));
    assert!(!page.contains("证据确凿") && !page.contains("司法"));
}

/// Rare name characters, and scripts whose letters stack (Tibetan), join from right to left (Uyghur) or join with
/// selectors (Mongolian).
const RARE: [&str; 4] = ["喆珺镕燊㐱䶮𠮷", "བོད་ཀྱི་རི་མོ་བསྒྲུབས", "ئۇيغۇرچە رەسىم ئىلھام", "ᠮᠣᠩᠭᠣᠯ ᠵᠢᠷᠤᠭ"];

#[test]
fn rare_characters_and_the_scripts_of_the_west_and_north_are_printed_or_named() {
    let fonts = Fonts::with_system();
    if !fonts.missing(&RARE.concat()).is_empty() {
        eprintln!("not run: fonts-noto-cjk and fonts-noto-core are not installed");
        return;
    }
    let mut s = sheets::merchant();
    s.owner.name = RARE[0].into();
    s.title = Some(RARE[1].into());
    s.claims = vec![
        certificate::Claim { label: certificate::Words::same("作者"), value: certificate::Words::same(RARE[2]) },
        certificate::Claim {
            label: certificate::Words::same("作品来源"), value: certificate::Words::same(RARE[3])
        },
    ];
    for locale in BOTH {
        let pdf = render(&s, None, &sheets::attachments(), locale, &fonts).unwrap();
        assert_eq!(pdf, render(&s, None, &sheets::attachments(), locale, &fonts).unwrap());
        keep("rare", locale, &pdf);
        let Some(page) = text(&pdf) else { return };
        for script in [RARE[0], RARE[3]] {
            assert!(page.contains(script), "{script} is not in\n{page}");
        }
        // A reader of the text layer may order what runs from right to left as it likes, but has every letter.
        assert!(RARE[1].chars().chain(RARE[2].chars()).all(|c| page.contains(c)), "{page}");
    }
    // Without those fonts it is refused, and what cannot be drawn is named.
    let missing = Fonts::embedded().missing(&RARE.concat());
    for c in ['㐱', '𠮷', 'བ', 'ئ', 'ᠮ'] {
        assert!(missing.contains(&c), "{c}");
    }
    assert!(render(&s, None, &sheets::attachments(), Locale::Zh, &Fonts::embedded()).is_err());
}

#[test]
fn an_unmasked_number_never_gets_onto_the_page() {
    let mut s = sheets::self_made();
    s.owner.number.as_mut().unwrap().value = "330102199001010024".into();
    let error = render(&s, None, &[], Locale::Zh, &Fonts::embedded()).unwrap_err();
    assert!(!error.to_string().contains("330102199001010024"), "{error}");
    let pdf = draw(&sheets::self_made(), None, Locale::Zh);
    if let Some(page) = text(&pdf) {
        assert!(!page.contains("330102199001010024"));
    }
}

#[test]
fn long_names_are_whole() {
    let s = sheets::long();
    let Some(page) = poppler("pdftotext", &["-raw", "PDF", "-"], &draw(&s, Some((200, 400)), Locale::Zh)) else {
        return;
    };
    let squeezed: String = page.chars().filter(|c| !c.is_whitespace()).collect();
    for want in [
        &s.operator.name,
        &s.owner.name,
        s.title.as_ref().unwrap(),
        s.file.as_ref().unwrap().name.as_ref().unwrap(),
        &s.account.zh,
        &s.claims[2].value.zh,
    ] {
        let want: String = want.chars().filter(|c| !c.is_whitespace()).collect();
        assert!(squeezed.contains(&want), "{want} is not in\n{squeezed}");
    }
}

#[test]
fn a_date_without_its_token_is_not_printed() {
    let s = sheets::incomplete();
    let Some(page) = text(&draw(&s, None, Locale::Zh)) else { return };
    assert!(page.contains("尚不完整") && page.contains("没有可用的时间") && !page.contains("核验一致"));
    let Some(page) = text(&draw(&sheets::not_verified(), None, Locale::En)) else { return };
    assert!(page.contains("Not consistent") && page.contains("token fails") && !page.contains("Consistent with"));
}

#[test]
fn a_digest_says_that_no_file_was_shown() {
    let Some(page) = text(&draw(&sheets::digest(), None, Locale::Zh)) else { return };
    assert!(page.contains("摘要存证") && page.contains("是否持有文件未经证明") && !page.contains("缩略图"));
}

#[test]
fn the_sheet_claims_no_more_than_its_verdict() {
    let mut s = sheets::merchant();
    s.checks[3].result = Outcome::Fail;
    assert!(matches!(s.check(), Err(Error::Mismatch { .. })));
    s.checks[3].result = Outcome::NotChecked;
    assert!(matches!(s.check(), Err(Error::Mismatch { .. })));
    s.verdict = Verdict::Incomplete;
    assert_eq!(s.check(), Ok(()));
    s.verdict = Verdict::NotVerified;
    assert!(matches!(s.check(), Err(Error::Mismatch { .. })));
    let mut s = sheets::merchant();
    s.t2 = None;
    assert!(matches!(s.check(), Err(Error::Mismatch { .. })));
    s.events.clear();
    assert!(matches!(s.check(), Err(Error::Mismatch { .. })));
}

#[test]
fn bad_input_gets_an_answer() {
    let fonts = Fonts::embedded();
    let go = |s: &Sheet, t: Option<&[u8]>, a: &[(String, Vec<u8>)]| render(s, t, a, Locale::Zh, &fonts).unwrap_err();
    let s = sheets::merchant();
    for name in ["", "../x", "a/b", ".hidden", "a b", "a\0b", "释义.json"] {
        assert!(matches!(go(&s, None, &[(name.into(), vec![])]), Error::Malformed { .. }), "{name:?}");
    }
    assert!(matches!(go(&s, None, &[("a".into(), vec![]), ("a".into(), vec![])]), Error::Malformed { .. }));
    assert!(matches!(go(&s, Some(b"\x89PNG"), &[]), Error::Malformed { .. }));
    assert!(matches!(go(&s, Some(b"\xff\xd8\xff\xe0 cut"), &[]), Error::Typeset { .. }));
    assert!(matches!(go(&s, Some(&vec![0xff; 3 << 20]), &[]), Error::TooLarge { .. }));
    let with = |f: &dyn Fn(&mut Sheet)| {
        let mut s = sheets::merchant();
        f(&mut s);
        go(&s, None, &[])
    };
    assert!(matches!(with(&|s| s.file.as_mut().unwrap().sm3.make_ascii_uppercase()), Error::Malformed { .. }));
    assert!(matches!(with(&|s| s.ledger.origin = "no-slash".into()), Error::Malformed { .. }));
    assert!(matches!(with(&|s| s.checked = "yesterday".into()), Error::Malformed { .. }));
    assert!(matches!(with(&|s| s.title = Some("长".repeat(8_193))), Error::TooLarge { .. }));
    assert_eq!(with(&|s| s.owner.name = "王\u{202e}𠮷".into()), Error::Glyph { missing: vec!['\u{202e}', '𠮷'] });
}

#[test]
fn the_system_stands_behind_the_subset() {
    let fonts = Fonts::with_system();
    let mut s = sheets::merchant();
    s.owner.name = "𠮷野㐂藏".into();
    match render(&s, None, &[], Locale::Zh, &fonts) {
        Ok(pdf) => {
            let Some(page) = text(&pdf) else { return };
            assert!(page.contains("𠮷野㐂藏"), "{page}");
            let plain = sheets::merchant();
            assert_eq!(
                render(&plain, None, &[], Locale::Zh, &fonts).unwrap(),
                render(&plain, None, &[], Locale::Zh, &Fonts::embedded()).unwrap(),
                "a sheet that the subset covers is the same with and without the system's fonts"
            );
        }
        Err(Error::Glyph { missing }) => eprintln!("not run: no font here has {missing:?} (Debian: fonts-noto-cjk)"),
        Err(e) => panic!("{e}"),
    }
}

#[test]
fn no_text_of_a_sheet_is_source() {
    let mut s = sheets::merchant();
    s.title = Some("#read(\"/sheet.json\") *a* $x$ `b` \\ <l> @r {checked} {n}".into());
    s.file.as_mut().unwrap().name = Some("a'; rm -rf x'.jpg".into());
    let Some(page) = text(&draw(&s, None, Locale::En)) else { return };
    assert!(page.contains("#read(") && page.contains("*a*") && page.contains("rm -rf"), "{page}");
}

/// A node's report: one decision, one rule, one line of each kind.
fn examination() -> Examination {
    let seen = |id: &str, result, zh: &str, en: &str, values: Option<(&str, &str)>| Seen {
        id: id.into(),
        result,
        text: Words::new(zh, en),
        values: values.map(|(a, b)| (a.into(), b.into())),
    };
    let (sha256, sm3) = ("d530a1e22a4e529ca65a7dfc85dd3e9a1ff11f132d82b8c5223777fe63185a89", "0d".repeat(32));
    let file = seen(
        "file",
        Some(Outcome::Fail),
        "文件与声明不一致。",
        "The file is not the one stated.",
        Some((sha256, &sm3)),
    );
    let token = seen(
        "statement-token-1",
        Some(Outcome::Limited),
        "时间由运营者自己确定。",
        "The time is the operator's own.",
        None,
    );
    let beyond = || Words::new("运营者的资格由其他证据说明。", "The operator's standing needs other evidence.");
    Examination {
        id: "019ab3c1-e6f0-7c4e-9f20-5d1e8a6b4c38".into(),
        checked: "2026-11-24T03:05:00Z".into(),
        institution: "北辰市中级人民法院（示例）".into(),
        key: Some("court.example/node/witness+0a1b2c3d+BEEFBEEFBEEFBEEFBEEFBEEFBEEFBEEFBEEFBEEFBEE=".into()),
        files: vec![Examined { name: "证书.pdf".into(), size: 184_233, sha256: sha256.into(), sm3: sm3.clone() }],
        verdict: Verdict::NotVerified,
        reserved: false,
        roots: Words::new("本机构的信任文件夹（4 个文件）", "this institution's trust folder (4 files)"),
        record: Some("019ab3c1-e6f0-7c4e-9f20-5d1e8a6b4c37".into()),
        blocks: vec![Block {
            title: Words::new("文件是否未变", "Is the file unchanged?"),
            seen: vec![file.clone(), seen("stated", None, "作者：林晚", "Author: 林晚", None)],
            beyond: vec![beyond()],
        }],
        articles: vec![Article {
            rule: Words::new("《人民法院在线诉讼规则》第十六条", "Online Litigation Rules, Article 16"),
            source: Words::same("法释〔2021〕12 号"),
            asked: vec![Asked {
                item: "（一）".into(),
                question: Words::new("经技术核验是否一致", "Does it agree when verified?"),
                seen: vec![file.clone(), token.clone()],
                beyond: Some(beyond()),
            }],
        }],
        checks: vec![file, token],
        nots: vec![Words::new("不证明谁是作者。", "It does not show who the author is.")],
        software: Words::new("鹊凿 0.1.0", "Quezao 0.1.0"),
    }
}

#[test]
fn a_node_s_report_draws_the_same_twice_and_says_what_software_cannot() {
    let fonts = Fonts::embedded();
    for (locale, said) in [
        (Locale::Zh, ["核验报告", "按规则逐条回答", "软件不能回答", "应为"]),
        (Locale::En, ["Verification Report", "Under the rules that ask", "Beyond software", "must be"]),
    ] {
        let draw = || render_examination(&examination(), &sheets::attachments(), locale, &fonts).unwrap();
        let pdf = draw();
        assert_eq!(pdf, draw());
        keep("examination", locale, &pdf);
        let Some(words) = text(&pdf) else { continue };
        assert!(said.iter().all(|s| words.contains(s)), "{words}");
    }
    let refused = |change: &dyn Fn(&mut Examination)| {
        let mut report = examination();
        change(&mut report);
        render_examination(&report, &[], Locale::Zh, &fonts).unwrap_err()
    };
    assert!(matches!(refused(&|r| r.files[0].sha256 = "D530".into()), Error::Malformed { what: "digest", .. }));
    // What a party wrote keeps nobody from having his report.
    let mut report = examination();
    report.files[0].name = "a\u{202e}fdp.\u{10ffff}".into();
    report.checks[0].values = Some(("长".repeat(10_000), "b\u{7}".into()));
    let pdf = render_examination(&report, &[], Locale::En, &fonts).unwrap();
    if let Some(words) = text(&pdf) {
        let words: String = words.split_whitespace().collect();
        assert!(words.contains("a\\u{202e}fdp.\\u{10ffff}") && words.contains("长…") && words.contains("b\\u{7}"));
        assert!(words.contains("toolargetobeattached"), "says that the evidence is not inside");
    }
}
