//! Digests that somebody tells: kind `digest`, custody `declared`. The file itself is not here and was never seen.

use super::{Actor, Answer, Permission, Refusal, Why, deposit::check_claims};
use crate::{
    DepositLine, Error, Folder, Result, Rights,
    beside::side_by_side,
    deposit::SEAL_WAIT,
    folder::ledger_error,
    register::{self, Draft, known, line_of},
    waiting::{Prepared, waiting_line},
};
use evidence::{
    digest::FileDigests,
    hex,
    json::Value,
    statement::{Clock, Custody, File, Kind, Provenance, Ref},
};
use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};
use store::{Charge, Record as Row, SignIn, Waiting};

/// Most digests of one call.
pub const MAX_DECLARED: usize = 10_000;
/// Digests that are recorded together.
const TOGETHER: usize = 64;

/// What was told.
#[derive(Clone, Debug)]
pub struct Declared {
    /// Both digests and the size.
    pub digests: FileDigests,
    /// As told: `image/jpeg`.
    pub media_type: String,
    /// As told.
    pub file_name: Option<String>,
    /// Records of its attachments.
    pub attachments: Vec<String>,
}

/// What one of them comes to.
enum Made {
    /// Recorded before.
    Known(Box<DepositLine>),
    /// About to be.
    New(Box<Prepared>),
}

impl Folder {
    /// Registers told digests. The same again is the same record.
    pub fn declare(&self, actor: &Actor, told: &Declared, rights: &Rights) -> Answer<DepositLine> {
        let line = self.declare_all(actor, vec![Ok((told.clone(), rights.clone()))])?.pop();
        line.unwrap_or_else(|| Err(Error::new("没有登记任何内容", "nothing was registered").into()))
    }

    /// Waits a little for the seal over these lines; those that are settled, or not on the ledger, stay as they are.
    pub fn soon_sealed(&self, mut lines: Vec<DepositLine>) -> Answer<Vec<DepositLine>> {
        let places: Vec<usize> =
            (0..lines.len()).filter(|n| lines[*n].status == "pending" && lines[*n].index.is_some()).collect();
        let open = places.iter().map(|n| lines[*n].clone()).collect();
        for (n, line) in places.iter().zip(self.until_sealed(open, SEAL_WAIT)?) {
            lines[*n] = line;
        }
        Ok(lines)
    }

    /// Registers told digests without waiting for a token from outside or a seal: each is acknowledged or refused on its
    /// own, in order.
    pub fn declare_all(
        &self,
        actor: &Actor,
        told: Vec<Answer<(Declared, Rights)>>,
    ) -> Answer<Vec<Answer<DepositLine>>> {
        let person = self.allow(actor, Permission::Deposit)?;
        self.writer()?;
        let digests: Vec<[u8; 32]> = told.iter().flatten().map(|(told, _)| told.digests.sha256).collect();
        let reserved = self.reserve_for(person, &digests, false, 0)?;
        let mut lines = Vec::with_capacity(told.len());
        let mut told = told.into_iter().peekable();
        while told.peek().is_some() {
            let some: Vec<_> = told.by_ref().take(TOGETHER).collect();
            match self.allow(actor, Permission::Deposit) {
                Ok(_) => lines.extend(self.declare_some(actor, person, some, reserved.charge(0))),
                // Taken away since the first of them.
                Err(refusal) => lines.extend(some.iter().map(|_| Err(refusal.clone()))),
            }
        }
        Ok(lines)
    }

