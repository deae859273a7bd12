//! From digests to a leaf: statement → time-stamp → record → database → ledger.

use crate::{
    DepositLine, DepositRequest, Error, Event, Folder, Result, SOFTWARE, Warnings, clock,
    folder::{self, Writer, ledger_error},
    identity::Party,
    intake::{self, Taken},
    keys, letters,
};
use evidence::{
    disclosure::{self, Disclosure},
    hex,
    json::Value,
    record::{Record, Timestamp, record_digest},
    statement::{Clock, Custody, File, Kind, OperatorRelation, Provenance, Software, Statement},
    token::Token,
};
use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    path::PathBuf,
    sync::{Mutex, mpsc},
    time::{Duration, Instant},
};
use store::{NewRecord, Record as Row};

/// Most records of one database transaction and one ledger submission.
const BATCH: usize = 64;
/// How long a batch waits for more.
const LINGER: Duration = Duration::from_millis(20);
/// How long `deposit` waits for the seal before it says *pending*.
pub(crate) const SEAL_WAIT: Duration = Duration::from_secs(2);

/// What the workers hand over: the file's place in the list and what became of it.
enum Step {
    Read(u64),
    Done(usize, Box<Result<Made>>),
}

/// A file that was read, and a record of it unless these bytes are on record already.
struct Made {
    taken: Taken,
    record: Option<NewRecord>,
}

impl Folder {
    /// Registers files; every file gives exactly one [`Event::Done`]. Returns the lines in the files' order.
    pub fn deposit(&mut self, request: &DepositRequest, events: &mut dyn FnMut(Event)) -> Result<Vec<DepositLine>> {
        self.writer()?;
        check_rights(&request.rights.claims)?;
        // Before anything is read: a clock that is too far off registers nothing.
        self.compared_clock()?;
        let found = intake::find(&request.paths, &self.dir)?;
        let bytes = found.iter().flatten().map(|(_, size)| size).sum();
        events(Event::Planned { files: found.len() as u64, bytes });

        let originals = self.dir.join("originals");
        let keep = (!request.digest_only).then_some(originals.as_path());
        let work: Mutex<VecDeque<(usize, PathBuf)>> = Mutex::default();
        let mut run = Run {
            folder: self,
            request,
            lines: vec![None; found.len()],
            paths: Vec::new(),
            batch: Vec::new(),
            batched: Vec::new(),
            recorded: HashSet::new(),
            unsealed: VecDeque::new(),
            sealed_size: 0,
        };
        for (place, item) in found.into_iter().enumerate() {
            match item {
                Ok((path, _)) => {
                    run.paths.push(path.clone());
                    lock(&work).push_back((place, path));
                }
                Err((path, error)) => {
                    run.paths.push(path);
                    run.fail(place, &error, events);
                }
            }
        }
        let folder = run.folder;
        let workers = std::thread::available_parallelism().map_or(2, usize::from);
        std::thread::scope(|scope| {
            let (send, steps) = mpsc::sync_channel(2 * BATCH);
            for _ in 0..workers {
                let (send, work) = (send.clone(), &work);
                scope.spawn(move || {
                    loop {
                        let Some((place, path)) = lock(work).pop_front() else { return };
                        let mut read = 0;
                        let taken = intake::take(&path, keep, &mut |n| {
                            read += n;
                            if read >= 4 << 20 {
                                let _ = send.send(Step::Read(std::mem::take(&mut read)));
                            }
                        });
                        let made = taken.and_then(|taken| folder.make(taken, request));
                        if send.send(Step::Read(read)).is_err() || send.send(Step::Done(place, Box::new(made))).is_err()
                        {
                            return;
                        }
                    }
                });
            }
            drop(send);
            let result = run.collect(&steps, events);
            lock(&work).clear();
            drop(steps);
            result
        })?;
        run.finish(events)
    }
}

/// One `deposit` under way.
struct Run<'a> {
    folder: &'a Folder,
    request: &'a DepositRequest,
    paths: Vec<PathBuf>,
    lines: Vec<Option<DepositLine>>,
    /// Records that wait for the next transaction, and beside them what their lines need.
    batch: Vec<NewRecord>,
    batched: Vec<(usize, Warnings)>,
    /// SHA-256 of what this run has put into a batch.
    recorded: HashSet<[u8; 32]>,
    /// Acknowledged, not yet printed: place, index, when.
    unsealed: VecDeque<(usize, u64, Instant)>,
    /// Leaves under the newest seal that was seen: it covers every lower index too.
    sealed_size: u64,
}

