//! `log-signature`, `log-role`, `policy`: whose signatures stand under the checkpoint, and whether they suffice.

use super::{
    Book,
    world::{Build, Entries, World, at, replace},
};
use curve25519_dalek::{EdwardsPoint, Scalar, constants};
use evidence::{
    cosignature::Cosigner,
    json::{Value, json},
    note::{KeyType, Note, SignatureLine, Signer, VerifierKey},
};
use ml_dsa::{MlDsa44, signature::Keypair as _};
use sha2::{Digest, Sha512};

pub fn cases(book: &mut Book) {
    log_signature(book);
    log_role(book);
    policy(book);
}

/// Changes the note after everybody signed.
fn edit(b: &mut Build, change: impl Fn(&mut Note) + 'static) {
    b.note = Some(Box::new(move |bytes| {
        let mut note = Note::parse(&bytes).unwrap();
        change(&mut note);
        note.to_bytes()
    }));
}

fn log_signature(book: &mut Book) {
    const ID: &str = "log-signature";
    book.good(ID, "signed", "by the key that the reader knows", |_| ());
    book.good(ID, "last-line", "the log's line stands last", |b| edit(b, |n| n.signatures.rotate_left(1)));
    book.good(ID, "unknown-lines", "beside lines that no known key explains", |b| {
        edit(b, |n| {
            let text = n.text.clone();
            n.signatures.push(Signer::from_seed("stranger.example", &[77; 32]).unwrap().sign(&text));
        });
    });
    let mut bad = |slug, what, change: fn(&mut Note)| {
        book.bad(ID, slug, what, |b| edit(b, change));
    };
    bad("bit", "one bit of the signature", |n| n.signatures[0].signature[5] ^= 1);
    bad("short", "a signature of 63 bytes", |n| n.signatures[0].signature.truncate(63));
    bad("long", "a signature of 65 bytes", |n| n.signatures[0].signature.push(0));
    bad("another-key", "another key's signature under the known key's id", |n| {
        let other = Signer::from_seed(&n.signatures[0].name, &[66; 32]).unwrap();
        n.signatures[0].signature = other.sign(&n.text).signature;
    });
    bad("another-text", "the signature of an earlier checkpoint", |n| {
        let text = n.text.replacen("\n3\n", "\n2\n", 1);
        n.signatures[0] = World::new(1).log.sign(&text);
    });
    bad("body-without-newline", "signed without the body's last newline", |n| {
        let text = n.text.trim_end().to_owned();
        n.signatures[0] = World::new(1).log.sign(&text);
    });
    bad("as-cosignature", "the log key signed the cosignature message", |n| {
        let text = format!("cosignature/v1\ntime 1767574921\n{}", n.text);
        n.signatures[0] = World::new(1).log.sign(&text);
    });
    bad("s-plus-l", "S is larger than the order of the group", |n| {
        let s = &mut n.signatures[0].signature[32..];
        let mut carry = 0u16;
        for (byte, add) in s.iter_mut().zip(L) {
            carry += u16::from(*byte) + u16::from(add);
            *byte = carry as u8;
            carry >>= 8;
        }
    });
    bad("cofactored", "holds only if multiplied by the cofactor: R has a part of small order", |n| {
        n.signatures[0].signature = cofactored(&[1; 32], n.text.as_bytes());
    });
    book.open(ID, "no-line", "the log's line is absent", |b| edit(b, |n| drop(n.signatures.remove(0))));
    book.open(ID, "another-name", "the log key's line under another name, which is another id", |b| {
        edit(b, |n| {
            let text = n.text.clone();
            n.signatures[0] = Signer::from_seed("ledger.example", &[1; 32]).unwrap().sign(&text);
        });
    });
    book.open(ID, "unknown-key", "signed by a key that only the package vouches for", |b| {
        b.trust = ("without-log", b.world.trust_with("quorum none\n", |_| ()));
    })
    .no_log_key();
}

/// The order of the group, little endian.
const L: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// RFC 8032 with R moved by a point of order 8.
fn cofactored(seed: &[u8; 32], message: &[u8]) -> Vec<u8> {
    let expanded = Sha512::digest(seed);
    let mut low: [u8; 32] = expanded[..32].try_into().unwrap();
    (low[0], low[31]) = (low[0] & 248, low[31] & 127 | 64);
    let a = Scalar::from_bytes_mod_order(low);
    let wide = |parts: &[&[u8]]| Scalar::from_bytes_mod_order_wide(&Sha512::digest(parts.concat()).into());
    let r = wide(&[&expanded[32..], message]);
    let moved = (EdwardsPoint::mul_base(&r) + constants::EIGHT_TORSION[1]).compress();
    let key = EdwardsPoint::mul_base(&a).compress();
    let k = wide(&[moved.as_bytes(), key.as_bytes(), message]);
    [moved.to_bytes(), (r + k * a).to_bytes()].concat()
}

