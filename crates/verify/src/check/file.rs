//! The file in question: what was given, and what the package itself carries of it.

use super::Walk;
use crate::{Check, Original, Outcome, words};
use evidence::{
    digest::FileDigests,
    statement::{Kind, Statement},
};

impl Walk<'_> {
    pub(super) fn file(&self, statement: Option<&Statement>, originals: &[Original]) -> Check {
        let Some(statement) = statement else {
            return Check::new(
                "file",
                Outcome::NotChecked,
                "声明无法读取，文件没有可比对的值。",
                "The statement could not be read, so there is nothing to compare the file with.",
            );
        };
        let Some(file) = &statement.file else {
            return match originals.first() {
                // What is given beside a licence is looked up among what it names.
                Some(_) if statement.kind == Kind::Licence => Check::new(
                    "file",
                    Outcome::NotChecked,
                    "许可本身没有文件；给出的文件与许可写明的登记比对，结果另列。",
                    "A licence has no file of its own; the given files are held against the registrations that it names, each by its own check.",
                )
                .optional(),
                Some(given) => Check::new(
                    "file",
                    Outcome::Fail,
                    "这条记录没有文件，却给出了一个文件。",
                    "A file was given for a record that has none.",
                )
                .values("no file", &given.name),
                None => {
                    Check::new("file", Outcome::NotChecked, "这条记录没有文件。", "This record has no file.").optional()
                }
            };
        };
        let made = match statement.kind {
            Kind::Capture => "capture.wacz",
            Kind::Comparison => "comparison.json",
            Kind::Collection => "manifest.jsonl",
            _ => "",
        };
        let carried = self.entries.get(made);
        let carried = carried.map(|b| Original { name: made.into(), digests: FileDigests::of(b) });
        // What is given beside a collection is looked up in its list.
        let own = |o: &&Original| statement.kind != Kind::Collection || o.digests == file.digests;
        let given = self.without_sources(originals).into_iter().filter(own);
        let given: Vec<&Original> = given.chain(&carried).collect();
        let expected = words::digests(&file.digests);
        if given.is_empty() {
            let check = Check::new(
                "file",
                Outcome::NotChecked,
                "没有给出原件，无法比对；请同时给出原件再核验。",
                "The original was not given; give it together with the evidence.",
            );
            return Check { expected: Some(expected), ..check };
        }
        match given.iter().find(|o| o.digests != file.digests) {
            Some(other) => Check::new(
                "file",
                Outcome::Fail,
                format!("文件“{}”与声明中的摘要不一致。", other.name),
                format!("The file \"{}\" is not the one in the statement.", other.name),
            )
            .values(expected, words::digests(&other.digests)),
            None => {
                let sources = (originals.len() + usize::from(carried.is_some())).saturating_sub(given.len());
                let (mut zh, mut en) = (String::new(), String::new());
                if sources > 0 && statement.kind == Kind::Comparison {
                    zh = format!("另给出的 {sources} 个文件是比对的来源，不是本记录的文件，此处未比较。");
                    en = format!(
                        " {sources} more of the given are sources of the comparison, not this record's file, and were not compared here."
                    );
                }
                Check::new(
                    "file",
                    Outcome::Pass,
                    format!("文件的大小、SHA-256 和 SM3 都与声明一致。{zh}"),
                    format!("Size, SHA-256 and SM3 of the file are those in the statement.{en}"),
                )
                .values(&expected, &expected)
            }
        }
    }
}
