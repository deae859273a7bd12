//! `formats`: checkpoints, notes, cosignatures, policies and proofs, which are C2SP's.

use super::{
    formats::{Shelf, leaves},
    world::{World, at, base64},
};
use crate::common::{proof, root};
use evidence::{
    cosignature::Cosigner,
    digest, hex, merkle,
    note::{KeyType, Note, SignatureLine, Signer, VerifierKey},
};
use ml_dsa::{MlDsa44, signature::Keypair as _};

pub(super) fn put(shelf: &mut Shelf) {
    checkpoints(shelf);
    notes(shelf);
    cosignatures(shelf);
    ml_dsa(shelf);
    policies(shelf);
    proofs(shelf);
}

fn checkpoints(s: &mut Shelf) {
    const F: &str = "checkpoint";
    let world = World::new(1);
    let text = world.text(&leaves(3));
    s.good(F, "three-lines", "origin, size, root", &text);
    s.good(F, "empty", "the empty tree", format!("{}\n0\n{}\n", world.origin, base64(&merkle::empty_root())));
    s.bad(F, "extension", "no extension line", format!("{text}more\n"));
    s.bad(F, "no-newline", "a newline at the end", text.trim_end());
    s.bad(F, "crlf", "LF", text.replace('\n', "\r\n"));
    s.bad(F, "leading-zero", "a size without leading zeros", text.replacen("\n3\n", "\n03\n", 1));
    s.bad(F, "sign", "a size of digits", text.replacen("\n3\n", "\n+3\n", 1));
    s.bad(F, "2-63", "a size below 2^63", text.replacen("\n3\n", "\n9223372036854775808\n", 1));
    s.bad(F, "space", "no space in an origin", text.replacen("ledger", "led ger", 1));
    s.bad(F, "plus", "no plus in an origin", text.replacen("ledger", "led+ger", 1));
    s.bad(F, "short-root", "a root of 32 bytes", format!("{}\n3\n{}\n", world.origin, base64(&[7; 31])));
    s.bad(F, "no-padding", "base64 with padding", text.replace('=', ""));
}

fn notes(s: &mut Shelf) {
    const F: &str = "signed-note";
    let world = World::new(1);
    s.key = Some(world.log.verifier_key().to_string());
    let text = world.text(&leaves(3));
    let sign = |note: &str| world.log.sign(note);
    let note = |signatures: Vec<SignatureLine>| Note { text: text.clone(), signatures };
    let honest = note(vec![sign(&text)]).to_bytes();
    let as_text = String::from_utf8(honest.clone()).unwrap();
    s.good(F, "one-line", "signed by the known key", &honest);
    let stranger = Signer::from_seed("stranger", &[5; 32]).unwrap().sign(&text);
    s.good(F, "stranger", "lines of unknown keys are ignored", note(vec![stranger.clone(), sign(&text)]).to_bytes());
    s.bad(F, "bit", "a signature that verifies", {
        let mut line = sign(&text);
        line.signature[0] ^= 1;
        note(vec![line]).to_bytes()
    });
    s.bad(F, "no-blank", "a blank line before the signatures", as_text.replacen("\n\n", "\n", 1));
    s.bad(F, "hyphen", "an em dash", as_text.replace('—', "-"));
    s.bad(F, "two-spaces", "single spaces", as_text.replacen("— ", "—  ", 1));
    s.bad(F, "no-newline", "a newline at the end", as_text.trim_end());
    s.bad(F, "crlf", "LF", as_text.replace('\n', "\r\n"));
    s.bad(F, "two-of-a-key", "no two lines of one name and id", note(vec![sign(&text), sign(&text)]).to_bytes());
    s.bad(F, "no-line", "at least one line", format!("{text}\n"));
    s.bad(F, "seventeen", "at most 16 lines", {
        let mut lines = vec![sign(&text)];
        lines.extend((0..16).map(|n| SignatureLine { name: format!("w{n}"), ..stranger.clone() }));
        note(lines).to_bytes()
    });
    s.bad(F, "long-line", "no line over 5,000 bytes", {
        note(vec![sign(&text), SignatureLine { signature: vec![0; 5000], ..stranger.clone() }]).to_bytes()
    });
    s.bad(F, "padding", "base64 with padding", as_text.trim_end().trim_end_matches('=').to_owned() + "\n");
    s.bad(F, "nul", "no control characters", as_text.replacen("ledger", "led\0ger", 1));
    s.unknown(F, "not-there", "a note without a line of the known key", note(vec![stranger]).to_bytes());
    s.key = None;
}

