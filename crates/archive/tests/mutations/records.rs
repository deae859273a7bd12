//! WARC records and their gzip members: removed, moved, joined, packed otherwise, each line of a header spelled otherwise.

use super::{Changed, Parts, Random, zip::crc32};

const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// One member, stored.
fn pack(text: &[u8]) -> Vec<u8> {
    [&HEADER[..], &deflate(text), &trailer(text)].concat()
}

fn deflate(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut blocks = text.chunks(65_535).peekable();
    if blocks.peek().is_none() {
        return vec![1, 0, 0, 0xff, 0xff];
    }
    while let Some(block) = blocks.next() {
        out.push(u8::from(blocks.peek().is_none()));
        out.extend((block.len() as u16).to_le_bytes());
        out.extend((!(block.len() as u16)).to_le_bytes());
        out.extend(block);
    }
    out
}

fn trailer(text: &[u8]) -> Vec<u8> {
    [crc32(text), text.len() as u32].iter().flat_map(|n| n.to_le_bytes()).collect()
}

fn unpack(member: &[u8]) -> Vec<u8> {
    miniz_oxide::inflate::decompress_to_vec(&member[HEADER.len()..]).unwrap()
}

pub fn members_moved(parts: &Parts, random: &mut Random) -> Changed {
    let mut all = parts.numbered();
    let (a, b) = (random.index(all.len()), random.index(all.len()));
    let last = all.len() - 1;
    let (what, strict) = match random.index(3) {
        // Without its last record it is another whole file, which only the statement's digest tells from this one.
        0 => (format!("record {:?} removed", all.remove(a).0), a != last),
        1 => {
            let twice = all[a].clone();
            all.insert(b, twice);
            (format!("record {a} twice, at {b}"), true)
        }
        _ => {
            let b = if a == b { (a + 1) % all.len() } else { b };
            all.swap(a, b);
            (format!("records {a} and {b} swapped"), true)
        }
    };
    Changed { what, bytes: parts.with(all), strict }
}

pub fn gzip(parts: &Parts, random: &mut Random) -> Changed {
    let mut all = parts.numbered();
    let a = random.index(all.len());
    let member = &mut all[a].1;
    let what = match random.index(7) {
        0 => {
            let (at, bit) = (random.index(10), random.index(8));
            member[at] ^= 1 << bit;
            format!("bit {bit} of byte {at} of its gzip header")
        }
        1 => {
            // A flag, and the field that it stands for.
            let (flag, field) = *random.of(&[
                (4u8, &[4u8, 0, b'a', b'b', 0, 0][..]),
                (8, &b"name\0"[..]),
                (16, &b"a comment\0"[..]),
                (2, &b"\0\0"[..]),
            ]);
            member[3] = flag;
            if flag == 2 {
                let sum = crc32(&member[..10]).to_le_bytes();
                member.splice(10..10, sum[..2].to_vec());
            } else {
                member.splice(10..10, field.to_vec());
            }
            format!("gzip flag {flag}")
        }
        2 => {
            let at = member.len() - 1 - random.index(8);
            member[at] ^= 1 << random.index(8);
            "a bit of its gzip trailer".to_owned()
        }
        3 => {
            member.extend(vec![0; 1 + random.index(20)]);
            "zeros after it".to_owned()
        }
        4 => {
            member.splice(0..0, [*random.of(b"\0\n\x1f")]);
            "a byte before it".to_owned()
        }
        5 => {
            // The last byte of the deflate stream is whole; one more block, which is empty, is not the end any more.
            let text = unpack(member);
            *member = [&HEADER[..], &deflate(&text), &[1, 0, 0, 0xff, 0xff], &trailer(&text)].concat();
            "a deflate block after the last".to_owned()
        }
        _ => {
            let text = unpack(member);
            let cut = HEADER.len() + deflate(&text).len() - 1 - random.index(4);
            let mut packed = pack(&text);
            packed.drain(cut..cut + 1);
            *member = packed;
            "a byte of its deflate stream gone".to_owned()
        }
    };
    Changed { what: format!("record {a}: {what}"), bytes: parts.with(all), strict: true }
}

pub fn joined(parts: &Parts, random: &mut Random) -> Changed {
    let mut all = parts.numbered();
    let a = random.index(all.len() - 1);
    let text = unpack(&all[a].1);
    let what = match random.index(3) {
        0 => {
            let both = [text, unpack(&all[a + 1].1)].concat();
            all[a].1 = pack(&both);
            all.remove(a + 1);
            "in one member with the next"
        }
        1 => {
            let (head, tail) = text.split_at(1 + random.index(text.len() - 1));
            all[a].1 = pack(head);
            all.insert(a + 1, (None, pack(tail)));
            "in two members"
        }
        _ => {
            const TEXTS: [&[u8]; 3] = [b"", b"\r\n", b"WARC/1.1\r\n\r\n"];
            all.insert(a, (None, pack(TEXTS[random.index(3)])));
            "after an empty member"
        }
    };
    Changed { what: format!("record {a} {what}"), bytes: parts.with(all), strict: true }
}

pub fn header(parts: &Parts, random: &mut Random) -> Changed {
    let mut all = parts.numbered();
    let a = random.index(all.len());
    let text = unpack(&all[a].1);
    let end = text.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(text[..end].to_vec()).unwrap();
    let mut lines: Vec<String> = head.split("\r\n").map(str::to_owned).collect();
    let mut rest = text[end..].to_vec();
    let (at, other) = (1 + random.index(lines.len() - 1), 1 + random.index(lines.len() - 1));
    let other = if at == other { 1 + at % (lines.len() - 1) } else { other };
    let line = lines[at].clone();
    let (name, value) = line.split_once(": ").unwrap();
    let what = match random.index(12) {
        0 => (lines.swap(at, other), "swapped with another").1,
        1 => (lines.insert(other, line.clone()), "twice").1,
        2 => (lines.remove(at), "removed").1,
        3 => (lines[at] = format!("{}: {value}", name.to_ascii_lowercase()), "in lower case").1,
        4 => (lines[at] = format!("{name}:{value}"), "without its space").1,
        5 => (lines[at] = format!("{name}:  {value}"), "with two spaces").1,
        6 => (lines[at] = format!("{name}: {value} "), "with a space after it").1,
        7 => (lines[at] = format!("{name}:\r\n {value}"), "folded").1,
        8 => (lines[at] = format!("{name}: {value}\nX-Note: 1"), "with a line inside").1,
        9 => (lines.insert(at, format!("{}: 1", random.of(&["X-Note", "WARC-Profile", "WARC-Refers-To"]))), "added").1,
        10 => (lines[0] = (*random.of(&["WARC/1.0", "WARC/1.1 ", "warc/1.1", "WARC/2.0"])).to_owned(), "version").1,
        _ => {
            match random.index(3) {
                0 => rest.truncate(rest.len() - 2),
                1 => rest.extend(b"\r\n"),
                _ => rest.splice(0..0, *b"\r\n").for_each(drop),
            }
            "empty lines"
        }
    };
    all[a].1 = pack(&[lines.join("\r\n").as_bytes(), &rest].concat());
    Changed { what: format!("record {a}, line {line:?}: {what}"), bytes: parts.with(all), strict: true }
}
