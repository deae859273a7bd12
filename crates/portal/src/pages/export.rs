//! One account's data as a ZIP that is written while it is read: for its main account, and for the operator.

use super::{
    Shown,
    chosen::{now, put},
    deposit::file,
    layout::{Frame, Nav, draw, error, token},
    merchants,
    secrets::of,
    sign_in::slow_down,
};
use crate::{app::App, enter::IntoAnswer, form::Form, problem, stream, visit::Visit};
use axum::{
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use maud::html;
use service::{Answer, Bundle, Refusal, Takeout, Why};
use tokio::sync::mpsc::Sender;

pub(crate) async fn page(State(app): State<App>, visit: Visit) -> Shown {
    allowed(&app, &visit).await?;
    Ok(show(&visit, None))
}

/// Asked before anything is said.
async fn allowed(app: &App, visit: &Visit) -> Result<(), Response> {
    let actor = visit.actor.clone();
    let asked = app.ask(move |folder| folder.may(&actor, service::Permission::Account)).await;
    asked.map_err(IntoAnswer::into_answer)
}

fn show(visit: &Visit, refusal: Option<&Refusal>) -> Response {
    let title = visit.t("export-title");
    let wrong = of(visit, refusal, "password").or_else(|| refusal.map(|r| visit.say(r)));
    let body = html! {
        header.page-head {
            p.crumb { a href="/account" { (visit.t("account-back")) } }
            h1 { (title) }
            p.lead { (visit.t("export-lead")) }
        }
        section.sec aria-labelledby="what" {
            h2 id="what" { (visit.t("export-what")) }
            ul.plain { @for n in 1..=5 { li { (visit.t(&format!("export-what-{n}"))) } } }
        }
        section.sec.last aria-labelledby="get" {
            h2 id="get" { (visit.t("export-get")) }
            form.stack.narrow-form method="post" action="/account/export" {
                (token(visit))
                label.pick { input type="checkbox" name="packages" value="yes"; (visit.t("export-packages")) span.hint { (visit.t("export-packages-hint")) } }
                label { (visit.t("erasing-password")) input type="password" name="password" required autocomplete="current-password" aria-invalid=[wrong.map(|_| "true")] aria-describedby="e-password"; }
                (error("e-password", wrong))
                div.acts { button.btn.main type="submit" { (visit.t("export-do")) } }
            }
        }
    };
    let status = refusal.map_or(StatusCode::OK, problem::status);
    draw(visit, Frame { title: &title, nav: Nav::None, status }, body)
}

pub(crate) async fn own(State(app): State<App>, visit: Visit, form: Form) -> Shown {
    allowed(&app, &visit).await?;
    if let Err(refusal) = slow_down(&app, &visit) {
        return Ok(show(&visit, Some(&refusal)));
    }
    let (actor, password, packages) =
        (visit.actor.clone(), form.get("password").to_owned(), form.get("packages") == "yes");
    match app.ask_secret(move |folder| folder.take_out(&actor, &password, packages)).await {
        Ok(out) => Ok(send(&app, &visit, out)),
        Err(refusal) if matches!(refusal.why, Why::Field(_) | Why::Slow(_)) => Ok(show(&visit, Some(&refusal))),
        Err(refusal) => Err(refusal.into_answer()),
    }
}

pub(crate) async fn merchant(State(app): State<App>, Path(id): Path<i64>, visit: Visit, form: Form) -> Shown {
    let (actor, reason, packages) = (visit.actor.clone(), form.get("export").to_owned(), form.get("packages") == "yes");
    match app.ask(move |folder| folder.take_out_for(&actor, id, &reason, packages)).await {
        Ok(out) => Ok(send(&app, &visit, out)),
        Err(refusal) if matches!(refusal.why, Why::Field(_)) => merchants::show(&app, &visit, id, Some(&refusal)).await,
        Err(refusal) => Err(refusal.into_answer()),
    }
}

fn send(app: &App, visit: &Visit, out: Takeout) -> Response {
    let name = format!("quezao-account-{}.zip", out.account());
    let (send, body) = stream::channel(2);
    let (app, visit) = (app.clone(), visit.clone());
    tokio::spawn(async move { write(&app, &visit, out, &send).await });
    file("application/zip", &name, body)
}

/// File after file; ends when the reader has gone. What breaks off must not look whole.
async fn write(app: &App, visit: &Visit, mut out: Takeout, send: &Sender<std::io::Result<Bytes>>) {
    let mut bundle = Bundle::new(now());
    loop {
        if app.stopping() || send.is_closed() {
            return;
        }
        let actor = visit.actor.clone();
        let step = app.work(move |folder| -> Answer<_> {
            let file = folder.take_next(&actor, &mut out)?;
            Ok((file, out))
        });
        let (made, next) = match step.await {
            Ok(step) => step,
            Err(refusal) => {
                let _ = send.send(Err(std::io::Error::other(refusal.error.en))).await;
                return;
            }
        };
        out = next;
        let Some((name, bytes)) = made else { break };
        match bundle.entry(&name, &bytes) {
            Some(head) => {
                if put(send, head).await.is_none() || put(send, bytes).await.is_none() {
                    return;
                }
            }
            None => out.miss(&name, "压缩包已满 4 GB", "the ZIP has reached 4 GB"),
        }
    }
    put(send, bundle.finish()).await;
}
