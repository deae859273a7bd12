//! How long quota takes of a deposit: to hold a unit, and to spend it with the record's row; beside the same row alone.
//! `cargo run --release -p store --example quota`
#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};
use store::{Asked, Charge, Entitlement, Grant, Need, NewRecord, Record, Store, Unit};

const RECORDS: usize = 2_000;

fn main() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("q.db");
    let store = Store::create(&path).unwrap();
    let database = rusqlite::Connection::open(&path).unwrap();
    database.execute("INSERT INTO accounts(id, state, created_at) VALUES (2, 'open', 0)", []).unwrap();
    // Two years of months and a few packs, most of them over: what a merchant of some standing has.
    for n in 0..30 {
        let (begins_at, expires_at) = (if n < 27 { 0 } else { 10 }, if n < 24 { 5 + n } else { 1_000 });
        let (kind, name, source) = ("pack".to_owned(), "p".to_owned(), "grant".to_owned());
        let given = Entitlement {
            account: 2,
            kind,
            name,
            source,
            storage: 1 << 40,
            begins_at,
            expires_at,
            ..Default::default()
        };
        let grant =
            Grant { unit: Unit::Deposit, begins_at, expires_at, amount: 1_000, held: 0, spent: 0, entitlement: 0 };
        store.entitle(&given, &[grant], None).unwrap();
    }
    let (mut alone, mut charged, mut held) = (Vec::new(), Vec::new(), Vec::new());
    for n in 0..RECORDS {
        alone.push(timed(|| store.insert(&[record(n, None)]).unwrap()));
        let mut reservation = 0;
        let need = Need { unit: Unit::Deposit, amount: 1, bytes: 2_000_000 };
        held.push(timed(|| match store.reserve(2, need, 100).unwrap() {
            Asked::Held(id) => reservation = id,
            Asked::Short(left) => panic!("{left:?}"),
        }));
        let charge = Charge { reservation, bytes: 2_000_000, sign_in: 1 };
        charged.push(timed(|| store.insert(&[record(RECORDS + n, Some(charge))]).unwrap()));
        held[n] += timed(|| store.release(reservation).unwrap());
    }
    let (row, with, hold) = (median(alone), median(charged), median(held));
    let us = |d: Duration| d.as_micros();
    println!(
        "quota: {} µs to hold a unit and to end the reservation, {} µs to spend it with a record's row ({} µs the row alone): {} µs of a deposit, median of {RECORDS}",
        us(hold),
        us(with),
        us(row),
        us(hold + with.saturating_sub(row))
    );
}

fn record(n: usize, charge: Option<Charge>) -> NewRecord {
    let id = format!("{n:08}");
    let record_digest = evidence::digest::sha256(id.as_bytes());
    let (record, disclosures) = (vec![7; 1_000], vec![7; 2_000]);
    let record = Record {
        id,
        kind: "image".into(),
        account: 1,
        record,
        record_digest,
        disclosures,
        charge,
        ..Record::default()
    };
    NewRecord { record, tokens: vec![vec![7; 1_500]] }
}

fn timed(run: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    run();
    begun.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
