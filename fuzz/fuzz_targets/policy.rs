//! No policy panics.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = evidence::policy::Policy::parse(bytes);
});
