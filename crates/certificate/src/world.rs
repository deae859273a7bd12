//! The typesetter's world: three virtual files and the attachments, at fixed paths; no clock, no disk, no packages.

use locale::grouped;
use std::collections::BTreeMap;
use std::sync::{
    OnceLock,
    atomic::{AtomicUsize, Ordering},
};

use serde::Serialize;
use typst::diag::{FileError, FileResult};
use typst::foundations::{Bytes, Datetime, Duration, Smart};
use typst::syntax::{FileId, RootedPath, Source, VirtualPath, VirtualRoot};
use typst::text::{Font, FontBook};
use typst::utils::LazyHash;
use typst::{Library, LibraryExt, World};
use typst_layout::PagedDocument;
use typst_pdf::{PdfOptions, PdfStandard, PdfStandards, Timestamp};

use crate::collected::Collected;
use crate::compared::{Changes, Compared, Likeness, MAX_SHOWN, Side};
use crate::error::{Error, printable};
use crate::fonts::Faces;
use crate::instant::Instant;
use crate::licensed::Licensed;
use crate::report::{self, Report, Screenshot};
use crate::sheet::{Moment, Outcome, Sheet, Verdict, Words};
use crate::{Locale, MAX_ATTACHED, Picture};

/// Of a record.
pub(crate) const CERTIFICATE: &str = "/certificate.typ";
/// Of a node's report.
pub(crate) const EXAMINATION: &str = "/examination.typ";
const SOURCES: [(&str, &str); 9] = [
    (CERTIFICATE, include_str!("../assets/certificate.typ")),
    (EXAMINATION, include_str!("../assets/examination.typ")),
    ("/parts.typ", include_str!("../assets/parts.typ")),
    ("/capture.typ", include_str!("../assets/capture.typ")),
    ("/comparison.typ", include_str!("../assets/comparison.typ")),
    ("/collection.typ", include_str!("../assets/collection.typ")),
    ("/licence.typ", include_str!("../assets/licence.typ")),
    ("/patterns.typ", include_str!("../assets/patterns.typ")),
    ("/strings.typ", include_str!("../assets/strings.typ")),
];
/// A certificate attaches this many files at most.
const MAX_FILES: usize = 256;
/// The most room of a fact's crop, and its points a pixel.
const CROP: (f64, f64) = (196.0, 60.0);
const CROP_SCALE: f64 = 0.45;
/// Pixels of a QR module's side: enough that no viewer softens it.
const MODULE: usize = 6;

/// One attachment as the template sees it.
#[derive(Debug, Serialize)]
pub(crate) struct Attached {
    name: String,
    path: String,
    mime: &'static str,
    relationship: &'static str,
}

/// Checks names and sizes: `[A-Za-z0-9._-]`, not beginning with a point, each once.
pub(crate) fn attached(attachments: &[(String, Vec<u8>)]) -> Result<Vec<Attached>, Error> {
    if attachments.len() > MAX_FILES {
        return Err(Error::TooLarge { what: "attachments", found: attachments.len(), limit: MAX_FILES });
    }
    let total = attachments.iter().fold(0usize, |n, (_, bytes)| n.saturating_add(bytes.len()));
    if total > MAX_ATTACHED {
        return Err(Error::TooLarge { what: "attached bytes", found: total, limit: MAX_ATTACHED });
    }
    let mut out: Vec<Attached> = Vec::with_capacity(attachments.len());
    for (i, (name, _)) in attachments.iter().enumerate() {
        let plain = (1..=128).contains(&name.len())
            && !name.starts_with('.')
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        if !plain || out.iter().any(|a| a.name == *name) {
            return Err(Error::Malformed {
                what: "attachment's name",
                found: printable(name),
                expected: "a plain file name, each once".into(),
            });
        }
        let (mime, relationship) = match name.rsplit_once('.').map(|(_, ext)| ext) {
            Some("json") => ("application/json", "data"),
            Some("jsonl") => ("application/jsonl", "data"),
            Some("tsr") => ("application/timestamp-reply", "data"),
            Some("pem") => ("application/x-pem-file", "supplement"),
            Some("crl") => ("application/pkix-crl", "supplement"),
            Some("txt") => ("text/plain", "supplement"),
            Some("py") => ("text/x-python", "supplement"),
            _ => ("application/octet-stream", "data"),
        };
        out.push(Attached { name: name.clone(), path: format!("/attached/{i}"), mime, relationship });
    }
    Ok(out)
}

