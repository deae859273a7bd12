//! Index, pages and package lists: lines removed, added, swapped; JSON that says the same in other bytes.

use super::{Changed, Parts, Random, digested, listed, zip};

/// The same JSON object, in other bytes.
fn respelled(text: &str, random: &mut Random) -> (String, &'static str) {
    let first = &text[..text.find(',').unwrap_or(text.len() - 1)];
    let (inside, body) = (&first[1..], &text[1..]);
    match random.index(9) {
        0 => (format!("{{ {body}"), "a space"),
        1 => (text.replacen("\":", "\": ", 1), "a space after a colon"),
        2 => (format!("{text} "), "a space at its end"),
        3 => (format!("\u{feff}{text}"), "a byte order mark"),
        4 => (format!("{{{inside},{body}"), "a member twice"),
        5 => (text.replacen('}', ",\"zz\":1}", 1), "a member more"),
        6 => {
            let letter = text[2..].chars().next().unwrap();
            (text.replacen(letter, &format!("\\u{:04x}", u32::from(letter)), 1), "a letter escaped")
        }
        7 if text.contains(',') => {
            let rest = body[inside.len() + 1..].strip_suffix('}').unwrap();
            (format!("{{{rest},{inside}}}"), "its first member last")
        }
        _ => (format!("[{text}]"), "inside a list"),
    }
}

/// Lines of a list, one of them changed.
fn lines(bytes: &[u8], random: &mut Random) -> (Vec<u8>, String) {
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let a = random.index(lines.len());
    let b = if lines.len() > 1 { (a + 1 + random.index(lines.len() - 1)) % lines.len() } else { a };
    let what = match random.index(8) {
        0 if lines.len() > 1 => (lines.swap(a, b), "swapped").1,
        1 => (lines.remove(a), "removed").1,
        2 => (lines.insert(b, lines[a].clone()), "twice").1,
        3 => (lines.insert(b, String::new()), "after an empty one").1,
        4 => (lines[a].push('\r'), "with CR LF").1,
        _ => {
            let (key, members) = lines[a].split_at(lines[a].find('{').unwrap());
            let (members, what) = respelled(members, random);
            lines[a] = format!("{key}{members}");
            what
        }
    };
    let mut out = lines.join("\n");
    let ended = random.index(20) > 0;
    if ended {
        out.push('\n');
    }
    (out.into_bytes(), format!("line {a} {what}{}", if ended { "" } else { ", no end of line" }))
}

pub fn index(parts: &Parts, random: &mut Random) -> Changed {
    let mut entries = parts.entries.clone();
    let (bytes, what) = lines(&entries[1].1, random);
    entries[1].1 = bytes;
    Changed { what: format!("index: {what}"), bytes: zip::file(&listed(entries), &zip::Form::default()), strict: true }
}

pub fn pages(parts: &Parts, random: &mut Random) -> Changed {
    let mut entries = parts.entries.clone();
    let (bytes, what) = lines(&entries[2].1, random);
    entries[2].1 = bytes;
    Changed { what: format!("pages: {what}"), bytes: zip::file(&listed(entries), &zip::Form::default()), strict: true }
}

pub fn package(parts: &Parts, random: &mut Random) -> Changed {
    let mut entries = parts.entries.clone();
    let (text, what) = respelled(std::str::from_utf8(&entries[3].1).unwrap(), random);
    entries[3].1 = text.into_bytes();
    let bytes = zip::file(&digested(entries), &zip::Form::default());
    Changed { what: format!("datapackage.json: {what}"), bytes, strict: true }
}

pub fn digest(parts: &Parts, random: &mut Random) -> Changed {
    let mut entries = parts.entries.clone();
    let (text, what) = respelled(std::str::from_utf8(&entries[4].1).unwrap(), random);
    entries[4].1 = text.into_bytes();
    let bytes = zip::file(&entries, &zip::Form::default());
    Changed { what: format!("datapackage-digest.json: {what}"), bytes, strict: true }
}
