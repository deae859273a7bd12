//! A table of rights for files that are still elsewhere: held against their names alone, before the first one comes.

use super::{Refused, Sidecar, about_nothing, refuse};
use crate::{Actor, Answer, Error, Folder, Permission};
use sidecar::Refusal;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::{Path, PathBuf},
};
use unicode_normalization::UnicodeNormalization;

/// What a table says of each file.
#[derive(Clone, Debug)]
pub struct ToldRights {
    /// Rows of the table.
    pub rows: usize,
    /// Files about which no row speaks.
    pub silent: usize,
    /// For each name, in the order in which they were told: claim → value. Nothing is claimed of an attachment.
    pub claims: Vec<BTreeMap<String, String>>,
    /// For each name the places of its attachments among the names: registered before it, and named by it.
    pub attachments: Vec<Vec<usize>>,
}

impl Folder {
    /// Reads a table and holds it against the names of the files that are to be registered, each as from the dropped
    /// folder on. Refused as a whole: every cell that cannot be used, at once.
    ///
    /// # Errors
    /// The outer one says who may not; the inner one what is wrong with the table.
    pub fn told_rights(
        &self,
        actor: &Actor,
        table: &str,
        bytes: &[u8],
        names: &[String],
    ) -> Answer<Result<ToldRights, Refused>> {
        self.allow(actor, Permission::Deposit)?;
        Ok(held(table, bytes, names))
    }
}

fn held(table: &str, bytes: &[u8], names: &[String]) -> Result<ToldRights, Refused> {
    let path = Path::new(table);
    let sheet = sidecar::read(table, bytes, None).map_err(|wrong| refuse(path, wrong))?;
    let mut this = Sidecar { counts: vec![0; sheet.rows.len()], rows: sheet.rows, ..Sidecar::default() };
    let mut wrong = this.index();
    wrong.extend(this.unprintable());
    let names: Vec<String> = names.iter().map(|name| name.nfc().collect()).collect();
    let places: HashMap<&str, usize> = names.iter().enumerate().rev().map(|(n, name)| (name.as_str(), n)).collect();
    wrong.extend(this.attach_by_name(&places));
    let (mut seen, mut silent, mut attachments) = (BTreeSet::new(), 0, Vec::with_capacity(names.len()));
    for name in &names {
        if this.attached.contains(Path::new(name)) {
            attachments.push(Vec::new());
            continue;
        }
        let (patterns, file) = this.about(name);
        silent += usize::from(patterns.is_empty() && file.is_none());
        if let Some(row) = file.filter(|_| !seen.insert(name)) {
            wrong.push(Refusal::new(
                this.rows[row].target.0.clone(),
                format!("有两个文件叫“{name}”；请分批登记"),
                format!("two files are called \"{name}\"; deposit them in two goes"),
            ));
        }
        let rows: Vec<usize> = patterns.into_iter().chain(file).collect();
        wrong.extend(this.within_bounds(&rows, rows.last().map(|row| &this.rows[*row])).err());
        let attached = this.attachments_of(&rows).into_iter();
        attachments.push(attached.filter_map(|path| places.get(path.to_str()?).copied()).collect());
        for row in rows {
            this.counts[row] += 1;
        }
    }
    for (row, _) in this.rows.iter().zip(&this.counts).filter(|(_, count)| **count == 0) {
        wrong.push(about_nothing(row, &names));
    }
    if !wrong.is_empty() {
        return Err(refuse(path, wrong));
    }
    let claims = |name: &String| match this.attached.contains(Path::new(name)) {
        true => BTreeMap::new(),
        false => this.claims_of_name(name, &BTreeMap::new()),
    };
    Ok(ToldRights { rows: this.rows.len(), silent, claims: names.iter().map(claims).collect(), attachments })
}

