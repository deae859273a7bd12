-- Links by which a licensee confirms a licence. Of a token only the SHA-256 is here. Whether a licence is confirmed says
-- its record of kind `confirmation`; `used_at` says by which link.
CREATE TABLE licence_links (
    id INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    account INTEGER NOT NULL REFERENCES accounts (id),
    sign_in INTEGER NOT NULL REFERENCES sign_ins (id),
    record TEXT NOT NULL REFERENCES records (id),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    ended_at INTEGER,
    used_at INTEGER,
    opened INTEGER NOT NULL DEFAULT 0,
    opened_at INTEGER
) STRICT;
CREATE INDEX licence_links_by_record ON licence_links (record);
