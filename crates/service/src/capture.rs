//! A page becomes a record: order on the ledger → capture → WACZ → statement → leaf.
//!
//! Rules:
//! - The order is sealed before anything is opened, and lies in the WACZ as a package of its own.
//! - Every capture that ended otherwise than `failed` is recorded at once; `discard` drops bytes, never the leaf.
//! - The owner who runs it himself is `applicant-operated`, whatever the machine looks like.

use crate::{
    Account, CaptureEvent, CaptureLine, CaptureRequest, Error, ExportRequest, Folder, Result, SOFTWARE, clock,
    folder::ledger_error,
    intake,
    register::{self, Draft},
};
use archive::wacz::Resource;
use capture::{
    Outcome, Recording, Request,
    guard::{self, Host, Loopback},
};
use evidence::{
    contact,
    digest::FileDigests,
    hex,
    json::Value,
    merkle,
    statement::{Clock, Custody, File, Kind, OperatorRelation, Provenance, Ref},
    time::Utc,
};
use std::{
    collections::BTreeMap,
    io::{BufWriter, Write},
    time::Duration,
};
use store::Record as Row;

/// Most bytes of a claim's text.
const CLAIM: usize = 4096;
/// How long an order waits for its seal. Nothing is opened before.
const ORDER_SEAL: Duration = Duration::from_secs(60);

impl Folder {
    /// Captures each URL; every one gives exactly one [`CaptureEvent::Done`]. Returns the lines in their order.
    pub fn capture(
        &mut self,
        request: &CaptureRequest,
        events: &mut dyn FnMut(CaptureEvent),
    ) -> Result<Vec<CaptureLine>> {
        self.capture_beside(request, events)
    }

    /// The same, beside others of this process.
    pub(crate) fn capture_beside(
        &self,
        request: &CaptureRequest,
        events: &mut dyn FnMut(CaptureEvent),
    ) -> Result<Vec<CaptureLine>> {
        self.writer()?;
        // Where the machine lets no browser run, no order goes on the ledger: it would count as an attempt.
        let impossible = capture::probe(&request.machine).err();
        let mut lines = Vec::new();
        for url in &request.urls {
            let mut line = CaptureLine { url: url.clone(), status: "failed".into(), ..CaptureLine::default() };
            let done = match (check_url(url, &request.loopback), &impossible) {
                (Err(error), _) => Err(error),
                (Ok(()), Some(error)) => Err(refused(url, error)),
                (Ok(()), None) => self.capture_one(url, request, &mut line, events),
            };
            if let Err(error) = done {
                line.error = Some(error);
            }
            events(CaptureEvent::Done(Box::new(line.clone())));
            lines.push(line);
        }
        Ok(lines)
    }

    /// Drops the bytes of a capture. Its leaf stays; later orders for the same URL count it.
    pub fn discard(&mut self, id: &str) -> Result<()> {
        self.discard_beside(id)
    }

    /// The same, beside others of this process.
    pub(crate) fn discard_beside(&self, id: &str) -> Result<()> {
        self.writer()?;
        let record = self.discardable(id)?;
        let _alone = self.keeping.alone(record.account);
        let now = clock::now();
        self.store.note_discarded(&discard_key(id), &now.to_micros(), id, now.0)?;
        let Some(sha256) = record.sha256 else { return Ok(()) };
        self.drop_file(&sha256).map(|_| ())
    }

    /// The record of what can be discarded.
    pub fn discardable(&self, id: &str) -> Result<Row> {
        let record = self.stored(id)?;
        if record.kind != Kind::Capture.as_str() {
            return Err(Error::new(
                format!("{id} 不是网页取证；discard 只用于网页取证"),
                format!("{id} is no capture; discard is for captures"),
            ));
        }
        Ok(record)
    }

