//! A new folder: keys, embedded authority, trust folder, leaf 0. Made beside its place and renamed, so it exists whole or not at all.

use crate::{
    AddAuthority, Error, Folder, InitOptions, Initialized, Result, Warnings, authorities, clock, error::show_path,
    folder, identity::Party, keys, register, seal,
};
use evidence::{hex, json::json, note::Signer, token::Root};
use std::{
    fs,
    path::{Path, PathBuf},
};
use timestamp::Authority;

impl Folder {
    /// Makes a data folder at `dir`, which must be absent or empty.
    pub fn init(dir: &Path, options: &InitOptions) -> Result<Initialized> {
        Self::init_with(dir, options, &mut |_| Ok(()))
    }

    /// The same; `more` is written into the new database before the folder takes its place.
    pub(crate) fn init_with(
        dir: &Path,
        options: &InitOptions,
        more: &mut dyn FnMut(&store::Store) -> Result<()>,
    ) -> Result<Initialized> {
        let (owner, operator, warnings) = parties(options)?;
        if fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some()) || dir.is_file() {
            return Err(Error::new(
                format!("{} 已有内容；请换一个新的或空的文件夹", show_path(dir)),
                format!("{} is not empty; choose a new or an empty folder", show_path(dir)),
            ));
        }
        let making = Making::begin(dir)?;
        let (mut initialized, mirror) = fill(&making.path, &owner, operator.as_ref(), options, more)?;
        if let Err(e) = making.finish(dir) {
            let _ = fs::remove_file(mirror);
            return Err(e);
        }
        initialized.warnings = warnings;
        Ok(initialized)
    }
}

fn parties(options: &InitOptions) -> Result<(Party, Option<Party>, Warnings)> {
    let owner = Party {
        kind: options.owner_kind.clone(),
        name: options.owner_name.clone(),
        code: options.owner_code.clone(),
        id: options.owner_id.clone(),
    };
    let mut warnings = owner.check()?;
    let operator = match (&options.operator_name, &options.operator_code) {
        (None, None) => None,
        (None, Some(_)) => {
            return Err(Error::new(
                "给出了 --operator-code，但没有 --operator-name；请两个都给或都不给",
                "--operator-code was given without --operator-name; give both or neither",
            ));
        }
        (Some(name), code) => {
            Some(Party { kind: "enterprise".into(), name: name.clone(), code: code.clone(), id: None })
        }
    };
    if let Some(operator) = &operator {
        warnings.extend(operator.check()?);
    }
    Ok((owner, operator, warnings))
}

