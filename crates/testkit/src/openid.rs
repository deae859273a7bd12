//! An identity provider (OpenID Connect) on loopback: discovery, authorization with PKCE, tokens signed with ES256 or RS256,
//! keys.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use ring::{
    digest::{SHA256, digest},
    rand::SystemRandom,
    rsa::{KeyPair as RsaKeyPair, PublicKeyComponents},
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256},
};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

/// The client that it knows, and that client's secret.
pub const CLIENT: (&str, &str) = ("quezao", "a secret of two");

/// Answers until the test ends.
pub struct Provider {
    /// `http://127.0.0.1:PORT`.
    pub issuer: String,
    inner: Arc<Inner>,
}

/// What tokens are signed with.
enum Key {
    Es(Box<EcdsaKeyPair>),
    Rs(Box<RsaKeyPair>),
}

struct Inner {
    issuer: String,
    key: Key,
    subject: Mutex<String>,
    /// Challenge, nonce and address by code; each code is good once.
    codes: Mutex<BTreeMap<String, [String; 3]>>,
}

impl Provider {
    /// Lets everybody in as `subject`.
    pub fn new(subject: &str) -> Self {
        let random = SystemRandom::new();
        let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        Self::of(
            subject,
            Key::Es(Box::new(
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.as_ref(), &random).unwrap(),
            )),
        )
    }

    /// The same by RS256, as most providers sign; the key is openssl's.
    pub fn rs256(subject: &str) -> Self {
        let mut openssl = std::process::Command::new("openssl");
        openssl.args(["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-outform", "DER"]);
        let made = openssl.output().unwrap();
        assert!(made.status.success());
        Self::of(
            subject,
            Key::Rs(Box::new(
                RsaKeyPair::from_pkcs8(&made.stdout).or_else(|_| RsaKeyPair::from_der(&made.stdout)).unwrap(),
            )),
        )
    }

    fn of(subject: &str, key: Key) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let (subject, codes) = (Mutex::new(subject.to_owned()), Mutex::default());
        let inner = Arc::new(Inner { issuer: issuer.clone(), key, subject, codes });
        let own = Self { issuer, inner: inner.clone() };
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let inner = inner.clone();
                std::thread::spawn(move || drop(inner.answer(stream)));
            }
        });
        own
    }

    /// From now on it lets everybody in as this one.
    pub fn becomes(&self, subject: &str) {
        *self.inner.subject.lock().unwrap() = subject.to_owned();
    }
}

impl Inner {
    fn answer(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        let mut first = String::new();
        reader.read_line(&mut first)?;
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            if let Some(n) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = n.trim().parse().unwrap();
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let target = first.split(' ').nth(1).unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let issuer = &self.issuer;
        let (status, head, text) = match path {
            "/.well-known/openid-configuration" => (
                "200 OK",
                String::new(),
                format!(
                    "{{\"issuer\":\"{issuer}\",\"authorization_endpoint\":\"{issuer}/authorize\",\
                 \"token_endpoint\":\"{issuer}/token\",\"jwks_uri\":\"{issuer}/keys\"}}"
                ),
            ),
            "/keys" => ("200 OK", String::new(), self.keys()),
            "/authorize" => {
                let asked = fields(query);
                assert_eq!(
                    (asked["response_type"].as_str(), asked["code_challenge_method"].as_str()),
                    ("code", "S256")
                );
                let mut codes = self.codes.lock().unwrap();
                let code = format!("code-{}", codes.len());
                let kept = ["code_challenge", "nonce", "redirect_uri"].map(|name| asked[name].clone());
                let back = format!("location: {}?code={code}&state={}\r\n", asked["redirect_uri"], asked["state"]);
                codes.insert(code, kept);
                ("302 Found", back, String::new())
            }
            "/token" => match self.token(&fields(&String::from_utf8_lossy(&body))) {
                Some(token) => {
                    ("200 OK", String::new(), format!("{{\"token_type\":\"Bearer\",\"id_token\":\"{token}\"}}"))
                }
                None => ("400 Bad Request", String::new(), "{\"error\":\"invalid_grant\"}".into()),
            },
            _ => ("404 Not Found", String::new(), "{}".into()),
        };
        let head = format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\nconnection: close\r\n{head}");
        stream.write_all(format!("{head}content-length: {}\r\n\r\n{text}", text.len()).as_bytes())
    }

    fn keys(&self) -> String {
        match &self.key {
            Key::Es(key) => {
                let point = key.public_key().as_ref();
                let (x, y) = (B64.encode(&point[1..33]), B64.encode(&point[33..]));
                format!("{{\"keys\":[{{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"1\",\"x\":\"{x}\",\"y\":\"{y}\"}}]}}")
            }
            Key::Rs(key) => {
                let PublicKeyComponents { n, e } = PublicKeyComponents::<Vec<u8>>::from(key.public());
                let (n, e) = (B64.encode(n), B64.encode(e));
                format!("{{\"keys\":[{{\"kty\":\"RSA\",\"kid\":\"1\",\"n\":\"{n}\",\"e\":\"{e}\"}}]}}")
            }
        }
    }

    fn sign(&self, signed: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.key {
            Key::Es(key) => key.sign(&random, signed).unwrap().as_ref().to_vec(),
            Key::Rs(key) => {
                let mut seal = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, signed, &mut seal).unwrap();
                seal
            }
        }
    }

    fn token(&self, asked: &BTreeMap<String, String>) -> Option<String> {
        let get = |name: &str| asked.get(name).map(String::as_str);
        let [challenge, nonce, redirect] = self.codes.lock().unwrap().remove(get("code")?)?;
        let answers = B64.encode(digest(&SHA256, get("code_verifier")?.as_bytes())) == challenge;
        let known = (get("client_id")?, get("client_secret")?) == CLIENT && get("redirect_uri")? == redirect;
        if !answers || !known {
            return None;
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let claims = format!(
            "{{\"iss\":\"{}\",\"aud\":\"{}\",\"sub\":\"{}\",\"nonce\":\"{nonce}\",\"iat\":{now},\"exp\":{}}}",
            self.issuer,
            CLIENT.0,
            self.subject.lock().unwrap(),
            now + 300
        );
        let algorithm = if matches!(self.key, Key::Es(_)) { "ES256" } else { "RS256" };
        let signed =
            format!("{}.{}", B64.encode(format!("{{\"alg\":\"{algorithm}\",\"kid\":\"1\"}}")), B64.encode(claims));
        let seal = self.sign(signed.as_bytes());
        Some(format!("{signed}.{}", B64.encode(seal)))
    }
}

/// `a=1&b=%20`, decoded.
fn fields(text: &str) -> BTreeMap<String, String> {
    text.split('&').filter_map(|pair| pair.split_once('=')).map(|(n, v)| (n.to_owned(), plain(v))).collect()
}

fn plain(text: &str) -> String {
    let mut pieces = text.split('%');
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        bytes.push(u8::from_str_radix(&piece[..2], 16).unwrap());
        bytes.extend_from_slice(&piece.as_bytes()[2..]);
    }
    String::from_utf8(bytes).unwrap()
}
