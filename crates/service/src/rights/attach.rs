//! Attachments: drafts, RAW, layered originals, letters. Each is a record of its own, on the ledger before the picture
//! whose `refs` name it; so a picture's record shows that they existed before it did.

use super::{Sidecar, canonical};
use crate::{
    Actor, Answer, DepositRequest, Error, Event, Folder, Permission, Refusal as Refused, Result, Why, error::show_path,
};
use evidence::{json::Value, merkle, statement::Ref};
use sidecar::{MAX_ATTACHMENTS, Refusal, Row};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

impl Sidecar {
    /// No table, only attachments to every picture under `roots`.
    pub fn of_attachments(attach: &[PathBuf], roots: &[PathBuf]) -> Result<Self> {
        let mut this = Self { roots: roots.to_vec(), ..Self::default() };
        this.attach_to_all(attach)?;
        Ok(this)
    }

    /// Attachments of every picture.
    pub(super) fn attach_to_all(&mut self, attach: &[PathBuf]) -> Result<()> {
        for path in attach {
            let shown = show_path(path);
            if !std::fs::metadata(path).map_err(|e| Error::io(path, &e))?.is_file() {
                return Err(Error::new(
                    format!("{shown}：附件须为文件；请给出文件"),
                    format!("{shown}: an attachment is a file; name a file"),
                ));
            }
            if self.roots.iter().any(|root| canonical(root) == canonical(path)) {
                return Err(Error::new(
                    format!("{shown}：它正是要登记的图片，不能作自己的附件"),
                    format!("{shown}: it is the picture itself, and no attachment of its own"),
                ));
            }
            self.attached.insert(canonical(path));
            if !self.everywhere.contains(path) {
                self.everywhere.push(path.clone());
            }
        }
        self.within_bounds(&[], None).map_err(|wrong| Error::new(wrong.zh, wrong.en))
    }

    /// Finds the attachments that the rows name: below a given folder, else beside the table.
    pub(super) fn find_attachments(&mut self) -> Vec<Refusal> {
        let mut wrong = Vec::new();
        let beside = self.path.parent().map(Path::to_path_buf);
        let places: Vec<PathBuf> = self.roots.iter().cloned().chain(beside).collect();
        for row in &self.rows {
            let mut paths = Vec::new();
            for (place, name) in &row.attach {
                let inside = !Path::new(name).is_absolute() && !name.split('/').any(|part| part == "..");
                let found = places.iter().map(|folder| folder.join(name)).find(|path| inside && path.is_file());
                match found {
                    Some(path) => paths.push(path),
                    None => wrong.push(Refusal::new(
                        place.clone(),
                        format!("没有附件“{name}”；路径相对于所登记的文件夹，或相对于这张表"),
                        format!("there is no attachment \"{name}\"; its path is from the deposited folder on, or from this table"),
                    )),
                }
            }
            self.attached.extend(paths.iter().map(|path| canonical(path)));
            self.by_row.push(paths);
        }
        wrong
    }

    /// A file's attachments: to all, by patterns, its own; each once.
    pub(super) fn attachments_of(&self, rows: &[usize]) -> Vec<&PathBuf> {
        let mut all: Vec<&PathBuf> = self.everywhere.iter().collect();
        for path in rows.iter().flat_map(|row| &self.by_row[*row]) {
            if !all.contains(&path) {
                all.push(path);
            }
        }
        all
    }

    /// No file has more than there may be.
    pub(super) fn within_bounds(&self, rows: &[usize], last: Option<&Row>) -> std::result::Result<(), Refusal> {
        let count = self.attachments_of(rows).len();
        if count <= MAX_ATTACHMENTS {
            return Ok(());
        }
        Err(Refusal::new(
            last.map_or(sidecar::Place::Whole, |row| row.target.0.clone()),
            format!("一张图片有 {count} 个附件，最多 {MAX_ATTACHMENTS} 个"),
            format!("a picture has {count} attachments; the most is {MAX_ATTACHMENTS}"),
        ))
    }

    /// Whether this file is registered as an attachment, so not once more as a picture.
    pub(super) fn is_attachment(&self, path: &Path) -> bool {
        !self.attached.is_empty() && self.attached.contains(&canonical(path))
    }

    fn paths(&self) -> BTreeSet<&PathBuf> {
        self.everywhere.iter().chain(self.by_row.iter().flatten()).collect()
    }
}

