//! Both digests of a file in its owner's browser: `evidence`'s, as a WebAssembly module that a worker of the portal runs.
//!
//! - `tray(length)` gives the place where the caller writes a piece of the file; `update(length)` reads it from there.
//! - `begin()` starts a file; `finish()` ends it and says where 64 bytes lie: SHA-256, then SM3.
//!
//! The module imports nothing, so it can do nothing but compute. No pointer is followed here: tray and answer are this
//! side's own, and only their addresses go out. `scripts/digester.sh` builds it into `crates/portal/assets`.

use evidence::digest::Hasher;

/// A file that comes by in pieces.
#[derive(Debug, Default)]
pub struct Digester {
    tray: Vec<u8>,
    hasher: Hasher,
    answer: Vec<u8>,
}

impl Digester {
    /// Room for a piece of `length` bytes.
    pub fn tray(&mut self, length: usize) -> &mut [u8] {
        self.tray.resize(length, 0);
        &mut self.tray
    }

    /// Forgets what came by.
    pub fn begin(&mut self) {
        self.hasher = Hasher::default();
    }

    /// The first `length` bytes of the tray are the next piece; never more than the tray holds.
    pub fn update(&mut self, length: usize) {
        self.hasher.update(&self.tray[..self.tray.len().min(length)]);
    }

    /// SHA-256 and SM3; the next piece begins another file.
    pub fn finish(&mut self) -> &[u8] {
        let digests = std::mem::take(&mut self.hasher).finish();
        self.answer = [digests.sha256, digests.sm3].concat();
        &self.answer
    }
}

#[cfg(target_family = "wasm")]
mod door {
    #![allow(unsafe_code)]
    use super::Digester;
    use std::cell::RefCell;

    // WebAssembly has one thread here.
    thread_local! { static STATE: RefCell<Digester> = RefCell::default(); }

    #[unsafe(no_mangle)]
    extern "C" fn tray(length: u32) -> *mut u8 {
        STATE.with_borrow_mut(|state| state.tray(length as usize).as_mut_ptr())
    }

    #[unsafe(no_mangle)]
    extern "C" fn begin() {
        STATE.with_borrow_mut(Digester::begin);
    }

    #[unsafe(no_mangle)]
    extern "C" fn update(length: u32) {
        STATE.with_borrow_mut(|state| state.update(length as usize));
    }

    #[unsafe(no_mangle)]
    extern "C" fn finish() -> *const u8 {
        STATE.with_borrow_mut(|state| state.finish().as_ptr())
    }
}

#[cfg(test)]
mod tests {
    use super::Digester;
    use evidence::digest::FileDigests;

    #[test]
    fn pieces_of_the_tray_are_the_file() {
        let mut digester = Digester::default();
        for file in [&b"abc"[..], b"", &[7; 10_000]] {
            digester.begin();
            for piece in file.chunks(777) {
                digester.tray(800)[..piece.len()].copy_from_slice(piece);
                digester.update(piece.len());
            }
            let wanted = FileDigests::of(file);
            assert_eq!(digester.finish(), [wanted.sha256, wanted.sm3].concat());
        }
        // A length that is none is no way out of the tray.
        digester.tray(3).copy_from_slice(b"abc");
        digester.update(usize::MAX);
        assert_eq!(digester.finish()[..32], FileDigests::of(b"abc").sha256);
    }
}