impl Sidecar {
    /// Finds the attachments that the rows name among the names of what comes along.
    fn attach_by_name(&mut self, places: &HashMap<&str, usize>) -> Vec<Refusal> {
        let mut wrong = Vec::new();
        for row in &self.rows {
            let mut paths = Vec::new();
            for (place, name) in &row.attach {
                let name: String = name.nfc().collect();
                if places.contains_key(name.as_str()) {
                    paths.push(PathBuf::from(name));
                } else {
                    wrong.push(Refusal::new(
                        place.clone(),
                        format!("没有附件“{name}”；请把它和图片一起拖入，写法从所拖入的文件夹之内算起"),
                        format!("there is no attachment \"{name}\"; drop it together with the pictures, and name it from the dropped folder on"),
                    ));
                }
            }
            self.attached.extend(paths.iter().cloned());
            self.by_row.push(paths);
        }
        wrong
    }
}

/// For a caller that knows no table by its path.
impl Refused {
    /// What is wrong, by place; where the table could not be read at all, one sentence.
    pub fn by_place(&self) -> Vec<(Option<u32>, Option<String>, Error)> {
        let line = |l: &super::RightsLine| Some((l.row, l.column.clone(), l.error.clone()?));
        let places: Vec<_> = self.lines.iter().filter_map(line).collect();
        if places.is_empty() { vec![(None, None, self.error.clone())] } else { places }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn names(all: &[&str]) -> Vec<String> {
        all.iter().map(|n| (*n).to_owned()).collect()
    }

    #[test]
    fn a_row_about_a_file_outranks_a_pattern() {
        let table = "文件,匹配,作者,标题\n,杯子/*.jpg,林晚,\n杯子/1.jpg,,,青瓷杯\n";
        let told = held("权利.csv", table.as_bytes(), &names(&["杯子/1.jpg", "杯子/2.jpg", "说明.txt"])).unwrap();
        assert_eq!((told.rows, told.silent), (2, 1));
        assert_eq!(told.claims[0]["title"], "青瓷杯");
        assert_eq!((&told.claims[1]["author"], told.claims[1].contains_key("title")), (&"林晚".to_owned(), false));
        assert!(told.claims[2].is_empty());
    }

    #[test]
    fn attachments_come_along_and_are_named_by_their_picture() {
        let table = "文件,匹配,作者,附件\n,*.jpg,林晚,授权书.pdf\n1.jpg,,,稿/1.psd|授权书.pdf\n";
        let all = names(&["1.jpg", "2.jpg", "授权书.pdf", "稿/1.psd"]);
        let told = held("权利.csv", table.as_bytes(), &all).unwrap();
        assert_eq!(told.attachments, [vec![2, 3], vec![2], vec![], vec![]]);
        assert_eq!((told.silent, told.claims[2].len(), told.claims[0]["author"].as_str()), (0, 0, "林晚"));
        let refused = held("权利.csv", table.as_bytes(), &all[..3]).unwrap_err().by_place();
        assert_eq!((refused[0].0, refused[0].1.as_deref()), (Some(3), Some("D")), "{refused:?}");
    }

    #[test]
    fn every_cell_that_cannot_be_used_is_named_at_once() {
        let table = "file,completed_at\n1.jpg,2026-13-01\n9.jpg,2026-01-01\n";
        let refused = held("rights.csv", table.as_bytes(), &names(&["1.jpg"])).unwrap_err().by_place();
        let refused2 =
            held("rights.csv", "file,author\n9.jpg,Lin\n1.jpg,Lin\n".as_bytes(), &names(&["1.jpg", "1.jpg"]));
        assert_eq!((refused[0].0, refused[0].1.as_deref()), (Some(2), Some("B")));
        let places: Vec<_> = refused2.unwrap_err().by_place().iter().map(|(row, ..)| *row).collect();
        assert_eq!(places, [Some(2), Some(3)]);
        assert!(held("rights.doc", b"", &[]).unwrap_err().by_place()[0].2.en.contains(".csv"));
    }
}
