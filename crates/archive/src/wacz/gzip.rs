//! Gzip members (RFC 1952), one a record, in and out, in pieces.
//!
//! The ten bytes of a header have one value: no name, no time, no flags. Of a deflate stream only what every other
//! reader takes too: no copy from before a member's first byte, where each reader finds something else.

use super::Result;
use crate::zip::crc32_more;
use evidence::Error;
use miniz_oxide::{
    DataFormat,
    deflate::{
        CompressionLevel,
        core::{CompressorOxide, TDEFLFlush, TDEFLStatus, compress_to_output},
    },
    inflate::{
        TINFLStatus,
        core::{DecompressorOxide, decompress, inflate_flags as flags},
    },
};
use sha2::{Digest, Sha256};
use std::io::Read;

/// Deflate, no flags, no time, no hint, unknown system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
const BUFFER: usize = 64 << 10;
/// Unpacked bytes that are kept: twice what deflate reaches back, and a power of two, so that it can be written around.
const WINDOW: usize = 64 << 10;

/// Most bytes of a stored block (RFC 1951, 3.2.4, allows 65,535).
const BLOCK: usize = 32 << 10;

/// Packs one member; `out` takes its bytes.
pub(super) struct Packer {
    /// `None`: everything is stored.
    deflate: Option<Box<CompressorOxide>>,
    crc: u32,
    size: u32,
}

impl Packer {
    /// `level`: stored, or packed as hard as asked.
    pub(super) fn begin(level: CompressionLevel, out: &mut impl FnMut(&[u8]) -> Result<()>) -> Result<Self> {
        out(&HEADER)?;
        let packs = level != CompressionLevel::NoCompression;
        let deflate = packs.then(|| Box::new(CompressorOxide::with_format_and_level(DataFormat::Raw, level)));
        Ok(Self { deflate, crc: 0, size: 0 })
    }

    pub(super) fn write(&mut self, bytes: &[u8], out: &mut impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        self.crc = crc32_more(self.crc, bytes);
        self.size = self.size.wrapping_add(bytes.len() as u32);
        self.push(bytes, TDEFLFlush::None, out)
    }

    pub(super) fn finish(mut self, out: &mut impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        self.push(&[], TDEFLFlush::Finish, out)?;
        out(&self.crc.to_le_bytes())?;
        out(&self.size.to_le_bytes())
    }

    fn push(&mut self, bytes: &[u8], flush: TDEFLFlush, out: &mut impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let Some(deflate) = &mut self.deflate else { return stored(bytes, flush, out) };
        let mut failed = None;
        let (status, _) = compress_to_output(deflate, bytes, flush, |packed| match out(packed) {
            Ok(()) => true,
            Err(e) => {
                failed = Some(e);
                false
            }
        });
        match (failed, status) {
            (Some(e), _) => Err(e),
            (None, TDEFLStatus::Okay | TDEFLStatus::Done) => Ok(()),
            (None, other) => Err(Error::malformed("gzip member", format!("{other:?}"), "packed bytes").into()),
        }
    }
}

/// Stored blocks; at the end an empty one, the last.
fn stored(bytes: &[u8], flush: TDEFLFlush, out: &mut impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
    for block in bytes.chunks(BLOCK) {
        let length = (block.len() as u16).to_le_bytes();
        out(&[0, length[0], length[1], !length[0], !length[1]])?;
        out(block)?;
    }
    if flush == TDEFLFlush::Finish { out(&[1, 0, 0, 0xff, 0xff]) } else { Ok(()) }
}

/// The bytes of one entry, hashed as they are consumed.
pub(super) struct Input<'s> {
    source: &'s mut dyn Read,
    /// Bytes of the entry that were not read from the source yet.
    left: u64,
    buffer: Vec<u8>,
    from: usize,
    to: usize,
    /// Bytes consumed so far.
    pub(super) at: u64,
    pub(super) crc: u32,
    pub(super) sha256: Sha256,
}

impl<'s> Input<'s> {
    pub(super) fn new(source: &'s mut dyn Read, size: u64) -> Self {
        let buffer = vec![0; BUFFER];
        Self { source, left: size, buffer, from: 0, to: 0, at: 0, crc: 0, sha256: Sha256::new() }
    }

    /// What lies ready; empty only at the end of the entry.
    pub(super) fn ready(&mut self) -> Result<&[u8]> {
        if self.from == self.to && self.left > 0 {
            let most = self.left.min(BUFFER as u64) as usize;
            let n = loop {
                match self.source.read(&mut self.buffer[..most]) {
                    Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                    other => break other?,
                }
            };
            if n == 0 {
                return Err(Error::malformed("WACZ", "its end, inside an entry", "a whole file").into());
            }
            (self.from, self.to, self.left) = (0, n, self.left - n as u64);
        }
        Ok(&self.buffer[self.from..self.to])
    }

