//! `serve`: the portal over one data folder, in this process, until it is told to stop; `admin config check`: what it would
//! be told.

use crate::out::Out;
use clap::Args;
use evidence::json::json;
use portal::{Config, Event, Log};
use service::{CaptureRequest, Flags, Settings, Source, show_path};
use std::path::PathBuf;

/// Everything that `quezao.toml` and the environment can say too. Defaults stand in `service::SETTINGS`.
#[derive(Args)]
pub(crate) struct Server {
    #[arg(long, env = "QUEZAO_DATA", value_name = "DIR")]
    pub data: PathBuf,
    #[arg(long, env = "QUEZAO_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<String>,
    #[arg(long, value_name = "URL")]
    pub public_url: Option<String>,
    #[arg(long, value_name = "NETWORK", value_delimiter = ',')]
    pub trusted_proxy: Vec<String>,
    #[arg(long, value_name = "WHO")]
    pub sign_up: Option<String>,
    #[arg(long, value_name = "FILE")]
    pub tls_certificate: Option<String>,
    #[arg(long, value_name = "FILE")]
    pub tls_key_file: Option<String>,
    #[arg(long, value_name = "N")]
    pub api_calls: Option<String>,
    #[arg(long, value_name = "ADDRESS")]
    pub metrics: Option<String>,
    #[arg(long, value_name = "FORM")]
    pub log: Option<String>,
}

#[derive(Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub server: Server,
    #[arg(long, value_name = "HOST:PORT")]
    pub allow_loopback: Vec<capture::guard::Loopback>,
}

#[derive(Args)]
pub(crate) struct ConfigCheck {
    #[command(flatten)]
    pub server: Server,
    #[arg(long)]
    pub json: bool,
}

#[derive(Args)]
pub(crate) struct Reset {
    #[arg(value_name = "NAME")]
    pub login: String,
    #[command(flatten)]
    pub data: crate::args::Data,
    #[arg(long, env = "QUEZAO_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
}

impl Server {
    fn flags(&self) -> Flags {
        let one = |key, word: &Option<String>| (key, word.iter().cloned().collect());
        vec![
            one("serve.listen", &self.listen),
            one("serve.public_url", &self.public_url),
            ("serve.trusted_proxies", self.trusted_proxy.clone()),
            one("portal.sign_up", &self.sign_up),
            one("tls.certificate", &self.tls_certificate),
            one("tls.key_file", &self.tls_key_file),
            one("serve.api_calls", &self.api_calls),
            one("serve.metrics", &self.metrics),
            one("serve.log", &self.log),
        ]
    }

    fn settings(&self) -> (Settings, Vec<service::Error>) {
        Settings::read(Some(&self.data), self.config.as_deref(), &self.flags(), &variable)
    }
}

/// The environment, for settings.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

pub(crate) fn serve(out: &Out, a: &Serve) -> u8 {
    let (settings, mut wrong) = a.server.settings();
    if let Some(last) = wrong.pop() {
        wrong.iter().for_each(|e| out.complain(out.pick(&e.zh, &e.en)));
        return out.refuse(&last);
    }
    let Some(listen) = settings.address("serve.listen") else { return 2 };
    let log = Log { json: settings.one("serve.log") == Some("json") };
    let tls = settings.file("tls.certificate").zip(settings.file("tls.key_file"));
    let public = settings.one("serve.public_url").map(|url| url.trim_end_matches('/').to_owned());
    let trusted_proxies = settings.networks("serve.trusted_proxies");
    if tls.is_none() && public.is_none() && trusted_proxies.is_empty() && !listen.ip().is_loopback() {
        out.note(&out.text("serve-in-clear", &[]));
    }
    let loopback = a.allow_loopback.clone();
    let capture = CaptureRequest { loopback, machine: settings.machine(), ..CaptureRequest::default() };
    let metrics = settings.address("serve.metrics");
    let data = a.server.data.clone();
    let calls = settings.one("serve.api_calls").and_then(|n| n.parse().ok()).unwrap_or_default();
    let sign_up = settings.one("portal.sign_up").and_then(|who| who.parse().ok()).unwrap_or_default();
    let others = service::Mail::of(&settings)
        .and_then(|mail| Ok((mail, service::OpenId::of(&settings)?, service::IdentityProvider::of(&settings)?)));
    let (mail, openid, identity) = match others {
        Ok(all) => all,
        Err(e) => return out.refuse(&e),
    };
    let config = Config {
        sign_up,
        data,
        listen,
        public,
        calls,
        tls,
        trusted_proxies,
        metrics,
        log,
        mail,
        openid,
        identity,
        capture,
    };
    let served = portal::serve(&config, &mut |event| {
        // An acknowledgement on stdout, whatever the log's form.
        if let Event::Listening(address) = &event {
            out.line(&out.text("serve-listening", &[("address", address.clone().into())]));
        }
        if log.json { write_down(log, event) } else { say(out, event) }
    });
    served.map_or_else(|e| out.refuse(&e), |()| 0)
}

