#![allow(clippy::unwrap_used)]
use super::{Asked, Charge, Entitlement, Grant, Left, Need, Unit};
use crate::{Act, Ended, NewRecord, NewSignIn, OWNER_ACCOUNT, Record, Store, Vault};
use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, TestCaseError, TestRunner},
};
use std::{
    cell::RefCell,
    path::{Path, PathBuf},
    sync::{Arc, Barrier},
};

/// What an interleaving is made of. Places are taken modulo how many there are.
#[derive(Clone, Debug)]
enum Step {
    Grant(u64, i64),
    Reserve(u64, u64),
    /// One record of a reservation.
    Commit(usize, u64),
    /// The same, and the machine stops before the transaction ends.
    Torn(usize),
    Release(usize),
    /// Time goes on, or the operator's clock is put back.
    Time(i64),
    Erase(usize),
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (1..6u64, 1..40i64).prop_map(|(n, span)| Step::Grant(n, span)),
        8 => (1..5u64, 0..9u64).prop_map(|(n, bytes)| Step::Reserve(n, bytes)),
        8 => (any::<usize>(), 0..9u64).prop_map(|(n, bytes)| Step::Commit(n, bytes)),
        2 => any::<usize>().prop_map(Step::Torn),
        3 => any::<usize>().prop_map(Step::Release),
        4 => (-10..30i64).prop_map(Step::Time),
        1 => any::<usize>().prop_map(Step::Erase),
        1 => Just(Step::Crash),
    ]
}

/// The same in a dozen lines: grants, reservations as lists of grants, records' bytes.
#[derive(Default)]
struct Model {
    now: i64,
    /// begin, end, amount, held, spent
    grants: Vec<(i64, i64, u64, u64, u64)>,
    /// number, the grants of its units, bytes
    open: Vec<(i64, Vec<usize>, u64)>,
    records: Vec<(String, u64)>,
    reserved: u64,
}

impl Model {
    fn usable(&self) -> Vec<usize> {
        let mut usable: Vec<usize> = Vec::new();
        for (n, (begin, end, amount, held, spent)) in self.grants.iter().enumerate() {
            if *begin <= self.now && self.now < *end {
                usable.extend(std::iter::repeat_n(n, usize::try_from(amount - held - spent).unwrap()));
            }
        }
        usable.sort_by_key(|n| (self.grants[*n].1, *n));
        usable
    }

    fn storage(&self) -> u64 {
        let open = self.grants.iter().filter(|g| g.0 <= self.now && self.now < g.1).count() as u64;
        let kept: u64 = self.records.iter().map(|(_, bytes)| bytes).sum();
        (open * 10).saturating_sub(kept + self.reserved)
    }

    fn give_back(&mut self, n: usize) {
        let (_, units, bytes) = self.open.remove(n);
        units.into_iter().for_each(|g| self.grants[g].3 -= 1);
        self.reserved -= bytes;
    }

    fn crash(&mut self) {
        while !self.open.is_empty() {
            self.give_back(0);
        }
    }
}

struct World {
    path: PathBuf,
    store: Option<Store>,
    account: i64,
    crashes: u32,
}

impl World {
    fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    /// Nothing is carried over in memory: the file alone tells.
    fn crash(&mut self) {
        self.crashes += 1;
        // Opening takes longer than all else here, and only the statements after it differ.
        if self.crashes % 20 == 1 {
            self.store = None;
            self.store = Some(Store::open(&self.path).unwrap());
            fast(self.store());
            unlock(self.store());
        }
        self.store().release_stopped().unwrap();
    }
}

fn fast(store: &Store) {
    store.lock().pragma_update(None, "synchronous", "OFF").unwrap();
}

fn open_account(store: &Store) -> i64 {
    let connection = store.lock();
    connection.execute("INSERT INTO accounts(state, created_at) VALUES ('open', 0)", []).unwrap();
    connection.last_insert_rowid()
}

fn unlock(store: &Store) {
    store.unlock(Vault::new(&[7; 32]).unwrap());
}

/// An account that can have records of its own.
fn open_merchant(store: &Store) -> i64 {
    let account = open_account(store);
    let key = store.vault().unwrap().new_key(account).unwrap();
    let sql = "INSERT INTO merchants(account, key, party) VALUES (?1, ?2, x'')";
    store.lock().execute(sql, rusqlite::params![account, key]).unwrap();
    account
}

