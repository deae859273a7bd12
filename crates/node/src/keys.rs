//! What the node signs with: two keys, because an Ed25519 cosignature does not say whose it is.
//!
//! Rules: *witness* speaks of consistency, *mirror* of a durable copy; each key has one name for ever (C2SP
//! tlog-cosignature). Names are made of `[0-9A-Za-z.:/_-]`, so that none looks like another's. A key is made once and
//! never over an old one.

use crate::{Error, Result, folder};
use base64::{Engine, engine::general_purpose::STANDARD};
use evidence::{
    cosignature::Cosigner,
    note::{SignatureLine, VerifierKey},
    time::Utc,
};
use std::{
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

/// DER before the 32-byte seed in a PKCS#8 Ed25519 private key (RFC 8410, section 7).
const ED25519_PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// Longest name: `NAME/witness` stands in cosignatures with one byte for its length.
const MAX_NAME: usize = 200;

/// One cosigner's keys.
pub struct Keys {
    cosigner: Cosigner,
}

/// Public keys, as an institution publishes them.
#[derive(Clone, Debug)]
pub struct Published {
    /// Of the witness.
    pub witness: Vec<VerifierKey>,
    /// Of the mirror.
    pub mirror: Vec<VerifierKey>,
}

/// The cosigners of one node.
pub struct Cosigners {
    /// Speaks of consistency, and of nothing else.
    pub witness: Keys,
    /// Speaks of a copy that is complete and durable.
    pub mirror: Keys,
}

impl Keys {
    /// A line for each key over this text, at this time.
    pub fn cosign(&self, text: &str, unix_seconds: u64) -> Vec<SignatureLine> {
        vec![self.cosigner.cosign(text, unix_seconds)]
    }

    /// Public halves.
    pub fn verifier_keys(&self) -> Vec<VerifierKey> {
        vec![self.cosigner.verifier_key()]
    }
}

impl Cosigners {
    /// The keys of this folder; made under `name` where there are none, under a name of their own where none is given.
    pub(crate) fn open(dir: &Path, name: Option<&str>) -> Result<Self> {
        let path = dir.join("name");
        let known = folder::read_text(&path)?;
        if let (Some(known), Some(given)) = (&known, name)
            && known != given
        {
            return Err(Error::new(
                format!("本节点名为 {known}，不能改称 {given}；一把密钥只有一个名字，换名请用新的文件夹"),
                format!("this node is called {known}, not {given}: a key has one name; use a new folder for another"),
            ));
        }
        let keys = dir.join("keys");
        folder::make(&keys)?;
        let name = match known.or(name.map(str::to_owned)) {
            Some(name) => name,
            None => format!("node.local/{}", evidence::hex::encode(&random::<8>()?)),
        };
        check_name(&name)?;
        let one = |role: &str| -> Result<Keys> {
            let seed = seed(&keys.join(format!("{role}.pem")))?;
            Ok(Keys { cosigner: Cosigner::from_seed(&format!("{name}/{role}"), &seed)? })
        };
        let cosigners = Self { witness: one("witness")?, mirror: one("mirror")? };
        if !path.is_file() {
            folder::write(&path, format!("{name}\n").as_bytes())?;
        }
        Ok(cosigners)
    }

    /// Public halves.
    pub fn published(&self) -> Published {
        Published { witness: self.witness.verifier_keys(), mirror: self.mirror.verifier_keys() }
    }
}

fn check_name(name: &str) -> Result<()> {
    let fits = |c: u8| c.is_ascii_alphanumeric() || b".:/_-".contains(&c);
    let whole = !name.split('/').any(|part| matches!(part, "" | "." | ".."));
    if name.len() <= MAX_NAME && name.bytes().all(fits) && whole {
        return Ok(());
    }
    let shown = name.escape_debug();
    Err(Error::new(
        format!(
            "节点名称 {shown} 不能用；应为不带 https:// 的网址，只用字母、数字与 . : / _ -，例如 court.example/node"
        ),
        format!(
            "the node's name {shown} cannot be used; give an address without https://, of letters, digits and . : / _ - alone, such as court.example/node"
        ),
    ))
}

/// The seed in this file, which is made where it is absent.
fn seed(path: &Path) -> Result<[u8; 32]> {
    let Some(text) = folder::read_text(path)? else {
        let seed = random::<32>()?;
        let der = STANDARD.encode([&ED25519_PREFIX[..], &seed].concat());
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{der}\n-----END PRIVATE KEY-----\n");
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let written = file.and_then(|mut file| file.write_all(pem.as_bytes()).and_then(|()| file.sync_all()));
        written
            .and_then(|()| fs::File::open(path.parent().unwrap_or(path))?.sync_all())
            .map_err(|e| Error::io(path, &e))?;
        return Ok(seed);
    };
    let body: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
    let der = STANDARD.decode(body).unwrap_or_default();
    der.strip_prefix(&ED25519_PREFIX[..]).and_then(|seed| seed.try_into().ok()).ok_or_else(|| {
        let shown = path.display();
        Error::new(
            format!("{shown}：不是 Ed25519 私钥（PKCS#8 PEM）；请从备份恢复"),
            format!("{shown}: not an Ed25519 private key (PKCS#8 PEM); restore it from a backup"),
        )
    })
}

/// As cosignatures have it.
pub(crate) fn seconds(now: Utc) -> Result<u64> {
    u64::try_from(now.unix_seconds()).ok().filter(|seconds| *seconds > 0).ok_or_else(|| {
        Error::new("本机时钟早于 1970 年；请先校准", "this machine's clock is before 1970; set it first")
    })
}

fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|e| {
        Error::new(format!("系统没有给出随机数（{e}）"), format!("the system gave no random numbers ({e})"))
    })?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_keeps_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let made = Cosigners::open(dir.path(), Some("court.example/node")).unwrap();
        let [witness, mirror] = [&made.witness, &made.mirror].map(|keys| keys.verifier_keys()[0].clone());
        assert_eq!((witness.name(), mirror.name()), ("court.example/node/witness", "court.example/node/mirror"));
        assert_ne!(witness.public_key(), mirror.public_key());
        let again = Cosigners::open(dir.path(), None).unwrap();
        assert_eq!(again.witness.verifier_keys(), [witness]);
        let other = Cosigners::open(dir.path(), Some("other.example")).err().unwrap();
        assert!(other.en.contains("court.example/node") && other.zh.contains("other.example"));
        fs::write(dir.path().join("keys/mirror.pem"), "-----BEGIN PRIVATE KEY-----\n").unwrap();
        assert!(Cosigners::open(dir.path(), None).err().unwrap().en.contains("backup"));
    }

    #[test]
    fn names_that_look_like_others_are_refused() {
        for name in ["", "a b", "a+b", "cоurt.example", "a//b", "/a", "a/", "a/../b", "a\n", "存证", &"a".repeat(201)]
        {
            let dir = tempfile::tempdir().unwrap();
            assert!(Cosigners::open(dir.path(), Some(name)).is_err(), "{name:?}");
        }
        let dir = tempfile::tempdir().unwrap();
        let made = Cosigners::open(dir.path(), None).unwrap();
        assert!(made.witness.verifier_keys()[0].name().starts_with("node.local/"));
    }
}
