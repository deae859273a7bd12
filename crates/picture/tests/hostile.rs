//! Pictures that were made to do harm, and ordinary ones.
#![allow(clippy::unwrap_used, missing_docs)]

use image::{DynamicImage, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};
use picture::{Depth, Error, Limits, THUMBNAIL_BYTES, THUMBNAIL_SIDE, decode, media_type, thumbnail};
use proptest::prelude::*;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::time::{Duration, Instant};

const FORMATS: [ImageFormat; 6] =
    [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP, ImageFormat::Gif, ImageFormat::Bmp, ImageFormat::Tiff];

fn gradient(width: u32, height: u32) -> DynamicImage {
    DynamicImage::ImageRgb8(RgbImage::from_fn(width, height, |x, y| Rgb([(x % 251) as u8, (y % 241) as u8, 90])))
}

fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    picture.write_to(&mut out, format).unwrap();
    out.into_inner()
}

fn whole(bytes: &[u8]) -> Result<(u32, u32), Error> {
    decode(Cursor::new(bytes.to_vec()), media_type(bytes), Depth::Whole, &Limits::default())
}

fn small(bytes: &[u8]) -> DynamicImage {
    let jpeg = thumbnail(bytes.to_vec(), &Limits::default()).unwrap();
    assert!(jpeg.len() <= THUMBNAIL_BYTES, "{}", jpeg.len());
    image::load_from_memory_with_format(&jpeg, ImageFormat::Jpeg).unwrap()
}

/// A PNG chunk with a right checksum.
fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut out = u32::try_from(data.len()).unwrap().to_be_bytes().to_vec();
    let body = [&kind[..], data].concat();
    let crc = body.iter().fold(!0u32, |crc, b| {
        (0..8).fold(crc ^ u32::from(*b), |c, _| if c & 1 == 1 { c >> 1 ^ 0xEDB8_8320 } else { c >> 1 })
    });
    out.extend(body);
    out.extend((!crc).to_be_bytes());
    out
}

fn png(width: u32, height: u32, data: &[u8]) -> Vec<u8> {
    let mut header = [width.to_be_bytes(), height.to_be_bytes()].concat();
    header.extend([8, 0, 0, 0, 0]);
    [b"\x89PNG\r\n\x1a\n".to_vec(), chunk(b"IHDR", &header), chunk(b"IDAT", data), chunk(b"IEND", b"")].concat()
}

#[test]
fn every_format_decodes_and_has_one_thumbnail() {
    for format in FORMATS {
        let bytes = encoded(&gradient(1200, 900), format);
        assert_eq!(whole(&bytes), Ok((1200, 900)), "{format:?}");
        let picture = small(&bytes);
        assert_eq!((picture.width(), picture.height()), (THUMBNAIL_SIDE, 360), "{format:?}");
        let again = || thumbnail(bytes.clone(), &Limits::default()).unwrap();
        assert_eq!(again(), again(), "{format:?}");
    }
}

#[test]
fn thin_and_tiny_pictures_have_thumbnails() {
    for (w, h, expected) in [(4000, 3, (480, 1)), (3, 4000, (1, 480)), (1, 1, (1, 1)), (480, 480, (480, 480))] {
        let picture = small(&encoded(&gradient(w, h), ImageFormat::Png));
        assert_eq!((picture.width(), picture.height()), expected);
    }
}

#[test]
fn noise_is_brought_under_the_limit() {
    let mut state = 1u32;
    let noise = RgbImage::from_fn(900, 900, |_, _| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        Rgb([(state >> 24) as u8, (state >> 16) as u8, (state >> 8) as u8])
    });
    small(&encoded(&DynamicImage::ImageRgb8(noise), ImageFormat::Png));
}

#[test]
fn transparency_lies_on_white() {
    let clear = DynamicImage::ImageRgba8(RgbaImage::from_pixel(40, 40, Rgba([0, 0, 0, 0])));
    let picture = small(&encoded(&clear, ImageFormat::Png)).into_rgb8();
    assert!(picture.pixels().all(|p| p.0.iter().all(|c| *c > 250)));
}

#[test]
fn a_turned_photograph_stands_upright() {
    // JPEG with an EXIF segment of one entry: orientation 6, to be turned clockwise.
    let jpeg = encoded(&gradient(600, 300), ImageFormat::Jpeg);
    let tiff: &[u8] = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let body = [b"Exif\0\0", tiff].concat();
    let length = u16::try_from(body.len() + 2).unwrap().to_be_bytes();
    let turned = [&jpeg[..2], &[0xff, 0xe1], &length, &body, &jpeg[2..]].concat();
    let (plain, turned) = (small(&jpeg), small(&turned));
    assert_eq!((plain.width(), plain.height()), (480, 240));
    assert_eq!((turned.width(), turned.height()), (240, 480));
}

