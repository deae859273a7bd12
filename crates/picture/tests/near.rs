//! Prints as bytes, and that the sieve loses nothing.
#![allow(clippy::unwrap_used, missing_docs)]

mod variants;

use picture::{Error, Limits, PRINT_BYTES, Prints, Sieve, WAVE_BYTES, look, prints};
use proptest::prelude::*;
use std::{io::Cursor, sync::LazyLock};
use variants::{copies, png, product};

fn looked(bytes: &[u8]) -> Prints {
    prints(bytes.to_vec(), &Limits::default()).unwrap()
}

/// Products, and every copy of three of them: some near to each other, most not.
static SHOP: LazyLock<Vec<Prints>> = LazyLock::new(|| {
    let mut shop: Vec<Prints> = (0..24).map(|seed| looked(&png(&product(seed)))).collect();
    for seed in 0..3 {
        shop.extend(copies(&product(seed)).iter().map(|(_, bytes)| looked(bytes)));
    }
    shop
});

#[test]
fn what_passes_the_sieve_is_what_is_alike_and_nothing_alike_is_lost() {
    let column: Vec<u8> = SHOP.iter().flat_map(Prints::waves).collect();
    assert_eq!(column.len(), SHOP.len() * WAVE_BYTES);
    let mut alike = 0;
    for one in SHOP.iter() {
        let sieve = Sieve::new(one.clone());
        let passed = sieve.pass(&column);
        for (place, other) in SHOP.iter().enumerate() {
            let like = one.like(other);
            assert!(like.is_none() || passed.contains(&place), "{place}: {like:?}");
            assert_eq!(like, sieve.like(other));
            alike += usize::from(like.is_some());
            // The sieve is not coarser than its one condition.
            let near = one.combinations(other).any(|l| l.dct <= 72);
            assert_eq!(near, passed.contains(&place), "{place}");
        }
    }
    assert!(alike > SHOP.len(), "copies are among them");
}

#[test]
fn one_decode_answers_both_questions() {
    let bytes = png(&product(5));
    let both = look(Cursor::new(bytes.clone()), "image/png", &Limits::default()).unwrap();
    assert_eq!((both.width, both.height, both.prints), (800, 800, Ok(looked(&bytes))));
    let plain = png(&image::RgbImage::from_pixel(300, 20, image::Rgb([1, 2, 3])).into());
    let small = look(Cursor::new(plain), "image/png", &Limits::default()).unwrap();
    assert_eq!(small.prints, Err(Error::Small { width: 300, height: 20 }));
    let cut = &bytes[..bytes.len() / 2];
    assert!(look(Cursor::new(cut.to_vec()), "image/png", &Limits::default()).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn prints_are_their_bytes(
        n: prop::sample::Index, at: prop::sample::Index, bit in 0u8..8, cut in 0..PRINT_BYTES,
    ) {
        let prints = n.get(&SHOP);
        let mut bytes = prints.to_bytes();
        prop_assert_eq!(bytes.len(), PRINT_BYTES);
        prop_assert_eq!(&Prints::from_bytes(&bytes).unwrap(), prints);
        prop_assert_eq!(Prints::from_bytes(&bytes[..cut]), None);
        *at.get_mut(&mut bytes) ^= 1 << bit;
        let changed = Prints::from_bytes(&bytes);
        prop_assert!(changed.is_none_or(|c| c.to_bytes() == bytes && c != *prints));
    }

    #[test]
    fn no_column_panics(column: Vec<u8>, bytes in proptest::collection::vec(any::<u8>(), PRINT_BYTES)) {
        let passed = Sieve::new(SHOP[0].clone()).pass(&column);
        prop_assert!(passed.iter().all(|place| *place < column.len() / WAVE_BYTES));
        drop(Prints::from_bytes(&bytes));
    }
}
