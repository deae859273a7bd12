//! Files that are not decoded, and what is shown of them: what they carry, or a drawing of nothing but shapes.
#![allow(clippy::unwrap_used, missing_docs)]

use image::{DynamicImage, Rgb, RgbImage, codecs::jpeg::JpegEncoder, metadata::Orientation};
use picture::{Error, HEAD, Limits, media_type, preview, thumbnail};
use proptest::prelude::*;

fn jpeg(width: u32, height: u32, colour: [u8; 3]) -> Vec<u8> {
    let mut out = Vec::new();
    let picture = DynamicImage::ImageRgb8(RgbImage::from_pixel(width, height, Rgb(colour)));
    JpegEncoder::new_with_quality(&mut out, 90).encode_image(&picture).unwrap();
    out
}

/// Size and middle colour of the thumbnail.
fn shown(bytes: &[u8]) -> Result<((u32, u32), [u8; 3]), Error> {
    let small = thumbnail(bytes.to_vec(), &Limits::default())?;
    let small = image::load_from_memory(&small).unwrap().to_rgb8();
    Ok((small.dimensions(), small.get_pixel(small.width() / 2, small.height() / 2).0))
}

fn is_near(found: [u8; 3], expected: [u8; 3]) -> bool {
    found.iter().zip(expected).all(|(a, b)| a.abs_diff(b) < 12)
}

/// A Photoshop file: header, no colour data, resources, and pixels that nobody reads.
fn photoshop(resources: &[(u16, &str, Vec<u8>)]) -> Vec<u8> {
    let mut inside = Vec::new();
    for (id, name, data) in resources {
        inside.extend(b"8BIM");
        inside.extend(id.to_be_bytes());
        inside.push(name.len() as u8);
        inside.extend(name.as_bytes());
        if name.len() % 2 == 0 {
            inside.push(0);
        }
        inside.extend((data.len() as u32).to_be_bytes());
        inside.extend(data);
        if data.len() % 2 == 1 {
            inside.push(0);
        }
    }
    let mut out = b"8BPS\0\x01\0\0\0\0\0\0\0\x03\0\0\x03\xe8\0\0\x03\xe8\0\x08\0\x03".to_vec();
    out.extend(0u32.to_be_bytes());
    out.extend((inside.len() as u32).to_be_bytes());
    out.extend(inside);
    out.extend([7; 300]);
    out
}

fn in_resource(jpeg: &[u8], format: u32) -> Vec<u8> {
    let mut out: Vec<u8> = [format, 160, 120, 480, 57_600, jpeg.len() as u32].map(u32::to_be_bytes).concat();
    out.extend([0, 24, 0, 1]);
    out.extend(jpeg);
    out
}

/// Tag, type, count, value or offset.
type Entry = (u16, u16, u32, u32);

/// A TIFF of these directories, one after another in a chain, and data behind them; `at` says where data lies.
fn tiff(magic: u16, chained: &[Vec<Entry>], data: &[u8]) -> Vec<u8> {
    let mut out = b"II".to_vec();
    out.extend(magic.to_le_bytes());
    out.extend(8u32.to_le_bytes());
    for (n, directory) in chained.iter().enumerate() {
        out.extend((directory.len() as u16).to_le_bytes());
        for (tag, kind, count, value) in directory {
            out.extend(tag.to_le_bytes());
            out.extend(kind.to_le_bytes());
            out.extend(count.to_le_bytes());
            out.extend(value.to_le_bytes());
        }
        let next = if n + 1 < chained.len() { out.len() as u32 + 4 } else { 0 };
        out.extend(next.to_le_bytes());
    }
    assert!(out.len() < 1000);
    out.resize(1000, 0);
    out.extend(data);
    out
}

#[test]
fn a_photoshop_file_shows_its_own_thumbnail() {
    let small = jpeg(160, 120, [200, 40, 30]);
    let file = photoshop(&[(1005, "", vec![1; 16]), (1036, "odd", in_resource(&small, 1)), (1061, "", vec![2; 16])]);
    assert_eq!(media_type(&file[..HEAD]), "image/vnd.adobe.photoshop");
    assert_eq!(preview(&file).unwrap().jpeg[..2], [0xff, 0xd8]);
    let (size, colour) = shown(&file).unwrap();
    assert!(size == (160, 120) && is_near(colour, [200, 40, 30]), "{size:?} {colour:?}");
    for without in [
        photoshop(&[(1005, "", vec![1; 16])]),
        photoshop(&[(1036, "", in_resource(&small, 0))]),
        photoshop(&[(1036, "", in_resource(b"\xff\xd8 no frame", 1))]),
        file[..200].to_vec(),
    ] {
        assert_eq!(preview(&without), None);
        assert!(shown(&without).is_err());
    }
}

