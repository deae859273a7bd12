//! The small JPEG that a Photoshop or camera raw file carries beside its own pixels, which nothing here decodes.
//!
//! Rules:
//! - Bytes in, a part of them out: nothing is copied, every offset is looked up in the slice, every list is bounded.
//! - What is handed out begins like a JPEG whose frame an ordinary decoder reads; whether it decodes is the decoder's to
//!   say. The raw data of many cameras is a JPEG too, a lossless one: its frame is another.
//!
//! Sources: Adobe Photoshop File Formats Specification (image resource 1036); TIFF 6.0 and its supplements for SubIFDs
//! and JPEG; Adobe DNG 1.7; the headers of Olympus, Panasonic and Fujifilm raw files as ExifTool documents them.

use image::metadata::Orientation;
use std::collections::{BTreeSet, VecDeque};

/// Most directories of one file, and entries of one directory, that are looked at.
const DIRECTORIES: usize = 64;
const ENTRIES: usize = 512;
/// Most image resources of a Photoshop file.
const RESOURCES: usize = 4096;
/// Most markers of a JPEG before its frame.
const MARKERS: usize = 256;

/// A JPEG inside another file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preview<'a> {
    /// The JPEG.
    pub jpeg: &'a [u8],
    /// Width times height, as its frame says.
    pub pixels: u64,
    /// How the camera was held, as the file says outside of the JPEG.
    pub orientation: Orientation,
}

/// The largest preview that the file carries: Photoshop (PSD, PSB), and raw files that are TIFF (DNG, CR2, NEF, ARW,
/// PEF, SRW, ORF, RW2) or Fujifilm's RAF. `None` where it carries none, or is another file.
pub fn preview(bytes: &[u8]) -> Option<Preview<'_>> {
    let unturned = |jpeg| Some(Preview { jpeg, pixels: frame(jpeg)?, orientation: Orientation::NoTransforms });
    match bytes {
        [b'8', b'B', b'P', b'S', ..] => photoshop(bytes).and_then(unturned),
        [b'F', b'U', b'J', b'I', b'F', b'I', b'L', b'M', b'C', b'C', b'D', b'-', b'R', b'A', b'W', ..] => {
            let at = |offset| word::<4>(bytes, offset).map(|b| u32::from_be_bytes(b) as usize);
            part(bytes, at(84)?, at(88)?).and_then(unturned)
        }
        _ => tiff(bytes),
    }
}

/// `length` bytes from `offset`, where they lie in the file.
fn part(bytes: &[u8], offset: usize, length: usize) -> Option<&[u8]> {
    bytes.get(offset..offset.checked_add(length)?)
}

fn word<const N: usize>(bytes: &[u8], offset: usize) -> Option<[u8; N]> {
    bytes.get(offset..)?.first_chunk::<N>().copied()
}

fn photoshop(bytes: &[u8]) -> Option<&[u8]> {
    let long = |offset| word::<4>(bytes, offset).map(|b| u32::from_be_bytes(b) as usize);
    // Header (26), colour mode data, then image resources, each with its length before it.
    let resources = 26usize.checked_add(4)?.checked_add(long(26)?)?;
    let mut at = resources.checked_add(4)?;
    let end = at.checked_add(long(resources)?)?.min(bytes.len());
    for _ in 0..RESOURCES {
        if at >= end || bytes.get(at..at.checked_add(4)?)? != b"8BIM" {
            return None;
        }
        let id = u16::from_be_bytes(word(bytes, at + 4)?);
        // A Pascal string, its length included padded to an even one.
        let name = usize::from(*bytes.get(at + 6)?) + 1;
        let length = at + 6 + name.next_multiple_of(2);
        let data = length.checked_add(4)?;
        let size = long(length)?;
        if id == 1036 {
            // Format 1 is JPEG; 28 bytes of header.
            let content = part(bytes, data, size)?;
            let format = u32::from_be_bytes(word(content, 0)?);
            let jpeg = content.get(28..)?;
            return (format == 1).then_some(jpeg);
        }
        at = data.checked_add(size.checked_next_multiple_of(2)?)?;
    }
    None
}

/// A TIFF's bytes and their order.
struct Tiff<'a> {
    bytes: &'a [u8],
    little: bool,
}

/// What one directory says of a JPEG.
#[derive(Default)]
struct Directory {
    compression: Option<u32>,
    /// Of the one strip: StripOffsets, StripByteCounts.
    strip: (Option<usize>, Option<usize>),
    /// JPEGInterchangeFormat and its length.
    old: (Option<usize>, Option<usize>),
    /// Panasonic's JpgFromRaw: the bytes themselves.
    whole: Option<(usize, usize)>,
    orientation: Option<u32>,
    others: Vec<usize>,
}

