//! Files that come in over the network: staged, then registered as the command line registers them.

use super::{
    Account, Actor, Answer, Permission, Refusal, Why,
    upload::{full, room},
};
use crate::{
    DepositLine, DepositRequest, Error, Folder, Result, Rights, bytes_shown, clock, keys, register::check_rights,
};
use evidence::{
    hex,
    statement::{RIGHTS, Ref},
};
use sha2::Digest;
use std::{
    collections::{BTreeMap, HashMap},
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use store::{OWNER_ACCOUNT, SignIn};

/// Longest file that is taken over the network.
pub const MAX_UPLOAD: u64 = 2 << 30;

/// Seconds that a request waits for a token from outside.
pub(super) const OUTSIDE: u64 = 2;

/// Bytes after which it is looked whether there is room for more.
const STEP: u64 = 4 << 20;

/// Bytes of each account's that came and are not registered yet.
pub(crate) type Staging = Arc<Mutex<HashMap<i64, u64>>>;

/// A file on its way in. Dropped before it is registered, it is gone.
pub struct Staged {
    folder: PathBuf,
    path: PathBuf,
    file: File,
    size: u64,
    sha256: sha2::Sha256,
    store: store::Store,
    account: i64,
    staging: Staging,
    /// Bytes of it that are counted there.
    counted: u64,
}

impl Staged {
    /// The next bytes.
    pub fn write(&mut self, bytes: &[u8]) -> Answer<()> {
        self.size += bytes.len() as u64;
        self.sha256.update(bytes);
        if self.size > MAX_UPLOAD {
            let most = MAX_UPLOAD >> 30;
            return Err(Refusal::new(
                Why::TooLarge("file"),
                format!("文件超过 {most} GiB；更大的文件请用命令行登记"),
                format!("the file is longer than {most} GiB; register it on the command line"),
            ));
        }
        if self.size - self.counted >= STEP {
            self.look()?;
        }
        self.file.write_all(bytes).map_err(|e| full(&self.path, &e))
    }

    /// Refuses what the disk, or the account's storage, has no room for, before all of it is here.
    fn look(&mut self) -> Answer<()> {
        room(&self.folder, 0)?;
        let here = {
            let mut staging = lock(&self.staging);
            let here = staging.entry(self.account).or_default();
            *here += self.size - self.counted;
            *here
        };
        self.counted = self.size;
        if self.account == OWNER_ACCOUNT {
            return Ok(());
        }
        let left = self.store.left(self.account, clock::now().0).map_err(Error::from)?;
        let coming = here + self.store.open_uploads(self.account).map_err(Error::from)?.1;
        if coming <= left.storage {
            return Ok(());
        }
        let (coming, free) = (bytes_shown(coming), bytes_shown(left.storage));
        let refusal = Refusal::new(
            Why::Quota(left),
            format!(
                "存储空间不足：正在上传的已有 {coming}，剩余 {free}；这个文件没有登记。请升级版本或增购（账户 › 版本）"
            ),
            format!(
                "too little storage is left: {coming} is on its way, {free} is there; this file was not registered. Upgrade or add a pack (account, edition)"
            ),
        );
        Err(refusal.code("quota"))
    }
}

fn lock(staging: &Staging) -> MutexGuard<'_, HashMap<i64, u64>> {
    staging.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Staged {
    /// The name that it came with.
    pub fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// SHA-256 of what has come.
    pub fn sha256(&self) -> [u8; 32] {
        self.sha256.clone().finalize().into()
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
        let mut staging = lock(&self.staging);
        if let Some(here) = staging.get_mut(&self.account) {
            *here = here.saturating_sub(self.counted);
            if *here == 0 {
                staging.remove(&self.account);
            }
        }
    }
}

impl Folder {
    /// A place for a file that is about to come.
    pub fn stage(&self, actor: &Actor, name: &str) -> Answer<Staged> {
        let person = self.allow(actor, Permission::Deposit)?;
        self.has_left(person, 1, 0, 0)?;
        self.has_room(0)?;
        let name = plain_name(name)?;
        let folder = incoming(&self.dir).join(format!("upload-{}", hex::encode(&keys::random::<16>()?)));
        let made = fs::create_dir_all(&folder).and_then(|()| File::create_new(folder.join(name)));
        let file = made.map_err(|e| Error::io(&folder, &e))?;
        let (store, staging, account) = (self.store.clone(), self.staging.clone(), person.account);
        let (path, sha256) = (folder.join(name), sha2::Sha256::new());
        Ok(Staged { path, folder, file, size: 0, sha256, store, account, staging, counted: 0 })
    }

    /// Bytes of the account's that are announced or came, and are not registered.
    pub(crate) fn coming(&self, account: i64) -> Result<u64> {
        let here = lock(&self.staging).get(&account).copied().unwrap_or_default();
        Ok(here + self.store.open_uploads(account)?.1)
    }

    /// Registers a staged file: its bytes kept, the acting person named.
    pub fn register(&self, actor: &Actor, staged: Staged, rights: &Rights) -> Answer<DepositLine> {
        self.register_file(actor, &staged.path, staged.sha256(), rights, Vec::new())
    }

    /// The same of a file that lies in the folder, and has this SHA-256.
    pub(super) fn register_file(
        &self,
        actor: &Actor,
        path: &Path,
        sha256: [u8; 32],
        rights: &Rights,
        refs: Vec<Ref>,
    ) -> Answer<DepositLine> {
        let person = self.allow(actor, Permission::Deposit)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let taken = self.take_file(actor, person, path, sha256, rights, refs);
        taken.inspect_err(|refusal| self.note_uncharged(person, &name, refusal))
    }

    fn take_file(
        &self,
        actor: &Actor,
        person: &SignIn,
        path: &Path,
        sha256: [u8; 32],
        rights: &Rights,
        refs: Vec<Ref>,
    ) -> Answer<DepositLine> {
        let mut claims = rights.claims.clone();
        check_claims(&claims)?;
        let _held = self.in_flight.hold(person.account, [sha256]);
        let size = fs::metadata(path).map_err(|e| Error::io(path, &e))?.len();
        let reserved = self.reserve_for(person, &[sha256], true, size)?;
        claims.insert("acting_account".into(), person.name.clone());
        // What has no token by then waits beside the requests of others.
        let request = DepositRequest {
            paths: vec![path.to_owned()],
            rights: Rights { claims },
            refs,
            wait: Some(OUTSIDE),
            account: Account(person.account),
            charge: reserved.charge(0),
            // Waiting for the seal is no work: [`Folder::soon_sealed`].
            unsealed: true,
            act: Some(actor.act(person, "deposit", "")),
            ..DepositRequest::default()
        };
        let mut lines = self.deposit_beside(&request, &mut |_| ())?;
        let Some(mut line) = lines.pop() else {
            return Err(Error::new("没有登记任何文件", "nothing was registered").into());
        };
        if let Some(error) = line.error.take() {
            let why = if error.code == "disk-full" { Why::Full } else { Why::Field("file") };
            return Err(Refusal { why, error: without_path(error, path) });
        }
        line.file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let id = line.id.as_deref().unwrap_or_default();
        self.made_by(person, id)?;
        // What waits for a token from outside, or stood before, has no record that was written just now.
        if !line.noted {
            self.note(actor, person, "deposit", id)?;
        }
        Ok(line)
    }

    /// Removes what uploads of an earlier process left half-way and cannot be resumed. Only the one writer calls this.
    pub fn sweep_uploads(&self) -> Result<()> {
        self.sweep_resumable()?;
        let Ok(entries) = fs::read_dir(incoming(&self.dir)) else { return Ok(()) };
        for entry in entries.flatten() {
            if entry.file_name().to_string_lossy().starts_with("upload-") {
                fs::remove_dir_all(entry.path()).map_err(|e| Error::io(&entry.path(), &e))?;
            }
        }
        Ok(())
    }
}

/// The last part of a name, where it can be one of ours.
pub(super) fn plain_name(name: &str) -> Answer<&str> {
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
    if name.is_empty() || name == "." || name == ".." || name.len() > 250 || name.contains('\0') {
        return Err(Refusal::field(
            "file",
            "文件没有可用的名称，或名称过长；请改名后重试",
            "the file has no usable name, or too long a one; rename it and try again",
        ));
    }
    Ok(name)
}

/// Backups leave it out.
pub(super) fn incoming(dir: &Path) -> PathBuf {
    dir.join("originals/incoming")
}

/// A visitor is told of his file, not of where it lay here.
pub(super) fn without_path(error: Error, path: &Path) -> Error {
    let (shown, name) = (crate::show_path(path), crate::show_path(Path::new(path.file_name().unwrap_or_default())));
    Error {
        zh: error.zh.replace(&shown, &name),
        en: error.en.replace(&shown, &name),
        exit: error.exit,
        code: error.code,
    }
}

/// A person claims rights alone, each as a statement can hold it; what else a statement holds is not theirs to say.
pub(super) fn check_claims(claims: &BTreeMap<String, String>) -> Answer<()> {
    for (name, value) in claims {
        let Some(field) = RIGHTS.iter().find(|right| *right == name) else {
            let (zh, en) = (format!("没有“{name}”这一项声明"), format!("there is no claim called {name}"));
            return Err(Refusal::field("rights", zh, en));
        };
        let one = BTreeMap::from([(name.clone(), value.clone())]);
        check_rights(&one).map_err(|error| Refusal { why: Why::Field(field), error })?;
    }
    Ok(())
}
