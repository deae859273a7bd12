#![allow(clippy::unwrap_used)]
use super::*;
use proptest::prelude::*;

proptest! {
    #[test]
    fn no_bytes_make_the_readers_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Token::parse_tsr(&bytes);
        let _ = normalize_response(&bytes);
        let _ = Root::from_pem(&bytes);
    }
}
