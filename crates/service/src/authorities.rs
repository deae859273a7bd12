//! Outside time authorities: `quezao.toml` says which, `trust/` holds their roots, `keys/tsa-NAME.*` what they ask for.
//!
//! Rules:
//! - Where there is one, it seals; the embedded authority then seals only where the operator allowed it as a
//!   fallback, and only while none of the others answers.
//! - An authority is independent because the operator writes so into his own trust folder; a reader decides anew.
//! - Secrets never stand in `quezao.toml`, which people copy.

mod look;
mod presets;

pub use look::{AuthorityCheck, AuthorityState, RevocationList};

use crate::{
    Error, Folder, Result, clock,
    config::{self, Config, Entry, Statements},
    error::read_file,
    issuers::{Issuers, Outside, Sealer, forget},
    seal::{replace, short},
    show_path,
    web::WEB_ROOTS,
};
use evidence::{hex, json::json, token::Root};
use presets::{PRESETS, presets, system_roots};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use timestamp::{Authority, Remote, RemoteAuthority};

/// Most authorities: one checkpoint carries at most so many tokens.
const MAX_AUTHORITIES: usize = 8;

/// An authority to be added. What is `None` has a default.
#[derive(Clone, Debug, Default)]
pub struct AddAuthority {
    /// `[a-z0-9-]`, up to 40; a preset's name alone is enough.
    pub name: String,
    /// `https` or `http`.
    pub url: Option<String>,
    /// PEM files, one certificate each: whom to believe about its tokens.
    pub roots: Vec<PathBuf>,
    /// HTTP Basic; the password is the file's first line.
    pub user: Option<(String, PathBuf)>,
    /// A PEM file: TLS client certificates, then the private key.
    pub client: Option<PathBuf>,
    /// Dotted.
    pub policy: Option<String>,
    /// Seconds between two requests at least: 15.
    pub pace: Option<u64>,
    /// Seconds for one request: 10.
    pub timeout: Option<u64>,
    /// It belongs to the operator, or to somebody close to him.
    pub own: bool,
}

impl Folder {
    /// Adds an authority; from the next opening on it seals. Nothing is asked: see [`Folder::check_authorities`].
    pub fn add_authority(&self, wanted: &AddAuthority) -> Result<()> {
        self.writer()?;
        add(&self.dir, wanted)
    }

    /// Forgets an authority. Its root stays in `trust/`, its revocation lists in `revocation/`: what it sealed has to
    /// verify for ever.
    pub fn remove_authority(&self, name: &str) -> Result<()> {
        self.writer()?;
        let mut config = config::read(&self.dir)?;
        let before = config.timestamp.authority.len();
        config.timestamp.authority.retain(|entry| entry.name != name);
        if config.timestamp.authority.len() == before {
            return Err(no_such(name, &config));
        }
        if config.timestamp.authority.is_empty() && config.timestamp.statements == Statements::External {
            return Err(nobody_outside());
        }
        config::write(&self.dir, &config)?;
        for secret in secrets(&self.dir, name) {
            let _ = fs::remove_file(secret);
        }
        forget(&self.store, name)
    }

    /// Whether the embedded authority may seal while no other answers.
    pub fn set_fallback(&self, allowed: bool) -> Result<()> {
        self.writer()?;
        let mut config = config::read(&self.dir)?;
        config.timestamp.fallback = allowed;
        config::write(&self.dir, &config)
    }
}

