//! Letters that the mail server did not take, sealed until they are sent or of no use. Times are UTC microseconds.

use crate::{Act, Result, Store, room};
use evidence::hex;
use rusqlite::{OptionalExtension, Row, TransactionBehavior, params};

/// Most letters of one account; further ones are not kept.
const MOST: u64 = 100;
/// How long the line of one whose link has ended stays.
const TOLD: i64 = 30 * 24 * 3600 * 1_000_000;

/// A letter that is to be kept.
#[derive(Debug)]
pub struct NewMail<'a> {
    /// Whose person wrote it.
    pub account: i64,
    /// `invite`, `reset`.
    pub what: &'static str,
    /// SHA-256 of the link's token: the letter ends with the link.
    pub link: [u8; 32],
    /// Where it goes, without whom.
    pub host: &'a str,
    /// Whatever opens into a letter.
    pub letter: &'a [u8],
}

/// A letter that was not taken.
#[derive(Clone, Debug)]
pub struct Mail {
    /// Number.
    pub id: i64,
    /// Whose person wrote it.
    pub account: i64,
    /// `invite`, `reset`.
    pub what: String,
    /// Where it goes, without whom.
    pub host: String,
    /// `waiting`, `dead`.
    pub state: String,
    /// So far.
    pub tries: u32,
    /// Not tried before.
    pub due_at: i64,
    /// Its link has ended: nothing is left to be sent.
    pub ended: bool,
    /// Why it was not taken, (zh, en).
    pub error: (String, String),
    /// Last tried.
    pub tried_at: i64,
}

const MAIL: &str = "id, account, what, host, state, tries, due_at, letter = x'', zh, en, tried_at FROM mail";
/// Links that letters carry.
const LINKS: &str = "(SELECT digest, expires_at FROM invites UNION ALL SELECT digest, expires_at FROM resets)";

impl Store {
    /// Keeps a letter that was tried once, to be tried again at `due` or, where that is none, only when somebody asks for
    /// it. `false`: its link is not open, or too many are kept for that account.
    pub fn keep_mail(&self, new: &NewMail<'_>, due: Option<i64>, error: &(String, String), at: i64) -> Result<bool> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let sql = format!("SELECT expires_at FROM {LINKS} WHERE digest = ?1 AND expires_at > ?2");
        let until: Option<i64> = transaction.query_row(&sql, params![new.link, at], |row| row.get(0)).optional()?;
        let kept = "SELECT count(*) FROM mail WHERE account = ?1 AND letter <> x''";
        let kept: u64 = transaction.query_row(kept, [new.account], |row| row.get(0))?;
        let Some(until) = until.filter(|_| kept < MOST) else { return Ok(false) };
        let letter = self.hidden(&transaction, new.account, &name(&new.link), new.letter)?;
        let sql =
            "INSERT INTO mail(account, what, link, host, letter, state, tries, due_at, expires_at, zh, en, tried_at)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1, ?7, ?8, ?9, ?10, ?11)";
        let (state, (zh, en)) = (if due.is_some() { "waiting" } else { "dead" }, error);
        let due = due.unwrap_or(at);
        let args = params![new.account, new.what, new.link, new.host, letter, state, due, until, zh, en, at];
        transaction.execute(sql, args)?;
        transaction.commit()?;
        Ok(true)
    }

