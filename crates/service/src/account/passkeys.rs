//! Passkeys (WebAuthn, level 2): a device shows that it is there and that it knows its owner.
//!
//! Rules:
//! - Only what a page of this very address asked for counts: origin, kind and challenge stand in what the device signed.
//! - The device must have verified its owner (PIN, finger, face), so a passkey stands for password and code together.
//! - Nobody attests the device: who adds a passkey is signed in and gives the password again, in the same session and each
//!   time. Keys are P-256 or RSA of 2048 bits, as devices make them.
//! - A device's count of uses that does not go up is a copy's, and is refused.

use super::{Actor, Answer, Opened, Permission, Refusal, Why};
use crate::{Folder, clock};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use evidence::{digest, json::Value, time::SECOND};
use ring::signature;
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};
use store::{NewPasskey, Passkey, SignIn};

/// Most passkeys of a person.
const MOST: u32 = 20;
/// A challenge is good for this step of time and the next.
const STEP: i64 = 300 * SECOND;
/// A password that was given is good for one passkey, and for so long: as long as any challenge.
const CONFIRMED: i64 = 2 * STEP;
/// SubjectPublicKeyInfo before a P-256 point, and before a PKCS #1 key of 2048 bits.
const P256: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
const RSA: [u8; 24] = [
    0x30, 0x82, 0x01, 0x22, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
    0x03, 0x82, 0x01, 0x0f, 0x00,
];

/// What a browser brings back from a device, each in base64url.
#[derive(Clone, Debug, Default)]
pub struct Brought {
    /// `clientDataJSON`.
    pub client: String,
    /// Authenticator data.
    pub device: String,
    /// Of a new passkey: SubjectPublicKeyInfo.
    pub key: String,
    /// Of one that is used: its credential.
    pub credential: String,
    /// Of one that is used: the signature.
    pub signature: String,
}

/// The page that asked: its address, and the secret word of its browser.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// `https://HOST`.
    pub origin: &'a str,
    /// Nobody else's.
    pub word: &'a str,
}

impl Asked<'_> {
    /// What a device is to sign, base64url: of this browser, now.
    pub fn challenge(&self) -> String {
        self.at(clock::now().0 / STEP)
    }

    fn at(&self, step: i64) -> String {
        B64.encode(digest::sha256(format!("quezao/passkey\n{}\n{}\n{step}", self.origin, self.word).as_bytes()))
    }

    /// The name that a device knows this place by.
    pub fn host(&self) -> &str {
        let rest = self.origin.split("//").nth(1).unwrap_or_default();
        rest.split(':').next().unwrap_or_default()
    }
}

/// Sessions in which the password was given again to add a passkey, with when.
#[derive(Default)]
pub(crate) struct Confirmed(Mutex<BTreeMap<i64, i64>>);

impl Confirmed {
    fn put(&self, session: i64, at: i64, now: i64) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, at| is_recent(*at, now));
        all.insert(session, at);
    }

    /// When the password was given; good once.
    fn take(&self, session: i64, now: i64) -> Option<i64> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(&session).filter(|at| is_recent(*at, now))
    }
}

/// Neither too long ago, nor of the future since the clock was set back.
fn is_recent(at: i64, now: i64) -> bool {
    (0..CONFIRMED).contains(&(now - at))
}

impl Folder {
    /// Asks for the password before a passkey is added in this session.
    pub fn may_add_passkey(&self, actor: &Actor, password: &str) -> Answer<()> {
        let person = self.allow(actor, Permission::Secrets)?;
        self.same_person(actor, person, password)?;
        let now = clock::now().0;
        self.confirmed.put(actor.session().unwrap_or_default(), now, now);
        Ok(())
    }

    /// The actor's passkeys, the newest first.
    pub fn passkeys(&self, actor: &Actor) -> Answer<Vec<Passkey>> {
        let person = self.allow(actor, Permission::Secrets)?;
        Ok(self.store.passkeys(person.id)?)
    }

    /// Adds a passkey under this name, after [`Folder::may_add_passkey`]; what is wrong about it may be put right without
    /// the password.
    pub fn add_passkey(&self, actor: &Actor, name: &str, asked: Asked<'_>, brought: &Brought) -> Answer<()> {
        let person = self.allow(actor, Permission::Secrets)?;
        let (session, now) = (actor.session().unwrap_or_default(), clock::now().0);
        let Some(given) = self.confirmed.take(session, now) else {
            let (zh, en) = ("请先输入密码，再添加通行密钥", "give the password first, then add the passkey");
            return Err(Refusal::field("password", zh, en));
        };
        let added = self.add_confirmed(actor, person, name, asked, brought, now);
        if matches!(&added, Err(refusal) if matches!(refusal.why, Why::Field(_))) {
            self.confirmed.put(session, given, now);
        }
        added
    }

