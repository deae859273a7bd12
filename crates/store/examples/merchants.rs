//! Fills a stopped data folder with many merchants' records, for `scripts/bench_merchants.py`:
//! `merchants DIR MIRROR MERCHANTS RECORDS`, the ledger's seed in hex in `LEDGER_SEED`.
//!
//! Real: accounts with keys of their own under the master key, people, an edition and its quota, sessions and tokens (of
//! merchant N the words `sessionN` and `tokenN`); every row goes through the same tables, indices and triggers, merchants
//! taking turns, so that one's records lie as far apart as they can; and a leaf of the ledger for each row, sequenced,
//! hashed and published as ever. Synthetic: `record` and `disclosures` are a few bytes and digests ascend, or the disk and
//! the hours of ten million records would be needed; there are no files, and no tokens. Lists and searches read none of
//! that; a record's own page is not to be asked for.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use evidence::{digest::sha256, hex, note::Signer, time::Utc};
use ledger::{Config, Ledger};
use rusqlite::{Connection, params};
use std::{
    env, fs,
    os::unix::fs::OpenOptionsExt,
    path::Path,
    time::{Instant, SystemTime, UNIX_EPOCH},
};
use store::{Entitlement, Grant, NewSignIn, Store, Unit, Vault};

const DAY: i64 = 24 * 3600 * 1_000_000;
const TERMS: &str = r#"{"kind":"edition","name":"flagship","zh":"旗舰版","en":"Flagship","months":12,"deposits":1000000,"captures":1000,"storage":1099511627776,"seats":10,"features":["api","capture","comparison","phone"]}"#;
/// Leaves of one append.
const TOGETHER: u64 = 20_000;

fn main() {
    let args: Vec<String> = env::args().skip(1).collect();
    let [dir, mirror, merchants, each] = args.as_slice() else { panic!("merchants DIR MIRROR MERCHANTS RECORDS") };
    let (dir, merchants, each): (&Path, u64, u64) = (Path::new(dir), merchants.parse().unwrap(), each.parse().unwrap());
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros()).unwrap();
    let store = Store::open(&dir.join("quezao.db")).unwrap();
    let begun = Instant::now();
    let accounts = accounts(dir, &store, merchants, now);
    println!("{merchants} merchants: {:.0} s", begun.elapsed().as_secs_f64());

    let origin = store.meta("origin").unwrap().unwrap();
    let seed = hex::decode("seed", &env::var("LEDGER_SEED").unwrap()).unwrap();
    let signer = Signer::from_seed(&origin, &seed).unwrap();
    let config = Config::new(dir, Path::new(mirror), signer, &origin, Box::new(store.clone()));
    let (ledger, _) = Ledger::open(config).unwrap();
    let (first, all, begun) = (ledger.size(), merchants * each, Instant::now());
    for from in (0..all).step_by(usize::try_from(TOGETHER).unwrap()) {
        let leaves: Vec<Vec<u8>> = (from..all.min(from + TOGETHER)).map(leaf).collect();
        ledger.append_batch(&leaves).unwrap();
    }
    ledger.flush_and_close().unwrap();
    println!("{all} leaves: {:.0} s", begun.elapsed().as_secs_f64());
    // With nobody else on it, the database needs no log while it is filled.
    drop((ledger, store));

    let begun = Instant::now();
    fill(&dir.join("quezao.db"), &accounts, all, first, now);
    println!("{all} rows: {:.0} s", begun.elapsed().as_secs_f64());
}

fn leaf(n: u64) -> Vec<u8> {
    format!("{{\"synthetic\":{n}}}").into_bytes()
}

