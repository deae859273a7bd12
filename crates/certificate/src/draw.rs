//! From a package's entries to its certificate, and the same way again for a reader who doubts the page.
//!
//! Rules:
//! - The verdict on a sheet is made under the trust that travels along, so that a stranger can make it again. The
//!   sheet says so; a reader's own verdict uses the reader's own trust and never this one.
//! - Whatever a drawing depends on is in the PDF: entries as attachments, thumbnail as its one JPEG, [`Occasion`] in
//!   its keywords. What [`redraw`] reads there may be forged: only a byte for byte equal page says anything.
//! - The thumbnail is the one thing that the evidence does not determine: who has the original makes it again and
//!   compares ([`thumbnail_in`]), for everybody else it is the operator's picture.
//! - A character that no font has stands as `[U+XXXX]`; the keywords list those, so that another machine's fonts
//!   cannot change the page silently.

use std::collections::BTreeMap;

use evidence::statement::Statement;
use evidence::time::{SECOND, Utc};
use verify::{Container, Original, Trust};

use crate::error::{Error, printable};
use crate::fill::{Beside, software};
use crate::{Fonts, Locale, MAX_THUMBNAIL, Sheet, render_with};

/// First keyword of a sheet that can be drawn again.
const FORM: &str = "quezao-sheet-1";
/// Most bytes of a first revision that is drawn again.
const MAX_REVISION: usize = 128 << 20;

/// What a drawing depends on beside the evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occasion {
    /// The sheet's language.
    pub locale: Locale,
    /// The clock at the verdict; the next full second is what counts and what is printed.
    pub checked: Utc,
    /// Earlier records of the same digest, by the operator's count.
    pub earlier: Option<u64>,
    /// Whether the original was read again for this verdict, and had the statement's size and digests.
    pub original_read: bool,
}

/// Draws the certificate of a package, unsigned. `entries` are the package's, in any order; `thumbnail` is a JPEG.
///
/// # Errors
/// As [`crate::render`], and [`Error::Malformed`] where the entries have nothing to print.
pub fn draw(
    entries: &BTreeMap<String, Vec<u8>>,
    occasion: &Occasion,
    thumbnail: Option<&[u8]>,
    fonts: &Fonts,
) -> Result<Vec<u8>, Error> {
    let (attached, sheet) = sheet(entries, occasion)?;
    let missing = fonts.missing(&sheet.text());
    let keywords = keywords(occasion, &missing);
    render_with(&sheet.spelled(&missing)?, thumbnail, &attached, occasion.locale, fonts, &keywords)
}

/// Draws again the page whose first revision this is, from `entries` (its attachments, or the package's). The page is
/// as drawn only if the bytes that come back equal `first_revision`.
///
/// # Errors
/// [`Error::Malformed`] where the file is no sheet of ours, [`Error::Mismatch`] where another release drew it,
/// [`Error::Glyph`] where this machine lacks a font that the page was set in: none of these contradicts anything.
pub fn redraw(first_revision: &[u8], entries: &BTreeMap<String, Vec<u8>>) -> Result<Vec<u8>, Error> {
    if first_revision.len() > MAX_REVISION {
        let found = first_revision.len();
        return Err(Error::TooLarge { what: "first revision", found, limit: MAX_REVISION });
    }
    let creator = element(first_revision, "xmp:CreatorTool").unwrap_or_default();
    if creator != software().en {
        return Err(Error::Mismatch { what: "software", found: printable(&creator), expected: software().en });
    }
    let words = element(first_revision, "pdf:Keywords").unwrap_or_default();
    let (occasion, missing) = read_keywords(&words).ok_or_else(|| Error::Malformed {
        what: "keywords",
        found: printable(&words),
        expected: format!("those of {FORM}"),
    })?;
    let (attached, sheet) = sheet(entries, &occasion)?;
    let keywords = keywords(&occasion, &missing);
    let thumbnail = thumbnail_in(first_revision);
    if thumbnail.is_some() && !occasion.original_read {
        let expected = "none, as the original was not read".to_owned();
        return Err(Error::Malformed { what: "thumbnail", found: "one".into(), expected });
    }
    render_with(&sheet.spelled(&missing)?, thumbnail, &attached, occasion.locale, &Fonts::with_system(), &keywords)
}

/// The thumbnail inside a sheet: its JPEG as it was given to [`draw`]. To be held against a new one of the original.
pub fn thumbnail_in(first_revision: &[u8]) -> Option<&[u8]> {
    let filter = find(first_revision, b"/DCTDecode")?;
    let before = first_revision.get(..filter)?;
    let dictionary = before.get(before.windows(4).rposition(|w| w == b" obj")?..)?;
    let after = first_revision.get(filter..)?;
    let start = find(after, b"stream")? + b"stream".len();
    let length = number_after(dictionary, b"/Length").or_else(|| number_after(after.get(..start)?, b"/Length"))?;
    let body = after.get(start..)?;
    let body = body.strip_prefix(b"\r\n").or_else(|| body.strip_prefix(b"\n"))?;
    body.get(..length).filter(|jpeg| jpeg.len() <= MAX_THUMBNAIL && jpeg.starts_with(&[0xff, 0xd8, 0xff]))
}

