//! A new folder of an individual.
#![allow(unreachable_pub, missing_docs, clippy::unwrap_used)]

use service::{Folder, InitOptions};
use std::path::{Path, PathBuf};

pub fn init(work: &Path) -> PathBuf {
    let data = work.join("data");
    let options = InitOptions {
        owner_kind: "individual".into(),
        owner_name: "林晚".into(),
        owner_id: Some("11010519491231002X".into()),
        ..InitOptions::default()
    };
    Folder::init(&data, &options).unwrap();
    data
}
