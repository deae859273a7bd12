-- Records that were erased: what the ledger shows of them anyway. `sha256` stands only until the file's bytes, its
-- fingerprint and what the database's own files still hold of the rows are gone.
CREATE TABLE erased (
    id TEXT PRIMARY KEY,
    account INTEGER NOT NULL,
    kind TEXT NOT NULL,
    leaf INTEGER,
    record_digest BLOB,
    at INTEGER NOT NULL,
    sha256 BLOB,
    done INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX erased_open ON erased (id) WHERE done = 0;

-- The audit log names what was acted on by its number alone.
UPDATE acts SET subject = substr(subject, 1, instr(subject, ' ') - 1) WHERE act = 'capture' AND instr(subject, ' ') > 0;
