//! `serve`: the portal over one data folder, in this process, until it is told to stop.

use crate::out::Out;
use clap::Args;
use portal::{Config, Event};
use service::CaptureRequest;
use std::{net::SocketAddr, path::PathBuf};

#[derive(Args)]
pub(crate) struct Serve {
    #[arg(long, env = "QUEZAO_DATA", value_name = "DIR")]
    pub data: PathBuf,
    #[arg(long, env = "QUEZAO_LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    #[arg(long, env = "QUEZAO_PUBLIC_URL", value_name = "URL", value_parser = public)]
    pub public_url: Option<String>,
    #[arg(long, env = "QUEZAO_API_CALLS", value_name = "N", default_value_t = 1200)]
    pub api_calls: u32,
    #[arg(long, value_name = "HOST:PORT")]
    pub allow_loopback: Vec<capture::guard::Loopback>,
}

pub(crate) fn serve(out: &Out, a: &Serve) -> u8 {
    if a.public_url.is_none() && !a.listen.ip().is_loopback() {
        out.note(&out.text("serve-in-clear", &[]));
    }
    let capture = CaptureRequest { loopback: a.allow_loopback.clone(), ..CaptureRequest::default() };
    let config =
        Config { data: a.data.clone(), listen: a.listen, public: a.public_url.clone(), calls: a.api_calls, capture };
    let served = portal::serve(&config, &mut |event| match event {
        Event::Listening(address) => out.line(&out.text("serve-listening", &[("address", address.into())])),
        // For the log alone, not for whoever reads stdout.
        Event::SetUp(address) => out.note(&out.text("serve-set-up", &[("address", address.into())])),
        Event::Warning(zh, en) => out.warn(&[(zh, en)]),
        Event::Stopping => out.note(&out.text("serve-stopping", &[])),
    });
    served.map_or_else(|e| out.refuse(&e), |()| 0)
}

/// `https://host` or `http://host`, without a path: links and cookies are made from it.
fn public(text: &str) -> Result<String, String> {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let host = host.map(|h| h.strip_suffix('/').unwrap_or(h)).filter(|h| !h.is_empty());
    let plain = |h: &&str| h.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:[]".contains(&b));
    match host.filter(plain) {
        Some(_) => Ok(text.trim_end_matches('/').to_owned()),
        None => Err(format!("{text}: https://host")),
    }
}
