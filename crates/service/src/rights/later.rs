//! Later claims: records of kind `rights` about an earlier one, which they never change.

use crate::{
    DepositLine, Error, Folder, Result,
    deposit::SEAL_WAIT,
    error::show_path,
    folder::ledger_error,
    prove::disclosed,
    register::{Draft, check_rights, line_of},
    waiting::waiting_line,
};
use archive::MAX_RELATED;
use evidence::{
    checkpoint::Checkpoint,
    disclosure,
    json::Value,
    merkle,
    note::Note,
    proof::TlogProof,
    statement::{Kind, Provenance, Ref},
};
use std::{collections::BTreeMap, path::Path};
use store::Record;

impl Folder {
    /// Records that the owner claims something further of record `id`. The same claims again give the record that
    /// there is, also while it waits for a token from outside; that is waited for `wait` seconds, or as `deposit` does.
    pub fn add_rights(
        &mut self,
        id: &str,
        claims: &BTreeMap<String, String>,
        wait: Option<u64>,
    ) -> Result<DepositLine> {
        self.writer()?;
        check_rights(claims)?;
        // Nobody erases what it is about meanwhile.
        let _keeping = self.keeping(self.stored(id)?.account);
        let first = self.stored(id)?;
        let shown = show_path(Path::new(id));
        if !matches!(first.kind.as_str(), "image" | "file" | "digest") {
            return Err(Error::new(
                format!("{shown}：是 {} 记录；只能对图片或文件的记录补充声明", first.kind),
                format!(
                    "{shown}: it is a record of kind {}; claims are added to those of pictures and files",
                    first.kind
                ),
            ));
        }
        if claims.is_empty() {
            return Err(Error::new(
                "没有给出任何声明；请用 --title、--author 等写明",
                "no claim was given; say --title, --author and the like",
            ));
        }
        if first.index.is_none() {
            return Err(Error::incomplete(
                format!("{shown}：尚未写入账本；请稍后重试"),
                format!("{shown}: not on the ledger yet; try again later"),
            ));
        }
        let earlier = self.later_of(&first)?;
        for record in &earlier {
            if same_claims(record, claims)? {
                return Ok(line_of(record, record.file_name.clone(), "existing"));
            }
        }
        let waiting = self.store.waiting_by_name(first.account, Kind::Rights.as_str(), id)?;
        let count = earlier.len() + waiting.len();
        for waiting in waiting {
            if same_claims(&waiting.row, claims)? {
                let row = self.awaited(waiting.row, wait)?;
                return self.sealed_line(&row, "existing");
            }
        }
        if count >= MAX_RELATED {
            return Err(Error::new(
                format!(
                    "{shown}：后来的声明已有 {MAX_RELATED} 份，一个证据包最多附这么多；请用 deposit --again 重新登记"
                ),
                format!(
                    "{shown}: it has {MAX_RELATED} later claims, as many as a package carries; record the file anew with deposit --again"
                ),
            ));
        }
        self.room(&first, archive::RELATED_ENTRIES)?;
        let account = first.account;
        let first = Ref { ledger: self.origin.clone(), id: first.id, leaf: merkle::leaf_hash(&first.record) };
        let mut all: BTreeMap<&str, Value> = self.claims_of(account)?;
        all.extend(claims.iter().map(|(name, value)| (name.as_str(), value.clone().into())));
        all.insert("refs", Value::Array(vec![first.to_value()]));
        let draft = Draft {
            account,
            kind: Kind::Rights,
            ledger: &self.origin,
            file: None,
            relation: Some(self.relation(account)),
            provenance: Some(Provenance::UserSupplied),
            claims: all,
            clock: self.compared_clock()?,
        };
        // Shown under the number of the record that it is about, by which it is found again.
        let row = match self.statements_external() {
            true => self.stamped_outside(draft.state(&first.id)?, wait)?,
            false => self.put(draft, &first.id)?,
        };
        self.sealed_line(&row, "new")
    }

    /// Waits for the seal, and says `sealed` of the record then.
    fn sealed_line(&self, row: &Record, sealed: &str) -> Result<DepositLine> {
        let ledger = &self.writer()?.ledger;
        ledger.hurry();
        let seal = match row.index {
            Some(index) => ledger.wait_final(index, SEAL_WAIT).map_err(|e| ledger_error(&e))?,
            None => None,
        };
        Ok(line_of(row, row.file_name.clone(), if seal.is_some() { sealed } else { "pending" }))
    }