    fn capture_one(
        &self,
        url: &str,
        request: &CaptureRequest,
        line: &mut CaptureLine,
        events: &mut dyn FnMut(CaptureEvent),
    ) -> Result<()> {
        events(CaptureEvent::Step { url: url.to_owned(), step: "order".into() });
        let order = self.order(url, request)?;
        line.order = Some(order.id.clone());
        let (package, contact) = self.order_package(&order)?;

        let mut wanted = Request {
            loopback: request.loopback.clone(),
            viewport: if request.phone { capture::Viewport::PHONE } else { capture::Viewport::DESKTOP },
            contact,
            machine: capture::Machine { hide: vec![self.dir.clone()], ..request.machine.clone() },
            ..Request::new(url)
        };
        if wanted.machine.time_servers.is_empty() {
            wanted.machine.time_servers = self.time_servers().to_vec();
        }
        let mut step = |step: capture::Step| {
            let step = serde_json::to_value(step).ok().and_then(|s| s.as_str().map(str::to_owned)).unwrap_or_default();
            events(CaptureEvent::Step { url: url.to_owned(), step });
        };
        let recording = capture::run(&wanted, &request.limits, &mut step).map_err(|e| refused(url, &e))?;
        line.status = status(recording.outcome).into();
        line.warnings = self.comparing.unsaid();
        line.warnings
            .extend(recording.reasons.iter().chain(&recording.red_flags).map(|r| (r.zh.clone(), r.en.clone())));
        if recording.outcome == Outcome::Failed {
            let why = recording.reasons.first();
            return Err(Error::new(
                why.map_or("未取得页面".into(), |r| r.zh.clone()),
                why.map_or("no page was obtained".into(), |r| r.en.clone()),
            ));
        }
        events(CaptureEvent::Step { url: url.to_owned(), step: "write-wacz".into() });
        let _keeping = self.keeping(request.account.0);
        let (digests, note) = self.keep(&recording, package)?;
        events(CaptureEvent::Step { url: url.to_owned(), step: "record".into() });
        let record = self.captured(url, request, &order, &recording, digests)?;
        note.settle();
        line.id = Some(record.id.clone());
        line.sha256 = record.sha256.map(|d| hex::encode(&d));
        match record.index {
            Some(index) => {
                self.writer()?.ledger.wait_final(index, crate::deposit::SEAL_WAIT).map_err(|e| ledger_error(&e))?;
            }
            None => {
                let Error { zh, en, .. } = crate::waiting::unstamped(&record.id);
                line.warnings.push((zh, en));
            }
        }
        Ok(())
    }

    /// The order's leaf, under a sealed checkpoint.
    fn order(&self, url: &str, request: &CaptureRequest) -> Result<Row> {
        let (attempts, discarded) = self.attempts(request.account, url)?;
        let mut claims = self.claims_of(request.account.0)?;
        claims.extend([
            ("acting_account", acting(request)),
            ("url", Value::from(url)),
            ("purpose", purpose(request).into()),
            ("attempt", Value::from(attempts + 1)),
            ("discarded_before", Value::from(discarded)),
        ]);
        let draft = self.drafted(request.account, Kind::Order, None, claims, self.compared_clock()?);
        let order = self.put_for(draft, url, request.page)?;
        let index = order.index.unwrap_or_default();
        let sealed = self.writer()?.ledger.wait_sealed(index, ORDER_SEAL).map_err(|e| ledger_error(&e))?;
        if sealed.is_none() {
            return Err(Error::new(
                "取证指令尚未封存，页面没有打开；请稍后重试",
                "the order is not sealed yet, so the page was not opened; try again later",
            ));
        }
        Ok(order)
    }

    /// The account's orders for the same URL so far, and how many of their captures were discarded.
    fn attempts(&self, Account(account): Account, url: &str) -> Result<(u64, u64)> {
        let attempts = self.store.by_name(account, Kind::Order.as_str(), url)?.len() as u64;
        let mut discarded = 0;
        for captured in self.store.by_name(account, Kind::Capture.as_str(), url)? {
            discarded += u64::from(self.discarded(&captured)?);
        }
        Ok((attempts, discarded))
    }

    pub(crate) fn discarded(&self, capture: &Row) -> Result<bool> {
        Ok(self.store.meta(&discard_key(&capture.id))?.is_some())
    }

    /// The order's own package, without a certificate: it goes into the WACZ. And what sites are asked to sign over.
    fn order_package(&self, order: &Row) -> Result<(Vec<u8>, Option<[u8; 32]>)> {
        let entries = self.package_entries(order, &ExportRequest { pending: true, ..ExportRequest::default() })?;
        let seal = entries.iter().find(|(name, _)| name == "checkpoint.tsr");
        let contact = seal.map(|(_, seal)| contact::random(&order.record, seal));
        let package = archive::package::write(&entries).map_err(|e| {
            Error::new(
                format!("指令的证据包无法写成（{e}）"),
                format!("the order's package could not be written ({e})"),
            )
        })?;
        Ok((package, contact))
    }

