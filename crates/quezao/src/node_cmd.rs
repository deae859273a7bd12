//! `node`: the judicial node of an institution, its published keys, and what it saw.

use crate::out::{Out, now};
use clap::{Args, Subcommand};
use evidence::{
    digest, hex,
    note::{KeyType, VerifierKey},
    policy,
};
use node::{Config, Event, alarms::Stored};
use serde_json::{Value, json};
use service::{Error, show_path};
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Keys of a line of `node status --json`.
pub(crate) const STATUS_KEYS: &[&str] = &["origin", "url", "cosigned", "mirrored", "examined", "alarms"];
/// Keys of the line of `node key --json`.
pub(crate) const KEY_KEYS: &[&str] = &["witness", "mirror", "reports", "roles", "policy", "statement", "report_roots"];
/// Keys of a line of `node alarm list --json` and `node alarm ack --json`.
pub(crate) const ALARM_KEYS: &[&str] = &["id", "kind", "origin", "at", "zh", "en", "acknowledged", "note", "folder"];
/// An alarm that is seen again and again is said so often.
const AGAIN: Duration = Duration::from_secs(60);

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
    #[arg(long, value_name = "URL")]
    peer: Vec<String>,
    #[arg(long = "name", value_name = "NAME")]
    node_name: Option<String>,
    #[arg(long)]
    ml_dsa: bool,
    #[arg(long)]
    begin_anew: bool,
    #[arg(long = "listen", value_name = "HOST:PORT", default_value = "127.0.0.1:8090")]
    node_listen: SocketAddr,
    #[arg(long, value_name = "FILE")]
    desk_token_file: Option<PathBuf>,
    #[arg(long, value_name = "SECONDS", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=3600))]
    every: u64,
}

#[derive(Subcommand)]
enum Command {
    Key(Key),
    Status(Folder),
    Alarm {
        #[command(subcommand)]
        command: AlarmCommand,
    },
}

#[derive(Subcommand)]
enum AlarmCommand {
    List {
        #[command(flatten)]
        folder: Folder,
        #[arg(long = "all")]
        all_alarms: bool,
    },
    Ack {
        #[command(flatten)]
        folder: Folder,
        #[arg(long = "note", value_name = "TEXT")]
        ack_note: Option<String>,
        #[arg(value_name = "ALARM", required = true)]
        alarms: Vec<String>,
    },
}

