//! Asking hosts of the web: whom to believe about them.

use crate::{Error, Result, show_path};
use std::{ffi::OsString, path::Path, sync::Arc};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

/// Debian's bundle of the authorities of the web.
pub(crate) const WEB_ROOTS: &str = "/etc/ssl/certs/ca-certificates.crt";

/// TLS with certificates verified by those roots.
pub fn web_tls() -> Result<TlsConfig> {
    Ok(TlsConfig::builder()
        .root_certs(RootCerts::from(web_roots()?))
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build())
}

/// Root certificates: the system's, or those of the file that SSL_CERT_FILE names.
pub(crate) fn web_roots() -> Result<Vec<Certificate<'static>>> {
    let path = std::env::var_os("SSL_CERT_FILE").filter(|v| !v.is_empty()).unwrap_or_else(|| OsString::from(WEB_ROOTS));
    let pem = std::fs::read(&path).unwrap_or_default();
    let certificate = |item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    };
    let roots: Vec<Certificate<'static>> = parse_pem(&pem).filter_map(certificate).collect();
    if roots.is_empty() {
        let shown = show_path(Path::new(&path));
        return Err(Error::new(
            format!("{shown} 中没有根证书，无法核对对方；请安装 ca-certificates，或设置 SSL_CERT_FILE"),
            format!(
                "{shown} holds no root certificates, so no host can be checked; install ca-certificates or set SSL_CERT_FILE"
            ),
        ));
    }
    Ok(roots)
}
