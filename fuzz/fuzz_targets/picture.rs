//! Any bytes are a picture or none, and a thumbnail is a small JPEG.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let limits = picture::Limits { pixels: 1 << 20, memory: 64 << 20, ..picture::Limits::default() };
    if let Ok(jpeg) = picture::thumbnail(bytes.to_vec(), &limits) {
        assert!(jpeg.starts_with(&[0xff, 0xd8, 0xff]) && jpeg.len() <= picture::THUMBNAIL_BYTES);
    }
});