#[derive(Args)]
pub(crate) struct Folder {
    #[arg(long = "data", value_name = "DIR")]
    node_data: PathBuf,
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(crate) struct Key {
    #[command(flatten)]
    folder: Folder,
    #[arg(long, value_name = "FILE", requires = "statement")]
    signer: Option<PathBuf>,
    #[arg(long, value_name = "FILE", requires = "signer")]
    signer_password_file: Option<PathBuf>,
    #[arg(long, value_name = "FILE", requires = "signer")]
    statement: Option<PathBuf>,
    #[arg(long, value_name = "DIR")]
    report_roots: Option<PathBuf>,
}

pub(crate) fn node(out: &Out, a: Node) -> u8 {
    let done = match a.command {
        Some(Command::Key(a)) => key(out, &a),
        Some(Command::Status(a)) => status(out, &a),
        Some(Command::Alarm { command: AlarmCommand::List { folder, all_alarms } }) => list(out, &folder, all_alarms),
        Some(Command::Alarm { command: AlarmCommand::Ack { folder, ack_note, alarms } }) => {
            acknowledge(out, &folder, &ack_note.unwrap_or_default(), &alarms)
        }
        None => run(out, a),
    };
    done.unwrap_or_else(|e| out.refuse(&Error::new(e.zh, e.en)))
}

fn run(out: &Out, a: Node) -> node::Result<u8> {
    let config = Config {
        data: a.node_data.unwrap_or_default(),
        state: service::state_dir().map_err(|e| node::Error::new(e.zh, e.en))?,
        ledgers: a.ledger,
        peers: a.peer,
        log_keys: a.log_key.iter().map(|word| log_key(word)).collect::<node::Result<_>>()?,
        name: a.node_name,
        ml_dsa: a.ml_dsa,
        begin_anew: a.begin_anew,
        listen: a.node_listen,
        every: Duration::from_secs(a.every),
        desk_token: a.desk_token_file.as_deref().map(desk_token).transpose()?,
        tls: service::web_tls().ok(),
    };
    let teller = out.in_language(out.locale);
    let said: Mutex<BTreeMap<(PathBuf, &'static str, String), Instant>> = Mutex::default();
    let events = move |event: Event| {
        if let Event::Alarm { kind, origin, folder, new, .. } = &event {
            let what = (folder.clone(), kind.as_str(), origin.clone());
            let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
            if !new && said.get(&what).is_some_and(|at| at.elapsed() < AGAIN) {
                return;
            }
            said.insert(what, Instant::now());
        }
        say(&teller, event);
    };
    let running = node::start(&config, Arc::new(events))?;
    if config.desk_token.is_none() {
        let word = if config.listen.ip().is_loopback() { "node-desk-open" } else { "node-desk-shut" };
        out.note(&out.text(word, &[]));
    }
    for key in running.node().keys().witness.verifier_keys() {
        out.note(&out.text("node-witness", &[("key", key.to_string().into())]));
    }
    let address = format!("http://{}/", running.address());
    running.until_told(|| out.line(&out.text("node-listening", &[("address", address.into())])))?;
    out.note(&out.text("node-stopping", &[]));
    Ok(0)
}

/// The one line of a file.
fn desk_token(path: &Path) -> node::Result<String> {
    let shown = show_path(path);
    let text = std::fs::read_to_string(path)
        .map_err(|e| node::Error::new(format!("{shown}：无法读取（{e}）"), format!("{shown}: cannot be read ({e})")))?;
    let token = text.trim_end_matches(['\r', '\n']);
    node::desk::check_token(token)
        .map_err(|e| node::Error::new(format!("{shown}：{}", e.zh), format!("{shown}: {}", e.en)))?;
    Ok(token.to_owned())
}

/// The one log of a policy file, or a vkey; a file's name may have a `+`, too.
fn log_key(word: &str) -> node::Result<VerifierKey> {
    let text = |locale| locale::text(locale, "node-no-key", &[("path", show_path(word.as_ref()).into())]);
    let refuse = || node::Error::new(text(locale::Locale::Zh), text(locale::Locale::En));
    let file = match std::fs::File::open(word) {
        Ok(file) => file,
        Err(_) if word.contains('+') => return Ok(VerifierKey::parse(word)?),
        Err(_) => return Err(refuse()),
    };
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
        Event::Alarm { kind, origin, zh, en, folder, kept, .. } => {
            let why = out.pick(&zh, &en).to_owned();
            let args = [("kind", kind.as_str().into()), ("origin", origin.into()), ("why", why.into())];
            out.complain(&out.text("node-alarm", &args));
            if kept {
                out.complain(&out.text("node-alarm-kept", &[("folder", show_path(&folder).into())]));
            }
        }
        Event::Warning(zh, en) => out.warn(&[(zh, en)]),
    }
}

fn key(out: &Out, a: &Key) -> node::Result<u8> {
    let keys = node::published(&a.folder.node_data)?;
    let theirs = |e: Error| node::Error::new(e.zh, e.en);
    if let Some((signer, statement)) = a.signer.as_ref().zip(a.statement.as_ref()) {
        let pem = service::signer_file(signer, a.signer_password_file.as_deref()).map_err(theirs)?;
        write_new(out, statement, &node::sign_statement(&keys, &pem, now())?)?;
    }
    let roots = match &a.report_roots {
        Some(dir) => report_roots(out, &a.folder.node_data, dir)?,
        None => Vec::new(),
    };
    let line = |key: String| json!({"key": key, "role": "court", "name": "", "independent": true, "from": null, "until": null});
    let role = |key: &VerifierKey| line(key.to_string());
    let words = |keys: &[VerifierKey]| keys.iter().map(ToString::to_string).collect::<Vec<_>>();
    let reports = keys.reports.iter().map(|digest| line(format!("sha256:{digest}")));
    let roles: Vec<Value> = keys.witness.iter().chain(&keys.mirror).map(role).chain(reports).collect();
    // A ledger asks the witness alone; the mirror's key speaks of a copy, and signs nothing that is sent to it.
    let policy: Vec<String> =
        keys.witness.iter().map(|key| format!("witness {}{} {key}", key.name(), suffix(key))).collect();
    let statement = a.statement.as_deref().map(show_path);
    if a.folder.json {
        let (witness, mirror) = (words(&keys.witness), words(&keys.mirror));
        out.json(&json!({
            "witness": witness, "mirror": mirror, "reports": keys.reports, "roles": roles, "policy": policy, "statement": statement, "report_roots": roots, "error": null,
        }));
        return Ok(0);
    }
    for (id, keys) in [("node-witness", &keys.witness), ("node-mirror", &keys.mirror)] {
        words(keys).into_iter().for_each(|key| out.line(&out.text(id, &[("key", key.into())])));
    }
    if let Some(reports) = &keys.reports {
        out.line(&out.text("node-key-reports", &[("digest", reports.as_str().into())]));
    }
    out.line(&out.text("node-key-policy", &[]));
    policy.iter().for_each(|line| out.line(line));
    out.line(&out.text("node-key-roles", &[]));
    roles.iter().for_each(|line| out.line(&line.to_string()));
    if let Some(path) = statement {
        out.line(&out.text("node-key-statement", &[("path", path.into())]));
    }
    roots.into_iter().for_each(|path| out.line(&out.text("node-key-root", &[("path", path.into())])));
    Ok(0)
}

/// What a reader of this node's reports puts into his trust folder; nothing that lies there is written over.
fn report_roots(out: &Out, data: &Path, dir: &Path) -> node::Result<Vec<String>> {
    let Some([signer, authority]) = node::report_roots(data)? else {
        return Err(node::Error::new(
            "本节点还没有签署核验报告的密钥；请先启动节点一次",
            "this node has no key that signs reports yet; start it once",
        ));
    };
    std::fs::create_dir_all(dir).map_err(|e| unwritten(out, dir, &e))?;
    let write = |(kind, pem): (&str, String)| {
        let path = dir.join(format!("{kind}-{}.pem", hex::encode(&digest::sha256(pem.as_bytes())[..8])));
        match std::fs::read(&path) {
            Ok(there) if there == pem.as_bytes() => {}
            _ => write_new(out, &path, pem.as_bytes())?,
        }
        Ok(show_path(&path))
    };
    [("signer", signer), ("tsa", authority)].into_iter().map(write).collect()
}

/// What lies there already, an older statement perhaps, is not written over.
fn write_new(out: &Out, path: &Path, bytes: &[u8]) -> node::Result<()> {
    let file = std::fs::File::create_new(path);
    file.and_then(|mut file| std::io::Write::write_all(&mut file, bytes)).map_err(|e| unwritten(out, path, &e))
}

fn unwritten(out: &Out, path: &Path, e: &std::io::Error) -> node::Error {
    let (path, why) = (show_path(path), out.reason(e));
    node::Error::new(format!("{path}：无法写入（{why}）"), format!("{path}: cannot be written ({why})"))
}

/// The two keys of one cosigner stand in a policy under two names.
fn suffix(key: &VerifierKey) -> &'static str {
    if key.key_type() == KeyType::MlDsa44 { ".ml-dsa-44" } else { "" }
}

