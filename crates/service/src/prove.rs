//! Evidence out again: list, show, find, certificates and packages, the court's copy, kept originals.

use crate::{
    DepositLine, Error, ExportRequest, Folder, Result,
    authorities::lists_dir,
    erase,
    error::{read_file, show_path},
    folder::ledger_error,
    intake,
    register::line_of,
    waiting::{unstamped, waiting_line},
};
use evidence::{
    digest,
    disclosure::{self, Disclosure},
    hex,
    json::Value,
    merkle,
    proof::TlogProof,
    statement::Kind,
    token::{Root, Token},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::{self, Read, Seek, Write},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use store::{OWNER_ACCOUNT, Record};

/// A capture's file up to this many bytes is in the package; a package is held in memory, by its readers too.
const MAX_CARRIED: u64 = 192 << 20;

/// Claims that only the court's copy discloses.
pub(crate) const COURT_ONLY: [&str; 2] = ["owner_id", "operator_id"];

/// What a record is exported as.
pub(crate) struct Made {
    pub(crate) certificate: Option<Vec<u8>>,
    pub(crate) package: Vec<u8>,
    /// Its own file is too large for the package.
    beside: bool,
}

impl Folder {
    /// Every record of the folder's owner but leaf 0, oldest first; then what waits, and what was erased.
    pub fn list(&self) -> Result<Vec<DepositLine>> {
        let records = self.store.account_records(OWNER_ACCOUNT)?;
        let mut lines = self.lines(records.iter().filter(|r| r.kind != "operator"))?;
        lines.extend(self.store.own_waiting(OWNER_ACCOUNT)?.iter().map(|w| waiting_line(w, w.row.file_name.clone())));
        let erased = self.store.erasures(false)?;
        lines.extend(erased.iter().filter(|e| e.account == OWNER_ACCOUNT).map(erase::line));
        Ok(lines)
    }

    /// One record with all its claims, as its owner may see them.
    pub fn show(&self, id: &str) -> Result<(DepositLine, BTreeMap<String, Value>)> {
        let opened = |set: &[u8]| -> Result<BTreeMap<String, Value>> {
            Ok(disclosure::parse_set(set)?.iter().map(|d| (d.name().to_owned(), d.value().clone())).collect())
        };
        if let Some(waiting) = self.store.waiting_one(id)? {
            return Ok((waiting_line(&waiting, waiting.row.file_name.clone()), opened(&waiting.row.disclosures)?));
        }
        let record = self.stored(id)?;
        let claims = opened(&record.disclosures)?;
        Ok((self.lines(std::iter::once(&record))?.swap_remove(0), claims))
    }

    /// Recomputes the ledger from its leaves and holds it against the signed head: size, root, records without a leaf.
    pub fn check_ledger(&self) -> Result<(u64, String, u64)> {
        let (checkpoint, _) = self.reader.published().map_err(|e| ledger_error(&e))?;
        let (size, root) = (checkpoint.size, checkpoint.root);
        let entries = self.reader.entries_from(0).map_err(|e| ledger_error(&e))?;
        let hash = |leaf: ledger::Result<Vec<u8>>| leaf.map(|l| merkle::leaf_hash(&l)).map_err(|e| ledger_error(&e));
        let leaves = entries.map(hash).collect::<Result<Vec<_>>>()?;
        let computed = root_of(&leaves);
        if computed != root {
            return Err(Error::new(
                format!(
                    "账本内容与签名不符：由 {size} 条记录重算的根为 {}，签名的根为 {}；请从备份恢复",
                    hex::encode(&computed),
                    hex::encode(&root)
                ),
                format!(
                    "the ledger differs from what was signed: {size} records give root {}, signed was {}; restore a backup",
                    hex::encode(&computed),
                    hex::encode(&root)
                ),
            ));
        }
        Ok((size, hex::encode(&root), self.store.unplaced()?.len() as u64))
    }

    /// What the operator publishes elsewhere: origin, ledger key, fingerprint of the authority's root.
    pub fn keys(&self) -> Result<BTreeMap<&'static str, String>> {
        Ok(BTreeMap::from([
            ("origin", self.origin.clone()),
            ("ledger_key", self.store.meta("ledger_key")?.unwrap_or_default()),
            ("authority_root_sha256", self.authority_root()?.1),
            ("signer_root_sha256", hex::encode(&crate::seal::root(&self.dir)?.fingerprint())),
        ]))
    }

    /// Copies the trust folder for somebody else.
    pub fn export_trust(&self, output: &Path) -> Result<Vec<PathBuf>> {
        fs::create_dir_all(output).map_err(|e| Error::io(output, &e))?;
        let from = self.trust_dir();
        let mut written = Vec::new();
        for entry in fs::read_dir(&from).map_err(|e| Error::io(&from, &e))?.flatten() {
            let bytes = read_file(&entry.path())?;
            written.push(write_whole(&output.join(entry.file_name()), |f| f.write_all(&bytes))?);
        }
        written.sort();
        Ok(written)
    }

    pub(crate) fn export_one(&self, id: &str, request: &ExportRequest) -> Result<Vec<PathBuf>> {
        if self.writer().is_ok() && self.store.waiting_one(id)?.is_some() {
            self.catch_up(Instant::now() + Duration::from_secs(request.wait), Some(id))?;
        }
        let record = self.stored(id)?;
        let Made { certificate, package, beside } = self.made(&record, request)?;
        let full = if request.full { ".full" } else { "" };
        let mut written = Vec::new();
        for (suffix, bytes) in certificate.iter().map(|pdf| ("pdf", pdf)).chain([("zip", &package)]) {
            let path = request.output.join(format!("{id}{full}.{suffix}"));
            written.push(write_whole(&path, |f| f.write_all(bytes))?);
        }
        if request.originals || beside {
            written.extend(self.export_original(&record, &request.output)?);
        }
        Ok(written)
    }

    /// A record's certificate, where there can be one yet, and its package.
    pub(crate) fn made(&self, record: &Record, request: &ExportRequest) -> Result<Made> {
        let mut entries = self.package_entries(record, request)?;
        // Before seal and quorum there is nothing that a certificate could stand on.
        let sealed = self.reach()?.settled(record.index);
        let made = [(Kind::Capture, "capture.wacz"), (Kind::Comparison, "comparison.json")];
        let made = made.into_iter().find(|(kind, _)| record.kind == kind.as_str());
        let mut held = made.map(|(kind, name)| self.held(record).map(|file| (kind, name, file))).transpose()?;
        // Orders have none.
        let turn = crate::export::turn();
        let certificate = match (&mut held, record.kind.as_str()) {
            _ if !sealed || request.disclose.is_some() => None,
            (Some((kind, _, file)), _) => Some(self.report(record, *kind, &entries, request, file)?),
            (None, "image" | "file" | "digest") => Some(self.certificate(record, &entries, request)?),
            (None, "collection") => Some(self.collection(record, &entries, request)?),
            (None, "licence" | "revocation" | "confirmation") => Some(self.licence_sheet(record, &entries, request)?),
            _ => None,
        };
        drop(turn);
        // A larger file travels beside the package.
        let beside = held.is_some() && record.size.unwrap_or(0) > MAX_CARRIED;
        if let Some((_, name, file)) = held.as_mut().filter(|_| !beside) {
            let mut bytes = Vec::new();
            file.rewind().and_then(|()| file.read_to_end(&mut bytes)).map_err(|e| Error::io(&self.dir, &e))?;
            entries.push(((*name).to_owned(), bytes));
        }
        entries.extend(certificate.iter().map(|pdf| ("certificate.pdf".to_owned(), pdf.clone())));
        let package = archive::package::write(&entries).map_err(|e| {
            Error::new(format!("证据包无法写成（{e}）"), format!("the package could not be written ({e})"))
        })?;
        Ok(Made { certificate, package, beside })
    }

    /// Entries 2 to 7 of a package, of a collection also its list and items; `package.json` is the archive's to make.
    pub(crate) fn package_entries(&self, record: &Record, request: &ExportRequest) -> Result<Vec<(String, Vec<u8>)>> {
        let waiting =
            |zh: &str, en: &str| Error::incomplete(format!("{}：{zh}", record.id), format!("{}: {en}", record.id));
        let index = record.index.ok_or_else(|| {
            waiting(
                "尚未写入账本；请运行任一写入命令后重试",
                "not on the ledger yet; run any writing command and try again",
            )
        })?;
        if index == 0 {
            return Err(Error::new(
                "账本的第一条记录（运营者）随每个证据包提供，没有单独的证据包",
                "the ledger's first record (the operator) travels in every package and has none of its own",
            ));
        }
        let settled = self.settled(index, request.wait)?;
        let first = self.reader.sealed_covering(index).map_err(|e| ledger_error(&e))?;
        let (note, seals) = match first {
            Some(sealed) if settled.is_some() || request.pending => (sealed.note, sealed.tokens),
            Some(_) => {
                return Err(waiting(
                    "已写入账本，等待见证；缺哪个见证者见 quezao admin policy status，稍后重试，或用 --pending 导出未达到见证规则的证据包",
                    "on the ledger, waiting for witnesses; quezao admin policy status shows which; try again later, or use --pending for a package without the quorum",
                ));
            }
            None if request.pending => (self.covering(index)?, Vec::new()),
            None => {
                return Err(waiting(
                    "尚未封存；请稍后重试，或用 --pending 导出未封存的证据包",
                    "not sealed yet; try again later, or use --pending for a package without the seal",
                ));
            }
        };
        // A quorum that came only with a later checkpoint travels beside the first.
        let later = settled.filter(|settled| settled.note != note);
        let checkpoint = evidence::checkpoint::Checkpoint::parse(&evidence::note::Note::parse(&note)?.text)?;
        let proof = |index: u64| -> Result<Vec<u8>> {
            let hashes = self.reader.inclusion_proof(index, checkpoint.size).map_err(|e| ledger_error(&e))?;
            Ok(TlogProof { index, hashes, checkpoint: note.clone() }.to_bytes())
        };
        let operator = self.store.at_index(0)?.ok_or_else(|| {
            Error::new(
                "数据库缺少运营者记录；请从备份恢复",
                "the database lacks the operator's record; restore a backup",
            )
        })?;
        let statement = evidence::record::Record::parse(&record.record)?.statement.to_bytes()?;
        let tokens = self.store.tokens(&record.id)?;

        let mut entries: Vec<(String, Vec<u8>)> = vec![("statement.json".into(), statement)];
        entries.extend((1..).zip(&tokens).map(|(n, t)| (format!("timestamp-{n}.tsr"), t.clone())));
        entries.push(("record.json".into(), record.record.clone()));
        entries.push(("proof.tlog-proof".into(), proof(index)?));
        entries.push(("checkpoint.txt".into(), note.clone()));
        entries.extend(
            (1..).zip(&seals).map(|(n, t)| {
                (if n == 1 { "checkpoint.tsr".into() } else { format!("checkpoint-{n}.tsr") }, t.clone())
            }),
        );
        let mut disclosure = disclosed(&record.disclosures, request.full)?;
        if let Some(only) = &request.disclose {
            let shown = disclosure::parse_set(&disclosure)?.into_iter().filter(|d| only.contains(d.name()));
            disclosure = disclosure::set_to_bytes(&shown.collect::<Vec<_>>())?;
        }
        entries.push(("disclosure.json".into(), disclosure));
        entries.push(("operator-record.json".into(), operator.record.clone()));
        entries.push(("operator-disclosure.json".into(), disclosed(&operator.disclosures, request.full)?));
        entries.push(("operator-proof.tlog-proof".into(), proof(0)?));
        let mut later_token = None;
        let later = match later {
            Some(later) => {
                let hashes = self.reader.inclusion_proof(index, later.size).map_err(|e| ledger_error(&e))?;
                let proof = TlogProof { index, hashes, checkpoint: later.note.clone() }.to_bytes();
                later_token = later.tokens.into_iter().next();
                vec![
                    ("proof.tlog-proof", proof),
                    ("checkpoint.txt", later.note),
                    ("checkpoint.tsr", later_token.clone().unwrap_or_default()),
                ]
            }
            None => Vec::new(),
        };
        let later: Vec<_> = later.into_iter().map(|(name, bytes)| (format!("later-01-{name}"), bytes)).collect();
        let renewals = match seals.is_empty() || request.disclose.is_some() {
            true => {
                entries.extend(later);
                Vec::new()
            }
            false => crate::renew::carried(&self.store, &record.id, request.full, later, &mut entries)?,
        };

        let trust = |name: &str| read_file(&self.trust_dir().join(name));
        let mut roots = Roots::of(self)?;
        let signer_root = crate::seal::root(&self.dir)?;
        let signer = hex::encode(&signer_root.fingerprint());
        let policy = trust("policy")?;
        let ledger_key = self.store.meta("ledger_key")?;
        later_token.iter().try_for_each(|tsr| roots.of_token(tsr).map(drop))?;
        let statement_tokens = tokens.iter().map(|tsr| roots.of_token(tsr)).collect::<Result<_>>()?;
        let checkpoint_tokens = seals.iter().map(|tsr| roots.of_token(tsr)).collect::<Result<_>>()?;
        let renewal_tokens = renewals.iter().map(|tsr| roots.of_token(tsr)).collect::<Result<_>>()?;
        let further = match record.kind.as_str() {
            "collection" => self.listed(record, request.full, &proof, &mut |tsr| roots.of_token(tsr).map(drop))?,
            "image" | "file" | "digest" | "capture" | "comparison" | "licence" if request.disclose.is_none() => {
                let mut seen = |tsr: &[u8]| roots.of_token(tsr).map(drop);
                self.related(record, request.full, request.pending, &mut seen)?
            }
            _ => Vec::new(),
        };
        let carried = roots.carried()?;
        let text = archive::verify_txt(&archive::VerifyTxt {
            id: record.id.clone(),
            ledger_key: ledger_key.unwrap_or_default(),
            roots: carried.iter().map(|(file, _, sha256)| (file.clone(), sha256.clone())).collect(),
            signer_file: format!("trust-signer-{}.pem", crate::seal::short(&signer_root.der)),
            signer_sha256: signer,
            record_sha256: hex::encode(&record.record_digest),
            sha256: record.sha256.map(|d| hex::encode(&d)),
            sm3: record.sm3.map(|d| hex::encode(&d)),
            statement_tokens,
            checkpoint_tokens,
            renewal_tokens,
            verify_py_sha256: hex::encode(&digest::sha256(archive::VERIFY_PY)),
        });
        entries.push(("trust-policy".into(), policy));
        entries.push(("trust-roles.json".into(), trust("roles.json")?));
        entries.extend(carried.into_iter().map(|(file, pem, _)| (file, pem)));
        entries.extend(crate::seal::carried(&self.dir, &signer_root, roots.lists)?);
        entries.push(("VERIFY.txt".into(), text.into_bytes()));
        entries.push(("verify.py".into(), archive::VERIFY_PY.to_vec()));
        if record.kind == Kind::Licence.as_str() && request.disclose.is_none() {
            entries.extend(self.named_by(record)?);
        }
        entries.extend(further);
        Ok(entries)
    }

    /// Refuses what would add so many entries to a package that has no room for them: nobody could read it.
    pub(crate) fn room(&self, record: &Record, more: usize) -> Result<()> {
        let request = ExportRequest { pending: true, ..ExportRequest::default() };
        // `package.json`, the record's file and the certificate are not counted yet.
        let (found, most) = (self.package_entries(record, &request)?.len() + 3, archive::MAX_ENTRIES);
        if found + more <= most {
            return Ok(());
        }
        let id = &record.id;
        Err(Error::new(
            format!(
                "{id}：证据包已有 {found} 项，最多 {most} 项，放不下再加的 {more} 项；请用 deposit --again 重新登记"
            ),
            format!(
                "{id}: its package has {found} entries of at most {most}, no room for {more} more; record the file anew with deposit --again"
            ),
        ))
    }

    /// The kept file of a capture or comparison, its digests compared.
    pub(crate) fn held(&self, record: &Record) -> Result<File> {
        let gone = || {
            Error::new(
                format!("{}：内容已放弃或不在文件夹中；账本中的记录仍在", record.id),
                format!(
                    "{}: its bytes were discarded, or are not in the folder; the record stays on the ledger",
                    record.id
                ),
            )
        };
        let path = self.kept_path(record)?.ok_or_else(gone)?;
        let file = File::open(&path).map_err(|_| gone())?;
        let found = intake::digests(&path, &mut |_| ())?;
        if (Some(found.sha256), Some(found.sm3), Some(found.size)) != (record.sha256, record.sm3, record.size) {
            let shown = show_path(&path);
            return Err(Error::new(
                format!("{shown}：留存的文件已损坏（摘要不符）；请从备份恢复"),
                format!("{shown}: the kept file is damaged (its digest differs); restore a backup"),
            ));
        }
        Ok(file)
    }

    /// Gives a kept original back under its claimed name, made safe; the record number before it keeps other files from harm.
    fn export_original(&self, record: &Record, output: &Path) -> Result<Option<PathBuf>> {
        let Some(sha256) = record.sha256 else { return Ok(None) };
        let held = self.kept_path(record)?.ok_or_else(|| {
            Error::new(
                format!("{}：原件未留存（登记时只读取了摘要）", record.id),
                format!("{}: the original was not kept (only its digests were taken)", record.id),
            )
        })?;
        if intake::digests(&held, &mut |_| ())?.sha256 != sha256 {
            return Err(Error::new(
                format!("{}：留存的原件已损坏（摘要不符）；请从备份恢复", show_path(&held)),
                format!("{}: the kept original is damaged (its digest differs); restore a backup", show_path(&held)),
            ));
        }
        let safe: String =
            record.file_name.chars().map(|c| if matches!(c, '/' | '\\' | ':') { '_' } else { c }).collect();
        let name = match record.kind.as_str() {
            "capture" => format!("{}.wacz", record.id),
            "comparison" => format!("{}.comparison.json", record.id),
            "collection" => format!("{}.manifest.jsonl", record.id),
            _ => format!("{}-{safe}", record.id),
        };
        let target = output.join(name);
        let mut source = File::open(&held).map_err(|e| Error::io(&held, &e))?;
        write_whole(&target, |f| io::copy(&mut source, f).map(|_| ())).map(Some)
    }

    /// The embedded authority's root: PEM, and SHA-256 of its DER in hex.
    fn authority_root(&self) -> Result<(Vec<u8>, String)> {
        let pem = read_file(&self.dir.join("authority/root.pem"))?;
        let fingerprint = hex::encode(&Root::from_pem(&pem)?.fingerprint());
        Ok((pem, fingerprint))
    }

    pub(crate) fn stored(&self, id: &str) -> Result<Record> {
        if self.store.waiting_one(id)?.is_some() {
            return Err(unstamped(id));
        }
        if let Some(erased) = self.store.erased(id)? {
            return Err(erase::gone(&erased));
        }
        self.store.record(id)?.ok_or_else(|| {
            Error::new(
                format!("没有编号为 {} 的记录；用 quezao list 查看全部", show_path(Path::new(id))),
                format!("there is no record {}; quezao list shows them all", show_path(Path::new(id))),
            )
        })
    }

    /// Records as lines; the newest seal is looked up once for all of them.
    pub(crate) fn lines<'r>(&self, records: impl Iterator<Item = &'r Record>) -> Result<Vec<DepositLine>> {
        let reach = self.reach()?;
        let status = |r: &Record| if reach.settled(r.index) { "existing" } else { "pending" };
        let line = |r: &Record| DepositLine {
            unwitnessed: reach.lacks_witnesses(r.index),
            ..line_of(r, r.file_name.clone(), status(r))
        };
        Ok(records.map(line).collect())
    }

    /// First seal that covers `index` and meets the quorum asked for.
    fn settled(&self, index: u64, wait: u64) -> Result<Option<ledger::Sealed>> {
        let sealed = match self.writer() {
            Ok(writer) if wait > 0 => writer.ledger.wait_final(index, Duration::from_secs(wait)),
            _ => self.reader.final_covering(index),
        };
        sealed.map_err(|e| ledger_error(&e))
    }

    /// The published checkpoint, where it covers `index`.
    fn covering(&self, index: u64) -> Result<Vec<u8>> {
        let (checkpoint, note) = self.reader.published().map_err(|e| ledger_error(&e))?;
        if checkpoint.size > index {
            return Ok(note);
        }
        Err(Error::incomplete(
            "账本尚未签署包含此记录的检查点；请稍后重试",
            "no signed checkpoint covers this record yet; try again later",
        ))
    }
}

