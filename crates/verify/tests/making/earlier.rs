//! `earlier-ledger`: the ledger that a new one goes on after.

use super::{
    Book,
    world::{Build, World},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use evidence::{
    checkpoint::Checkpoint,
    json::{Value, json},
    note::{Note, Signer},
    statement::Kind,
};

const ID: &str = "earlier-ledger";
const SIZE: u64 = 1203;

/// The ledger that ended: its signer, and its note over a text.
struct Old(World);

impl Old {
    fn new() -> Self {
        Self(World::new(9))
    }

    fn text(&self, origin: &str) -> String {
        Checkpoint { origin: origin.to_owned(), size: SIZE, root: [0x5a; 32] }.to_text()
    }

    fn note(&self, text: String, signer: &Signer) -> String {
        let signatures = vec![signer.sign(&text)];
        STANDARD.encode(Note { text, signatures }.to_bytes())
    }

    fn claims(&self) -> [Value; 3] {
        let World { origin, log, .. } = &self.0;
        [self.note(self.text(origin), log).into(), log.verifier_key().to_string().into(), origin.as_str().into()]
    }
}

fn origin(b: &mut Build, [checkpoint, key, origin]: [Value; 3]) {
    let claims = [
        ("earlier_checkpoint", checkpoint),
        ("earlier_key", key),
        ("earlier_origin", origin),
        ("earlier_reason", json!("restored")),
    ];
    b.kind(Kind::Origin, &claims);
    b.originals.clear();
}

pub fn cases(book: &mut Book) {
    book.good(ID, "named", "a new ledger names the old one and a checkpoint that it signed", |b| {
        origin(b, Old::new().claims());
    })
    .and("file", "not_checked");

    let mut bad = |slug, what, change: &dyn Fn(&Build, &Old) -> [Value; 3]| {
        book.bad(ID, slug, what, |b| {
            let claims = change(b, &Old::new());
            origin(b, claims);
        })
        .and("file", "not_checked");
    };
    bad("another-signer", "the checkpoint is signed by another key of the same name", &|_, old| {
        let [_, key, name] = old.claims();
        let other = Signer::from_seed(&old.0.origin, &[77; 32]).unwrap();
        [old.note(old.text(&old.0.origin), &other).into(), key, name]
    });
    bad("another-size", "the size was changed after signing", &|_, old| {
        let [note, key, name] = old.claims();
        let note = String::from_utf8(STANDARD.decode(note.as_str().unwrap()).unwrap()).unwrap();
        [STANDARD.encode(note.replace("\n1203\n", "\n1204\n")).into(), key, name]
    });
    bad("another-name", "the key has another name than the origin", &|_, old| {
        let [note, key, _] = old.claims();
        [note, key, World::new(8).origin.into()]
    });
    bad("origin-of-another-key", "the origin does not commit to the key", &|_, old| {
        let name = World::new(8).origin;
        let signer = Signer::from_seed(&name, &[9; 32]).unwrap();
        [old.note(old.text(&name), &signer).into(), signer.verifier_key().to_string().into(), name.into()]
    });
    bad("checkpoint-of-another", "the old key signed a checkpoint of another origin", &|_, old| {
        let [_, key, name] = old.claims();
        [old.note(old.text(&World::new(8).origin), &old.0.log).into(), key, name]
    });
    bad("itself", "the ledger names itself", &|b, old| {
        let World { origin, log, .. } = &b.world;
        [old.note(old.text(origin), log).into(), log.verifier_key().to_string().into(), origin.as_str().into()]
    });
    bad("witness-key", "a cosigner's key instead of a log's", &|_, old| {
        let [note, ..] = old.claims();
        let key = old.0.witnesses[0].verifier_key();
        [note, key.to_string().into(), key.name().into()]
    });
    bad("no-base64", "the checkpoint is base64 without its padding", &|_, old| {
        let [note, key, name] = old.claims();
        let mut text = note.as_str().unwrap().to_owned();
        // A blank signature line more makes the length one that takes padding, whatever it was before.
        while !text.ends_with('=') {
            let mut bytes = STANDARD.decode(&text).unwrap();
            bytes.push(b'\n');
            text = STANDARD.encode(bytes);
        }
        [text.trim_end_matches('=').into(), key, name]
    });
    book.bad(
        "disclosures",
        "earlier-undisclosed",
        "an origin record that does not disclose the earlier checkpoint",
        |b| {
            origin(b, Old::new().claims());
            b.opened.remove(0);
        },
    )
    .and("file", "not_checked")
    .and(ID, "not_checked");
    book.bad("statement", "origin-provenance", "an origin record with a provenance", |b| {
        origin(b, Old::new().claims());
        b.statement["provenance"] = json!("user-supplied");
    })
    .statement_stops();
}