#[test]
fn a_bomb_is_refused_by_its_header() {
    let started = Instant::now();
    let bomb = png(60_000, 60_000, &[0x78, 0x9c, 0x03, 0, 0, 0, 0, 1]);
    assert!(matches!(whole(&bomb), Err(Error::Pixels { width: 60_000, height: 60_000, .. })), "{:?}", whole(&bomb));
    assert!(matches!(thumbnail(bomb, &Limits::default()), Err(Error::Pixels { .. })));
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[test]
fn a_header_that_lies_is_no_picture() {
    // It announces a hundred million pixels and brings none.
    assert!(matches!(whole(&png(10_000, 10_000, &[0x78, 0x9c, 0x03, 0, 0, 0, 0, 1])), Err(Error::Decoder(_))));
    assert!(whole(&png(0, 5, &[])).is_err());
    // The bytes of one format under another's name.
    let jpeg = encoded(&gradient(20, 20), ImageFormat::Jpeg);
    let read = decode(Cursor::new(jpeg), "image/png", Depth::Whole, &Limits::default());
    assert!(matches!(read, Err(Error::Decoder(_))), "{read:?}");
}

#[test]
fn a_cut_picture_is_no_picture() {
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::Bmp] {
        let bytes = encoded(&gradient(300, 300), format);
        assert!(whole(&bytes[..64]).is_err(), "{format:?}");
    }
    let jpeg = encoded(&gradient(300, 300), ImageFormat::Jpeg);
    let header = |bytes: &[u8]| decode(Cursor::new(bytes.to_vec()), "image/jpeg", Depth::Header, &Limits::default());
    assert_eq!(header(&jpeg), Ok((300, 300)));
    assert_eq!(header(&jpeg[..jpeg.len() / 2]), Err(Error::Decoder("it is cut off".into())));
}

#[test]
fn a_polyglot_is_what_its_first_bytes_say() {
    // A picture with an archive behind it is a picture; an archive with a picture inside is none.
    let jpeg = encoded(&gradient(30, 30), ImageFormat::Jpeg);
    let tail = [&jpeg[..], b"PK\x03\x04 an archive"].concat();
    assert_eq!(whole(&tail), Ok((30, 30)));
    let zip = [b"PK\x03\x04", &jpeg[..]].concat();
    assert_eq!(media_type(&zip), "application/zip");
    assert_eq!(whole(&zip), Err(Error::Format));
    assert_eq!(thumbnail(zip, &Limits::default()), Err(Error::Format));
}

#[test]
fn too_many_bytes_are_refused() {
    let bytes = encoded(&gradient(400, 400), ImageFormat::Bmp);
    let limits = Limits { bytes: 10_000, ..Limits::default() };
    assert_eq!(thumbnail(bytes.clone(), &limits), Err(Error::Bytes(10_000)));
    assert_eq!(decode(Cursor::new(bytes), "image/bmp", Depth::Whole, &limits), Err(Error::Bytes(10_000)));
}

/// A disk that answers, slowly.
struct Slow(Cursor<Vec<u8>>);

impl Read for Slow {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        std::thread::sleep(Duration::from_millis(50));
        let n = buffer.len().min(64);
        self.0.read(&mut buffer[..n])
    }
}

impl Seek for Slow {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

#[test]
fn the_caller_waits_no_longer_than_the_limit() {
    let bytes = encoded(&gradient(400, 400), ImageFormat::Bmp);
    let limits = Limits { time: Duration::from_millis(300), ..Limits::default() };
    let started = Instant::now();
    let read = decode(Slow(Cursor::new(bytes)), "image/bmp", Depth::Whole, &limits);
    assert!(matches!(read, Err(Error::Time(_))), "{read:?}");
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
}

#[test]
fn pixels_that_fill_the_memory_are_refused_before_they_are_made() {
    for format in FORMATS {
        let bytes = encoded(&gradient(64, 64), format);
        let kind = media_type(&bytes);
        let limits = Limits { memory: 4_000, ..Limits::default() };
        let whole = decode(Cursor::new(bytes), kind, Depth::Whole, &limits);
        assert!(whole.is_err(), "{format:?}: 64 × 64 pixels take more");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn nothing_panics_on_changed_bytes(
        format in 0..FORMATS.len(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
        cut in any::<prop::sample::Index>(),
        whole_length in any::<bool>(),
    ) {
        let mut bytes = encoded(&gradient(24, 17), FORMATS[format]);
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if !whole_length {
            bytes.truncate(cut.index(bytes.len()));
        }
        let limits = Limits { pixels: 1_000_000, memory: 16 << 20, ..Limits::default() };
        let kind = media_type(&bytes);
        for depth in [Depth::Whole, Depth::Header] {
            let _ = decode(Cursor::new(bytes.clone()), kind, depth, &limits);
        }
        if let Ok(jpeg) = thumbnail(bytes, &limits) {
            prop_assert!(jpeg.starts_with(&[0xff, 0xd8, 0xff]) && jpeg.len() <= THUMBNAIL_BYTES);
        }
    }

    #[test]
    fn nothing_panics_on_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = media_type(&bytes);
        let _ = thumbnail(bytes, &Limits::default());
    }
}
