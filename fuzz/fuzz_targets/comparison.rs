//! A comparison's document: what is read is what would be written.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(document) = evidence::comparison::Comparison::parse(bytes) {
        assert_eq!(document.to_bytes().as_deref(), Ok(bytes));
        assert!(!document.refs().is_empty() && document.refs().len() <= evidence::comparison::MAX_REFS);
    }
});
