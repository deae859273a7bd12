//! What files looked like when they were read: a later run reads only those that look otherwise.

use crate::{Result, Store};
use rusqlite::{OptionalExtension, Row, TransactionBehavior, params};
use std::{collections::VecDeque, os::unix::ffi::OsStrExt, path::Path};

/// Rows that a [`SeenRows`] fetches at once.
const PAGE: usize = 1024;

/// What the file system says of a file without reading it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// Bytes.
    pub size: u64,
    /// Last change of the bytes, nanoseconds since 1970.
    pub mtime_ns: i64,
    /// Last change of bytes, name or rights; no program sets it.
    pub ctime_ns: i64,
    /// Number in its file system. The device's number is left out: it changes with each mount.
    pub inode: u64,
}

/// A file as it was last read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Absolute path.
    pub path: Vec<u8>,
    /// How it looked.
    pub stamp: Stamp,
    /// Digest of what was to be claimed.
    pub claims: [u8; 32],
    /// Whether the record, being earlier, claims something else.
    pub differs: bool,
    /// Number of the record of these bytes.
    pub id: String,
    /// The file's.
    pub sha256: [u8; 32],
    /// The file's.
    pub sm3: [u8; 32],
    /// The record's.
    pub record_digest: [u8; 32],
    /// The record's leaf.
    pub index: Option<u64>,
}

const COLUMNS: &str =
    "path, size, mtime_ns, ctime_ns, inode, claims, differs, id, sha256, sm3, record_digest, leaf FROM seen";

impl Store {
    /// Notes how files looked, each in the place of what was noted of its path before.
    pub fn note_seen(&self, rows: &[Seen]) -> Result<()> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        {
            let mut insert = transaction.prepare_cached(
                "INSERT OR REPLACE INTO seen(path, size, mtime_ns, ctime_ns, inode, claims, differs, id, sha256, sm3,
                     record_digest, leaf) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            )?;
            for r in rows {
                insert.execute(params![
                    r.path,
                    r.stamp.size,
                    r.stamp.mtime_ns,
                    r.stamp.ctime_ns,
                    r.stamp.inode.cast_signed(),
                    r.claims,
                    r.differs,
                    r.id,
                    r.sha256,
                    r.sm3,
                    r.record_digest,
                    r.index
                ])?;
            }
        }
        Ok(transaction.commit()?)
    }

    /// What was noted of one path.
    pub fn seen(&self, path: &Path) -> Result<Option<Seen>> {
        let connection = self.lock();
        let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} WHERE path = ?1"))?;
        Ok(statement.query_row([path.as_os_str().as_bytes()], read).optional()?)
    }

    /// What was noted of paths in a folder, to be asked in ascending order of their bytes.
    pub fn seen_under(&self, folder: &Path) -> SeenRows<'_> {
        let mut from = folder.as_os_str().as_bytes().to_vec();
        if from.last() != Some(&b'/') {
            from.push(b'/');
        }
        SeenRows { store: self, from, rows: VecDeque::new(), ended: false }
    }

    fn seen_from(&self, from: &[u8]) -> Result<VecDeque<Seen>> {
        let connection = self.lock();
        let mut statement =
            connection.prepare_cached(&format!("SELECT {COLUMNS} WHERE path >= ?1 ORDER BY path LIMIT {PAGE}"))?;
        let rows = statement.query_map([from], read)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

/// Rows in ascending order of their paths, a page at a time.
pub struct SeenRows<'s> {
    store: &'s Store,
    /// Where the next page begins.
    from: Vec<u8>,
    rows: VecDeque<Seen>,
    ended: bool,
}

impl SeenRows<'_> {
    /// What was noted of this path; a path before the last one that was asked for is not found.
    pub fn get(&mut self, path: &Path) -> Result<Option<Seen>> {
        let wanted = path.as_os_str().as_bytes();
        loop {
            while let Some(row) = self.rows.front() {
                match row.path.as_slice().cmp(wanted) {
                    std::cmp::Ordering::Less => drop(self.rows.pop_front()),
                    std::cmp::Ordering::Equal => return Ok(self.rows.pop_front()),
                    std::cmp::Ordering::Greater => return Ok(None),
                }
            }
            if self.ended {
                return Ok(None);
            }
            let from = if self.from.as_slice() < wanted { wanted } else { &self.from };
            self.rows = self.store.seen_from(from)?;
            self.ended = self.rows.len() < PAGE;
            if let Some(last) = self.rows.back() {
                self.from = last.path.clone();
                self.from.push(0);
            }
        }
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<Seen> {
    Ok(Seen {
        path: row.get(0)?,
        stamp: Stamp {
            size: row.get(1)?,
            mtime_ns: row.get(2)?,
            ctime_ns: row.get(3)?,
            inode: row.get::<_, i64>(4)?.cast_unsigned(),
        },
        claims: row.get(5)?,
        differs: row.get(6)?,
        id: row.get(7)?,
        sha256: row.get(8)?,
        sm3: row.get(9)?,
        record_digest: row.get(10)?,
        index: row.get(11)?,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::path::PathBuf;

    fn seen(path: &str, size: u64) -> Seen {
        let stamp = Stamp { size, mtime_ns: -1, ctime_ns: 2, inode: u64::MAX };
        let (path, id) = (path.as_bytes().to_vec(), format!("id-{size}"));
        let [claims, sha256, sm3, record_digest] = [[1; 32], [2; 32], [3; 32], [4; 32]];
        Seen { path, stamp, claims, differs: true, id, sha256, sm3, record_digest, index: Some(size) }
    }

    #[test]
    fn a_path_has_one_row_and_it_is_the_last() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(&dir.path().join("q.db")).unwrap();
        store.note_seen(&[seen("/a/b", 1), seen("/a/b", 2)]).unwrap();
        assert_eq!(store.seen(Path::new("/a/b")).unwrap(), Some(seen("/a/b", 2)));
        assert_eq!(store.seen(Path::new("/a")).unwrap(), None);
    }

    #[test]
    fn ascending_paths_are_found_over_several_pages() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(&dir.path().join("q.db")).unwrap();
        let rows: Vec<Seen> = (0..3000).map(|n| seen(&format!("/shop/{:05}", n * 2), n)).collect();
        store.note_seen(&rows).unwrap();
        store.note_seen(&[seen("/shop-2", 9), seen("/a", 9)]).unwrap();
        let mut all = store.seen_under(Path::new("/shop"));
        for n in 0..6000u64 {
            let found = all.get(&PathBuf::from(format!("/shop/{n:05}"))).unwrap();
            assert_eq!(found.map(|f| f.stamp.size), (n % 2 == 0).then_some(n / 2));
        }
        // Far apart, and past the end.
        let mut some = store.seen_under(Path::new("/shop/"));
        assert_eq!(some.get(Path::new("/shop/05998")).unwrap().unwrap().stamp.size, 2999);
        assert_eq!(some.get(Path::new("/shop/9")).unwrap(), None);
        assert!(store.seen_under(Path::new("/")).get(Path::new("/a")).unwrap().is_some());
    }
}
