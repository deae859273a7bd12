//! `node`: the judicial node of an institution, its published keys, and what it saw.

use crate::out::Out;
use clap::{Args, Subcommand};
use evidence::{note::VerifierKey, policy};
use node::{Config, Event};
use serde_json::{Value, json};
use service::{Error, show_path};
use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

/// Keys of a line of `node status --json`.
pub(crate) const STATUS_KEYS: &[&str] = &["origin", "url", "cosigned", "mirrored", "alarms"];
/// Keys of the line of `node key --json`.
pub(crate) const KEY_KEYS: &[&str] = &["witness", "mirror", "roles", "policy"];

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Node {
    #[command(subcommand)]
    command: Option<Command>,
    #[arg(long = "data", value_name = "DIR", required = true)]
    node_data: Option<PathBuf>,
    #[arg(long, value_name = "URL")]
    ledger: Vec<String>,
    #[arg(long, value_name = "VKEY")]
    log_key: Vec<String>,
    #[arg(long = "name", value_name = "NAME")]
    node_name: Option<String>,
    #[arg(long = "listen", value_name = "HOST:PORT", default_value = "127.0.0.1:8090")]
    node_listen: SocketAddr,
    #[arg(long, value_name = "SECONDS", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=3600))]
    every: u64,
}

#[derive(Subcommand)]
enum Command {
    Key(Folder),
    Status(Folder),
}

#[derive(Args)]
pub(crate) struct Folder {
    #[arg(long = "data", value_name = "DIR")]
    node_data: PathBuf,
    #[arg(long)]
    json: bool,
}

pub(crate) fn node(out: &Out, a: Node) -> u8 {
    let done = match a.command {
        Some(Command::Key(a)) => key(out, &a),
        Some(Command::Status(a)) => status(out, &a),
        None => run(out, a),
    };
    done.unwrap_or_else(|e| out.refuse(&Error::new(e.zh, e.en)))
}

fn run(out: &Out, a: Node) -> node::Result<u8> {
    let config = Config {
        data: a.node_data.unwrap_or_default(),
        state: service::state_dir().map_err(|e| node::Error::new(e.zh, e.en))?,
        ledgers: a.ledger,
        log_keys: a.log_key.iter().map(|word| log_key(word)).collect::<node::Result<_>>()?,
        name: a.node_name,
        listen: a.node_listen,
        every: Duration::from_secs(a.every),
        tls: service::web_tls().ok(),
    };
    let teller = out.in_language(out.locale);
    let running = node::start(&config, Arc::new(move |event| say(&teller, event)))?;
    for key in running.node().keys().witness.verifier_keys() {
        out.note(&out.text("node-witness", &[("key", key.to_string().into())]));
    }
    out.line(&out.text("node-listening", &[("address", format!("http://{}/", running.address()).into())]));
    running.until_told()?;
    out.note(&out.text("node-stopping", &[]));
    Ok(0)
}

/// A vkey, or the one log of a policy file.
fn log_key(word: &str) -> node::Result<VerifierKey> {
    if word.contains('+') {
        return Ok(VerifierKey::parse(word)?);
    }
    let text = |locale| locale::text(locale, "node-no-key", &[("path", show_path(word.as_ref()).into())]);
    let refuse = || node::Error::new(text(locale::Locale::Zh), text(locale::Locale::En));
    let file = std::fs::File::open(word).map_err(|_| refuse())?;
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut std::io::Read::take(file, policy::MAX_POLICY as u64 + 1), &mut bytes)
        .map_err(|_| refuse())?;
    match policy::Policy::parse(&bytes)?.logs() {
        [one] => Ok(one.clone()),
        _ => Err(refuse()),
    }
}

fn say(out: &Out, event: Event) {
    let number = |n: u64| n.to_string();
    match event {
        Event::Cosigned { origin, size } => {
            out.note(&out.text("node-cosigned", &[("origin", origin.into()), ("size", number(size).into())]));
        }
        Event::Mirrored { origin, size } => {
            out.note(&out.text("node-mirrored", &[("origin", origin.into()), ("size", number(size).into())]));
        }
        Event::Refused { status, why } => {
            let why = out.pick(&why.zh, &why.en).to_owned();
            out.note(&out.text("node-refused", &[("status", status.to_string().into()), ("why", why.into())]));
        }
        Event::Alarm { kind, origin, zh, en, folder, .. } => {
            let why = out.pick(&zh, &en).to_owned();
            let args = [("kind", kind.as_str().into()), ("origin", origin.into()), ("why", why.into())];
            out.complain(&out.text("node-alarm", &args));
            out.complain(&out.text("node-alarm-kept", &[("folder", show_path(&folder).into())]));
        }
        Event::Warning(zh, en) => out.warn(&[(zh, en)]),
    }
}

fn key(out: &Out, a: &Folder) -> node::Result<u8> {
    let keys = node::published(&a.node_data)?;
    let role = |key: &VerifierKey| json!({"key": key.to_string(), "role": "court", "name": "", "independent": true, "from": null, "until": null});
    let words = |keys: &[VerifierKey]| keys.iter().map(ToString::to_string).collect::<Vec<_>>();
    let all = || keys.witness.iter().chain(&keys.mirror);
    let roles: Vec<Value> = all().map(role).collect();
    let policy: Vec<String> = all().map(|key| format!("witness {} {key}", key.name())).collect();
    if a.json {
        let (witness, mirror) = (words(&keys.witness), words(&keys.mirror));
        out.json(&json!({"witness": witness, "mirror": mirror, "roles": roles, "policy": policy, "error": null}));
        return Ok(0);
    }
    for (id, keys) in [("node-witness", &keys.witness), ("node-mirror", &keys.mirror)] {
        words(keys).into_iter().for_each(|key| out.line(&out.text(id, &[("key", key.into())])));
    }
    out.line(&out.text("node-key-policy", &[]));
    policy.iter().for_each(|line| out.line(line));
    out.line(&out.text("node-key-roles", &[]));
    roles.iter().for_each(|line| out.line(&line.to_string()));
    Ok(0)
}

fn status(out: &Out, a: &Folder) -> node::Result<u8> {
    let status = node::status(&a.node_data)?;
    for log in &status.logs {
        if a.json {
            let alarms: Vec<&Value> =
                status.alarms.iter().map(|(alarm, _)| alarm).filter(|alarm| alarm["origin"] == log.origin).collect();
            out.json(&json!({
                "origin": log.origin, "url": log.url, "cosigned": log.cosigned, "mirrored": log.mirrored, "alarms": alarms,
                "error": null,
            }));
            continue;
        }
        out.line(&format!("{}  {}", log.origin, log.url));
        for (id, size) in [("node-status-cosigned", log.cosigned), ("node-status-mirrored", log.mirrored)] {
            let size = size.map_or_else(|| "-".to_owned(), |n| n.to_string());
            out.line(&format!("  {}", out.text(id, &[("size", size.into())])));
        }
    }
    if !a.json {
        for (alarm, folder) in &status.alarms {
            let word = |name: &str| alarm[name].as_str().unwrap_or_default().to_owned();
            let (zh, en) = (word("zh"), word("en"));
            let why = show_path(out.pick(&zh, &en).as_ref());
            let args = [("kind", word("kind").into()), ("at", word("at").into()), ("why", why.into())];
            out.line(&out.text("node-status-alarm", &args));
            out.line(&format!("  {}", show_path(folder)));
        }
        if status.alarms.is_empty() {
            out.line(&out.text("node-status-none", &[]));
        }
    }
    Ok(u8::from(!status.alarms.is_empty()))
}