fn cosignatures(s: &mut Shelf) {
    const F: &str = "cosignature-04";
    let witness = Cosigner::from_seed("court.example/w1", &[101; 32]).unwrap();
    s.key = Some(witness.verifier_key().to_string());
    let text = World::new(1).text(&leaves(3));
    let note = |line: SignatureLine| Note { text: text.clone(), signatures: vec![line] }.to_bytes();
    let signed = |time: u64, message: String| {
        let signature = Signer::from_seed("x", &[101; 32]).unwrap().sign(&message).signature;
        let mut line = witness.cosign(&text, 1);
        line.signature = [&time.to_be_bytes()[..], &signature].concat();
        line
    };
    let change = |edit: &dyn Fn(&mut SignatureLine)| {
        let mut line = witness.cosign(&text, 1_767_574_921);
        edit(&mut line);
        note(line)
    };
    s.good(F, "plain", "time and signature", change(&|_| ()));
    s.good(F, "latest", "time 2^63 - 1", note(witness.cosign(&text, i64::MAX as u64)));
    s.bad(F, "time", "the time is signed", change(&|l| l.signature[7] ^= 1));
    s.bad(F, "bit", "a signature that verifies", change(&|l| l.signature[40] ^= 1));
    s.bad(F, "short", "72 bytes", change(&|l| l.signature.truncate(71)));
    s.bad(F, "long", "72 bytes", change(&|l| l.signature.push(0)));
    s.bad(F, "no-time", "72 bytes", change(&|l| drop(l.signature.drain(..8))));
    s.bad(F, "time-0", "time from 1", note(signed(0, format!("cosignature/v1\ntime 0\n{text}"))));
    s.bad(
        F,
        "time-2-63",
        "time below 2^63",
        note(signed(1 << 63, format!("cosignature/v1\ntime {}\n{text}", 1u64 << 63))),
    );
    s.bad(F, "as-log", "the message begins with cosignature/v1", note(signed(1, text.clone())));
    s.bad(
        F,
        "leading-zero",
        "the time in decimal without leading zeros",
        note(signed(1, format!("cosignature/v1\ntime 01\n{text}"))),
    );
    s.bad(F, "another-text", "over this note's text", note(witness.cosign(&World::new(1).text(&leaves(4)), 1)));
    s.key = None;
}

fn ml_dsa(s: &mut Shelf) {
    const F: &str = "cosignature-06";
    let secret = ml_dsa::SigningKey::<MlDsa44>::from_seed(&[6; 32].into());
    let name = "later.example/w6";
    let key = VerifierKey::new(name, KeyType::MlDsa44, &secret.verifying_key().encode()).unwrap();
    s.key = Some(key.to_string());
    let world = World::new(1);
    let text = world.text(&leaves(3));
    let note = |signature: Vec<u8>| {
        let line = SignatureLine { name: name.into(), id: key.id(), signature };
        Note { text: text.clone(), signatures: vec![line] }.to_bytes()
    };
    let message = |name: &str, time: u64, start: u64, size: u64, root: [u8; 32]| {
        let text = |t: &str| [&[t.len() as u8], t.as_bytes()].concat();
        [
            &b"subtree/v1\n\0"[..],
            &text(name),
            &time.to_be_bytes(),
            &text(&world.origin),
            &start.to_be_bytes(),
            &size.to_be_bytes(),
            &root,
        ]
        .concat()
    };
    let sign = |time: u64, message: &[u8], context: &[u8]| {
        let signature = secret.expanded_key().sign_deterministic(message, context).unwrap().encode();
        [&time.to_be_bytes()[..], &signature].concat()
    };
    let (time, tree) = (1_767_574_921, root(&leaves(3)));
    s.good(
        F,
        "plain",
        "time and signature over the subtree structure",
        note(sign(time, &message(name, time, 0, 3, tree), b"")),
    );
    s.good(F, "time-1", "time from 1", note(sign(1, &message(name, 1, 0, 3, tree), b"")));
    s.bad(F, "time", "the time is signed", note(sign(time + 1, &message(name, time, 0, 3, tree), b"")));
    s.bad(F, "name", "the cosigner's name is signed", note(sign(time, &message("other", time, 0, 3, tree), b"")));
    s.bad(F, "size", "the size is signed", note(sign(time, &message(name, time, 0, 4, tree), b"")));
    s.bad(F, "start", "from the first leaf", note(sign(time, &message(name, time, 1, 3, tree), b"")));
    s.bad(F, "root", "the root is signed", note(sign(time, &message(name, time, 0, 3, [7; 32]), b"")));
    s.bad(F, "context", "an empty context", note(sign(time, &message(name, time, 0, 3, tree), b"cosignature")));
    s.bad(F, "short", "the whole signature", {
        let mut signature = sign(time, &message(name, time, 0, 3, tree), b"");
        signature.pop();
        note(signature)
    });
    s.key = None;
}

