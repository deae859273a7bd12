//! A device with a passkey (WebAuthn): what a browser would bring back from it, each in base64url.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use ring::{
    digest::{SHA256, digest},
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair},
};

/// SubjectPublicKeyInfo before a P-256 point.
const P256: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgA";

/// One key.
pub struct Device {
    key: EcdsaKeyPair,
    credential: [u8; 16],
    /// Uses so far.
    pub uses: u32,
    /// 0x01: somebody is there; 0x04: the device knows him.
    pub flags: u8,
}

impl Device {
    /// A device with a key of its own; `number` makes its credential.
    pub fn new(number: u8) -> Self {
        let random = SystemRandom::new();
        let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, key.as_ref(), &random).unwrap();
        Self { key, credential: [number; 16], uses: 0, flags: 0x05 }
    }

    /// `clientDataJSON` of this kind, authenticator data, and the public key, for a new passkey.
    pub fn made(&mut self, challenge: &str, origin: &str, host: &str) -> [(&'static str, String); 3] {
        let mut data = self.data(host, 0x40);
        data.extend([0; 16]);
        data.extend([0, 16]);
        data.extend(self.credential);
        let mut key = B64.decode(P256).unwrap();
        key.extend(self.key.public_key().as_ref());
        let client = client("webauthn.create", challenge, origin);
        [("client", B64.encode(client)), ("device", B64.encode(data)), ("key", B64.encode(key))]
    }

    /// The same and the credential and the signature, for a passkey that is used.
    pub fn used(&mut self, challenge: &str, origin: &str, host: &str) -> [(&'static str, String); 4] {
        let (data, client) = (self.data(host, 0), client("webauthn.get", challenge, origin));
        let signed = [&data[..], digest(&SHA256, client.as_bytes()).as_ref()].concat();
        let seal = self.key.sign(&SystemRandom::new(), &signed).unwrap();
        let credential = B64.encode(self.credential);
        [
            ("client", B64.encode(client)),
            ("device", B64.encode(data)),
            ("credential", credential),
            ("signature", B64.encode(seal)),
        ]
    }

    fn data(&mut self, host: &str, more: u8) -> Vec<u8> {
        self.uses += 1;
        let mut data = digest(&SHA256, host.as_bytes()).as_ref().to_vec();
        data.push(self.flags | more);
        data.extend(self.uses.to_be_bytes());
        data
    }
}

fn client(kind: &str, challenge: &str, origin: &str) -> String {
    format!("{{\"type\":\"{kind}\",\"challenge\":\"{challenge}\",\"origin\":\"{origin}\",\"crossOrigin\":false}}")
}
