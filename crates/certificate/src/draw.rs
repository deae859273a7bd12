//! From a package's entries to its certificate, and the same way again for a reader who doubts the page.
//!
//! Rules:
//! - The verdict on a sheet is made under the trust that travels along, so that a stranger can make it again. The
//!   sheet says so; a reader's own verdict uses the reader's own trust and never this one.
//! - Whatever a drawing depends on is in the PDF: entries as attachments, thumbnail as its one JPEG, [`Occasion`] in
//!   its keywords. What [`redraw`] reads there may be forged: only a byte for byte equal page says anything.
//! - The thumbnail is the one thing that the evidence does not determine: who has the original makes it again and
//!   compares ([`thumbnail_in`]), for everybody else it is the operator's picture.
//! - A character that no font has stands as `[U+XXXX]`, in a captured page's own words as `□`; the keywords list those,
//!   so that another machine's fonts cannot change the page silently.
//! - A capture's pages come from its file alone, screenshot included: who has that file draws all of them again.

use std::collections::BTreeMap;

use archive::wacz::{Source, Wacz};
use evidence::comparison::Comparison;
use evidence::statement::Statement;
use evidence::time::{SECOND, Utc};
use verify::{Container, Original, Trust, Verdict};

use crate::compared::Likenesses;
use crate::error::{Error, printable};
use crate::fill::{Beside, software};
use crate::report::Pictures;
use crate::{Fonts, Locale, MAX_THUMBNAIL, Picture, Sheet, render_with};

/// First keyword of a sheet that can be drawn again.
const FORM: &str = "quezao-sheet-1";
/// Keyword of a sheet on which a page's own words are set in the program's own fonts alone.
const NARROW: &str = "page-embedded";
/// Most characters without a glyph that the keywords name where a page brought them.
const MAX_NAMED: usize = 128;
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

/// Cuts a capture's screenshot into parts; the same file gives the same ones.
pub type Cut<'a> = dyn FnMut(&Wacz, &mut dyn Source) -> Pictures + 'a;

/// Makes small JPEGs of the files that the pairs of a comparison name, where they are; the same files give the same ones.
pub type Liken<'a> = dyn FnMut(&Comparison) -> Likenesses + 'a;

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
    let material = Material::read(entries)?;
    let (verdict, beside) = material.verdict(occasion, None);
    let sheet = Sheet::from_verdict(&verdict, &beside)?;
    let unprintable = Unprintable::of(&sheet, fonts);
    let pictures: Vec<_> = thumbnail.map(Picture::thumbnail).into_iter().collect();
    material.set(sheet, &pictures, occasion, &unprintable, fonts)
}

/// Draws the report of a capture, unsigned; `source` is its file, which must be the one that the statement names.
///
/// # Errors
/// As [`draw`].
pub fn draw_capture(
    entries: &BTreeMap<String, Vec<u8>>,
    source: &mut dyn Source,
    occasion: &Occasion,
    cut: &mut Cut<'_>,
    fonts: &Fonts,
) -> Result<Vec<u8>, Error> {
    let material = Material::read(entries)?;
    let (sheet, pictures) = material.capture(occasion, source, cut)?;
    let unprintable = Unprintable::of(&sheet, fonts);
    material.set(sheet, &Picture::parts(&pictures), occasion, &unprintable, fonts)
}

/// Draws again the page whose first revision this is, from `entries` (its attachments, or the package's). The page is
/// as drawn only if the bytes that come back equal `first_revision`.
///
/// # Errors
/// [`Error::Malformed`] where the file is no sheet of ours, [`Error::Mismatch`] where another release drew it,
/// [`Error::Glyph`] where this machine lacks a font that the page was set in: none of these contradicts anything.
pub fn redraw(first_revision: &[u8], entries: &BTreeMap<String, Vec<u8>>) -> Result<Vec<u8>, Error> {
    let (occasion, unprintable) = occasion_of(first_revision)?;
    let material = Material::read(entries)?;
    let (verdict, beside) = material.verdict(&occasion, None);
    let sheet = Sheet::from_verdict(&verdict, &beside)?;
    let thumbnail = thumbnail_in(first_revision);
    if thumbnail.is_some() && !occasion.original_read {
        let expected = "none, as the original was not read".to_owned();
        return Err(Error::Malformed { what: "thumbnail", found: "one".into(), expected });
    }
    let pictures: Vec<_> = thumbnail.map(Picture::thumbnail).into_iter().collect();
    material.set(sheet, &pictures, &occasion, &unprintable, &Fonts::with_system())
}

