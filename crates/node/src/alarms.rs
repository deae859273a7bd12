//! What a node must shout: stored so that anybody can read and check it without the node.
//!
//! Rules: one folder an alarm, `alarms/KIND-ID/`: `alarm.json` says what was seen, `ours.txt` and `theirs.txt` are the
//! signed notes that cannot both stand, `proof.txt` what shows it. An alarm is stored once, told each time, and never
//! deleted by the program. Only what a log's own key signed and this node found out by itself can make one, and each kind
//! has its own room for each log: neither a stranger nor one kind's many can keep another from being stored.
//! `acknowledged.json` says that the institution dealt with it: the same is then told no more; whatever else is seen is.

use crate::{Error, Event, Events, Result, folder};
use evidence::{
    digest, hex,
    json::{self, Value, json},
    note::Note,
    time::Utc,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

/// Most alarms of one kind about one log that are stored; more are only told.
pub const MAX_ALARMS: usize = 100;
/// Longest `alarm.json`, in bytes.
const MAX_JSON: u64 = 64 << 10;
/// Longest note of who acknowledges one, in characters.
pub const MAX_NOTE: usize = 1000;
const ACKNOWLEDGED: &str = "acknowledged.json";

/// What was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Two trees of one log that cannot both be: its key signed both.
    Fork,
    /// The log shows a smaller tree than before.
    Rollback,
    /// A signed checkpoint that nobody showed to extend what the node holds.
    NotExtending,
    /// The node's own state is older than what it cosigned.
    OldState,
    /// Tiles or entries that do not make up the signed root.
    Tiles,
    /// An entry that breaks a rule of its ledger.
    Record,
}

/// All kinds.
pub const KINDS: [Kind; 6] =
    [Kind::Fork, Kind::Rollback, Kind::NotExtending, Kind::OldState, Kind::Tiles, Kind::Record];

impl Kind {
    /// As folders and JSON name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fork => "fork",
            Self::Rollback => "rollback",
            Self::NotExtending => "not-extending",
            Self::OldState => "old-state",
            Self::Tiles => "tiles",
            Self::Record => "record",
        }
    }
}

/// One alarm.
#[derive(Clone, Debug)]
pub struct Alarm {
    /// What was seen.
    pub kind: Kind,
    /// Of which log.
    pub origin: String,
    /// By this machine's clock.
    pub at: Utc,
    /// What it means, with both values, in Chinese.
    pub zh: String,
    /// The same in English.
    pub en: String,
    /// The signed note that the node holds.
    pub ours: Option<Vec<u8>>,
    /// The signed note that was shown.
    pub theirs: Option<Vec<u8>>,
    /// What shows that they cannot both stand: lines that say themselves what they are.
    pub proof: Option<String>,
}

impl Alarm {
    /// Equal for what is the same: kind, log and what was shown, whatever signatures and words are with it.
    fn id(&self) -> String {
        // Of files and entries it is the sentence that names which; they are seen again under each checkpoint.
        let note = match self.kind {
            Kind::Tiles | Kind::Record => None,
            // What is shown instead may be another thing each second.
            Kind::Rollback => self.ours.as_deref(),
            _ => self.theirs.as_deref(),
        };
        let shown = note.map(|note| Note::parse(note).map_or_else(|_| note.to_vec(), |n| n.text.into_bytes()));
        let seen = shown.unwrap_or_else(|| self.en.clone().into_bytes());
        let parts = [self.kind.as_str().as_bytes(), b"\n", self.origin.as_bytes(), b"\n", &seen].concat();
        format!("{}-{}", self.kind.as_str(), hex::encode(&digest::sha256(&parts)[..8]))
    }

    fn to_json(&self) -> Result<Vec<u8>> {
        let value = json!({
            "kind": self.kind.as_str(), "origin": self.origin, "at": self.at.to_micros(), "zh": self.zh, "en": self.en,
        });
        Ok(json::to_bytes_free("alarm", &value)?)
    }
}

/// The alarms of one node.
pub struct Alarms {
    dir: PathBuf,
    known: Mutex<Known>,
    events: Events,
}

/// What is stored: names, and how many of a kind about a log; of which kinds and logs one was told that was not.
#[derive(Default)]
struct Known {
    names: BTreeSet<String>,
    counts: BTreeMap<(String, String), usize>,
    told: BTreeSet<(String, String)>,
}

impl Known {
    fn add(&mut self, name: String, kind: &str, origin: &str) {
        self.names.insert(name);
        *self.counts.entry((kind.to_owned(), origin.to_owned())).or_default() += 1;
    }

    fn has_room(&self, kind: &str, origin: &str) -> bool {
        self.counts.get(&(kind.to_owned(), origin.to_owned())).is_none_or(|n| *n < MAX_ALARMS)
    }
}

impl Alarms {
    pub(crate) fn open(data: &Path, events: Events) -> Result<Self> {
        let dir = data.join("alarms");
        folder::make(&dir)?;
        let mut known = Known::default();
        for entry in fs::read_dir(&dir).map_err(|e| Error::io(&dir, &e))?.flatten() {
            let Some(name) = entry.file_name().into_string().ok().filter(|n| !n.starts_with('.')) else { continue };
            let file = entry.path().join("alarm.json");
            let bytes = folder::read(&file, MAX_JSON).ok().flatten().unwrap_or_default();
            let value = json::parse_free("alarm", &bytes, MAX_JSON as usize).unwrap_or_default();
            let word = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
            known.add(name, &word("kind"), &word("origin"));
        }
        Ok(Self { known: Mutex::new(known), dir, events })
    }

