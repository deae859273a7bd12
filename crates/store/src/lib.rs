//! What a data folder remembers beside the ledger, in SQLite: records on their way, disclosures, the signed head.
//!
//! Rules: one writer connection, and beside it two that only read: one, so that who looks something up does not wait for
//! a sync, and one for the door, which every call passes and where nobody waits for a search; every write in `BEGIN IMMEDIATE`; WAL with `synchronous = FULL`, because
//! what is committed here is what was acknowledged; a database error is never turned into "not found".

mod accounts;
mod activation;
mod acts;
mod captures;
mod checks;
mod closing;
mod counts;
mod door;
mod erased;
mod head;
mod hooks;
mod invitations;
mod licence_links;
mod mail;
mod merchants;
mod notices;
mod passkeys;
mod people;
mod quota;
mod records;
mod renewals;
mod reviews;
mod room;
mod seen;
mod shares;
mod shelf;
mod shops;
mod tokens;
mod uploads;
mod vault;
mod waiting;

pub use accounts::{Act, NewSignIn, OWNER_ACCOUNT, Role, Session, SignIn};
pub use activation::{Code, CodeUsed, MarketEvent, Order, OrderEvent, Taken};
pub use acts::Noted;
pub use captures::{Answering, Ended, Queued};
pub use checks::{CheckAsked, CheckTried, IdentityCheck};
pub use counts::Counts;
pub use door::{LONGEST, Totp};
pub use erased::Erased;
pub use hooks::{Happened, Hook, Message, NewMessage, Tried};
pub use invitations::Invitation;
pub use licence_links::{LicenceLink, NewLicenceLink};
pub use mail::{Mail, NewMail};
pub use merchants::Merchant;
pub use notices::Notice;
pub use passkeys::{NewPasskey, Passkey};
pub use people::{Invite, Joined, NewInvite, Person, Wish};
pub use quota::{Asked, Charge, Entitlement, Grant, KEPT_REFUSALS, Left, Move, Need, Unit};
pub use records::{NewRecord, OfFile, Record};
pub use renewals::Renewal;
pub use reviews::{Decision, Document, Review};
pub use room::{Dead, MarketRefusal, OrderShown, Period, QueueOf, StorageOf};
pub use seen::{Seen, SeenRows, Stamp};
pub use shares::{NewShare, Share};
pub use shelf::{Shelved, Unshelved, Wanted, titled};
pub use shops::Shop;
pub use tokens::{ApiToken, InUse, Once};
pub use uploads::Upload;
pub use vault::Vault;
pub use waiting::Waiting;

use rusqlite::{Connection, OpenFlags, OptionalExtension, config::DbConfig};
use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

/// What each layout after the first adds, ascending; `schema.sql` is layout 1 and never changes again.
const MIGRATIONS: &[(i64, &str)] = &[
    (2, include_str!("layout-2.sql")),
    (3, include_str!("layout-3.sql")),
    (6, include_str!("layout-6.sql")),
    (8, include_str!("layout-8.sql")),
    (9, include_str!("layout-9.sql")),
    (11, include_str!("layout-11.sql")),
    (13, include_str!("layout-13.sql")),
    (14, include_str!("layout-14.sql")),
    (15, include_str!("layout-15.sql")),
    (16, include_str!("layout-16.sql")),
    (17, include_str!("layout-17.sql")),
    (18, include_str!("layout-18.sql")),
    (19, include_str!("layout-19.sql")),
    (20, include_str!("layout-20.sql")),
    (21, include_str!("layout-21.sql")),
    (22, include_str!("layout-22.sql")),
    (23, include_str!("layout-23.sql")),
];

/// The layout that this release reads and writes.
pub const SCHEMA_VERSION: i64 = match MIGRATIONS {
    [] => 1,
    [.., (last, _)] => *last,
};

