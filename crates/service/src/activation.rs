//! How an account comes to an edition: by a code, a promotion, the operator's grant, or an order of a market.
//!
//! Rules:
//! - A code is 80 random bits, shown once; the folder knows its SHA-256 and first four letters. It carries the terms of
//!   the day on which it was made, so that who was promised something has that.
//! - Nothing opens before somebody of the account acknowledged what the service does and does not do. That tick limits
//!   nothing: what is licensed, and to whom, stays the owner's business.

use crate::{
    Editions, Error, Folder, MAX_MONTHS, Result, Terms,
    account::{Actor, Answer, Permission, Refusal, Why},
    clock, keys,
};
use evidence::{
    digest,
    time::{SECOND, Utc},
};
use std::path::Path;
use store::{Code, CodeUsed, OWNER_ACCOUNT, Order};

/// Most codes that are made at once.
pub const MAX_CODES: u32 = 1000;
/// Most accounts that a code may serve.
const MAX_USES: u64 = 1_000_000;
/// Longest life of a code, in days.
pub const MAX_CODE_DAYS: u32 = 3660;
/// Entries of a page of codes.
pub const CODES_PAGE: u32 = 100;
/// Crockford's letters and digits: none looks like another.
const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Codes that are to be made.
#[derive(Clone, Debug)]
pub struct NewCodes {
    /// The edition's or pack's name in `editions.toml`.
    pub name: String,
    /// Months that it gives; `None`: as many as the edition says.
    pub months: Option<u32>,
    /// How many codes.
    pub count: u32,
    /// How many accounts may use each: more than one makes it a promotion.
    pub uses: u64,
    /// Days for which it can be used.
    pub days: u32,
    /// Given, not bought.
    pub gift: bool,
    /// For the operator's own list.
    pub note: String,
}

/// What an account that is not activated yet is shown.
#[derive(Clone, Debug)]
pub struct Waits {
    /// How to order, (zh, en).
    pub order: Option<(String, String)>,
    /// What was given to it already, and only waits for the acknowledgement.
    pub given: Vec<crate::Held>,
    /// The account's number, which a market is told.
    pub account: i64,
    /// It needs none.
    pub house: bool,
    /// It is activated; a further code adds to it.
    pub acknowledged: bool,
}

/// A code before it is used.
#[derive(Clone, Debug)]
pub struct Promise {
    /// What it gives.
    pub terms: Terms,
    /// Who gives it.
    pub giver: String,
    /// Given, not bought.
    pub gift: bool,
    /// Until when it can be used.
    pub until: Utc,
}

/// Makes codes beside a running server, at the machine itself.
pub fn make_codes(dir: &Path, new: &NewCodes) -> Answer<Vec<String>> {
    made(&beside(dir)?, dir, new)
}

/// Gives an account something beside a running server, at the machine itself.
pub fn make_grant(dir: &Path, account: i64, name: &str, months: Option<u32>, gift: bool) -> Answer<i64> {
    given(&beside(dir)?, dir, account, name, months, gift, None)
}

impl Folder {
    /// Makes codes: shown this once.
    pub fn make_codes(&self, actor: &Actor, new: &NewCodes) -> Answer<Vec<String>> {
        let person = self.allow(actor, Permission::Operate)?;
        let codes = made(&self.store, &self.dir, new)?;
        self.note(actor, person, "make-codes", &format!("{} {}", new.name, codes.len()))?;
        Ok(codes)
    }

    /// Codes below this number (`i64::MAX`: the newest), the newest first.
    pub fn activation_codes(&self, actor: &Actor, below: i64) -> Answer<Vec<(Code, Terms)>> {
        self.allow(actor, Permission::Operate)?;
        let codes = self.store.codes(below, CODES_PAGE)?;
        Ok(codes.into_iter().map(|code| Terms::of_json(&code.terms).map(|t| (code, t))).collect::<Result<_>>()?)
    }

    /// Ends a code that is not used up.
    pub fn end_code(&self, actor: &Actor, id: i64) -> Answer<()> {
        let person = self.allow(actor, Permission::Operate)?;
        if !self.store.end_code(id, clock::now().0)? {
            let (zh, en) = ("没有这个激活码，或它已用完、已停用", "there is no such code, or it is used up or ended");
            return Err(Refusal::new(Why::NotFound, zh, en));
        }
        Ok(self.note(actor, person, "end-code", &id.to_string())?)
    }

