//! What a picture says about itself: title, author, date and notice from XMP and IPTC, and the camera's EXIF.
//!
//! Anybody can write these fields; they are words of the file's, never findings. Read from JPEG, PNG, WebP and TIFF;
//! a field that is broken, or not UTF-8, is a field that is not there. Sources: XMP (ISO 16684-1), its embedding (XMP
//! specification part 3), IPTC-IIM 4.2, PNG 11.3.4.5, RIFF as WebP uses it, EXIF by `kamadak-exif`.

mod xmp;

use std::io::{Read, Seek, SeekFrom};

/// Most bytes that are looked at. Of a longer JPEG or PNG the beginning is enough; of others nothing is read.
const MAX: u64 = 64 << 20;
const BEGINNING: u64 = 4 << 20;
/// Most bytes of one field.
const MAX_FIELD: usize = 4096;
/// Most EXIF fields.
const MAX_FIELDS: usize = 200;

/// Fields of XMP and IPTC. XMP outranks IPTC.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnWords {
    /// `dc:title`, IPTC 2:05.
    pub title: Option<String>,
    /// `dc:creator`, IPTC 2:80; several are joined by `; `.
    pub author: Option<String>,
    /// `photoshop:DateCreated`, else `xmp:CreateDate`, IPTC 2:55: `YYYY-MM-DD`.
    pub created: Option<String>,
    /// `dc:rights`, IPTC 2:116.
    pub notice: Option<String>,
}

