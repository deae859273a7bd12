//! What a node's folder shows, also beside a node that runs: nothing is written or locked.

use crate::{
    Error, Held, Result, alarms, desk,
    examine::examined,
    folder,
    keys::{Cosigners, Published},
    logs, peers,
};
use evidence::note::MAX_NOTE;
use std::path::Path;

/// One log.
#[derive(Clone, Debug)]
pub struct LogStatus {
    /// Its origin.
    pub origin: String,
    /// Where its tiles are.
    pub url: String,
    /// Leaves of the checkpoint that was cosigned last.
    pub cosigned: Option<u64>,
    /// Leaves of the checkpoint up to which the copy is complete.
    pub mirrored: Option<u64>,
    /// Entries of the copy that were looked at, of a Quezao ledger.
    pub examined: Option<u64>,
}

/// A node.
#[derive(Clone, Debug)]
pub struct Status {
    /// In the order in which they were added.
    pub logs: Vec<LogStatus>,
    /// Addresses of other nodes that are asked.
    pub peers: Vec<String>,
    /// Oldest first.
    pub alarms: Vec<alarms::Stored>,
}

impl Status {
    /// Alarms that nobody acknowledged.
    pub fn open(&self) -> impl Iterator<Item = &alarms::Stored> {
        self.alarms.iter().filter(|alarm| alarm.acknowledged.is_none())
    }
}

/// What stands in this folder.
pub fn status(data: &Path) -> Result<Status> {
    let logs = logs::known(data)?;
    if logs.is_empty() {
        return Err(no_node(data));
    }
    let look = |log: logs::Log| {
        let size = |place: &str| -> Result<Option<u64>> {
            let note = folder::read(&data.join(place).join(log.hash()).join("checkpoint"), MAX_NOTE as u64)?;
            let held = note.map(|note| Held::parse(&note, &log)).transpose()?;
            Ok(held.map(|held| held.checkpoint.size))
        };
        let (cosigned, mirrored) = (size("witness")?, size("mirror")?);
        let examined = examined(data, &log)?;
        Ok(LogStatus { cosigned, mirrored, examined, origin: log.origin().to_owned(), url: log.url })
    };
    let logs = logs.into_iter().map(look).collect::<Result<_>>()?;
    Ok(Status { logs, peers: peers::open(data, &[])?, alarms: alarms::list(data)? })
}

/// The public keys of the node in this folder.
pub fn published(data: &Path) -> Result<Published> {
    if !data.join("name").is_file() {
        return Err(no_node(data));
    }
    Ok(Published { reports: desk::published(data)?, ..Cosigners::known(data)?.published() })
}

/// Roots by which the node's reports are checked, PEM: the signer's, and that of the authority that dates its signatures.
/// `None`: the node was never started.
pub fn report_roots(data: &Path) -> Result<Option<[String; 2]>> {
    desk::roots(data)
}

fn no_node(data: &Path) -> Error {
    let shown = data.display().to_string().escape_debug().to_string();
    Error::new(
        format!("{shown}：这里没有节点；请先用 quezao node --data 启动一次"),
        format!("{shown}: there is no node here; start it once with quezao node --data"),
    )
}
