//! What two hashes find, and what they do not take for the same. Figures: spec/comparison.md, "Measured".
#![allow(clippy::unwrap_used, missing_docs)]

mod variants;

use picture::{Error, Limits, Part, Prints, prints};
use proptest::prelude::*;
use variants::{copies, jpeg, png, product};

fn looked(bytes: &[u8]) -> Prints {
    prints(bytes.to_vec(), &Limits::default()).unwrap()
}

/// Copies of a drawn product: those that both hashes must find. The rest is told in the specification.
#[test]
fn ordinary_copies_are_near_by_both() {
    for seed in 0..3 {
        let original = product(seed);
        let registered = looked(&png(&original));
        for (name, bytes) in copies(&original) {
            let ordinary =
                ["recompressed", "as PNG", "resized", "stretched", "blurred", "mirrored", "grey", "strip of 12"];
            if ordinary.iter().any(|o| name.starts_with(o)) && !name.contains("cut") {
                let found = looked(&bytes).like(&registered);
                let found = found.unwrap_or_else(|| panic!("product {seed}, {name}: nothing"));
                assert!(found.is_close(), "{seed} {name} {found:?}");
                assert_eq!(found.mirrored, name == "mirrored", "{seed} {name} {found:?}");
            }
        }
    }
}

#[test]
fn different_products_are_not_near() {
    let all: Vec<Prints> = (0..30).map(|n| looked(&jpeg(&product(n), 85))).collect();
    for (n, one) in all.iter().enumerate() {
        for (m, other) in all.iter().enumerate().skip(n + 1) {
            let found = one.like(other).filter(picture::Likeness::is_close);
            assert_eq!(found, None, "{n} {m}");
        }
    }
}

#[test]
fn what_cannot_be_told_apart_is_not_compared() {
    let refused = |picture: image::RgbImage| prints(png(&picture.into()), &Limits::default()).unwrap_err();
    let plain = image::RgbImage::from_pixel(300, 200, image::Rgb([240, 240, 240]));
    assert_eq!(refused(plain), Error::Flat { width: 300, height: 200 });
    assert_eq!(refused(image::RgbImage::new(31, 200)), Error::Small { width: 31, height: 200 });
    assert_eq!(prints(b"<svg/>".to_vec(), &Limits::default()), Err(Error::Format));
    let cut = jpeg(&product(1), 80);
    assert!(matches!(prints(cut[..cut.len() / 2].to_vec(), &Limits::default()), Err(Error::Decoder(_))));
    let narrow = Limits { pixels: 1_000, ..Limits::default() };
    assert!(matches!(prints(png(&product(1)), &narrow), Err(Error::Pixels { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn the_same_picture_is_the_same_and_distances_go_both_ways(seed in 0u32..1000, other in 0u32..1000) {
        let (one, two) = (looked(&png(&product(seed))), looked(&png(&product(other))));
        let same = one.like(&one).unwrap();
        prop_assert_eq!((same.page, same.registered, same.mirrored), (Part::Whole, Part::Whole, false));
        prop_assert_eq!((same.dct, same.gradient), (0, 0));
        let whole = |a: &Prints, b: &Prints| {
            let found = a.combinations(b).next().unwrap();
            assert_eq!((found.page, found.registered, found.mirrored), (Part::Whole, Part::Whole, false));
            (found.dct, found.gradient)
        };
        prop_assert_eq!(whole(&one, &two), whole(&two, &one));
    }

    #[test]
    fn a_scaled_copy_of_whole_multiples_has_the_same_hashes(seed in 0u32..1000) {
        // Each pixel twice across and thrice down: the same means, so the same plane, bit for bit.
        let picture = product(seed).to_rgb8();
        let scaled = image::RgbImage::from_fn(1600, 2400, |x, y| *picture.get_pixel(x / 2, y / 3));
        let (a, b) = (looked(&png(&picture.into())), looked(&png(&scaled.into())));
        let found = a.combinations(&b).next().unwrap();
        prop_assert_eq!((found.dct, found.gradient), (0, 0));
    }

    #[test]
    fn nothing_panics(bytes: Vec<u8>) {
        drop(prints(bytes, &Limits::default()));
    }
}
