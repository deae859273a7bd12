//! The witnesses of a folder's policy, asked over HTTP (C2SP tlog-witness), and how each fares.
//!
//! Rules:
//! - What comes back is checked as a reader would: a signature of a key that the policy names for this witness, over this
//!   checkpoint, with a time that its seal can stand beside. What others signed is left out; what does not verify, comes
//!   late or long is refused, and said.
//! - Nothing is followed: no redirect, no proxy of the environment.
//! - How each fared is kept in the database, at a change and now and then, so that other processes see it too.

use crate::{Error, Folder, Result, clock, error::read_file, folder::ledger_error, policy, show_path, web};
use evidence::{
    cosignature, hex,
    merkle::Hash,
    note::{MAX_NOTE, Note, SignatureLine, VerifierKey},
    policy::Policy,
    time::{SECOND, Utc},
};
use ledger::{Answer, Event};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    io::Read,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// For one request; the seal waits shorter.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How far a cosignature's time may lie from this machine's clock: half of what a verdict allows.
const CLOCK_SLACK: u64 = 30;
/// What did not change is written down at most so often.
const NOTED: Duration = Duration::from_secs(10);
/// Where, below its submission prefix, a witness may show what it cosigned: C2SP leaves that open, and a policy has one
/// address. The second is where `quezao node` does.
const MONITORING: [&str; 2] = ["", "/witness"];
/// Of a witness's own words.
const MAX_REASON: usize = 200;

/// A witness of the policy, and how it fares. Also the keys of `admin policy status --json`.
#[derive(Clone, Debug, Serialize)]
pub struct WitnessState {
    /// In the policy.
    pub name: String,
    /// Whose it is, by this folder's trust.
    pub institution: String,
    /// As in `roles.json`.
    pub role: &'static str,
    /// Where it is asked.
    pub url: String,
    /// `unused`, `cosigning`, `missing`, `disagrees`.
    pub state: &'static str,
    /// Leaves of the checkpoint that it last cosigned.
    pub size: Option<u64>,
    /// When, as `received_at`.
    pub cosigned_at: Option<String>,
    /// Published leaves that it has not cosigned.
    pub lag: u64,
    /// Failures since then.
    pub failures: u32,
    /// The last failure's reason.
    pub reason: Option<String>,
    /// What it held where it held another tree than ours: an alarm, which stays.
    pub disagrees: Option<String>,
}

/// How far the quorum reaches.
#[derive(Clone, Debug, Serialize)]
pub struct QuorumState {
    /// In words; `none` asks for nobody.
    pub quorum: String,
    /// Published leaves.
    pub size: u64,
    /// Leaves under a seal that meets it.
    pub final_size: u64,
    /// In the policy's order.
    pub witnesses: Vec<WitnessState>,
}

/// What is remembered of a witness. Times are microseconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Remembered {
    size: Option<u64>,
    cosigned_at: Option<i64>,
    failures: u32,
    reason: Option<String>,
    disagrees: Option<String>,
}

impl Remembered {
    fn of(store: &store::Store, name: &str) -> Result<Self> {
        let json = store.meta(&key(name))?;
        Ok(json.and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default())
    }

    fn state(&self) -> &'static str {
        match self {
            Self { disagrees: Some(_), .. } => "disagrees",
            Self { failures: 1.., .. } => "missing",
            Self { size: None, .. } => "unused",
            _ => "cosigning",
        }
    }
}

pub(crate) fn forget(store: &store::Store, name: &str) -> Result<()> {
    Ok(store.set_meta(&key(name), "")?)
}

fn key(name: &str) -> String {
    format!("witness-{name}")
}

/// The witnesses of `trust/policy`, for the ledger.
pub(crate) struct Council {
    pub(crate) witnesses: Vec<Arc<dyn ledger::Witness>>,
    pub(crate) policy: Option<Policy>,
}

