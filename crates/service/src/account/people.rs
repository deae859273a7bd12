//! People: the first one, signing in and out, sessions.
//!
//! Rules:
//! - A password is kept as argon2id (RFC 9106) with the library's parameters; a name that nobody has costs the same time.
//! - From the fifth wrong password or code in a row on a name is closed for 30 s, then twice as long each time, 15 minutes
//!   at most. Tries are counted before they are judged.
//! - A session's token is 32 random bytes, new at every sign-in; the folder knows only its SHA-256. It ends 14 days after
//!   it began, and when it was not used for three.
//! - Where a code is asked for beside the password, the right password opens half a session: a page for the code, no more.

use super::{Actor, Answer, Permission, Refusal, Why, refusal::WRONG_PASSWORD};
use crate::{Error, Folder, Result, clock, keys, letters};
use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use evidence::{digest, hex, time::SECOND};
use std::sync::OnceLock;
use store::{NewSignIn, OWNER_ACCOUNT, SignIn};

/// Shortest password, in characters.
pub const MIN_PASSWORD: usize = 12;
/// Longest password, in bytes: hashing takes as long as it is long.
pub const MAX_PASSWORD: usize = 1024;
/// A session ends so long after it began.
const SESSION: i64 = 14 * 24 * 3600 * SECOND;
/// And when it was not used for so long.
const IDLE: i64 = 3 * 24 * 3600 * SECOND;
/// A code is waited for so long.
const HALF: i64 = 300 * SECOND;
/// How often a session's use is written down.
const TOUCH: i64 = 60 * SECOND;

/// The first person: owner and operator in one, until more are invited.
#[derive(Clone, Debug)]
pub struct FirstSignIn {
    /// Typed to sign in.
    pub login: String,
    /// Shown, and recorded as the acting account.
    pub name: String,
    /// As typed.
    pub password: String,
}

/// A session as its owner sees it.
#[derive(Clone, Debug)]
pub struct OpenSession {
    /// Number.
    pub id: i64,
    /// The browser's own words about itself.
    pub agent: String,
    /// UTC microseconds.
    pub created_at: i64,
    /// UTC microseconds, to the minute.
    pub seen_at: i64,
    /// The one that asks.
    pub current: bool,
}

/// What the right password gives.
pub enum SignedIn {
    /// A session.
    Opened(Opened),
    /// Half a session: [`Folder::sign_in_code`] makes it whole.
    Code(Opened),
}

/// A session's token.
pub struct Opened {
    /// For the browser alone, hex.
    pub token: String,
    /// Seconds.
    pub lasts: i64,
}

impl FirstSignIn {
    /// Refuses what could not be typed again, printed, or kept.
    pub(crate) fn check(&self) -> Answer<NewSignIn> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "._@-".contains(c);
        if !(3..=64).contains(&self.login.len()) || !self.login.chars().all(plain) {
            return Err(Refusal::field(
                "login",
                "登录名须为 3 至 64 个字母、数字或 . _ @ -",
                "the name to sign in with must have 3 to 64 letters, digits or . _ @ -",
            ));
        }
        let name = plain_person(&self.name)?;
        let password = new_password(&self.login, &self.password)?;
        let (account, login) = (OWNER_ACCOUNT, self.login.clone());
        Ok(NewSignIn { account, login, name, password, at: clock::now().0 })
    }
}

impl Folder {
    /// Whether anybody can sign in.
    pub fn has_sign_in(&self) -> Result<bool> {
        Ok(self.store.any_sign_in()?)
    }

    /// Adds the first person to a folder that has none.
    pub fn add_first_sign_in(&self, person: &FirstSignIn) -> Answer<()> {
        first(&self.store, &person.check()?)
    }

    /// Right name and password: a new session, or half of one. Both wrong cases read alike.
    pub fn sign_in(&self, login: &str, password: &str, agent: &str) -> Answer<SignedIn> {
        let now = clock::now().0;
        let wrong = || Refusal::field("password", "登录名或密码不对", "the name or the password is wrong");
        if password.len() > MAX_PASSWORD || login.len() > 64 {
            return Err(wrong());
        }
        let Some(person) = self.store.sign_in_named(login)? else {
            // As long as a name that is there.
            verify(password, nobody()?);
            return Err(wrong());
        };
        let tried = self.count_try(&person, now)?;
        if !verify(password, &person.password) {
            self.note(&Actor::visitor(), &person, "wrong-password", "")?;
            return Err(wrong());
        }
        self.store.forgive(person.id, tried)?;
        self.let_in(person, agent, now)
    }