/// Adds an authority to a folder that nobody else writes.
pub(crate) fn add(dir: &Path, wanted: &AddAuthority) -> Result<()> {
    let name = &wanted.name;
    if !(1..=40).contains(&name.len())
        || !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    {
        let shown = show_path(Path::new(name));
        return Err(Error::new(
            format!("“{shown}”不能作时间机构的名称；请用 1 到 40 个小写字母、数字或连字符，或一个预设：{}", presets()),
            format!(
                "\"{shown}\" cannot name an authority; use 1 to 40 lower-case letters, digits or hyphens, or a preset: {}",
                presets()
            ),
        ));
    }
    let mut config = config::read(dir)?;
    if config.timestamp.authority.iter().any(|entry| entry.name == *name)
        || config.timestamp.authority.len() >= MAX_AUTHORITIES
    {
        return Err(Error::new(
            format!("已有名为 {name} 的时间机构，或已达上限 {MAX_AUTHORITIES} 个；请先用 quezao admin tsa remove 移除"),
            format!(
                "there is an authority {name} already, or there are {MAX_AUTHORITIES}; remove one with quezao admin tsa remove"
            ),
        ));
    }
    let preset = PRESETS.iter().find(|preset| preset.name == name);
    let url = wanted.url.clone().or(preset.map(|p| p.url.to_owned()));
    let Some(url) = url else {
        return Err(Error::new(
            format!("{name} 不是预设（{}）；请用 --url 给出地址，用 --root 给出其根证书", presets()),
            format!("{name} is no preset ({}); give its address with --url and its root with --root", presets()),
        ));
    };
    let mut roots = wanted.roots.iter().map(|path| root(path)).collect::<Result<Vec<_>>>()?;
    if let Some(preset) = preset.filter(|_| roots.is_empty()) {
        roots = system_roots(preset)?;
    }
    if roots.is_empty() {
        return Err(Error::new(
            format!("{name}：没有根证书就无法检查它的时间戳；请用 --root 给出从该机构取得、并核对过指纹的 PEM 文件"),
            format!(
                "{name}: without its root no token of it can be checked; give --root a PEM file got from the authority, its fingerprint compared"
            ),
        ));
    }
    let password = wanted.user.as_ref().map(|(_, file)| read_file(file)).transpose()?;
    let client = wanted.client.as_ref().map(|path| read_file(path)).transpose()?;
    let entry = Entry {
        name: name.clone(),
        url,
        roots: roots.iter().map(|root| short(&root.der)).collect(),
        policy: wanted.policy.clone(),
        user: wanted.user.as_ref().map(|(user, _)| user.clone()),
        pace: wanted.pace.unwrap_or(config::PACE),
        timeout: wanted.timeout.unwrap_or(config::TIMEOUT).clamp(1, 300),
    };
    // What cannot be used is refused before anything is written.
    let roles = name_roots(dir, name, &roots, !wanted.own)?;
    usable(remote(dir, &entry, roots.clone(), password.as_deref(), client.clone()))?;
    let [password_path, client_path] = secrets(dir, name);
    if let Some(password) = password {
        replace(&password_path, &password, 0o600)?;
    }
    if let Some(client) = client {
        replace(&client_path, &client, 0o600)?;
    }
    for root in &roots {
        replace(&dir.join(format!("trust/tsa-{}.pem", short(&root.der))), root.to_pem()?.as_bytes(), 0o644)?;
    }
    replace(&dir.join("trust/roles.json"), &roles, 0o644)?;
    config.timestamp.authority.push(entry);
    config::write(dir, &config)
}

/// Who seals the checkpoints of a folder, in the order in which their tokens stand; and who stamps all else.
pub(crate) fn stampers(
    dir: &Path,
    store: &store::Store,
    embedded: &Arc<Authority>,
) -> Result<(Vec<Arc<dyn ledger::Stamper>>, Issuers)> {
    let config = config::read(dir)?;
    let outside = config.timestamp.authority.iter().map(|entry| Outside::new(load(dir, entry)?, store.clone()));
    let outside = outside.map(|outside| outside.map(Arc::new)).collect::<Result<Vec<_>>>()?;
    let mut stampers: Vec<Arc<dyn ledger::Stamper>> = Vec::new();
    stampers.extend(outside.iter().map(|outside| Arc::new(Sealer(outside.clone())) as Arc<dyn ledger::Stamper>));
    let embedded = (outside.is_empty() || config.timestamp.fallback).then(|| embedded.clone());
    if let Some(authority) = &embedded {
        stampers.push(Arc::new(Embedded { authority: authority.clone(), last: !outside.is_empty() }));
    }
    let external = config.timestamp.statements == Statements::External;
    Ok((stampers, Issuers { outside, embedded, external }))
}

/// The embedded authority as the ledger's stamper.
struct Embedded {
    authority: Arc<Authority>,
    /// Only while no other answers.
    last: bool,
}

impl ledger::Stamper for Embedded {
    fn stamp(&self, checkpoint: &[u8]) -> std::result::Result<Vec<u8>, String> {
        self.authority.stamp(checkpoint).map_err(|e| e.to_string())
    }

    fn name(&self) -> &str {
        "embedded"
    }

    fn last_resort(&self) -> bool {
        self.last
    }
}

fn load(dir: &Path, entry: &Entry) -> Result<RemoteAuthority> {
    let roots =
        entry.roots.iter().map(|short| root(&dir.join(format!("trust/tsa-{short}.pem")))).collect::<Result<_>>()?;
    let [password, client] = secrets(dir, &entry.name);
    let password = entry.user.is_some().then(|| read_file(&password)).transpose()?;
    let client = client.is_file().then(|| read_file(&client)).transpose()?;
    usable(remote(dir, entry, roots, password.as_deref(), client))
}