fn log_role(book: &mut Book) {
    const ID: &str = "log-role";
    let mut role = |slug, what, trust, result: &'static str, change: &dyn Fn(&mut Value)| {
        let case = book.good(ID, slug, what, |b| {
            b.trust = (trust, b.world.trust_with(&b.world.policy("quorum court\n"), change));
        });
        if result != "pass" {
            case.and(ID, result);
        }
    };
    role("platform", "a platform", "platform", "pass", &|_| ());
    role("until-today", "until the very instant of the sealing token", "role-until", "pass", &|r| {
        r[0]["until"] = json!(at(122).to_micros());
    });
    role("other", "another role", "role-other", "limited", &|r| r[0]["role"] = json!("other"));
    role("none", "no line about it", "role-none", "limited", &|r| drop(r.as_array_mut().unwrap().remove(0)));
    role("past", "a role that ended before", "role-past", "limited", &|r| r[0]["until"] = json!(at(121).to_micros()));
    role("future", "a role that began after", "role-future", "limited", &|r| r[0]["from"] = json!(at(123).to_micros()));
    let mut role = |slug, what, trust, change: &dyn Fn(&mut Value)| {
        book.good(ID, slug, what, |b| {
            b.trust = (trust, b.world.trust_with(&b.world.policy("quorum court\n"), change));
        });
    };
    role("two-lines", "two lines: of them the first that is in force", "role-two-lines", &|r| {
        let (mut other, again) = (r[0].clone(), r[0].clone());
        (other["role"], other["until"]) = (json!("other"), json!(at(121).to_micros()));
        r[0] = other;
        r.as_array_mut().unwrap().push(again);
    });
    book.good(ID, "no-roles", "the reader has no roles.json: nobody has a role", |b| {
        b.trust = ("no-roles", b.world.trust().into_iter().filter(|f| f.0 != "roles.json").collect());
    })
    .all(&[ID, "statement-token-1", "sealing-token-1", "policy"], "limited");
}

/// A group of two, of which the quorum asks for `of`.
fn with_quorum(b: &mut Build, name: &'static str, quorum: &str) {
    b.trust = (name, b.world.trust_with(&b.world.policy(quorum), |_| ()));
}

fn only(entries: &mut Entries, policy: &[u8]) {
    replace(entries, "trust-policy", policy.to_vec());
}

