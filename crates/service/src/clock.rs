//! The platform's own clock, and how it stands against the operator's time servers.
//!
//! Rules:
//! - A comparison serves for a while, and for the boot in which it was made; a clock that was set meanwhile is
//!   compared again.
//! - Where more than half of the servers that answer agree, the nearest of them is named, and the others are told of.
//!   Where they do not, the statement says that nobody compared: one of several liars is no time.
//! - What is further off than the operator allows registers nothing.

use crate::{
    Error, Folder, Result, Warnings,
    config::{self, Clock as Settings},
};
use ::capture::{Measured, ask_time_servers};
use evidence::{statement::Clock, time::Utc};
use serde::{Deserialize, Serialize};
use std::{
    fs,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// Where the last comparison lies in the database.
const META: &str = "clock-comparison";
/// Beside half of the round trip: how far two right servers may lie apart, microseconds.
const SLACK: i64 = 50_000;
/// A clock that moved so far against the machine's running time was set, microseconds.
const STEP: i64 = 500_000;
/// How long nobody is asked after nobody answered.
const QUIET: Duration = Duration::from_secs(60);

/// Now, by this machine's clock. Before 1970 it is 1970: the folder's own records then show the fault.
pub(crate) fn now() -> Utc {
    let micros = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_micros());
    Utc(i64::try_from(micros).unwrap_or(i64::MAX))
}

/// What `admin clock` sets; `None` leaves a setting as it is.
#[derive(Clone, Debug, Default)]
pub struct ClockSettings {
    /// `HOST` or `HOST:PORT`; an empty list ends comparing.
    pub servers: Option<Vec<String>>,
    /// Milliseconds beyond which nothing is registered.
    pub limit_ms: Option<u64>,
    /// How long a comparison serves.
    pub every_minutes: Option<u64>,
}

/// One server's answer.
#[derive(Clone, Debug, Serialize)]
pub struct ServerAnswer {
    /// As the operator named it.
    pub server: String,
    /// This machine's clock minus the server's, microseconds.
    pub offset_us: Option<i64>,
    /// The offset is known to half of it, microseconds.
    pub round_trip_us: Option<i64>,
    /// 1 to 15.
    pub stratum: Option<u8>,
    /// With more than half of those that answered; `None` where there is no such half.
    pub agrees: Option<bool>,
    /// Why there is no answer.
    pub unanswered: Option<String>,
}

/// How the clock stands.
#[derive(Clone, Debug, Serialize)]
pub struct ClockCheck {
    /// All that were asked, in the operator's order.
    pub servers: Vec<ServerAnswer>,
    /// The server that a statement would name.
    pub source: Option<String>,
    /// This machine's clock minus that server's, microseconds.
    pub offset_us: Option<i64>,
    /// The operator's limit, milliseconds.
    pub limit_ms: u64,
    /// How long a comparison serves, minutes.
    pub every_minutes: u64,
    /// Why nothing would be registered, or would be without a comparison.
    pub error: Option<Error>,
}

/// A folder's comparing.
pub(crate) struct Comparing {
    settings: Settings,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    last: Option<Last>,
    quiet_until: Option<Instant>,
    /// For the next record's line.
    unsaid: Warnings,
}

/// A comparison within the limit, as the database keeps it.
#[derive(Clone, Serialize, Deserialize)]
struct Last {
    source: String,
    offset_us: i64,
    /// By this machine's clock.
    at: i64,
    boot: String,
    /// Microseconds that the machine had been running.
    running: i64,
}

impl Comparing {
    pub(crate) fn new(settings: Settings) -> Self {
        Self { settings, state: Mutex::default() }
    }

