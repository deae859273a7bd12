//! From digests to a leaf: statement → time-stamp → record → database → ledger.

use crate::{
    DepositLine, DepositRequest, Error, Folder, Result, SOFTWARE, Warnings, clock,
    folder::Writer,
    identity::Party,
    intake::Taken,
    keys, letters,
    rights::own_words,
    waiting::{self, Prepared},
};
use evidence::{
    disclosure::{self, Disclosure},
    hex,
    json::Value,
    statement::{Clock, Custody, File, Kind, OperatorRelation, Provenance, Software, Statement},
};
use std::{collections::BTreeMap, path::Path};
use store::{Act, Charge, NewRecord, OWNER_ACCOUNT, Record as Row, Waiting};

impl Folder {
    /// Statement, token and record of a file.
    pub(crate) fn record_of(
        &self,
        path: &Path,
        taken: &Taken,
        request: &DepositRequest,
    ) -> Result<(Prepared, Warnings)> {
        let mut warnings = Warnings::new();
        let kind = if taken.image { Kind::Image } else { Kind::File };
        let mut claims: BTreeMap<&str, Value> = self.claims_of(request.account.0)?;
        claims.insert("file_name", taken.file_name.clone().into());
        claims.insert("refs", request.refs_of(path));
        let mut rights = request.claims_of(path).into_owned();
        if request.from_file {
            warnings = own_words::fill(path, taken.media_type, &mut rights);
        }
        for (name, value) in &rights {
            claims.insert(name, value.clone().into());
        }
        let custody = if request.digest_only { Custody::Read } else { Custody::Held };
        let file = File { digests: taken.digests, media_type: taken.media_type.into(), custody };
        let (relation, provenance) = (Some(self.relation(request.account.0)), Some(Provenance::UserSupplied));
        let draft = Draft {
            account: request.account.0,
            kind,
            ledger: &self.origin,
            file: Some(file),
            relation,
            provenance,
            claims,
            clock: self.compared_clock()?,
        };
        let bytes = if request.digest_only { 0 } else { taken.digests.size };
        let charge = request.charge.map(|charge| Charge { bytes, ..charge });
        let made = if self.statements_external() {
            Prepared::Waits(draft.state(&taken.file_name)?)
        } else {
            Prepared::Record(draft.record(self.writer()?, &taken.file_name)?)
        };
        Ok((made.charged(charge), warnings))
    }
}

/// Leaf 0: who runs this ledger.
pub(crate) fn operator(
    store: &store::Store,
    writer: &Writer,
    origin: &str,
    operator: &Party,
    filings: &[String],
) -> Result<()> {
    let text = |v: &Option<String>| v.clone().map_or(Value::Null, Value::from);
    let claims = BTreeMap::from([
        ("operator_kind", Value::from(operator.kind.as_str())),
        ("operator_name", Value::from(operator.name.as_str())),
        ("operator_code", text(&operator.code)),
        ("operator_id", text(&operator.id)),
        ("operator_id_masked", text(&operator.masked_id())),
        ("operator_filings", if filings.is_empty() { Value::Null } else { filings.into() }),
    ]);
    let (file, relation, provenance, clock) = (None, None, None, Clock::Unchecked);
    let account = OWNER_ACCOUNT;
    let draft = Draft { account, kind: Kind::Operator, ledger: origin, file, relation, provenance, claims, clock };
    let record = draft.record(writer, "")?;
    match submit_one(store, writer, record)?.index {
        Some(0) => Ok(()),
        other => Err(Error::new(
            format!("第一条记录的序号不是 0，而是 {other:?}"),
            format!("the first record got index {other:?}, not 0"),
        )),
    }
}

/// What goes into one statement, before ids, salts and times are drawn.
pub(crate) struct Draft<'a> {
    /// Whose the record is.
    pub(crate) account: i64,
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
    /// A record, stamped by the embedded authority.
    pub(crate) fn record(self, writer: &Writer, file_name: &str) -> Result<NewRecord> {
        let (statement, stated) = self.stated(file_name)?;
        let (tsr, token) = waiting::embedded(writer, &stated.statement)?;
        waiting::record_of(statement, stated.row, tsr, &token)
    }

    /// The statement, and what opens it.
    pub(crate) fn state(self, file_name: &str) -> Result<Waiting> {
        self.stated(file_name).map(|(_, stated)| stated)
    }

    fn stated(mut self, file_name: &str) -> Result<(Statement, Waiting)> {
        let received_at = clock::now();
        let (names, mut disclosures) = (self.kind.claims(), Vec::new());
        for (name, salt) in names.iter().zip(keys::randoms(names.len())?) {
            let value = self.claims.remove(name).unwrap_or(Value::Null);
            // A reader would refuse it for ever.
            evidence::statement::check_claim(name, &value)?;
            disclosures.push(Disclosure::new(&salt, name, value)?);
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
        let digests = statement.file.as_ref().map(|f| f.digests);
        let row = Row {
            id,
            account: self.account,
            kind: self.kind.as_str().into(),
            file_name: file_name.into(),
            sha256: digests.map(|d| d.sha256),
            sm3: digests.map(|d| d.sm3),
            size: digests.map(|d| d.size),
            received_at: received_at.0,
            disclosures: disclosure::set_to_bytes(&disclosures)?,
            ..Row::default()
        };
        let bytes = statement.to_bytes()?;
        Ok((statement, Waiting { row, statement: bytes }))
    }
}

/// Commits records and submits them, beside those of others; gives them back with their indices.
pub(crate) fn submit(
    store: &store::Store,
    writer: &Writer,
    records: Vec<NewRecord>,
    acts: Vec<Act>,
) -> Result<Vec<Row>> {
    writer.desk.submit(store, &writer.ledger, records, acts)
}

/// The same for one.
pub(crate) fn submit_one(store: &store::Store, writer: &Writer, record: NewRecord) -> Result<Row> {
    let rows = submit(store, writer, vec![record], Vec::new())?;
    rows.into_iter().next().ok_or_else(|| Error::new("记录没有写入账本", "the record did not reach the ledger"))
}

/// The status of what is stored already: without a leaf, as the ledger failed, it is only on its way.
pub(crate) fn known(record: &Row) -> &'static str {
    if record.index.is_some() { "existing" } else { "pending" }
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
        record_sha256: record.digest_hex(),
        size: record.size,
        ..DepositLine::default()
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
pub(crate) fn check_rights(claims: &BTreeMap<String, String>) -> Result<()> {
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

/// Whether a stored record made other claims than those given now of this file.
pub(crate) fn differs(stored: &[u8], request: &DepositRequest, path: &Path) -> Result<bool> {
    let stored = disclosure::parse_set(stored)?;
    let made = |name: &str, value: &Value| stored.iter().any(|d| d.name() == name && d.value() == value);
    let (claims, refs) = (request.claims_of(path), request.refs_of(path));
    let same = claims.iter().all(|(name, value)| made(name, &value.as_str().into()));
    Ok(!same || !refs.is_null() && !made("refs", &refs))
}
