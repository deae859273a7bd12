//! Renewals: evidence stamped again before the certificate that protects it ends, or its algorithm does.
//!
//! Rules:
//! - What protects a record is its last renewal; before the first one, the seal whose signing certificate ends last.
//! - A renewal covers every entry of groups 2 to 5 of the package, the renewals before it included. The ordinary
//!   package and the court's copy disclose different things, so where they differ each has its own token.
//! - Nothing that was there is changed: a renewal is only ever added.

use crate::{Error, ExportRequest, Folder, Result, issuers::Issuers};
use evidence::{
    hex,
    time::Utc,
    token::{Binding, Token},
};
use sha2::{Digest, Sha512};
use std::time::Duration;
use store::{Record, Renewal};

/// Without a date: what ends within 90 days, microseconds.
const SOON: i64 = 90 * 86_400 * 1_000_000;
/// `renewal-99` is the last that a package can hold.
const MOST: usize = 99;
/// Longest that a busy authority is waited for, for each record.
const WAIT: Duration = Duration::from_secs(60);

/// One `admin renew`.
#[derive(Clone, Debug, Default)]
pub struct RenewRequest {
    /// These, whenever they end; empty: all that end before `before`.
    pub ids: Vec<String>,
    /// `YYYY-MM-DD`, UTC; without it 90 days from now.
    pub before: Option<String>,
    /// Only say what would be done.
    pub check: bool,
}

/// A line of `admin renew`; also the keys of `--json`.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct RenewLine {
    /// Record number.
    pub id: String,
    /// `due`, `renewed`, `failed`; with `--check` also `kept`, which is not due.
    pub status: String,
    /// Renewals that it has now.
    pub renewals: usize,
    /// Common name of who signed what protects it now.
    pub authority: Option<String>,
    /// When that certificate ends, as `received_at`.
    pub ends_at: Option<String>,
    /// Digest of the signer's certificate in what protects it: `SHA-1` is due at any date.
    pub binding: Option<&'static str>,
    /// Why not.
    pub error: Option<Error>,
}

/// What protects a record now.
struct Protection {
    authority: String,
    ends: Utc,
    sha1: bool,
}

impl Folder {
    /// Stamps evidence again; every record that was looked at and is not simply kept gives one line.
    pub fn renew(&mut self, request: &RenewRequest, progress: &mut dyn FnMut(RenewLine)) -> Result<()> {
        let before = match &request.before {
            Some(date) => day(date)?,
            None => crate::clock::now().plus(SOON),
        };
        let records = if request.ids.is_empty() {
            let mut all = self.store.records()?;
            // Leaf 0 travels in the others' packages, and has none of its own.
            all.retain(|record| record.index != Some(0));
            all
        } else {
            request.ids.iter().map(|id| self.stored(id)).collect::<Result<_>>()?
        };
        let issuers = if request.check { None } else { Some(&self.writer()?.issuers) };
        for record in &records {
            let mut line = RenewLine { id: record.id.clone(), ..RenewLine::default() };
            let named = !request.ids.is_empty();
            let done = self.protection(record, &mut line).and_then(|protection| {
                let due = named || protection.sha1 || protection.ends < before;
                match (&issuers, due) {
                    (_, false) => line.status = "kept".into(),
                    (None, true) => line.status = "due".into(),
                    (Some(issuers), true) => self.renew_one(record, issuers, &protection, &mut line)?,
                }
                Ok(())
            });
            if let Err(error) = done {
                line.status = "failed".into();
                line.error = Some(error);
            }
            if line.status != "kept" || request.check {
                progress(line);
            }
        }
        Ok(())
    }

    fn protection(&self, record: &Record, line: &mut RenewLine) -> Result<Protection> {
        let renewals = self.store.renewals(&record.id, false)?;
        line.renewals = renewals.len();
        let tokens = match renewals.last() {
            Some(renewal) => vec![renewal.token.clone()],
            None => self.seal_tokens(record)?,
        };
        let mut best: Option<Protection> = None;
        for tsr in &tokens {
            let token = Token::parse_tsr(tsr)?;
            let (ends, sha1) = (token.signer_ends(), token.check_signature()? == Binding::V1Sha1);
            if best.as_ref().is_none_or(|best| (best.sha1, ends) > (sha1, best.ends)) {
                best = Some(Protection { authority: token.signer_name(), ends, sha1 });
            }
        }
        let best = best.ok_or_else(|| not_sealed(record))?;
        line.authority = Some(best.authority.clone());
        line.ends_at = Some(best.ends.to_micros());
        line.binding = Some(if best.sha1 { "SHA-1" } else { "SHA-256" });
        Ok(best)
    }

