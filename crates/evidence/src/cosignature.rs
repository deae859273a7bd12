//! C2SP tlog-cosignature: a witness's word that a checkpoint extends what it saw before.
//!
//! Rules: a signature is `u64 time ‖ signature`, the time from 1 to 2⁶³−1 (zero would say nothing
//! about the newest tree, which is what a witness is asked for). Type 04 (Ed25519) is made and
//! checked, and so is type 06 (ML-DSA-44, pure, empty context, deterministic). Whether the time is plausible is
//! the caller's to judge, who has the other times.

use ml_dsa::{MlDsa44, Signature as MlDsaSignature, SigningKey, VerifyingKey as MlDsaKey};

use crate::{
    Error, Result,
    checkpoint::Checkpoint,
    note::{KeyType, Note, SignatureLine, Signer, VerifierKey},
};

const WHAT: &str = "cosignature";

/// A cosignature that verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cosigned {
    /// Seconds since the epoch, as the witness wrote them.
    pub unix_seconds: u64,
}

/// Checks the line of `key` (type 04 or 06) in `note`: `Ok(None)` if there is none.
pub fn verify(note: &Note, key: &VerifierKey) -> Result<Option<Cosigned>> {
    if !matches!(key.key_type(), KeyType::Cosignature | KeyType::MlDsa44) {
        let found = format!("{:#04x}", key.key_type().byte());
        return Err(Error::mismatch("signature type of the witness key", found, "0x04 or 0x06"));
    }
    let Some(line) = note.line_of(key) else { return Ok(None) };
    let Some((time, signature)) = line.signature.split_first_chunk::<8>() else {
        return Err(Error::malformed(WHAT, format!("{} bytes", line.signature.len()), "a time and a signature"));
    };
    let unix_seconds = u64::from_be_bytes(*time);
    if unix_seconds == 0 || i64::try_from(unix_seconds).is_err() {
        return Err(Error::malformed("cosignature time", unix_seconds.to_string(), "1 to 2^63 - 1"));
    }
    if key.key_type() == KeyType::Cosignature {
        key.verify_ed25519(WHAT, ed25519_message(&note.text, unix_seconds).as_bytes(), signature)?;
    } else {
        let message = ml_dsa_message(key.name(), &Checkpoint::parse(&note.text)?, unix_seconds)?;
        verify_ml_dsa(key, &message, signature)?;
    }
    Ok(Some(Cosigned { unix_seconds }))
}

/// An Ed25519 cosigner (type 04).
pub struct Cosigner {
    signer: Signer,
}

impl Cosigner {
    /// From a 32-byte RFC 8032 seed.
    ///
    /// The signed message does not name the cosigner, so one seed must never serve two names.
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self> {
        Ok(Self { signer: Signer::of_type(name, KeyType::Cosignature, seed)? })
    }

    /// The public half.
    pub fn verifier_key(&self) -> VerifierKey {
        self.signer.verifier_key()
    }

    /// Cosigns the note's text at a time, from 1 to 2⁶³−1 seconds since the epoch.
    pub fn cosign(&self, text: &str, unix_seconds: u64) -> SignatureLine {
        let signature = self.signer.raw(ed25519_message(text, unix_seconds).as_bytes());
        self.signer.line([&unix_seconds.to_be_bytes()[..], &signature].concat())
    }
}

/// An ML-DSA-44 cosigner (type 06). What it signs names it, and the log.
pub struct MlDsaCosigner {
    secret: Box<SigningKey<MlDsa44>>,
    key: VerifierKey,
}

impl MlDsaCosigner {
    /// From a 32-byte FIPS 204 seed. The name is at most 255 bytes.
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self> {
        let secret = Box::new(SigningKey::from_seed(&(*seed).into()));
        let key = VerifierKey::new(name, KeyType::MlDsa44, &secret.expanded_key().verifying_key().encode())?;
        push_opaque(&mut Vec::new(), name)?;
        Ok(Self { secret, key })
    }

    /// The public half.
    pub fn verifier_key(&self) -> VerifierKey {
        self.key.clone()
    }

