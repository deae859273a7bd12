//! Rights of a whole folder from a sidecar: which of its rows is about which file.
//!
//! Rules:
//! - The whole table is checked, against the files that are there, before the first one is registered: a row that
//!   is about no file, or a file about which two rows speak, is refused.
//! - Of several patterns that fit, the later one outranks the earlier, claim by claim; a row about the file outranks
//!   every pattern; what was given on the command line fills what no row says.
//! - Names are compared in normalisation form C: macOS decomposes them, spreadsheets do not.

mod attach;
mod later;
pub(crate) mod own_words;
mod refused;
mod told;

pub use refused::Refused;
pub use told::ToldRights;

use crate::{DepositRequest, Error, letters};
use evidence::statement::Ref;
use refused::refuse;
use sidecar::{Encoding, Place, Refusal, Row, Target};
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashMap},
    path::{Path, PathBuf},
    sync::OnceLock,
};
use unicode_normalization::UnicodeNormalization;
use walkdir::WalkDir;

/// Most files under the given paths; a larger shop is registered in parts.
const MAX_FILES: usize = 5_000_000;

/// A sidecar that fits the files of some paths.
#[derive(Debug, Default)]
pub struct Sidecar {
    /// The table itself: no file to be registered.
    path: PathBuf,
    roots: Vec<PathBuf>,
    rows: Vec<Row>,
    /// Name → its row.
    files: HashMap<String, usize>,
    /// Rows with a pattern, in the table's order.
    patterns: Vec<usize>,
    /// How its text was encoded, where its format leaves that open.
    pub encoding: Option<Encoding>,
    /// For each row: about how many files it is.
    counts: Vec<u64>,
    /// Files about which no row speaks.
    pub silent: u64,
    /// For each row: its attachments.
    by_row: Vec<Vec<PathBuf>>,
    /// Attachments of every picture.
    everywhere: Vec<PathBuf>,
    /// All of them, links resolved.
    attached: BTreeSet<PathBuf>,
    /// What the attachments' records are, once they are on the ledger.
    refs: OnceLock<BTreeMap<PathBuf, Ref>>,
}

/// A row as it was understood.
#[derive(Clone, Debug, serde::Serialize)]
pub struct RightsLine {
    /// Row, or line of a TOML file.
    pub row: Option<u32>,
    /// Column letter; of a whole row `null`.
    pub column: Option<String>,
    /// File or pattern.
    pub target: Option<String>,
    /// Files that it is about.
    pub files: Option<u64>,
    /// Claim name → value as the statement will have it.
    pub claims: Option<BTreeMap<String, String>>,
    /// Why it cannot be used.
    pub error: Option<Error>,
}

impl Sidecar {
    /// Reads the table at `path` and holds it against every file under `roots`; `attach` goes to every picture.
    ///
    /// # Errors
    /// Every cell that cannot be used, at once.
    pub fn read(
        path: &Path,
        encoding: Option<Encoding>,
        attach: &[PathBuf],
        roots: &[PathBuf],
    ) -> Result<Self, Refused> {
        let io = |e: std::io::Error| Refused::from(Error::io(path, &e));
        let size = std::fs::metadata(path).map_err(io)?.len();
        if size > sidecar::MAX_BYTES {
            let shown = crate::show_path(path);
            return Err(Refused::from(Error::new(
                format!("{shown}：{size} 字节，超过 {} 字节；请分成几个表", sidecar::MAX_BYTES),
                format!("{shown}: {size} bytes, more than {}; divide it into several", sidecar::MAX_BYTES),
            )));
        }
        let bytes = std::fs::read(path).map_err(io)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let sheet = sidecar::read(&name, &bytes, encoding).map_err(|wrong| refuse(path, wrong))?;
        let mut this = Self {
            path: canonical(path),
            roots: roots.to_vec(),
            counts: vec![0; sheet.rows.len()],
            rows: sheet.rows,
            encoding: sheet.encoding,
            ..Self::default()
        };
        this.attach_to_all(attach)?;
        let mut wrong = this.index();
        wrong.extend(this.unprintable());
        wrong.extend(this.find_attachments());
        wrong.extend(this.hold_against_files()?);
        if wrong.is_empty() { Ok(this) } else { Err(refuse(path, wrong)) }
    }

