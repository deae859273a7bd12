//! Pictures: what a file is by its leading bytes, whether it decodes within limits, its thumbnail, whether two may show
//! the same, and a tall one cut into parts as high as a page.
//!
//! Rules of this room:
//! - Everything that comes in is hostile. Each door has its bounds in [`Limits`]; a decoder's panic is an answer.
//! - The original's bytes are only read. A thumbnail is a new, small picture, and the same bytes give the same one.
//! - No files, no network, no other room.
//!
//! What bounds what:
//! - *Pixels* are read from the header and refused before anything is allocated for them.
//! - *Bytes* of the file are counted by the reader; memory of one decoder by the decoder's own limit.
//! - *Time*: the decoder runs on a thread of its own, and the caller waits no longer than the limit. A thread cannot be
//!   stopped from outside: an abandoned one ends at its next read, which fails after the limit, or, where the decoder
//!   has read everything already, when it has worked through its pixels, whose number is bounded. So the caller's time
//!   is bounded strictly, the machine's only by the pixels.

mod contact;
mod decode;
mod hash;
mod metadata;
mod near;
mod plane;
mod preview;
mod similar;
mod strip;
mod svg;
mod thumbnail;

pub use contact::{ContactSheet, SHEET_CELL, SHEET_COLUMNS, SHEET_STRIP, sheet_number, unlike};
pub use decode::decode;
pub use hash::Hashes;
pub use metadata::{OwnWords, beginning, exif, own_words};
pub use near::{PRINT_BYTES, Sieve, WAVE_BYTES};
pub use preview::{Preview, preview};
pub use similar::{CLOSE, Likeness, Looked, POSSIBLE, Part, Prints, look, prints};
pub use strip::{Bounds, Cutter, Slice, Strip};
pub use thumbnail::thumbnail;

use image::ImageFormat;
use std::time::Duration;

/// Longest side of a thumbnail, in pixels.
pub const THUMBNAIL_SIDE: u32 = 480;
/// The bytes that a thumbnail is brought under, if lower quality can.
pub const THUMBNAIL_BYTES: usize = 60_000;

/// Bounds of one decode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most pixels, width times height.
    pub pixels: u64,
    /// Most bytes of the file that are read.
    pub bytes: u64,
    /// Most bytes of memory that the decoder may take.
    pub memory: u64,
    /// Longest time that the caller waits.
    pub time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { pixels: 120_000_000, bytes: 1 << 30, memory: 512 << 20, time: Duration::from_secs(20) }
    }
}

/// How much of a picture is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Every pixel.
    Whole,
    /// The header, and for JPEG the end marker: as fast as reading.
    Header,
}

/// Why a file is no picture here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not one of JPEG, PNG, WebP, GIF, BMP, TIFF.
    #[error("not a format that is decoded")]
    Format,
    /// Its header says more pixels than the limit, or none.
    #[error("{width} × {height} pixels, limit {limit}")]
    Pixels {
        /// As the header says.
        width: u32,
        /// As the header says.
        height: u32,
        /// [`Limits::pixels`].
        limit: u64,
    },
    /// More bytes than the limit.
    #[error("more than {0} bytes")]
    Bytes(u64),
    /// The limit of time passed.
    #[error("not decoded within {0} s")]
    Time(u64),
    /// A side is too short to compare it with others.
    #[error("{width} × {height} pixels are too few to compare")]
    Small {
        /// Pixels, as the header says.
        width: u32,
        /// Pixels, as the header says.
        height: u32,
    },
    /// There is too little in it to compare it with others.
    #[error("there is too little in it to compare")]
    Flat {
        /// Pixels of the upright picture.
        width: u32,
        /// Pixels of the upright picture.
        height: u32,
    },
    /// The decoder refused it; its own words.
    #[error("{0}")]
    Decoder(String),
}

/// Leading bytes that [`media_type`] looks at.
pub const HEAD: usize = 1024;
pub(crate) const SVG: &str = "image/svg+xml";

/// The media type that the leading bytes show ([`HEAD`] suffice); `application/octet-stream` where they show none.
pub fn media_type(head: &[u8]) -> &'static str {
    if let Ok(format) = image::guess_format(head) {
        return format.to_mime_type();
    }
    let at = |offset: usize, magic: &[u8]| head.get(offset..).is_some_and(|rest| rest.starts_with(magic));
    match () {
        () if at(0, b"%PDF-") => "application/pdf",
        () if at(0, b"PK\x03\x04") => "application/zip",
        () if at(0, b"8BPS") => "image/vnd.adobe.photoshop",
        () if at(4, b"ftypavif") => "image/avif",
        () if at(4, b"ftyphei") || at(4, b"ftypmif1") => "image/heic",
        () if at(4, b"ftypcrx ") => "image/x-canon-cr3",
        () if at(4, b"ftypqt  ") || at(4, b"moov") => "video/quicktime",
        () if at(4, b"ftyp") => "video/mp4",
        () if at(0, b"\x1a\x45\xdf\xa3") && head.windows(4).take(64).any(|w| w == b"webm") => "video/webm",
        () if at(0, b"\x1a\x45\xdf\xa3") => "video/x-matroska",
        () if at(0, b"RIFF") && at(8, b"AVI ") => "video/x-msvideo",
        () if at(0, b"\0\0\x01\xba") => "video/mpeg",
        () if at(0, b"FUJIFILMCCD-RAW") => "image/x-fuji-raf",
        () if at(0, b"IIRO") || at(0, b"IIRS") || at(0, b"MMOR") => "image/x-olympus-orf",
        () if at(0, b"IIU\0") => "image/x-panasonic-rw2",
        () if svg::begins(head.get(..HEAD).unwrap_or(head)) => SVG,
        () => "application/octet-stream",
    }
}

/// Whether files of this media type may have a [`thumbnail()`].
pub fn is_shown(media_type: &str) -> bool {
    const CARRIERS: [&str; 5] =
        [SVG, "image/vnd.adobe.photoshop", "image/x-fuji-raf", "image/x-olympus-orf", "image/x-panasonic-rw2"];
    format_of(media_type).is_ok() || CARRIERS.contains(&media_type)
}

/// The format of a media type, where it is one of those that are decoded.
fn format_of(media_type: &str) -> Result<ImageFormat, Error> {
    use ImageFormat as F;
    let known = [F::Jpeg, F::Png, F::WebP, F::Gif, F::Bmp, F::Tiff];
    ImageFormat::from_mime_type(media_type).filter(|f| known.contains(f)).ok_or(Error::Format)
}
