//! The static tree (C2SP tlog-tiles), reading side: hashes, entries, proofs.
//!
//! Rules: every answer is for a tree that was published; a tile that a growing tree has replaced by a
//! wider one is found there, so reading works beside the writer. Lengths are bounded before memory is taken.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use evidence::merkle::{self, Hash};

use crate::{Error, Result, files, segment};

/// Hashes in a full tile, entries in a full bundle.
pub const WIDTH: u64 = 256;
/// Levels of the tree that one tile spans.
pub const HEIGHT: u8 = 8;

const MAX_BUNDLE: u64 = WIDTH * (segment::MAX_LEAF as u64 + 2);

/// What a file under `tile/` holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Hashes of this tile level.
    Hashes(u8),
    /// Entries.
    Entries,
}

impl Kind {
    /// How many hashes or entries of this kind a tree has.
    pub fn count(self, size: u64) -> u64 {
        match self {
            Self::Hashes(level) => size.checked_shr(u32::from(level) * u32::from(HEIGHT)).unwrap_or(0),
            Self::Entries => size,
        }
    }

    /// The partial file at the right edge of a tree: number and width, if there is one.
    pub fn partial(self, size: u64) -> Option<(u64, u64)> {
        let count = self.count(size);
        (!count.is_multiple_of(WIDTH)).then_some((count / WIDTH, count % WIDTH))
    }

    /// Entries, then each level that a tree has.
    pub fn all(size: u64) -> impl Iterator<Item = Self> {
        let levels = (0..8).map(Self::Hashes).filter(move |kind| kind.count(size) > 0);
        std::iter::once(Self::Entries).chain(levels)
    }
}

/// Path below the tree's root: `tile/<L>/<N>` or `tile/entries/<N>`, with `.p/<W>` where not full.
pub fn path(kind: Kind, n: u64, width: u64) -> PathBuf {
    let mut path = PathBuf::from("tile");
    match kind {
        Kind::Hashes(level) => path.push(level.to_string()),
        Kind::Entries => path.push("entries"),
    }
    let mut groups = vec![n % 1000];
    let mut rest = n / 1000;
    while rest > 0 {
        groups.push(rest % 1000);
        rest /= 1000;
    }
    for (place, group) in groups.iter().enumerate().rev() {
        match place {
            0 if width < WIDTH => path.push(format!("{group:03}.p")),
            0 => path.push(format!("{group:03}")),
            _ => path.push(format!("x{group:03}")),
        }
    }
    if width < WIDTH {
        path.push(width.to_string());
    }
    path
}

/// Kind, number and width of a file by its path below the tree's root, in its one spelling.
pub fn place(path: &str) -> Option<(Kind, u64, u64)> {
    let number = |text: &str| text.parse::<u64>().ok();
    let (kind, rest) = path.strip_prefix("tile/")?.split_once('/')?;
    let kind = match kind {
        "entries" => Kind::Entries,
        level => Kind::Hashes(u8::try_from(number(level)?).ok().filter(|level| *level < 8)?),
    };
    let (groups, width) = match rest.split_once(".p/") {
        Some((groups, width)) => (groups, number(width)?),
        None => (rest, WIDTH),
    };
    let n = groups.split('/').try_fold(0u64, |n, group| {
        n.checked_mul(1000)?.checked_add(number(group.strip_prefix('x').unwrap_or(group))?)
    })?;
    // Whatever was written otherwise is no path of the specification.
    let spelled = (1..=WIDTH).contains(&width) && self::path(kind, n, width).to_str() == Some(path);
    spelled.then_some((kind, n, width))
}

/// A static tree on disk. Stateless: the size of the tree is an argument.
#[derive(Clone, Debug)]
pub struct Tree {
    root: Arc<Path>,
}

impl Tree {
    /// Of this folder.
    pub fn new(root: &Path) -> Self {
        Self { root: root.into() }
    }

    /// Where the signed checkpoint stands.
    pub fn checkpoint_path(&self) -> PathBuf {
        self.root.join("checkpoint")
    }

    /// Where a file of at most `width` stands.
    pub fn path(&self, kind: Kind, n: u64, width: u64) -> PathBuf {
        self.root.join(path(kind, n, width))
    }

    /// Root of the first `size` leaves, of a tree that has at least as many.
    pub fn root_at(&self, size: u64) -> Result<Hash> {
        let mut nodes = self.nodes(size);
        merkle::root(size, &mut |level, index| nodes.read(level, index))
    }

    /// Inclusion proof of leaf `index` in the tree of `size`; `published` leaves stand on disk.
    pub fn inclusion_proof(&self, index: u64, size: u64, published: u64) -> Result<Vec<Hash>> {
        within("tree size", size, published)?;
        match size.checked_sub(1) {
            Some(last) => within("index", index, last)?,
            None => return Err(Error::OutOfRange { what: "index", found: index, size }),
        }
        let mut nodes = self.nodes(size);
        merkle::inclusion_proof(index, size, &mut |level, index| nodes.read(level, index))
    }