    /// A session for who has shown who he is; half of one where a code is asked for besides.
    pub(super) fn let_in(&self, person: SignIn, agent: &str, now: i64) -> Answer<SignedIn> {
        if !person.codes {
            return Ok(SignedIn::Opened(self.begin_session(person, agent, now)?));
        }
        let token = hex::encode(&keys::random::<32>()?);
        self.store.begin_half(&digest::sha256(token.as_bytes()), person.id, &words_of(agent), now, now + HALF)?;
        Ok(SignedIn::Code(Opened { token, lasts: HALF / SECOND }))
    }

    /// Whether this token is half a session, which waits for a code.
    pub fn waits_for_code(&self, token: &str) -> Result<bool> {
        Ok(self.store.half_session(&digest::sha256(token.as_bytes()), clock::now().0)?.is_some())
    }

    /// Half a session and a code of the authenticator, or a recovery code: a new session.
    pub fn sign_in_code(&self, token: &str, code: &str, agent: &str) -> Answer<Opened> {
        let (now, half) = (clock::now().0, digest::sha256(token.as_bytes()));
        let Some(person) = self.store.half_session(&half, now)? else {
            return Err(Refusal::new(Why::SignIn, "等得太久；请重新登录", "that took too long; sign in again"));
        };
        self.count_try(&person, now)?;
        if let Err(refusal) = self.take_code(&person, code, now) {
            self.note(&Actor::visitor(), &person, "wrong-code", "")?;
            return Err(refusal);
        }
        self.store.end_half(&half)?;
        self.begin_session(person, agent, now)
    }

    /// Counts a try, or says how long the name is closed.
    pub(super) fn count_try(&self, person: &SignIn, now: i64) -> Answer<i64> {
        if let Some(tried) = self.store.count_try(person.id, now)? {
            return Ok(tried);
        }
        let left = ((person.locked_until - now) / SECOND + 1).clamp(1, store::LONGEST / SECOND);
        Err(Refusal::new(
            Why::Slow(u64::try_from(left).unwrap_or(1)),
            format!("多次输入错误，请在 {left} 秒后再试"),
            format!("too many wrong tries; try again in {left} seconds"),
        ))
    }

    /// The password of somebody who is signed in already, counted and noted like any other. Gives what to forgive the try
    /// by.
    pub(super) fn ask_password(
        &self,
        actor: &Actor,
        person: &SignIn,
        password: &str,
        field: &'static str,
    ) -> Answer<i64> {
        let tried = self.count_try(person, clock::now().0)?;
        if password.len() > MAX_PASSWORD || !verify(password, &person.password) {
            self.note(actor, person, "wrong-password", "")?;
            return Err(Refusal::field(field, "密码不对", "the password is wrong").code(WRONG_PASSWORD));
        }
        Ok(tried)
    }

    /// Asks a person who is signed in for the password again, before what cannot be undone.
    pub(crate) fn same_person(&self, actor: &Actor, person: &SignIn, password: &str) -> Answer<()> {
        let tried = self.ask_password(actor, person, password, "password")?;
        Ok(self.store.forgive(person.id, tried)?)
    }

    pub(super) fn begin_session(&self, person: SignIn, agent: &str, now: i64) -> Answer<Opened> {
        let token = hex::encode(&keys::random::<32>()?);
        let (digest, agent) = (digest::sha256(token.as_bytes()), words_of(agent));
        let id = self.store.begin_session(&digest, person.id, &agent, now, now + SESSION, IDLE)?;
        let actor = Actor { via: super::Via::Session { person: person.clone(), session: id } };
        self.note(&actor, &person, "sign-in", &id.to_string())?;
        Ok(Opened { token, lasts: SESSION / SECOND })
    }

    /// A new password in place of the old one. Every other session ends, and this one has another token.
    pub fn change_password(&self, actor: &Actor, old: &str, new: &str) -> Answer<Opened> {
        let person = self.allow(actor, Permission::Secrets)?;
        let tried = self.ask_password(actor, person, old, "old")?;
        self.store.forgive(person.id, tried)?;
        let (password, token) = (new_password(&person.login, new)?, hex::encode(&keys::random::<32>()?));
        let session = actor.session().unwrap_or_default();
        self.store.change_password(person.id, &password, session, &digest::sha256(token.as_bytes()))?;
        self.note(actor, person, "change-password", "")?;
        Ok(Opened { token, lasts: SESSION / SECOND })
    }

    /// Whose session this token is; a visitor where it is nobody's.
    pub fn actor(&self, token: &str) -> Result<Actor> {
        let now = clock::now().0;
        let Some((session, person)) = self.store.session(&digest::sha256(token.as_bytes()), now, IDLE)? else {
            return Ok(Actor::visitor());
        };
        if (now - session.seen_at).abs() > TOUCH {
            self.store.touch_session(session.id, now)?;
        }
        Ok(Actor::of(person, &session))
    }

