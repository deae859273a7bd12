-- Links by which anybody may see some of one record, until they end. Of a link's token only the SHA-256 is here.
CREATE TABLE shares (
    id INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    account INTEGER NOT NULL REFERENCES accounts (id),
    sign_in INTEGER NOT NULL REFERENCES sign_ins (id),
    record TEXT NOT NULL REFERENCES records (id),
    -- What it shows: words apart by spaces.
    shows TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    ended_at INTEGER,
    opened INTEGER NOT NULL DEFAULT 0,
    opened_at INTEGER
) STRICT;
CREATE INDEX shares_by_record ON shares (record);

-- A certificate names both digests; whoever types either is answered.
CREATE INDEX records_by_sm3 ON records (sm3) WHERE sm3 IS NOT NULL;
