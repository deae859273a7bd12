//! `forged`, of captures: written from scratch, or put together from honest ones; consistent in themselves.

use super::{
    Book, Case,
    capture::{CONTACT, ORDER, PATH, Plan, RESOURCES, URL, capture, order, plan, resource, set, wacz},
    capture_told::{hops, log, ordered_at},
    contact::{Handshake, contacted},
    forged::{stolen, thief},
    stamp::Authority,
    world::{Build, World, at, canonical, entry, replace},
};
use evidence::{
    contact,
    json::{Value, json},
    note::Note,
    statement::Kind,
};

const TOKENS: &[&str] = &["statement-token-1", "sealing-token-1", "times"];

/// The attacker, under the name of the ledger that the reader knows.
fn impostor() -> World {
    World { owner: "贼", ..World::of(9, &World::new(1).origin, "Example Time Authority", "court.example/w1") }
}

fn forge<'b>(
    book: &'b mut Book,
    slug: &str,
    what: &str,
    checks: &[(&str, &'static str)],
    make: impl FnOnce(&mut Build),
) -> &'b mut Case {
    let case = book.good("forged", slug, what, make);
    case.exit = 1;
    checks.iter().for_each(|(id, result)| {
        case.and(id, result);
    });
    case
}

/// The file of another plan, as it would have been written honestly.
fn file_of(change: impl FnOnce(&mut Plan)) -> Vec<u8> {
    let other = plan(change);
    wacz(&other, &order(&other))
}

pub fn cases(book: &mut Book) {
    changed(book);
    strangers(book);
    spliced(book);
    elsewhere(book);
}

/// Orders written for the occasion, files changed after they were recorded.
fn changed(book: &mut Book) {
    let mut forge = |slug: &str, what: &str, checks: &[(&str, &'static str)], change: &dyn Fn(&mut Plan)| {
        forge(book, slug, what, checks, |b| capture(b, &plan(|p| change(p))));
    };
    let order = [(ORDER, "fail"), (CONTACT, "not_checked")];
    let swapped = [
        ("file", "fail"),
        (RESOURCES, "fail"),
        (PATH, "not_checked"),
        (ORDER, "not_checked"),
        (CONTACT, "not_checked"),
    ];
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
        p.swapped = Some(Box::new(|_| file_of(|p| p.body = b"<p>heron</p>")));
    });
    let with = |plan: &mut Plan| {
        plan.add = Box::new(|w, _| w.resource(resource("screenshot-full", "image/png", vec![1])).unwrap());
    };
    forge("resource-added", "a picture added to a WACZ that is consistent in itself", &swapped, &|p| {
        p.swapped = Some(Box::new(move |_| file_of(with)));
    });
    forge("resource-left-out", "a picture left out of a WACZ that is consistent in itself", &swapped, &|p| {
        with(p);
        p.swapped = Some(Box::new(|_| file_of(|_| ())));
    });
    forge("order-of-a-thief", "an order on a ledger of the attacker's own, under the famous name", &order, &|p| {
        p.order = Box::new(|b| b.world = impostor());
    });
    for (slug, name, media) in
        [("screenshot-exchanged", "screenshot-full", "image/png"), ("film-exchanged", "film", "video/webm")]
    {
        let with = move |plan: &mut Plan, bytes: &'static [u8]| {
            plan.add = Box::new(move |w, _| w.resource(resource(name, media, bytes.into())).unwrap());
        };
        let what = format!("another {name} in a WACZ that is consistent in itself");
        forge(slug, &what, &swapped, &move |p| {
            with(p, b"what was seen");
            p.swapped = Some(Box::new(move |_| file_of(|p| with(p, b"something else"))));
        });
    }
    forge("two-waczs", "a second WACZ appended to the recorded one, which some programs would read", &swapped, &|p| {
        p.swapped = Some(Box::new(|file| [file, file_of(|p| p.body = b"<p>heron</p>")].concat()));
    });
    forge(
        "another-main-page",
        "a WACZ that opens at another page than the one that was captured",
        &[(RESOURCES, "fail"), (PATH, "not_checked"), (ORDER, "not_checked"), (CONTACT, "not_checked")],
        &|p| p.pages = Box::new(|pages| pages[0].url = "https://shop.example/heron".into()),
    );
}