fn record(id: &str, charge: Option<Charge>) -> NewRecord {
    let digest = evidence::digest::sha256(id.as_bytes());
    let (id, kind, account) = (id.into(), "image".into(), OWNER_ACCOUNT);
    let record = Record { id, kind, account, record_digest: digest, charge, ..Record::default() };
    NewRecord { record, tokens: Vec::new() }
}

fn given(account: i64, begins_at: i64, expires_at: i64, amount: u64) -> (Entitlement, [Grant; 1]) {
    let entitlement = Entitlement {
        account,
        kind: "pack".into(),
        name: "p".into(),
        storage: 10,
        source: "grant".into(),
        begins_at,
        expires_at,
        ..Entitlement::default()
    };
    let grant = Grant { unit: Unit::Deposit, begins_at, expires_at, amount, held: 0, spent: 0, entitlement: 0 };
    (entitlement, [grant])
}

fn run(world: &mut World, steps: &[Step]) -> Result<(), TestCaseError> {
    world.account = open_account(world.store());
    let (account, mut model) = (world.account, Model { now: 100, ..Model::default() });
    for step in steps {
        match *step {
            Step::Grant(amount, span) => {
                let (entitlement, grants) = given(account, model.now, model.now + span, amount);
                world.store().entitle(&entitlement, &grants, None).unwrap();
                model.grants.push((model.now, model.now + span, amount, 0, 0));
            }
            Step::Reserve(amount, bytes) => {
                let wanted = Need { unit: Unit::Deposit, amount, bytes };
                let units = model.usable().into_iter().take(usize::try_from(amount).unwrap()).collect::<Vec<_>>();
                let enough = units.len() as u64 == amount && model.storage() >= bytes;
                match world.store().reserve(account, wanted, model.now).unwrap() {
                    Asked::Held(id) => {
                        prop_assert!(enough, "overspent");
                        units.iter().for_each(|g| model.grants[*g].3 += 1);
                        model.reserved += bytes;
                        model.open.push((id, units, bytes));
                    }
                    Asked::Short(left) => {
                        prop_assert!(!enough, "a unit was lost");
                        prop_assert_eq!(left.deposits, model.usable().len() as u64);
                    }
                }
            }
            Step::Commit(n, bytes) if !model.open.is_empty() => {
                let n = n % model.open.len();
                let id = format!("{account}-{}", model.records.len());
                let charge = Charge { reservation: model.open[n].0, bytes, sign_in: 1 };
                let committed = world.store().insert(&[record(&id, Some(charge))]);
                if model.open[n].1.is_empty() {
                    prop_assert!(committed.is_err(), "recorded for free");
                    continue;
                }
                committed.unwrap();
                let grant = model.open[n].1.remove(0);
                model.grants[grant].3 -= 1;
                model.grants[grant].4 += 1;
                let meant = model.open[n].2.min(bytes);
                model.open[n].2 -= meant;
                model.reserved -= meant;
                model.records.push((id, bytes));
            }
            Step::Torn(n) if !model.open.is_empty() => {
                let reservation = model.open[n % model.open.len()].0;
                let mut connection = world.store().lock();
                let transaction = connection.transaction().unwrap();
                let charge = Charge { reservation, bytes: 3, sign_in: 1 };
                let _ = crate::records::insert(
                    world.store(),
                    &transaction,
                    &[record(&format!("{account}-torn"), Some(charge))],
                );
                drop(transaction);
                drop(connection);
                world.crash();
                model.crash();
            }
            Step::Release(n) if !model.open.is_empty() => {
                let n = n % model.open.len();
                world.store().release(model.open[n].0).unwrap();
                world.store().release(model.open[n].0).unwrap();
                model.give_back(n);
            }
            Step::Time(by) => model.now += by,
            Step::Erase(n) if !model.records.is_empty() => {
                let n = n % model.records.len();
                world.store().note_discarded("x", "then", &model.records[n].0, model.now).unwrap();
                model.records[n].1 = 0;
            }
            Step::Crash => {
                world.crash();
                model.crash();
            }
            _ => {}
        }
        let now = world.store().left(account, model.now).unwrap();
        prop_assert_eq!(now.deposits, model.usable().len() as u64);
        prop_assert_eq!(now.storage, model.storage());
    }
    let connection = world.store().lock();
    let sql = "SELECT amount, held, spent FROM quota_grants WHERE account = ?1 ORDER BY id";
    let mut statement = connection.prepare_cached(sql).unwrap();
    let rows = statement.query_map([account], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?))).unwrap();
    let rows: Vec<(u64, u64, u64)> = rows.map(Result::unwrap).collect();
    let expected: Vec<_> = model.grants.iter().map(|g| (g.2, g.3, g.4)).collect();
    prop_assert_eq!(rows, expected, "which grant was used, and how far");
    let spent: u64 = model.grants.iter().map(|g| g.4).sum();
    prop_assert_eq!(spent, model.records.len() as u64, "a record, a unit");
    Ok(())
}

