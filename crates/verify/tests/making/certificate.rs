//! `certificate-signature`: one rule of the certificate's signature broken, in a certificate or in one that lies in a
//! package. What is wrong with the file itself is `form`'s: `certificate_form.rs`.

use super::{
    Book, Case,
    der::*,
    pdf::{Contents, File, First, SIGNATURE, TIMESTAMP, replaced},
    sign::{Cms, attribute, signer, signer_below, signer_with, stranger},
    stamp::Authority,
    world::{Build, Entries, NOW, World, at},
};
use evidence::{
    digest, hex,
    json::{Value, json},
    time::Utc,
    token::unwrap_tsr,
};

const ID: &str = "certificate-signature";
/// When the signature and the document are stamped, seconds after the start.
const SIGNED: i64 = 200;
const STAMPED: i64 = 210;

type Edit<T> = Box<dyn Fn(&mut T)>;

/// A certificate to be made from entries; what is honest is changed before it is signed.
pub struct Seal {
    pub deflate: bool,
    pub first: Edit<First>,
    /// Year to second, as the signature dictionary has it.
    pub date: String,
    pub opening: String,
    pub contents: Contents,
    pub cms: Edit<Cms>,
    pub signed_at: Utc,
    /// Between signature and validation material: the platform stamps what it made of the file.
    pub then: Edit<File>,
    pub certificates: Vec<Vec<u8>>,
    pub crls: Vec<Vec<u8>>,
    /// Makes the document time-stamp.
    pub tsa: Authority,
    pub stamped_at: Utc,
    pub stamped_bytes: Option<Vec<u8>>,
    pub stamp_contents: Contents,
    pub last: Edit<File>,
    pub signer: Authority,
    /// The last revision that is written: 2, 3 or 4.
    pub revisions: usize,
}

impl Seal {
    pub fn new(world: &World) -> Self {
        let signer = signer();
        Self {
            deflate: true,
            first: Box::new(|_| ()),
            date: date(at(SIGNED - 1)),
            opening: SIGNATURE.to_owned(),
            contents: Contents::default(),
            cms: Box::new(|_| ()),
            signed_at: at(SIGNED),
            then: Box::new(|_| ()),
            certificates: certificates(&[&signer, &world.tsa]),
            crls: vec![crl(&signer.root, &signer.root.key, at(-3_600), LATER, &[])],
            tsa: world.tsa.clone(),
            stamped_at: at(STAMPED),
            stamped_bytes: None,
            stamp_contents: Contents::default(),
            last: Box::new(|_| ()),
            signer,
            revisions: 4,
        }
    }

    /// Another signer, and what belongs to its path.
    pub fn by(&mut self, world: &World, signer: Authority) {
        self.certificates = certificates(&[&signer, &world.tsa]);
        self.crls = vec![crl(&signer.root, &signer.root.key, at(-3_600), LATER, &[])];
        self.signer = signer;
    }

    pub fn make(&self, world: &World, entries: &Entries) -> Vec<u8> {
        let mut first = First::new(entries, self.deflate);
        (self.first)(&mut first);
        let mut file = first.write();
        if self.revisions < 2 {
            return file.bytes;
        }
        let mut cms = Cms::by(&self.signer);
        (self.cms)(&mut cms);
        let opening = format!("{}/M(D:{}Z)", self.opening, self.date);
        file.sign(&opening, "Signature", self.contents, |bytes| cms.der(bytes, &world.tsa, self.signed_at));
        (self.then)(&mut file);
        if self.revisions < 3 {
            return file.bytes;
        }
        file.validate(&self.certificates, &self.crls);
        if self.revisions < 4 {
            return file.bytes;
        }
        file.sign(TIMESTAMP, "Timestamp", self.stamp_contents, |bytes| {
            let over = self.stamped_bytes.as_deref().unwrap_or(bytes);
            unwrap_tsr(&self.tsa.stamp(over, self.stamped_at)).unwrap()
        });
        (self.last)(&mut file);
        file.bytes
    }
}

