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