/// Why the database did not answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// SQLite's own word.
    #[error("database: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// A copy of the database could not be put in its place.
    #[error("copy of the database: {0}")]
    Copy(#[from] std::io::Error),
    /// The master key that opens a merchant's rows was not given.
    #[error("the master key is missing")]
    NoMasterKey,
    /// A merchant's row does not open: another master key, or damage.
    #[error("a sealed row does not open")]
    Sealed,
    /// The account is no merchant's, or closed.
    #[error("no such account")]
    NoAccount,
    /// The invitation has ended, or was used.
    #[error("no such invitation")]
    Uninvited,
    /// A legal hold stands on the account.
    #[error("a legal hold stands")]
    Held,
    /// The folder was written by another release.
    #[error("the folder has layout {found}; this release knows layout {known}")]
    Version {
        /// What the folder says.
        found: i64,
        /// [`SCHEMA_VERSION`].
        known: i64,
    },
}

impl Error {
    /// Whether there was no space left.
    pub fn disk_full(&self) -> bool {
        matches!(self, Self::Sqlite(rusqlite::Error::SqliteFailure(e, _)) if e.code == rusqlite::ErrorCode::DiskFull)
    }
}

/// Shorthand.
pub type Result<T> = std::result::Result<T, Error>;

/// The database of one data folder. Clones share the connections.
#[derive(Clone)]
pub struct Store {
    connection: Arc<Mutex<Connection>>,
    /// For what is looked up at every request; where there is none the other one serves.
    reader: Option<Arc<Mutex<Connection>>>,
    /// Opens what merchants' keys seal.
    vault: Arc<OnceLock<Vault>>,
    /// For who it is that calls; where there is none the reader serves.
    door: Option<Arc<Mutex<Connection>>>,
    /// Those who wait to hold something of their quota.
    asking: Arc<Mutex<Vec<Arc<quota::Asking>>>>,
}

impl Store {
    /// Makes the database of a new folder.
    pub fn create(path: &Path) -> Result<Self> {
        let connection = Connection::open(path)?;
        configure(&connection)?;
        connection.execute_batch(include_str!("schema.sql"))?;
        connection.pragma_update(None, "user_version", 1)?;
        migrate(&connection, path, MIGRATIONS)?;
        Self::from(connection).with_reader(path)
    }

    /// Opens an existing database; never creates one. An earlier layout is brought up to date, after a copy of it
    /// was written beside it (`quezao.db.layout-N`). The caller holds the folder's lock.
    pub fn open(path: &Path) -> Result<Self> {
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        configure(&connection)?;
        migrate(&connection, path, MIGRATIONS)?;
        check_version(connection)?.with_reader(path)
    }

    /// Opens an existing database of this layout beside the folder's writer, for one short write.
    pub fn open_beside(path: &Path) -> Result<Self> {
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        configure(&connection)?;
        check_version(connection)
    }

    /// Opens an existing database for reading, beside a writer.
    pub fn open_read_only(path: &Path) -> Result<Self> {
        if let Some(uri) = unchanging(path) {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
            return check_version(Connection::open_with_flags(uri, flags)?);
        }
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        connection.busy_timeout(BUSY)?;
        check_version(connection)
    }

    fn with_reader(self, path: &Path) -> Result<Self> {
        let reader = || -> Result<_> {
            let reader = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
            reader.busy_timeout(BUSY)?;
            prepared(&reader)?;
            reader.pragma_update(None, "cache_size", -READER_CACHE)?;
            Ok(Some(Arc::new(Mutex::new(reader))))
        };
        Ok(Self { reader: reader()?, door: reader()?, ..self })
    }

