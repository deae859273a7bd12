//! From a package's entries to a page, and again.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../../verify/tests/common/mod.rs"]
mod common;
#[allow(dead_code)]
mod sheets;

use certificate::{Beside, Error, Fonts, Locale, Occasion, Outcome, Sheet, Verdict, draw, redraw, thumbnail_in};
use common::World;
use evidence::{
    disclosure,
    json::{Value, json},
    statement::{Custody, Kind, OperatorRelation},
    time::Utc,
};
use proptest::prelude::*;
use std::collections::BTreeMap;
use verify::{Container, Trust};

type Entries = BTreeMap<String, Vec<u8>>;

const ID: &str = "11010519491231002X";

/// A person's photograph with every disclosure, the full number too.
fn claims(id: &str) -> Vec<(&'static str, Value)> {
    let masked = format!("{}{}{}", &id[..1], "*".repeat(16), &id[17..]);
    vec![
        ("owner_kind", json!("individual")),
        ("owner_name", json!("林喆珺")),
        ("owner_id", json!(id)),
        ("owner_id_masked", json!(masked)),
        ("identity_method", json!("self-declared")),
        ("file_name", json!("DSC_4871-终稿.jpg")),
        ("title", json!("德文特湖的傍晚")),
        ("author", json!("林喆珺、Zoë Škoda Wałęsa-Nguyễn")),
        ("work_origin", json!("self")),
        ("completed_at", json!("2026-10-31")),
    ]
}

struct Case {
    world: World,
    entries: Entries,
}

fn case(kind: Kind, relation: OperatorRelation, custody: Custody, independent: bool, claims: &[(&str, Value)]) -> Case {
    let world = World::new(7);
    let (mut statement, disclosures) = world.statement(kind, claims);
    statement.operator_relation = Some(relation);
    statement.file.as_mut().unwrap().custody = custody;
    world.pass(1);
    let token = world.authority.stamp(&statement.to_bytes().unwrap()).unwrap();
    let made = common::made(statement, vec![token], disclosures);
    let ledger = [world.operator(), made, world.image("乙")];
    let mut entries: Entries = world.entries(&ledger, 1).into_iter().collect();
    let roles = world.trust_files(independent).swap_remove(1).1;
    entries.insert("trust-roles.json".into(), roles);
    Case { world, entries }
}

fn person() -> Case {
    case(Kind::Image, OperatorRelation::SamePerson, Custody::Held, false, &claims(ID))
}

impl Case {
    fn occasion(&self, locale: Locale) -> Occasion {
        Occasion { locale, checked: self.world.now().plus(1_234_567), earlier: Some(0), original_read: true }
    }

    fn draw(&self, occasion: &Occasion, thumbnail: Option<&[u8]>) -> Vec<u8> {
        draw(&self.entries, occasion, thumbnail, &Fonts::with_system()).unwrap()
    }

    fn sheet(&self, original_read: bool) -> Sheet {
        let carried = self.entries.iter().filter_map(|(n, b)| Some((n.strip_prefix("trust-")?.to_owned(), b.clone())));
        let trust = Trust::from_files(carried).unwrap();
        let originals = if original_read { common::picture() } else { Vec::new() };
        let now = self.world.now();
        let verdict = verify::check(&self.entries, Container::Folder, &trust, &originals, now);
        Sheet::from_verdict(&verdict, &Beside { checked: now, earlier: None, root_file: None }).unwrap()
    }
}

#[test]
fn the_page_says_what_the_verdict_holds() {
    let s = person().sheet(true);
    assert_eq!(s.check(), Ok(()));
    assert_eq!((s.verdict, s.reserved()), (Verdict::Verified, true));
    assert_eq!((s.owner.name.as_str(), s.title.as_deref()), ("林喆珺", Some("德文特湖的傍晚")));
    assert_eq!(s.owner.number.as_ref().unwrap().value, "1****************X");
    let t1 = s.t1.as_ref().unwrap();
    assert_eq!((t1.independent, t1.result, t1.at.len()), (false, Outcome::Limited, 20));
    let said = serde_json::to_string(&s).unwrap();
    // Paper has no reader's trust, and a single operator is said to be one.
    assert!(!said.contains("您") && !said.contains("our trust") && !said.contains("our policy"), "{said}");
    assert!(said.contains("单一运营者") && said.contains("single operator"), "{said}");
}

