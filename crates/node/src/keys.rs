//! What the node signs with: two keys, because an Ed25519 cosignature does not say whose it is.
//!
//! Rules: *witness* speaks of consistency, *mirror* of a durable copy; each key has one name for ever (C2SP
//! tlog-cosignature). Names are made of `[0-9A-Za-z.:/_-]`, so that none looks like another's. A key is made once and
//! never over an old one.

use crate::{Error, Result, folder};
use base64::{Engine, engine::general_purpose::STANDARD};
use evidence::{
    checkpoint::Checkpoint,
    cosignature::{Cosigner, MlDsaCosigner},
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

/// DER before the 32-byte seed in a PKCS#8 ML-DSA-44 private key (RFC 9881, section 6).
const ML_DSA_PREFIX: [u8; 22] = [
    0x30, 0x34, 0x02, 0x01, 0x00, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x11, 0x04,
    0x22, 0x80, 0x20,
];

/// One cosigner's keys: Ed25519 always, ML-DSA-44 beside it where the node was told to.
pub struct Keys {
    cosigner: Cosigner,
    ml_dsa: Option<MlDsaCosigner>,
}

/// Public keys, as an institution publishes them.
#[derive(Clone, Debug)]
pub struct Published {
    /// Of the witness.
    pub witness: Vec<VerifierKey>,
    /// Of the mirror.
    pub mirror: Vec<VerifierKey>,
    /// SHA-256 of the certificate that signs the desk's reports, hex; `None`: there is none yet.
    pub reports: Option<String>,
}

/// The cosigners of one node.
pub struct Cosigners {
    /// Speaks of consistency, and of nothing else.
    pub witness: Keys,
    /// Speaks of a copy that is complete and durable.
    pub mirror: Keys,
}

impl Keys {
    /// A line for each key over this checkpoint, at this time.
    pub fn cosign(&self, checkpoint: &Checkpoint, now: Utc) -> Result<Vec<SignatureLine>> {
        let seconds = u64::try_from(now.unix_seconds()).ok().filter(|seconds| *seconds > 0).ok_or_else(|| {
            Error::new("本机时钟早于 1970 年；请先校准", "this machine's clock is before 1970; set it first")
        })?;
        let mut lines = vec![self.cosigner.cosign(&checkpoint.to_text(), seconds)];
        if let Some(cosigner) = &self.ml_dsa {
            lines.push(cosigner.cosign(checkpoint, seconds)?);
        }
        Ok(lines)
    }

    /// Public halves.
    pub fn verifier_keys(&self) -> Vec<VerifierKey> {
        let other = self.ml_dsa.as_ref().map(MlDsaCosigner::verifier_key);
        std::iter::once(self.cosigner.verifier_key()).chain(other).collect()
    }
}

impl Cosigners {
    /// The keys of this folder; made under `name` where there are none, under a name of their own where none is given.
    /// `ml_dsa`: from now on with ML-DSA-44 too.
    pub(crate) fn open(dir: &Path, name: Option<&str>, ml_dsa: bool) -> Result<Self> {
        Self::of(dir, name, ml_dsa, true)
    }

    /// The keys of a folder that has them; nothing is written.
    pub(crate) fn known(dir: &Path) -> Result<Self> {
        Self::of(dir, None, false, false)
    }

    fn of(dir: &Path, name: Option<&str>, ml_dsa: bool, make: bool) -> Result<Self> {
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
        if make {
            folder::make(&keys)?;
        }
        let name = match known.or(name.map(str::to_owned)) {
            Some(name) => name,
            None => format!("node.local/{}", evidence::hex::encode(&random::<8>()?)),
        };
        check_name(&name)?;
        let one = |role: &str| -> Result<Keys> {
            let (own, other) = (format!("{name}/{role}"), keys.join(format!("{role}-ml-dsa.pem")));
            let cosigner = Cosigner::from_seed(&own, &seed(&keys.join(format!("{role}.pem")), &ED25519_PREFIX, make)?)?;
            let ml_dsa = (ml_dsa || other.exists())
                .then(|| Ok::<_, Error>(MlDsaCosigner::from_seed(&own, &seed(&other, &ML_DSA_PREFIX, make)?)?))
                .transpose()?;
            Ok(Keys { cosigner, ml_dsa })
        };
        // The name first: no crash leaves a key that could get another one.
        if make && !path.is_file() {
            folder::write(&path, format!("{name}\n").as_bytes())?;
        }
        Ok(Self { witness: one("witness")?, mirror: one("mirror")? })
    }

    /// The witness's name, `NODE/witness`.
    pub fn name(&self) -> String {
        self.witness.verifier_keys().first().map(|key| key.name().to_owned()).unwrap_or_default()
    }

    /// Public halves.
    pub fn published(&self) -> Published {
        Published { witness: self.witness.verifier_keys(), mirror: self.mirror.verifier_keys(), reports: None }
    }
}

/// Whether this folder has no keys yet: what they cosigned is then known, nothing.
pub(crate) fn is_new(dir: &Path) -> bool {
    !dir.join("keys/witness.pem").exists()
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

/// The seed in this file; with `make`, which is made where it is absent.
fn seed(path: &Path, prefix: &[u8], make: bool) -> Result<[u8; 32]> {
    let Some(text) = folder::read_text(path)? else {
        if !make {
            let shown = path.display();
            return Err(Error::new(
                format!("{shown}：没有这把密钥；请从备份恢复，或先启动节点一次"),
                format!("{shown}: no such key; restore it from a backup, or start the node once"),
            ));
        }
        let seed = random::<32>()?;
        let der = STANDARD.encode([prefix, &seed].concat());
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
    der.strip_prefix(prefix).and_then(|seed| seed.try_into().ok()).ok_or_else(|| {
        let shown = path.display();
        Error::new(
            format!("{shown}：不是所需的私钥（PKCS#8 PEM）；请从备份恢复"),
            format!("{shown}: not the private key that it should be (PKCS#8 PEM); restore it from a backup"),
        )
    })
}

pub(crate) fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|e| {
        Error::new(format!("系统没有给出随机数（{e}）"), format!("the system gave no random numbers ({e})"))
    })?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use evidence::{cosignature, note::Note};

    #[test]
    fn a_key_keeps_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let made = Cosigners::open(dir.path(), Some("court.example/node"), false).unwrap();
        let [witness, mirror] = [&made.witness, &made.mirror].map(|keys| keys.verifier_keys()[0].clone());
        assert_eq!((witness.name(), mirror.name()), ("court.example/node/witness", "court.example/node/mirror"));
        assert_ne!(witness.public_key(), mirror.public_key());
        let again = Cosigners::open(dir.path(), None, false).unwrap();
        assert_eq!(again.witness.verifier_keys(), [witness]);
        let other = Cosigners::open(dir.path(), Some("other.example"), false).err().unwrap();
        assert!(other.en.contains("court.example/node") && other.zh.contains("other.example"));
        fs::write(dir.path().join("keys/mirror.pem"), "-----BEGIN PRIVATE KEY-----\n").unwrap();
        assert!(Cosigners::open(dir.path(), None, false).err().unwrap().en.contains("backup"));
    }

    #[test]
    fn a_second_key_is_there_for_good() {
        let dir = tempfile::tempdir().unwrap();
        let made = Cosigners::open(dir.path(), None, true).unwrap().published();
        let kinds = |keys: &[VerifierKey]| keys.iter().map(|key| key.key_type().byte()).collect::<Vec<_>>();
        assert_eq!((kinds(&made.witness), kinds(&made.mirror)), (vec![4, 6], vec![4, 6]));
        assert_eq!(Cosigners::open(dir.path(), None, false).unwrap().published().witness, made.witness);
        let checkpoint = Checkpoint { origin: "log.example".into(), size: 3, root: [7; 32] };
        let lines =
            Cosigners::open(dir.path(), None, false).unwrap().witness.cosign(&checkpoint, Utc(1_700_000_000_000_000));
        let note = Note { text: checkpoint.to_text(), signatures: lines.unwrap() };
        for key in &made.witness {
            assert_eq!(cosignature::verify(&note, key).unwrap().unwrap().unix_seconds, 1_700_000_000);
        }
        // As others read it: a seed alone (RFC 9881).
        let pem = fs::read_to_string(dir.path().join("keys/witness-ml-dsa.pem")).unwrap();
        assert!(pem.lines().nth(1).unwrap().starts_with("MDQCAQAwCwYJYIZIAWUDBAMRBCKAI"), "{pem}");
    }

    #[test]
    fn names_that_look_like_others_are_refused() {
        for name in ["", "a b", "a+b", "cоurt.example", "a//b", "/a", "a/", "a/../b", "a\n", "存证", &"a".repeat(201)]
        {
            let dir = tempfile::tempdir().unwrap();
            assert!(Cosigners::open(dir.path(), Some(name), false).is_err(), "{name:?}");
        }
        let dir = tempfile::tempdir().unwrap();
        let made = Cosigners::open(dir.path(), None, false).unwrap();
        assert!(made.witness.verifier_keys()[0].name().starts_with("node.local/"));
    }
}
