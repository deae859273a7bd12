//! The PDF values that a certificate's first revision is written in: a subset of ISO 32000-1, 7.3, without comments.
//!
//! White space is a space or a line feed; a dictionary names no key twice; nesting is bounded.

use super::malformed;
use evidence::Result;

/// Deepest nesting.
const MAX_DEPTH: usize = 24;
/// Most values of one file.
const MAX_VALUES: usize = 2_000_000;

/// One value; references are always to generation 0.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Integer(i64),
    /// As written.
    Real(Vec<u8>),
    String(Vec<u8>),
    Name(Vec<u8>),
    Array(Vec<Value>),
    Dictionary(Vec<(Vec<u8>, Value)>),
    Reference(u32),
}

impl Value {
    /// The value of a dictionary's key.
    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        match self {
            Self::Dictionary(pairs) => pairs.iter().find(|(k, _)| k == key.as_bytes()).map(|(_, v)| v),
            _ => None,
        }
    }
    pub(crate) fn integer(&self) -> Option<i64> {
        if let Self::Integer(n) = self { Some(*n) } else { None }
    }
    pub(crate) fn reference(&self) -> Option<u32> {
        if let Self::Reference(n) = self { Some(*n) } else { None }
    }
    pub(crate) fn array(&self) -> Option<&[Value]> {
        if let Self::Array(items) = self { Some(items) } else { None }
    }
    pub(crate) fn string(&self) -> Option<&[u8]> {
        if let Self::String(bytes) = self { Some(bytes) } else { None }
    }
    pub(crate) fn is_name(&self, name: &str) -> bool {
        matches!(self, Self::Name(n) if n == name.as_bytes())
    }
}

/// Where one is in the file.
pub(crate) struct Cursor<'b> {
    pub(crate) bytes: &'b [u8],
    pub(crate) at: usize,
    /// Values that were read.
    values: usize,
}

impl<'b> Cursor<'b> {
    pub(crate) fn new(bytes: &'b [u8], at: usize) -> Self {
        Self { bytes, at, values: 0 }
    }

    pub(crate) fn rest(&self) -> &'b [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// Steps over `text`, which must stand here.
    pub(crate) fn expect(&mut self, text: &[u8]) -> Result<()> {
        if self.rest().starts_with(text) {
            self.at += text.len();
            return Ok(());
        }
        Err(self.refuse(&format!("{:?}", String::from_utf8_lossy(text))))
    }

    /// Steps over `text` where it stands here.
    pub(crate) fn skip(&mut self, text: &[u8]) -> bool {
        let here = self.rest().starts_with(text);
        self.at += if here { text.len() } else { 0 };
        here
    }

