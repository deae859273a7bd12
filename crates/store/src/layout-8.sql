-- Files on their way in by the resumable protocol. Their first `received` bytes are on the disk, in uploads/ID/.
-- `record` is what became of one that was registered, so that an answer that was lost can be given again.
CREATE TABLE uploads (
    id TEXT PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES accounts (id),
    name TEXT NOT NULL,
    metadata TEXT NOT NULL,
    length INTEGER NOT NULL,
    received INTEGER NOT NULL DEFAULT 0,
    record TEXT,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX uploads_by_account ON uploads (account);
CREATE INDEX uploads_by_end ON uploads (expires_at);
