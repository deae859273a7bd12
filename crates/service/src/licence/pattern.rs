//! On which pages a licensee may show the pictures: URL patterns (spec/licence.md).
//!
//! Hosts are compared as a browser's URL parser writes them, so look-alike letters are another host and an encoded
//! name is the same one. Both parties must be able to read a pattern: it is less than a regular expression.

use crate::{Error, Result, show_path};
use std::path::Path;
use url::{Host, Url};

/// Most bytes of a pattern.
const MAX_BYTES: usize = 512;

/// Suffixes under which names are given out to anybody: `*.` before one is no shop's.
const SHARED: [&str; 16] = [
    "com.cn",
    "net.cn",
    "org.cn",
    "gov.cn",
    "edu.cn",
    "ac.cn",
    "com.hk",
    "com.tw",
    "com.sg",
    "com.au",
    "co.uk",
    "org.uk",
    "co.jp",
    "co.kr",
    "github.io",
    "myshopify.com",
];

/// A pattern that was read.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    /// `http` or `https`; `None`: both.
    scheme: Option<&'static str>,
    /// Names below the host, not the host itself.
    below: bool,
    host: Host<String>,
    port: Option<u16>,
    /// With `*` for any bytes; `None`: every path.
    path: Option<String>,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// Names the pattern and what it may be.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let refuse = |zh: &str, en: &str| {
            let shown = show_path(Path::new(text));
            Error::new(
                format!("网址范围“{shown}”{zh}；可写作 https://shop.example/店铺/*、*.shop.example 或 shop.example"),
                format!(
                    "the URL pattern \"{shown}\" {en}; write it as https://shop.example/shop/*, *.shop.example or shop.example"
                ),
            )
        };
        if text.is_empty() || text.len() > MAX_BYTES {
            return Err(refuse("是空的，或超过 512 字节", "is empty or has more than 512 bytes"));
        }
        let forbidden = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '?' | '#' | '@' | '\\');
        if text.contains(forbidden) {
            return Err(refuse("含有空白、? # @ 或 \\", "has a blank, ?, #, @ or \\"));
        }
        let (scheme, rest) = match text.split_once("://") {
            None => (None, text),
            Some(("https", rest)) => (Some("https"), rest),
            Some(("http", rest)) => (Some("http"), rest),
            Some(_) => return Err(refuse("不是 http 或 https 网址", "is neither http nor https")),
        };
        let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        let (below, authority) = authority.strip_prefix("*.").map_or((false, authority), |name| (true, name));
        let (name, port) =
            match authority.rsplit_once(':').filter(|(name, _)| !name.contains(':') || name.ends_with(']')) {
                Some((name, digits)) => {
                    let port = digits.parse().ok().filter(|p: &u16| *p > 0 && p.to_string() == digits);
                    (name, Some(port.ok_or_else(|| refuse("的端口不是 1 到 65535", "has no port from 1 to 65535"))?))
                }
                None => (authority, None),
            };
        if name.contains(['*', '%']) {
            return Err(refuse("的主机名里只能以 *. 开头", "has a * in its host that is not *. in front"));
        }
        let no_host = || refuse("没有有效的主机名", "has no valid host");
        let host = Url::parse(&format!("https://{name}/")).ok().and_then(|url| host(&url)).ok_or_else(no_host)?;
        let labels = match &host {
            Host::Domain(name) => name.split('.').count(),
            _ => 0,
        };
        if below && labels < 2 {
            return Err(refuse("的 *. 之后须有两级以上的域名", "needs a name of two labels or more after *."));
        }
        if below && matches!(&host, Host::Domain(name) if SHARED.contains(&name.as_str())) {
            return Err(refuse(
                "的 *. 之后是公共后缀，等于所有网站",
                "has a public suffix after *., which is every site",
            ));
        }
        let path = match path {
            "" | "/" => None,
            path => Some(Url::parse(&format!("https://h{path}")).map_err(|_| no_host())?.path().to_owned()),
        };
        Ok(Self { scheme, below, host, port, path })
    }

    /// The host as a browser's URL parser writes it: ASCII.
    pub(crate) fn host_text(&self) -> String {
        self.host.to_string()
    }

    /// Whether a page is within it.
    pub(crate) fn is_about(&self, url: &Url) -> bool {
        let web = matches!(url.scheme(), "http" | "https");
        if !web || !url.username().is_empty() || url.password().is_some() {
            return false;
        }
        let port = if url.scheme() == "https" { 443 } else { 80 };
        let within = |found: &Host<String>| match (found, &self.host, self.below) {
            (Host::Domain(found), Host::Domain(name), true) => {
                found.strip_suffix(name.as_str()).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
            }
            (found, own, _) => found == own,
        };
        self.scheme.is_none_or(|scheme| scheme == url.scheme())
            && url.port_or_known_default() == Some(self.port.unwrap_or(port))
            && host(url).is_some_and(|found| within(&found))
            && self.path.as_deref().is_none_or(|pattern| fits(pattern.as_bytes(), url.path().as_bytes()))
    }
}

