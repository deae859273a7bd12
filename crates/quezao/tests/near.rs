//! Near copies in one's own folder: found by `find`, named beside a verdict, never part of it.
#![allow(clippy::unwrap_used)]

mod desk;

use desk::{Desk, answer, said};
use std::fs;

/// Blocks of any colour: nobody's picture.
fn picture(seed: u32) -> image::DynamicImage {
    let colour = |n: u32| (n.wrapping_mul(2_654_435_761).wrapping_add(seed.wrapping_mul(40_503)) >> 9) as u8;
    let block = |x: u32, y: u32| (x / 75) + 31 * (y / 60);
    let pixel = |x: u32, y: u32| image::Rgb([block(x, y), block(x, y) + 977, block(x + 20, y)].map(colour));
    image::RgbImage::from_fn(900, 600, pixel).into()
}

fn jpeg(desk: &Desk, name: &str, picture: &image::DynamicImage, quality: u8) {
    let mut out = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut out, quality).encode_image(picture).unwrap();
    fs::write(desk.path(name), out).unwrap();
}

fn bordered(picture: &image::DynamicImage) -> image::DynamicImage {
    let mut out = image::RgbImage::from_pixel(1000, 700, image::Rgb([255; 3]));
    image::imageops::overlay(&mut out, &picture.to_rgb8(), 50, 50);
    out.into()
}

/// A desk with three registered pictures, and copies of the first.
fn shop(digest_only: &[&str]) -> Desk {
    let desk = Desk::new(|_| answer("text/plain", b""));
    for seed in 1..4 {
        jpeg(&desk, &format!("IMG_{seed}.JPG"), &picture(seed), 92);
    }
    jpeg(&desk, "again.jpg", &picture(1), 50);
    jpeg(&desk, "small.jpg", &picture(1).thumbnail(300, 300), 80);
    jpeg(&desk, "mirrored.jpg", &picture(1).fliph(), 80);
    jpeg(&desk, "bordered.jpg", &bordered(&picture(1)), 80);
    jpeg(&desk, "other.jpg", &picture(9), 80);
    fs::write(desk.path("words.txt"), "words").unwrap();
    let all = ["deposit", "--data", "data", "IMG_1.JPG", "IMG_2.JPG", "IMG_3.JPG", "words.txt"];
    desk.done(&[&all[..], digest_only].concat());
    desk
}

fn find(desk: &Desk, files: &[&str]) -> (Vec<serde_json::Value>, i32) {
    let output = desk.run(&[&["find", "--data", "data", "--json"], files].concat());
    let text = String::from_utf8(output.stdout).unwrap();
    (text.lines().map(|l| serde_json::from_str(l).unwrap()).collect(), output.status.code().unwrap())
}

#[test]
fn copies_are_found_and_named_beside_a_verdict_that_they_never_change() {
    let desk = shop(&[]);
    let (lines, code) = find(&desk, &["IMG_1.JPG"]);
    assert_eq!((code, lines.len()), (0, 1), "{lines:?}");
    assert_eq!((&lines[0]["similarity"], &lines[0]["dct"]), (&"identical".into(), &serde_json::Value::Null));
    let id = lines[0]["id"].as_str().unwrap().to_owned();
    desk.done(&["export", "--data", "data", "--output", "out", &id]);
    let certificate = format!("out/{id}.pdf");
    for name in ["again.jpg", "small.jpg", "mirrored.jpg", "bordered.jpg"] {
        let (lines, code) = find(&desk, &[name]);
        assert_eq!((code, lines.len()), (0, 1), "{name}: {lines:?}");
        let line = &lines[0];
        assert_eq!((&line["id"], &line["similarity"]), (&id.as_str().into(), &"close".into()), "{name}");
        assert_eq!((line["file"].as_str(), line["query"].as_str()), (Some("IMG_1.JPG"), Some(name)));
        assert_eq!(line["mirrored"], name == "mirrored.jpg");
        assert!(line["dct"].as_u64().unwrap() <= 48 && line["size"].as_u64().unwrap() > 1000, "{line}");

        let output = desk.run(&["verify", "--data", "data", &certificate, name]);
        let words = said(&output);
        assert_eq!(output.status.code(), Some(1), "{words}");
        let sentence = format!("{name}: not the registered original; similar to IMG_1.JPG, ");
        assert!(words.contains(&sentence) && words.contains("registered 20") && words.contains(&id), "{words}");
        // Under JSON the line is the verdict's alone; a stranger's trust folder says nothing of this folder's records.
        let output = desk.run(&["verify", "--data", "data", "--json", &certificate, name]);
        let verdict: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(verdict["result"], "not_verified");
        assert!(String::from_utf8_lossy(&output.stderr).contains(&sentence));
        let output = desk.run(&["verify", "--trust", "data/trust", &certificate, name]);
        assert!(output.status.code() == Some(1) && !said(&output).contains("similar to"), "{}", said(&output));
    }
    let mut chinese = desk.command(&["verify", "--data", "data", &certificate, "small.jpg"]);
    let words = said(&chinese.env("LC_ALL", "zh_CN.UTF-8").output().unwrap());
    assert!(words.contains("不是登记的原件；与 IMG_1.JPG（"), "{words}");
    let words = said(&desk.run(&["verify", "--data", "data", &certificate, "IMG_2.JPG"]));
    assert!(words.contains("not the original of this record; it is IMG_2.JPG"), "{words}");
    let words = said(&desk.run(&["verify", "--data", "data", &certificate, "IMG_1.JPG"]));
    assert!(!words.contains("similar to") && words.contains("Consistent"), "{words}");
    let output = desk.run(&["verify", "--data", "data", &certificate, "other.jpg"]);
    assert!(output.status.code() == Some(1) && !said(&output).contains("similar to"), "{}", said(&output));
}

