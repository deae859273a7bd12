//! The use cases, on one data folder, without HTTP: what the command line does, and later the portal.
//!
//! `plan` looks through folders, `intake` reads bytes, `deposit` runs over both, `register` makes and records
//! statements, `prove` takes evidence out again, `paper` draws its
//! certificate.
//! Nothing here prints; progress is handed out as [`Event`]s, failures as [`Error`]s with a way out.

mod account;
mod activation;
mod attest;
mod authorities;
mod backup;
mod beside;
mod capture;
mod clock;
mod collect;
mod compare;
mod config;
mod custody;
mod deposit;
mod desk;
mod doctor;
mod editions;
mod erase;
mod error;
mod export;
mod folder;
mod gauges;
mod hooks;
mod identity;
mod in_flight;
mod init;
mod intake;
mod issuers;
mod keeping;
mod keybox;
mod keys;
mod letters;
mod licence;
mod lines;
mod mail;
mod market;
mod master;
mod merchants;
mod openid;
mod origin;
mod outbox;
mod pace;
mod paper;
mod plan;
mod policy;
mod prove;
mod provider;
mod quota;
mod register;
mod renew;
mod restore;
mod rights;
mod seal;
mod send;
mod set_up;
mod settings;
mod similar;
mod waiting;
mod watch;
mod web;
mod witness;

pub use account::{
    AUDIT_PAGE, Account, Actor, Alike, Answer, Asked, Brought, CaptureShown, Captured, CapturedFile, Checksum, Chosen,
    ClosePlan, Declared, Digester, DocumentShown, FirstSignIn, HOOK_EVENTS, HookShown, House, Identity, Invited, Item,
    Kept, Leaf, LicencePreview, LicenceShown, LicensedPicture, Link, Linked, LinkedLicence, Listing, Lookup, MAX_BULK,
    MAX_CAPTURED, MAX_COVERED, MAX_DECLARED, MAX_DOCUMENT, MAX_DOCUMENTS, MAX_INVITATION_DAYS, MAX_INVITE_DAYS,
    MAX_LICENCE_LINK_DAYS, MAX_LISTED, MAX_LOOKED, MAX_PAGES, MAX_PASSWORD, MAX_PEOPLE, MAX_SHARE_DAYS, MAX_SHOPS,
    MAX_STAMP_REQUEST, MAX_TOKEN_DAYS, MAX_UPLOAD, MAX_WORDS, MERCHANTS_PAGE, MIN_PASSWORD, MerchantShown, NewMerchant,
    Offer, Open, OpenSession, Opened, Overview, PERMISSIONS, Packed, Permission, Permitted, Piece, RESET_MINUTES,
    Refusal, ReviewShown, SCOPES, SHELF_KINDS, SHELF_PAGE, SHOWS, Search, Shelf, Shown, SignUps, SignedIn, SignedUp,
    Staged, Team, Told, Upload, Why, reset_sign_in,
};
/// The operator's room.
pub use account::{
    Bytes, DeadShown, GivenShown, Health, MAX_NOTICE, MAX_NOTICE_DAYS, NewNotice, NoticeShown, NoticeTold, OrdersShown,
    QueueShown, ROOM_PAGE, Takeout,
};
pub use activation::{CODES_PAGE, MAX_CODE_DAYS, MAX_CODES, NewCodes, Promise, Waits, make_codes, make_grant};
pub use archive::bundle::{Bundle, file_name as bundled_name};
pub use authorities::{AddAuthority, AuthorityCheck, AuthorityState, RevocationList};
pub use backup::{Backup, Progress, backup, passphrase_of};
/// What a capture's report prints.
pub use certificate::{Line as ReportLine, Report};
pub use clock::{ClockCheck, ClockSettings, ServerAnswer};
pub use collect::{CollectLine, CollectRequest, Pick};
pub use compare::{CompareEvent, CompareLine, CompareRequest, distances_again};
pub use doctor::doctor;
pub use editions::{EDITIONS, Editions, Feature, MAX_MONTHS, Terms, bytes_shown};
pub use erase::{Doomed, ErasePlan, Sentence};
pub use error::{Error, Result, show_path};
pub use folder::{Folder, state_dir};
pub use gauges::Gauges;
pub use hooks::{Letter, Postman};
pub use intake::{Filter, INTERRUPTED, digests};
pub use keys::{platform_keys, random_word};
pub use licence::{Licence, LicenceLine, MAX_LICENSED, MAX_URLS};
pub use mail::{Mail, NotTaken, Post};
pub use market::{MAX_MARKET, new_market_secret};
pub use openid::{Going, OpenId, OpenIdentity};
pub use origin::{After, Began, begin_after};
pub use outbox::{LateMail, MailShown};
pub use paper::{contact_sheets, licence_sheets, page_pictures, pair_pictures};
pub use plan::Passed;
pub use policy::{Cosigner, PolicyReport};
pub use prove::write_whole;
pub use provider::{IdentityProvider, IdentityQuestion};
pub use quota::{Held, MOVES_PAGE, Standing};
pub use renew::{RenewLine, RenewRequest};
pub use restore::{Restored, restore};
pub use rights::{Refused, RightsLine, Sidecar, ToldRights};
pub use seal::{OwnSigner, signer_file};
pub use send::{Body, Carrier, Outgoing, Sent, send};
pub use set_up::{Place, set_up_findings, set_up_warnings};
pub use settings::{Flags, Network, SETTINGS, Setting, SettingLine, Settings, Source, unknown_variables};
pub use sidecar::{Encoding, Format as TemplateFormat, template as rights_template};
pub use similar::{Found, Near, Rebuilt};
/// A person's token, and a page in the queue.
pub use store::{
    ApiToken, IdentityCheck, Invite, LicenceLink, Message as HookMessage, Noted, OWNER_ACCOUNT, Passkey, Person,
    Queued, Role, Shop, Wish,
};
/// An account's ledger, and how accounts come to what they have.
pub use store::{
    Charge, Code, Entitlement, Grant as QuotaGrant, Left, MarketRefusal, Move, Order, QueueOf, StorageOf, Unit,
};
pub use timestamp::certificate_ends;
/// What a verdict is made of.
pub use verify::{Check, Original, Outcome, Overall, Verdict, licence_words, own_file};
pub use waiting::Stamped;
pub use watch::{WatchEvent, watch};
pub use web::web_tls;
pub use witness::{QuorumState, WitnessState};