/// Until when revocation lists are current: 2199-12-01T00:00:00Z.
const LATER: Utc = Utc(7_255_440_000_000_000);
/// 2025-12-01T00:00:00Z.
const DEC_2025: Utc = Utc(1_764_547_200_000_000);

fn date(at: Utc) -> String {
    at.to_generalized()[..14].to_owned()
}

/// Every certificate of these paths, roots included, each once.
fn certificates(paths: &[&Authority]) -> Vec<Vec<u8>> {
    paths.iter().flat_map(|p| [vec![p.signer_der.clone()], p.others.clone(), vec![p.root_der()]].concat()).collect()
}

/// A certificate of the honest entries, and who reads it.
pub fn certificate(b: &mut Build, change: impl Fn(&World, &mut Seal) + 'static) {
    b.trust = trust(&b.world, true);
    b.certificate = Some(Box::new(move |world, entries| {
        let mut seal = Seal::new(world);
        change(world, &mut seal);
        seal.make(world, entries)
    }));
}

/// A package of the honest entries with a certificate, which attaches what becomes of them.
fn carried(b: &mut Build, attach: fn(&mut Entries), change: impl Fn(&mut Seal) + 'static) {
    b.trust = trust(&b.world, true);
    b.entries = Box::new(move |world, entries| {
        let mut attached = entries.clone();
        attach(&mut attached);
        let mut seal = Seal::new(world);
        change(&mut seal);
        entries.push(("certificate.pdf".into(), seal.make(world, &attached)));
    });
}

/// The reader trusts the signer's root, and says who that is or does not.
pub fn trust(world: &World, role: bool) -> (&'static str, Entries) {
    let root = signer().root;
    let root = root.signed_by(&root);
    let policy = world.policy("group witnesses all court notary\nquorum witnesses\n");
    let mut files = world.trust_with(&policy, |roles| {
        let line: Value = json!({"key": format!("sha256:{}", hex::encode(&digest::sha256(&root))), "role": "platform",
            "name": "Example", "independent": false, "from": null, "until": null});
        roles.as_array_mut().unwrap().extend(role.then_some(line));
    });
    files.push(("signer-example.pem".into(), pem(&root).into_bytes()));
    (if role { "signer" } else { "signer-without-role" }, files)
}

pub fn cases(book: &mut Book) {
    good(book);
    revisions(book);
    cms(book);
    paths(book);
    times(book);
    packages(book);
}

fn good(book: &mut Book) {
    let mut good = |slug, what, change: fn(&World, &mut Seal)| {
        book.good(ID, slug, what, |b| certificate(b, change));
    };
    good("b-lta", "signed, with validation material and a document time-stamp; the signer has a role", |_, _| ());
    good("stored", "attached files as they are, not deflated", |_, s| s.deflate = false);
    good("intermediate", "a signer below an authority that the root issued, and both revocation lists", |w, s| {
        let (signer, between) = signer_below();
        s.by(w, signer);
        s.crls.push(crl(&between, &between.key, at(-3_600), LATER, &[]));
    });
    good("rsa", "an RSA signer", |w, s| s.by(w, signer_with(|c| c.key = Key::rsa())));
    good("content-commitment", "a signer for non-repudiation alone", |w, s| {
        s.by(w, signer_with(|c| c.usage = Some(0x40)));
    });
    good("claimed-date", "a claimed date 3 s after genTime, which is known to a second", |_, s| {
        s.date = date(at(SIGNED + 3));
    });
    good("newer-crl", "two revocation lists: one that ended before the signature, and a current one", |_, s| {
        let root = &s.signer.root;
        s.crls.insert(0, crl(root, &root.key, DEC_2025, at(SIGNED - 100), &[]));
    });
    good("authority-crl", "the time authority's revocation list too; it revokes another", |w, s| {
        s.crls.push(crl(&w.tsa.root, &w.tsa.root.key, at(-3_600), LATER, &[9]));
    });
    book.good(ID, "package", "a package that holds the certificate of its own entries", |b| {
        carried(b, |_| (), |_| ());
    });
    book.good(ID, "no-role", "the reader trusts the signer's root and does not say who that is", |b| {
        certificate(b, |_, _| ());
        b.trust = trust(&b.world, false);
    })
    .and(ID, "limited");
}

