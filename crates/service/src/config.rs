//! `quezao.toml`: what the operator set up. Absent where nothing was; no secret stands in it, since people copy it.
//!
//! `[timestamp]` and `[clock]` are the folder's own: commands write them. Every other section is the server's (`settings`),
//! written by hand, and a command leaves it as it is.

use crate::{Error, Result, error::read_file, seal::replace, show_path};
use serde::{Deserialize, Serialize};
use std::{fs, path::Path};

pub(crate) const CONFIG: &str = "quezao.toml";
const MAX_CONFIG: u64 = 64 << 10;
/// Sections that commands write.
pub(crate) const FOLDERS_OWN: [&str; 2] = ["timestamp", "clock"];
/// Least seconds between two requests to an authority.
pub(crate) const PACE: u64 = 15;
/// Seconds for one request to an authority.
pub(crate) const TIMEOUT: u64 = 10;

/// The folder's own sections.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    pub(crate) timestamp: Timestamp,
    #[serde(skip_serializing_if = "Clock::is_off")]
    pub(crate) clock: Clock,
}

/// `[timestamp]`.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Timestamp {
    /// The embedded authority seals while no other answers.
    pub(crate) fallback: bool,
    /// Who stamps statements.
    #[serde(skip_serializing_if = "Statements::is_embedded")]
    pub(crate) statements: Statements,
    pub(crate) authority: Vec<Entry>,
}

/// `[timestamp] statements`.
#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Statements {
    /// The embedded authority, at once.
    #[default]
    Embedded,
    /// An outside one, when it answers.
    External,
}

impl Statements {
    fn is_embedded(&self) -> bool {
        *self == Self::Embedded
    }
}

/// `[[timestamp.authority]]`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) url: String,
    /// First 16 digits of their SHA-256: `trust/tsa-HEX.pem`.
    pub(crate) roots: Vec<String>,
    pub(crate) policy: Option<String>,
    pub(crate) user: Option<String>,
    #[serde(default = "pace")]
    pub(crate) pace: u64,
    #[serde(default = "timeout")]
    pub(crate) timeout: u64,
}

/// `[clock]`: time servers (SNTP) that the platform's clock is compared with. Off where none is named.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Clock {
    /// `HOST` or `HOST:PORT`, at most [`Clock::SERVERS`].
    pub(crate) servers: Vec<String>,
    /// Nothing is registered while the clock is further off, milliseconds.
    pub(crate) limit_ms: u64,
    /// How long a comparison serves, minutes.
    pub(crate) every_minutes: u64,
}

impl Default for Clock {
    fn default() -> Self {
        Self { servers: Vec::new(), limit_ms: 1000, every_minutes: 60 }
    }
}

impl Clock {
    pub(crate) const SERVERS: usize = 8;

    pub(crate) fn is_off(&self) -> bool {
        self.servers.is_empty()
    }

    /// Refuses what could not work, or what no statement could name.
    pub(crate) fn check(&self) -> Result<()> {
        let bad = |what: String| {
            Error::new(
                format!(
                    "[clock] 不可用（{what}）；servers 为 1 到 8 个 主机 或 主机:端口，limit_ms 与 every_minutes 至少为 1"
                ),
                format!(
                    "[clock] cannot be used ({what}); servers takes 1 to 8 of HOST or HOST:PORT, limit_ms and every_minutes are at least 1"
                ),
            )
        };
        if self.servers.len() > Self::SERVERS {
            return Err(bad(format!("servers = {}", self.servers.len())));
        }
        for server in &self.servers {
            let plain = |b: u8| b.is_ascii_alphanumeric() || b".-:[]".contains(&b);
            if server.is_empty() || server.len() > 255 || !server.bytes().all(plain) {
                return Err(bad(format!("\"{}\"", show_path(Path::new(server)))));
            }
        }
        match (self.limit_ms, self.every_minutes) {
            (0, _) => Err(bad("limit_ms = 0".into())),
            (_, 0) => Err(bad("every_minutes = 0".into())),
            _ => Ok(()),
        }
    }
}

