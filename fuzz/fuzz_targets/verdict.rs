//! Bytes that call themselves a package or a certificate, judged: no panic, and never verified without a reader's trust.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let (trust, now) = (verify::Trust::default(), evidence::time::Utc(1_795_489_500_000_000));
    assert_ne!(verify::check_package(bytes, &trust, &[], now).code(), 0);
    assert_ne!(verify::check_certificate(bytes, &trust, &[], now).code(), 0);
});
