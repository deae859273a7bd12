//! Sub-accounts: invited by a one-time address, permitted and ended by who manages people.
//!
//! Rules:
//! - Of an invite's address the folder knows only the SHA-256; it is good once, and for some days.
//! - Whom an invite is for is the inviter's word, since records name that person as acting; the invited person chooses
//!   only how to sign in.
//! - A sub-account that manages people hands on no more than it has itself, and changes nobody who may do or see more.
//! - An invite holds what its maker may hand on when it is used: who is ended or narrowed lets nobody in by older ones.

use super::{Actor, Answer, FirstSignIn, PERMISSIONS, Permission, Refusal, Why};
use crate::{Folder, clock, keys};
use evidence::{digest, hex, time::SECOND};
use store::{Invite, Joined, NewInvite, Person, Role, SignIn, Wish};

/// Most people of one account, with those who are invited.
pub const MAX_PEOPLE: usize = 200;
/// Longest that an invite is good, in days.
pub const MAX_INVITE_DAYS: u32 = 30;
/// Longest words of a wish, in characters.
pub const MAX_WORDS: usize = 200;
/// Wishes that are shown.
const WISHES: u32 = 50;
const DAY: i64 = 24 * 3600 * SECOND;

/// Who is in an account, and who is about to be.
#[derive(Clone, Debug)]
pub struct Team {
    /// In order of joining.
    pub people: Vec<Person>,
    /// Good invites, the newest first.
    pub invites: Vec<Invite>,
    /// The open ones, then the newest that were answered.
    pub wishes: Vec<Wish>,
    /// What the actor can hand on.
    pub grants: Vec<&'static str>,
}

/// What somebody may do.
#[derive(Clone, Debug, Default)]
pub struct Permitted {
    /// Words of [`PERMISSIONS`].
    pub permissions: Vec<String>,
    /// Numbers of shops; `None`: not limited to any.
    pub shops: Option<Vec<i64>>,
}

impl Folder {
    /// The people of the actor's account.
    pub fn team(&self, actor: &Actor) -> Answer<Team> {
        let person = self.allow(actor, Permission::People)?;
        let grants = PERMISSIONS.into_iter().filter(|word| may_grant(person, word)).collect();
        Ok(Team {
            people: self.store.people(person.account)?,
            invites: self.store.invites(person.account, clock::now().0)?,
            wishes: self.store.wishes(person.account, WISHES)?,
            grants,
        })
    }

    /// A one-time address for a new sub-account, shown this once: `…/join/TOKEN`.
    pub fn invite(&self, actor: &Actor, name: &str, permitted: &Permitted, days: u32) -> Answer<String> {
        let person = self.allow(actor, Permission::People)?;
        let name = super::people::plain_person(name)?;
        let permissions = self.grantable(person, permitted)?;
        if !(1..=MAX_INVITE_DAYS).contains(&days) {
            return Err(Refusal::field(
                "days",
                format!("邀请的有效期须为 1 至 {MAX_INVITE_DAYS} 天"),
                format!("an invitation is good for 1 to {MAX_INVITE_DAYS} days"),
            ));
        }
        let token = hex::encode(&keys::random::<32>()?);
        let (digest, act) = (digest::sha256(token.as_bytes()), actor.act(person, "invite", ""));
        let new = NewInvite {
            digest: &digest,
            name: &name,
            permissions: &permissions,
            shops: permitted.shops.as_deref(),
            until: act.at + i64::from(days) * DAY,
        };
        let most = self.most_people(person.account)?;
        if self.store.add_invite(&new, most, &act)?.is_none() {
            return Err(Refusal::field(
                "name",
                format!("这个账户至多 {most} 人（含邀请中的）；请先终止一些，或升级版本"),
                format!("this account has at most {most} people, with those invited; end some first, or upgrade"),
            ));
        }
        Ok(token)
    }

    /// Takes an invite back.
    pub fn end_invite(&self, actor: &Actor, id: i64) -> Answer<()> {
        let person = self.allow(actor, Permission::People)?;
        if !self.store.end_invite(id, &actor.act(person, "end-invite", &id.to_string()))? {
            return Err(Refusal::new(Why::NotFound, "没有这个邀请", "there is no such invitation"));
        }
        Ok(())
    }

