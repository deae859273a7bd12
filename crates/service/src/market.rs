//! Orders of an external service market, told by a webhook (docs/market.md).
//!
//! Rules:
//! - Nothing of a message is looked at before its signature fits: HMAC-SHA256 over time and body, compared in constant
//!   time, at most five minutes from now on either side.
//! - A message counts once, by its name; the same again is answered as before. Messages of an order may come in any
//!   order, and late: what stands follows from all of them.

use crate::{
    Error, Folder, Result,
    account::{Answer, Refusal, Why},
    activation::terms_of,
    clock,
    error::read_file,
    keys,
    seal::replace,
};
use evidence::{
    digest, hex,
    json::json,
    time::{SECOND, Utc},
};
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use std::path::Path;
use store::{Entitlement, MarketEvent, MarketRefusal, OWNER_ACCOUNT, OrderEvent, Taken};

/// Longest message, in bytes.
pub const MAX_MARKET: usize = 16 << 10;
/// How far a message's time may lie from now, in seconds.
const AROUND: i64 = 300;
/// In the data folder.
const SECRET: &str = "keys/market.secret";

/// A message's body.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    /// Its name.
    event: String,
    /// `order.paid`, `order.renewed`, `order.cancelled`, `order.refunded`.
    #[serde(rename = "type")]
    kind: String,
    order: String,
    account: i64,
    /// Of a period: what was bought, for how many months, from when.
    item: Option<String>,
    months: Option<u32>,
    begins_at: Option<String>,
    /// Of an end: from when.
    ends_at: Option<String>,
}

/// A new secret in place of any earlier one, hex: the market is given it.
pub fn new_market_secret(dir: &Path) -> Result<String> {
    if !dir.join("quezao.db").is_file() {
        let shown = crate::show_path(dir);
        return Err(Error::new(
            format!("{shown} 不是数据文件夹；请检查 --data"),
            format!("{shown} is not a data folder; check --data"),
        ));
    }
    let secret = hex::encode(&keys::random::<32>()?);
    replace(&dir.join(SECRET), secret.as_bytes(), 0o600)?;
    Ok(secret)
}

impl Folder {
    /// Takes a market's message; its answer, a JSON object. `timestamp` and `signature` as their headers have them.
    pub fn take_market(&self, timestamp: &str, signature: &str, body: &[u8]) -> Answer<String> {
        let now = clock::now();
        check(&self.market_secret()?, timestamp, signature, body, now)?;
        let taken = self.take_signed(body, now);
        if let Err(refusal) = &taken
            && !matches!(refusal.why, Why::Failed)
        {
            // That it cannot be kept makes no other answer.
            let _ = self.store.note_market_refusal(&refused(body, &refusal.error, now));
        }
        taken
    }

    fn take_signed(&self, body: &[u8], now: Utc) -> Answer<String> {
        let wrong = |e: serde_json::Error| {
            Refusal::field("body", format!("内容不符合约定（{e}）"), format!("the body is not as agreed ({e})"))
        };
        let told: Body = serde_json::from_slice(body).map_err(wrong)?;
        for (field, word) in [("event", &told.event), ("order", &told.order)] {
            if !(1..=128).contains(&word.len()) || !word.bytes().all(|b| b.is_ascii_graphic()) {
                let (zh, en) = ("须为 1 至 128 个可见的 ASCII 字符", "it has 1 to 128 visible ASCII characters");
                return Err(Refusal::field(field, zh, en));
            }
        }
        // A message that was answered is answered as it was, whatever is offered by now.
        let digest = digest::sha256(body);
        let taken = match self.store.event_taken(&told.event, &digest)? {
            Some(taken) => taken,
            None => self.store.take_event(&MarketEvent {
                id: &told.event,
                digest: &digest,
                number: &told.order,
                account: told.account,
                word: &told.kind,
                event: self.order_event(&told, now)?,
                at: now.0,
            })?,
        };
        match taken {
            Taken::Answered(stands) => Ok(answer(&told.order, &stands)),
            Taken::OtherEvent => Err(Refusal::new(
                Why::Conflict,
                "这个 event 已用于另一条消息",
                "another message had the name that this one has as its event",
            )),
            Taken::OtherAccount => {
                Err(Refusal::new(Why::Conflict, "这个订单属于另一个账户", "this order is another account's"))
            }
            Taken::NoAccount => Err(no_account(told.account)),
        }
    }