    /// Later claims about a record, oldest first, then those that wait for a token from outside.
    pub fn later_rights(&self, id: &str) -> Result<Vec<DepositLine>> {
        let Some(account) = self.store.account_of(id)? else { return Ok(Vec::new()) };
        let later = self.store.by_name(account, Kind::Rights.as_str(), id)?;
        let mut lines: Vec<_> = later.iter().map(|r| line_of(r, r.file_name.clone(), "existing")).collect();
        let waiting = self.store.waiting_by_name(account, Kind::Rights.as_str(), id)?;
        lines.extend(waiting.iter().map(|w| waiting_line(w, w.row.file_name.clone())));
        Ok(lines)
    }

    fn later_of(&self, first: &Record) -> Result<Vec<Record>> {
        Ok(self.store.by_name(first.account, Kind::Rights.as_str(), &first.id)?)
    }

    /// `related-NN-…` of a package: each later claim, and the record that establishes the owner's name, with its own proof and seal. `seen` is told every token. One that
    /// is not sealed yet is waited for by the caller, or, where it is `pending`, left out.
    pub(crate) fn related(
        &self,
        first: &Record,
        full: bool,
        pending: bool,
        seen: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<Vec<(String, Vec<u8>)>> {
        let (mut out, mut n) = (Vec::new(), 0);
        let mut later: Vec<_> = match first.kind.as_str() {
            "image" | "file" | "digest" => self.later_of(first)?.into_iter().map(|record| (record, None)).collect(),
            "licence" => {
                let waits = self.licences_waiting(first.account)?;
                self.about_licence(first, &waits)?.into_iter().map(|record| (record, None)).collect()
            }
            _ => Vec::new(),
        };
        // Until its seal the name is declared, as it was: nothing waits for it.
        let attestation = self.attestation_of(first)?;
        let sealed = |record: &Record| -> Result<bool> {
            let Some(index) = record.index else { return Ok(false) };
            Ok(self.reader.final_covering(index).map_err(|e| ledger_error(&e))?.is_some())
        };
        let attestation = match attestation {
            Some(found) if sealed(&found.0)? => Some(found),
            _ => None,
        };
        later.truncate(MAX_RELATED - usize::from(attestation.is_some()));
        later.extend(attestation);
        for (record, covered) in later {
            let sealed = match record.index {
                Some(index) => self.reader.final_covering(index).map_err(|e| ledger_error(&e))?.map(|s| (index, s)),
                None => None,
            };
            let token = sealed.as_ref().and_then(|(_, sealed)| sealed.tokens.first());
            let Some(((index, sealed), token)) = sealed.as_ref().zip(token) else {
                if pending {
                    continue;
                }
                let (id, later) = (&first.id, &record.id);
                return Err(Error::incomplete(
                    format!("{id}：后来的声明 {later} 尚未封存；请稍后重试，或用 --pending 不附上它"),
                    format!(
                        "{id}: the later claim {later} is not sealed yet; try again later, or leave it out with --pending"
                    ),
                ));
            };
            let size = Checkpoint::parse(&Note::parse(&sealed.note)?.text)?.size;
            let hashes = self.reader.inclusion_proof(*index, size).map_err(|e| ledger_error(&e))?;
            let proof = TlogProof { index: *index, hashes, checkpoint: sealed.note.clone() }.to_bytes();
            let tokens = self.store.tokens(&record.id)?;
            tokens.iter().chain([token]).try_for_each(|tsr| seen(tsr))?;
            n += 1;
            let unit = format!("related-{n:02}");
            let mut put = |part: &str, bytes: Vec<u8>| out.push((format!("{unit}-{part}"), bytes));
            put("checkpoint.tsr", token.clone());
            put("checkpoint.txt", sealed.note.clone());
            covered.into_iter().for_each(|covered| put("covered.json", covered));
            put("disclosure.json", disclosed(&record.disclosures, full)?);
            put("proof.tlog-proof", proof);
            put("record.json", record.record.clone());
            for (n, tsr) in (1..).zip(&tokens) {
                put(&format!("timestamp-{n}.tsr"), tsr.clone());
            }
        }
        Ok(out)
    }
}

/// Whether a stored record made exactly these claims.
fn same_claims(record: &Record, claims: &BTreeMap<String, String>) -> Result<bool> {
    let stored = disclosure::parse_set(&record.disclosures)?;
    let owner = ["owner_", "identity_method", "acting_account"];
    let of_work = stored.iter().filter(|d| !owner.iter().any(|o| d.name().starts_with(o)));
    let made: BTreeMap<&str, &str> = of_work.filter_map(|d| Some((d.name(), d.value().as_str()?))).collect();
    Ok(made == claims.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect())
}
