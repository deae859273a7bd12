-- Evidence stamped again. What a list covers never changes, so rows are only added. `whole`: the court's copy.
CREATE TABLE renewals (
    id TEXT NOT NULL REFERENCES records (id),
    whole INTEGER NOT NULL,
    n INTEGER NOT NULL,
    list TEXT NOT NULL,
    tsr BLOB NOT NULL,
    PRIMARY KEY (id, whole, n)
) STRICT, WITHOUT ROWID;

-- Statements that no outside authority has stamped yet. Each becomes a record and leaves this table in one transaction.
CREATE TABLE waiting (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    file_name TEXT NOT NULL,
    sha256 BLOB,
    sm3 BLOB,
    size INTEGER,
    received_at INTEGER NOT NULL,
    statement BLOB NOT NULL,
    disclosures BLOB NOT NULL
) STRICT;
CREATE INDEX waiting_by_sha256 ON waiting (sha256);