/// One at each address; an institution's keys of both types are asked for at once.
pub(crate) fn council(dir: &Path, origin: &str) -> Result<Council> {
    let path = dir.join("trust/policy");
    let asked = policy::asked(&read_file(&path)?).map_err(|e| {
        let shown = show_path(&path);
        Error::new(format!("{shown}：{}", e.zh), format!("{shown}: {}", e.en))
    })?;
    if asked.witnesses.is_empty() {
        return Ok(Council { witnesses: Vec::new(), policy: None });
    }
    let mut at: Vec<(String, String, Vec<VerifierKey>)> = Vec::new();
    for (name, key, url) in asked.witnesses {
        match at.iter_mut().find(|(_, other, _)| *other == url) {
            Some((_, _, keys)) => keys.push(key),
            None => at.push((name, url, vec![key])),
        }
    }
    let origin = hex::encode(&evidence::digest::sha256(origin.as_bytes()));
    let secure = at.iter().any(|(_, url, _)| url.starts_with("https:"));
    let config = ureq::Agent::config_builder()
        .max_redirects(0)
        .http_status_as_error(false)
        .proxy(None)
        .user_agent(concat!("quezao/", env!("CARGO_PKG_VERSION")))
        .max_response_header_size(16 << 10)
        .max_idle_connections_per_host(1)
        .timeout_global(Some(TIMEOUT));
    let agent = match secure {
        true => config.tls_config(web::web_tls()?),
        false => config,
    }
    .build()
    .new_agent();
    let witnesses = at.into_iter().map(|(name, url, keys)| {
        Arc::new(Remote { name, url, keys, origin: origin.clone(), agent: agent.clone() }) as Arc<dyn ledger::Witness>
    });
    Ok(Council { witnesses: witnesses.collect(), policy: Some(asked.policy) })
}

/// A witness at its address.
struct Remote {
    name: String,
    url: String,
    keys: Vec<VerifierKey>,
    /// SHA-256 of the log's origin, hex.
    origin: String,
    agent: ureq::Agent,
}

impl ledger::Witness for Remote {
    fn cosign(&self, old: u64, proof: &[Hash], note: &[u8]) -> std::result::Result<Answer, String> {
        use base64::{Engine, engine::general_purpose::STANDARD};
        let mut body = format!("old {old}\n");
        proof.iter().for_each(|hash| body += &format!("{}\n", STANDARD.encode(hash)));
        let body = [body.as_bytes(), b"\n", note].concat();
        let sent = self.agent.post(format!("{}/add-checkpoint", self.url)).content_type("text/plain; charset=utf-8");
        let answer = sent.send(&body[..]).map_err(|e| printable(&e.to_string()))?;
        let status = answer.status().as_u16();
        let said = bounded(answer)?;
        match status {
            200 => Ok(Answer::Cosigned(self.lines(&said, note)?)),
            409 => {
                let size = said.strip_suffix('\n').filter(|size| *size == "0" || !size.starts_with('0'));
                let size =
                    size.filter(|size| size.bytes().all(|b| b.is_ascii_digit())).and_then(|size| size.parse().ok());
                size.map(Answer::Holds).ok_or_else(|| format!("HTTP 409 with \"{}\", no tree size", printable(&said)))
            }
            404 => Err("it does not know this ledger (HTTP 404)".to_owned()),
            403 => Err("it does not take this ledger's signature (HTTP 403)".to_owned()),
            422 => Ok(Answer::Inconsistent),
            other => Err(format!("HTTP {other}: {}", printable(&said))),
        }
    }