fn bad<'b>(book: &'b mut Book, slug: &str, what: &str, change: impl Fn(&World, &mut Seal) + 'static) -> &'b mut Case {
    book.bad(ID, slug, what, |b| certificate(b, change))
}

fn open<'b>(book: &'b mut Book, slug: &str, what: &str, change: impl Fn(&World, &mut Seal) + 'static) -> &'b mut Case {
    book.open(ID, slug, what, |b| certificate(b, change))
}

/// What follows the pages is missing, or something else follows.
fn revisions(book: &mut Book) {
    open(book, "unsigned", "never signed", |_, s| s.revisions = 1);
    open(book, "signature-alone", "cut after the signature", |_, s| s.revisions = 2);
    open(book, "no-document-stamp", "cut after the validation material", |_, s| s.revisions = 3);
    open(book, "appended", "a line end after the end", |_, s| s.last = Box::new(|f| f.bytes.push(b'\n')));
    open(book, "shadow", "an update after the end that has another catalog, without attached files", |_, s| {
        s.last = Box::new(|file| {
            let catalog = (file.catalog.0, b"<</Type/Catalog/Pages 1 0 R/Lang(zh-CN)>>".to_vec());
            file.update(vec![catalog], file.size);
        });
    });
    open(book, "shadow-file", "an update after the end that replaces an attached file", |_, s| {
        s.last = Box::new(|file| {
            let other = b"<</Length 2/Type/EmbeddedFile/Params<</Size 2>>>>\nstream\n{}\nendstream".to_vec();
            file.update(vec![(file.catalog.0 - 2, other)], file.size);
        });
    });
    open(book, "second-signature", "a second signature after the end, by somebody else", |w, s| {
        let tsa = w.tsa.clone();
        s.last = Box::new(move |file| {
            let opening = format!("{SIGNATURE}/M(D:{}Z)", date(at(STAMPED + 9)));
            file.sign(&opening, "Signature2", Contents::default(), |bytes| {
                Cms::by(&stranger()).der(bytes, &tsa, at(STAMPED + 10))
            });
        });
    });
    open(book, "upper-case-stamp", "Contents of the document time-stamp in upper case", |_, s| {
        s.stamp_contents.upper = true;
    });
    bad(book, "changed-pages", "the first revision changed after the signature, and stamped again", |_, s| {
        s.then = Box::new(|file| file.bytes = replaced(&file.bytes, "/Title(A vector)", "/Title(A victor)"));
    });
    bad(book, "swapped", "two attached files exchange their bytes after the signature, and stamped again", |_, s| {
        s.then = Box::new(|file| {
            let first = file.attached.clone();
            let streams =
                ["VERIFY.txt", "verify.py"].map(|n| first.iter().position(|f| f == n).unwrap() + first.len() + 3);
            let pair = |n: usize| format!("/F {n} 0 R/UF {n} 0 R");
            let [guide, reader] = streams.map(pair);
            file.bytes = replaced(&file.bytes, &guide, "/F ## 0 R/UF ## 0 R");
            file.bytes = replaced(&file.bytes, &reader, &guide);
            file.bytes = replaced(&file.bytes, "/F ## 0 R/UF ## 0 R", &reader);
        });
    });
    bad(book, "document-stamp-over-other-bytes", "a document time-stamp over other bytes", |_, s| {
        s.stamped_bytes = Some(b"other bytes".to_vec());
    });
}

