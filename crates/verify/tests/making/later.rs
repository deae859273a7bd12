//! `later-N`, `renewal-N`, `times`, `clock`: what is added afterwards, and in which order everything happened.

use super::{
    Book,
    der::{SHA256, SHA512, oid, seq},
    stamp::Authority,
    world::{Build, Entries, World, at},
};
use crate::common::proof;
use evidence::{
    hex,
    json::{Value, json},
    note::Note,
    proof::TlogProof,
    time::Utc,
};
use sha2::{Digest, Sha512};

pub fn cases(book: &mut Book) {
    later(book);
    renewal(book);
    times(book);
    clock(book);
}

/// `renewal-NN.txt` over these entries.
pub fn listing(before: &[(String, Vec<u8>)]) -> Vec<u8> {
    let line = |(name, bytes): &(String, Vec<u8>)| format!("{}  {name}\n", hex::encode(&Sha512::digest(bytes)));
    before.iter().map(line).collect::<String>().into_bytes()
}

/// Four leaves, the record at index 1.
fn grown(world: &World, leaves: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let (other, _) = world.image_of("丁", 9, at(300));
    [leaves, &[world.record(&other, at(301))]].concat()
}

/// A later checkpoint, to be spoiled.
struct Later {
    leaves: Vec<Vec<u8>>,
    index: usize,
    note: Vec<u8>,
    proof: Vec<u8>,
    stamped: i64,
    over: Option<Vec<u8>>,
}

impl Later {
    fn new(world: &World, leaves: &[Vec<u8>], seconds: i64) -> Self {
        Self::over(world, leaves.to_vec(), 1, seconds)
    }

    fn over(world: &World, leaves: Vec<Vec<u8>>, index: usize, seconds: i64) -> Self {
        let note = world.note(&leaves, at(seconds));
        let proof = proof(&leaves, index, &note);
        Self { leaves, index, note, proof, stamped: seconds + 1, over: None }
    }

    /// The same tree under another note.
    fn under(mut self, note: Vec<u8>) -> Self {
        self.proof = proof(&self.leaves, self.index, &note);
        self.note = note;
        self
    }

    fn put(self, tsa: &Authority, entries: &mut Entries, n: usize) {
        let token = tsa.stamp(self.over.as_deref().unwrap_or(&self.note), at(self.stamped));
        entries.push((format!("later-{n:02}-proof.tlog-proof"), self.proof));
        entries.push((format!("later-{n:02}-checkpoint.txt"), self.note));
        entries.push((format!("later-{n:02}-checkpoint.tsr"), token));
    }
}

fn added(b: &mut Build, make: impl Fn(&World, &[Vec<u8>]) -> Later + 'static) {
    b.later = Box::new(move |world, leaves, entries| make(world, leaves).put(&world.tsa, entries, 1));
}

