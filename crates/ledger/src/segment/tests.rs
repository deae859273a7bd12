#![allow(clippy::unwrap_used)]
use std::fs;

use super::*;

fn payload(leaves: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    leaves.iter().for_each(|leaf| push_leaf(&mut out, leaf).unwrap());
    out
}

/// Three groups of one, two and one leaves; the cursors between them.
fn written(path: &Path) -> [Cursor; 4] {
    let segment = Segment::open(path).unwrap();
    let a = segment.write_group(Cursor::START, 1, &payload(&[b"one"])).unwrap();
    let b = segment.write_group(a, 2, &payload(&[b"two", b"three"])).unwrap();
    let c = segment.write_group(b, 1, &payload(&[b"four"])).unwrap();
    segment.sync().unwrap();
    [Cursor::START, a, b, c]
}

#[test]
fn groups_come_back_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("segment");
    let [start, a, _, end] = written(&path);
    let segment = Segment::open(&path).unwrap();
    assert_eq!(segment.scan(start).unwrap(), (end, 0));
    let group = segment.read_group(a).unwrap().unwrap();
    assert_eq!(group.leaves().collect::<Vec<_>>(), [&b"two"[..], b"three"]);
    assert!(segment.read_group(end).unwrap().is_none());
}

#[test]
fn a_last_group_torn_at_any_byte_is_cut_and_nothing_before_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("segment");
    let [start, _, last, end] = written(&path);
    let whole = fs::read(&path).unwrap();
    for length in last.position..end.position {
        // Cut short, or with the length of the whole and pages that never arrived.
        let mut zeroed = whole.clone();
        zeroed[length as usize..].fill(0);
        for torn in [&whole[..length as usize], &zeroed] {
            fs::write(&path, torn).unwrap();
            let segment = Segment::open(&path).unwrap();
            let (found, cut) = segment.scan(start).unwrap();
            assert_eq!((found, cut), (last, torn.len() as u64 - last.position));
            segment.cut(found).unwrap();
            assert_eq!(segment.length().unwrap(), last.position);
        }
    }
}

#[test]
fn a_damaged_group_before_a_whole_one_is_refused_at_any_byte() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("segment");
    let [start, first, second, _] = written(&path);
    let whole = fs::read(&path).unwrap();
    for at in first.position..second.position {
        let mut bent = whole.clone();
        bent[at as usize] ^= 1;
        fs::write(&path, bent).unwrap();
        let refused = Segment::open(&path).unwrap().scan(start);
        assert!(matches!(refused, Err(Error::Segment { .. })), "byte {at}");
    }
}

#[test]
fn a_shorter_segment_than_was_signed_is_refused_naming_both() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("segment");
    let [.., end] = written(&path);
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(end.position - 1).unwrap();
    let refused = Segment::open(&path).unwrap().scan(end).map(|_| ()).unwrap_err().to_string();
    assert!(refused.contains(&format!("found {}", end.position - 1)), "{refused}");
    assert!(refused.contains(&format!("expected {} for its 4", end.position)), "{refused}");
}

#[test]
fn a_second_writer_and_a_foreign_file_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("segment");
    let first = Segment::open(&path).unwrap();
    assert!(matches!(Segment::open(&path), Err(Error::Locked(_))));
    drop(first);
    fs::write(&path, b"something else entirely").unwrap();
    assert!(matches!(Segment::open(&path), Err(Error::Segment { .. })));
}

#[test]
fn leaves_that_no_bundle_holds_are_refused() {
    let mut out = Vec::new();
    assert!(matches!(push_leaf(&mut out, b""), Err(Error::LeafLength { found: 0, .. })));
    assert!(matches!(push_leaf(&mut out, &vec![1; MAX_LEAF + 1]), Err(Error::LeafLength { .. })));
    push_leaf(&mut out, &vec![1; MAX_LEAF]).unwrap();
    assert_eq!(split_leaf(&out).unwrap().0.len(), MAX_LEAF);
}

proptest::proptest! {
    #[test]
    fn a_hostile_file_never_panics(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("segment");
        fs::write(&path, [&FILE_HEADER[..], MAGIC, &bytes].concat()).unwrap();
        let segment = Segment::open(&path).unwrap();
        let _ = segment.scan(Cursor::START);
    }
}