impl<'a> Tiff<'a> {
    fn short(&self, offset: usize) -> Option<u32> {
        word(self.bytes, offset)
            .map(|b| u32::from(if self.little { u16::from_le_bytes(b) } else { u16::from_be_bytes(b) }))
    }

    fn long(&self, offset: usize) -> Option<u32> {
        word(self.bytes, offset).map(|b| if self.little { u32::from_le_bytes(b) } else { u32::from_be_bytes(b) })
    }

    /// The directory at `offset`, and where the next one is.
    fn directory(&self, offset: usize) -> Option<(Directory, usize)> {
        let count = self.short(offset)? as usize;
        let mut found = Directory::default();
        for n in 0..count.min(ENTRIES) {
            let at = offset.checked_add(2 + 12 * n)?;
            let (tag, kind, values) = (self.short(at)?, self.short(at + 2)?, self.long(at + 4)? as usize);
            let one = || match kind {
                3 => self.short(at + 8),
                4 | 13 => self.long(at + 8),
                _ => None,
            };
            match tag {
                0x0103 => found.compression = one(),
                0x0111 if values == 1 => found.strip.0 = one().map(|v| v as usize),
                0x0117 if values == 1 => found.strip.1 = one().map(|v| v as usize),
                0x0112 => found.orientation = one(),
                0x0201 => found.old.0 = one().map(|v| v as usize),
                0x0202 => found.old.1 = one().map(|v| v as usize),
                0x002e => found.whole = self.long(at + 8).map(|v| (v as usize, values)),
                0x014a | 0x8769 if values == 1 => found.others.extend(one().map(|v| v as usize)),
                0x014a => {
                    let list = self.long(at + 8)? as usize;
                    let each = (0..values.min(DIRECTORIES)).map_while(|n| self.long(list.checked_add(4 * n)?));
                    found.others.extend(each.map(|v| v as usize));
                }
                _ => {}
            }
        }
        let next = offset.checked_add(2 + 12 * count).and_then(|at| self.long(at)).unwrap_or_default();
        Some((found, next as usize))
    }
}

fn tiff(bytes: &[u8]) -> Option<Preview<'_>> {
    let little = match bytes.first_chunk::<2>()? {
        b"II" => true,
        b"MM" => false,
        _ => return None,
    };
    let tiff = Tiff { bytes, little };
    // TIFF, Olympus twice, Panasonic.
    if ![42, 0x4f52, 0x5352, 0x55].contains(&tiff.short(2)?) {
        return None;
    }
    let mut queue = VecDeque::from([tiff.long(4)? as usize]);
    let mut seen = BTreeSet::new();
    let mut best: Option<(u64, &[u8])> = None;
    let mut orientation = Orientation::NoTransforms;
    while let Some(offset) = queue.pop_front() {
        if offset == 0 || seen.len() >= DIRECTORIES || !seen.insert(offset) {
            continue;
        }
        let Some((directory, next)) = tiff.directory(offset) else { continue };
        queue.extend(&directory.others);
        queue.push_back(next);
        if seen.len() == 1 {
            let said = directory.orientation.and_then(|v| Orientation::from_exif(u8::try_from(v).ok()?));
            orientation = said.unwrap_or(orientation);
        }
        let Directory { strip, old, whole, compression, .. } = directory;
        let strip = strip.0.zip(strip.1).filter(|_| matches!(compression, Some(6 | 7)));
        for (offset, length) in [strip, old.0.zip(old.1), whole].into_iter().flatten() {
            let Some(jpeg) = part(bytes, offset, length) else { continue };
            if let Some(pixels) = frame(jpeg).filter(|pixels| best.is_none_or(|(most, _)| *pixels > most)) {
                best = Some((pixels, jpeg));
            }
        }
    }
    best.map(|(pixels, jpeg)| Preview { jpeg, pixels, orientation })
}

/// The pixels of a JPEG that an ordinary decoder reads: baseline or progressive, eight bits, one colour or three.
fn frame(jpeg: &[u8]) -> Option<u64> {
    if !jpeg.starts_with(&[0xff, 0xd8]) {
        return None;
    }
    let mut at = 2;
    for _ in 0..MARKERS {
        let [0xff, marker] = word::<2>(jpeg, at)? else { return None };
        if marker == 0xff {
            at += 1;
            continue;
        }
        let length = usize::from(u16::from_be_bytes(word(jpeg, at + 2)?));
        match marker {
            0xc0..=0xc2 => {
                let [bits, h1, h2, w1, w2, colours] = word::<6>(jpeg, at + 4)?;
                let pixels = u64::from(u16::from_be_bytes([h1, h2])) * u64::from(u16::from_be_bytes([w1, w2]));
                return (bits == 8 && matches!(colours, 1 | 3) && pixels > 0).then_some(pixels);
            }
            0xc4 | 0xdb | 0xdd | 0xe0..=0xef | 0xfe => at += 2 + length.max(2),
            _ => return None,
        }
    }
    None
}
