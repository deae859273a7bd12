//! Codes of an authenticator beside the password (RFC 6238: SHA-1, six digits, steps of 30 s).
//!
//! Rules:
//! - Nothing is asked for before one code has shown that the authenticator has the secret.
//! - A code of the step before or after counts too, since clocks differ; none of a step that was taken, or of an earlier one.
//! - Ten recovery codes, each good once, stand for a lost authenticator; the folder knows only their SHA-256.

use super::{Actor, Answer, Permission, Refusal, Why, refusal::WRONG_CODE};
use crate::{Folder, Result, clock, keys};
use evidence::{digest, time::SECOND};
use hmac::{Hmac, KeyInit, Mac};
use store::{SignIn, Totp};

/// Seconds of a step.
const STEP: i64 = 30;
/// How many recovery codes are made.
const RECOVERY: usize = 10;

/// A secret for an authenticator that is not in use yet.
#[derive(Clone, Debug)]
pub struct Offer {
    /// To be typed: base32, in fours.
    pub typed: String,
    /// To be read by a camera: `otpauth://…`.
    pub address: String,
}

impl Folder {
    /// How many recovery codes are left; `None` where no code is asked for.
    pub fn codes(&self, actor: &Actor) -> Answer<Option<u64>> {
        let person = self.allow(actor, Permission::Secrets)?;
        Ok(if person.codes { Some(self.store.recovery_left(person.id)?) } else { None })
    }

    /// A secret for the actor's authenticator, the same until it is in use.
    pub fn offer_codes(&self, actor: &Actor) -> Answer<Offer> {
        let person = self.allow(actor, Permission::Secrets)?;
        if person.codes {
            return Err(in_use());
        }
        let secret = base32(&self.store.offer_totp(person.id, &keys::random::<20>()?)?);
        // The origin is plain ASCII, and so is a name to sign in with but for `@`.
        let issuer = self.origin().split('/').next().unwrap_or_default();
        let login = person.login.replace('@', "%40");
        let address = format!("otpauth://totp/{issuer}:{login}?secret={secret}&issuer={issuer}");
        Ok(Offer { typed: fours(&secret, ' '), address })
    }

    /// Codes are asked for from now on. Gives the recovery codes, shown this once.
    pub fn begin_codes(&self, actor: &Actor, password: &str, code: &str) -> Answer<Vec<String>> {
        let person = self.allow(actor, Permission::Secrets)?;
        if person.codes {
            return Err(in_use());
        }
        let tried = self.ask_password(actor, person, password, "password")?;
        let secret = self.store.offer_totp(person.id, &keys::random::<20>()?)?;
        let Some(step) = step_of(&secret, code, clock::now().0) else {
            self.note(actor, person, "wrong-code", "")?;
            return Err(wrong().code(WRONG_CODE));
        };
        let recovery = (0..RECOVERY).map(|_| Ok(base32(&keys::random::<10>()?))).collect::<Result<Vec<_>>>()?;
        let digests: Vec<[u8; 32]> = recovery.iter().map(|code| digest::sha256(code.as_bytes())).collect();
        if !self.store.begin_totp(person.id, &secret, step, &digests)? {
            return Err(in_use());
        }
        self.store.forgive(person.id, tried)?;
        self.note(actor, person, "begin-codes", "")?;
        Ok(recovery.iter().map(|code| fours(&code.to_ascii_lowercase(), '-')).collect())
    }

    /// Codes are asked for no longer.
    pub fn end_codes(&self, actor: &Actor, password: &str, code: &str) -> Answer<()> {
        let person = self.allow(actor, Permission::Secrets)?;
        let tried = self.ask_password(actor, person, password, "password")?;
        if let Err(refusal) = self.take_code(person, code, clock::now().0) {
            self.note(actor, person, "wrong-code", "")?;
            return Err(refusal.code(WRONG_CODE));
        }
        self.store.end_totp(person.id)?;
        self.store.forgive(person.id, tried)?;
        Ok(self.note(actor, person, "end-codes", "")?)
    }

