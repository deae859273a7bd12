//! A capture that was put together here, so that no browser is needed; all else is the road of a real one.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::{DepositRequest, ExportRequest, InitOptions, Mode};
use archive::wacz::{About, Body, Exchange, Message, Page, Resource, Writer};
use evidence::{comparison::Similarity, digest::FileDigests, time::Utc};
use image::{DynamicImage, ImageFormat, Rgb, RgbImage, codecs::jpeg::JpegEncoder};
use std::io::Cursor;
use std::{io::Write, path::PathBuf};
use verify::{Container, Distances, Original, Outcome, Trust};

const URL: &str = "https://shop.example/magpie";

/// Discs of any colour all over: each seed another picture, nobody's.
fn landscape(seed: u32) -> DynamicImage {
    let mut state = u64::from(seed).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut random = move |below: u32| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 33) as u32 % below
    };
    let mut out = RgbImage::from_fn(900, 600, |x, y| Rgb([(x / 4) as u8, (y / 3) as u8, 128]));
    for _ in 0..60 {
        let (cx, cy, radius) = (random(900), random(600), 20 + random(90));
        let colour = Rgb([random(256) as u8, random(256) as u8, random(256) as u8]);
        for y in cy.saturating_sub(radius)..(cy + radius).min(600) {
            for x in cx.saturating_sub(radius)..(cx + radius).min(900) {
                if x.abs_diff(cx).pow(2) + y.abs_diff(cy).pow(2) < radius * radius {
                    out.put_pixel(x, y, colour);
                }
            }
        }
    }
    out.into()
}

fn jpeg(picture: &DynamicImage, quality: u8) -> Vec<u8> {
    let mut out = Vec::new();
    JpegEncoder::new_with_quality(&mut out, quality).encode_image(picture).unwrap();
    out
}

struct Shop {
    work: tempfile::TempDir,
    /// Registered: two pictures, a text.
    ids: Vec<String>,
}

impl Shop {
    fn new() -> Self {
        let work = tempfile::tempdir().unwrap();
        let owner = InitOptions {
            owner_kind: "individual".into(),
            owner_name: "林晚".into(),
            owner_id: Some("11010519491231002X".into()),
            ..InitOptions::default()
        };
        Folder::init(&work.path().join("data"), &owner).unwrap();
        for (name, seed) in [("a.png", 1), ("b.png", 2)] {
            landscape(seed).save_with_format(work.path().join(name), ImageFormat::Png).unwrap();
        }
        fs::write(work.path().join("c.txt"), "not a picture").unwrap();
        let paths = ["a.png", "b.png", "c.txt"].map(|n| work.path().join(n)).to_vec();
        let shop = Self { work, ids: Vec::new() };
        let mut folder = shop.open();
        let lines = folder.deposit(&DepositRequest { paths, ..DepositRequest::default() }, &mut |_| ()).unwrap();
        folder.close().unwrap();
        Self { ids: lines.into_iter().map(|l| l.id.unwrap()).collect(), ..shop }
    }

    fn open(&self) -> Folder {
        Folder::open(&self.work.path().join("data"), Mode::Write).unwrap()
    }