impl Folder {
    /// What names these records of the account as attachments: each is on the ledger before the picture.
    pub(crate) fn attached(&self, actor: &Actor, ids: &[String]) -> Answer<Vec<Ref>> {
        let wrong = |zh: String, en: String| Refused::field("attachments", zh, en);
        if ids.len() > MAX_ATTACHMENTS {
            let n = ids.len();
            return Err(wrong(
                format!("一张图片有 {n} 个附件，最多 {MAX_ATTACHMENTS} 个"),
                format!("a picture has {n} attachments; the most is {MAX_ATTACHMENTS}"),
            ));
        }
        let mut refs: Vec<Ref> = Vec::new();
        for id in ids {
            let record = match self.owned_or_waiting(actor, id, Permission::View) {
                Err(e) if e.why == Why::NotFound => {
                    return Err(wrong(
                        format!("附件：没有记录 {id}；请先登记附件"),
                        format!("attachments: there is no record {id}; register the attachment first"),
                    ));
                }
                found => found?,
            };
            if !["image", "file", "digest"].contains(&record.kind.as_str()) {
                return Err(wrong(
                    format!("附件 {id} 的种类是 {}；附件须为图片、文件或摘要的记录", record.kind),
                    format!(
                        "the attachment {id} is of kind {}; one is a record of a picture, a file or digests",
                        record.kind
                    ),
                ));
            }
            if record.index.is_none() {
                return Err(Refused::new(
                    Why::Conflict,
                    format!("附件 {id} 尚未写入账本；请稍后重试"),
                    format!("the attachment {id} is not on the ledger yet; try again later"),
                ));
            }
            if refs.iter().all(|known| known.id != *id) {
                let leaf = merkle::leaf_hash(&record.record);
                refs.push(Ref { ledger: self.origin.clone(), id: id.clone(), leaf });
            }
        }
        Ok(refs)
    }

    /// Registers the attachments, before any picture.
    pub(crate) fn attach(&self, request: &DepositRequest, events: &mut dyn FnMut(Event)) -> Result<()> {
        let open = |s: &&std::sync::Arc<Sidecar>| !request.dry_run && s.refs.get().is_none();
        let Some(sidecar) = request.sidecar.as_ref().filter(open) else { return Ok(()) };
        let paths: Vec<PathBuf> = sidecar.paths().into_iter().cloned().collect();
        let mut refs = BTreeMap::new();
        if !paths.is_empty() {
            let inner = DepositRequest {
                paths,
                digest_only: request.digest_only,
                stop: request.stop.clone(),
                ..DepositRequest::default()
            };
            let mut failed = None;
            let mut lines = BTreeMap::new();
            self.deposit_beside(&inner, &mut |event| {
                if let Event::Done(line) | Event::Left(line) = &event {
                    match &line.id {
                        Some(id) => drop(lines.insert(line.file.clone(), id.clone())),
                        None => failed = Some((line.file.clone(), line.error.clone())),
                    }
                }
                events(event);
            })?;
            if let Some((file, error)) = failed {
                let (zh, en) = error.map_or_else(Default::default, |e| (e.zh, e.en));
                let shown = show_path(Path::new(&file));
                return Err(Error::new(
                    format!("附件 {shown} 未能登记，因此没有登记任何图片：{zh}"),
                    format!("the attachment {shown} could not be recorded, so no picture was: {en}"),
                ));
            }
            for path in &inner.paths {
                let id = lines.get(&*path.to_string_lossy()).cloned().unwrap_or_default();
                let record = self.stored(&id)?;
                let leaf = merkle::leaf_hash(&record.record);
                refs.insert(path.clone(), Ref { ledger: self.origin.clone(), id, leaf });
            }
        }
        // Set once: this is the only place, and it was empty.
        let _ = sidecar.refs.set(refs);
        Ok(())
    }
}

impl DepositRequest {
    /// The `refs` that are claimed of this file: its attachments.
    pub(crate) fn refs_of(&self, path: &Path) -> Value {
        let mut list: Vec<Value> = self.refs.iter().map(Ref::to_value).collect();
        if let Some(sidecar) = &self.sidecar {
            let (mut rows, file) = sidecar.about(&sidecar.name_of(path));
            rows.extend(file);
            let refs = sidecar.refs.get();
            let attached = sidecar.attachments_of(&rows).into_iter().filter_map(|path| refs?.get(path));
            list.extend(attached.map(Ref::to_value));
        }
        if list.is_empty() { Value::Null } else { Value::Array(list) }
    }
}
