//! What cannot be understood on the command line, said in the reader's language: which word, and the way out.

use crate::out::Out;
use clap::error::{ContextKind, ContextValue, Error, ErrorKind};
use std::path::Path;

/// Help and version go to stdout (exit 0); everything else to stderr (exit 2).
pub(crate) fn answer(out: &Out, error: &Error) -> u8 {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            out.bytes(error.render().to_string().as_bytes());
            return 0;
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            out.note(&error.render().to_string());
            return 2;
        }
        _ => {}
    }
    out.fail(&sentence(out, error));
    for kind in [ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand, ContextKind::SuggestedValue] {
        if let Some(suggestion) = value(error, kind) {
            out.note(&out.text("usage-suggestion", &[("suggestion", suggestion.into())]));
        }
    }
    if let Some(usage) = value(error, ContextKind::Usage) {
        let usage = usage.trim_start().trim_start_matches("Usage:").trim().to_owned();
        out.note(&format!("{}{usage}", out.text("help-heading-usage", &[])));
    }
    out.note(&out.text("usage-help", &[]));
    2
}

/// The keys of a line, where these words ask for JSON: known before they are understood, so that a usage error
/// answers in JSON too.
pub(crate) fn json_keys(words: &[String]) -> Option<&'static [&'static str]> {
    const RECORD: &[&str] = &["id", "file", "sha256", "sm3", "status", "index", "record_sha256"];
    let words: Vec<&str> = words.iter().map(String::as_str).take_while(|w| *w != "--").collect();
    if !words.contains(&"--json") {
        return None;
    }
    let mut names = words.iter().filter(|w| !w.starts_with('-'));
    let name = match names.next() {
        Some(&"admin") => names.next(),
        name => name,
    };
    Some(match name.copied().unwrap_or_default() {
        "policy" => match names.next().copied() {
            Some("status") => &["quorum", "size", "final_size", "witnesses"],
            _ => &["quorum", "institutions", "may_miss", "liars", "cosigners"],
        },
        "tsa" => match names.next().copied() {
            Some("check") => &[
                "name",
                "url",
                "independent",
                "gen_time",
                "accuracy_us",
                "policy",
                "signer",
                "root_sha256",
                "millis",
                "failures",
                "rests_until",
                "revocation",
            ],
            Some("list") => &[
                "name",
                "url",
                "independent",
                "user",
                "policy",
                "pace",
                "timeout",
                "state",
                "tokens",
                "failures",
                "reason",
                "token_at",
                "rests_until",
                "revocation",
            ],
            _ => &["name"],
        },
        "renew" => &["id", "status", "renewals", "authority", "ends_at", "binding"],
        "clock" => &["servers", "source", "offset_us", "limit_ms", "every_minutes"],
        "node" => match names.next().copied() {
            Some("status") => crate::node_cmd::STATUS_KEYS,
            Some("alarm") => crate::node_cmd::ALARM_KEYS,
            _ => crate::node_cmd::KEY_KEYS,
        },
        "stamp" => &["sealed", "size", "waiting"],
        "init" => &["origin", "ledger_key", "authority_root", "signer_root"],
        "deposit" | "list" | "show" => RECORD,
        "find" => crate::near_cmd::KEYS,
        "similar" => &["pictures", "made", "taken_over", "without"],
        "capture" => &["id", "order", "url", "status", "sha256"],
        "compare" => &[
            "id",
            "capture",
            "earlier",
            "url",
            "status",
            "sha256",
            "images",
            "images_compared",
            "registered",
            "registered_compared",
            "pairs",
            "differences",
            "licences",
        ],
        "collect" => &["id", "items", "first", "last", "sha256", "status", "index", "record_sha256"],
        "discard" => &["id"],
        "erase" => crate::erase_cmd::KEYS,
        "export" => &["id", "file"],
        "verify" => &["result", "checks", "shows", "does_not_show"],
        "explain" => &["id", "proves", "does_not_prove", "to_do"],
        "rights" if names.any(|name| *name == "add") => RECORD,
        "licence" => match names.next().copied() {
            Some("export") => &["id", "file"],
            Some("link") => &["link", "until"],
            _ => crate::licence_cmd::KEYS,
        },
        "rights" => &["row", "column", "target", "files", "claims"],
        "doctor" => &["level", "subject", "zh", "en"],
        "demo" => &["name", "zh", "en", "exit", "check", "result", "package", "picture", "trust"],
        "keys" => &["origin", "ledger_key", "authority_root_sha256", "signer_root_sha256"],
        "trust-export" => &["file"],
        "ledger-check" => &["size", "root", "unplaced"],
        "config" => &["key", "value", "from", "file"],
        "edition" => crate::quota_cmd::EDITION,
        "code" => &["code"],
        "grant" => &["id", "account"],
        "market-secret" => &["secret"],
        "sign-in" => &["address", "minutes"],
        "signer" => &["signer_root_sha256"],
        "backup" => &["backup", "files", "bytes", "size", "originals", "keys", "mirror"],
        "origin" => &["origin", "ledger_key", "authority_root", "signer_root", "earlier_origin", "earlier_size"],
        "restore" => &["data", "files", "bytes", "size", "origin", "made_at", "keys", "old"],
        _ => &[],
    })
}

fn sentence(out: &Out, error: &Error) -> String {
    let get = |kind| value(error, kind).unwrap_or_default();
    let (arg, given, prior) =
        (get(ContextKind::InvalidArg), get(ContextKind::InvalidValue), get(ContextKind::PriorArg));
    let valid = get(ContextKind::ValidValue);
    let id = match error.kind() {
        ErrorKind::UnknownArgument => "usage-unknown",
        ErrorKind::InvalidSubcommand => {
            return out.text("usage-unknown-command", &[("command", get(ContextKind::InvalidSubcommand).into())]);
        }
        ErrorKind::InvalidValue if given.is_empty() => "usage-no-value",
        ErrorKind::InvalidValue if !valid.is_empty() => "usage-not-one-of",
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => "usage-value",
        ErrorKind::TooFewValues | ErrorKind::NoEquals | ErrorKind::WrongNumberOfValues => "usage-no-value",
        ErrorKind::ArgumentConflict if prior.is_empty() || prior == arg => "usage-twice",
        ErrorKind::ArgumentConflict => "usage-conflict",
        ErrorKind::MissingRequiredArgument => "usage-missing",
        ErrorKind::MissingSubcommand => "usage-missing-command",
        ErrorKind::InvalidUtf8 => "usage-utf8",
        _ => "usage-other",
    };
    out.text(id, &[("arg", arg.into()), ("value", given.into()), ("values", valid.into()), ("other", prior.into())])
}

/// What the parser says about one side of the error, made safe for a terminal.
fn value(error: &Error, kind: ContextKind) -> Option<String> {
    let safe = |text: &str| service::show_path(Path::new(text));
    match error.get(kind)? {
        ContextValue::String(text) => Some(safe(text)),
        ContextValue::Strings(texts) => Some(texts.iter().map(|t| safe(t)).collect::<Vec<_>>().join(", ")),
        ContextValue::StyledStr(text) => {
            Some(text.to_string().lines().map(|l| safe(l.trim())).collect::<Vec<_>>().join("\n"))
        }
        _ => None,
    }
    .filter(|text| !text.is_empty())
}
