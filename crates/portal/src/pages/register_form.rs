//! The register page's form. What only a script can do is there, disabled and hidden, until the script says that it runs:
//! so nothing of it is sent without one.

use super::{edition, layout::token};
use crate::visit::Visit;
use evidence::json::json;
use maud::{Markup, html};
use service::{Left, MAX_UPLOAD, Refusal, Unit};
use std::collections::BTreeMap;

/// `left`: what the account may still use, and why it may not; `None`: without bounds.
pub(super) fn draw(visit: &Visit, left: Option<&(Left, Option<Refusal>)>) -> Markup {
    let none = left.is_some_and(|left| edition::used_up(Unit::Deposit, left));
    html! {
        header.page-head {
            h1 { (visit.t("register-title")) }
            p.lead { (visit.t("register-lead")) }
            @if let Some(left) = left { (edition::remaining(visit, Unit::Deposit, left)) }
        }
        form id="register" method="post" action="/register" enctype="multipart/form-data"
            data-csrf=(visit.csrf) data-words=(words(visit)) data-left=[left.map(|l| l.0.deposits)] data-bytes=[left.map(|l| l.0.storage)] {
            (token(visit))
            (files(visit))
            (original(visit))
            (rights(visit))
            section.sec {
                h2 { (visit.t("register-go")) }
                div.stack {
                    p.err.warn id="short" role="status" {}
                    div.acts id="begin" {
                        button.btn.main id="go" type="submit" disabled[none] { (visit.t("register-submit")) }
                        a.btn id="library" href="/library" hidden { (visit.t("portal-nav-library")) }
                    }
                    div.ask id="ask" role="group" aria-labelledby="ask-words" hidden {
                        p id="ask-words" tabindex="-1" {}
                        div.acts {
                            button.btn.main id="ask-yes" type="button" { (visit.t("register-ask-yes")) }
                            button.btn id="ask-no" type="button" { (visit.t("register-ask-no")) }
                        }
                    }
                    p.small.soft { (visit.t("register-does-not")) }
                }
            }
        }
    }
}

fn files(visit: &Visit) -> Markup {
    let most = [("n", (MAX_UPLOAD >> 30).to_string().into())];
    html! {
        section.sec aria-labelledby="files" {
            div.h { h2 id="files" { (visit.t("register-files")) } p id="plan" {} }
            div.stack {
                div.drop id="drop" {
                    svg aria-hidden="true" { use href="#i-sheet" {} }
                    p.t { (visit.t("register-drop")) }
                    p.soft.small { (visit.tv("register-limit", &most)) }
                    div.acts {
                        label.btn { (visit.t("register-choose"))
                            input.sr id="choose" type="file" name="files" multiple; }
                        label.btn data-script hidden { (visit.t("register-choose-folder"))
                            input.sr id="choose-folder" type="file" webkitdirectory disabled; }
                    }
                    p.small.err id="chosen" role="alert" {}
                }
                fieldset id="zips" disabled hidden {
                    legend { (visit.t("register-zip")) }
                    @for (value, id) in [("unpack", "register-zip-unpack"), ("whole", "register-zip-whole"), ("both", "register-zip-both")] {
                        label.pick { input type="radio" name="zip" value=(value) checked[value == "unpack"]; (visit.t(id)) }
                    }
                }
                div id="all" hidden {
                    progress id="all-bar" value="0" max="1" aria-label=(visit.t("register-all")) {}
                    p.small.soft id="all-words" role="status" {}
                    div.acts id="failures" hidden {
                        button.btn.slim id="again" type="button" { (visit.t("register-again")) }
                        a.btn.slim id="failed-list" download="failed.csv" { (visit.t("register-failed-list")) }
                    }
                }
                ul.batch id="batch" {}
            }
        }
    }
}

