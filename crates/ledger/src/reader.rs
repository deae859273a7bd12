//! Reading a ledger's folder, also beside its writer.
//!
//! Rules: nothing is written or locked; nothing is believed that the log's key did not sign.

use std::path::{Path, PathBuf};

use evidence::{
    checkpoint::Checkpoint,
    merkle::Hash,
    note::{MAX_NOTE, Note, VerifierKey},
};

use crate::{
    Entries, Error, Result, files,
    sealed::{Folder, Sealed},
    tiles::Tree,
};

/// A data folder opened for reading.
pub struct Reader {
    tree: Tree,
    sealed: Folder,
    key: VerifierKey,
}

impl Reader {
    /// Opens the folder of the log whose key is `key`; the origin is the key's name.
    pub fn open(dir: &Path, key: VerifierKey) -> Result<Self> {
        let reader = Self { tree: tree(dir), sealed: Folder::open(dir.join("sealed"))?, key };
        reader.published()?;
        Ok(reader)
    }

    /// The published checkpoint as it stands now, and its signed note.
    pub fn published(&self) -> Result<(Checkpoint, Vec<u8>)> {
        let path = self.tree.checkpoint_path();
        read_checkpoint(&path, &self.key)?.ok_or(Error::Empty(path))
    }

    /// Compares with the head's mirror: [`Error::Rollback`] where the mirror is ahead, [`Error::Fork`] where it
    /// shows another tree. `false`: there is none, which tells nothing; a writer will make it.
    pub fn check_mirror(&self, mirror: &Path) -> Result<bool> {
        let (published, _) = self.published()?;
        check_mirror(&self.tree, published.size, mirror, &self.key)
    }

    /// The entry at `index`.
    pub fn entry(&self, index: u64) -> Result<Vec<u8>> {
        self.tree.entry(index, self.size()?)
    }

    /// Published entries from `index` on.
    pub fn entries_from(&self, index: u64) -> Result<Entries> {
        Ok(self.tree.entries(index, self.size()?))
    }

    /// Leaves of the published tree.
    pub fn size(&self) -> Result<u64> {
        Ok(self.published()?.0.size)
    }

    /// Root of the first `size` leaves.
    pub fn root(&self, size: u64) -> Result<Hash> {
        let published = self.size()?;
        if size > published {
            return Err(Error::OutOfRange { what: "tree size", found: size, size: published });
        }
        self.tree.root_at(size)
    }

    /// Inclusion proof of `index` in the tree of `size` leaves.
    pub fn inclusion_proof(&self, index: u64, size: u64) -> Result<Vec<Hash>> {
        self.tree.inclusion_proof(index, size, self.size()?)
    }

    /// Consistency proof between two sizes.
    pub fn consistency_proof(&self, old: u64, new: u64) -> Result<Vec<Hash>> {
        self.tree.consistency_proof(old, new, self.size()?)
    }

    /// Leaves under the newest seal: every lower index is sealed. 0 where nothing is.
    pub fn sealed_size(&self) -> Result<u64> {
        self.sealed.refresh()?;
        Ok(self.sealed.last().map_or(0, |stem| stem.size))
    }

    /// The newest sealed checkpoint, with the cosignatures that it was sealed with.
    pub fn last_sealed(&self) -> Result<Option<Sealed>> {
        self.sealed.refresh()?;
        self.sealed.last().map(|stem| self.sealed.read(stem)).transpose()
    }

    /// The first sealed checkpoint that covers `index`.
    pub fn sealed_covering(&self, index: u64) -> Result<Option<Sealed>> {
        self.covering(index, false)
    }

    /// Leaves under the newest seal that meets the quorum asked for.
    pub fn final_size(&self) -> Result<u64> {
        self.sealed.refresh()?;
        Ok(self.sealed.last_final().map_or(0, |stem| stem.size))
    }

    /// The first seal that covers `index` and meets the quorum asked for; where none is asked for, the first.
    pub fn final_covering(&self, index: u64) -> Result<Option<Sealed>> {
        self.covering(index, true)
    }

    fn covering(&self, index: u64, of_finals: bool) -> Result<Option<Sealed>> {
        if self.sealed.covering(index, of_finals).is_none() {
            self.sealed.refresh()?;
        }
        self.sealed.covering(index, of_finals).map(|stem| self.sealed.read(stem)).transpose()
    }
}

/// The static tree of a data folder.
pub(crate) fn tree(dir: &Path) -> Tree {
    Tree::new(&dir.join("ledger"))
}

/// A checkpoint file, if there is one: signed by `key`, of its origin.
pub(crate) fn read_checkpoint(path: &Path, key: &VerifierKey) -> Result<Option<(Checkpoint, Vec<u8>)>> {
    let Some(bytes) = files::read(path, MAX_NOTE as u64)? else { return Ok(None) };
    let checkpoint = parse_checkpoint(&bytes, key).map_err(|e| Error::evidence(path, e))?;
    Ok(Some((checkpoint, bytes)))
}

/// A signed note that holds: signature by `key`, origin its name.
pub(crate) fn parse_checkpoint(note: &[u8], key: &VerifierKey) -> evidence::Result<Checkpoint> {
    let note = Note::parse(note)?;
    note.verify_log(key)?;
    let checkpoint = Checkpoint::parse(&note.text)?;
    if checkpoint.origin != key.name() {
        return Err(evidence::Error::mismatch("origin of the checkpoint", &checkpoint.origin, key.name()));
    }
    Ok(checkpoint)
}

/// Whether the mirror exists; an error where it shows that the tree of `size` is not the last one signed.
pub(crate) fn check_mirror(tree: &Tree, size: u64, mirror: &Path, key: &VerifierKey) -> Result<bool> {
    let Some((seen, _)) = read_checkpoint(mirror, key)? else { return Ok(false) };
    check_known(tree, size, &seen, "the folder's tree", mirror.to_owned())?;
    Ok(true)
}

/// Refuses a tree of `size` leaves that does not extend a checkpoint which we once signed.
pub(crate) fn check_known(
    tree: &Tree,
    size: u64,
    seen: &Checkpoint,
    what: &'static str,
    mirror: PathBuf,
) -> Result<()> {
    if seen.size > size {
        return Err(Error::Rollback { folder_size: size, mirror_size: seen.size, mirror });
    }
    let found = tree.root_at(seen.size)?;
    same_root(what, seen.size, &found, &seen.root)
}

pub(crate) fn same_root(what: &'static str, size: u64, found: &Hash, expected: &Hash) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    let (found, expected) = (evidence::hex::encode(found), evidence::hex::encode(expected));
    Err(Error::Fork { what, size, found, expected })
}