#[test]
fn a_raw_file_shows_its_largest_preview_turned_as_the_camera_was() {
    let (small, large) = (jpeg(160, 120, [10, 200, 10]), jpeg(800, 600, [20, 30, 220]));
    // Raw data as DNG has it: a lossless JPEG, which begins like one.
    let lossless = b"\xff\xd8\xff\xc3\0\x0e\x0e\x20\0\x20\0\x02\0\x11\0\x01\x11\0\xff\xd9".to_vec();
    let data = [&small[..], &large, &lossless].concat();
    let (a, b, c) = (1000, 1000 + small.len() as u32, 1000 + (small.len() + large.len()) as u32);
    let first = vec![(0x112, 3, 1, 6), (0x201, 4, 1, a), (0x202, 4, 1, small.len() as u32)];
    let second = vec![(0x103, 3, 1, 7), (0x111, 4, 1, b), (0x117, 4, 1, large.len() as u32)];
    let third = vec![(0x103, 3, 1, 7), (0x111, 4, 1, c), (0x117, 4, 1, lossless.len() as u32)];
    for magic in [42, 0x4f52] {
        let file = tiff(magic, &[first.clone(), second.clone(), third.clone()], &data);
        let found = preview(&file).unwrap();
        assert_eq!((found.pixels, found.orientation), (480_000, Orientation::Rotate90));
        let (size, colour) = shown(&file).unwrap();
        assert!(size == (360, 480) && is_near(colour, [20, 30, 220]), "{size:?} {colour:?}");
    }
    // By SubIFDs, in a list and alone; and where Panasonic keeps it.
    let sub = tiff(42, &[vec![(0x14a, 4, 1, 26)], second.clone()], &data);
    assert_eq!(preview(&sub).unwrap().pixels, 480_000);
    let panasonic = tiff(0x55, &[vec![(0x2e, 7, large.len() as u32, b)]], &data);
    assert_eq!(preview(&panasonic).unwrap().pixels, 480_000);
    assert_eq!(media_type(&panasonic), "image/x-panasonic-rw2");
    let mut fuji = b"FUJIFILMCCD-RAW 0201".to_vec();
    fuji.resize(84, 0);
    fuji.extend([200u32.to_be_bytes(), (large.len() as u32).to_be_bytes()].concat());
    fuji.resize(200, 0);
    fuji.extend(&large);
    assert_eq!(shown(&fuji).unwrap().0, (480, 360));
    // Directories that lead in a circle, and offsets beyond the end.
    let mut circle = tiff(42, &[vec![(0x14a, 4, 1, 8)]], &data);
    circle[22..26].copy_from_slice(&8u32.to_le_bytes());
    assert_eq!(preview(&circle), None);
    let beyond = tiff(42, &[vec![(0x201, 4, 1, u32::MAX), (0x202, 4, 1, u32::MAX)]], &data);
    assert_eq!(preview(&beyond), None);
}

#[test]
fn an_ordinary_tiff_shows_its_own_pixels() {
    let mut out = std::io::Cursor::new(Vec::new());
    let picture = DynamicImage::ImageRgb8(RgbImage::from_pixel(300, 200, Rgb([9, 90, 200])));
    picture.write_to(&mut out, image::ImageFormat::Tiff).unwrap();
    let (size, colour) = shown(&out.into_inner()).unwrap();
    assert!(size == (300, 200) && is_near(colour, [9, 90, 200]), "{size:?} {colour:?}");
}