fn pace() -> u64 {
    PACE
}

fn timeout() -> u64 {
    TIMEOUT
}

impl Config {
    /// Section, name and words of each value, for people.
    pub(crate) fn lines(&self) -> Vec<(&'static str, &'static str, Vec<String>)> {
        let Self { timestamp, clock } = self;
        let statements = if timestamp.statements.is_embedded() { "embedded" } else { "external" };
        vec![
            ("timestamp", "authority", timestamp.authority.iter().map(|a| a.name.clone()).collect()),
            ("timestamp", "statements", vec![statements.to_owned()]),
            ("timestamp", "fallback", vec![timestamp.fallback.to_string()]),
            ("clock", "servers", clock.servers.clone()),
            ("clock", "limit_ms", vec![clock.limit_ms.to_string()]),
            ("clock", "every_minutes", vec![clock.every_minutes.to_string()]),
        ]
    }
}

/// A file of settings as it stands; `None` where there is none.
pub(crate) fn table(path: &Path) -> Result<Option<toml::Table>> {
    match fs::metadata(path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(Error::io(path, &e)),
        Ok(file) if file.len() > MAX_CONFIG => return Err(damaged(path, &format!("{} > {MAX_CONFIG}", file.len()))),
        Ok(_) => {}
    }
    let text = String::from_utf8(read_file(path)?).map_err(|e| damaged(path, &e.to_string()))?;
    toml::from_str(&text).map(Some).map_err(|e| damaged(path, e.message()))
}

fn damaged(path: &Path, why: &str) -> Error {
    let shown = show_path(path);
    Error::new(format!("{shown}：设置无法读取（{why}）；请改正"), format!("{shown} cannot be read ({why}); correct it"))
}

pub(crate) fn read(dir: &Path) -> Result<Config> {
    let path = dir.join(CONFIG);
    let mut table = table(&path)?.unwrap_or_default();
    table.retain(|section, _| FOLDERS_OWN.contains(&section));
    let config: Config = table.try_into().map_err(|e: toml::de::Error| damaged(&path, e.message()))?;
    config.clock.check()?;
    Ok(config)
}

/// Writes the folder's own sections anew, behind what else stands in the file.
pub(crate) fn write(dir: &Path, config: &Config) -> Result<()> {
    let path = dir.join(CONFIG);
    let ours = toml::to_string_pretty(config)
        .map_err(|e| Error::new(format!("设置无法写出（{e}）"), format!("the settings cannot be written ({e})")))?;
    let mut text = String::new();
    if table(&path)?.is_some() {
        let before = String::from_utf8_lossy(&read_file(&path)?).into_owned();
        let mut document: toml_edit::DocumentMut =
            before.parse().map_err(|e: toml_edit::TomlError| damaged(&path, e.message()))?;
        FOLDERS_OWN.iter().for_each(|section| drop(document.remove(section)));
        text = document.to_string();
    }
    if !text.trim().is_empty() {
        text = format!("{}\n\n", text.trim());
    } else {
        text.clear();
    }
    replace(&path, (text + &ours).as_bytes(), 0o644)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_command_leaves_the_servers_sections_and_their_comments() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(CONFIG);
        let by_hand = "# ours\n[serve]\nlisten = \"127.0.0.1:1\" # loopback\n";
        fs::write(&path, format!("[clock]\nlimit_ms = 7\nservers = [\"a.example\"]\n\n{by_hand}")).unwrap();
        let mut config = read(dir.path()).unwrap();
        assert_eq!(config.clock.limit_ms, 7);
        config.timestamp.fallback = true;
        for _ in 0..2 {
            write(dir.path(), &config).unwrap();
            let text = fs::read_to_string(&path).unwrap();
            assert!(text.starts_with(by_hand), "{text}");
            assert_eq!((text.matches("[clock]").count(), text.matches("fallback = true").count()), (1, 1), "{text}");
        }
        let again = read(dir.path()).unwrap();
        assert!(again.timestamp.fallback && again.clock.servers == ["a.example"]);
    }
}
