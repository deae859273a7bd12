//! quezao
fn main() {}
