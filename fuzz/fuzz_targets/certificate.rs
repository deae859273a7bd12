//! No certificate PDF and no signature in one panics.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(read) = archive::pdf::read(bytes) {
        for signed in [&read.signature, &read.timestamp].into_iter().flatten() {
            let _ = signed.covered(bytes);
        }
    }
    if let Ok(signature) = evidence::document::DocumentSignature::parse(bytes) {
        let _ = signature.check(b"");
        let _ = signature.check_path(&[], &[]);
    }
});