    fn declare_some(
        &self,
        actor: &Actor,
        person: &SignIn,
        told: Vec<Answer<(Declared, Rights)>>,
        charge: Option<Charge>,
    ) -> Vec<Answer<DepositLine>> {
        // From here on nobody else records any of these.
        let digests = told.iter().flatten().map(|(told, _)| told.digests.sha256);
        let _held = self.in_flight.hold(person.account, digests);
        // Nor is a name established between the claims and the record.
        let _keeping = self.keeping(person.account);
        let clock = self.compared_clock();
        let make = |told: Answer<(Declared, Rights)>| {
            let (told, rights) = told?;
            let clock = clock.clone()?;
            let refs = self.attached(actor, &told.attachments)?;
            self.draft_of(person, &told, &rights, &refs, clock).map(|made| (told.digests, made))
        };
        let made =
            if told.len() == 1 { told.into_iter().map(make).collect() } else { side_by_side(told, make, &mut || ()) };

        // Of the same digests the first is recorded; `Err` is its place.
        let mut first: HashMap<([u8; 32], [u8; 32], u64), usize> = HashMap::new();
        let (mut records, mut waits, mut lines) = (Vec::new(), Vec::new(), Vec::new());
        for (n, made) in made.into_iter().enumerate() {
            lines.push(match made {
                Err(refusal) => Ok(Err(refusal)),
                Ok((_, Made::Known(line))) => Ok(Ok(*line)),
                Ok((d, Made::New(new))) => match first.get(&(d.sha256, d.sm3, d.size)) {
                    Some(earlier) => Err(*earlier),
                    None => {
                        first.insert((d.sha256, d.sm3, d.size), n);
                        match new.charged(charge) {
                            Prepared::Record(record) => records.push((n, record)),
                            Prepared::Waits(waiting) => waits.push((n, waiting)),
                        }
                        Err(n)
                    }
                },
            });
        }
        let mut new: HashMap<usize, Answer<DepositLine>> = HashMap::new();
        let (places, records): (Vec<_>, Vec<_>) = records.into_iter().unzip();
        let acts = records.iter().map(|new| actor.act(person, "declare", &new.record.id)).collect();
        let submitted = match self.writer() {
            _ if records.is_empty() => Ok(Vec::new()),
            Ok(writer) => register::submit(&self.store, writer, records, acts),
            Err(e) => Err(e),
        };
        match submitted {
            Ok(rows) => new.extend(places.into_iter().zip(rows).map(|(n, row)| (n, Ok(pending(&row))))),
            Err(e) => new.extend(places.into_iter().map(|n| (n, Err(e.clone().into())))),
        }
        if let Err(e) = self.note_waiting(actor, person, waits.iter().map(|(_, waiting)| waiting)) {
            new.extend(waits.iter().map(|(n, _)| (*n, Err(e.clone().into()))));
        } else {
            new.extend(waits.iter().map(|(n, w)| (*n, Ok(waiting_line(w, w.row.file_name.clone())))));
        }
        for line in new.values_mut() {
            let made = line.as_ref().ok().and_then(|line| line.id.clone());
            if let Some(Err(e)) = made.map(|id| self.made_by(person, &id)) {
                *line = Err(e.into());
            }
        }
        let line = |n: usize, line: std::result::Result<Answer<DepositLine>, usize>| match line {
            Ok(line) => line,
            Err(place) => {
                let line = new.get(&place).cloned();
                let line = line.unwrap_or_else(|| Err(Error::new("没有登记", "it was not registered").into()));
                let again = if place == n { None } else { Some("existing".to_owned()) };
                line.map(|line| DepositLine { status: again.unwrap_or(line.status), ..line })
            }
        };
        lines.into_iter().enumerate().map(|(n, one)| line(n, one)).collect()
    }

