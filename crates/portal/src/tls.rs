//! Encryption with certificate files of the operator's: read at the start, again at SIGHUP, and when they have changed.
//!
//! A pair that cannot be used does not replace one that can: it is named, and the one before goes on.

use evidence::time::Utc;
use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use service::{Error, Result, show_path};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::SystemTime,
};

/// Longest certificate or key file, in bytes.
const MAX_PEM: u64 = 1 << 20;
/// A certificate that ends within so many days is warned of.
const WARNED_DAYS: i64 = 14;
const DAY: i64 = 24 * 3600;

/// When the files were written, and how long they are.
type Look = [Option<(SystemTime, u64)>; 2];

/// The pair that is in use, and where it came from.
#[derive(Debug)]
pub(crate) struct Pair {
    certificate: PathBuf,
    key: PathBuf,
    current: RwLock<Arc<CertifiedKey>>,
    looked: Mutex<Look>,
}

impl Pair {
    pub(crate) fn open(certificate: &Path, key: &Path) -> Result<Arc<Self>> {
        let looked = look(certificate, key);
        Ok(Arc::new(Self {
            current: RwLock::new(Arc::new(load(certificate, key)?)),
            looked: Mutex::new(looked),
            certificate: certificate.to_owned(),
            key: key.to_owned(),
        }))
    }

    /// Reads the files again where they look otherwise, or in any case; whether they were read.
    pub(crate) fn refresh(&self, in_any_case: bool) -> Result<bool> {
        let now = look(&self.certificate, &self.key);
        let before = std::mem::replace(&mut *self.looked.lock().unwrap_or_else(PoisonError::into_inner), now);
        if before == now && !in_any_case {
            return Ok(false);
        }
        let fresh = Arc::new(load(&self.certificate, &self.key)?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(true)
    }

    /// What is to be said of the end of the certificate that is in use.
    pub(crate) fn ending(&self) -> Option<(String, String)> {
        ending(&self.certificate, ends(&self.current.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl ResolvesServerCert for Pair {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

/// TLS 1.2 and 1.3; inside it HTTP/1.1.
pub(crate) fn acceptor(pair: Arc<Pair>) -> Result<tokio_rustls::TlsAcceptor> {
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder
        .with_safe_default_protocol_versions()
        .map_err(|e| Error::new(format!("无法启用加密（{e}）"), format!("encryption could not be set up ({e})")))?;
    let mut config = builder.with_no_client_auth().with_cert_resolver(pair);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config).into())
}

/// Whether these files can be used, and what is to be said of their end: for `admin config check`.
pub fn check_pair(certificate: &Path, key: &Path) -> Result<Option<(String, String)>> {
    Ok(ending(certificate, ends(&load(certificate, key)?)))
}

fn ends(pair: &CertifiedKey) -> Option<Utc> {
    pair.cert.first().and_then(|leaf| service::certificate_ends(leaf))
}

/// What is to be said of a certificate that has ended, or ends within two weeks, (zh, en).
fn ending(certificate: &Path, ends: Option<Utc>) -> Option<(String, String)> {
    let ends = ends?;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_secs());
    let left = ends.unix_seconds() - i64::try_from(now).unwrap_or(i64::MAX);
    let (shown, text) = (show_path(certificate), ends.to_micros());
    let (day, days) = (text.get(..10).unwrap_or_default(), left / DAY);
    if left <= 0 {
        return Some((
            format!("{shown}：证书已于 {day}（UTC）到期，浏览器与命令行会拒绝连接；请换上新证书"),
            format!(
                "{shown}: the certificate ended on {day} (UTC), so browsers and commands refuse to connect; put a new one in its place"
            ),
        ));
    }
    (days < WARNED_DAYS).then(|| {
        (
            format!("{shown}：证书还有 {days} 天，于 {day}（UTC）到期；请在此之前换上新证书，门户会自动读入"),
            format!("{shown}: the certificate ends in {days} days, on {day} (UTC); put a new one in its place before, the portal reads it by itself"),
        )
    })
}

fn look(certificate: &Path, key: &Path) -> Look {
    [certificate, key].map(|path| {
        let file = fs::metadata(path).ok()?;
        Some((file.modified().ok()?, file.len()))
    })
}

fn load(certificate: &Path, key: &Path) -> Result<CertifiedKey> {
    let (shown, shown_key) = (show_path(certificate), show_path(key));
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(&read(certificate)?).collect::<std::result::Result<_, _>>().unwrap_or_default();
    if chain.is_empty() {
        return Err(Error::new(
            format!(
                "tls.certificate：{shown} 里没有证书；应为 PEM（BEGIN CERTIFICATE），服务器的证书在前，签发者的在后"
            ),
            format!(
                "tls.certificate: there is no certificate in {shown}; it must be PEM (BEGIN CERTIFICATE), the server's own first, its issuers' after it"
            ),
        ));
    }
    let secret = PrivateKeyDer::from_pem_slice(&read(key)?).map_err(|_| {
        Error::new(
            format!("tls.key_file：{shown_key} 里没有能用的私钥；应为未加密的 PEM（BEGIN PRIVATE KEY）"),
            format!("tls.key_file: there is no private key that can be used in {shown_key}; it must be PEM without a passphrase (BEGIN PRIVATE KEY)"),
        )
    })?;
    let provider: CryptoProvider = ring::default_provider();
    CertifiedKey::from_der(chain, secret, &provider).map_err(|e| match e {
        rustls::Error::InconsistentKeys(_) => Error::new(
            format!("{shown_key} 的私钥不属于 {shown} 的证书；请给出同一对"),
            format!(
                "the key in {shown_key} is not that of the certificate in {shown}; give the two that belong together"
            ),
        ),
        e => Error::new(
            format!("{shown} 与 {shown_key} 不能用于加密（{e}）；请换一对（ECDSA、Ed25519 或 RSA）"),
            format!("{shown} and {shown_key} cannot be used ({e}); give another pair (ECDSA, Ed25519 or RSA)"),
        ),
    })
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let shown = show_path(path);
    let long = || format!("> {MAX_PEM}");
    let bytes = match fs::metadata(path) {
        Ok(file) if file.len() > MAX_PEM => Err(long()),
        Ok(_) => fs::read(path).map_err(|e| e.to_string()),
        Err(e) => Err(e.to_string()),
    };
    bytes.map_err(|why| {
        Error::new(
            format!("{shown}：无法读取（{why}）；请检查 [tls] 里的路径与权限"),
            format!("{shown} cannot be read ({why}); check path and permissions in [tls]"),
        )
    })
}
