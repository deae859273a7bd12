//! What an authority answered, BER or DER: what is taken in is the one wrapping of a DER token.
#![no_main]

use evidence::token;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(tsr) = token::normalize_response(bytes) {
        let inner = token::unwrap_tsr(&tsr).expect("what was normalised is wrapped");
        assert_eq!(token::wrap_tsr(&inner), tsr);
        assert_eq!(token::normalize_response(&tsr).as_ref(), Ok(&tsr), "normalising twice changes nothing");
    }
});
