//! Long strings of a message go to files while they are read: a page's MHTML, or a large body in base64,
//! is never whole in memory.

use std::fs::File;
use std::io::{BufRead, Seek, Write};
use std::path::Path;

/// Strings longer than this, bytes as on the wire, go to a file.
const LONG: usize = 1 << 20;

/// A message in which each long string is `{"spilled":N}`: the bytes before its NUL, and the files, each at
/// its start, with what the strings say.
pub(crate) struct Spilled {
    pub(crate) json: Vec<u8>,
    pub(crate) files: Vec<File>,
}

/// Reads on after `begun` to the message's NUL. `Ok(None)`: longer than `most`, broken, or the disk refused;
/// the rest of the message is still to be skipped unless `ended` is set.
pub(crate) fn read(
    begun: &[u8],
    events: &mut impl BufRead,
    folder: &Path,
    most: u64,
    ended: &mut bool,
) -> std::io::Result<Option<Spilled>> {
    let mut reader = Reader { json: Vec::new(), files: Vec::new(), string: None, folder };
    let mut good = reader.take(begun).is_ok();
    let mut left = most.saturating_sub(begun.len() as u64);
    *ended = false;
    while good && !*ended {
        let block = events.fill_buf()?;
        if block.is_empty() {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let (part, used) = match block.iter().position(|b| *b == 0) {
            Some(at) => (&block[..at], at + 1),
            None => (block, block.len()),
        };
        *ended = used > part.len();
        good = part.len() as u64 <= left && reader.take(part).is_ok();
        left = left.saturating_sub(part.len() as u64);
        events.consume(used);
    }
    Ok(if good { reader.finish() } else { None })
}

struct Reader<'a> {
    json: Vec<u8>,
    files: Vec<File>,
    /// Inside a string.
    string: Option<Text>,
    folder: &'a Path,
}

/// A string that is being read.
#[derive(Default)]
struct Text {
    /// Where it begins in `json`, after its quotation mark.
    from: usize,
    /// Set once it is long.
    file: Option<std::io::BufWriter<File>>,
    /// A backslash was read.
    escaped: bool,
    /// Digits of `\uXXXX` so far.
    digits: Option<(u8, u16)>,
    /// The first half of a surrogate pair.
    high: Option<u16>,
}

impl Reader<'_> {
    fn take(&mut self, mut bytes: &[u8]) -> std::io::Result<()> {
        while !bytes.is_empty() {
            let Some(text) = &mut self.string else {
                let end = bytes.iter().position(|b| *b == b'"').map_or(bytes.len(), |at| at + 1);
                self.json.extend_from_slice(&bytes[..end]);
                if bytes[end - 1] == b'"' {
                    self.string = Some(Text { from: self.json.len(), ..Text::default() });
                }
                bytes = &bytes[end..];
                continue;
            };
            if let Some(file) = &mut text.file {
                let mut out = Vec::new();
                let (used, ended) = text_bytes(bytes, &mut text.escaped, &mut text.digits, &mut text.high, &mut out)?;
                file.write_all(&out)?;
                bytes = &bytes[used..];
                if ended {
                    let mut file = self
                        .string
                        .take()
                        .and_then(|text| text.file)
                        .ok_or_else(broken)?
                        .into_inner()
                        .map_err(|_| broken())?;
                    file.rewind()?;
                    self.json.pop();
                    self.json.extend_from_slice(format!("{{\"spilled\":{}}}", self.files.len()).as_bytes());
                    self.files.push(file);
                }
                continue;
            }
            // Short so far: kept as it stands.
            let mut end = 0;
            let mut closed = false;
            while end < bytes.len() && !closed {
                match bytes[end] {
                    _ if text.escaped => text.escaped = false,
                    b'\\' => text.escaped = true,
                    b'"' => closed = true,
                    _ => {}
                }
                end += 1;
            }
            self.json.extend_from_slice(&bytes[..end]);
            bytes = &bytes[end..];
            if closed {
                self.string = None;
            } else if self.json.len() - text.from > LONG {
                let begun = self.json.split_off(text.from);
                let mut file = std::io::BufWriter::with_capacity(1 << 18, tempfile::tempfile_in(self.folder)?);
                let (mut out, mut escaped) = (Vec::new(), false);
                text_bytes(&begun, &mut escaped, &mut text.digits, &mut text.high, &mut out)?;
                text.escaped = escaped;
                file.write_all(&out)?;
                text.file = Some(file);
            }
        }
        Ok(())
    }

    fn finish(self) -> Option<Spilled> {
        self.string.is_none().then_some(Spilled { json: self.json, files: self.files })
    }
}

fn broken() -> std::io::Error {
    std::io::ErrorKind::InvalidData.into()
}

