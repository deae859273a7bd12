//! Signing up: an account, its owner as declared, and its first person, together or not at all.
//!
//! Rules:
//! - Whether anybody may is the operator's setting; before the folder's own people are there, nobody may.
//! - A name is what somebody says: checked for its form, never for its truth. Every record says `self-declared`.
//! - What is odd and not wrong (a company's code with another check character, letters of two alphabets) is said, and
//!   written only when it was confirmed.

use super::{Answer, FirstSignIn, Refusal, Why};
use crate::{Error, Folder, Warnings, clock, identity::Party, letters, master};
use std::str::FromStr;
use store::NewSignIn;

/// Who may sign up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SignUps {
    /// Nobody.
    #[default]
    Closed,
    /// Everybody.
    Open,
}

impl FromStr for SignUps {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        match word {
            "closed" => Ok(Self::Closed),
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
    /// Whether the sign-up page is there.
    pub fn takes_sign_ups(&self, who: SignUps) -> Answer<()> {
        if who == SignUps::Open && self.store.any_sign_in()? {
            return Ok(());
        }
        let (zh, en) = ("这里不开放注册；请联系运营者", "nobody can sign up here; ask whoever runs it");
        Err(Refusal::new(Why::NotFound, zh, en))
    }

    /// Opens an account.
    pub fn sign_up(&self, who: SignUps, new: &NewMerchant) -> Answer<SignedUp> {
        self.takes_sign_ups(who)?;
        let (party, odd) = new.party()?;
        if !odd.is_empty() && !new.confirmed {
            return Ok(SignedUp::Odd(odd));
        }
        let person = new.person.check()?;
        self.writer()?;
        master::ensure(&self.dir, &self.store)?;
        let party = serde_json::to_string(&party).unwrap_or_default();
        if self.store.add_merchant(&party, &NewSignIn { at: clock::now().0, ..person })?.is_none() {
            return Err(Refusal::field(
                "login",
                "这个登录名已有人使用；请换一个",
                "somebody signs in with this name already; choose another",
            ));
        }
        Ok(SignedUp::Opened)
    }
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
        let mut odd = party.check().map_err(named("number"))?;
        odd.extend(letters::of_two_alphabets(&party.name));
        Ok((party, odd))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn new(kind: &str, name: &str, number: &str) -> NewMerchant {
        let person = FirstSignIn { login: "chenlan".into(), name: "陈岚".into(), password: "correct horse".into() };
        NewMerchant { kind: kind.into(), name: name.into(), number: number.into(), person, confirmed: false }
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
