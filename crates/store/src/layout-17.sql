-- What an account was given: an edition or a pack, with its terms as they were that day (JSON), for a time. Bytes that
-- may be held are no amount that is used up, so they stand here.
CREATE TABLE entitlements (
    id INTEGER PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES accounts (id),
    kind TEXT NOT NULL CHECK (kind IN ('edition', 'pack')),
    name TEXT NOT NULL,
    terms TEXT NOT NULL,
    storage INTEGER NOT NULL CHECK (storage >= 0),
    source TEXT NOT NULL CHECK (source IN ('code', 'grant', 'promotion', 'order')),
    -- The code's or order's number; empty for a grant.
    reference TEXT NOT NULL,
    giver TEXT NOT NULL,
    gift INTEGER NOT NULL,
    begins_at INTEGER NOT NULL,
    -- Brought forward where it was ended early; `ended_at` then says when that was done.
    expires_at INTEGER NOT NULL,
    ended_at INTEGER,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX entitlements_by_account ON entitlements (account, expires_at);

-- Amounts. Every month of an edition is a row of its own from the first day on, so that no clock gives one twice.
CREATE TABLE quota_grants (
    id INTEGER PRIMARY KEY,
    entitlement INTEGER NOT NULL REFERENCES entitlements (id),
    account INTEGER NOT NULL REFERENCES accounts (id),
    unit TEXT NOT NULL CHECK (unit IN ('deposit', 'capture')),
    begins_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    amount INTEGER NOT NULL,
    held INTEGER NOT NULL DEFAULT 0 CHECK (held >= 0),
    spent INTEGER NOT NULL DEFAULT 0 CHECK (spent >= 0),
    -- Whatever goes wrong above, this does not: nobody has more than was granted.
    CHECK (held + spent <= amount)
) STRICT;
CREATE INDEX quota_grants_by_entitlement ON quota_grants (entitlement);
CREATE INDEX quota_grants_open ON quota_grants (account, unit, expires_at) WHERE held + spent < amount;

-- Units that an act under way will spend or give back. What a stopped process left is released when the folder is
-- opened, but for captures that still wait: theirs goes with their row of the queue.
CREATE TABLE quota_reservations (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account INTEGER NOT NULL REFERENCES accounts (id),
    bytes INTEGER NOT NULL CHECK (bytes >= 0),
    capture INTEGER UNIQUE REFERENCES capture_queue (id)
) STRICT;
CREATE TABLE quota_reserved (
    reservation INTEGER NOT NULL REFERENCES quota_reservations (id),
    grant_id INTEGER NOT NULL REFERENCES quota_grants (id),
    amount INTEGER NOT NULL CHECK (amount > 0),
    PRIMARY KEY (reservation, grant_id)
) STRICT, WITHOUT ROWID;

-- Bytes that an account holds, those of acts under way, and which record each are of.
CREATE TABLE quota_storage (
    account INTEGER PRIMARY KEY REFERENCES accounts (id),
    kept INTEGER NOT NULL DEFAULT 0 CHECK (kept >= 0),
    reserved INTEGER NOT NULL DEFAULT 0 CHECK (reserved >= 0)
) STRICT;
CREATE TABLE quota_kept (
    record TEXT PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES accounts (id),
    bytes INTEGER NOT NULL CHECK (bytes > 0)
) STRICT, WITHOUT ROWID;

-- The ledger of what came and went. Rows are only added, but for the oldest refusals. `subject` is the number of a
-- record, a capture or an entitlement; of a refused file its name.
CREATE TABLE quota_moves (
    seq INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    account INTEGER NOT NULL REFERENCES accounts (id),
    act TEXT NOT NULL CHECK (act IN ('granted', 'ended', 'spent', 'freed', 'refused')),
    unit TEXT CHECK (unit IN ('deposit', 'capture')),
    amount INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    subject TEXT NOT NULL,
    sign_in INTEGER,
    -- Why something was refused.
    zh TEXT,
    en TEXT
) STRICT;
CREATE INDEX quota_moves_by_account ON quota_moves (account, seq);
CREATE INDEX quota_moves_refused ON quota_moves (account, seq) WHERE act = 'refused';

-- That somebody read what the service is and does not do, and said so.
CREATE TABLE acknowledgements (
    account INTEGER PRIMARY KEY REFERENCES accounts (id),
    sign_in INTEGER,
    at INTEGER NOT NULL
) STRICT;

-- Activation codes and promotions. Of a code only the SHA-256 and its first four letters are here.
CREATE TABLE activation_codes (
    id INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    hint TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('edition', 'pack')),
    name TEXT NOT NULL,
    terms TEXT NOT NULL,
    giver TEXT NOT NULL,
    gift INTEGER NOT NULL,
    note TEXT NOT NULL,
    uses INTEGER NOT NULL,
    used INTEGER NOT NULL DEFAULT 0 CHECK (used BETWEEN 0 AND uses),
    expires_at INTEGER NOT NULL,
    ended_at INTEGER,
    created_at INTEGER NOT NULL
) STRICT;
CREATE TABLE code_uses (
    code INTEGER NOT NULL REFERENCES activation_codes (id),
    account INTEGER NOT NULL REFERENCES accounts (id),
    entitlement INTEGER NOT NULL REFERENCES entitlements (id),
    at INTEGER NOT NULL,
    PRIMARY KEY (code, account)
) STRICT, WITHOUT ROWID;

-- Orders of an external market. Periods and ends may come in any order: what stands follows from all of them.
CREATE TABLE market_orders (
    number TEXT PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES accounts (id),
    -- No period that begins later; nothing from then on.
    cancelled_at INTEGER,
    refunded_at INTEGER,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE market_periods (
    number TEXT NOT NULL REFERENCES market_orders (number),
    begins_at INTEGER NOT NULL,
    entitlement INTEGER NOT NULL REFERENCES entitlements (id),
    PRIMARY KEY (number, begins_at)
) STRICT, WITHOUT ROWID;
-- Each event once: the same again gets the same answer, another one under its name is refused.
CREATE TABLE market_events (
    id TEXT PRIMARY KEY,
    digest BLOB NOT NULL,
    number TEXT NOT NULL,
    event TEXT NOT NULL,
    answer TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
