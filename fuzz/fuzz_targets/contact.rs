//! A handshake: never a panic. A signature that holds is not found by chance.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(contact) = evidence::contact::Contact::parse(bytes) {
        contact.is_for_name();
    }
});
