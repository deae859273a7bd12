//! The order of all times.
//!
//! Every token that is signed over its data takes part, trusted or not: a signed time may contradict
//! even where it proves nothing.

use crate::{
    Check, Outcome,
    check::{Added, Later, Signed, Stamp},
};
use evidence::{
    Error, Result,
    statement::Statement,
    time::{SECOND, Utc},
    token::Token,
};

/// A cosignature, and the latest token over the checkpoint that it stands on.
pub(crate) struct CosignedAt {
    witness: String,
    at: Utc,
    seal: Option<Utc>,
}

/// Slack of cosignatures and of the reader's clock.
const SLACK: i64 = 60 * SECOND;

/// Cosignatures under the reader's policy, of the first checkpoint and of the later ones.
pub(crate) fn cosignatures(main: &Result<Signed>, sealing: &[Stamp], later: &[Later]) -> Vec<CosignedAt> {
    // Without accuracy: the slack covers it.
    let latest =
        |stamps: &mut dyn Iterator<Item = &Stamp>| stamps.filter_map(|s| s.token.as_ref()).map(|t| t.gen_time).max();
    let mut all = Vec::new();
    let mut add = |signed: &Signed, seal: Option<Utc>| {
        for (witness, _, seconds) in signed.evaluation.iter().flat_map(|e| &e.cosigned) {
            let seconds = i64::try_from(*seconds).unwrap_or(i64::MAX);
            all.push(CosignedAt { witness: witness.clone(), at: Utc(seconds.saturating_mul(SECOND)), seal });
        }
    };
    if let Ok(main) = main {
        add(main, latest(&mut sealing.iter()));
    }
    for one in later {
        add(&one.signed, latest(&mut std::iter::once(&one.stamp)));
    }
    all
}

pub(crate) fn check(
    statement: Option<&Statement>,
    statement_tokens: &[Stamp],
    sealing: &[Stamp],
    added: &Added,
    cosigned: &[CosignedAt],
    now: Utc,
) -> Check {
    if statement.is_none() {
        return Check::new(
            "times",
            Outcome::NotChecked,
            "声明不成立，未比较时间。",
            "Not compared, as the statement does not hold.",
        );
    }
    let tokens = |stamps: &[Stamp]| stamps.iter().filter_map(|s| s.token.clone()).collect::<Vec<Token>>();
    let (first, second) = (tokens(statement_tokens), tokens(sealing));
    let order = in_order(statement, &first, &second, cosigned, now);
    let order = order.and_then(|()| added.tokens.iter().try_for_each(|sequence| not_back(&second, sequence)));
    let all = first.iter().chain(&second).chain(added.tokens.iter().flatten());
    let order = order.and_then(|()| all.into_iter().try_for_each(|t| not_ahead(t, now)));
    if let Err(e) = order {
        return Check::error("times", &e);
    }
    let verified = |stamps: &[Stamp]| stamps.iter().any(|s| s.verified.is_some());
    if !verified(statement_tokens) || !verified(sealing) {
        return Check::new(
            "times",
            Outcome::NotChecked,
            "没有可信的时间戳可供比较先后（或不全）。",
            "Trusted time-stamps to compare are missing, at least in part.",
        );
    }
    Check::new(
        "times",
        Outcome::Pass,
        "各个时间先后相符：先收到，再为声明盖时间戳，再见证，再封存；都不晚于核验者的时钟。",
        "All times are in order: received, stamped, cosigned, sealed; none is later than the reader's clock.",
    )
}

fn in_order(
    statement: Option<&Statement>,
    first: &[Token],
    second: &[Token],
    cosigned: &[CosignedAt],
    now: Utc,
) -> Result<()> {
    let text = |t: Utc| t.to_micros();
    for token in first {
        let latest = token.gen_time.plus(token.accuracy);
        if let Some(received) = statement.map(|s| s.received_at).filter(|r| *r > latest.plus(2 * SECOND)) {
            return Err(Error::mismatch(
                "received_at",
                text(received),
                format!("<= {}", text(latest.plus(2 * SECOND))),
            ));
        }
        let earliest = token.gen_time.plus(-token.accuracy);
        if let Some(seal) = second.iter().find(|s| earliest > s.gen_time.plus(s.accuracy)) {
            let (found, bound) = (text(seal.gen_time), text(earliest));
            return Err(Error::mismatch("genTime of the sealing token", found, format!(">= {bound}")));
        }
    }
    let from = first.iter().map(|t| t.gen_time).min().map(|t| t.plus(-SLACK));
    for one in cosigned {
        let until = one.seal.unwrap_or(now).plus(SLACK).min(now.plus(SLACK));
        if from.is_some_and(|f| one.at < f) || one.at > until {
            let found = format!("{} {}", one.witness, text(one.at));
            let from = from.map_or_else(String::new, |f| format!("{} <= ", text(f)));
            return Err(Error::mismatch("cosignature time", found, format!("{from}time <= {}", text(until))));
        }
    }
    Ok(())
}

/// What was added later was not stamped before the seals, nor before what had been added already.
fn not_back(sealing: &[Token], added: &[Token]) -> Result<()> {
    let mut bound = sealing.iter().map(|t| t.gen_time.plus(-t.accuracy)).max();
    for token in added {
        let latest = token.gen_time.plus(token.accuracy);
        if let Some(bound) = bound.filter(|b| latest < *b) {
            let bound = format!(">= {}", bound.to_micros());
            return Err(Error::mismatch("genTime of what was added later", latest.to_micros(), bound));
        }
        bound = bound.max(Some(token.gen_time.plus(-token.accuracy)));
    }
    Ok(())
}

fn not_ahead(token: &Token, now: Utc) -> Result<()> {
    let bound = now.plus(token.accuracy + SLACK);
    if token.gen_time <= bound {
        return Ok(());
    }
    let bound = format!("<= {} (the reader's clock)", bound.to_micros());
    Err(Error::mismatch("genTime", token.gen_time.to_micros(), bound))
}
