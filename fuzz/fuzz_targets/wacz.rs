//! A capture's file: never a panic, and what is read has all its payloads.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut source = archive::wacz::in_memory(bytes);
    if let Ok(read) = archive::wacz::read(&mut source) {
        for entry in &read.entries {
            read.payload(&mut source, entry, 1 << 20).ok();
        }
    }
});