use evidence::time::Utc;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

/// What every statement names as its maker.
pub const SOFTWARE: (&str, &str, &str) = ("quezao", env!("CARGO_PKG_VERSION"), env!("QUEZAO_COMMIT"));

/// Things worth saying that do not stop the work, each (Chinese, English).
pub type Warnings = Vec<(String, String)>;

/// Who the owner is, as `init` was told.
#[derive(Clone, Debug, Default)]
pub struct InitOptions {
    /// `individual` or `enterprise`.
    pub owner_kind: String,
    /// Legal name.
    pub owner_name: String,
    /// 统一社会信用代码.
    pub owner_code: Option<String>,
    /// 居民身份证 number (individual).
    pub owner_id: Option<String>,
    /// Operator, where it is not the owner.
    pub operator_name: Option<String>,
    /// Operator's code.
    pub operator_code: Option<String>,
    /// Filings and licences of whoever runs the ledger, as they are called.
    pub operator_filings: Vec<String>,
    /// First part of the ledger's origin.
    pub origin: Option<String>,
    /// Who signs certificates, where the operator brings his own key.
    pub signer: Option<OwnSigner>,
    /// Presets of outside time authorities: they seal.
    pub tsa: Vec<String>,
    /// The ledger that this one goes on after.
    pub after: Option<After>,
}