/// The facts as the template reads them: JSON, so that no text of theirs is ever source.
pub(crate) fn data(
    sheet: &Sheet,
    thumbnail: bool,
    attached: &[Attached],
    locale: Locale,
    keywords: &[String],
    qr: usize,
) -> Result<Vec<u8>, Error> {
    let (host, key) = sheet.origin();
    let verdict = match sheet.verdict {
        Verdict::Verified if sheet.reserved() => "reserved",
        Verdict::Verified => "verified",
        Verdict::NotVerified => "not_verified",
        Verdict::Incomplete if sheet.unread() => "unread",
        Verdict::Incomplete => "incomplete",
    };
    let keywords: Vec<&String> = std::iter::once(&sheet.id).chain(keywords).collect();
    let mut events = Vec::with_capacity(sheet.events.len());
    for e in &sheet.events {
        let local = Instant::parse("event", &e.at)?.local();
        let time = local.get(11..).unwrap_or_default();
        events.push(serde_json::json!({ "what": e.what, "clock": e.clock, "by": e.by, "time": time }));
    }
    let value = serde_json::json!({
        "locale": locale,
        "keywords": keywords,
        "latin": sheet.text().chars().any(|c| ('\u{100}'..='\u{24f}').contains(&c)),
        "id": sheet.id,
        "kind": sheet.kind,
        "operator": sheet.operator,
        "relation": sheet.relation,
        "owner": sheet.owner,
        "identity": sheet.identity,
        "account": sheet.account,
        "title": sheet.title,
        "claims": sheet.claims,
        "file": sheet.file.as_ref().map(|file| serde_json::json!({
            "name": file.name,
            "size": file.size.map(grouped),
            "mime": file.mime,
            "pixels": file.pixels.map(|(w, h)| [w.to_string(), h.to_string()]),
            "sha256": file.sha256,
            "sm3": file.sm3,
            "custody": file.custody,
        })),
        "provenance": sheet.provenance,
        "t1": shown(sheet.t1.as_ref())?,
        "t2": shown(sheet.t2.as_ref())?,
        "events": events,
        // Numbers as text: a template's number may be rounded, a text never.
        "ledger": {
            "host": host,
            "key": key,
            "index": sheet.ledger.index.to_string(),
            "size": sheet.ledger.size.to_string(),
            "record": sheet.ledger.record,
            "root": sheet.ledger.root,
        },
        "earlier": sheet.earlier.map(|n| n.to_string()),
        "checked": { "local": Instant::parse("checked", &sheet.checked)?.local() },
        "verdict": verdict,
        "roots": sheet.roots,
        "compared": sheet.compared(),
        "checks": sheet.checks,
        "unanswerable": sheet.unanswerable,
        "nots": sheet.does_not_show,
        "steps": sheet.steps,
        "software": sheet.software,
        "report": sheet.report.as_ref().map(report_data).transpose()?,
        "comparison": sheet.comparison.as_ref().map(comparison_data).transpose()?,
        "collection": sheet.collection.as_ref().map(Collected::data).transpose()?,
        "licence": sheet.licence.as_ref().map(Licensed::data),
        "thumbnail": thumbnail,
        "attachments": attached,
        "qr": qr,
    });
    serde_json::to_vec(&value).map_err(|e| Error::Typeset { why: e.to_string() })
}

