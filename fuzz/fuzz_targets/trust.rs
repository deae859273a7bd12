//! No file of a trust folder panics: the first byte says which one.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    let name = ["roles.json", "policy", "tsa-x.pem", "signer-x.pem", "web-x.pem"][usize::from(*kind) % 5];
    let _ = verify::Trust::from_files([(name.to_owned(), bytes.to_vec())]);
});
