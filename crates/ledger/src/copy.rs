//! A ledger's files as they were at one head, taken beside its writer.
//!
//! Rules: only what no longer changes is read: whole groups of the segment, the tree of that head, what was sealed up
//! to it. A tile that has grown since begins with the one that is wanted. Nothing is locked; the caller makes the copy
//! durable.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::Path,
};

use crate::{
    Error, Head, Result, reader,
    sealed::Folder,
    segment::{Cursor, Segment},
    tiles::{Kind, WIDTH},
};

/// Copies the ledger of `dir` into `to`: the tree of `head`, and of the segment as many whole groups as hold the first
/// `leaves` entries, which may be more than are signed.
pub fn copy(dir: &Path, head: &Head, leaves: u64, to: &Path) -> Result<()> {
    let segment = dir.join("segment");
    let file = Segment::read_only(&segment)?;
    let mut end = Cursor { size: head.size, position: head.segment_position };
    while end.size < leaves {
        end = file.read_group(end)?.map(|group| group.end).ok_or_else(|| {
            let (found, expected) = (format!("the end after entry {}", end.size), format!("{leaves} entries"));
            Error::Segment { path: segment.clone(), what: "acknowledged groups", found, expected }
        })?;
    }
    let target = to.join("segment");
    let copied = File::open(&segment).and_then(|from| {
        io::copy(&mut from.take(end.position), &mut File::create(&target)?).map(|n| n == end.position)
    });
    if !copied.map_err(|e| Error::io("copy", &target, e))? {
        return Err(Error::damaged(&segment, "an early end", format!("{} bytes", end.position)));
    }

    let (from, target) = (reader::tree(dir), reader::tree(to));
    for kind in Kind::all(head.size) {
        let count = kind.count(head.size);
        for n in 0..count.div_ceil(WIDTH) {
            let width = WIDTH.min(count - n * WIDTH);
            let bytes = match kind {
                Kind::Hashes(level) => from.hashes(level, n, width)?.concat(),
                Kind::Entries => from.entries_of(n, width)?,
            };
            put(&target.path(kind, n, width), &bytes)?;
        }
    }
    put(&target.checkpoint_path(), &head.checkpoint)?;

    let (from, to) = (Folder::open(dir.join("sealed"))?, Folder::open(to.join("sealed"))?);
    for stem in from.stems().into_iter().filter(|stem| stem.size <= head.size) {
        let sealed = from.read(stem)?;
        for (n, token) in sealed.tokens.iter().enumerate() {
            put(&to.token_path(stem, n), token)?;
        }
        if from.open_path(stem).exists() {
            put(&to.open_path(stem), b"")?;
        }
        put(&to.note_path(stem), &sealed.note)?;
    }
    if let Ok(since) = fs::read(from.since_path()) {
        put(&to.since_path(), &since)?;
    }
    Ok(())
}

fn put(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).and_then(|()| fs::write(path, bytes)).map_err(|e| Error::io("write", path, e))
}