#[test]
fn an_independent_authority_is_one_by_the_roles_alone() {
    let c = case(Kind::Image, OperatorRelation::IndependentDeclared, Custody::Held, true, &claims(ID));
    let t1 = c.sheet(true).t1.unwrap();
    assert_eq!((t1.independent, t1.result), (true, Outcome::Pass));
}

#[test]
fn a_file_that_was_not_read_again_is_not_claimed() {
    let c = case(Kind::Image, OperatorRelation::IndependentDeclared, Custody::Read, false, &claims(ID));
    let s = c.sheet(false);
    assert_eq!((s.check(), s.verdict, s.unread(), s.compared()), (Ok(()), Verdict::Incomplete, true, false));
    let occasion = Occasion { original_read: false, ..c.occasion(Locale::Zh) };
    if let Some(page) = sheets::text(&c.draw(&occasion, None)) {
        assert!(page.contains("待与原件比对") && page.contains("摘要、存证主体与声明"), "{page}");
        assert!(!page.contains("核验一致") && !page.contains("文件、存证主体与声明"), "{page}");
    }
}

#[test]
fn what_contradicts_is_printed_as_such_and_its_date_is_not() {
    let mut c = person();
    let other = c.world.authority.stamp(b"another statement").unwrap();
    c.entries.insert("timestamp-1.tsr".into(), other);
    let s = c.sheet(true);
    assert_eq!((s.check(), s.verdict, s.t1.is_none()), (Ok(()), Verdict::NotVerified, true));
    let mut c = person();
    c.entries.insert("disclosure.json".into(), disclosure::set_to_bytes(&[]).unwrap());
    assert_eq!(c.sheet(true).owner.name, "—");
    let foreign = World::new(9).statement(Kind::Image, &claims(ID)).1;
    c.entries.insert("disclosure.json".into(), disclosure::set_to_bytes(&foreign).unwrap());
    let s = c.sheet(true);
    assert_eq!((s.owner.name.as_str(), s.title, s.t1.is_none()), ("林喆珺", Some("德文特湖的傍晚".into()), false));
}

#[test]
fn the_page_is_drawn_again_from_what_it_carries() {
    let c = person();
    let picture = sheets::thumbnail(450, 300);
    for locale in [Locale::Zh, Locale::En] {
        let pdf = c.draw(&c.occasion(locale), Some(&picture));
        sheets::keep("person", locale, &pdf);
        if let Some(text) = sheets::text(&pdf) {
            assert_eq!(text.matches('\u{c}').count(), 2, "{locale:?}: two pages, as people read them");
            assert!(text.contains("Zoë Škoda Wałęsa-Nguyễn"), "{text}");
        }
        assert_eq!(thumbnail_in(&pdf), Some(&picture[..]), "the JPEG stands in the file as it was given");
        assert!(redraw(&pdf, &c.entries).unwrap() == pdf, "{locale:?}: drawn again it is another page");
        // A package's other entries change nothing.
        let mut more = c.entries.clone();
        more.insert("package.json".into(), vec![]);
        more.insert("certificate.pdf".into(), pdf.clone());
        assert!(redraw(&pdf, &more).unwrap() == pdf);
    }
    let pdf = c.draw(&Occasion { earlier: None, original_read: false, ..c.occasion(Locale::En) }, None);
    assert!(thumbnail_in(&pdf).is_none() && redraw(&pdf, &c.entries).unwrap() == pdf);
}

