//! A key in its one spelling on the first line, a signed note after it: nothing panics, a key is written back as it was read.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Some((key, note)) = text.split_once('\n') else { return };
    let Ok(key_read) = evidence::note::VerifierKey::parse(key) else { return };
    assert_eq!(key_read.to_string(), key);
    if let Ok(note) = evidence::note::Note::parse(note.as_bytes()) {
        let _ = evidence::cosignature::verify(&note, &key_read);
        let _ = note.verify_log(&key_read);
    }
});
