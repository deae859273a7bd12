//! Settings of the server. One table says which there are; whoever reads a setting reads it here.
//!
//! Rules:
//! - A flag goes before the environment, that before the file of `--config`, that before the folder's `quezao.toml`,
//!   that before the default. An empty variable counts as none.
//! - Where a value came from is kept, so that a refusal can name it and `admin config check` can print it.
//! - What nobody knows is refused, never passed over: a misspelt setting would be one that is not set.
//! - No secret stands here, since people copy settings: what is secret lies in a file, and a `*_file` names it.

mod form;

use form::Form;
pub use form::Network;

use crate::{
    Error, Result, Warnings,
    config::{self, CONFIG},
    error::show_path,
};
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
};

/// A line of the table.
#[derive(Debug)]
pub struct Setting {
    /// Where it stands in a file, `serve.listen`.
    pub key: &'static str,
    /// The variable that sets it. What may be many is apart by commas there.
    pub variable: &'static str,
    /// Words that stand where nobody sets it; empty: nothing.
    pub default: &'static str,
    many: bool,
    form: Form,
}

const fn one(key: &'static str, variable: &'static str, default: &'static str, form: Form) -> Setting {
    Setting { key, variable, default, many: false, form }
}

const fn many(key: &'static str, variable: &'static str, form: Form) -> Setting {
    Setting { key, variable, default: "", many: true, form }
}

/// Every setting, in the order in which it is shown. `[timestamp]` and `[clock]` have commands of their own.
pub const SETTINGS: &[Setting] = &[
    one("serve.listen", "QUEZAO_LISTEN", "127.0.0.1:8080", Form::Address),
    one("serve.public_url", "QUEZAO_PUBLIC_URL", "", Form::Url),
    many("serve.trusted_proxies", "QUEZAO_TRUSTED_PROXIES", Form::Network),
    one("serve.api_calls", "QUEZAO_API_CALLS", "1200", Form::Count),
    one("serve.metrics", "QUEZAO_METRICS", "", Form::Address),
    one("serve.log", "QUEZAO_LOG", "text", Form::Log),
    one("portal.sign_up", "QUEZAO_SIGN_UP", "closed", Form::SignUps),
    one("tls.certificate", "QUEZAO_TLS_CERTIFICATE", "", Form::File),
    one("tls.key_file", "QUEZAO_TLS_KEY_FILE", "", Form::File),
    one("mail.server", "QUEZAO_MAIL_SERVER", "", Form::Text),
    one("mail.from", "QUEZAO_MAIL_FROM", "", Form::Text),
    one("mail.user", "QUEZAO_MAIL_USER", "", Form::Text),
    one("mail.password_file", "QUEZAO_MAIL_PASSWORD_FILE", "", Form::File),
    one("openid.issuer", "QUEZAO_OPENID_ISSUER", "", Form::Text),
    one("openid.client", "QUEZAO_OPENID_CLIENT", "", Form::Text),
    one("openid.secret_file", "QUEZAO_OPENID_SECRET_FILE", "", Form::File),
    one("identity.provider", "QUEZAO_IDENTITY_PROVIDER", "", Form::Text),
    one("identity.name", "QUEZAO_IDENTITY_NAME", "", Form::Text),
    one("identity.key_file", "QUEZAO_IDENTITY_KEY_FILE", "", Form::File),
    many("capture.resolvers", "QUEZAO_RESOLVERS", Form::Resolver),
    many("capture.time_servers", "QUEZAO_TIME_SERVERS", Form::Host),
    one("capture.public_address", "QUEZAO_PUBLIC_ADDRESS", "", Form::Text),
    one("capture.region", "QUEZAO_REGION", "", Form::Text),
    one("capture.network", "QUEZAO_NETWORK", "", Form::Text),
];

/// Variables that are read elsewhere.
const OTHER_VARIABLES: [&str; 8] = [
    "QUEZAO_DATA",
    "QUEZAO_CONFIG",
    "QUEZAO_SERVER",
    "QUEZAO_STATE_DIR",
    "QUEZAO_MASTER_KEY_FILE",
    "QUEZAO_TOKEN",
    "QUEZAO_TOKEN_FILE",
    "QUEZAO_PASSPHRASE_FILE",
];
/// Most words of one setting.
const MAX_WORDS: usize = 64;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The command line.
    Flag,
    /// The environment.
    Environment,
    /// This file.
    File(PathBuf),
    /// Nobody set it.
    Default,
}