/// [`redraw`] for a capture, whose file is `source`: everything on its pages comes from there and from the entries.
///
/// # Errors
/// As [`redraw`].
pub fn redraw_capture(
    first_revision: &[u8],
    entries: &BTreeMap<String, Vec<u8>>,
    source: &mut dyn Source,
    cut: &mut Cut<'_>,
) -> Result<Vec<u8>, Error> {
    let (occasion, unprintable) = occasion_of(first_revision)?;
    let material = Material::read(entries)?;
    let (sheet, pictures) = material.capture(&occasion, source, cut)?;
    material.set(sheet, &Picture::parts(&pictures), &occasion, &unprintable, &Fonts::with_system())
}

/// Draws the sheet of a comparison, unsigned; `source` is its document, which must be the one that the statement names.
///
/// # Errors
/// As [`draw`].
pub fn draw_comparison(
    entries: &BTreeMap<String, Vec<u8>>,
    source: &mut dyn Source,
    occasion: &Occasion,
    liken: &mut Liken<'_>,
    fonts: &Fonts,
) -> Result<Vec<u8>, Error> {
    let material = Material::read(entries)?;
    let (sheet, pictures) = material.comparison(occasion, source, liken)?;
    let unprintable = Unprintable::of(&sheet, fonts);
    material.set(sheet, &Picture::likenesses(&pictures), occasion, &unprintable, fonts)
}

/// [`redraw`] for a comparison, whose document is `source`. Pictures are made again: where a file is not given that the
/// drawing had, the page is another one, and that contradicts nothing.
///
/// # Errors
/// As [`redraw`].
pub fn redraw_comparison(
    first_revision: &[u8],
    entries: &BTreeMap<String, Vec<u8>>,
    source: &mut dyn Source,
    liken: &mut Liken<'_>,
) -> Result<Vec<u8>, Error> {
    let (occasion, unprintable) = occasion_of(first_revision)?;
    let material = Material::read(entries)?;
    let (sheet, pictures) = material.comparison(&occasion, source, liken)?;
    material.set(sheet, &Picture::likenesses(&pictures), &occasion, &unprintable, &Fonts::with_system())
}

/// Draws the sheet of a collection, unsigned; `entries` hold its list and items, `sheets` are its contact sheets, one for
/// each hundred lines of the list.
///
/// # Errors
/// As [`draw`].
pub fn draw_collection(
    entries: &BTreeMap<String, Vec<u8>>,
    occasion: &Occasion,
    sheets: &[Vec<u8>],
    fonts: &Fonts,
) -> Result<Vec<u8>, Error> {
    let material = Material::read(entries)?;
    let (verdict, beside) = material.verdict(occasion, None);
    let sheet = Sheet::of_collection(&verdict, &beside)?;
    let unprintable = Unprintable::of(&sheet, fonts);
    material.set(sheet, &Picture::sheets(sheets), occasion, &unprintable, fonts)
}

/// [`redraw`] for a collection, with these contact sheets: those of the page ([`pictures_in`]) or new ones.
///
/// # Errors
/// As [`redraw`].
pub fn redraw_collection(
    first_revision: &[u8],
    entries: &BTreeMap<String, Vec<u8>>,
    sheets: &[Vec<u8>],
) -> Result<Vec<u8>, Error> {
    let (occasion, unprintable) = occasion_of(first_revision)?;
    let material = Material::read(entries)?;
    let (verdict, beside) = material.verdict(&occasion, None);
    let sheet = Sheet::of_collection(&verdict, &beside)?;
    material.set(sheet, &Picture::sheets(sheets), &occasion, &unprintable, &Fonts::with_system())
}

