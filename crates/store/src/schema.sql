CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

-- What the log signed last. One row; moved only by compare-and-swap.
CREATE TABLE head (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    size INTEGER NOT NULL,
    root BLOB NOT NULL,
    checkpoint BLOB NOT NULL,
    segment_position INTEGER NOT NULL
) STRICT;

-- Committed before the ledger is asked, because a statement, its salts and its token cannot be made again.
CREATE TABLE records (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    file_name TEXT NOT NULL,
    sha256 BLOB,
    sm3 BLOB,
    size INTEGER,
    received_at INTEGER NOT NULL,
    record BLOB NOT NULL,
    record_digest BLOB NOT NULL UNIQUE,
    disclosures BLOB NOT NULL,
    leaf INTEGER UNIQUE
) STRICT;
CREATE INDEX records_by_sha256 ON records (sha256);
CREATE INDEX records_unplaced ON records (seq) WHERE leaf IS NULL;

CREATE TABLE tokens (
    id TEXT NOT NULL REFERENCES records (id),
    n INTEGER NOT NULL,
    tsr BLOB NOT NULL,
    PRIMARY KEY (id, n)
) STRICT, WITHOUT ROWID;
