//! `list` and `show` through a server.

use super::{
    Server,
    line::{is_id, line, no_record},
    not_understood,
};
use serde_json::Value;
use service::DepositLine;
use std::collections::BTreeMap;

/// Most pieces of a list: as many records as any ledger here has been tried with.
const PIECES: usize = 100_000;

/// A record as `show` prints it.
pub(crate) struct Shown {
    pub kind: String,
    pub line: DepositLine,
    pub claims: BTreeMap<String, Value>,
    pub exif: Vec<(String, String)>,
    pub later: Vec<DepositLine>,
}

/// Every record, oldest first; `take` has each piece as it comes.
pub(crate) fn list(server: &Server, take: &mut dyn FnMut(Vec<DepositLine>)) -> service::Result<()> {
    let mut after = String::new();
    for _ in 0..PIECES {
        let answer = server.json(&format!("/api/v1/records?after={after}"))?;
        let told = answer["records"].as_array().ok_or_else(not_understood)?;
        take(told.iter().map(line).collect::<service::Result<_>>()?);
        match answer["next"].as_str() {
            None => return Ok(()),
            Some(next) if is_id(next) && next != after => after = next.to_owned(),
            Some(_) => return Err(not_understood()),
        }
    }
    Err(not_understood())
}

fn field(told: &Value) -> Option<(String, String)> {
    Some((told["name"].as_str()?.to_owned(), told["value"].as_str()?.to_owned()))
}

/// One record.
pub(crate) fn show(server: &Server, id: &str) -> service::Result<Shown> {
    if !is_id(id) {
        return Err(no_record(id));
    }
    let told = server.json(&format!("/api/v1/records/{id}"))?;
    let record = line(&told)?;
    if record.id.as_deref() != Some(id) {
        return Err(not_understood());
    }
    let part = |name: &str| told.get(name).cloned().unwrap_or_default();
    Ok(Shown {
        kind: part("kind").as_str().unwrap_or_default().to_owned(),
        line: record,
        claims: serde_json::from_value(part("claims")).map_err(|_| not_understood())?,
        exif: part("exif")
            .as_array()
            .into_iter()
            .flatten()
            .map(field)
            .collect::<Option<_>>()
            .ok_or_else(not_understood)?,
        later: part("later").as_array().into_iter().flatten().map(line).collect::<service::Result<_>>()?,
    })
}
