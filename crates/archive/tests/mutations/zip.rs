//! The container: entries removed, added, re-ordered, swapped, renamed; each field of its headers; bytes between.

use super::{Changed, Entries, Parts, Random, listed};

/// Fields that have one value each in a canonical ZIP, the same in local header and directory.
#[derive(Clone, Default)]
pub struct Form {
    pub needed: u16,
    pub flags: u16,
    pub method: u16,
    pub time: u16,
    pub date: u16,
    pub made: u16,
    pub attributes: u16,
    pub external: u32,
    pub extra: Vec<u8>,
    pub entry_comment: Vec<u8>,
    pub comment: Vec<u8>,
    pub before: Vec<u8>,
    pub between: Vec<u8>,
    pub directory: Vec<u8>,
    pub after: Vec<u8>,
    pub count: u16,
    pub disk: u16,
}

/// The entries of a stored ZIP.
pub fn entries(file: &[u8]) -> Entries {
    let (mut at, mut out) = (0, Vec::new());
    while file[at..].starts_with(b"PK\x03\x04") {
        let n = |from: usize| u32::from_le_bytes(file[at + from..at + from + 4].try_into().unwrap()) as usize;
        let (size, name) = (n(18), n(26) & 0xffff);
        let from = at + 30 + name;
        out.push((String::from_utf8(file[at + 30..from].to_vec()).unwrap(), file[from..from + size].to_vec()));
        at = from + size;
    }
    out
}

/// A ZIP of these entries; `form`'s numbers are added to the canonical ones, in the first entry.
pub fn file(entries: &[(String, Vec<u8>)], form: &Form) -> Vec<u8> {
    let (mut out, mut directory) = (form.before.clone(), Vec::new());
    for (n, (name, bytes)) in entries.iter().enumerate() {
        let form = if n == 0 { form.clone() } else { Form { between: Vec::new(), ..Form::default() } };
        let offset = out.len() as u32;
        let mut fields = Vec::new();
        let words = [20 + form.needed, form.flags, form.method, form.time, 0x21 + form.date];
        words.iter().for_each(|w| fields.extend(w.to_le_bytes()));
        fields.extend(crc32(bytes).to_le_bytes());
        fields.extend([(bytes.len() as u32).to_le_bytes(); 2].concat());
        fields.extend((name.len() as u16).to_le_bytes());
        fields.extend((form.extra.len() as u16).to_le_bytes());
        directory.extend([b"PK\x01\x02", &(20 + form.made).to_le_bytes()[..], &fields].concat());
        directory.extend((form.entry_comment.len() as u16).to_le_bytes());
        directory.extend(form.disk.to_le_bytes());
        directory.extend(form.attributes.to_le_bytes());
        directory.extend(form.external.to_le_bytes());
        directory.extend(offset.to_le_bytes());
        directory.extend([name.as_bytes(), &form.extra, &form.entry_comment].concat());
        out.extend([b"PK\x03\x04", &fields[..], name.as_bytes(), &form.extra, bytes, &form.between].concat());
    }
    out.extend(&form.directory);
    let (start, size) = ((out.len() as u32).to_le_bytes(), (directory.len() as u32).to_le_bytes());
    out.extend(directory);
    let count = (entries.len() as u16 + form.count).to_le_bytes();
    out.extend([b"PK\x05\x06", &[0; 4][..], &count, &count, &size, &start].concat());
    out.extend((form.comment.len() as u16).to_le_bytes());
    out.extend([&form.comment[..], &form.after].concat());
    out
}

pub fn crc32(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let (mut table, mut n) = ([0; 256], 0);
        while n < 256 {
            let (mut c, mut k) = (n as u32, 0);
            while k < 8 {
                c = if c & 1 == 1 { c >> 1 ^ 0xedb8_8320 } else { c >> 1 };
                k += 1;
            }
            table[n] = c;
            n += 1;
        }
        table
    };
    !bytes.iter().fold(!0, |crc, b| crc >> 8 ^ TABLE[(crc as u8 ^ b) as usize])
}

pub fn entries_moved(parts: &Parts, random: &mut Random) -> Changed {
    let mut all = parts.entries.clone();
    let (a, b) = (random.index(all.len()), random.index(all.len()));
    let names = ["archive/more.warc.gz", "indexes/index.cdx.gz", "pages/extraPages.jsonl", "readme", "fuzzy.json", ""];
    let what = match random.index(5) {
        0 => format!("{} removed", all.remove(a).0),
        1 => {
            let name = *random.of(&names);
            all.insert(a, (name.into(), all[b].1.clone()));
            format!("{name:?} added at {a}")
        }
        2 => {
            let b = if a == b { (a + 1) % all.len() } else { b };
            all.swap(a, b);
            format!("{} and {} swapped", all[a].0, all[b].0)
        }
        3 => {
            let twice = all[a].clone();
            all.insert(b, twice);
            format!("{} twice, at {b}", all[b].0)
        }
        _ => {
            let other = match random.index(3) {
                0 => all[a].0.to_uppercase(),
                1 => format!("{}/", all[a].0),
                _ => format!("./{}", all[a].0),
            };
            all[a].0 = other;
            format!("renamed to {}", all[a].0)
        }
    };
    Changed { what, bytes: file(&listed(all), &Form::default()), strict: true }
}

pub fn fields(parts: &Parts, random: &mut Random) -> Changed {
    let n = 1 + random.index(1000) as u16;
    let mut form = Form::default();
    let what = match random.index(13) {
        0 => (form.needed = n, "version needed").1,
        1 => (form.flags = 1 << (n % 16), "flags").1,
        2 => (form.method = n, "method").1,
        3 => (form.time = n, "time").1,
        4 => (form.date = n, "date").1,
        5 => (form.made = n, "version made by").1,
        6 => (form.attributes = n, "internal attributes").1,
        7 => (form.external = u32::from(n) << (n % 16), "external attributes").1,
        8 => (form.extra = vec![n as u8; usize::from(n % 40) + 4], "an extra field").1,
        9 => (form.entry_comment = vec![b'x'; usize::from(n % 40) + 1], "a comment of an entry").1,
        10 => (form.comment = vec![b'x'; usize::from(n % 40) + 1], "a comment").1,
        11 => (form.count = n, "number of entries").1,
        _ => (form.disk = n, "disk").1,
    };
    Changed { what: format!("{what}: {n}"), bytes: file(&parts.entries, &form), strict: true }
}

pub fn between(parts: &Parts, random: &mut Random) -> Changed {
    let more = vec![*random.of(b"\0\nP\xff"); 1 + random.index(40)];
    let mut form = Form::default();
    let what = match random.index(4) {
        0 => (form.before = more, "before the first entry").1,
        1 => (form.between = more, "between two entries").1,
        2 => (form.directory = more, "before the directory").1,
        _ => (form.after = more, "after the end").1,
    };
    Changed { what: format!("bytes {what}"), bytes: file(&parts.entries, &form), strict: true }
}
