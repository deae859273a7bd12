//! Private keys under a passphrase, as a backup carries them.
//!
//! ```text
//! {"schema":"quezao/keys/v1","kdf":"argon2id","memory_kib":…,"passes":…,"lanes":1,"salt":"HEX","cipher":"chacha20-poly1305"} LF
//! the keys' PEM files as one JSON object by name, encrypted (RFC 8439), the line above authenticated with it
//! ```
//!
//! The key is made of the passphrase by argon2id (RFC 9106) and a fresh salt, and used once, so the nonce is zero.

use crate::{Error, Result, error::read_file, keys};
use argon2::{Algorithm, Argon2, Params, Version};
use evidence::hex;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use std::{collections::BTreeMap, fs, path::Path};

const SCHEMA: &str = "quezao/keys/v1";
const CIPHER: &str = "chacha20-poly1305";
/// Shortest passphrase, in characters, and longest, in bytes.
const MIN: usize = 12;
const MAX: usize = 1024;
/// 64 MiB, three passes: RFC 9106's second choice.
const MEMORY_KIB: u32 = 64 << 10;
const PASSES: u32 = 3;
/// What a reader grants.
const MAX_MEMORY_KIB: u32 = 1 << 20;
const MAX_PASSES: u32 = 16;
const MAX_HEAD: usize = 1024;

#[derive(serde::Serialize, serde::Deserialize)]
struct Head {
    schema: String,
    kdf: String,
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    salt: String,
    cipher: String,
}

/// Refuses a passphrase that protects nothing.
pub(crate) fn check(passphrase: &str) -> Result<()> {
    if passphrase.chars().count() < MIN || passphrase.len() > MAX {
        return Err(Error::new(
            format!("备份口令至少 {MIN} 个字符，至多 {MAX} 字节"),
            format!("a backup's passphrase has at least {MIN} characters and at most {MAX} bytes"),
        ));
    }
    Ok(())
}

/// Every file of `keys/`, sealed.
pub(crate) fn seal(folder: &Path, passphrase: &str) -> Result<Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).map_err(|e| Error::io(folder, &e))? {
        let path = entry.map_err(|e| Error::io(folder, &e))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = String::from_utf8(read_file(&path)?).map_err(|_| {
            Error::new(
                format!("keys/{name} 不是 PEM 文件；请把它移出 keys/"),
                format!("keys/{name} is no PEM file; move it out of keys/"),
            )
        })?;
        files.insert(name, text);
    }
    let salt = keys::random::<16>()?;
    let head = Head {
        schema: SCHEMA.into(),
        kdf: "argon2id".into(),
        memory_kib: MEMORY_KIB,
        passes: PASSES,
        lanes: 1,
        salt: hex::encode(&salt),
        cipher: CIPHER.into(),
    };
    let mut out = serde_json::to_vec(&head).map_err(|_| broken())?;
    out.push(b'\n');
    let mut text = serde_json::to_vec(&files).map_err(|_| broken())?;
    key(&head, passphrase)?.seal_in_place_append_tag(nonce(), Aad::from(&out), &mut text).map_err(|_| broken())?;
    out.extend(text);
    Ok(out)
}

/// The files again, by name.
pub(crate) fn open(sealed: &[u8], passphrase: &str) -> Result<BTreeMap<String, String>> {
    let line = sealed.iter().take(MAX_HEAD).position(|b| *b == b'\n').ok_or_else(broken)?;
    let (line, text) = sealed.split_at(line + 1);
    let head: Head = serde_json::from_slice(line).map_err(|_| broken())?;
    if head.schema != SCHEMA || head.kdf != "argon2id" || head.cipher != CIPHER {
        return Err(Error::new(
            format!(
                "备份中的私钥由更新的版本封存（{} {} {}）；请使用更新的 quezao",
                head.schema, head.kdf, head.cipher
            ),
            format!(
                "the keys were sealed by a newer release ({} {} {}); use a newer quezao",
                head.schema, head.kdf, head.cipher
            ),
        ));
    }
    if head.memory_kib > MAX_MEMORY_KIB || head.passes > MAX_PASSES || head.lanes != 1 {
        return Err(broken());
    }
    let mut text = text.to_vec();
    let opened = key(&head, passphrase)?.open_in_place(nonce(), Aad::from(line), &mut text).map_err(|_| {
        Error::new(
            "口令不对，或备份中的私钥已损坏；没有恢复任何内容",
            "the passphrase is wrong, or the keys in the backup are damaged; nothing was restored",
        )
        .code("passphrase")
    })?;
    let files: BTreeMap<String, String> = serde_json::from_slice(opened).map_err(|_| broken())?;
    let plain = |name: &String| !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\0']);
    if files.keys().all(plain) { Ok(files) } else { Err(broken()) }
}

fn key(head: &Head, passphrase: &str) -> Result<LessSafeKey> {
    let salt: [u8; 16] = hex::decode("salt", &head.salt)?;
    let params = Params::new(head.memory_kib, head.passes, head.lanes, Some(32)).map_err(|_| broken())?;
    let mut key = [0; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.as_bytes(), &salt, &mut key)
        .map_err(|_| broken())?;
    Ok(LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, &key).map_err(|_| broken())?))
}

fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; NONCE_LEN])
}

fn broken() -> Error {
    Error::new("备份中的私钥文件（keys.sealed）已损坏", "the keys in the backup (keys.sealed) are damaged")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn keys_come_out_for_their_passphrase_alone_and_no_bit_is_free() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("ledger.pem"), "-----BEGIN PRIVATE KEY-----").unwrap();
        let sealed = seal(dir.path(), "correct horse battery").unwrap();
        assert!(!sealed.windows(7).any(|w| w == b"PRIVATE"));
        assert_eq!(open(&sealed, "correct horse battery").unwrap()["ledger.pem"], "-----BEGIN PRIVATE KEY-----");
        assert_eq!(open(&sealed, "correct horse batterY").unwrap_err().code, "passphrase");
        for at in [sealed.len() - 1, sealed.len() - 20, sealed.iter().position(|b| *b == b'\n').unwrap() + 1] {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(open(&changed, "correct horse battery").is_err(), "{at}");
        }
        assert!(open(&sealed[..40], "correct horse battery").is_err());
        let head = String::from_utf8_lossy(&sealed).replace("65536", "99999999");
        assert!(open(head.as_bytes(), "correct horse battery").is_err(), "more memory than a reader grants");
        assert!(check("short").is_err());
    }
}
