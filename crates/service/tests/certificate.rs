//! Certificates as `export` writes them, and letters that they cannot print.
#![allow(clippy::unwrap_used)]

use service::{DepositLine, DepositRequest, ExportRequest, Folder, InitOptions, Mode, Rights};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const ID: &str = "11010519491231002X";

fn options(name: &str) -> InitOptions {
    let owner_id = Some(ID.to_owned());
    InitOptions { owner_kind: "individual".into(), owner_name: name.into(), owner_id, ..InitOptions::default() }
}

/// A folder with one picture in it: the data, the picture's path and its line.
fn shop(work: &Path, digest_only: bool) -> (PathBuf, PathBuf, DepositLine) {
    let (data, file) = (work.join("data"), work.join("杯😺.png"));
    Folder::init(&data, &options("林晚")).unwrap();
    let picture = image::RgbImage::from_fn(900, 600, |x, y| image::Rgb([(x % 256) as u8, (y % 256) as u8, 60]));
    picture.save(&file).unwrap();
    let request = DepositRequest { paths: vec![file.clone()], digest_only, ..DepositRequest::default() };
    let line = deposit(&data, &request).unwrap().swap_remove(0);
    (data, file, line)
}

fn deposit(data: &Path, request: &DepositRequest) -> service::Result<Vec<DepositLine>> {
    let mut folder = Folder::open(data, Mode::Write).unwrap();
    let lines = folder.deposit(request, &mut |_| ());
    folder.close().unwrap();
    lines
}

fn export(data: &Path, output: &Path, id: &str, change: impl Fn(&mut ExportRequest)) -> Vec<service::ExportLine> {
    let mut request = ExportRequest { ids: vec![id.into()], output: output.into(), ..ExportRequest::default() };
    change(&mut request);
    let lines = Folder::open(data, Mode::Read).unwrap().export(&request, &mut |_| ()).unwrap();
    assert!(lines.iter().all(|l| l.error.is_none()), "{lines:?}");
    lines
}

fn entries(zip: &Path) -> Vec<(String, Vec<u8>)> {
    archive::package::read(&fs::read(zip).unwrap()).unwrap().entries
}

