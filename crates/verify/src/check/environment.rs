//! What the capturing system says of itself: its red flags, told on. It is that system's own word, whichever way it turns.

use super::capture::in_words;
use crate::{Check, Outcome, verdict::clean};
use archive::wacz::{Source, Wacz};
use evidence::json::Value;

const ID: &str = "capture-environment";
/// Most bytes of `operations`.
const MAX_OPERATIONS: u64 = 64 << 20;
/// Flags that are told; the rest is counted.
const TOLD: usize = 8;
/// Most characters of one.
const SENTENCE: usize = 400;

/// How the capture ended, by its own log: `detail` of its result. `None`: the file has no such word.
pub(super) fn result(read: &Wacz, source: &mut dyn Source) -> Option<Value> {
    let bytes = read.payload(source, read.find("operations")?, MAX_OPERATIONS).map_err(in_words).ok()?;
    last(&bytes)
}

/// Of the last line that is a result, wherever it stands: the certificate reads it so too.
fn last(operations: &[u8]) -> Option<Value> {
    let result = |line: &[u8]| {
        let mut line: Value = serde_json::from_slice(line).ok()?;
        (line["operation"] == "result").then(|| line["detail"].take())
    };
    operations.rsplit(|b| *b == b'\n').find_map(result)
}

/// Its red flags; `None`: it does not say whether there were any.
pub(super) fn check(result: &Value) -> Option<Check> {
    told(result).map(Check::optional)
}

fn told(result: &Value) -> Option<Check> {
    let flags = result["red_flags"].as_array()?;
    if flags.is_empty() {
        return Some(Check::new(
            ID,
            Outcome::Pass,
            "取证系统自报没有危险信号。这是它自己的话。",
            "The capturing system reports no red flag of its own. That is its own word.",
        ));
    }
    let list = |lang: &str| {
        let all = flags.iter().take(TOLD).map(|flag| flag[lang].as_str().unwrap_or("?"));
        let all: Vec<String> = all.map(|text| text.chars().take(SENTENCE).collect()).collect();
        let more = flags.len().saturating_sub(TOLD);
        clean(all.join(if lang == "zh" { "；" } else { "; " }))
            + &if more > 0 { format!(" … +{more}") } else { String::new() }
    };
    let n = flags.len();
    Some(Check::new(
        ID,
        Outcome::Limited,
        format!("取证系统自报 {n} 个危险信号：{}。", list("zh")),
        format!("The capturing system itself reports red flags ({n}): {}.", list("en")),
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn said(operations: &str) -> Option<Check> {
        told(&last(operations.as_bytes())?)
    }

    #[test]
    fn red_flags_are_told_on_and_a_file_without_them_says_nothing() {
        let flagged = "{\"operation\":\"step\"}\n{\"operation\":\"result\",\"detail\":{\"red_flags\":[{\"code\":\"x\",\
            \"zh\":\"甲\\u202e\",\"en\":\"one\"},{\"code\":\"y\",\"zh\":\"乙\"}]}}\n";
        let check = said(flagged).unwrap();
        assert_eq!((check.result, check.zh.contains('\u{202e}')), (Outcome::Limited, false));
        assert!(check.en.ends_with("(2): one; ?."), "{}", check.en);
        let behind = format!("{flagged}{{\"operation\":\"step\"}}\n");
        assert_eq!(said(&behind).unwrap().result, Outcome::Limited, "a line behind hides nothing");
        let clear = "{\"operation\":\"result\",\"detail\":{\"red_flags\":[]}}";
        assert_eq!(said(clear).unwrap().result, Outcome::Pass);
        for none in ["", "\n", "{}", "[1]", "{\"operation\":\"step\",\"detail\":{\"red_flags\":[]}}", "\u{fffd}"] {
            assert!(said(none).is_none(), "{none}");
        }
        let many = format!("{{\"operation\":\"result\",\"detail\":{{\"red_flags\":[{}0]}}}}", "{},".repeat(99));
        assert!(said(&many).unwrap().en.contains("(100): ?") && said(&many).unwrap().en.len() < 500);
    }
}
