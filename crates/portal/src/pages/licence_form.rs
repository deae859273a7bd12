//! A new licence: the form, what would be recorded, and recording it. Works in three plain requests, without a script.

use super::{
    Shown,
    layout::{Frame, Nav, draw, error, token},
    library,
    secrets::of,
    see,
};
use crate::{
    app::App,
    enter::IntoAnswer,
    form::Form,
    problem,
    visit::{Query, Visit},
};
use axum::{extract::State, http::StatusCode};
use maud::{Markup, html};
use service::{
    Answer, Folder, Item, Licence, LicencePreview, LicensedPicture, MAX_LICENSED, MAX_URLS, Permission, Refusal,
    Search, Shop, Why,
};
use std::{collections::BTreeMap, sync::Arc};

const HERE: &str = "/licences/new";
/// Pictures that are shown one by one; more stand as numbers.
const SHOWN: usize = 24;

/// Fields, as a form or its hidden copy has them.
type Fields = BTreeMap<String, String>;

pub(crate) async fn page(State(app): State<App>, Query(query): Query, visit: Visit) -> Shown {
    let given = query.get("p").map(String::as_str).unwrap_or_default();
    let ids: Vec<String> = given.split(',').filter(|id| !id.is_empty()).take(SHOWN).map(str::to_owned).collect();
    begin(&app, &visit, &ids).await
}

/// The empty form for these records.
pub(crate) async fn begin(app: &App, visit: &Visit, ids: &[String]) -> Shown {
    let fields = match ids.len() > SHOWN {
        true => Fields::from([("pictures".to_owned(), ids.join("\r\n"))]),
        false => ids.iter().map(|id| (format!("pick-{id}"), "on".to_owned())).collect(),
    };
    show(app, visit, &fields, None).await
}

pub(crate) async fn submit(State(app): State<App>, visit: Visit, form: Form) -> Shown {
    let fields = form.fields();
    let (licence, shop) = read(fields);
    let actor = visit.actor.clone();
    match form.get("act") {
        "record" => match record(&app, &visit, licence, shop, move |folder, l| folder.license(&actor, l, shop)).await {
            Ok((id, _)) => Ok(see(&format!("/licences/{id}"))),
            Err(refusal) if matches!(refusal.why, Why::Field(_)) => show(&app, &visit, fields, Some(&refusal)).await,
            Err(refusal) => Err(refusal.into_answer()),
        },
        "find" | "change" => show(&app, &visit, fields, None).await,
        _ => {
            let asked = licence.clone();
            match app.ask(move |folder| folder.preview_licence(&actor, &asked, shop)).await {
                Ok(preview) => Ok(confirm(&app, &visit, fields, &preview).await?),
                Err(refusal) if matches!(refusal.why, Why::Field(_)) => {
                    show(&app, &visit, fields, Some(&refusal)).await
                }
                Err(refusal) => Err(refusal.into_answer()),
            }
        }
    }
}

/// Records a licence. Collections that are made first wait for tokens and seals of their own.
pub(crate) async fn record<T: Send + 'static>(
    app: &App,
    visit: &Visit,
    licence: Licence,
    whole_shop: Option<i64>,
    run: impl FnOnce(&Arc<Folder>, &Licence) -> Answer<T> + Send + 'static,
) -> Answer<T> {
    let collects = whole_shop.is_some() || licence.pictures.len() > MAX_LICENSED;
    let run = move |folder: &Arc<Folder>| run(folder, &licence);
    if collects { app.slow(visit.actor.account(), run).await } else { app.work(run).await }
}

/// What the fields say.
fn read(fields: &Fields) -> (Licence, Option<i64>) {
    let typed = |name: &str| fields.get(name).map(|t| t.trim().to_owned()).filter(|t| !t.is_empty());
    let lines = |name: &str| -> Vec<String> {
        let text = fields.get(name).map(String::as_str).unwrap_or_default();
        text.split(|c: char| c.is_whitespace() || c == ',').filter(|t| !t.is_empty()).map(str::to_owned).collect()
    };
    let mut pictures = picked(fields);
    pictures.extend(lines("pictures"));
    let licence = Licence {
        title: typed("title"),
        licensee: typed("licensee").unwrap_or_default(),
        code: typed("code"),
        shop: typed("shop"),
        urls: lines("urls"),
        from: typed("from"),
        until: typed("until"),
        scope: typed("scope"),
        pictures,
    };
    (licence, fields.get("whole-shop").and_then(|shop| shop.parse().ok()))
}

