//! `statement-token-N`, `sealing-token-N`: one rule of RFC 3161, 5652 or 5280, or of ours, broken in a token.
//!
//! Most bad tokens stand beside a good one, so that nothing but their own check fails.

use super::{
    Book, Case,
    der::*,
    stamp::*,
    world::{Build, at, canonical},
};
use evidence::{
    digest, hex,
    json::{Value, json},
    time::Utc,
};

pub fn cases(book: &mut Book) {
    series(book, &STATEMENT);
    series(book, &SEALING);
    super::series::cases(book);
    seventeen(book);
}

fn seventeen(book: &mut Book) {
    let mut many = under("seventeen", "17 certificates inside, each signed by the root", |_| (), &[]);
    let root = second().root;
    let others: Vec<_> = (0..16).map(|n| ca("Beside", 204 + n).signed_by(&root)).collect();
    many.stamp = Box::new(move |s| s.certificates.extend(others.iter().cloned()));
    STATEMENT.bad(book, many);
}

struct Series {
    id: &'static str,
    statement: bool,
}

const STATEMENT: Series = Series { id: "statement-token-N", statement: true };
const SEALING: Series = Series { id: "sealing-token-N", statement: false };

impl Series {
    fn check(&self, n: usize) -> String {
        self.id.replace('N', &n.to_string())
    }

    /// These tokens, made over the data of the series at its usual time.
    fn make(&self, b: &mut Build, make: impl Fn(&Authority, &[u8], Utc) -> Vec<Vec<u8>> + 'static) {
        if self.statement {
            b.stamp = Box::new(move |tsa, data| make(tsa, data, at(61)));
        } else {
            b.seal = Box::new(move |tsa, data| make(tsa, data, at(122)));
        }
    }

    /// The second series has the same rules: a sample of them.
    fn leaves_out(&self, slug: &str) -> bool {
        const SAMPLE: &[&str] = &[
            "sha-512",
            "pss",
            "intermediate",
            "imprint",
            "signature",
            "message-digest",
            "bound-to-another",
            "eku-not-critical",
            "expired",
            "accuracy-61",
            "unsigned",
            "trailing-zero",
            "indefinite",
            "path-length",
            "leftover",
        ];
        !self.statement && !SAMPLE.contains(&slug)
    }

    fn good(&self, book: &mut Book, token: Token) {
        if self.leaves_out(token.slug) {
            return;
        }
        book.good(self.id, token.slug, token.what, |b| {
            trust(b, &token);
            self.make(b, move |_, data, time| vec![token.bytes(data, time)]);
        });
    }

    /// Beside an honest token.
    fn bad(&self, book: &mut Book, token: Token) {
        if self.leaves_out(token.slug) {
            return;
        }
        book.bad(self.id, token.slug, token.what, |b| {
            trust(b, &token);
            self.make(b, move |tsa, data, time| vec![tsa.stamp(data, time), token.bytes(data, time)]);
        })
        .instead(&self.check(1), &self.check(2));
    }

    /// The only token.
    fn open<'b>(&self, book: &'b mut Book, token: Token) -> &'b mut Case {
        book.open(self.id, token.slug, token.what, |b| {
            trust(b, &token);
            self.make(b, move |_, data, time| vec![token.bytes(data, time)]);
        })
        .and("times", "not_checked")
    }
}

/// A token of another authority than the world's.
struct Token {
    slug: &'static str,
    what: &'static str,
    authority: Authority,
    stamp: Box<dyn Fn(&mut Stamp)>,
    after: fn(Vec<u8>) -> Vec<u8>,
}

impl Token {
    fn also(self, change: impl Fn(&mut Stamp) + 'static) -> Self {
        Self { stamp: Box::new(change), ..self }
    }

    fn bytes(&self, data: &[u8], time: Utc) -> Vec<u8> {
        (self.after)(self.authority.stamp_as(data, time, |s| (self.stamp)(s)))
    }
}

/// Seed of the second authority; its root is the same whatever its signer's certificate says.
const SECOND: u8 = 90;

fn second() -> Authority {
    Authority::new("Second Authority", SECOND)
}

