//! A ZIP of many certificates, written as they are made: each is whole before its head is written, so nothing is held
//! but the list of names (APPNOTE 6.3: stored entries, UTF-8 names, no ZIP64). It is a convenience, not a package.

use evidence::time::{SECOND, Utc};

/// A ZIP stays under this many bytes.
const MAX_BYTES: u64 = u32::MAX as u64 - (64 << 20);
const LOCAL: u32 = 0x0403_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
/// Version needed 20; names are UTF-8; stored.
const COMMON: [u8; 6] = [20, 0, 0, 8, 0, 0];

/// What is written so far.
#[derive(Debug)]
pub struct Bundle {
    directory: Vec<u8>,
    count: u16,
    written: u64,
    /// MS-DOS time and date.
    stamp: [u8; 4],
}

impl Bundle {
    /// One whose entries are of this time (UTC+8, as ZIP knows no zones).
    pub fn new(at: Utc) -> Self {
        Self { directory: Vec::new(), count: 0, written: 0, stamp: stamp(at) }
    }

    /// The head of an entry, which its bytes follow; `None`: it fits no more.
    pub fn entry(&mut self, name: &str, bytes: &[u8]) -> Option<Vec<u8>> {
        let (size, length) = (u32::try_from(bytes.len()).ok()?, u16::try_from(name.len()).ok()?);
        let offset = u32::try_from(self.written).ok()?;
        let after = self.written + 30 + u64::from(length) + u64::from(size);
        if after > MAX_BYTES || self.count == u16::MAX {
            return None;
        }
        let mut common = COMMON.to_vec();
        common.extend(self.stamp);
        common.extend(crate::zip::crc32(bytes).to_le_bytes());
        common.extend(size.to_le_bytes());
        common.extend(size.to_le_bytes());
        common.extend(length.to_le_bytes());
        common.extend([0; 2]);
        let mut head = LOCAL.to_le_bytes().to_vec();
        head.extend(&common);
        head.extend(name.as_bytes());
        self.directory.extend(CENTRAL.to_le_bytes());
        self.directory.extend([20, 0]);
        self.directory.extend(common);
        self.directory.extend([0; 10]);
        self.directory.extend(offset.to_le_bytes());
        self.directory.extend(name.as_bytes());
        self.count += 1;
        self.written = after;
        Some(head)
    }

    /// What ends it.
    pub fn finish(self) -> Vec<u8> {
        let mut out = self.directory;
        // 65,535 names of 1,000 bytes fit into what `MAX_BYTES` leaves free.
        let size = u32::try_from(out.len()).unwrap_or(u32::MAX);
        out.extend(END.to_le_bytes());
        out.extend([0; 4]);
        out.extend(self.count.to_le_bytes());
        out.extend(self.count.to_le_bytes());
        out.extend(size.to_le_bytes());
        out.extend(u32::try_from(self.written).unwrap_or(u32::MAX).to_le_bytes());
        out.extend([0; 2]);
        out
    }
}

/// A title as a file may be called on any system, with something to tell it from others of the same title.
pub fn file_name(title: &str, id: &str, end: &str) -> String {
    let plain = |c: char| if c.is_control() || "/\\:*?\"<>|".contains(c) { '_' } else { c };
    let title: String = title.chars().map(plain).take(60).collect();
    let title = title.trim().trim_matches('.');
    if title.is_empty() { format!("{id}.{end}") } else { format!("{title} {id}.{end}") }
}

fn stamp(at: Utc) -> [u8; 4] {
    let text = at.plus(8 * 3600 * SECOND).to_micros();
    let number = |from: usize, to: usize| text.get(from..to).and_then(|n| n.parse::<u16>().ok()).unwrap_or_default();
    let year = number(0, 4).clamp(1980, 2107) - 1980;
    let date = (year << 9) | (number(5, 7) << 5) | number(8, 10);
    let time = (number(11, 13) << 11) | (number(14, 16) << 5) | (number(17, 19) / 2);
    let ([a, b], [c, d]) = (time.to_le_bytes(), date.to_le_bytes());
    [a, b, c, d]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn another_reader_finds_what_was_put_in() {
        let mut bundle = Bundle::new(Utc::parse_micros("2026-11-24T03:05:19.000000Z").unwrap());
        let (name, mut out) = (file_name("漆碗/主图", "01a2", "pdf"), Vec::new());
        assert_eq!(name, "漆碗_主图 01a2.pdf");
        for (name, bytes) in [(name.as_str(), b"one".as_slice()), ("second.pdf", b"")] {
            out.extend(bundle.entry(name, bytes).unwrap());
            out.extend(bytes);
        }
        out.extend(bundle.finish());
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("b.zip");
        std::fs::write(&path, &out).unwrap();
        let script = "import sys,zipfile\nz=zipfile.ZipFile(sys.argv[1])\nassert z.testzip() is None\n\
                      print([(i.filename,i.file_size,i.date_time) for i in z.infolist()])";
        let read = std::process::Command::new("python3").args(["-c", script]).arg(&path).output().unwrap();
        let said = String::from_utf8_lossy(&read.stdout);
        assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
        assert!(said.contains("('漆碗_主图 01a2.pdf', 3, (2026, 11, 24, 11, 5, 18))"), "{said}");
    }

    #[test]
    fn a_title_is_a_name_everywhere() {
        assert_eq!(file_name("..", "01", "pdf"), "01.pdf");
        assert_eq!(file_name("a\u{0}:b?", "01", "pdf"), "a__b_ 01.pdf");
        assert!(file_name(&"长".repeat(500), "01", "pdf").len() < 250);
    }
}
