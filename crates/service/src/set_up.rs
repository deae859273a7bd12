//! A folder's first day: what is looked at before anything is written, and folder and first person in one step.

use crate::{
    Error, Finding, Folder, InitOptions, Initialized, Warnings,
    account::{Answer, FirstSignIn, Refusal, Why, people_first},
    doctor,
    error::show_path,
    identity::Party,
};
use std::path::{Path, PathBuf};

/// What a place for data is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Absent or empty: a folder can be made.
    Free,
    /// A data folder.
    Folder,
    /// Something else; why it cannot be used is in the finding.
    Taken,
}

impl Place {
    /// Looks, without writing.
    pub fn of(dir: &Path) -> Self {
        if dir.join("quezao.db").is_file() {
            return Self::Folder;
        }
        match std::fs::read_dir(dir) {
            Ok(mut entries) => {
                if entries.next().is_none() {
                    Self::Free
                } else {
                    Self::Taken
                }
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Self::Free,
            Err(_) => Self::Taken,
        }
    }
}

/// Folder, clock, fonts, namespaces and browser, without writing anything.
pub fn set_up_findings(dir: &Path) -> Vec<Finding> {
    let mut findings = vec![place(dir), doctor::clock_year(), doctor::fonts()];
    findings.extend(doctor::isolation_and_browser());
    findings
}

/// What is odd about the parties and not wrong: to be confirmed before anything is written. Each (zh, en).
pub fn set_up_warnings(options: &InitOptions) -> Answer<Warnings> {
    let named = |field| move |error| Refusal { why: Why::Field(field), error };
    let mut warnings = Vec::new();
    if let Some(name) = &options.operator_name {
        let (kind, name, code) = ("enterprise".into(), name.clone(), options.operator_code.clone());
        warnings.extend(Party { kind, name, code, id: None }.check().map_err(named("operator"))?);
    }
    for filing in &options.operator_filings {
        evidence::json::check_string("filing", filing).map_err(Error::from).map_err(named("filings"))?;
    }
    let (kind, name) = (options.owner_kind.clone(), options.owner_name.clone());
    let owner = Party { kind, name, code: options.owner_code.clone(), id: options.owner_id.clone() };
    warnings.extend(owner.check().map_err(named("owner"))?);
    if let Some(origin) = &options.origin {
        // Any key will do: it is the name that is looked at.
        evidence::checkpoint::origin(origin, &[7; 32]).map_err(|e| {
            named("origin")(Error::new(
                format!("账本名称不可用（{}）；请写成如 example.cn", e.zh()),
                format!("the ledger cannot have that name ({e}); write it as example.cn"),
            ))
        })?;
    }
    Ok(warnings)
}

impl Folder {
    /// [`Folder::init`] with the first person in it: both or nothing.
    pub fn set_up(dir: &Path, options: &InitOptions, person: &FirstSignIn) -> Answer<Initialized> {
        set_up_warnings(options)?;
        let person = person.check()?;
        Ok(Self::init_with(dir, options, &mut |database| people_first(database, &person).map_err(|r| r.error))?)
    }
}

fn place(dir: &Path) -> Finding {
    let finding = |level, zh: String, en: String| Finding { level, subject: "folder", zh, en };
    let shown = show_path(dir);
    if Place::of(dir) == Place::Taken {
        return finding(
            "problem",
            format!("{shown} 已有别的内容，或无法读取；请换一个空的文件夹"),
            format!("{shown} has other contents, or cannot be read; choose an empty folder"),
        );
    }
    // The folder is made beside its place and renamed.
    let beside: PathBuf = match dir.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    if let Err(e) = rustix::fs::access(&beside, rustix::fs::Access::WRITE_OK) {
        let e = Error::io(&beside, &e.into());
        return finding("problem", e.zh, e.en);
    }
    let free = rustix::fs::statvfs(&beside).map_or(0, |s| s.f_bavail.saturating_mul(s.f_frsize) >> 20);
    let level = if free < 512 { "warning" } else { "ok" };
    finding(level, format!("{shown}，可写，余 {free} MiB"), format!("{shown}, writable, {free} MiB free"))
}