    /// Whom this address invites, while it is good.
    pub fn invited(&self, token: &str) -> Answer<Invite> {
        self.store.invite(&digest::sha256(token.as_bytes()), clock::now().0)?.ok_or_else(used)
    }

    /// Joins by such an address, with a name to sign in with and a password of one's own.
    pub fn join(&self, token: &str, login: &str, password: &str) -> Answer<()> {
        let Invite { name, account, .. } = self.invited(token)?;
        let new = FirstSignIn { login: login.to_owned(), name, password: password.to_owned() }.check()?;
        let most = self.most_people(account)?;
        match self.store.join(&digest::sha256(token.as_bytes()), &new, most)? {
            Joined::New(_) => Ok(()),
            Joined::Full => {
                let (zh, en) = (
                    "这个账户现在的版本没有空余名额；请主账户升级版本或终止一些人后再来，网址仍然有效",
                    "the account's edition has no seat left; the main account can upgrade or end somebody, and this address stays good",
                );
                Err(Refusal::field("login", zh, en))
            }
            Joined::Taken => {
                let (zh, en) =
                    ("这个登录名已有人使用；请换一个", "somebody signs in by this name already; choose another");
                Err(Refusal::field("login", zh, en))
            }
            Joined::Gone => Err(used()),
        }
    }

    /// How many people an account may have at most, with those invited.
    fn most_people(&self, account: i64) -> Answer<usize> {
        Ok(self.seats(account)?.map_or(MAX_PEOPLE, |seats| seats.min(MAX_PEOPLE)))
    }

    /// Sets what a sub-account may do from its next act on.
    pub fn permit(&self, actor: &Actor, id: i64, permitted: &Permitted) -> Answer<()> {
        let person = self.allow(actor, Permission::People)?;
        self.below(person, id)?;
        let permissions = self.grantable(person, permitted)?;
        let subject = format!("{id} {permissions}");
        let act = actor.act(person, "permit", subject.trim());
        if !self.store.permit(id, &permissions, permitted.shops.as_deref(), &act)? {
            return Err(nobody());
        }
        Ok(())
    }

    /// Ends a sub-account: its sessions and tokens end with it, its records stay.
    pub fn end_person(&self, actor: &Actor, id: i64) -> Answer<()> {
        let person = self.allow(actor, Permission::People)?;
        self.below(person, id)?;
        if !self.store.end_person(id, &actor.act(person, "end-person", &id.to_string()))? {
            return Err(nobody());
        }
        Ok(())
    }

    /// Sends the main account what the actor wants to be permitted: `place` is where it was refused.
    pub fn wish(&self, actor: &Actor, permission: &str, place: &str, words: &str) -> Answer<()> {
        let person = self.allow(actor, Permission::Sessions)?;
        let Some(permission) = PERMISSIONS.into_iter().find(|p| *p == permission) else {
            return Err(Refusal::field("permission", "没有这种权限", "there is no such permission"));
        };
        let now = self.store.standing(person.id)?.ok_or_else(Refusal::unknown)?;
        if now.role == Role::Main || has(&now, permission) {
            let (zh, en) = ("这项权限已经有了；请重新打开那一页", "this is permitted already; open the page again");
            return Err(Refusal::new(Why::Conflict, zh, en));
        }
        let words = words.trim();
        if words.chars().count() > MAX_WORDS || evidence::json::check_string("words", words).is_err() {
            return Err(Refusal::field(
                "words",
                format!("说明不超过 {MAX_WORDS} 个字，只占一行，不含看不见的字符"),
                format!("at most {MAX_WORDS} characters on one line, none of them hidden"),
            ));
        }
        let place: String = place.chars().filter(|c| c.is_ascii_graphic()).take(MAX_WORDS).collect();
        Ok(self.store.wish(permission, &place, words, &actor.act(person, "wish", permission))?)
    }