    /// Which rows there are for a file and for patterns.
    fn index(&mut self) -> Vec<Refusal> {
        let mut wrong = Vec::new();
        for (n, row) in self.rows.iter().enumerate() {
            match &row.target {
                (_, Target::Pattern(_)) => self.patterns.push(n),
                (place, Target::File(name)) => {
                    let earlier = *self.files.entry(name.clone()).or_insert(n);
                    if earlier != n {
                        // It is about the same file, which is said once.
                        self.counts[n] = 1;
                        let first = &self.rows[earlier].target.0;
                        wrong.push(Refusal::new(
                            place.clone(),
                            format!("“{name}”在{}已有一行；请合为一行", first.zh()),
                            format!("\"{name}\" has a row already, at {}; make them one", first.en()),
                        ));
                    }
                }
            }
        }
        wrong
    }

    /// Values that the certificate cannot print.
    fn unprintable(&self) -> Vec<Refusal> {
        let values = self.rows.iter().flat_map(|row| row.claims.values());
        values
            .filter_map(|(place, value)| {
                let e = letters::check(value, "值", "the value").err()?;
                Some(Refusal::new(place.clone(), e.zh, e.en))
            })
            .collect()
    }

    /// Counts what each row is about.
    fn hold_against_files(&mut self) -> Result<Vec<Refusal>, Refused> {
        let (mut first, mut wrong, mut names) = (HashMap::<usize, PathBuf>::new(), Vec::new(), Vec::new());
        for root in &self.roots {
            for path in files(root)? {
                if self.is_apart(&path) {
                    continue;
                }
                let name = self.name_of(&path);
                let (patterns, file) = self.about(&name);
                self.silent += u64::from(patterns.is_empty() && file.is_none());
                if file.is_none() {
                    names.push(name);
                }
                if let Some(row) = file
                    && let Some(other) = first.insert(row, path.clone())
                    && other != path
                {
                    let (one, two) = (crate::show_path(&other), crate::show_path(&path));
                    wrong.push(Refusal::new(
                        self.rows[row].target.0.clone(),
                        format!("它可以是 {one}，也可以是 {two}；请分别登记这些文件夹，或改用匹配式"),
                        format!("it could be {one} or {two}; deposit those folders one by one, or use a pattern"),
                    ));
                }
                let rows: Vec<usize> = patterns.into_iter().chain(file).collect();
                if let Err(refusal) = self.within_bounds(&rows, rows.last().map(|row| &self.rows[*row])) {
                    wrong.push(refusal);
                }
                for row in rows {
                    self.counts[row] += 1;
                }
                if names.len() > MAX_FILES {
                    return Err(Refused::from(Error::new(
                        format!("文件超过 {MAX_FILES} 个；请分批登记"),
                        format!("there are more than {MAX_FILES} files; deposit them in parts"),
                    )));
                }
            }
        }
        for (n, (row, _)) in self.rows.iter().zip(&self.counts).filter(|(_, count)| **count == 0).enumerate() {
            // Looking for a name that was meant goes through all of them.
            wrong.push(about_nothing(row, if n < refused::SHOWN { &names } else { &[] }));
        }
        Ok(wrong)
    }

    /// The rows about a file: patterns in order, then its own.
    fn about(&self, name: &str) -> (Vec<usize>, Option<usize>) {
        let fits = |n: &&usize| match &self.rows[**n].target.1 {
            Target::Pattern(pattern) => pattern.is_about(name),
            Target::File(_) => false,
        };
        (self.patterns.iter().filter(fits).copied().collect(), self.files.get(name).copied())
    }

    /// A file's name as a row has it: from the deepest of the given folders on.
    fn name_of(&self, path: &Path) -> String {
        let below = self.roots.iter().filter_map(|root| path.strip_prefix(root).ok());
        let below = below.min_by_key(|b| b.components().count()).filter(|b| !b.as_os_str().is_empty());
        let named = below.unwrap_or_else(|| path.file_name().map_or(path, Path::new));
        named.to_string_lossy().nfc().collect()
    }

