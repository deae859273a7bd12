//! The certificate on paper: a [`Sheet`] of facts becomes a PDF/A-3b with the evidence attached.
//!
//! Rules of this room:
//! - `render` is pure: no clock, no network; the same arguments and fonts give the same bytes.
//! - [`draw`] is the whole road from a package's entries to its page; [`redraw`] walks it again and compares.
//! - The sheet never claims what its verdict does not hold: [`Sheet::check`] refuses the contradiction, and a date
//!   whose token is not established is not printed.
//! - Nothing is cut to fit. A longer name is set smaller, then the row grows, then the page flows on.
//! - Every character has a glyph (PDF/A asks for it): [`Fonts::missing`] tells before anything is recorded.
//! - Facts reach the template as data, never as source.

mod collected;
mod compared;
mod draw;
mod error;
mod examination;
mod fill;
mod fonts;
mod gather;
mod held;
mod instant;
mod later;
mod licensed;
mod liken;
mod lists;
mod report;
pub mod seal;
mod sheet;
mod world;

pub use collected::{Collected, PER_SHEET};
pub use compared::{Changes, Compared, Counts, FactChange, Likeness, Likenesses, MAX_SHOWN, Near, Side};
pub use draw::{
    Cut, Liken, Occasion, draw, draw_capture, draw_collection, draw_comparison, draw_licence, pictures_in, redraw,
    redraw_capture, redraw_collection, redraw_comparison, redraw_licence, thumbnail_in,
};
pub use error::Error;
pub use examination::{Article, Asked, Block, Examination, Examined, ITEMS, Seen, render_examination};
pub use fill::Beside;
pub use fonts::Fonts;
pub use licensed::{Known, Licensable, Licensed};
pub use liken::shown_pairs;
pub use report::{
    Ended, Hop, Line, Listed, MARK, MAX_PARTS, MAX_PICTURES, MAX_WIDTH, Peer, Pictures, Report, Screenshot, Shown,
    part_rows,
};
pub use sheet::{
    Check, Claim, Clock, Custody, Event, EventKind, File, Kind, Ledger, Moment, Number, NumberLabel, Operator, Outcome,
    Owner, Provenance, Relation, Sheet, Step, Verdict, Words,
};

use serde::{Deserialize, Serialize};

/// The language of a sheet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Locale {
    /// Simplified Chinese.
    Zh,
    /// English.
    En,
}

/// A thumbnail beyond this is refused: it is a small picture or it is none.
pub const MAX_THUMBNAIL: usize = 2 << 20;
/// The most bytes that a certificate carries as attachments.
pub const MAX_ATTACHED: usize = 64 << 20;

/// Draws the certificate: PDF/A-3b, tagged, unsigned, with `attachments` (name, bytes) as embedded files whose `F`
/// and `UF` are the name itself.
///
/// `thumbnail` is a JPEG and goes into the file as it is. Attachment names are plain file names, each once.
///
/// # Errors
/// [`Error::Malformed`], [`Error::TooLarge`] and [`Error::Mismatch`] for what the sheet holds, [`Error::Glyph`] for
/// characters that no font has, [`Error::Typeset`] if the layout itself fails.
pub fn render(
    sheet: &Sheet,
    thumbnail: Option<&[u8]>,
    attachments: &[(String, Vec<u8>)],
    locale: Locale,
    fonts: &Fonts,
) -> Result<Vec<u8>, Error> {
    render_with(
        sheet,
        &thumbnail.map(Picture::thumbnail).into_iter().collect::<Vec<_>>(),
        attachments,
        locale,
        fonts,
        &[],
    )
}

/// [`render`] for a capture: with the parts of its screenshot, which are those that the sheet's report lists.
///
/// # Errors
/// As [`render`].
pub fn render_report(
    sheet: &Sheet,
    pictures: &Pictures,
    attachments: &[(String, Vec<u8>)],
    locale: Locale,
    fonts: &Fonts,
) -> Result<Vec<u8>, Error> {
    render_with(sheet, &Picture::parts(pictures), attachments, locale, fonts, &[])
}

/// A JPEG that the layout places.
pub(crate) struct Picture<'a> {
    /// Its path in the typesetter's world.
    pub(crate) path: String,
    pub(crate) jpeg: &'a [u8],
}