/// A capture's part, with what the layout needs to place its pictures.
fn report_data(r: &Report) -> Result<serde_json::Value, Error> {
    let shot = r.screenshot.as_ref();
    let counts = |n: &u64| n.to_string();
    let screenshot = shot.map(|s| {
        let scale = report::scale(s.width);
        // Marks of the scale at the left stand 40 points apart or more.
        let tick = [100, 200, 500, 1000, 2000, 5000].into_iter().find(|t| f64::from(*t) * scale >= 40.0);
        let printed = s.parts.last().map_or(0, |p| p.1);
        serde_json::json!({
            "width": s.width, "height": s.height, "parts": s.parts, "scale": scale, "tick": tick.unwrap_or(10_000),
            "printed": printed,
        })
    });
    let seen: Vec<_> = r
        .shown
        .iter()
        .map(
            |s| serde_json::json!({ "label": s.label, "value": s.value, "crop": s.place.and_then(|p| crop(p, shot?)) }),
        )
        .collect();
    let files =
        r.files.iter().map(|f| serde_json::json!({ "name": f.name, "size": grouped(f.size), "sha256": f.sha256 }));
    let exchanged = [r.exchanged.0, r.exchanged.1, r.exchanged.2].map(grouped);
    Ok(serde_json::json!({
        "url": r.url,
        "final": r.final_url,
        "title": r.title,
        "ended": r.ended,
        "reasons": r.reasons,
        "remarks": r.remarks,
        "flags": r.flags,
        "told": r.told,
        "other": r.other,
        "order": r.order,
        "attempt": r.attempt.map(|(n, d, at)| [n, d, at].map(|n| n.to_string())),
        "ordered": shown(r.ordered.as_ref())?,
        "hops": r.hops,
        "peers": r.peers,
        "site": r.site,
        "environment": r.environment,
        "shown": seen,
        "files": files.collect::<Vec<_>>(),
        "exchanged": exchanged,
        "left": r.left_out.iter().map(counts).collect::<Vec<_>>(),
        "screenshot": screenshot,
    }))
}

/// A comparison's part; numbers as text, as everywhere.
fn comparison_data(c: &Compared) -> Result<serde_json::Value, Error> {
    let local = |at: &str| Instant::parse("time", at).map(|t| t.local());
    let side = |s: &Side| -> Result<serde_json::Value, Error> {
        Ok(serde_json::json!({ "id": s.id, "local": local(&s.at)?, "url": s.url, "sha256": s.sha256 }))
    };
    let text = |n: &(u64, u64)| [grouped(n.0), grouped(n.1)];
    let counts = c.counts.as_ref().map(|n| {
        let why = |list: &[(Words, u64)]| list.iter().map(|(why, n)| (why.clone(), grouped(*n))).collect::<Vec<_>>();
        serde_json::json!({ "images": text(&n.images), "records": text(&n.records), "others": why(&n.others), "left_images": why(&n.left_images) })
    });
    let pair = |p: &Likeness| -> Result<serde_json::Value, Error> {
        let found = p.found.as_ref().map(|f| {
            let (dct, gradient) = (f.dct.to_string(), f.gradient.to_string());
            serde_json::json!({ "parts": f.parts, "mirrored": f.mirrored, "dct": dct, "gradient": gradient })
        });
        Ok(serde_json::json!({
            "similarity": p.similarity, "url": p.url, "sha256": p.sha256, "size": text(&p.size),
            "place": p.place.map(|b| b.map(|n| n.to_string())), "occurrences": grouped(p.occurrences), "record": p.record,
            "local": local(&p.record_at)?, "record_sha256": p.record_sha256, "found": found, "drawn": p.drawn,
        }))
    };
    let changes = |l: &Option<Changes>| {
        l.as_ref().map(|l| {
            serde_json::json!({ "added": l.added, "removed": l.removed, "found": text(&l.found), "unchanged": grouped(l.unchanged) })
        })
    };
    Ok(serde_json::json!({
        "local": local(&c.at)?,
        "page": side(&c.page)?,
        "earlier": c.earlier.as_ref().map(side).transpose()?,
        "counts": counts,
        "pairs": c.pairs.iter().map(pair).collect::<Result<Vec<_>, _>>()?,
        "found": grouped(c.pairs_found),
        "licences": c.licences,
        "licences_left": c.licences.as_ref().map(|l| grouped(c.licences_found.saturating_sub(l.len() as u64))),
        "shown": MAX_SHOWN,
        "thresholds": c.thresholds,
        "left": grouped(c.pairs_found.saturating_sub(c.pairs.len() as u64)),
        "text": changes(&c.text),
        "images": changes(&c.images),
        "facts": c.facts,
        "notice": c.notice,
    }))
}

