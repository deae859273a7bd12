//! The right edge of the growing tree: what is needed to add leaves and to compute the root.
//!
//! Rules: memory is one unfinished tile a level and one unfinished bundle, whatever the size of the tree;
//! a full tile is written once, a partial one for each checkpoint that needs it.

use evidence::merkle::{self, Hash};

use crate::{
    Error, Result,
    files::Batch,
    segment,
    tiles::{self, HEIGHT, Kind, Tree, WIDTH},
};

/// Unfinished tiles and bundle of a tree of `size` leaves.
#[derive(Clone)]
pub(crate) struct Edge {
    size: u64,
    /// For each tile level, the hashes of its unfinished tile (at most 255).
    levels: Vec<Vec<Hash>>,
    bundle: Vec<u8>,
}

impl Edge {
    /// Of the empty tree.
    pub(crate) fn empty() -> Self {
        Self { size: 0, levels: Vec::new(), bundle: Vec::new() }
    }

    /// Read back from the tree on disk; the caller compares the root.
    pub(crate) fn load(tree: &Tree, size: u64) -> Result<Self> {
        let mut edge = Self { size, ..Self::empty() };
        for kind in Kind::all(size) {
            let partial = kind.partial(size);
            match (kind, partial) {
                (Kind::Entries, Some((n, width))) => {
                    let (bytes, path) = tree.bundle(n, width)?;
                    let mut rest = &bytes[..];
                    for _ in 0..width {
                        let short = || Error::damaged(&path, "a bundle that ends early", format!("{width} entries"));
                        rest = segment::split_leaf(rest).ok_or_else(short)?.1;
                    }
                    // A wider bundle of a tree that was never signed holds more.
                    edge.bundle = bytes[..bytes.len() - rest.len()].to_vec();
                }
                (Kind::Entries, None) => {}
                (Kind::Hashes(level), Some((n, width))) => edge.levels.push(tree.hashes(level, n, width)?),
                (Kind::Hashes(_), None) => edge.levels.push(Vec::new()),
            }
        }
        edge.check_bundle(tree)?;
        Ok(edge)
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf; full tiles go to `batch`.
    pub(crate) fn push(&mut self, tree: &Tree, leaf: &[u8], batch: &mut Batch<'_>) -> Result<()> {
        segment::push_leaf(&mut self.bundle, leaf)?;
        let n = self.size / WIDTH;
        self.size += 1;
        if self.size.is_multiple_of(WIDTH) {
            batch.put(tree.path(Kind::Entries, n, WIDTH), &self.bundle)?;
            self.bundle.clear();
        }
        let mut hash = merkle::leaf_hash(leaf);
        for level in 0.. {
            if self.levels.len() == usize::from(level) {
                self.levels.push(Vec::with_capacity(WIDTH as usize));
            }
            let tile = &mut self.levels[usize::from(level)];
            tile.push(hash);
            if tile.len() < WIDTH as usize {
                break;
            }
            let n = Kind::Hashes(level).count(self.size) / WIDTH - 1;
            batch.put(tree.path(Kind::Hashes(level), n, WIDTH), tile.as_flattened())?;
            hash = tiles::fold(tile);
            tile.clear();
        }
        Ok(())
    }

    /// Writes the unfinished tiles that the tree of `before` leaves did not have.
    pub(crate) fn put_partial(&self, tree: &Tree, before: u64, batch: &mut Batch<'_>) -> Result<()> {
        for kind in Kind::all(self.size) {
            let Some((n, width)) = kind.partial(self.size) else { continue };
            if kind.partial(before) == Some((n, width)) {
                continue;
            }
            let bytes = match kind {
                Kind::Entries => &self.bundle[..],
                Kind::Hashes(level) => self.levels[usize::from(level)].as_flattened(),
            };
            batch.put(tree.path(kind, n, width), bytes)?;
        }
        Ok(())
    }

    /// Root of the tree.
    pub(crate) fn root(&self) -> Result<Hash> {
        merkle::root(self.size, &mut |level, index| {
            let (tile_level, inside) = (level / HEIGHT, level % HEIGHT);
            let start = ((index << inside) % WIDTH) as usize;
            let tile = self.levels.get(usize::from(tile_level));
            match tile.and_then(|tile| tile.get(start..start + (1 << inside))) {
                Some(hashes) => Ok(tiles::fold(hashes)),
                None => Err(Error::OutOfRange { what: "node", found: index, size: self.size }),
            }
        })
    }

    /// The unfinished bundle must hold the leaves of the unfinished tile, or the next full one would not.
    fn check_bundle(&self, tree: &Tree) -> Result<()> {
        let mut rest = &self.bundle[..];
        for (place, hash) in self.levels.first().into_iter().flatten().enumerate() {
            let leaf = segment::split_leaf(rest);
            if leaf.is_none_or(|(leaf, _)| merkle::leaf_hash(leaf) != *hash) {
                let path = tree.path(Kind::Entries, self.size / WIDTH, self.size % WIDTH);
                let found = format!("another entry at place {place}");
                return Err(Error::damaged(&path, found, "the entries of the tile"));
            }
            rest = leaf.map_or(rest, |(_, behind)| behind);
        }
        Ok(())
    }
}
