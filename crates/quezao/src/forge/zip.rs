//! A ZIP as an attacker writes it: any names, as often as he likes. Otherwise as canonical as ours.

/// The ZIP of these entries, unchecked.
pub(super) fn write(entries: &[(String, Vec<u8>)]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, bytes) in entries {
        let offset = out.len() as u32;
        // Version needed 20; flags, method, time 0; date 1980-01-01; then CRC-32 and both sizes.
        let mut common = vec![20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0];
        common.extend(crc32(bytes).to_le_bytes());
        common.extend([(bytes.len() as u32).to_le_bytes(); 2].concat());
        common.extend((name.len() as u16).to_le_bytes());
        common.extend([0; 2]);
        out.extend([b"PK\x03\x04", common.as_slice(), name.as_bytes(), bytes].concat());
        directory.extend([b"PK\x01\x02\x14\x00", common.as_slice(), &[0; 10]].concat());
        directory.extend(offset.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let (offset, count) = (out.len() as u32, (entries.len() as u16).to_le_bytes());
    out.extend_from_slice(&directory);
    out.extend([b"PK\x05\x06\0\0\0\0", [count, count].concat().as_slice()].concat());
    out.extend((directory.len() as u32).to_le_bytes());
    out.extend(offset.to_le_bytes());
    out.extend([0; 2]);
    out
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |c: u32, _| if c & 1 == 1 { 0xedb8_8320 ^ (c >> 1) } else { c >> 1 };
    !bytes.iter().fold(!0u32, |c, b| (0..8).fold(c ^ u32::from(*b), step))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    #[test]
    fn an_honest_list_gives_the_archive_s_own_bytes() {
        let names = ["statement.json", "timestamp-1.tsr", "record.json", "proof.tlog-proof", "checkpoint.txt"];
        let more = ["disclosure.json", "trust-policy", "trust-roles.json", "VERIFY.txt", "verify.py"];
        let entries: Vec<(String, Vec<u8>)> =
            names.iter().chain(&more).map(|n| ((*n).to_owned(), n.as_bytes().to_vec())).collect();
        let mut all = vec![("package.json".to_owned(), archive::package::manifest(&entries).unwrap())];
        all.extend_from_slice(&entries);
        assert_eq!(super::write(&all), archive::package::write(&entries).unwrap());
    }
}