/// The rectangle and 8 pixels around it, as far as it is printed, and points a pixel; `None` where it is not.
fn crop([x, y, w, h]: [u32; 4], shot: &Screenshot) -> Option<serde_json::Value> {
    const AROUND: u32 = 8;
    let printed = shot.parts.last()?.1;
    let (left, top) = (x.saturating_sub(AROUND), y.saturating_sub(AROUND));
    let right = x.saturating_add(w).saturating_add(AROUND).min(shot.width);
    let bottom = y.saturating_add(h).saturating_add(AROUND);
    if left >= right || top >= bottom || bottom > printed + AROUND {
        return None;
    }
    let bottom = bottom.min(printed);
    let (w, h) = (f64::from(right - left), f64::from(bottom.checked_sub(top).filter(|h| *h > 0)?));
    let scale = (CROP.0 / w).min(CROP.1 / h).min(CROP_SCALE);
    Some(serde_json::json!({ "x": left, "y": top, "w": w, "h": h, "scale": scale }))
}

/// Which document, and what its metadata says.
pub(crate) struct Setting<'a> {
    /// [`CERTIFICATE`] or [`EXAMINATION`].
    pub(crate) main: &'static str,
    pub(crate) id: &'a str,
    pub(crate) at: &'a Instant,
    pub(crate) software: &'a str,
}

/// Typesets and writes the PDF.
pub(crate) fn typeset(
    setting: &Setting<'_>,
    data: Vec<u8>,
    qr: Option<Vec<u8>>,
    pictures: &[Picture<'_>],
    attachments: &[(String, Vec<u8>)],
    locale: Locale,
    faces: &Faces,
) -> Result<Vec<u8>, Error> {
    let mut world = Paper::new(setting.main, faces)?;
    world.files.insert(file_id("/sheet.json")?, Bytes::new(data));
    if let Some(qr) = qr {
        world.files.insert(file_id("/qr.luma")?, Bytes::new(qr));
    }
    for picture in pictures {
        world.files.insert(file_id(&picture.path)?, Bytes::new(picture.jpeg.to_vec()));
    }
    for (i, (_, bytes)) in attachments.iter().enumerate() {
        world.files.insert(file_id(&format!("/attached/{i}"))?, Bytes::new(bytes.clone()));
    }
    let failed = |errors: &[typst::diag::SourceDiagnostic]| Error::Typeset {
        why: errors.iter().map(|e| e.message.as_str()).collect::<Vec<_>>().join("; "),
    };
    DRAWING.fetch_add(1, Ordering::Relaxed);
    let compiled = typst::compile::<PagedDocument>(&world);
    // Families of the system that are not there are no fault; a layout that does not settle is one.
    let unsettled: Vec<_> =
        compiled.warnings.iter().filter(|w| !w.message.starts_with("unknown font")).cloned().collect();
    let document = match compiled.output {
        Ok(document) if unsettled.is_empty() => Ok(document),
        Ok(_) => Err(failed(&unsettled)),
        Err(errors) => Err(failed(&errors)),
    };
    let pdf = document.and_then(|document| {
        let t = setting.at;
        let stamp = Datetime::from_ymd_hms(t.year, t.month, t.day, t.hour, t.minute, t.second);
        let options = PdfOptions {
            ident: Smart::Custom(format!("{} {}", setting.id, if locale == Locale::Zh { "zh" } else { "en" })),
            creator: Smart::Custom(Some(setting.software.to_owned())),
            timestamp: stamp.map(Timestamp::new_utc),
            standards: PdfStandards::new(&[PdfStandard::A_3b])
                .map_err(|e| Error::Typeset { why: e.message().to_string() })?,
            ..Default::default()
        };
        typst_pdf::pdf(&document, &options).map_err(|e| failed(&e))
    });
    // The typesetter remembers across calls; a service that draws for days must not. What the next sheet shares with this
    // one (the template, its words) is used by each; older results only make the memory slow. Each sheet that is drawn
    // beside this one also lets the memory grow older.
    comemo::evict(DRAWING.fetch_sub(1, Ordering::Relaxed));
    pdf
}

/// Sheets that are drawn right now.
static DRAWING: AtomicUsize = AtomicUsize::new(0);

/// What every sheet shares, read once.
struct Shared {
    library: LazyHash<Library>,
    sources: BTreeMap<u16, Source>,
}

static SHARED: OnceLock<Shared> = OnceLock::new();

struct Paper<'a> {
    shared: &'static Shared,
    faces: &'a Faces,
    main: FileId,
    files: Files,
}