fn picked(fields: &Fields) -> Vec<String> {
    fields.keys().filter_map(|name| name.strip_prefix("pick-")).map(str::to_owned).collect()
}

async fn show(app: &App, visit: &Visit, fields: &Fields, refusal: Option<&Refusal>) -> Shown {
    let get = |name: &str| fields.get(name).map_or("", String::as_str).to_owned();
    let (actor, ids, q) = (visit.actor.clone(), picked(fields), get("q"));
    let asked = app.ask(move |folder| {
        folder.may(&actor, Permission::Licences)?;
        let view = folder.can(&actor, Permission::View);
        let found = match view && !q.trim().is_empty() {
            true => folder.library(&actor, &Search { text: q, ..Search::default() })?.items,
            false => Vec::new(),
        };
        Ok((folder.licensed_pictures(&actor, &ids)?, found, folder.shops(&actor)?, view))
    });
    let (chosen, found, shops, view) = asked.await.map_err(IntoAnswer::into_answer)?;
    let fits = |item: &&Item| {
        ["image", "file", "digest", "collection"].contains(&item.kind.as_str())
            && !chosen.iter().any(|c| c.id == item.id)
    };
    let found: Vec<&Item> = found.iter().filter(fits).collect();
    let title = visit.t("licences-new");
    let wrong = |name: &'static str| of(visit, refusal, name);
    let field = |name: &'static str, kind: &str, most: &str, required: bool| {
        html! {
            label { (visit.t(&format!("licences-{name}")))
                span.hint { (visit.t(&format!("licences-{name}-hint"))) }
                input type=(kind) name=(name) maxlength=(most) required[required] autocomplete="off" value=(get(name)) aria-invalid=[wrong(name).map(|_| "true")] aria-describedby=(format!("e-{name}"));
                (error(&format!("e-{name}"), wrong(name))) }
        }
    };
    let body = html! {
        header.page-head {
            p.crumb { a href="/licences" { (visit.t("licences-heading")) } }
            h1 { (title) }
            p.lead { (visit.t("licences-new-lead")) }
        }
        form method="post" action=(HERE) {
            (token(visit))
            section.sec aria-labelledby="pictures-h" {
                div.h { h2 id="pictures-h" { (visit.t("licences-pictures")) } p { (visit.tv("licences-pictures-hint", &[("n", MAX_LICENSED.to_string().into())])) } }
                div.stack {
                    @if let Some(text) = wrong("pictures").or(wrong("whole-shop")) { p.err id="e-pictures" role="alert" { (text) } }
                    @if !chosen.is_empty() { ul.rows.pic { @for p in &chosen { (tick(visit, &p.id, p.title.as_deref(), &p.kind, true, view)) } } }
                    @if view {
                        div.find {
                            label.sr for="q" { (visit.t("licences-find")) }
                            input id="q" name="q" type="search" maxlength="200" placeholder=(visit.t("library-search-hint")) value=(get("q"));
                            button.btn type="submit" name="act" value="find" formnovalidate { (visit.t("library-find")) }
                        }
                        @if !found.is_empty() { ul.rows.pic { @for item in found { (tick(visit, &item.id, Some(&item.title), &item.kind, false, view)) } } }
                        @else if !get("q").trim().is_empty() { p.soft { (visit.t("library-none")) } }
                    }
                    details.more open[!get("pictures").is_empty() || chosen.is_empty()] {
                        summary { (visit.t("licences-numbers")) }
                        label { (visit.t("licences-numbers-label")) span.hint { (visit.t("licences-numbers-hint")) }
                            textarea name="pictures" rows="3" class="mono" spellcheck="false" { (get("pictures")) } }
                    }
                    @if shops.iter().any(|s| s.ended_at.is_none()) { (whole_shop(visit, &shops, &get("whole-shop"))) }
                }
            }
            section.sec aria-labelledby="licensee-h" {
                div.h { h2 id="licensee-h" { (visit.t("licences-who")) } p { (visit.t("licences-who-hint")) } }
                div.grid2 {
                    (field("licensee", "text", "200", true))
                    (field("code", "text", "64", false))
                }
            }
            section.sec aria-labelledby="where-h" {
                div.h { h2 id="where-h" { (visit.t("licences-where")) } p { (visit.t("licences-where-hint")) } }
                div.stack {
                    (field("shop", "text", "200", false))
                    label { (visit.t("licences-urls")) span.hint { (visit.tv("licences-urls-hint", &[("n", MAX_URLS.to_string().into())])) }
                        textarea name="urls" rows="4" class="mono" spellcheck="false" placeholder="https://shop.example/c/*" aria-invalid=[wrong("urls").map(|_| "true")] aria-describedby="e-urls" { (get("urls")) }
                        (error("e-urls", wrong("urls"))) }
                }
            }
            section.sec aria-labelledby="term-h" {
                div.h { h2 id="term-h" { (visit.t("licences-term")) } p { (visit.t("licences-term-hint")) } }
                div.stack {
                    div.grid2 {
                        (field("from", "date", "10", false))
                        (field("until", "date", "10", false))
                    }
                    (field("scope", "text", "500", false))
                    (field("title", "text", "200", false))
                    div.acts { button.btn.main type="submit" name="act" value="preview" { (visit.t("licences-preview")) } a.btn href="/licences" { (visit.t("account-back")) } }
                }
            }
        }
    };
    let status = refusal.map_or(StatusCode::OK, problem::status);
    Ok(draw(visit, Frame { title: &title, nav: Nav::Library, status }, body))
}

