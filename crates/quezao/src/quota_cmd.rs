//! `admin edition`, `admin code`, `admin grant`, `admin market-secret`: what is offered, and who is given it. Beside a
//! running server, each by one short write.

use crate::{
    args::{
        Data,
        quota::{CodeMake, EditionCommand, Grant},
    },
    out::Out,
};
use evidence::json::json;
use service::{Editions, Feature, NewCodes, bytes_shown};

/// Keys of a line of `edition list --json`.
pub(crate) const EDITION: &[&str] =
    &["name", "kind", "zh", "en", "months", "deposits", "captures", "storage", "seats", "features"];

pub(crate) fn edition(out: &Out, command: &EditionCommand) -> u8 {
    let EditionCommand::List(data) = command;
    let editions = match Editions::of(&data.data) {
        Ok(editions) => editions,
        Err(mut wrong) => {
            let Some(last) = wrong.pop() else { return 2 };
            wrong.iter().for_each(|e| out.complain(out.pick(&e.zh, &e.en)));
            return out.refuse(&last);
        }
    };
    if !editions.own && !data.json {
        out.note(&out.text("edition-samples", &[]));
    }
    for t in &editions.all {
        if data.json {
            out.json(&json!({
                "name": t.name, "kind": t.kind, "zh": t.zh, "en": t.en, "months": t.months, "deposits": t.deposits,
                "captures": t.captures, "storage": t.storage, "seats": t.seats,
                "features": t.features.iter().map(|f| f.word()).collect::<Vec<_>>(), "error": null,
            }));
            continue;
        }
        let has = |f: &Feature| if t.features.contains(f) { "✓" } else { "–" };
        let features: Vec<String> = Feature::ALL.iter().map(|f| format!("{} {}", has(f), f.word())).collect();
        let args = [
            ("name", t.name.clone().into()),
            ("title", out.pick(&t.zh, &t.en).into()),
            ("months", t.months.to_string().into()),
            ("deposits", t.deposits.to_string().into()),
            ("captures", t.captures.to_string().into()),
            ("storage", bytes_shown(t.storage).into()),
            ("seats", t.seats.to_string().into()),
            ("features", features.join(" ").into()),
        ];
        out.line(&out.text(if t.monthly() { "edition-line" } else { "pack-line" }, &args));
    }
    0
}

pub(crate) fn code(out: &Out, a: &CodeMake) -> u8 {
    let CodeMake { data, edition, months, count, uses, days, gift, note } = a;
    let new = NewCodes {
        name: edition.clone(),
        months: *months,
        count: *count,
        uses: *uses,
        days: *days,
        gift: *gift,
        note: note.clone(),
    };
    match service::make_codes(&data.data, &new) {
        Ok(codes) if data.json => codes.iter().for_each(|code| out.json(&json!({"code": code, "error": null}))),
        Ok(codes) => codes.iter().for_each(|code| out.line(code)),
        Err(refusal) => return out.refuse(&refusal.error),
    }
    0
}

pub(crate) fn grant(out: &Out, a: &Grant) -> u8 {
    let made = service::make_grant(&a.data.data, a.account, &a.edition, a.months, a.gift);
    match made {
        Ok(id) if a.data.json => out.json(&json!({"id": id, "account": a.account, "error": null})),
        Ok(id) => out
            .line(&out.text("grant-made", &[("n", id.to_string().into()), ("account", a.account.to_string().into())])),
        Err(refusal) => return out.refuse(&refusal.error),
    }
    0
}

pub(crate) fn market_secret(out: &Out, data: &Data) -> u8 {
    match service::new_market_secret(&data.data) {
        Ok(secret) if data.json => out.json(&json!({"secret": secret, "error": null})),
        Ok(secret) => {
            out.note(&out.text("market-secret-made", &[]));
            out.line(&secret);
        }
        Err(error) => return out.refuse(&error),
    }
    0
}
