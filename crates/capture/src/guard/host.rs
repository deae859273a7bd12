//! Hosts and ports as they stand in a request line: one spelling each, or refused.
//!
//! Browsers accept many spellings of one address (decimal, octal, short, full-width). Chromium has put them
//! into their plain form before it asks; so whatever arrives in another form did not come through the
//! browser's parser and is refused unread.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What a request names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Host {
    /// A name for the resolver, lower case, without a last dot.
    Name(String),
    /// An address.
    Address(IpAddr),
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V4(address)) => address.fmt(f),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

/// Names that mean this machine or this network, whatever a resolver says (RFC 6761, RFC 6762, RFC 8375, RFC 9476).
const LOCAL_NAMES: &[&str] = &[
    "localhost",
    "local",
    "localdomain",
    "internal",
    "intranet",
    "private",
    "corp",
    "home",
    "lan",
    "home.arpa",
    "onion",
    "invalid",
    "test",
    "alt",
];

/// Reads `HOST:PORT` or, with `default`, `HOST`. `Err` says why it is refused.
pub fn authority(text: &str, default: Option<u16>) -> Result<(Host, u16), String> {
    if text.len() > 300 {
        return Err("the host is too long".to_owned());
    }
    if text.contains('@') {
        return Err("credentials stand before the host".to_owned());
    }
    let (name, port) = match text.rfind(']') {
        Some(end) => match text[end + 1..].strip_prefix(':') {
            Some(port) => (&text[..=end], Some(port)),
            None if text.len() == end + 1 => (text, None),
            None => return Err("something stands between address and port".to_owned()),
        },
        None => match text.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (text, None),
        },
    };
    let port = match (port, default) {
        (Some(text), _) => port_number(text)?,
        (None, Some(port)) => port,
        (None, None) => return Err("no port is named".to_owned()),
    };
    Ok((host(name)?, port))
}

/// Reads a host in its plain form.
pub fn host(text: &str) -> Result<Host, String> {
    if let Some(inner) = text.strip_prefix('[') {
        let inner = inner.strip_suffix(']').ok_or("an IPv6 address without its bracket")?;
        let address: Ipv6Addr = inner.parse().map_err(|_| "not an IPv6 address (zones are not accepted)".to_owned())?;
        return Ok(Host::Address(address.into()));
    }
    if text.is_empty() {
        return Err("no host is named".to_owned());
    }
    if !text.is_ascii() {
        return Err("the host is not in its ASCII form".to_owned());
    }
    if let Ok(address) = text.parse::<Ipv4Addr>() {
        return Ok(Host::Address(address.into()));
    }
    let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    let labels: Vec<&str> = name.split('.').collect();
    let last = labels.last().copied().unwrap_or_default();
    if last.bytes().all(|b| b.is_ascii_digit())
        || last.strip_prefix("0x").is_some_and(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()))
    {
        return Err("an IPv4 address in another than its plain form".to_owned());
    }
    let plain = |label: &&str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if name.len() > 253 || !labels.iter().all(|label| plain(label)) {
        return Err("not a host name".to_owned());
    }
    if labels.len() < 2 || LOCAL_NAMES.iter().any(|local| name == *local || name.ends_with(&format!(".{local}"))) {
        return Err("a name of this machine or its network".to_owned());
    }
    Ok(Host::Name(name))
}

fn port_number(text: &str) -> Result<u16, String> {
    let plain =
        !text.is_empty() && text.len() <= 5 && text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|_| plain).ok_or_else(|| "not a port".to_owned())
}

/// An exception that the operator named: `HOST:PORT`, as it stands in URLs, goes to 127.0.0.1:PORT.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Loopback {
    /// As in the URL, lower case.
    pub host: String,
    /// As in the URL.
    pub port: u16,
}

impl std::str::FromStr for Loopback {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (host, port) = text.rsplit_once(':').ok_or("HOST:PORT is expected")?;
        let fine = !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._[]:".contains(&b));
        if !fine {
            return Err("not a host".to_owned());
        }
        Ok(Self { host: host.to_ascii_lowercase(), port: port_number(port)? })
    }
}

impl fmt::Display for Loopback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}
