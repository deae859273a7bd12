//! RFC 6962, section 2.1: Merkle tree hashing, inclusion and consistency proofs.
use crate::Result;
/// A SHA-256 node.
pub type Hash = [u8; 32];
/// `SHA-256(0x00 ‖ leaf)`.
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    let _ = leaf;
    todo!()
}
/// `SHA-256(0x01 ‖ left ‖ right)`.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let _ = (left, right);
    todo!()
}
/// Root of the empty tree: SHA-256 of nothing.
pub fn empty_root() -> Hash {
    todo!()
}
/// Checks that `leaf` (a leaf hash) stands at `index` of the tree of `size` leaves with `root`.
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, proof: &[Hash], root: &Hash) -> Result<()> {
    let _ = (leaf, index, size, proof, root);
    todo!()
}
/// Checks that the tree of `new_size` extends the one of `old_size`.
pub fn verify_consistency(
    old_size: u64,
    old_root: &Hash,
    new_size: u64,
    new_root: &Hash,
    proof: &[Hash],
) -> Result<()> {
    let _ = (old_size, old_root, new_size, new_root, proof);
    todo!()
}
/// Reads the hash of the perfect subtree of `2^level` leaves numbered `index` at that level.
pub type ReadNode<'a, E> = dyn FnMut(u8, u64) -> std::result::Result<Hash, E> + 'a;
/// Root of the first `size` leaves.
pub fn root<E>(size: u64, read: &mut ReadNode<'_, E>) -> std::result::Result<Hash, E> {
    let _ = (size, read);
    todo!()
}
/// Inclusion proof of leaf `index` in the tree of `size`, leaf's sibling first. `index < size` is the caller's promise.
pub fn inclusion_proof<E>(index: u64, size: u64, read: &mut ReadNode<'_, E>) -> std::result::Result<Vec<Hash>, E> {
    let _ = (index, size, read);
    todo!()
}
/// Consistency proof between the trees of `old` and `new` leaves; `0 < old <= new`.
pub fn consistency_proof<E>(old: u64, new: u64, read: &mut ReadNode<'_, E>) -> std::result::Result<Vec<Hash>, E> {
    let _ = (old, new, read);
    todo!()
}