    /// Writes the WACZ, with the order's package in it, among the kept originals.
    fn keep(&self, recording: &Recording, package: Vec<u8>) -> Result<(FileDigests, intake::Note)> {
        let copy = intake::Copy::begin(&self.dir.join("originals"))?;
        let file = copy.file().map_err(|e| Error::io(copy.path(), &e))?;
        let order = Resource {
            name: "order".into(),
            label: None,
            content_type: "application/zip".into(),
            at: Utc(recording.started),
            body: package.into(),
        };
        let (name, version, _) = SOFTWARE;
        let written = recording.write_wacz(BufWriter::new(file), &format!("{name} {version}"), vec![order]);
        let flushed = written.and_then(|(mut out, _)| Ok(out.flush()?));
        flushed
            .map_err(|e| Error::new(format!("WACZ 无法写成（{e}）"), format!("the WACZ could not be written ({e})")))?;
        let digests = intake::digests(copy.path(), &mut |_| ())?;
        let note = copy.note(&digests)?;
        copy.finish(&digests)?;
        Ok((digests, note))
    }

    fn captured(
        &self,
        url: &str,
        request: &CaptureRequest,
        order: &Row,
        recording: &Recording,
        digests: FileDigests,
    ) -> Result<Row> {
        let text = |s: &str| if s.is_empty() { Value::Null } else { s.into() };
        // An address is claimed as it is or not at all: a part of one is another one.
        let web = |s: &&str| s.starts_with("http://") || s.starts_with("https://");
        let ended = Some(recording.final_url.as_str()).filter(|s| web(s) && s.len() <= CLAIM && claimable(s) == *s);
        let mut claims = self.claims_of(request.account.0)?;
        let leaf = merkle::leaf_hash(&order.record);
        let order_ref = Ref { ledger: self.origin.clone(), id: order.id.clone(), leaf };
        claims.extend([
            ("acting_account", acting(request)),
            ("url", Value::from(url)),
            ("final_url", text(ended.unwrap_or_default())),
            ("page_title", text(&claimable(&recording.title))),
            ("purpose", purpose(request).into()),
            ("outcome", status(recording.outcome).into()),
            ("refs", Value::Array(vec![order_ref.to_value()])),
        ]);
        let file = File { digests, media_type: "application/wacz".into(), custody: Custody::Held };
        // The operator's own name of the server; one that no statement may hold leaves the clock unchecked.
        let measured = recording.clock.as_ref().filter(|m| evidence::json::check_string("source", &m.source).is_ok());
        let clock = measured.map_or(Clock::Unchecked, |m| Clock::Checked {
            source: m.source.clone(),
            offset_us: m.offset_us,
            at: Utc(m.at),
        });
        self.put_for(self.drafted(request.account, Kind::Capture, Some(file), claims, clock), url, request.page)
    }

    pub(crate) fn record(
        &self,
        account: Account,
        kind: Kind,
        file: Option<File>,
        claims: BTreeMap<&str, Value>,
        name: &str,
        clock: Clock,
    ) -> Result<Row> {
        self.put(self.drafted(account, kind, file, claims, clock), name)
    }

    fn drafted<'d>(
        &'d self,
        Account(account): Account,
        kind: Kind,
        file: Option<File>,
        claims: BTreeMap<&'d str, Value>,
        clock: Clock,
    ) -> Draft<'d> {
        let relation = self.relation(account);
        let provenance = match relation {
            OperatorRelation::SamePerson => Provenance::ApplicantOperated,
            _ => Provenance::PlatformCaptured,
        };
        let (relation, provenance) = (Some(relation), Some(provenance));
        Draft { account, kind, ledger: &self.origin, file, relation, provenance, claims, clock }
    }

    /// Puts a draft on the ledger by whoever stamps statements here.
    pub(crate) fn put(&self, draft: Draft<'_>, name: &str) -> Result<Row> {
        self.put_for(draft, name, None)
    }

    /// The same at once: without an index where it waits for a token from outside ([`Self::awaited`]).
    pub(crate) fn put_soon(&self, draft: Draft<'_>, name: &str) -> Result<Row> {
        if !self.statements_external() {
            return self.put(draft, name);
        }
        let waiting = draft.state(name)?;
        self.store.insert_waiting([&waiting])?;
        Ok(waiting.row)
    }

    /// [`Self::put`] for a page of the queue, which pays for its capture in the transaction that writes the record.
    fn put_for(&self, draft: Draft<'_>, name: &str, page: Option<i64>) -> Result<Row> {
        if self.statements_external() {
            let mut waiting = draft.state(name)?;
            waiting.row.page = page;
            return self.stamped_outside(waiting, None);
        }
        let mut new = draft.record(self.writer()?, name)?;
        new.record.page = page;
        register::submit_one(&self.store, self.writer()?, new)
    }
}