#[test]
fn another_picture_evidence_or_page_is_noticed() {
    let c = person();
    let pdf = c.draw(&c.occasion(Locale::Zh), Some(&sheets::thumbnail(450, 300)));
    let other = case(Kind::Image, OperatorRelation::SamePerson, Custody::Held, false, &[("owner_name", json!("王某"))]);
    assert!(redraw(&pdf, &other.entries).unwrap() != pdf, "other evidence, the same page");
    let mut changed = pdf.clone();
    let at = changed.len() / 2;
    changed[at] ^= 1;
    assert!(redraw(&changed, &c.entries).map_or(true, |again| again != changed));
    let find = |what: &[u8]| pdf.windows(what.len()).position(|w| w == what).unwrap();
    let mut newer = pdf.clone();
    newer[find(b"<xmp:CreatorTool>Quezao") + 17] = b'K';
    assert!(matches!(redraw(&newer, &c.entries), Err(Error::Mismatch { what: "software", .. })));
    let mut foreign = pdf.clone();
    let keywords = find(b"<pdf:Keywords>");
    foreign[keywords + b"<pdf:Keywords>".len()..][..60].fill(b'k');
    assert!(matches!(redraw(&foreign, &c.entries), Err(Error::Malformed { what: "keywords", .. })));
    assert!(redraw(b"%PDF-1.7 of somebody else", &c.entries).is_err());
}

#[test]
fn a_character_that_no_font_has_stands_as_its_number() {
    let mut claims = claims(ID);
    claims[5].1 = json!("猫😺-𠮷.jpg");
    let c = case(Kind::Image, OperatorRelation::SamePerson, Custody::Held, false, &claims);
    let pdf = draw(&c.entries, &c.occasion(Locale::En), None, &Fonts::embedded()).unwrap();
    if let Some(page) = sheets::text(&pdf) {
        assert!(page.contains("猫[U+1F63A]-[U+20BB7].jpg"), "{page}");
    }
    // A machine with more fonts draws the same page: the page itself says which characters it spelled.
    assert!(redraw(&pdf, &c.entries).unwrap() == pdf);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_full_number_is_on_no_sheet(id in "[1-9][0-9]{16}[0-9X]") {
        let c = case(Kind::Image, OperatorRelation::SamePerson, Custody::Held, false, &claims(&id));
        prop_assert!(c.entries["disclosure.json"].len() > 1000);
        let s = c.sheet(true);
        prop_assert_eq!(s.owner.name.as_str(), "林喆珺");
        let said = serde_json::to_string(&s).unwrap();
        prop_assert!(!said.contains(&id) && !said.contains(&id[1..17]));
    }

    #[test]
    fn no_changed_page_is_drawn_again(at in any::<prop::sample::Index>(), bit in 0..8u32, cut in any::<bool>()) {
        let c = person();
        let mut pdf = c.draw(&c.occasion(Locale::En), Some(&sheets::thumbnail(60, 40)));
        let at = at.index(pdf.len());
        // A thumbnail is taken from the file, so only the original can contradict it; nothing else is free.
        let thumbnail = thumbnail_in(&pdf).unwrap().as_ptr() as usize - pdf.as_ptr() as usize;
        prop_assume!(!(thumbnail..thumbnail + thumbnail_in(&pdf).unwrap().len()).contains(&at));
        pdf[at] ^= 1 << bit;
        if cut {
            pdf.truncate(at + 1);
        }
        prop_assert!(redraw(&pdf, &c.entries).map_or(true, |again| again != pdf));
    }

    #[test]
    fn any_change_gives_a_true_sheet_or_none(
        entry in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), value in any::<u8>(),
    ) {
        let mut c = person();
        let name = c.entries.keys().nth(entry.index(c.entries.len())).unwrap().clone();
        let bytes = c.entries.get_mut(&name).unwrap();
        let at = at.index(bytes.len());
        bytes[at] = value;
        let carried = c.entries.iter().filter_map(|(n, b)| Some((n.strip_prefix("trust-")?.to_owned(), b.clone())));
        if let Ok(trust) = Trust::from_files(carried) {
            let verdict = verify::check(&c.entries, Container::Folder, &trust, &common::picture(), c.world.now());
            let beside = Beside { checked: Utc(0), earlier: None, root_file: None };
            if let Ok(sheet) = Sheet::from_verdict(&verdict, &beside) {
                // Whatever the verdict is, the sheet does not contradict it.
                prop_assert_eq!(sheet.check(), Ok(()));
                prop_assert_eq!(sheet.verdict == Verdict::Verified, verdict.result == verify::Overall::Verified);
            }
        }
    }
}
