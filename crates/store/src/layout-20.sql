-- An account's records in their order, with all that its lists show of them: a list reads neighbouring rows, however many
-- records of other accounts lie between.
DROP INDEX records_by_account;
CREATE INDEX records_listed
    ON records (account, seq, kind, received_at, leaf, id, file_name, size, sha256, sm3, record_digest);
ALTER TABLE shelf ADD COLUMN account INTEGER NOT NULL DEFAULT 0;
UPDATE shelf SET account = (SELECT account FROM records WHERE records.seq = shelf.seq);
CREATE INDEX shelf_listed ON shelf (account, seq, title, outcome);
CREATE INDEX shop_records_by_shop ON shop_records (shop, record);

-- What is found by its name or kind: pages, orders, rights, lists. Of pictures there are too many, and nobody asks so.
CREATE INDEX records_named ON records (account, kind, file_name)
    WHERE kind <> 'image' AND kind <> 'file' AND kind <> 'digest';

-- How many records there are of each kind, kept by the database itself.
CREATE TABLE record_counts (
    account INTEGER NOT NULL,
    kind TEXT NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (account, kind)
) STRICT, WITHOUT ROWID;
INSERT INTO record_counts(account, kind, n) SELECT account, kind, count(*) FROM records GROUP BY account, kind;
CREATE TRIGGER record_counted AFTER INSERT ON records BEGIN
    INSERT INTO record_counts(account, kind, n) VALUES (new.account, new.kind, 1)
        ON CONFLICT (account, kind) DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER record_uncounted AFTER DELETE ON records BEGIN
    UPDATE record_counts SET n = n - 1 WHERE account = old.account AND kind = old.kind;
END;
