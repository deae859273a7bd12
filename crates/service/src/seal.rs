//! Who signs certificates: a key made at first run, or the operator's own.
//!
//! `keys/signer.pem` is the key with its certificates up to the root, `signer/*.crl` its issuers' revocation lists.

use crate::{Error, Folder, Result, clock, error::read_file, folder::load_authority, keys};
use certificate::seal::Seal;
use evidence::{
    hex,
    json::{Value, json},
    token::Root,
};
use std::{
    fs,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};
use timestamp::{DocumentSigner, cms::Signer};

/// Where the password of a PKCS#12 file may stand in the environment.
const PASSWORD: &str = "QUEZAO_SIGNER_PASSWORD";

/// A signer of the operator's own.
#[derive(Clone, Debug, Default)]
pub struct OwnSigner {
    /// A PEM file: a private key (PKCS#8), its certificate, then each issuer up to the root; or PKCS#12 with these.
    pub file: PathBuf,
    /// The PKCS#12 file's password is its first line; else it is `QUEZAO_SIGNER_PASSWORD` in the environment.
    pub password_file: Option<PathBuf>,
    /// DER or PEM files: revocation lists of its issuers.
    pub crls: Vec<PathBuf>,
}

/// `certificate.pdf`, sealed: what [`certificate::render`] drew goes in.
pub(crate) fn certificate(folder: &Folder, pdf: &[u8]) -> Result<Vec<u8>> {
    let signer = load(&folder.dir)?;
    let authority = match folder.writer() {
        Ok(writer) => writer.authority.clone(),
        Err(_) => load_authority(&folder.dir, Box::new(clock::now))?.into(),
    };
    let mut crls: Vec<Vec<u8>> = revocation(&folder.dir)?.into_iter().map(|(_, der)| der).collect();
    crls.push(read_file(&folder.dir.join("authority/root.crl"))?);
    let roots = [authority.root().clone()];
    let seal = Seal { signer: &signer, crls: &crls, stamper: &*authority, roots: &roots, at: clock::now() };
    certificate::seal::seal(pdf, &seal).map_err(|e| {
        Error::new(
            format!("证书无法签章（{e}）；签署人的吊销列表过期时，用 quezao admin signer --crl FILE 换新"),
            format!("the certificate could not be sealed ({e}); a revocation list that ended is replaced with quezao admin signer --crl FILE"),
        )
    })
}

/// `trust-signer-*.pem`, of this root, and `trust-revocation-*.crl` of a package, in their order: the signer's, the
/// embedded authority's, `others`.
pub(crate) fn carried(dir: &Path, root: &Root, others: Vec<Vec<u8>>) -> Result<Vec<(String, Vec<u8>)>> {
    let mut entries = vec![(format!("trust-signer-{}.pem", short(&root.der)), pem(&root.der)?)];
    let mut lists = revocation(dir)?;
    let authority = read_file(&dir.join("authority/root.crl"))?;
    lists.extend(others.into_iter().chain([authority]).map(|der| (short(&der), der)));
    lists.sort();
    lists.dedup();
    entries.extend(lists.into_iter().map(|(short, der)| (format!("trust-revocation-{short}.crl"), der)));
    Ok(entries)
}

/// The root that readers of certificates have to trust.
pub(crate) fn root(dir: &Path) -> Result<Root> {
    Ok(load(dir)?.root())
}

/// Makes a signer, or takes the operator's own, into a folder that has none; returns its line of `roles.json`.
pub(crate) fn install(dir: &Path, name: &str, role: &str, own: Option<&OwnSigner>) -> Result<Value> {
    let folder = dir.join("signer");
    fs::create_dir(&folder).map_err(|e| Error::io(&folder, &e))?;
    let (pem, lists) = match own {
        Some(own) => {
            let lists = own.crls.iter().map(|path| crl(path)).collect::<Result<Vec<_>>>()?;
            (signer_file(&own.file, own.password_file.as_deref())?, lists)
        }
        None => {
            let made = DocumentSigner::create(name, clock::now()).map_err(|e| {
                Error::new(format!("无法生成签章密钥（{e}）"), format!("no signing key could be made ({e})"))
            })?;
            keys::write_secret(&dir.join("keys/signer-root.pem"), made.root_key_pem.as_bytes())?;
            let pem = format!("{}{}{}", made.signer_key_pem, made.signer_cert_pem, made.root_cert_pem);
            (pem.into_bytes(), vec![made.crl_der])
        }
    };
    let signer = parse(&pem)?;
    check_lists(&signer, &lists)?;
    put(dir, &signer, Some(&pem), &lists)?;
    Ok(role_line(&signer, name, role))
}