#[test]
fn ten_thousand_interleavings_never_overspend_and_never_lose_a_unit() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("q.db");
    let store = Store::create(&path).unwrap();
    fast(&store);
    let world = RefCell::new(World { path, store: Some(store), account: 0, crashes: 0 });
    let config = Config { cases: 10_000, failure_persistence: None, ..Config::default() };
    let ran = TestRunner::new(config).run(&vec(step(), 1..16), |steps| run(&mut world.borrow_mut(), &steps));
    ran.unwrap();
    assert!(world.borrow().crashes > 1000, "crashes were among them");
}

#[test]
fn of_those_who_race_for_the_last_units_as_many_win_as_there_are() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::create(&dir.path().join("q.db")).unwrap();
    let account = open_account(&store);
    let (entitlement, grants) = given(account, 0, 100, 5);
    store.entitle(&entitlement, &grants, None).unwrap();
    let (start, wanted) = (Arc::new(Barrier::new(8)), Need { unit: Unit::Deposit, amount: 1, bytes: 1 });
    let threads: Vec<_> = (0..8)
        .map(|n| {
            let (store, start) = (store.clone(), start.clone());
            std::thread::spawn(move || {
                start.wait();
                let Asked::Held(reservation) = store.reserve(account, wanted, 1).unwrap() else { return 0 };
                let charge = Charge { reservation, bytes: 1, sign_in: 1 };
                store.insert(&[record(&format!("r{n}"), Some(charge))]).unwrap();
                store.release(reservation).unwrap();
                1
            })
        })
        .collect();
    assert_eq!(threads.into_iter().map(|t| t.join().unwrap()).sum::<u32>(), 5);
    let left = store.left(account, 1).unwrap();
    assert_eq!((left.deposits, left.kept), (0, 5));
    assert_eq!(store.moves(account, i64::MAX, 99, None).unwrap().iter().filter(|m| m.act == "spent").count(), 5);
}

#[test]
fn of_those_who_wait_together_each_has_an_answer_of_his_own() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::create(&dir.path().join("q.db")).unwrap();
    let accounts = [open_account(&store), open_account(&store), 999];
    for account in &accounts[..2] {
        let (entitlement, grants) = given(*account, 0, 100, 5);
        store.entitle(&entitlement, &grants, None).unwrap();
    }
    let wanted = Need { unit: Unit::Deposit, amount: 2, bytes: 0 };
    // While the database is busy all come to wait; of the last account no row may stand anywhere, so its own fails, and
    // with it whatever was tried together with it.
    let busy = store.lock();
    let threads: Vec<_> = (0..9)
        .map(|n| {
            let (store, account) = (store.clone(), accounts[n % 3]);
            let none = Need { amount: 0, ..wanted };
            std::thread::spawn(move || store.reserve(account, if account == 999 { none } else { wanted }, 1))
        })
        .collect();
    while store.asking.lock().unwrap().len() < 9 {
        std::thread::yield_now();
    }
    drop(busy);
    let asked: Vec<_> = threads.into_iter().map(|t| t.join().unwrap()).collect();
    assert!(asked.iter().skip(2).step_by(3).all(Result::is_err), "{asked:?}");
    for (n, account) in accounts[..2].iter().enumerate() {
        let of = asked.iter().skip(n).step_by(3).map(|asked| asked.as_ref().unwrap());
        let held = of.filter(|asked| matches!(asked, Asked::Held(_))).count();
        assert_eq!((held, store.left(*account, 1).unwrap().deposits), (2, 1), "two of three, and one unit is left");
    }
}

