//! `demo`: the whole road in a fresh folder, told in a few lines. `demo --forge`: an attacker's walk along it.

use crate::{
    args,
    forge::{self, Forgery, Loot},
    out::{Out, now},
    verify_cmd,
};
use evidence::digest::FileDigests;
use locale::Locale;
use service::{DepositRequest, ExportRequest, Folder, InitOptions, Mode, Rights, show_path};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};
use verify::{Original, Outcome, Trust, Verdict};

/// Exit 0 only if every honest package verified and every forgery was refused where it had to be.
pub(crate) fn demo(out: &Out, a: &args::Demo) -> u8 {
    match run(out, a) {
        Ok(true) => 0,
        Ok(false) => out.fail(&out.text("demo-wrong", &[])),
        Err(Stop::Service(e)) => out.refuse(&e),
        Err(Stop::Said(text)) => out.fail(&text),
        Err(Stop::Other(e)) => out.fail(&out.text("demo-stopped", &[("reason", e.to_string().into())])),
    }
}

enum Stop {
    Service(service::Error),
    Said(String),
    Other(Box<dyn std::error::Error>),
}

impl From<service::Error> for Stop {
    fn from(e: service::Error) -> Self {
        Self::Service(e)
    }
}

impl From<Box<dyn std::error::Error>> for Stop {
    fn from(e: Box<dyn std::error::Error>) -> Self {
        Self::Other(e)
    }
}

/// A picture with its record and package.
struct Exhibit {
    id: String,
    picture: PathBuf,
    package: PathBuf,
    certificate: PathBuf,
}

/// One line of the account; also the keys of `--json`.
#[derive(serde::Serialize)]
struct Line {
    name: String,
    zh: String,
    en: String,
    exit: u8,
    check: Option<String>,
    result: Option<Outcome>,
    package: PathBuf,
    picture: PathBuf,
    trust: PathBuf,
    error: Option<String>,
}

fn run(out: &Out, a: &args::Demo) -> Result<bool, Stop> {
    let (dir, cannot) = (place(a), |path: &Path, e: &std::io::Error| {
        let reason = format!("{}: {}", show_path(path), out.reason(e));
        Stop::Said(out.text("cannot-write", &[("reason", reason.into())]))
    });
    if fs::read_dir(&dir).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(Stop::Said(out.text("demo-not-empty", &[("path", show_path(&dir).into())])));
    }
    let pictures_dir = dir.join("pictures");
    fs::create_dir_all(&pictures_dir).map_err(|e| cannot(&pictures_dir, &e))?;
    let mut pictures = a.picture.clone();
    // Splicing needs a second package, whatever was given.
    let drawn = if pictures.is_empty() { 2 } else { u8::from(a.forge) };
    for n in 0..drawn {
        let path = pictures_dir.join(format!("drawn-{}.png", n + 1));
        draw(n).save(&path).map_err(|e| Stop::Other(e.into()))?;
        pictures.push(path);
    }
    let data = dir.join("data");
    let options = InitOptions {
        owner_kind: "individual".into(),
        owner_name: "林晚".into(),
        owner_id: Some("11010519491231002X".into()),
        ..InitOptions::default()
    };
    Folder::init(&data, &options)?;
    let exhibits = register(&data, &dir.join("packages"), pictures)?;
    let trust_dir = data.join("trust");
    let trust_files = verify_cmd::trust_files(out, &trust_dir).map_err(Stop::Said)?;
    let trust = read_trust(out, &trust_dir, trust_files.clone())?;

    let mut good = true;
    let mut first = None;
    if !a.json {
        out.line(&out.text("demo-honest", &[]));
    }
    for exhibit in &exhibits {
        let read = |path: &Path| fs::read(path).map_err(|e| cannot(path, &e));
        let picture = read(&exhibit.picture)?;
        for (path, message) in [(&exhibit.package, "demo-kept"), (&exhibit.certificate, "demo-certified")] {
            let artefact = read(path)?;
            let verdict = check(&artefact, &picture, &trust);
            good &= verdict.code() == 0;
            let sentence = |locale| locale::text(locale, message, &[("id", exhibit.id.clone().into())]);
            let line = Line {
                name: "honest".into(),
                zh: sentence(Locale::Zh),
                en: sentence(Locale::En),
                exit: verdict.code(),
                check: None,
                result: None,
                package: path.clone(),
                picture: exhibit.picture.clone(),
                trust: trust_dir.clone(),
                error: (verdict.code() != 0).then(|| out.text("demo-honest-refused", &[])),
            };
            say(out, a.json, &line);
            first.get_or_insert_with(|| (artefact, picture.clone(), verdict));
        }
    }
    let Some((package, picture, verdict)) = first else { return Ok(false) };
    if a.forge {
        let clock = Arc::new(AtomicI64::new(0));
        let turned = clock.clone();
        let origin = Folder::open(&data, Mode::Read)?.origin().to_owned();
        let ticking = Box::new(move || now().plus(turned.load(Ordering::SeqCst)));
        let (signer, authority) = service::platform_keys(&data, &origin, ticking)?;
        let other = exhibits.get(1).map(|e| fs::read(&e.package)).transpose().map_err(|e| cannot(&dir, &e))?;
        let certificate = fs::read(&exhibits[0].certificate).map_err(|e| cannot(&dir, &e))?;
        let loot = Loot {
            package: &package,
            other: &other.unwrap_or_default(),
            certificate: &certificate,
            picture: &picture,
            trust: &trust_files,
            signer,
            authority,
            origin,
            clock,
        };
        let forged = dir.join("forged");
        fs::create_dir_all(&forged).map_err(|e| cannot(&forged, &e))?;
        if !a.json {
            out.line(&format!("\n{}", out.text("demo-forged", &[])));
        }
        for forgery in forge::all(loot)? {
            let lies = lay(&forged, &forgery, &exhibits[0].picture, &trust_dir).map_err(|e| cannot(&forged, &e))?;
            good &= attempt(out, a.json, &forgery, &picture, &trust, lies)?;
        }
    }
    if !a.json {
        account(out, &dir, &verdict, &exhibits[0]);
    }
    Ok(good)
}

