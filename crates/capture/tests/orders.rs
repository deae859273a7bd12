//! Orders that are refused before anything starts.
#![allow(clippy::unwrap_used)]

use capture::{Error, Limits, Request};

#[test]
fn urls_that_may_not_be_opened_are_refused_with_the_reason() {
    for (url, reason) in [
        ("ftp://shop.example/", "only http and https"),
        ("file:///etc/passwd", "only http and https"),
        ("chrome://version", "only http and https"),
        ("view-source:https://shop.example/", "only http and https"),
        ("javascript:alert(1)", "only http and https"),
        ("data:text/html,x", "only http and https"),
        ("about:blank", "only http and https"),
        ("shop.example", "relative URL"),
        ("https://", "empty host"),
        ("https://user:secret@shop.example/", "credentials"),
        ("https://user@shop.example/", "credentials"),
        ("https://shop.example:8443/", "only ports 80 and 443"),
        ("http://127.0.0.1/", "loopback"),
        ("http://0x7f.1/", "loopback"),
        ("http://0177.0.0.1/", "loopback"),
        ("http://2130706433/", "loopback"),
        ("http://127.1/", "loopback"),
        ("http://１２７.0.0.1/", "loopback"),
        ("http://[::1]/", "loopback"),
        ("http://[::ffff:10.0.0.1]/", "IPv4-mapped"),
        ("http://[64:ff9b::10.0.0.1]/", "NAT64"),
        ("http://169.254.169.254/latest/", "metadata"),
        ("http://100.64.0.1/", "carriers"),
        ("http://localhost/", "this machine"),
        ("http://ⓛocalhost/", "this machine"),
        ("http://intranet/", "this machine or its network"),
        ("http://metadata.google.internal/", "this machine or its network"),
    ] {
        let refused = capture::run(&Request::new(url), &Limits::default(), &mut |step| panic!("{url}: {step:?}"));
        match refused.map(drop) {
            Err(Error::Url { reason: found, .. }) => assert!(found.contains(reason), "{url}: {found}"),
            other => panic!("{url}: {other:?}"),
        }
    }
}

#[test]
fn without_chromium_it_says_what_to_install() {
    let mut order = Request::new("https://shop.example/");
    order.machine.chromium = "/usr/lib/no-such/chromium".into();
    let refused = capture::run(&order, &Limits::default(), &mut |_| {}).map(drop).unwrap_err();
    assert!(refused.to_string().contains("install Debian's package `chromium`"), "{refused}");
}