fn policy(book: &mut Book) {
    const ID: &str = "policy";
    book.good(ID, "all", "both of two witnesses", |_| ());
    book.good(ID, "one-of-two", "one of two suffices, and one is there", |b| {
        with_quorum(b, "any", "group some any court notary\nquorum some\n");
        edit(b, |n| drop(n.signatures.pop()));
    });
    book.good(ID, "groups", "a group in a group", |b| {
        with_quorum(b, "groups", "group inner 1 court notary\ngroup outer all inner\nquorum outer\n");
    });
    book.good(ID, "none", "no witness is asked for: a single operator", |b| {
        with_quorum(b, "none", "quorum none\n");
        edit(b, |n| n.signatures.truncate(1));
    })
    .and(ID, "limited");
    book.good(ID, "stranger", "a witness that the reader does not know is ignored", |b| {
        edit(b, |n| {
            let text = n.text.clone();
            n.signatures.push(Cosigner::from_seed("stranger.example/w", &[77; 32]).unwrap().cosign(&text, 1));
        });
    });
    book.good(ID, "ml-dsa", "an ML-DSA-44 cosignature (type 06)", |b| ml_dsa(b, "ml-dsa", |_| ())).optional("type-06");
    let mut roles = |slug, what, trust, change: fn(&mut Value)| {
        book.good(ID, slug, what, |b| {
            let policy = b.world.policy("group witnesses all court notary\nquorum witnesses\n");
            b.trust = (trust, b.world.trust_with(&policy, change));
        })
        .and(ID, "limited");
    };
    roles("own-cosigners", "the reader holds neither cosigner to be independent", "own-cosigners", |r| {
        (r[2]["independent"], r[3]["independent"]) = (json!(false), json!(false));
    });
    roles("roles-ended", "the cosigners' roles had ended before this was sealed", "ended-cosigners", |r| {
        (r[2]["until"], r[3]["until"]) = (json!(at(121).to_micros()), json!(at(121).to_micros()));
    });

    let mut bad = |slug, what, change: fn(&mut Note)| {
        book.bad(ID, slug, what, |b| edit(b, change));
    };
    bad("another-text", "the court's line stands under another checkpoint", |n| {
        let text = n.text.replacen("\n3\n", "\n2\n", 1);
        n.signatures[1] = World::new(1).witnesses[0].cosign(&text, at(121).unix_seconds() as u64);
    });
    bad("another-time", "the time in the court's line was changed", |n| n.signatures[1].signature[7] ^= 1);
    bad("bit", "one bit of the court's signature", |n| n.signatures[1].signature[20] ^= 1);
    bad("short", "the court's line without its last byte", |n| n.signatures[1].signature.truncate(71));
    bad("without-time", "the court's line without a time", |n| {
        n.signatures[1].signature.drain(..8);
    });
    bad("time-0", "the court's line at time 0", |n| {
        let text = n.text.clone();
        let seed = World::new(1).seed + 100;
        let message = format!("cosignature/v1\ntime 0\n{text}");
        let signature = Signer::from_seed("x", &[seed; 32]).unwrap().sign(&message).signature;
        n.signatures[1].signature = [vec![0; 8], signature].concat();
    });
    bad("as-log", "the court's key signed the text as a log would", |n| {
        let seed = World::new(1).seed + 100;
        let signature = Signer::from_seed("x", &[seed; 32]).unwrap().sign(&n.text).signature;
        n.signatures[1].signature = [at(121).unix_seconds().to_be_bytes().to_vec(), signature].concat();
    });
    bad("beyond-the-quorum", "a known witness's bad line fails, also where others suffice", |n| {
        n.signatures[2].signature[20] ^= 1;
    });
    book.bad(ID, "ml-dsa-bit", "one bit of an ML-DSA-44 cosignature", |b| {
        ml_dsa(b, "ml-dsa", |line| line.signature[100] ^= 1);
    })
    .optional("type-06");

    book.open(ID, "one-missing", "the notary's line is absent, and both are asked for", |b| {
        edit(b, |n| drop(n.signatures.pop()));
    });
    book.open(ID, "nobody", "nobody cosigned", |b| edit(b, |n| n.signatures.truncate(1)));
    book.open(ID, "sock-puppet", "another key cosigned under the court's name", |b| {
        edit(b, |n| {
            let text = n.text.clone();
            let puppet = Cosigner::from_seed("court.example/w1", &[77; 32]).unwrap();
            n.signatures[1] = puppet.cosign(&text, at(121).unix_seconds() as u64);
        });
    });
    book.open(ID, "sixteen-puppets", "many witnesses that nobody knows are no witness", |b| {
        edit(b, |n| {
            n.signatures.truncate(1);
            let text = n.text.clone();
            n.signatures.extend((1..16).map(|k| {
                let puppet = Cosigner::from_seed(&format!("w{k}.example"), &[200 + k; 32]).unwrap();
                puppet.cosign(&text, at(121).unix_seconds() as u64)
            }));
        });
    });
    book.open(ID, "log-as-witness", "the log cosigned its own checkpoint", |b| {
        edit(b, |n| {
            let text = n.text.clone();
            let own = Cosigner::from_seed(&World::new(1).origin, &[1; 32]).unwrap();
            n.signatures[1] = own.cosign(&text, at(121).unix_seconds() as u64);
        });
    });
    book.open(ID, "own-policy", "the package brings a policy that it meets; the reader's asks for more", |b| {
        edit(b, |n| n.signatures.truncate(1));
        b.entries = Box::new(|world, entries| only(entries, world.policy("quorum none\n").as_bytes()));
    });
    book.open(ID, "two-of-three", "a policy that nobody meets: two of three, one of whom never signs", |b| {
        let third = Cosigner::from_seed("third.example/w3", &[99; 32]).unwrap().verifier_key();
        let third = format!("witness third {third}\ngroup three 2 court notary third\nquorum three\n");
        with_quorum(b, "two-of-three", &third);
        edit(b, |n| drop(n.signatures.remove(1)));
    });
    book.open(ID, "no-policy", "the reader has no policy at all", |b| {
        b.trust = ("no-policy", b.world.trust().into_iter().filter(|f| f.0 != "policy").collect());
    })
    .no_log_key();
}

/// A witness with a type 06 key, whom alone the quorum asks for.
fn ml_dsa(b: &mut Build, trust: &'static str, change: fn(&mut SignatureLine)) {
    let secret = ml_dsa::SigningKey::<MlDsa44>::from_seed(&[6; 32].into());
    let key = VerifierKey::new("later.example/w6", KeyType::MlDsa44, &secret.verifying_key().encode()).unwrap();
    let policy = b.world.policy(&format!("witness later {key}\nquorum later\n"));
    b.trust = (trust, b.world.trust_with(&policy, |_| ()));
    let id = key.id();
    edit(b, move |note| {
        let mut lines = note.text.lines();
        let (origin, size) = (lines.next().unwrap(), lines.next().unwrap().parse::<u64>().unwrap());
        let root = evidence::checkpoint::Checkpoint::parse(&note.text).unwrap().root;
        let (time, name) = (at(121).unix_seconds().to_be_bytes(), "later.example/w6");
        let message = [
            b"subtree/v1\n\0",
            &[name.len() as u8][..],
            name.as_bytes(),
            &time,
            &[origin.len() as u8],
            origin.as_bytes(),
            &[0; 8],
            &size.to_be_bytes(),
            &root,
        ]
        .concat();
        let signature = secret.expanded_key().sign_deterministic(&message, b"").unwrap();
        let mut line = SignatureLine { name: name.into(), id, signature: [&time[..], &signature.encode()].concat() };
        change(&mut line);
        note.signatures.push(line);
    });
}