/// Draws the sheet of a licence, of its end or of its confirmation, unsigned; `sheets` is the contact sheet of the named
/// pictures, where there are any.
///
/// # Errors
/// As [`draw`].
pub fn draw_licence(
    entries: &BTreeMap<String, Vec<u8>>,
    occasion: &Occasion,
    sheets: &[Vec<u8>],
    fonts: &Fonts,
) -> Result<Vec<u8>, Error> {
    let material = Material::read(entries)?;
    let (verdict, beside) = material.verdict(occasion, None);
    let sheet = Sheet::of_licence(&verdict, &beside)?;
    let unprintable = Unprintable::of(&sheet, fonts);
    material.set(sheet, &Picture::sheets(sheets), occasion, &unprintable, fonts)
}

/// [`redraw`] for a licence, with this contact sheet: that of the page ([`pictures_in`]) or a new one.
///
/// # Errors
/// As [`redraw`].
pub fn redraw_licence(
    first_revision: &[u8],
    entries: &BTreeMap<String, Vec<u8>>,
    sheets: &[Vec<u8>],
) -> Result<Vec<u8>, Error> {
    let (occasion, unprintable) = occasion_of(first_revision)?;
    let material = Material::read(entries)?;
    let (verdict, beside) = material.verdict(&occasion, None);
    let sheet = Sheet::of_licence(&verdict, &beside)?;
    material.set(sheet, &Picture::sheets(sheets), &occasion, &unprintable, &Fonts::with_system())
}