    fn shown(&self) -> std::result::Result<Option<Vec<u8>>, String> {
        for prefix in MONITORING {
            let answer = self.agent.get(format!("{}{prefix}/{}/checkpoint", self.url, self.origin)).call();
            let answer = answer.map_err(|e| printable(&e.to_string()))?;
            if answer.status() == 200 {
                return bounded(answer).map(|note| Some(note.into_bytes()));
            }
        }
        // What a witness shows to anybody may lie elsewhere, or nowhere.
        Ok(None)
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn owns(&self, key: &VerifierKey) -> bool {
        self.keys.contains(key)
    }
}

impl Remote {
    /// The lines of this witness's keys, each verified, at most one of each key.
    fn lines(&self, said: &str, note: &[u8]) -> std::result::Result<Vec<SignatureLine>, String> {
        let text = Note::parse(note).map_err(|e| e.to_string())?.text;
        let now = u64::try_from(clock::now().unix_seconds()).unwrap_or_default();
        let body = said.strip_suffix('\n').ok_or("its answer does not end in a newline")?;
        let mut lines = Vec::new();
        for line in body.split('\n') {
            let line = SignatureLine::parse(line).map_err(|e| printable(&e.to_string()))?;
            let Some(key) = self.keys.iter().find(|key| key.owns(&line)) else { continue };
            let signed = Note { text: text.clone(), signatures: vec![line.clone()] };
            let Some(word) = cosignature::verify(&signed, key).map_err(|e| printable(&e.to_string()))? else {
                continue;
            };
            if word.unix_seconds.abs_diff(now) > CLOCK_SLACK {
                let at = i64::try_from(word.unix_seconds).unwrap_or(i64::MAX).saturating_mul(SECOND);
                let (at, now) = (Utc(at).to_micros(), clock::now().to_micros());
                return Err(format!("its cosignature is of {at}, this machine's clock says {now}"));
            }
            // A note has one line of each key, so a second one would make the seal unreadable for ever.
            if lines.iter().any(|other: &SignatureLine| (&other.name, &other.id) == (&line.name, &line.id)) {
                return Err(format!("two lines of one key, {}+{}, in its answer", key.name(), hex::encode(&key.id())));
            }
            lines.push(line);
        }
        if lines.is_empty() {
            let keys: Vec<_> =
                self.keys.iter().map(|key| format!("{}+{}", key.name(), hex::encode(&key.id()))).collect();
            return Err(format!("no signature by {} in its answer", keys.join(", ")));
        }
        Ok(lines)
    }
}

fn bounded(answer: ureq::http::Response<ureq::Body>) -> std::result::Result<String, String> {
    let mut body = Vec::new();
    let mut reader = answer.into_body().into_reader().take(MAX_NOTE as u64 + 1);
    reader.read_to_end(&mut body).map_err(|e| printable(&e.to_string()))?;
    if body.len() > MAX_NOTE {
        return Err(format!("its answer is longer than {MAX_NOTE} bytes"));
    }
    String::from_utf8(body).map_err(|_| "its answer is not UTF-8".to_owned())
}

/// An answer may be hostile.
fn printable(text: &str) -> String {
    text.chars().take(MAX_REASON).flat_map(char::escape_debug).collect()
}

/// What the ledger's events tell of the witnesses.
pub(crate) struct Watch {
    store: store::Store,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    /// When it was last written down, and what then.
    witnesses: BTreeMap<String, (Remembered, Option<(Instant, Remembered)>)>,
    /// Not told yet, (zh, en).
    alarms: Vec<(String, String)>,
}

/// Most alarms that wait to be told.
const MAX_ALARMS: usize = 100;

impl Watch {
    pub(crate) fn new(store: store::Store) -> Self {
        Self { store, seen: Mutex::default() }
    }

    /// Told from the ledger's threads.
    pub(crate) fn hear(&self, event: Event) {
        match event {
            Event::Cosigned { size, witness } => self.note(&witness, |was| Remembered {
                size: Some(size),
                cosigned_at: Some(clock::now().0),
                failures: 0,
                reason: None,
                disagrees: was.disagrees.clone(),
            }),
            Event::WitnessFailed { witness, reason, .. } => self.note(&witness, |was| Remembered {
                failures: was.failures.saturating_add(1),
                reason: Some(reason.clone()),
                ..was.clone()
            }),
            Event::Disagrees { size, witness, found } => {
                let at = clock::now().to_micros();
                let found = printable(&found);
                let what = format!("{at}: asked about {size}, it holds {found}");
                self.note(&witness, |was| Remembered { disagrees: Some(what.clone()), ..was.clone() });
            }
            _ => {}
        }
    }

    fn note(&self, name: &str, change: impl Fn(&Remembered) -> Remembered) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = || (Remembered::of(&self.store, name).unwrap_or_default(), None);
        let (was, noted) = seen.witnesses.remove(name).unwrap_or_else(fresh);
        let is = change(&was);
        let changed = (was.state(), &was.disagrees) != (is.state(), &is.disagrees);
        let due = noted.as_ref().is_none_or(|(at, _)| at.elapsed() >= NOTED);
        if changed && seen.alarms.len() < MAX_ALARMS {
            seen.alarms.extend(alarm(name, &was, &is));
        }
        let noted = if changed || due { Some((Instant::now(), is.clone())) } else { noted };
        seen.witnesses.insert(name.to_owned(), (is.clone(), noted));
        drop(seen);
        if changed || due {
            self.write(name, &is);
        }
    }

    fn write(&self, name: &str, is: &Remembered) {
        // A cosignature is worth more than the note about it.
        let _ = self.store.set_meta(&key(name), &serde_json::to_string(is).unwrap_or_default());
    }

    /// What changed since this was last asked, (zh, en).
    pub(crate) fn told(&self) -> Vec<(String, String)> {
        std::mem::take(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner).alarms)
    }

    fn remembered(&self, name: &str) -> Option<Remembered> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.witnesses.get(name).map(|(is, _)| is.clone())
    }
}

/// The next process begins with what this one knew last.
impl Drop for Watch {
    fn drop(&mut self) {
        let seen = std::mem::take(self.seen.get_mut().unwrap_or_else(PoisonError::into_inner));
        for (name, (is, noted)) in seen.witnesses {
            if noted.is_none_or(|(_, written)| written != is) {
                self.write(&name, &is);
            }
        }
    }
}

