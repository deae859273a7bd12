//! What is read from a page and how it is shown: facts, film, banners, a phone's window, frames, sockets, media.
#![allow(clippy::unwrap_used)]

mod site;

use capture::{Limits, Outcome, Recording, Viewport};
use serde_json::{Value, json};
use site::{Site, absent, bytes, captured, captured_within, complete, fetched, json as artefact, remarks, text};

fn facts(recording: &Recording, name: &str, source: &str) -> Vec<String> {
    let facts = artefact(recording, "facts");
    let all = facts["facts"].as_array().unwrap().iter();
    all.filter(|f| f["name"] == name && f["source"] == source)
        .map(|f| f["value"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn facts_are_read_as_shown_with_place_and_crop() {
    let Some(r) = captured("/shop") else { return };
    complete(&r);
    assert_eq!(facts(&r, "title", "visible-text"), ["青釉马克杯 手工陶瓷"]);
    assert_eq!(facts(&r, "price", "visible-text"), ["券后价 ¥99.00"], "not the struck one, not a sentence with ¥");
    assert_eq!(facts(&r, "sales", "visible-text"), ["月销 200+"]);
    assert_eq!(facts(&r, "item-number", "visible-text"), ["货号 QZ-2041"]);
    assert_eq!(facts(&r, "shop", "visible-text"), ["店铺：淘器店"], "what is hidden is not shown");
    assert_eq!(facts(&r, "title", "open-graph"), ["青釉马克杯 og"]);
    assert_eq!(facts(&r, "title", "document-title"), ["青釉马克杯-淘器店"]);

    let document = artefact(&r, "facts");
    assert_eq!(
        (&document["schema"], &document["status"]),
        (&json!("quezao/facts/v1"), &json!("as shown, not verified"))
    );
    assert_eq!(document["page"]["language"], "zh");
    let price = document["facts"].as_array().unwrap().iter().find(|f| f["name"] == "price").unwrap();
    let area: Vec<u32> = price["box"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap() as u32).collect();
    assert!(area[0] == 60 && area[1] == 4060 && area[2] < 500, "the text's box: {area:?}");
    // The crop is the screenshot's own pixels, here across two tiles.
    let crop = image::load_from_memory(&bytes(&r, price["crop"].as_str().unwrap())).unwrap().into_rgba8();
    assert_eq!(crop.dimensions(), (area[2] + 16, area[3] + 16));
    let tiles: Vec<_> = (1..=2)
        .map(|n| image::load_from_memory(&bytes(&r, &format!("screenshot-full/{n:04}"))).unwrap().into_rgba8())
        .collect();
    for (x, y, pixel) in crop.enumerate_pixels() {
        let (px, py) = (area[0] - 8 + x, area[1] - 8 + y);
        assert_eq!(pixel, tiles[(py / 4096) as usize].get_pixel(px, py % 4096), "{px},{py}");
    }
    assert!(crop.pixels().any(|p| p.0 == [204, 0, 0, 255]), "the price's own background");
}

#[test]
fn images_are_listed_with_place_size_and_the_digests_of_what_was_received() {
    let Some(r) = captured("/shop") else { return };
    let document = artefact(&r, "facts");
    let images = document["images"].as_array().unwrap();
    let find = |end: &str| images.iter().find(|i| i["url"].as_str().unwrap().contains(end)).unwrap();
    let (image, background, data) = (find("/image/50"), find("/image/51"), find("data:"));
    assert_eq!(image["box"], json!([700, 5000, 240, 240]));
    assert_eq!(
        (&image["natural"], &image["alt"], &image["use"]),
        (&json!([120, 120]), &json!("杯子 正面"), &json!("img"))
    );
    let sent = evidence::digest::FileDigests::of(&site::picture(50));
    assert_eq!(image["sha256"], evidence::hex::encode(&sent.sha256));
    assert_eq!(image["sm3"], evidence::hex::encode(&sent.sm3));
    assert_eq!((&image["size"], &image["media_type"]), (&json!(sent.size), &json!("image/bmp")));
    assert_eq!((&background["use"], &background["box"]), (&json!("background"), &json!([10, 300, 120, 120])));
    assert_eq!(background["sha256"], evidence::hex::encode(&evidence::digest::sha256(&site::picture(51))));
    assert_eq!(
        data["sha256"],
        evidence::hex::encode(&evidence::digest::sha256(
            b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;"
        ))
    );
    assert_eq!(find("/image/52")["box"], Value::Null);
}

#[test]
fn markup_is_named_as_such_and_nothing_is_guessed() {
    let Some(r) = captured("/shop-en") else { return };
    complete(&r);
    assert_eq!(facts(&r, "price", "json-ld"), ["18.50 EUR"]);
    assert_eq!(facts(&r, "price", "microdata"), ["18.50 EUR"]);
    assert_eq!(facts(&r, "price", "visible-text"), ["€18.50"], "the only one shown");
    assert_eq!(facts(&r, "shop", "json-ld"), ["Kiln Ltd"]);
    assert_eq!(facts(&r, "shop", "visible-text"), ["Sold by Kiln Store Ltd"]);
    assert_eq!(facts(&r, "sales", "visible-text"), ["1,204 sold"]);
    assert_eq!(facts(&r, "item-number", "visible-text"), ["Item number: KS-77"]);
    assert_eq!(facts(&r, "title", "microdata"), ["Celadon mug, 350 ml"]);
    let all = artefact(&r, "facts")["facts"].clone();
    assert!(
        all.as_array()
            .unwrap()
            .iter()
            .filter(|f| f["source"] == "json-ld")
            .all(|f| f["box"].is_null() && f["crop"].is_null())
    );
    let Some(r) = captured("/shop-list") else { return };
    assert!(artefact(&r, "facts")["facts"].as_array().unwrap().iter().all(|f| f["name"] != "price"));
}

#[test]
fn the_session_is_a_film_unless_it_is_switched_off() {
    let Some(r) = captured_within("/lazy", &Limits { film: true, film_frames: 5, ..site::limits() }) else { return };
    complete(&r);
    let film = artefact(&r, "film");
    let frames = film["frames"].as_array().unwrap();
    assert!((2..=5).contains(&frames.len()), "{film}");
    let times: Vec<u64> = frames.iter().map(|f| f["monotonic_us"].as_u64().unwrap()).collect();
    assert!(times.is_sorted());
    for frame in frames {
        let jpeg = bytes(&r, frame["name"].as_str().unwrap());
        assert!(jpeg.starts_with(&[0xff, 0xd8, 0xff]));
        assert_eq!(frame["sha256"], evidence::hex::encode(&evidence::digest::sha256(&jpeg)));
        assert!(evidence::time::Utc::parse_micros(frame["at"].as_str().unwrap()).is_ok());
    }
    // The same for people, where the machine can make it.
    let webm = r.resource("film/webm").map(|film| std::fs::read(&film.content.file).unwrap());
    assert_eq!(webm.is_some(), std::path::Path::new("/usr/bin/ffmpeg").exists(), "{}", text(&r, "operations"));
    assert!(webm.is_none_or(|film| film.starts_with(&[0x1a, 0x45, 0xdf, 0xa3])));
    let Some(r) = captured("/plain") else { return };
    assert!(r.resources.iter().all(|resource| !resource.name.starts_with("film")));
}

#[test]
fn a_cookie_banner_is_photographed_and_only_refused() {
    for (path, says) in [("/banner-zh", "拒绝全部"), ("/banner-en", "Only necessary cookies")] {
        let Some(r) = captured(path) else { return };
        complete(&r);
        assert_eq!(remarks(&r), ["banner-refused"], "{path}");
        assert!(r.remarks[0].en.contains(says) && r.remarks[0].zh.contains(says));
        assert_eq!(
            (fetched(&r, "/accepted"), fetched(&r, "/image/91")),
            (0, 1),
            "what the button asked for is recorded"
        );
        let yellow = |name: &str| {
            let shot = image::load_from_memory(&bytes(&r, name)).unwrap().into_rgba8();
            shot.pixels().any(|p| p.0 == [255, 221, 0, 255])
        };
        assert!(yellow("screenshot-viewport/before-banner") && !yellow("screenshot-viewport/after-banner"));
        assert!(text(&r, "operations").contains("banner-clicked"));
    }
    for path in ["/banner-accept", "/banner-trap"] {
        let Some(r) = captured(path) else { return };
        complete(&r);
        assert_eq!(remarks(&r), ["banner-left"], "{path}");
        assert_eq!(fetched(&r, "/accepted"), 0);
        assert!(r.resource("screenshot-viewport/before-banner").is_none());
    }
}

#[test]
fn a_phones_window_is_honest_and_said() {
    if absent() {
        return;
    }
    let site = Site::start();
    let mut order = site.order("/phone");
    order.viewport = Viewport::PHONE;
    let r = site.capture_order(&order, &site::limits());
    let words = text(&r, "text");
    println!("{words}");
    for part in
        ["X11; Linux", "HeadlessChrome/", " Mobile Safari/", "390x844", "touch true", "coarse true", "mobile true"]
    {
        assert!(words.contains(part), "{part}: {words}");
    }
    let worker = words.split("worker ").nth(1).unwrap();
    assert!(worker.contains(" Mobile "), "{worker}");
    assert_eq!(remarks(&r), ["phone"]);
    assert!(text(&r, "operations").contains("\"override\""));
    for exchange in &r.exchanges {
        let agent = exchange.head.fields.iter().find(|(name, _)| name.eq_ignore_ascii_case("user-agent"));
        assert!(agent.is_some_and(|(_, agent)| agent.contains(" Mobile ")), "{}", exchange.url);
    }
    let full = image::load_from_memory(&bytes(&r, "screenshot-full")).unwrap();
    assert_eq!(full.width(), 390);
    let r = site.capture_within("/phone?desktop", &site::limits());
    assert!(!text(&r, "text").contains("Mobile") && r.remarks.is_empty());
}

#[test]
fn frames_texts_are_kept_apart_from_the_pages() {
    let Some(r) = captured("/frames") else { return };
    complete(&r);
    assert!(!text(&r, "text").contains("from another site"));
    let frames = artefact(&r, "facts")["frames"].clone();
    let frames = frames.as_array().unwrap();
    assert_eq!(frames.len(), 2);
    let of = |part: &str| frames.iter().find(|f| f["url"].as_str().unwrap().contains(part)).unwrap()["text"].clone();
    assert!(text(&r, of("/framed").as_str().unwrap()).contains("from another site"));
    assert!(text(&r, of("/plain").as_str().unwrap()).contains("手工陶瓷马克杯"));
    // What another site's frame shows is read, and is not the page's.
    let framed = &frames.iter().find(|f| f["url"].as_str().unwrap().contains("/framed")).unwrap()["facts"];
    let values: Vec<_> = framed.as_array().unwrap().iter().map(|f| f["value"].as_str().unwrap()).collect();
    assert_eq!(values, ["价格：¥88.00", "月销 300+"]);
    let own = artefact(&r, "facts")["facts"].clone();
    assert!(own.as_array().unwrap().iter().all(|f| !f["value"].as_str().unwrap().contains("88.00")), "{own}");
}

#[test]
fn a_websockets_messages_are_recorded() {
    let Some(r) = captured("/sockets") else { return };
    complete(&r);
    assert_eq!((r.title.as_str(), remarks(&r)), ("Sockets price 99", vec!["websocket"]));
    let lines: Vec<Value> =
        text(&r, "operations/websocket").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let messages: Vec<_> = lines.iter().filter(|l| l["event"] == "message").collect();
    let said: Vec<_> = messages
        .iter()
        .map(|m| (m["direction"].as_str().unwrap(), m["text"].as_str().or(m["base64"].as_str()).unwrap()))
        .collect();
    assert_eq!(said, [("received", "price 99"), ("sent", "got it"), ("received", "AQIDBAU=")]);
    assert!(lines.iter().any(|l| l["event"] == "response" && l["status"] == 101));
}

#[test]
fn media_are_recorded_as_far_as_they_load_and_the_rest_is_said() {
    let Some(r) = captured("/media") else { return };
    println!("{}", artefact(&r, "facts")["media"]);
    assert_ne!(r.outcome, Outcome::Failed);
    let media = artefact(&r, "facts")["media"].clone();
    let of = |part: &str| {
        media.as_array().unwrap().iter().find(|m| m["url"].as_str().unwrap().contains(part)).unwrap().clone()
    };
    assert_eq!(of("tone.wav")["recorded"], "whole");
    assert_eq!(of("no-film.mp4")["recorded"], "none");
    let remark = r.remarks.iter().find(|remark| remark.code == "media").unwrap();
    assert!(remark.en.contains("no-film.mp4") && !remark.en.contains("tone.wav"), "{}", remark.en);
}

#[test]
fn another_sites_frame_below_the_window_is_on_a_picture() {
    let yellow = |r: &Recording, name: &str| {
        let shot = image::load_from_memory(&bytes(r, name)).unwrap().into_rgba8();
        shot.pixels().filter(|p| p.0 == [255, 221, 0, 255]).count()
    };
    let Some(r) = captured("/frame-below") else { return };
    complete(&r);
    assert!(yellow(&r, "screenshot-full") > 50_000, "on the page's own picture");
    assert!(r.resource("screenshot-viewport/frame-1").is_none() && r.remarks.is_empty());
    // One that draws slowly is waited for.
    let Some(r) = captured("/frame-slow") else { return };
    complete(&r);
    assert!(yellow(&r, "screenshot-full") > 50_000 || remarks(&r).contains(&"frames-apart"), "{:?}", r.remarks);
    // One that does not draw is said to be missing.
    let Some(r) = captured("/frame-stuck") else { return };
    assert!(yellow(&r, "screenshot-full") > 50_000 || remarks(&r).contains(&"frames-apart"), "{:?}", r.remarks);
    // A taller window would change this page: the frame has a picture of its own, and that is said.
    let Some(r) = captured("/frame-below-tall") else { return };
    complete(&r);
    assert!(yellow(&r, "screenshot-viewport/frame-1") > 50_000);
    assert_eq!(remarks(&r), ["frames-apart"]);
}
