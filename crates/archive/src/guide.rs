//! `VERIFY.txt`: how to check a package without this project's software.
//!
//! Rules: it begins with what no package can vouch for, its keys; only characters of
//! `[0-9A-Za-z.:/+=_-]` are ever filled in, so no name can become a command; the file in question is
//! always called ORIGINAL; each command works as pasted inside the extracted folder and writes nothing there.

use std::fmt::Write;

/// What is filled in. Digests are lower-case hex; instants are genTime in Unix seconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifyTxt {
    /// Record number.
    pub id: String,
    /// The ledger's verifier key.
    pub ledger_key: String,
    /// Roots of time authorities: entry name, and SHA-256 of the DER.
    pub roots: Vec<(String, String)>,
    /// Entry name of the root of whoever signed the certificate.
    pub signer_file: String,
    /// SHA-256 of that root's DER.
    pub signer_sha256: String,
    /// Record digest.
    pub record_sha256: String,
    /// Of the original, where the record has a file.
    pub sha256: Option<String>,
    /// Of the original.
    pub sm3: Option<String>,
    /// One for each `timestamp-N.tsr`: entry name of its root, and genTime.
    pub statement_tokens: Vec<(String, i64)>,
    /// `checkpoint.tsr`, `checkpoint-2.tsr` …
    pub checkpoint_tokens: Vec<(String, i64)>,
    /// `renewal-01.tsr` …
    pub renewal_tokens: Vec<(String, i64)>,
    /// Of `verify.py`.
    pub verify_py_sha256: String,
}

/// The text, Chinese first, then English; LF, UTF-8.
pub fn verify_txt(values: &VerifyTxt) -> String {
    let v = VerifyTxt {
        id: safe(&values.id),
        ledger_key: safe(&values.ledger_key),
        roots: values.roots.iter().map(|(file, sha256)| (safe(file), safe(sha256))).collect(),
        statement_tokens: values.statement_tokens.iter().map(|(root, at)| (safe(root), *at)).collect(),
        checkpoint_tokens: values.checkpoint_tokens.iter().map(|(root, at)| (safe(root), *at)).collect(),
        renewal_tokens: values.renewal_tokens.iter().map(|(root, at)| (safe(root), *at)).collect(),
        signer_file: safe(&values.signer_file),
        signer_sha256: safe(&values.signer_sha256),
        record_sha256: safe(&values.record_sha256),
        sha256: values.sha256.as_deref().map(safe),
        sm3: values.sm3.as_deref().map(safe),
        verify_py_sha256: safe(&values.verify_py_sha256),
    };
    let mut out = String::new();
    write_in(&mut out, &v, &ZH);
    out.push_str("\n----------------------------------------------------------------\n\n");
    write_in(&mut out, &v, &EN);
    out
}

/// Sentences of one language, in the order of the text.
struct Words {
    title: &'static str,
    keys: &'static str,
    root: &'static str,
    signer: &'static str,
    key: &'static str,
    extract: &'static str,
    file: &'static str,
    no_file: &'static str,
    expected: &'static str,
    statement_time: &'static str,
    record: &'static str,
    sealing: &'static str,
    no_sealing: &'static str,
    renewal: &'static str,
    reader: &'static str,
    certificate: &'static str,
    end: &'static str,
}