    /// Gives an account an edition or a pack.
    pub fn grant(&self, actor: &Actor, account: i64, name: &str, months: Option<u32>, gift: bool) -> Answer<i64> {
        let person = self.allow(actor, Permission::Operate)?;
        let id = given(&self.store, &self.dir, account, name, months, gift, Some(person.id))?;
        self.note(actor, person, "grant", &format!("{account} {id}"))?;
        Ok(id)
    }

    /// Ends what an account was given, from now on; whose it was.
    pub fn end_grant(&self, actor: &Actor, id: i64) -> Answer<i64> {
        let (person, now) = (self.allow(actor, Permission::Operate)?, clock::now().0);
        let Some(account) = self.store.end_entitlement(id, now, now)? else {
            let (zh, en) = ("没有这一项，或它已经结束", "there is no such thing, or it has ended");
            return Err(Refusal::new(Why::NotFound, zh, en));
        };
        self.note(actor, person, "end-grant", &format!("{account} {id}"))?;
        Ok(account)
    }

    /// What an account has, for the operator.
    pub fn standing_for(&self, actor: &Actor, account: i64) -> Answer<crate::Standing> {
        self.allow(actor, Permission::Operate)?;
        if !self.store.account_open(account)? {
            return Err(no_account(account));
        }
        Ok(self.standing_of(account)?)
    }

    /// Orders of the market, the newest first.
    pub fn orders(&self, actor: &Actor) -> Answer<Vec<Order>> {
        self.allow(actor, Permission::Operate)?;
        Ok(self.store.orders(CODES_PAGE)?)
    }

    /// What may be given, for the operator's forms.
    pub fn editions(&self, actor: &Actor) -> Answer<Editions> {
        self.allow(actor, Permission::Operate)?;
        offered(&self.dir)
    }

    /// What the page of activation has to say.
    pub fn waits(&self, actor: &Actor) -> Answer<Waits> {
        let person = self.allow(actor, Permission::Account)?;
        let standing = self.standing_of(person.account)?;
        Ok(Waits {
            order: offered(&self.dir)?.order,
            acknowledged: standing.acknowledged.is_some() && !(standing.open.is_empty() && standing.other.is_empty()),
            given: standing.open,
            account: person.account,
            house: person.account == OWNER_ACCOUNT,
        })
    }

    /// What a code gives, who gives it and until when; it stays unused.
    pub fn look_at_code(&self, actor: &Actor, typed: &str) -> Answer<Promise> {
        self.allow(actor, Permission::Account)?;
        let code = self.found_code(typed)?;
        refuse_used(&code, clock::now().0)?;
        let terms = Terms::of_json(&code.terms)?;
        Ok(Promise { terms, giver: code.giver, gift: code.gift, until: Utc(code.expires_at) })
    }

    /// Activates by a code, or acknowledges what was given already where none is typed.
    pub fn activate(&self, actor: &Actor, typed: &str, acknowledged: bool) -> Answer<()> {
        let (person, now) = (self.allow(actor, Permission::Account)?, clock::now());
        if person.account == OWNER_ACCOUNT {
            let (zh, en) = ("文件夹主体的账户不需要激活", "the account of the folder's owner needs no activation");
            return Err(Refusal::new(Why::Conflict, zh, en));
        }
        let without = typed.trim().is_empty();
        // The tick is asked for where something waits for it.
        let waits = || -> Result<bool> {
            let open = !self.store.entitled(person.account, now.0)?.is_empty();
            Ok(open && (acknowledged || self.store.acknowledged(person.account)?.is_none()))
        };
        if without && !waits()? {
            return Err(Refusal::field("code", "请填写激活码", "enter a code"));
        }
        if !acknowledged {
            let (zh, en) = ("请先阅读并勾选确认", "read this and tick that you did");
            return Err(Refusal::field("acknowledged", zh, en));
        }
        if without {
            self.store.acknowledge(person.account, person.id, now.0)?;
            return Ok(self.note(actor, person, "acknowledge", "")?);
        }
        let code = self.found_code(typed)?;
        let terms = Terms::of_json(&code.terms)?;
        let (given, grants) = terms.given(now, terms.months);
        let source = if code.uses > 1 { "promotion" } else { "code" };
        let given = store::Entitlement {
            account: person.account,
            source: source.into(),
            reference: code.id.to_string(),
            giver: code.giver.clone(),
            gift: code.gift,
            created_at: now.0,
            ..given
        };
        match self.store.use_code(code.id, &given, &grants, person.id)? {
            CodeUsed::Given(_) => Ok(self.note(actor, person, "activate", &code.id.to_string())?),
            CodeUsed::Again => {
                let (zh, en) = ("这个激活码本账户已经用过", "this account has used this code before");
                Err(Refusal::field("code", zh, en))
            }
            CodeUsed::Spent => Err(spent()),
            CodeUsed::Expired => Err(expired(code.expires_at)),
            CodeUsed::Ended => Err(ended()),
        }
    }

