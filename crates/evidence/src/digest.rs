//! The two digests of a file: SHA-256 (FIPS 180-4) and SM3 (GB/T 32905-2016), of the exact bytes.

use sha2::Digest;

/// SHA-256 of `bytes`.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    sha2::Sha256::digest(bytes).into()
}

/// SM3 of `bytes`.
pub fn sm3(bytes: &[u8]) -> [u8; 32] {
    sm3::Sm3::digest(bytes).into()
}

/// What identifies a file: both digests and its length in bytes. A file matches only if all three do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FileDigests {
    /// SHA-256.
    pub sha256: [u8; 32],
    /// SM3.
    pub sm3: [u8; 32],
    /// Bytes.
    pub size: u64,
}

impl FileDigests {
    /// Both digests of a file that is in memory.
    pub fn of(bytes: &[u8]) -> Self {
        Self { sha256: sha256(bytes), sm3: sm3(bytes), size: bytes.len() as u64 }
    }
}

/// Both digests of a file that comes in pieces.
#[derive(Clone, Debug, Default)]
pub struct Hasher {
    sha256: sha2::Sha256,
    sm3: sm3::Sm3,
    size: u64,
}

impl Hasher {
    /// The next piece.
    pub fn update(&mut self, piece: &[u8]) {
        self.sha256.update(piece);
        self.sm3.update(piece);
        self.size += piece.len() as u64;
    }

    /// The digests of all pieces together.
    pub fn finish(self) -> FileDigests {
        FileDigests { sha256: self.sha256.finalize().into(), sm3: self.sm3.finalize().into(), size: self.size }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_the_whole() {
        let bytes: Vec<u8> = (0..10_000u32).map(|n| n as u8).collect();
        let mut hasher = Hasher::default();
        bytes.chunks(777).for_each(|piece| hasher.update(piece));
        assert_eq!(hasher.finish(), FileDigests::of(&bytes));
        assert_eq!(Hasher::default().finish(), FileDigests::of(b""));
    }
}
