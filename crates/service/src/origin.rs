//! A ledger after another: a new folder with a new key, whose second leaf names the one that ended.
//!
//! Rules:
//! - The earlier ledger is named at the newest checkpoint of it that is known here: the mirror's, where that is ahead.
//! - The earlier folder is held from the first look at it until it is marked, and what it acknowledged is placed before.
//! - Marked, it takes no new record: it is read, exported and verified as before; `erase` and `renew` go on.
//! - A statement that waits in an old copy names the ledger that ended, and can go on no other: it is named, never
//!   passed over.

use crate::{
    Error, Folder, InitOptions, Initialized, Mode, Result,
    error::show_path,
    folder,
    folder::{Writer, ledger_error},
    register::{self, Draft},
};
use evidence::{
    disclosure,
    earlier::Earlier,
    json::Value,
    note::VerifierKey,
    statement::{Clock, Kind},
};
use ledger::HeadRow;
use std::{collections::BTreeMap, path::Path};
use store::OWNER_ACCOUNT;

/// Where a database notes the origin that goes on after it.
const ENDED: &str = "ended_by";
/// The word for programs where statements still wait.
const WAITS: &str = "waits";

/// The ledger that a new one goes on after.
#[derive(Clone, Debug)]
pub struct After {
    pub(crate) earlier: Earlier,
    pub(crate) reason: String,
}

/// What was begun.
#[derive(Clone, Debug)]
pub struct Began {
    /// The new folder.
    pub made: Initialized,
    /// The earlier origin.
    pub earlier_origin: String,
    /// Leaves of its checkpoint that the new ledger names.
    pub earlier_size: u64,
    /// Statements of the old copy that will never have a token: number, kind, name.
    pub stranded: Vec<(String, String, String)>,
}

/// Makes `new` after the ledger of `old`; `reason`: `restored`, `key-lost` or `ended`.
pub fn begin_after(old: &Path, new: &Path, reason: &str, leave_merchants: bool) -> Result<Began> {
    // Refuses what is no data folder, and brings an earlier layout up to date.
    drop(Folder::open(old, Mode::Read)?);
    let lock = folder::lock(old)?;
    let mut folder = Folder::open(old, Mode::Read)?;
    if let Some(by) = folder.ended_by()? {
        return Err(ended(old, &by));
    }
    let is_old = folder.is_old()?;
    if reason == "restored" && is_old == Some(false) {
        return Err(Error::new(
            format!(
                "{} 就是最新状态，没有丢失记录，可以继续写入；确要结束这个账本，请用 --reason ended",
                show_path(old)
            ),
            format!(
                "{} is the newest state: nothing is lost and it can be written; to end this ledger on purpose use --reason ended",
                show_path(old)
            ),
        ));
    }
    if !leave_merchants && folder.store.has_merchants()? {
        let shown = show_path(old);
        return Err(Error::new(
            format!(
                "{shown} 中有商户；他们的账户、密钥、额度和记录不会移到新文件夹，仍留在旧文件夹中供查看和导出。请先通知他们（/operator/notices）并让他们导出；确认后加上 --leave-merchants"
            ),
            format!(
                "{shown} has merchants; their accounts, keys, quota and records are not moved: they stay in the old folder, to be looked at and exported. Tell them first (/operator/notices) and let them export; then add --leave-merchants"
            ),
        ));
    }
    // What may be an old copy signs nothing more.
    if is_old == Some(false) || is_old.is_none() && reason == "ended" {
        match settle(old, lock.try_clone().map_err(|e| Error::io(old, &e))?) {
            Err(e) if reason != "key-lost" || e.code == WAITS => return Err(e),
            _ => folder = Folder::open(old, Mode::Read)?,
        }
    }
    let waiting = folder.store.waiting()?.into_iter();
    let stranded = waiting.map(|w| (w.row.id, w.row.kind, w.row.file_name)).collect();
    let earlier = folder.newest_checkpoint()?;
    let (name, _) = folder.origin.rsplit_once('/').unwrap_or((folder.origin.as_str(), ""));
    let (owner, operator) = (folder.owner.clone(), folder.operator.clone());
    let (operator_name, operator_code) = operator.map_or((None, None), |o| (Some(o.name), o.code));
    let options = InitOptions {
        owner_kind: owner.kind,
        owner_name: owner.name,
        owner_code: owner.code,
        owner_id: owner.id,
        operator_name,
        operator_code,
        operator_filings: folder.filings()?,
        origin: Some(name.to_owned()),
        signer: None,
        tsa: Vec::new(),
        after: Some(After { earlier: earlier.clone(), reason: reason.to_owned() }),
    };
    let made = Folder::init(new, &options)?;
    // The earlier one cannot be opened to be written where its mirror is ahead; this row is all that is written.
    if let Err(e) = store::Store::open(&old.join("quezao.db")).and_then(|store| store.set_meta(ENDED, &made.origin)) {
        let _ = std::fs::remove_dir_all(new);
        let _ = std::fs::remove_file(folder::mirror_path(&made.origin)?);
        return Err(e.into());
    }
    drop(lock);
    let (earlier_origin, earlier_size) = (folder.origin.clone(), earlier.checkpoint.size);
    Ok(Began { made, earlier_origin, earlier_size, stranded })
}

