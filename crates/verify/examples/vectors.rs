//! Writes `vectors/` anew: `cargo run -p verify --example vectors -- vectors`. The README there is written by hand.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

#[path = "../tests/common/mod.rs"]
mod common;
#[path = "../tests/making/mod.rs"]
mod making;

fn main() {
    let folder = std::env::args_os().nth(1).expect("usage: vectors FOLDER");
    let folder = std::path::Path::new(&folder);
    // What is no longer made goes; a witness's are made elsewhere.
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("witness") {
            std::fs::remove_dir_all(path).unwrap();
        }
    }
    let files = making::all();
    for (path, bytes) in &files {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    println!("{} files, {} bytes", files.len(), files.values().map(Vec::len).sum::<usize>());
}
