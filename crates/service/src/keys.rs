//! Keys of a folder: PKCS#8 PEM files that only the owner of the folder may read.

use crate::{Error, Result, folder};
use evidence::note::Signer;
use std::{fs, io::Write, os::unix::fs::OpenOptionsExt, path::Path};
use timestamp::Authority;

/// DER before the 32-byte seed in a PKCS#8 Ed25519 private key (RFC 8410, section 7).
const ED25519_PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// The ledger's signer and the embedded authority of a folder: what a dishonest platform would forge with.
/// `quezao demo --forge` plays that platform on its own folder; nothing else signs outside the ledger.
pub fn platform_keys(dir: &Path, origin: &str, clock: timestamp::Clock) -> Result<(Signer, Authority)> {
    let seed = ed25519_from_file(&dir.join("keys/ledger.pem"))?;
    Ok((Signer::from_seed(origin, &seed)?, folder::load_authority(dir, clock)?))
}

/// 32 random hex digits.
pub fn random_word() -> Result<String> {
    Ok(evidence::hex::encode(&random::<16>()?))
}

/// A fresh random array.
pub(crate) fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|e| no_random(&e))?;
    Ok(bytes)
}

/// The same, `n` times.
pub(crate) fn randoms<const N: usize>(n: usize) -> Result<Vec<[u8; N]>> {
    let mut all = vec![[0; N]; n];
    getrandom::fill(all.as_flattened_mut()).map_err(|e| no_random(&e))?;
    Ok(all)
}

fn no_random(e: &getrandom::Error) -> Error {
    Error::new(format!("系统没有给出随机数（{e}）"), format!("the system gave no random numbers ({e})"))
}

/// Writes a new file that only its owner may read, durably; never over an existing one.
pub(crate) fn write_secret(path: &Path, bytes: &[u8]) -> Result<()> {
    let io = |e| Error::io(path, &e);
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(io)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(io)
}

/// PKCS#8 PEM of an Ed25519 seed.
pub(crate) fn ed25519_to_pem(seed: &[u8; 32]) -> String {
    let der = [&ED25519_PREFIX[..], seed].concat();
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", base64_encode(&der))
}

/// The seed in a PKCS#8 PEM file.
pub(crate) fn ed25519_from_file(path: &Path) -> Result<[u8; 32]> {
    let text = fs::read_to_string(path).map_err(|e| Error::io(path, &e))?;
    let body: String = text.lines().filter(|l| !l.starts_with("-----")).collect();
    let der = base64_decode(&body);
    der.as_deref()
        .and_then(|der| der.strip_prefix(&ED25519_PREFIX[..]))
        .and_then(|seed| seed.try_into().ok())
        .ok_or_else(|| {
            Error::new(
                format!("{}：不是 Ed25519 私钥（PKCS#8 PEM）；请从备份恢复", path.display()),
                format!("{}: not an Ed25519 private key (PKCS#8 PEM); restore it from a backup", path.display()),
            )
        })
}

fn base64_encode(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn base64_decode(text: &str) -> Option<Vec<u8>> {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.decode(text).ok()
}
