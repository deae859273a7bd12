-- Whose page was captured when, counted: whoever was served longest ago is next.
CREATE TABLE capture_turns (
    account INTEGER PRIMARY KEY REFERENCES accounts (id),
    turn INTEGER NOT NULL
) STRICT;
CREATE INDEX capture_turns_by_turn ON capture_turns (turn);
CREATE INDEX capture_queue_waiting ON capture_queue (account, id) WHERE state = 'waiting';

-- What was given up is looked for in all accounts together.
CREATE INDEX hook_messages_dead ON hook_messages (id) WHERE state = 'dead';

-- Messages of a market that were signed by it and refused all the same; the newest of them. `account` is as told, which
-- may be nobody's.
CREATE TABLE market_refusals (
    id INTEGER PRIMARY KEY,
    event TEXT NOT NULL,
    word TEXT NOT NULL,
    number TEXT NOT NULL,
    account INTEGER NOT NULL,
    zh TEXT NOT NULL,
    en TEXT NOT NULL,
    times INTEGER NOT NULL DEFAULT 1,
    at INTEGER NOT NULL,
    UNIQUE (event, number, en)
) STRICT;

-- What the operator tells one account, or all of them (NULL). Either language may be empty, never both.
CREATE TABLE notices (
    id INTEGER PRIMARY KEY,
    account INTEGER REFERENCES accounts (id),
    zh TEXT NOT NULL,
    en TEXT NOT NULL,
    begins_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    -- Taken back early.
    ended_at INTEGER
) STRICT;
CREATE INDEX notices_by_end ON notices (ends_at);
CREATE TABLE notices_dismissed (
    notice INTEGER NOT NULL REFERENCES notices (id),
    sign_in INTEGER NOT NULL REFERENCES sign_ins (id),
    at INTEGER NOT NULL,
    PRIMARY KEY (notice, sign_in)
) STRICT, WITHOUT ROWID;

-- Questions to an identity provider, and its answers. `request` names the question however often it is asked.
CREATE TABLE identity_checks (
    id INTEGER PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES merchants (account),
    request TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'pending', 'verified', 'refused', 'unclear', 'failed')),
    tries INTEGER NOT NULL DEFAULT 0,
    due_at INTEGER NOT NULL,
    -- As they will stand on certificates.
    provider TEXT NOT NULL,
    method TEXT NOT NULL DEFAULT '',
    -- What came of the last try, in words.
    zh TEXT,
    en TEXT,
    asked_at INTEGER NOT NULL,
    answered_at INTEGER,
    attestation TEXT REFERENCES records (id)
) STRICT;
CREATE UNIQUE INDEX identity_checks_open ON identity_checks (account) WHERE state IN ('waiting', 'pending');
CREATE INDEX identity_checks_due ON identity_checks (due_at) WHERE state IN ('waiting', 'pending');