    /// Cosigns the whole tree of a checkpoint at a time, from 1 to 2⁶³−1 seconds since the epoch.
    pub fn cosign(&self, checkpoint: &Checkpoint, unix_seconds: u64) -> Result<SignatureLine> {
        let message = ml_dsa_message(self.key.name(), checkpoint, unix_seconds)?;
        let signature = self
            .secret
            .expanded_key()
            .sign_deterministic(&message, b"")
            .map_err(|_| Error::Signature { what: WHAT, key: self.key.label() })?;
        let signature = [&unix_seconds.to_be_bytes()[..], &signature.encode()].concat();
        Ok(SignatureLine { name: self.key.name().to_owned(), id: self.key.id(), signature })
    }
}

fn ed25519_message(text: &str, unix_seconds: u64) -> String {
    format!("cosignature/v1\ntime {unix_seconds}\n{text}")
}

/// The structure `cosigned_message`, of a whole tree.
fn ml_dsa_message(cosigner: &str, checkpoint: &Checkpoint, unix_seconds: u64) -> Result<Vec<u8>> {
    let mut message = b"subtree/v1\n\0".to_vec();
    push_opaque(&mut message, cosigner)?;
    message.extend(unix_seconds.to_be_bytes());
    push_opaque(&mut message, &checkpoint.origin)?;
    message.extend(0u64.to_be_bytes());
    message.extend(checkpoint.size.to_be_bytes());
    message.extend(checkpoint.root);
    Ok(message)
}

/// `opaque<1..2^8-1>`: a length in one byte, then the bytes.
fn push_opaque(message: &mut Vec<u8>, text: &str) -> Result<()> {
    match u8::try_from(text.len()) {
        Ok(length) if length > 0 => {
            message.push(length);
            message.extend(text.bytes());
            Ok(())
        }
        _ => Err(Error::TooLarge { what: "name in an ML-DSA-44 cosignature", found: text.len() as u64, limit: 255 }),
    }
}