    /// Consistency proof between two sizes; empty where `old` is 0 or `new`.
    pub fn consistency_proof(&self, old: u64, new: u64, published: u64) -> Result<Vec<Hash>> {
        within("tree size", new, published)?;
        within("old tree size", old, new)?;
        let mut nodes = self.nodes(new);
        merkle::consistency_proof(old, new, &mut |level, index| nodes.read(level, index))
    }

    /// One entry.
    pub fn entry(&self, index: u64, published: u64) -> Result<Vec<u8>> {
        let mut entries = self.entries(index, published);
        entries.next().unwrap_or(Err(Error::OutOfRange { what: "index", found: index, size: published }))
    }

    /// Entries from `index` to the end of the tree of `published` leaves.
    pub fn entries(&self, index: u64, published: u64) -> Entries {
        Entries { tree: self.clone(), next: index, end: published, bundle: Vec::new(), offset: 0 }
    }

    /// The first `width` hashes of a tile.
    pub fn hashes(&self, level: u8, n: u64, width: u64) -> Result<Vec<Hash>> {
        let (bytes, path) = self.file(Kind::Hashes(level), n, width, WIDTH * 32)?;
        let (hashes, rest) = bytes.as_chunks::<32>();
        match hashes.get(..width as usize) {
            Some(hashes) if rest.is_empty() => Ok(hashes.to_vec()),
            _ => Err(Error::damaged(&path, format!("{} bytes", bytes.len()), format!("{width} hashes of 32 bytes"))),
        }
    }

    /// A bundle of at least `width` entries, and its path.
    pub fn bundle(&self, n: u64, width: u64) -> Result<(Vec<u8>, PathBuf)> {
        self.file(Kind::Entries, n, width, MAX_BUNDLE)
    }

    /// The first `width` entries of a bundle, as a bundle.
    pub fn entries_of(&self, n: u64, width: u64) -> Result<Vec<u8>> {
        let (mut bytes, path) = self.bundle(n, width)?;
        let mut rest = bytes.as_slice();
        for entry in 0..width {
            let Some((_, behind)) = segment::split_leaf(rest) else {
                return Err(Error::damaged(&path, "a bundle that ends early", format!("entry {entry} of {width}")));
            };
            rest = behind;
        }
        let length = bytes.len() - rest.len();
        bytes.truncate(length);
        Ok(bytes)
    }

    /// The first `width` items of a file, also where a wider one took its place: each is the beginning of that.
    pub fn read(&self, kind: Kind, n: u64, width: u64) -> Result<Vec<u8>> {
        match kind {
            Kind::Hashes(level) => Ok(self.hashes(level, n, width)?.concat()),
            Kind::Entries => self.entries_of(n, width),
        }
    }

    fn nodes(&self, size: u64) -> Nodes<impl FnMut(u8, u64, u64) -> Result<Vec<Hash>>> {
        Nodes::new(size, |level, n, width| self.hashes(level, n, width))
    }

    /// A file of at least `width`: that one, else the full one, else the narrowest that is wide enough.
    fn file(&self, kind: Kind, n: u64, width: u64, limit: u64) -> Result<(Vec<u8>, PathBuf)> {
        let exact = self.path(kind, n, width);
        // Twice: between looking for a partial tile and for the full one, the writer may swap them.
        for _ in 0..2 {
            for path in [exact.clone(), self.path(kind, n, WIDTH)] {
                if let Some(bytes) = files::read(&path, limit)? {
                    return Ok((bytes, path));
                }
            }
            let dir = exact.parent().unwrap_or(&exact);
            let names = fs::read_dir(dir).into_iter().flatten().flatten();
            let widths = names.filter_map(|name| name.file_name().to_str()?.parse::<u64>().ok());
            if let Some(wider) = widths.filter(|w| (width..WIDTH).contains(w)).min() {
                let path = self.path(kind, n, wider);
                if let Some(bytes) = files::read(&path, limit)? {
                    return Ok((bytes, path));
                }
            }
        }
        Err(Error::damaged(&exact, "no such file", "a tile of the published tree"))
    }
}

/// Entries in order; ends after an error.
pub struct Entries {
    tree: Tree,
    next: u64,
    end: u64,
    bundle: Vec<u8>,
    offset: usize,
}

impl Iterator for Entries {
    type Item = Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.end {
            return None;
        }
        let entry = self.read();
        self.next = if entry.is_ok() { self.next + 1 } else { self.end };
        Some(entry)
    }
}

impl Entries {
    fn read(&mut self) -> Result<Vec<u8>> {
        let n = self.next / WIDTH;
        if self.bundle.is_empty() || self.next.is_multiple_of(WIDTH) {
            let width = WIDTH.min(self.end - n * WIDTH);
            self.bundle = self.tree.bundle(n, width)?.0;
            self.offset = 0;
            for _ in 0..self.next % WIDTH {
                self.take(n)?;
            }
        }
        self.take(n).map(|range| self.bundle[range].to_vec())
    }

