//! The operator's queues, letters, orders, bytes and the house's health, across accounts.
//!
//! Rules:
//! - Accounts stand here by their numbers and counts. Which pages a merchant has captured, where its hooks lie beyond the
//!   host, what its records are called: none of that is needed to run the house, so it is not shown.
//! - What is tried anew or given up for somebody stands in both audit logs.

use super::{Actor, Answer, Permission, Refusal, Why};
use crate::{AuthorityState, Finding, Folder, Result, Terms, clock, gauges::Gauges};
use evidence::time::Utc;
use store::{MarketRefusal, Order, QueueOf, StorageOf};

/// Lines of one page.
pub const ROOM_PAGE: u32 = 50;
/// Most messages that are tried anew at once.
const REVIVED: u32 = 1000;
/// Fewer free bytes than this is worth a word.
const SCARCE: u64 = 1 << 30;
/// A seal that is later than this, in seconds, is worth a word.
const LATE: u64 = 120;

/// The queue of captures.
#[derive(Clone, Debug)]
pub struct QueueShown {
    /// Accounts with pages in it.
    pub accounts: Vec<QueueOf>,
    /// Pages that were ever asked for, by state.
    pub states: Vec<(String, u64)>,
}

/// A message that was given up.
#[derive(Clone, Debug)]
pub struct DeadShown {
    /// Number.
    pub id: i64,
    /// Whose hook.
    pub account: i64,
    /// The host that it goes to; nothing more of the address, which may be a secret.
    pub host: String,
    /// Its type.
    pub event: String,
    /// How often it was tried.
    pub tries: u32,
    /// Why the last try failed, (zh, en).
    pub error: Option<(String, String)>,
    /// Last tried.
    pub tried_at: Option<Utc>,
}

/// What an order gave.
#[derive(Clone, Debug)]
pub struct GivenShown {
    /// Its terms on the day on which it was given.
    pub terms: Terms,
    /// First moment.
    pub begins_at: Utc,
    /// First moment no more; not after the first where it was undone.
    pub expires_at: Utc,
}

/// Orders of the market, and what was refused.
#[derive(Clone, Debug)]
pub struct OrdersShown {
    /// The newest first, each with what it gave.
    pub orders: Vec<(Order, Vec<GivenShown>)>,
    /// The newest first.
    pub refused: Vec<MarketRefusal>,
}

/// Bytes of the house.
#[derive(Clone, Debug)]
pub struct Bytes {
    /// Kept originals, as last counted.
    pub originals: u64,
    /// Database and its log.
    pub database: u64,
    /// Free where the folder lies.
    pub free: u64,
    /// Accounts that hold any, the most first.
    pub accounts: Vec<StorageOf>,
}

/// How the house stands.
#[derive(Clone, Debug)]
pub struct Health {
    /// What `/readyz` answers: nothing is missing, or these witnesses are.
    pub missing: Vec<String>,
    /// In words.
    pub findings: Vec<Finding>,
    /// In numbers.
    pub gauges: Gauges,
    /// Time authorities from outside.
    pub authorities: Vec<AuthorityState>,
}

impl Folder {
    /// The queue of captures, by account.
    pub fn queue_shown(&self, actor: &Actor) -> Answer<QueueShown> {
        self.allow(actor, Permission::Operate)?;
        Ok(QueueShown { accounts: self.store.queue_standing(ROOM_PAGE)?, states: self.store.counts()?.captures })
    }

    /// Messages to web hooks that were given up, below this number.
    pub fn dead_letters(&self, actor: &Actor, below: i64) -> Answer<Vec<DeadShown>> {
        self.allow(actor, Permission::Operate)?;
        let shown = |dead: store::Dead| DeadShown {
            host: crate::hooks::host_of(&dead.url),
            id: dead.id,
            account: dead.account,
            event: dead.event,
            tries: dead.tries,
            error: dead.error,
            tried_at: dead.tried_at.map(Utc),
        };
        Ok(self.store.dead_messages(below, ROOM_PAGE)?.into_iter().map(shown).collect())
    }

    /// Tries one of them anew, or takes it away for good.
    pub fn settle_letter(&self, actor: &Actor, id: i64, again: bool) -> Answer<()> {
        let person = self.allow(actor, Permission::Operate)?;
        let act = actor.act(person, if again { "letter-again" } else { "letter-drop" }, "");
        if !self.store.settle_dead(id, again, &act)? {
            let (zh, en) =
                ("没有这封未送达的消息，或它已重新投递", "there is no such message, or it is on its way again");
            return Err(Refusal::new(Why::NotFound, zh, en));
        }
        Ok(())
    }