    /// What is to be said of the clock since this was last asked.
    pub(crate) fn unsaid(&self) -> Warnings {
        std::mem::take(&mut self.lock().unsaid)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Folder {
    /// The time servers that this folder compares its clock with.
    pub(crate) fn time_servers(&self) -> &[String] {
        &self.comparing.settings.servers
    }

    /// How the clock stands, for a statement: compared now, or lately. An error: further off than the operator allows.
    pub(crate) fn compared_clock(&self) -> Result<Clock> {
        let settings = &self.comparing.settings;
        if settings.is_off() {
            return Ok(Clock::Unchecked);
        }
        let mut state = self.comparing.lock();
        if state.last.is_none() {
            state.last = self.store.meta(META)?.and_then(|json| serde_json::from_str(&json).ok());
        }
        if let Some(last) = state.last.as_ref().filter(|last| last.serves(settings)) {
            return Ok(last.clock());
        }
        if state.quiet_until.is_some_and(|until| Instant::now() < until) {
            return Ok(Clock::Unchecked);
        }
        let answers = ask_time_servers(&settings.servers);
        let judged = judge(&answers);
        within(&judged, &answers, settings)?;
        state.unsaid.extend(told(&judged, &answers, settings));
        let Judged::Agreed { best, .. } = judged else {
            state.quiet_until = Some(Instant::now() + QUIET);
            return Ok(Clock::Unchecked);
        };
        let (boot, running) = running();
        let last = Last { source: best.source, offset_us: best.offset_us, at: best.at, boot, running };
        self.store.set_meta(META, &serde_json::to_string(&last).unwrap_or_default())?;
        let clock = last.clock();
        state.last = Some(last);
        Ok(clock)
    }

    /// Sets what is given in `[clock]`; it holds from the next opening on.
    pub fn set_clock(&self, wanted: &ClockSettings) -> Result<()> {
        self.writer()?;
        let mut config = config::read(&self.dir)?;
        let clock = &mut config.clock;
        if let Some(servers) = &wanted.servers {
            clock.servers.clone_from(servers);
        }
        clock.limit_ms = wanted.limit_ms.unwrap_or(clock.limit_ms);
        clock.every_minutes = wanted.every_minutes.unwrap_or(clock.every_minutes);
        clock.check()?;
        config::write(&self.dir, &config)?;
        // Another server's word is not this one's.
        self.store.set_meta(META, "")?;
        Ok(())
    }

    /// Asks every server now, and keeps nothing.
    pub fn check_clock(&self) -> Result<ClockCheck> {
        let settings = config::read(&self.dir)?.clock;
        let answers = ask_time_servers(&settings.servers);
        let judged = judge(&answers);
        let lines = settings.servers.iter().zip(&answers).enumerate().map(|(n, (server, answer))| {
            let measured = answer.as_ref().ok();
            ServerAnswer {
                server: server.clone(),
                offset_us: measured.map(|m| m.offset_us),
                round_trip_us: measured.map(|m| m.delay_us),
                stratum: measured.map(|m| m.stratum),
                agrees: match &judged {
                    Judged::Agreed { off, .. } if measured.is_some() => Some(!off.contains(&n)),
                    _ => None,
                },
                unanswered: answer.as_ref().err().cloned(),
            }
        });
        let servers = lines.collect();
        let unsure = || told(&judged, &answers, &settings).pop().map(|(zh, en)| Error::new(zh, en));
        let error = match within(&judged, &answers, &settings) {
            Err(error) => Some(error),
            Ok(()) if matches!(judged, Judged::Agreed { .. }) || settings.is_off() => None,
            Ok(()) => unsure(),
        };
        let best = if let Judged::Agreed { best, .. } = judged { Some(best) } else { None };
        Ok(ClockCheck {
            servers,
            source: best.as_ref().map(|m| m.source.clone()),
            offset_us: best.map(|m| m.offset_us),
            limit_ms: settings.limit_ms,
            every_minutes: settings.every_minutes,
            error,
        })
    }
}

impl Last {
    fn clock(&self) -> Clock {
        Clock::Checked { source: self.source.clone(), offset_us: self.offset_us, at: Utc(self.at) }
    }

    fn serves(&self, settings: &Settings) -> bool {
        let (boot, running) = running();
        let past = running - self.running;
        let every = i64::try_from(settings.every_minutes).unwrap_or(i64::MAX).saturating_mul(60_000_000);
        let moved = (now().0 - self.at).saturating_sub(past).saturating_abs();
        settings.servers.contains(&self.source)
            && self.offset_us.unsigned_abs() <= settings.limit_ms.saturating_mul(1000)
            && self.boot == boot
            && (0..every).contains(&past)
            && moved < STEP
    }
}

/// What the answers come to.
#[derive(Debug, PartialEq)]
enum Judged {
    Agreed {
        /// Of those that agree, the one with the shortest way.
        best: Measured,
        /// Places of those that say otherwise.
        off: Vec<usize>,
    },
    Split,
    Nobody,
}

fn judge(answers: &[std::result::Result<Measured, String>]) -> Judged {
    let given: Vec<(usize, &Measured)> =
        answers.iter().enumerate().filter_map(|(n, answer)| Some((n, answer.as_ref().ok()?))).collect();
    if given.is_empty() {
        return Judged::Nobody;
    }
    let half = |m: &Measured| m.delay_us / 2 + SLACK;
    let holds = |m: &Measured, offset: i64| m.offset_us.saturating_sub(offset).saturating_abs() <= half(m);
    // An offset at which most may be right is found at some interval's lower end.
    let ends = given.iter().map(|(_, m)| m.offset_us.saturating_sub(half(m)));
    let agreeing = ends.map(|end| given.iter().filter(|(_, m)| holds(m, end)).copied().collect::<Vec<_>>());
    let most = agreeing.max_by_key(Vec::len).unwrap_or_default();
    if most.len() * 2 <= given.len() {
        return Judged::Split;
    }
    let off = given.iter().map(|(n, _)| *n).filter(|n| !most.iter().any(|(m, _)| m == n)).collect();
    match most.iter().min_by_key(|(_, m)| m.delay_us) {
        Some((_, best)) => Judged::Agreed { best: (*best).clone(), off },
        None => Judged::Nobody,
    }
}

/// Refused where the chosen server, or, without a choice, every server says that the clock is too far off.
fn within(judged: &Judged, answers: &[std::result::Result<Measured, String>], settings: &Settings) -> Result<()> {
    let beyond = |m: &&Measured| m.offset_us.unsigned_abs() > settings.limit_ms.saturating_mul(1000);
    let nearest = answers.iter().flatten().min_by_key(|m| m.offset_us.unsigned_abs());
    let said = match judged {
        Judged::Agreed { best, .. } => Some(best),
        Judged::Split => nearest,
        Judged::Nobody => None,
    };
    let Some(said) = said.filter(beyond) else { return Ok(()) };
    let (ahead, behind) = if said.offset_us > 0 { ("快", "ahead of") } else { ("慢", "behind") };
    let (apart, limit) = (seconds(said.offset_us.saturating_abs()), settings.limit_ms);
    Err(Error::new(
        format!(
            "本机时钟比 {} {ahead} {apart} 秒，超过允许的 {limit} 毫秒，未登记任何内容；请校准系统时钟（例如 timedatectl set-ntp true）后重试，或在 quezao.toml 的 [clock] 中更改 limit_ms",
            said.source
        ),
        format!(
            "this machine's clock is {apart} s {behind} {}, more than the {limit} ms that are allowed, so nothing was registered; set the clock (for example timedatectl set-ntp true) and try again, or change limit_ms in [clock] of quezao.toml",
            said.source
        ),
    ))
}

/// Servers that did not answer, or said something else.
fn told(judged: &Judged, answers: &[std::result::Result<Measured, String>], settings: &Settings) -> Warnings {
    let said = |places: &mut dyn Iterator<Item = usize>| {
        let one = |n: usize| match &answers[n] {
            Ok(m) => format!("{}: {:+} ms", settings.servers[n], m.offset_us / 1000),
            Err(why) => format!("{}: {why}", settings.servers[n]),
        };
        places.map(one).collect::<Vec<_>>().join("; ")
    };
    match judged {
        Judged::Agreed { off, .. } if off.is_empty() => Vec::new(),
        Judged::Agreed { best, off } => {
            let off = said(&mut off.iter().copied());
            vec![(
                format!("有时间服务器与多数不一致（{off}）；以 {} 为准，请检查或移除不一致的", best.source),
                format!(
                    "time servers that disagree with most of the others ({off}); {} counts; look into them, or remove them",
                    best.source
                ),
            )]
        }
        Judged::Split => {
            let all = said(&mut (0..answers.len()));
            vec![(
                format!("时间服务器互不一致，没有多数（{all}）；声明写明时钟未经比对，请在 [clock] 中至少设置三台"),
                format!(
                    "the time servers disagree and there is no majority ({all}); statements say that the clock was not compared; name at least three in [clock]"
                ),
            )]
        }
        Judged::Nobody => {
            let all = said(&mut (0..answers.len()));
            vec![(
                format!("没有时间服务器应答（{all}）；声明写明时钟未经比对，请检查网络或 [clock] 中的地址"),
                format!(
                    "no time server answered ({all}); statements say that the clock was not compared; check the network, or the addresses in [clock]"
                ),
            )]
        }
    }
}

fn seconds(micros: i64) -> String {
    format!("{}.{:03}", micros / 1_000_000, micros / 1000 % 1000)
}

/// This boot's name and how long it has lasted, in microseconds: neither moves with the clock. Where the kernel does
/// not say, no comparison is used twice.
fn running() -> (String, i64) {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let uptime = fs::read_to_string("/proc/uptime").unwrap_or_default();
    let mut parts = uptime.split(['.', ' ']);
    let mut part = || parts.next().and_then(|p| p.parse::<i64>().ok());
    match (part(), part()) {
        (Some(whole), Some(hundredths)) => (boot.trim().to_owned(), whole * 1_000_000 + hundredths * 10_000),
        _ => (boot, -1 - now().0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(offset_us: i64, delay_us: i64) -> std::result::Result<Measured, String> {
        Ok(Measured { source: format!("{offset_us}/{delay_us}"), offset_us, delay_us, stratum: 2, at: 0 })
    }

    #[test]
    fn most_count_and_the_nearest_of_them_is_named() {
        let answers = [said(0, 900), said(3_000_000, 10), said(1_000, 300), Err("no answer".into())];
        let Judged::Agreed { best, off } = judge(&answers) else { panic!("{:?}", judge(&answers)) };
        assert_eq!((best.source.as_str(), off), ("1000/300", vec![1]));
        assert_eq!(judge(&[said(0, 10), said(3_000_000, 10)]), Judged::Split);
        assert_eq!(judge(&[Err("a".into())]), Judged::Nobody);
        assert_eq!(judge(&[said(i64::MIN, 0), said(i64::MAX, i64::MAX)]), Judged::Split);
    }

    #[test]
    fn beyond_the_limit_is_refused_also_where_they_only_agree_in_that() {
        let settings = |limit_ms| Settings { servers: vec!["a".into(), "b".into()], limit_ms, every_minutes: 60 };
        let answers = [said(-10_000_000, 10), said(-3_000_000, 10)];
        let error = within(&judge(&answers), &answers, &settings(2_999)).expect_err("both say so");
        assert!(error.en.contains("3.000 s behind"), "{}", error.en);
        assert!(within(&judge(&answers), &answers, &settings(3_000)).is_ok(), "one says that it is near");
    }

    #[test]
    fn a_comparison_serves_its_time_its_boot_and_its_server() {
        let (boot, running) = running();
        let last = Last { source: "a".into(), offset_us: 1_000, at: now().0, boot, running };
        let settings = Settings { servers: vec!["a".into()], limit_ms: 1, every_minutes: 1 };
        assert!(last.serves(&settings));
        let minute = 60_000_000;
        let old = Last { at: last.at - minute, running: last.running - minute, ..last.clone() };
        let (set, other) = (Last { at: last.at - minute, ..last.clone() }, Last { boot: "b".into(), ..last.clone() });
        let (far, gone) = (Last { offset_us: -1_001, ..last.clone() }, Last { source: "c".into(), ..last.clone() });
        for not in [old, set, other, far, gone] {
            assert!(!not.serves(&settings));
        }
    }
}