impl Run<'_> {
    fn collect(&mut self, steps: &mpsc::Receiver<Step>, events: &mut dyn FnMut(Event)) -> Result<()> {
        loop {
            match steps.recv_timeout(LINGER) {
                Ok(Step::Read(bytes)) => events(Event::Read { bytes }),
                Ok(Step::Done(place, made)) => match *made {
                    Ok(made) => self.prepare(place, made, events)?,
                    Err(error) => self.fail(place, &error, events),
                },
                Err(mpsc::RecvTimeoutError::Timeout) => self.flush()?,
                Err(mpsc::RecvTimeoutError::Disconnected) => return self.flush(),
            }
            if self.batch.len() >= BATCH {
                self.flush()?;
            }
            self.print_sealed(events)?;
        }
    }

    /// Existing record, or a new one for the batch.
    fn prepare(&mut self, place: usize, Made { taken, record }: Made, events: &mut dyn FnMut(Event)) -> Result<()> {
        // Of files with the same bytes each has a record of its own by now; only the first one's is kept.
        let first = self.request.again || self.recorded.insert(taken.digests.sha256);
        let record = match record {
            Some(record) if first => record,
            _ => {
                if self.batch.iter().any(|r| r.record.sha256 == Some(taken.digests.sha256)) {
                    self.flush()?;
                }
                if let Some(line) = self.existing(place, &taken)? {
                    self.done(place, line, events);
                    return Ok(());
                }
                self.folder.record_of(&taken, self.request)?
            }
        };
        self.batch.push(record);
        self.batched.push((place, taken.warnings));
        Ok(())
    }

    /// What is recorded of these bytes already.
    fn existing(&self, place: usize, taken: &Taken) -> Result<Option<DepositLine>> {
        let earlier = self.folder.store.by_sha256(&taken.digests.sha256)?;
        let same = |r: &&Row| r.sm3 == Some(taken.digests.sm3) && r.size == Some(taken.digests.size);
        let Some(first) = earlier.iter().find(same) else { return Ok(None) };
        let mut line = line_of(first, self.paths[place].to_string_lossy().into_owned(), "existing");
        line.warnings = taken.warnings.clone();
        if differs(&first.disclosures, &self.request.rights.claims)? {
            line.warnings.push((
                "这些字节此前已登记，声明与这次不同；原记录不变。要另行登记请加 --again".into(),
                "these bytes are recorded already, with other claims; that record stands. Use --again to record them anew".into(),
            ));
        }
        Ok(Some(line))
    }

    /// Database first, then ledger: what cannot be made again is durable before a leaf exists.
    fn flush(&mut self) -> Result<()> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let (batch, batched) = (std::mem::take(&mut self.batch), std::mem::take(&mut self.batched));
        let indices = submit(&self.folder.store, self.folder.writer()?, &batch)?;
        let now = Instant::now();
        for (((place, warnings), new), index) in batched.into_iter().zip(batch).zip(indices) {
            let row = Row { index: Some(index), ..new.record };
            let line = line_of(&row, self.paths[place].to_string_lossy().into_owned(), "new");
            self.lines[place] = Some(DepositLine { warnings, ..line });
            self.unsealed.push_back((place, index, now));
        }
        Ok(())
    }

    /// Hands out what the newest seal covers, and, as *pending*, what waited too long.
    fn print_sealed(&mut self, events: &mut dyn FnMut(Event)) -> Result<()> {
        while let Some((place, index, since)) = self.unsealed.front().copied() {
            if index >= self.sealed_size {
                let seal = self.folder.writer()?.ledger.sealed_covering(index).map_err(|e| ledger_error(&e))?;
                self.sealed_size = seal.map_or(self.sealed_size, |s| s.size);
            }
            let sealed = index < self.sealed_size;
            if !sealed && since.elapsed() < SEAL_WAIT {
                return Ok(());
            }
            self.unsealed.pop_front();
            if let Some(mut line) = self.lines[place].take() {
                if !sealed {
                    line.status = "pending".into();
                }
                self.done(place, line, events);
            }
        }
        Ok(())
    }

    fn finish(mut self, events: &mut dyn FnMut(Event)) -> Result<Vec<DepositLine>> {
        // Nothing more will share the next checkpoint.
        self.folder.writer()?.ledger.hurry();
        while !self.unsealed.is_empty() {
            if let Some((_, index, _)) = self.unsealed.back() {
                let wait = Duration::from_millis(100);
                self.folder.writer()?.ledger.wait_sealed(*index, wait).map_err(|e| ledger_error(&e))?;
            }
            self.print_sealed(events)?;
        }
        Ok(self.lines.into_iter().flatten().collect())
    }

    fn fail(&mut self, place: usize, error: &Error, events: &mut dyn FnMut(Event)) {
        let file = self.paths[place].to_string_lossy().into_owned();
        let line = DepositLine { file, status: "failed".into(), error: Some(error.clone()), ..DepositLine::default() };
        self.done(place, line, events);
    }

    fn done(&mut self, place: usize, line: DepositLine, events: &mut dyn FnMut(Event)) {
        events(Event::Done(Box::new(line.clone())));
        self.lines[place] = Some(line);
    }
}

