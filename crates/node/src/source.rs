//! A log's static tree (C2SP tlog-tiles), asked over HTTP.
//!
//! Rules: what comes back is bounded and believed by nobody here; no redirect and no proxy of the environment is
//! followed; a partial tile that is gone is taken from the full one.

use crate::{Error, Result};
use evidence::{merkle::Hash, note::MAX_NOTE};
use ledger::{
    MAX_LEAF, split_leaf,
    tiles::{self, Kind, WIDTH},
};
use std::{io::Read, time::Duration};
use ureq::tls::TlsConfig;

/// For one request as a whole.
const PATIENCE: Duration = Duration::from_secs(60);
/// Longest bundle in bytes.
const MAX_BUNDLE: u64 = WIDTH * (MAX_LEAF as u64 + 2);

/// Where a log is.
pub(crate) struct Source {
    base: String,
    agent: ureq::Agent,
}

impl Source {
    /// `tls`: whom to believe about a host of `https`.
    pub(crate) fn new(base: &str, tls: Option<TlsConfig>) -> Self {
        let config = ureq::Agent::config_builder()
            .max_redirects(0)
            .http_status_as_error(false)
            .proxy(None)
            .user_agent(concat!("quezao-node/", env!("CARGO_PKG_VERSION")))
            .max_response_header_size(16 << 10)
            .timeout_connect(Some(Duration::from_secs(10)))
            .timeout_global(Some(PATIENCE));
        let config = match tls {
            Some(tls) => config.tls_config(tls),
            None => config,
        };
        Self { base: base.to_owned(), agent: config.build().new_agent() }
    }

    /// Where it is.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// The signed checkpoint.
    pub(crate) fn checkpoint(&self) -> Result<Vec<u8>> {
        self.shown()?.ok_or_else(|| self.without("checkpoint"))
    }

    /// The same; `None`: there is none.
    pub(crate) fn shown(&self) -> Result<Option<Vec<u8>>> {
        self.get("checkpoint", MAX_NOTE as u64)
    }

    /// The last checkpoint that was sealed with cosignatures, where a Quezao ledger shows it.
    pub(crate) fn cosigned(&self) -> Result<Option<Vec<u8>>> {
        self.get("cosigned", MAX_NOTE as u64)
    }

    /// The first `width` hashes of a tile.
    pub(crate) fn hashes(&self, level: u8, n: u64, width: u64) -> Result<Vec<Hash>> {
        let (bytes, path) = self.file(Kind::Hashes(level), n, width, WIDTH * 32)?;
        let (hashes, rest) = bytes.as_chunks::<32>();
        let enough = hashes.get(..width as usize).filter(|_| rest.is_empty());
        enough.map(<[Hash]>::to_vec).ok_or_else(|| self.odd(&path, width))
    }

    /// The first `width` entries of a bundle, as a bundle.
    pub(crate) fn bundle(&self, n: u64, width: u64) -> Result<Vec<u8>> {
        let (mut bytes, path) = self.file(Kind::Entries, n, width, MAX_BUNDLE)?;
        let mut rest = &bytes[..];
        for _ in 0..width {
            rest = split_leaf(rest).ok_or_else(|| self.odd(&path, width))?.1;
        }
        let whole = bytes.len() - rest.len();
        bytes.truncate(whole);
        Ok(bytes)
    }

    fn file(&self, kind: Kind, n: u64, width: u64, most: u64) -> Result<(Vec<u8>, String)> {
        let path = |width| tiles::path(kind, n, width).to_string_lossy().into_owned();
        for path in [path(width), path(WIDTH)] {
            if let Some(bytes) = self.get(&path, most)? {
                return Ok((bytes, path));
            }
        }
        Err(self.without(&path(width)))
    }

    /// `None`: it is not there.
    fn get(&self, path: &str, most: u64) -> Result<Option<Vec<u8>>> {
        let url = format!("{}/{path}", self.base);
        let failed = |why: String| {
            let why = why.escape_debug().to_string();
            Error::new(
                format!("{url}：没有取到（{why}）；稍后再取"),
                format!("{url}: not fetched ({why}); tried again later"),
            )
        };
        let answer = self.agent.get(&url).call().map_err(|e| failed(e.to_string()))?;
        match answer.status().as_u16() {
            200 => {}
            404 | 410 => return Ok(None),
            status => return Err(failed(format!("HTTP {status}"))),
        }
        let mut bytes = Vec::new();
        let mut reader = answer.into_body().into_reader().take(most + 1);
        reader.read_to_end(&mut bytes).map_err(|e| failed(e.to_string()))?;
        if bytes.len() as u64 > most {
            return Err(failed(format!("more than {most} bytes")));
        }
        Ok(Some(bytes))
    }

    fn without(&self, path: &str) -> Error {
        let url = format!("{}/{path}", self.base);
        Error::new(
            format!("{url}：账本没有这个文件；稍后再取"),
            format!("{url}: the ledger has no such file; tried again later"),
        )
    }

    fn odd(&self, path: &str, width: u64) -> Error {
        let url = format!("{}/{path}", self.base);
        Error::new(format!("{url}：不是 {width} 项的文件"), format!("{url}: not a file of {width} items"))
    }
}