fn later(book: &mut Book) {
    const ID: &str = "later-N";
    book.good(ID, "larger", "a larger checkpoint", |b| added(b, |w, l| Later::new(w, &grown(w, l), 400)));
    book.good(ID, "same-size", "the same tree, signed and stamped again", |b| added(b, |w, l| Later::new(w, l, 400)));
    book.good(ID, "two", "two later checkpoints", |b| {
        b.later = Box::new(|w, l, e| {
            Later::new(w, l, 400).put(&w.tsa, e, 1);
            Later::new(w, &grown(w, l), 500).put(&w.tsa, e, 2);
        });
    });
    book.good(ID, "quorum", "the first checkpoint has no cosignature, the later one meets the policy", |b| {
        b.note = Some(Box::new(alone));
        added(b, |w, l| Later::new(w, &grown(w, l), 400));
    });
    book.good(ID, "unknown-root", "its authority is not in the reader's trust: not checked, not required", |b| {
        b.later = Box::new(|w, l, e| {
            Later::new(w, &grown(w, l), 400).put(&Authority::new("Another Authority", 150), e, 1);
        });
    })
    .and("later-1", "not_checked");
    book.good(ID, "no-line", "the log's line is absent under it", |b| {
        added(b, |w, l| {
            let later = Later::new(w, &grown(w, l), 400);
            let mut note = Note::parse(&later.note).unwrap();
            note.signatures.remove(0);
            later.under(note.to_bytes())
        });
    })
    .and("later-1", "not_checked");
    book.good(ID, "roles-ended", "the cosigners' roles were in force at the first seal, and had ended when the later checkpoint that meets the policy was sealed", |b| {
        b.note = Some(Box::new(alone));
        added(b, |w, l| Later::new(w, &grown(w, l), 400));
        roles(b, "cosigners-until-later", |line| line["until"] = json!(at(400).to_micros()));
    })
    .and("policy", "limited");
    book.good(
        ID,
        "roles-until-its-seal",
        "the cosigners' roles end in the second in which the later checkpoint was sealed",
        |b| {
            b.note = Some(Box::new(alone));
            added(b, |w, l| Later::new(w, &grown(w, l), 400));
            roles(b, "cosigners-until-its-seal", |line| line["until"] = json!(at(401).to_micros()));
        },
    );
    book.good(ID, "roles-begun", "the cosigners' roles begin between the first seal and the later one", |b| {
        b.note = Some(Box::new(alone));
        added(b, |w, l| Later::new(w, &grown(w, l), 400));
        roles(b, "cosigners-from-later", |line| line["from"] = json!(at(300).to_micros()));
    });

    let mut bad = |slug, what, make: fn(&World, &[Vec<u8>]) -> Later| {
        book.bad(ID, slug, what, |b| added(b, make));
    };
    bad("smaller", "a smaller tree", |w, l| Later::new(w, &l[..2], 400));
    bad("other-root", "the same size, another root", |w, l| {
        let (other, _) = w.image_of("丁", 9, at(300));
        Later::new(w, &[l[0].clone(), l[1].clone(), w.record(&other, at(301))], 400)
    });
    bad("index", "the record stands at another index of a larger tree", |w, l| {
        Later::over(w, [l, &[l[1].clone()]].concat(), 3, 400)
    });
    bad("not-there", "the larger tree holds another record at that index", |w, l| {
        let (other, _) = w.image_of("丁", 9, at(300));
        let leaves = vec![l[0].clone(), w.record(&other, at(301)), l[2].clone(), l[2].clone()];
        Later::new(w, &leaves, 400)
    });
    bad("origin", "a checkpoint of another ledger", |w, l| {
        let other = World::new(2);
        Later { stamped: 401, ..Later::new(&other, &grown(w, l), 400) }
    });
    bad("log-bit", "one bit of the log's signature", |w, l| {
        let later = Later::new(w, &grown(w, l), 400);
        let mut note = Note::parse(&later.note).unwrap();
        note.signatures[0].signature[3] ^= 1;
        later.under(note.to_bytes())
    });
    bad("witness-bit", "one bit of the court's signature", |w, l| {
        let later = Later::new(w, &grown(w, l), 400);
        let mut note = Note::parse(&later.note).unwrap();
        note.signatures[1].signature[30] ^= 1;
        later.under(note.to_bytes())
    });
    bad("proof-bit", "one bit of its proof", |w, l| {
        let mut later = Later::new(w, &grown(w, l), 400);
        let mut proof = TlogProof::parse(&later.proof).unwrap();
        proof.hashes[0][0] ^= 1;
        later.proof = proof.to_bytes();
        later
    });
    bad("other-note", "its checkpoint.txt is not the note in its proof", |w, l| {
        let mut later = Later::new(w, &grown(w, l), 400);
        later.note = w.note(&grown(w, l), at(399));
        later
    });
    bad("token", "its token is over another checkpoint", |w, l| {
        let mut later = Later::new(w, &grown(w, l), 400);
        later.over = Some(w.note(l, at(121)));
        later
    });
    book.bad(ID, "second-smaller", "the second is smaller than the first", |b| {
        b.later = Box::new(|w, l, e| {
            Later::new(w, &grown(w, l), 400).put(&w.tsa, e, 1);
            Later::new(w, l, 500).put(&w.tsa, e, 2);
        });
    })
    .instead("later-1", "later-2");
    book.open("policy", "halves", "the court under the first checkpoint, the notary under a later one", |b| {
        b.note = Some(Box::new(|bytes| {
            let mut note = Note::parse(&bytes).unwrap();
            note.signatures.remove(2);
            note.to_bytes()
        }));
        added(b, |w, l| {
            let later = Later::new(w, &grown(w, l), 400);
            let mut note = Note::parse(&later.note).unwrap();
            note.signatures.remove(1);
            later.under(note.to_bytes())
        });
    });
    book.open(
        "policy",
        "later-without-log",
        "only a later checkpoint meets it, under which the log's line is absent",
        |b| {
            b.note = Some(Box::new(alone));
            added(b, |w, l| {
                let later = Later::new(w, &grown(w, l), 400);
                let mut note = Note::parse(&later.note).unwrap();
                note.signatures.remove(0);
                later.under(note.to_bytes())
            });
        },
    )
    .and("later-1", "not_checked");
}