/// The folder that was named, or a new one among the system's temporary files.
fn place(a: &args::Demo) -> PathBuf {
    let fresh = || std::env::temp_dir().join(format!("quezao-demo-{}-{}", now().0 / 1000, std::process::id()));
    a.dir.clone().unwrap_or_else(fresh)
}

fn register(data: &Path, output: &Path, pictures: Vec<PathBuf>) -> Result<Vec<Exhibit>, Stop> {
    let mut folder = Folder::open(data, Mode::Write)?;
    let claims =
        BTreeMap::from([("author".to_owned(), "林晚".to_owned()), ("work_origin".to_owned(), "self".to_owned())]);
    let request = DepositRequest { paths: pictures, rights: Rights { claims }, ..DepositRequest::default() };
    let lines = folder.deposit(&request, &mut |_| ())?;
    let mut exhibits: Vec<Exhibit> = Vec::new();
    for line in lines {
        if let Some(error) = line.error {
            return Err(error.into());
        }
        let id = line.id.unwrap_or_default();
        if exhibits.iter().all(|e| e.id != id) {
            let package = output.join(format!("{id}.zip"));
            let certificate = output.join(format!("{id}.pdf"));
            exhibits.push(Exhibit { picture: PathBuf::from(line.file), package, certificate, id });
        }
    }
    let request = ExportRequest {
        ids: exhibits.iter().map(|e| e.id.clone()).collect(),
        output: output.to_owned(),
        wait: 60,
        ..ExportRequest::default()
    };
    for line in folder.export(&request, &mut |_| ())? {
        if let Some(error) = line.error {
            return Err(error.into());
        }
    }
    folder.close()?;
    Ok(exhibits)
}

/// Where a forgery, its picture and the trust folder that it meets lie: so that anybody may try them again.
fn lay(dir: &Path, forgery: &Forgery, picture: &Path, trust: &Path) -> std::io::Result<[PathBuf; 3]> {
    let ending = if forgery.package.starts_with(b"%PDF-") { "pdf" } else { "zip" };
    let package = dir.join(format!("{}.{ending}", forgery.name));
    fs::write(&package, &forgery.package)?;
    let mut lies = [package, picture.to_owned(), trust.to_owned()];
    if let Some(bytes) = &forgery.picture {
        let of_a_page = bytes.starts_with(b"PK").then_some("wacz".as_ref());
        lies[1] = dir.join(forgery.name).with_extension(of_a_page.or(picture.extension()).unwrap_or_default());
        fs::write(&lies[1], bytes)?;
    }
    if let Some(files) = &forgery.trust {
        lies[2] = dir.join(format!("{}.trust", forgery.name));
        fs::create_dir_all(&lies[2])?;
        files.iter().try_for_each(|(name, bytes)| fs::write(lies[2].join(name), bytes))?;
    }
    Ok(lies)
}

