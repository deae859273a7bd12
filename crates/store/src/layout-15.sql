-- People of an account: its main accounts, and those whom they invited. The first person of a folder runs it.
-- (A column that is dropped and added keeps the rows that point here, which a table built anew would not.)
ALTER TABLE sign_ins DROP COLUMN role;
ALTER TABLE sign_ins ADD COLUMN role TEXT NOT NULL DEFAULT 'main' CHECK (role IN ('main', 'sub'));
ALTER TABLE sign_ins ADD COLUMN operator INTEGER NOT NULL DEFAULT 0;
UPDATE sign_ins SET operator = 1 WHERE id = (SELECT min(id) FROM sign_ins);
-- What a sub-account may do: words apart by spaces.
ALTER TABLE sign_ins ADD COLUMN permissions TEXT NOT NULL DEFAULT '';
-- Shops that a sub-account is limited to: numbers apart by spaces; NULL is no limit.
ALTER TABLE sign_ins ADD COLUMN shops TEXT;
-- Who was ended stays, because records and the audit log name him.
ALTER TABLE sign_ins ADD COLUMN ended_at INTEGER;
CREATE INDEX sign_ins_by_account ON sign_ins (account, id);

-- One-time addresses by which somebody becomes a sub-account. Of the address only the SHA-256 is here.
CREATE TABLE invites (
    id INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    account INTEGER NOT NULL REFERENCES accounts (id),
    sign_in INTEGER NOT NULL REFERENCES sign_ins (id),
    -- Whom it is meant for, in the inviter's words.
    name TEXT NOT NULL,
    permissions TEXT NOT NULL,
    shops TEXT,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX invites_by_account ON invites (account, id);

-- Who an identity provider says that somebody is: linked by a person who was signed in.
CREATE TABLE identities (
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    sign_in INTEGER NOT NULL REFERENCES sign_ins (id),
    PRIMARY KEY (issuer, subject)
) STRICT, WITHOUT ROWID;
CREATE INDEX identities_by_sign_in ON identities (sign_in);

-- Passkeys (WebAuthn): a person's public keys. The private ones never leave their devices.
CREATE TABLE passkeys (
    id INTEGER PRIMARY KEY,
    credential BLOB NOT NULL UNIQUE,
    sign_in INTEGER NOT NULL REFERENCES sign_ins (id),
    -- SubjectPublicKeyInfo.
    key BLOB NOT NULL,
    -- The device's own count of uses; 0 where it keeps none.
    uses INTEGER NOT NULL,
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    used_at INTEGER
) STRICT;
CREATE INDEX passkeys_by_sign_in ON passkeys (sign_in);

-- What a sub-account asked the main account for; one open wish a permission.
CREATE TABLE wishes (
    id INTEGER PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES accounts (id),
    sign_in INTEGER NOT NULL REFERENCES sign_ins (id),
    permission TEXT NOT NULL,
    -- The page on which it was refused, and its own words.
    place TEXT NOT NULL,
    words TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'granted', 'declined')),
    created_at INTEGER NOT NULL,
    answered_at INTEGER,
    answered_by INTEGER REFERENCES sign_ins (id)
) STRICT;
CREATE UNIQUE INDEX wishes_open ON wishes (sign_in, permission) WHERE state = 'open';
CREATE INDEX wishes_by_account ON wishes (account, id);

-- Where an account sells. One that is ended stays, because records were made for it.
CREATE TABLE shops (
    id INTEGER PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES accounts (id),
    platform TEXT NOT NULL,
    name TEXT NOT NULL,
    url TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    ended_at INTEGER
) STRICT;
CREATE INDEX shops_by_account ON shops (account, id);

-- Which shops a record was made for: the same picture, registered for another shop, is the same record. What still
-- waits for a token from outside is here too, so the number points nowhere; erasing sweeps it as it does every text.
CREATE TABLE shop_records (
    record TEXT NOT NULL,
    shop INTEGER NOT NULL REFERENCES shops (id),
    PRIMARY KEY (record, shop)
) STRICT, WITHOUT ROWID;

-- Refusals are noted once a minute for each person and permission.
CREATE INDEX acts_refused ON acts (sign_in, subject, at) WHERE act = 'refused';