    fn found_code(&self, typed: &str) -> Answer<Code> {
        let none = || {
            let (zh, en) = ("没有这个激活码；请检查后重新输入", "there is no such code; check it and enter it again");
            Refusal::field("code", zh, en)
        };
        let code = normal(typed).ok_or_else(none)?;
        self.store.code(&digest::sha256(code.as_bytes()))?.ok_or_else(none)
    }
}

fn beside(dir: &Path) -> Result<store::Store> {
    let database = dir.join("quezao.db");
    if !database.is_file() {
        let shown = crate::show_path(dir);
        return Err(Error::new(
            format!("{shown} 不是数据文件夹；请检查 --data"),
            format!("{shown} is not a data folder; check --data"),
        ));
    }
    Ok(store::Store::open_beside(&database)?)
}

fn offered(dir: &Path) -> Answer<Editions> {
    // Which lines are wrong is for the operator, who has `config check`.
    Ok(Editions::of(dir).map_err(|mut wrong| wrong.swap_remove(0))?)
}

/// The terms of an entry, for as many months as are wanted.
pub(crate) fn terms_of(dir: &Path, name: &str, months: Option<u32>) -> Answer<Terms> {
    let editions = offered(dir)?;
    let Some(terms) = editions.named(name) else {
        let all: Vec<&str> = editions.all.iter().map(|terms| terms.name.as_str()).collect();
        let (name, all) = (crate::show_path(Path::new(name)), all.join(", "));
        return Err(Refusal::field(
            "edition",
            format!("没有“{name}”这个版本或加量包；有 {all}"),
            format!("there is no edition or pack \"{name}\"; there are {all}"),
        ));
    };
    let months = months.unwrap_or(terms.months);
    if !(1..=MAX_MONTHS).contains(&months) {
        return Err(Refusal::field(
            "months",
            format!("月数须为 1 至 {MAX_MONTHS}，而不是 {months}"),
            format!("months are from 1 to {MAX_MONTHS}, not {months}"),
        ));
    }
    Ok(Terms { months, ..terms.clone() })
}

fn made(store: &store::Store, dir: &Path, new: &NewCodes) -> Answer<Vec<String>> {
    let bound = |field, value: u64, most: u64| {
        if (1..=most).contains(&value) {
            return Ok(());
        }
        let (zh, en) = (format!("须为 1 至 {most}，而不是 {value}"), format!("it is from 1 to {most}, not {value}"));
        Err(Refusal::field(field, zh, en))
    };
    bound("count", new.count.into(), MAX_CODES.into())?;
    bound("uses", new.uses, MAX_USES)?;
    bound("days", new.days.into(), MAX_CODE_DAYS.into())?;
    if new.note.chars().count() > 200 || evidence::json::check_string("note", &new.note).is_err() {
        return Err(Refusal::field(
            "note",
            "备注须为不超过 200 个可见的字",
            "a note has at most 200 visible characters",
        ));
    }
    let terms = terms_of(dir, &new.name, new.months)?;
    let (giver, now) = (giver(store)?, clock::now().0);
    let mut codes = Vec::new();
    for _ in 0..new.count {
        codes.push(letters(&keys::random::<10>()?));
    }
    let rows: Vec<_> = codes
        .iter()
        .map(|code| {
            let row = Code {
                hint: code.chars().take(4).collect(),
                kind: terms.kind.clone(),
                name: terms.name.clone(),
                terms: terms.to_json(),
                giver: giver.clone(),
                gift: new.gift,
                note: new.note.trim().to_owned(),
                uses: new.uses,
                expires_at: now + i64::from(new.days) * 24 * 3600 * SECOND,
                created_at: now,
                ..Code::default()
            };
            (digest::sha256(code.as_bytes()), row)
        })
        .collect();
    store.add_codes(&rows)?;
    Ok(codes.iter().map(|code| in_fours(code)).collect())
}