    /// A capture's record of a page with these images, text and facts; its file lies in the work folder too.
    fn captured(&self, name: &str, images: &[(&str, Vec<u8>)], text: &str, price: &str) -> String {
        let at = Utc(1_790_000_000_000_000);
        let about = About { software: "quezao 0.1.0".into(), created: at, title: None };
        let mut writer = Writer::new(Cursor::new(Vec::new()), &about).unwrap();
        let mut respond = |path: &str, kind: &str, body: Vec<u8>| {
            let start = format!("GET {path} HTTP/1.1");
            let exchange = Exchange {
                url: format!("https://shop.example{path}"),
                at,
                request: Message::reported(&start, [("Host", "shop.example")], Body::empty()),
                response: Some(Message::reported("HTTP/1.1 200 OK", [("Content-Type", kind)], body.into())),
                ip_address: None,
                protocols: Vec::new(),
                cipher: None,
            };
            writer.exchange(exchange).unwrap();
        };
        respond("/magpie", "text/html", b"<p>".to_vec());
        images.iter().for_each(|(name, bytes)| respond(name, "image/jpeg", bytes.clone()));
        let digest = images.first().map(|(_, b)| hex::encode(&evidence::digest::sha256(b)));
        let facts = json!({
            "facts": [{"name": "price", "value": price, "source": "visible-text", "where": "¥", "box": null}],
            "images": [{"url": "x", "sha256": digest, "box": [-3, 40, 450, 300]}],
        });
        for (name, body) in [("text", text.as_bytes().to_vec()), ("facts", serde_json::to_vec(&facts).unwrap())] {
            let content_type = "application/octet-stream".into();
            writer.resource(Resource { name: name.into(), label: None, content_type, at, body: body.into() }).unwrap();
        }
        writer.page(Page { url: URL.into(), title: None, at, text: None }).unwrap();
        let wacz = writer.finish().unwrap().0.into_inner();
        fs::write(self.work.path().join(name), &wacz).unwrap();

        let folder = self.open();
        let copy = intake::Copy::begin(&folder.dir.join("originals")).unwrap();
        copy.file().unwrap().write_all(&wacz).unwrap();
        let digests = FileDigests::of(&wacz);
        copy.finish(&digests).unwrap();
        let file = File { digests, media_type: "application/wacz".into(), custody: Custody::Held };
        let mut claims: BTreeMap<&str, Value> = folder.claims_of(1).unwrap();
        claims.insert("url", json!(URL));
        let (account, clock) = (Account::default(), evidence::statement::Clock::Unchecked);
        let id = folder.record(account, Kind::Capture, Some(file), claims, URL, clock).unwrap().id;
        folder.close().unwrap();
        id
    }

    fn compare(&self, id: &str, with: Option<&str>) -> CompareLine {
        let mut folder = self.open();
        let request = CompareRequest { id: id.into(), with: with.map(str::to_owned) };
        let (mut planned, mut looked) = (0, 0);
        let line = folder.compare(&request, &mut |event| match event {
            CompareEvent::Planned(n) => planned = n,
            CompareEvent::Looked => looked += 1,
        });
        folder.close().unwrap();
        assert_eq!(planned, looked);
        line.unwrap()
    }

    /// The package of a comparison, verified by the folder's own trust with these files given along.
    fn verify(&self, id: &str, files: &[PathBuf]) -> verify::Verdict {
        let output = self.work.path().join("out");
        let request =
            ExportRequest { ids: vec![id.into()], output: output.clone(), wait: 30, ..ExportRequest::default() };
        let mut folder = self.open();
        let written = folder.export(&request, &mut |_| ()).unwrap();
        assert!(written.iter().all(|l| l.error.is_none()), "{written:?}");
        let trust = fs::read_dir(folder.trust_dir()).unwrap().flatten();
        let trust = trust.map(|f| (f.file_name().into_string().unwrap(), fs::read(f.path()).unwrap()));
        let trust = Trust::from_files(trust.collect::<Vec<_>>()).unwrap();
        folder.close().unwrap();
        let package = archive::package::read(&fs::read(output.join(format!("{id}.zip"))).unwrap()).unwrap();
        let originals = files.iter().map(|path| Original {
            name: path.display().to_string(),
            digests: FileDigests::of(&fs::read(path).unwrap()),
        });
        let originals: Vec<Original> = originals.collect();
        let entries = package.entries.into_iter().collect();
        verify::check(&entries, Container::Package, &trust, &originals, clock::now())
    }
}

