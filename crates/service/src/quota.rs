//! Quota: what an account has, what is left of it, and what an act takes. The ledger itself is `store`'s.
//!
//! Rules:
//! - Units are held before any work is done, and spent in the transaction that writes the record: nobody works for
//!   nothing, and nothing is recorded for nothing.
//! - What is not spent is given back when the act ends, however it ends.
//! - What was given is used to its own end: a pack goes on when the edition beside it is over.
//! - The folder's owner (account 1) has no bounds, and no row.

use crate::{
    Feature, Folder, Result, Terms,
    account::{Actor, Answer, Permission, Refusal, Why},
    bytes_shown, clock, custody, letters,
};
use evidence::time::{SECOND, Utc};
use store::{Asked, Charge, Entitlement, Grant, Left, Move, Need, OWNER_ACCOUNT, SignIn, Unit};

/// Collections and comparisons of an account in 24 hours: they cost no deposit, and the ledger keeps them for ever.
const MADE_A_DAY: u64 = 100;

/// Entries of a page of movements.
pub const MOVES_PAGE: u32 = 50;

/// Units and bytes that an act holds; what is left of them is given back when this is dropped.
pub(crate) struct Reserved {
    store: store::Store,
    reservation: Option<(i64, i64)>,
}

impl Reserved {
    /// Who pays for a record that keeps so many bytes; `None`: nobody has to.
    pub(crate) fn charge(&self, bytes: u64) -> Option<Charge> {
        self.reservation.map(|(reservation, sign_in)| Charge { reservation, bytes, sign_in })
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        if let Some((reservation, _)) = self.reservation {
            // What fails here is released when the folder is next opened.
            let _ = self.store.release(reservation);
        }
    }
}

/// An edition or a pack that an account has or had.
#[derive(Clone, Debug)]
pub struct Held {
    /// Its terms on the day on which it was given.
    pub terms: Terms,
    /// Given by whom, for how long.
    pub given: Entitlement,
}

/// What an account has, for its own page.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// The folder's owner: without bounds.
    pub house: bool,
    /// When somebody acknowledged what the service does.
    pub acknowledged: Option<Utc>,
    /// What holds now, what ends last first.
    pub open: Vec<Held>,
    /// What begins later or has ended, the newest first.
    pub other: Vec<Held>,
    /// What is left.
    pub left: Left,
    /// Amounts that are open, in the order in which they are used.
    pub grants: Vec<Grant>,
    /// People who may sign in.
    pub seats: u64,
}

impl Standing {
    /// Whether it has this.
    pub fn has(&self, feature: Feature) -> bool {
        self.house || self.open.iter().any(|held| held.terms.features.contains(&feature))
    }
}

impl Folder {
    /// Holds deposits and bytes for an act.
    pub(crate) fn reserve(&self, person: &SignIn, deposits: u64, bytes: u64) -> Answer<Reserved> {
        let mut held = Reserved { store: self.store.clone(), reservation: None };
        if person.account == OWNER_ACCOUNT {
            return Ok(held);
        }
        self.acknowledged(person.account)?;
        let need = Need { unit: Unit::Deposit, amount: deposits, bytes };
        match self.store.reserve(person.account, need, clock::now().0)? {
            Asked::Held(reservation) => held.reservation = Some((reservation, person.id)),
            Asked::Short(left) => return Err(self.short(person.account, need, left)?),
        }
        Ok(held)
    }

    /// Nobody deposits who has not said that he read what the service does.
    fn acknowledged(&self, account: i64) -> Answer<()> {
        if self.store.acknowledged(account)?.is_none()
            && let Some(refusal) = self.not_activated(account, self.store.left(account, clock::now().0)?)?
        {
            return Err(refusal);
        }
        Ok(())
    }

    /// The same for files of these digests, of which those on record already cost nothing; `kept`: their bytes come along,
    /// and a record by digests alone is of another kind.
    pub(crate) fn reserve_for(&self, person: &SignIn, files: &[[u8; 32]], kept: bool, bytes: u64) -> Answer<Reserved> {
        let short = match self.reserve(person, files.len() as u64, bytes) {
            Err(refusal) if matches!(refusal.why, Why::Quota(_)) => refusal,
            other => return other,
        };
        let mut new = std::collections::BTreeSet::new();
        for sha256 in files {
            let known = if kept {
                custody::account_keeps(&self.store, person.account, sha256)?
            } else {
                self.store.has_file(person.account, sha256)?
            };
            if !known {
                new.insert(*sha256);
            }
        }
        match new.len() {
            // Nothing will be spent, and nothing can be.
            0 => self.reserve(person, 0, 0),
            n if n < files.len() => self.reserve(person, n as u64, bytes),
            _ => Err(short),
        }
    }

