//! The data folder: its layout, its one writer, and what is opened from it.
//!
//! ```text
//! quezao.toml      outside time authorities, time servers; absent where there are none
//! editions.toml    what is offered, where the operator wrote it
//! quezao.db        records on their way, disclosures, the signed head
//! keys/            ledger, authority, merchants' master key, mode 0600
//! authority/       certificates and CRL of the embedded authority
//! signer/          revocation lists for the signer of certificates
//! revocation/      revocation lists of outside authorities, held until a newer one is due
//! ledger/          the static tlog-tiles tree
//! trust/           a ready trust folder
//! originals/       kept files by SHA-256
//! uploads/         files on their way in, by the upload's address
//! similar/         fingerprints of pictures: no evidence, made again by `admin similar rebuild`
//! lock             the writer's process id
//! ```

use crate::{
    Error, Mode, Result, Warnings,
    account::{CachedNotices, Confirmed, Hands, Staging},
    authorities, clock, config,
    desk::Desk,
    erase,
    error::{read_file, show_path},
    identity::Party,
    in_flight::InFlight,
    intake,
    issuers::Issuers,
    keeping::Keeping,
    keys, master, origin,
    witness::{self, Watch},
};
use evidence::note::{Signer, VerifierKey};
use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, atomic::AtomicI64},
    time::{Duration, Instant},
};
use timestamp::{Authority, Material};

/// An open data folder.
pub struct Folder {
    pub(crate) dir: PathBuf,
    pub(crate) store: store::Store,
    pub(crate) owner: Party,
    pub(crate) operator: Option<Party>,
    pub(crate) origin: String,
    pub(crate) comparing: clock::Comparing,
    /// What is being recorded just now.
    pub(crate) in_flight: InFlight,
    /// Things worth saying about the folder itself, (zh, en).
    pub warnings: Warnings,
    /// The published ledger, as anybody may read it.
    pub(crate) reader: ledger::Reader,
    /// Held from the moment a file is kept until its record is there; what is erased waits for it.
    pub(crate) keeping: Keeping,
    /// Who records something about licences is alone with those of the account: what is asked before must still be so.
    pub(crate) licensing: Keeping,
    /// Bytes that came and are not registered yet.
    pub(crate) staging: Staging,
    /// When what was erased was last taken out of the database's own files, and how long a server waits from then on.
    pub(crate) scrubbed: Mutex<Option<(Instant, Duration)>>,
    writer: Option<Writer>,
    /// Held by who has all that waits stamped.
    pub(crate) stamping: Mutex<()>,
    /// When idempotency keys were last swept.
    pub(crate) swept: AtomicI64,
    pub(crate) hands: Hands,
    pub(crate) confirmed: Confirmed,
    pub(crate) counted: crate::gauges::Counted,
    pub(crate) notices: CachedNotices,
}

/// What only the writer has.
pub(crate) struct Writer {
    pub ledger: ledger::Ledger,
    pub authority: Arc<Authority>,
    pub issuers: Issuers,
    pub desk: Desk,
    pub watch: Arc<Watch>,
    _lock: File,
}

impl Folder {
    /// Opens a folder that `init` made.
    pub fn open(dir: &Path, mode: Mode) -> Result<Self> {
        let database = dir.join("quezao.db");
        if !database.is_file() {
            return Err(Error::new(
                format!("{} 不是数据文件夹；请先运行 quezao init --data DIR", show_path(dir)),
                format!("{} is not a data folder; run quezao init --data DIR first", show_path(dir)),
            ));
        }
        if mode == Mode::Read {
            let store = match store::Store::open_read_only(&database) {
                Err(store::Error::Version { found, known }) if found < known => {
                    let _lock = lock(dir)?;
                    store::Store::open(&database)?
                }
                opened => opened?,
            };
            let mut folder = Self::assemble(dir, store, None)?;
            if let Err(e) = folder.reader.check_mirror(&mirror_path(&folder.origin)?) {
                let e = ledger_error(&e);
                folder.warnings.push((e.zh, e.en));
            }
            if let Some(by) = folder.ended_by()? {
                folder.warnings = vec![origin::notice(&by)];
            }
            return Ok(folder);
        }
        Self::open_under(dir, mode, lock(dir)?)
    }