    /// Takes a code, or a recovery code, so that nobody can use it again. The caller has counted the try.
    pub(super) fn take_code(&self, person: &SignIn, code: &str, now: i64) -> Answer<()> {
        let Some(Totp { secret, .. }) = self.store.totp(person.id)? else {
            return Err(Refusal::new(Why::Conflict, "没有启用验证码", "no codes are in use"));
        };
        if let Some(step) = step_of(&secret, code, now) {
            if self.store.use_step(person.id, step)? {
                return Ok(());
            }
            return Err(Refusal::field(
                "code",
                "这个验证码已经用过；请等下一个",
                "this code was used before; wait for the next one",
            ));
        }
        let plain: String =
            code.chars().filter(|c| c.is_ascii_alphanumeric()).map(|c| c.to_ascii_uppercase()).collect();
        if plain.len() == 16 && self.store.use_recovery(person.id, &digest::sha256(plain.as_bytes()))? {
            return Ok(());
        }
        Err(wrong())
    }
}

fn wrong() -> Refusal {
    Refusal::field(
        "code",
        "验证码不对；请检查手机与服务器的时间",
        "the code is wrong; compare the clocks of telephone and server",
    )
}

fn in_use() -> Refusal {
    Refusal::new(Why::Conflict, "验证码已经启用", "codes are in use already")
}

/// The step of time, of the one now and its neighbours, whose code this is.
fn step_of(secret: &[u8], code: &str, now: i64) -> Option<i64> {
    let typed: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    let typed: u32 = typed.parse().ok().filter(|_| typed.len() == 6 && typed.bytes().all(|b| b.is_ascii_digit()))?;
    let step = now / SECOND / STEP;
    // All are looked at: how long it takes tells nothing.
    (step - 1..=step + 1).fold(None, |found, step| if code_at(secret, step) == typed { Some(step) } else { found })
}

/// RFC 4226, 5.3, with the step of time as its counter.
fn code_at(secret: &[u8], step: i64) -> u32 {
    let Ok(mut mac) = Hmac::<sha1::Sha1>::new_from_slice(secret) else { return u32::MAX };
    mac.update(&step.to_be_bytes());
    let hash: [u8; 20] = mac.finalize().into_bytes().into();
    let at = usize::from(hash[19] & 15);
    let four = [hash[at] & 0x7f, hash[at + 1], hash[at + 2], hash[at + 3]];
    u32::from_be_bytes(four) % 1_000_000
}

/// RFC 4648, 6, of whole groups of five bytes.
fn base32(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let group = |five: &[u8]| five.iter().fold(0u64, |bits, b| bits << 8 | u64::from(*b));
    let letters = |bits: u64| (0..8).rev().map(move |n| char::from(LETTERS[(bits >> (5 * n) & 31) as usize]));
    bytes.chunks_exact(5).map(group).flat_map(letters).collect()
}

fn fours(text: &str, between: char) -> String {
    let groups: Vec<&str> =
        (0..text.len()).step_by(4).filter_map(|at| text.get(at..(at + 4).min(text.len()))).collect();
    groups.join(&between.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_rfc() {
        // RFC 6238, appendix B, last six of its eight digits.
        let secret = b"12345678901234567890";
        for (seconds, code) in [
            (59, 287_082),
            (1_111_111_109, 81_804),
            (1_111_111_111, 50_471),
            (1_234_567_890, 5_924),
            (2_000_000_000, 279_037),
            (20_000_000_000, 353_130),
        ] {
            assert_eq!(code_at(secret, seconds / STEP), code, "{seconds}");
        }
        assert_eq!(base32(secret), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert_eq!(fours("GEZDGNBVGY", '-'), "GEZD-GNBV-GY");
    }

    #[test]
    fn a_code_counts_one_step_early_or_late() {
        let (secret, now) = (b"12345678901234567890", 1_111_111_111 * SECOND);
        for (late, found) in [(-2, false), (-1, true), (0, true), (1, true), (2, false)] {
            let step = now / SECOND / STEP + late;
            let code = format!("{:06}", code_at(secret, step));
            assert_eq!(step_of(secret, &code, now), found.then_some(step), "{late}");
        }
        assert_eq!(step_of(secret, " 050 471 ", now), Some(now / SECOND / STEP));
        for bad in ["", "50471", "0050471", "05047１", "+50471", "-50471"] {
            assert_eq!(step_of(secret, bad, now), None, "{bad}");
        }
    }
}
