-- Merchants: accounts beside that of the folder's owner. Their party, and what opens their records, is sealed under
-- `key`, and that under the master key, which is never in here: without this row nobody opens either again.
CREATE TABLE merchants (
    account INTEGER PRIMARY KEY REFERENCES accounts (id),
    key BLOB NOT NULL,
    party BLOB NOT NULL,
    -- Why nothing of the account may be erased; NULL: no legal hold stands.
    hold TEXT
) STRICT;

-- A statement that waits is somebody's, as its record will be.
ALTER TABLE waiting ADD COLUMN account INTEGER NOT NULL DEFAULT 1;

-- What a merchant shows the operator so that he may look at its name. Name and bytes are sealed under the merchant's key.
CREATE TABLE documents (
    id INTEGER PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES merchants (account),
    name BLOB NOT NULL,
    media_type TEXT NOT NULL,
    size INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    added_at INTEGER NOT NULL
) STRICT;
CREATE INDEX documents_by_account ON documents (account, id);

-- Questions to the operator whether a name is right, and his answers.
CREATE TABLE reviews (
    id INTEGER PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES merchants (account),
    state TEXT NOT NULL CHECK (state IN ('asked', 'approved', 'refused')),
    reason TEXT,
    asked_at INTEGER NOT NULL,
    decided_at INTEGER,
    attestation TEXT REFERENCES records (id)
) STRICT;
CREATE INDEX reviews_by_account ON reviews (account, id);
CREATE INDEX reviews_asked ON reviews (id) WHERE state = 'asked';

-- What leads from an earlier record to the attestation that covers it: its salt and its path, sealed.
CREATE TABLE attested_paths (
    record TEXT PRIMARY KEY REFERENCES records (id),
    attestation TEXT NOT NULL REFERENCES records (id),
    path BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Addresses by which the operator lets somebody sign up, each once: the row goes when it is used.
CREATE TABLE invitations (
    id INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    -- Whom it is meant for, in the operator's words.
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
