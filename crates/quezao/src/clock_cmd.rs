//! `admin clock`: the folder's time servers, set and asked by hand.

use crate::{args, out::Out};
use service::{ClockCheck, ClockSettings, Folder, Mode, show_path};
use std::path::Path;

/// Within the limit, or nothing to compare with: 0; else 2.
pub(crate) fn clock(out: &Out, a: &args::Clock) -> u8 {
    let wanted = ClockSettings {
        servers: (a.off || !a.server.is_empty()).then(|| a.server.clone()),
        limit_ms: a.limit_ms,
        every_minutes: a.every_minutes,
    };
    let sets = wanted.servers.is_some() || wanted.limit_ms.is_some() || wanted.every_minutes.is_some();
    let folder = match Folder::open(&a.data.data, if sets { Mode::Write } else { Mode::Read }) {
        Ok(folder) => folder,
        Err(e) => return out.refuse(&e),
    };
    out.warn(&folder.warnings);
    let set = if sets { folder.set_clock(&wanted) } else { Ok(()) };
    let checked = match set.and_then(|()| folder.check_clock()) {
        Ok(checked) => checked,
        Err(e) => return out.refuse(&e),
    };
    if a.data.json {
        out.json(&checked);
    } else {
        print(out, &checked);
    }
    if checked.error.is_some() { 2 } else { 0 }
}

fn print(out: &Out, checked: &ClockCheck) {
    if checked.servers.is_empty() {
        return out.line(&out.text("clock-none", &[]));
    }
    for line in &checked.servers {
        let server = show_path(Path::new(&line.server));
        let text = match (line.offset_us, &line.unanswered) {
            (Some(offset), _) => {
                let mark = if line.agrees == Some(false) { "✗" } else { "✓" };
                let way = line.round_trip_us.unwrap_or_default() / 1000;
                format!("{mark} {server}  {:+} ms  ± {} ms", offset / 1000, way / 2 + 1)
            }
            (None, why) => format!("– {server}  {}", show_path(Path::new(why.as_deref().unwrap_or_default()))),
        };
        out.line(&text);
    }
    match (&checked.error, &checked.source) {
        (Some(error), _) => drop(out.refuse(error)),
        (None, source) => out.line(&out.text(
            "clock-stands",
            &[
                ("source", show_path(Path::new(source.as_deref().unwrap_or_default())).into()),
                ("offset", (checked.offset_us.unwrap_or_default() / 1000).into()),
                ("limit", i64::try_from(checked.limit_ms).unwrap_or(i64::MAX).into()),
                ("minutes", i64::try_from(checked.every_minutes).unwrap_or(i64::MAX).into()),
            ],
        )),
    }
}