    /// Whether it names attachments.
    pub fn attaches(&self) -> bool {
        !self.attached.is_empty()
    }

    /// Whether this file is the table, or an attachment: no picture to be registered.
    pub(crate) fn is_apart(&self, path: &Path) -> bool {
        path.file_name() == self.path.file_name() && canonical(path) == self.path || self.is_attachment(path)
    }

    /// What is claimed of a file, over `given`.
    fn claims(&self, path: &Path, given: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        self.claims_of_name(&self.name_of(path), given)
    }

    fn claims_of_name(&self, name: &str, given: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let (patterns, file) = self.about(name);
        let mut claims = given.clone();
        for row in patterns.into_iter().chain(file) {
            let said = self.rows[row].claims.iter();
            claims.extend(said.map(|(name, (_, value))| ((*name).to_owned(), value.clone())));
        }
        claims
    }

    /// How each row was understood.
    pub fn lines(&self) -> impl Iterator<Item = RightsLine> {
        self.rows.iter().zip(&self.counts).map(|(row, count)| RightsLine {
            row: row.target.0.row(),
            column: None,
            target: Some(match &row.target.1 {
                Target::File(name) => name.clone(),
                Target::Pattern(pattern) => pattern.text.clone(),
            }),
            files: Some(*count),
            claims: Some(row.claims.iter().map(|(name, (_, v))| ((*name).to_owned(), v.clone())).collect()),
            error: None,
        })
    }
}

impl DepositRequest {
    /// What is claimed of this file beside owner and name.
    pub(crate) fn claims_of(&self, path: &Path) -> Cow<'_, BTreeMap<String, String>> {
        match &self.sidecar {
            None => Cow::Borrowed(&self.rights.claims),
            Some(sidecar) => Cow::Owned(sidecar.claims(path, &self.rights.claims)),
        }
    }
}

/// Links resolved, where that is possible.
fn canonical(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// Every file below a path, as `deposit` goes through them: no hidden names, no links inside folders.
fn files(root: &Path) -> Result<Vec<PathBuf>, Refused> {
    let hidden = |e: &walkdir::DirEntry| e.depth() > 0 && e.file_name().to_string_lossy().starts_with('.');
    let mut out = Vec::new();
    if std::fs::metadata(root).map_err(|e| Refused::from(Error::io(root, &e)))?.is_file() {
        return Ok(vec![root.to_owned()]);
    }
    // What cannot be read is told by `deposit`, file by file.
    for entry in WalkDir::new(root).sort_by_file_name().into_iter().filter_entry(|e| !hidden(e)).flatten() {
        if entry.file_type().is_file() {
            out.push(entry.into_path());
        }
    }
    Ok(out)
}

/// A row that is about no file, with the name that was perhaps meant.
fn about_nothing(row: &Row, names: &[String]) -> Refusal {
    let (place, target) = &row.target;
    let (name, what_zh, what_en) = match target {
        Target::Pattern(pattern) => {
            let text = &pattern.text;
            return Refusal::new(
                place.clone(),
                format!("没有文件符合“{text}”；请改正，或删去这一行"),
                format!("no file fits \"{text}\"; correct it, or delete the row"),
            );
        }
        Target::File(name) => (name, "没有文件", "there is no file"),
    };
    let alike = |other: &&String| {
        other.to_lowercase() == name.to_lowercase() || other.rsplit('/').next() == name.rsplit('/').next()
    };
    let (zh, en) = names.iter().find(alike).map_or_else(
        || ("请改正，或删去这一行".to_owned(), "correct it, or delete the row".to_owned()),
        |other| (format!("是否指“{other}”？"), format!("is \"{other}\" meant?")),
    );
    Refusal::new(place.clone(), format!("{what_zh}“{name}”；{zh}"), format!("{what_en} \"{name}\"; {en}"))
}

impl RightsLine {
    fn refused(place: &Place, error: Error) -> Self {
        let (row, column) = (place.row(), place.column());
        Self { row, column, target: None, files: None, claims: None, error: Some(error) }
    }
}

#[cfg(test)]
mod tests;
