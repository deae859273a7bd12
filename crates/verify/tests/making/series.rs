//! `statement-token-N`, `sealing-token-N`: what a token covers, and what the record says about it.

use super::{
    Book,
    world::{at, canonical},
};
use evidence::json::{Value, json};

pub fn cases(book: &mut Book) {
    statement_only(book);
    sealing_only(book);
}

fn statement_only(book: &mut Book) {
    const ID: &str = "statement-token-N";
    book.bad(ID, "moved", "the token of another owner's statement, named by this record", |b| {
        let (other, _) = b.world.image_of("乙", 3, at(60));
        let theirs = b.world.tsa.stamp(&canonical(&other), at(61));
        b.stamp = Box::new(move |_, _| vec![theirs.clone()]);
    })
    .and("times", "not_checked");
    let mut named = |slug, what, change: fn(&mut Value)| {
        book.bad(ID, slug, what, |b| {
            b.record = Some(Box::new(move |bytes| {
                let mut record: Value = serde_json::from_slice(&bytes).unwrap();
                change(&mut record["timestamps"][0]);
                canonical(&record)
            }));
        })
        .and("times", "not_checked");
    };
    named("named-digest", "the record names another token", |t| t["token_sha256"] = json!("0".repeat(64)));
    named("named-time", "the record names another genTime", |t| t["gen_time"] = json!("20260105010100Z"));
    book.bad(ID, "swapped", "two tokens in the other order than in the record", |b| {
        b.stamp = Box::new(|tsa, data| vec![tsa.stamp(data, at(61)), tsa.stamp(data, at(62))]);
        b.entries = Box::new(|_, e| {
            e.swap(1, 2);
            (e[1].0, e[2].0) = ("timestamp-1.tsr".into(), "timestamp-2.tsr".into());
        });
    })
    .all(&["statement-token-2"], "fail")
    .and("times", "not_checked");
}

fn sealing_only(book: &mut Book) {
    const ID: &str = "sealing-token-N";
    book.good(ID, "nine", "nine tokens", |b| {
        b.seal = Box::new(|tsa, note| (0..9).map(|n| tsa.stamp(note, at(122 + n))).collect());
    });
    book.bad(ID, "body-alone", "over the checkpoint without its signatures", |b| {
        b.seal = Box::new(|tsa, note| {
            let body = note.windows(2).position(|w| w == b"\n\n").unwrap() + 1;
            vec![tsa.stamp(note, at(122)), tsa.stamp(&note[..body], at(122))]
        });
    })
    .instead("sealing-token-1", "sealing-token-2");
    book.bad(ID, "before-cosigned", "over the note as it was before it was cosigned", |b| {
        b.seal = Box::new(|tsa, note| {
            let first = note.iter().enumerate().filter(|(_, b)| **b == b'\n').nth(4).unwrap().0 + 1;
            vec![tsa.stamp(note, at(122)), tsa.stamp(&note[..first], at(122))]
        });
    })
    .instead("sealing-token-1", "sealing-token-2");
    book.bad(ID, "statement-s", "the token over the statement, once more", |b| {
        let statement = canonical(&b.statement);
        b.seal = Box::new(move |tsa, note| vec![tsa.stamp(note, at(122)), tsa.stamp(&statement, at(61))]);
    })
    .instead("sealing-token-1", "sealing-token-2");
    book.open(ID, "absent", "no token over the checkpoint", |b| b.seal = Box::new(|_, _| Vec::new()))
        .and("times", "not_checked");
}