/// Puts every record that was acknowledged on the ledger; refuses where a statement still waits.
fn settle(old: &Path, lock: std::fs::File) -> Result<()> {
    let folder = Folder::open_under(old, Mode::Write, lock)?;
    let waiting = folder.store.waiting()?.len();
    folder.close()?;
    if waiting == 0 {
        return Ok(());
    }
    let shown = show_path(old);
    Err(Error::new(
        format!("{shown}：还有 {waiting} 条声明在等待时间戳，结束账本后就不能写入；请先运行 quezao stamp，或删除它们"),
        format!(
            "{shown}: {waiting} statements still wait for a time-stamp and could not be recorded any more; run quezao stamp first, or erase them"
        ),
    )
    .code(WAITS))
}

/// The record that names the earlier ledger, right behind leaf 0.
pub(crate) fn record(store: &store::Store, writer: &Writer, ledger: &str, after: &After) -> Result<()> {
    let mut claims: BTreeMap<&str, Value> = after.earlier.claims().into();
    claims.insert("earlier_reason", after.reason.as_str().into());
    let (file, relation, provenance, clock) = (None, None, None, Clock::Unchecked);
    let draft = Draft { account: OWNER_ACCOUNT, kind: Kind::Origin, ledger, file, relation, provenance, claims, clock };
    let record = draft.record(writer, after.earlier.key.name())?;
    register::submit(store, writer, vec![record], Vec::new()).map(|_| ())
}

/// Refuses new records where another ledger goes on.
pub(crate) fn check(dir: &Path, store: &store::Store) -> Result<()> {
    match store.meta(ENDED)? {
        Some(by) => Err(ended(dir, &by)),
        None => Ok(()),
    }
}

impl Folder {
    /// The origin that goes on after this one.
    pub(crate) fn ended_by(&self) -> Result<Option<String>> {
        Ok(self.store.meta(ENDED)?)
    }

    /// The largest checkpoint of this ledger in head row, published tree and mirror that its key signed.
    fn newest_checkpoint(&self) -> Result<Earlier> {
        let key = VerifierKey::parse(&self.store.meta("ledger_key")?.unwrap_or_default())?;
        let (_, published) = self.reader.published().map_err(|e| ledger_error(&e))?;
        let row = self.store.load().map_err(|e| ledger_error(&e))?.map(|head| head.checkpoint);
        let mirror = std::fs::read(folder::mirror_path(&self.origin)?).ok();
        let notes = [Some(published), row, mirror];
        let known = notes.into_iter().flatten().filter_map(|note| Earlier::new(key.clone(), &note).ok());
        known
            .max_by_key(|earlier| earlier.checkpoint.size)
            .ok_or_else(|| Error::new("没有这个账本签署过的检查点", "there is no checkpoint that this ledger signed"))
    }

    /// Filings of whoever runs the ledger, as leaf 0 has them.
    fn filings(&self) -> Result<Vec<String>> {
        let Some(operator) = self.store.at_index(0)? else { return Ok(Vec::new()) };
        let claims = disclosure::parse_set(&operator.disclosures)?;
        let filings =
            claims.iter().find(|d| d.name() == "operator_filings").and_then(|d| d.value().as_array().cloned());
        Ok(filings.unwrap_or_default().iter().filter_map(|f| f.as_str().map(str::to_owned)).collect())
    }
}

fn ended(dir: &Path, by: &str) -> Error {
    let shown = show_path(dir);
    Error::new(
        format!("{shown} 的账本已经结束，只能读取；新记录请写入账本 {by} 的文件夹"),
        format!("the ledger of {shown} has ended and is only read; new records go to the folder of the ledger {by}"),
    )
    .code("ended")
}

/// What a reader of an ended ledger is told, (zh, en).
pub(crate) fn notice(by: &str) -> (String, String) {
    (
        format!("这个账本已经结束，只能读取；新记录在账本 {by}"),
        format!("this ledger has ended and is only read; new records are on the ledger {by}"),
    )
}