/// `disclosure.json` of an ordinary package, or of the court's copy.
pub(crate) fn disclosed(set: &[u8], full: bool) -> Result<Vec<u8>> {
    let all = disclosure::parse_set(set)?;
    let shown: Vec<Disclosure> = all.into_iter().filter(|d| full || !COURT_ONLY.contains(&d.name())).collect();
    Ok(disclosure::set_to_bytes(&shown)?)
}

/// Root of all leaf hashes, by the definition (RFC 6962, 2.1), apart from the ledger's own tiles.
fn root_of(leaves: &[merkle::Hash]) -> merkle::Hash {
    match leaves {
        [] => merkle::empty_root(),
        [one] => *one,
        many => {
            let split = many.len().next_power_of_two() / 2;
            merkle::node_hash(&root_of(&many[..split]), &root_of(&many[split..]))
        }
    }
}

/// Writes a file that exists whole or not at all.
pub fn write_whole(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> Result<PathBuf> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".part");
    let result = File::create(&temporary).and_then(|mut f| write(&mut f).and_then(|()| f.sync_all()));
    if let Err(e) = result.and_then(|()| fs::rename(&temporary, path)) {
        let _ = fs::remove_file(&temporary);
        return Err(Error::io(path, &e));
    }
    Ok(path.to_owned())
}

