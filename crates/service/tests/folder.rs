//! One data folder, from `init` to packages, and what it refuses.
#![allow(clippy::unwrap_used)]

mod fresh;

use fresh::init;
use service::{DepositRequest, Event, ExportRequest, Folder, InitOptions, Mode};
use std::{fs, path::Path};

fn deposit(data: &Path, request: &DepositRequest) -> Vec<service::DepositLine> {
    let mut folder = Folder::open(data, Mode::Write).unwrap();
    let mut done = 0;
    let lines = folder.deposit(request, &mut |e| done += usize::from(matches!(e, Event::Done(_)))).unwrap();
    assert_eq!(done, lines.len());
    folder.close().unwrap();
    lines
}

#[test]
fn a_file_goes_in_and_its_package_comes_out() {
    let work = tempfile::tempdir().unwrap();
    let data = init(work.path());
    let file = work.path().join("杯.bin");
    fs::write(&file, b"some bytes").unwrap();
    let request = DepositRequest { paths: vec![file.clone()], ..DepositRequest::default() };
    let lines = deposit(&data, &request);
    assert_eq!((lines[0].status.as_str(), lines[0].index), ("new", Some(1)), "{lines:?}");
    assert_eq!(deposit(&data, &request)[0].status, "existing");
    let again = deposit(&data, &DepositRequest { again: true, ..request });
    assert_eq!((again[0].status.as_str(), again[0].index), ("new", Some(2)));

    let id = lines[0].id.clone().unwrap();
    let mut folder = Folder::open(&data, Mode::Read).unwrap();
    let output = work.path().join("out");
    let export =
        ExportRequest { ids: vec![id.clone()], output: output.clone(), originals: true, ..ExportRequest::default() };
    let written = folder.export(&export, &mut |_| ()).unwrap();
    assert!(written.iter().all(|w| w.error.is_none()), "{written:?}");
    assert_eq!(fs::read(output.join(format!("{id}-杯.bin"))).unwrap(), b"some bytes");
    let package = archive::package::read(&fs::read(output.join(format!("{id}.zip"))).unwrap()).unwrap();
    let all: Vec<u8> = package.entries.iter().flat_map(|(_, b)| b.clone()).collect();
    assert!(!all.windows(18).any(|w| w == b"11010519491231002X"), "an ordinary package never holds the full number");
    assert_eq!(folder.check_ledger().unwrap().0, 3);
}

#[test]
fn what_cannot_be_recorded_is_named_and_the_rest_goes_on() {
    let work = tempfile::tempdir().unwrap();
    let data = init(work.path());
    let shop = work.path().join("shop");
    fs::create_dir(&shop).unwrap();
    fs::write(shop.join("good.bin"), b"x").unwrap();
    fs::write(shop.join("empty.bin"), b"").unwrap();
    fs::write(shop.join("bidi\u{202e}gpj.exe"), b"x2").unwrap();
    fs::write(shop.join("a'; rm -rf x'"), b"x3").unwrap();
    fs::write(shop.join(".hidden"), b"x4").unwrap();
    std::os::unix::fs::symlink(&shop, shop.join("loop")).unwrap();
    let lines =
        deposit(&data, &DepositRequest { paths: vec![shop, work.path().join("absent")], ..DepositRequest::default() });
    let status = |name: &str| {
        let line = lines.iter().find(|l| l.file.contains(name)).unwrap();
        (line.status.as_str(), line.error.is_some())
    };
    assert_eq!(status("good"), ("new", false));
    assert_eq!(status("rm -rf"), ("new", false));
    assert_eq!(status("empty"), ("failed", true));
    assert_eq!(status("bidi"), ("failed", true));
    assert_eq!(status("absent"), ("failed", true));
    assert_eq!(lines.len(), 5, "links and hidden names inside a folder are passed over: {lines:?}");
}

#[test]
fn a_folder_that_is_not_ours_is_left_alone() {
    let work = tempfile::tempdir().unwrap();
    fs::write(work.path().join("mine.txt"), b"x").unwrap();
    let options =
        InitOptions { owner_kind: "individual".into(), owner_name: "林晚".into(), ..InitOptions::default() };
    assert!(Folder::init(work.path(), &options).is_err());
    assert_eq!(fs::read_dir(work.path()).unwrap().count(), 1);
    assert!(Folder::open(work.path(), Mode::Read).is_err());
}
