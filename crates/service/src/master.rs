//! The master key, under which every merchant's key lies: never in the database.
//!
//! Rules:
//! - It is 32 random bytes, in hex, in the file that `QUEZAO_MASTER_KEY_FILE` names, else in `keys/master`.
//! - `keys/master` is made with the first merchant; a file of the operator's own is never made for him, since he would
//!   not know that it is the only one.
//! - A folder that has merchants does not open without it: records would look damaged one by one.

use crate::{Error, Result, error::show_path, keys};
use evidence::hex;
use std::{
    fs,
    path::{Path, PathBuf},
};
use store::{Store, Vault};

/// Names the operator's own file.
const VARIABLE: &str = "QUEZAO_MASTER_KEY_FILE";

/// Gives the database its master key, where there is one.
pub(crate) fn unlock(dir: &Path, store: &Store) -> Result<()> {
    let (path, own) = place(dir);
    match fs::read_to_string(&path) {
        Ok(text) => {
            store.unlock(Vault::new(&parse(&path, &text)?)?);
            Ok(())
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound && !own && !store.has_merchants()? => Ok(()),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Err(missing(&path)),
        Err(e) => Err(Error::io(&path, &e)),
    }
}

/// The same, and makes the folder's own where there is none yet.
pub(crate) fn ensure(dir: &Path, store: &Store) -> Result<()> {
    if store.unlocked() {
        return Ok(());
    }
    let (path, own) = place(dir);
    if !own {
        match keys::write_secret(&path, format!("{}\n", hex::encode(&keys::random::<32>()?)).as_bytes()) {
            // Another one made it in the meantime.
            Err(e) if e.code != "exists" => return Err(e),
            _ => {}
        }
    }
    unlock(dir, store)
}

/// The file, and whether the operator named it.
fn place(dir: &Path) -> (PathBuf, bool) {
    match std::env::var_os(VARIABLE).filter(|v| !v.is_empty()) {
        Some(path) => (path.into(), true),
        None => (dir.join("keys/master"), false),
    }
}

fn parse(path: &Path, text: &str) -> Result<[u8; 32]> {
    hex::decode("master key", text.trim_end()).map_err(|_| {
        let shown = show_path(path);
        Error::new(
            format!("{shown}：主密钥须为 64 个小写十六进制数字；请放回原来的文件"),
            format!("{shown}: a master key is 64 lower-case hexadecimal digits; put the file back that was there"),
        )
    })
}

fn missing(path: &Path) -> Error {
    let shown = show_path(path);
    Error::new(
        format!(
            "没有主密钥文件 {shown}，商户的数据打不开；请放回它，或从备份恢复。新设主密钥可用 openssl rand -hex 32 生成"
        ),
        format!(
            "there is no master key at {shown}, without which merchants' data do not open; put the file back or restore \
             a backup. A new one is made with openssl rand -hex 32"
        ),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn it_is_made_with_the_first_merchant_and_asked_for_ever_after() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("keys")).unwrap();
        let database = dir.path().join("quezao.db");
        let store = Store::create(&database).unwrap();
        unlock(dir.path(), &store).unwrap();
        assert!(!store.unlocked());
        ensure(dir.path(), &store).unwrap();
        let (login, name, password) = ("chenlan".into(), "陈岚".into(), "$argon2id$".into());
        let person = store::NewSignIn { account: 0, login, name, password, at: 1 };
        let account = store.add_merchant("party", &person, None).unwrap().unwrap();
        let again = || Store::open(&database).unwrap();
        unlock(dir.path(), &again()).unwrap();
        let file = dir.path().join("keys/master");
        let other = again();
        let kept = fs::read(&file).unwrap();
        fs::write(&file, "0".repeat(64)).unwrap();
        unlock(dir.path(), &other).unwrap();
        assert!(matches!(other.party(account), Err(store::Error::Sealed)), "another key opens nothing");
        fs::write(&file, "short").unwrap();
        assert!(unlock(dir.path(), &again()).unwrap_err().en.contains("64 lower-case"));
        fs::remove_file(&file).unwrap();
        assert!(unlock(dir.path(), &again()).unwrap_err().en.contains("no master key"));
        fs::write(&file, kept).unwrap();
        let found = again();
        unlock(dir.path(), &found).unwrap();
        assert_eq!(found.party(account).unwrap().unwrap(), b"party");
    }
}