#[test]
fn a_registered_image_is_found_recompressed_resized_and_as_it_is() {
    let shop = Shop::new();
    let registered = fs::read(shop.work.path().join("b.png")).unwrap();
    let small = landscape(1).resize(320, 320, image::imageops::FilterType::Triangle);
    let images = [
        ("/1.jpg", jpeg(&small.fliph(), 60)),
        ("/2.png", registered),
        ("/3.jpg", jpeg(&landscape(9), 70)),
        ("/4.gif", b"GIF89a".to_vec()),
        ("/5.jpg", jpeg(&landscape(9), 70)),
    ];
    let capture = shop.captured("page.wacz", &images, "¥199", "¥199");
    let line = shop.compare(&capture, None);
    assert_eq!((line.status.as_str(), line.images, line.registered), ("new", Some(4), Some(3)));
    assert_eq!((line.images_compared, line.registered_compared), (Some(3), Some(2)));

    let document = line.document.unwrap();
    let Against::Registered(scan) = &document.against else { unreachable!() };
    assert_eq!(scan.not_compared, [1, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(scan.images[2].occurrences, 2);
    assert_eq!((scan.images[0].place, scan.images[1].place), (Some([-3, 40, 450, 300]), None));
    assert_eq!((scan.images[0].width, scan.images[0].height), (320, 213));
    let pairs: Vec<_> = scan.pairs.iter().map(|p| (p.image, p.record.record.id.as_str(), p.similarity())).collect();
    let expected = [(1, &*shop.ids[1], Similarity::Identical), (0, &*shop.ids[0], Similarity::Close)];
    assert_eq!(pairs, expected);
    assert!(scan.pairs[1].found.as_ref().unwrap().mirrored);

    let id = line.id.unwrap();
    let verdict = shop.verify(&id, &[]);
    assert_eq!(verdict.code(), 0, "{}", verdict.to_json());
    assert_eq!(verdict.find("comparison").unwrap().result, Outcome::Pass);
    assert_eq!(verdict.find("comparison-distances").unwrap().result, Outcome::NotChecked);

    let files: Vec<PathBuf> = ["page.wacz", "a.png", "c.txt"].map(|n| shop.work.path().join(n)).to_vec();
    assert_eq!(distances_again(&document, &files), Distances::Same { pairs: 2 });
    let verdict = shop.verify(&id, &files[..2]).with_distances(distances_again(&document, &files));
    assert_eq!(verdict.code(), 0, "{}", verdict.to_json());
    assert_eq!(verdict.find("comparison-distances").unwrap().result, Outcome::Pass);
    assert_eq!(shop.verify(&id, &files).code(), 1, "a file that the document does not name");
    assert_eq!(distances_again(&document, &files[..1]), Distances::SameAsFarAsGiven { pairs: 1, left: 1 });
    assert!(matches!(distances_again(&document, &files[1..]), Distances::NotComputed(_)));
}

#[test]
fn a_figure_that_was_made_up_is_not_confirmed() {
    let shop = Shop::new();
    let capture = shop.captured("page.wacz", &[("/1.jpg", jpeg(&landscape(1), 60))], "", "");
    let mut document = *shop.compare(&capture, None).document.unwrap();
    let files: Vec<PathBuf> = ["page.wacz", "a.png"].map(|n| shop.work.path().join(n)).to_vec();
    let Against::Registered(scan) = &mut document.against else { unreachable!() };
    scan.pairs[0].found.as_mut().unwrap().gradient += 1;
    assert!(matches!(distances_again(&document, &files), Distances::NotComputed(_)));
    let Against::Registered(scan) = &mut document.against else { unreachable!() };
    scan.images[0].sha256 = [7; 32];
    assert!(matches!(distances_again(&document, &files), Distances::Differs(_)));
}

#[test]
fn two_captures_differ_in_lines_images_and_facts() {
    let shop = Shop::new();
    let (one, two) = (("/1.jpg", jpeg(&landscape(1), 60)), ("/2.jpg", jpeg(&landscape(2), 60)));
    let before = shop.captured("1.wacz", std::slice::from_ref(&one), "喜鹊\n¥299\n 包邮 \n\n", "¥299");
    let after = shop.captured("2.wacz", &[one, two], "喜鹊\n¥199\n包邮\n包邮", "¥199");
    // In whichever order they are named, the later one is the one in question.
    for (a, b) in [(&after, &before), (&before, &after)] {
        let line = shop.compare(a, Some(b));
        assert_eq!((&line.capture, line.earlier.as_ref()), (&after, Some(&before)));
        let Against::Earlier(_, found) = line.document.unwrap().against else { unreachable!() };
        let text = found.text.unwrap();
        assert_eq!(
            (text.added, text.removed, text.unchanged),
            (vec!["¥199".into(), "包邮".into()], vec!["¥299".into()], 2)
        );
        assert_eq!((found.images.added_found, found.images.removed_found, found.images.unchanged), (1, 0, 1));
        let facts = found.facts.unwrap();
        assert_eq!((facts.len(), facts[0].name.as_str()), (1, "price/visible-text"));
        assert_eq!(shop.verify(&line.id.unwrap(), &[]).code(), 0);
    }
}

#[test]
fn images_that_are_not_listed_are_counted() {
    let shop = Shop::new();
    let images: Vec<_> = (0..=evidence::comparison::MAX_IMAGES)
        .map(|n| (format!("/{n}.gif"), format!("GIF89a {n}").into_bytes()))
        .collect();
    let images: Vec<_> = images.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())).collect();
    let all = images.len() as u64;
    let before = shop.captured("1.wacz", &images[..images.len() - 1], "", "");
    let after = shop.captured("2.wacz", &images, "", "");
    let Against::Earlier(_, found) = shop.compare(&after, Some(&before)).document.unwrap().against else {
        unreachable!()
    };
    assert_eq!((found.images.added_found, found.images.removed_found, found.images.unchanged), (1, 0, all - 1));
    let Against::Registered(scan) = shop.compare(&after, None).document.unwrap().against else { unreachable!() };
    assert_eq!((scan.images.len() as u64, scan.images_found), (all - 1, all));
}