    /// Tries all of them anew; how many.
    pub fn settle_letters(&self, actor: &Actor) -> Answer<u64> {
        let person = self.allow(actor, Permission::Operate)?;
        Ok(self.store.revive_dead(REVIVED, &actor.act(person, "letter-again", ""))?)
    }

    /// Orders that were first heard of before this moment, and the market's messages that were refused.
    pub fn orders_shown(&self, actor: &Actor, before: i64) -> Answer<OrdersShown> {
        self.allow(actor, Permission::Operate)?;
        let mut orders = Vec::new();
        for shown in self.store.orders_before(before, ROOM_PAGE)? {
            let given = |p: store::Period| -> Result<GivenShown> {
                let (begins_at, expires_at) = (Utc(p.begins_at), Utc(p.expires_at));
                Ok(GivenShown { terms: Terms::of_json(&p.terms)?, begins_at, expires_at })
            };
            orders.push((shown.order, shown.periods.into_iter().map(given).collect::<Result<_>>()?));
        }
        Ok(OrdersShown { orders, refused: self.store.market_refusals(ROOM_PAGE)? })
    }

    /// Bytes, by account.
    pub fn bytes_held(&self, actor: &Actor) -> Answer<Bytes> {
        self.allow(actor, Permission::Operate)?;
        let gauges = self.gauges()?;
        let accounts = self.store.storage_standing(clock::now().0, 2 * ROOM_PAGE)?;
        let (originals, database, free) = (gauges.original_bytes, gauges.store_bytes, gauges.free_bytes);
        Ok(Bytes { originals, database, free, accounts })
    }

    /// How the house stands, in words and numbers.
    pub fn health(&self, actor: &Actor) -> Answer<Health> {
        self.allow(actor, Permission::Operate)?;
        let (missing, gauges) = (self.missing_witnesses()?, self.gauges()?);
        let authorities = self.list_authorities()?;
        let mut findings = Vec::new();
        let mut say = |level, subject, zh: String, en: String| findings.push(Finding { level, subject, zh, en });
        if missing.is_empty() {
            say(
                "ok",
                "ready",
                "数据文件夹已打开，数据库有应答".into(),
                "the folder is open and the database answers".into(),
            );
        } else {
            let names = missing.join(", ");
            say(
                "problem",
                "ready",
                format!("见证节点没有签署：{names}；新的记录在等待，其余照常"),
                format!("these witnesses do not sign: {names}; new records wait, everything else goes on"),
            );
        }
        let free = crate::bytes_shown(gauges.free_bytes);
        let scarce = gauges.free_bytes < SCARCE;
        say(
            if scarce { "problem" } else { "ok" },
            "disk",
            if scarce { format!("磁盘只剩 {free}；请扩容或清理") } else { format!("磁盘还有 {free}") },
            if scarce {
                format!("only {free} are free on the disk; make room")
            } else {
                format!("{free} free on the disk")
            },
        );
        let (pending, late) = (gauges.pending, gauges.sealing_lag > LATE);
        let lag = gauges.sealing_lag;
        say(
            if late { "problem" } else { "ok" },
            "seal",
            if late {
                format!("最早未盖章的记录已等 {lag} 秒；请查看下面的时间机构")
            } else {
                "账本的检查点已盖时间戳".into()
            },
            if late {
                format!("the oldest record without a seal has waited {lag} s; look at the time authorities below")
            } else {
                "the ledger's checkpoints are sealed".into()
            },
        );
        if pending > 0 {
            say(
                "warning",
                "pending",
                format!("{pending} 条记录还在等时间戳或账本"),
                format!("records that wait for a time-stamp or the ledger: {pending}"),
            );
        }
        for authority in authorities.iter().filter(|a| matches!(a.state, "resting" | "failing")) {
            let (name, reason) = (&authority.name, authority.reason.as_deref().unwrap_or("—"));
            say(
                "problem",
                "authority",
                format!("时间机构 {name} 没有给出时间戳：{reason}"),
                format!("the time authority {name} gives no tokens: {reason}"),
            );
        }
        let dead = self.store.message_counts()?.0;
        if dead > 0 {
            say(
                "warning",
                "letters",
                format!("{dead} 条回调消息未能送达"),
                format!("messages to web hooks that were given up: {dead}"),
            );
        }
        let dead = self.store.dead_mail()?;
        if dead > 0 {
            say("warning", "mail", format!("{dead} 封邮件未能发出"), format!("letters that were not sent: {dead}"));
        }
        Ok(Health { missing, findings, gauges, authorities })
    }
}
