//! Prints as bytes of one size, and a sieve over a column of them: for a whole shop, without an index.
//!
//! Every threshold of a comparison bounds `dct-256` ([`POSSIBLE`]); so pictures of which no combination is within the
//! widest of those bounds have no likeness, whatever their other hash says. The sieve computes exactly that, for every
//! combination of every picture in the column, and passes the rest on: nothing that [`Prints::like`] finds is lost.

use crate::{
    hash::Hashes,
    similar::{CLOSE, Likeness, POSSIBLE, Part, Prints},
};
use fearless_simd::{Level, dispatch};

/// Hashes of a picture: each part, plain and mirrored.
const HASHES: usize = 2 * Part::ALL.len();
/// Bytes of one hash of each kind.
const WAVE: usize = 32;
const STEPS: usize = 64;
/// Width, height, which parts there are, and room.
const HEAD: usize = 16;

/// Bytes of [`Prints::to_bytes`].
pub const PRINT_BYTES: usize = HEAD + HASHES * (WAVE + STEPS);
/// Bytes of [`Prints::waves`].
pub const WAVE_BYTES: usize = HASHES * WAVE;

/// Beyond this distance of `dct-256` nothing is close or possible.
const WIDEST: u32 = {
    let (mut widest, mut n) = (CLOSE.0, 0);
    while n < POSSIBLE.len() {
        widest = if POSSIBLE[n].0 > widest { POSSIBLE[n].0 } else { widest };
        n += 1;
    }
    widest
};

impl Prints {
    /// Little-endian: width and height (4 bytes each), a bit for each part there is (2), six zero bytes; then for each
    /// part of [`Part::ALL`] plain and mirrored, `dct-256` and `gradient-512`; zeros for a part that is absent.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(PRINT_BYTES);
        out.extend(self.width.to_le_bytes());
        out.extend(self.height.to_le_bytes());
        let mut present = 0u16;
        for (n, part) in Part::ALL.iter().enumerate() {
            present |= u16::from(self.of_part(*part).is_some()) << n;
        }
        out.extend(present.to_le_bytes());
        out.resize(HEAD, 0);
        for part in Part::ALL {
            let none = Hashes { dct: [0; 4], gradient: [0; 8] };
            let [plain, turned] = self.of_part(part).unwrap_or([none, none]);
            for hashes in [plain, turned] {
                out.extend(hashes.dct.iter().chain(&hashes.gradient).flat_map(|word| word.to_le_bytes()));
            }
        }
        out
    }

    /// Reads what [`Prints::to_bytes`] wrote; `None` for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (head, rest) = bytes.split_at_checked(HEAD)?;
        let (width, head) = head.split_first_chunk::<4>()?;
        let (height, head) = head.split_first_chunk::<4>()?;
        let (present, _) = head.split_first_chunk::<2>()?;
        let present = u16::from_le_bytes(*present);
        let (hashes, []) = rest.as_chunks::<{ WAVE + STEPS }>() else { return None };
        let hashes: Vec<Hashes> = hashes.iter().map(read).collect();
        if hashes.len() != HASHES {
            return None;
        }
        let parts = Part::ALL.into_iter().zip(hashes.chunks_exact(2)).enumerate();
        let parts = parts.filter(|(n, _)| present >> n & 1 == 1).map(|(_, (part, h))| (part, h[0], h[1])).collect();
        let read = Self::from_parts(u32::from_le_bytes(*width), u32::from_le_bytes(*height), parts);
        (read.to_bytes() == bytes).then_some(read)
    }

    /// The column's share of this picture: `dct-256` of each part, plain and mirrored. An absent part has those of the
    /// whole, which changes nothing: the whole is sieved too.
    pub fn waves(&self) -> Vec<u8> {
        let whole = self.of_part(Part::Whole).unwrap_or([Hashes { dct: [0; 4], gradient: [0; 8] }; 2]);
        let parts = Part::ALL.into_iter().flat_map(|part| self.of_part(part).unwrap_or(whole));
        parts.flat_map(|hashes| hashes.dct).flat_map(u64::to_le_bytes).collect()
    }
}

fn read(bytes: &[u8; WAVE + STEPS]) -> Hashes {
    let mut words = bytes.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word));
    let mut next = || words.next().unwrap_or_default();
    Hashes { dct: std::array::from_fn(|_| next()), gradient: std::array::from_fn(|_| next()) }
}

/// A picture in question, ready to be held against columns of others.
#[derive(Clone, Debug)]
pub struct Sieve {
    prints: Prints,
    /// For each hash of a registered picture, in the column's order, those of this one that are held against it.
    against: [Vec<[u64; 4]>; HASHES],
}

impl Sieve {
    /// For one picture in question.
    pub fn new(prints: Prints) -> Self {
        let mut against: [Vec<[u64; 4]>; HASHES] = Default::default();
        for part in Part::ALL {
            let Some([hashes, _]) = prints.of_part(part) else { continue };
            for mirrored in [false, true] {
                for partner in part.partners(mirrored) {
                    let place = Part::ALL.iter().position(|p| p == partner).unwrap_or_default();
                    if let Some(place) = against.get_mut(2 * place + usize::from(mirrored)) {
                        place.push(hashes.dct);
                    }
                }
            }
        }
        Self { prints, against }
    }

    /// Places in a column ([`Prints::waves`], one after another) at which there may be something like this picture.
    pub fn pass(&self, column: &[u8]) -> Vec<usize> {
        let (registered, _) = column.as_chunks::<WAVE_BYTES>();
        // The same code, compiled for what this processor has: counting bits is all the work.
        dispatch!(Level::new(), _level => self.places(registered))
    }

    /// What [`Prints::like`] says of one that passed.
    pub fn like(&self, registered: &Prints) -> Option<Likeness> {
        self.prints.like(registered)
    }

    #[inline(always)]
    fn places(&self, registered: &[[u8; WAVE_BYTES]]) -> Vec<usize> {
        let near = registered.iter().enumerate().filter(|(_, waves)| self.least(waves) <= WIDEST);
        near.map(|(place, _)| place).collect()
    }

    /// The least distance of `dct-256` in any combination.
    #[inline(always)]
    fn least(&self, waves: &[u8; WAVE_BYTES]) -> u32 {
        let mut least = u32::MAX;
        for (bytes, against) in waves.as_chunks::<WAVE>().0.iter().zip(&self.against) {
            let words = bytes.as_chunks::<8>().0;
            for hash in against {
                let differ = words.iter().zip(hash).map(|(a, b)| (u64::from_le_bytes(*a) ^ b).count_ones()).sum();
                least = least.min(differ);
            }
        }
        least
    }
}