#[test]
fn only_captures_whose_bytes_are_there_are_compared() {
    let shop = Shop::new();
    let capture = shop.captured("1.wacz", &[], "", "");
    let mut folder = shop.open();
    let mut compare = |id: &str, with: Option<&str>| {
        let request = CompareRequest { id: id.into(), with: with.map(str::to_owned) };
        folder.compare(&request, &mut |_| ()).map(|line| line.id.is_some()).map_err(|e| e.en)
    };
    assert!(compare(&shop.ids[0], None).unwrap_err().contains("no capture"));
    assert!(compare("nothing", None).unwrap_err().contains("no record"));
    assert!(compare(&capture, Some(&capture)).unwrap_err().contains("two different"));
    assert_eq!(compare(&capture, None), Ok(true));
    folder.discard(&capture).unwrap();
    let request = CompareRequest { id: capture, with: None };
    assert!(folder.compare(&request, &mut |_| ()).unwrap_err().en.contains("discarded"));
}

#[test]
fn a_record_whose_file_was_harmed_or_not_kept_is_counted_as_such() {
    let shop = Shop::new();
    let capture = shop.captured("1.wacz", &[("/1.jpg", jpeg(&landscape(1), 60))], "", "");
    let mut folder = shop.open();
    let path = shop.work.path().join("d.png");
    landscape(4).save(&path).unwrap();
    let request = DepositRequest { paths: vec![path], digest_only: true, ..DepositRequest::default() };
    folder.deposit(&request, &mut |_| ()).unwrap();
    let bytes = fs::read(shop.work.path().join("a.png")).unwrap();
    fs::write(crate::intake::original_path(&folder.dir.join("originals"), &evidence::digest::sha256(&bytes)), b"gone")
        .unwrap();
    folder.close().unwrap();
    let Against::Registered(scan) = shop.compare(&capture, None).document.unwrap().against else { unreachable!() };
    assert_eq!((scan.records, scan.compared, scan.pairs.len()), (4, 1, 0));
    assert_eq!(scan.not_compared, [1, 1, 1, 0, 0, 0, 0, 0]);
}