/// The reader's roles of both cosigners, changed.
fn roles(b: &mut Build, name: &'static str, change: fn(&mut Value)) {
    let policy = b.world.policy("group witnesses all court notary\nquorum witnesses\n");
    b.trust = (name, b.world.trust_with(&policy, |lines| [2, 3].iter().for_each(|n| change(&mut lines[*n]))));
}

/// Without any cosignature.
fn alone(bytes: Vec<u8>) -> Vec<u8> {
    let mut note = Note::parse(&bytes).unwrap();
    note.signatures.truncate(1);
    note.to_bytes()
}

pub fn put_renewal(world: &World, entries: &mut Entries, n: usize, seconds: i64, edit: impl Fn(String) -> String) {
    let text = edit(String::from_utf8(listing(entries)).unwrap()).into_bytes();
    let token = world.tsa.stamp_as(&text, at(seconds), |s| s.imprint = SHA512);
    entries.push((format!("renewal-{n:02}.txt"), text));
    entries.push((format!("renewal-{n:02}.tsr"), token));
}

fn renewal(book: &mut Book) {
    const ID: &str = "renewal-N";
    book.good(ID, "one", "a renewal over everything before it", |b| {
        b.later = Box::new(|w, _, e| put_renewal(w, e, 1, 1000, |t| t));
    });
    book.good(ID, "chain", "three renewals, each over the ones before it", |b| {
        b.later = Box::new(|w, _, e| (1..=3).for_each(|n| put_renewal(w, e, n, 1000 * n as i64, |t| t)));
    });
    book.good(ID, "with-later", "a renewal, a later checkpoint, another renewal", |b| {
        b.later = Box::new(|w, l, e| {
            put_renewal(w, e, 1, 300, |t| t);
            Later::new(w, &grown(w, l), 400).put(&w.tsa, e, 1);
            put_renewal(w, e, 2, 500, |t| t);
        });
    });
    book.good(ID, "unknown-root", "its authority is not in the reader's trust", |b| {
        b.later = Box::new(|_, _, e| {
            let text = listing(e);
            let token = Authority::new("Another Authority", 150).stamp_as(&text, at(1000), |s| s.imprint = SHA512);
            e.push(("renewal-01.txt".into(), text));
            e.push(("renewal-01.tsr".into(), token));
        });
    })
    .and("renewal-1", "not_checked");

    ended(book);

    let mut bad = |slug, what, edit: fn(String) -> String| {
        book.bad(ID, slug, what, |b| b.later = Box::new(move |w, _, e| put_renewal(w, e, 1, 1000, edit)));
    };
    bad("entry-missing", "one entry is not listed", |t| {
        t.lines().filter(|l| !l.ends_with("record.json")).map(|l| format!("{l}\n")).collect()
    });
    bad("digest", "a wrong digest of one entry", |t| {
        let first = if t.starts_with('0') { "1" } else { "0" };
        format!("{first}{}", &t[1..])
    });
    bad("order", "two lines exchanged", |t| {
        let mut lines: Vec<&str> = t.lines().collect();
        lines.swap(0, 1);
        lines.iter().map(|l| format!("{l}\n")).collect()
    });
    bad("twice", "one entry listed twice", |t| format!("{}\n{t}", t.lines().next().unwrap()));
    bad("more", "an entry that it does not cover", |t| format!("{t}{}  trust-policy\n", "0".repeat(128)));
    bad("upper-case", "digests in upper case", |t| {
        let mut lines = t.lines().map(|l| l.split_once("  ").unwrap());
        lines.by_ref().map(|(d, n)| format!("{}  {n}\n", d.to_uppercase())).collect()
    });
    bad("one-space", "one space between digest and name", |t| t.replacen("  ", " ", 1));
    bad("binary-mark", "an asterisk before a name, as sha512sum -b writes it", |t| t.replacen("  ", " *", 1));
    bad("no-newline", "without its last newline", |t| t.trim_end().to_owned());
    bad("crlf", "lines that end in CRLF", |t| t.replace('\n', "\r\n"));
    book.bad(ID, "imprint", "an imprint of SHA-256", |b| {
        b.later = Box::new(|w, _, e| {
            let text = listing(e);
            let token = w.tsa.stamp_as(&text, at(1000), |s| s.imprint = SHA256);
            e.push(("renewal-01.txt".into(), text));
            e.push(("renewal-01.tsr".into(), token));
        });
    });
    book.bad(ID, "token", "its token is over another list", |b| {
        b.later = Box::new(|w, _, e| {
            let text = listing(e);
            let token = w.tsa.stamp_as(&text[..129], at(1000), |s| s.imprint = SHA512);
            e.push(("renewal-01.txt".into(), text));
            e.push(("renewal-01.tsr".into(), token));
        });
    });
    book.bad(ID, "chain-broken", "the second of a chain leaves out the first", |b| {
        b.later = Box::new(|w, _, e| {
            put_renewal(w, e, 1, 1000, |t| t);
            put_renewal(w, e, 2, 2000, |t| {
                t.lines().filter(|l| !l.contains("renewal-01")).map(|l| format!("{l}\n")).collect()
            });
        });
    })
    .instead("renewal-1", "renewal-2");
}

