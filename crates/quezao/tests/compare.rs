//! A registered picture on another's page: captured, compared, verified, in words and as JSON.
#![allow(clippy::unwrap_used)]

mod desk;

use desk::{Desk, answer, possible, result};
use std::fs;

/// Blocks of any colour: nobody's picture.
fn picture(seed: u32) -> image::DynamicImage {
    let colour = |n: u32| (n.wrapping_mul(2_654_435_761).wrapping_add(seed.wrapping_mul(40_503)) >> 9) as u8;
    let block = |x: u32, y: u32| (x / 75) + 31 * (y / 60);
    let pixel = |x: u32, y: u32| image::Rgb([block(x, y), block(x, y) + 977, block(x + 20, y)].map(colour));
    image::RgbImage::from_fn(900, 600, pixel).into()
}

fn jpeg(picture: &image::DynamicImage) -> Vec<u8> {
    let mut out = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut out, 60).encode_image(picture).unwrap();
    out
}

/// A page that shows the picture smaller, recompressed, and another one.
fn answers() -> impl Fn(&str) -> Vec<u8> + Send + Sync {
    let (copy, other) = (jpeg(&picture(1).thumbnail(400, 400)), jpeg(&picture(7)));
    let page = "<!doctype html><title>shop</title><h1>A picture for the wall</h1><p>Price 199, sold 1,024, \
                sent anywhere.</p><img src=copy.jpg><img src=other.jpg>";
    move |path| match path {
        "/copy.jpg" => answer("image/jpeg", &copy),
        "/other.jpg" => answer("image/jpeg", &other),
        "/" => answer("text/html", page.as_bytes()),
        _ => answer("text/plain", b""),
    }
}

#[test]
fn a_registered_picture_is_found_on_a_captured_page() {
    if !possible() {
        return;
    }
    let desk = Desk::new(answers());
    fs::create_dir(desk.path("shop")).unwrap();
    for seed in 1..4 {
        picture(seed).save(desk.path(&format!("shop/{seed}.png"))).unwrap();
    }
    let lines = desk.lines(&["deposit", "--data", "data", "--json", "shop/1.png", "shop/2.png", "shop/3.png"]);
    let registered = lines.iter().find(|l| l["file"] == "shop/1.png").unwrap()["id"].clone();

    let (open, url) = (format!("127.0.0.1:{}", desk.site), desk.url("/"));
    let (captured, code) = desk.json(&["capture", "--data", "data", "--allow-loopback", &open, "--json", &url]);
    assert_eq!(code, 0, "{captured}");
    let capture = captured["id"].as_str().unwrap();

    let (line, code) = desk.json(&["compare", "--data", "data", "--json", capture]);
    assert_eq!((code, &line["status"], &line["images"], &line["registered"]), (0, &"new".into(), &2.into(), &3.into()));
    let pairs = line["pairs"].as_array().unwrap();
    assert_eq!(pairs.len(), 1, "{pairs:?}");
    assert_eq!((&pairs[0]["record"]["id"], &pairs[0]["similarity"]), (&registered, &"close".into()));
    assert_eq!(pairs[0]["image"]["url"], format!("{url}copy.jpg"));
    let place: Vec<i64> = serde_json::from_value(pairs[0]["image"]["box"].clone()).unwrap();
    assert_eq!((place.len(), place[2]), (4, 400), "where the page shows it");

    let id = line["id"].as_str().unwrap();
    desk.done(&["export", "--data", "data", "--output", "out", "--originals", id, capture]);
    let (package, wacz) = (format!("out/{id}.zip"), format!("out/{capture}.wacz"));
    assert!(desk.path(&format!("out/{id}.comparison.json")).is_file());
    let (verdict, code) = desk.json(&["verify", "--trust", "data/trust", "--json", &package]);
    assert_eq!((code, result(&verdict, "comparison")), (0, Some("pass")), "{verdict}");
    assert_eq!(result(&verdict, "comparison-distances"), Some("not_checked"));
    let given = ["verify", "--trust", "data/trust", "--json", &package, &wacz, "shop/1.png"];
    let (verdict, code) = desk.json(&given);
    assert_eq!((code, result(&verdict, "comparison-distances")), (0, Some("pass")), "{verdict}");
    // The certificate beside its document; without it the comparison is not checked.
    let (certificate, document) = (format!("out/{id}.pdf"), format!("out/{id}.comparison.json"));
    let (verdict, code) = desk.json(&["verify", "--trust", "data/trust", "--json", &certificate, &document]);
    assert_eq!((code, result(&verdict, "comparison")), (0, Some("pass")), "{verdict}");
    let (verdict, code) = desk.json(&["verify", "--trust", "data/trust", "--json", &certificate]);
    assert_eq!((code, result(&verdict, "comparison")), (3, Some("not_checked")), "{verdict}");
    // Its sheet, the two pictures on it: drawn again from document, WACZ and original; without them nothing is said.
    let sheet = certificate;
    let render = |files: &[&str]| {
        let arguments = [&["verify", "--trust", "data/trust", "--json", "--render"], files].concat();
        let (verdict, code) = desk.json(&arguments);
        (result(&verdict, "printed-page").unwrap().to_owned(), code)
    };
    assert_eq!(render(&[&sheet, &document, &wacz, "shop/1.png"]), ("pass".into(), 0));
    assert_eq!(render(&[&package, &wacz, "shop/1.png"]), ("pass".into(), 0));
    assert_eq!(render(&[&package]), ("not_checked".into(), 3), "asked for, and not drawn");
    assert_eq!(render(&[&sheet]), ("not_checked".into(), 3));
    if let Some(folder) = std::env::var_os("QUEZAO_KEEP") {
        std::fs::copy(desk.path(&sheet), std::path::PathBuf::from(folder).join("comparison.pdf")).unwrap();
    }
    // Words in both languages, the neutral sentence among them.
    for (language, sentence) in [("C.UTF-8", "not a finding of infringement"), ("zh_CN.UTF-8", "不是侵权认定")] {
        let out = desk.command(&["compare", "--data", "data", capture]).env("LC_ALL", language).output().unwrap();
        let text = String::from_utf8(out.stdout).unwrap();
        assert!(text.contains(sentence) && text.contains("copy.jpg") && text.contains("gradient-512"), "{text}");
    }
    // Two captures of one page: nothing changed. Not a capture: a sentence, exit 2.
    let (again, _) = desk.json(&["capture", "--data", "data", "--allow-loopback", &open, "--json", &url]);
    let again = again["id"].as_str().unwrap();
    let (line, code) = desk.json(&["compare", "--data", "data", "--json", again, capture]);
    assert_eq!((code, &line["earlier"]), (0, &capture.into()), "{line}");
    assert_eq!(
        (&line["differences"]["images"]["added_found"], &line["differences"]["text"]["added_found"]),
        (&0.into(), &0.into())
    );
    let (line, code) = desk.json(&["compare", "--data", "data", "--json", registered.as_str().unwrap()]);
    assert!(code == 2 && line["id"].is_null() && !line["error"].is_null(), "{line}");
}