    /// Opens the folder for its one writer, who holds the lock.
    pub(crate) fn open_under(dir: &Path, mode: Mode, lock: File) -> Result<Self> {
        let store = store::Store::open(&dir.join("quezao.db"))?;
        if mode == Mode::Write {
            origin::check(dir, &store)?;
        }
        let (writer, warnings) = open_writer(dir, &store, &required(&store, "origin")?, lock)?;
        intake::clean(&dir.join("originals"), &store)?;
        let mut folder = Self::assemble(dir, store, Some(writer))?;
        folder.warnings = warnings;
        folder.warnings.extend(folder.doubtful_policy());
        folder.ready_similar();
        folder.store.release_stopped()?;
        if folder.ended_by()?.is_none() {
            reconcile(&folder.store, &folder.writer()?.ledger)?;
        }
        if !folder.end_erasing()? {
            folder.warnings.push(erase::unfinished());
        }
        Ok(folder)
    }

    /// Whether its ledger is known to have signed more, or another tree; `None`: no mirror tells.
    pub(crate) fn is_old(&self) -> Result<Option<bool>> {
        match self.reader.check_mirror(&mirror_path(&self.origin)?) {
            Ok(true) => Ok(Some(false)),
            Err(ledger::Error::Rollback { .. } | ledger::Error::Fork { .. }) => Ok(Some(true)),
            Ok(false) | Err(_) => Ok(None),
        }
    }

    /// Ends background work in order; a folder that is only dropped does the same, without the report.
    pub fn close(self) -> Result<()> {
        match &self.writer {
            Some(writer) => writer.ledger.flush_and_close().map_err(|e| ledger_error(&e)),
            None => Ok(()),
        }
    }

    /// `DIR/trust`, a ready trust folder.
    pub fn trust_dir(&self) -> PathBuf {
        self.dir.join("trust")
    }

    /// The ledger's origin.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    pub(crate) fn writer(&self) -> Result<&Writer> {
        self.writer
            .as_ref()
            .ok_or_else(|| Error::new("数据文件夹以只读方式打开", "the folder is open for reading only"))
    }

    fn assemble(dir: &Path, store: store::Store, writer: Option<Writer>) -> Result<Self> {
        master::unlock(dir, &store)?;
        let party = |json: &str| {
            serde_json::from_str(json).map_err(|e| {
                Error::new(
                    format!("数据库中的主体信息损坏（{e}）；请从备份恢复"),
                    format!("the owner in the database is damaged ({e}); restore a backup"),
                )
            })
        };
        Ok(Self {
            dir: dir.to_owned(),
            owner: party(&required(&store, "owner")?)?,
            operator: store.meta("operator")?.as_deref().map(party).transpose()?,
            origin: required(&store, "origin")?,
            // Only a writer makes statements.
            comparing: clock::Comparing::new(match &writer {
                Some(_) => config::read(dir)?.clock,
                None => config::Clock::default(),
            }),
            in_flight: InFlight::default(),
            reader: ledger::Reader::open(dir, ledger_key(&store)?).map_err(|e| ledger_error(&e))?,
            store,
            warnings: Vec::new(),
            keeping: Keeping::default(),
            licensing: Keeping::default(),
            staging: Staging::default(),
            scrubbed: Mutex::default(),
            stamping: Mutex::default(),
            swept: AtomicI64::default(),
            writer,
            hands: Hands::default(),
            confirmed: Confirmed::default(),
            counted: Default::default(),
            notices: CachedNotices::default(),
        })
    }

    /// Goes on with what a failure of the disk stopped, without a restart. Only the one writer calls this.
    pub fn go_on_recording(&self) -> Result<()> {
        let writer = self.writer()?;
        writer.desk.mend(&self.store, &writer.ledger)
    }
}

