//! Two hashes of a part of a plane: `dct-256` and `gradient-512` (spec/comparison.md). Whole numbers only.

use crate::plane::{Plane, SIDE, across, means};

/// Least step between two cells that `gradient-512` takes for one.
const STEP: u16 = 64;
/// Least detail of a picture that can be told from others.
pub(crate) const FLAT: u64 = 128;

/// A rectangle of the plane: columns `x.0..x.1` of rows `y.0..y.1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rectangle {
    pub(crate) x: (usize, usize),
    pub(crate) y: (usize, usize),
}

impl Rectangle {
    pub(crate) const WHOLE: Self = Self { x: (0, SIDE), y: (0, SIDE) };
}

/// Both hashes of one part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hashes {
    /// `dct-256`, bit 0 the lowest of the first word.
    pub dct: [u64; 4],
    /// `gradient-512`.
    pub gradient: [u64; 8],
}

impl Hashes {
    /// Of the part, and of the part mirrored: its cells are the same, each row from the other end.
    pub(crate) fn of(plane: &Plane, part: Rectangle) -> [Self; 2] {
        let (waves, steps) = (grid(plane, part, 64), grid(plane, part, 17));
        let turned = |g: &[u16], n: usize| g.chunks(n).flat_map(|row| row.iter().rev().copied()).collect::<Vec<_>>();
        [
            Self { dct: dct(&waves), gradient: gradient(&steps) },
            Self { dct: dct(&turned(&waves, 64)), gradient: gradient(&turned(&steps, 17)) },
        ]
    }

    /// Bits that differ: of `dct-256`, of `gradient-512`.
    pub fn distances(&self, other: &Self) -> (u32, u32) {
        let differ = |a: &[u64], b: &[u64]| a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones()).sum();
        (differ(&self.dct, &other.dct), differ(&self.gradient, &other.gradient))
    }
}

/// How much there is in a picture: the mean step between neighbours of a 17 × 17 grid.
pub(crate) fn detail(plane: &Plane) -> u64 {
    let g = grid(plane, Rectangle::WHOLE, 17);
    let steps = (0..16).flat_map(|j| (0..16).map(move |i| (j, i)));
    let sum: u64 = steps
        .map(|(j, i)| {
            let (here, right, below) = (at(&g, 17, j, i), at(&g, 17, j, i + 1), at(&g, 17, j + 1, i));
            u64::from(here.abs_diff(right)) + u64::from(here.abs_diff(below))
        })
        .sum();
    sum / 512
}

fn grid(plane: &Plane, part: Rectangle, n: usize) -> Vec<u16> {
    let (width, height) = (part.x.1 - part.x.0, part.y.1 - part.y.0);
    means(width, height, n, |y, sums| {
        across(plane.row(part.y.0 + y, part.x.0, part.x.1).iter().copied(), width, sums);
    })
}

fn at(grid: &[u16], n: usize, j: usize, i: usize) -> u16 {
    grid.get(j * n + i).copied().unwrap_or_default()
}

fn gradient(g: &[u16]) -> [u64; 8] {
    let bits = (0..512).map(|bit| {
        let (j, i) = (bit % 256 / 16, bit % 16);
        let next = if bit < 256 { at(g, 17, j, i + 1) } else { at(g, 17, j + 1, i) };
        u32::from(at(g, 17, j, i)) + u32::from(STEP) < u32::from(next)
    });
    packed(bits)
}

fn dct(g: &[u16]) -> [u64; 4] {
    // Across first: rows of the grid against the 16 lowest waves, the constant apart; then down.
    let mut across = [[0i64; 16]; 64];
    for (row, values) in across.iter_mut().zip(g.chunks(64)) {
        for (l, sum) in (1..).zip(row.iter_mut()) {
            *sum = (0..).zip(values).map(|(n, value)| i64::from(*value) * wave(l, n)).sum();
        }
    }
    let mut coefficients = [0i64; 256];
    for (place, sum) in coefficients.iter_mut().enumerate() {
        let (k, l) = (place / 16 + 1, place % 16);
        *sum = (0..).zip(&across).map(|(n, row)| row[l] * wave(k, n)).sum();
    }
    let mut sorted = coefficients;
    sorted.sort_unstable();
    let median = sorted[127];
    packed(coefficients.into_iter().map(|c| c > median))
}