impl Folder {
    /// Beside a file that was read, its record: signing one takes longer than the collecting thread has.
    fn make(&self, mut taken: Taken, request: &DepositRequest) -> Result<Made> {
        let known = !request.again && !self.store.by_sha256(&taken.digests.sha256)?.is_empty();
        let record = if known { None } else { Some(self.record_of(&taken, request)?) };
        taken.warnings.extend(self.comparing.unsaid());
        Ok(Made { taken, record })
    }

    /// Statement, token and record of a file.
    fn record_of(&self, taken: &Taken, request: &DepositRequest) -> Result<NewRecord> {
        let kind = if taken.image { Kind::Image } else { Kind::File };
        let mut claims: BTreeMap<&str, Value> = owner_claims(&self.owner);
        claims.insert("file_name", taken.file_name.clone().into());
        for (name, value) in &request.rights.claims {
            claims.insert(name, value.clone().into());
        }
        let custody = if request.digest_only { Custody::Read } else { Custody::Held };
        let file = File { digests: taken.digests, media_type: taken.media_type.into(), custody };
        let (relation, provenance) = (Some(self.relation()), Some(Provenance::UserSupplied));
        let draft = Draft {
            kind,
            ledger: &self.origin,
            file: Some(file),
            relation,
            provenance,
            claims,
            clock: self.compared_clock()?,
        };
        draft.record(self.writer()?, &taken.file_name)
    }

    /// What the operator says of itself and the owner.
    pub(crate) fn relation(&self) -> OperatorRelation {
        if self.operator.is_some() { OperatorRelation::IndependentDeclared } else { OperatorRelation::SamePerson }
    }
}

/// Leaf 0: who runs this ledger.
pub(crate) fn operator(store: &store::Store, writer: &Writer, origin: &str, operator: &Party) -> Result<()> {
    let text = |v: &Option<String>| v.clone().map_or(Value::Null, Value::from);
    let claims = BTreeMap::from([
        ("operator_kind", Value::from(operator.kind.as_str())),
        ("operator_name", Value::from(operator.name.as_str())),
        ("operator_code", text(&operator.code)),
        ("operator_id", text(&operator.id)),
        ("operator_id_masked", text(&operator.masked_id())),
    ]);
    let (file, relation, provenance, clock) = (None, None, None, Clock::Unchecked);
    let draft = Draft { kind: Kind::Operator, ledger: origin, file, relation, provenance, claims, clock };
    let record = draft.record(writer, "")?;
    match submit(store, writer, &[record])?.as_slice() {
        [0] => Ok(()),
        other => Err(Error::new(
            format!("第一条记录的序号不是 0，而是 {other:?}"),
            format!("the first record got index {other:?}, not 0"),
        )),
    }
}

/// What goes into one statement, before ids, salts and times are drawn.
pub(crate) struct Draft<'a> {
    pub(crate) kind: Kind,
    pub(crate) ledger: &'a str,
    pub(crate) file: Option<File>,
    pub(crate) relation: Option<OperatorRelation>,
    pub(crate) provenance: Option<Provenance>,
    pub(crate) claims: BTreeMap<&'a str, Value>,
    /// How the platform's clock stood, where it was compared.
    pub(crate) clock: Clock,
}

