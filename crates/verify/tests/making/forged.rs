//! `forged`: packages that an attacker wrote from scratch, consistent in themselves, or put together from honest ones.
//!
//! He holds every key but the reader's. None of these is ever verified.

use super::{
    Book, Case,
    der::Cert,
    stamp::Authority,
    world::{Build, Entries, World, at, canonical, record, replace, zip},
};
use evidence::{
    json::{Value, json},
    note::Note,
    statement::Kind,
};

/// The attacker, who calls himself and everybody else as the reader knows them.
pub fn thief() -> World {
    let public = evidence::note::Signer::from_seed("x", &[9; 32]).unwrap().verifier_key();
    let origin = evidence::checkpoint::origin("ledger.example", public.public_key().try_into().unwrap()).unwrap();
    World { owner: "贼", ..World::of(9, &origin, "Example Time Authority", "court.example/w1") }
}

/// Everything of the thief's, read with the trust of World 1.
pub fn stolen(b: &mut Build, world: World) {
    let trust = ("main", World::new(1).trust());
    *b = Build { trust, ..Build::new(world) };
}

fn forge<'b>(book: &'b mut Book, slug: &str, what: &str, exit: u8, make: impl FnOnce(&mut Build)) -> &'b mut Case {
    let case = book.good("forged", slug, what, make);
    case.exit = exit;
    case
}

/// Two records of one honest ledger, each with its package under its own checkpoint.
fn two_packages() -> (Entries, Entries) {
    let first = Build::new(World::new(1)).make();
    let mut second = Build::new(World::new(1));
    (second.statement, second.opened) = second.world.image_of("乙", 5, at(60));
    second.sign = Some(Box::new(|world, leaves| world.note(leaves, at(125))));
    second.seal = Box::new(|tsa, note| vec![tsa.stamp(note, at(126))]);
    (first, second.make())
}