fn remote(dir: &Path, entry: &Entry, roots: Vec<Root>, password: Option<&[u8]>, client: Option<Vec<u8>>) -> Remote {
    let first_line = |bytes: &[u8]| String::from_utf8_lossy(bytes).lines().next().unwrap_or_default().to_owned();
    Remote {
        name: entry.name.clone(),
        url: entry.url.clone(),
        credentials: entry.user.clone().zip(password.map(first_line)),
        client,
        web_roots: if entry.url.starts_with("https:") { fs::read(WEB_ROOTS).unwrap_or_default() } else { Vec::new() },
        policy: entry.policy.clone(),
        roots,
        pace: Duration::from_secs(entry.pace),
        timeout: Duration::from_secs(entry.timeout),
        lists: Some(lists_dir(dir)),
    }
}

fn usable(remote: Remote) -> Result<RemoteAuthority> {
    let name = remote.name.clone();
    RemoteAuthority::new(remote, Box::new(clock::now)).map_err(|e| {
        Error::new(
            format!("时间机构 {name} 的设置不可用（{e}）"),
            format!("the authority {name} cannot be used as set up ({e})"),
        )
    })
}

fn root(path: &Path) -> Result<Root> {
    let bytes = read_file(path)?;
    Root::from_pem(&bytes).map_err(|e| {
        let shown = show_path(path);
        Error::new(
            format!("{shown}：不是一张 PEM 证书（{}）", e.zh()),
            format!("{shown}: not one certificate in PEM ({e})"),
        )
    })
}

/// `trust/roles.json` with a line for each root. A root has one line, which speaks for every authority under it.
fn name_roots(dir: &Path, name: &str, roots: &[Root], independent: bool) -> Result<Vec<u8>> {
    let path = dir.join("trust/roles.json");
    let mut roles = evidence::json::parse("roles.json", &read_file(&path)?, 1 << 20)?;
    if let Some(lines) = roles.as_array_mut() {
        for root in roots {
            let key = format!("sha256:{}", hex::encode(&root.fingerprint()));
            if let Some(line) = lines.iter().find(|line| line["key"] == key.as_str()) {
                if line["independent"] != independent {
                    let (shown, says) = (show_path(&path), &line["independent"]);
                    return Err(Error::new(
                        format!(
                            "{shown} 中这张根证书的 independent 已是 {says}，与这次不同；请先改那一行，同一根证书下的机构只能一样"
                        ),
                        format!(
                            "{shown} says independent: {says} of this root already, and you say otherwise; change that line first, one root cannot be both"
                        ),
                    ));
                }
            } else {
                let name = format!("{name} ({})", root.name());
                lines.push(json!({"key": key, "role": "time-authority", "name": name, "independent": independent, "from": null, "until": null}));
            }
        }
    }
    Ok(evidence::json::to_bytes("roles.json", &roles)?)
}

fn trust(dir: &Path) -> Result<verify::Trust> {
    let file = |name: &str| Ok::<_, Error>((name.to_owned(), read_file(&dir.join("trust").join(name))?));
    verify::Trust::from_files([file("roles.json")?]).map_err(|e| {
        Error::new(format!("trust/{}：{}", e.file, e.reason.zh()), format!("trust/{}: {}", e.file, e.reason))
    })
}

/// Revocation lists of the authorities' certificates.
pub(crate) fn lists_dir(dir: &Path) -> PathBuf {
    dir.join("revocation")
}

/// Password, client certificate.
fn secrets(dir: &Path, name: &str) -> [PathBuf; 2] {
    [dir.join(format!("keys/tsa-{name}.password")), dir.join(format!("keys/tsa-{name}.pem"))]
}

pub(crate) fn nobody_outside() -> Error {
    Error::new(
        "声明由外部机构盖时间戳，至少要有一个外部机构；请先用 quezao admin tsa add 增加，或用 quezao admin tsa statements embedded 改回内置机构",
        "statements from outside need an outside authority; add one first with quezao admin tsa add, or switch back with quezao admin tsa statements embedded",
    )
}

fn no_such(name: &str, config: &Config) -> Error {
    let names: Vec<_> = config.timestamp.authority.iter().map(|entry| entry.name.as_str()).collect();
    let (shown, names) = (show_path(Path::new(name)), names.join(", "));
    Error::new(
        format!("没有名为 {shown} 的时间机构；已有：{names}"),
        format!("there is no authority {shown}; there are: {names}"),
    )
}
