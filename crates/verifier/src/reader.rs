//! A file that stays where it is, read in pieces.

use std::io::{self, ErrorKind, Read, Seek, SeekFrom};

/// Reads bytes from a place into a buffer; how many, or `None` where it cannot.
pub type ReadAt<'a> = dyn FnMut(u64, &mut [u8]) -> Option<usize> + 'a;

/// [`Read`] and [`Seek`] over a function that reads at a place.
pub struct Reader<'a> {
    read_at: Box<ReadAt<'a>>,
    size: u64,
    at: u64,
    /// What was read ahead, and where it begins: a call into the page costs more than most reads are long.
    ahead: Vec<u8>,
    from: u64,
}

/// Read ahead, bytes.
const AHEAD: u64 = 1 << 20;

impl<'a> Reader<'a> {
    /// Over a file of `size` bytes.
    pub fn new(size: u64, read_at: impl FnMut(u64, &mut [u8]) -> Option<usize> + 'a) -> Self {
        Self { read_at: Box::new(read_at), size, at: 0, ahead: Vec::new(), from: 0 }
    }

    fn fill(&mut self) -> io::Result<()> {
        let length = AHEAD.min(self.size.saturating_sub(self.at));
        // At most AHEAD.
        self.ahead.resize(length as usize, 0);
        self.from = self.at;
        let read = if length == 0 { Some(0) } else { (self.read_at)(self.at, &mut self.ahead) };
        let read = read.filter(|read| *read <= self.ahead.len());
        self.ahead.truncate(read.unwrap_or(0));
        match read {
            Some(0) if length > 0 => Err(ErrorKind::UnexpectedEof.into()),
            Some(_) => Ok(()),
            None => Err(io::Error::other("the file can no longer be read")),
        }
    }
}

impl Read for Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let held = |r: &Self| (r.from..r.from + r.ahead.len() as u64).contains(&r.at);
        if !held(self) {
            self.fill()?;
        }
        if !held(self) {
            return Ok(0);
        }
        let skip = (self.at - self.from) as usize;
        let read = buffer.len().min(self.ahead.len() - skip);
        buffer[..read].copy_from_slice(&self.ahead[skip..skip + read]);
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for Reader<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.size.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or(ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn over(bytes: &[u8]) -> Reader<'_> {
        Reader::new(bytes.len() as u64, |at, buffer| {
            let from = &bytes[at as usize..];
            // Short, as any reader may be.
            let read = buffer.len().min(from.len()).min(1000);
            buffer[..read].copy_from_slice(&from[..read]);
            Some(read)
        })
    }

    #[test]
    fn reads_what_a_cursor_reads() {
        let bytes: Vec<u8> = (0..50_000u32).map(|n| (n * 7 % 251) as u8).collect();
        let (mut reader, mut cursor) = (over(&bytes), io::Cursor::new(&bytes));
        let seeks = [SeekFrom::Start(40_000), SeekFrom::End(-7), SeekFrom::Current(-300), SeekFrom::Start(60_000)];
        for seek in seeks.into_iter().chain([SeekFrom::Start(999), SeekFrom::Start(0)]) {
            assert_eq!(reader.seek(seek).unwrap(), cursor.seek(seek).unwrap());
            let (mut a, mut b) = (Vec::new(), Vec::new());
            (&mut reader).take(2_500).read_to_end(&mut a).unwrap();
            (&mut cursor).take(2_500).read_to_end(&mut b).unwrap();
            assert_eq!(a, b, "{seek:?}");
        }
        assert!(reader.seek(SeekFrom::End(-60_000)).is_err());
    }

    #[test]
    fn a_file_that_shrinks_or_vanishes_is_an_error() {
        let mut buffer = [0; 8];
        assert!(Reader::new(8, |_, _| None).read(&mut buffer).is_err());
        assert!(Reader::new(8, |_, _| Some(0)).read(&mut buffer).is_err());
        assert!(Reader::new(8, |_, _| Some(9)).read(&mut buffer).is_err());
    }
}