/// What the PDF says about its own drawing.
fn occasion_of(first_revision: &[u8]) -> Result<(Occasion, Unprintable), Error> {
    if first_revision.len() > MAX_REVISION {
        let found = first_revision.len();
        return Err(Error::TooLarge { what: "first revision", found, limit: MAX_REVISION });
    }
    let creator = element(first_revision, "xmp:CreatorTool").unwrap_or_default();
    if creator != software().en {
        return Err(Error::Mismatch { what: "software", found: printable(&creator), expected: software().en });
    }
    let words = element(first_revision, "pdf:Keywords").unwrap_or_default();
    read_keywords(&words).ok_or_else(|| Error::Malformed {
        what: "keywords",
        found: printable(&words),
        expected: format!("those of {FORM}"),
    })
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

/// Every JPEG inside a sheet, as it was given to the drawing; in the file's order. To be held against new ones.
pub fn pictures_in(first_revision: &[u8]) -> Vec<&[u8]> {
    const MARK: &[u8] = b"/DCTDecode";
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(next) = first_revision.get(at..).and_then(|rest| find(rest, MARK)) {
        // The dictionary before the filter is this picture's own: it begins after the last one's.
        found.extend(first_revision.get(at..).and_then(thumbnail_in));
        at += next + MARK.len();
    }
    found
}

/// What is attached, and the trust that travels along.
struct Material {
    entries: BTreeMap<String, Vec<u8>>,
    trust: Trust,
}

impl Material {
    fn read(entries: &BTreeMap<String, Vec<u8>>) -> Result<Self, Error> {
        let entries: BTreeMap<String, Vec<u8>> =
            entries.iter().filter(|e| archive::is_attached(e.0)).map(|(n, b)| (n.clone(), b.clone())).collect();
        let carried =
            entries.iter().filter_map(|(name, bytes)| Some((name.strip_prefix("trust-")?.to_owned(), bytes.clone())));
        let trust = Trust::from_files(carried).map_err(|e| Error::Malformed {
            what: "trust that travels along",
            found: printable(&e.to_string()),
            expected: "a policy, roles and roots that can be read".into(),
        })?;
        Ok(Self { entries, trust })
    }

    fn verdict(&self, occasion: &Occasion, wacz: Option<&mut dyn Source>) -> (Verdict, Beside) {
        let statement = self.entries.get("statement.json").and_then(|b| Statement::parse(b).ok());
        let file = statement.and_then(|s| s.file).filter(|_| occasion.original_read);
        let originals: Vec<Original> =
            file.map(|f| Original { name: "ORIGINAL".into(), digests: f.digests }).into_iter().collect();
        let checked = full_second(occasion.checked);
        let verdict =
            verify::check_beside(&self.entries, Container::Certificate, &self.trust, &originals, wacz, checked);
        let mut roots = self.entries.keys().filter(|n| n.starts_with("trust-tsa-"));
        let root_file = roots.next().filter(|_| roots.next().is_none()).map(|_| "trust-tsa-*.pem".to_owned());
        (verdict, Beside { checked, earlier: occasion.earlier, root_file })
    }

    fn capture(
        &self,
        occasion: &Occasion,
        source: &mut dyn Source,
        cut: &mut Cut<'_>,
    ) -> Result<(Sheet, Pictures), Error> {
        let (verdict, beside) = self.verdict(occasion, Some(source));
        let pictures = match &verdict.facts.capture {
            Some(wacz) => cut(wacz, source),
            None => Pictures::default(),
        };
        Ok((Sheet::of_capture(&verdict, &beside, source, &pictures)?, pictures))
    }

    fn comparison(
        &self,
        occasion: &Occasion,
        source: &mut dyn Source,
        liken: &mut Liken<'_>,
    ) -> Result<(Sheet, Likenesses), Error> {
        let (verdict, beside) = self.verdict(occasion, Some(source));
        let pictures = verdict.facts.comparison.as_deref().map(liken).unwrap_or_default();
        Ok((Sheet::of_comparison(&verdict, &beside, &pictures)?, pictures))
    }

    fn set(
        self,
        sheet: Sheet,
        pictures: &[Picture<'_>],
        occasion: &Occasion,
        unprintable: &Unprintable,
        fonts: &Fonts,
    ) -> Result<Vec<u8>, Error> {
        let sheet = sheet.marked(&|c| unprintable.in_page(c, fonts)).spelled(&unprintable.named)?;
        let keywords = keywords(occasion, unprintable);
        let attached: Vec<_> = self.entries.into_iter().collect();
        render_with(&sheet, pictures, &attached, occasion.locale, fonts, &keywords)
    }
}

/// Characters that the fonts of the drawing machine had no glyph for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Unprintable {
    /// Each once.
    named: Vec<char>,
    /// There are too many to name: of a page's own words only what the program's own fonts have is printed.
    narrow: bool,
}

impl Unprintable {
    fn of(sheet: &Sheet, fonts: &Fonts) -> Self {
        let named = fonts.missing(&sheet.text());
        let own = sheet.report.is_some() || sheet.comparison.is_some();
        if !own || named.len() <= MAX_NAMED {
            return Self { named, narrow: false };
        }
        let narrow = sheet.clone().marked(&|c| !fonts.inside(c));
        Self { named: fonts.missing(&narrow.text()), narrow: true }
    }

    /// Whether a page's own character stands as its mark.
    fn in_page(&self, c: char, fonts: &Fonts) -> bool {
        self.named.contains(&c) || self.narrow && !fonts.inside(c)
    }
}

fn full_second(at: Utc) -> Utc {
    Utc(at.plus(SECOND - 1).0.div_euclid(SECOND) * SECOND)
}

/// The occasion, a word each: form, language, Unix seconds, `original-read` or `original-unread`, the count, and the
/// characters that stand as their numbers.
fn keywords(occasion: &Occasion, unprintable: &Unprintable) -> Vec<String> {
    let mut words = vec![
        FORM.to_owned(),
        if occasion.locale == Locale::Zh { "zh" } else { "en" }.to_owned(),
        full_second(occasion.checked).unix_seconds().to_string(),
        if occasion.original_read { "original-read" } else { "original-unread" }.to_owned(),
        occasion.earlier.map_or("uncounted".to_owned(), |n| format!("earlier-{n}")),
    ];
    words.extend(unprintable.narrow.then(|| NARROW.to_owned()));
    words.extend(unprintable.named.iter().map(|c| number(*c)));
    words
}

/// The record number first, then what [`keywords`] wrote.
fn read_keywords(text: &str) -> Option<(Occasion, Unprintable)> {
    let mut words = text.split(", ").skip_while(|w| *w != FORM).skip(1).peekable();
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
    let narrow = words.next_if_eq(&NARROW).is_some();
    let named = words.take(256).map(character).collect::<Option<Vec<char>>>()?;
    Some((Occasion { locale, checked, earlier, original_read }, Unprintable { named, narrow }))
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