impl Folder {
    /// Takes another signer, or other revocation lists for the one that is there. What was signed before stays valid:
    /// its root stays in `trust/`. Returns SHA-256 of the signer's root, hex.
    pub fn set_signer(&self, file: Option<&Path>, password_file: Option<&Path>, crls: &[PathBuf]) -> Result<String> {
        self.writer()?;
        let lists = crls.iter().map(|path| crl(path)).collect::<Result<Vec<_>>>()?;
        let pem = file.map(|file| signer_file(file, password_file)).transpose()?;
        let signer = match &pem {
            Some(pem) => parse(pem)?,
            None => load(&self.dir)?,
        };
        check_lists(&signer, &lists)?;
        put(&self.dir, &signer, pem.as_deref(), &lists)?;
        if pem.is_some() {
            self.name_signer(&signer)?;
        }
        Ok(hex::encode(&signer.root().fingerprint()))
    }

    /// A line in `trust/roles.json` for a new signer.
    fn name_signer(&self, signer: &DocumentSigner) -> Result<()> {
        let path = self.trust_dir().join("roles.json");
        let mut roles = evidence::json::parse("roles.json", &read_file(&path)?, 1 << 20)?;
        let (runs, role) = match &self.operator {
            Some(operator) => (&operator.name, "platform"),
            None => (&self.owner.name, "owner"),
        };
        let line = role_line(signer, runs, role);
        if let Some(lines) = roles.as_array_mut().filter(|lines| !lines.iter().any(|l| l["key"] == line["key"])) {
            lines.push(line);
        }
        replace(&path, &evidence::json::to_bytes("roles.json", &roles)?, 0o644)
    }
}

/// Writes what was examined: each file is whole or the one before.
fn put(dir: &Path, signer: &DocumentSigner, pem_file: Option<&[u8]>, lists: &[Vec<u8>]) -> Result<()> {
    let root = signer.root();
    replace(&dir.join(format!("trust/signer-{}.pem", short(&root.der))), &pem(&root.der)?, 0o644)?;
    let old = revocation(dir)?;
    for list in lists {
        replace(&list_path(dir, &short(list)), list, 0o644)?;
    }
    if let Some(bytes) = pem_file {
        replace(&dir.join("keys/signer.pem"), bytes, 0o600)?;
    }
    for (name, _) in old.iter().filter(|(_, der)| !lists.contains(der)) {
        let path = list_path(dir, name);
        fs::remove_file(&path).map_err(|e| Error::io(&path, &e))?;
    }
    Ok(())
}

fn list_path(dir: &Path, short: &str) -> PathBuf {
    dir.join(format!("signer/{short}.crl"))
}

pub(crate) fn replace(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    let new = path.with_extension("new");
    let write = || {
        let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&new)?;
        file.write_all(bytes).and_then(|()| file.sync_all())?;
        fs::rename(&new, path)
    };
    write().map_err(|e| Error::io(path, &e))
}

fn role_line(signer: &DocumentSigner, name: &str, role: &str) -> Value {
    let certificate = signer.chain().first().map(|der| evidence::digest::sha256(der)).unwrap_or_default();
    let key = format!("sha256:{}", hex::encode(&certificate));
    json!({"key": key, "role": role, "name": name, "independent": false, "from": null, "until": null})
}

fn load(dir: &Path) -> Result<DocumentSigner> {
    parse(&read_file(&dir.join("keys/signer.pem"))?)
}

fn parse(pem: &[u8]) -> Result<DocumentSigner> {
    DocumentSigner::from_pem(pem)
        .map_err(|e| Error::new(format!("签章密钥不可用（{e}）"), format!("the signing key cannot be used ({e})")))
}

