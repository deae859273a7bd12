//! ECDSA over P-256 with SHA-256 as a writer computes it: by `ring`, many times as fast as the arithmetic that readers
//! and browsers have. Signatures are DER, as CMS carries them; `evidence`, which readers rely on, knows nothing of this.

use crate::{Error, Result};
use p256::ecdsa::SigningKey;
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, UnparsedPublicKey},
};

/// A private key that signs.
pub(crate) struct P256(EcdsaKeyPair);

impl P256 {
    pub(crate) fn new(key: &SigningKey) -> Result<Self> {
        let public = key.verifying_key().to_sec1_point(false);
        let (private, random) = (key.to_bytes(), SystemRandom::new());
        let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
        EcdsaKeyPair::from_private_key_and_public_key(algorithm, &private, public.as_bytes(), &random)
            .map(Self)
            .map_err(|e| Error::structure("P-256 key", e))
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        let signature = self.0.sign(&SystemRandom::new(), message).map_err(|e| Error::structure("ECDSA", e))?;
        Ok(signature.as_ref().to_vec())
    }
}

/// Whether this is the signature of `key`, a point as SEC 1 writes it.
pub(crate) fn verifies(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, key).verify(message, signature).is_ok()
}