/// A URL's host, a name without the dot that may end it.
fn host(url: &Url) -> Option<Host<String>> {
    Some(match url.host()?.to_owned() {
        Host::Domain(name) => {
            let name = name.strip_suffix('.').unwrap_or(&name);
            if name.is_empty() || name.split('.').any(str::is_empty) {
                return None;
            }
            Host::Domain(name.to_owned())
        }
        address => address,
    })
}

/// `*` is any number of bytes. Goes back to the last `*` alone, so the work is bounded by the product of the lengths.
fn fits(pattern: &[u8], path: &[u8]) -> bool {
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < path.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(byte) if *byte == path[t] => (p, t) = (p + 1, t + 1),
            _ => {
                let Some((at, from)) = star else { return false };
                star = Some((at, from + 1));
                (p, t) = (at + 1, from + 1);
            }
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_page_is_within_a_pattern_or_it_is_another_page() {
        for (pattern, url, is) in [
            ("shop.example", "https://shop.example/p/1?x#y", true),
            ("shop.example", "http://SHOP.example./", true),
            ("shop.example", "https://shop.example:8443/", false),
            ("shop.example:8443", "https://shop.example:8443/", true),
            ("shop.example:443", "http://shop.example/", false),
            ("https://shop.example", "http://shop.example/", false),
            ("shop.example", "https://www.shop.example/", false),
            ("*.shop.example", "https://www.shop.example/", true),
            ("*.shop.example", "https://a.b.shop.example/", true),
            ("*.shop.example", "https://shop.example/", false),
            ("*.shop.example", "https://evilshop.example/", false),
            ("shop.example", "https://shop.example.evil.example/", false),
            ("shop.example", "https://shop.example@evil.example/", false),
            ("evil.example", "https://shop.example@evil.example/", false),
            ("shop.example", "https://user:pass@shop.example/", false),
            ("bücher.example", "https://xn--bcher-kva.example/", true),
            ("xn--bcher-kva.example", "https://bücher.example/", true),
            ("店铺.example", "https://店铺.example/", true),
            ("shop.example", "https://ѕhop.example/", false),
            ("shop.example", "https://ｓhop.example/", true),
            ("127.0.0.1:8080", "http://127.0.0.1:8080/", true),
            ("127.0.0.1", "http://127.1/", true),
            ("[::1]:80", "http://[0:0:0:0:0:0:0:1]/", true),
            ("shop.example/c/*", "https://shop.example/c/", true),
            ("shop.example/c/*", "https://shop.example/c/d/e", true),
            ("shop.example/c/*", "https://shop.example/c", false),
            ("shop.example/c/*", "https://shop.example/c/../d", false),
            ("shop.example/*/item*.html", "https://shop.example/a/b/item-7.html", true),
            ("shop.example/*/item*.html", "https://shop.example/a/item-7.htm", false),
            ("shop.example/商品/*", "https://shop.example/%E5%95%86%E5%93%81/1", true),
            ("shop.example/C", "https://shop.example/c", false),
        ] {
            let found = Pattern::parse(pattern).unwrap().is_about(&Url::parse(url).unwrap());
            assert_eq!(found, is, "{pattern} {url}");
        }
        let none = Pattern::parse("shop.example").unwrap();
        assert!(!none.is_about(&Url::parse("data:text/html,shop.example").unwrap()));
        assert!(!none.is_about(&Url::parse("ftp://shop.example/").unwrap()));
    }

    #[test]
    fn what_could_be_misread_is_refused() {
        let long = format!("shop.example/{}", "x".repeat(512));
        for bad in [
            "",
            "*",
            "*.cn",
            "*.127.0.0.1",
            "s*p.example",
            "a.*.example",
            "ftp://shop.example",
            "//shop.example",
            "https://",
            "https://user@shop.example/",
            "shop.example/?q=*",
            "shop.example/#x",
            "shop.example\\c",
            "shop example",
            "shop.example:0",
            "shop.example:99999",
            "shop.example:080",
            "shop%2eexample",
            "a..b.example",
            &long,
        ] {
            assert!(Pattern::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn many_stars_do_not_take_long() {
        let pattern = format!("shop.example/{}x", "*a".repeat(200));
        let url = Url::parse(&format!("https://shop.example/{}", "a".repeat(20_000))).unwrap();
        assert!(!Pattern::parse(&pattern).unwrap().is_about(&url));
    }
}
