//! Whose a kept file is.

use super::*;

/// A picture that can be told from others, and the same with one corner painted over.
pub(crate) fn pictures() -> (Vec<u8>, Vec<u8>) {
    let draw = |corner: bool| {
        let value = |x: u32, y: u32, n: u32| ((x / 40) * 97 + (y / 40) * 53 * n + 17) as u8;
        let picture = image::RgbImage::from_fn(320, 240, |x, y| {
            image::Rgb([1, 2, 3].map(|n| if corner && x < 8 && y < 8 { 255 } else { value(x, y, n) }))
        });
        let mut out = std::io::Cursor::new(Vec::new());
        picture.write_to(&mut out, image::ImageFormat::Png).unwrap();
        out.into_inner()
    };
    (draw(false), draw(true))
}

#[test]
fn who_tells_another_merchants_digests_gets_nothing_of_the_file_and_keeps_nothing_alive() {
    let house = opened();
    let (mut one, mut two) = (Merchant::sign_up(&house, &HAITANG, "haitang"), Merchant::sign_up(&house, &ZHOU, "zhou"));
    let (bytes, alike) = pictures();
    let own = one.register("海报.png", &bytes).1;
    let digests = evidence::digest::FileDigests::of(&bytes);
    let hex = |bytes: &[u8]| evidence::hex::encode(bytes);
    // Both digests and the size are in the ledger's entries, for anybody.
    let told = json!({"sha256": hex(&digests.sha256), "sm3": hex(&digests.sm3), "size": digests.size,
        "media_type": "image/png", "file_name": "x.png"});
    let kind = [("content-type", "application/json"), ("idempotency-key", "told")];
    let answer = two.api("POST", "/api/v1/deposits?wait=proof", &kind, told.to_string().as_bytes());
    assert_eq!(answer.status, 201, "{}", answer.body);
    let line: Value = serde_json::from_str(&answer.body).unwrap();
    let id = line["id"].as_str().unwrap().to_owned();
    assert_eq!(two.json(&format!("/api/v1/deposits/{id}"))["held"], false);
    assert_eq!(one.json(&format!("/api/v1/deposits/{own}"))["held"], true);
    assert_eq!(two.api("GET", &format!("/api/v1/deposits/{id}/original"), &[], &[]).status, 404);
    for end in ["original", "picture.jpg"] {
        assert_eq!(two.browser.get(&format!("/deposits/{id}/{end}")).status, 404, "{end}");
        assert_eq!(one.browser.get(&format!("/deposits/{own}/{end}")).status, 200, "{end}");
    }
    // Nor does the certificate say that anybody read the file again.
    let said = |merchant: &mut Merchant, id: &str, word: &str| {
        let pdf = merchant.browser.get(&format!("/deposits/{id}/certificate.pdf"));
        assert_eq!(pdf.status, 200, "{}", pdf.body);
        pdf.bytes.windows(word.len()).any(|w| w == word.as_bytes())
    };
    assert!(said(&mut one, &own, "original-read") && !said(&mut one, &own, "original-unread"));
    assert!(said(&mut two, &id, "original-unread") && !said(&mut two, &id, "original-read"));
    let page = two.browser.get(&format!("/deposits/{id}")).body;
    let until = page.split("name=\"until\" value=\"").nth(1).unwrap()[..10].to_owned();
    let wishes = [("claims", "yes"), ("original", "yes"), ("picture", "yes"), ("until", &until)];
    let made = two.browser.post(&format!("/deposits/{id}/links"), &wishes).body;
    if let Some(link) = made.split("href=\"/s/").nth(1).map(|rest| rest.split('"').next().unwrap()) {
        let mut anybody = house.browser();
        for end in ["original", "picture.jpg"] {
            assert_ne!(anybody.get(&format!("/s/{link}/{end}")).status, 200, "{end}");
        }
    }
    // A picture like it finds nothing, though its fingerprint is there.
    let found = |merchant: &mut Merchant| {
        merchant.browser.get("/library");
        let csrf = merchant.browser.csrf.clone();
        let mut body = format!(
            "--edge\r\ncontent-disposition: form-data; name=\"csrf\"\r\n\r\n{csrf}\r\n--edge\r\ncontent-disposition: form-data; name=\"picture\"; filename=\"a.png\"\r\n\r\n"
        )
        .into_bytes();
        body.extend_from_slice(&alike);
        body.extend(b"\r\n--edge--\r\n");
        let answer = merchant.browser.send(
            "POST",
            "/library/find",
            &[("content-type", "multipart/form-data; boundary=edge")],
            &body,
        );
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body
    };
    assert!(found(&mut one).contains(&own), "who registered it finds it");
    assert!(!found(&mut two).contains(&id));

    // Told digests keep nobody's file from going.
    let erase = format!("/deposits/{own}/erase");
    let plan = one.browser.get(&erase).body;
    assert!(!plan.contains("另一个账户") && plan.contains("留存的文件"), "{plan}");
    assert_eq!(one.browser.post(&erase, &[("password", PASSWORD), ("sure", "yes")]).status, 200);
    let kept = |sha256: &[u8]| house.data().join("originals").join(&hex(sha256)[..2]).join(hex(sha256));
    assert!(!kept(&digests.sha256).exists());

    // Who has the file himself registers it: a record of its own, with its bytes, and charged as such.
    let (status, file) = two.register("x.png", &bytes);
    assert_eq!(status, 201);
    assert_ne!(file, id);
    assert_eq!(two.api("GET", &format!("/api/v1/deposits/{file}/original"), &[], &[]).bytes, bytes);
    assert_eq!(two.api("GET", &format!("/api/v1/deposits/{id}/original"), &[], &[]).status, 404);
    assert_eq!(two.register("again.png", &bytes), (200, file.clone()));
    let answer =
        two.api("POST", "/api/v1/deposits", &[kind[0], ("idempotency-key", "again")], told.to_string().as_bytes());
    assert_eq!(answer.status, 200, "told again: {}", answer.body);
    let moves = two.browser.get("/account/edition").body;
    assert!(moves.contains(&file) && moves.contains(&id), "both were charged: {moves}");
}