impl Draft<'_> {
    pub(crate) fn record(mut self, writer: &Writer, file_name: &str) -> Result<NewRecord> {
        let received_at = clock::now();
        let mut disclosures = Vec::new();
        for name in self.kind.claims() {
            let value = self.claims.remove(name).unwrap_or(Value::Null);
            // A reader would refuse it for ever.
            evidence::statement::check_claim(name, &value)?;
            disclosures.push(Disclosure::new(&keys::random()?, name, value)?);
        }
        let millis = u64::try_from(received_at.0.div_euclid(1000)).unwrap_or_default();
        let id = uuid::Builder::from_unix_timestamp_millis(millis, &keys::random()?).into_uuid().to_string();
        let (name, version, commit) = SOFTWARE;
        let statement = Statement {
            kind: self.kind,
            id: id.clone(),
            ledger: self.ledger.to_owned(),
            received_at,
            clock: self.clock,
            provenance: self.provenance,
            operator_relation: self.relation,
            software: Software { name: name.into(), version: version.into(), commit: commit.into() },
            file: self.file,
            claims: disclosures.iter().map(|d| (d.name().to_owned(), d.digest())).collect(),
        };
        let bytes = statement.to_bytes()?;
        let tsr = writer.authority.stamp(&bytes).map_err(|e| {
            Error::new(
                format!("内置时间机构未能签发时间标记（{e}）"),
                format!("the embedded authority did not stamp the statement ({e})"),
            )
        })?;
        let token = Token::parse_tsr(&tsr)?;
        let timestamps = vec![Timestamp { gen_time: token.gen_time_text.clone(), token_sha256: token.token_sha256 }];
        let digests = statement.file.as_ref().map(|f| f.digests);
        let bytes = Record { statement, timestamps }.to_bytes()?;
        let record = Row {
            id,
            kind: self.kind.as_str().into(),
            file_name: file_name.into(),
            sha256: digests.map(|d| d.sha256),
            sm3: digests.map(|d| d.sm3),
            size: digests.map(|d| d.size),
            received_at: received_at.0,
            record_digest: record_digest(&bytes),
            record: bytes,
            disclosures: disclosure::set_to_bytes(&disclosures)?,
            index: None,
        };
        Ok(NewRecord { record, tokens: vec![tsr] })
    }
}

/// Commits records, submits them, notes their indices.
pub(crate) fn submit(store: &store::Store, writer: &Writer, records: &[NewRecord]) -> Result<Vec<u64>> {
    store.insert(records)?;
    folder::place(store, &writer.ledger, records.iter().map(|r| &r.record))
}

/// A stored record as a line.
pub(crate) fn line_of(record: &Row, file: String, status: &str) -> DepositLine {
    DepositLine {
        id: Some(record.id.clone()),
        file,
        sha256: record.sha256.map(|d| hex::encode(&d)),
        sm3: record.sm3.map(|d| hex::encode(&d)),
        status: status.into(),
        index: record.index,
        record_sha256: Some(hex::encode(&record.record_digest)),
        error: None,
        warnings: Vec::new(),
    }
}

pub(crate) fn owner_claims(owner: &Party) -> BTreeMap<&'static str, Value> {
    let text = |v: &Option<String>| v.clone().map_or(Value::Null, Value::from);
    BTreeMap::from([
        ("owner_kind", Value::from(owner.kind.as_str())),
        ("owner_name", Value::from(owner.name.as_str())),
        ("owner_code", text(&owner.code)),
        ("owner_id", text(&owner.id)),
        ("owner_id_masked", text(&owner.masked_id())),
        ("identity_method", Value::from("self-declared")),
    ])
}

/// Refuses rights that no statement could carry, before any file is read.
fn check_rights(claims: &BTreeMap<String, String>) -> Result<()> {
    for (name, value) in claims {
        let disclosure = Disclosure::new(&[0; 16], name, value.clone().into());
        disclosure.and_then(|d| evidence::statement::check_claim(d.name(), d.value())).map_err(|e| {
            Error::new(
                format!("声明 {name}=“{value}”不能登记（{}）；请改正后重试", e.zh()),
                format!("the claim {name} = \"{value}\" cannot be recorded ({e}); correct it and try again"),
            )
        })?;
        letters::check(value, &format!("声明 {name} "), &format!("the claim {name}"))?;
    }
    Ok(())
}

/// Whether a stored record made other claims than those given now.
fn differs(stored: &[u8], claims: &BTreeMap<String, String>) -> Result<bool> {
    let stored = disclosure::parse_set(stored)?;
    Ok(claims.iter().any(|(name, value)| !stored.iter().any(|d| d.name() == name && d.value() == value)))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
