#![allow(clippy::unwrap_used)]
use super::{Asked, Charge, Entitlement, Grant, Left, Need, Unit};
use crate::{Act, Ended, NewRecord, NewSignIn, OWNER_ACCOUNT, Record, Store};
use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, TestCaseError, TestRunner},
};
use std::{
    cell::RefCell,
    path::PathBuf,
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

#[test]
fn a_capture_keeps_its_unit_over_a_stop_and_spends_it_only_with_a_record() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("q.db");
    let store = Store::create(&path).unwrap();
    let person = NewSignIn { account: 1, login: "a".into(), name: "a".into(), password: "".into(), at: 0 };
    let person = store.first_sign_in(&person).unwrap();
    let account = open_account(&store);
    let (entitlement, [grant]) = given(account, 0, 100, 2);
    store.entitle(&entitlement, &[Grant { unit: Unit::Capture, ..grant }], None).unwrap();
    let (via, subject) = (String::new(), String::new());
    let act = Act { at: 1, account, sign_in: person, via, act: "capture", subject };
    let urls: Vec<String> = (0..3).map(|n| format!("https://{n}.example")).collect();
    let short = store.queue_captures(&act, &urls, false, false, true, None).unwrap();
    assert_eq!(short.unwrap_err().captures, 2, "all or none");
    let numbers = store.queue_captures(&act, &urls[..2], false, false, true, None).unwrap().unwrap();
    assert_eq!(store.left(account, 1).unwrap().captures, 0);
    store.next_capture().unwrap();
    drop(store);
    let store = Store::open(&path).unwrap();
    store.release_stopped().unwrap();
    store.take_up_captures("停", "stopped", 2).unwrap();
    assert_eq!(store.left(account, 2).unwrap().captures, 0, "both still wait");
    let error = Some(("没有打开".to_owned(), "it did not open".to_owned()));
    store.end_capture(numbers[0], &Ended { outcome: "failed".into(), error, ..Ended::default() }, 3).unwrap();
    assert_eq!(store.left(account, 3).unwrap().captures, 1);
    let mut made = record("c", None);
    made.record.size = Some(7);
    store.insert(&[made]).unwrap();
    store.end_capture(numbers[1], &Ended { record: Some("c".into()), ..Ended::default() }, 4).unwrap();
    let left = store.left(account, 4).unwrap();
    assert_eq!((left.captures, left.kept, left.storage), (1, 7, 3));
    let moves = store.moves(account, i64::MAX, 9, None).unwrap();
    let told: Vec<_> = moves.iter().map(|m| (m.act.as_str(), m.amount, m.bytes, m.subject.as_str())).collect();
    assert_eq!(told[..2], [("spent", 1, 7, "c"), ("refused", 0, 0, numbers[0].to_string().as_str())]);
    assert_eq!(moves[1].why.as_ref().unwrap().1, "it did not open");
}