/// What `init` made.
#[derive(Clone, Debug)]
pub struct Initialized {
    /// The ledger's origin.
    pub origin: String,
    /// The ledger's vkey.
    pub ledger_key: String,
    /// SHA-256 of the embedded authority's root certificate, hex.
    pub authority_root: String,
    /// SHA-256 of the root of whoever signs certificates, hex.
    pub signer_root: String,
    /// Things worth saying (enterprise code with a wrong checksum, head mirror newly written…), each (zh, en).
    pub warnings: Warnings,
}

/// Rights as declared; `None` is "not declared".
#[derive(Clone, Debug, Default)]
pub struct Rights {
    /// Claim name (`title`, `author`, `work_origin`, …) → value.
    pub claims: BTreeMap<String, String>,
}

/// One `deposit`.
#[derive(Clone, Debug, Default)]
pub struct DepositRequest {
    /// Files and folders.
    pub paths: Vec<PathBuf>,
    /// Read, digest, keep nothing.
    pub digest_only: bool,
    /// Keep a fingerprint of pictures all the same, to find near copies by.
    pub similar: bool,
    /// Record the same bytes again.
    pub again: bool,
    /// The same for every file.
    pub rights: Rights,
    /// Which names in folders.
    pub filter: Filter,
    /// Read files again that look as they did.
    pub rehash: bool,
    /// Only say what would be done.
    pub dry_run: bool,
    /// Seconds to wait for tokens from outside, where statements need one; `None` is 60.
    pub wait: Option<u64>,
    /// Set by somebody else: the run is to end soon.
    pub stop: Option<Arc<AtomicBool>>,
    /// Claims that nobody makes are taken from the file's XMP and IPTC, and marked.
    pub from_file: bool,
    /// What differs from file to file.
    pub sidecar: Option<std::sync::Arc<Sidecar>>,
    /// Whose the records are.
    pub account: Account,
    /// Records of every file's attachments.
    pub refs: Vec<evidence::statement::Ref>,
    /// Whose quota pays for each new record; nobody's on the command line.
    pub charge: Option<Charge>,
    /// Hands out new records before their seal, as *pending*: the caller waits by himself, holding nothing.
    pub unsealed: bool,
    /// The audit log's line of each new record, about that record: written together with it.
    pub act: Option<store::Act>,
}

/// A line of `deposit`, `list` and `show`; also the keys of `--json`.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct DepositLine {
    /// Record number.
    pub id: Option<String>,
    /// Path as given or stored name.
    pub file: String,
    /// Hex.
    pub sha256: Option<String>,
    /// Hex.
    pub sm3: Option<String>,
    /// `new`, `existing`, `pending`, `failed`; of a dry run also `planned`, `changed`; of what was left `interrupted`;
    /// in a list `erased` (spec/report.md).
    pub status: String,
    /// Leaf index.
    pub index: Option<u64>,
    /// Record digest, hex.
    pub record_sha256: Option<String>,
    /// Why it failed.
    pub error: Option<Error>,
    /// Warnings (zh, en): not part of the JSON promise.
    #[serde(skip)]
    pub warnings: Warnings,
    /// The exact path, absolute; empty where there is none.
    #[serde(skip)]
    pub path: PathBuf,
    /// The file's bytes.
    #[serde(skip)]
    pub size: Option<u64>,
    /// It looks as it did and was not read again.
    #[serde(skip)]
    pub unread: bool,
    /// Sealed, and *pending* since the policy's witnesses have not signed.
    #[serde(skip)]
    pub unwitnessed: bool,
    /// When it was erased.
    #[serde(skip)]
    pub erased_at: Option<Utc>,
    /// The audit log tells of it already.
    #[serde(skip)]
    pub noted: bool,
}

/// One `capture`.
#[derive(Clone, Debug, Default)]
pub struct CaptureRequest {
    /// Pages, each captured on its own.
    pub urls: Vec<String>,
    /// Another's page; else the owner's own.
    pub other: bool,
    /// Ports of this machine that may be opened under a name.
    pub loopback: Vec<::capture::guard::Loopback>,
    /// A phone's window; else a desktop's.
    pub phone: bool,
    /// Who asked, as order and capture name him; nobody on the command line.
    pub acting_account: Option<String>,
    /// Whose order and capture are.
    pub account: Account,
    /// The page of the queue that this is, whose unit pays for the capture; none on the command line.
    pub page: Option<i64>,
    /// Where and as what the browser runs.
    pub machine: ::capture::Machine,
    /// Bounds.
    pub limits: ::capture::Limits,
}

