-- `WHERE held + spent < amount` on this index kept every query from using it: SQLite turns such a comparison of an
-- expression with a column round before it looks for an index, and then does not know it again.
DROP INDEX quota_grants_open;
CREATE INDEX quota_grants_open ON quota_grants (account, unit, expires_at);
