//! What a file is, by its leading bytes, and whether it decodes as a picture within limits.

use image::{ImageFormat, ImageReader, Limits};
use std::{
    fs::File,
    io::{BufReader, Read, Seek, SeekFrom},
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

/// Most pixels of a picture that is decoded.
const MAX_PIXELS: u64 = 120_000_000;
/// Most memory that one decoder may take.
const MAX_ALLOC: u64 = 512 * 1024 * 1024;

/// What decoding found.
pub(super) enum Picture {
    /// It is a picture.
    Decoded,
    /// Its leading bytes are not those of a picture that we decode.
    Other,
    /// It begins like a picture but is not one, or is over the limits (zh, en).
    Refused(String, String),
}

/// The media type that the leading bytes show; `application/octet-stream` where they show none.
pub(super) fn media_type(head: &[u8]) -> &'static str {
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
        () if at(4, b"ftyp") => "video/mp4",
        () => "application/octet-stream",
    }
}

/// Decodes the picture in `path`. A whole decode where the bytes are kept; where they are only read, the
/// header and, for JPEG, the end marker, so that registering by digest stays as fast as hashing.
pub(super) fn picture(path: &Path, media_type: &str, whole: bool) -> Picture {
    let Some(format) = ImageFormat::from_mime_type(media_type) else {
        return Picture::Other;
    };
    // A decoder that panics on hostile bytes has found something that is not a picture.
    let result = catch_unwind(AssertUnwindSafe(|| decode(path, format, whole)))
        .unwrap_or_else(|_| Err("the decoder gave up".to_owned()));
    match result {
        Ok(()) => Picture::Decoded,
        Err(reason) => Picture::Refused(
            format!("不能作为 {media_type} 图片解码（{reason}）"),
            format!("it does not decode as {media_type} ({reason})"),
        ),
    }
}

fn decode(path: &Path, format: ImageFormat, whole: bool) -> Result<(), String> {
    let open = || -> Result<_, String> {
        let file = File::open(path).map_err(|e| e.to_string())?;
        let mut reader = ImageReader::with_format(BufReader::new(file), format);
        let mut limits = Limits::default();
        limits.max_alloc = Some(MAX_ALLOC);
        reader.limits(limits);
        Ok(reader)
    };
    let (width, height) = open()?.into_dimensions().map_err(|e| e.to_string())?;
    let pixels = u64::from(width) * u64::from(height);
    if pixels == 0 || pixels > MAX_PIXELS {
        return Err(format!("{width} × {height} pixels, limit {MAX_PIXELS}"));
    }
    // Decoders fill what a cut JPEG lacks with grey, and say nothing.
    if format == ImageFormat::Jpeg {
        ends_like_jpeg(path)?;
    }
    if whole { open()?.decode().map(drop).map_err(|e| e.to_string()) } else { Ok(()) }
}

/// Looks for the EOI marker in the last 64 KiB: cameras append data after it.
fn ends_like_jpeg(path: &Path) -> Result<(), String> {
    let mut file = File::open(path).map_err(|e| e.to_string())?;
    let length = file.metadata().map_err(|e| e.to_string())?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(64 * 1024))).map_err(|e| e.to_string())?;
    let mut tail = Vec::new();
    file.take(64 * 1024).read_to_end(&mut tail).map_err(|e| e.to_string())?;
    if tail.windows(2).any(|w| w == [0xFF, 0xD9]) { Ok(()) } else { Err("it is cut off".to_owned()) }
}