    /// Tokens of the first seal that covers a record.
    fn seal_tokens(&self, record: &Record) -> Result<Vec<Vec<u8>>> {
        let index = record.index.ok_or_else(|| not_sealed(record))?;
        let sealed = self.reader.sealed_covering(index).map_err(|e| crate::folder::ledger_error(&e))?;
        Ok(sealed.ok_or_else(|| not_sealed(record))?.tokens)
    }

    fn renew_one(&self, record: &Record, issuers: &Issuers, old: &Protection, line: &mut RenewLine) -> Result<()> {
        if line.renewals >= MOST {
            return Err(Error::new(
                format!("{}：已有 {MOST} 次续期，证据包的格式不允许更多", record.id),
                format!("{}: it has {MOST} renewals, more than which no package can hold", record.id),
            ));
        }
        self.room(record, 2)?;
        let [printed, full] = [false, true].map(|full| self.listing(record, full));
        let (printed, full) = (printed?, full?);
        let mut made: Vec<Renewal> = Vec::new();
        for (list, full) in [(printed, false), (full, true)] {
            // The same entries are stamped once.
            let token = match made.first() {
                Some(first) if first.list == list => first.token.clone(),
                _ => issuers.stamp_sha512(list.as_bytes(), WAIT)?,
            };
            made.push(Renewal { full, list, token });
        }
        let token = Token::parse_tsr(&made[0].token)?;
        let ends = token.signer_ends();
        if ends <= old.ends && !old.sha1 {
            let (new, was) = (ends.to_micros(), old.ends.to_micros());
            return Err(Error::new(
                format!(
                    "{}：“{}”的证书于 {new} 到期，不晚于现有的 {was}，续期没有用处；请用 quezao admin tsa add 增加证书更新的机构",
                    record.id,
                    token.signer_name()
                ),
                format!(
                    "{}: the certificate of \"{}\" ends at {new}, no later than the {was} of what is there, so a renewal gains nothing; add an authority with a newer one: quezao admin tsa add",
                    record.id,
                    token.signer_name()
                ),
            ));
        }
        self.store.add_renewal(&record.id, &made)?;
        line.status = "renewed".into();
        line.renewals += 1;
        line.authority = Some(token.signer_name());
        line.ends_at = Some(ends.to_micros());
        line.binding = Some("SHA-256");
        Ok(())
    }

    /// `renewal-NN.txt` over what a package holds now.
    fn listing(&self, record: &Record, full: bool) -> Result<String> {
        let request = ExportRequest { full, ..ExportRequest::default() };
        let entries = self.package_entries(record, &request)?;
        let covered = entries.iter().take_while(|(name, _)| name != "trust-policy");
        Ok(covered.map(|(name, bytes)| listed(name, bytes)).collect())
    }
}

/// Entries of group 5, each list held against the entries before it. `later` is the checkpoint that brought the quorum:
/// it stands before the first renewal that lists it.
pub(crate) fn carried(
    store: &store::Store,
    id: &str,
    full: bool,
    later: Vec<(String, Vec<u8>)>,
    entries: &mut Vec<(String, Vec<u8>)>,
) -> Result<Vec<Vec<u8>>> {
    let (mut tokens, mut later) = (Vec::new(), Some(later));
    for (n, renewal) in (1..).zip(store.renewals(id, full)?) {
        if renewal.list.contains("  later-01-") {
            entries.extend(later.take().unwrap_or_default());
        }
        let expected: String = entries.iter().map(|(name, bytes)| listed(name, bytes)).collect();
        if renewal.list != expected {
            return Err(Error::new(
                format!("{id}：第 {n} 次续期所列的内容与现在的不同，文件夹已损坏；请从备份恢复"),
                format!(
                    "{id}: renewal {n} lists other bytes than the folder has now, so it is damaged; restore a backup"
                ),
            ));
        }
        entries.push((format!("renewal-{n:02}.txt"), renewal.list.into_bytes()));
        entries.push((format!("renewal-{n:02}.tsr"), renewal.token.clone()));
        tokens.push(renewal.token);
    }
    entries.extend(later.unwrap_or_default());
    Ok(tokens)
}

fn listed(name: &str, bytes: &[u8]) -> String {
    format!("{}  {name}\n", hex::encode(&Sha512::digest(bytes)))
}

fn not_sealed(record: &Record) -> Error {
    Error::incomplete(
        format!("{}：尚未封存，没有可续期的内容；请先运行 quezao stamp", record.id),
        format!("{}: not sealed yet, so there is nothing to renew; run quezao stamp first", record.id),
    )
}

fn day(date: &str) -> Result<Utc> {
    Utc::parse_micros(&format!("{date}T00:00:00.000000Z")).map_err(|_| {
        let shown = crate::show_path(std::path::Path::new(date));
        Error::new(
            format!("“{shown}”不是日期；请写作 2031-12-31"),
            format!("\"{shown}\" is no date; write it as 2031-12-31"),
        )
    })
}
