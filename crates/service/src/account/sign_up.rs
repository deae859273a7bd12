//! Signing up: an account, its owner as declared, and its first person, together or not at all.
//!
//! Rules:
//! - Whether anybody may is the operator's setting; before the folder's own people are there, nobody may. Of an
//!   invitation's address the folder knows only the SHA-256; it is good once, until a day.
//! - A name is what somebody says: checked for its form, never for its truth. Every record says `self-declared`.
//! - What is odd and not wrong (a company's code with another check character, a name that may look like another) is said, and
//!   written only when it was confirmed.

use super::{Actor, Answer, FirstSignIn, Permission, Refusal, Why};
use crate::{Error, Folder, Warnings, clock, identity::Party, keys, letters, master};
use evidence::{
    digest, hex,
    time::{SECOND, Utc},
};
use std::str::FromStr;
use store::NewSignIn;

/// Longest that an invitation lasts, in days.
pub const MAX_INVITATION_DAYS: i64 = 90;
/// Most that are open.
const MAX_INVITATIONS: u64 = 200;

/// An invitation that is open.
#[derive(Clone, Debug)]
pub struct Invited {
    /// Number.
    pub id: i64,
    /// Whom it is meant for, in the operator's words.
    pub name: String,
    /// Ends by itself.
    pub until: Utc,
}

/// Who may sign up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SignUps {
    /// Nobody.
    #[default]
    Closed,
    /// Who has an invitation of the operator's.
    Invited,
    /// Everybody.
    Open,
}

impl FromStr for SignUps {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        match word {
            "closed" => Ok(Self::Closed),
            "invitation" => Ok(Self::Invited),
            "open" => Ok(Self::Open),
            _ => Err(()),
        }
    }
}

/// Who wants an account.
#[derive(Clone, Debug)]
pub struct NewMerchant {
    /// `individual` or `enterprise`.
    pub kind: String,
    /// Legal name.
    pub name: String,
    /// 居民身份证 number, or 统一社会信用代码.
    pub number: String,
    /// Who signs in.
    pub person: FirstSignIn,
    /// An invitation's key; empty: none.
    pub invitation: String,
    /// What is odd was looked at again.
    pub confirmed: bool,
}

/// What came of it.
#[derive(Clone, Debug)]
pub enum SignedUp {
    /// The account is there.
    Opened,
    /// Nothing was written; to be confirmed, each (zh, en).
    Odd(Warnings),
}

impl Folder {
    /// Whether the sign-up page is there for who has this invitation's key, or none.
    pub fn takes_sign_ups(&self, who: SignUps, key: &str) -> Answer<()> {
        let invited = || self.store.is_invited(&digest::sha256(key.as_bytes()), clock::now().0);
        let may = match who {
            SignUps::Closed => false,
            SignUps::Invited => invited()?,
            SignUps::Open => true,
        };
        if may && self.store.any_sign_in()? {
            return Ok(());
        }
        Err(uninvited(who))
    }

    /// The operator lets somebody sign up: the address's key, told this once.
    pub fn invite_merchant(&self, actor: &Actor, name: &str, days: i64) -> Answer<String> {
        let person = self.allow(actor, Permission::Operate)?;
        let name = name.trim();
        if name.is_empty() || name.chars().count() > 60 || evidence::json::check_string("", name).is_err() {
            let (zh, en) = ("请写明邀请谁，不超过 60 个字", "say whom it is for, in at most 60 characters");
            return Err(Refusal::field("name", zh, en));
        }
        if !(1..=MAX_INVITATION_DAYS).contains(&days) {
            let most = MAX_INVITATION_DAYS;
            return Err(Refusal::field("days", format!("请填 1 至 {most} 天"), format!("give 1 to {most} days")));
        }
        let key = hex::encode(&keys::random::<32>()?);
        let act = actor.act(person, "invite-merchant", "");
        let (digest, until) = (digest::sha256(key.as_bytes()), act.at + days * 24 * 3600 * SECOND);
        if !self.store.add_invitation(&digest, name, until, MAX_INVITATIONS, &act)? {
            return Err(Refusal::field(
                "name",
                format!("有效的邀请已有 {MAX_INVITATIONS} 个；请先结束不用的"),
                format!("there are {MAX_INVITATIONS} open invitations; end some of them first"),
            ));
        }
        Ok(key)
    }

    /// Invitations that are open, the newest first.
    pub fn invitations(&self, actor: &Actor) -> Answer<Vec<Invited>> {
        self.allow(actor, Permission::Operate)?;
        let open = self.store.invitations(clock::now().0)?.into_iter();
        Ok(open.map(|i| Invited { id: i.id, name: i.name, until: Utc(i.expires_at) }).collect())
    }

    /// Ends one.
    pub fn end_invitation(&self, actor: &Actor, id: i64) -> Answer<()> {
        let person = self.allow(actor, Permission::Operate)?;
        if !self.store.end_invitation(id)? {
            return Err(Refusal::new(Why::NotFound, "没有这个邀请", "there is no such invitation"));
        }
        Ok(self.note(actor, person, "end-invitation", "")?)
    }

