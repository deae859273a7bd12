-- Addresses of an account that are told what has ended. The secret is here because signing needs it.
CREATE TABLE hooks (
    id INTEGER PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES accounts (id),
    url TEXT NOT NULL,
    -- Words apart by spaces.
    events TEXT NOT NULL,
    secret BLOB NOT NULL,
    paused INTEGER NOT NULL DEFAULT 0,
    -- Records up to this place have been put into the outbox, or were there before the hook.
    seen INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX hooks_by_account ON hooks (account, id);

-- The outbox, and the log of what left it. A message and the mark that it was made are one transaction.
CREATE TABLE hook_messages (
    id INTEGER PRIMARY KEY,
    hook INTEGER NOT NULL REFERENCES hooks (id) ON DELETE CASCADE,
    -- `webhook-id`: the same at every try.
    name TEXT NOT NULL UNIQUE,
    event TEXT NOT NULL,
    -- The record's number, or that of the place in the queue of captures.
    subject TEXT NOT NULL,
    body TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'delivered', 'dead')),
    tries INTEGER NOT NULL DEFAULT 0,
    due_at INTEGER NOT NULL,
    -- What came of the last try: an HTTP status, or a reason in both languages.
    status INTEGER,
    zh TEXT,
    en TEXT,
    created_at INTEGER NOT NULL,
    tried_at INTEGER,
    UNIQUE (hook, event, subject)
) STRICT;
CREATE INDEX hook_messages_due ON hook_messages (due_at) WHERE state = 'waiting';
CREATE INDEX hook_messages_by_hook ON hook_messages (hook, id);

-- A capture that failed has no record: whether its end was put into the outbox.
ALTER TABLE capture_queue ADD COLUMN told INTEGER NOT NULL DEFAULT 0;
CREATE INDEX capture_queue_untold ON capture_queue (id) WHERE state = 'failed' AND told = 0;