fn policies(s: &mut Shelf) {
    const F: &str = "policy";
    let world = World::new(1);
    let honest = world.policy("group g 1 court notary\nquorum g\n");
    let log = world.log.verifier_key();
    let court = world.witnesses[0].verifier_key();
    s.good(F, "group", "a log, two witnesses, a group", &honest);
    s.good(F, "none", "no witness asked for", format!("log {log}\nquorum none\n"));
    s.good(
        F,
        "comment",
        "comments, blank lines, tabs and a URL",
        format!("# mine\n\nlog\t{log} https://ledger.example/\nquorum none\n"),
    );
    s.bad(F, "no-quorum", "one quorum line", format!("log {log}\n"));
    s.bad(F, "two-quorums", "one quorum line", format!("log {log}\nquorum none\nquorum none\n"));
    s.bad(F, "no-newline", "a newline at the end", format!("log {log}\nquorum none"));
    s.bad(F, "unknown-line", "no line that is not understood", format!("log {log}\nmirror {log}\nquorum none\n"));
    s.bad(F, "undefined", "names that were defined before", format!("log {log}\nquorum court\n"));
    s.bad(
        F,
        "later-name",
        "names that were defined before",
        format!("log {log}\ngroup g any court\nwitness court {court}\nquorum g\n"),
    );
    s.bad(
        F,
        "name-twice",
        "each name once",
        format!("witness a {court}\nwitness a {}\nquorum a\n", world.witnesses[1].verifier_key()),
    );
    s.bad(
        F,
        "key-twice",
        "each key once",
        format!("witness a {court}\nwitness b {court}\ngroup g all a b\nquorum g\n"),
    );
    let puppet = Cosigner::from_seed("other.example", &[101; 32]).unwrap().verifier_key();
    s.bad(
        F,
        "key-two-names",
        "each public key once, whatever its name",
        format!("witness a {court}\nwitness b {puppet}\ngroup g all a b\nquorum g\n"),
    );
    let own = Cosigner::from_seed(&world.origin, &[1; 32]).unwrap().verifier_key();
    s.bad(F, "log-as-witness", "a log's key is no witness", format!("log {log}\nwitness w {own}\nquorum w\n"));
    s.bad(F, "log-type", "a log's key is of type 01", format!("log {court}\nquorum none\n"));
    s.bad(F, "witness-type", "a witness' key is of type 04 or 06", format!("witness w {log}\nquorum w\n"));
    s.bad(F, "threshold-0", "a threshold from 1", honest.replace("g 1 ", "g 0 "));
    s.bad(F, "threshold-3", "a threshold up to the number of members", honest.replace("g 1 ", "g 3 "));
    s.bad(F, "member-twice", "each member once", honest.replace("1 court notary", "1 court court"));
    s.bad(F, "none-defined", "none is no name", format!("witness none {court}\nquorum none\n"));
    s.bad(F, "key-id", "a key id that is its key's", honest.replacen(&hex::encode(&log.id()), "00000000", 1));
    s.bad(F, "small-order", "no key of small order", {
        let mut weak = [0u8; 32];
        weak[0] = 1;
        let id = &digest::sha256(&[b"weak\n\x01", &weak[..]].concat())[..4];
        format!("log weak+{}+{}\nquorum none\n", hex::encode(id), base64(&[&[1], &weak[..]].concat()))
    });
    s.bad(
        F,
        "unknown-type",
        "no key of an unknown type",
        format!("log x+00000000+{}\nquorum none\n", base64(&[&[0x77], &[7; 32][..]].concat())),
    );
    s.bad(F, "crlf", "LF", honest.replace('\n', "\r\n"));
}

fn proofs(s: &mut Shelf) {
    const F: &str = "tlog-proof";
    let all = leaves(7);
    let note = World::new(1).note(&all, at(0));
    let honest = String::from_utf8(proof(&all, 1, &note)).unwrap();
    s.good(F, "plain", "header, index, hashes, checkpoint", &honest);
    s.good(F, "no-hashes", "a tree of one leaf", {
        let one = leaves(1);
        proof(&one, 0, &World::new(1).note(&one, at(0)))
    });
    s.bad(F, "header", "c2sp.org/tlog-proof@v1", honest.replacen("@v1", "@v2", 1));
    s.bad(F, "extra", "no extra line", honest.replacen("\nindex", "\nextra eA==\nindex", 1));
    s.bad(F, "no-index", "an index line", honest.replacen("index 1\n", "", 1));
    s.bad(F, "leading-zero", "an index without leading zeros", honest.replacen("index 1", "index 01", 1));
    s.bad(F, "2-63", "an index below 2^63", honest.replacen("index 1", "index 9223372036854775808", 1));
    s.bad(
        F,
        "short-hash",
        "hashes of 32 bytes",
        honest.replacen("index 1\n", &format!("index 1\n{}\n", base64(&[7; 31])), 1),
    );
    s.bad(
        F,
        "64-hashes",
        "at most 63 hashes",
        honest.replacen("index 1\n", &format!("index 1\n{}", (base64(&[7; 32]) + "\n").repeat(61)), 1),
    );
    s.bad(F, "no-blank", "a blank line before the checkpoint", honest.replacen("\n\n", "\n", 1));
    s.bad(F, "no-checkpoint", "a checkpoint", honest.split_once("\n\n").unwrap().0.to_owned() + "\n\n");
    s.bad(F, "crlf", "LF", honest.replacen('\n', "\r\n", 1));
    s.bad(F, "cut", "a whole checkpoint", honest.trim_end());
}