/// Text of the page, where the machine has poppler.
fn text(pdf: &Path) -> Option<String> {
    let output = Command::new("pdftotext").args(["-layout"]).arg(pdf).arg("-").output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn the_certificate_lies_beside_the_package_and_inside_it() {
    let work = tempfile::tempdir().unwrap();
    let (data, _, line) = shop(work.path(), false);
    let (id, output) = (line.id.unwrap(), work.path().join("out"));
    let lines = export(&data, &output, &id, |_| ());
    let name = |n: usize| lines[n].file.as_ref().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
    assert_eq!((lines.len(), name(0), name(1)), (2, format!("{id}.pdf"), format!("{id}.zip")));
    let (pdf_path, zip_path) = (output.join(name(0)), output.join(name(1)));
    let pdf = fs::read(&pdf_path).unwrap();
    let entries = entries(&zip_path);
    assert_eq!(entries.last().unwrap(), &("certificate.pdf".to_owned(), pdf.clone()));

    // Attached: the entries between package.json and itself, under the same names, with the same bytes.
    let folder = work.path().join("attached");
    fs::create_dir(&folder).unwrap();
    if let Ok(status) = Command::new("pdfdetach").arg("-saveall").arg("-o").arg(&folder).arg(&pdf_path).status() {
        assert!(status.success());
        assert_eq!(fs::read_dir(&folder).unwrap().count(), entries.len() - 2);
        for (name, bytes) in &entries[1..entries.len() - 1] {
            assert_eq!(&fs::read(folder.join(name)).unwrap(), bytes, "{name}");
        }
    }
    if let Some(page) = text(&pdf_path) {
        assert!(
            page.contains("自行固定记录") && page.contains("核验一致，有保留") && page.contains("缩略图"),
            "{page}"
        );
        assert!(
            page.contains("杯[U+1F63A].png") && page.contains("1****************X") && !page.contains(ID),
            "{page}"
        );
    }
    let attached: BTreeMap<_, _> = entries.into_iter().collect();
    if !pdf.windows(10).any(|w| w == b"/ByteRange") {
        assert!(certificate::redraw(&pdf, &attached).unwrap() == pdf, "what was exported is drawn again");
    }
    let held = certificate::thumbnail_in(&pdf).unwrap();
    let original = fs::read(work.path().join("杯😺.png")).unwrap();
    assert!(held == picture::thumbnail(original, &picture::Limits::default()).unwrap());
}

#[test]
fn the_court_s_copy_attaches_the_number_and_prints_it_nowhere() {
    let work = tempfile::tempdir().unwrap();
    let (data, _, line) = shop(work.path(), false);
    let (id, output) = (line.id.unwrap(), work.path().join("out"));
    export(&data, &output, &id, |r| (r.full, r.english) = (true, true));
    let zip = output.join(format!("{id}.full.zip"));
    let disclosed = entries(&zip).into_iter().find(|e| e.0 == "disclosure.json").unwrap().1;
    let set = evidence::disclosure::parse_set(&disclosed).unwrap();
    assert!(set.iter().any(|d| d.name() == "owner_id" && d.value() == ID));
    if let Some(page) = text(&output.join(format!("{id}.full.pdf"))) {
        assert!(page.contains("Self-made Record") && !page.contains(ID), "{page}");
    }
}

#[test]
fn an_original_that_is_not_there_is_not_claimed() {
    let work = tempfile::tempdir().unwrap();
    let (data, _, line) = shop(work.path(), true);
    let (id, output) = (line.id.unwrap(), work.path().join("out"));
    export(&data, &output, &id, |_| ());
    if let Some(page) = text(&output.join(format!("{id}.pdf"))) {
        assert!(page.contains("待与原件比对") && !page.contains("核验一致") && !page.contains("缩略图"), "{page}");
    }
    // Kept, then damaged: the evidence still comes out, without the claim.
    let work = tempfile::tempdir().unwrap();
    let (data, _, line) = shop(work.path(), false);
    let sha256 = line.sha256.unwrap();
    fs::write(data.join("originals").join(&sha256[..2]).join(&sha256), b"damaged").unwrap();
    let (id, output) = (line.id.unwrap(), work.path().join("out"));
    export(&data, &output, &id, |r| r.english = true);
    if let Some(page) = text(&output.join(format!("{id}.pdf"))) {
        assert!(page.contains("Awaiting the original") && !page.contains("Thumbnail"), "{page}");
    }
}

#[test]
fn letters_that_cannot_be_printed_are_refused_before_anything_is_recorded() {
    let work = tempfile::tempdir().unwrap();
    let data = work.path().join("data");
    let refused = Folder::init(&data, &options("林😺晚")).unwrap_err();
    assert!(refused.zh.contains("“😺”（U+1F63A）") && refused.en.contains("U+1F63A"), "{refused:?}");
    assert!(!data.exists());
    Folder::init(&data, &options("林晚")).unwrap();
    let file = work.path().join("a.bin");
    fs::write(&file, b"bytes").unwrap();
    for (value, printable) in [("猫😺", false), ("zero\u{200d}width", false), ("釉色杯 Wałęsa", true)] {
        let rights = Rights { claims: BTreeMap::from([("title".to_owned(), value.to_owned())]) };
        let request = DepositRequest { paths: vec![file.clone()], rights, ..DepositRequest::default() };
        assert_eq!(deposit(&data, &request).is_ok(), printable, "{value}");
        let recorded = Folder::open(&data, Mode::Read).unwrap().list().unwrap().len();
        assert_eq!(recorded, usize::from(printable), "a refusal records nothing");
    }
}