fn packed<const N: usize>(bits: impl Iterator<Item = bool>) -> [u64; N] {
    let mut words = [0; N];
    for (n, bit) in bits.enumerate() {
        if let Some(word) = words.get_mut(n / 64) {
            *word |= u64::from(bit) << (n % 64);
        }
    }
    words
}

/// 16,384 · cos(π · k · (2n + 1) / 128), rounded.
fn wave(k: usize, n: usize) -> i64 {
    let m = k * (2 * n + 1) % 256;
    let m = if m > 128 { 256 - m } else { m };
    if m > 64 { -COSINES[128 - m] } else { COSINES[m] }
}

/// 16,384 · cos(π · m / 128), rounded, for m from 0 to 64.
#[rustfmt::skip]
const COSINES: [i64; 65] = [
    16_384, 16_379, 16_364, 16_340, 16_305, 16_261, 16_207, 16_143, 16_069, 15_986, 15_893, 15_791, 15_679,
    15_557, 15_426, 15_286, 15_137, 14_978, 14_811, 14_635, 14_449, 14_256, 14_053, 13_842, 13_623, 13_395,
    13_160, 12_916, 12_665, 12_406, 12_140, 11_866, 11_585, 11_297, 11_003, 10_702, 10_394, 10_080, 9_760,
    9_434, 9_102, 8_765, 8_423, 8_076, 7_723, 7_366, 7_005, 6_639, 6_270, 5_897, 5_520, 5_139, 4_756, 4_370,
    3_981, 3_590, 3_196, 2_801, 2_404, 2_006, 1_606, 1_205, 804, 402, 0,
];

#[cfg(test)]
mod tests {
    use super::*;
    use image::{DynamicImage, Rgb, RgbImage};

    #[test]
    fn the_table_is_the_rounded_cosine() {
        for (m, value) in COSINES.iter().enumerate() {
            let exact = 16_384.0 * (std::f64::consts::PI * m as f64 / 128.0).cos();
            assert_eq!(*value, exact.round() as i64, "{m}");
        }
        for (k, n) in [(1, 0), (5, 9), (16, 63), (7, 40)] {
            let exact = 16_384.0 * (std::f64::consts::PI * (k * (2 * n + 1)) as f64 / 128.0).cos();
            assert!((wave(k, n) as f64 - exact).abs() <= 0.5, "{k} {n}");
        }
    }

    #[test]
    fn half_of_the_waves_are_above_their_median() {
        let picture = RgbImage::from_fn(300, 200, |x, y| Rgb([(x * x / 90) as u8, (y * 3 / 2) as u8, (x ^ y) as u8]));
        let plane = Plane::new(&DynamicImage::ImageRgb8(picture));
        let [hashes, mirrored] = Hashes::of(&plane, Rectangle::WHOLE);
        assert_eq!(hashes.dct.iter().map(|w| w.count_ones()).sum::<u32>(), 128);
        let (dct, gradient) = hashes.distances(&mirrored);
        assert!(dct > 80 && gradient > 60, "{dct} {gradient}");
    }

    #[test]
    fn a_mirrored_part_is_the_part_of_the_mirrored_picture() {
        let picture =
            RgbImage::from_fn(256, 256, |x, y| Rgb([(x * y / 256) as u8, (x * 7 % 251) as u8, (y ^ x) as u8]));
        let picture = DynamicImage::ImageRgb8(picture);
        let (plane, mirror) = (Plane::new(&picture), Plane::new(&picture.fliph()));
        let (left, right) = (Rectangle { x: (32, 256), y: (0, 256) }, Rectangle { x: (0, 224), y: (0, 256) });
        assert_eq!(Hashes::of(&plane, left)[1], Hashes::of(&mirror, right)[0]);
    }

    #[test]
    fn one_colour_has_no_detail() {
        let plain = Plane::new(&DynamicImage::ImageRgb8(RgbImage::from_pixel(64, 64, Rgb([200, 10, 10]))));
        assert_eq!(detail(&plain), 0);
    }
}