/// Something about the token.
fn stamped(slug: &'static str, what: &'static str, change: impl Fn(&mut Stamp) + 'static) -> Token {
    Token { slug, what, authority: second(), stamp: Box::new(change), after: |b| b }
}

/// Something about the signer's certificate.
fn certified(slug: &'static str, what: &'static str, change: impl FnOnce(&mut Cert)) -> Token {
    let authority = Authority::with("Second Authority", SECOND, change);
    Token { slug, what, authority, stamp: Box::new(|_| ()), after: |b| b }
}

/// Something about the path.
fn under(slug: &'static str, what: &'static str, root: impl FnOnce(&mut Cert), between: &[Cert]) -> Token {
    let authority = Authority::under("Second Authority", SECOND, root, between);
    Token { slug, what, authority, stamp: Box::new(|_| ()), after: |b| b }
}

/// Something about its bytes.
fn encoded(slug: &'static str, what: &'static str, after: fn(Vec<u8>) -> Vec<u8>) -> Token {
    Token { slug, what, authority: second(), stamp: Box::new(|_| ()), after }
}

/// The reader trusts that authority's root too.
fn trust(b: &mut Build, token: &Token) {
    let root = token.authority.root_der();
    let name = if root == second().root_der() {
        "two-authorities"
    } else {
        Box::leak(format!("root-{}", token.slug).into_boxed_str())
    };
    let mut files = b.world.trust_with(&b.world.policy("group witnesses all court notary\nquorum witnesses\n"), |roles| {
        let line = json!({"key": format!("sha256:{}", hex::encode(&digest::sha256(&root))), "role": "time-authority",
            "name": "Second Authority", "independent": true, "from": null, "until": null});
        roles.as_array_mut().unwrap().push(line);
    });
    files.push(("tsa-second.pem".into(), token.authority.root_pem().into_bytes()));
    b.trust = (name, files);
}

fn ca(subject: &str, serial: u64) -> Cert {
    Cert::root(subject, serial, Key::p256(serial as u8))
}

const YEAR_2025: Utc = Utc(1_735_689_600_000_000);
const DEC_2025: Utc = Utc(1_764_547_200_000_000);
const FEB_2026: Utc = Utc(1_769_904_000_000_000);

