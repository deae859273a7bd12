//! The one loader of `locales/` (Fluent).
//!
//! Rules: the texts are built into the executable, so a wrong or missing file cannot change what a
//! person reads. Both languages define the same messages with the same variables (a test compares
//! them). A message that does not exist is shown as its id, never as a panic and never as nothing.
//! No invisible bidi isolation marks are added: output is copied, compared and printed.

use std::fmt;
use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};
use unic_langid::LanguageIdentifier;

/// A value that fills a variable of a message; made by `.into()` from strings and numbers.
///
/// Numbers are formatted plainly (no grouping); pass digests, ids and money as strings.
pub use fluent_bundle::FluentValue as Value;

/// Every file of `locales/`, as (Chinese, English).
const FILES: &[(&str, &str)] = &[
    (include_str!("../../../locales/zh-CN/cli.ftl"), include_str!("../../../locales/en/cli.ftl")),
    (include_str!("../../../locales/zh-CN/demo.ftl"), include_str!("../../../locales/en/demo.ftl")),
    (include_str!("../../../locales/zh-CN/folders.ftl"), include_str!("../../../locales/en/folders.ftl")),
    (include_str!("../../../locales/zh-CN/node.ftl"), include_str!("../../../locales/en/node.ftl")),
    (include_str!("../../../locales/zh-CN/licence.ftl"), include_str!("../../../locales/en/licence.ftl")),
    (include_str!("../../../locales/zh-CN/policy.ftl"), include_str!("../../../locales/en/policy.ftl")),
    (include_str!("../../../locales/zh-CN/rights.ftl"), include_str!("../../../locales/en/rights.ftl")),
    (include_str!("../../../locales/zh-CN/tsa.ftl"), include_str!("../../../locales/en/tsa.ftl")),
    (include_str!("../../../locales/zh-CN/verifier.ftl"), include_str!("../../../locales/en/verifier.ftl")),
    (include_str!("../../../locales/zh-CN/door.ftl"), include_str!("../../../locales/en/door.ftl")),
    (include_str!("../../../locales/zh-CN/quota.ftl"), include_str!("../../../locales/en/quota.ftl")),
    (include_str!("../../../locales/zh-CN/people.ftl"), include_str!("../../../locales/en/people.ftl")),
    (include_str!("../../../locales/zh-CN/merchants.ftl"), include_str!("../../../locales/en/merchants.ftl")),
    (include_str!("../../../locales/zh-CN/room.ftl"), include_str!("../../../locales/en/room.ftl")),
    (include_str!("../../../locales/zh-CN/library.ftl"), include_str!("../../../locales/en/library.ftl")),
    (include_str!("../../../locales/zh-CN/portal.ftl"), include_str!("../../../locales/en/portal.ftl")),
];

static ZH: LazyLock<FluentBundle<FluentResource>> = LazyLock::new(|| bundle(Locale::Zh));
static EN: LazyLock<FluentBundle<FluentResource>> = LazyLock::new(|| bundle(Locale::En));

/// A language that Quezao speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Locale {
    /// Simplified Chinese.
    Zh,
    /// English; also what a locale that nobody named gets.
    #[default]
    En,
}

impl Locale {
    /// The locale that the environment asks for, by POSIX order: `LC_ALL`, `LC_MESSAGES`, `LANG`.
    ///
    /// `lookup` reads one variable (normally `|name| std::env::var(name).ok()`). The first one that
    /// is set and not empty decides: Chinese if it names a `zh` locale, else English.
    pub fn detect(lookup: impl Fn(&str) -> Option<String>) -> Self {
        ["LC_ALL", "LC_MESSAGES", "LANG"]
            .into_iter()
            .filter_map(lookup)
            .find(|value| !value.is_empty())
            .and_then(|value| Self::parse(&value))
            .unwrap_or_default()
    }

    /// Reads `zh`, `zh_CN.UTF-8`, `zh-Hans`, `en`, `en_GB` …; any other language is `None`.
    pub fn parse(name: &str) -> Option<Self> {
        let language = name.split(['_', '-', '.', '@']).next()?;
        if language.eq_ignore_ascii_case("zh") {
            Some(Self::Zh)
        } else if language.eq_ignore_ascii_case("en") {
            Some(Self::En)
        } else {
            None
        }
    }

    /// The BCP 47 tag, as the folder in `locales/` is called.
    pub fn tag(self) -> &'static str {
        match self {
            Self::Zh => "zh-CN",
            Self::En => "en",
        }
    }
}

impl fmt::Display for Locale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.tag())
    }
}

/// The message `id` in `locale`, its variables filled from `args`.
///
/// `id` may name an attribute as `message.attribute`. An unknown id comes back as itself; a
/// variable that was not given stays visible as `{$name}`.
pub fn text(locale: Locale, id: &str, args: &[(&str, Value<'_>)]) -> String {
    let bundle = of(locale);
    let (message, attribute) = match id.split_once('.') {
        Some((message, attribute)) => (message, Some(attribute)),
        None => (id, None),
    };
    let pattern = bundle.get_message(message).and_then(|found| match attribute {
        Some(name) => found.get_attribute(name).map(|attribute| attribute.value()),
        None => found.value(),
    });
    let Some(pattern) = pattern else { return id.to_owned() };
    let args: FluentArgs<'_> = args.iter().map(|(name, value)| (*name, value.clone())).collect();
    bundle.format_pattern(pattern, Some(&args), &mut Vec::new()).into_owned()
}

/// 149461 as 149,461.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// How many, for a message that chooses its words by it: a number while it is written without commas, else as text.
pub fn count(n: u64) -> Value<'static> {
    if n < 1000 { n.into() } else { grouped(n).into() }
}

/// Whether `locale` defines the message `id`; for tests that hold a caller's list of ids.
pub fn has(locale: Locale, id: &str) -> bool {
    of(locale).has_message(id)
}

fn of(locale: Locale) -> &'static FluentBundle<FluentResource> {
    match locale {
        Locale::Zh => &ZH,
        Locale::En => &EN,
    }
}