const ZH: Words = Words {
    title: "如何自行核验这份证据",
    keys: "1. 先核对密钥。本包自带的密钥和根证书不能证明它们自己：请从别处（运营者公开的网页、法院或公证处、以前\n   取得的证书）取得下列各值并逐位比对；比对不上，或无从取得，则以下各步只说明本包自身前后一致。",
    root: "时间戳机构根证书的 SHA-256 指纹，应为",
    signer: "证书签章人根证书的 SHA-256 指纹，应为",
    key: "账本公钥，应为（trust-policy 中以 log 开头的一行）",
    extract: "2. 解压（已经是文件夹的，直接进入该文件夹）。",
    file: "3. 核对文件。把待核验的文件复制到此文件夹，命名为 ORIGINAL。后两条命令各应显示 1。",
    no_file: "3. 这条记录没有文件，无需核对。",
    expected: "声明中的值",
    statement_time: "4. 核对声明的时间戳：它同时确定文件、存证主体和各项声明在何时之前已经存在。应显示 Verification: OK。",
    record: "5. 核对声明在账本记录中（应显示 1），以及记录摘要。记录摘要应为",
    sealing: "6. 核对账本检查点的时间戳。应显示 Verification: OK。",
    no_sealing: "6. 本包没有检查点的时间戳（尚未封存），核验结果只能是“尚不完整”。",
    renewal: "   续期：清单列出之前的各文件，时间戳覆盖清单。第一条应无输出，第二条应显示 Verification: OK。",
    reader: "7. 记录在账本中的位置、账本签名和见证签名由独立核验程序检查（只需 Python 3 和 openssl）。先核对它的摘要\n   与发布页公布的一致；不认识的不要运行。TRUST 是您自己的信任文件夹（policy、roles.json、tsa-*.pem）；\n   不给 TRUST 时结果至多是“尚不完整”（退出码 3）。退出码 0 为核验一致，1 为核验不一致，3 为尚不完整。",
    certificate: "8. PDF 证书的签名（pdfsig 来自 poppler-utils）。证据包中的证书名为 certificate.pdf；单独取得的，请以此名复制到\n   此文件夹。应显示 Signature is Valid。pdfsig 不认识这里的根证书，也不检查末尾的文件时间戳；Acrobat 等可以。",
    end: "以上只说明这些数据在何时之前存在、此后未被改动；不证明作者是谁、权利归谁、他人是否侵权，也不说明取得摘要\n之前的事。打印件不是核验的对象。",
};

const EN: Words = Words {
    title: "How to check this evidence yourself",
    keys: "1. Keys first. The keys and roots in this package cannot vouch for themselves: get the values below from\n   elsewhere (the operator's public page, a court or notary office, an earlier certificate) and compare them\n   digit by digit. If they differ or cannot be had, the steps below show only that the package agrees with itself.",
    root: "SHA-256 fingerprint of the time authority's root certificate, must be",
    signer: "SHA-256 fingerprint of the root of whoever signed the certificate, must be",
    key: "Key of the ledger, must be (the line of trust-policy that begins with log)",
    extract: "2. Extract (if this is a folder already, go into it).",
    file: "3. The file. Copy the file in question into this folder as ORIGINAL. The last two commands print 1 each.",
    no_file: "3. This record has no file to compare.",
    expected: "Values in the statement",
    statement_time: "4. The time-stamp over the statement, which dates file, owner and claims at once. It prints Verification: OK.",
    record: "5. The statement stands in the ledger's record (prints 1), and the record digest, which must be",
    sealing: "6. The time-stamp over the ledger's checkpoint. It prints Verification: OK.",
    no_sealing: "6. This package has no time-stamp over the checkpoint (not sealed yet); the result can only be incomplete.",
    renewal: "   Renewals: a list of every file before, and a time-stamp over the list. The first command prints nothing, the\n   second Verification: OK.",
    reader: "7. Place in the ledger, the ledger's signature and the witnesses' are checked by the independent reader (Python 3\n   and openssl, nothing else). Compare its digest with the one that the release publishes; do not run an unknown\n   one. TRUST is your own trust folder (policy, roles.json, tsa-*.pem); without it the result is at most\n   incomplete (exit 3). Exit 0 is verified, 1 is not verified, 3 is incomplete.",
    certificate: "8. The signature of the PDF certificate (pdfsig is in poppler-utils). In the package it is certificate.pdf; one that\n   came alone is copied into this folder under that name. It prints Signature is Valid. pdfsig does not know the\n   root here and does not check the document time-stamp at the end; Acrobat and others do.",
    end: "This shows only that these data existed no later than then and did not change since. It does not show who the\nauthor is, who holds rights, whether anybody infringes, or what was true before the digest was taken. A printed\npage is not what is verified.",
};