fn given(
    store: &store::Store,
    dir: &Path,
    account: i64,
    name: &str,
    months: Option<u32>,
    gift: bool,
    sign_in: Option<i64>,
) -> Answer<i64> {
    if account == OWNER_ACCOUNT || !store.account_open(account)? {
        return Err(no_account(account));
    }
    let (terms, now) = (terms_of(dir, name, months)?, clock::now());
    let (given, grants) = terms.given(now, terms.months);
    let giver = giver(store)?;
    let given = store::Entitlement { account, source: "grant".into(), giver, gift, created_at: now.0, ..given };
    match store.entitle(&given, &grants, sign_in) {
        // Closed since it was looked at.
        Err(store::Error::NoAccount) => Err(no_account(account)),
        given => Ok(given?),
    }
}

/// Who gives: whoever runs the folder, by legal name.
fn giver(store: &store::Store) -> Result<String> {
    let party = match store.meta("operator")? {
        Some(operator) => operator,
        None => store.meta("owner")?.unwrap_or_default(),
    };
    let party: crate::identity::Party = serde_json::from_str(&party).map_err(|e| {
        Error::new(
            format!("数据库中的主体信息损坏（{e}）；请从备份恢复"),
            format!("the owner in the database is damaged ({e}); restore a backup"),
        )
    })?;
    Ok(party.name)
}

fn no_account(account: i64) -> Refusal {
    Refusal::field(
        "account",
        format!("没有可以给予的账户 {account}：它不存在、已关闭，或是不受限的账户 1"),
        format!(
            "nothing can be given to account {account}: it is not there, closed, or account 1, which has no bounds"
        ),
    )
}

fn refuse_used(code: &Code, now: i64) -> Answer<()> {
    match code {
        code if code.ended_at.is_some() => Err(ended()),
        code if code.used >= code.uses => Err(spent()),
        code if code.expires_at <= now => Err(expired(code.expires_at)),
        _ => Ok(()),
    }
}

fn ended() -> Refusal {
    Refusal::field("code", "这个激活码已由运营者停用", "the operator has ended this code")
}

fn spent() -> Refusal {
    Refusal::field("code", "这个激活码已经用完", "this code is used up")
}

fn expired(at: i64) -> Refusal {
    let day: String = Utc(at).to_micros().chars().take(10).collect();
    Refusal::field("code", format!("这个激活码已于 {day} 到期"), format!("this code expired on {day}"))
}

/// Sixteen letters of ten random bytes.
fn letters(bytes: &[u8; 10]) -> String {
    let number = bytes.iter().fold(0u128, |n, byte| n << 8 | u128::from(*byte));
    (0..16).rev().map(|place| char::from(LETTERS[(number >> (5 * place) & 31) as usize])).collect()
}

fn in_fours(code: &str) -> String {
    code.as_bytes().chunks(4).map(|four| String::from_utf8_lossy(four).into_owned()).collect::<Vec<_>>().join("-")
}

/// A code as it was made, however it was typed: small letters, spaces, hyphens, `O` for 0, `I` and `L` for 1.
fn normal(typed: &str) -> Option<String> {
    let mut code = String::new();
    for c in typed.chars().filter(|c| !c.is_whitespace() && *c != '-') {
        code.push(match c.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            c if c.is_ascii() && LETTERS.contains(&(c as u8)) => c,
            _ => return None,
        });
        if code.len() > 16 {
            return None;
        }
    }
    (code.len() == 16).then_some(code)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_code_is_read_however_it_is_typed() {
        let code = letters(&[0, 68, 50, 20, 199, 66, 84, 182, 53, 207]);
        assert_eq!(code, "0123456789ABCDEF");
        assert_eq!(in_fours(&code), "0123-4567-89AB-CDEF");
        for typed in ["0123-4567-89ab-cdef", " O123 4567 89AB CDEF ", "oi23456789abcdef", "0l23-4567-89ab-cdef"] {
            assert_eq!(normal(typed).as_deref(), Some("0123456789ABCDEF"), "{typed}");
        }
        for typed in ["", "0123", "0123-4567-89AB-CDEFG", "0123-4567-89AB-CDEU", "０１２３４５６７８９ＡＢＣＤＥＦ"]
        {
            assert_eq!(normal(typed), None, "{typed}");
        }
    }
}