/// After a crash: indices that the ledger gave but the database never heard of, then what was never submitted. Nobody
/// else records meanwhile.
pub(crate) fn reconcile(store: &store::Store, ledger: &ledger::Ledger) -> Result<()> {
    if store.unplaced()?.is_empty() {
        return Ok(());
    }
    if let Some(last) = ledger.size().checked_sub(1) {
        // Entries are read from the published tree.
        ledger.wait_published(last).map_err(|e| ledger_error(&e))?;
    }
    let from = store.last_index()?.map_or(0, |i| i + 1);
    let mut placed = Vec::new();
    for (index, leaf) in (from..).zip(ledger.entries_from(from).map_err(|e| ledger_error(&e))?) {
        let leaf = leaf.map_err(|e| ledger_error(&e))?;
        placed.push((evidence::record::record_digest(&leaf), index));
    }
    store.set_index(&placed)?;
    place(store, ledger, store.unplaced()?.iter()).map(|_| ())
}

/// Opens ledger and authority for the process that holds the lock.
pub(crate) fn open_writer(dir: &Path, store: &store::Store, origin: &str, lock: File) -> Result<(Writer, Warnings)> {
    let authority = Arc::new(load_authority(dir, Box::new(clock::now))?);
    let seed = keys::ed25519_from_file(&dir.join("keys/ledger.pem"))?;
    let mirror = mirror_path(origin)?;
    if let Some(state) = mirror.parent() {
        fs::create_dir_all(state).map_err(|e| Error::io(state, &e))?;
    }
    let signer = Signer::from_seed(origin, &seed)?;
    let mut config = ledger::Config::new(dir, &mirror, signer, origin, Box::new(store.clone()));
    let (stampers, issuers) = authorities::stampers(dir, store, &authority)?;
    config.stampers = stampers;
    let witness::Council { witnesses, policy } = witness::council(dir, origin)?;
    (config.witnesses, config.policy) = (witnesses, policy);
    let watch = Arc::new(Watch::new(store.clone()));
    let heard = watch.clone();
    config.events = Box::new(move |event| heard.hear(event));
    let (ledger, opened) = ledger::Ledger::open(config).map_err(|e| ledger_error(&e))?;
    let mut warnings = watch.told();
    if opened.mirror_absent && opened.signed_size > 0 {
        warnings.push((
            format!("没有找到账本头的镜像，已重新写入 {}；如果这是恢复的旧副本，请先停止使用", show_path(&mirror)),
            format!("no mirror of the ledger's head was found; it was written to {}; if this folder is a restored old copy, stop using it", show_path(&mirror)),
        ));
    }
    Ok((Writer { ledger, authority, issuers, desk: Desk::default(), watch, _lock: lock }, warnings))
}

/// Most records of one append: a leaf has at most 65,535 bytes, so these always fit [`ledger::MAX_BATCH`].
pub(crate) const APPENDED: usize = 250;

/// Submits stored records in groups that the ledger takes, and notes their indices, which it returns in order.
pub(crate) fn place<'r>(
    store: &store::Store,
    ledger: &ledger::Ledger,
    records: impl Iterator<Item = &'r store::Record>,
) -> Result<Vec<u64>> {
    let records: Vec<&store::Record> = records.collect();
    let mut indices = Vec::with_capacity(records.len());
    for group in records.chunks(APPENDED) {
        let leaves: Vec<&[u8]> = group.iter().map(|r| r.record.as_slice()).collect();
        indices.extend(ledger.append_batch(&leaves).map_err(|e| ledger_error(&e))?);
    }
    let placed: Vec<_> = records.iter().map(|r| r.record_digest).zip(indices.iter().copied()).collect();
    store.set_index(&placed)?;
    Ok(indices)
}

fn ledger_key(store: &store::Store) -> Result<VerifierKey> {
    Ok(VerifierKey::parse(&required(store, "ledger_key")?)?)
}

pub(crate) fn load_authority(dir: &Path, clock: timestamp::Clock) -> Result<Authority> {
    let read = |name: &str| read_file(&dir.join(name));
    let text = |name: &str| read(name).map(|b| String::from_utf8_lossy(&b).into_owned());
    let material = Material {
        root_cert_pem: text("authority/root.pem")?,
        signer_cert_pem: text("authority/signer.pem")?,
        // Never read again: an operator may have moved it to a safe place.
        root_key_pem: String::new(),
        signer_key_pem: text("keys/authority.pem")?,
        crl_der: read("authority/root.crl")?,
    };
    Authority::load(&material, clock).map_err(|e| {
        Error::new(
            format!("内置时间机构无法载入（{e}）；请从备份恢复 authority/ 与 keys/"),
            format!("the embedded authority does not load ({e}); restore authority/ and keys/ from a backup"),
        )
    })
}