/// What flags said: a setting's key and its words; none: not given.
pub type Flags = Vec<(&'static str, Vec<String>)>;

/// Every setting and where it came from.
#[derive(Clone, Debug, Default)]
pub struct Settings(BTreeMap<&'static str, (Vec<String>, Source)>);

/// A setting as it is shown.
#[derive(Clone, Debug)]
pub struct SettingLine {
    /// `serve.listen`.
    pub key: String,
    /// Its words.
    pub words: Vec<String>,
    /// Where they came from.
    pub from: Source,
}

impl Settings {
    /// Reads them all. What is wrong is collected, each with the value and the way out; a setting that is wrong has its
    /// default.
    ///
    /// `data` is the data folder, `config` the file of `--config`; `variable` reads the environment.
    pub fn read(
        data: Option<&Path>,
        config: Option<&Path>,
        flags: &Flags,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> (Self, Vec<Error>) {
        let mut wrong = Vec::new();
        let mut files = Vec::new();
        if let Some(path) = config {
            match config::table(path) {
                Ok(Some(table)) => {
                    if let Some(section) = config::FOLDERS_OWN.iter().find(|s| table.contains_key(**s)) {
                        wrong.push(of_the_folder(path, section));
                    }
                    files.push((path.to_owned(), table));
                }
                Ok(None) => wrong.push(Error::io(path, &std::io::ErrorKind::NotFound.into())),
                Err(e) => wrong.push(e),
            }
        }
        if let Some(path) = data.map(|dir| dir.join(CONFIG)) {
            match config::table(&path) {
                Ok(Some(table)) => files.push((path, table)),
                Ok(None) => {}
                Err(e) => wrong.push(e),
            }
        }
        for (path, table) in &files {
            wrong.extend(unknown(path, table));
        }
        let mut all = BTreeMap::new();
        for setting in SETTINGS {
            let read = setting.find(&files, flags, variable).and_then(|(words, from)| {
                setting.check(&words, &from)?;
                Ok((words, from))
            });
            let value = read.unwrap_or_else(|e| {
                wrong.push(e);
                (setting.defaults(), Source::Default)
            });
            all.insert(setting.key, value);
        }
        let settings = Self(all);
        if settings.one("tls.certificate").is_some() != settings.one("tls.key_file").is_some() {
            wrong.push(Error::new(
                "tls.certificate 与 tls.key_file 须同时给出；要么两个都写，要么都不写",
                "tls.certificate and tls.key_file belong together; set both or neither",
            ));
        }
        (settings, wrong)
    }

    /// The words of a setting that may be many.
    pub fn many(&self, key: &str) -> &[String] {
        self.0.get(key).map_or(&[], |(words, _)| words)
    }

    /// The word of a setting; `None` where it has none.
    pub fn one(&self, key: &str) -> Option<&str> {
        self.many(key).first().map(String::as_str)
    }

    /// An address to listen on.
    pub fn address(&self, key: &str) -> Option<SocketAddr> {
        self.one(key)?.parse().ok()
    }

    /// A file. One that a file of settings names beside itself is looked for beside that file.
    pub fn file(&self, key: &str) -> Option<PathBuf> {
        let (words, from) = self.0.get(key)?;
        let path = PathBuf::from(words.first()?);
        match from {
            Source::File(config) => Some(config.parent().map_or(path.clone(), |dir| dir.join(&path))),
            _ => Some(path),
        }
    }

    /// Proxies whose word is believed.
    pub fn networks(&self, key: &str) -> Vec<Network> {
        self.many(key).iter().filter_map(|w| w.parse().ok()).collect()
    }

    /// What captures are told of the machine's place and time.
    pub fn machine(&self) -> ::capture::Machine {
        let owned = |key: &str| self.one(key).map(str::to_owned);
        ::capture::Machine {
            resolvers: self.many("capture.resolvers").iter().filter_map(|w| form::resolver(w)).collect(),
            time_servers: self.many("capture.time_servers").to_vec(),
            stated: ::capture::Stated {
                public_address: owned("capture.public_address"),
                region: owned("capture.region"),
                network: owned("capture.network"),
            },
            ..Default::default()
        }
    }

    /// Every setting for people, those of the folder's own commands included, where there is a folder.
    pub fn lines(&self, data: Option<&Path>) -> Result<Vec<SettingLine>> {
        let line = |(key, words, from)| SettingLine { key, words, from };
        let own = SETTINGS.iter().filter_map(|s| {
            let (words, from) = self.0.get(s.key)?;
            Some((s.key.to_owned(), words.clone(), from.clone()))
        });
        let mut lines: Vec<SettingLine> = own.map(line).collect();
        if let Some(dir) = data {
            let set = config::table(&dir.join(CONFIG))?.unwrap_or_default();
            lines.extend(config::read(dir)?.lines().into_iter().map(|(section, name, words)| {
                let named = set.get(section).and_then(|s| s.get(name)).is_some();
                let from = if named { Source::File(dir.join(CONFIG)) } else { Source::Default };
                line((format!("{section}.{name}"), words, from))
            }));
        }
        Ok(lines)
    }
}

impl Setting {
    /// The flag that sets it, `--listen`; of the sections only `tls` shows in it.
    fn flag(&self) -> String {
        let (section, name) = self.key.split_once('.').unwrap_or(("", self.key));
        let section = if section == "tls" { "tls-" } else { "" };
        // What may be many is given one at a time.
        let name = if self.many { name.trim_end_matches('s').replace("proxie", "proxy") } else { name.to_owned() };
        format!("--{section}{}", name.replace('_', "-"))
    }

    fn defaults(&self) -> Vec<String> {
        Some(self.default.to_owned()).filter(|d| !d.is_empty()).into_iter().collect()
    }

    fn find(
        &self,
        files: &[(PathBuf, toml::Table)],
        flags: &Flags,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<(Vec<String>, Source)> {
        if let Some((_, words)) = flags.iter().find(|(key, words)| *key == self.key && !words.is_empty()) {
            return Ok((words.clone(), Source::Flag));
        }
        if let Some(text) = variable(self.variable).filter(|t| !t.is_empty()) {
            let words = if self.many {
                text.split(',').map(|w| w.trim().to_owned()).filter(|w| !w.is_empty()).collect()
            } else {
                vec![text]
            };
            return Ok((words, Source::Environment));
        }
        let (section, name) = self.key.split_once('.').unwrap_or(("", self.key));
        for (path, table) in files {
            let Some(value) = table.get(section).and_then(|s| s.get(name)) else { continue };
            let from = Source::File(path.clone());
            let words = match value {
                toml::Value::String(word) => vec![word.clone()],
                toml::Value::Array(list) if self.many => {
                    let words = list.iter().map(|w| w.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>();
                    words.ok_or_else(|| self.refuse(&value.to_string(), &from))?
                }
                _ => return Err(self.refuse(&value.to_string(), &from)),
            };
            return Ok((words, from));
        }
        Ok((self.defaults(), Source::Default))
    }

    fn check(&self, words: &[String], from: &Source) -> Result<()> {
        if words.len() > MAX_WORDS {
            return Err(self.refuse(&words.len().to_string(), from));
        }
        match words.iter().find(|w| !self.form.fits(w)) {
            Some(word) => Err(self.refuse(word, from)),
            None => Ok(()),
        }
    }

    fn refuse(&self, word: &str, from: &Source) -> Error {
        let (word, key) = (show_path(Path::new(word)), self.key);
        let at = match from {
            Source::Flag => self.flag(),
            Source::Environment => self.variable.to_owned(),
            Source::File(path) => show_path(path),
            Source::Default => String::new(),
        };
        let (zh, en) = self.form.words();
        Error::new(
            format!("{key} 不能是“{word}”（{at}）；应为{zh}"),
            format!("{key} cannot be \"{word}\" ({at}); it must be {en}"),
        )
    }
}

/// Variables of ours that nothing reads: misspelt, or of another release.
pub fn unknown_variables(names: impl Iterator<Item = String>) -> Warnings {
    let known = |name: &str| OTHER_VARIABLES.contains(&name) || SETTINGS.iter().any(|s| s.variable == name);
    let odd = names.filter(|n| n.starts_with("QUEZAO_") && !known(n));
    odd.map(|name| {
        let name = show_path(Path::new(&name));
        (
            format!("环境变量 {name} 没有人读取；请检查拼写"),
            format!("nothing reads the variable {name}; check its spelling"),
        )
    })
    .collect()
}

/// Sections and names that no table here knows.
fn unknown(path: &Path, table: &toml::Table) -> Vec<Error> {
    let shown = show_path(path);
    let refuse = |what: String, known: String| {
        let what = show_path(Path::new(&what));
        Error::new(
            format!("{shown}：没有“{what}”这个设置；可用的有 {known}"),
            format!("{shown}: there is no setting \"{what}\"; there are {known}"),
        )
    };
    let mut wrong = Vec::new();
    for (section, value) in table {
        if config::FOLDERS_OWN.contains(&section.as_str()) {
            continue;
        }
        let names = SETTINGS.iter().filter_map(|s| s.key.strip_prefix(section.as_str())?.strip_prefix('.'));
        let known: Vec<&str> = names.collect();
        match value.as_table() {
            Some(inner) if !known.is_empty() => {
                let odd = inner.keys().filter(|name| !known.contains(&name.as_str()));
                wrong.extend(odd.map(|name| refuse(format!("{section}.{name}"), known.join(", "))));
            }
            _ => {
                let mut sections: Vec<&str> = SETTINGS.iter().filter_map(|s| Some(s.key.split_once('.')?.0)).collect();
                sections.dedup();
                let sections = sections.into_iter().chain(config::FOLDERS_OWN).map(|s| format!("[{s}]"));
                wrong.push(refuse(section.clone(), sections.collect::<Vec<_>>().join(", ")));
            }
        }
    }
    wrong
}

fn of_the_folder(path: &Path, section: &str) -> Error {
    let shown = show_path(path);
    Error::new(
        format!("{shown}：[{section}] 属于数据文件夹的 {CONFIG}；请用 quezao admin tsa 或 quezao admin clock 设置"),
        format!(
            "{shown}: [{section}] belongs to the data folder's {CONFIG}; set it with quezao admin tsa or quezao admin clock"
        ),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn nothing(_: &str) -> Option<String> {
        None
    }

    #[test]
    fn each_place_goes_before_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let (own, other) = (dir.path().join(CONFIG), dir.path().join("other.toml"));
        std::fs::write(&own, "[serve]\nlisten = \"127.0.0.1:1\"\npublic_url = \"https://own.example\"\n").unwrap();
        std::fs::write(&other, "[serve]\nlisten = \"127.0.0.1:2\"\n").unwrap();
        let set = |name: &str| (name == "QUEZAO_LISTEN").then(|| "127.0.0.1:3".to_owned());
        let flags: Flags = vec![("serve.listen", vec!["127.0.0.1:4".into()])];
        let listen = |config: Option<&Path>, flags: &Flags, variable: &dyn Fn(&str) -> Option<String>| {
            let (settings, wrong) = Settings::read(Some(dir.path()), config, flags, variable);
            assert!(wrong.is_empty(), "{wrong:?}");
            assert_eq!(settings.one("serve.public_url"), Some("https://own.example"));
            settings.0["serve.listen"].clone()
        };
        let is = |port: u16, from: Source| (vec![format!("127.0.0.1:{port}")], from);
        assert_eq!(listen(None, &Vec::new(), &nothing), is(1, Source::File(own)));
        assert_eq!(listen(Some(&other), &Vec::new(), &nothing), is(2, Source::File(other.clone())));
        assert_eq!(listen(Some(&other), &Vec::new(), &set), is(3, Source::Environment));
        assert_eq!(listen(Some(&other), &flags, &set), is(4, Source::Flag));
        let (settings, _) = Settings::read(None, None, &Vec::new(), &nothing);
        assert_eq!(settings.0["serve.listen"], is(8080, Source::Default));
    }

    #[test]
    fn what_is_misspelt_or_unusable_is_named_with_the_way_out() {
        let dir = tempfile::tempdir().unwrap();
        let wrong = |text: &str| {
            std::fs::write(dir.path().join(CONFIG), text).unwrap();
            let wrong = Settings::read(Some(dir.path()), None, &Vec::new(), &nothing).1;
            wrong.into_iter().map(|e| e.en).collect::<Vec<_>>().join("\n")
        };
        for (text, said) in [
            ("[serve]\nlisten = \"nowhere\"", "serve.listen cannot be \"nowhere\""),
            ("[serve]\nlisten = 8080", "serve.listen cannot be \"8080\""),
            ("[serve]\nlisen = \"127.0.0.1:1\"", "no setting \"serve.lisen\"; there are listen, public_url"),
            ("[server]\nlisten = \"127.0.0.1:1\"", "no setting \"server\"; there are [serve], [portal]"),
            ("serve = 7", "no setting \"serve\""),
            ("[serve]\ntrusted_proxies = [\"10.0.0.0/33\"]", "serve.trusted_proxies cannot be \"10.0.0.0/33\""),
            ("[serve]\npublic_url = \"https://a.example/path\"", "serve.public_url"),
            ("[serve]\nlog = \"xml\"", "text or json"),
            ("[portal]\nsign_up = \"yes\"", "open, invitation or closed"),
            ("[tls]\ncertificate = \"c.pem\"", "set both or neither"),
            ("[tls]\nkey = \"MC4CAQ\"", "no setting \"tls.key\""),
            ("[serve", "cannot be read"),
        ] {
            assert!(wrong(text).contains(said), "{text}: {}", wrong(text));
        }
        assert_eq!(wrong("[clock]\nservers = [\"time.example\"]\n[serve]\ntrusted_proxies = [\"::1\"]"), "");
        let odd = unknown_variables(["QUEZAO_LISTEM", "QUEZAO_LISTEN", "HOME"].map(str::to_owned).into_iter());
        assert!(odd.len() == 1 && odd[0].1.contains("QUEZAO_LISTEM"), "{odd:?}");
    }

    #[test]
    fn a_key_is_looked_for_beside_the_file_that_names_it() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(CONFIG), "[tls]\ncertificate = \"c.pem\"\nkey_file = \"/etc/k.pem\"").unwrap();
        let (settings, _) = Settings::read(Some(dir.path()), None, &Vec::new(), &nothing);
        assert_eq!(settings.file("tls.certificate"), Some(dir.path().join("c.pem")));
        assert_eq!(settings.file("tls.key_file"), Some("/etc/k.pem".into()));
    }
}