#[test]
fn lines_are_compared_as_often_as_they_stand_there() {
    let found = changes(&["a", "b", "b", "c"], &["b", "d", "a", "a"]);
    assert_eq!((found.added, found.removed), (vec!["d", "a"], vec!["b", "c"]));
    assert_eq!((found.added_found, found.removed_found, found.unchanged), (2, 2, 2));
    let many: Vec<u32> = (0..900).collect();
    let found = changes(&[], &many);
    assert_eq!((found.added.len(), found.added_found, found.unchanged), (500, 900, 0));
}

#[test]
fn thresholds_and_parts_are_those_of_the_specification() {
    use evidence::comparison as spec;
    let wide = |(dct, gradient): (u32, u32)| (u64::from(dct), u64::from(gradient));
    assert_eq!((wide(picture::CLOSE), picture::POSSIBLE.map(wide)), (spec::CLOSE, spec::POSSIBLE));
    assert_eq!(picture::Part::ALL.map(picture::Part::as_str), spec::PARTS);
    for page in picture::Part::ALL {
        for mirrored in [false, true] {
            let partners = page.partners(mirrored);
            for part in picture::Part::ALL {
                let combines = spec::combines(page.as_str(), part.as_str(), mirrored);
                assert_eq!(partners.contains(&part), combines, "{page:?} {part:?} {mirrored}");
            }
        }
    }
}

#[test]
fn a_licensees_page_is_told_with_its_licence() {
    let shop = Shop::new();
    let capture = shop.captured("page.wacz", &[], "x", "x");
    let folder = shop.open();
    let licence = |urls: &[&str], until: Option<&str>| crate::Licence {
        licensee: "丙店".into(),
        urls: urls.iter().map(|u| (*u).to_owned()).collect(),
        from: Some("2026-01-01".into()),
        until: until.map(str::to_owned),
        pictures: shop.ids[..1].to_vec(),
        ..crate::Licence::default()
    };
    let account = Account::default();
    let add = |urls: &[&str], until| folder.add_licence(account, &licence(urls, until)).unwrap();
    let fits = add(&["https://shop.example/m*"], Some("2099-12-31"));
    add(&["https://elsewhere.example", "shop.example.evil.example"], None);
    let over = add(&["shop.example"], Some("2026-01-02"));
    let ended = add(&["shop.example"], None);
    folder.end_licence(account, ended.id.as_deref().unwrap(), None, Some("双方同意")).unwrap();
    folder.close().unwrap();
    let line = shop.compare(&capture, None);
    let document = line.document.unwrap();
    let licences = document.licences.as_ref().unwrap();
    let told = |id: &Option<String>| {
        let found = licences.listed.iter().find(|l| Some(&l.record.id) == id.as_ref());
        found.map(|l| {
            (
                l.state(&document.capture).as_str(),
                matches!(l.place, evidence::comparison::Place::Page(_)),
                l.ended.is_some(),
            )
        })
    };
    assert_eq!(told(&fits.id), Some(("valid", true, false)));
    assert_eq!(told(&over.id), Some(("over", true, false)));
    // The page was captured on the day on which the licence was ended, which is the first without it.
    assert_eq!(told(&ended.id), Some(("ended", true, true)));
    // One for other pages is told where it names a picture that was found, and else is nobody's business.
    let Against::Registered(scan) = &document.against else { panic!() };
    let named = scan.pairs.iter().any(|p| p.record.record.id == shop.ids[0]);
    assert_eq!(licences.found, if named { 4 } else { 3 });
    let words = verify::licence_words(&licences.listed[0], &document.capture);
    assert!(words.zh.contains("已许可“丙店”使用至 2099-12-31") && !words.zh.contains("侵权"), "{}", words.zh);
}
