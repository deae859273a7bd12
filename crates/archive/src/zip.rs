//! The canonical ZIP (APPNOTE 6.3, a subset): every field but name, size and CRC-32 has one value.
//!
//! Stored entries, version needed 20, made by 20, flags 0, time 0, date 0x0021, attributes 0, disk 0,
//! no extra fields, no comments, nothing before, between or after. The layout has no freedom, so
//! reading is: walk the local headers, write what they should be, compare. A general ZIP parser
//! would have to be followed by the same comparison, and is left to the tests, as an oracle.

use evidence::{Error, Result};

/// Packages stay under 4 GiB: no ZIP64.
pub(crate) const MAX_BYTES: u64 = u32::MAX as u64;

const WHAT: &str = "package";
const LOCAL: u32 = 0x0403_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
/// Version needed 20; flags, method and time 0; date 1980-01-01.
const COMMON: [u8; 10] = [20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0];
pub(crate) const LOCAL_LENGTH: usize = 30;

/// The ZIP of `entries`, in their order. Names must be valid (fewer than 64 KiB, ASCII).
pub(crate) fn encode(entries: &[(String, Vec<u8>)]) -> Result<Vec<u8>> {
    let (mut out, mut directory) = (Vec::new(), Directory::default());
    for (name, bytes) in entries {
        let entry = Entry::of(name, bytes)?;
        directory.add(&entry, out.len())?;
        out.extend(entry.local());
        out.extend_from_slice(bytes);
    }
    let tail = directory.finish(out.len())?;
    out.extend(tail);
    too_large(out.len())?;
    Ok(out)
}

/// The entries of exactly such a ZIP. `admit` sees each name and size before the bytes are touched.
pub(crate) fn decode(bytes: &[u8], mut admit: impl FnMut(&str, u64) -> Result<()>) -> Result<Vec<(&str, &[u8])>> {
    too_large(bytes.len())?;
    let (mut at, mut directory, mut entries) = (0, Directory::default(), Vec::new());
    while bytes.get(at..at + 4) == Some(&LOCAL.to_le_bytes()) {
        let header = bytes.get(at..at + LOCAL_LENGTH).ok_or_else(|| cut(at))?;
        let number = |from: usize, to: usize| header[from..to].iter().rev().fold(0usize, |n, b| n << 8 | *b as usize);
        let (size, name_length) = (number(18, 22), number(26, 28));
        let name = bytes.get(at + LOCAL_LENGTH..at + LOCAL_LENGTH + name_length).ok_or_else(|| cut(at))?;
        let name = std::str::from_utf8(name)
            .map_err(|_| Error::malformed(WHAT, String::from_utf8_lossy(name), "a known entry name"))?;
        admit(name, size as u64)?;
        let from = at + LOCAL_LENGTH + name_length;
        let data = bytes.get(from..from + size).ok_or_else(|| cut(at))?;
        let entry = Entry::of(name, data)?;
        same(bytes, at, &entry.local())?;
        directory.add(&entry, at)?;
        entries.push((name, data));
        at = from + size;
    }
    let tail = directory.finish(at)?;
    same(bytes, at, &tail)?;
    if bytes.len() != at + tail.len() {
        let found = format!("{} bytes after the end", bytes.len() - at - tail.len());
        return Err(Error::malformed(WHAT, found, "nothing before, between or after the entries"));
    }
    Ok(entries)
}

pub(crate) struct Entry<'a> {
    pub(crate) name: &'a str,
    pub(crate) crc: u32,
    pub(crate) size: u32,
}

impl<'a> Entry<'a> {
    fn of(name: &'a str, bytes: &[u8]) -> Result<Self> {
        too_large(bytes.len())?;
        Ok(Self { name, crc: crc32(bytes), size: bytes.len() as u32 })
    }

    pub(crate) fn local(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(LOCAL_LENGTH + self.name.len());
        out.extend(LOCAL.to_le_bytes());
        self.common(&mut out);
        out.extend_from_slice(self.name.as_bytes());
        out
    }

    /// From "version needed" to "extra field length", equal in both headers.
    fn common(&self, out: &mut Vec<u8>) {
        out.extend(COMMON);
        out.extend(self.crc.to_le_bytes());
        out.extend(self.size.to_le_bytes());
        out.extend(self.size.to_le_bytes());
        out.extend((self.name.len() as u16).to_le_bytes());
        out.extend([0; 2]);
    }
}

#[derive(Default)]
pub(crate) struct Directory {
    bytes: Vec<u8>,
    count: u16,
}

impl Directory {
    pub(crate) fn add(&mut self, entry: &Entry<'_>, offset: usize) -> Result<()> {
        too_large(offset)?;
        self.count = self.count.checked_add(1).ok_or(Error::TooLarge { what: WHAT, found: 65_536, limit: 65_535 })?;
        let out = &mut self.bytes;
        out.extend(CENTRAL.to_le_bytes());
        out.extend([20, 0]);
        entry.common(out);
        // No comment, disk 0, internal and external attributes 0.
        out.extend([0; 10]);
        out.extend((offset as u32).to_le_bytes());
        out.extend_from_slice(entry.name.as_bytes());
        Ok(())
    }

    pub(crate) fn finish(mut self, offset: usize) -> Result<Vec<u8>> {
        too_large(offset + self.bytes.len())?;
        let size = self.bytes.len() as u32;
        let out = &mut self.bytes;
        out.extend(END.to_le_bytes());
        out.extend([0; 4]);
        out.extend(self.count.to_le_bytes());
        out.extend(self.count.to_le_bytes());
        out.extend(size.to_le_bytes());
        out.extend((offset as u32).to_le_bytes());
        out.extend([0; 2]);
        Ok(self.bytes)
    }
}

fn too_large(bytes: usize) -> Result<()> {
    if (bytes as u64) < MAX_BYTES {
        return Ok(());
    }
    Err(Error::TooLarge { what: WHAT, found: bytes as u64, limit: MAX_BYTES - 1 })
}

fn cut(at: usize) -> Error {
    Error::malformed(WHAT, format!("the end, inside the entry at byte {at}"), "a whole package")
}

/// What stands at `at` must be `expected`.
fn same(bytes: &[u8], at: usize, expected: &[u8]) -> Result<()> {
    let found = bytes.get(at..).unwrap_or_default();
    if found.starts_with(expected) {
        return Ok(());
    }
    let differs = at + found.iter().zip(expected).take_while(|(a, b)| a == b).count();
    let found = match bytes.get(differs) {
        Some(byte) => format!("{byte:#04x} at byte {differs}"),
        None => format!("the end at byte {differs}"),
    };
    let expected = expected.get(differs - at).map_or_else(String::new, |b| format!("{b:#04x} "));
    Err(Error::malformed(WHAT, found, format!("{expected}(the canonical stored ZIP)")))
}

/// CRC-32 (ISO 3309) of `bytes`.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    crc32_more(0, bytes)
}

/// CRC-32 of what `crc` covers, and then `bytes`; it begins with 0.
pub(crate) fn crc32_more(crc: u32, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(crc);
    hasher.update(bytes);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_value_of_crc_32() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b""), 0);
        assert_eq!(crc32_more(crc32(b"1234"), b"56789"), 0xcbf4_3926);
    }
}