    /// Whether so much is left, asked before anything is sent; holds nothing. Bytes that are on their way already, and not
    /// registered, are counted, but for `these`.
    pub(crate) fn has_left(&self, person: &SignIn, deposits: u64, bytes: u64, these: u64) -> Answer<()> {
        if person.account == OWNER_ACCOUNT {
            return Ok(());
        }
        self.acknowledged(person.account)?;
        let mut left = self.store.left(person.account, clock::now().0)?;
        left.storage = left.storage.saturating_sub(self.coming(person.account)?.saturating_sub(these));
        if left.deposits >= deposits && left.storage >= bytes {
            return Ok(());
        }
        Err(self.short(person.account, Need { unit: Unit::Deposit, amount: deposits, bytes }, left)?)
    }

    /// Whether the account may have one more collection or comparison today.
    pub(crate) fn may_make(&self, person: &SignIn) -> Answer<()> {
        self.has_left(person, 0, 0, 0)?;
        if person.account == OWNER_ACCOUNT || self.made_left(person.account)? > 0 {
            return Ok(());
        }
        Err(Refusal::new(
            Why::Slow(3600),
            format!("24 小时内的合集与比对已达 {MADE_A_DAY} 次；没有做任何操作，请稍后再做"),
            format!(
                "{MADE_A_DAY} collections and comparisons were made in 24 hours; nothing was done, try again later"
            ),
        ))
    }

    fn made_left(&self, account: i64) -> Result<u64> {
        let made = self.store.made_since(account, clock::now().0 - 24 * 3600 * SECOND)?;
        Ok(MADE_A_DAY.saturating_sub(made))
    }

    /// How many collections and comparisons the actor's account may still make in these 24 hours, and why none at all;
    /// `None`: without bounds.
    pub fn makeable(&self, actor: &Actor) -> Answer<Option<(u64, Option<Refusal>)>> {
        let Some(account) = actor.account().filter(|account| *account != OWNER_ACCOUNT) else { return Ok(None) };
        let left = self.store.left(account, clock::now().0)?;
        Ok(Some((self.made_left(account)?, self.not_activated(account, left)?)))
    }

    /// Refuses what the account's editions lack.
    pub(crate) fn require(&self, account: i64, feature: Feature) -> Answer<()> {
        if account == OWNER_ACCOUNT {
            return Ok(());
        }
        let now = clock::now().0;
        let (mut names, mut found) = ((Vec::new(), Vec::new()), false);
        for given in self.store.entitled(account, now)? {
            let terms = Terms::of_json(&given.terms)?;
            found |= terms.features.contains(&feature);
            names.0.push(terms.zh);
            names.1.push(terms.en);
        }
        if found && self.store.acknowledged(account)?.is_some() {
            return Ok(());
        }
        let left = self.store.left(account, now)?;
        if let Some(refusal) = self.closed(account, left)? {
            return Err(refusal);
        }
        let (zh, en) = feature.words();
        Err(Refusal::new(
            Why::Quota(left),
            format!("{}不包含{zh}；请升级版本（账户 › 版本）", names.0.join("、")),
            format!("{} has no {en}; upgrade to an edition that has it (account, edition)", names.1.join(", ")),
        )
        .code("not-in-edition"))
    }

    /// Why there are too few captures.
    pub(crate) fn short_of_captures(&self, account: i64, pages: u64, left: Left) -> Answer<Refusal> {
        Ok(self.short(account, Need { unit: Unit::Capture, amount: pages, bytes: 1 }, left)?)
    }