fn series(book: &mut Book, of: &Series) {
    of.good(book, stamped("sha-512", "an imprint of SHA-512", |s| s.imprint = SHA512));
    of.good(book, stamped("sha-384", "an imprint of SHA-384", |s| s.imprint = SHA384));
    of.good(book, certified("rsa", "RSA PKCS#1 v1.5", |c| c.key = Key::rsa()));
    let mut pss = certified("pss", "RSA-PSS", |c| c.key = Key::rsa());
    pss.stamp = Box::new(|s| s.scheme = Scheme::Pss);
    of.good(book, pss);
    of.good(book, under("intermediate", "an intermediate in the token", |_| (), &[ca("Between", 201)]));
    of.good(book, under("two-intermediates", "two of them", |_| (), &[ca("Upper", 201), ca("Lower", 202)]));
    let no_accuracy = |s: &mut Stamp| s.accuracy = None;
    of.good(book, stamped("no-accuracy", "without an accuracy", no_accuracy));
    of.good(book, stamped("accuracy-60", "an accuracy of 60 s", |s| s.accuracy = Some(seq(&[&int(60)]))));
    of.good(
        book,
        stamped("accuracy-parts", "an accuracy of 1 s, 999 ms, 999 µs", |s| {
            s.accuracy = Some(seq(&[&int(1), &tlv(0x80, &[&[3, 0xe7]]), &tlv(0x81, &[&[3, 0xe7]])]));
        }),
    );
    of.good(book, stamped("fraction", "genTime with a fraction", |s| s.gen_time = s.gen_time.replace('Z', ".25Z")));
    of.good(book, stamped("ordering", "ordering TRUE", |s| s.ordering = Some(0xff)));
    of.good(book, certified("no-key-usage", "a signer's certificate without key usage", |c| c.usage = None));
    let sha1 = stamped("sha-1-binding", "bound by ESSCertID (SHA-1) alone", |s| s.binding = Binding::V1);
    book.good(of.id, sha1.slug, sha1.what, |b| {
        trust(b, &sha1);
        of.make(b, move |_, data, time| vec![sha1.bytes(data, time)]);
    })
    .and(&of.check(1), "limited");
    book.good(of.id, "own", "the operator's own authority", |b| {
        let mut files = b.world.trust();
        let mut roles: Value = serde_json::from_slice(&files[1].1).unwrap();
        roles[1]["independent"] = json!(false);
        files[1].1 = canonical(&roles);
        b.trust = ("own-authority", files);
    })
    .all(&["statement-token-1", "sealing-token-1"], "limited");
    book.good(of.id, "second-unknown", "a second token under a root that the reader does not know", |b| {
        of.make(b, |tsa, data, time| vec![tsa.stamp(data, time), second().stamp(data, time)]);
    })
    .and(&of.check(2), "not_checked");
    book.good(of.id, "sm3-beside", "an imprint of SM3, beside another token", |b| {
        of.make(b, |tsa, data, time| vec![tsa.stamp(data, time), tsa.stamp_as(data, time, |s| s.imprint = SM3)]);
    });

    of.good(book, stamped("both-bindings", "bound by ESSCertIDv2 and ESSCertID", |s| s.binding = Binding::Both));
    let mut unsorted = under("unsorted", "certificates that are not ascending", |_| (), &[ca("Between", 201)]);
    let root = unsorted.authority.root_der();
    unsorted.stamp = Box::new(move |s| {
        s.certificates.push(root.clone());
        s.certificates.sort();
        s.certificates.reverse();
        s.unsorted = true;
    });
    of.bad(
        book,
        stamped("default-spelled-out", "ESSCertIDv2 spells out its default digest", |s| {
            s.binding = Binding::V2Spelled;
        }),
    );
    of.bad(book, unsorted);
    of.bad(
        book,
        stamped("both-bindings-one", "ESSCertIDv2 as it should be, ESSCertID of nothing", |s| {
            s.binding = Binding::BothButOne;
        }),
    );
    of.bad(book, stamped("bound-serial", "the binding names another serial number", |s| s.bound_serial = 7));
    of.bad(
        book,
        stamped("ecdsa-parameters", "ECDSA with parameters", |s| {
            s.algorithm = Some(seq(&[&oid("1.2.840.10045.4.3.2"), &[5, 0]]));
        }),
    );
    of.bad(book, stamped("shuffled", "signed attributes that are not ascending", |s| s.shuffled = true));
    of.bad(
        book,
        stamped("attribute-twice", "an attribute twice", |s| {
            let one = |n| {
                seq(&[
                    &oid("1.2.840.113549.1.9.5"),
                    &tlv(0x31, &[&tlv(0x17, &[format!("26010501010{n}Z").as_bytes()])]),
                ])
            };
            s.attributes = vec![one(1), one(2)];
        }),
    );
    of.bad(
        book,
        certified("rsa-1024", "an RSA key of 1,024 bits", |c| {
            let modulus = tlv(2, &[&[0], &[0xd5; 128]]);
            let key = seq(&[&modulus, &int(65537)]);
            c.spki = Some(seq(&[&seq(&[&oid("1.2.840.113549.1.1.1"), &[5, 0]]), &tlv(3, &[&[0], &key])]));
        })
        .also(|s| s.algorithm = Some(seq(&[&oid("1.2.840.113549.1.1.11"), &[5, 0]]))),
    );
    let curve = certified("curve-unknown", "a key on a curve that version 1 does not name", |c| {
        let key = [&[4u8][..], &[7; 64]].concat();
        c.spki = Some(seq(&[&seq(&[&oid("1.2.840.10045.2.1"), &oid("1.3.132.0.10")]), &tlv(3, &[&[0], &key])]));
    });
    of.open(book, curve);
    let expired = Authority::with("Third Authority", 150, |c| c.until = DEC_2025);
    book.bad(
        of.id,
        "expired-unknown-root",
        "expired before genTime, under a root that the reader does not know",
        |b| {
            of.make(b, move |_, data, time| vec![expired.stamp(data, time)]);
        },
    )
    .and("times", "not_checked");
    of.bad(book, stamped("imprint", "an imprint of other bytes", |s| s.hashed = Some(vec![7; 32])));
    of.bad(book, stamped("imprint-short", "an imprint of 31 bytes", |s| s.hashed = Some(vec![7; 31])));
    of.bad(book, stamped("signature", "signed by another key than the certificate's", |s| s.key = Key::p256(33)));
    of.bad(book, stamped("message-digest", "messageDigest of other bytes", |s| s.message_digest = Some(vec![7; 32])));
    of.bad(
        book,
        stamped("bound-to-another", "ESSCertIDv2 names another certificate", |s| s.bound = second().root_der()),
    );
    of.bad(book, stamped("unbound", "no signing-certificate attribute", |s| s.binding = Binding::None));
    of.bad(
        book,
        certified("eku-not-critical", "extended key usage that is not critical", |c| {
            c.purposes = Some((false, vec![TIME_STAMPING]));
        }),
    );
    of.bad(
        book,
        certified("eku-not-alone", "another purpose beside timeStamping", |c| {
            c.purposes = Some((true, vec![TIME_STAMPING, EMAIL]));
        }),
    );
    of.bad(book, certified("eku-absent", "no extended key usage", |c| c.purposes = None));
    of.bad(book, certified("key-usage", "key usage of keyEncipherment alone", |c| c.usage = Some(KEY_ENCIPHERMENT)));
    of.bad(book, certified("expired", "the signer's certificate expired before genTime", |c| c.until = DEC_2025));
    of.bad(
        book,
        certified("not-yet", "the signer's certificate is not valid until after genTime", |c| c.from = FEB_2026),
    );
    of.bad(book, stamped("accuracy-61", "an accuracy of 61 s", |s| s.accuracy = Some(seq(&[&int(61)]))));
    of.bad(
        book,
        stamped("accuracy-over-60", "an accuracy of 60 s and 1 µs", |s| {
            s.accuracy = Some(seq(&[&int(60), &tlv(0x81, &[&[1]])]));
        }),
    );
    of.bad(
        book,
        stamped("accuracy-millis", "an accuracy of 1000 ms", |s| {
            s.accuracy = Some(seq(&[&tlv(0x80, &[&[3, 0xe8]])]));
        }),
    );
    of.bad(book, stamped("signed-data-1", "SignedData of version 1", |s| s.signed_version = 1));
    of.bad(book, stamped("tst-2", "TSTInfo of version 2", |s| s.tst_version = 2));
    of.bad(book, stamped("signer-3", "SignerInfo of version 3", |s| s.signer_version = 3));
    of.bad(book, stamped("content-type", "signed data of another type", |s| s.content_type = DATA));
    of.bad(
        book,
        stamped("unsigned", "an unsigned attribute", |s| {
            s.unsigned = seq(&[&oid("1.2.840.113549.1.9.16.2.14"), &tlv(0x31, &[&seq(&[])])]);
        }),
    );
    of.bad(book, stamped("two-digests", "two digest algorithms", |s| s.outer_digests = Some(vec![SHA256, SHA512])));
    of.bad(
        book,
        stamped("other-digest", "another digest algorithm than the signer's", |s| {
            s.outer_digests = Some(vec![SHA512]);
        }),
    );
    of.bad(book, stamped("two-signers", "two SignerInfos", |s| s.signers = 2));
    of.bad(
        book,
        stamped("no-certificate", "the signer's certificate is absent", |s| {
            s.certificates = vec![second().root_der()];
        }),
    );
    of.bad(book, stamped("ordering-false", "ordering FALSE, which DER leaves out", |s| s.ordering = Some(0)));
    of.bad(
        book,
        stamped("trailing-zero", "genTime with a trailing zero", |s| {
            s.gen_time = s.gen_time.replace('Z', ".50Z");
        }),
    );
    of.bad(book, stamped("zone", "genTime in another zone", |s| s.gen_time = s.gen_time.replace('Z', "+0800")));
    of.bad(
        book,
        stamped("no-seconds", "genTime without seconds", |s| {
            s.gen_time = format!("{}Z", &s.gen_time[..12]);
        }),
    );
    of.bad(
        book,
        encoded("trailing", "a byte after the token", |mut t| {
            t.push(0);
            t
        }),
    );
    of.bad(book, encoded("bare", "the token without its wrapper", |t| t[9..].to_vec()));
    of.bad(
        book,
        encoded("granted-with-mods", "status 1", |mut t| {
            t[8] = 1;
            t
        }),
    );
    of.bad(book, encoded("indefinite", "an indefinite length", |t| [&[0x30, 0x80], &t[4..], &[0, 0]].concat()));
    of.bad(
        book,
        encoded("long-length", "a length in more octets than it needs", |t| {
            [&[0x30, 0x83, 0, t[2], t[3]], &t[4..]].concat()
        }),
    );

    // The path to a root that the reader knows.
    let short = |c: &mut Cert| c.ca = Some(Some(0));
    of.bad(book, under("root-path-length", "more intermediates than the root allows", short, &[ca("Between", 201)]));
    let upper = Cert { ca: Some(Some(0)), ..ca("Upper", 201) };
    of.bad(
        book,
        under("path-length", "more intermediates than one of them allows", |_| (), &[upper, ca("Lower", 202)]),
    );
    let leaf = Cert { ca: None, ..ca("Between", 201) };
    of.bad(book, under("no-ca", "an intermediate that is no CA", |_| (), &[leaf]));
    let usage = Cert { usage: Some(CRL_SIGN), ..ca("Between", 201) };
    of.bad(book, under("ca-key-usage", "an intermediate that may not sign certificates", |_| (), &[usage]));
    let past = Cert { until: DEC_2025, ..ca("Between", 201) };
    of.bad(book, under("ca-expired", "an intermediate that expired before genTime", |_| (), &[past]));
    let mut forged = under("ca-forged", "an intermediate that the root did not sign", |_| (), &[ca("Between", 201)]);
    forged.authority.others[0] = {
        // The root's name and key identifier, another signature.
        let mut der = forged.authority.others[0].clone();
        let last = der.len() - 1;
        der[last] ^= 1;
        der
    };
    of.bad(book, forged);
    of.bad(
        book,
        under(
            "root-expired",
            "the reader's root expired before genTime",
            |c| {
                (c.from, c.until) = (YEAR_2025, DEC_2025);
            },
            &[],
        ),
    );
    let mut extra = under("leftover", "a certificate beside the path, which nobody signed", |_| (), &[]);
    let mut broken = ca("Beside", 203).signed_by(&second().root);
    let last = broken.len() - 1;
    broken[last] ^= 1;
    extra.stamp = Box::new(move |s| s.certificates.push(broken.clone()));
    of.bad(book, extra);

    of.open(
        book,
        stamped("imprint-unknown", "an imprint of an algorithm that version 1 does not name", |s| {
            s.imprint = SHA1;
        }),
    );
    of.open(
        book,
        stamped("algorithm-unknown", "a signature algorithm that version 1 does not name", |s| {
            s.algorithm = Some(seq(&[&oid("1.3.101.112")]));
        }),
    );
    of.open(
        book,
        stamped("critical-extension", "a critical extension of TSTInfo", |s| {
            s.extensions = seq(&[&oid("1.2.3.4"), &[1, 1, 0xff], &octets(b"x")]);
        }),
    );
    let mut missing =
        under("intermediate-missing", "the intermediate is not in the token", |_| (), &[ca("Between", 201)]);
    missing.authority.others.clear();
    of.open(book, missing);
    book.open(of.id, "unknown-root", "only a token under a root that the reader does not know", |b| {
        of.make(b, |_, data, time| vec![second().stamp(data, time)]);
    })
    .and("times", "not_checked");
    book.open(of.id, "famous-name", "another root under the name of the reader's", |b| {
        let thief = Authority::new("Example Time Authority", 160);
        of.make(b, move |_, data, time| vec![thief.stamp(data, time)]);
    })
    .and("times", "not_checked");
    book.bad(of.id, "sm3-alone", "an imprint of SM3, and no other token", |b| {
        of.make(b, |tsa, data, time| vec![tsa.stamp_as(data, time, |s| s.imprint = SM3)]);
    })
    .and("times", "not_checked");
}
