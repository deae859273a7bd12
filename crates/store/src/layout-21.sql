-- A digest may stand anywhere in an index of all digests, so that each record writes three places of three indices that
-- grow without end. Here each 2^19 records have a part of their own: what is written stays small and lies together, and
-- whoever looks for a digest looks into every part, of which there are few. `records` is written anew without the three.
CREATE TABLE records_anew (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    account INTEGER NOT NULL,
    kind TEXT NOT NULL,
    file_name TEXT NOT NULL,
    sha256 BLOB,
    sm3 BLOB,
    size INTEGER,
    received_at INTEGER NOT NULL,
    leaf INTEGER UNIQUE,
    record_digest BLOB NOT NULL,
    record BLOB NOT NULL,
    disclosures BLOB NOT NULL
) STRICT;
INSERT INTO records_anew(seq, id, account, kind, file_name, sha256, sm3, size, received_at, leaf, record_digest, record, disclosures)
    SELECT seq, id, account, kind, file_name, sha256, sm3, size, received_at, leaf, record_digest, record, disclosures
    FROM records ORDER BY seq;
DROP TABLE records;
ALTER TABLE records_anew RENAME TO records;

-- The ledger answers by digest, and soon.
CREATE INDEX records_unplaced ON records (record_digest) WHERE leaf IS NULL;
CREATE INDEX records_listed
    ON records (account, seq, kind, received_at, leaf, id, file_name, size, sha256, sm3, record_digest);
CREATE INDEX records_named ON records (account, kind, file_name)
    WHERE kind <> 'image' AND kind <> 'file' AND kind <> 'digest';

-- Of each record the digests of its file by either function, and of its leaf.
CREATE TABLE digests (
    part INTEGER NOT NULL,
    digest BLOB NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (part, digest, seq)
) STRICT, WITHOUT ROWID;
INSERT INTO digests(part, digest, seq)
    SELECT seq >> 19, digest, seq FROM (
        SELECT seq, record_digest AS digest FROM records
        UNION SELECT seq, sha256 FROM records WHERE sha256 IS NOT NULL
        UNION SELECT seq, sm3 FROM records WHERE sm3 IS NOT NULL)
    ORDER BY 1, 2, 3;

CREATE TRIGGER record_counted AFTER INSERT ON records BEGIN
    INSERT INTO record_counts(account, kind, n) VALUES (new.account, new.kind, 1)
        ON CONFLICT (account, kind) DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER record_uncounted AFTER DELETE ON records BEGIN
    UPDATE record_counts SET n = n - 1 WHERE account = old.account AND kind = old.kind;
END;
-- A leaf that stood twice would be a fault of this program, and soon after the first: its own part is looked at.
CREATE TRIGGER record_indexed AFTER INSERT ON records BEGIN
    SELECT raise(ABORT, 'a record of this digest is there') FROM digests d JOIN records r ON r.seq = d.seq
        WHERE d.part = new.seq >> 19 AND d.digest = new.record_digest
            AND r.seq <> new.seq AND r.record_digest = new.record_digest;
    INSERT OR IGNORE INTO digests(part, digest, seq) VALUES (new.seq >> 19, new.record_digest, new.seq);
    INSERT OR IGNORE INTO digests(part, digest, seq) SELECT new.seq >> 19, new.sha256, new.seq WHERE new.sha256 IS NOT NULL;
    INSERT OR IGNORE INTO digests(part, digest, seq) SELECT new.seq >> 19, new.sm3, new.seq WHERE new.sm3 IS NOT NULL;
END;
CREATE TRIGGER record_unindexed AFTER DELETE ON records BEGIN
    DELETE FROM digests
        WHERE part = old.seq >> 19 AND digest IN (old.record_digest, old.sha256, old.sm3) AND seq = old.seq;
END;