    /// What is lacking, and what is left.
    fn short(&self, account: i64, need: Need, left: Left) -> Result<Refusal> {
        let (there, zh, en) = match need.unit {
            Unit::Deposit => (left.deposits, "存证", "deposits"),
            Unit::Capture => (left.captures, "取证", "captures"),
        };
        let n = need.amount;
        if let Some(refusal) = self.closed(account, left)?
            && !(1..n).contains(&there)
        {
            return Ok(refusal);
        }
        let said = if there < n {
            (
                format!("{zh}次数不足：需要 {n} 次，剩余 {there} 次"),
                format!("too few {en} are left: {n} are needed, {there} are there"),
            )
        } else {
            let (wanted, free) = (bytes_shown(need.bytes), bytes_shown(left.storage));
            (
                format!("存储空间不足：需要 {wanted}，剩余 {free}"),
                format!("too little storage is left: {wanted} is needed, {free} is there"),
            )
        };
        Ok(Refusal::new(
            Why::Quota(left),
            format!("{}；没有做任何操作。请升级版本或增购（账户 › 版本）", said.0),
            format!("{}; nothing was done. Upgrade or add a pack (account, edition)", said.1),
        )
        .code("quota"))
    }

    /// Of an account that is not activated: nothing is registered, and nothing made.
    fn not_activated(&self, account: i64, left: Left) -> Result<Option<Refusal>> {
        if self.store.acknowledged(account)?.is_none() || self.store.entitlements(account)?.is_empty() {
            let (zh, en) =
                ("账户尚未激活；请打开“激活”页", "this account is not activated yet; open the page \"Activate\"");
            return Ok(Some(Refusal::new(Why::Quota(left), zh, en).code("not-activated")));
        }
        Ok(None)
    }

    /// The same, or of one that has no edition any more. What its packs gave is there all the same.
    fn closed(&self, account: i64, left: Left) -> Result<Option<Refusal>> {
        if let Some(refusal) = self.not_activated(account, left)? {
            return Ok(Some(refusal));
        }
        let open = self.store.entitled(account, clock::now().0)?;
        if !open.iter().any(|given| given.kind == "edition") {
            let (zh, en) = (
                "版本已到期，已有的证据仍可查看和下载；请续订（账户 › 版本）",
                "the edition has expired; evidence can still be seen and downloaded. Renew it (account, edition)",
            );
            return Ok(Some(Refusal::new(Why::Quota(left), zh, en).code("expired")));
        }
        Ok(None)
    }

    /// Refuses an account that is not activated.
    pub fn begun(&self, actor: &Actor) -> Answer<()> {
        let Some(account) = actor.account().filter(|account| *account != OWNER_ACCOUNT) else { return Ok(()) };
        self.not_activated(account, Left::default())?.map_or(Ok(()), Err)
    }

    /// How many people an account may have; `None`: the folder's owner, without bounds.
    pub(crate) fn seats(&self, account: i64) -> Result<Option<usize>> {
        if account == OWNER_ACCOUNT {
            return Ok(None);
        }
        Ok(Some(usize::try_from(self.standing_of(account)?.seats).unwrap_or(usize::MAX)))
    }

    /// Whether the actor's account has this.
    pub fn has(&self, actor: &Actor, feature: Feature) -> Answer<bool> {
        match actor.account() {
            None => Ok(false),
            Some(account) => Ok(self.standing_of(account)?.has(feature)),
        }
    }

    /// What the actor's account has.
    pub fn standing(&self, actor: &Actor) -> Answer<Standing> {
        let person = self.allow(actor, Permission::View)?;
        Ok(self.standing_of(person.account)?)
    }

    pub(crate) fn standing_of(&self, account: i64) -> Result<Standing> {
        let now = clock::now().0;
        let mut standing = Standing {
            house: account == OWNER_ACCOUNT,
            acknowledged: self.store.acknowledged(account)?.map(Utc),
            left: self.store.left(account, now)?,
            grants: self.store.open_grants(account, now)?,
            ..Standing::default()
        };
        for given in self.store.entitlements(account)? {
            let held = Held { terms: Terms::of_json(&given.terms)?, given };
            if held.given.begins_at <= now && now < held.given.expires_at {
                standing.seats += held.terms.seats;
                standing.open.push(held);
            } else {
                standing.other.push(held);
            }
        }
        standing.open.sort_by_key(|held| std::cmp::Reverse(held.given.expires_at));
        Ok(standing)
    }

    /// What is left, and why, where nothing is, there will be no more; `None`: without bounds. For whoever uses it up, whether
    /// or not he may look at the account's edition.
    pub fn remaining(&self, actor: &Actor) -> Answer<Option<(Left, Option<Refusal>)>> {
        let Some(account) = actor.account().filter(|account| *account != OWNER_ACCOUNT) else { return Ok(None) };
        let left = self.store.left(account, clock::now().0)?;
        Ok(Some((left, self.closed(account, left)?)))
    }

