//! A captured page in the wrong hands: another file, an order written afterwards, an order for another page.

use super::{
    Forgery, Walk, attempt, packed,
    world::{Made, Platform, Result, now},
};
use archive::wacz::{About, Body, Exchange, Message, Page, Resource, Writer};
use evidence::{
    digest::FileDigests,
    hex,
    json::{Value, json},
    record::leaf_hash,
    statement::{Custody, File, Kind},
};
use std::io::Cursor;

const URL: &str = "https://shop.example/item";

/// An order with its package, and where it stands.
struct Order {
    made: Made,
    package: Vec<u8>,
}

impl Walk<'_> {
    /// The platform lies about a page that it captured.
    pub(super) fn of_the_page(&self) -> Result<Vec<Forgery>> {
        let p = &self.platform;
        let under = |ledger: &[&Made], made: &Made, file: &[u8]| -> Result<Vec<u8>> {
            let all: Vec<Made> = ledger.iter().map(|m| (*m).clone()).collect();
            let index = ledger.iter().position(|m| m.record == made.record).unwrap_or(0);
            let mut entries = p.package(&self.honest, &all, index, &[])?;
            entries.push(("capture.wacz".into(), file.to_vec()));
            packed(&entries)
        };
        let given =
            |name, package, file: Vec<u8>, check| Forgery { picture: Some(file), ..attempt(name, package, check, 1) };

        // The file is another one now, consistent in itself; statement, tokens and ledger are those of the honest one.
        let order = self.order(URL, &[&self.leaf0])?;
        let (shown, other) = (wacz(&order, b"what was on the page")?, wacz(&order, b"what never was")?);
        let captured = p.capture(&order, &shown)?;
        let exchanged = under(&[&self.leaf0, &order.made, &captured], &captured, &other)?;

        // The capture came first; the order stands behind it, in a tree that is told differently to each.
        let filler = p.image("林晚", self.digests)?;
        let late = self.order(URL, &[&self.leaf0, &filler])?;
        let file = wacz(&late, b"what was on the page")?;
        let captured = p.capture(&late, &file)?;
        let afterwards = under(&[&self.leaf0, &captured, &late.made], &captured, &file)?;
        let late = given("order-afterwards", afterwards, file, "capture-order");

        // An order there was, for another page.
        let elsewhere = self.order("https://shop.example/", &[&self.leaf0])?;
        let file = wacz(&elsewhere, b"what was on the page")?;
        let captured = p.capture(&elsewhere, &file)?;
        let moved = under(&[&self.leaf0, &elsewhere.made, &captured], &captured, &file)?;
        Ok(vec![
            given("page-exchanged", exchanged, other, "capture-resources"),
            late,
            given("order-elsewhere", moved, file, "capture-order"),
        ])
    }

    /// An order behind these leaves, sealed there.
    fn order(&self, url: &str, before: &[&Made]) -> Result<Order> {
        let made = self.platform.order(url)?;
        let mut ledger: Vec<Made> = before.iter().map(|m| (*m).clone()).collect();
        ledger.push(made.clone());
        let entries = self.platform.package(&self.honest, &ledger, before.len(), &[])?;
        Ok(Order { made, package: packed(&entries)? })
    }
}

impl Platform {
    fn order(&self, url: &str) -> Result<Made> {
        let mut claims = owned(url);
        claims.extend([("attempt", json!(1)), ("discarded_before", json!(0))]);
        let (statement, disclosures) = self.statement(Kind::Order, None, &claims)?;
        self.stamped(&statement, &disclosures)
    }

    fn capture(&self, order: &Order, file: &[u8]) -> Result<Made> {
        let statement: Value = serde_json::from_slice(&order.made.statement)?;
        let leaf = hex::encode(&leaf_hash(&order.made.record));
        let refs = json!([{"ledger": self.origin, "id": statement["id"], "leaf": leaf}]);
        let mut claims = owned(URL);
        claims.extend([("final_url", json!(URL)), ("outcome", json!("complete")), ("refs", refs)]);
        let digests = FileDigests::of(file);
        let file = File { digests, media_type: "application/wacz".into(), custody: Custody::Held };
        let (statement, disclosures) = self.statement(Kind::Capture, Some(file), &claims)?;
        self.stamped(&statement, &disclosures)
    }
}

fn owned(url: &str) -> Vec<(&'static str, Value)> {
    let owner = [("owner_kind", json!("individual")), ("owner_name", json!("林晚"))];
    owner.into_iter().chain([("url", json!(url)), ("purpose", json!("other"))]).collect()
}

/// A page with its order, as the platform's software would write it.
fn wacz(order: &Order, body: &[u8]) -> Result<Vec<u8>> {
    let at = now();
    let about = About { software: "quezao 0".into(), created: at, title: None };
    let mut writer = Writer::new(Cursor::new(Vec::new()), &about)?;
    let response = Message::reported("HTTP/1.1 200 OK", [("Content-Type", "text/plain")], body.to_vec().into());
    writer.exchange(Exchange {
        url: URL.into(),
        at,
        request: Message::reported("GET /item HTTP/1.1", [("Host", "shop.example")], Body::empty()),
        response: Some(response),
        ip_address: None,
        protocols: vec!["h2".into()],
        cipher: None,
    })?;
    let (content_type, body) = ("application/zip".into(), order.package.clone().into());
    writer.resource(Resource { name: "order".into(), label: None, content_type, at, body })?;
    writer.page(Page { url: URL.into(), title: None, at, text: None })?;
    Ok(writer.finish()?.0.into_inner())
}
