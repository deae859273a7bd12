//! What reads as a package is written back byte for byte.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = archive::package::read(bytes);
});