/// One rule of the CMS.
fn cms(book: &mut Book) {
    let mut bad = |slug, what, change: fn(&mut Cms)| {
        self::bad(book, slug, what, move |_, s| s.cms = Box::new(change));
    };
    bad("no-stamp", "without the signature's time-stamp", |c| c.stamped = false);
    bad("stamp-over-other-bytes", "the signature's time-stamp over another signature", |c| {
        c.stamped_bytes = Some(b"another signature".to_vec());
    });
    bad("second-unsigned-attribute", "another unsigned attribute beside the time-stamp", |c| {
        c.unsigned.push(attribute("1.2.3.4", &null()));
    });
    bad("fourth-signed-attribute", "signingTime among the signed attributes", |c| {
        c.attributes.push(attribute("1.2.840.113549.1.9.5", &tlv(0x17, &[b"260105010319Z"])));
    });
    bad("two-signers", "two SignerInfos", |c| c.twice = true);
    bad("key-identifier", "a SignerInfo of version 1 that names the signer by its key", |c| c.by_key = true);
    bad("bound-to-another", "ESSCertIDv2 of another certificate", |c| c.bound = stranger().signer_der);
    bad("sha-1-binding", "ESSCertID (SHA-1) alone", |c| c.sha1 = true);
    bad("message-digest", "messageDigest of other bytes", |c| {
        c.message_digest = Some(digest::sha256(b"other bytes").to_vec());
    });
    bad("idle-certificate", "a certificate outside the path in the signature", |c| {
        c.certificates.push(stranger().signer_der);
    });
    bad("another-key", "signed with another key than the certificate's", |c| c.key = stranger().signer.key);
}

/// Signer, authorities, revocation.
fn paths(book: &mut Book) {
    bad(book, "idle-in-dss", "a certificate of no path in the validation material", |_, s| {
        s.certificates.push(stranger().signer_der);
    });
    book.bad(
        ID,
        "idle-root-in-dss",
        "a root in the validation material that the reader trusts, and that no path needs",
        |b| {
            let other = Authority::new("Second Authority", 90);
            certificate(b, |_, s| s.certificates.push(Authority::new("Second Authority", 90).root_der()));
            b.trust.0 = "signer-two-authorities";
            b.trust.1.push(("tsa-second.pem".into(), other.root_pem().into_bytes()));
        },
    );
    book.open(ID, "root-of-the-artefact", "only the attached trust and the DSS vouch for the signer's root", |b| {
        certificate(b, |w, s| s.by(w, stranger()));
        b.entries = Box::new(|_, entries| {
            let root = stranger().root_der();
            let name = format!("trust-signer-{}.pem", &hex::encode(&digest::sha256(&root))[..16]);
            let place = entries.iter().position(|e| e.0 == "VERIFY.txt").unwrap();
            entries.insert(place, (name, pem(&root).into_bytes()));
        });
    });
    open(book, "same-name", "another root under the name of the one that the reader trusts", |w, s| {
        let mut other = signer();
        other.root.key = Key::p256(99);
        other.signer_der = other.signer.signed_by(&other.root);
        s.by(w, other);
    });
    open(book, "no-crl", "no revocation list", |_, s| s.crls.clear());
    open(book, "expired-crl", "a revocation list that ended before the signature", |_, s| {
        let root = &s.signer.root;
        s.crls = vec![crl(root, &root.key, DEC_2025, at(SIGNED - 100), &[])];
    });
    open(
        book,
        "later-crl",
        "a revocation list that begins after the signature: it may leave out what expired",
        |_, s| {
            let root = &s.signer.root;
            s.crls = vec![crl(root, &root.key, at(STAMPED), LATER, &[])];
        },
    );
    open(book, "no-crl-of-intermediate", "no revocation list of the authority between", |w, s| {
        s.by(w, signer_below().0);
    });
    bad(book, "forged-crl", "a revocation list under the root's name, signed with another key", |_, s| {
        s.crls = vec![crl(&s.signer.root, &stranger().root.key, at(-3_600), LATER, &[])];
    });
    bad(book, "revoked", "the signer was revoked", |_, s| {
        let root = &s.signer.root;
        s.crls = vec![crl(root, &root.key, at(-3_600), LATER, &[s.signer.signer.serial])];
    });
    bad(book, "revoked-by-the-newer", "two current revocation lists, and the newer revokes the signer", |_, s| {
        let root = &s.signer.root;
        s.crls.insert(0, crl(root, &root.key, DEC_2025, LATER, &[]));
        s.crls[1] = crl(root, &root.key, at(-3_600), LATER, &[s.signer.signer.serial]);
    });
    bad(book, "authority-revoked", "the time authority was revoked, by its root's list in the DSS", |w, s| {
        let tsa = &w.tsa;
        s.crls.push(crl(&tsa.root, &tsa.root.key, at(-3_600), LATER, &[tsa.signer.serial]));
    });
    open(
        book,
        "expired-authority-crl",
        "a list of the time authority's root that ended before the signature",
        |w, s| {
            s.crls.push(crl(&w.tsa.root, &w.tsa.root.key, DEC_2025, at(SIGNED - 100), &[]));
        },
    );
    bad(book, "expired-signer", "the signer's certificate ended before the signature", |w, s| {
        s.by(w, signer_with(|c| c.until = DEC_2025));
    });
    bad(book, "no-signing-usage", "a signer for key encipherment", |w, s| {
        s.by(w, signer_with(|c| c.usage = Some(KEY_ENCIPHERMENT)));
    });
    open(book, "unknown-authority", "a document time-stamp by an authority that the reader does not know", |w, s| {
        s.tsa = Authority::new("Second Authority", 90);
        s.certificates = certificates(&[&s.signer, &w.tsa, &s.tsa]);
    });
}