/// Everything inside the new folder, which is still under its temporary name.
fn fill(
    dir: &Path,
    owner: &Party,
    operator: Option<&Party>,
    options: &InitOptions,
    more: &mut dyn FnMut(&store::Store) -> Result<()>,
) -> Result<(Initialized, PathBuf)> {
    for sub in ["keys", "authority", "trust", "originals"] {
        let path = dir.join(sub);
        fs::create_dir(&path).map_err(|e| Error::io(&path, &e))?;
    }
    let seed = keys::random::<32>()?;
    keys::write_secret(&dir.join("keys/ledger.pem"), keys::ed25519_to_pem(&seed).as_bytes())?;
    // The key's own bytes do not depend on the name that the origin will give it.
    let key = Signer::from_seed("quezao", &seed)?.verifier_key();
    let public =
        key.public_key().try_into().map_err(|_| Error::new("账本公钥长度不对", "the ledger key has a wrong length"))?;
    let origin =
        evidence::checkpoint::origin(options.origin.as_deref().unwrap_or("quezao.local"), public).map_err(|e| {
            Error::new(
                format!("账本名称不可用（{}）；请用 --origin 给出如 example.cn 的名称", e.zh()),
                format!("the ledger cannot have that name ({e}); give --origin a name such as example.cn"),
            )
        })?;
    let ledger_key = Signer::from_seed(&origin, &seed)?.verifier_key().to_string();

    let runs = operator.unwrap_or(owner);
    let material = Authority::create(&runs.name, clock::now()).map_err(|e| {
        Error::new(format!("无法生成内置时间机构（{e}）"), format!("the embedded authority could not be made ({e})"))
    })?;
    let write = |path: &str, bytes: &[u8]| {
        let path = dir.join(path);
        fs::write(&path, bytes).map_err(|e| Error::io(&path, &e))
    };
    write("authority/root.pem", material.root_cert_pem.as_bytes())?;
    write("authority/signer.pem", material.signer_cert_pem.as_bytes())?;
    write("authority/root.crl", &material.crl_der)?;
    keys::write_secret(&dir.join("keys/authority-root.pem"), material.root_key_pem.as_bytes())?;
    keys::write_secret(&dir.join("keys/authority.pem"), material.signer_key_pem.as_bytes())?;

    let root = Root::from_pem(material.root_cert_pem.as_bytes())?;
    let fingerprint = hex::encode(&root.fingerprint());
    write("trust/policy", format!("log {ledger_key}\nquorum none\n").as_bytes())?;
    write(&format!("trust/tsa-{}.pem", &fingerprint[..16]), material.root_cert_pem.as_bytes())?;
    // Who runs the ledger for himself is no platform: his own trust folder says so too.
    let role = if operator.is_some() { "platform" } else { "owner" };
    let signer = seal::install(dir, &runs.name, role, options.signer.as_ref())?;
    let roles = json!([
        {"key": ledger_key, "role": role, "name": runs.name, "independent": false, "from": null, "until": null},
        {"key": format!("sha256:{fingerprint}"), "role": role, "name": format!("{} · embedded authority / 平台自签时间标记", runs.name),
         "independent": false, "from": null, "until": null},
        signer,
    ]);
    write("trust/roles.json", &evidence::json::to_bytes("roles.json", &roles)?)?;

    let database = store::Store::create(&dir.join("quezao.db"))?;
    let stored = |party: &Party| serde_json::to_string(party).unwrap_or_default();
    database.set_meta("owner", &stored(owner))?;
    if let Some(operator) = operator {
        database.set_meta("operator", &stored(operator))?;
    }
    database.set_meta("origin", &origin)?;
    database.set_meta("ledger_key", &ledger_key)?;
    more(&database)?;
    let (writer, _) = folder::open_writer(dir, &database, &origin, folder::lock(dir)?)?;
    register::operator(&database, &writer, &origin, runs, &options.operator_filings)?;
    if let Some(after) = &options.after {
        crate::origin::record(&database, &writer, &origin, after)?;
    }
    writer.ledger.flush_and_close().map_err(|e| folder::ledger_error(&e))?;
    for name in &options.tsa {
        authorities::add(dir, &AddAuthority { name: name.clone(), ..AddAuthority::default() })?;
    }
    let mirror = folder::mirror_path(&origin)?;
    let signer_root = hex::encode(&seal::root(dir)?.fingerprint());
    let made = Initialized { origin, ledger_key, authority_root: fingerprint, signer_root, warnings: Vec::new() };
    Ok((made, mirror))
}

/// The folder under a temporary name beside its place; removed unless finished.
pub(crate) struct Making {
    pub path: PathBuf,
    done: bool,
}

impl Making {
    pub(crate) fn begin(dir: &Path) -> Result<Self> {
        let parent = dir.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::create_dir_all(parent).map_err(|e| Error::io(parent, &e))?;
        let name = format!(
            ".{}.making-{}",
            dir.file_name().unwrap_or_default().to_string_lossy(),
            hex::encode(&keys::random::<4>()?)
        );
        let path = parent.join(name);
        fs::create_dir(&path).map_err(|e| Error::io(&path, &e))?;
        Ok(Self { path, done: false })
    }

    pub(crate) fn finish(mut self, dir: &Path) -> Result<()> {
        fs::rename(&self.path, dir).map_err(|e| Error::io(dir, &e))?;
        self.done = true;
        Ok(())
    }
}

impl Drop for Making {
    fn drop(&mut self) {
        if !self.done {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}
