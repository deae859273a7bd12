//! `capture-resources`, `capture-order`, `capture-contact`: an order, then a capture of it, and what may be wrong.
//!
//! The platform is dishonest and holds its own keys, so that whatever is changed is digested, recorded and signed again.

use super::{
    Book,
    der::{Cert, Key, pem},
    world::{Build, Entries, World, at, canonical, raw_zip, zip},
};
use crate::common::proof;
use archive::wacz::{About, Body, Exchange, Message, Page, Resource, Writer};
use evidence::{
    contact,
    digest::{self, FileDigests},
    hex,
    json::{Value, json},
    record::leaf_hash,
    statement::Kind,
};
use std::io::Cursor;

const URL: &str = "https://shop.example/magpie";
const RESOURCES: &str = "capture-resources";
const ORDER: &str = "capture-order";
const CONTACT: &str = "capture-contact";

type Change = Box<dyn Fn(Vec<u8>) -> Vec<u8>>;
type Add = Box<dyn Fn(&mut Writer<Cursor<Vec<u8>>>, &Entries)>;

/// An order and its capture, to be spoiled.
struct Plan {
    order_claims: Vec<(&'static str, Value)>,
    claims: Vec<(&'static str, Value)>,
    /// Received, stamped; its checkpoint cosigned and sealed two and three seconds later.
    ordered: i64,
    stamped: i64,
    /// The order's package, its entries.
    order: Box<dyn Fn(&mut Build)>,
    /// The package that goes into the WACZ instead.
    carried: Option<Change>,
    /// The order's statement is named in `refs`, unless this is the leaf.
    leaf: Option<String>,
    /// What is added to the WACZ, given the order's package.
    add: Add,
    with_order: bool,
    body: &'static [u8],
    /// Changes the file before it is digested.
    file: Option<Change>,
    /// Puts another file into the package after it was digested.
    swapped: Option<Change>,
    statement: Box<dyn Fn(&mut Value)>,
    /// The capture comes first on the ledger.
    reversed: bool,
    hidden: Option<&'static str>,
}

impl Default for Plan {
    fn default() -> Self {
        let owner = || vec![("owner_kind", json!("enterprise")), ("owner_name", json!("甲")), ("url", json!(URL))];
        let order = [("purpose", json!("other")), ("attempt", json!(1)), ("discarded_before", json!(0))];
        let capture = [("final_url", json!(URL)), ("purpose", json!("other")), ("outcome", json!("complete"))];
        Self {
            order_claims: owner().into_iter().chain(order).collect(),
            claims: owner().into_iter().chain(capture).collect(),
            ordered: 60,
            stamped: 71,
            order: Box::new(|_| ()),
            carried: None,
            leaf: None,
            add: Box::new(|_, _| ()),
            with_order: true,
            body: b"<p>\xe5\x96\x9c\xe9\xb9\x8a</p>",
            file: None,
            swapped: None,
            statement: Box::new(|_| ()),
            reversed: false,
            hidden: None,
        }
    }
}

fn set(claims: &mut Vec<(&'static str, Value)>, name: &'static str, value: Value) {
    claims.retain(|c| c.0 != name);
    claims.push((name, value));
}

/// The order's package: its entries.
fn order(plan: &Plan) -> Entries {
    let mut b = Build::new(World::new(1));
    let from = plan.ordered;
    (b.statement, b.opened) = b.world.statement(Kind::Order, 2, at(from), &plan.order_claims);
    b.stamp = Box::new(move |tsa, data| vec![tsa.stamp(data, at(from + 1))]);
    b.leaves = Some(Box::new(|leaves| leaves[..2].to_vec()));
    b.sign = Some(Box::new(move |world, leaves| world.note(leaves, at(from + 3))));
    b.seal = Box::new(move |tsa, note| vec![tsa.stamp(note, at(from + 4))]);
    (plan.order)(&mut b);
    b.make()
}

fn entry<'e>(entries: &'e Entries, name: &str) -> &'e [u8] {
    &entries.iter().find(|e| e.0 == name).unwrap().1
}

fn wacz(plan: &Plan, order: &Entries) -> Vec<u8> {
    let made = at(69);
    let about = About { software: "quezao 0.1.0".into(), created: made, title: Some("喜鹊".into()) };
    let mut writer = Writer::new(Cursor::new(Vec::new()), &about).unwrap();
    if plan.with_order {
        let package = zip(order);
        let package = plan.carried.as_ref().map_or(package.clone(), |f| f(package));
        writer.resource(resource("order", "application/zip", package)).unwrap();
    }
    let head = [("Content-Type", "text/html; charset=utf-8"), ("Content-Encoding", "br")];
    let exchange = Exchange {
        url: URL.into(),
        at: at(67),
        request: Message::reported("GET /magpie HTTP/1.1", [("Host", "shop.example")], Body::empty()),
        response: Some(Message::reported("HTTP/1.1 200 OK", head, plan.body.to_vec().into())),
        ip_address: Some([203, 0, 113, 7].into()),
        protocols: vec!["h2".into(), "tls/1.3".into()],
        cipher: Some("TLS_AES_128_GCM_SHA256".into()),
    };
    writer.exchange(exchange).unwrap();
    (plan.add)(&mut writer, order);
    writer.page(Page { url: URL.into(), title: Some("喜鹊".into()), at: at(67), text: Some("喜鹊".into()) }).unwrap();
    writer.finish().unwrap().0.into_inner()
}

fn resource(name: &str, content_type: &str, bytes: Vec<u8>) -> Resource {
    Resource { name: name.into(), label: None, content_type: content_type.into(), at: at(68), body: bytes.into() }
}

/// Turns an ordinary build into the plan's capture.
fn capture(b: &mut Build, plan: &Plan) {
    let order = order(plan);
    let ordered = entry(&order, "record.json").to_vec();
    let statement: Value = serde_json::from_slice(entry(&order, "statement.json")).unwrap();
    let leaf = plan.leaf.clone().unwrap_or_else(|| hex::encode(&leaf_hash(&ordered)));
    let refs = json!([{"ledger": b.world.origin, "id": statement["id"], "leaf": leaf}]);
    let mut claims = plan.claims.clone();
    if !claims.iter().any(|c| c.0 == "refs") {
        claims.push(("refs", refs));
    }
    (b.statement, b.opened) = b.world.statement(Kind::Capture, 4, at(plan.stamped - 1), &claims);
    let file = wacz(plan, &order);
    let file = plan.file.as_ref().map_or(file.clone(), |f| f(file));
    let FileDigests { sha256, sm3, size } = FileDigests::of(&file);
    let member = &mut b.statement["file"];
    (member["sha256"], member["sm3"], member["size"]) =
        (json!(hex::encode(&sha256)), json!(hex::encode(&sm3)), json!(size));
    (plan.statement)(&mut b.statement);
    if let Some(name) = plan.hidden {
        let mut names = Kind::Capture.claims();
        names.sort_unstable();
        b.opened.remove(names.iter().position(|n| *n == name).unwrap());
    }
    let (stamped, reversed) = (plan.stamped, plan.reversed);
    b.stamp = Box::new(move |tsa, data| vec![tsa.stamp(data, at(stamped))]);
    let place = usize::from(!reversed);
    let list = move |operator: Vec<u8>, record: Vec<u8>| {
        let mut leaves = vec![operator, record];
        leaves.insert(1 + usize::from(reversed), ordered.clone());
        leaves
    };
    let also = list.clone();
    b.leaves = Some(Box::new(move |leaves| also(leaves[0].clone(), leaves[1].clone())));
    let file = plan.swapped.as_ref().map_or(file.clone(), |f| f(file));
    b.entries = Box::new(move |_, entries| {
        let leaves = list(entry(entries, "operator-record.json").to_vec(), entry(entries, "record.json").to_vec());
        let proof = proof(&leaves, 1 + place, entry(entries, "checkpoint.txt"));
        super::world::replace(entries, "proof.tlog-proof", proof);
        entries.push(("capture.wacz".into(), file.clone()));
    });
    b.originals = Vec::new();
}

/// The entries of a WACZ.
fn parts(wacz: &[u8]) -> Entries {
    let (mut at, mut out) = (0, Vec::new());
    while wacz[at..].starts_with(b"PK\x03\x04") {
        let n = |from: usize| u32::from_le_bytes(wacz[at + from..at + from + 4].try_into().unwrap()) as usize;
        let (size, name) = (n(18), n(26) & 0xffff);
        let from = at + 30 + name;
        out.push((String::from_utf8(wacz[at + 30..from].to_vec()).unwrap(), wacz[from..from + size].to_vec()));
        at = from + size;
    }
    out
}

/// Package list and its digest made again, as a careful forger would.
fn listed(mut all: Entries) -> Entries {
    let place = |all: &Entries, name: &str| all.iter().position(|e| e.0 == name).unwrap();
    let (package, digests) = (place(&all, "datapackage.json"), place(&all, "datapackage-digest.json"));
    let mut value: Value = serde_json::from_slice(&all[package].1).unwrap();
    let resources = value["resources"].as_array_mut().unwrap();
    resources.retain(|r| all.iter().any(|e| r["path"] == e.0.as_str()));
    for resource in resources {
        let bytes = &all.iter().find(|e| resource["path"] == e.0.as_str()).unwrap().1;
        resource["bytes"] = json!(bytes.len());
        resource["hash"] = json!(format!("sha256:{}", hex::encode(&digest::sha256(bytes))));
    }
    all[package].1 = canonical(&value);
    let hash = format!("sha256:{}", hex::encode(&digest::sha256(&all[package].1)));
    all[digests].1 = canonical(&json!({"hash": hash, "path": "datapackage.json"}));
    all
}

fn edit(change: impl Fn(&mut Entries) + 'static) -> Option<Change> {
    Some(Box::new(move |file| {
        let mut all = parts(&file);
        change(&mut all);
        raw_zip(&listed(all))
    }))
}

/// One changed thing in a plan.
fn plan(change: impl FnOnce(&mut Plan)) -> Plan {
    let mut plan = Plan::default();
    change(&mut plan);
    plan
}

pub fn cases(book: &mut Book) {
    resources(book);
    orders(book);
    contacts(book);
    forged(book);
}

fn resources(book: &mut Book) {
    const NONE: &[&str] = &[ORDER, CONTACT];
    book.good(RESOURCES, "complete", "an order, then its capture", |b| capture(b, &Plan::default()))
        .and(CONTACT, "not_checked");
    book.good(RESOURCES, "artefacts", "own artefacts under all kinds of names", |b| {
        let add = |w: &mut Writer<Cursor<Vec<u8>>>, _: &Entries| {
            for name in ["screenshot-full", "dom", "environment-before", "environment-after", "guard", "text"] {
                w.resource(resource(name, "text/plain", name.into())).unwrap();
            }
            for label in ["1", "2-x"] {
                let one = resource("facts", "image/png", label.into());
                w.resource(Resource { label: Some(label.into()), ..one }).unwrap();
            }
        };
        capture(b, &plan(|p| p.add = Box::new(add)));
    })
    .and(CONTACT, "not_checked");
    let mut bad = |slug: &str, what: &str, change: &dyn Fn(&mut Plan)| {
        book.bad(RESOURCES, slug, what, |b| capture(b, &plan(|p| change(p)))).all(NONE, "not_checked");
    };
    bad("bit", "one bit of a record changed", &|p| {
        p.file = Some(Box::new(|mut file| {
            file[300] ^= 1;
            file
        }));
    });
    bad("foreign-file", "another WARC beside the one, listed", &|p| {
        p.file = edit(|all| all.insert(1, ("archive/more.warc.gz".into(), all[0].1.clone())));
    });
    bad("extra-pages", "a second list of pages, which some players read", &|p| {
        p.file = edit(|all| all.insert(3, ("pages/extraPages.jsonl".into(), all[2].1.clone())));
    });
    bad("no-index", "the index left out", &|p| p.file = edit(|all| drop(all.remove(1))));
    bad("index-line", "a line of the index left out, all digests made again", &|p| {
        p.file = edit(|all| {
            let first = all[1].1.iter().position(|c| *c == b'\n').unwrap();
            all[1].1.drain(..=first);
        });
    });
    bad("index-offset", "a line of the index points into another record", &|p| {
        p.file = edit(|all| {
            let text = String::from_utf8(all[1].1.clone()).unwrap();
            all[1].1 = text.replacen("\"offset\":\"", "\"offset\":\"1", 1).into_bytes();
        });
    });
    bad("twice", "a record appended a second time", &|p| {
        p.file = edit(|all| {
            let warc = all[0].1.clone();
            let last = warc.windows(4).rposition(|w| w == [0x1f, 0x8b, 8, 0]).unwrap();
            all[0].1.extend_from_slice(&warc[last..]);
        });
    });
    bad("between", "bytes between two records", &|p| {
        p.file = edit(|all| {
            let second = all[0].1[4..].windows(4).position(|w| w == [0x1f, 0x8b, 8, 0]).unwrap() + 4;
            all[0].1.insert(second, 0);
        });
    });
    bad("after", "a byte after the end", &|p| p.file = Some(Box::new(|file| [file, vec![0]].concat())));
    bad("order-of-entries", "index and pages swapped", &|p| p.file = edit(|all| all.swap(1, 2)));
    bad("signed-data", "a signature by an unknown key in the place where the WACZ specification allows one", &|p| {
        p.file = Some(Box::new(|file| {
            let mut all = parts(&file);
            let last = all.len() - 1;
            let mut value: Value = serde_json::from_slice(&all[last].1).unwrap();
            value["signedData"] = json!({"hash": value["hash"], "signature": "AA==", "publicKey": "AA=="});
            all[last].1 = canonical(&value);
            raw_zip(&all)
        }));
    });
    bad("another-page", "the page that a player opens is not the capture's final URL", &|p| {
        set(&mut p.claims, "final_url", json!("https://shop.example/heron"));
    });
    bad("no-zip", "no ZIP at all", &|p| p.file = Some(Box::new(|_| b"WACZ".to_vec())));
}

fn orders(book: &mut Book) {
    book.good(
        ORDER,
        "own-seal",
        "the order under a checkpoint of its own, sealed before the capture was stamped",
        |b| {
            capture(b, &Plan::default());
        },
    )
    .and(CONTACT, "not_checked");
    book.good(ORDER, "equal-times", "the seal and the capture's token at one second, within their accuracy", |b| {
        capture(b, &plan(|p| p.stamped = 64));
    })
    .and(CONTACT, "not_checked");
    let mut bad = |slug: &str, what: &str, change: &dyn Fn(&mut Plan)| -> String {
        let case = book.bad(ORDER, slug, what, |b| capture(b, &plan(|p| change(p))));
        case.and(CONTACT, "not_checked").folder.clone()
    };
    bad("none", "no order in the WACZ", &|p| p.with_order = false);
    bad("another-leaf", "refs name another leaf", &|p| p.leaf = Some("ab".repeat(32)));
    bad("another-order", "the package of another order on the same page", &|p| {
        p.carried = Some(Box::new(|_| zip(&order(&plan(|p| set(&mut p.order_claims, "attempt", json!(2)))))));
    });
    bad("not-first", "the order is the second of the refs", &|p| {
        let order = order(p);
        let id = serde_json::from_slice::<Value>(entry(&order, "statement.json")).unwrap()["id"].clone();
        let one = |leaf: String| json!({"ledger": World::new(1).origin, "id": id, "leaf": leaf});
        let own = hex::encode(&leaf_hash(entry(&order, "record.json")));
        set(&mut p.claims, "refs", json!([one("ab".repeat(32)), one(own)]));
    });
    bad("sealed-later", "the order's checkpoint was sealed after the capture was stamped", &|p| {
        p.order = Box::new(|b| {
            b.sign = Some(Box::new(|world, leaves| world.note(leaves, at(90))));
            b.seal = Box::new(|tsa, note| vec![tsa.stamp(note, at(91))]);
        });
    });
    bad("url", "an order for another page", &|p| set(&mut p.order_claims, "url", json!("https://shop.example/heron")));
    bad("purpose", "an order for another purpose", &|p| set(&mut p.order_claims, "purpose", json!("own")));
    bad("owner", "an order of another owner", &|p| set(&mut p.order_claims, "owner_name", json!("乙")));
    bad("provenance", "ordered on the applicant's own machine, captured on the platform's", &|p| {
        p.order = Box::new(|b| {
            b.statement["provenance"] = json!("applicant-operated");
            b.statement["operator_relation"] = json!("same-person");
        });
    });
    bad("kind", "an image's record in the order's place", &|p| {
        p.order = Box::new(|b| {
            (b.statement, b.opened) = b.world.image_of("甲", 2, at(60));
        });
    });
    bad("token", "a token over another statement in the order's package", &|p| {
        p.order = Box::new(|b| b.stamp = Box::new(|tsa, _| vec![tsa.stamp(b"another", at(61))]));
    });
    bad("certificate", "a certificate in the order's package", &|p| {
        p.order = Box::new(|b| b.entries = Box::new(|_, e| e.push(("certificate.pdf".into(), b"%PDF-1.7".to_vec()))));
    });
    bad("no-package", "an order that is no package", &|p| p.carried = Some(Box::new(|_| b"order".to_vec())));
    let mut open = |slug: &str, what: &str, change: &dyn Fn(&mut Plan)| {
        book.open(ORDER, slug, what, |b| capture(b, &plan(|p| change(p)))).and(CONTACT, "not_checked");
    };
    open("not-sealed", "the order's checkpoint has no token", &|p| {
        p.order = Box::new(|b| b.seal = Box::new(|_, _| Vec::new()));
    });
    open("no-url", "order and capture of no page at all", &|p| {
        set(&mut p.order_claims, "url", Value::Null);
        set(&mut p.claims, "url", Value::Null);
    });
    open("purpose-undisclosed", "the capture's purpose is not disclosed", &|p| p.hidden = Some("purpose"));
}

/// A handshake of its own making: P-256, TLS_AES_128_GCM_SHA256.
struct Handshake {
    random: [u8; 32],
    name: &'static str,
    version: [u8; 2],
    key: Key,
    certificate: Vec<u8>,
}

fn root() -> Cert {
    Cert::root("Example web root", 9001, Key::p256(200))
}

impl Handshake {
    fn over(order: &Entries) -> Self {
        let key = Key::p256(201);
        let mut leaf = Cert::signer("shop.example", 9002, key.clone());
        (leaf.purposes, leaf.names) = (Some((false, vec!["1.3.6.1.5.5.7.3.1"])), vec!["shop.example"]);
        let random = contact::random(entry(order, "record.json"), entry(order, "checkpoint.tsr"));
        Self { random, name: "shop.example", version: [3, 4], key, certificate: leaf.signed_by(&root()) }
    }

