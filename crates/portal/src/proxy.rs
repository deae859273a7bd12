//! Who is really asking, where proxies that the operator named stand between.
//!
//! Rules:
//! - What a request says about its way is believed only of a named proxy. Of a list of hops the right-most that is no
//!   named proxy is the client: what stands left of it was written by the client itself.
//! - What is no address, and two headers that disagree, prove nothing: then the nearest proxy counts as the client. A
//!   proxy that writes one of the headers and lets the other through therefore opens nothing.

use axum::http::{HeaderMap, HeaderName, header};
use service::Network;
use std::net::{IpAddr, SocketAddr};

const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Where a request came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Client {
    pub address: IpAddr,
    /// Whether the browser's own connection is encrypted, as far as is known.
    pub encrypted: bool,
}

/// `encrypted`: whether the connection itself is.
pub(crate) fn client(peer: IpAddr, encrypted: bool, headers: &HeaderMap, trusted: &[Network]) -> Client {
    let named = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    if !named(peer) {
        return Client { address: peer, encrypted };
    }
    let of = |name: HeaderName| -> Option<Vec<String>> {
        let all = headers.get_all(&name).iter().map(|v| v.to_str().unwrap_or_default());
        let words: Vec<String> = all.flat_map(|line| line.split(',')).map(|w| w.trim().to_owned()).collect();
        (!words.is_empty()).then_some(words)
    };
    let standard = of(header::FORWARDED);
    let hops = |elements: &[String]| elements.iter().map(|e| parameter(e, "for").unwrap_or_default()).collect();
    let ways = [of(FOR), standard.as_deref().map(hops)].map(|way| way.map(|hops| last_unnamed(peer, &hops, &named)));
    let address = match ways {
        [Some(one), Some(other)] if one != other => peer,
        [Some(one), _] | [None, Some(one)] => one,
        [None, None] => peer,
    };
    let said = of(PROTO).and_then(|all| all.last().cloned());
    let said = said.or_else(|| parameter(standard.as_ref()?.last()?, "proto"));
    Client { address, encrypted: encrypted || said.is_some_and(|p| p.eq_ignore_ascii_case("https")) }
}

fn last_unnamed(peer: IpAddr, hops: &[String], named: &dyn Fn(IpAddr) -> bool) -> IpAddr {
    let mut nearest = peer;
    for hop in hops.iter().rev() {
        let Some(address) = address(hop) else { return nearest };
        nearest = address;
        if !named(address) {
            return address;
        }
    }
    nearest
}

/// A hop with or without a port, IPv6 in brackets or not.
fn address(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(hop);
    bare.parse().ok().or_else(|| Some(hop.parse::<SocketAddr>().ok()?.ip()))
}

/// A parameter of an element of `Forwarded` (RFC 7239, 4).
fn parameter(element: &str, name: &str) -> Option<String> {
    let pairs = element.split(';').filter_map(|p| p.trim().split_once('='));
    let mut found = pairs.filter(|(n, _)| n.trim().eq_ignore_ascii_case(name));
    found.next().map(|(_, value)| value.trim().trim_matches('"').to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use axum::http::HeaderValue;

    fn asked(peer: &str, heads: &[(&'static str, &str)]) -> Client {
        let trusted: Vec<Network> = ["10.0.0.0/8", "2001:db8::/32"].map(|n| n.parse().unwrap()).into();
        let mut headers = HeaderMap::new();
        for (name, value) in heads {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        client(peer.parse().unwrap(), false, &headers, &trusted)
    }

    #[test]
    fn only_a_named_proxys_word_counts_and_only_what_it_wrote() {
        let is = |peer: &str, heads: &[(&'static str, &str)], address: &str| {
            assert_eq!(asked(peer, heads).address, address.parse::<IpAddr>().unwrap(), "{peer} {heads:?}");
        };
        is("203.0.113.9", &[("x-forwarded-for", "198.51.100.1")], "203.0.113.9");
        is("10.0.0.1", &[], "10.0.0.1");
        is("10.0.0.1", &[("x-forwarded-for", "198.51.100.1")], "198.51.100.1");
        is("::ffff:10.0.0.1", &[("x-forwarded-for", "198.51.100.1")], "198.51.100.1");
        // What stands further left was written by the client.
        is("10.0.0.1", &[("x-forwarded-for", "1.1.1.1, 198.51.100.1, 10.0.0.2")], "198.51.100.1");
        is("10.0.0.1", &[("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "198.51.100.1")], "198.51.100.1");
        is("10.0.0.1", &[("x-forwarded-for", "10.0.0.3, 10.0.0.2")], "10.0.0.3");
        is("10.0.0.1", &[("x-forwarded-for", "1.1.1.1, nonsense")], "10.0.0.1");
        is("10.0.0.1", &[("x-forwarded-for", "1.1.1.1, , 10.0.0.2")], "10.0.0.2");
        is("10.0.0.1", &[("x-forwarded-for", "198.51.100.1:4711")], "198.51.100.1");
        is("10.0.0.1", &[("forwarded", "for=1.1.1.1, for=\"[2001:db9::7]:4711\";proto=https")], "2001:db9::7");
        is("10.0.0.1", &[("forwarded", "for=_hidden")], "10.0.0.1");
        // A header that the proxy let through does not outweigh the one that it wrote.
        is("10.0.0.1", &[("forwarded", "for=1.1.1.1"), ("x-forwarded-for", "198.51.100.1")], "10.0.0.1");
    }

    #[test]
    fn encryption_is_the_nearest_proxys_word() {
        assert!(!asked("203.0.113.9", &[("x-forwarded-proto", "https")]).encrypted);
        assert!(asked("10.0.0.1", &[("x-forwarded-proto", "https")]).encrypted);
        assert!(!asked("10.0.0.1", &[("x-forwarded-proto", "https, http")]).encrypted);
        assert!(asked("10.0.0.1", &[("forwarded", "for=1.1.1.1;proto=https")]).encrypted);
    }
}