    /// Tells it, and keeps nothing: what nobody has shown yet.
    pub(crate) fn tell(&self, alarm: &Alarm) {
        (self.events)(Event::Alarm {
            kind: alarm.kind,
            origin: alarm.origin.clone(),
            zh: alarm.zh.clone(),
            en: alarm.en.clone(),
            folder: self.dir.clone(),
            new: true,
            kept: false,
        });
    }

    /// Tells it, and stores it where it is new. A disk that does not take it is told too.
    pub fn raise(&self, alarm: &Alarm) {
        let id = alarm.id();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let new = !known.names.contains(&id);
        if !new && acknowledged(&self.dir.join(&id)).is_some() {
            return;
        }
        let (kind, origin) = (alarm.kind.as_str(), alarm.origin.as_str());
        let mut kept = !new;
        if new && known.has_room(kind, origin) {
            match self.store(&id, alarm) {
                Ok(()) => {
                    known.add(id.clone(), kind, origin);
                    kept = true;
                }
                Err(e) => (self.events)(Event::Warning(e.zh, e.en)),
            }
        }
        // Those that find no place are many: as one that is seen again and again.
        let new = new && (kept || known.told.insert((kind.to_owned(), origin.to_owned())));
        drop(known);
        let folder = if kept { self.dir.join(&id) } else { self.dir.clone() };
        let (kind, origin) = (alarm.kind, alarm.origin.clone());
        (self.events)(Event::Alarm { kind, origin, zh: alarm.zh.clone(), en: alarm.en.clone(), folder, new, kept });
    }

    /// All that are stored.
    pub(crate) fn stored(&self) -> Result<Vec<Stored>> {
        list(self.dir.parent().unwrap_or(&self.dir))
    }

    fn store(&self, id: &str, alarm: &Alarm) -> Result<()> {
        let (half, whole) = (self.dir.join(format!(".{id}")), self.dir.join(id));
        folder::make(&half)?;
        folder::write(&half.join("alarm.json"), &alarm.to_json()?)?;
        let proof = alarm.proof.as_ref().map(|p| p.clone().into_bytes());
        for (name, bytes) in [("ours.txt", &alarm.ours), ("theirs.txt", &alarm.theirs), ("proof.txt", &proof)] {
            if let Some(bytes) = bytes {
                folder::write(&half.join(name), bytes)?;
            }
        }
        fs::rename(&half, &whole).map_err(|e| Error::io(&whole, &e))?;
        Ok(ledger::files::sync_dir(&self.dir)?)
    }
}

/// A stored alarm.
#[derive(Clone, Debug)]
pub struct Stored {
    /// What it is called by: its folder's name.
    pub id: String,
    /// Its `alarm.json`.
    pub value: Value,
    /// Where it is.
    pub folder: PathBuf,
    /// Where somebody dealt with it: `{"at","note"}`, `at` as in statements.
    pub acknowledged: Option<Value>,
}

impl Stored {
    /// A member of `alarm.json`, where it is text.
    pub fn text(&self, name: &str) -> &str {
        self.value[name].as_str().unwrap_or_default()
    }
}

fn acknowledged(folder: &Path) -> Option<Value> {
    let bytes = folder::read(&folder.join(ACKNOWLEDGED), MAX_JSON).ok().flatten()?;
    json::parse_free("acknowledgement", &bytes, MAX_JSON as usize).ok()
}

/// Notes that the institution dealt with this alarm; nothing else about it changes. `false`: it had already.
pub fn acknowledge(data: &Path, id: &str, note: &str, now: Utc) -> Result<bool> {
    let folder = data.join("alarms").join(id);
    let named = !id.is_empty() && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if !named || !folder.is_dir() {
        let shown: String = id.chars().take(80).flat_map(char::escape_debug).collect();
        return Err(Error::new(
            format!("没有名为 {shown} 的警报；quezao node alarm list 列出全部"),
            format!("there is no alarm {shown}; quezao node alarm list shows all"),
        ));
    }
    if note.chars().count() > MAX_NOTE {
        let found = note.chars().count();
        return Err(Error::new(
            format!("--note 有 {found} 个字符，至多 {MAX_NOTE} 个"),
            format!("--note has {found} characters; at most {MAX_NOTE} are possible"),
        ));
    }
    json::check_string("note", note).map_err(|e| Error::from(e).about("--note"))?;
    if acknowledged(&folder).is_some() {
        return Ok(false);
    }
    let value = json!({"at": now.to_micros(), "note": note});
    folder::write(&folder.join(ACKNOWLEDGED), &json::to_bytes_free("acknowledgement", &value)?)?;
    Ok(true)
}

/// The stored alarms of a data folder, those acknowledged among them, oldest first. One that cannot be read is an alarm
/// that says so.
pub fn list(data: &Path) -> Result<Vec<Stored>> {
    let dir = data.join("alarms");
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(&dir) else { return Ok(found) };
    for entry in entries.flatten().filter(|e| !e.file_name().to_string_lossy().starts_with('.')) {
        let file = entry.path().join("alarm.json");
        let bytes = folder::read(&file, MAX_JSON).ok().flatten().unwrap_or_default();
        let value = json::parse_free("alarm", &bytes, MAX_JSON as usize).unwrap_or_else(|_| {
            let shown = file.display().to_string();
            json!({"kind": "unreadable", "origin": null, "at": "", "zh": format!("{shown}：无法读取"), "en": format!("{shown}: cannot be read")})
        });
        let folder = entry.path();
        let id = entry.file_name().to_string_lossy().into_owned();
        found.push(Stored { id, value, acknowledged: acknowledged(&folder), folder });
    }
    found.sort_by_key(|stored| (stored.text("at").to_owned(), stored.folder.clone()));
    Ok(found)
}
