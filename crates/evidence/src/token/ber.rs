//! BER to DER, as far as authorities need it: definite minimal lengths, primitive OCTET STRINGs.
//!
//! Contents of primitive values are not touched, and sets are not sorted here: what is signed stays
//! as it was signed, or its signature no longer verifies and the token is refused.

use crate::{Error, Result};

const MAX_DEPTH: u32 = 40;

/// The one BER value in `input`, in DER framing.
pub(super) fn to_der(input: &[u8]) -> Result<Vec<u8>> {
    let mut out = Vec::with_capacity(input.len());
    let rest = value(input, &mut out, 0)?;
    if rest.is_empty() { Ok(out) } else { Err(refuse("bytes after the end")) }
}

fn refuse(found: &str) -> Error {
    Error::malformed("BER", found, "one value with short tags, closed lengths and little nesting")
}

/// Transcodes the first value of `input` into `out`; returns what follows it.
fn value<'a>(input: &'a [u8], out: &mut Vec<u8>, depth: u32) -> Result<&'a [u8]> {
    if depth > MAX_DEPTH {
        return Err(refuse("too deep"));
    }
    let (&tag, rest) = input.split_first().ok_or_else(|| refuse("an end too early"))?;
    if tag & 0x1f == 0x1f || tag == 0 {
        return Err(refuse("a long tag or a stray end of contents"));
    }
    let constructed = tag & 0x20 != 0;
    let (length, rest) = length(rest)?;
    let mut body = Vec::new();
    let rest = match length {
        Some(n) => {
            let (mut inside, after) = rest.split_at_checked(n).ok_or_else(|| refuse("a length past the end"))?;
            if constructed {
                while !inside.is_empty() {
                    inside = value(inside, &mut body, depth + 1)?;
                }
            } else {
                body.extend_from_slice(inside);
            }
            after
        }
        None if constructed => {
            let mut inside = rest;
            loop {
                if let [0, 0, after @ ..] = inside {
                    break after;
                }
                inside = value(inside, &mut body, depth + 1)?;
            }
        }
        None => return Err(refuse("an indefinite length of a primitive value")),
    };
    if tag == 0x24 {
        let joined = join(&body)?;
        emit(0x04, &joined, out);
    } else {
        emit(tag, &body, out);
    }
    Ok(rest)
}

/// The segments of a constructed OCTET STRING, already in DER, as one string.
fn join(mut segments: &[u8]) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    while let [tag, rest @ ..] = segments {
        let (Some(n), rest) = length(rest)? else { return Err(refuse("an open segment")) };
        if *tag != 0x04 {
            return Err(refuse("a segment that is no OCTET STRING"));
        }
        let (segment, after) = rest.split_at_checked(n).ok_or_else(|| refuse("a length past the end"))?;
        out.extend_from_slice(segment);
        segments = after;
    }
    Ok(out)
}

/// Length octets; `None` is the indefinite form.
fn length(input: &[u8]) -> Result<(Option<usize>, &[u8])> {
    let (&first, rest) = input.split_first().ok_or_else(|| refuse("an end too early"))?;
    match first {
        0x80 => Ok((None, rest)),
        0..0x80 => Ok((Some(usize::from(first)), rest)),
        0x81..=0x84 => {
            let (octets, rest) =
                rest.split_at_checked(usize::from(first & 0x7f)).ok_or_else(|| refuse("an end too early"))?;
            let n = octets.iter().fold(0_u64, |n, b| n << 8 | u64::from(*b));
            Ok((Some(usize::try_from(n).map_err(|_| refuse("a length past the end"))?), rest))
        }
        _ => Err(refuse("a length of more than four octets")),
    }
}

/// One DER value: tag, shortest length, body.
pub(super) fn emit(tag: u8, body: &[u8], out: &mut Vec<u8>) {
    out.push(tag);
    let n = body.len();
    if n < 0x80 {
        out.push(n as u8);
    } else {
        let octets = n.to_be_bytes();
        let skip = octets.iter().take_while(|b| **b == 0).count();
        out.push(0x80 | (octets.len() - skip) as u8);
        out.extend_from_slice(&octets[skip..]);
    }
    out.extend_from_slice(body);
}