    /// Statements that wait for a token from outside are durable at once.
    fn note_waiting<'w>(
        &self,
        actor: &Actor,
        person: &SignIn,
        waiting: impl Iterator<Item = &'w Waiting> + Clone,
    ) -> Result<()> {
        if waiting.clone().next().is_none() {
            return Ok(());
        }
        self.store.insert_waiting(waiting.clone())?;
        waiting.into_iter().try_for_each(|w| self.note(actor, person, "declare", &w.row.id))
    }

    fn draft_of(&self, person: &SignIn, told: &Declared, rights: &Rights, refs: &[Ref], clock: Clock) -> Answer<Made> {
        let named = |field| move |error| Refusal { why: Why::Field(field), error };
        check_claims(&rights.claims)?;
        if told.digests.size == 0 {
            return Err(Refusal::field("size", "空文件不能存证", "an empty file cannot be deposited"));
        }
        let name = told.file_name.as_deref().unwrap_or_default();
        if name.len() > 1000 {
            return Err(Refusal::field("file_name", "文件名过长", "the file name is too long"));
        }
        evidence::json::check_string("file name", name).map_err(Error::from).map_err(named("file_name"))?;
        let FileDigests { sha256, sm3, size } = told.digests;
        // In this order: what waits may become a record between the two.
        let waits = self.store.own_waiting_by_sha256(person.account, &sha256)?;
        let earlier = self.store.own_by_sha256(person.account, &sha256)?;
        if let Some(first) = earlier.iter().find(|r| r.sm3 == Some(sm3) && r.size == Some(size)) {
            let line = line_of(first, first.file_name.clone(), known(first));
            return Ok(Made::Known(Box::new(if self.sees(person, &first.id)? { line } else { unseen(told) })));
        }
        if let Some(first) = waits.iter().find(|w| w.row.sm3 == Some(sm3) && w.row.size == Some(size)) {
            let line = waiting_line(first, first.row.file_name.clone());
            return Ok(Made::Known(Box::new(if self.sees(person, &first.row.id)? { line } else { unseen(told) })));
        }
        let mut claims: BTreeMap<&str, Value> = self.claims_of(person.account)?;
        claims.insert("file_name", told.file_name.clone().map_or(Value::Null, Value::from));
        claims.insert("acting_account", person.name.clone().into());
        if !refs.is_empty() {
            claims.insert("refs", Value::Array(refs.iter().map(Ref::to_value).collect()));
        }
        claims.extend(rights.claims.iter().map(|(name, value)| (name.as_str(), value.clone().into())));
        let (digests, media_type, custody) = (told.digests, told.media_type.clone(), Custody::Declared);
        let draft = Draft {
            account: person.account,
            kind: Kind::Digest,
            ledger: &self.origin,
            file: Some(File { digests, media_type, custody }),
            relation: Some(self.relation(person.account)),
            provenance: Some(Provenance::UserSupplied),
            claims,
            clock,
        };
        let prepared = if self.statements_external() {
            draft.state(name).map(Prepared::Waits)
        } else {
            draft.record(self.writer()?, name).map(Prepared::Record)
        };
        Ok(Made::New(Box::new(prepared.map_err(named("media_type"))?)))
    }

    /// Waits until a seal covers what these lines tell of, at most so long: *pending* where none does by then.
    pub fn until_sealed(&self, mut lines: Vec<DepositLine>, wait: Duration) -> Result<Vec<DepositLine>> {
        let deadline = Instant::now() + wait;
        // What somebody does not see has no number here, and is awaited by nobody.
        let open = |line: &DepositLine| line.index.is_none() && line.id.is_some();
        if lines.iter().any(open) {
            self.catch_up(deadline, lines.first().and_then(|line| line.id.as_deref()).filter(|_| lines.len() == 1))?;
            for line in lines.iter_mut().filter(|line| open(line)) {
                if let Some(row) = self.store.record(line.id.as_deref().unwrap_or_default())? {
                    *line = line_of(&row, line.file.clone(), &line.status);
                }
            }
        }
        let ledger = &self.writer()?.ledger;
        if let Some(last) = lines.iter().filter_map(|line| line.index).max() {
            ledger.hurry();
            let rest = deadline.saturating_duration_since(Instant::now());
            ledger.wait_final(last, rest).map_err(|e| ledger_error(&e))?;
        }
        let reach = self.reach()?;
        for line in lines.iter_mut().filter(|line| line.id.is_some()) {
            let sealed = reach.settled(line.index);
            line.unwitnessed = reach.lacks_witnesses(line.index);
            line.status = match (sealed, line.status.as_str()) {
                (false, _) => "pending",
                (true, "existing") => "existing",
                (true, _) => "new",
            }
            .into();
        }
        Ok(lines)
    }
}

/// Of a record that the person does not see: that it is there, and nothing but what was told.
fn unseen(told: &Declared) -> DepositLine {
    DepositLine {
        file: told.file_name.clone().unwrap_or_default(),
        sha256: Some(hex::encode(&told.digests.sha256)),
        sm3: Some(hex::encode(&told.digests.sm3)),
        status: "existing".into(),
        ..DepositLine::default()
    }
}

/// On the ledger, and not under a seal yet.
fn pending(row: &Row) -> DepositLine {
    line_of(row, row.file_name.clone(), "pending")
}