/// Own keys under famous names.
fn strangers(book: &mut Book) {
    let open = [(ORDER, "not_checked"), (CONTACT, "not_checked")];
    let case =
        forge(book, "captured-by-a-thief", "own ledger, witnesses and authority, for order and capture", &open, |b| {
            stolen(b, thief());
            capture(b, &plan(|p| p.world = thief));
        });
    case.no_log_key().all(TOKENS, "not_checked").exit = 3;
    let case = forge(book, "captured-by-an-impostor", "the same, under the name of the known ledger", &open, |b| {
        stolen(b, impostor());
        capture(b, &plan(|p| p.world = impostor));
    });
    case.all(&["log-signature", "policy"], "not_checked").all(TOKENS, "not_checked").exit = 3;
    let mut order = |slug: &str, what: &str, exit: u8, change: fn(&mut Build)| {
        let result = if exit == 1 { "fail" } else { "not_checked" };
        let case = forge(book, slug, what, &[(ORDER, result), (CONTACT, "not_checked")], |b| {
            capture(b, &plan(|p| p.order = Box::new(change)));
        });
        case.exit = exit;
    };
    order("order-token-removed", "a token and its line in the order's record taken away", 1, |b| {
        b.stamp = Box::new(|tsa, data| vec![tsa.stamp(data, at(61)), tsa.stamp(data, at(62))]);
        b.entries = Box::new(|_, e| {
            let place = e.iter().position(|e| e.0 == "record.json").unwrap();
            let mut value: Value = serde_json::from_slice(&e[place].1).unwrap();
            value["timestamps"].as_array_mut().unwrap().pop();
            e[place].1 = canonical(&value);
            e.retain(|e| e.0 != "timestamp-2.tsr");
        });
    });
    order("order-own-witnesses", "the order's checkpoint cosigned with own keys under the witnesses' names", 3, |b| {
        b.sign = Some(Box::new(|world, leaves| {
            let (text, seconds) = (world.text(leaves), at(63).unix_seconds() as u64);
            let mut signatures = vec![world.log.sign(&text)];
            signatures.extend(impostor().witnesses.iter().map(|w| w.cosign(&text, seconds)));
            Note { text, signatures }.to_bytes()
        }));
    });
    order("order-famous-authority", "the order sealed by an authority that only has the known one's name", 3, |b| {
        b.seal = Box::new(|_, note| vec![Authority::new("Example Time Authority", 170).stamp(note, at(64))]);
    });
    order("order-of-nobody", "an order that does not disclose whose it is, for somebody else's capture", 3, |b| {
        let mut names = Kind::Order.claims();
        names.sort_unstable();
        b.opened.remove(names.iter().position(|n| *n == "owner_name").unwrap());
    });
    order(
        "two-ledgers",
        "the order in another tree of the same ledger, which holds something else in the capture's place",
        1,
        |b| {
            b.leaves = None;
        },
    );
}

/// Pieces of honest captures.
fn spliced(book: &mut Book) {
    let order = [(ORDER, "fail"), (CONTACT, "not_checked")];
    let swapped = [
        ("file", "fail"),
        (RESOURCES, "fail"),
        (PATH, "not_checked"),
        (ORDER, "not_checked"),
        (CONTACT, "not_checked"),
    ];
    let another = |p: &mut Plan| {
        set(&mut p.order_claims, "attempt", json!(2));
        p.body = b"<p>heron</p>";
    };
    forge(book, "spliced-wacz", "two honest captures of one page: the file of the second", &swapped, |b| {
        capture(b, &plan(|p| p.swapped = Some(Box::new(move |_| file_of(another)))));
    });
    let case = forge(
        book,
        "spliced-capture",
        "two honest captures: statement, record and token of the second",
        &swapped,
        |b| {
            let mut second = Build::new(World::new(1));
            capture(&mut second, &plan(another));
            let theirs = second.make();
            capture(b, &Plan::default());
            let honest = std::mem::replace(&mut b.entries, Box::new(|_, _| ()));
            b.entries = Box::new(move |world, e| {
                honest(world, e);
                for name in ["statement.json", "record.json", "timestamp-1.tsr", "disclosure.json"] {
                    replace(e, name, entry(&theirs, name).to_vec());
                }
            });
        },
    );
    case.and("inclusion", "fail");
    forge(book, "order-of-another-ledger", "an honest order on another honest ledger", &order, |b| {
        capture(b, &plan(|p| p.world = || World::new(2)));
    });
    forge(book, "order-of-a-namesake", "the honest order of somebody else of the same name", &order, |b| {
        capture(b, &plan(|p| set(&mut p.order_claims, "owner_id_masked", json!("1***************2X"))));
    });
    forge(
        book,
        "contact-replayed",
        "the contact proof of an earlier order for the same page",
        &[(CONTACT, "fail")],
        |b| {
            let earlier = order_of_before();
            let random = contact::random(entry(&earlier, "record.json"), entry(&earlier, "checkpoint.tsr"));
            contacted(b, move |h: &mut Handshake| h.random = random, |_| ());
        },
    );
    forge(
        book,
        "order-in-another-tree",
        "two trees of one ledger: the order in one, its capture in the other",
        &order,
        |b| {
            capture(b, &plan(|p| p.forked = true));
        },
    );
}

fn order_of_before() -> super::world::Entries {
    order(&plan(|p| p.ordered = 30))
}

/// Honest orders, and files that show another page than the one that was ordered.
fn elsewhere(book: &mut Book) {
    let mut forge = |slug: &str, what: &str, checks: &[(&str, &'static str)], change: &dyn Fn(&mut Plan)| {
        forge(book, slug, what, checks, |b| capture(b, &plan(|p| change(p))));
    };
    let reached = [(PATH, "fail"), (CONTACT, "not_checked")];
    let short = "https://shop.example/s/8Kd2Qx";
    forge("page-not-reached", "an honest order of one page, and a file that shows another", &reached, &|p| {
        ordered_at(p, short, "HTTP/1.1 200 OK", &[]);
    });
    forge(
        "redirect-elsewhere",
        "the ordered page led to another address than the one that is shown, and the log begins in the middle",
        &reached,
        &|p| {
            ordered_at(p, short, "HTTP/1.1 302 Found", &[("Location", "https://shop.example/heron")]);
            log(p, hops(&["https://shop.example/s/other", URL]));
        },
    );
}
