-- Whose the rows are. 1 is the folder's owner, for whom the command line works too.
CREATE TABLE accounts (
    id INTEGER PRIMARY KEY,
    state TEXT NOT NULL CHECK (state IN ('open', 'closed')),
    created_at INTEGER NOT NULL
) STRICT;
INSERT INTO accounts(id, state, created_at) VALUES (1, 'open', 0);

ALTER TABLE records ADD COLUMN account INTEGER NOT NULL DEFAULT 1;
CREATE INDEX records_by_account ON records (account, seq);

-- People. Names to sign in with are compared without case; a password is kept as an argon2id string.
CREATE TABLE sign_ins (
    id INTEGER PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES accounts (id),
    login TEXT NOT NULL UNIQUE COLLATE NOCASE,
    name TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('main')),
    password TEXT NOT NULL,
    failed INTEGER NOT NULL DEFAULT 0,
    locked_until INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL
) STRICT;

-- Of a session or an API token only the SHA-256 is here: who reads the database cannot sign in with it.
CREATE TABLE sessions (
    id INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    sign_in INTEGER NOT NULL REFERENCES sign_ins (id),
    agent TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_by_sign_in ON sessions (sign_in);

CREATE TABLE api_tokens (
    id INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    sign_in INTEGER NOT NULL REFERENCES sign_ins (id),
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at INTEGER
) STRICT;
CREATE INDEX api_tokens_by_sign_in ON api_tokens (sign_in);

-- What a creating call of the API was answered: the same key with the same request gets the same answer.
CREATE TABLE idempotency (
    account INTEGER NOT NULL REFERENCES accounts (id),
    key TEXT NOT NULL,
    request BLOB NOT NULL,
    answer TEXT,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (account, key)
) STRICT, WITHOUT ROWID;

-- Who did what. Written in the same breath as the act, never changed.
CREATE TABLE acts (
    seq INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    account INTEGER NOT NULL,
    sign_in INTEGER,
    via TEXT NOT NULL,
    act TEXT NOT NULL,
    subject TEXT NOT NULL
) STRICT;
CREATE INDEX acts_by_account ON acts (account, seq);

-- Titles, for the library: derived from the disclosures, and can be derived again.
CREATE TABLE shelf (
    seq INTEGER PRIMARY KEY REFERENCES records (seq),
    title TEXT NOT NULL,
    outcome TEXT
) STRICT;

-- Pages that were asked for. One that a stopped server left running is taken up again, once.
CREATE TABLE capture_queue (
    id INTEGER PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES accounts (id),
    sign_in INTEGER NOT NULL REFERENCES sign_ins (id),
    url TEXT NOT NULL,
    other INTEGER NOT NULL,
    phone INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'failed')),
    runs INTEGER NOT NULL DEFAULT 0,
    outcome TEXT,
    record TEXT,
    ordered TEXT,
    zh TEXT,
    en TEXT,
    created_at INTEGER NOT NULL,
    ended_at INTEGER
) STRICT;
CREATE INDEX capture_queue_by_account ON capture_queue (account, id);
CREATE INDEX capture_queue_open ON capture_queue (id) WHERE state IN ('waiting', 'running');
