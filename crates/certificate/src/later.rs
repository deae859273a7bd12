//! What the owner claimed later, as a line under what he claimed first. Each stands with the time of its own token.

use crate::{
    held::second,
    instant::Instant,
    sheet::{Claim, Words},
};
use verify::Related;

/// The line of a later record that holds.
pub(crate) fn claim(related: &Related) -> Claim {
    let (zh, en) = related.said();
    let at = second(related.t1.by());
    // It was just written in the form that is read here.
    let at = Instant::parse("time", &at).map_or(at, |t| t.local());
    let value = Words::new(
        format!("不晚于 {at} (UTC+8)：{zh}（存证编号 {}）", related.id),
        format!("No later than {at} (UTC+8): {en} (record {})", related.id),
    );
    Claim { label: Words::new("后来的声明", "Claimed later"), value }
}
