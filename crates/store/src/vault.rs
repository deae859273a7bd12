//! What a merchant's key seals.
//!
//! Rules:
//! - Every merchant has a random key of its own; the database holds it sealed under the master key, which is given from
//!   outside and never written here. Whoever has the database alone opens nothing, and a merchant whose row is gone is
//!   closed to everybody.
//! - Sealed is ChaCha20-Poly1305 (RFC 8439) with a random nonce in front; the account and what is sealed are
//!   authenticated with it, so that no row can stand in another's place.
//! - The folder's owner has no key: the command line and every reader's tool read his rows as they are.

use crate::{Error, OWNER_ACCOUNT, Result, Store};
use ring::{
    aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    rand::{SecureRandom, SystemRandom},
};
use rusqlite::{Connection, OptionalExtension};

/// A key, or the master key.
const KEY: usize = 32;

/// The master key of a process that may open what merchants' keys seal.
pub struct Vault {
    master: LessSafeKey,
    random: SystemRandom,
}

impl Vault {
    /// Under this master key.
    pub fn new(master: &[u8; KEY]) -> Result<Self> {
        Ok(Self { master: key_of(master)?, random: SystemRandom::new() })
    }

    /// A new merchant's key, sealed under the master key.
    pub(crate) fn new_key(&self, account: i64) -> Result<Vec<u8>> {
        let mut key = [0; KEY];
        self.random.fill(&mut key).map_err(|_| Error::Sealed)?;
        self.seal_under(&self.master, &name(account, "key"), &key)
    }

    /// Seals bytes of an account under its key.
    pub(crate) fn seal(&self, key: &[u8], account: i64, what: &str, bytes: &[u8]) -> Result<Vec<u8>> {
        self.seal_under(&self.unwrap(key, account)?, &name(account, what), bytes)
    }

    /// The bytes again.
    pub(crate) fn open(&self, key: &[u8], account: i64, what: &str, sealed: &[u8]) -> Result<Vec<u8>> {
        open_under(&self.unwrap(key, account)?, &name(account, what), sealed)
    }

    fn unwrap(&self, key: &[u8], account: i64) -> Result<LessSafeKey> {
        key_of(&open_under(&self.master, &name(account, "key"), key)?)
    }

    fn seal_under(&self, key: &LessSafeKey, name: &str, bytes: &[u8]) -> Result<Vec<u8>> {
        let mut nonce = [0; NONCE_LEN];
        self.random.fill(&mut nonce).map_err(|_| Error::Sealed)?;
        let mut text = bytes.to_vec();
        let aad = Aad::from(name.as_bytes());
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut text).map_err(|_| Error::Sealed)?;
        Ok([&nonce[..], &text].concat())
    }
}

fn key_of(key: &[u8]) -> Result<LessSafeKey> {
    Ok(LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, key).map_err(|_| Error::Sealed)?))
}

fn open_under(key: &LessSafeKey, name: &str, sealed: &[u8]) -> Result<Vec<u8>> {
    let (nonce, text) = sealed.split_at_checked(NONCE_LEN).ok_or(Error::Sealed)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Error::Sealed)?;
    let mut text = text.to_vec();
    let opened = key.open_in_place(nonce, Aad::from(name.as_bytes()), &mut text).map_err(|_| Error::Sealed)?;
    Ok(opened.to_vec())
}

fn name(account: i64, what: &str) -> String {
    format!("quezao/vault/v1\n{account}\n{what}")
}

impl Store {
    /// Gives this database and its clones the master key. The first one given stays.
    pub fn unlock(&self, vault: Vault) {
        let _ = self.vault.set(vault);
    }

    /// Whether there is a master key.
    pub fn unlocked(&self) -> bool {
        self.vault.get().is_some()
    }

    pub(crate) fn vault(&self) -> Result<&Vault> {
        self.vault.get().ok_or(Error::NoMasterKey)
    }

    /// What an account wants sealed: the owner's as it is; nothing of one that is closed.
    pub(crate) fn sealed(&self, connection: &Connection, account: i64, what: &str, bytes: &[u8]) -> Result<Vec<u8>> {
        match key(connection, account)? {
            Some(key) => self.vault()?.seal(&key, account, what, bytes),
            None if account == OWNER_ACCOUNT => Ok(bytes.to_vec()),
            None => Err(Error::NoAccount),
        }
    }

    /// What is sealed of every account, the owner's too: his under the master key itself.
    pub(crate) fn hidden(&self, connection: &Connection, account: i64, what: &str, bytes: &[u8]) -> Result<Vec<u8>> {
        let vault = self.vault()?;
        match key(connection, account)? {
            Some(key) => vault.seal(&key, account, what, bytes),
            None if account == OWNER_ACCOUNT => vault.seal_under(&vault.master, &name(account, what), bytes),
            None => Err(Error::NoAccount),
        }
    }

    /// The bytes again.
    pub(crate) fn shown(&self, connection: &Connection, account: i64, what: &str, sealed: &[u8]) -> Result<Vec<u8>> {
        let vault = self.vault()?;
        match key(connection, account)? {
            Some(key) => vault.open(&key, account, what, sealed),
            None if account == OWNER_ACCOUNT => open_under(&vault.master, &name(account, what), sealed),
            None => Err(Error::NoAccount),
        }
    }

    /// What a row holds, by the key that was read beside it.
    pub(crate) fn opened(&self, key: Option<&[u8]>, account: i64, what: &str, bytes: Vec<u8>) -> Result<Vec<u8>> {
        match key {
            Some(key) => self.vault()?.open(key, account, what, &bytes),
            None => Ok(bytes),
        }
    }
}

/// An account's sealed key; `None`: it has none.
pub(crate) fn key(connection: &Connection, account: i64) -> Result<Option<Vec<u8>>> {
    let mut statement = connection.prepare_cached("SELECT key FROM merchants WHERE account = ?1")?;
    Ok(statement.query_row([account], |row| row.get(0)).optional()?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_sealed_opens_in_its_own_place_alone() {
        let vault = Vault::new(&[7; 32]).unwrap();
        let (two, three) = (vault.new_key(2).unwrap(), vault.new_key(3).unwrap());
        let sealed = vault.seal(&two, 2, "party", "李四".as_bytes()).unwrap();
        assert_ne!(sealed, vault.seal(&two, 2, "party", "李四".as_bytes()).unwrap(), "a nonce of its own each time");
        assert_eq!(vault.open(&two, 2, "party", &sealed).unwrap(), "李四".as_bytes());
        assert!(vault.open(&two, 2, "record", &sealed).is_err(), "another place");
        assert!(vault.open(&three, 3, "party", &sealed).is_err(), "another merchant");
        assert!(vault.open(&two, 3, "party", &sealed).is_err(), "another merchant's row with this one's key");
        assert!(Vault::new(&[8; 32]).unwrap().open(&two, 2, "party", &sealed).is_err(), "another master key");
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(vault.open(&two, 2, "party", &changed).is_err(), "{at}");
            assert!(vault.open(&two, 2, "party", &sealed[..at]).is_err());
        }
    }
}