/// Attachments in the order of their names.
type Attached = Vec<(String, Vec<u8>)>;

/// What is attached, by name, and the sheet of it.
fn sheet(entries: &BTreeMap<String, Vec<u8>>, occasion: &Occasion) -> Result<(Attached, Sheet), Error> {
    let entries: BTreeMap<String, Vec<u8>> =
        entries.iter().filter(|e| archive::is_attached(e.0)).map(|(n, b)| (n.clone(), b.clone())).collect();
    let carried =
        entries.iter().filter_map(|(name, bytes)| Some((name.strip_prefix("trust-")?.to_owned(), bytes.clone())));
    let trust = Trust::from_files(carried).map_err(|e| Error::Malformed {
        what: "trust that travels along",
        found: printable(&e.to_string()),
        expected: "a policy, roles and roots that can be read".into(),
    })?;
    let statement = entries.get("statement.json").and_then(|b| Statement::parse(b).ok());
    let file = statement.and_then(|s| s.file).filter(|_| occasion.original_read);
    let originals: Vec<Original> =
        file.map(|f| Original { name: "ORIGINAL".into(), digests: f.digests }).into_iter().collect();
    let checked = full_second(occasion.checked);
    let verdict = verify::check(&entries, Container::Certificate, &trust, &originals, checked);
    let mut roots = entries.keys().filter(|n| n.starts_with("trust-tsa-"));
    let root_file = roots.next().filter(|_| roots.next().is_none()).map(|_| "trust-tsa-*.pem".to_owned());
    let sheet = Sheet::from_verdict(&verdict, &Beside { checked, earlier: occasion.earlier, root_file })?;
    Ok((entries.into_iter().collect(), sheet))
}

fn full_second(at: Utc) -> Utc {
    Utc(at.plus(SECOND - 1).0.div_euclid(SECOND) * SECOND)
}

/// The occasion, a word each: form, language, Unix seconds, `original-read` or `original-unread`, the count, and the
/// characters that stand as their numbers.
fn keywords(occasion: &Occasion, missing: &[char]) -> Vec<String> {
    let mut words = vec![
        FORM.to_owned(),
        if occasion.locale == Locale::Zh { "zh" } else { "en" }.to_owned(),
        full_second(occasion.checked).unix_seconds().to_string(),
        if occasion.original_read { "original-read" } else { "original-unread" }.to_owned(),
        occasion.earlier.map_or("uncounted".to_owned(), |n| format!("earlier-{n}")),
    ];
    words.extend(missing.iter().map(|c| number(*c)));
    words
}

/// The record number first, then what [`keywords`] wrote.
fn read_keywords(text: &str) -> Option<(Occasion, Vec<char>)> {
    let mut words = text.split(", ").skip_while(|w| *w != FORM).skip(1);
    let locale = match words.next()? {
        "zh" => Locale::Zh,
        "en" => Locale::En,
        _ => return None,
    };
    let seconds: i64 = words.next()?.parse().ok()?;
    let checked = Utc(seconds.checked_mul(SECOND)?);
    let original_read = match words.next()? {
        "original-read" => true,
        "original-unread" => false,
        _ => return None,
    };
    let earlier = match words.next()? {
        "uncounted" => None,
        word => Some(word.strip_prefix("earlier-")?.parse().ok()?),
    };
    let character = |w: &str| char::from_u32(u32::from_str_radix(w.strip_prefix("U+")?, 16).ok()?);
    let missing = words.take(256).map(character).collect::<Option<Vec<char>>>()?;
    Some((Occasion { locale, checked, earlier, original_read }, missing))
}

/// `U+20BB7`.
pub(crate) fn number(c: char) -> String {
    format!("U+{:04X}", u32::from(c))
}

/// Text of the first XMP element of this name.
fn element(pdf: &[u8], name: &str) -> Option<String> {
    let start = find(pdf, format!("<{name}>").as_bytes())? + name.len() + 2;
    let rest = pdf.get(start..)?.get(..16_384.min(pdf.len() - start))?;
    let end = find(rest, format!("</{name}>").as_bytes())?;
    Some(String::from_utf8_lossy(rest.get(..end)?).into_owned())
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|w| w == needle)
}

fn number_after(bytes: &[u8], key: &[u8]) -> Option<usize> {
    let digits = bytes.get(find(bytes, key)? + key.len()..)?.trim_ascii_start();
    let end = digits.iter().position(|b| !b.is_ascii_digit()).unwrap_or(digits.len());
    std::str::from_utf8(digits.get(..end)?).ok()?.parse().ok()
}