/// A record with a tick before it; what is chosen is ticked.
fn tick(visit: &Visit, id: &str, title: Option<&str>, kind: &str, checked: bool, view: bool) -> Markup {
    let name = title.map_or_else(|| id.to_owned(), str::to_owned);
    html! {
        li {
            (thumb(id, kind, view))
            label.pick { input type="checkbox" name=(format!("pick-{id}")) value="on" checked[checked]; (name) span.hint { (visit.t(&format!("kind-{kind}"))) " " span.mono { (id) } } }
        }
    }
}

fn thumb(id: &str, kind: &str, view: bool) -> Markup {
    html! {
        @if kind == "image" && view { img src=(format!("/deposits/{id}/picture.jpg")) alt="" width="72" height="54" loading="lazy"; }
        @else { span.pageicon { svg aria-hidden="true" { use href=(library::icon(kind)) {} } } }
    }
}

/// A licensed picture in a list.
pub(super) fn picture(visit: &Visit, p: &LicensedPicture, view: bool) -> Markup {
    let title = p.title.clone().unwrap_or_else(|| visit.t("licences-gone"));
    html! {
        li {
            (thumb(&p.id, &p.kind, view && p.title.is_some()))
            div {
                @if view && p.title.is_some() { a.t href=(format!("/deposits/{}", p.id)) { (title) } } @else { span.t { (title) } }
                span.m { (visit.t(&format!("kind-{}", p.kind))) " " span.mono { (p.id) } }
                @if let Some(sha256) = &p.sha256 { span.m.mono.wrap { "SHA-256 " (sha256) } }
            }
        }
    }
}

fn whole_shop(visit: &Visit, shops: &[Shop], now: &str) -> Markup {
    html! {
        label { (visit.t("licences-whole-shop")) span.hint { (visit.t("licences-whole-shop-hint")) }
            select name="whole-shop" {
                option value="" { (visit.t("licences-no-shop")) }
                @for shop in shops.iter().filter(|s| s.ended_at.is_none()) {
                    option value=(shop.id) selected[shop.id.to_string() == now] { (shop.platform) " " (shop.name) }
                }
            }
        }
    }
}