/// The roots of a folder's time authorities, and which of them a package needs; and what revocation lists say of its
/// tokens' certificates.
struct Roots {
    known: Vec<Root>,
    used: BTreeSet<[u8; 32]>,
    folder: PathBuf,
    lists: Vec<Vec<u8>>,
}

impl Roots {
    /// The embedded authority's is always needed: it stamps the certificate's signature.
    fn of(folder: &Folder) -> Result<Self> {
        let dir = folder.trust_dir();
        let (pem, _) = folder.authority_root()?;
        let embedded = Root::from_pem(&pem)?;
        let used = BTreeSet::from([embedded.fingerprint()]);
        let mut known = vec![embedded];
        for entry in fs::read_dir(&dir).map_err(|e| Error::io(&dir, &e))?.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with("tsa-") && name.ends_with(".pem") {
                known.push(Root::from_pem(&read_file(&entry.path())?)?);
            }
        }
        Ok(Self { known, used, folder: lists_dir(&folder.dir), lists: Vec::new() })
    }

    /// Entry name of the root that a token leads to, and genTime in Unix seconds.
    fn of_token(&mut self, tsr: &[u8]) -> Result<(String, i64)> {
        let token = Token::parse_tsr(tsr)?;
        let root = token.check_path(&self.known)?;
        self.used.insert(root.fingerprint());
        self.lists.extend(timestamp::lists_about(&self.folder, &token));
        Ok((Self::file(root), token.gen_time.unix_seconds()))
    }

    /// Entry name, PEM and SHA-256 in hex of those that are needed, ascending.
    fn carried(&self) -> Result<Vec<(String, Vec<u8>, String)>> {
        let known: BTreeMap<_, _> = self.known.iter().map(|root| (root.fingerprint(), root)).collect();
        let needed = known.iter().filter(|(fingerprint, _)| self.used.contains(*fingerprint));
        needed.map(|(f, root)| Ok((Self::file(root), root.to_pem()?.into_bytes(), hex::encode(f)))).collect()
    }

    fn file(root: &Root) -> String {
        format!("trust-tsa-{}.pem", crate::seal::short(&root.der))
    }
}
