//! A capture's report: from its entries and its file to pages, and again; a page's own words can do nothing.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../../verify/tests/common/mod.rs"]
mod common;
#[allow(dead_code)]
mod sheets;

use archive::wacz::{self, About, Body, Exchange, Message, Page, Resource, Source, Wacz, Writer};
use certificate::{Error, Fonts, Locale, Occasion, Pictures, draw_capture, redraw_capture};
use common::World;
use evidence::{
    digest::FileDigests,
    hex,
    json::{Value, json},
    merkle::leaf_hash,
    statement::{Custody, File, Kind, OperatorRelation, Provenance},
};
use std::{collections::BTreeMap, io::Cursor};

const URL: &str = "https://shop.example/p/1";
const ASKED: &str = "https://shop.example/s/8Kd2Qx";

struct Case {
    world: World,
    entries: BTreeMap<String, Vec<u8>>,
    wacz: Vec<u8>,
}

/// What the recorder wrote, and what the owner claims.
struct Plan {
    title: String,
    outcome: &'static str,
    relation: OperatorRelation,
    artefacts: Vec<(&'static str, Vec<u8>)>,
}

fn lines(values: &[Value]) -> Vec<u8> {
    values.iter().flat_map(|v| format!("{v}\n").into_bytes()).collect()
}

impl Plan {
    fn new() -> Self {
        let result = json!({
            "outcome": "partial", "reasons": [{"code": "images", "zh": "有 3 幅图片未能显示", "en": "3 images did not appear"}],
            "remarks": [], "red_flags": [{"code": "extra-ca", "zh": "系统中另装有 CA 证书", "en": "CA certificates were added to the system"}],
            "hops": [{"url": ASKED, "status": 302}, {"url": format!("{URL}#top"), "status": 200}],
        });
        let guard =
            json!({"event": "connected", "method": "connect", "host": "shop.example", "peer": "203.0.113.7:443"});
        let environment = json!({"system": {"os": "Debian GNU/Linux 12 (bookworm)", "kernel": "Linux 6.1.0 #1 SMP"}});
        let facts = json!({"facts": [
            {"name": "price", "value": "¥168.00", "source": "visible-text", "box": [10, 20, 100, 30]},
            {"name": "sales", "value": "2,317 件", "source": "json-ld", "box": null},
        ]});
        Self {
            title: "釉色渐变马克杯".into(),
            outcome: "partial",
            relation: OperatorRelation::IndependentDeclared,
            artefacts: vec![
                (
                    "operations",
                    lines(&[json!({"operation": "step"}), json!({"operation": "result", "detail": result})]),
                ),
                ("guard", lines(&[guard.clone(), guard])),
                ("environment-before", environment.to_string().into_bytes()),
                ("environment-after", environment.to_string().into_bytes()),
                ("facts", facts.to_string().into_bytes()),
            ],
        }
    }

    fn artefact(mut self, name: &'static str, bytes: Vec<u8>) -> Self {
        self.artefacts.retain(|a| a.0 != name);
        self.artefacts.push((name, bytes));
        self
    }

    fn make(self) -> Case {
        let world = World::new(7);
        let provenance = match self.relation {
            OperatorRelation::SamePerson => Provenance::ApplicantOperated,
            _ => Provenance::PlatformCaptured,
        };
        let owner = [("owner_kind", json!("individual")), ("owner_name", json!("林喆珺"))];
        let make = |kind, file: Option<File>, more: Vec<(&'static str, Value)>| {
            let claims: Vec<_> = owner.iter().cloned().chain(more).collect();
            let (mut statement, disclosures) = world.statement(kind, &claims);
            statement.operator_relation = Some(self.relation);
            statement.provenance = Some(provenance);
            statement.file = file;
            world.pass(1);
            let token = world.authority.stamp(&statement.to_bytes().unwrap()).unwrap();
            common::made(statement, vec![token], disclosures)
        };
        let asked = || vec![("url", json!(ASKED)), ("purpose", json!("other"))];
        let counted = [("attempt", json!(2)), ("discarded_before", json!(1))];
        let order = make(Kind::Order, None, asked().into_iter().chain(counted).collect());
        let mut ledger = vec![world.operator(), order];
        let package = common::package(&world.entries(&ledger, 1));
        world.pass(5);
        let file = self.wacz(&world, package);
        let leaf = hex::encode(&leaf_hash(&ledger[1].record.to_bytes().unwrap()));
        let refs = json!([{"ledger": world.origin, "id": ledger[1].statement.id, "leaf": leaf}]);
        let digests = FileDigests::of(&file);
        let of_file = File { digests, media_type: "application/wacz".into(), custody: Custody::Held };
        let more = [
            ("final_url", json!(URL)),
            ("page_title", json!(self.title)),
            ("outcome", json!(self.outcome)),
            ("refs", refs),
        ];
        ledger.push(make(Kind::Capture, Some(of_file), asked().into_iter().chain(more).collect()));
        let entries = world.entries(&ledger, 2).into_iter().collect();
        Case { world, entries, wacz: file }
    }

