//! What a capture takes and gives: plain data. Bodies and artefacts lie as files in a private folder that
//! goes with the [`Recording`].

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use crate::guard::{self, Loopback};
use crate::sntp::Measured;
pub use crate::spool::Folder;

/// What to capture.
#[derive(Clone, Debug)]
pub struct Request {
    /// http or https, without credentials.
    pub url: String,
    /// Loopback ports that the operator opened by name.
    pub loopback: Vec<Loopback>,
    /// Size of the window.
    pub viewport: Viewport,
    /// What contact proofs are over (`evidence::contact::random` of the order); `None` makes none.
    pub contact: Option<[u8; 32]>,
    /// Where it runs.
    pub machine: Machine,
}

impl Request {
    /// A desktop capture of `url` on this machine, nothing opened.
    pub fn new(url: impl Into<String>) -> Self {
        let (loopback, contact) = (Vec::new(), None);
        Self { url: url.into(), loopback, viewport: Viewport::DESKTOP, contact, machine: Machine::default() }
    }
}

/// The window, in CSS pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Viewport {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Says `mobile` to the page and takes touches; the user agent stays honest.
    pub phone: bool,
}

impl Viewport {
    /// 1,280 × 900.
    pub const DESKTOP: Self = Self { width: 1280, height: 900, phone: false };
    /// 390 × 844.
    pub const PHONE: Self = Self { width: 390, height: 844, phone: true };
}

/// The capturing machine.
#[derive(Clone, Debug)]
pub struct Machine {
    /// The ELF file, not Debian's wrapper, which reads settings of the host's. Below `/usr`.
    pub chromium: PathBuf,
    /// The program that plays the roles; `None` is this one.
    pub executable: Option<PathBuf>,
    /// User and group for Chromium when we are root.
    pub user: Option<(u32, u32)>,
    /// Folders with data and keys, hidden from inside. What lies outside of the system's own folders is
    /// hidden anyway.
    pub hide: Vec<PathBuf>,
    /// For Chromium, for example `zh_CN.UTF-8`.
    pub locale: String,
    /// For Chromium, for example `Asia/Shanghai`.
    pub time_zone: String,
    /// Where the private folder is made; `None` is the system's temporary folder.
    pub spool: Option<PathBuf>,
    /// DNS servers, each asked for every name and compared; none: those of `/etc/resolv.conf`.
    pub resolvers: Vec<SocketAddr>,
    /// Time servers (SNTP), `HOST` or `HOST:PORT`; none: the clock is not compared.
    pub time_servers: Vec<String>,
    /// What the operator says about the place.
    pub stated: Stated,
    /// The hosts file that is looked at. It has no say in where a capture goes.
    pub hosts: PathBuf,
    /// The system's roots for web sites, PEM.
    pub roots: PathBuf,
    /// Sites of one's own on an opened loopback port: SHA-256, base64, of public keys whose certificates the browser
    /// takes without a known root. Each capture says so as a red flag. Not for sites of others.
    pub own_keys: Vec<String>,
    /// How the browser is kept apart.
    pub isolation: Isolation,
}

/// How the browser is kept apart from its machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Isolation {
    /// Namespaces of its own; the guard is its only way out. Where they are not permitted, nothing is opened.
    #[default]
    Namespaces,
    /// None: the guard is asked for as a proxy and not enforced. Each capture says so as a red flag.
    WeakerSharedNetwork,
}

impl std::str::FromStr for Isolation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "namespaces" => Ok(Self::Namespaces),
            crate::isolation::plain::NAME => Ok(Self::WeakerSharedNetwork),
            _ => Err(format!("namespaces or {} is expected", crate::isolation::plain::NAME)),
        }
    }
}

/// The place of a capture in its operator's words: nothing of it was measured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stated {
    /// The address from which sites see the machine.
    pub public_address: Option<String>,
    /// Country, province, data centre.
    pub region: Option<String>,
    /// Whose network, for example a carrier's.
    pub network: Option<String>,
}

