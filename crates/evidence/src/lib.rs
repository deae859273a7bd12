//! What a court must trust, in one crate that one person can read.
//!
//! Bytes in, findings out: no clock, no network, no files, no randomness. Clocks, keys and trust
//! are arguments. Every parser refuses what it would not itself have written.
//!
//! Read in this order, which is the order of the data:
//! [`digest`] → [`statement`] (with [`disclosure`]) → [`token`] → [`record`] → [`merkle`] →
//! [`checkpoint`] (a signed [`note`]) → [`cosignature`] and [`policy`] → [`proof`]; [`contact`] for captures,
//! [`comparison`] for what was held against them, [`collection`] for many records under one, [`earlier`] for a ledger that
//! goes on after another.

pub mod attestation;
pub mod checkpoint;
pub mod collection;
pub mod comparison;
pub mod contact;
pub mod cosignature;
pub mod digest;
pub mod disclosure;
pub mod document;
pub mod earlier;
mod error;
pub mod hex;
pub mod json;
pub mod merkle;
pub mod note;
pub mod policy;
pub mod proof;
pub mod record;
pub mod statement;
pub mod time;
pub mod token;

pub use error::{Error, Result};
