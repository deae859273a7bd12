//! Values as people read them: times with their zone, digests in eights, bytes.

use evidence::time::{SECOND, Utc};
use maud::{Markup, html};

/// `2026-11-24 11:05:00 (UTC+8)`, rounded down to the second, with UTC beside it for machines.
pub(crate) fn time(at: Utc) -> Markup {
    html! { time datetime=(at.to_micros()) { (local(at)) " (UTC+8)" } }
}

/// UTC beside it, as on evidence.
pub(crate) fn utc(at: Utc) -> Markup {
    html! { time datetime=(at.to_micros()) { (at.to_micros().get(11..19).unwrap_or_default()) " UTC" } }
}

/// `2026-11-24 11:05`: where a list needs no more.
pub(crate) fn minute(at: Utc) -> Markup {
    html! { time datetime=(at.to_micros()) title=(format!("{} (UTC+8)", local(at))) { (local(at).get(..16).unwrap_or_default()) } }
}

/// The same as bare text.
pub(crate) fn plain(at: Utc) -> String {
    local(at).chars().take(16).collect()
}

fn local(at: Utc) -> String {
    at.plus(8 * 3600 * SECOND).to_micros().replacen('T', " ", 1).chars().take(19).collect()
}

/// A digest in eights that is copied as one string, with a button beside it where scripts run.
pub(crate) fn digest(hex: &str, copy: &str) -> Markup {
    html! {
        span.copyable {
            code.digest {
                @for (i, eight) in hex.as_bytes().chunks(8).enumerate() {
                    @if i > 0 { wbr; }
                    span { (String::from_utf8_lossy(eight)) }
                }
            }
            button.icon-btn type="button" data-copy=(hex) aria-label=(copy) hidden {
                svg aria-hidden="true" { use href="#i-copy" {} }
            }
        }
    }
}
