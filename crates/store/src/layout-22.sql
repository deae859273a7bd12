-- Letters that the mail server did not take. To whom, and what it says with its link, is sealed, and goes with the row: as
-- soon as it was sent, or its link was used or taken back. Of one whose link has ended only the line stays.
CREATE TABLE mail (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    -- Of whoever wrote it.
    account INTEGER NOT NULL REFERENCES accounts (id),
    what TEXT NOT NULL CHECK (what IN ('invite', 'reset')),
    -- SHA-256 of the link's token.
    link BLOB NOT NULL,
    -- Where it goes, without whom.
    host TEXT NOT NULL,
    letter BLOB NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'dead')),
    tries INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    zh TEXT NOT NULL,
    en TEXT NOT NULL,
    tried_at INTEGER NOT NULL
) STRICT;
CREATE INDEX mail_due ON mail (due_at) WHERE state = 'waiting';
CREATE INDEX mail_by_account ON mail (account);