    /// A named value of the folder (owner, origin, …).
    pub fn meta(&self, key: &str) -> Result<Option<String>> {
        let connection = self.lock();
        Ok(connection.query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get(0)).optional()?)
    }

    /// Sets a named value.
    pub fn set_meta(&self, key: &str, value: &str) -> Result<()> {
        let sql = "INSERT INTO meta(key, value) VALUES (?1, ?2) ON CONFLICT(key) DO UPDATE SET value = excluded.value";
        self.lock().execute(sql, [key, value])?;
        Ok(())
    }

    /// Writes a consistent copy to a new file, also beside a writer.
    pub fn copy_to(&self, path: &Path) -> Result<()> {
        self.lock().execute("VACUUM INTO ?1", [path.to_string_lossy()])?;
        Ok(())
    }

    /// A panic elsewhere leaves the connection usable: every write is one transaction.
    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// To look something up that is committed.
    fn look(&self) -> MutexGuard<'_, Connection> {
        self.reader.as_ref().unwrap_or(&self.connection).lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// To look up who calls, and what that account has: a few rows, never a search, so that nobody waits long for it.
    fn door(&self) -> MutexGuard<'_, Connection> {
        self.door.as_ref().map_or_else(|| self.look(), |door| door.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl From<Connection> for Store {
    fn from(connection: Connection) -> Self {
        Self {
            connection: Arc::new(Mutex::new(connection)),
            reader: None,
            door: None,
            vault: Arc::default(),
            asking: Arc::default(),
        }
    }
}

/// On a read-only file system SQLite cannot make the index of its write-ahead log, and refuses. Where that log
/// holds nothing, and nobody can write, the database is read as a file that never changes.
fn unchanging(path: &Path) -> Option<String> {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let empty = std::fs::metadata(log).map_or(true, |m| m.len() == 0);
    let fixed = rustix::fs::statvfs(path).is_ok_and(|s| s.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY));
    let path = path.to_str().filter(|_| empty && fixed)?;
    Some(format!("file:{}?immutable=1", path.replace('%', "%25").replace('?', "%3f").replace('#', "%23")))
}

/// Each step is one transaction, so that a crash leaves a layout that is known.
fn migrate(connection: &Connection, path: &Path, steps: &[(i64, &str)]) -> Result<()> {
    let found = version(connection)?;
    let due = || steps.iter().filter(|(to, _)| *to > found);
    let empty: bool = connection.query_row("SELECT count(*) = 0 FROM meta", [], |row| row.get(0))?;
    if !empty && due().next().is_some() {
        let mut copy = path.as_os_str().to_owned();
        copy.push(format!(".layout-{found}"));
        // One that is there already was written before a crash in the middle of this.
        if !Path::new(&copy).exists() {
            let mut unfinished = copy.clone();
            unfinished.push(".part");
            let _ = std::fs::remove_file(&unfinished);
            connection.execute("VACUUM INTO ?1", [unfinished.to_string_lossy()])?;
            std::fs::rename(&unfinished, &copy)?;
        }
    }
    // A table that others refer to is written anew in some step (<https://sqlite.org/lang_altertable.html>, section 7).
    connection.pragma_update(None, "foreign_keys", "OFF")?;
    for (to, sql) in due() {
        connection.execute_batch(&format!("BEGIN IMMEDIATE; {sql}; PRAGMA user_version = {to}; COMMIT"))?;
    }
    Ok(connection.pragma_update(None, "foreign_keys", "ON")?)
}