fn status(out: &Out, a: &Folder) -> node::Result<u8> {
    let status = node::status(&a.node_data)?;
    for log in &status.logs {
        if a.json {
            let open = status.open().map(|alarm| &alarm.value);
            let alarms: Vec<&Value> = open.filter(|alarm| alarm["origin"] == log.origin).collect();
            out.json(&json!({
                "origin": log.origin, "url": log.url, "cosigned": log.cosigned, "mirrored": log.mirrored,
                "examined": log.examined, "alarms": alarms, "error": null,
            }));
            continue;
        }
        out.line(&format!("{}  {}", log.origin, log.url));
        for (id, size) in [
            ("node-status-cosigned", log.cosigned),
            ("node-status-mirrored", log.mirrored),
            ("node-status-examined", log.examined),
        ] {
            let size = size.map_or_else(|| "-".to_owned(), |n| n.to_string());
            out.line(&format!("  {}", out.text(id, &[("size", size.into())])));
        }
    }
    if !a.json {
        status.peers.iter().for_each(|peer| out.line(&out.text("node-status-peer", &[("url", peer.as_str().into())])));
        status.open().for_each(|alarm| line(out, alarm));
        let done = status.alarms.len() - status.open().count();
        if status.open().next().is_none() {
            out.line(&out.text("node-status-none", &[]));
        }
        if done > 0 {
            out.line(&out.text("node-status-done", &[("number", done.to_string().into())]));
        }
    }
    Ok(u8::from(status.open().next().is_some()))
}

