//! The portal's own files, built into the program; their address changes with their content.

use axum::{
    extract::Path,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use evidence::{digest, hex};
use std::sync::LazyLock;

struct Asset {
    name: &'static str,
    kind: &'static str,
    bytes: &'static [u8],
}

/// A worker keeps to the policy of its own file. This one reads pictures that are not to leave the visitor's machine, so
/// it may run its module and ask nobody.
const WORKER: &str = "digester.js";
const WORKER_POLICY: &str = "default-src 'none'; script-src 'wasm-unsafe-eval'";

const ASSETS: &[Asset] = &[
    Asset { name: "style.css", kind: "text/css; charset=utf-8", bytes: include_bytes!("../assets/style.css") },
    Asset { name: "portal.js", kind: "text/javascript; charset=utf-8", bytes: include_bytes!("../assets/portal.js") },
    Asset {
        name: "register.js",
        kind: "text/javascript; charset=utf-8",
        bytes: include_bytes!("../assets/register.js"),
    },
    Asset { name: "library.js", kind: "text/javascript; charset=utf-8", bytes: include_bytes!("../assets/library.js") },
    Asset { name: "passkey.js", kind: "text/javascript; charset=utf-8", bytes: include_bytes!("../assets/passkey.js") },
    Asset { name: "rights.js", kind: "text/javascript; charset=utf-8", bytes: include_bytes!("../assets/rights.js") },
    Asset { name: "send.js", kind: "text/javascript; charset=utf-8", bytes: include_bytes!("../assets/send.js") },
    Asset { name: WORKER, kind: "text/javascript; charset=utf-8", bytes: include_bytes!("../assets/digester.js") },
    // Built by scripts/digester.sh; `make test` builds it again and compares.
    Asset { name: "digester.wasm", kind: "application/wasm", bytes: include_bytes!("../assets/digester.wasm") },
    Asset { name: "chevron.svg", kind: "image/svg+xml", bytes: include_bytes!("../assets/chevron.svg") },
    Asset { name: "icon.svg", kind: "image/svg+xml", bytes: include_bytes!("../assets/icon.svg") },
];

/// Of all of them: one word for one release.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let all: Vec<u8> = ASSETS.iter().flat_map(|a| a.bytes.iter().copied()).collect();
    hex::encode(&digest::sha256(&all))[..16].to_owned()
});

/// Where a file is served.
pub(crate) fn address(name: &str) -> String {
    format!("/assets/{}/{name}", *VERSION)
}

pub(crate) async fn serve(Path((version, name)): Path<(String, String)>) -> Response {
    let Some(asset) = ASSETS.iter().find(|a| a.name == name && version == *VERSION) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let heads = [(header::CONTENT_TYPE, asset.kind), (header::CACHE_CONTROL, "public, max-age=31536000, immutable")];
    let mut response = (heads, asset.bytes).into_response();
    if asset.name == WORKER {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(WORKER_POLICY));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_page_can_need_more_than_200_kilobytes_of_them() {
        let all: usize = ASSETS.iter().map(|asset| asset.bytes.len()).sum();
        assert!(all < 200_000, "{all} bytes");
    }
}
