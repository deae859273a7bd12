//! Erasing: everything that opens a record is destroyed, and the ledger stays as it is.
//!
//! Rules:
//! - What can no longer be proved, and what stays, is said beforehand, computed from what is there.
//! - One transaction takes the rows and leaves a line; bytes and fingerprints go with it. What the database's own files
//!   still hold of the rows goes when the database is written anew: at once on the command line, by a server for all that
//!   was erased meanwhile, since nobody can write that long. An open line is gone on with at the next opening.
//! - Bytes stay that another record says are kept, and those that somebody is just registering.
//! - A legal hold is looked at in that transaction.
//! - Nothing is erased by half: a capture takes its order along, a record the later claims about it.

use crate::{
    Actor, Answer, DepositLine, Error, Folder, Permission, Refusal, Result, Why, clock, custody, intake, keeping::Kept,
};
use evidence::{
    collection::Manifest,
    disclosure::{self, Disclosure},
    hex,
    json::Value,
    statement::{Kind, parse_refs},
    time::{SECOND, Utc},
};
use std::{
    collections::BTreeSet,
    fs::{self, File},
    path::Path,
    sync::PoisonError,
    time::{Duration, Instant},
};
use store::{Act, Erased, Record};

/// Kinds of records about another one, which are shown under its number.
const LATER: [Kind; 3] = [Kind::Rights, Kind::Revocation, Kind::Confirmation];
/// Largest document of another record that is looked through for a number.
const MAX_DOCUMENT: u64 = 64 << 20;

/// Shortest and longest time between two writings of the whole database, and how many times as long as one took.
const PAUSE: (Duration, Duration, u32) = (Duration::from_secs(3600), Duration::from_secs(24 * 3600), 50);
/// Shortest time until one that somebody's reading held up is tried again.
const AGAIN: Duration = Duration::from_secs(60);
/// What is said of that.
pub(crate) const SCRUBBED: (&str, &str) = (
    "删除立即生效；数据库文件空隙中的残留由服务器成批清除，一般在一小时内，数据库很大时最迟约一天",
    "it takes effect at once; what the gaps of the database's file still hold is wiped by the server for many at a time, as a rule within an hour, with a very large database within about a day",
);

/// A sentence in both languages.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Sentence {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

/// A record that is to be erased.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Doomed {
    /// Record number.
    pub id: String,
    /// Statement's kind.
    pub kind: String,
    /// As shown to the owner.
    pub file: String,
    /// Its leaf's index; `None`: it waits for a token, and will never be on the ledger.
    pub index: Option<u64>,
    /// It goes along with the one that was named.
    pub along: bool,
}

/// What erasing a record means.
#[derive(Clone, Debug, serde::Serialize)]
pub struct ErasePlan {
    /// The record that was named, then those that go along.
    pub records: Vec<Doomed>,
    /// What can no longer be shown.
    pub lost: Vec<Sentence>,
    /// What is not touched.
    pub stays: Vec<Sentence>,
}

impl Folder {
    /// What erasing this record would mean. Nothing is written.
    pub fn erase_plan(&self, id: &str) -> Result<ErasePlan> {
        let rows = self.doomed(id)?;
        let plan = rows.iter().enumerate().map(|(n, row)| Doomed {
            id: row.id.clone(),
            kind: row.kind.clone(),
            file: row.file_name.clone(),
            index: row.index,
            along: n > 0,
        });
        Ok(ErasePlan { records: plan.collect(), lost: self.lost(&rows)?, stays: self.stays(&rows[0])? })
    }

    /// Erases the record and what goes along with it, as the command line does.
    pub fn erase(&self, id: &str) -> Result<ErasePlan> {
        let plan = self.erase_plan(id)?;
        let (at, account, via) = (clock::now().0, store::OWNER_ACCOUNT, "command line".to_owned());
        self.erase_these(&plan, &Act { at, account, sign_in: None, via, act: "erase", subject: String::new() })?;
        if self.end_erasing()? {
            return Ok(plan);
        }
        let (zh, en) = unfinished();
        Err(Error::incomplete(zh, en))
    }

    /// What erasing one of the account's records would mean.
    pub fn erase_plan_of(&self, actor: &Actor, id: &str) -> Answer<ErasePlan> {
        self.owned_or_waiting(actor, id, Permission::Erase)?;
        let mut plan = self.erase_plan(id).map_err(conflict)?;
        plan.stays.push(Sentence { zh: SCRUBBED.0.into(), en: SCRUBBED.1.into() });
        Ok(plan)
    }