/// Merchants who are activated and signed in; their accounts.
fn accounts(dir: &Path, store: &Store, merchants: u64, now: i64) -> Vec<i64> {
    let key = dir.join("keys/master");
    if !store.unlocked() {
        if !key.exists() {
            use std::io::Write;
            let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&key).unwrap();
            writeln!(file, "{}", hex::encode(&sha256(b"of a folder that is measured and removed"))).unwrap();
        }
        let master = fs::read_to_string(&key).unwrap();
        store.unlock(Vault::new(&hex::decode("master key", master.trim_end()).unwrap()).unwrap());
    }
    let party = store.meta("owner").unwrap().unwrap();
    let one = |n: u64| {
        let login = format!("merchant{n}");
        let person = NewSignIn { account: 0, login: login.clone(), name: login.clone(), password: "-".into(), at: now };
        let account = store.add_merchant(&party, &person, None).unwrap().unwrap();
        let id = store.sign_in_named(&login).unwrap().unwrap().id;
        store.acknowledge(account, id, now).unwrap();
        let edition = Entitlement {
            account,
            kind: "edition".into(),
            name: "flagship".into(),
            terms: TERMS.into(),
            storage: 1 << 40,
            source: "grant".into(),
            begins_at: now - DAY,
            expires_at: now + 360 * DAY,
            created_at: now,
            ..Entitlement::default()
        };
        let month = |k: i64| Grant {
            unit: Unit::Deposit,
            begins_at: now + (30 * k - 1) * DAY,
            expires_at: now + (30 * k + 29) * DAY,
            amount: 1_000_000,
            held: 0,
            spent: 0,
            entitlement: 0,
        };
        store.entitle(&edition, &(0..12).map(month).collect::<Vec<_>>(), Some(id)).unwrap();
        let digest = |what: &str| sha256(format!("{what}{n}").as_bytes());
        store.begin_session(&digest("session"), id, "bench", now, now + 7 * DAY, DAY).unwrap();
        store.add_token(&digest("token"), id, "bench", "deposit capture read", now, now + 7 * DAY).unwrap();
        account
    };
    (0..merchants).map(one).collect()
}

fn fill(path: &Path, accounts: &[i64], all: u64, first: u64, now: i64) {
    let database = Connection::open(path).unwrap();
    let set = "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -262144";
    database.execute_batch(set).unwrap();
    database.execute_batch("BEGIN").unwrap();
    {
        let mut record = database
            .prepare(
                "INSERT INTO records(id, kind, file_name, sha256, sm3, size, received_at, record, record_digest, disclosures, account, leaf)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            )
            .unwrap();
        let mut shelf =
            database.prepare("INSERT INTO shelf(seq, title, outcome, account) VALUES (?1, ?2, NULL, ?3)").unwrap();
        let step = 200 * DAY / i64::try_from(all).unwrap();
        for n in 0..all {
            let place = usize::try_from(n).unwrap() % accounts.len();
            let own = n / accounts.len() as u64;
            let at = now - 201 * DAY + step * i64::try_from(n).unwrap();
            // A number of version 7, as records have: its time, then what tells it from others.
            let milliseconds = at / 1000;
            let id = format!(
                "{:08x}-{:04x}-7{:03x}-8{:03x}-{:012x}",
                milliseconds >> 16,
                milliseconds & 0xffff,
                n & 0xfff,
                place & 0xfff,
                n
            );
            let ascending = |what: u8| {
                let mut digest = sha256(&[&[what][..], &n.to_be_bytes()].concat());
                digest[..8].copy_from_slice(&(n * (u64::MAX / all)).to_be_bytes());
                digest
            };
            let kind = if own % 10 < 7 { "image" } else { "digest" };
            record
                .execute(params![
                    id,
                    kind,
                    format!("IMG_{own:06}.jpg"),
                    ascending(1),
                    ascending(2),
                    2_000_000 + n % 1_000_000,
                    at,
                    leaf(n),
                    ascending(3),
                    b"[]",
                    accounts[place],
                    first + n
                ])
                .unwrap();
            let title = format!(
                "青釉马克杯 手工陶瓷 {own} {}",
                ["主图", "详情", "细节", "场景"][usize::try_from(own).unwrap() % 4]
            );
            shelf.execute(params![database.last_insert_rowid(), title, accounts[place]]).unwrap();
        }
    }
    database.execute_batch("COMMIT").unwrap();
    let day = Utc(now - 100 * DAY).to_micros();
    println!("a day in the middle: {}", &day[..10]);
}