/// A line of `capture`; also the keys of `--json`.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct CaptureLine {
    /// The capture's record number; `None` where there is none.
    pub id: Option<String>,
    /// The order's.
    pub order: Option<String>,
    /// As asked.
    pub url: String,
    /// `complete`, `partial`, `blocked`, `failed`.
    pub status: String,
    /// Of the WACZ, hex.
    pub sha256: Option<String>,
    /// Why it failed.
    pub error: Option<Error>,
    /// Reasons and red flags (zh, en): not part of the JSON promise.
    #[serde(skip)]
    pub warnings: Warnings,
}

/// Progress of a capture.
#[derive(Clone, Debug)]
pub enum CaptureEvent {
    /// A named step begins.
    Step {
        /// Which page.
        url: String,
        /// Its name, `check-environment`.
        step: String,
    },
    /// The page's line.
    Done(Box<CaptureLine>),
}

/// Progress.
#[derive(Clone, Debug)]
pub enum Event {
    /// Something in a folder is left out.
    Passed {
        /// As found.
        path: PathBuf,
        /// The same, absolute.
        absolute: PathBuf,
        /// Why.
        why: Passed,
    },
    /// All paths were looked through; now files are read.
    Planned(Planned),
    /// Bytes hashed since the last event.
    Read {
        /// Bytes.
        bytes: u64,
    },
    /// One file is done (acknowledged, existing or failed).
    Done(Box<DepositLine>),
    /// The run ended before this file was recorded.
    Left(Box<DepositLine>),
}

/// What a run found before it reads.
#[derive(Clone, Debug, Default)]
pub struct Planned {
    /// Files to be read.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Of the files: read before, and changed since.
    pub changed: u64,
    /// Not to be read: they look as they did.
    pub known: u64,
    /// Names that cannot be recorded, or reached.
    pub refused: u64,
    /// Names left out, by [`Passed::code`].
    pub passed: BTreeMap<&'static str, u64>,
    /// How long a large run will take, by what this machine needed before.
    pub estimate: Option<Duration>,
}

/// One `export`.
#[derive(Clone, Debug, Default)]
pub struct ExportRequest {
    /// Record numbers.
    pub ids: Vec<String>,
    /// Where to write.
    pub output: PathBuf,
    /// `true`: the court's copy with every disclosure (`ID.full.pdf`, `ID.full.zip`).
    pub full: bool,
    /// The certificate is in English; else in Chinese.
    pub english: bool,
    /// Also give back held originals.
    pub originals: bool,
    /// Write packages that are not sealed yet.
    pub pending: bool,
    /// Only these claims are disclosed; there is then no certificate, which would print others, no later record and no
    /// renewal, which cover what an ordinary package discloses. `None`: all that an ordinary package does.
    pub disclose: Option<BTreeSet<String>>,
    /// Seconds to wait for a seal.
    pub wait: u64,
    /// Set by somebody else: no further record is begun.
    pub stop: Option<Arc<AtomicBool>>,
}

/// A line of `export`.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct ExportLine {
    /// Record number.
    pub id: String,
    /// File written.
    pub file: Option<PathBuf>,
    /// Why not; exit 3 where only the seal is missing.
    pub error: Option<Error>,
}

/// One finding of `doctor`.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Finding {
    /// `ok`, `warning`, `problem`.
    pub level: &'static str,
    /// What was looked at.
    pub subject: &'static str,
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

/// Reading beside a writer, or the one writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// `list`, `show`, `verify`, `export` of sealed records.
    Read,
    /// `deposit`: waits up to 30 s for the lock, then names the process that holds it.
    Write,
    /// `erase`, `renew`: as [`Mode::Write`], also where the ledger has ended and takes no new record.
    Maintain,
}
