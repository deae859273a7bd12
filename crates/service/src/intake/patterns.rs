//! Which names of a folder are registered: `--include` and `--exclude`.
//!
//! Rules, as people know them from other programs:
//! - A pattern without `/` is about a name, in whatever folder; one with `/` about the path from the given folder on.
//! - `*` and `?` stop at `/`, a part `**` does not; `[ab]` are alternatives. The case of Latin letters makes no
//!   difference.
//! - Excluded folders are not entered. `--include` is about files only; what both name is excluded.

use crate::{Error, Result, show_path};
use glob::{MatchOptions, Pattern};
use std::path::Path;

/// Longest pattern, and most of them: more is a mistake, and each costs time for every file.
const MAX_LENGTH: usize = 1000;
const MAX_PATTERNS: usize = 1000;

/// Patterns, ready for use; the default lets everything in.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    include: Option<Patterns>,
    exclude: Option<Patterns>,
}

impl Filter {
    /// Refuses a pattern that cannot be understood.
    pub fn new(include: &[String], exclude: &[String]) -> Result<Self> {
        let of = |all: &[String]| if all.is_empty() { Ok(None) } else { Patterns::new(all).map(Some) };
        Ok(Self { include: of(include)?, exclude: of(exclude)? })
    }

    /// Whether a stored name is one of those that are included and not excluded.
    pub fn names(&self, name: &str) -> bool {
        self.takes(Path::new(name))
    }

    /// Whether a folder, by its path below the given one, is passed over with all that is in it.
    pub(crate) fn excludes(&self, below: &Path) -> bool {
        self.exclude.as_ref().is_some_and(|p| p.matches(below))
    }

    /// Whether a file, by its path below the given folder, is to be registered.
    pub(crate) fn takes(&self, below: &Path) -> bool {
        !self.excludes(below) && self.include.as_ref().is_none_or(|p| p.matches(below))
    }
}

const OPTIONS: MatchOptions =
    MatchOptions { case_sensitive: false, require_literal_separator: true, require_literal_leading_dot: false };

#[derive(Clone, Debug)]
struct Patterns {
    names: Vec<Pattern>,
    paths: Vec<Pattern>,
}

impl Patterns {
    fn new(patterns: &[String]) -> Result<Self> {
        if patterns.len() > MAX_PATTERNS {
            let n = patterns.len();
            return Err(Error::new(
                format!("给出了 {n} 个模式，最多 {MAX_PATTERNS} 个；请合并"),
                format!("{n} patterns are given, {MAX_PATTERNS} are possible; put some together"),
            ));
        }
        let mut all = Self { names: Vec::new(), paths: Vec::new() };
        for pattern in patterns {
            let refused = |reason: &str| {
                let shown = show_path(Path::new(pattern));
                Error::new(
                    format!("模式“{shown}”不可用（{reason}）；写法如 *.jpg 或 raw/**"),
                    format!("the pattern \"{shown}\" cannot be used ({reason}); write it like *.jpg or raw/**"),
                )
            };
            let plain = pattern.trim_end_matches('/');
            let plain = plain.strip_prefix("./").unwrap_or(plain);
            if plain.is_empty() || plain.starts_with('/') || plain.starts_with("../") || plain.len() > MAX_LENGTH {
                return Err(refused("empty, too long, or not below the folder"));
            }
            let set = if plain.contains('/') { &mut all.paths } else { &mut all.names };
            set.push(Pattern::new(plain).map_err(|e| refused(e.msg))?);
        }
        Ok(all)
    }

    fn matches(&self, below: &Path) -> bool {
        let (path, name) = (below.to_string_lossy(), below.file_name().unwrap_or_default().to_string_lossy());
        self.names.iter().any(|p| p.matches_with(&name, OPTIONS))
            || self.paths.iter().any(|p| p.matches_with(&path, OPTIONS))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn filter(include: &[&str], exclude: &[&str]) -> Filter {
        let owned = |all: &[&str]| all.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
        Filter::new(&owned(include), &owned(exclude)).unwrap()
    }

    #[test]
    fn names_and_paths_are_told_apart() {
        let f = filter(&["*.jpg", "raw/**/*.nef"], &["thumb*", "old/"]);
        for (path, taken) in [
            ("a.jpg", true),
            ("A.JPG", true),
            ("deep/er/杯.jpg", true),
            ("raw/2026/x.NEF", true),
            ("x.nef", false),
            ("thumb-1.jpg", false),
            ("deep/Thumbs.db", false),
            ("a.png", false),
        ] {
            assert_eq!(f.takes(Path::new(path)), taken, "{path}");
        }
        assert!(f.excludes(Path::new("old")) && f.excludes(Path::new("2026/old")));
        assert!(!f.excludes(Path::new("older")));
        assert!(Filter::default().takes(Path::new("anything")));
        assert!(filter(&[], &["a/*"]).takes(Path::new("a/b/c")), "* stops at /");
    }

    #[test]
    fn what_cannot_be_understood_is_named() {
        for bad in ["[a", "", "/", "/abs/*.jpg", "../x", "a**"] {
            let e = Filter::new(&[bad.to_owned()], &[]).unwrap_err();
            assert!(e.en.contains(&format!("\"{bad}\"")), "{e:?}");
        }
        assert!(Filter::new(&vec!["x".to_owned(); 1001], &[]).is_err());
    }
}
