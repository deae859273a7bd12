//! URLs as a browser asks for them ([WHATWG URL](https://url.spec.whatwg.org/)), where they are written plainly. What
//! takes more than this (names that are no ASCII, odd spellings of addresses, backslashes) is `None`: not compared.

/// As a browser asks for it.
pub(super) fn as_asked(url: &str) -> Option<String> {
    let (scheme, rest) = trimmed(url)?.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let default = match scheme.as_str() {
        "http" => ":80",
        "https" => ":443",
        _ => return None,
    };
    let rest = plain(rest);
    let (authority, tail) = rest.find(['/', '?']).map_or((rest, ""), |n| rest.split_at(n));
    let authority = authority.to_ascii_lowercase();
    let authority = authority.strip_suffix(default).unwrap_or(&authority);
    let (host, port) = authority.split_once(':').map_or((authority, None), |(h, p)| (h, Some(p)));
    let port_fits = port.is_none_or(|p| !p.is_empty() && !p.starts_with('0') && p.bytes().all(|c| c.is_ascii_digit()));
    let label = |l: &str| !l.is_empty() && l.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_'));
    // A last label that is a number makes an address of it, whose other spellings are not compared.
    let number = host.rsplit('.').next().is_some_and(|l| l.starts_with(|c: char| c.is_ascii_digit()));
    let address = host.parse::<core::net::Ipv4Addr>().is_ok_and(|a| a.to_string() == host);
    if !host.split('.').all(label) || host.split('.').any(|l| l.starts_with("xn--")) || !port_fits || number && !address
    {
        return None;
    }
    let (path, query) = tail.split_once('?').map_or((tail, None), |(p, q)| (p, Some(q)));
    if tail.contains(['\\', '^', '|']) {
        return None;
    }
    let path = escaped(&walked(path), b" \"<>`{}");
    let query = query.map_or_else(String::new, |q| format!("?{}", escaped(q, b" \"<>'")));
    Some(format!("{scheme}://{authority}{path}{query}"))
}

/// Where a redirect from `base`, a URL as a browser asked for it, leads: its `Location`, without a fragment.
pub(super) fn led_to(base: &str, location: &str) -> Option<String> {
    let location = plain(trimmed(location)?);
    let (scheme, rest) = base.split_once("://")?;
    let (authority, tail) = rest.split_at(rest.find('/')?);
    let path = tail.split('?').next().unwrap_or_default();
    let begins = location.split(['/', '?']).next().unwrap_or_default();
    let whole = if begins.contains(':') {
        location.to_owned()
    } else if location.starts_with("//") {
        format!("{scheme}:{location}")
    } else if location.starts_with('/') {
        format!("{scheme}://{authority}{location}")
    } else if location.starts_with('?') {
        format!("{scheme}://{authority}{path}{location}")
    } else if location.is_empty() {
        base.to_owned()
    } else {
        let folder = path.rfind('/').map_or("/", |n| &path[..=n]);
        format!("{scheme}://{authority}{folder}{location}")
    };
    as_asked(&whole)
}

/// Without a fragment, which no request carries.
pub(super) fn plain(url: &str) -> &str {
    url.split('#').next().unwrap_or_default()
}

/// Without spaces around it; a browser would drop control characters inside.
fn trimmed(url: &str) -> Option<&str> {
    let url = url.trim_matches(' ');
    (!url.chars().any(char::is_control)).then_some(url)
}

/// A path without `.` and `..`.
fn walked(path: &str) -> String {
    let mut out: Vec<&str> = Vec::new();
    let mut parts = path.split('/').skip(1).peekable();
    while let Some(part) = parts.next() {
        let last = parts.peek().is_none();
        match part.to_ascii_lowercase().replace("%2e", ".").as_str() {
            "." if last => out.push(""),
            "." => {}
            ".." => {
                out.pop();
                if last {
                    out.push("");
                }
            }
            _ => out.push(part),
        }
    }
    format!("/{}", out.join("/"))
}

fn escaped(text: &str, also: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_graphic() && !also.contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_url_is_asked_for_as_a_browser_does() {
        for (url, asked) in [
            ("https://Shop.example", "https://shop.example/"),
            ("https://shop.example:443/a?b#c", "https://shop.example/a?b"),
            ("http://shop.example:8080/?q=连衣裙 a", "http://shop.example:8080/?q=%E8%BF%9E%E8%A1%A3%E8%A3%99%20a"),
            ("http://127.0.0.1:8000/item{1}?it's", "http://127.0.0.1:8000/item%7B1%7D?it%27s"),
            (" https://shop.example?x ", "https://shop.example/?x"),
            ("https://shop.example/%E5%BA%97//a.", "https://shop.example/%E5%BA%97//a."),
            ("HTTPS://shop.example/a/./../b", "https://shop.example/b"),
            ("https://shop.example/../%2E%2e/b/..", "https://shop.example/"),
            ("https://shop.example/a/.?x=../y", "https://shop.example/a/?x=../y"),
        ] {
            assert_eq!(as_asked(url).as_deref(), Some(asked), "{url}");
        }
        for other in [
            "ftp://shop.example/",
            "https://商店.example/",
            "https://xn--a.example/",
            "http://0x7f.1/",
            "http://2130706433/",
            "http://[::1]/",
            "https://u@shop.example/",
            "https://shop.example/a\\b",
            "https://shop.example/a\tb",
            "https://shop.example:080/",
            "https://shop..example/",
        ] {
            assert_eq!(as_asked(other), None, "{other}");
        }
    }

    #[test]
    fn a_redirect_leads_where_a_browser_goes() {
        let base = "https://shop.example/a/b?c";
        for (location, to) in [
            ("https://other.example", "https://other.example/"),
            ("//other.example/x#y", "https://other.example/x"),
            ("/x?y", "https://shop.example/x?y"),
            ("x", "https://shop.example/a/x"),
            ("../x/./y", "https://shop.example/x/y"),
            ("?d", "https://shop.example/a/b?d"),
            ("#top", "https://shop.example/a/b?c"),
            ("", "https://shop.example/a/b?c"),
            ("商品", "https://shop.example/a/%E5%95%86%E5%93%81"),
            ("x/?u=http://y", "https://shop.example/a/x/?u=http://y"),
        ] {
            assert_eq!(led_to(base, location).as_deref(), Some(to), "{location}");
        }
        for other in ["javascript:x", "https:/x", "mailto:a@b", "http://[::1]/", "/a\\b", "a\nb"] {
            assert_eq!(led_to(base, other), None, "{other}");
        }
    }
}