/// Files by id; ids are small numbers given out in order of first use.
#[derive(Default)]
struct Files(BTreeMap<u16, Bytes>);

impl Files {
    fn insert(&mut self, id: FileId, bytes: Bytes) {
        self.0.insert(id.into_raw().get(), bytes);
    }
}

impl<'a> Paper<'a> {
    fn new(main: &str, faces: &'a Faces) -> Result<Self, Error> {
        let mut sources = BTreeMap::new();
        if SHARED.get().is_none() {
            for (path, text) in SOURCES {
                let id = file_id(path)?;
                sources.insert(id.into_raw().get(), Source::new(id, text.into()));
            }
        }
        Ok(Self {
            shared: SHARED.get_or_init(|| Shared { library: LazyHash::new(Library::default()), sources }),
            faces,
            main: file_id(main)?,
            files: Files::default(),
        })
    }
}

impl World for Paper<'_> {
    fn library(&self) -> &LazyHash<Library> {
        &self.shared.library
    }
    fn book(&self) -> &LazyHash<FontBook> {
        &self.faces.book
    }
    fn main(&self) -> FileId {
        self.main
    }
    fn source(&self, id: FileId) -> FileResult<Source> {
        self.shared.sources.get(&id.into_raw().get()).cloned().ok_or(FileError::AccessDenied)
    }
    fn file(&self, id: FileId) -> FileResult<Bytes> {
        self.files.0.get(&id.into_raw().get()).cloned().ok_or(FileError::AccessDenied)
    }
    fn font(&self, index: usize) -> Option<Font> {
        self.faces.fonts.get(index).cloned()
    }
    fn today(&self, _: Option<Duration>) -> Option<Datetime> {
        None
    }
}

fn file_id(path: &str) -> Result<FileId, Error> {
    let path = VirtualPath::new(path).map_err(|_| Error::Typeset { why: format!("no virtual path {path}") })?;
    Ok(FileId::new(RootedPath::new(VirtualRoot::Project, path)))
}

/// A token's moment as text.
#[derive(Serialize)]
struct Shown<'a> {
    local: String,
    utc: String,
    accuracy: Option<String>,
    authority: &'a Words,
    independent: bool,
    result: Outcome,
}

fn shown(moment: Option<&Moment>) -> Result<Option<Shown<'_>>, Error> {
    let Some(m) = moment else { return Ok(None) };
    let t = Instant::parse("time", &m.at)?;
    let Moment { authority, independent, result, .. } = m;
    let accuracy = (m.accuracy_us > 0).then(|| seconds(m.accuracy_us));
    Ok(Some(Shown { local: t.local(), utc: t.utc(), accuracy, authority, independent: *independent, result: *result }))
}

/// Record number, record digest and origin, one a line, as a grey picture: its side in pixels, its bytes. It names the
/// record, it checks nothing. Drawn as rectangles the same code costs the typesetter more than the whole page.
pub(crate) fn qr(sheet: &Sheet) -> Result<(usize, Vec<u8>), Error> {
    let text = format!("{}\n{}\n{}", sheet.id, sheet.ledger.record, sheet.ledger.origin);
    let code = qrcode::QrCode::with_error_correction_level(text.as_bytes(), qrcode::EcLevel::M).map_err(|e| {
        let expected = format!("an origin that fits a QR code: {e}");
        Error::Malformed { what: "origin", found: printable(&sheet.ledger.origin), expected }
    })?;
    let (width, colours) = (code.width(), code.to_colors());
    let mut grey = Vec::with_capacity(colours.len() * MODULE * MODULE);
    for row in colours.chunks(width) {
        for _ in 0..MODULE {
            grey.extend(row.iter().flat_map(|c| [c.select(0u8, 255); MODULE]));
        }
    }
    Ok((width * MODULE, grey))
}

/// Microseconds as seconds, without trailing zeros.
fn seconds(us: u64) -> String {
    let text = format!("{}.{:06}", us / 1_000_000, us % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
