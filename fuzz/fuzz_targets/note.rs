//! What reads as a signed note is written back byte for byte; its text as a checkpoint too.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(note) = evidence::note::Note::parse(bytes) {
        assert_eq!(note.to_bytes(), bytes);
        if let Ok(checkpoint) = evidence::checkpoint::Checkpoint::parse(&note.text) {
            assert_eq!(checkpoint.to_text(), note.text);
        }
    }
});