    /// A page of the account's movements below this place (`i64::MAX`: the newest), the newest first; of who is limited to
    /// shops, those that tell of no other.
    pub fn moves(&self, actor: &Actor, below: i64) -> Answer<Vec<Move>> {
        let person = self.allow(actor, Permission::View)?;
        let only = person.shops.as_deref().map(|shops| (person.id, shops));
        Ok(self.store.moves(person.account, below, MOVES_PAGE, only)?)
    }

    /// Keeps in the account's own records why a file was refused; `name` as it was sent. It costs nothing.
    pub(crate) fn note_uncharged(&self, person: &SignIn, name: &str, refusal: &Refusal) {
        if !matches!(refusal.why, Why::Field(_) | Why::TooLarge(_) | Why::MediaType | Why::Checksum) {
            return;
        }
        let (subject, why) = (letters::shown(name, 250), (refusal.error.zh.clone(), refusal.error.en.clone()));
        let unit = Some(Unit::Deposit.as_str().to_owned());
        let told = Move { at: clock::now().0, unit, subject, why: Some(why), ..Move::default() };
        // The refusal itself is what matters; a line less in a list does not change it.
        let _ = self.store.note_uncharged(person.account, &told, Some(person.id));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{FirstSignIn, InitOptions, Mode, NewCodes, NewMerchant, SignUps, SignedIn};
    use store::{NewRecord, Record};

    /// A merchant who has an edition, and may do what one may.
    fn merchant(folder: &Folder) -> (Actor, SignIn) {
        let first =
            |login: &str| FirstSignIn { login: login.into(), name: "陈岚".into(), password: "correct horse".into() };
        folder.add_first_sign_in(&first("linwan")).unwrap();
        let new = NewMerchant {
            kind: "individual".into(),
            name: "陈岚".into(),
            number: "11010519491231002X".into(),
            person: first("chenlan"),
            invitation: String::new(),
            confirmed: true,
        };
        folder.sign_up(SignUps::Open, &new).unwrap();
        let SignedIn::Opened(opened) = folder.sign_in("chenlan", "correct horse", "test").unwrap() else { panic!() };
        let actor = folder.actor(&opened.token).unwrap();
        let person = folder.store.sign_in_named("chenlan").unwrap().unwrap();
        (actor, person)
    }

    fn opened() -> (tempfile::TempDir, Folder) {
        let work = tempfile::tempdir().unwrap();
        let owner = InitOptions {
            owner_kind: "individual".into(),
            owner_name: "林晚".into(),
            owner_id: Some("11010519491231002X".into()),
            ..InitOptions::default()
        };
        Folder::init(&work.path().join("data"), &owner).unwrap();
        let folder = Folder::open(&work.path().join("data"), Mode::Write).unwrap();
        (work, folder)
    }

    fn operator(folder: &Folder) -> Actor {
        let SignedIn::Opened(operator) = folder.sign_in("linwan", "correct horse", "test").unwrap() else { panic!() };
        folder.actor(&operator.token).unwrap()
    }

    fn record(account: i64, n: u64, kind: &str, received_at: i64, charge: Option<Charge>) -> NewRecord {
        NewRecord {
            record: Record {
                id: format!("{n:036}"),
                account,
                kind: kind.into(),
                received_at,
                record_digest: evidence::digest::sha256(&n.to_be_bytes()),
                disclosures: b"[]".to_vec(),
                charge,
                ..Record::default()
            },
            tokens: Vec::new(),
        }
    }

    #[test]
    fn a_main_account_whose_account_was_closed_meanwhile_uses_no_code_and_leaves_nothing() {
        let (_work, folder) = opened();
        let (actor, _) = merchant(&folder);
        let (operator, new) = (
            operator(&folder),
            NewCodes {
                name: "standard".into(),
                months: None,
                count: 1,
                uses: 1,
                days: 9,
                gift: false,
                note: String::new(),
            },
        );
        let code = folder.make_codes(&operator, &new).unwrap().remove(0);
        // Two browsers of one person: each request has its actor before the other one closes.
        folder.close_account(&actor, "correct horse").unwrap();
        let refused = [
            folder.activate(&actor, &code, true).unwrap_err(),
            folder.add_shop(&actor, "天猫", "海棠", "https://shop.example/").unwrap_err(),
            folder.close_account(&actor, "correct horse").unwrap_err(),
        ];
        assert!(refused.iter().all(|refusal| refusal.why == Why::SignIn), "{refused:?}");
        assert_eq!(folder.activation_codes(&operator, i64::MAX).unwrap()[0].0.used, 0);
    }

    #[test]
    fn a_clock_that_goes_over_a_months_end_and_back_gives_no_month_twice() {
        let (_work, folder) = opened();
        let (_, person) = merchant(&folder);
        let (account, store) = (person.account, &folder.store);
        let at = |day: &str| Utc::parse_micros(&format!("{day}:00.000000Z")).unwrap();
        let terms = crate::activation::terms_of(&folder.dir, "standard", Some(3)).unwrap();
        let (given, grants) = terms.given(at("2026-01-31T12:00"), 3);
        store.entitle(&Entitlement { account, source: "grant".into(), ..given }, &grants, None).unwrap();
        let used = |day: &str| terms.deposits - store.left(account, at(day).0).unwrap().deposits;
        let hold = |day: &str| {
            let need = Need { unit: Unit::Deposit, amount: 1, bytes: 0 };
            let Asked::Held(reservation) = store.reserve(account, need, at(day).0).unwrap() else { panic!("{day}") };
            Some(Charge { reservation, bytes: 0, sign_in: person.id })
        };
        let spend =
            |n: u64, day: &str, charge| store.insert(&[record(account, n, "image", at(day).0, charge)]).unwrap();
        let (first, last, second, third) =
            ("2026-02-10T00:00", "2026-02-28T11:59", "2026-02-28T12:00", "2026-03-31T12:00");
        spend(1, first, hold(first));
        spend(2, first, hold(first));
        assert_eq!((used(last), used(second), used(third)), (2, 0, 0), "used of each month");
        // Nothing is spent in the second month; back in the first one is spent and one held, which is spent after its end.
        spend(3, last, hold(last));
        let held = hold(last);
        assert_eq!((used(last), used(second)), (4, 0));
        spend(4, second, held);
        assert_eq!((used(last), used(second)), (4, 0), "what was held in time is that month's");
        // Over the end and back again, and two months at once.
        spend(5, second, hold(second));
        assert_eq!((used(first), used(second), used(third)), (4, 1, 0));
        spend(6, third, hold(third));
        assert_eq!((used(last), used(second), used(third)), (4, 1, 1));
        let moves = store.moves(account, i64::MAX, 99, None).unwrap();
        assert_eq!(moves.iter().filter(|m| m.act == "spent").count(), 6, "a record, a unit");
    }

    #[test]
    fn collections_and_comparisons_have_a_bound_that_is_said_before_and_comes_back() {
        let (_work, folder) = opened();
        let (actor, person) = merchant(&folder);
        let closed = folder.makeable(&actor).unwrap().unwrap().1.unwrap();
        assert_eq!(closed.error.code, "not-activated", "why nothing at all can be made is said too");
        let now = clock::now().0;
        folder.grant(&operator(&folder), person.account, "standard", None, false).unwrap();
        folder.store.acknowledge(person.account, person.id, now).unwrap();
        let record = |n, kind: &str, received_at| record(person.account, n, kind, received_at, None);
        let left = || folder.makeable(&actor).unwrap().map(|(n, closed)| (n, closed.is_none()));
        assert_eq!(left(), Some((MADE_A_DAY, true)));
        let yesterday = now - 25 * 3600 * SECOND;
        let made = |n: u64| if n.is_multiple_of(2) { "collection" } else { "comparison" };
        let old = (500..520).map(|n| record(n, made(n), yesterday));
        let others = (600..620).map(|n| record(n, "image", now));
        let today = (0..MADE_A_DAY - 1).map(|n| record(n, made(n), now));
        folder.store.insert(&old.chain(others).chain(today).collect::<Vec<_>>()).unwrap();
        assert_eq!(left(), Some((1, true)), "what is older than a day, and what is a deposit, does not count");
        folder.may_make(&person).unwrap();
        folder.store.insert(&[record(900, "collection", now)]).unwrap();
        assert_eq!(left(), Some((0, true)));
        let refused = folder.may_make(&person).unwrap_err();
        assert!(matches!(refused.why, Why::Slow(_)) && refused.error.en.contains("100 collections"), "{refused:?}");
        folder.has_left(&person, 0, 0, 0).unwrap();
    }
}