    /// Takes the next `n` bytes.
    pub(crate) fn take(&mut self, n: usize) -> Result<&'b [u8]> {
        let end = self.at.checked_add(n).filter(|end| *end <= self.bytes.len());
        let end = end.ok_or_else(|| self.refuse(&format!("{n} more bytes")))?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    /// Takes bytes as long as they satisfy `is`.
    pub(crate) fn take_while(&mut self, is: impl Fn(u8) -> bool) -> &'b [u8] {
        let n = self.rest().iter().take_while(|b| is(**b)).count();
        let taken = &self.rest()[..n];
        self.at += n;
        taken
    }

    /// A decimal number without sign or leading zero.
    pub(crate) fn number(&mut self) -> Result<usize> {
        let start = self.at;
        let digits = self.take_while(|b| b.is_ascii_digit());
        let plain = digits.len() <= 10 && (digits == b"0" || digits.first().is_some_and(|d| *d != b'0'));
        let text = std::str::from_utf8(digits).ok().filter(|_| plain);
        text.and_then(|t| t.parse().ok()).ok_or_else(|| {
            self.at = start;
            self.refuse("a decimal number")
        })
    }

    /// The next value.
    pub(crate) fn value(&mut self) -> Result<Value> {
        self.nested(0)
    }

    pub(crate) fn refuse(&self, expected: &str) -> evidence::Error {
        let found = String::from_utf8_lossy(&self.rest()[..self.rest().len().min(24)]).into_owned();
        malformed(format!("{found:?} at byte {}", self.at), expected)
    }

    fn space(&mut self) {
        self.take_while(|b| matches!(b, b' ' | b'\n'));
    }

    fn nested(&mut self, depth: usize) -> Result<Value> {
        if depth > MAX_DEPTH {
            return Err(self.refuse(&format!("at most {MAX_DEPTH} values inside each other")));
        }
        self.values += 1;
        if self.values > MAX_VALUES {
            let (found, limit) = (self.values as u64, MAX_VALUES as u64);
            return Err(evidence::Error::TooLarge { what: "PDF values", found, limit });
        }
        self.space();
        match self.rest() {
            [b'<', b'<', ..] => self.dictionary(depth),
            [b'<', ..] => self.hexadecimal(),
            [b'[', ..] => self.array(depth),
            [b'(', ..] => self.literal(),
            [b'/', ..] => self.name().map(Value::Name),
            [b'0'..=b'9' | b'+' | b'-' | b'.', ..] => self.numeric(),
            _ if self.keyword(b"true") => Ok(Value::Bool(true)),
            _ if self.keyword(b"false") => Ok(Value::Bool(false)),
            _ if self.keyword(b"null") => Ok(Value::Null),
            _ => Err(self.refuse("a value")),
        }
    }

    fn keyword(&mut self, word: &[u8]) -> bool {
        let ends = self.rest().get(word.len()).is_none_or(|b| !is_regular(*b));
        ends && self.skip(word)
    }

    fn dictionary(&mut self, depth: usize) -> Result<Value> {
        self.expect(b"<<")?;
        let (mut pairs, mut seen) = (Vec::new(), std::collections::BTreeSet::new());
        loop {
            self.space();
            if self.skip(b">>") {
                return Ok(Value::Dictionary(pairs));
            }
            let key = self.name()?;
            if !seen.insert(key.clone()) {
                return Err(malformed(format!("/{} twice", String::from_utf8_lossy(&key)), "each key once"));
            }
            let value = self.nested(depth + 1)?;
            pairs.push((key, value));
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value> {
        self.expect(b"[")?;
        let mut items = Vec::new();
        loop {
            self.space();
            if self.skip(b"]") {
                return Ok(Value::Array(items));
            }
            items.push(self.nested(depth + 1)?);
        }
    }

    fn name(&mut self) -> Result<Vec<u8>> {
        self.expect(b"/")?;
        let mut name = Vec::new();
        loop {
            match self.rest() {
                [b'#', high, low, ..] => {
                    let pair = [*high, *low];
                    let text = std::str::from_utf8(&pair).unwrap_or_default();
                    let byte = u8::from_str_radix(text, 16).ok().filter(|b| *b != 0 && !text.starts_with('+'));
                    name.push(byte.ok_or_else(|| self.refuse("two hexadecimal digits after #"))?);
                    self.at += 3;
                }
                [b, ..] if is_regular(*b) && *b != b'#' && (0x21..0x7f).contains(b) => {
                    name.push(*b);
                    self.at += 1;
                }
                _ => return Ok(name),
            }
        }
    }

    /// An integer, a real, or `N 0 R`.
    fn numeric(&mut self) -> Result<Value> {
        let start = self.at;
        if let Ok(n) = self.number()
            && self.skip(b" 0 R")
            && self.rest().first().is_none_or(|b| !is_regular(*b))
        {
            return u32::try_from(n).map(Value::Reference).map_err(|_| self.refuse("an object number"));
        }
        self.at = start;
        let text = self.take_while(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.'));
        let digits = std::str::from_utf8(text).unwrap_or_default();
        if let Ok(n) = digits.parse::<i64>() {
            return Ok(Value::Integer(n));
        }
        if digits.len() <= 32 && digits.parse::<f64>().is_ok() {
            return Ok(Value::Real(text.to_vec()));
        }
        self.at = start;
        Err(self.refuse("a number"))
    }

    fn hexadecimal(&mut self) -> Result<Value> {
        self.expect(b"<")?;
        let digits = self.take_while(|b| b.is_ascii_hexdigit()).to_ascii_lowercase();
        self.expect(b">")?;
        let text = String::from_utf8_lossy(&digits).into_owned();
        if !text.len().is_multiple_of(2) {
            return Err(self.refuse("an even number of hexadecimal digits"));
        }
        let byte = |n: usize| u8::from_str_radix(&text[n..n + 2], 16).unwrap_or_default();
        Ok(Value::String((0..text.len()).step_by(2).map(byte).collect()))
    }

    fn literal(&mut self) -> Result<Value> {
        self.expect(b"(")?;
        let (mut bytes, mut open) = (Vec::new(), 1_usize);
        loop {
            let byte = *self.rest().first().ok_or_else(|| self.refuse("the end of the string"))?;
            self.at += 1;
            match byte {
                b'(' => open += 1,
                b')' => {
                    open -= 1;
                    if open == 0 {
                        return Ok(Value::String(bytes));
                    }
                }
                b'\\' => {
                    bytes.push(self.escape()?);
                    continue;
                }
                // Readers turn a bare CR into LF (7.3.4.2).
                b'\r' => return Err(self.refuse("an escaped carriage return")),
                _ => {}
            }
            bytes.push(byte);
        }
    }

    fn escape(&mut self) -> Result<u8> {
        let byte = *self.rest().first().ok_or_else(|| self.refuse("an escaped character"))?;
        self.at += 1;
        match byte {
            b'n' => Ok(b'\n'),
            b'r' => Ok(b'\r'),
            b't' => Ok(b'\t'),
            b'b' => Ok(8),
            b'f' => Ok(12),
            b'(' | b')' | b'\\' => Ok(byte),
            b'0'..=b'3' => {
                let rest = self.take(2)?;
                match rest {
                    [b @ b'0'..=b'7', c @ b'0'..=b'7'] => Ok((byte - b'0') * 64 + (b - b'0') * 8 + (c - b'0')),
                    _ => Err(self.refuse("three octal digits")),
                }
            }
            _ => Err(self.refuse("one of n r t b f ( ) \\ or three octal digits after a backslash")),
        }
    }
}

/// ISO 32000-1, 7.2.2: neither white space nor a delimiter.
fn is_regular(byte: u8) -> bool {
    !matches!(byte, 0 | 9 | 10 | 12 | 13 | 32 | b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn parse(text: &str) -> Result<Value> {
        let mut cursor = Cursor::new(text.as_bytes(), 0);
        let value = cursor.value()?;
        if cursor.rest().is_empty() { Ok(value) } else { Err(cursor.refuse("the end")) }
    }

    #[test]
    fn values_read_as_the_standard_says() {
        assert_eq!(parse("12 0 R").unwrap(), Value::Reference(12));
        assert_eq!(parse("(a\\(b\\)\\101(c))").unwrap(), Value::String(b"a(b)A(c)".to_vec()));
        assert_eq!(parse("/application#2Fjson").unwrap(), Value::Name(b"application/json".to_vec()));
        assert_eq!(parse("<FEff>").unwrap(), Value::String(vec![0xfe, 0xff]));
        assert_eq!(parse("[1 -2 .5 true null 3 0 R]").unwrap().array().unwrap().len(), 6);
        assert_eq!(parse("<</A 1/B<</C(x)>>>>").unwrap().get("B").unwrap().get("C").unwrap().string(), Some(&b"x"[..]));
    }

    #[test]
    fn what_two_readers_could_read_in_two_ways_is_refused() {
        let deep = format!("{}{}", "[".repeat(40), "]".repeat(40));
        for text in
            ["<</A 1/A 2>>", "(open", "<abc>", "[1", "1 1 R x", "(\\9)", "%comment\n1", "/a#0", "--1", &deep, "<</A>>"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
