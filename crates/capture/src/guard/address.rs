//! Which addresses may be contacted: those that are globally routable, by an own table.
//!
//! Sources: IANA's IPv4 and IPv6 special-purpose address registries (RFC 6890 and its updates). What an
//! address embeds (IPv4-mapped, NAT64, 6to4, Teredo) is refused whatever it embeds: no public site has such
//! an address, and a gateway could turn it into a private one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// IPv4 blocks that are refused: network, prefix length, why.
const V4: &[([u8; 4], u8, &str)] = &[
    ([0, 0, 0, 0], 8, "this network (RFC 791)"),
    ([10, 0, 0, 0], 8, "private (RFC 1918)"),
    ([100, 64, 0, 0], 10, "shared by carriers (RFC 6598)"),
    ([100, 100, 100, 200], 32, "cloud metadata"),
    ([127, 0, 0, 0], 8, "loopback (RFC 1122)"),
    ([168, 63, 129, 16], 32, "cloud metadata"),
    ([169, 254, 0, 0], 16, "link-local and cloud metadata (RFC 3927)"),
    ([172, 16, 0, 0], 12, "private (RFC 1918)"),
    ([192, 0, 0, 0], 24, "protocol assignments (RFC 6890)"),
    ([192, 0, 2, 0], 24, "documentation (RFC 5737)"),
    ([192, 31, 196, 0], 24, "AS112 (RFC 7535)"),
    ([192, 52, 193, 0], 24, "AMT (RFC 7450)"),
    ([192, 88, 99, 0], 24, "6to4 relays (RFC 7526)"),
    ([192, 168, 0, 0], 16, "private (RFC 1918)"),
    ([192, 175, 48, 0], 24, "AS112 (RFC 7534)"),
    ([198, 18, 0, 0], 15, "benchmarks (RFC 2544)"),
    ([198, 51, 100, 0], 24, "documentation (RFC 5737)"),
    ([203, 0, 113, 0], 24, "documentation (RFC 5737)"),
    ([224, 0, 0, 0], 4, "multicast (RFC 5771)"),
    ([240, 0, 0, 0], 4, "reserved or broadcast (RFC 1112, RFC 919)"),
];

/// IPv6: only 2000::/3 is given out at all; of it these are refused.
const V6: &[(u128, u8, &str)] = &[
    (0x2001_0000 << 96, 23, "protocol assignments, Teredo, ORCHID (RFC 2928, RFC 4380, RFC 7343)"),
    (0x2001_0db8 << 96, 32, "documentation (RFC 3849)"),
    (0x2002_0000 << 96, 16, "6to4 (RFC 3056)"),
    (0x2620_004f_8000 << 80, 48, "AS112 (RFC 7534)"),
    (0x3fff_0000 << 96, 20, "documentation (RFC 9637)"),
    // 5f00::/16 (segment routing) and all else lies outside of 2000::/3.
];

/// IPv6 blocks outside of 2000::/3 that deserve their own name.
const V6_NAMED: &[(u128, u8, &str)] = &[
    (0, 128, "unspecified (RFC 4291)"),
    (1, 128, "loopback (RFC 4291)"),
    (0xffff_0000_0000, 96, "IPv4-mapped (RFC 4291)"),
    (0xffff_0000_0000_0000, 96, "IPv4-translated (RFC 2765)"),
    (0, 96, "IPv4-compatible (RFC 4291)"),
    (0x0064_ff9b << 96, 96, "NAT64 (RFC 6052)"),
    (0x0064_ff9b_0001 << 80, 48, "local NAT64 (RFC 8215)"),
    (0x0100 << 112, 64, "discard (RFC 6666)"),
    (0xfc00 << 112, 7, "unique local (RFC 4193)"),
    (0xfe80 << 112, 10, "link-local (RFC 4291)"),
    (0xfec0 << 112, 10, "site-local (RFC 3879)"),
    (0xff00 << 112, 8, "multicast (RFC 4291)"),
];

/// Why this address is not contacted; `None` when it is globally routable.
pub fn refusal(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => v4(address),
        IpAddr::V6(address) => v6(address),
    }
}

fn v4(address: Ipv4Addr) -> Option<&'static str> {
    let bits = u32::from(address);
    // The narrowest block names the reason.
    V4.iter()
        .filter(|(network, length, _)| (bits ^ u32::from_be_bytes(*network)).leading_zeros() >= u32::from(*length))
        .max_by_key(|(_, length, _)| *length)
        .map(|(_, _, why)| *why)
}

fn v6(address: Ipv6Addr) -> Option<&'static str> {
    let bits = u128::from(address);
    let within =
        |(network, length, _): &&(u128, u8, &'static str)| (bits ^ network).leading_zeros() >= u32::from(*length);
    if let Some((_, _, why)) = V6_NAMED.iter().find(within) {
        return Some(why);
    }
    if bits >> 125 != 1 {
        return Some("not assigned (RFC 4291)");
    }
    // ISATAP's interface identifier embeds an IPv4 address (RFC 5214).
    if matches!((bits >> 32) as u32, 0x0000_5efe | 0x0200_5efe) {
        return Some("ISATAP (RFC 5214)");
    }
    V6.iter().find(within).map(|(_, _, why)| *why)
}