    fn add_confirmed(
        &self,
        actor: &Actor,
        person: &SignIn,
        name: &str,
        asked: Asked<'_>,
        brought: &Brought,
        now: i64,
    ) -> Answer<()> {
        let name = name.trim();
        if name.is_empty() || name.chars().count() > 60 || evidence::json::check_string("name", name).is_err() {
            let (zh, en) = ("请给通行密钥一个名称，不超过 60 个字", "give the passkey a name of at most 60 characters");
            return Err(Refusal::field("passkey-name", zh, en));
        }
        client_data(&bytes(&brought.client)?, "webauthn.create", &asked, now)?;
        let device = bytes(&brought.device)?;
        let (uses, rest) = device_data(&device, &asked)?;
        let key = bytes(&brought.key)?;
        let known = (key.starts_with(&P256) && key.len() == 91) || (key.starts_with(&RSA) && key.len() == 294);
        if !known {
            return Err(wrong("key"));
        }
        // Flag 0x40: after 16 bytes of the device's make and two of length, the credential.
        let length =
            rest.get(16..18).filter(|_| device[32] & 0x40 != 0).map(|n| usize::from(n[0]) << 8 | usize::from(n[1]));
        let credential = length.filter(|n| (1..=1023).contains(n)).and_then(|n| rest.get(18..18 + n));
        let credential = credential.ok_or_else(|| wrong("credential"))?;
        let new = NewPasskey { credential, sign_in: person.id, key: &key, uses, name, at: now };
        let Some(id) = self.store.add_passkey(&new, MOST)? else {
            return Err(Refusal::field(
                "passkey-name",
                format!("这个通行密钥已经添加过，或已有 {MOST} 个"),
                format!("this passkey was added before, or there are {MOST} already"),
            ));
        };
        // By number: the log outlives the name.
        Ok(self.note(actor, person, "add-passkey", &id.to_string())?)
    }

    /// Ends one of the actor's passkeys.
    pub fn end_passkey(&self, actor: &Actor, id: i64) -> Answer<()> {
        let person = self.allow(actor, Permission::Secrets)?;
        if !self.store.end_passkey(person.id, id)? {
            return Err(Refusal::new(Why::NotFound, "没有这个通行密钥", "there is no such passkey"));
        }
        Ok(self.note(actor, person, "end-passkey", &id.to_string())?)
    }

    /// A session for who brings a passkey's signature.
    pub fn sign_in_by_passkey(&self, asked: Asked<'_>, brought: &Brought, agent: &str) -> Answer<Opened> {
        let now = clock::now().0;
        let (client, device) = (bytes(&brought.client)?, bytes(&brought.device)?);
        client_data(&client, "webauthn.get", &asked, now)?;
        let (uses, _) = device_data(&device, &asked)?;
        let found = self.store.passkey(&bytes(&brought.credential)?)?;
        let Some((id, key, person)) = found else { return Err(wrong("credential")) };
        let signed = [&device[..], &digest::sha256(&client)].concat();
        if !holds(&key, &signed, &bytes(&brought.signature)?) || !self.store.use_passkey(id, uses, now)? {
            self.note(&Actor::visitor(), &person, "wrong-passkey", &id.to_string())?;
            return Err(wrong("signature"));
        }
        self.begin_session(person, agent, now)
    }
}

/// What the browser says: which kind of answer, to which question, on whose page.
fn client_data(client: &[u8], kind: &str, asked: &Asked<'_>, now: i64) -> Answer<()> {
    let said: Value = serde_json::from_slice(client).map_err(|_| wrong("client"))?;
    let step = now / STEP;
    let challenge = said["challenge"].as_str().unwrap_or_default();
    if said["type"] != kind || said["origin"] != asked.origin || said["crossOrigin"] == true {
        return Err(wrong("origin"));
    }
    if challenge != asked.at(step) && challenge != asked.at(step - 1) {
        return Err(Refusal::field(
            "passkey",
            "等得太久；请刷新这一页，再试一次",
            "that took too long; load this page again and try once more",
        ));
    }
    Ok(())
}

/// What the device says: of this place, with somebody there whom it verified. Gives its count, and what follows.
fn device_data<'d>(device: &'d [u8], asked: &Asked<'_>) -> Answer<(u32, &'d [u8])> {
    let place = device.get(..32).is_some_and(|hash| hash == digest::sha256(asked.host().as_bytes()));
    let Some([flags, a, b, c, d]) = device.get(32..37).filter(|_| place) else { return Err(wrong("place")) };
    if flags & 0x05 != 0x05 {
        return Err(wrong("user verification"));
    }
    Ok((u32::from_be_bytes([*a, *b, *c, *d]), &device[37..]))
}

fn holds(key: &[u8], signed: &[u8], seal: &[u8]) -> bool {
    let verified = if let Some(point) = key.strip_prefix(&P256) {
        signature::UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_ASN1, point).verify(signed, seal)
    } else {
        let key = key.get(RSA.len()..).unwrap_or_default();
        signature::UnparsedPublicKey::new(&signature::RSA_PKCS1_2048_8192_SHA256, key).verify(signed, seal)
    };
    verified.is_ok()
}

fn bytes(text: &str) -> Answer<Vec<u8>> {
    B64.decode(text.trim_end_matches('=')).map_err(|_| wrong("base64url"))
}

fn wrong(what: &str) -> Refusal {
    Refusal::field(
        "passkey",
        format!("这个通行密钥不能用（{what}）；请重试，或用密码登录"),
        format!("this passkey is of no use ({what}); try again, or sign in by password"),
    )
}
