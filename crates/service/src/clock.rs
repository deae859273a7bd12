//! The platform's own clock.

use evidence::time::Utc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Now, by this machine's clock. Before 1970 it is 1970: the folder's own records then show the fault.
pub(crate) fn now() -> Utc {
    let micros = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_micros());
    Utc(i64::try_from(micros).unwrap_or(i64::MAX))
}