#[test]
fn find_answers_for_each_file_and_says_when_there_is_nothing() {
    let desk = shop(&[]);
    assert_eq!(find(&desk, &["other.jpg"]), (vec![], 3));
    assert_eq!(find(&desk, &["other.jpg", "small.jpg"]).1, 3);
    let (lines, code) = find(&desk, &["small.jpg", "absent.jpg"]);
    assert_eq!((code, lines.len()), (2, 2));
    assert!(lines[1]["query"] == "absent.jpg" && lines[1]["id"].is_null() && lines[1]["error"].is_string());
    // What is no picture is looked for by its bytes alone, and the answer says so.
    let output = desk.run(&["find", "--data", "data", "words.txt"]);
    assert!(output.status.success() && said(&output).contains("only exactly this file"), "{}", said(&output));
    let words = said(&desk.done(&["find", "--data", "data", "mirrored.jpg"]));
    assert!(words.contains("dct-256") && words.contains("mirrored") && words.contains("IMG_1.JPG"), "{words}");
    desk.done(&["deposit", "--data", "data", "--again", "IMG_1.JPG"]);
    assert_eq!(find(&desk, &["small.jpg"]).0.len(), 2, "two records of one file");
    assert_eq!(find(&desk, &["--limit", "1", "small.jpg"]).0.len(), 1);
}

#[test]
fn what_was_only_read_has_no_fingerprint_unless_asked_for() {
    let desk = shop(&["--digest-only"]);
    assert_eq!(find(&desk, &["small.jpg"]), (vec![], 3));
    assert_eq!(fs::metadata(desk.path("data/similar/prints-1")).unwrap().len(), 64, "the header alone");
    let (line, _) = desk.json(&["admin", "similar", "rebuild", "--data", "data", "--json"]);
    assert_eq!((&line["pictures"], &line["made"], &line["without"]), (&3.into(), &0.into(), &3.into()));
    // Asked for later, of files that are on record: once each.
    for _ in 0..2 {
        desk.done(&["deposit", "--data", "data", "--digest-only", "--similar", "IMG_1.JPG", "IMG_2.JPG"]);
    }
    assert_eq!(find(&desk, &["small.jpg"]).0.len(), 1);
    let (line, _) = desk.json(&["admin", "similar", "rebuild", "--data", "data", "--json"]);
    assert_eq!((&line["made"], &line["taken_over"], &line["without"]), (&0.into(), &2.into(), &1.into()));
    assert_eq!(find(&desk, &["mirrored.jpg"]).0.len(), 1, "what cannot be made again is kept");
    assert_eq!(desk.run(&["deposit", "--data", "data", "--similar", "IMG_1.JPG"]).status.code(), Some(2));
}

#[test]
fn fingerprints_are_made_again_and_a_damaged_file_stops_nobody() {
    let desk = shop(&[]);
    let path = desk.path("data/similar/prints-1");
    let whole = fs::read(&path).unwrap();
    // Torn by a crash: the next writer cuts it.
    fs::write(&path, &whole[..whole.len() - 5]).unwrap();
    desk.done(&["deposit", "--data", "data", "other.jpg"]);
    assert_eq!(find(&desk, &["other.jpg"]).0.len(), 1);
    // An earlier release's folder: nothing there; said, and made.
    fs::remove_dir_all(desk.path("data/similar")).unwrap();
    let output = desk.run(&["find", "--data", "data", "small.jpg"]);
    assert!(output.status.code() == Some(3) && said(&output).contains("admin similar rebuild"), "{}", said(&output));
    jpeg(&desk, "late.jpg", &picture(21), 90);
    desk.done(&["deposit", "--data", "data", "late.jpg"]);
    let words = said(&desk.run(&["find", "--data", "data", "late.jpg"]));
    assert!(words.contains("admin similar rebuild"), "{words}");
    assert!(said(&desk.run(&["doctor", "--data", "data"])).contains("similar rebuild"));
    let words = said(&desk.done(&["admin", "similar", "rebuild", "--data", "data"]));
    assert!(words.contains("5 made from kept originals"), "{words}");
    assert_eq!(find(&desk, &["small.jpg"]).0.len(), 1);
    assert!(said(&desk.run(&["doctor", "--data", "data"])).contains("5 fingerprints"));
    // Not ours, or another release's: registering goes on, with a word.
    fs::write(&path, b"quezao/similar/9 and more").unwrap();
    jpeg(&desk, "later.jpg", &picture(22), 90);
    let words = said(&desk.done(&["deposit", "--data", "data", "later.jpg"]));
    assert!(words.contains("admin similar rebuild"), "{words}");
    let output = desk.run(&["find", "--data", "data", "small.jpg"]);
    assert!(output.status.code() == Some(2) && said(&output).contains("rebuild"), "{}", said(&output));
    desk.done(&["admin", "similar", "rebuild", "--data", "data"]);
    assert_eq!(find(&desk, &["later.jpg"]).0.len(), 1);
    // A backup takes it along; what an entry says cannot be changed unnoticed.
    let mut bytes = fs::read(&path).unwrap();
    let at = 64 + 32 + 8;
    bytes[at] ^= 1;
    fs::write(&path, &bytes).unwrap();
    assert!(said(&desk.run(&["doctor", "--data", "data"])).contains("1 damaged"));
}