#[test]
fn an_svg_of_shapes_is_drawn_and_anything_else_in_it_is_not() {
    let svg = |inside: &str| {
        let head = "<?xml version=\"1.0\"?>\n<!-- made by hand -->\n<svg xmlns='http://www.w3.org/2000/svg' \
                    xmlns:xlink='http://www.w3.org/1999/xlink' width='200' height='100'>";
        format!("{head}{inside}</svg>")
    };
    let plain = svg("<rect width='200' height='100' fill='#c81e1e'/>");
    assert_eq!(media_type(plain.as_bytes()), "image/svg+xml");
    assert_eq!(media_type(b"<svg/>"), "application/octet-stream");
    assert_eq!(media_type(b"<html><svg >"), "application/octet-stream");
    let (size, colour) = shown(plain.as_bytes()).unwrap();
    assert!(size == (480, 240) && is_near(colour, [200, 30, 30]), "{size:?} {colour:?}");
    let reused = svg("<defs><g id='a'><circle cx='100' cy='50' r='40' fill='blue'/></g></defs><use xlink:href='#a'/>");
    assert!(is_near(shown(reused.as_bytes()).unwrap().1, [0, 0, 255]));
    let clipped = "<clipPath id='c'><rect width='60' height='100'/></clipPath>\
                   <rect width='200' height='100' fill='red' clip-path='url(#c)'/>";
    assert!(is_near(shown(svg(clipped).as_bytes()).unwrap().1, [255; 3]), "the middle is clipped away");

    let pattern = |n: u32| {
        let rects = "<rect width='9' height='9' fill='url(#pX)'/>".repeat(30).replace('X', &(n + 1).to_string());
        format!("<pattern id='p{n}' width='9' height='9' patternUnits='userSpaceOnUse'>{rects}</pattern>")
    };
    let patterns: String = (0..9).map(pattern).collect();
    let clip = |n: u32| {
        let rects = "<rect width='9' height='9' clip-path='url(#cX)'/>".repeat(30).replace('X', &(n + 1).to_string());
        format!("<clipPath id='c{n}'>{rects}</clipPath>")
    };
    let clips: String = (0..9).map(clip).collect();
    let uses = |n: u32| {
        let inner = format!("<use href='#u{}'/>", n + 1).repeat(20);
        format!("<g id='u{n}'>{inner}</g>")
    };
    let uses: String = (0..9).map(uses).collect();
    for hostile in [
        "<image href='file:///etc/passwd' width='9' height='9'/>".to_owned(),
        "<image href='data:image/png;base64,AAAA' width='9' height='9'/>".to_owned(),
        "<text x='9' y='9'>words</text>".to_owned(),
        "<script>1</script><rect width='9' height='9'/>".to_owned(),
        "<foreignObject><body xmlns='http://www.w3.org/1999/xhtml'/></foreignObject>".to_owned(),
        "<filter id='f'><feTurbulence numOctaves='4000000000'/></filter><rect width='9' height='9' filter='url(#f)'/>"
            .into(),
        format!("<g>{patterns}</g><rect width='200' height='100' fill='url(#p0)'/>"),
        format!("<g>{clips}</g><rect width='200' height='100' clip-path='url(#c0)'/>"),
        format!("<g>{}</g>", patterns.replace("pattern", "mask").replace("fill=", "mask=")),
        format!("<style>{}</style><rect width='9' height='9'/>", "a b c{fill:red}".repeat(9_000)),
        format!("<defs>{uses}</defs><use href='#u0'/>"),
        "<g>".repeat(200) + &"</g>".repeat(200),
        "<rect width='1' height='1'/>".repeat(50_000),
    ] {
        let refused = shown(svg(&hostile).as_bytes());
        assert!(matches!(refused, Err(Error::Decoder(_))), "{}: {refused:?}", &hostile[..40]);
    }
    let lol = format!("<!DOCTYPE svg [<!ENTITY a '{}'>]>{plain}", "lol".repeat(9));
    assert!(shown(lol.replace("<?xml version=\"1.0\"?>", "").as_bytes()).is_err(), "no entities");
    let address = svg("<rect width='200' height='100' fill='url(http://127.0.0.1:9/p.svg#x)'/>");
    assert!(shown(address.as_bytes()).is_ok(), "an address is nothing to paint with");
}

#[test]
fn what_has_no_preview_is_named_by_its_bytes() {
    let types: [(&[u8], &str); 9] = [
        (b"\0\0\0\x20ftypheic", "image/heic"),
        (b"\0\0\0\x20ftypavif", "image/avif"),
        (b"\0\0\0\x20ftypisom", "video/mp4"),
        (b"\0\0\0\x14ftypqt  ", "video/quicktime"),
        (b"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\x82\x84webm", "video/webm"),
        (b"\x1a\x45\xdf\xa3\xa3B\x82\x88matroska", "video/x-matroska"),
        (b"RIFF\0\0\0\0AVI LIST", "video/x-msvideo"),
        (b"%PDF-1.7", "application/pdf"),
        (b"\0\0\0\x18ftypcrx ", "image/x-canon-cr3"),
    ];
    for (head, kind) in types {
        assert_eq!(media_type(head), kind);
        assert_eq!(thumbnail(head.to_vec(), &Limits::default()), Err(Error::Format), "{kind}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_preview_lies_in_its_file_and_nothing_panics(
        which in 0usize..3,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..24),
        cut in any::<prop::sample::Index>(),
    ) {
        let small = jpeg(32, 24, [1, 2, 3]);
        let length = small.len() as u32;
        let mut bytes = match which {
            0 => photoshop(&[(1005, "a", vec![1; 5]), (1036, "", in_resource(&small, 1))]),
            1 => tiff(42, &[vec![(0x14a, 4, 2, 900), (0x201, 4, 1, 1000), (0x202, 4, 1, length)]], &small),
            _ => tiff(0x55, &[vec![(0x2e, 7, length, 1000)], vec![(0x8769, 4, 1, 8)]], &small),
        };
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        bytes.truncate(cut.index(bytes.len() + 1));
        if let Some(found) = preview(&bytes) {
            let (from, to) = (bytes.as_ptr_range(), found.jpeg.as_ptr_range());
            prop_assert!(from.start <= to.start && to.end <= from.end && found.jpeg.starts_with(&[0xff, 0xd8]));
            prop_assert!(found.pixels > 0);
        }
    }

    #[test]
    fn no_bytes_panic(bytes: Vec<u8>, words in "[<>/a-z\"= #]{0,200}") {
        let _ = preview(&bytes);
        let _ = preview(&[&b"8BPS"[..], &bytes].concat());
        let _ = preview(&[&b"II*\0\x08\0\0\0"[..], &bytes].concat());
        drop(thumbnail(format!("<svg xmlns='http://www.w3.org/2000/svg' {words}").into_bytes(), &Limits::default()));
    }
}
