//! Any bytes carry a preview or none, and one that is found lies in them; prints are read back as they stand.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Some(found) = picture::preview(bytes) {
        let (file, jpeg) = (bytes.as_ptr_range(), found.jpeg.as_ptr_range());
        assert!(file.start <= jpeg.start && jpeg.end <= file.end && found.pixels > 0);
    }
    if let Some(prints) = picture::Prints::from_bytes(bytes) {
        assert_eq!(prints.to_bytes(), bytes);
    }
});
