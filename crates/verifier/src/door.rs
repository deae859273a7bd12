//! The door to JavaScript: exported names, numbers in and out, bytes through one tray.
//!
//! - `tray(length)` gives the place where the caller writes `length` bytes; the next call takes them.
//! - `verify()` and `is_certificate()` take the tray; `hash_update()` reads it, so that it can be filled again.
//! - What comes out lies at `result()`, `result_length()` bytes long, until the next call; `release()` gives memory back.
//!
//! No pointer is ever followed here: the tray is a vector of this side's, and only its address goes out. So the one thing
//! that counts as unsafe is that a name is exported or imported.
#![allow(unsafe_code)]

use crate::{Reader, answer, digests_json, is_certificate};
use evidence::digest::Hasher;
use std::cell::RefCell;

#[derive(Default)]
struct State {
    tray: Vec<u8>,
    result: Vec<u8>,
    hasher: Hasher,
}

// WebAssembly has one thread here.
thread_local! { static STATE: RefCell<State> = RefCell::default(); }

fn with<T>(act: impl FnOnce(&mut State) -> T) -> T {
    STATE.with_borrow_mut(act)
}

#[link(wasm_import_module = "page")]
unsafe extern "C" {
    /// Reads `length` bytes of the original of this place, from `at` on, to `address`; how many, negative where it cannot.
    safe fn read_at(place: u32, at: f64, address: *mut u8, length: u32) -> i32;
}

/// Room for `length` bytes, zeroed; where.
#[unsafe(no_mangle)]
extern "C" fn tray(length: u32) -> *mut u8 {
    with(|state| {
        state.tray.resize(length as usize, 0);
        state.tray.as_mut_ptr()
    })
}

/// Takes the request in the tray. The result: `u32` little-endian length of the verdict, the verdict, what is shown.
#[unsafe(no_mangle)]
extern "C" fn verify() {
    let request = with(|state| std::mem::take(&mut state.tray));
    let answer = answer(&request, |place, size| {
        Reader::new(size, move |at, buffer| {
            // Places and lengths of files are far below 2^53.
            let read = read_at(place as u32, at as f64, buffer.as_mut_ptr(), buffer.len() as u32);
            usize::try_from(read).ok()
        })
    });
    let length = (answer.verdict.len() as u32).to_le_bytes();
    let result = [&length, answer.verdict.as_bytes(), answer.shown.as_bytes()].concat();
    with(|state| state.result = result);
}

/// Whether the PDF in the tray is a certificate, by its form: 1 or 0.
#[unsafe(no_mangle)]
extern "C" fn certificate() -> u32 {
    let pdf = with(|state| std::mem::take(&mut state.tray));
    u32::from(is_certificate(&pdf))
}

/// Begins a file.
#[unsafe(no_mangle)]
extern "C" fn hash_begin() {
    with(|state| state.hasher = Hasher::default());
}

/// The first `length` bytes in the tray are its next piece.
#[unsafe(no_mangle)]
extern "C" fn hash_update(length: u32) {
    with(|state| {
        let length = state.tray.len().min(length as usize);
        state.hasher.update(&state.tray[..length]);
    });
}

/// Ends it: the result is `{"sha256","sm3","size"}`.
#[unsafe(no_mangle)]
extern "C" fn hash_finish() {
    with(|state| {
        let digests = std::mem::take(&mut state.hasher).finish();
        state.result = digests_json(&digests).into_bytes();
    });
}

/// Where the result lies.
#[unsafe(no_mangle)]
extern "C" fn result() -> *const u8 {
    with(|state| state.result.as_ptr())
}

/// How long it is, bytes.
#[unsafe(no_mangle)]
extern "C" fn result_length() -> u32 {
    with(|state| state.result.len() as u32)
}

/// Gives tray and result back.
#[unsafe(no_mangle)]
extern "C" fn release() {
    with(|state| *state = State::default());
}