impl Default for Machine {
    fn default() -> Self {
        Self {
            chromium: PathBuf::from("/usr/lib/chromium/chromium"),
            executable: None,
            user: None,
            hide: Vec::new(),
            locale: "zh_CN.UTF-8".to_owned(),
            time_zone: "Asia/Shanghai".to_owned(),
            spool: None,
            resolvers: Vec::new(),
            time_servers: Vec::new(),
            stated: Stated::default(),
            hosts: PathBuf::from("/etc/hosts"),
            roots: PathBuf::from("/etc/ssl/certs/ca-certificates.crt"),
            own_keys: Vec::new(),
            isolation: Isolation::default(),
        }
    }
}

/// Bounds. Reaching one is said in the recording, never silent.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The whole capture.
    pub total: Duration,
    /// Until the page's load event.
    pub load: Duration,
    /// Waiting for the network to be quiet, each time.
    pub settle: Duration,
    /// How long quiet is.
    pub quiet: Duration,
    /// Scrolling.
    pub scroll: Duration,
    /// One answer of the browser's.
    pub answer: Duration,
    /// A text body that is held back until it is whole; longer ones are taken as the browser decoded them.
    pub held: Duration,
    /// Height of the screenshot and of the scrolling, pixels.
    pub height: u32,
    /// Width of the screenshot, pixels.
    pub width: u32,
    /// One body, bytes.
    pub body: u64,
    /// All bodies and artefacts, bytes.
    pub spool: u64,
    /// Through the guard, both directions, bytes.
    pub traffic: u64,
    /// Requests; then no more are let go.
    pub requests: usize,
    /// Console messages, dialogs, popups, downloads: each kind.
    pub messages: usize,
    /// The namespace's `/tmp` and `/dev/shm`, bytes each.
    pub scratch: u64,
    /// Writable memory of each of the browser's processes, bytes.
    pub memory: u64,
    /// Make the PDF.
    pub pdf: bool,
    /// Keep the session as a film strip.
    pub film: bool,
    /// Its frames.
    pub film_frames: usize,
    /// Its bytes.
    pub film_bytes: u64,
    /// Contact proofs.
    pub contacts: usize,
    /// One handshake for a contact proof.
    pub contact: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            total: Duration::from_secs(180),
            load: Duration::from_secs(45),
            settle: Duration::from_secs(10),
            quiet: Duration::from_millis(400),
            scroll: Duration::from_secs(30),
            answer: Duration::from_secs(30),
            held: Duration::from_secs(8),
            height: 100_000,
            width: 4096,
            body: 100 << 20,
            spool: 2 << 30,
            traffic: 1 << 30,
            requests: 5000,
            messages: 1000,
            scratch: 1 << 30,
            memory: 4 << 30,
            pdf: true,
            film: true,
            film_frames: 200,
            film_bytes: 12 << 20,
            contacts: 32,
            contact: Duration::from_secs(8),
        }
    }
}

/// A named step as it begins; `service` makes a progress bar of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Reads the machine's state.
    CheckEnvironment,
    /// Starts the browser in its namespaces.
    Start,
    /// Resolves the name of an https origin and has the site sign over the order, beside the browser's start.
    Contact,
    /// Opens the page.
    Open,
    /// Waits for the network to be quiet.
    Settle,
    /// Scrolls for lazy images.
    Scroll,
    /// Takes the pictures.
    Screenshot,
    /// Takes DOM, MHTML, text, chains and PDF.
    Snapshot,
    /// Reads the machine's state again.
    CheckEnvironmentAgain,
}

/// One sentence in both languages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// A stable name, for example `unfinished`.
    pub code: &'static str,
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

impl Reason {
    pub(crate) fn new(code: &'static str, zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { code, zh: zh.into(), en: en.into() }
    }
}

/// How a capture ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Everything was obtained.
    Complete,
    /// Something is missing; the reasons say what.
    Partial,
    /// A wall stood there; it is kept, the content was not obtained.
    Blocked,
    /// There is no page.
    Failed,
}

/// A file in the recording's folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Spooled {
    /// Whole path.
    #[serde(skip)]
    pub file: PathBuf,
    /// Bytes.
    pub size: u64,
    /// SHA-256 in hex.
    pub sha256: String,
}