/// What does not parse is left out here and reported by the tests: a text error must not stop work.
fn bundle(locale: Locale) -> FluentBundle<FluentResource> {
    let language: LanguageIdentifier = locale.tag().parse().unwrap_or_default();
    let mut bundle = FluentBundle::new_concurrent(vec![language]);
    bundle.set_use_isolating(false);
    for source in sources(locale) {
        let resource = FluentResource::try_new(source.to_owned()).unwrap_or_else(|(parsed, _)| parsed);
        // Err means an id that an earlier file defined; the first one stands.
        let _ = bundle.add_resource(resource);
    }
    bundle
}

fn sources(locale: Locale) -> impl Iterator<Item = &'static str> {
    FILES.iter().map(move |(zh, en)| match locale {
        Locale::Zh => *zh,
        Locale::En => *en,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn one_is_not_many() {
        let seats = |n| text(Locale::En, "edition-seats", &[("n", count(n))]);
        assert_eq!([1, 2, 1000].map(seats), ["1 person", "2 people", "1,000 people"]);
    }

    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    const BOTH: [Locale; 2] = [Locale::Zh, Locale::En];

    /// Variables of each message, attributes and continuation lines included. A plain scan is
    /// enough, because a file that Fluent reads otherwise fails `every_file_parses`.
    fn variables(source: &str) -> BTreeMap<String, BTreeSet<String>> {
        let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut current = None;
        for line in source.lines().filter(|line| !line.starts_with('#')) {
            if line.starts_with(|c: char| c.is_ascii_alphabetic() || c == '-') {
                let id = line.split('=').next().unwrap().trim().to_owned();
                found.entry(id.clone()).or_default();
                current = Some(id);
            }
            let Some(id) = &current else { continue };
            let names = found.get_mut(id).unwrap();
            if let Some(attribute) = line.trim_start().strip_prefix('.').and_then(|rest| rest.split_once('=')) {
                names.insert(format!(".{}", attribute.0.trim()));
            }
            for rest in line.split('$').skip(1) {
                let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-').unwrap_or(rest.len());
                names.insert(format!("${}", &rest[..end]));
            }
        }
        found
    }

    #[test]
    fn every_file_parses() {
        for locale in BOTH {
            let mut seen = BTreeSet::new();
            for source in sources(locale) {
                if let Err((_, errors)) = FluentResource::try_new(source.to_owned()) {
                    panic!("{locale}: {errors:?}");
                }
                let ids = source.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_alphabetic() || c == '-'));
                for id in ids.map(|line| line.split('=').next().unwrap().trim()) {
                    assert!(seen.insert(id), "{locale}: {id} is defined twice");
                }
            }
        }
    }

    #[test]
    fn both_languages_say_the_same_things() {
        for (zh, en) in FILES {
            let (zh, en) = (variables(zh), variables(en));
            let ids = |map: &BTreeMap<String, BTreeSet<String>>| map.keys().cloned().collect::<BTreeSet<_>>();
            let missing: Vec<_> = ids(&zh).symmetric_difference(&ids(&en)).cloned().collect();
            assert!(missing.is_empty(), "defined in one language only: {missing:?}");
            for (id, names) in &zh {
                assert_eq!(names, &en[id], "{id}: variables or attributes differ (zh-CN left, en right)");
            }
        }
    }

    #[test]
    fn the_scan_finds_what_a_translator_may_forget() {
        let found = variables("# $no\na = {$x} and { NUMBER($y-z) }\n    more {$w}\n    .hint = {$v}\nb = plain\n");
        let names: Vec<_> = found["a"].iter().map(String::as_str).collect();
        assert_eq!(names, ["$v", "$w", "$x", "$y-z", ".hint"]);
        assert!(found["b"].is_empty());
    }

    #[test]
    fn speaks_both_languages_without_invisible_marks() {
        assert_eq!(text(Locale::Zh, "verdict-not-verified", &[]), "核验不一致");
        assert_eq!(text(Locale::En, "verdict-not-verified", &[]), "Not consistent");
        let mut bundle = bundle(Locale::En);
        bundle.add_resource(FluentResource::try_new("t = {$n} of {$m}".to_owned()).unwrap()).unwrap();
        let args: FluentArgs<'_> = [("n", Value::from(12_345)), ("m", Value::from("文件.jpg"))].into_iter().collect();
        let pattern = bundle.get_message("t").unwrap().value().unwrap();
        assert_eq!(bundle.format_pattern(pattern, Some(&args), &mut Vec::new()), "12345 of 文件.jpg");
    }

    #[test]
    fn an_unknown_id_stays_visible() {
        assert!(!has(Locale::En, "no-such-message"));
        assert_eq!(text(Locale::En, "no-such-message", &[]), "no-such-message");
    }

    #[test]
    fn the_environment_decides_in_posix_order() {
        let detect = |pairs: &[(&str, &str)]| {
            Locale::detect(|name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
        };
        assert_eq!(detect(&[]), Locale::En);
        assert_eq!(detect(&[("LANG", "zh_CN.UTF-8")]), Locale::Zh);
        assert_eq!(detect(&[("LANG", "zh_CN.UTF-8"), ("LC_ALL", "C.UTF-8")]), Locale::En);
        assert_eq!(detect(&[("LANG", "en_GB"), ("LC_MESSAGES", "zh-Hans"), ("LC_ALL", "")]), Locale::Zh);
        assert_eq!(detect(&[("LANG", "de_DE.UTF-8")]), Locale::En);
    }
}