    /// Erases one of the account's records, for a person who gave the password again.
    pub fn erase_of(&self, actor: &Actor, id: &str, password: &str) -> Answer<ErasePlan> {
        let person = self.allow(actor, Permission::Erase)?;
        let plan = self.erase_plan_of(actor, id)?;
        self.not_held(person.account)?;
        self.same_person(actor, person, password)?;
        self.erase_these(&plan, &actor.act(person, "erase", "")).map_err(conflict)?;
        Ok(plan)
    }

    /// Held while a file is kept whose record is still to come.
    pub(crate) fn keeping(&self, account: i64) -> Kept<'_> {
        self.keeping.keep(account)
    }

    /// A server's: brings what was begun to its end. The database is written anew for all that was erased since it was,
    /// at most once an hour, and for at most a fiftieth of the time.
    pub fn go_on_erasing(&self) -> Result<()> {
        if self.store.erasures(true)?.is_empty() {
            return Ok(());
        }
        self.drop_all_files()?;
        let last = *self.scrubbed.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_none_or(|(at, pause)| at.elapsed() >= pause) {
            self.scrub()?;
        }
        Ok(())
    }

    /// Brings what was begun to its end at once; `false`: somebody reads an earlier state of the database, which is in its
    /// log, or registers the bytes just now.
    pub(crate) fn end_erasing(&self) -> Result<bool> {
        if self.store.erasures(true)?.is_empty() {
            return Ok(true);
        }
        self.drop_all_files()?;
        Ok(self.scrub()? && self.store.erasures(true)?.is_empty())
    }

    fn erase_these(&self, plan: &ErasePlan, act: &Act) -> Result<()> {
        self.writer()?;
        let ids: Vec<String> = plan.records.iter().map(|r| r.id.clone()).collect();
        let account = self.erasable(&ids[0])?.account;
        let _alone = self.keeping.alone(account);
        let now: BTreeSet<String> = self.doomed(&ids[0])?.into_iter().map(|row| row.id).collect();
        if now != ids.iter().cloned().collect() {
            return Err(Error::new(
                "此间有人对它补充了声明；没有删除任何内容，请重新查看后再删除",
                "later claims about it came meanwhile; nothing was erased, look again and then erase it",
            ));
        }
        self.store.erase(&ids, act)?;
        self.drop_files(account)
    }

    fn drop_all_files(&self) -> Result<()> {
        let accounts: BTreeSet<i64> = self.store.erasures(true)?.into_iter().map(|e| e.account).collect();
        for account in accounts {
            let _alone = self.keeping.alone(account);
            self.drop_files(account)?;
        }
        Ok(())
    }

    /// Bytes and fingerprints of what was erased of an account; the caller is alone with it. What somebody registers just
    /// now is left for the next time.
    pub(crate) fn drop_files(&self, account: i64) -> Result<()> {
        let (mut gone, mut unseen) = (Vec::new(), Vec::new());
        let open = self.store.erasures(true)?.into_iter().filter(|e| e.account == account);
        for sha256 in open.filter_map(|e| e.sha256).collect::<BTreeSet<_>>() {
            if self.drop_file(&sha256)? {
                if !custody::anybody_showed(&self.store, &sha256)? {
                    unseen.push(sha256);
                }
                gone.push(sha256);
            }
        }
        self.forget_prints(&unseen)?;
        Ok(self.store.files_gone(account, &gone)?)
    }

    /// Takes a kept file away, unless a record says that it is kept. `false`: somebody registers it just now.
    pub(crate) fn drop_file(&self, sha256: &[u8; 32]) -> Result<bool> {
        let dropped = self.in_flight.unless(sha256, || {
            if custody::anybody_keeps(&self.store, sha256)? {
                return Ok(());
            }
            remove(&intake::original_path(&self.dir.join("originals"), sha256))
        });
        dropped.transpose().map(|dropped| dropped.is_some())
    }

    /// Writes the database anew, and closes the lines whose files had gone before.
    fn scrub(&self) -> Result<bool> {
        let due: Vec<Erased> = self.store.erasures(true)?.into_iter().filter(|e| e.sha256.is_none()).collect();
        if due.is_empty() {
            return Ok(false);
        }
        let begun = Instant::now();
        let done = self.store.scrub(&self.dir.join("quezao.db"))? && self.store.end_erasures(&due)?;
        let pause = (begun.elapsed() * PAUSE.2).clamp(if done { PAUSE.0 } else { AGAIN }, PAUSE.1);
        *self.scrubbed.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), pause));
        Ok(done)
    }

    /// The record that was named, then those that go along.
    fn doomed(&self, id: &str) -> Result<Vec<Record>> {
        let mut rows = vec![self.erasable(id)?];
        rows.extend(self.along(&rows[0])?);
        Ok(rows)
    }

    /// A record, or a statement that waits, that may be erased by its own number.
    fn erasable(&self, id: &str) -> Result<Record> {
        if let Some(waiting) = self.store.waiting_one(id)? {
            return Ok(waiting.row);
        }
        let record = self.stored(id)?;
        if record.kind == Kind::Operator.as_str() {
            return Err(Error::new(
                "账本的第一条记录（运营者）随每个证据包提供，不能删除",
                "the ledger's first record (the operator) travels in every package and cannot be erased",
            ));
        }
        if record.kind == Kind::Attestation.as_str() {
            return Err(Error::new(
                format!("{id} 是名称核验，它所支持的记录随附它，不能单独删除；注销账户时一并销毁"),
                format!(
                    "{id} establishes a name for other records, which carry it; it goes when the account is closed"
                ),
            ));
        }
        if record.index.is_none() {
            return Err(Error::incomplete(
                format!("{id}：尚未写入账本；请稍后重试"),
                format!("{id}: not on the ledger yet; try again later"),
            ));
        }
        if record.kind == Kind::Order.as_str()
            && let Some(capture) = self.capture_of(&record)?
        {
            return Err(Error::new(
                format!("{id} 是取证指令；请删除它的网页取证 {}，指令一并删除", capture.id),
                format!("{id} is an order; erase its capture {}, the order goes with it", capture.id),
            ));
        }
        Ok(record)
    }

    /// A capture's order; the later records about a record, then those that wait for a token.
    fn along(&self, first: &Record) -> Result<Vec<Record>> {
        if first.kind != Kind::Capture.as_str() {
            let mut later: Vec<Record> = Vec::new();
            for kind in LATER.map(Kind::as_str) {
                // What is stamped between the two looks is seen twice, never missed.
                let waiting = self.store.waiting_by_name(first.account, kind, &first.id)?;
                let rows = self.store.by_name(first.account, kind, &first.id)?.into_iter();
                for row in rows.chain(waiting.into_iter().map(|w| w.row)) {
                    if later.iter().all(|known| known.id != row.id) {
                        later.push(row);
                    }
                }
            }
            return Ok(later);
        }
        let order = order_of(first)?.map(|id| self.store.record(&id)).transpose()?;
        Ok(order.flatten().into_iter().collect())
    }

    fn capture_of(&self, order: &Record) -> Result<Option<Record>> {
        for capture in self.store.by_name(order.account, Kind::Capture.as_str(), &order.file_name)? {
            if order_of(&capture)?.as_deref() == Some(&order.id) {
                return Ok(Some(capture));
            }
        }
        Ok(None)
    }

    fn lost(&self, rows: &[Record]) -> Result<Vec<Sentence>> {
        let first = &rows[0];
        let mut lost = Vec::new();
        let mut say = |zh: String, en: String| lost.push(Sentence { zh, en });
        let claims = disclosure::parse_set(&first.disclosures)?;
        let made: Vec<&str> = claims.iter().filter(|d| !d.value().is_null()).map(Disclosure::name).collect();
        let made = made.join(", ");
        say(
            format!(
                "权利人是谁、声明了什么：披露值与盐全部销毁（{made}）。账本里只有它们的摘要，此后谁也打不开，包括运营者和法院"
            ),
            format!(
                "whose the record is and what was claimed: disclosures and salts are destroyed ({made}). The ledger has only their digests, which nobody can open again, the operator and a court included"
            ),
        );
        if first.index.is_some() {
            say(
                "不能再由本文件夹出具证书或证据包，也不能续期：时间戳一并销毁".into(),
                "no certificate or package can be made again here, and none renewed: the time-stamp tokens are destroyed too".into(),
            );
        } else {
            say(
                "这条声明还没有时间戳，此后不会进入账本".into(),
                "the statement has no time-stamp yet, and will never be on the ledger".into(),
            );
        }
        if self.kept_path(first)?.is_some() && self.also_kept(first)?.is_empty() {
            let size = first.size.unwrap_or_default();
            say(
                format!("留存的文件（{size} 字节）被销毁；没有别的副本，就不能再与账本中的摘要比对"),
                format!(
                    "the kept file ({size} bytes) is destroyed; without another copy nothing can be held against the digests on the ledger"
                ),
            );
        }
        if first.kind == Kind::Image.as_str() {
            say(
                "不能再凭相似图片找到它：图片指纹被销毁".into(),
                "it is no longer found by pictures like it: its fingerprint is destroyed".into(),
            );
        }
        for row in &rows[1..] {
            let id = &row.id;
            let (at, place) = match row.index {
                Some(index) => (format!("序号 {index}"), format!("index {index}")),
                None => ("等待时间戳".to_owned(), "waiting for a time-stamp".to_owned()),
            };
            if row.kind == Kind::Order.as_str() {
                say(
                    format!("取证指令 {id}（{at}）一并删除；以后对同一网址的取证，“此前放弃的次数”不再计入这一次"),
                    format!(
                        "the order {id} ({place}) goes along; later orders for the same address no longer count this one among those discarded"
                    ),
                );
            } else {
                say(
                    format!("对它的补充声明 {id}（{at}）一并删除"),
                    format!("the later claims {id} ({place}) about it go along"),
                );
            }
        }
        for (collection, pictures) in self.collections_of(first)? {
            say(
                format!("合集 {collection}（{pictures} 张）不能再出具证书；需要时请不含这一张重新 collect"),
                format!(
                    "the certificate of collection {collection} ({pictures} pictures) cannot be made again; collect anew without this one"
                ),
            );
        }
        Ok(lost)
    }

    fn stays(&self, first: &Record) -> Result<Vec<Sentence>> {
        let mut stays = Vec::new();
        let mut say = |zh: String, en: String| stays.push(Sentence { zh, en });
        if let Some(index) = first.index {
            say(
                format!(
                    "账本不变：序号 {index} 的 record.json 仍公开编号、时间和文件摘要（SHA-256、SM3、字节数），没有姓名、名称或内容"
                ),
                format!(
                    "the ledger: record.json at index {index} still shows number, times and the file's digests (SHA-256, SM3, bytes), no name, title or content"
                ),
            );
            say(
                "已经导出的证书和证据包自带全部证据，仍然有效，仍然显示权利人；要一并消失须自行销毁".into(),
                "certificates and packages that were exported carry all their evidence: they stay valid and still show the owner; who wants them gone destroys them".into(),
            );
        }
        say(
            "此前的备份、报告、浏览器下载和原始文件不在本文件夹内，不受影响；磁盘的空闲扇区由磁盘加密保护".into(),
            "backups, reports, downloads and the file itself lie outside this folder and are not touched; free sectors of the disk are protected by disk encryption only".into(),
        );
        let also = self.also_kept(first)?;
        for (id, _) in also.iter().filter(|(_, own)| *own) {
            say(
                format!("记录 {id} 登记的是同样的内容，文件因此保留"),
                format!("record {id} is of the same bytes, so the file stays"),
            );
        }
        if also.iter().any(|(_, own)| !own) {
            say(
                "另一个账户自己登记过同样的内容，它的文件不受影响".into(),
                "another account registered the same bytes itself; its file is not touched".into(),
            );
        }
        for id in self.comparisons_of(first)? {
            say(
                format!("比对记录 {id} 的文件里有它的编号、摘要和图片指纹；要一并消失请再删除 {id}"),
                format!(
                    "the document of comparison {id} holds its number, digests and fingerprints; erase {id} too if they must go"
                ),
            );
        }
        say(
            "引用它的其他记录仍写着它的编号和叶子摘要".into(),
            "other records that refer to it keep its number and leaf hash".into(),
        );
        Ok(stays)
    }

    /// Collections that list the record, and how many they list.
    fn collections_of(&self, first: &Record) -> Result<Vec<(String, usize)>> {
        let mut found = Vec::new();
        for row in self.store.records_of(first.account, Kind::Collection.as_str())? {
            // One whose list is gone or damaged cannot be made again anyway.
            let Some(bytes) = self.document(&row) else { continue };
            let Ok(manifest) = Manifest::parse(&bytes) else { continue };
            if manifest.lines().iter().any(|line| line.id == first.id) {
                found.push((row.id, manifest.lines().len()));
            }
        }
        Ok(found)
    }

    /// Comparisons whose document names the record.
    fn comparisons_of(&self, first: &Record) -> Result<Vec<String>> {
        let mut found = Vec::new();
        for row in
            self.store.records_of(first.account, Kind::Comparison.as_str())?.into_iter().filter(|r| r.id != first.id)
        {
            let names = |bytes: Vec<u8>| bytes.windows(first.id.len()).any(|w| w == first.id.as_bytes());
            if self.document(&row).is_some_and(names) {
                found.push(row.id);
            }
        }
        Ok(found)
    }

    pub(crate) fn document(&self, row: &Record) -> Option<Vec<u8>> {
        let path = intake::original_path(&self.dir.join("originals"), &row.sha256?);
        fs::read(path).ok().filter(|_| row.size.is_some_and(|size| size <= MAX_DOCUMENT))
    }
}