    /// The actor's sessions, the last used first.
    pub fn sessions(&self, actor: &Actor) -> Answer<Vec<OpenSession>> {
        let person = self.allow(actor, Permission::Sessions)?;
        let found = self.store.sessions(person.id, clock::now().0, IDLE)?;
        Ok(found
            .into_iter()
            .map(|s| OpenSession {
                id: s.id,
                agent: s.agent,
                created_at: s.created_at,
                seen_at: s.seen_at,
                current: actor.session() == Some(s.id),
            })
            .collect())
    }

    /// Ends one of the actor's sessions.
    pub fn end_session(&self, actor: &Actor, id: i64) -> Answer<()> {
        let person = self.allow(actor, Permission::Sessions)?;
        if !self.store.end_session(person.id, id)? {
            return Err(Refusal::new(Why::NotFound, "没有这个登录", "there is no such session"));
        }
        Ok(self.note(actor, person, "end-session", &id.to_string())?)
    }
}

/// A person's name that can be printed.
pub(super) fn plain_person(name: &str) -> Answer<String> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > 60 {
        return Err(Refusal::field("name", "请填写姓名，不超过 60 个字", "give a name of at most 60 characters"));
    }
    let shown = evidence::json::check_string("name", name).map_err(Error::from);
    shown
        .and_then(|()| letters::check(name, "姓名", "the name"))
        .map_err(|error| Refusal { why: Why::Field("name"), error })?;
    Ok(name.to_owned())
}

/// Writes the first person, unless there is one.
pub(crate) fn first(store: &store::Store, new: &NewSignIn) -> Answer<()> {
    match store.first_sign_in(new)? {
        Some(_) => Ok(()),
        None => Err(Refusal::new(
            Why::Conflict,
            "这个文件夹已经有人登录；请用已有的登录名登录",
            "somebody can sign in to this folder already; use that name",
        )),
    }
}

/// The hash of a password that can be kept.
pub(super) fn new_password(login: &str, password: &str) -> Answer<String> {
    if password.chars().count() < MIN_PASSWORD || password.len() > MAX_PASSWORD {
        return Err(Refusal::field(
            "password",
            format!("密码至少 {MIN_PASSWORD} 个字符，至多 {MAX_PASSWORD} 字节"),
            format!("a password has at least {MIN_PASSWORD} characters and at most {MAX_PASSWORD} bytes"),
        ));
    }
    if password.eq_ignore_ascii_case(login) {
        return Err(Refusal::field(
            "password",
            "密码不能与登录名相同",
            "the password must not be the name to sign in with",
        ));
    }
    Ok(hash(password)?)
}

/// What a browser says of itself, fit to be kept.
fn words_of(agent: &str) -> String {
    letters::shown(agent, 200)
}

fn hash(password: &str) -> Result<String> {
    let hashed = Argon2::default().hash_password(password.as_bytes()).map(|h| h.to_string());
    hashed.map_err(|e| Error::new(format!("密码无法处理（{e}）"), format!("the password could not be hashed ({e})")))
}

fn verify(password: &str, stored: &str) -> bool {
    PasswordHash::new(stored).is_ok_and(|h| Argon2::default().verify_password(password.as_bytes(), &h).is_ok())
}

/// The hash of no password: what a name that nobody has is held against.
fn nobody() -> Result<&'static str> {
    static NOBODY: OnceLock<String> = OnceLock::new();
    if let Some(known) = NOBODY.get() {
        return Ok(known);
    }
    let made = hash(&hex::encode(&keys::random::<32>()?))?;
    Ok(NOBODY.get_or_init(|| made))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn person(login: &str, name: &str, password: &str) -> FirstSignIn {
        FirstSignIn { login: login.into(), name: name.into(), password: password.into() }
    }

    #[test]
    fn what_a_person_cannot_be_called_is_refused_by_field() {
        let field = |p: FirstSignIn| p.check().map(|_| ()).map_err(|r| r.why);
        assert_eq!(field(person("li", "林晚", "correct horse")), Err(Why::Field("login")));
        assert_eq!(field(person("lin wan", "林晚", "correct horse")), Err(Why::Field("login")));
        assert_eq!(field(person("linwan", " ", "correct horse")), Err(Why::Field("name")));
        assert_eq!(field(person("linwan", "林\u{202e}晚", "correct horse")), Err(Why::Field("name")));
        assert_eq!(field(person("linwan", "林晚", "short")), Err(Why::Field("password")));
        assert_eq!(field(person("linwan@example", "林晚", "linwan@example")), Err(Why::Field("password")));
        let kept = person("linwan", " 林晚 ", "correct horse battery").check().unwrap();
        assert_eq!(kept.name, "林晚");
        assert!(kept.password.starts_with("$argon2id$") && verify("correct horse battery", &kept.password));
        assert!(!verify("correct horse battery ", &kept.password));
    }
}
