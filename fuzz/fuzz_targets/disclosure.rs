//! What reads as a set of disclosures is written back byte for byte.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(read) = evidence::disclosure::parse_set(bytes) {
        assert_eq!(evidence::disclosure::set_to_bytes(&read).as_deref(), Ok(bytes));
    }
});
