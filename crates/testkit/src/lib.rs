//! What several rooms' tests need and no product code may use. Everything here starts itself, listens on loopback
//! alone, and ends with the test.
#![allow(clippy::unwrap_used, clippy::new_without_default)]

pub mod market;
pub mod ntp;
pub mod openid;
pub mod passkey;
pub mod provider;
pub mod random;
pub mod smtp;
pub mod tsa;