    fn order_event(&self, told: &Body, now: Utc) -> Answer<OrderEvent> {
        if told.account == OWNER_ACCOUNT {
            return Err(no_account(told.account));
        }
        let when = |field: &'static str, text: Option<&String>| {
            let text = text.map(String::as_str).unwrap_or_default();
            Utc::parse_micros(text).map_err(|_| {
                let shown = crate::show_path(Path::new(text));
                Refusal::field(
                    field,
                    format!("“{shown}”不是时间；应如 2026-11-24T03:04:59.000000Z"),
                    format!("\"{shown}\" is no time; it must be as 2026-11-24T03:04:59.000000Z"),
                )
            })
        };
        match told.kind.as_str() {
            "order.paid" | "order.renewed" => {
                let terms = terms_of(&self.dir, told.item.as_deref().unwrap_or_default(), told.months)?;
                let (given, grants) = terms.given(when("begins_at", told.begins_at.as_ref())?, terms.months);
                let given = Entitlement {
                    account: told.account,
                    source: "order".into(),
                    reference: told.order.clone(),
                    giver: self.runs().to_owned(),
                    created_at: now.0,
                    ..given
                };
                Ok(OrderEvent::Period(Box::new(given), grants))
            }
            "order.cancelled" => Ok(OrderEvent::Cancelled(when("ends_at", told.ends_at.as_ref())?.0)),
            "order.refunded" => Ok(OrderEvent::Refunded(when("ends_at", told.ends_at.as_ref())?.0)),
            _ => {
                let words = "order.paid, order.renewed, order.cancelled, order.refunded";
                Err(Refusal::field("type", format!("应为 {words} 之一"), format!("it is one of {words}")))
            }
        }
    }

    fn market_secret(&self) -> Answer<Vec<u8>> {
        let path = self.dir.join(SECRET);
        if !path.is_file() {
            let (zh, en) = ("这里没有接入服务市场", "no market is connected here");
            return Err(Refusal::new(Why::NotFound, zh, en));
        }
        let secret = read_file(&path)?.trim_ascii().to_vec();
        if secret.len() < 32 {
            return Err(Error::new(
                "keys/market.secret 过短；请用 quezao admin market-secret 重新生成",
                "keys/market.secret is too short; make another with quezao admin market-secret",
            )
            .into());
        }
        Ok(secret)
    }
}

/// Refuses what the market did not sign just now. Both cases read alike.
fn check(secret: &[u8], timestamp: &str, signature: &str, body: &[u8], now: Utc) -> Answer<()> {
    let refuse = || {
        Refusal::new(
            Why::SignIn,
            "签名不对，或时间与本机相差超过五分钟；请检查密钥与时钟后重新签名",
            "the signature does not fit, or its time is more than five minutes from ours; check secret and clock and sign anew",
        )
    };
    let digits = (1..=12).contains(&timestamp.len()) && timestamp.bytes().all(|b| b.is_ascii_digit());
    let at: i64 = timestamp.parse().ok().filter(|_| digits).ok_or_else(refuse)?;
    let told: [u8; 32] =
        signature.strip_prefix("v1=").and_then(|hex| hex::decode("signature", hex).ok()).ok_or_else(refuse)?;
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret).map_err(|_| refuse())?;
    mac.update(timestamp.as_bytes());
    mac.update(b".");
    mac.update(body);
    mac.verify_slice(&told).map_err(|_| refuse())?;
    if (at - now.0.div_euclid(SECOND)).abs() > AROUND {
        return Err(refuse());
    }
    Ok(())
}

/// What can be read of a message that is refused, for the operator: short, and in visible characters alone.
fn refused(body: &[u8], why: &Error, now: Utc) -> MarketRefusal {
    let told: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let word = |name: &str| -> String {
        let visible = told[name].as_str().unwrap_or_default().chars().filter(char::is_ascii_graphic);
        visible.take(128).collect()
    };
    let why = (why.zh.clone(), why.en.clone());
    let account = told["account"].as_i64().unwrap_or_default();
    let (event, number) = (word("event"), word("order"));
    MarketRefusal { event, word: word("type"), number, account, why, at: now.0, ..MarketRefusal::default() }
}

fn no_account(account: i64) -> Refusal {
    let (zh, en) =
        (format!("没有账户 {account}，或它已关闭"), format!("there is no account {account}, or it is closed"));
    Refusal::field("account", zh, en)
}

/// `active 2 1790000000000000` for programs.
fn answer(order: &str, stands: &str) -> String {
    let mut words = stands.split(' ');
    let (state, periods) = (words.next(), words.next().and_then(|n| n.parse::<u64>().ok()));
    let until = words.next().and_then(|n| n.parse::<i64>().ok()).filter(|n| *n > 0).map(|n| Utc(n).to_micros());
    json!({"order": order, "state": state, "periods": periods, "until": until}).to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn signed(secret: &[u8], timestamp: &str, body: &[u8]) -> String {
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret).unwrap();
        mac.update(format!("{timestamp}.").as_bytes());
        mac.update(body);
        format!("v1={}", hex::encode(&mac.finalize().into_bytes()))
    }

    #[test]
    fn a_message_is_the_markets_only_with_its_signature_and_its_time() {
        let (secret, body, now) = ([7; 32], b"{}", Utc(1_800_000_000 * SECOND));
        let fits =
            |timestamp: &str, signature: &str, body: &[u8]| check(&secret, timestamp, signature, body, now).is_ok();
        let good = signed(&secret, "1800000000", body);
        assert!(fits("1800000000", &good, body));
        for away in ["1799999700", "1800000300"] {
            assert!(fits(away, &signed(&secret, away, body), body), "{away}");
        }
        for away in ["1799999699", "1800000301", "", "-1", "+1800000000", "18000000000000000000", "1800000000.0"] {
            assert!(!fits(away, &signed(&secret, away, body), body), "{away}");
        }
        assert!(!fits("1800000001", &good, body) && !fits("1800000000", &good, b"{} "));
        assert!(!fits("1800000000", &signed(&[8; 32], "1800000000", body), body));
        for bad in [&good[3..], &good[..60], "v1=", "", &good.to_uppercase(), &format!("{good}00")] {
            assert!(!fits("1800000000", bad, body), "{bad}");
        }
    }
}