/// As much of a file as its own words may lie in; nothing for a type that has none.
pub fn beginning(mut source: impl Read + Seek, media_type: &str) -> std::io::Result<Vec<u8>> {
    let size = source.seek(SeekFrom::End(0))?;
    source.seek(SeekFrom::Start(0))?;
    let most = match media_type {
        "image/jpeg" | "image/png" => BEGINNING,
        "image/webp" | "image/tiff" if size <= MAX => MAX,
        _ => return Ok(Vec::new()),
    };
    let mut bytes = Vec::new();
    source.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Title, author, date and notice.
pub fn own_words(bytes: &[u8], media_type: &str) -> OwnWords {
    let (packet, iim) = match media_type {
        "image/jpeg" => jpeg(bytes),
        "image/png" => (png(bytes), None),
        "image/webp" => (webp(bytes), None),
        "image/tiff" => tiff(bytes),
        _ => (None, None),
    };
    let xmp = packet.map(xmp_words).unwrap_or_default();
    let iptc = iim.map(iptc_words).unwrap_or_default();
    OwnWords {
        title: xmp.title.or(iptc.title),
        author: xmp.author.or(iptc.author),
        created: xmp.created.or(iptc.created),
        notice: xmp.notice.or(iptc.notice),
    }
}

/// EXIF, name and value as people read them. It may say where somebody lives: for the owner's eyes.
pub fn exif(bytes: &[u8]) -> Vec<(String, String)> {
    let Ok(exif) = ::exif::Reader::new().read_from_container(&mut std::io::Cursor::new(bytes)) else {
        return Vec::new();
    };
    let field = |f: &::exif::Field| {
        let mut value = f.display_value().with_unit(&exif).to_string();
        if f.ifd_num != ::exif::In::PRIMARY || value.len() > 400 || f.tag.description().is_none() {
            return None;
        }
        value.retain(|c| !c.is_control());
        Some((f.tag.to_string(), value))
    };
    exif.fields().filter_map(field).take(MAX_FIELDS).collect()
}

fn xmp_words(packet: Vec<u8>) -> OwnWords {
    xmp::read(&packet)
}

/// XMP packet and IPTC block of a JPEG's segments before its scan.
fn jpeg(bytes: &[u8]) -> (Option<Vec<u8>>, Option<Vec<u8>>) {
    const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
    const PHOTOSHOP: &[u8] = b"Photoshop 3.0\0";
    if !bytes.starts_with(&[0xff, 0xd8]) {
        return (None, None);
    }
    let (mut at, mut packet, mut iim) = (2, None, None);
    while let Some([0xff, marker, high, low]) = bytes.get(at..at + 4) {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let Some(data) = bytes.get(at + 4..at + 2 + length).filter(|_| *marker != 0xda) else { break };
        match marker {
            0xe1 => packet = packet.or_else(|| data.strip_prefix(XMP).map(<[u8]>::to_vec)),
            0xed => iim = iim.or_else(|| photoshop(data.strip_prefix(PHOTOSHOP)?)),
            _ => {}
        }
        at += 2 + length;
    }
    (packet, iim)
}

/// The IPTC block (0x0404) among Photoshop's image resources.
fn photoshop(mut rest: &[u8]) -> Option<Vec<u8>> {
    loop {
        let (id, after) = rest.strip_prefix(b"8BIM")?.split_first_chunk::<2>()?;
        // A name of odd length is padded, its length byte counted.
        let name = usize::from(*after.first()?) | 1;
        let (size, data) = after.get(name + 1..)?.split_first_chunk::<4>()?;
        let size = usize::try_from(u32::from_be_bytes(*size)).ok()?;
        if id == &[0x04, 0x04] {
            return data.get(..size).map(<[u8]>::to_vec);
        }
        rest = data.get(size.checked_next_multiple_of(2)?..)?;
    }
}

fn png(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut rest = bytes.strip_prefix(b"\x89PNG\r\n\x1a\n")?;
    loop {
        let (size, after) = rest.split_first_chunk::<4>()?;
        let size = usize::try_from(u32::from_be_bytes(*size)).ok()?;
        let (kind, data) = after.split_first_chunk::<4>()?;
        // Compression flag and method 0, no language, no translated keyword.
        if kind == b"iTXt"
            && let Some(text) = data.get(..size)?.strip_prefix(b"XML:com.adobe.xmp\0\0\0\0\0")
        {
            return Some(text.to_vec());
        }
        rest = data.get(size.checked_add(4)?..)?;
    }
}

fn webp(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut rest = bytes.strip_prefix(b"RIFF")?.get(4..)?.strip_prefix(b"WEBP")?;
    loop {
        let (kind, after) = rest.split_first_chunk::<4>()?;
        let (size, data) = after.split_first_chunk::<4>()?;
        let size = usize::try_from(u32::from_le_bytes(*size)).ok()?;
        if kind == b"XMP " {
            return data.get(..size).map(<[u8]>::to_vec);
        }
        rest = data.get(size.checked_next_multiple_of(2)?..)?;
    }
}

/// Tags 700 and 33723 of the first IFD.
fn tiff(bytes: &[u8]) -> (Option<Vec<u8>>, Option<Vec<u8>>) {
    let Ok(exif) = ::exif::Reader::new().read_from_container(&mut std::io::Cursor::new(bytes)) else {
        return (None, None);
    };
    let tag = |n| {
        let field = exif.get_field(::exif::Tag(::exif::Context::Tiff, n), ::exif::In::PRIMARY)?;
        match &field.value {
            ::exif::Value::Byte(bytes) | ::exif::Value::Undefined(bytes, _) => Some(bytes.clone()),
            _ => None,
        }
    };
    (tag(700), tag(33723))
}

/// Datasets of record 2 (IPTC-IIM 4.2, 1.6).
fn iptc_words(bytes: Vec<u8>) -> OwnWords {
    let (mut words, mut authors, mut rest) = (OwnWords::default(), Vec::new(), &bytes[..]);
    while let [0x1c, record, dataset, high, low, data @ ..] = rest {
        let size = usize::from(u16::from_be_bytes([*high, *low]));
        // An extended dataset is longer than any of these may be.
        let Some(value) = data.get(..size) else { break };
        rest = &data[size..];
        let Some(text) = std::str::from_utf8(value).ok().and_then(field).filter(|_| *record == 2) else { continue };
        match dataset {
            5 => words.title = words.title.or(Some(text)),
            80 => authors.push(text),
            55 if text.len() == 8 && text.is_ascii() => {
                words.created = date(&format!("{}-{}-{}", &text[..4], &text[4..6], &text[6..]));
            }
            116 => words.notice = words.notice.or(Some(text)),
            _ => {}
        }
    }
    words.author = join(&authors);
    words
}

fn join(authors: &[String]) -> Option<String> {
    field(&authors.join("; "))
}

/// A field worth having: not blank, not too long.
fn field(text: &str) -> Option<String> {
    let text = text.trim().trim_end_matches('\0');
    (!text.is_empty() && text.len() <= MAX_FIELD).then(|| text.to_owned())
}

/// The day of an XMP date that has one.
fn date(text: &str) -> Option<String> {
    let day = text.get(..10)?;
    let fits = day.bytes().enumerate().all(|(n, b)| if n == 4 || n == 7 { b == b'-' } else { b.is_ascii_digit() });
    (fits && day != "0000-00-00").then(|| day.to_owned())
}

#[cfg(test)]
mod tests;