/// How a body relates to the bytes on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fidelity {
    /// As received, after the content coding (gzip, br, zstd) and transfer coding were taken off.
    Exact,
    /// Text as the browser decoded it, in UTF-8.
    Text,
}

/// A head as one side sent it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Head {
    /// Fields, sorted by name: CDP gives an object. The order on the wire stands in `raw`.
    pub fields: Vec<(String, String)>,
    /// The bytes, where the browser shows them (HTTP/1.1 responses).
    pub raw: Option<String>,
}

impl Head {
    /// The first field of this name, in whatever case.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// What a site answered.
#[derive(Clone, Debug, Serialize)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Its phrase, where the protocol has one.
    pub status_text: String,
    /// `http/1.1`, `h2`, …
    pub protocol: String,
    /// The head.
    pub head: Head,
    /// Protocol, cipher, names, validity, as CDP's `SecurityDetails`.
    pub security: Value,
    /// The body; `None` with a note.
    pub body: Option<Spooled>,
    /// See there.
    pub fidelity: Fidelity,
    /// Why there is no body, or what is to be said of it.
    pub note: Option<String>,
}

/// One request and what came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Exchange {
    /// Absolute.
    pub url: String,
    /// Method.
    pub method: String,
    /// CDP's resource type, for example `Document`.
    pub kind: String,
    /// `page`, `iframe`, `worker`, `service_worker`, …
    pub target: String,
    /// Microseconds since 1970, UTC, by this machine's clock.
    pub started: i64,
    /// What the browser sent.
    pub head: Head,
    /// What it sent as a body.
    pub post: Option<Spooled>,
    /// The answer.
    pub response: Option<Response>,
    /// The next address of a redirect.
    pub redirect: Option<String>,
    /// Why there is no answer, or not all of it.
    pub failure: Option<String>,
    /// Whither the guard connected.
    pub peer: Option<SocketAddr>,
    /// The page itself, not one of its parts or frames.
    pub main: bool,
    /// Of the page itself: what brought it there.
    pub by: By,
    /// Made while the PDF was printed.
    pub printing: bool,
}

/// What brought the page to an address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// The recorder opened it.
    Order,
    /// The address before redirected to it.
    Redirect,
    /// The page went on by itself: a script, a meta element, a form.
    #[default]
    Page,
    /// The page set its address without a request.
    Script,
    /// Read from the page at the end; nothing told of it before.
    Read,
}

/// An artefact of the capture's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Resource {
    /// As FORMATS names it after `urn:quezao:`, for example `screenshot-full/0001`.
    pub name: String,
    /// Media type.
    pub media_type: &'static str,
    /// The file.
    pub content: Spooled,
}

/// All that was recorded. Dropping it removes the files.
#[derive(Debug)]
pub struct Recording {
    /// The private folder.
    pub folder: Folder,
    /// As asked.
    pub url: String,
    /// Where it ended.
    pub final_url: String,
    /// The page's title.
    pub title: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it is not complete.
    pub reasons: Vec<Reason>,
    /// What else is to be said: a page that never rests, a dialog that was dismissed.
    pub remarks: Vec<Reason>,
    /// The status of the page's own answer.
    pub status: Option<u16>,
    /// Microseconds since 1970, UTC.
    pub started: i64,
    /// Microseconds since 1970, UTC.
    pub ended: i64,
    /// In the order of their beginning.
    pub exchanges: Vec<Exchange>,
    /// By name.
    pub resources: Vec<Resource>,
    /// The guard's log.
    pub guard: Vec<guard::Event>,
    /// The machine before.
    pub before: Value,
    /// The machine after.
    pub after: Value,
    /// Paths that differ between the two.
    pub differences: Vec<String>,
    /// What a reader must be told about the machine.
    pub red_flags: Vec<Reason>,
    /// The clock's comparison with the nearest of the operator's time servers, where one answered.
    pub clock: Option<Measured>,
    /// From the beginning to the browser's first answer.
    pub spawn: Duration,
}

impl Recording {
    /// The artefact of this name.
    pub fn resource(&self, name: &str) -> Option<&Resource> {
        self.resources.iter().find(|resource| resource.name == name)
    }
}
