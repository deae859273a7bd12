//! Bytes that call themselves a package, judged: no panic, and never verified without a reader's trust.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let verdict =
        verify::check_package(bytes, &verify::Trust::default(), &[], evidence::time::Utc(1_795_489_500_000_000));
    assert_ne!(verdict.code(), 0);
});
