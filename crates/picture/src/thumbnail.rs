//! The small picture on a certificate: upright, on white, JPEG.

use crate::{
    Error, HEAD, Limits, SVG, THUMBNAIL_BYTES, THUMBNAIL_SIDE,
    decode::{Source, dimensions, pixels, within},
    format_of, media_type,
    preview::preview,
    svg,
};
use image::{DynamicImage, ImageFormat, RgbImage, codecs::jpeg::JpegEncoder, metadata::Orientation};
use std::io::{Cursor, Read};

/// Tried in turn until the thumbnail is small enough; the last stands in any case.
const QUALITIES: [u8; 5] = [85, 75, 60, 45, 30];

/// A JPEG of at most [`THUMBNAIL_SIDE`] pixels a side, turned as the camera said, transparency on white. Colour
/// profiles are not applied. The same bytes give the same thumbnail.
///
/// Of a file that carries a [`preview`] and is not decoded itself, or only as something smaller, it is the preview's;
/// of an SVG with nothing but shapes a drawing.
///
/// # Errors
/// Any [`Error`]: the file then has no thumbnail.
pub fn thumbnail(bytes: Vec<u8>, limits: &Limits) -> Result<Vec<u8>, Error> {
    let kind = media_type(bytes.get(..HEAD).unwrap_or(&bytes));
    let format = format_of(kind);
    if bytes.len() as u64 > limits.bytes {
        return Err(Error::Bytes(limits.bytes));
    }
    if kind == SVG {
        let draw = |source: &mut Source<Cursor<Vec<u8>>>, _: &Limits| {
            let mut bytes = Vec::new();
            source.read_to_end(&mut bytes).map_err(|e| Error::Decoder(e.to_string()))?;
            encode(&svg::drawn(&bytes)?, &QUALITIES, THUMBNAIL_BYTES)
        };
        return within(limits, draw, Cursor::new(bytes));
    }
    let carried = match format {
        Ok(ImageFormat::Tiff) | Err(_) => preview(&bytes).map(|p| (p.pixels, p.jpeg.to_vec(), p.orientation)),
        Ok(_) => None,
    };
    let work = move |source: &mut _, limits: &Limits| {
        let own = format.and_then(|format| dimensions(source, format, limits).map(|size| (format, size)));
        let own_is_larger = |most: u64| own.as_ref().is_ok_and(|(_, (w, h))| u64::from(*w) * u64::from(*h) >= most);
        let (picture, orientation) = match carried.filter(|(most, ..)| !own_is_larger(*most)) {
            Some((_, jpeg, turned)) => {
                let jpeg = &mut Source::new(Cursor::new(jpeg), limits);
                dimensions(jpeg, ImageFormat::Jpeg, limits)?;
                let (picture, orientation) = pixels(jpeg, ImageFormat::Jpeg, limits)?;
                (picture, if orientation == Orientation::NoTransforms { turned } else { orientation })
            }
            None => pixels(source, own?.0, limits)?,
        };
        // Small pictures stay as they are; sides never become 0, however thin the picture.
        let (w, h) = (picture.width(), picture.height());
        let longest = w.max(h).max(1);
        let side = |n: u32| {
            let scaled = u64::from(n) * u64::from(THUMBNAIL_SIDE) / u64::from(longest);
            u32::try_from(scaled).unwrap_or(THUMBNAIL_SIDE).max(1)
        };
        let small = if longest > THUMBNAIL_SIDE { picture.thumbnail_exact(side(w), side(h)) } else { picture };
        let mut small = on_white(small);
        small.apply_orientation(orientation);
        encode(&small.into_rgb8(), &QUALITIES, THUMBNAIL_BYTES)
    };
    within(limits, work, Cursor::new(bytes))
}

pub(crate) fn on_white(picture: DynamicImage) -> DynamicImage {
    if !picture.color().has_alpha() {
        return DynamicImage::ImageRgb8(picture.into_rgb8());
    }
    let source = picture.into_rgba8();
    let mut out = RgbImage::new(source.width(), source.height());
    for (to, from) in out.pixels_mut().zip(source.pixels()) {
        let [r, g, b, a] = from.0;
        let over = |c: u8| {
            let mixed = (u32::from(c) * u32::from(a) + 255 * (255 - u32::from(a)) + 127) / 255;
            u8::try_from(mixed).unwrap_or(255)
        };
        to.0 = [over(r), over(g), over(b)];
    }
    DynamicImage::ImageRgb8(out)
}

/// A JPEG of at most `most` bytes by the first quality that gives one, else by the last.
pub(crate) fn encode(picture: &RgbImage, qualities: &[u8], most: usize) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    for &quality in qualities {
        out.clear();
        JpegEncoder::new_with_quality(&mut out, quality)
            .encode_image(picture)
            .map_err(|e| Error::Decoder(e.to_string()))?;
        if out.len() <= most {
            break;
        }
    }
    Ok(out)
}