    fn wacz(&self, world: &World, order: Vec<u8>) -> Vec<u8> {
        let at = world.now();
        let about = About { software: "quezao 0".into(), created: at, title: Some(self.title.clone()) };
        let mut writer = Writer::new(Cursor::new(Vec::new()), &about).unwrap();
        for (url, status) in [(ASKED, "HTTP/1.1 302 Found"), (URL, "HTTP/1.1 200 OK")] {
            let exchange = Exchange {
                url: url.into(),
                at,
                request: Message::reported("GET / HTTP/1.1", [("Host", "shop.example")], Body::empty()),
                response: Some(Message::reported(status, [], b"<p>".to_vec().into())),
                ip_address: None,
                protocols: vec![],
                cipher: None,
            };
            writer.exchange(exchange).unwrap();
        }
        for (name, body) in self.artefacts.iter().cloned().chain([("order", order)]) {
            let content_type = if name == "order" { "application/zip" } else { "application/json" }.into();
            writer.resource(Resource { name: name.into(), label: None, content_type, at, body: body.into() }).unwrap();
        }
        writer.page(Page { url: URL.into(), title: Some(self.title.clone()), at, text: None }).unwrap();
        writer.finish().unwrap().0.into_inner()
    }
}

fn cut(height: u32, parts: &[(u32, u32)]) -> impl FnMut(&Wacz, &mut dyn Source) -> Pictures + use<> {
    let parts: Vec<_> = parts.iter().map(|(a, b)| (*a, *b, sheets::thumbnail(128, (b - a).max(1)))).collect();
    move |_, _| Pictures { width: 128, height, parts: parts.clone() }
}

impl Case {
    fn draw(&self, locale: Locale, height: u32, parts: &[(u32, u32)]) -> Result<Vec<u8>, Error> {
        let occasion = Occasion { locale, checked: self.world.now(), earlier: Some(0), original_read: true };
        let mut file = wacz::in_memory(&self.wacz);
        let pdf = draw_capture(&self.entries, &mut file, &occasion, &mut cut(height, parts), &Fonts::with_system())?;
        let again = redraw_capture(&pdf, &self.entries, &mut file, &mut cut(height, parts))?;
        assert!(pdf == again, "another page, drawn again");
        Ok(pdf)
    }