/// What is only so at the moment, or is to be done otherwise, is no failure of ours.
fn conflict(error: Error) -> Refusal {
    let why = if error.code == "refused" { Why::Conflict } else { Why::Failed };
    Refusal { why, error }
}

/// The number of a capture's order.
fn order_of(capture: &Record) -> Result<Option<String>> {
    let claims = disclosure::parse_set(&capture.disclosures)?;
    let refs = claims.iter().find(|d| d.name() == "refs").map_or(&Value::Null, Disclosure::value);
    Ok(parse_refs(refs)?.into_iter().next().map(|order| order.id))
}

/// Removes a kept file, durably.
fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        removed => removed.map_err(|e| Error::io(path, &e))?,
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    File::open(folder).and_then(|f| f.sync_all()).map_err(|e| Error::io(folder, &e))
}

/// An erased record, in a list.
pub(crate) fn line(erased: &Erased) -> DepositLine {
    DepositLine {
        id: Some(erased.id.clone()),
        status: "erased".into(),
        index: erased.index,
        record_sha256: erased.record_digest.map(|d| hex::encode(&d)),
        erased_at: Some(Utc(erased.at)),
        ..DepositLine::default()
    }
}

/// Why nothing can be taken out of an erased record.
pub(crate) fn gone(erased: &Erased) -> Error {
    let (id, day) = (&erased.id, local(erased.at));
    let (zh, en) = match erased.index {
        Some(index) => {
            (format!("账本中序号 {index} 的摘要不变"), format!("its digests stay on the ledger at index {index}"))
        }
        None => ("它没有进入账本".to_owned(), "it never was on the ledger".to_owned()),
    };
    Error::new(
        format!("{id} 已于 {day} 删除；{zh}，内容与声明不可恢复"),
        format!("{id} was erased on {day}; {en}, content and claims cannot be brought back"),
    )
    .code("erased")
}

/// Why a collection cannot be made again.
pub(crate) fn listed(collection: &str, gone: &Erased) -> Error {
    let (id, day) = (&gone.id, local(gone.at));
    Error::new(
        format!("{collection}：清单所列的 {id} 已于 {day} 删除，合集不能再导出；请不含它重新 collect"),
        format!("{collection}: {id}, which it lists, was erased on {day}, so it cannot be exported again; collect anew without it"),
    )
    .code("erased")
}

pub(crate) fn unfinished() -> (String, String) {
    (
        "删除尚未完成：另一个进程正在读取数据库，旧内容仍在其日志中；它结束后，运行中的服务器会自行完成，没有服务器时请运行任一写入命令".into(),
        "the erasing is not finished: another process reads the database, whose log still holds what was there; when it has ended a running server goes on by itself, and without one any writing command does".into(),
    )
}

/// `2026-11-24 11:05 (UTC+8)`.
fn local(at: i64) -> String {
    let text = Utc(at).plus(8 * 3600 * SECOND).to_micros().replacen('T', " ", 1);
    format!("{} (UTC+8)", text.get(..16).unwrap_or_default())
}