    /// What is due and can still be of use, the oldest first, with what it opens into. What cannot is forgotten: wholly
    /// where its link was used or taken back, but for a line (`why`, zh and en) where the link has ended.
    pub fn due_mail(&self, at: i64, limit: u32, why: &(&str, &str)) -> Result<Vec<(Mail, Vec<u8>)>> {
        if !self.look().query_row("SELECT EXISTS (SELECT 1 FROM mail)", [], |row| row.get::<_, bool>(0))? {
            return Ok(Vec::new());
        }
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let useless = format!("DELETE FROM mail WHERE expires_at > ?1 AND link NOT IN (SELECT digest FROM {LINKS})");
        transaction.execute(&useless, [at])?;
        let ended =
            "UPDATE mail SET state = 'dead', letter = x'', zh = ?2, en = ?3 WHERE expires_at <= ?1 AND letter <> x''";
        transaction.execute(ended, params![at, why.0, why.1])?;
        transaction.execute("DELETE FROM mail WHERE letter = x'' AND expires_at <= ?1", [at - TOLD])?;
        transaction.commit()?;
        let sql = format!("SELECT {MAIL} WHERE state = 'waiting' AND due_at <= ?1 ORDER BY due_at, id LIMIT ?2");
        let due = {
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map(params![at, limit], mail)?;
            rows.collect::<rusqlite::Result<Vec<_>>>()?
        };
        let mut opened = Vec::with_capacity(due.len());
        for mail in due {
            let sql = "SELECT link, letter FROM mail WHERE id = ?1";
            let (link, letter): ([u8; 32], Vec<u8>) =
                connection.query_row(sql, [mail.id], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let letter = self.shown(&connection, mail.account, &name(&link), &letter)?;
            opened.push((mail, letter));
        }
        Ok(opened)
    }

    /// Notes what came of a try: sent where there is no error, tried again at `due`, or given up.
    pub fn tried_mail(&self, id: i64, failed: Option<(Option<i64>, &(String, String))>, at: i64) -> Result<()> {
        let connection = self.lock();
        let Some((due, (zh, en))) = failed else {
            connection.execute("DELETE FROM mail WHERE id = ?1", [id])?;
            return Ok(());
        };
        let sql =
            "UPDATE mail SET state = ?2, due_at = ?3, zh = ?4, en = ?5, tried_at = ?6, tries = tries + 1 WHERE id = ?1";
        let state = if due.is_some() { "waiting" } else { "dead" };
        connection.execute(sql, params![id, state, due.unwrap_or(at), zh, en, at])?;
        Ok(())
    }

    /// Letters of every account that were not taken, what was given up first, the newest first.
    pub fn kept_mail(&self, limit: u32) -> Result<Vec<Mail>> {
        let connection = self.look();
        let sql = format!("SELECT {MAIL} ORDER BY state, id DESC LIMIT ?1");
        let mut statement = connection.prepare_cached(&sql)?;
        let rows = statement.query_map([limit], mail)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// How many were given up.
    pub fn dead_mail(&self) -> Result<u64> {
        Ok(self.look().query_row("SELECT count(*) FROM mail WHERE state = 'dead'", [], |row| row.get(0))?)
    }

    /// Tries one anew, or takes it away, and writes who did into both logs. `false`: it is not there, or, to be tried anew,
    /// is on its way already or has nothing left to be sent.
    pub fn settle_mail(&self, id: i64, again: bool, act: &Act) -> Result<bool> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let anew = "UPDATE mail SET state = 'waiting', tries = 0, due_at = ?2
                    WHERE id = ?1 AND state = 'dead' AND letter <> x'' RETURNING account";
        let account = match again {
            true => transaction.query_row(anew, [id, act.at], |row| row.get(0)),
            false => transaction.query_row("DELETE FROM mail WHERE id = ?1 RETURNING account", [id], |row| row.get(0)),
        };
        let Some(account) = account.optional()? else { return Ok(false) };
        room::noted(&transaction, account, id, act)?;
        transaction.commit()?;
        Ok(true)
    }
}

/// What a letter is sealed as: no other's stands in its place.
fn name(link: &[u8; 32]) -> String {
    format!("mail {}", hex::encode(link))
}

fn mail(row: &Row<'_>) -> rusqlite::Result<Mail> {
    Ok(Mail {
        id: row.get(0)?,
        account: row.get(1)?,
        what: row.get(2)?,
        host: row.get(3)?,
        state: row.get(4)?,
        tries: row.get(5)?,
        due_at: row.get(6)?,
        ended: row.get(7)?,
        error: (row.get(8)?, row.get(9)?),
        tried_at: row.get(10)?,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{NewSignIn, OWNER_ACCOUNT, Vault};

    const WHY: (&str, &str) = ("网址失效", "its link has ended");

    /// A store whose owner and merchant each wait for a way back in until 100.
    fn two() -> (tempfile::TempDir, Store, i64) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(&dir.path().join("q.db")).unwrap();
        store.unlock(Vault::new(&[7; 32]).unwrap());
        let person =
            |login: &str| NewSignIn { account: 1, login: login.into(), name: "x".into(), password: "".into(), at: 1 };
        store.first_sign_in(&person("a")).unwrap().unwrap();
        let account = store.add_merchant("party", &person("b"), None).unwrap().unwrap();
        assert!(store.offer_reset("a", &[1; 32], 100).unwrap() && store.offer_reset("b", &[2; 32], 100).unwrap());
        (dir, store, account)
    }

    fn keep(store: &Store, account: i64, link: u8, due: Option<i64>) -> bool {
        let letter = format!("to lin@example.cn: https://q.example/reset/{link}");
        let new = NewMail { account, what: "reset", link: [link; 32], host: "example.cn", letter: letter.as_bytes() };
        store.keep_mail(&new, due, &("忙".into(), "busy".into()), 5).unwrap()
    }

    #[test]
    fn a_letter_waits_sealed_and_goes_when_it_is_sent() {
        let (dir, store, account) = two();
        assert!(keep(&store, OWNER_ACCOUNT, 1, Some(10)) && keep(&store, account, 2, Some(20)));
        assert!(!keep(&store, account, 3, Some(20)), "no link, no letter");
        let holds = |text: &str| {
            let files = ["q.db", "q.db-wal"].map(|name| std::fs::read(dir.path().join(name)).unwrap_or_default());
            files.iter().any(|bytes| bytes.windows(text.len()).any(|w| w == text.as_bytes()))
        };
        assert!(holds("example.cn") && !holds("lin@example.cn") && !holds("/reset/"), "neither whom nor the link");
        assert!(store.due_mail(9, 9, &WHY).unwrap().is_empty());
        let due = store.due_mail(20, 9, &WHY).unwrap();
        assert_eq!(due.len(), 2);
        assert_eq!(due[1].1, b"to lin@example.cn: https://q.example/reset/2");
        store.tried_mail(due[0].0.id, None, 21).unwrap();
        store.tried_mail(due[1].0.id, Some((Some(50), &("忙".into(), "busy".into()))), 21).unwrap();
        assert!(store.due_mail(49, 9, &WHY).unwrap().is_empty());
        let again = store.due_mail(50, 9, &WHY).unwrap();
        assert_eq!((again.len(), again[0].0.tries), (1, 2));
        // Another key opens nothing, and a closed account's letter goes with it.
        let other = Store::open(&dir.path().join("q.db")).unwrap();
        other.unlock(Vault::new(&[8; 32]).unwrap());
        assert!(other.due_mail(50, 9, &WHY).is_err());
        let act = Act { at: 51, account, sign_in: None, via: "x".into(), act: "close-account", subject: "".into() };
        store.close_account(account, &act).unwrap();
        assert!(store.kept_mail(9).unwrap().is_empty());
    }

    #[test]
    fn what_was_given_up_goes_on_or_goes_until_its_link_ends() {
        let (_dir, store, account) = two();
        assert!(keep(&store, account, 2, None) && keep(&store, OWNER_ACCOUNT, 1, Some(10)));
        let (dead, late) = {
            let all = store.kept_mail(9).unwrap();
            assert_eq!((all[0].state.as_str(), all[1].state.as_str()), ("dead", "waiting"));
            (all[0].id, all[1].id)
        };
        let act = |act| Act { at: 30, account: 1, sign_in: None, via: "session 1".into(), act, subject: String::new() };
        assert!(!store.settle_mail(late, true, &act("letter-again")).unwrap(), "it is on its way");
        assert!(store.settle_mail(dead, true, &act("letter-again")).unwrap());
        assert_eq!(store.dead_mail().unwrap(), 0);
        let own = store.acts(account, i64::MAX, None, 9).unwrap();
        assert_eq!((own[0].act.as_str(), own[0].via.as_str()), ("letter-again", "operator"));
        // Used: nobody needs it any more.
        assert!(store.use_reset(&[1; 32], 40, "").unwrap());
        let due = store.due_mail(40, 9, &WHY).unwrap();
        assert_eq!(due.iter().map(|(mail, _)| mail.id).collect::<Vec<_>>(), [dead]);
        // Ended: the letter goes, its line stays for a while, and cannot be tried.
        assert!(store.due_mail(100, 9, &WHY).unwrap().is_empty());
        let all = store.kept_mail(9).unwrap();
        assert_eq!((all.len(), all[0].ended, all[0].error.1.as_str()), (1, true, WHY.1));
        assert!(!store.settle_mail(dead, true, &act("letter-again")).unwrap());
        assert!(store.settle_mail(dead, false, &act("letter-drop")).unwrap());
        assert!(!store.settle_mail(dead, false, &act("letter-drop")).unwrap());
        for n in 0..=MOST {
            assert_eq!(keep(&store, account, 2, Some(10)), n < MOST, "{n}");
        }
        store.due_mail(100 + TOLD, 9, &WHY).unwrap();
        store.due_mail(100 + TOLD, 9, &WHY).unwrap();
        assert!(store.kept_mail(9).unwrap().is_empty());
    }
}
