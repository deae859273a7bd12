//! What reads as a record is written back byte for byte.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(read) = evidence::record::Record::parse(bytes) {
        assert_eq!(read.to_bytes().as_deref(), Ok(bytes));
    }
});