/// A page's text as a claim may hold it: NFC, without control and steering characters, not too long.
fn claimable(text: &str) -> String {
    use unicode_normalization::UnicodeNormalization;
    let fits = |c: &char| evidence::json::check_string("claim", c.encode_utf8(&mut [0; 4])).is_ok();
    let mut out: String = text.nfc().filter(fits).take(2_000).collect();
    while out.len() > CLAIM {
        out.pop();
    }
    out
}

/// Where the database notes when a capture's bytes were dropped.
pub(crate) fn discard_key(id: &str) -> String {
    format!("discarded {id}")
}

fn acting(request: &CaptureRequest) -> Value {
    request.acting_account.clone().map_or(Value::Null, Value::from)
}

fn purpose(request: &CaptureRequest) -> &'static str {
    if request.other { "other" } else { "own" }
}

fn status(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Complete => "complete",
        Outcome::Partial => "partial",
        Outcome::Blocked => "blocked",
        Outcome::Failed => "failed",
    }
}

/// What cannot be opened is refused before an order is on the ledger; the guard looks again at every connection.
pub(crate) fn check_url(url: &str, loopback: &[Loopback]) -> Result<()> {
    let refuse = |zh: &str, en: &str| {
        let shown = crate::show_path(std::path::Path::new(url));
        Err(Error::new(format!("{shown}：{zh}"), format!("{shown}: {en}")))
    };
    let (rest, port) = match (url.strip_prefix("http://"), url.strip_prefix("https://")) {
        (Some(rest), _) => (rest, 80),
        (_, Some(rest)) => (rest, 443),
        _ => return refuse("只能取证 http 或 https 网页", "only http and https pages can be captured"),
    };
    if evidence::json::check_string("url", url).is_err() || url.len() > CLAIM {
        return refuse(
            "网址含有不能登记的字符，或过长",
            "a URL that cannot be recorded: control characters, or too long",
        );
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return refuse("网址不能带用户名或密码", "a URL may not carry a user name or password");
    }
    let exempt = |l: &Loopback| authority == l.to_string() || (authority == l.host && l.port == port);
    if loopback.iter().any(exempt) {
        return Ok(());
    }
    match guard::authority(authority, Some(port)) {
        Err(why) => refuse(&format!("主机或端口不可用（{why}）"), &format!("host or port: {why}")),
        Ok((_, given)) if ![80, 443].contains(&given) => {
            refuse("只允许 80 和 443 端口", "only ports 80 and 443 are allowed")
        }
        Ok((Host::Address(address), _)) => match guard::refusal(address) {
            Some(why) => refuse(&format!("不是公网地址（{why}）"), &format!("no public address ({why})")),
            None => Ok(()),
        },
        Ok(_) => Ok(()),
    }
}

fn refused(url: &str, error: &capture::Error) -> Error {
    use capture::Error as E;
    let zh = match error {
        E::Isolation { step, found, .. } => {
            format!(
                "本机不允许隔离浏览器（{step}：{found}），页面没有打开；运行 quezao doctor 查看如何启用，或按名称选择较弱模式 --isolation weaker-shared-network，记录会写明"
            )
        }
        E::NoChromium(path) => format!("没有 Chromium（{path}）；请安装 Debian 的软件包 chromium"),
        E::Url { reason, .. } => format!("网址不可用（{reason}）"),
        E::Browser(why) => format!("浏览器中断（{why}）；请重试"),
        E::Io { what, source } => format!("{what}：{source}"),
    };
    let shown = crate::show_path(std::path::Path::new(url));
    Error::new(format!("{shown}：{zh}"), format!("{shown}: {error}"))
}
