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

mod draw;
mod error;
mod fill;
mod fonts;
mod instant;
pub mod seal;
mod sheet;
mod world;

pub use draw::{Occasion, draw, redraw, thumbnail_in};
pub use error::Error;
pub use fill::Beside;
pub use fonts::Fonts;
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
    render_with(sheet, thumbnail, attachments, locale, fonts, &[])
}

/// [`render`] with further keywords behind the record number.
pub(crate) fn render_with(
    sheet: &Sheet,
    thumbnail: Option<&[u8]>,
    attachments: &[(String, Vec<u8>)],
    locale: Locale,
    fonts: &Fonts,
    keywords: &[String],
) -> Result<Vec<u8>, Error> {
    sheet.check()?;
    if let Some(jpeg) = thumbnail {
        check_thumbnail(jpeg)?;
    }
    let attached = world::attached(attachments)?;
    let data = world::data(sheet, thumbnail.is_some(), &attached, locale, keywords)?;
    let missing = fonts.missing(&sheet.text());
    if !missing.is_empty() {
        return Err(Error::Glyph { missing });
    }
    world::typeset(sheet, data, thumbnail, attachments, locale, fonts.covering(&sheet.text()))
}

fn check_thumbnail(jpeg: &[u8]) -> Result<(), Error> {
    if jpeg.len() > MAX_THUMBNAIL {
        return Err(Error::TooLarge { what: "thumbnail", found: jpeg.len(), limit: MAX_THUMBNAIL });
    }
    if !jpeg.starts_with(&[0xff, 0xd8, 0xff]) {
        let found = jpeg.iter().take(3).map(|b| format!("{b:02x}")).collect();
        return Err(Error::Malformed { what: "thumbnail", found, expected: "a JPEG, beginning ffd8ff".into() });
    }
    Ok(())
}
