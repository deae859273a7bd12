//! A collection's list and its items: what is read is what would be written.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(manifest) = evidence::collection::Manifest::parse(bytes) {
        assert_eq!(manifest.to_bytes().as_deref(), Ok(bytes));
        assert!((1..=evidence::collection::MAX_LINES).contains(&manifest.lines().len()));
    }
    if let Ok(items) = archive::items::read(bytes) {
        assert_eq!(archive::items::write(&items).as_deref(), Ok(bytes));
    }
});
