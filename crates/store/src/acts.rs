//! The audit log, read: who did what, the newest first.

use crate::{Act, Result, Store};
use rusqlite::params;

/// A line of the audit log, with the name of who acted.
#[derive(Clone, Debug)]
pub struct Noted {
    /// Its place: where a page goes on.
    pub seq: i64,
    /// UTC microseconds.
    pub at: i64,
    /// Who, as shown; `None`: nobody who was signed in.
    pub who: Option<String>,
    /// `session 3`, `token 2` …
    pub via: String,
    /// What.
    pub act: String,
    /// On what.
    pub subject: String,
}

impl Store {
    /// An account's lines before `before`, of one person or of all.
    pub fn acts(&self, account: i64, before: i64, sign_in: Option<i64>, limit: u32) -> Result<Vec<Noted>> {
        let connection = self.look();
        let mut statement = connection.prepare_cached(
            "SELECT a.seq, a.at, s.name, a.via, a.act, a.subject FROM acts a LEFT JOIN sign_ins s ON s.id = a.sign_in
             WHERE a.account = ?1 AND a.seq < ?2 AND (?3 IS NULL OR a.sign_in = ?3) ORDER BY a.seq DESC LIMIT ?4",
        )?;
        let rows = statement.query_map(params![account, before, sign_in, limit], |row| {
            let (seq, at, who) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok(Noted { seq, at, who, via: row.get(3)?, act: row.get(4)?, subject: row.get(5)? })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Notes an act unless its person did the same to the same thing since `since`. That is looked for among the account's
    /// newest lines alone: a long log makes it no slower.
    pub fn note_once(&self, act: &Act, since: i64) -> Result<()> {
        let sql = "INSERT INTO acts(at, account, sign_in, via, act, subject)
                   SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE NOT EXISTS
                   (SELECT 1 FROM (SELECT * FROM acts WHERE account = ?2 ORDER BY seq DESC LIMIT 100)
                    WHERE act = ?5 AND sign_in IS ?3 AND via = ?4 AND subject = ?6 AND at BETWEEN ?7 AND ?1)";
        let act = params![act.at, act.account, act.sign_in, act.via, act.act, act.subject, since];
        self.lock().execute(sql, act)?;
        Ok(())
    }

    /// Notes that `act`'s person was refused its subject, unless that was noted since `since`.
    pub fn note_refused(&self, act: &Act, since: i64) -> Result<()> {
        let sql = "INSERT INTO acts(at, account, sign_in, via, act, subject)
                   SELECT ?1, ?2, ?3, ?4, 'refused', ?5 WHERE NOT EXISTS
                   (SELECT 1 FROM acts WHERE act = 'refused' AND sign_in = ?3 AND subject = ?5 AND at BETWEEN ?6 AND ?1)";
        self.lock().execute(sql, params![act.at, act.account, act.sign_in, act.via, act.subject, since])?;
        Ok(())
    }
}