/// Takes escapes off until the string's end; gives the bytes used and whether the end was among them.
fn text_bytes(
    bytes: &[u8],
    escaped: &mut bool,
    digits: &mut Option<(u8, u16)>,
    high: &mut Option<u16>,
    out: &mut Vec<u8>,
) -> std::io::Result<(usize, bool)> {
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        if let Some((count, value)) = digits {
            let digit = (byte as char).to_digit(16).ok_or_else(broken)? as u16;
            (*count, *value) = (*count + 1, *value << 4 | digit);
            at += 1;
            if *count == 4 {
                let unit = *value;
                *digits = None;
                push_unit(unit, high, out);
            }
        } else if *escaped {
            *escaped = false;
            at += 1;
            if byte == b'u' {
                *digits = Some((0, 0));
                continue;
            }
            lone(high, out);
            out.push(match byte {
                b'b' => 8,
                b'f' => 12,
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                b'"' | b'\\' | b'/' => byte,
                _ => return Err(broken()),
            });
        } else {
            let run = bytes[at..].iter().position(|b| matches!(b, b'"' | b'\\')).unwrap_or(bytes.len() - at);
            if run > 0 {
                lone(high, out);
                out.extend_from_slice(&bytes[at..at + run]);
                at += run;
                continue;
            }
            at += 1;
            if byte == b'"' {
                lone(high, out);
                return Ok((at, true));
            }
            *escaped = true;
        }
    }
    Ok((at, false))
}

/// Half a pair alone says nothing: U+FFFD, as elsewhere.
fn lone(high: &mut Option<u16>, out: &mut Vec<u8>) {
    if high.take().is_some() {
        out.extend_from_slice("\u{fffd}".as_bytes());
    }
}

fn push_unit(unit: u16, high: &mut Option<u16>, out: &mut Vec<u8>) {
    let mut buffer = [0; 4];
    if let Some(first) = high.take() {
        if let Some(Ok(c)) = char::decode_utf16([first, unit]).next() {
            out.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes());
            return;
        }
        out.extend_from_slice("\u{fffd}".as_bytes());
    }
    if (0xd800..0xdc00).contains(&unit) {
        *high = Some(unit);
    } else {
        let c = char::from_u32(unit.into()).unwrap_or('\u{fffd}');
        out.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::io::{BufReader, Read};

    /// The message through pieces of `size` bytes, the first `begun` of them read before.
    fn through(message: &[u8], begun: usize, size: usize) -> Option<Spilled> {
        let mut whole = message[begun..].to_vec();
        whole.extend(b"\0next");
        let mut events = BufReader::with_capacity(size, whole.as_slice());
        let (mut ended, folder) = (false, tempfile::tempdir().unwrap());
        let read = read(&message[..begun], &mut events, folder.path(), 64 << 20, &mut ended).unwrap();
        if read.is_some() {
            let mut rest = String::new();
            events.read_to_string(&mut rest).unwrap();
            assert!(ended && rest == "next");
        }
        read
    }

    #[test]
    fn long_strings_are_in_files_and_say_the_same() {
        let long = "页\u{1f600}\"\\/\n\u{1}é plain and more of it ".repeat(40_000);
        let value = serde_json::json!({"id": 7, "result": {"data": long, "short": "a\"\\b", "n": 1}, "x": ["", "y"]});
        for message in
            [value.to_string(), value.to_string().replace('é', "\\u00e9").replace('\u{1f600}', "\\ud83d\\ude00")]
        {
            for (begun, size) in [(0, 7), (20, 4096), (1_200_000, 65_536), (1_200_001, 1 << 20)] {
                let mut read = through(message.as_bytes(), begun, size).unwrap();
                let got: serde_json::Value = serde_json::from_slice(&read.json).unwrap();
                assert_eq!(
                    got,
                    serde_json::json!({"id": 7, "result": {"data": {"spilled": 0}, "short": "a\"\\b", "n": 1}, "x": ["", "y"]})
                );
                let mut text = String::new();
                read.files[0].read_to_string(&mut text).unwrap();
                assert!(text == long, "begun {begun}, blocks of {size}");
            }
        }
    }

    #[test]
    fn what_is_broken_or_too_long_gives_nothing() {
        let broken = format!("{{\"a\":\"{}\\q\"}}", "a".repeat(LONG + 5000));
        assert!(through(broken.as_bytes(), 0, 4096).is_none());
        let lone = format!("{{\"a\":\"{}\\ud800x\"}}", "a".repeat(LONG + 5000));
        let mut text = String::new();
        through(lone.as_bytes(), 0, 4096).unwrap().files[0].read_to_string(&mut text).unwrap();
        assert!(text.ends_with("a\u{fffd}x"));
        let open = format!("{{\"a\":\"{}", "a".repeat(100));
        assert!(through(open.as_bytes(), 0, 4096).is_none());
        let mut events = BufReader::new(&b"aaaaaaaaaaaaaaaa\0"[..]);
        let mut ended = false;
        assert!(read(b"{\"a\":\"", &mut events, Path::new("/"), 10, &mut ended).unwrap().is_none());
    }
}
