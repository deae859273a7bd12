//! No token panics, parsed or checked.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = evidence::token::normalize_response(bytes);
    if let Ok(token) = evidence::token::Token::parse_tsr(bytes) {
        let _ = token.check_signature();
        let _ = token.check_path(&[]);
    }
});
