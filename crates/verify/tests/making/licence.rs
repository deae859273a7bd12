//! Licences: the record, what ended it, and what the licensee confirmed.

use super::{
    Book,
    related::{Later, added, reference},
    world::{Build, World, at, canonical},
};
use evidence::{
    json::{Value, json},
    statement::Kind,
};

const ID: &str = "related-N";

fn claims(world: &World) -> Vec<(&'static str, Value)> {
    let (picture, _) = world.image_of("甲", 5, at(50));
    vec![
        ("owner_kind", json!("individual")),
        ("owner_name", json!("甲")),
        ("licensee_name", json!("丙店")),
        ("licensee_shop", json!("丙的小店")),
        ("licensee_urls", json!(["https://shop.example/c/*"])),
        ("licence_from", json!("2026-01-06")),
        ("licence_until", json!("2027-01-05")),
        ("licence_scope", json!("商品详情页")),
        ("refs", json!([reference(&picture, &world.record(&picture, at(51)))])),
    ]
}

/// A licence with some of its claims said otherwise.
pub(super) fn licence(b: &mut Build, instead: &[(&'static str, Value)]) {
    let mut claims = claims(&b.world);
    for (name, value) in instead {
        claims.retain(|(other, _)| other != name);
        claims.push((name, value.clone()));
    }
    b.kind(Kind::Licence, &claims);
    b.originals.clear();
}

/// Record and disclosures of the picture that [`claims`] names, as they are carried along.
fn carried(world: &World, owner: &str, n: u64) -> [Vec<u8>; 2] {
    let (picture, opened) = world.image_of(owner, n, at(50));
    let mut names = Kind::Image.claims();
    names.sort_unstable();
    let shown = names.iter().zip(opened).filter(|(name, _)| ["title", "file_name"].contains(name));
    let shown: Vec<String> = shown.map(|(_, encoded)| encoded).collect();
    [world.record(&picture, at(51)), canonical(&json!(shown))]
}

fn named(book: &mut Book, file: (&'static str, &'static str)) {
    fn put(b: &mut Build, entries: Vec<(&'static str, Vec<u8>)>) {
        licence(b, &[]);
        b.entries = Box::new(move |_, all| {
            all.extend(entries.iter().map(|(name, bytes)| (format!("related-named-{name}.json"), bytes.clone())));
        });
    }
    let world = World::new(1);
    let [record, disclosure] = carried(&world, "甲", 5);
    let (other, another) = (carried(&world, "乙", 3), carried(&world, "甲", 9)[1].clone());
    let both =
        |record: &[u8], disclosure: &[u8]| vec![("01-disclosure", disclosure.to_vec()), ("01-record", record.to_vec())];
    let more = [&record[..], b"\n"].concat();
    let good = both(&record, &disclosure);
    book.good("named", "carried", "the record that a licence names is carried along", |b| put(b, good))
        .and(file.0, file.1);
    for (slug, what, entries) in [
        ("another", "another picture's record stands for the named one", both(&other[0], &other[1])),
        ("title", "a title that its record does not commit to", both(&record, &another)),
        ("byte", "a byte more behind its record", both(&more, &disclosure)),
        (
            "beyond",
            "a record at a place that the licence has not",
            vec![("02-disclosure", disclosure.clone()), ("02-record", record.clone())],
        ),
    ] {
        book.bad("named", slug, what, |b| put(b, entries)).and(file.0, file.1);
    }
    let good = both(&record, &disclosure);
    book.bad("named", "id", "a licence that gives the record another number", |b| {
        let (picture, _) = b.world.image_of("甲", 5, at(50));
        let mut another = reference(&picture, &record);
        another["id"] = b.world.image_of("乙", 3, at(70)).0["id"].clone();
        licence(b, &[("refs", json!([another]))]);
        b.entries = Box::new(move |_, all| {
            all.extend(good.iter().map(|(name, bytes)| (format!("related-named-{name}.json"), bytes.clone())));
        });
    })
    .and(file.0, file.1);
    let alone = vec![("01-record", record.clone())];
    book.good("named", "alone", "a named record without what opens it: not checked, not required", |b| put(b, alone))
        .and("named", "not_checked")
        .and(file.0, file.1);
    let good = both(&record, &disclosure);
    book.good("named", "picture", "such names in the package of a picture are reserved", |b| {
        b.entries = Box::new(move |_, all| {
            all.extend(good.iter().map(|(name, bytes)| (format!("related-named-{name}.json"), bytes.clone())));
        });
    });
}

fn revocation() -> Later {
    let claims = vec![("revoked_at", json!("2026-01-20")), ("revoked_reason", json!("双方同意"))];
    Later { kind: Kind::Revocation, claims, ..Later::default() }
}

fn confirmation() -> Later {
    let claims = vec![("confirmed_by", json!("丙")), ("confirmed_how", json!("link"))];
    Later { kind: Kind::Confirmation, claims, ..Later::default() }
}

pub fn cases(book: &mut Book) {
    let file = ("file", "not_checked");
    book.good("statement", "licence", "a licence, without a file", |b| licence(b, &[])).and(file.0, file.1);
    for (slug, kind) in [("revocation", Kind::Revocation), ("confirmation", Kind::Confirmation)] {
        book.good("statement", slug, "about a licence, as a record of its own", |b| {
            let mut own = claims(&b.world);
            own.retain(|(name, _)| kind.claims().contains(name));
            own.extend(revocation().claims.into_iter().chain(confirmation().claims));
            own.retain(|(name, _)| kind.claims().contains(name));
            b.kind(kind, &own);
            b.originals.clear();
        })
        .and(file.0, file.1);
    }
    let mut bad = |slug, what, instead: &[(&'static str, Value)]| {
        book.bad("disclosures", slug, what, |b| licence(b, instead)).and(file.0, file.1);
    };
    bad("licence-nobody", "a licence that names no licensee", &[("licensee_name", Value::Null)]);
    bad("licence-nothing", "a licence of no picture", &[("refs", json!([]))]);
    bad("licence-backwards", "a licence that ends before it begins", &[("licence_until", json!("2026-01-05"))]);
    bad("licence-date", "a licence from a day that does not exist", &[("licence_from", json!("2026-02-30"))]);
    bad("licence-urls", "URL patterns that are no list", &[("licensee_urls", json!("https://shop.example/"))]);
    book.bad("statement", "licence-file", "a licence with a file", |b| {
        let file = b.statement["file"].clone();
        licence(b, &[]);
        b.statement["file"] = file;
        b.originals.clear();
    })
    .statement_stops();

    named(book, file);
    book.good(ID, "ended-licence", "the licensor ended the licence", |b| {
        licence(b, &[]);
        added(b, revocation());
    })
    .and(file.0, file.1);
    book.good(ID, "confirmed-licence", "the platform recorded that the licensee confirmed it", |b| {
        licence(b, &[]);
        added(b, confirmation());
    })
    .and("related-1", "limited")
    .and(file.0, file.1);
    let mut bad = |slug, what, later: Later| {
        book.bad(ID, slug, what, |b| {
            licence(b, &[]);
            added(b, later);
        })
        .and(file.0, file.1);
    };
    bad("ended-by-another", "another owner ended it", Later { owner: Some("乙"), ..revocation() });
    bad("ended-without-date", "it does not say since when", Later { undisclosed: &["revoked_at"], ..revocation() });
    bad("rights-of-licence", "later rights of a licence", Later::default());
    let world = World::new(1);
    let (other, _) = world.image_of("乙", 3, at(70));
    let another = json!([reference(&other, &world.record(&other, at(71)))]);
    bad("ended-another", "it ends another licence", Later { refs: Some(another), ..revocation() });
    book.bad(ID, "ended-picture", "a revocation of a picture's record", |b| added(b, revocation()));
    book.bad(ID, "confirmed-picture", "a confirmation of a picture's record", |b| added(b, confirmation()));
}