#[test]
fn what_is_ended_early_gives_nothing_more_but_what_was_begun_is_finished() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::create(&dir.path().join("q.db")).unwrap();
    let account = open_account(&store);
    let (entitlement, grants) = given(account, 10, 100, 5);
    let id = store.entitle(&entitlement, &grants, None).unwrap();
    let Asked::Held(held) = store.reserve(account, Need { unit: Unit::Deposit, amount: 2, bytes: 0 }, 20).unwrap()
    else {
        panic!("five are there")
    };
    assert_eq!(store.end_entitlement(id + 1, 30, 30).unwrap(), None, "there is none");
    assert_eq!(store.end_entitlement(id, 30, 30).unwrap(), Some(account));
    assert_eq!(store.end_entitlement(id, 40, 40).unwrap(), None, "nothing comes back");
    assert_eq!(store.left(account, 30).unwrap(), Left::default());
    store.insert(&[record("r", Some(Charge { reservation: held, bytes: 0, sign_in: 1 }))]).unwrap();
    store.release(held).unwrap();
    assert_eq!(store.left(account, 29).unwrap().deposits, 4, "of a clock that was put back: the same units, no others");
    assert!(store.entitled(account, 30).unwrap().is_empty());
    assert_eq!(store.entitlements(account).unwrap()[0].ended_at, Some(30));
}

/// A store on the disk, and an account with two captures whose person asks for pages.
fn capturing() -> (tempfile::TempDir, PathBuf, Store, Act) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("q.db");
    let store = Store::create(&path).unwrap();
    let person = NewSignIn { account: 1, login: "a".into(), name: "a".into(), password: "".into(), at: 0 };
    let person = store.first_sign_in(&person).unwrap();
    unlock(&store);
    let account = open_merchant(&store);
    let (entitlement, [grant]) = given(account, 0, 100, 2);
    store.entitle(&entitlement, &[Grant { unit: Unit::Capture, ..grant }], None).unwrap();
    let (via, subject) = (String::new(), String::new());
    (dir, path, store, Act { at: 1, account, sign_in: person, via, act: "capture", subject })
}

/// A page's order, or its capture of this size.
fn of_page(id: &str, account: i64, page: i64, size: Option<u64>) -> NewRecord {
    let mut new = record(id, None);
    let kind = if size.is_some() { "capture" } else { "order" }.to_owned();
    new.record = Record { account, kind, size, page: Some(page), ..new.record };
    new
}

/// As when the folder is opened after its process was killed.
fn started_again(path: &Path, store: Store) -> Store {
    drop(store);
    let store = Store::open(path).unwrap();
    unlock(&store);
    store.release_stopped().unwrap();
    store.take_up_captures("停", "stopped", 2).unwrap();
    store
}

#[test]
fn a_capture_keeps_its_unit_over_a_stop_and_spends_it_only_with_a_record() {
    let (_dir, path, store, act) = capturing();
    let account = act.account;
    let urls: Vec<String> = (0..3).map(|n| format!("https://{n}.example")).collect();
    let short = store.queue_captures(&act, &urls, false, false, true, None).unwrap();
    assert_eq!(short.unwrap_err().captures, 2, "all or none");
    let numbers = store.queue_captures(&act, &urls[..2], false, false, true, None).unwrap().unwrap();
    assert_eq!(store.left(account, 1).unwrap().captures, 0);
    store.next_capture().unwrap();
    let store = started_again(&path, store);
    assert_eq!(store.left(account, 2).unwrap().captures, 0, "both still wait");
    let error = Some(("没有打开".to_owned(), "it did not open".to_owned()));
    assert_eq!(store.next_capture().unwrap().unwrap().id, numbers[0]);
    store.end_capture(numbers[0], &Ended { outcome: "failed".into(), error }, 3).unwrap();
    assert_eq!(store.left(account, 3).unwrap().captures, 1);
    assert_eq!(store.next_capture().unwrap().unwrap().id, numbers[1]);
    store.insert(&[of_page("c", account, numbers[1], Some(7))]).unwrap();
    store.end_capture(numbers[1], &Ended { outcome: "complete".into(), error: None }, 4).unwrap();
    let left = store.left(account, 4).unwrap();
    assert_eq!((left.captures, left.kept, left.storage), (1, 7, 3));
    let moves = store.moves(account, i64::MAX, 9, None).unwrap();
    let told: Vec<_> = moves.iter().map(|m| (m.act.as_str(), m.amount, m.bytes, m.subject.as_str())).collect();
    assert_eq!(told[..2], [("spent", 1, 7, "c"), ("refused", 0, 0, numbers[0].to_string().as_str())]);
    assert_eq!(moves[1].why.as_ref().unwrap().1, "it did not open");
}