fn version(connection: &Connection) -> Result<i64> {
    Ok(connection.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

const BUSY: Duration = Duration::from_secs(10);
/// Pages of the write-ahead log after which it is written back: 32 MiB.
const LOGGED: i64 = 8192;
/// KiB of the database that the writer keeps in memory.
const CACHE: i64 = 16 << 10;
/// The same of one that reads: the lists of some accounts.
const READER_CACHE: i64 = 8 << 10;
/// Statements that a connection keeps prepared.
const STATEMENTS: usize = 64;

fn configure(connection: &Connection) -> Result<()> {
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    // Pages of the indices by digest, which any record may touch, are written back once for many records.
    connection.pragma_update(None, "wal_autocheckpoint", LOGGED)?;
    connection.pragma_update(None, "cache_size", -CACHE)?;
    // What is deleted is overwritten; `Store::scrub` takes what even so stays behind.
    connection.pragma_update(None, "secure_delete", "ON")?;
    prepared(connection)
}

/// What is asked at every request is prepared once, whatever values it is asked with.
fn prepared(connection: &Connection) -> Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

fn check_version(connection: Connection) -> Result<Store> {
    let found = version(&connection)?;
    if found != SCHEMA_VERSION {
        return Err(Error::Version { found, known: SCHEMA_VERSION });
    }
    Ok(Store::from(connection))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn record(n: u8) -> NewRecord {
        let record = Record {
            id: format!("id-{n}"),
            account: OWNER_ACCOUNT,
            kind: "image".into(),
            file_name: format!("{n}.jpg"),
            sha256: Some([n; 32]),
            sm3: Some([n; 32]),
            size: Some(1),
            received_at: 7,
            record: vec![n],
            record_digest: [n; 32],
            disclosures: vec![n, n],
            ..Record::default()
        };
        NewRecord { record, tokens: vec![vec![1], vec![2]] }
    }

    #[test]
    fn records_survive_reopening_and_keep_their_order() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("q.db");
        let store = Store::create(&path).unwrap();
        store.insert(&[record(1), record(2)]).unwrap();
        store.set_index(&[([2; 32], 5)]).unwrap();
        drop(store);
        let store = Store::open_read_only(&path).unwrap();
        let all = store.records().unwrap();
        assert_eq!(all.iter().map(|r| r.index).collect::<Vec<_>>(), [None, Some(5)]);
        assert_eq!(store.tokens("id-1").unwrap(), vec![vec![1], vec![2]]);
        assert_eq!(store.unplaced().unwrap().len(), 1);
        assert_eq!(store.by_sha256(&[2; 32]).unwrap()[0].id, "id-2");
        assert!(store.record("id-9").unwrap().is_none());
    }

    #[test]
    fn one_record_digest_is_never_stored_twice() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(&dir.path().join("q.db")).unwrap();
        store.insert(&[record(1)]).unwrap();
        assert!(store.insert(&[record(2), record(1)]).is_err());
        assert_eq!(store.records().unwrap().len(), 1, "a refused batch leaves nothing behind");
    }

    #[test]
    fn what_waits_becomes_a_record_and_is_never_both() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("q.db");
        let store = Store::create(&path).unwrap();
        let one = |n: u8| Waiting { row: record(n).record, statement: vec![n] };
        store.insert_waiting(&[one(1), one(2), one(3)]).unwrap();
        assert!(store.insert_waiting(&[one(4), one(1)]).is_err());
        drop(store);
        let store = Store::open(&path).unwrap();
        assert_eq!(store.waiting().unwrap().len(), 3, "a refused batch leaves nothing, and a restart loses nothing");
        assert_eq!(store.stamped(vec![record(2)]).unwrap().len(), 1);
        store.forget_waiting("id-3").unwrap();
        let again = store.stamped(vec![record(2), record(3)]).unwrap();
        assert!(again.is_empty(), "stamped by somebody else, or taken back");
        let mut same = record(1);
        same.record.record_digest = [2; 32];
        assert!(store.stamped(vec![same]).is_err(), "one digest twice");
        store.insert_waiting(&[one(5)]).unwrap();
        let act = Act { at: 1, account: 1, sign_in: None, via: String::new(), act: "erase", subject: String::new() };
        store.erase(&["id-5".into()], &act).unwrap();
        assert!(store.stamped(vec![record(5)]).unwrap().is_empty(), "erased while it was being stamped");
        assert!(store.record("id-5").unwrap().is_none());
        assert!(store.record("id-1").unwrap().is_none() && store.waiting_one("id-1").unwrap().is_some());
        assert!(store.record("id-2").unwrap().is_some() && store.waiting_one("id-2").unwrap().is_none());
        let waits = store.waiting_by_sha256(&[1; 32]).unwrap();
        assert_eq!(waits.len(), 1);
        assert!(waits[0].row.record.is_empty() && waits[0].row.digest_hex().is_none(), "no record yet");
        assert_eq!(store.waiting_by_name(OWNER_ACCOUNT, "image", "1.jpg").unwrap()[0].statement, [1]);
        assert!(store.waiting_by_name(OWNER_ACCOUNT, "rights", "1.jpg").unwrap().is_empty());
        let late = store.stamped(vec![record(2), record(1)]).unwrap();
        assert_eq!(late.iter().map(|new| &new.record.id).collect::<Vec<_>>(), ["id-1"], "the rest of a batch stands");
    }

    #[test]
    fn renewals_are_added_in_order_and_of_each_kind() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(&dir.path().join("q.db")).unwrap();
        store.insert(&[record(1), record(2)]).unwrap();
        let one = |full, n: u8| Renewal { full, list: format!("{n}"), token: vec![n] };
        store.add_renewal("id-1", &[one(false, 1), one(true, 2)]).unwrap();
        store.add_renewal("id-1", &[one(false, 3), one(true, 4)]).unwrap();
        assert!(store.add_renewal("id-9", &[one(false, 1)]).is_err(), "of no record");
        assert_eq!(store.renewals("id-1", false).unwrap(), [one(false, 1), one(false, 3)]);
        assert_eq!(store.renewals("id-1", true).unwrap(), [one(true, 2), one(true, 4)]);
        assert!(store.renewals("id-2", false).unwrap().is_empty());
    }

    #[test]
    fn an_earlier_layout_is_copied_then_brought_up_to_date() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("q.db");
        let store = Store::create(&path).unwrap();
        store.set_meta("origin", "here").unwrap();
        store.insert(&[record(1)]).unwrap();
        let to = SCHEMA_VERSION + 2;
        let steps = [(to - 1, "CREATE TABLE one(a INTEGER)"), (to, "CREATE TABLE two(a INTEGER)")];
        let broken = [(to - 1, "CREATE TABLE one(a INTEGER)"), (to, "CREATE TABLE one(a INTEGER)")];
        assert!(migrate(&store.lock(), &path, &broken).is_err());
        let _ = store.lock().execute_batch("ROLLBACK");
        assert_eq!(version(&store.lock()).unwrap(), to - 1, "the step that stands is kept");
        migrate(&store.lock(), &path, &steps).unwrap();
        assert_eq!(version(&store.lock()).unwrap(), to);
        assert_eq!(store.records().unwrap().len(), 1);
        let copy = dir.path().join(format!("q.db.layout-{SCHEMA_VERSION}"));
        assert_eq!(Store::open_read_only(&copy).unwrap().records().unwrap().len(), 1);
    }

    #[test]
    fn the_first_person_of_an_earlier_folder_runs_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("q.db");
        let connection = Connection::open(&path).unwrap();
        configure(&connection).unwrap();
        connection.execute_batch(include_str!("schema.sql")).unwrap();
        migrate(&connection, &path, &MIGRATIONS[..8]).unwrap();
        let people = "INSERT INTO sign_ins(id, account, login, name, role, password, created_at)
                      VALUES (3, 1, 'linwan', '林晚', 'main', 'p', 1), (4, 1, 'chenlan', '陈岚', 'main', 'p', 2);
                      INSERT INTO sessions(digest, sign_in, agent, created_at, seen_at, expires_at)
                      VALUES (x'07', 3, '', 1, 1, 9)";
        connection.execute_batch(people).unwrap();
        drop(connection);
        let store = Store::open(&path).unwrap();
        let of = |login| store.sign_in_named(login).unwrap().map(|p| (p.role, p.operator)).unwrap();
        assert_eq!((of("linwan"), of("chenlan")), ((Role::Main, true), (Role::Main, false)));
        assert_eq!(store.lock().query_row("SELECT sign_in FROM sessions", [], |r| r.get::<_, i64>(0)).unwrap(), 3);
    }

    #[test]
    fn a_newer_folder_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("q.db");
        let store = Store::create(&path).unwrap();
        store.lock().pragma_update(None, "user_version", 99).unwrap();
        drop(store);
        assert!(matches!(Store::open(&path), Err(Error::Version { found: 99, known: SCHEMA_VERSION })));
    }
}
