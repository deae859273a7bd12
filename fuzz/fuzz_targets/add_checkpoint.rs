//! What reads as a witness request is written back byte for byte. The parser is pure, so it is taken without its crate.
#![no_main]

#[allow(dead_code)]
#[path = "../../crates/node/src/request.rs"]
mod request;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(read) = request::Request::parse(bytes) {
        assert_eq!(read.to_bytes(), bytes);
    }
});
