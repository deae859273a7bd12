//! Letters that the mail server did not take: kept under the account's key, tried again, given up in the operator's sight.
//!
//! Rules:
//! - Kept is a letter whose link is open, and no longer: used, taken back or ended, it goes with whom it was for.
//! - Neither address nor link lies in clear in the database: sealed as identity data are, the owner's own letters under
//!   the master key itself, which is made where there is none.
//! - What the server refused for good (RFC 5321, 4.2.1: 5yz of the letter itself) is not tried again by itself; the
//!   operator can have it tried, once he has put right what was wrong.

use crate::{
    Folder, Mail, NotTaken, Post, Result,
    account::{Actor, Answer, Permission, Refusal, Why},
    clock, master,
};
use evidence::{
    digest,
    time::{SECOND, Utc},
};
use store::{Mail as Row, NewMail};

/// Rests between tries, in seconds.
const RESTS: [i64; 9] = [5, 60, 300, 900, 1800, 3600, 10_800, 36_000, 86_400];
/// Tries in one turn.
const AT_ONCE: u32 = 8;
/// Lines of the operator's page.
const LISTED: u32 = 200;
/// Why a line stays of which nothing can be sent any more.
const ENDED: (&str, &str) =
    ("一直没有发出，信中的网址已经失效；请重新生成", "never sent, and its link has ended; make a new one");

/// A letter on its way once more. Nobody holds the data folder meanwhile.
pub struct LateMail {
    row: Row,
    post: Option<Post>,
    /// What came of it; `None`: not tried.
    answer: Option<std::result::Result<(), NotTaken>>,
}

/// A letter that was not taken, as the operator sees it.
#[derive(Clone, Debug)]
pub struct MailShown {
    /// Number.
    pub id: i64,
    /// Whose person wrote it.
    pub account: i64,
    /// `invite`, `reset`.
    pub what: String,
    /// Where it goes, without whom.
    pub host: String,
    /// It is not tried any more by itself.
    pub given_up: bool,
    /// Its link has ended: it cannot be tried any more.
    pub ended: bool,
    /// So far.
    pub tries: u32,
    /// Why it was not taken, (zh, en).
    pub error: (String, String),
    /// Last tried.
    pub tried_at: Utc,
}

impl Folder {
    /// Keeps a letter that the server did not take, for as long as the link of this token is open; `false`: it cannot be
    /// kept, as too many are, or the link is not open.
    pub fn keep_mail(&self, actor: &Actor, token: &str, post: &Post, why: &NotTaken) -> Answer<bool> {
        let person = self.allow(actor, Permission::People).or_else(|_| self.allow(actor, Permission::Operate))?;
        self.writer()?;
        master::ensure(&self.dir, &self.store)?;
        let letter = serde_json::to_vec(post).unwrap_or_default();
        let link = digest::sha256(token.as_bytes());
        let new = NewMail { account: person.account, what: post.what, link, host: post.host(), letter: &letter };
        let now = clock::now().0;
        let due = (!why.for_good).then(|| now + RESTS[0] * SECOND);
        Ok(self.store.keep_mail(&new, due, &why.words(), now)?)
    }

    /// Letters that are due. Only the one writer calls this.
    pub fn late_mail(&self) -> Result<Vec<LateMail>> {
        let due = self.store.due_mail(clock::now().0, AT_ONCE, &ENDED)?;
        let late = |(row, letter): (Row, Vec<u8>)| LateMail { row, post: Post::kept(&letter), answer: None };
        Ok(due.into_iter().map(late).collect())
    }

    /// Notes what came of tries.
    pub fn note_mail(&self, letters: &[LateMail]) -> Result<()> {
        for LateMail { row, answer, .. } in letters {
            let (now, failed) = match answer {
                None => continue,
                Some(answer) => (clock::now().0, answer.as_ref().err()),
            };
            let rest = RESTS.get(row.tries as usize).map(|rest| now + rest * SECOND);
            let words = failed.map(NotTaken::words);
            let failed = failed.zip(words.as_ref()).map(|(why, words)| (rest.filter(|_| !why.for_good), words));
            self.store.tried_mail(row.id, failed, now)?;
        }
        Ok(())
    }

    /// Letters that were not taken, for the operator.
    pub fn kept_mail(&self, actor: &Actor) -> Answer<Vec<MailShown>> {
        self.allow(actor, Permission::Operate)?;
        let shown = |row: Row| MailShown {
            id: row.id,
            account: row.account,
            what: row.what,
            host: row.host,
            given_up: row.state == "dead",
            ended: row.ended,
            tries: row.tries,
            error: row.error,
            tried_at: Utc(row.tried_at),
        };
        Ok(self.store.kept_mail(LISTED)?.into_iter().map(shown).collect())
    }

    /// Tries one of them anew, or takes it away for good.
    pub fn settle_mail(&self, actor: &Actor, id: i64, again: bool) -> Answer<()> {
        let person = self.allow(actor, Permission::Operate)?;
        let act = actor.act(person, if again { "letter-again" } else { "letter-drop" }, "");
        if !self.store.settle_mail(id, again, &act)? {
            let (zh, en) =
                ("没有这封未送达的邮件，或它已重新投递", "there is no such letter, or it is on its way again");
            return Err(Refusal::new(Why::NotFound, zh, en));
        }
        Ok(())
    }
}

impl LateMail {
    /// One try.
    pub fn try_again(&mut self, mail: &Mail) {
        // What opens into no letter was written by another release, and never can be sent.
        let broken = || NotTaken { why: "?".into(), for_good: true };
        self.answer = Some(self.post.as_ref().map_or_else(|| Err(broken()), |post| mail.post(post)));
    }
}
