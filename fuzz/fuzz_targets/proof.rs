//! What reads as a tlog-proof is written back byte for byte.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(read) = evidence::proof::TlogProof::parse(bytes) {
        assert_eq!(read.to_bytes(), bytes);
    }
});