/// Whether a forgery was refused by the check that is there for it.
fn attempt(
    out: &Out,
    json: bool,
    forgery: &Forgery,
    picture: &[u8],
    trust: &Trust,
    [package, shown, trust_dir]: [PathBuf; 3],
) -> Result<bool, Stop> {
    let own = forgery.trust.clone().map(|files| read_trust(out, &trust_dir, files)).transpose()?;
    let verdict = check(&forgery.package, forgery.picture.as_deref().unwrap_or(picture), own.as_ref().unwrap_or(trust));
    let result = verdict.find(forgery.check).map(|c| c.result);
    let wanted = if forgery.exit == 1 { Outcome::Fail } else { Outcome::NotChecked };
    let refused = verdict.code() == forgery.exit && result == Some(wanted);
    let story = |locale| locale::text(locale, &format!("forge-{}", forgery.name), &[]);
    let args = [("check", forgery.check.into()), ("code", i64::from(forgery.exit).into())];
    let line = Line {
        name: forgery.name.into(),
        zh: story(Locale::Zh),
        en: story(Locale::En),
        exit: verdict.code(),
        check: Some(forgery.check.into()),
        result,
        package,
        picture: shown,
        trust: trust_dir,
        error: (!refused).then(|| out.text("demo-not-refused", &args)),
    };
    say(out, json, &line);
    Ok(refused)
}

fn say(out: &Out, json: bool, line: &Line) {
    if json {
        out.json(line);
        return;
    }
    let (mark, colour) = match (&line.error, &line.check) {
        (Some(_), _) => ("!", "31"),
        (None, None) => ("✓", "32"),
        (None, Some(_)) if line.exit == 1 => ("✗", "32"),
        (None, Some(_)) => ("☐", "32"),
    };
    out.line(&format!("{} {}", out.paint(colour, mark), out.pick(&line.zh, &line.en)));
    if let Some(check) = line.check.as_ref().filter(|_| line.error.is_none()) {
        let args = [("check", check.clone().into()), ("code", i64::from(line.exit).into())];
        out.line(&format!("      {}", out.text("demo-refused", &args)));
    }
    if let Some(error) = &line.error {
        out.note(error);
    }
}

/// What was proved, by whom, and where the files lie.
fn account(out: &Out, dir: &Path, verdict: &Verdict, exhibit: &Exhibit) {
    for (title, sentences) in [("shows", &verdict.shows), ("does-not-show", &verdict.does_not_show)] {
        out.line(&format!("\n{}", out.text(title, &[])));
        for s in sentences {
            out.line(&format!("  — {}", out.pick(&s.zh, &s.en)));
        }
    }
    let limited: Vec<&str> =
        verdict.checks.iter().filter(|c| c.result == Outcome::Limited).map(|c| c.id.as_str()).collect();
    out.line(&format!("\n{}", out.text("demo-by", &[("limited", limited.join(", ").into())])));
    out.line(&out.text("demo-lies", &[("path", show_path(dir).into())]));
    let again = format!(
        "quezao verify --data {} {} {}",
        show_path(&dir.join("data")),
        show_path(&exhibit.package),
        show_path(&exhibit.picture)
    );
    out.line(&out.text("demo-again", &[("command", again.into())]));
}

fn check(package: &[u8], picture: &[u8], trust: &Trust) -> Verdict {
    let originals = [Original { name: "picture".into(), digests: FileDigests::of(picture) }];
    if package.starts_with(b"%PDF-") {
        return verify::check_certificate(package, trust, &originals, now());
    }
    verify::check_package(package, trust, &originals, now())
}

fn read_trust(out: &Out, dir: &Path, files: Vec<(String, Vec<u8>)>) -> Result<Trust, Stop> {
    Trust::from_files(files).map_err(|e| Stop::Said(verify_cmd::trust_unusable(out, dir, &e)))
}

/// A magpie's evening: nothing that anybody else could own.
fn draw(n: u8) -> image::RgbImage {
    image::RgbImage::from_fn(320, 240, |x, y| {
        let far = |cx: u32, cy: u32| x.abs_diff(cx).pow(2) + y.abs_diff(cy).pow(2);
        let (sun, body, wing) = (far(240 - 60 * u32::from(n), 70), far(120, 150), far(150, 165));
        if wing < 900 {
            image::Rgb([245, 245, 240])
        } else if body < 2500 {
            image::Rgb([20, 24, 40])
        } else if sun < 1200 {
            image::Rgb([230, 90, 40])
        } else {
            image::Rgb([250 - (y / 3) as u8, 214 - (y / 4) as u8, 160 + (x / 8) as u8 + n])
        }
    })
}
