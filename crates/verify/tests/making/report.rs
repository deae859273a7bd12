//! `report`: a node's verification report, and one rule of it broken. The evidence inside is honest unless it says so.

use super::{
    Book, Case,
    certificate::{Seal, trust},
    pdf::{Contents, replaced},
    sign::{signer_with, stranger},
    world::{Build, Entries, World, at, zip},
};
use evidence::{
    digest::FileDigests,
    hex,
    json::{Value, json},
};

const ID: &str = "report";
/// When the node looked, seconds after the start; the seal is made later.
const LOOKED: i64 = 198;

/// A report to be made from a package's entries.
struct Report {
    /// The evidence, and its name there.
    carried: Vec<(&'static str, Vec<u8>)>,
    answer: Value,
    /// Instead of the answer's own bytes.
    answer_bytes: Option<Vec<u8>>,
    more: Entries,
    seal: Seal,
}

impl Report {
    /// What a node says of this evidence.
    fn new(world: &World, name: &'static str, evidence: Vec<u8>) -> Self {
        let found = FileDigests::of(&evidence);
        let file = json!({"name": "given", "size": found.size, "sha256": hex::encode(&found.sha256), "sm3": hex::encode(&found.sm3)});
        let answer = json!({
            "result": "verified", "checks": [], "shows": [], "does_not_show": [], "files": [file],
            "checked": at(LOOKED).to_micros(), "report": "019b8bf1-2b70-7000-8000-000000000001",
        });
        let policy = world.policy("group witnesses all court notary\nquorum witnesses\n").into_bytes();
        Self {
            carried: vec![(name, evidence)],
            answer,
            answer_bytes: None,
            more: vec![("trust-policy".into(), policy), ("node-checkpoint.txt".into(), b"not looked at\n".to_vec())],
            seal: Seal::new(world),
        }
    }

    fn make(self, world: &World) -> Vec<u8> {
        let said = self.answer_bytes.unwrap_or_else(|| serde_json::to_vec(&self.answer).unwrap());
        let mut files: Entries = self.carried.into_iter().map(|(name, bytes)| (name.to_owned(), bytes)).collect();
        files.push(("verification.json".into(), said));
        files.extend(self.more);
        self.seal.make(world, &files)
    }
}

/// A report on the package of the honest entries.
fn report(b: &mut Build, change: impl Fn(&World, &mut Report) + 'static) {
    on(b, |_, entries| ("evidence.zip", zip(entries)), change);
}

fn on(
    b: &mut Build,
    evidence: impl Fn(&World, &Entries) -> (&'static str, Vec<u8>) + 'static,
    change: impl Fn(&World, &mut Report) + 'static,
) {
    b.trust = trust(&b.world, true);
    b.certificate = Some(Box::new(move |world, entries| {
        let (name, bytes) = evidence(world, entries);
        let mut report = Report::new(world, name, bytes);
        change(world, &mut report);
        report.make(world)
    }));
}

pub fn cases(book: &mut Book) {
    good(book);
    signature(book);
    answer(book);
    inside(book);
}

fn good(book: &mut Book) {
    book.good(ID, "package", "a report on a package; the signer has a role", |b| report(b, |_, _| ()));
    book.good(ID, "certificate", "a report on a certificate, whose signature is checked too", |b| {
        on(b, |world, entries| ("evidence.pdf", Seal::new(world).make(world, entries)), |_, _| ());
    });
    book.good(ID, "no-role", "the reader trusts the signer's root and does not say who that is", |b| {
        report(b, |_, _| ());
        b.trust = trust(&b.world, false);
    })
    .and(ID, "limited");
    book.good(ID, "own-conclusion", "the node found a contradiction, and this reader finds none", |b| {
        report(b, |_, r| r.answer["result"] = json!("not_verified"));
    });
}

fn open<'b>(
    book: &'b mut Book,
    slug: &str,
    what: &str,
    change: impl Fn(&World, &mut Report) + 'static,
) -> &'b mut Case {
    book.open(ID, slug, what, |b| report(b, change))
}

fn bad<'b>(book: &'b mut Book, slug: &str, what: &str, change: impl Fn(&World, &mut Report) + 'static) -> &'b mut Case {
    book.bad(ID, slug, what, |b| report(b, change))
}

fn signature(book: &mut Book) {
    open(book, "unsigned", "never signed", |_, r| r.seal.revisions = 1);
    open(book, "no-document-stamp", "cut after the validation material", |_, r| r.seal.revisions = 3);
    open(book, "stranger", "signed by somebody of whom the reader knows nothing", |w, r| r.seal.by(w, stranger()));
    open(book, "appended", "a line end after the end", |_, r| {
        r.seal.last = Box::new(|file| file.bytes.push(b'\n'));
    });
    bad(book, "changed-pages", "the first revision changed after the signature, and stamped again", |_, r| {
        r.seal.then = Box::new(|file| file.bytes = replaced(&file.bytes, "/Title(A vector)", "/Title(A victor)"));
    });
    bad(book, "another-key", "signed with another key than the certificate's", |_, r| {
        r.seal.cms = Box::new(|cms| cms.key = stranger().signer.key);
    });
    bad(book, "no-signer", "a signer's certificate for time-stamps", |w, r| {
        r.seal.by(w, signer_with(|c| c.purposes = Some((true, vec!["1.3.6.1.5.5.7.3.8"]))));
    });
}

/// What it says of itself.
fn answer(book: &mut Book) {
    bad(book, "other-evidence", "it speaks of another package than the one that it carries", |_, r| {
        r.answer["files"][0]["sha256"] = json!("0".repeat(64));
    });
    bad(book, "other-size", "the right digests, and another size", |_, r| {
        r.answer["files"][0]["size"] = json!(1);
    });
    bad(book, "no-files", "it names no evidence", |_, r| r.answer["files"] = json!([]));
    bad(book, "no-json", "verification.json is no JSON", |_, r| r.answer_bytes = Some(b"{".to_vec()));
    bad(book, "other-word", "a conclusion that is none of the three words", |_, r| {
        r.answer["result"] = json!("proved");
    });
    bad(book, "tomorrow", "made a minute after this reader's clock", |_, r| {
        r.answer["checked"] = json!(super::NOW.plus(60_000_001).to_micros());
    });
}

/// What it carries: `form` where that cannot be looked at, else as if it had been given alone.
fn inside(book: &mut Book) {
    let mut form = |slug, what, change: fn(&mut Report)| {
        book.bad("form", slug, what, |b| report(b, move |_, r| change(r)));
    };
    form("report-two-pieces", "a report that carries two pieces of evidence", |r| {
        let again = r.carried[0].1.clone();
        r.carried.push(("evidence.pdf", again));
    });
    form("report-other-name", "a report that carries a file of another name", |r| {
        r.more.push(("readme.html".into(), b"<p>".to_vec()));
    });
    book.open("form", "report-alone", "a report without its evidence, which was too long for it", |b| {
        report(b, |_, r| r.carried.clear());
    });
    book.open("form", "report-of-a-report", "a report on a report: that one is verified by itself", |b| {
        on(
            b,
            |world, entries| ("evidence.pdf", Report::new(world, "evidence.zip", zip(entries)).make(world)),
            |_, _| (),
        );
    });
    book.bad("file", "in-a-report", "the node found all well, and the given picture is another", |b| {
        report(b, |_, _| ());
        b.originals = vec![("heron.jpg", super::world::OTHER)];
    });
    book.bad("form", "pdf-report-upper-case", "a report whose Contents is in upper case", |b| {
        report(b, |_, r| r.seal.contents = Contents { upper: true, ..Contents::default() });
    });
}
