//! Lower-case hexadecimal, strict both ways.

use crate::{Error, Result};

/// Lower-case hex of `bytes`.
pub fn encode(bytes: &[u8]) -> String {
    let digit = |d: u8| char::from(if d < 10 { b'0' + d } else { b'a' + d - 10 });
    let mut text = String::with_capacity(2 * bytes.len());
    for b in bytes {
        text.push(digit(b >> 4));
        text.push(digit(b & 15));
    }
    text
}

/// The `N` bytes that `text` spells; refuses upper case, other lengths and other characters.
pub fn decode<const N: usize>(what: &'static str, text: &str) -> Result<[u8; N]> {
    let refuse = || Error::malformed(what, text, format!("{} lower-case hex digits", 2 * N));
    let digit = |c: u8| match c {
        b'0'..=b'9' => Ok(c - b'0'),
        b'a'..=b'f' => Ok(c - b'a' + 10),
        _ => Err(refuse()),
    };
    let text_bytes = text.as_bytes();
    if text_bytes.len() != 2 * N {
        return Err(refuse());
    }
    let mut out = [0; N];
    for (byte, pair) in out.iter_mut().zip(text_bytes.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Ok(out)
}