fn original(visit: &Visit) -> Markup {
    html! {
        section.sec aria-labelledby="keep" data-script hidden {
            h2 id="keep" { (visit.t("register-original")) }
            fieldset.stack disabled data-script {
                legend.sr { (visit.t("register-original")) }
                label.pick { input type="radio" name="keep" value="held" checked; (visit.t("register-held"))
                    span.hint { (visit.t("register-held-hint")) } }
                label.pick { input type="radio" name="keep" value="digest"; (visit.t("register-digest"))
                    span.hint { (visit.t("register-digest-hint")) } }
                div id="digest-only" hidden {
                    label.pick { input id="kept" type="checkbox" aria-describedby="e-kept"; (visit.t("register-kept")) }
                    span.err id="e-kept" role="alert" {}
                }
            }
        }
    }
}

fn rights(visit: &Visit) -> Markup {
    html! {
        section.sec aria-labelledby="rights" {
            div.h { h2 id="rights" { (visit.t("register-rights")) } p { (visit.t("register-rights-hint")) } }
            div.stack-l {
                label id="scope-part" data-script hidden { (visit.t("register-scope"))
                    select id="scope" disabled data-script { option value="" { (visit.t("register-scope-all")) } }
                    span.hint { (visit.t("register-scope-hint")) }
                }
                div.grid2 id="claims" {
                    (field(visit, "title", "text", "register-by-name"))
                    (field(visit, "author", "text", "register-undeclared"))
                    label { (visit.t("claim-work_origin"))
                        select name="work_origin" {
                            option value="" { (visit.t("register-undeclared")) }
                            @for origin in ["self", "employee", "commissioned", "assigned", "supplier", "buyer", "generated"] {
                                option value=(origin) { (visit.t(&format!("origin-{origin}"))) }
                            }
                        }
                    }
                    (field(visit, "completed_at", "text", "register-date"))
                    (field(visit, "published_at", "text", "register-date"))
                    div {
                        (field(visit, "published_url", "url", "register-undeclared"))
                        p.small { a id="capture-it" href="/captures?whose=own" { (visit.t("register-capture-it")) } }
                    }
                }
                details.parts {
                    summary { (visit.t("register-more-claims")) }
                    div.grid2 {
                        (field(visit, "basis", "text", "register-undeclared"))
                        (field(visit, "completed_place", "text", "register-undeclared"))
                        (field(visit, "published_place", "text", "register-undeclared"))
                    }
                }
                div.stack data-script hidden {
                    label { (visit.t("register-table")) span.hint { (visit.t("register-table-hint")) }
                        input.file id="table" type="file" accept=".csv,.tsv,.txt,.xlsx,.toml" disabled data-script aria-describedby="table-said"; }
                    p.small id="table-said" role="status" {}
                    ul.plain.small id="table-wrong" {}
                    button.btn.slim id="table-off" type="button" hidden { (visit.t("register-table-off")) }
                }
            }
        }
    }
}

fn field(visit: &Visit, name: &str, kind: &str, hint: &str) -> Markup {
    html! {
        label { (visit.t(&format!("claim-{name}")))
            input type=(kind) name=(name) maxlength="1000" placeholder=(visit.t(hint)) autocomplete="off"; }
    }
}

/// The script's words, as JSON in an attribute: a script file speaks no language.
fn words(visit: &Visit) -> String {
    const NAMES: [&str; 41] = [
        "waiting",
        "goes-on",
        "digesting",
        "sending",
        "resuming",
        "working",
        "unpacking",
        "unpacked",
        "new",
        "existing",
        "pending",
        "failed",
        "interrupted",
        "remove",
        "retry",
        "see",
        "counts-live",
        "plan",
        "submit-n",
        "no-files",
        "cut",
        "ask",
        "ask-digest",
        "ask-measuring",
        "left",
        "passed",
        "digest-wrong",
        "kept-first",
        "scope-folder",
        "table-good",
        "table-none",
        "table-wrong",
        "csv-head",
        "empty",
        "too-long",
        "unreadable",
        "attachment-failed",
        "minutes",
        "zip-some",
        "short",
        "short-bytes",
    ];
    let words: BTreeMap<&str, String> =
        NAMES.iter().map(|name| (*name, visit.t(&format!("register-{name}")))).collect();
    json!(words).to_string()
}
