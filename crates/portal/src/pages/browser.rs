//! The browser's verifier (`make verifier`), served as it was built, and the operator's roots beside it.
//!
//! Rules: the page is not drawn here and shares no style or script with the portal. What this site adds is one block of
//! data, its own roots, which the page uses only if the reader says so and then names as the operator's; without that
//! block it is the published file, byte for byte, whose SHA-256 is told.

use super::{Shown, deposit};
use crate::{app::App, enter::IntoAnswer};
use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use evidence::{
    digest, hex,
    json::{Value, json},
};
use service::{Answer, Bundle, Error, Refusal, Why};
use std::{env, fs, path::PathBuf, sync::LazyLock};

/// Before this stands the block of data.
const PLACE: &str = "<script type=\"application/json\" id=\"texts\">";
/// The page's own policy, as it says it itself.
const POLICY: &str = "http-equiv=\"Content-Security-Policy\" content=\"";

/// Where the built page lies, seen from the program: beside it, as `make verifier` leaves it, as a package installs it.
const PLACES: [&str; 3] = ["verifier", "../verifier", "../share/quezao/verifier"];
static FOLDER: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
    let program = env::current_exe().ok()?;
    let folders = PLACES.iter().filter_map(|place| Some(program.parent()?.join(place)));
    folders.into_iter().find(|folder| folder.join("index.html").is_file())
});

/// The page, with this site's roots offered.
pub(crate) async fn page(State(app): State<App>) -> Shown {
    let page = read().map_err(IntoAnswer::into_answer)?;
    let broken = || {
        Error::new(
            "浏览器核验页与本程序不配套；请重新 make verifier",
            "the verifier's page does not go with this program; run make verifier again",
        )
    };
    let place = page.find(PLACE).ok_or_else(|| Refusal::from(broken()).into_answer())?;
    let policy = page.split(POLICY).nth(1).and_then(|rest| rest.split('"').next());
    let policy = policy.and_then(|p| HeaderValue::from_str(&format!("{p}; frame-ancestors 'none'")).ok());
    let policy = policy.ok_or_else(|| Refusal::from(broken()).into_answer())?;
    let offered = app.ask(|folder| Ok((folder.runs().to_owned(), folder.trust_files()?))).await;
    let (name, files) = offered.map_err(IntoAnswer::into_answer)?;
    let files: Vec<Value> =
        files.iter().map(|(name, bytes)| json!({"name": name, "hex": hex::encode(bytes)})).collect();
    let offered = json!({"name": name, "files": files}).to_string().replace('<', "\\u003c");
    let (head, tail) = page.split_at(place);
    let body = format!("{head}<script type=\"application/json\" id=\"offered\">{offered}</script>\n{tail}");
    let heads = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
    let mut response = (heads, body).into_response();
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    Ok(response)
}

/// The published file, to be kept and compared.
pub(crate) async fn published() -> Shown {
    let page = read().map_err(IntoAnswer::into_answer)?;
    Ok(deposit::file("text/html; charset=utf-8", "quezao-verifier.html", page.into()))
}

/// The operator's trust folder: what his own verdicts are made with.
pub(crate) async fn trust(State(app): State<App>) -> Shown {
    let files = app.ask(|folder| Ok(folder.trust_files()?)).await.map_err(IntoAnswer::into_answer)?;
    let (mut bundle, mut out) = (Bundle::new(super::chosen::now()), Vec::new());
    for (name, bytes) in &files {
        if let Some(head) = bundle.entry(&format!("trust/{name}"), bytes) {
            out.extend(head);
            out.extend(bytes);
        }
    }
    out.extend(bundle.finish());
    Ok::<Response, Response>(deposit::file("application/zip", "trust.zip", out.into()))
}

/// SHA-256 of the published file, where there is one.
pub(crate) fn sha256() -> Option<String> {
    read().ok().map(|page| hex::encode(&digest::sha256(page.as_bytes())))
}

fn read() -> Answer<String> {
    let none = || Refusal::new(Why::NotFound, "这台服务器没有浏览器核验页", "this server has no browser's verifier");
    let path = FOLDER.as_ref().ok_or_else(none)?.join("index.html");
    fs::read_to_string(&path).map_err(|_| none())
}