    pub(super) fn consume(&mut self, n: usize) {
        let bytes = &self.buffer[self.from..(self.from + n).min(self.to)];
        self.crc = crc32_more(self.crc, bytes);
        self.sha256.update(bytes);
        (self.from, self.at) = (self.from + bytes.len(), self.at + bytes.len() as u64);
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.from == self.to && self.left == 0
    }

    /// The next `N` bytes.
    fn exact<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut out = [0; N];
        let mut filled = 0;
        while filled < N {
            let ready = self.ready()?;
            let n = ready.len().min(N - filled);
            if n == 0 {
                return Err(Error::malformed("gzip member", "the end of the entry", "a whole member").into());
            }
            out[filled..filled + n].copy_from_slice(&ready[..n]);
            self.consume(n);
            filled += n;
        }
        Ok(out)
    }
}

/// One member, unpacked in pieces; at its end the trailer is compared.
pub(super) struct Member<'i, 's> {
    input: &'i mut Input<'s>,
    state: Box<DecompressorOxide>,
    window: Vec<u8>,
    from: usize,
    to: usize,
    crc: u32,
    /// Bytes unpacked so far.
    size: u64,
    limit: u64,
    ended: bool,
}

impl<'i, 's> Member<'i, 's> {
    /// At most `limit` bytes come out of it.
    pub(super) fn begin(input: &'i mut Input<'s>, limit: u64) -> Result<Self> {
        let header: [u8; 10] = input.exact()?;
        if header != HEADER {
            let found = evidence::hex::encode(&header);
            return Err(Error::malformed("gzip member", found, evidence::hex::encode(&HEADER)).into());
        }
        let (state, window) = (Box::<DecompressorOxide>::default(), vec![0; WINDOW]);
        Ok(Self { input, state, window, from: 0, to: 0, crc: 0, size: 0, limit, ended: false })
    }

    /// What lies ready; empty only at the end of the member.
    pub(super) fn ready(&mut self) -> Result<&[u8]> {
        while self.from == self.to && !self.ended {
            let packed = self.input.ready()?;
            let empty = packed.is_empty();
            // Until the window is full once, nothing lies before its start.
            let start = if self.size < WINDOW as u64 { flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF } else { 0 };
            let at = (self.size % WINDOW as u64) as usize;
            let how = start | flags::TINFL_FLAG_HAS_MORE_INPUT | flags::TINFL_FLAG_IGNORE_ADLER32;
            let (status, taken, given) = decompress(&mut self.state, packed, &mut self.window, at, how);
            self.input.consume(taken);
            (self.from, self.to) = (at, at + given);
            self.crc = crc32_more(self.crc, &self.window[self.from..self.to]);
            self.size += given as u64;
            if self.size > self.limit {
                return Err(Error::TooLarge { what: "unpacked records", found: self.size, limit: self.limit }.into());
            }
            match status {
                TINFLStatus::Done => {
                    self.ended = true;
                    self.trailer()?;
                }
                TINFLStatus::NeedsMoreInput | TINFLStatus::HasMoreOutput if given > 0 || !empty && taken > 0 => {}
                other => {
                    return Err(Error::malformed("gzip member", format!("{other:?}"), "a whole deflate stream").into());
                }
            }
        }
        Ok(&self.window[self.from..self.to])
    }

    pub(super) fn consume(&mut self, n: usize) {
        self.from = (self.from + n).min(self.to);
    }

    /// Bytes unpacked so far, those that lie ready included.
    pub(super) fn unpacked(&self) -> u64 {
        self.size
    }

    /// Everything through the first empty line (CR LF CR LF), at most `limit` bytes.
    pub(super) fn head(&mut self, what: &'static str, limit: usize) -> Result<Vec<u8>> {
        const END: &[u8] = b"\r\n\r\n";
        let mut head: Vec<u8> = Vec::new();
        loop {
            let old = head.len();
            let ready = self.ready()?;
            if ready.is_empty() {
                return Err(Error::malformed(what, "the end of the record", "an empty line").into());
            }
            head.extend_from_slice(ready);
            let added = head.len() - old;
            let search = old.saturating_sub(END.len() - 1);
            let end = head[search..].windows(END.len()).position(|w| w == END).map(|p| search + p + END.len());
            if let Some(end) = end.filter(|e| *e <= limit) {
                self.consume(end - old);
                head.truncate(end);
                return Ok(head);
            }
            if head.len() > limit {
                return Err(Error::TooLarge { what, found: head.len() as u64, limit: limit as u64 }.into());
            }
            self.consume(added);
        }
    }

    fn trailer(&mut self) -> Result<()> {
        let (crc, size): ([u8; 4], [u8; 4]) = (self.input.exact()?, self.input.exact()?);
        let (found, expected) = ((u32::from_le_bytes(crc), u32::from_le_bytes(size)), (self.crc, self.size as u32));
        if found == expected {
            return Ok(());
        }
        Err(Error::mismatch("gzip trailer", format!("{found:x?}"), format!("{expected:x?}")).into())
    }
}
