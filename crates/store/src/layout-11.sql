-- Codes of an authenticator (RFC 6238): the secret once it was confirmed, the one that is offered, and the last step of
-- time whose code was taken, so that none is taken twice.
ALTER TABLE sign_ins ADD COLUMN totp BLOB;
ALTER TABLE sign_ins ADD COLUMN totp_new BLOB;
ALTER TABLE sign_ins ADD COLUMN totp_step INTEGER NOT NULL DEFAULT 0;

-- Good once each, in place of a code: the row goes when one is used. SHA-256 of 80 random bits.
CREATE TABLE recovery_codes (
    sign_in INTEGER NOT NULL REFERENCES sign_ins (id),
    digest BLOB NOT NULL,
    PRIMARY KEY (sign_in, digest)
) STRICT, WITHOUT ROWID;

-- The password was right, the code is still to come: such a session opens nothing.
ALTER TABLE sessions ADD COLUMN half INTEGER NOT NULL DEFAULT 0;

-- One-time addresses by which a person whom the operator knows chooses a new password; one a person.
CREATE TABLE resets (
    sign_in INTEGER PRIMARY KEY REFERENCES sign_ins (id),
    digest BLOB NOT NULL UNIQUE,
    expires_at INTEGER NOT NULL
) STRICT;