/// The authority under the same root, with a certificate that ends so many seconds after the start.
pub fn until(seconds: i64) -> Authority {
    Authority::with("Example Time Authority", 41, |c| c.until = at(seconds))
}

/// A token of a signature algorithm that version 1 does not name.
pub fn unknown(tsa: &Authority, data: &[u8], time: Utc) -> Vec<u8> {
    tsa.stamp_as(data, time, |s| s.algorithm = Some(seq(&[&oid("1.3.101.112")])))
}

/// A renewal by that authority.
fn put_by(tsa: &Authority, entries: &mut Entries, n: usize, seconds: i64) {
    let text = listing(entries);
    let token = tsa.stamp_as(&text, at(seconds), |s| s.imprint = SHA512);
    entries.push((format!("renewal-{n:02}.txt"), text));
    entries.push((format!("renewal-{n:02}.tsr"), token));
}

/// Certificates that have ended by the reader's clock.
fn ended(book: &mut Book) {
    const ID: &str = "renewal-N";
    book.good(ID, "seal-ended", "the sealing certificate has ended since, and a renewal was made before", |b| {
        b.seal = Box::new(|_, note| vec![until(2000).stamp(note, at(120))]);
        b.later = Box::new(|w, _, e| put_renewal(w, e, 1, 1000, |t| t));
    });
    book.good(
        ID,
        "seal-ended-first",
        "the sealing certificate ended before the renewal: what it keeps may be forged",
        |b| {
            b.seal = Box::new(|_, note| vec![until(900).stamp(note, at(120))]);
            b.later = Box::new(|w, _, e| put_renewal(w, e, 1, 1000, |t| t));
        },
    )
    .and("sealing-token-1", "limited");
    book.good(ID, "ended-twice", "seal and first renewal have ended; each was renewed before", |b| {
        b.seal = Box::new(|_, note| vec![until(2000).stamp(note, at(120))]);
        b.later = Box::new(|w, _, e| {
            put_by(&until(4000), e, 1, 1000);
            put_renewal(w, e, 2, 3000, |t| t);
        });
    });
    book.good(ID, "chain-ended", "the second renewal came after the first one's certificate had ended", |b| {
        b.seal = Box::new(|_, note| vec![until(2000).stamp(note, at(120))]);
        b.later = Box::new(|w, _, e| {
            put_by(&until(2500), e, 1, 1000);
            put_renewal(w, e, 2, 3000, |t| t);
        });
    })
    .and("renewal-1", "limited")
    .and("sealing-token-1", "limited");
    book.good(
        ID,
        "chain-not-listed",
        "in a certificate: the second renewal does not list the first, nor keep it",
        |b| {
            b.seal = Box::new(|_, note| vec![until(150).stamp(note, at(120))]);
            b.later = Box::new(|w, _, e| {
                let before = e.clone();
                put_by(&until(190), e, 1, 140);
                let mut alone = before;
                put_renewal(w, &mut alone, 2, 170, |t| t);
                e.extend(alone.split_off(alone.len() - 2));
            });
            super::certificate::certificate(b, |_, _| ());
        },
    )
    .and("renewal-1", "limited")
    .and("sealing-token-1", "limited");
}