#[test]
fn a_stop_between_a_captures_record_and_its_end_neither_loses_a_unit_nor_makes_a_second_record() {
    let (_dir, path, store, act) = capturing();
    let account = act.account;
    let urls = ["https://one.example".to_owned()];
    let page = store.queue_captures(&act, &urls, false, false, true, None).unwrap().unwrap()[0];
    assert!(store.insert(&[of_page("early", account, page, Some(1))]).is_err(), "nobody works on it yet");
    store.next_capture().unwrap();
    store.insert(&[of_page("order", account, page, None)]).unwrap();
    // The machine stops before the record's transaction ends.
    {
        let mut connection = store.lock();
        let transaction = connection.transaction().unwrap();
        crate::records::insert(&store, &transaction, &[of_page("torn", account, page, Some(7))]).unwrap();
    }
    let store = started_again(&path, store);
    assert!(store.record("torn").unwrap().is_none());
    assert_eq!(store.left(account, 2).unwrap(), Left { captures: 1, storage: 9, kept: 1, ..Left::default() }, "held");

    // And right behind it.
    assert_eq!(store.next_capture().unwrap().unwrap().id, page, "again");
    assert!(store.insert(&[of_page("theirs", OWNER_ACCOUNT, page, Some(7))]).is_err(), "another account's page");
    store.insert(&[of_page("made", account, page, Some(7))]).unwrap();
    assert!(store.insert(&[of_page("twice", account, page, Some(7))]).is_err(), "one page, one record");
    let store = started_again(&path, store);
    assert_eq!(store.left(account, 2).unwrap(), Left { captures: 1, storage: 3, kept: 7, ..Left::default() }, "spent");
    let shown = store.queued_capture(account, page).unwrap().unwrap();
    assert_eq!((shown.state.as_str(), shown.record.as_deref()), ("done", Some("made")));
    assert_eq!((shown.ordered.as_deref(), shown.error), (Some("order"), None));
    assert!(store.next_capture().unwrap().is_none(), "not captured again");
    store.end_capture(page, &Ended { outcome: "failed".into(), error: None }, 5).unwrap();
    assert_eq!(store.queued_capture(account, page).unwrap().unwrap().state, "done", "what ended stays so");
    let spent = store.moves(account, i64::MAX, 9, None).unwrap().into_iter().filter(|m| m.act == "spent");
    assert_eq!(spent.map(|m| (m.subject, m.amount)).collect::<Vec<_>>(), [("made".to_owned(), 1)]);
}

/// What an interleaving of captures is made of.
#[derive(Clone, Debug)]
enum Page {
    Ask(usize),
    Take,
    /// Its record; torn: the machine stops before the transaction ends.
    Record {
        torn: bool,
        bytes: u64,
    },
    End,
    Stop,
}

