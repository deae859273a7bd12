#![allow(clippy::unwrap_used)]
use super::*;

const PACKET: &str = r#"<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:dc="d" xmlns:xmp="x" xmp:CreateDate="2025-10-03T10:00:00+08:00">
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">釉色杯 &amp; 霜</rdf:li><rdf:li xml:lang="en">Cup</rdf:li></rdf:Alt></dc:title>
<dc:creator><rdf:Seq><rdf:li>林晚</rdf:li><rdf:li>陈清</rdf:li></rdf:Seq></dc:creator>
<dc:rights><rdf:Alt><rdf:li xml:lang="x-default">© 2025 林晚</rdf:li></rdf:Alt></dc:rights>
</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>"#;

fn segment(marker: u8, data: &[u8]) -> Vec<u8> {
    [&[0xff, marker], &u16::try_from(data.len() + 2).unwrap().to_be_bytes()[..], data].concat()
}

fn jpeg_of(segments: &[Vec<u8>]) -> Vec<u8> {
    [b"\xff\xd8".to_vec(), segments.concat(), segment(0xda, b"scan"), b"\xff\xd9".to_vec()].concat()
}

fn with_xmp(packet: &str) -> Vec<u8> {
    segment(0xe1, &[b"http://ns.adobe.com/xap/1.0/\0", packet.as_bytes()].concat())
}

fn with_iptc(sets: &[(u8, &[u8])]) -> Vec<u8> {
    let sets =
        sets.iter().map(|(n, v)| [&[0x1c, 2, *n], &u16::try_from(v.len()).unwrap().to_be_bytes()[..], v].concat());
    let block: Vec<u8> = sets.collect::<Vec<_>>().concat();
    let resource = |id: u16, data: &[u8]| {
        let pad = if data.len() % 2 == 1 { &b"\0"[..] } else { b"" };
        [b"8BIM", &id.to_be_bytes()[..], b"\0\0", &u32::try_from(data.len()).unwrap().to_be_bytes()[..], data, pad]
            .concat()
    };
    segment(0xed, &[b"Photoshop 3.0\0".to_vec(), resource(0x0425, b"odd"), resource(0x0404, &block)].concat())
}

fn expected() -> OwnWords {
    let text = |t: &str| Some(t.to_owned());
    OwnWords {
        title: text("釉色杯 & 霜"),
        author: text("林晚; 陈清"),
        created: text("2025-10-03"),
        notice: text("© 2025 林晚"),
    }
}

#[test]
fn xmp_is_read_from_each_container() {
    assert_eq!(own_words(&jpeg_of(&[segment(0xe0, b"JFIF"), with_xmp(PACKET)]), "image/jpeg"), expected());
    let chunk = |kind: &[u8], data: &[u8]| {
        [&u32::try_from(data.len()).unwrap().to_be_bytes()[..], kind, data, b"crc!"].concat()
    };
    let text = [b"XML:com.adobe.xmp\0\0\0\0\0", PACKET.as_bytes()].concat();
    let png = [&b"\x89PNG\r\n\x1a\n"[..], &chunk(b"IHDR", &[0; 13]), &chunk(b"iTXt", &text)].concat();
    assert_eq!(own_words(&png, "image/png"), expected());
    let chunk = |kind: &[u8], data: &[u8]| [kind, &u32::try_from(data.len()).unwrap().to_le_bytes()[..], data].concat();
    let webp = [&b"RIFF\0\0\0\0WEBP"[..], &chunk(b"VP8X", &[0; 10]), &chunk(b"XMP ", PACKET.as_bytes())].concat();
    assert_eq!(own_words(&webp, "image/webp"), expected());
    // Little-endian, one IFD with tag 700.
    let size = u32::try_from(PACKET.len()).unwrap().to_le_bytes();
    let entry = [&[0xbc, 0x02, 1, 0][..], &size, &26u32.to_le_bytes()].concat();
    let tiff = [&b"II*\0\x08\0\0\0"[..], &[1, 0], &entry, &[0; 4], PACKET.as_bytes()].concat();
    assert_eq!(own_words(&tiff, "image/tiff"), expected());
}

#[test]
fn iptc_stands_behind_xmp() {
    let iptc = with_iptc(&[
        (5, "杯".as_bytes()),
        (80, "甲".as_bytes()),
        (80, "乙".as_bytes()),
        (55, b"20251003"),
        (116, b"(c)"),
    ]);
    let words = own_words(&jpeg_of(std::slice::from_ref(&iptc)), "image/jpeg");
    assert_eq!((words.title.as_deref(), words.author.as_deref()), (Some("杯"), Some("甲; 乙")));
    assert_eq!((words.created.as_deref(), words.notice.as_deref()), (Some("2025-10-03"), Some("(c)")));
    let both = own_words(&jpeg_of(&[iptc, with_xmp(PACKET)]), "image/jpeg");
    assert_eq!(both, expected());
    // Bytes of an unknown encoding are no words.
    assert_eq!(own_words(&jpeg_of(&[with_iptc(&[(5, b"\xb1\xad")])]), "image/jpeg"), OwnWords::default());
}

#[test]
fn what_is_broken_is_not_there() {
    let whole = jpeg_of(&[with_iptc(&[(5, b"cup")]), with_xmp(PACKET)]);
    for cut in 0..whole.len() {
        own_words(&whole[..cut], "image/jpeg");
        exif(&whole[..cut]);
    }
    for kind in ["image/jpeg", "image/png", "image/webp", "image/tiff", "image/gif"] {
        assert_eq!(own_words(b"", kind), OwnWords::default());
        assert_eq!(own_words(&whole[2..], kind).title, None);
    }
    let bad_date = PACKET.replace("2025-10-03T", "yesterday, ");
    assert_eq!(own_words(&jpeg_of(&[with_xmp(&bad_date)]), "image/jpeg").created, None);
    // One that is too long gives way to that in another language.
    let long = PACKET.replace("釉", &"釉".repeat(2000));
    assert_eq!(own_words(&jpeg_of(&[with_xmp(&long)]), "image/jpeg").title.as_deref(), Some("Cup"));
}
