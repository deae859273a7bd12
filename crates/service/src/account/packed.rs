//! An uploaded ZIP, registered file by file. The upload stays: who wants the ZIP itself on record registers that too.

use super::{
    Account, Actor, Answer, Permission, Refusal, Why,
    deposit::{OUTSIDE, check_claims, incoming, without_path},
    unzip::Zip,
    upload::{Hand, Whole},
};
use crate::{DepositLine, DepositRequest, Error, Event, Folder, Result, Rights, keys};
use evidence::hex;
use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// A ZIP that was looked through and may be registered.
pub struct Packed {
    zip: Zip,
    _hand: Hand,
}

impl Packed {
    /// Files that will be registered, and names that are left out (hidden, `__MACOSX`).
    pub fn counts(&self) -> (usize, usize) {
        (self.zip.len(), self.zip.passed)
    }
}

/// A folder that goes with whoever holds it.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Folder {
    /// Looks through an uploaded ZIP: refused as a whole, or good as a whole.
    pub fn look_into_zip(&self, actor: &Actor, id: &str) -> Answer<Packed> {
        let person = self.allow(actor, Permission::Deposit)?;
        let Whole::Waits(row, path, hand) = self.whole_upload(actor, id)? else {
            let (zh, en) = ("这个 ZIP 已作为一个文件登记", "this ZIP was registered as one file");
            return Err(Refusal::new(Why::Conflict, zh, en));
        };
        let zip = Zip::open(&path)?;
        // The ZIP itself does not stay.
        self.has_left(person, zip.len() as u64, zip.bytes, row.length)?;
        // Unpacked, and copied to the originals.
        self.has_room(2 * zip.bytes)?;
        Ok(Packed { zip, _hand: hand })
    }

    /// Registers every file of a ZIP under its own name; `each` gets its line as soon as it is acknowledged. Once
    /// `stop` is set no further file is begun.
    pub fn register_zip(
        &self,
        actor: &Actor,
        packed: &Packed,
        rights: &Rights,
        stop: Arc<AtomicBool>,
        each: &mut dyn FnMut(DepositLine),
    ) -> Answer<()> {
        let person = self.allow(actor, Permission::Deposit)?;
        let mut claims = rights.claims.clone();
        check_claims(&claims)?;
        claims.insert("acting_account".into(), person.name.clone());
        let folder = incoming(&self.dir).join(format!("upload-{}", hex::encode(&keys::random::<16>()?)));
        fs::create_dir_all(&folder).map_err(|e| Error::io(&folder, &e))?;
        let folder = Scratch(folder);
        let files = packed.zip.unpack(&folder.0)?;
        let _held = self.in_flight.hold(person.account, files.iter().map(|(_, sha256)| *sha256));
        let digests: Vec<[u8; 32]> = files.iter().map(|(_, sha256)| *sha256).collect();
        let reserved = self.reserve_for(person, &digests, true, packed.zip.bytes)?;
        let paths = files.into_iter().map(|(path, _)| path).collect();
        let request = DepositRequest {
            paths,
            rights: Rights { claims },
            wait: Some(OUTSIDE),
            stop: Some(stop.clone()),
            account: Account(person.account),
            charge: reserved.charge(0),
            act: Some(actor.act(person, "deposit", "")),
            ..DepositRequest::default()
        };
        let mut noted: Result<()> = Ok(());
        self.deposit_beside(&request, &mut |event| {
            let (Event::Done(line) | Event::Left(line)) = event else { return };
            if let (Some(id), Ok(())) = (&line.id, &noted) {
                let note = || if line.noted { Ok(()) } else { self.note(actor, person, "deposit", id) };
                noted = self.made_by(person, id).and_then(|()| note());
            }
            // What was permitted at the first file may have been taken away since.
            if self.may(actor, Permission::Deposit).is_err() {
                stop.store(true, Ordering::Relaxed);
            }
            let line = named(*line, &folder.0);
            if let Some(error) = &line.error {
                self.note_uncharged(person, &line.file, &Refusal { why: Why::Field("file"), error: error.clone() });
            }
            each(line);
        })?;
        Ok(noted?)
    }
}

/// Under its name in the ZIP, not where it lay here.
fn named(mut line: DepositLine, folder: &Path) -> DepositLine {
    let path = PathBuf::from(&line.file);
    line.error = line.error.map(|error| without_path(error, &path));
    if let Ok(inside) = path.strip_prefix(folder) {
        line.file = inside.to_string_lossy().into_owned();
    }
    line
}