fn say(out: &Out, event: Event) {
    match event {
        Event::Listening(_) => {}
        Event::Metrics(address) => out.note(&out.text("serve-metrics", &[("address", address.into())])),
        // For the log alone, not for whoever reads stdout.
        Event::SetUp(address) => out.note(&out.text("serve-set-up", &[("address", address.into())])),
        Event::Warning(zh, en) => out.warn(&[(zh, en)]),
        Event::Renewed => out.note(&out.text("serve-renewed", &[])),
        Event::Stopping => out.note(&out.text("serve-stopping", &[])),
    }
}

fn write_down(log: Log, event: Event) {
    match event {
        Event::Listening(address) => log.line("info", "listening", &[("address", json!(address))]),
        Event::Metrics(address) => log.line("info", "metrics", &[("address", json!(address))]),
        Event::SetUp(address) => log.line("info", "set-up", &[("address", json!(address))]),
        Event::Warning(zh, en) => log.line("warn", "warning", &[("en", json!(en)), ("zh", json!(zh))]),
        Event::Renewed => log.line("info", "certificate-renewed", &[]),
        Event::Stopping => log.line("info", "stopping", &[]),
    }
}

/// A one-time address for who cannot sign in any more. Where the portal is reached is what settings say.
pub(crate) fn reset(out: &Out, a: &Reset) -> u8 {
    let (settings, wrong) = Settings::read(Some(&a.data.data), a.config.as_deref(), &Vec::new(), &variable);
    if let Some(error) = wrong.first() {
        return out.refuse(error);
    }
    let token = match service::reset_sign_in(&a.data.data, &a.login) {
        Ok(token) => token,
        Err(e) => return out.refuse(&e),
    };
    let scheme = if settings.one("tls.certificate").is_some() { "https" } else { "http" };
    let home = settings.one("serve.public_url").map(|url| url.trim_end_matches('/').to_owned());
    let home = home.or_else(|| Some(format!("{scheme}://{}", settings.one("serve.listen")?))).unwrap_or_default();
    let (address, minutes) = (format!("{home}/reset/{token}"), service::RESET_MINUTES);
    if a.data.json {
        out.json(&json!({"address": address, "minutes": minutes, "error": null}));
    } else {
        let args = [("login", a.login.clone().into()), ("n", minutes.to_string().into()), ("address", address.into())];
        out.line(&out.text("reset-made", &args));
    }
    0
}

/// Every setting with where it came from; what is wrong with them, by name. Exit 2 where something is.
pub(crate) fn check(out: &Out, a: &ConfigCheck) -> u8 {
    let (settings, mut wrong) = a.server.settings();
    if let Some((certificate, key)) = settings.file("tls.certificate").zip(settings.file("tls.key_file")) {
        match portal::check_pair(&certificate, &key) {
            Ok(ending) => out.warn(ending.as_slice()),
            Err(e) => wrong.push(e),
        }
    }
    wrong.extend(service::Mail::of(&settings).err());
    wrong.extend(service::OpenId::of(&settings).err());
    wrong.extend(service::IdentityProvider::of(&settings).err());
    wrong.extend(service::Editions::of(&a.server.data).err().unwrap_or_default());
    match settings.lines(Some(&a.server.data)) {
        Ok(lines) => lines.iter().for_each(|line| {
            let (from, file) = match &line.from {
                Source::Flag => ("flag", None),
                Source::Environment => ("environment", None),
                Source::File(path) => ("file", Some(path)),
                Source::Default => ("default", None),
            };
            if a.json {
                out.json(&json!({
                    "key": line.key, "value": line.words, "from": from, "file": file.map(|f| show_path(f)), "error": null,
                }));
            } else {
                let from = file.map_or_else(|| out.text(&format!("config-{from}"), &[]), |f| show_path(f));
                let words = if line.words.is_empty() { "-".to_owned() } else { line.words.join(", ") };
                out.line(&format!("{:<26} {words}  ({from})", line.key));
            }
        }),
        // Already among what is wrong, where it is about the file as a whole.
        Err(e) if wrong.iter().any(|known| known.en == e.en) => {}
        Err(e) => wrong.push(e),
    }
    out.warn(&service::unknown_variables(std::env::vars_os().filter_map(|(name, _)| name.into_string().ok())));
    for error in &wrong {
        out.complain(out.pick(&error.zh, &error.en));
        if a.json {
            out.json(&json!({"key": null, "value": null, "from": null, "file": null, "error": error}));
        }
    }
    if wrong.is_empty() { 0 } else { 2 }
}