    fn page(&self, locale: Locale) -> Option<String> {
        sheets::text(&self.draw(locale, 1000, &[(0, 700), (700, 1000)]).unwrap())
    }
}

#[test]
fn a_report_says_whence_when_and_how() {
    let case = Plan::new().make();
    if let Some(page) = case.page(Locale::Zh) {
        for want in [
            "网页取证报告",
            ASKED,
            URL,
            "不完整",
            "有 3 幅图片未能显示",
            "目标为他人的网页",
            "第 2 次取证，此前放弃 1 次，由运营者在账本规模 2 处计数",
            "取证包形成于",
            "指令封存",
            "系统中另装有 CA 证书",
            "203.0.113.7:443",
            "采集系统自身的报告",
            "¥168.00",
            "仅为页面所示，未经核实",
            "运营者的机器采集",
            "302",
            "不证明网页内容属实",
            "capture.wacz",
            "像素 0 至 700",
            "取证指令",
            "接触证明",
        ] {
            assert!(page.contains(want), "{want} is not in\n{page}");
        }
        assert!(!page.contains("自行固定") && !page.contains("可信环境"), "{page}");
    }
    if let Some(page) = case.page(Locale::En) {
        for want in ["Web Capture Report", "Partial", "as counted by the operator at size 2", "as shown, not verified"]
        {
            assert!(page.contains(want), "{want} is not in\n{page}");
        }
    }
    let own = Plan { relation: OperatorRelation::SamePerson, ..Plan::new() }.make();
    if let Some(page) = own.page(Locale::Zh) {
        assert!(page.contains("自行固定记录") && page.contains("存证主体自行操作采集"), "{page}");
        assert!(!page.contains("运营者的机器") && !page.contains("可信环境"), "{page}");
    }
}

#[test]
fn a_pages_own_words_do_nothing_and_refuse_nothing() {
    let nasty = "#read(\"/sheet.json\") *粗* $x$ `b` \\ <l> @r {a} [U] \u{202e}反\u{200b}\0 שלום مرحبا 𠮷😀";
    let endless = "长".repeat(100_000) + &"x".repeat(100_000);
    let reason = json!({"code": "x", "zh": format!("{nasty}{endless}"), "en": 7});
    let result = json!({"reasons": vec![reason; 99], "remarks": "no list", "red_flags": [null, {}], "hops": vec![json!({"url": nasty, "status": 99_999}); 500]});
    let fact = |name: &str, place: Value| json!({"name": name, "value": format!("{nasty}{endless}"), "box": place});
    let facts = json!({"facts": [
        fact("title", json!([-5, 0, 4_000_000, 4_000_000])), fact(nasty, json!([0, 999_999_999, 5, 5])), fact("price", json!([1, 2])),
        fact("shop", json!([127, 699, 1, 2])), fact("sales", json!("box")), {"name": 5}, 7,
    ]});
    let peer = json!({"event": "connected", "method": nasty, "host": nasty, "peer": endless});
    let all: String = ('\u{20000}'..'\u{20200}').collect();
    let hostile = Plan { title: format!("{}{}", "𝕏#*_`$ مرحبا 😀 ".repeat(60), all), ..Plan::new() }
        .artefact("operations", lines(&[json!({"operation": "result", "detail": result}), json!("no object")]))
        .artefact("facts", facts.to_string().into_bytes())
        .artefact("guard", [lines(&vec![peer; 50]), b"{\n[[[\xff".to_vec()].concat())
        .artefact("environment-before", format!("{}1", "[".repeat(100_000)).into_bytes())
        .artefact("chains", lines(&[json!({"page": {"subjectName": nasty, "issuer": endless, "validFrom": 1e300, "validTo": -1, "certificate": ["!", 3]}})]));
    let case = hostile.make();
    for locale in [Locale::Zh, Locale::En] {
        let Some(page) = case.page(locale) else { continue };
        assert!(page.contains("#read(") && page.contains("□"), "{page}");
        assert!(!page.contains(['\u{202e}', '\u{200b}', 'ש', 'م']), "{page}");
        assert!(page.matches('\u{c}').count() < 40, "{} pages", page.matches('\u{c}').count());
    }
}

#[test]
fn what_the_file_does_not_say_is_not_said() {
    let mut plan = Plan::new();
    plan.artefacts.clear();
    let Some(page) = plan.make().page(Locale::Zh) else { return };
    assert!(page.contains("取证包未载明采集系统是否发现须留意的情况") && page.contains("原因未记入取证包"), "{page}");
    assert!(!page.contains("没有报告须留意"), "{page}");
}

#[test]
fn a_long_page_is_bounded_and_what_is_left_out_is_said() {
    let case = Plan::new().make();
    let parts: Vec<_> = (0..40).map(|n| (n * 1300, (n + 1) * 1300)).collect();
    let pdf = case.draw(Locale::Zh, 60_000, &parts).unwrap();
    if let Some(page) = sheets::text(&pdf) {
        assert!(page.contains("像素 52000 至 60000 未印在纸上"), "{page}");
    }
    for parts in [&[(0, 1400)][..], &[(0, 100), (101, 200)], &[(10, 100)], &[(0, 0)]] {
        assert!(case.draw(Locale::Zh, 60_000, parts).is_err(), "{parts:?}");
    }
}

#[test]
fn another_file_has_no_report() {
    let mut case = Plan::new().make();
    let middle = case.wacz.len() / 2;
    case.wacz[middle] ^= 1;
    assert!(matches!(case.draw(Locale::Zh, 100, &[(0, 100)]), Err(Error::Malformed { what: "a capture's file", .. })));
}