/// The head's mirror, by origin.
pub(crate) fn mirror_path(origin: &str) -> Result<PathBuf> {
    Ok(state_dir()?.join(format!("{}.head", origin.replace('/', "_"))))
}

/// What must not be lost with a folder: `$QUEZAO_STATE_DIR`, else `$XDG_STATE_HOME/quezao`, else `~/.local/state/quezao`.
pub fn state_dir() -> Result<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    set("QUEZAO_STATE_DIR")
        .or_else(|| set("XDG_STATE_HOME").map(|p| p.join("quezao")))
        .or_else(|| set("HOME").map(|p| p.join(".local/state/quezao")))
        .ok_or_else(|| {
            Error::new(
                "不知道把账本头的镜像放在哪里；请设置 QUEZAO_STATE_DIR",
                "there is no place for the mirror of the ledger's head; set QUEZAO_STATE_DIR",
            )
        })
}

/// One writer a folder: waits 30 s, then names the process that holds it.
pub(crate) fn lock(dir: &Path) -> Result<File> {
    let path = dir.join("lock");
    let io = |e| Error::io(&path, &e);
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(io)?;
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::Error(e)) => return Err(io(e)),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(50)),
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let _ = file.read_to_string(&mut holder);
                let holder = holder.trim();
                return Err(Error::new(
                    format!("{} 正被进程 {holder} 使用；请等它结束后重试", show_path(dir)),
                    format!("{} is in use by process {holder}; try again when it has ended", show_path(dir)),
                )
                .code("busy"));
            }
        }
    }
    file.set_len(0).map_err(io)?;
    file.rewind().map_err(io)?;
    write!(file, "{}", std::process::id()).map_err(io)?;
    Ok(file)
}

fn required(store: &store::Store, key: &str) -> Result<String> {
    store.meta(key)?.ok_or_else(|| {
        Error::new(
            format!("数据库缺少“{key}”；请从备份恢复"),
            format!("the database lacks \"{key}\"; restore a backup"),
        )
    })
}

/// The ledger's refusals, in sentences.
pub(crate) fn ledger_error(error: &ledger::Error) -> Error {
    if let ledger::Error::Rollback { folder_size, mirror_size, mirror } = error {
        let mirror = show_path(mirror);
        return Error::new(
            format!("这是旧副本，只能读取：文件夹有 {folder_size} 条记录，而账本已签署过 {mirror_size} 条（{mirror}）。请找更新的备份；若确已丢失，用 quezao admin origin --data DIR --new NEW 另起新账本"),
            format!("this is an old copy and can only be read: the folder has {folder_size} records, the ledger signed {mirror_size} ({mirror}). Look for a newer backup; if there is none, begin a new ledger with quezao admin origin --data DIR --new NEW"),
        )
        .code("old-copy");
    }
    if let ledger::Error::Unwitnessed { mirror, checkpoint, silent } = error {
        let (mirror, checkpoint) = (show_path(mirror), show_path(checkpoint));
        return Error::new(
            format!("文件夹之外没有账本头的镜像（{mirror}），应答的见证者又不足法定数（未应答：{silent}），无从得知这是否最新副本，因此什么也没有签署。请待见证者恢复后重试；若确知这就是最新副本，把 {checkpoint} 复制为 {mirror} 后重试"),
            format!("there is no mirror of the ledger's head outside the folder ({mirror}), and the witnesses that answered do not make up the quorum (silent: {silent}), so nothing shows whether this is the newest copy, and nothing was signed. Try again once they answer; if you know that this is the newest copy, copy {checkpoint} to {mirror} and try again"),
        )
        .code("unwitnessed");
    }
    Error::new(
        format!("账本拒绝了操作：{error}。请不要删除任何文件；先运行 quezao admin ledger-check"),
        format!("the ledger refused: {error}. Delete nothing; run quezao admin ledger-check first"),
    )
}