/// The terms, as pairs.
pub(super) fn facts(visit: &Visit, licence: &Licence, hosts: &[(String, String)]) -> Markup {
    let unstated = || html! { span.soft { (visit.t("licences-unstated")) } };
    let row = |id: &str, value: Option<&String>| {
        html! { dt { (visit.t(id)) } dd.wrap { @match value { Some(v) => { (v) }, None => { (unstated()) } } } }
    };
    let until = licence.until.clone().unwrap_or_default();
    let args = [("from", licence.from.clone().unwrap_or_default().into()), ("until", until.clone().into())];
    html! {
        @if licence.title.is_some() { (row("licences-title", licence.title.as_ref())) }
        (row("licences-licensee", Some(&licence.licensee)))
        (row("licences-code", licence.code.as_ref()))
        (row("licences-shop", licence.shop.as_ref()))
        dt { (visit.t("licences-urls")) }
        dd {
            @if licence.urls.is_empty() { span.soft { (visit.t("licences-any-url")) } }
            @for url in &licence.urls {
                div.mono.wrap { (url) }
                @if let Some((_, host)) = hosts.iter().find(|(text, _)| text == url) { span.soft.wrap { (visit.tv("licences-host", &[("host", host.as_str().into())])) } }
            }
        }
        dt { (visit.t("licences-term")) }
        dd { (visit.tv(if until.is_empty() { "licence-open" } else { "licence-days" }, &args)) span.soft { (visit.t("licences-days-note")) } }
        (row("licences-scope", licence.scope.as_ref()))
    }
}

/// What would be recorded, for a last look.
async fn confirm(app: &App, visit: &Visit, fields: &Fields, preview: &LicencePreview) -> Shown {
    let title = visit.t("licences-check");
    let actor = visit.actor.clone();
    let view = app.ask(move |folder| Ok(folder.can(&actor, Permission::View))).await.unwrap_or(false);
    let more = preview.all.saturating_sub(preview.pictures.len());
    let n = |n: usize| [("n", locale::count(n as u64))];
    let body = html! {
        header.page-head {
            p.crumb { a href="/licences" { (visit.t("licences-heading")) } }
            h1 { (title) }
            p.lead { (visit.t("licences-check-lead")) }
        }
        @for (zh, en) in &preview.remarks { p.err.warn role="status" { (visit.pick(zh, en)) } }
        section.sec aria-labelledby="terms" {
            h2 id="terms" { (visit.t("licences-terms")) }
            dl.facts { (facts(visit, &preview.licence, &preview.hosts)) }
        }
        section.sec aria-labelledby="pictures" {
            div.h { h2 id="pictures" { (visit.t("licences-pictures")) } p { (visit.tv("licence-pictures", &n(preview.all))) } }
            div.stack {
                @if preview.collections > 0 { p.note { (visit.tv("licences-collected-first", &[("n", locale::grouped(preview.all as u64).into()), ("collections", preview.collections.to_string().into())])) } }
                ul.rows.pic { @for p in &preview.pictures { (picture(visit, p, view)) } }
                @if more > 0 { p.soft { (visit.tv("licences-more", &n(more))) } }
            }
        }
        section.sec aria-labelledby="record" {
            div.h { h2 id="record" { (visit.t("licences-record")) } p { (visit.t("licences-record-hint")) } }
            form.stack method="post" action=(HERE) {
                (token(visit))
                @for (name, value) in fields.iter().filter(|(name, _)| !["act", "q", "csrf", "from"].contains(&name.as_str())) {
                    input type="hidden" name=(name) value=(value);
                }
                // The day that was shown is the one that is recorded, whenever that is.
                input type="hidden" name="from" value=[&preview.licence.from];
                p.small.soft { (visit.t("licences-not")) }
                div.acts {
                    button.btn.main type="submit" name="act" value="record" { (visit.t("licences-record-do")) }
                    button.btn type="submit" name="act" value="change" { (visit.t("licences-change")) }
                }
            }
        }
    };
    Ok(draw(visit, Frame::new(&title, Nav::Library), body))
}
