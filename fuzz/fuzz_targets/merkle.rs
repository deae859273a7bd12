//! Two sizes and a proof: nothing panics; what proves a leaf does so under one root only.
#![no_main]

use evidence::merkle;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((numbers, rest)) = bytes.split_first_chunk::<16>() else { return };
    let [a, b] = [0, 8].map(|at| u64::from_be_bytes(numbers[at..at + 8].try_into().unwrap_or_default()));
    let hashes: Vec<merkle::Hash> = rest.chunks_exact(32).map(|c| c.try_into().unwrap_or_default()).collect();
    let Some((first, proof)) = hashes.split_first() else { return };
    let (second, proof) = proof.split_first().unwrap_or((first, proof));
    let included = merkle::verify_inclusion(first, a, b, proof, second);
    assert!(included.is_err() || merkle::verify_inclusion(first, a, b, proof, &[0; 32]).is_err() || *second == [0; 32]);
    let _ = merkle::verify_consistency(a, first, b, second, proof);
});