/// What a change is worth saying.
fn alarm(name: &str, was: &Remembered, is: &Remembered) -> Option<(String, String)> {
    if is.disagrees != was.disagrees
        && let Some(what) = &is.disagrees
    {
        return Some((
            format!("警报：见证者 {name} 手中的账本与本账本不同（{what}）；请立即查明"),
            format!("alarm: the witness {name} holds another tree of this ledger ({what}); find out why at once"),
        ));
    }
    match (was.state(), is.state()) {
        (_, "missing") => {
            let why = is.reason.as_deref().unwrap_or("-");
            Some((
                format!("警报：见证者 {name} 没有签署（{why}）"),
                format!("alarm: the witness {name} does not cosign ({why})"),
            ))
        }
        ("missing", "cosigning") => {
            Some((format!("见证者 {name} 恢复签署"), format!("the witness {name} cosigns again")))
        }
        _ => None,
    }
}

/// How far seals reach: below `last` a record's proof is final, below `sealed` it lacks at most its witnesses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reach {
    pub(crate) sealed: u64,
    pub(crate) last: u64,
}

impl Reach {
    pub(crate) fn settled(self, index: Option<u64>) -> bool {
        index.is_some_and(|index| index < self.last)
    }

    /// On the ledger and sealed, without its witnesses.
    pub(crate) fn lacks_witnesses(self, index: Option<u64>) -> bool {
        index.is_some_and(|index| index >= self.last && index < self.sealed)
    }
}

impl Folder {
    pub(crate) fn reach(&self) -> Result<Reach> {
        match self.writer() {
            Ok(writer) => Ok(Reach { sealed: writer.ledger.sealed_size(), last: writer.ledger.final_size() }),
            Err(_) => {
                let sealed = self.reader.sealed_size().map_err(|e| ledger_error(&e))?;
                Ok(Reach { sealed, last: self.reader.final_size().map_err(|e| ledger_error(&e))? })
            }
        }
    }

    /// How each witness of the policy fares, and how far the quorum reaches.
    pub fn quorum_state(&self) -> Result<QuorumState> {
        let file = |name: &str| read_file(&self.trust_dir().join(name));
        let asked = policy::asked(&file("policy")?)?;
        // A reader's own word about them; without any they go by their names in the policy.
        let trust = verify::Trust::from_files([("roles.json".to_owned(), file("roles.json")?)]).unwrap_or_default();
        let (size, last) = match self.writer() {
            Ok(writer) => (writer.ledger.published().map_or(0, |head| head.size), writer.ledger.final_size()),
            Err(_) => (self.reader.size().map_err(|e| ledger_error(&e))?, self.reach()?.last),
        };
        let watch = self.writer().ok().map(|writer| &writer.watch);
        // Keys at one address are one witness, by the name of the first.
        let mut witnesses: Vec<WitnessState> = Vec::new();
        for (name, key, url) in asked.witnesses {
            if witnesses.iter().any(|w| w.url == url) {
                continue;
            }
            let live = watch.and_then(|watch| watch.remembered(&name));
            let was = live.map_or_else(|| Remembered::of(&self.store, &name), Ok)?;
            let line = trust.role_of_key(&key, clock::now());
            witnesses.push(WitnessState {
                state: was.state(),
                lag: size.saturating_sub(was.size.unwrap_or(0)),
                size: was.size,
                cosigned_at: was.cosigned_at.map(|at| Utc(at).to_micros()),
                failures: was.failures,
                reason: was.reason,
                disagrees: was.disagrees,
                institution: line.map_or_else(|| name.clone(), |line| line.name.clone()),
                role: line.map_or("other", |line| policy::role_word(line.role)),
                name,
                url,
            });
        }
        Ok(QuorumState { quorum: policy::in_words(&asked.policy), size, final_size: last, witnesses })
    }

    /// What changed about the witnesses since this was last asked, (zh, en).
    pub fn witness_alarms(&self) -> Vec<(String, String)> {
        self.writer().map_or_else(|_| Vec::new(), |writer| writer.watch.told())
    }

    /// Why this folder does what it should and not all that it should: the names of witnesses that do not sign.
    pub fn missing_witnesses(&self) -> Result<Vec<String>> {
        let state = self.quorum_state()?;
        let bad = |w: &WitnessState| matches!(w.state, "missing" | "disagrees");
        Ok(state.witnesses.into_iter().filter(bad).map(|w| w.name).collect())
    }
}