pub fn cases(book: &mut Book) {
    const TOKENS: &[&str] = &["statement-token-1", "sealing-token-1", "times"];
    forge(book, "own-keys", "own log, witnesses and authority, all under the names that the reader knows", 3, |b| {
        stolen(b, thief());
    })
    .no_log_key()
    .all(TOKENS, "not_checked");
    forge(book, "own-verifier", "the same, with a VERIFY.txt and verify.py that say that all is well", 3, |b| {
        stolen(b, thief());
        b.entries = Box::new(|_, e| {
            replace(e, "VERIFY.txt", b"VERIFIED by the court.\n".to_vec());
            replace(e, "verify.py", b"print('VERIFIED')\nraise SystemExit(0)\n".to_vec());
        });
    })
    .no_log_key()
    .all(TOKENS, "not_checked");
    forge(
        book,
        "own-trust",
        "read by somebody who has no trust of his own: what the package brings does not count",
        3,
        |b| {
            stolen(b, thief());
            b.trust = (
                "empty",
                vec![("README".into(), b"Files of other names are ignored: this folder trusts nobody.\n".to_vec())],
            );
        },
    )
    .no_log_key()
    .all(TOKENS, "not_checked");
    forge(book, "famous-origin", "the origin that the reader knows, and a key that it is not derived from", 3, |b| {
        let origin = World::new(1).origin;
        stolen(b, World { owner: "贼", ..World::of(9, &origin, "Example Time Authority", "court.example/w1") });
    })
    .all(&["log-signature", "policy"], "not_checked")
    .all(TOKENS, "not_checked");
    forge(book, "famous-key-ids", "his own signatures under the known keys' names and ids", 1, |b| {
        let origin = World::new(1).origin;
        stolen(b, World { owner: "贼", ..World::of(9, &origin, "Example Time Authority", "court.example/w1") });
        b.note = Some(Box::new(|bytes| {
            let honest = World::new(1);
            let mut note = Note::parse(&bytes).unwrap();
            note.signatures[0].id = honest.log.verifier_key().id();
            note.signatures[1].id = honest.witnesses[0].verifier_key().id();
            note.to_bytes()
        }));
    })
    .all(&["log-signature", "policy"], "fail")
    .all(TOKENS, "not_checked");
    forge(
        book,
        "borrowed-signatures",
        "the honest ledger's and witnesses' lines, taken from a checkpoint of theirs",
        1,
        |b| {
            let origin = World::new(1).origin;
            stolen(b, World { owner: "贼", ..World::of(9, &origin, "Example Time Authority", "court.example/w1") });
            b.note = Some(Box::new(|bytes| {
                let honest = Build::new(World::new(1)).make();
                let theirs = &honest.iter().find(|e| e.0 == "checkpoint.txt").unwrap().1;
                let mut note = Note::parse(&bytes).unwrap();
                note.signatures = Note::parse(theirs).unwrap().signatures;
                note.to_bytes()
            }));
        },
    )
    .all(&["log-signature", "policy"], "fail")
    .all(TOKENS, "not_checked");
    forge(
        book,
        "famous-authority",
        "an honest ledger's record, stamped by an authority that says the known root issued it",
        1,
        |b| {
            let honest = World::new(1).tsa;
            let mut fake = Authority::new("Example Time Authority", 170);
            let issuer =
                Cert { subject: honest.root.subject.clone(), named_key: Some(honest.root.key), ..fake.root.clone() };
            fake.signer_der = fake.signer.signed_by(&issuer);
            b.stamp = Box::new(move |_, data| vec![fake.stamp(data, at(-86_400 * 30))]);
            World::receive(&mut b.statement, at(-86_400 * 30), 2);
            b.sign = Some(Box::new(|world, leaves| world.note(leaves, at(121))));
        },
    )
    .and("statement-token-1", "fail")
    .and("times", "not_checked");
    forge(book, "token-removed", "a token and its line in the record taken away", 1, |b| {
        b.stamp = Box::new(|tsa, data| vec![tsa.stamp(data, at(61)), tsa.stamp(data, at(62))]);
        b.entries = Box::new(|_, e| {
            let place = e.iter().position(|e| e.0 == "record.json").unwrap();
            let mut value: Value = serde_json::from_slice(&e[place].1).unwrap();
            value["timestamps"].as_array_mut().unwrap().pop();
            e[place].1 = canonical(&value);
            e.retain(|e| e.0 != "timestamp-2.tsr");
        });
    })
    .and("inclusion", "fail");
    forge(
        book,
        "owner-changed",
        "the owner changed in statement, record and disclosures; the rest as it was",
        1,
        |b| {
            let (mut forged, theirs) = (b.world.image_of("贼", 2, at(60)), b.make());
            forged.0["id"] = b.statement["id"].clone();
            b.entries = Box::new(move |_, e| {
                let token = theirs.iter().find(|e| e.0 == "timestamp-1.tsr").unwrap().1.clone();
                replace(e, "statement.json", canonical(&forged.0));
                replace(e, "record.json", record(&forged.0, &[token]));
                replace(e, "disclosure.json", canonical(&json!(forged.1)));
            });
        },
    )
    .all(&["statement-token-1", "inclusion"], "fail")
    .and("times", "not_checked");
    forge(book, "owner-disclosed", "only the disclosures changed", 1, |b| {
        b.opened = b.world.image_of("贼", 7, at(60)).1;
    })
    .and("disclosures", "fail");
    let mut spliced = |slug, what, names: &'static [&'static str]| {
        forge(book, slug, what, 1, |b| {
            b.entries = Box::new(move |_, e| {
                let (first, second) = two_packages();
                *e = first;
                for name in names {
                    let bytes = second.iter().find(|e| e.0 == *name).unwrap().1.clone();
                    replace(e, name, bytes);
                }
            });
        })
        .folder
        .clone()
    };
    const LEDGER: &[&str] = &["proof.tlog-proof", "checkpoint.txt", "checkpoint.tsr", "operator-proof.tlog-proof"];
    const CLAIM: &[&str] = &["statement.json", "record.json", "timestamp-1.tsr"];
    let all = [
        (
            spliced("spliced-ledger", "two honest packages: the place in the ledger of the second", LEDGER),
            vec!["inclusion"],
        ),
        (
            spliced("spliced-claims", "two honest packages: the disclosures of the second", &["disclosure.json"]),
            vec!["disclosures"],
        ),
        (
            spliced("spliced-statement", "two honest packages: statement, record and token of the second", CLAIM),
            vec!["disclosures", "inclusion"],
        ),
        (
            spliced("spliced-token", "two honest packages: the token of the second", &["timestamp-1.tsr"]),
            vec!["statement-token-1"],
        ),
        (
            spliced("spliced-seal", "two honest packages: the seal of the second", &["checkpoint.tsr"]),
            vec!["sealing-token-1"],
        ),
        (
            spliced(
                "spliced-operator",
                "two honest packages: the operator's proof of the second",
                &["operator-proof.tlog-proof"],
            ),
            vec!["operator"],
        ),
    ];
    for (folder, fails) in all {
        let case = book.cases.iter_mut().find(|c| c.folder == folder).unwrap();
        case.all(&fails, "fail");
        if fails.iter().any(|f| f.contains("token")) {
            case.and("times", "not_checked");
        }
    }
    forge(book, "two-zips", "an honest package with a forged one appended, which some programs would read", 1, |b| {
        let forged = Build::new(thief()).make();
        b.zip = Some(Box::new(move |honest| [honest, zip(&forged)].concat()));
    })
    .and("form", "fail");
    forge(book, "two-zips-before", "a forged package with an honest one appended", 1, |b| {
        let forged = Build::new(thief()).make();
        b.zip = Some(Box::new(move |honest| [zip(&forged), honest].concat()));
    })
    .and("form", "fail");
    forge(book, "no-operator", "own keys, and nothing about who runs the ledger", 3, |b| {
        stolen(b, thief());
        b.entries = Box::new(|_, e| e.retain(|e| !e.0.starts_with("operator-")));
    })
    .no_log_key()
    .and("operator", "not_checked")
    .all(TOKENS, "not_checked");
    forge(book, "no-times", "own keys, and no token over the checkpoint", 3, |b| {
        stolen(b, thief());
        b.seal = Box::new(|_, _| Vec::new());
    })
    .no_log_key()
    .all(TOKENS, "not_checked");
    forge(book, "order-for-file", "a file passed off with a record that has none", 1, |b| {
        let mut world = thief();
        world.owner = "贼";
        stolen(b, world);
        b.kind(Kind::Order, &[]);
    })
    .no_log_key()
    .all(TOKENS, "not_checked")
    .and("file", "fail");
}
