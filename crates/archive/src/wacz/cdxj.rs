//! (arrives next)
