-- What each file looked like when it was last read, and the record of what was read: a later run asks the file
-- system for each file, and only this table. It only saves reading; every row of it may be lost.
CREATE TABLE seen (
    -- Absolute, links in the folders before the name resolved.
    path BLOB PRIMARY KEY,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    ctime_ns INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    -- Digest of what was to be claimed then.
    claims BLOB NOT NULL,
    -- Whether the record, being earlier, claims something else.
    differs INTEGER NOT NULL,
    -- Of the record, as `records` has them.
    id TEXT NOT NULL,
    sha256 BLOB NOT NULL,
    sm3 BLOB NOT NULL,
    record_digest BLOB NOT NULL,
    leaf INTEGER
) STRICT, WITHOUT ROWID;