    /// Grants a wish, or declines it.
    pub fn answer_wish(&self, actor: &Actor, id: i64, granted: bool) -> Answer<()> {
        let person = self.allow(actor, Permission::People)?;
        let gone =
            || Refusal::new(Why::NotFound, "没有这个申请，或已经答复", "there is no such wish, or it was answered");
        let (permission, whose) = self.store.open_wish(person.account, id)?.ok_or_else(gone)?;
        self.below(person, whose)?;
        if !may_grant(person, &permission) {
            return Err(more());
        }
        let subject = format!("{whose} {permission}");
        let act = actor.act(person, if granted { "grant-wish" } else { "decline-wish" }, &subject);
        if self.store.answer_wish(id, granted, &act)? { Ok(()) } else { Err(gone()) }
    }

    /// How many wishes wait for who can answer them; none for everybody else.
    pub fn open_wishes(&self, actor: &Actor) -> Answer<u64> {
        match self.decide(actor, Permission::People) {
            Ok(person) => Ok(self.store.open_wishes(person.account)?),
            Err(_) => Ok(0),
        }
    }

    /// What is to be permitted, as it is kept; refused where the actor cannot hand it on.
    fn grantable(&self, person: &SignIn, permitted: &Permitted) -> Answer<String> {
        let known = |word: &&str| permitted.permissions.iter().any(|p| p == word);
        let words: Vec<&str> = PERMISSIONS.into_iter().filter(known).collect();
        if words.len() != permitted.permissions.len() {
            return Err(Refusal::field("permissions", "没有这种权限", "there is no such permission"));
        }
        if words.iter().any(|word| !may_grant(person, word)) {
            return Err(more());
        }
        if let Some(shops) = &permitted.shops {
            let open = self.store.shops(person.account)?;
            let is_open = |id: &i64| open.iter().any(|shop| shop.id == *id && shop.ended_at.is_none());
            if shops.is_empty() || !shops.iter().all(is_open) {
                return Err(Refusal::field(
                    "shops",
                    "请至少选择一家店铺，或不限店铺",
                    "choose at least one of this account's shops, or no limit",
                ));
            }
        }
        if !within(person, permitted.shops.as_deref()) {
            return Err(more());
        }
        Ok(words.join(" "))
    }

    /// Refuses where this is no sub-account of the actor's account, the actor himself, or somebody who may do or see more.
    pub(super) fn below(&self, person: &SignIn, id: i64) -> Answer<Person> {
        let people = self.store.people(person.account)?;
        let other = people.into_iter().find(|p| p.id == id && p.role == Role::Sub).ok_or_else(nobody)?;
        let less = other.permissions.split_whitespace().all(|word| may_grant(person, word))
            && within(person, other.shops.as_deref());
        if person.role == Role::Main || (less && id != person.id) { Ok(other) } else { Err(more()) }
    }
}

fn has(person: &SignIn, word: &str) -> bool {
    person.permissions.split(' ').any(|w| w == word)
}

fn may_grant(person: &SignIn, word: &str) -> bool {
    person.role == Role::Main || has(person, word)
}

/// Whether who is limited to these shops (`None`: to none) sees no more than this person.
fn within(person: &SignIn, shops: Option<&[i64]>) -> bool {
    let own = person.shops.as_ref().filter(|_| person.role == Role::Sub);
    own.is_none_or(|own| shops.is_some_and(|shops| shops.iter().all(|id| own.contains(id))))
}

fn more() -> Refusal {
    Refusal::new(
        Why::Forbidden,
        "子账户只能授予自己有的权限和店铺，不能改动自己，也不能改动权限或店铺更多的人；请主账户来做",
        "a sub-account hands on only what it has itself, and changes neither itself nor who may do or see more; the main account can",
    )
}

fn nobody() -> Refusal {
    Refusal::new(Why::NotFound, "没有这个子账户", "there is no such sub-account")
}

/// A wrong, used or old address reads like any page that is not there.
fn used() -> Refusal {
    Refusal::new(
        Why::NotFound,
        "这个邀请不能用，或已经用过；请邀请人再发一个",
        "this invitation is of no use, or was used; ask for another",
    )
}