    fn take(&mut self, n: u64) -> Result<std::ops::Range<usize>> {
        let rest = self.bundle.get(self.offset..).unwrap_or_default();
        let Some((leaf, _)) = segment::split_leaf(rest) else {
            let path = self.tree.path(Kind::Entries, n, WIDTH);
            return Err(Error::damaged(&path, "a bundle that ends early", format!("entry {}", self.next)));
        };
        let start = self.offset + 2;
        self.offset = start + leaf.len();
        Ok(start..self.offset)
    }
}

/// Perfect subtrees out of tiles; each tile is read once.
pub struct Nodes<F> {
    size: u64,
    hashes: F,
    tiles: BTreeMap<(u8, u64), Vec<Hash>>,
}

impl<F> Nodes<F> {
    /// Of the tree of `size` leaves; `hashes` gives the first hashes of a tile: level, number, how many.
    pub fn new(size: u64, hashes: F) -> Self {
        Self { size, hashes, tiles: BTreeMap::new() }
    }

    /// The hash of the perfect subtree of `2^level` leaves numbered `index` at that level, as [`merkle::ReadNode`] asks.
    pub fn read<E: From<Error>>(&mut self, level: u8, index: u64) -> std::result::Result<Hash, E>
    where
        F: FnMut(u8, u64, u64) -> std::result::Result<Vec<Hash>, E>,
    {
        let (tile_level, inside) = (level / HEIGHT, level % HEIGHT);
        let first = index << inside;
        let n = first / WIDTH;
        let width = WIDTH.min(Kind::Hashes(tile_level).count(self.size).saturating_sub(n * WIDTH));
        let tile = match self.tiles.entry((tile_level, n)) {
            std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::btree_map::Entry::Vacant(place) => place.insert((self.hashes)(tile_level, n, width)?),
        };
        let start = (first % WIDTH) as usize;
        match tile.get(start..start + (1 << inside)) {
            Some(hashes) => Ok(fold(hashes)),
            None => Err(Error::OutOfRange { what: "node", found: index, size: self.size }.into()),
        }
    }
}

/// Root of a perfect subtree's hashes; their number is a power of two.
pub fn fold(hashes: &[Hash]) -> Hash {
    match hashes {
        [] => merkle::empty_root(),
        [one] => *one,
        _ => {
            let (left, right) = hashes.split_at(hashes.len() / 2);
            merkle::node_hash(&fold(left), &fold(right))
        }
    }
}

fn within(what: &'static str, found: u64, limit: u64) -> Result<()> {
    if found <= limit { Ok(()) } else { Err(Error::OutOfRange { what, found, size: limit }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_specification() {
        let cases = [
            (Kind::Hashes(0), 1_234_067, 256, "tile/0/x001/x234/067"),
            (Kind::Hashes(0), 273, 112, "tile/0/273.p/112"),
            (Kind::Hashes(2), 0, 1, "tile/2/000.p/1"),
            (Kind::Entries, 1_000, 255, "tile/entries/x001/000.p/255"),
            (Kind::Entries, 999, 256, "tile/entries/999"),
        ];
        for (kind, n, width, expected) in cases {
            assert_eq!(path(kind, n, width), Path::new(expected));
        }
    }

    #[test]
    fn only_paths_of_the_specification_name_a_file() {
        let good = [
            ("tile/0/x001/x234/067", (Kind::Hashes(0), 1_234_067, 256)),
            ("tile/entries/999", (Kind::Entries, 999, 256)),
            ("tile/2/000.p/1", (Kind::Hashes(2), 0, 1)),
        ];
        for (path, expected) in good {
            assert_eq!(place(path), Some(expected));
        }
        let bad = [
            "",
            "0/000",
            "tile/0",
            "tile/0/",
            "tile/0/1",
            "tile/0/0001",
            "tile/00/001",
            "tile/0/x001",
            "tile/0/001/002",
            "tile/0/000.p/256",
            "tile/0/000.p/0",
            "tile/0/000.p/01",
            "tile/8/000",
            "tile/-1/000",
            "tile/0/+01",
            "tile/entries/../../keys",
            "tile/0/../0/000",
            "tile/0/x000/001",
            "tile/0/000.p/1/",
            "checkpoint",
        ];
        for path in bad {
            assert_eq!(place(path), None, "{path}");
        }
    }

    #[test]
    fn the_partial_tiles_of_seventy_thousand_are_those_of_the_specification() {
        let partial = |level: u8| Kind::Hashes(level).partial(70_000);
        assert_eq!((partial(0), partial(1), partial(2)), (Some((273, 112)), Some((1, 17)), Some((0, 1))));
        assert_eq!((Kind::Hashes(0).partial(256), Kind::Hashes(1).partial(256)), (None, Some((0, 1))));
        assert_eq!(Kind::all(256).count(), 3);
    }
}