impl<'a> Picture<'a> {
    fn thumbnail(jpeg: &'a [u8]) -> Self {
        Self { path: "/thumbnail.jpg".into(), jpeg }
    }

    fn likenesses(pictures: &'a Likenesses) -> Vec<Self> {
        let like = |(sha256, jpeg): (&[u8; 32], &'a Vec<u8>)| Self {
            path: format!("/like/{}.jpg", evidence::hex::encode(sha256)),
            jpeg,
        };
        pictures.iter().map(like).collect()
    }

    fn sheets(sheets: &'a [Vec<u8>]) -> Vec<Self> {
        let sheet = |(i, jpeg): (usize, &'a Vec<u8>)| Self { path: format!("/sheet/{i}.jpg"), jpeg };
        sheets.iter().enumerate().map(sheet).collect()
    }

    fn parts(pictures: &'a Pictures) -> Vec<Self> {
        let part = |(i, (_, _, jpeg)): (usize, &'a (u32, u32, Vec<u8>))| Self { path: format!("/part/{i}.jpg"), jpeg };
        pictures.parts.iter().enumerate().map(part).collect()
    }
}

/// [`render`] with further keywords behind the record number.
pub(crate) fn render_with(
    sheet: &Sheet,
    pictures: &[Picture<'_>],
    attachments: &[(String, Vec<u8>)],
    locale: Locale,
    fonts: &Fonts,
    keywords: &[String],
) -> Result<Vec<u8>, Error> {
    sheet.check()?;
    check_pictures(sheet, pictures)?;
    let attached = world::attached(attachments)?;
    let own = sheet.report.is_some() || sheet.comparison.is_some() || sheet.collection.is_some();
    let own = own || sheet.licence.is_some();
    let thumbnail = !own && !pictures.is_empty();
    let (side, qr) = world::qr(sheet)?;
    let data = world::data(sheet, thumbnail, &attached, locale, keywords, side)?;
    let text = sheet.text();
    let missing = fonts.missing(&text);
    if !missing.is_empty() {
        return Err(Error::Glyph { missing });
    }
    let at = instant::Instant::parse("checked", &sheet.checked)?;
    let setting = world::Setting { main: world::CERTIFICATE, id: &sheet.id, at: &at, software: &sheet.software.en };
    world::typeset(&setting, data, Some(qr), pictures, attachments, locale, fonts.covering(&text))
}

fn check_pictures(sheet: &Sheet, pictures: &[Picture<'_>]) -> Result<(), Error> {
    let all: usize = pictures.iter().map(|p| p.jpeg.len()).sum();
    let (what, limit) = match sheet.kind {
        // The last part may pass the bound that ends the others.
        Kind::Capture => ("parts of the screenshot", MAX_PICTURES + (8 << 20)),
        Kind::Comparison => ("pictures of pairs", 2 * MAX_SHOWN * MAX_THUMBNAIL),
        Kind::Collection | Kind::Licence | Kind::Revocation | Kind::Confirmation => {
            ("contact sheets", collected::MAX_SHEETS)
        }
        _ => ("thumbnail", MAX_THUMBNAIL),
    };
    if all > limit {
        return Err(Error::TooLarge { what, found: all, limit });
    }
    let listed = sheet.report.as_ref().map(|r| r.screenshot.as_ref().map_or(0, |s| s.parts.len()));
    let listed = listed.or(sheet.collection.as_ref().map(Collected::sheets));
    let listed = listed.or(sheet.licence.as_ref().map(Licensed::sheets));
    if listed.is_some_and(|n| n != pictures.len()) {
        let (found, expected) = (pictures.len().to_string(), format!("{}, as listed", listed.unwrap_or(0)));
        return Err(Error::Mismatch { what, found, expected });
    }
    match pictures.iter().find(|p| !p.jpeg.starts_with(&[0xff, 0xd8, 0xff])) {
        Some(other) => {
            let found = other.jpeg.iter().take(3).map(|b| format!("{b:02x}")).collect();
            Err(Error::Malformed { what, found, expected: "a JPEG, beginning ffd8ff".into() })
        }
        None => Ok(()),
    }
}
