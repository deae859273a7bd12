//! The neutral export: files, digests and commands, and not one conclusion. What they come to is for the appraiser to say.
//!
//! Rules: what the evidence holds is material. No file of it is named as a program, and none keeps a name that this
//! version does not know; the reader that the commands name is this program's own.

use super::{Examined, paper::evidence_name};
use archive::bundle::Bundle;
use evidence::{digest::FileDigests, hex};

/// The independent reader, of this program and not of the evidence.
const READER: &str = "verify.py";

/// A ZIP of the evidence, what it holds, digests of all, and commands that other people's tools take.
pub(super) fn materials(examined: &Examined) -> Vec<u8> {
    let name = evidence_name(examined);
    let mut files =
        vec![(name.to_owned(), examined.evidence.clone()), (READER.to_owned(), archive::VERIFY_PY.to_vec())];
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

/// The evidence's own files, where it opens (of a report those of the evidence inside): those of known names, which hold no
/// path and no newline.
pub(super) fn held(evidence: &[u8]) -> Vec<(String, Vec<u8>)> {
    let reported = verify::reported(evidence);
    let evidence = reported.as_deref().unwrap_or(evidence);
    let mut files = match verify::is_certificate(evidence) {
        true => archive::pdf::read(evidence).map(|pdf| pdf.attachments).unwrap_or_default(),
        false => archive::package::read(evidence).map(|package| package.entries).unwrap_or_default(),
    };
    files.retain(|(name, _)| archive::is_known(name));
    files
}

/// Digests of a file that is not in the export.
fn line(file: &certificate::Examined) -> String {
    let name: String = file.name.chars().filter(|c| !c.is_control()).collect();
    format!("{name}\n  {} bytes\n  SHA-256 {}\n  SM3     {}\n", file.size, file.sha256, file.sm3)
}

/// Fixed text: no name of a file that somebody gave stands in a command.
fn commands(evidence: &str, originals: bool) -> String {
    let open = if evidence.ends_with(".pdf") { "pdfsig evidence.pdf\n" } else { "" };
    let original = if originals { " ORIGINAL" } else { "" };
    format!(
        "这里只有文件、摘要与命令，没有结论。held/ 是证据自带的文件，不要运行其中任何程序；verify.py 出自本节点的程序，可与公布的版本比对。信任根须另行取得，放入文件夹 TRUST。\n\
         Files, digests and commands; no conclusions. held/ is what the evidence carries: run nothing of it. verify.py comes with this node's program; compare it with the published one. Trust roots come from elsewhere, in a folder TRUST.\n\n\
         sha256sum -c SHA256SUMS\n\
         {open}\
         openssl dgst -sm3 held/record.json\n\
         openssl ts -reply -in held/timestamp-1.tsr -text\n\
         openssl ts -reply -in held/checkpoint.tsr -text\n\
         python3 verify.py --trust TRUST held{original}\n\
         quezao verify --trust TRUST --json {evidence}{original}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_evidence_is_named_as_a_program() {
        for evidence in ["evidence.pdf", "evidence.zip"] {
            let said = commands(evidence, true);
            let line = said.lines().find(|line| line.starts_with("python3")).unwrap();
            assert_eq!(line, "python3 verify.py --trust TRUST held ORIGINAL");
            assert!(
                !said.contains("held/verify.py") && !said.contains("-d held") && !said.contains("saveall"),
                "{said}"
            );
        }
    }
}