    /// Opens an account.
    pub fn sign_up(&self, who: SignUps, new: &NewMerchant) -> Answer<SignedUp> {
        self.takes_sign_ups(who, &new.invitation)?;
        let (party, odd) = new.party()?;
        if !odd.is_empty() && !new.confirmed {
            return Ok(SignedUp::Odd(odd));
        }
        let person = new.person.check()?;
        self.writer()?;
        master::ensure(&self.dir, &self.store)?;
        let party = serde_json::to_string(&party).unwrap_or_default();
        let invitation = (who == SignUps::Invited).then(|| digest::sha256(new.invitation.as_bytes()));
        let person = NewSignIn { at: clock::now().0, ..person };
        let added = match self.store.add_merchant(&party, &person, invitation.as_ref()) {
            // Used by another in the meantime.
            Err(store::Error::Uninvited) => return Err(uninvited(who)),
            added => added?,
        };
        if added.is_none() {
            return Err(Refusal::field(
                "login",
                "这个登录名已有人使用；请换一个",
                "somebody signs in with this name already; choose another",
            ));
        }
        Ok(SignedUp::Opened)
    }
}

/// A code whose check character does not fit.
fn slip(code: &str) -> (String, String) {
    (
        format!(
            "统一社会信用代码 {code} 的校验码不符，多半是输错了一位；也有真实的企业如此。请对照营业执照，确认无误再提交"
        ),
        format!(
            "the check character of {code} does not fit: most often one character is mistyped, though some real companies have such codes; compare it with the licence and confirm"
        ),
    )
}

fn uninvited(who: SignUps) -> Refusal {
    let (zh, en) = match who {
        SignUps::Invited => (
            "注册需要运营者的邀请；邀请用过一次或到期即失效，请索取新的",
            "signing up needs an invitation of whoever runs this; it is good once and until its day, so ask for a new one",
        ),
        SignUps::Closed | SignUps::Open => {
            ("这里不开放注册；请联系运营者", "nobody can sign up here; ask whoever runs it")
        }
    };
    Refusal::new(Why::NotFound, zh, en)
}

impl NewMerchant {
    /// The party as it will be kept, and what is odd about it.
    fn party(&self) -> Answer<(Party, Warnings)> {
        let named = |field| move |error: Error| Refusal { why: Why::Field(field), error };
        let (name, number) = (self.name.trim().to_owned(), self.number.trim().to_ascii_uppercase());
        let (code, id) = match self.kind.as_str() {
            "individual" if number.is_empty() => {
                return Err(Refusal::field("number", "请填写身份证号", "give the identity number"));
            }
            "enterprise" if number.is_empty() => {
                return Err(Refusal::field("number", "请填写统一社会信用代码", "give the unified social credit code"));
            }
            "individual" => (None, Some(number)),
            "enterprise" => (Some(number), None),
            _ => return Err(Refusal::field("kind", "请选择企业或个人", "choose company or individual")),
        };
        let party = Party { kind: self.kind.clone(), name, code, id };
        party.check_name().map_err(named("owner_name"))?;
        // Nothing is recorded yet, so it is asked about, not told.
        let odd = party.check().map_err(named("number"))?;
        let mut odd: Warnings = odd.into_iter().map(|_| slip(party.code.as_deref().unwrap_or_default())).collect();
        odd.extend(letters::look_alike(&party.name));
        Ok((party, odd))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn new(kind: &str, name: &str, number: &str) -> NewMerchant {
        let person = FirstSignIn { login: "chenlan".into(), name: "陈岚".into(), password: "correct horse".into() };
        NewMerchant {
            kind: kind.into(),
            name: name.into(),
            number: number.into(),
            person,
            invitation: String::new(),
            confirmed: false,
        }
    }

    #[test]
    fn what_cannot_be_a_merchant_is_refused_by_its_field() {
        let field = |new: NewMerchant| match new.party() {
            Err(Refusal { why: Why::Field(field), .. }) => field,
            other => panic!("{other:?}"),
        };
        assert_eq!(field(new("robot", "陈岚", "1")), "kind");
        assert_eq!(field(new("individual", " ", "11010519491231002X")), "owner_name");
        assert_eq!(field(new("individual", "陈\u{202e}岚", "11010519491231002X")), "owner_name");
        assert_eq!(field(new("individual", "陈岚", "")), "number");
        assert_eq!(field(new("individual", "陈岚", "110105194912310021")), "number");
        assert_eq!(field(new("enterprise", "海棠文化有限公司", "9135010")), "number");
    }

    #[test]
    fn what_is_odd_is_said_and_what_is_right_is_kept_as_it_is_written() {
        let (party, odd) = new("individual", " 陈岚 ", " 11010519491231002x ").party().unwrap();
        assert!(odd.is_empty() && party.name == "陈岚" && party.id.as_deref() == Some("11010519491231002X"));
        assert_eq!(new("enterprise", "海棠文化有限公司", "91350211M0000XUF46").party().unwrap().1.len(), 1);
        let (_, odd) = new("enterprise", "\u{410}pple 有限公司", "91350100M000100Y43").party().unwrap();
        assert!(odd.len() == 1 && odd[0].1.contains("U+0410"), "{odd:?}");
    }
}