fn times(book: &mut Book) {
    const ID: &str = "times";
    book.good(ID, "in-order", "received, stamped, cosigned, sealed", |_| ());
    book.good(ID, "received-3-s", "received 3 s after genTime, with an accuracy of 1 s", |b| {
        World::receive(&mut b.statement, at(64), 2);
    });
    book.good(ID, "seal-within-accuracy", "sealed 2 s before it was stamped, each known to a second", |b| {
        b.seal = Box::new(|tsa, note| vec![tsa.stamp(note, at(59))]);
        b.sign = Some(Box::new(|w, l| w.note(l, at(60))));
    });
    book.good(ID, "cosigned-60-s", "cosigned 60 s after the seal", |b| {
        b.sign = Some(Box::new(|w, l| w.note(l, at(182))));
    });
    book.bad(ID, "received-late", "received a microsecond more than 3 s after genTime", |b| {
        World::receive(&mut b.statement, at(64).plus(1), 2);
    });
    book.bad(ID, "received-hour", "received an hour after it was stamped", |b| {
        World::receive(&mut b.statement, at(3661), 2)
    });
    book.bad(ID, "seal-first", "sealed 3 s before it was stamped", |b| {
        b.seal = Box::new(|tsa, note| vec![tsa.stamp(note, at(58))]);
        b.sign = Some(Box::new(|w, l| w.note(l, at(58))));
    });
    book.bad(ID, "second-seal-first", "the second of two seals is a day too early", |b| {
        b.seal = Box::new(|tsa, note| vec![tsa.stamp(note, at(122)), tsa.stamp(note, at(-86_400))]);
    });
    book.bad(ID, "cosigned-early", "cosigned 61 s before it was stamped", |b| {
        b.sign = Some(Box::new(|w, l| w.note(l, at(0))))
    });
    book.bad(ID, "cosigned-late", "cosigned 61 s after the seal", |b| {
        b.sign = Some(Box::new(|w, l| w.note(l, at(183))))
    });
    book.bad(ID, "cosigned-ahead", "not sealed, and cosigned in the year 2100", |b| {
        b.sign = Some(Box::new(|w, l| w.note(l, FAR)));
        b.seal = Box::new(|_, _| Vec::new());
    })
    .and("sealing-token-1", "not_checked");
    book.bad(ID, "stamped-ahead", "everything in the year 2100", |b| {
        World::receive(&mut b.statement, FAR, 2);
        b.stamp = Box::new(|tsa, data| vec![tsa.stamp(data, FAR)]);
        b.sign = Some(Box::new(|w, l| w.note(l, FAR)));
        b.seal = Box::new(|tsa, note| vec![tsa.stamp(note, FAR)]);
    });
    book.bad(ID, "sealed-ahead", "sealed in the year 2100", |b| {
        b.seal = Box::new(|tsa, note| vec![tsa.stamp(note, FAR)])
    });
    book.bad(ID, "later-back", "a later checkpoint stamped before the seal", |b| {
        added(b, |w, l| Later { stamped: 110, ..Later::new(w, &grown(w, l), 111) });
    });
    book.bad(ID, "renewal-back", "a second renewal stamped before the first", |b| {
        b.later = Box::new(|w, _, e| {
            put_renewal(w, e, 1, 1000, |t| t);
            put_renewal(w, e, 2, 900, |t| t);
        });
    });
    book.bad(ID, "later-ahead", "a renewal in the year 2100", |b| {
        b.later = Box::new(|w, _, e| {
            let seconds = (FAR.0 - at(0).0) / 1_000_000;
            put_renewal(w, e, 1, seconds, |t| t);
        });
    });
    book.bad(ID, "unknown-root", "stamped after the seal, by an authority that the reader does not know", |b| {
        b.stamp = Box::new(|tsa, data| {
            vec![tsa.stamp(data, at(61)), Authority::new("Another Authority", 150).stamp(data, at(600))]
        });
    })
    .and("statement-token-2", "not_checked");
}

/// 2100-01-01T00:00:00Z.
const FAR: evidence::time::Utc = evidence::time::Utc(4_102_444_800_000_000);

fn clock(book: &mut Book) {
    const ID: &str = "clock";
    book.good(ID, "compared", "the platform says that it compared its clock", |_| ());
    book.good(ID, "not-compared", "it did not", |b| b.statement["clock"] = json!({"checked": false}))
        .and(ID, "limited");
    let off = |offset: i64| {
        move |b: &mut Build| {
            b.statement["clock"] =
                json!({"checked": true, "source": "ntp.example", "offset_us": offset, "at": at(2).to_micros()});
        }
    };
    book.good(ID, "one-second", "off by a second", off(-1_000_000));
    book.good(ID, "behind", "more than a second behind", off(-1_000_001)).and(ID, "limited");
    book.good(ID, "ahead", "more than a second ahead", off(1_000_001)).and(ID, "limited");
}