    fn proof(&self) -> Vec<u8> {
        let vec2 = |b: &[u8]| [&(b.len() as u16).to_be_bytes()[..], b].concat();
        let vec3 = |b: &[u8]| [&(b.len() as u32).to_be_bytes()[1..], b].concat();
        let extension = |kind: u16, body: &[u8]| [&kind.to_be_bytes()[..], &vec2(body)].concat();
        let message = |kind: u8, body: &[u8]| [&[kind][..], &vec3(body)].concat();
        let sni = extension(0, &vec2(&[&[0][..], &vec2(self.name.as_bytes())].concat()));
        let hello = [&[3, 3][..], &self.random, &[0], &vec2(&[0x13, 1]), &[1, 0], &vec2(&sni)].concat();
        let versions = vec2(&extension(43, &self.version));
        let server = [&[3, 3][..], &[7; 32], &[0, 0x13, 1, 0], &versions].concat();
        let list = vec3(&[&vec3(&self.certificate)[..], &[0, 0]].concat());
        let transcript = [
            message(1, &hello),
            message(2, &server),
            message(8, &vec2(&extension(16, &vec2(b"\x02h2")))),
            message(11, &[&[0][..], &list].concat()),
        ]
        .concat();
        let hash = digest::sha256(&transcript);
        let signed = [&[b' '; 64][..], b"TLS 1.3, server CertificateVerify\0", &hash].concat();
        let verify = [&[4, 3][..], &vec2(&self.key.ecdsa(&signed))].concat();
        [transcript, message(15, &verify)].concat()
    }
}

/// A capture with one contact proof.
fn contacted(b: &mut Build, change: impl Fn(&mut Handshake) + 'static, spoil: impl Fn(&mut Vec<u8>) + 'static) {
    let add = move |w: &mut Writer<Cursor<Vec<u8>>>, order: &Entries| {
        let mut handshake = Handshake::over(order);
        change(&mut handshake);
        let mut proof = handshake.proof();
        spoil(&mut proof);
        let one = resource("contact", "application/octet-stream", proof);
        w.resource(Resource { label: Some("shop-example".into()), ..one }).unwrap();
    };
    capture(b, &plan(|p| p.add = Box::new(add)));
    let mut trust = b.world.trust();
    trust.push(("web-example.pem".into(), pem(&root().signed_by(&root())).into_bytes()));
    b.trust = ("web", trust);
}

fn contacts(book: &mut Book) {
    let what = "the site's key signed over the order's digest";
    book.good(CONTACT, "answered", what, |b| contacted(b, |_| (), |_| ()));
    book.good(CONTACT, "another-name", "the certificate is not for the name that was asked for", |b| {
        contacted(b, |h| h.name = "heron.example", |_| ());
    })
    .and(CONTACT, "limited");
    book.good(CONTACT, "another-root", "the certificate is of somebody whom the reader does not trust", |b| {
        let own = |h: &mut Handshake| {
            let mut leaf = Cert::signer("shop.example", 9003, h.key.clone());
            (leaf.purposes, leaf.names) = (None, vec!["shop.example"]);
            h.certificate = leaf.signed_by(&Cert::root("Another root", 9004, Key::p256(202)));
        };
        contacted(b, own, |_| ());
    })
    .and(CONTACT, "limited");
    book.good(CONTACT, "no-roots", "the reader has no roots for web sites", |b| {
        contacted(b, |_| (), |_| ());
        b.trust = ("main", b.world.trust());
    })
    .and(CONTACT, "not_checked");
    book.bad(CONTACT, "another-order", "a handshake over another order's digest", |b| {
        contacted(b, |h| h.random = contact::random(b"another", b"another"), |_| ());
    });
    book.bad(CONTACT, "another-key", "signed by a key that is not the certificate's", |b| {
        contacted(b, |h| h.key = Key::p256(203), |_| ());
    });
    book.bad(CONTACT, "another-version", "no TLS 1.3", |b| contacted(b, |h| h.version = [3, 3], |_| ()));
    book.bad(CONTACT, "another-certificate", "the certificate exchanged after the site signed", |b| {
        contacted(
            b,
            |_| (),
            |proof| {
                let place = proof.windows(12).position(|w| w == b"shop.example").unwrap();
                let last = place + proof[place + 12..].windows(12).position(|w| w == b"shop.example").unwrap() + 12;
                proof[last..last + 12].copy_from_slice(b"shop.exampla");
            },
        );
    });
    book.bad(CONTACT, "after", "bytes after the signature", |b| contacted(b, |_| (), |proof| proof.push(0)));
    book.bad(CONTACT, "cut", "without the signature", |b| {
        contacted(b, |_| (), |proof| proof.truncate(proof.len() - 80));
    });
}

fn forged(book: &mut Book) {
    let mut forge = |slug: &str, what: &str, checks: &[(&str, &'static str)], change: &dyn Fn(&mut Plan)| {
        let case = book.good("forged", slug, what, |b| capture(b, &plan(|p| change(p))));
        case.exit = 1;
        checks.iter().for_each(|(id, result)| {
            case.and(id, result);
        });
    };
    let order = [(ORDER, "fail"), (CONTACT, "not_checked")];
    let swapped = [("file", "fail"), (RESOURCES, "fail"), (ORDER, "not_checked"), (CONTACT, "not_checked")];
    forge("order-after-the-fact", "an order written after the capture, on the ledger and in time", &order, &|p| {
        (p.reversed, p.ordered, p.stamped) = (true, 80, 71);
        p.order = Box::new(|b| b.leaves = Some(Box::new(|leaves| vec![leaves[0].clone(), leaves[1].clone()])));
    });
    forge("order-of-another", "the order of another page, in whose name the capture is recorded", &order, &|p| {
        set(&mut p.order_claims, "url", json!("https://shop.example/heron"));
        set(&mut p.order_claims, "owner_name", json!("乙"));
    });
    forge("order-left-out", "a capture without its order, with refs to it", &order, &|p| p.with_order = false);
    forge("body-changed", "another body in a WACZ that is consistent in itself", &swapped, &|p| {
        p.swapped = Some(Box::new(|_| {
            let other = plan(|p| p.body = b"<p>heron</p>");
            wacz(&other, &self::order(&other))
        }));
    });
    let with = |plan: &mut Plan| {
        plan.add = Box::new(|w, _| w.resource(resource("screenshot-full", "image/png", vec![1])).unwrap());
    };
    forge("resource-added", "a picture added to a WACZ that is consistent in itself", &swapped, &|p| {
        p.swapped = Some(Box::new(move |_| {
            let other = plan(with);
            wacz(&other, &self::order(&other))
        }));
    });
    forge("resource-left-out", "a picture left out of a WACZ that is consistent in itself", &swapped, &|p| {
        with(p);
        p.swapped = Some(Box::new(|_| wacz(&Plan::default(), &self::order(&Plan::default()))));
    });
    let open = [(ORDER, "not_checked"), (CONTACT, "not_checked")];
    forge("order-of-a-thief", "an order on a ledger of the attacker's own, under the famous name", &open, &|p| {
        p.order = Box::new(|b| {
            let world =
                World { owner: "贼", ..World::of(9, &b.world.origin, "Example Time Authority", "court.example/w1") };
            b.world = world;
        });
    });
    book.cases.iter_mut().last().into_iter().for_each(|case| case.exit = 3);
}
