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
