//! The neutral export: files, digests and commands, and not one conclusion. What they come to is for the appraiser to say.

use super::{Examined, paper::evidence_name};
use archive::bundle::Bundle;
use evidence::{digest::FileDigests, hex};

/// A ZIP of the evidence, what it holds, digests of all, and commands that other people's tools take.
pub(super) fn materials(examined: &Examined) -> Vec<u8> {
    let name = evidence_name(examined);
    let mut files = vec![(name.to_owned(), examined.evidence.clone())];
    files.extend(held(&examined.evidence).into_iter().map(|(n, bytes)| (format!("held/{n}"), bytes)));
    let listed = |pick: fn(&FileDigests) -> String| -> String {
        files.iter().map(|(n, bytes)| format!("{}  {n}\n", pick(&FileDigests::of(bytes)))).collect()
    };
    let sums = [listed(|d| hex::encode(&d.sha256)), listed(|d| hex::encode(&d.sm3))];
    let originals: String = examined.files.iter().skip(1).map(line).collect();
    let commands = commands(name, !examined.files.iter().skip(1).count().eq(&0));
    for (name, text) in
        [("SHA256SUMS", &sums[0]), ("SM3SUMS", &sums[1]), ("ORIGINALS.txt", &originals), ("COMMANDS.txt", &commands)]
    {
        if !text.is_empty() {
            files.push((name.to_owned(), text.clone().into_bytes()));
        }
    }
    let (mut bundle, mut out) = (Bundle::new(examined.at), Vec::new());
    for (name, bytes) in &files {
        if let Some(head) = bundle.entry(name, bytes) {
            out.extend(head);
            out.extend(bytes);
        }
    }
    out.extend(bundle.finish());
    out
}

/// The evidence's own files, where it opens.
pub(super) fn held(evidence: &[u8]) -> Vec<(String, Vec<u8>)> {
    if verify::is_certificate(evidence) {
        return archive::pdf::read(evidence).map(|pdf| pdf.attachments).unwrap_or_default();
    }
    archive::package::read(evidence).map(|package| package.entries).unwrap_or_default()
}

/// Digests of a file that is not in the export.
fn line(file: &certificate::Examined) -> String {
    let name: String = file.name.chars().filter(|c| !c.is_control()).collect();
    format!("{name}\n  {} bytes\n  SHA-256 {}\n  SM3     {}\n", file.size, file.sha256, file.sm3)
}

/// Fixed text: no name of a file that somebody gave stands in a command.
fn commands(evidence: &str, originals: bool) -> String {
    let open = if evidence.ends_with(".pdf") {
        "pdfdetach -saveall evidence.pdf -o held\npdfsig evidence.pdf\n"
    } else {
        "unzip evidence.zip -d held\n"
    };
    let original = if originals { " ORIGINAL" } else { "" };
    format!(
        "这里只有文件、摘要与命令，没有结论。held/VERIFY.txt 有逐步说明；信任根须另行取得，放入文件夹 TRUST。\n\
         Files, digests and commands; no conclusions. held/VERIFY.txt has each step; trust roots come from elsewhere, in a folder TRUST.\n\n\
         sha256sum -c SHA256SUMS\n\
         {open}\
         openssl dgst -sm3 held/record.json\n\
         openssl ts -reply -in held/timestamp-1.tsr -text\n\
         openssl ts -reply -in held/checkpoint.tsr -text\n\
         python3 held/verify.py --trust TRUST held{original}\n\
         quezao verify --trust TRUST --json {evidence}{original}\n"
    )
}