/// The order of times.
fn times(book: &mut Book) {
    bad(book, "claimed-date", "a claimed date 4 s after genTime, which is known to a second", |_, s| {
        s.date = date(at(SIGNED + 4));
    });
    bad(book, "stamps-in-another-order", "the document was stamped before its signature", |_, s| {
        s.stamped_at = at(SIGNED - 3);
    });
    bad(book, "older-than-an-attached-token", "signed before the seal that it attaches", |_, s| {
        s.signed_at = at(119);
        s.date = date(at(119));
    });
    bad(book, "future", "stamped a hundred years from now", |_, s| {
        let later = NOW.plus(100 * 365 * 86_400 * 1_000_000);
        (s.signed_at, s.stamped_at) = (later, later);
    });
}

/// The certificate inside a package.
fn packages(book: &mut Book) {
    let mut bad = |slug, what, attach: fn(&mut Entries)| {
        book.bad(ID, slug, what, |b| carried(b, attach, |_| ()));
    };
    bad("copy-differs", "a package whose certificate attaches another VERIFY.txt", |e| {
        e.iter_mut().find(|e| e.0 == "VERIFY.txt").unwrap().1 = b"Another guide.\n".to_vec();
    });
    bad("not-attached", "a package with an entry that its certificate does not attach", |e| {
        e.retain(|e| e.0 != "operator-disclosure.json");
    });
    bad("attached-beyond", "a package without an entry that its certificate attaches", |e| {
        e.push(("anchor-ots.bin".into(), b"?".to_vec()));
    });
    book.bad(ID, "comparison-attached", "a certificate that attaches an entry which only packages hold", |b| {
        let comparison = || ("comparison.json".to_owned(), b"{}".to_vec());
        carried(b, |_| (), |_| ());
        b.entries = Box::new(move |world, entries| {
            let attached = [entries.clone(), vec![comparison()]].concat();
            entries.push(comparison());
            entries.push(("certificate.pdf".into(), Seal::new(world).make(world, &attached)));
        });
    });
    book.open(ID, "unsigned-in-package", "a package with a certificate that was never signed", |b| {
        carried(b, |_| (), |s| s.revisions = 1);
    });
}
