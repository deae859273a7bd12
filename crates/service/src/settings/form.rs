//! What a setting's words look like, and how that is said.

use crate::SignUps;
use std::{
    net::{IpAddr, SocketAddr},
    str::FromStr,
};

#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    /// `127.0.0.1:8080`.
    Address,
    /// `https://host`, without a path: links and cookies are made from it.
    Url,
    /// `10.0.0.0/8`, or one address.
    Network,
    /// How many.
    Count,
    /// `text`, `json`.
    Log,
    /// Who may sign up.
    SignUps,
    /// A path.
    File,
    /// An address, with a port or for port 53.
    Resolver,
    /// `HOST` or `HOST:PORT`.
    Host,
    /// What people read.
    Text,
}

impl Form {
    pub(super) fn fits(self, word: &str) -> bool {
        match self {
            Self::Address => word.parse::<SocketAddr>().is_ok(),
            Self::Url => {
                let host = word.strip_prefix("https://").or_else(|| word.strip_prefix("http://")).unwrap_or_default();
                !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:[]".contains(&b))
            }
            Self::Network => word.parse::<Network>().is_ok(),
            Self::Count => word.parse::<u32>().is_ok(),
            Self::Log => ["text", "json"].contains(&word),
            Self::SignUps => word.parse::<SignUps>().is_ok(),
            Self::File => !word.is_empty() && !word.contains('\0'),
            Self::Resolver => resolver(word).is_some(),
            Self::Host => {
                (1..=255).contains(&word.len())
                    && word.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:[]".contains(&b))
            }
            Self::Text => {
                !word.is_empty() && word.len() <= 400 && evidence::json::check_string("setting", word).is_ok()
            }
        }
    }

    /// (zh, en)
    pub(super) fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Address => ("地址:端口，如 127.0.0.1:8080", "ADDRESS:PORT, as 127.0.0.1:8080"),
            Self::Url => ("不带路径的网址，如 https://example.cn", "an address without a path, as https://example.cn"),
            Self::Network => ("地址或网段，如 10.0.0.0/8", "an address or a network, as 10.0.0.0/8"),
            Self::Count => ("0 或更大的整数", "a whole number from 0 on"),
            Self::Log => ("text 或 json", "text or json"),
            Self::SignUps => ("open、invitation 或 closed", "open, invitation or closed"),
            Self::File => ("文件的路径", "the path of a file"),
            Self::Resolver => ("地址或地址:端口，如 223.5.5.5", "ADDRESS or ADDRESS:PORT, as 223.5.5.5"),
            Self::Host => ("主机或主机:端口", "HOST or HOST:PORT"),
            Self::Text => ("不超过 400 字节的可见文字", "visible text of at most 400 bytes"),
        }
    }
}

pub(super) fn resolver(word: &str) -> Option<SocketAddr> {
    word.parse().ok().or_else(|| Some(SocketAddr::new(word.parse().ok()?, 53)))
}

/// Addresses that begin alike (CIDR).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u32,
}

impl Network {
    /// Whether an address is of it. An IPv4 address that is written as IPv6 counts as the IPv4 address that it is.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => alike(own.to_bits().into(), other.to_bits().into(), 32, self.bits),
            (IpAddr::V6(own), IpAddr::V6(other)) => alike(own.to_bits(), other.to_bits(), 128, self.bits),
            _ => false,
        }
    }
}

fn alike(a: u128, b: u128, of: u32, bits: u32) -> bool {
    (a ^ b).checked_shr(of - bits).is_none_or(|rest| rest == 0)
}

impl FromStr for Network {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        let (address, bits) = word.split_once('/').map_or((word, None), |(a, b)| (a, Some(b)));
        let address: IpAddr = address.parse().map_err(|_| ())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(most), |b| b.parse().map_err(|_| ()))?;
        if bits > most { Err(()) } else { Ok(Self { address, bits }) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_network_has_its_addresses_and_no_others() {
        for (network, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.8"),
            ("192.0.2.7", "::ffff:192.0.2.7", "::192.0.2.7"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::1"),
            ("0.0.0.0/0", "203.0.113.9", "::1"),
            ("::/0", "::1", "10.0.0.1"),
        ] {
            let network: Network = network.parse().unwrap();
            assert!(network.contains(inside.parse().unwrap()), "{network:?} {inside}");
            assert!(!network.contains(outside.parse().unwrap()), "{network:?} {outside}");
        }
        for bad in ["", "10.0.0.0/33", "10.0.0/8", "::/129", "10.0.0.0/-1", "10.0.0.0/", "host"] {
            assert!(bad.parse::<Network>().is_err(), "{bad}");
        }
    }
}