/// A signer's PEM file, or one in PKCS#12 as that.
pub fn signer_file(path: &Path, password_file: Option<&Path>) -> Result<Vec<u8>> {
    let bytes = read_file(path)?;
    if !timestamp::is_pkcs12(&bytes) {
        return Ok(bytes);
    }
    let shown = crate::show_path(path);
    let Some(password) = password(password_file)? else {
        return Err(Error::new(
            format!("{shown} 是 PKCS#12（.p12/.pfx）；请用 --signer-password-file FILE 或环境变量 {PASSWORD} 给出口令"),
            format!(
                "{shown} is PKCS#12 (.p12, .pfx); give its password with --signer-password-file FILE, or in the environment as {PASSWORD}"
            ),
        ));
    };
    timestamp::pkcs12_to_pem(&bytes, &password).map(String::into_bytes).map_err(|e| {
        let again = |read: &str, write: &str| {
            let unpack = format!("openssl pkcs12 {read}-in {} -nodes -out new.pem", quoted(path));
            format!("(umask 077; {unpack} && openssl pkcs12 -export -in new.pem {write}-out new.p12; rm -f new.pem)")
        };
        let (zh, en) = match e {
            timestamp::Error::OldEncryption { .. } => {
                let command = again("-legacy ", "");
                (format!("请换成今天的加密，再用 --signer new.p12：\n{command}"), format!("encrypt it as is done today, then give --signer new.p12:\n{command}"))
            }
            timestamp::Error::NoIssuer { .. } => {
                let command = again("", "-certfile issuers.pem ");
                (
                    format!("请把各级签发者直到根的 PEM 放进 issuers.pem，再用 --signer new.p12：\n{command}"),
                    format!("put the issuers up to the root, in PEM, into issuers.pem, then give --signer new.p12:\n{command}"),
                )
            }
            _ => ("请检查口令与文件，或改用 PEM".to_owned(), "check password and file, or give PEM".to_owned()),
        };
        Error::new(format!("{shown}：{e}；{zh}"), format!("{shown}: {e}; {en}"))
    })
}

/// The file's first line, else what the environment says. No command line shows it, nor does any list of processes.
fn password(file: Option<&Path>) -> Result<Option<String>> {
    let Some(file) = file else { return Ok(std::env::var(PASSWORD).ok()) };
    let text = String::from_utf8(read_file(file)?).map_err(|_| {
        let shown = crate::show_path(file);
        Error::new(format!("{shown}：口令不是 UTF-8"), format!("{shown}: the password is not UTF-8"))
    })?;
    Ok(Some(text.lines().next().unwrap_or_default().to_owned()))
}

/// A path as one word of a shell.
fn quoted(path: &Path) -> String {
    format!("'{}'", crate::show_path(path).replace('\'', "'\\''"))
}

/// Whether what would be signed today would verify.
fn check_lists(signer: &DocumentSigner, lists: &[Vec<u8>]) -> Result<()> {
    evidence::document::check_signer(signer.chain(), lists, clock::now()).map_err(|e| {
        let name = signer.certificate().tbs_certificate().subject();
        Error::new(
            format!("“{name}”签出的证书不会通过核验（{e}）；请检查证书链，并用 --crl 给出每个签发者当前的吊销列表"),
            format!("what \"{name}\" signs would not verify ({e}); check the chain, and give each issuer's current revocation list with --crl"),
        )
    })
}

/// Revocation lists of the signer's issuers: short digest and DER, ascending.
fn revocation(dir: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let folder = dir.join("signer");
    let mut lists = Vec::new();
    for entry in fs::read_dir(&folder).map_err(|e| Error::io(&folder, &e))?.flatten() {
        if entry.path().extension().is_some_and(|e| e == "crl") {
            let der = read_file(&entry.path())?;
            lists.push((short(&der), der));
        }
    }
    lists.sort();
    Ok(lists)
}

/// A revocation list, DER or PEM, as DER.
fn crl(path: &Path) -> Result<Vec<u8>> {
    let bytes = read_file(path)?;
    evidence::document::crl_to_der(&bytes).map_err(|e| {
        let shown = crate::show_path(path);
        Error::new(format!("{shown}：不是吊销列表（{e}）"), format!("{shown}: not a revocation list ({e})"))
    })
}

/// First 16 digits of the SHA-256 of DER: what files of a trust folder are named by.
pub(crate) fn short(der: &[u8]) -> String {
    hex::encode(&evidence::digest::sha256(der))[..16].to_owned()
}

/// One certificate, LF, 64 columns.
fn pem(der: &[u8]) -> Result<Vec<u8>> {
    Root { der: der.to_vec() }.to_pem().map(String::into_bytes).map_err(Error::from)
}