fn run_pages(world: &mut World, person: i64, steps: &[Page]) -> Result<(), TestCaseError> {
    let account = open_merchant(world.store());
    let (mut entitlement, [grant]) = given(account, 0, 100, 4);
    entitlement.storage = 1000;
    world.store().entitle(&entitlement, &[Grant { unit: Unit::Capture, ..grant }], None).unwrap();
    let act = Act { at: 1, account, sign_in: Some(person), via: String::new(), act: "capture", subject: String::new() };
    // Pages that wait, and runs so far; the one under way, and whether its record stands; units spent, bytes kept.
    let (mut waiting, mut running, mut asked) = (Vec::<(i64, u32)>::new(), None::<(i64, u32, bool)>, 0);
    let (mut spent, mut kept) = (0, 0);
    let (mut stop, ended) = (false, Ended { outcome: "failed".into(), error: None });
    for step in steps {
        match *step {
            Page::Ask(n) => {
                let free = 4 - spent - waiting.len() - usize::from(running.is_some_and(|r| !r.2));
                let urls: Vec<String> = (asked..asked + n).map(|i| format!("https://{account}-{i}.example")).collect();
                match world.store().queue_captures(&act, &urls, true, false, true, None).unwrap() {
                    Ok(numbers) => {
                        prop_assert!(n <= free, "overspent");
                        asked += n;
                        waiting.extend(numbers.into_iter().map(|id| (id, 0)));
                    }
                    Err(left) => prop_assert!(n > free && left.captures == free as u64, "a unit was lost"),
                }
            }
            Page::Take if running.is_none() => {
                let next = world.store().next_capture().unwrap().map(|page| page.id);
                prop_assert_eq!(next, waiting.first().map(|page| page.0));
                running = next.map(|id| (id, waiting.remove(0).1 + 1, false));
            }
            Page::Record { torn, bytes } => {
                let Some((id, _, made)) = &mut running else { continue };
                let new = of_page(&format!("{account}-{id}-{made}"), account, *id, Some(bytes));
                if torn {
                    let mut connection = world.store().lock();
                    let transaction = connection.transaction().unwrap();
                    let _ = crate::records::insert(world.store(), &transaction, &[new]);
                    stop = true;
                } else {
                    prop_assert_eq!(world.store().insert(&[new]).is_ok(), !*made, "one record for a page");
                    spent += usize::from(!*made);
                    kept += if *made { 0 } else { bytes };
                    *made = true;
                }
            }
            Page::End => {
                let Some((id, ..)) = running.take() else { continue };
                world.store().end_capture(id, &ended, 2).unwrap();
            }
            Page::Stop => stop = true,
            Page::Take => {}
        }
        if std::mem::take(&mut stop) {
            world.crash();
            world.store().take_up_captures("停", "stopped", 2).unwrap();
            // Once more, unless it was the second time or its record stands.
            waiting.extend(running.take().filter(|r| !r.2 && r.1 < 2).map(|r| (r.0, r.1)));
            waiting.sort_unstable();
        }
        let left = world.store().left(account, 1).unwrap();
        let held = waiting.len() + usize::from(running.is_some_and(|r| !r.2));
        prop_assert_eq!(left.captures, (4 - spent - held) as u64);
        prop_assert_eq!(left.kept, kept + held as u64, "a byte is held for each that is still to come");
    }
    // So that the next interleaving begins with an empty queue.
    while let Some(id) = running.take().map(|r| r.0).or_else(|| Some(world.store().next_capture().unwrap()?.id)) {
        world.store().end_capture(id, &ended, 3).unwrap();
    }
    let sql = "SELECT count(*) FROM records WHERE account = ?1 AND kind = 'capture'";
    let records: usize = world.store().lock().query_row(sql, [account], |row| row.get(0)).unwrap();
    let moves = world.store().moves(account, i64::MAX, 99, None).unwrap();
    prop_assert_eq!((records, moves.iter().filter(|m| m.act == "spent").count()), (spent, spent), "a record, a unit");
    prop_assert_eq!(world.store().left(account, 1).unwrap().captures, (4 - spent) as u64, "the others came back");
    Ok(())
}

#[test]
fn whatever_stops_in_the_middle_of_captures_each_record_has_one_unit_and_each_unit_one_record() {
    let (_dir, path, store, act) = capturing();
    fast(&store);
    let world = RefCell::new(World { path, store: Some(store), account: 0, crashes: 0 });
    let config = Config { cases: 2_000, failure_persistence: None, ..Config::default() };
    let page = prop_oneof![
        3 => (1..4usize).prop_map(Page::Ask),
        5 => Just(Page::Take),
        4 => (0..9u64).prop_map(|bytes| Page::Record { torn: false, bytes }),
        1 => Just(Page::Record { torn: true, bytes: 3 }),
        3 => Just(Page::End),
        2 => Just(Page::Stop),
    ];
    let person = act.sign_in.unwrap();
    let ran =
        TestRunner::new(config).run(&vec(page, 1..20), |steps| run_pages(&mut world.borrow_mut(), person, &steps));
    ran.unwrap();
    assert!(world.borrow().crashes > 500, "stops were among them");
}

#[test]
fn what_an_account_has_is_found_without_a_look_at_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::create(&dir.path().join("q.db")).unwrap();
    let connection = store.lock();
    let open = super::OPEN;
    for from in [
        format!("id FROM quota_grants WHERE account = ?1 AND {open} AND unit = 'deposit' AND held + spent < amount"),
        format!("sum(amount) FROM quota_grants WHERE account = ?1 AND {open} AND unit IN ('deposit', 'capture')"),
        format!("sum(storage) FROM entitlements WHERE account = ?1 AND {open}"),
        "seq FROM quota_moves WHERE account = ?1 AND seq < ?2 ORDER BY seq DESC".into(),
    ] {
        let sql = format!("EXPLAIN QUERY PLAN SELECT {from}");
        let mut statement = connection.prepare(&sql).unwrap();
        let plan = statement.query_map([1, 1], |row| row.get::<_, String>(3)).unwrap();
        let plan: Vec<String> = plan.collect::<rusqlite::Result<_>>().unwrap();
        assert!(plan.iter().all(|step| step.starts_with("SEARCH ") && step.contains("(account=?")), "{from}: {plan:?}");
    }
}