/// An alarm in words, and where it is kept.
fn line(out: &Out, alarm: &Stored) {
    let why = show_path(out.pick(alarm.text("zh"), alarm.text("en")).as_ref());
    let word = |name: &str| show_path(alarm.text(name).as_ref());
    out.line(
        &out.text(
            "node-status-alarm",
            &[("kind", word("kind").into()), ("at", word("at").into()), ("why", why.into())],
        ),
    );
    out.line(&format!("  {}", show_path(&alarm.folder)));
    if let Some(done) = &alarm.acknowledged {
        let word = |name: &str| show_path(done[name].as_str().unwrap_or_default().as_ref());
        out.line(&format!(
            "  {}",
            out.text("node-alarm-done", &[("at", word("at").into()), ("note", word("note").into())])
        ));
    }
}

fn json_line(out: &Out, alarm: &Stored) {
    let (value, done) = (&alarm.value, alarm.acknowledged.as_ref());
    out.json(&json!({
        "id": alarm.id, "kind": value["kind"], "origin": value["origin"], "at": value["at"], "zh": value["zh"],
        "en": value["en"], "acknowledged": done.map(|d| &d["at"]), "note": done.map(|d| &d["note"]),
        "folder": show_path(&alarm.folder), "error": null,
    }));
}

/// Exit 1: some wait for somebody.
fn list(out: &Out, a: &Folder, all: bool) -> node::Result<u8> {
    let status = node::status(&a.node_data)?;
    let mut shown = status.alarms.iter().filter(|alarm| all || alarm.acknowledged.is_none()).peekable();
    if shown.peek().is_none() && !a.json {
        out.line(&out.text("node-status-none", &[]));
    }
    shown.for_each(|alarm| if a.json { json_line(out, alarm) } else { line(out, alarm) });
    Ok(u8::from(status.open().next().is_some()))
}

fn acknowledge(out: &Out, a: &Folder, note: &str, ids: &[String]) -> node::Result<u8> {
    // Nothing is noted where one of them is wrong.
    let known = node::status(&a.node_data)?;
    if let Some(wrong) = ids.iter().find(|id| !known.alarms.iter().any(|alarm| alarm.id == **id)) {
        node::alarms::acknowledge(&a.node_data, wrong, note, now())?;
    }
    for id in ids {
        node::alarms::acknowledge(&a.node_data, id, note, now())?;
    }
    let known = node::status(&a.node_data)?;
    let dealt = known.alarms.iter().filter(|alarm| ids.contains(&alarm.id));
    dealt.for_each(|alarm| if a.json { json_line(out, alarm) } else { line(out, alarm) });
    Ok(0)
}
