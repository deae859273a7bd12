//! `quezao.toml`: what the operator set up. Absent where nothing was; no secret stands in it, since people copy it.

use crate::{Error, Result, error::read_file, seal::replace, show_path};
use serde::{Deserialize, Serialize};
use std::{fs, path::Path};

const CONFIG: &str = "quezao.toml";
const MAX_CONFIG: u64 = 64 << 10;
/// Least seconds between two requests to an authority.
pub(crate) const PACE: u64 = 15;
/// Seconds for one request to an authority.
pub(crate) const TIMEOUT: u64 = 10;

/// The whole file.
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

pub(crate) fn read(dir: &Path) -> Result<Config> {
    let path = dir.join(CONFIG);
    let damaged = |why: String| {
        let shown = show_path(&path);
        Error::new(
            format!("{shown}：设置无法读取（{why}）；请改正"),
            format!("{shown} cannot be read ({why}); correct it"),
        )
    };
    match fs::metadata(&path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Config::default()),
        Err(e) => return Err(Error::io(&path, &e)),
        Ok(file) if file.len() > MAX_CONFIG => return Err(damaged(format!("{} > {MAX_CONFIG}", file.len()))),
        Ok(_) => {}
    }
    let text = String::from_utf8(read_file(&path)?).map_err(|e| damaged(e.to_string()))?;
    let config: Config = toml::from_str(&text).map_err(|e| damaged(e.message().to_owned()))?;
    config.clock.check()?;
    Ok(config)
}

pub(crate) fn write(dir: &Path, config: &Config) -> Result<()> {
    let text = toml::to_string_pretty(config)
        .map_err(|e| Error::new(format!("设置无法写出（{e}）"), format!("the settings cannot be written ({e})")))?;
    replace(&dir.join(CONFIG), text.as_bytes(), 0o644)
}
