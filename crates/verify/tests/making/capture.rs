//! `capture-resources`, `capture-order`: an order, then a capture of it, and what may be wrong.
//!
//! The platform is dishonest and holds its own keys, so that whatever is changed is digested, recorded and signed again.

use super::{
    Book,
    world::{Build, Entries, World, at, canonical, entry, raw_zip, zip},
};
use crate::common::proof;
use archive::wacz::{About, Body, Exchange, Message, Page, Resource, Writer};
use evidence::{
    digest::{self, FileDigests},
    hex,
    json::{Value, json},
    record::leaf_hash,
    statement::Kind,
};
use std::io::Cursor;

pub(super) const URL: &str = "https://shop.example/magpie";
pub(super) const RESOURCES: &str = "capture-resources";
pub(super) const PATH: &str = "capture-path";
pub(super) const ORDER: &str = "capture-order";
pub(super) const CONTACT: &str = "capture-contact";

pub(super) type Remake = Box<dyn Fn(Vec<u8>) -> Vec<u8>>;
pub(super) type Change<T> = Box<dyn Fn(&mut T)>;
type Add = Box<dyn Fn(&mut Writer<Cursor<Vec<u8>>>, &Entries)>;

/// An order and its capture, to be spoiled.
pub(super) struct Plan {
    /// Whose ledger and keys the order is under.
    pub(super) world: fn() -> World,
    pub(super) order_claims: Vec<(&'static str, Value)>,
    pub(super) claims: Vec<(&'static str, Value)>,
    /// Received, stamped; its checkpoint cosigned and sealed two and three seconds later.
    pub(super) ordered: i64,
    pub(super) stamped: i64,
    /// The order's package, its entries.
    pub(super) order: Box<dyn Fn(&mut Build)>,
    /// The package that goes into the WACZ instead.
    pub(super) carried: Option<Remake>,
    /// The order's statement is named in `refs`, unless this is the leaf.
    pub(super) leaf: Option<String>,
    /// What is added to the WACZ, given the order's package.
    pub(super) add: Add,
    pub(super) with_order: bool,
    /// Where the records are from, and where a player begins.
    pub(super) url: &'static str,
    pub(super) body: &'static [u8],
    /// The dates of records, in seconds.
    pub(super) dated: i64,
    pub(super) about: Change<About>,
    pub(super) pages: Change<Vec<Page>>,
    /// Changes the file before it is digested.
    pub(super) file: Option<Remake>,
    /// Puts another file into the package after it was digested.
    pub(super) swapped: Option<Remake>,
    pub(super) statement: Box<dyn Fn(&mut Value)>,
    /// Something else stands on the capture's ledger where the order stands on its own.
    pub(super) forked: bool,
    /// The capture comes first on the ledger.
    pub(super) reversed: bool,
    pub(super) hidden: Option<&'static str>,
}

impl Default for Plan {
    fn default() -> Self {
        let owner = || vec![("owner_kind", json!("enterprise")), ("owner_name", json!("甲")), ("url", json!(URL))];
        let order = [("purpose", json!("other")), ("attempt", json!(1)), ("discarded_before", json!(0))];
        let shown = [("final_url", json!(URL)), ("page_title", json!("喜鹊"))];
        let capture = shown.into_iter().chain([("purpose", json!("other")), ("outcome", json!("complete"))]);
        Self {
            world: || World::new(1),
            order_claims: owner().into_iter().chain(order).collect(),
            claims: owner().into_iter().chain(capture).collect(),
            ordered: 60,
            stamped: 71,
            order: Box::new(|_| ()),
            carried: None,
            leaf: None,
            add: Box::new(|_, _| ()),
            with_order: true,
            url: URL,
            dated: 67,
            about: Box::new(|_| ()),
            pages: Box::new(|_| ()),
            body: b"<p>\xe5\x96\x9c\xe9\xb9\x8a</p>",
            file: None,
            swapped: None,
            statement: Box::new(|_| ()),
            forked: false,
            reversed: false,
            hidden: None,
        }
    }
}

pub(super) fn set(claims: &mut Vec<(&'static str, Value)>, name: &'static str, value: Value) {
    claims.retain(|c| c.0 != name);
    claims.push((name, value));
}

/// The order's package: its entries.
pub(super) fn order(plan: &Plan) -> Entries {
    let mut b = Build::new((plan.world)());
    let from = plan.ordered;
    (b.statement, b.opened) = b.world.statement(Kind::Order, 2, at(from), &plan.order_claims);
    b.stamp = Box::new(move |tsa, data| vec![tsa.stamp(data, at(from + 1))]);
    b.leaves = Some(Box::new(|leaves| leaves[..2].to_vec()));
    b.sign = Some(Box::new(move |world, leaves| world.note(leaves, at(from + 3))));
    b.seal = Box::new(move |tsa, note| vec![tsa.stamp(note, at(from + 4))]);
    (plan.order)(&mut b);
    b.make()
}

pub(super) fn wacz(plan: &Plan, order: &Entries) -> Vec<u8> {
    let made = at(plan.dated + 2);
    let mut about = About { software: "quezao 0.1.0".into(), created: made, title: Some("喜鹊".into()) };
    (plan.about)(&mut about);
    let mut writer = Writer::new(Cursor::new(Vec::new()), &about).unwrap();
    if plan.with_order {
        let package = zip(order);
        let package = plan.carried.as_ref().map_or(package.clone(), |f| f(package));
        writer.resource(resource("order", "application/zip", package)).unwrap();
    }
    let head = [("Content-Type", "text/html; charset=utf-8"), ("Content-Encoding", "br")];
    let start = format!("GET /{} HTTP/1.1", plan.url.splitn(4, '/').nth(3).unwrap());
    let exchange = Exchange {
        url: plan.url.into(),
        at: at(plan.dated),
        request: Message::reported(&start, [("Host", "shop.example")], Body::empty()),
        response: Some(Message::reported("HTTP/1.1 200 OK", head, plan.body.to_vec().into())),
        ip_address: Some([203, 0, 113, 7].into()),
        protocols: vec!["h2".into(), "tls/1.3".into()],
        cipher: Some("TLS_AES_128_GCM_SHA256".into()),
    };
    writer.exchange(exchange).unwrap();
    writer.resource(resource("text", "text/plain; charset=utf-8", "喜鹊".into())).unwrap();
    (plan.add)(&mut writer, order);
    let (title, text) = (Some("喜鹊".into()), Some("喜鹊".into()));
    let mut pages = vec![Page { url: plan.url.into(), title, at: at(plan.dated), text }];
    (plan.pages)(&mut pages);
    pages.into_iter().for_each(|page| writer.page(page).unwrap());
    writer.finish().unwrap().0.into_inner()
}

pub(super) fn resource(name: &str, content_type: &str, bytes: Vec<u8>) -> Resource {
    Resource { name: name.into(), label: None, content_type: content_type.into(), at: at(68), body: bytes.into() }
}

/// Turns an ordinary build into the plan's capture.
pub(super) fn capture(b: &mut Build, plan: &Plan) {
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
    let (other, _) = b.world.image_of("乙", 3, at(61));
    let placed = if plan.forked { b.world.record(&other, at(62)) } else { ordered };
    let list = move |operator: Vec<u8>, record: Vec<u8>| {
        let mut leaves = vec![operator, record];
        leaves.insert(1 + usize::from(reversed), placed.clone());
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

pub(super) fn edit(change: impl Fn(&mut Entries) + 'static) -> Option<Remake> {
    Some(Box::new(move |file| {
        let mut all = parts(&file);
        change(&mut all);
        raw_zip(&listed(all))
    }))
}

/// One changed thing in a plan.
pub(super) fn plan(change: impl FnOnce(&mut Plan)) -> Plan {
    let mut plan = Plan::default();
    change(&mut plan);
    plan
}

pub fn cases(book: &mut Book) {
    resources(book);
    orders(book);
}

fn resources(book: &mut Book) {
    const NONE: &[&str] = &[PATH, ORDER, CONTACT];
    book.good(RESOURCES, "complete", "an order, then its capture", |b| capture(b, &Plan::default()))
        .and(CONTACT, "not_checked");
    book.good(RESOURCES, "artefacts", "own artefacts under all kinds of names", |b| {
        let add = |w: &mut Writer<Cursor<Vec<u8>>>, _: &Entries| {
            for name in ["screenshot-full", "dom", "environment-before", "environment-after", "guard"] {
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
    book.good(RESOURCES, "plain-http", "a page that came over plain HTTP", |b| {
        capture(
            b,
            &plan(|p| {
                p.url = "http://shop.example/magpie";
                set(&mut p.order_claims, "url", json!(p.url));
                ["url", "final_url"].iter().for_each(|name| set(&mut p.claims, name, json!(p.url)));
            }),
        );
    })
    .and(RESOURCES, "limited")
    .and(CONTACT, "not_checked");
    book.good(RESOURCES, "other-spelling", "a fragment, upper case and a port that no request shows", |b| {
        capture(
            b,
            &plan(|p| {
                let url = json!("https://SHOP.example:443/magpie#price");
                set(&mut p.order_claims, "url", url.clone());
                set(&mut p.claims, "url", url);
            }),
        );
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
    bad("second-page", "a second page in the list, of which there is no record", &|p| {
        p.pages = Box::new(|pages| {
            let other = Page { url: "https://shop.example/heron".into(), ..pages[0].clone() };
            pages.push(other);
        });
    });
    bad("page-text", "the list's text is not that of the page", &|p| {
        p.pages = Box::new(|pages| pages[0].text = Some("苍鹭".into()));
    });
    bad("page-title", "the title in the statement is not the page's", &|p| {
        set(&mut p.claims, "page_title", json!("苍鹭"));
    });
    bad("list-title", "the package list's title is not the page's", &|p| {
        p.about = Box::new(|about| about.title = Some("苍鹭".into()));
    });
    bad("software", "written by other software than the statement says", &|p| {
        p.about = Box::new(|about| about.software = "quezao 0.2.0".into());
    });
    bad("not-asked", "no record of a request for the order's URL", &|p| {
        p.url = "https://shop.example/heron";
        set(&mut p.claims, "final_url", json!(p.url));
    });
    bad(
        "before-its-start",
        "a record whose packing copies from before its first byte, which other readers refuse",
        &|p| {
            p.add = Box::new(|w, _| w.resource(resource("screenshot-full", "image/png", vec![0; 9])).unwrap());
            p.file = edit(reach_back);
        },
    );
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
        let case = book.open(ORDER, slug, what, |b| capture(b, &plan(|p| change(p)))).and(CONTACT, "not_checked");
        if slug == "no-url" {
            case.and(PATH, "not_checked");
        }
    };
    open("not-sealed", "the order's checkpoint has no token", &|p| {
        p.order = Box::new(|b| b.seal = Box::new(|_, _| Vec::new()));
    });
    open("no-url", "order and capture of no page at all", &|p| {
        set(&mut p.order_claims, "url", Value::Null);
        set(&mut p.claims, "url", Value::Null);
    });
    open("purpose-undisclosed", "the capture's purpose is not disclosed", &|p| p.hidden = Some("purpose"));
    open("owner-undisclosed", "the order does not disclose whose it is", &|p| {
        p.order = Box::new(|b| {
            let mut names = Kind::Order.claims();
            names.sort_unstable();
            b.opened.remove(names.iter().position(|n| *n == "owner_name").unwrap());
        });
    });
    let mut bad = |slug: &str, what: &str, change: &dyn Fn(&mut Plan)| {
        book.bad(ORDER, slug, what, |b| capture(b, &plan(|p| change(p)))).and(CONTACT, "not_checked");
    };
    bad("dated-before", "records that are dated before the order was sealed", &|p| p.dated = -60);
    bad("dated-after", "records that are dated after the capture was stamped", &|p| p.dated = 200);
    bad("covered", "the order's checkpoint covers the place where the capture stands: two ledgers of one name", &|p| {
        p.order = Box::new(|b| b.leaves = None);
    });
    bad("another-leaf-0", "another leaf 0 above the order than above the capture", &|p| {
        p.order = Box::new(|b| b.operator["clock"] = json!({"checked": false}));
    });
    bad("another-tree", "the ledger with the capture has something else where its order should stand", &|p| {
        p.forked = true;
    });
    bad("namesake", "an order of somebody else of that name", &|p| {
        set(&mut p.order_claims, "owner_id_masked", json!("1***************2X"));
    });
    bad("file-in-order", "a comparison in the order's package", &|p| {
        p.order = Box::new(|b| {
            b.entries = Box::new(|_, e| e.push(("comparison.json".into(), b"{}".to_vec())));
        });
    });
}

/// In the last record, which is stored, three zeros become a copy from before its first byte, where this project's
/// unpacker once found zeros and others find nothing; all lists are made again.
fn reach_back(all: &mut Entries) {
    let begins = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    let last = all[0].1.windows(10).rposition(|w| w == begins).unwrap();
    let member = all[0].1.split_off(last);
    let (mut rest, mut text) = (&member[10..member.len() - 8], Vec::new());
    while let [head, a, b, _, _, more @ ..] = rest {
        let length = usize::from(u16::from_le_bytes([*a, *b]));
        assert!(*head <= 1 && length <= more.len(), "stored blocks");
        text.extend_from_slice(&more[..length]);
        rest = &more[length..];
    }
    assert!(rest.is_empty(), "nothing but stored blocks");
    let cut = text.windows(3).rposition(|w| w == [0; 3]).unwrap();
    let stored = |bytes: &[u8]| {
        let length = (bytes.len() as u16).to_le_bytes();
        [&length[..], &length.map(|b| !b), bytes].concat()
    };
    // RFC 1951: stored; fixed codes with length 3, distance 32,768, the end; stored, the last.
    let packed = [&[0][..], &stored(&text[..cut]), &[0x02, 0xde, 0xff, 0x0f, 0x08], &stored(&text[cut + 3..])].concat();
    let forged = [&begins[..], &packed, &member[member.len() - 8..]].concat();
    let index = String::from_utf8(all[1].1.clone()).unwrap();
    let line = index.lines().find(|l| l.contains(&format!("\"offset\":\"{last}\""))).unwrap();
    let length = |n: usize| format!("\"length\":\"{n}\"");
    let made = line.replace(&length(member.len()), &length(forged.len()));
    assert_ne!(made, line);
    all[1].1 = index.replace(line, &made).into_bytes();
    all[0].1.extend(forged);
}