fn verify_ml_dsa(key: &VerifierKey, message: &[u8], signature: &[u8]) -> Result<()> {
    let refuse = || Error::Signature { what: WHAT, key: key.label() };
    let public = key.public_key().try_into().map_err(|_| refuse())?;
    let signature = MlDsaSignature::<MlDsa44>::try_from(signature).map_err(|_| refuse())?;
    if MlDsaKey::<MlDsa44>::decode(&public).verify_with_context(message, b"", &signature) {
        return Ok(());
    }
    Err(refuse())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    const TIME: u64 = 1_679_315_147;

    fn text() -> String {
        "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n".into()
    }

    fn ed25519() -> (Note, VerifierKey) {
        let cosigner = Cosigner::from_seed("witness.example.com/w1", &[4; 32]).unwrap();
        (Note { text: text(), signatures: vec![cosigner.cosign(&text(), TIME)] }, cosigner.verifier_key())
    }

    /// Made here field by field, as the specification lists them.
    fn ml_dsa_at(start: u64, time: u64) -> (Note, VerifierKey) {
        let secret = ml_dsa::SigningKey::<MlDsa44>::from_seed(&[6; 32].into());
        let secret = secret.expanded_key();
        let name = "witness.example.com/pq";
        let key = VerifierKey::new(name, KeyType::MlDsa44, &secret.verifying_key().encode()).unwrap();
        let root = Checkpoint::parse(&text()).unwrap().root;
        let message = [
            &b"subtree/v1\n\0"[..],
            &[22],
            name.as_bytes(),
            &time.to_be_bytes(),
            &[27],
            b"example.com/behind-the-sofa",
            &start.to_be_bytes(),
            &20_852_163u64.to_be_bytes(),
            &root,
        ]
        .concat();
        let signature = secret.sign_deterministic(&message, b"").unwrap().encode();
        let signature = [&time.to_be_bytes()[..], &signature].concat();
        let line = SignatureLine { name: name.into(), id: key.id(), signature };
        (Note { text: text(), signatures: vec![line] }, key)
    }

    fn ml_dsa() -> (Note, VerifierKey) {
        ml_dsa_at(0, TIME)
    }

    #[test]
    fn the_signed_message_is_the_specification_s() {
        let expected = "cosignature/v1\ntime 1679315147\nexample.com/behind-the-sofa\n20852163\n\
                        CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
        assert_eq!(ed25519_message(&text(), TIME), expected);
    }

    #[test]
    fn both_types_verify_also_after_a_trip_through_bytes() {
        for (note, key) in [ed25519(), ml_dsa()] {
            let key = VerifierKey::parse(&key.to_string()).unwrap();
            let read = Note::parse(&note.to_bytes()).unwrap();
            assert_eq!(verify(&read, &key), Ok(Some(Cosigned { unix_seconds: TIME })));
        }
    }

    #[test]
    fn an_ml_dsa_cosigner_signs_what_the_specification_lists() {
        let (by_hand, key) = ml_dsa();
        let cosigner = MlDsaCosigner::from_seed(key.name(), &[6; 32]).unwrap();
        assert_eq!(cosigner.verifier_key(), key);
        let line = cosigner.cosign(&Checkpoint::parse(&text()).unwrap(), TIME).unwrap();
        assert_eq!(vec![line], by_hand.signatures);
        assert!(MlDsaCosigner::from_seed(&"w".repeat(256), &[6; 32]).is_err());
    }

    #[test]
    fn nothing_that_was_signed_can_change() {
        for (note, key) in [ed25519(), ml_dsa()] {
            let refused = |change: &dyn Fn(&mut Note)| {
                let mut bent = note.clone();
                change(&mut bent);
                let error = verify(&bent, &key).unwrap_err();
                assert!(!error.is_incomplete(), "{error}");
            };
            refused(&|n| n.text = n.text.replace("sofa", "door"));
            refused(&|n| n.text = n.text.replace("20852163", "20852164"));
            refused(&|n| n.text = n.text.replace("CsUY", "DsUY"));
            refused(&|n| n.signatures[0].signature[7] ^= 1);
            refused(&|n| n.signatures[0].signature[8] ^= 1);
            refused(&|n| *n.signatures[0].signature.last_mut().unwrap() ^= 1);
            refused(&|n| n.signatures[0].signature.push(0));
            refused(&|n| n.signatures[0].signature.truncate(8));
            refused(&|n| n.signatures[0].signature.truncate(3));
        }
    }

    #[test]
    fn a_witness_says_a_time_and_speaks_of_the_whole_tree() {
        let cosigner = Cosigner::from_seed("w", &[4; 32]).unwrap();
        for time in [0, 1 << 63, u64::MAX] {
            let note = Note { text: text(), signatures: vec![cosigner.cosign(&text(), time)] };
            assert!(matches!(verify(&note, &cosigner.verifier_key()), Err(Error::Malformed { .. })));
        }
        let (note, key) = ml_dsa_at(0, 0);
        assert!(matches!(verify(&note, &key), Err(Error::Malformed { .. })));
        let (note, key) = ml_dsa_at(1, TIME);
        assert!(matches!(verify(&note, &key), Err(Error::Signature { .. })));
    }

    #[test]
    fn an_absent_line_is_no_cosignature_and_a_log_s_signature_is_none() {
        let (note, key) = ed25519();
        let (other, _) = ml_dsa();
        assert_eq!(verify(&other, &key), Ok(None));
        let log = Signer::from_seed(key.name(), &[4; 32]).unwrap();
        let mut note = Note { signatures: vec![log.sign(&note.text)], ..note };
        assert_eq!(verify(&note, &key), Ok(None));
        assert!(verify(&note, &log.verifier_key()).is_err());
        note.signatures[0].id = key.id();
        assert!(verify(&note, &key).is_err(), "a plain signature under the cosigner's id");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_changed_signature_is_refused(at: prop::sample::Index, bit in 0u8..8) {
            for (mut note, key) in [ed25519(), ml_dsa()] {
                let bytes = &mut note.signatures[0].signature;
                let at = at.index(bytes.len());
                bytes[at] ^= 1 << bit;
                prop_assert!(verify(&note, &key).is_err());
            }
        }

        #[test]
        fn hostile_signatures_never_panic(bytes in prop::collection::vec(any::<u8>(), 2420), text: String) {
            for (mut note, key) in [ed25519(), ml_dsa()] {
                note.signatures[0].signature.truncate(8);
                note.signatures[0].signature.extend(&bytes);
                prop_assert!(verify(&note, &key).is_err());
                note.text = text.clone();
                prop_assert!(verify(&note, &key).is_err());
            }
        }
    }
}