fn write_in(out: &mut String, v: &VerifyTxt, w: &Words) {
    let mut line = |text: &str| {
        out.push_str(text);
        out.push('\n');
    };
    line(w.title);
    line(&v.id);
    line("");
    line(w.keys);
    line("");
    for (file, sha256) in &v.roots {
        line(&format!("    openssl x509 -in {file} -outform DER | sha256sum"));
        line(&format!("   {}\n      {sha256}", w.root));
    }
    line(&format!("    openssl x509 -in {} -outform DER | sha256sum", v.signer_file));
    line(&format!("   {}\n      {}", w.signer, v.signer_sha256));
    line("    grep ^log trust-policy");
    line(&format!("   {}\n      {}", w.key, v.ledger_key));
    line("");
    line(w.extract);
    line("");
    line(&format!("    unzip {0}.zip -d {0} && cd {0}", v.id));
    line("");
    if let (Some(sha256), Some(sm3)) = (&v.sha256, &v.sm3) {
        line(w.file);
        line("");
        line("    sha256sum ORIGINAL");
        line("    openssl dgst -sm3 ORIGINAL");
        line("    grep -c \"\\\"sha256\\\":\\\"$(sha256sum ORIGINAL | cut -c1-64)\\\"\" statement.json");
        line("    grep -c \"\\\"sm3\\\":\\\"$(openssl dgst -sm3 -r ORIGINAL | cut -c1-64)\\\"\" statement.json");
        line(&format!("   {}\n      SHA-256 {sha256}\n      SM3     {sm3}", w.expected));
    } else {
        line(w.no_file);
    }
    line("");
    line(w.statement_time);
    line("");
    let stamp = |data: &str, token: &str, root: &str, seconds: i64| {
        format!("    openssl ts -verify -data {data} -in {token} -CAfile {root} -attime {seconds}")
    };
    for (n, (root, seconds)) in (1..).zip(&v.statement_tokens) {
        line(&stamp("statement.json", &format!("timestamp-{n}.tsr"), root, *seconds));
    }
    line("");
    line(w.record);
    line(&format!("      {}", v.record_sha256));
    line("");
    line("    grep -cF \"$(cat statement.json)\" record.json");
    line("    sha256sum record.json");
    line("");
    line(if v.checkpoint_tokens.is_empty() { w.no_sealing } else { w.sealing });
    line("");
    for (n, (root, seconds)) in (1..).zip(&v.checkpoint_tokens) {
        let token = if n == 1 { "checkpoint.tsr".to_owned() } else { format!("checkpoint-{n}.tsr") };
        line(&stamp("checkpoint.txt", &token, root, *seconds));
    }
    if !v.renewal_tokens.is_empty() {
        line("");
        line(w.renewal);
        line("");
    }
    for (n, (root, seconds)) in (1..).zip(&v.renewal_tokens) {
        line(&format!("    sha512sum --quiet -c renewal-{n:02}.txt"));
        line(&stamp(&format!("renewal-{n:02}.txt"), &format!("renewal-{n:02}.tsr"), root, *seconds));
    }
    line("");
    line(w.reader);
    line("");
    line("    sha256sum verify.py");
    let _ = write!(out, "      {}\n    python3 verify.py .", v.verify_py_sha256);
    let original = if v.sha256.is_some() { " ORIGINAL" } else { "" };
    let _ = writeln!(out, "{original}\n    python3 verify.py --trust TRUST .{original}\n");
    let _ = writeln!(out, "{}\n\n    pdfsig certificate.pdf\n\n{}", w.certificate, w.end);
}

/// A value whose characters are all harmless in a shell and in a text, else a dash.
fn safe(value: &str) -> String {
    let harmless = |c: u8| c.is_ascii_alphanumeric() || b".:/+=_-".contains(&c);
    if !value.is_empty() && value.bytes().all(harmless) && !value.starts_with('-') {
        value.to_owned()
    } else {
        "-".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_shell_would_read_is_filled_in() {
        let evil = VerifyTxt {
            id: "a'; rm -rf x'".into(),
            roots: vec![("$(id)".into(), "$(id)".into())],
            ..VerifyTxt::default()
        };
        let text = verify_txt(&evil);
        assert!(!text.contains("rm -rf") && !text.contains("$(id)"));
    }
}
