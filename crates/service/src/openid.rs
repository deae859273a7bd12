//! Signing in by another's word: OpenID Connect, authorization code with PKCE (RFC 7636), one provider.
//!
//! Rules:
//! - The provider is the operator's choice; it is asked over TLS with a verified certificate, in clear on this machine
//!   alone (`http://127.0.0.1…`, for tests). What it answers is bounded in bytes and time.
//! - Of its ID token every check that the standard asks for is made: signature (RS256, ES256) by a key of its own,
//!   issuer, audience, end, nonce. Nothing else of it is kept but who it is: issuer and subject.
//! - Nobody gets in because a name or an address is the same: a person links the identity when he is signed in.

use crate::{Error, Result, Settings, clock, error::read_file, keys, show_path, web::web_tls};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use evidence::{digest, hex, json::Value, time::SECOND};
use ring::signature;
use std::{path::Path, time::Duration};

/// The provider must answer within.
const PATIENCE: Duration = Duration::from_secs(15);
/// Longest answer, in bytes.
const LIMIT: u64 = 256 << 10;
/// Seconds by which its clock and ours may differ.
const SKEW: i64 = 120;

/// The provider.
#[derive(Clone, Debug)]
pub struct OpenId {
    issuer: String,
    client: String,
    secret: String,
    agent: ureq::Agent,
}

/// A visitor on his way to the provider.
#[derive(Clone, Debug)]
pub struct Going {
    /// Where the browser goes.
    pub address: String,
    /// Comes back with it.
    pub state: String,
    nonce: String,
    verifier: String,
}

/// Who somebody is, in the provider's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenIdentity {
    /// Whose word it is.
    pub issuer: String,
    /// Its name for this person, the same for ever.
    pub subject: String,
}

impl OpenId {
    /// As `[openid]` has it; `None` where no issuer is named.
    pub fn of(settings: &Settings) -> Result<Option<Self>> {
        let Some(issuer) = settings.one("openid.issuer") else { return Ok(None) };
        let own = issuer.strip_prefix("http://").is_some_and(|rest| rest.starts_with("127.0.0.1:"));
        if !issuer.starts_with("https://") && !own {
            let shown = show_path(Path::new(issuer));
            return Err(Error::new(
                format!("openid.issuer“{shown}”须以 https:// 开头"),
                format!("openid.issuer \"{shown}\" must begin with https://"),
            ));
        }
        let (Some(client), Some(path)) = (settings.one("openid.client"), settings.file("openid.secret_file")) else {
            return Err(Error::new(
                "openid.issuer 须与 openid.client、openid.secret_file 同时给出",
                "openid.issuer needs openid.client and openid.secret_file beside it",
            ));
        };
        let text = String::from_utf8_lossy(&read_file(&path)?).into_owned();
        let secret = text.lines().next().unwrap_or_default().trim().to_owned();
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .max_redirects(0)
            .proxy(None)
            .tls_config(if own { ureq::tls::TlsConfig::default() } else { web_tls()? })
            .build()
            .new_agent();
        Ok(Some(Self { issuer: issuer.to_owned(), client: client.to_owned(), secret, agent }))
    }

    /// The provider's own name, as its tokens have it.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The provider's host, as it is shown.
    pub fn shown(&self) -> &str {
        self.issuer.split("//").nth(1).unwrap_or_default().trim_end_matches('/')
    }

    /// Sends a visitor there; `redirect` is where he comes back to.
    pub fn begin(&self, redirect: &str) -> Result<Going> {
        let configuration = self.configuration()?;
        let address = text(&configuration, "authorization_endpoint")?;
        let [state, nonce, verifier] = [(); 3].map(|()| keys::random::<32>().map(|b| hex::encode(&b)));
        let (state, nonce, verifier) = (state?, nonce?, verifier?);
        let challenge = B64.encode(digest::sha256(verifier.as_bytes()));
        let query = encoded(&[
            ("response_type", "code"),
            ("scope", "openid"),
            ("client_id", &self.client),
            ("redirect_uri", redirect),
            ("state", &state),
            ("nonce", &nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ]);
        let join = if address.contains('?') { '&' } else { '?' };
        Ok(Going { address: format!("{address}{join}{query}"), state, nonce, verifier })
    }

    /// Who came back with this code.
    pub fn finish(&self, going: &Going, redirect: &str, code: &str) -> Result<OpenIdentity> {
        let configuration = self.configuration()?;
        let form = encoded(&[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect),
            ("client_id", &self.client),
            ("client_secret", &self.secret),
            ("code_verifier", &going.verifier),
        ]);
        let request = self.agent.post(text(&configuration, "token_endpoint")?);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answer = read(request.send(&form))?;
        let keys = read(self.agent.get(text(&configuration, "jwks_uri")?).call())?;
        let now = clock::now().0 / SECOND;
        let subject = checked(text(&answer, "id_token")?, &keys, &self.issuer, &self.client, &going.nonce, now)?;
        Ok(OpenIdentity { issuer: self.issuer.clone(), subject })
    }

    fn configuration(&self) -> Result<Value> {
        let address = format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/'));
        let found = read(self.agent.get(&address).call())?;
        if text(&found, "issuer")? != self.issuer {
            return Err(wrong("issuer"));
        }
        Ok(found)
    }
}

fn read(answer: std::result::Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<Value> {
    let mut answer = answer.map_err(|e| failed(&e))?;
    answer
        .body_mut()
        .with_config()
        .limit(LIMIT)
        .read_to_string()
        .map_err(|e| failed(&e))
        .and_then(|text| serde_json::from_str(&text).map_err(|e| failed(&e)))
}

fn text<'v>(value: &'v Value, name: &'static str) -> Result<&'v str> {
    value[name].as_str().ok_or_else(|| wrong(name))
}

fn encoded(pairs: &[(&str, &str)]) -> String {
    let escape = |text: &str| {
        let byte = |b: u8| match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(b).to_string(),
            _ => format!("%{b:02X}"),
        };
        text.bytes().map(byte).collect::<String>()
    };
    pairs.iter().map(|(name, value)| format!("{name}={}", escape(value))).collect::<Vec<_>>().join("&")
}

/// The subject of an ID token that holds; `now` in seconds of Unix.
fn checked(token: &str, keys: &Value, issuer: &str, client: &str, nonce: &str, now: i64) -> Result<String> {
    let mut parts = token.split('.');
    let (Some(head), Some(body), Some(seal), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Err(wrong("id_token"));
    };
    let bytes = |part: &str| B64.decode(part).map_err(|_| wrong("id_token"));
    let json = |part: &str| serde_json::from_slice::<Value>(&bytes(part)?).map_err(|_| wrong("id_token"));
    let (header, claims) = (json(head)?, json(body)?);
    let algorithm = text(&header, "alg")?;
    let kind = match algorithm {
        "RS256" => "RSA",
        "ES256" => "EC",
        _ => return Err(wrong("alg")),
    };
    let fits = |key: &&Value| key["kty"] == kind && (header["kid"].is_null() || key["kid"] == header["kid"]);
    let found: Vec<&Value> = keys["keys"].as_array().into_iter().flatten().filter(fits).collect();
    // Without a name there must be no choice.
    let [key] = found[..] else { return Err(wrong("kid")) };
    let part = |name: &'static str| bytes(text(key, name)?);
    let (signed, seal) = (&token.as_bytes()[..head.len() + 1 + body.len()], bytes(seal)?);
    let verified = if kind == "RSA" {
        let key = signature::RsaPublicKeyComponents { n: part("n")?, e: part("e")? };
        key.verify(&signature::RSA_PKCS1_2048_8192_SHA256, signed, &seal)
    } else {
        let point = [vec![4], part("x")?, part("y")?].concat();
        signature::UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point).verify(signed, &seal)
    };
    verified.map_err(|_| wrong("signature"))?;
    if claims["iss"] != issuer {
        return Err(wrong("iss"));
    }
    let audience = match &claims["aud"] {
        Value::String(one) => one == client,
        // Made for several, it must say that it was given to us.
        Value::Array(many) => many.iter().any(|a| a == client) && (many.len() == 1 || claims["azp"] == client),
        _ => false,
    };
    if !audience {
        return Err(wrong("aud"));
    }
    if claims["exp"].as_i64().is_none_or(|end| end < now - SKEW)
        || claims["iat"].as_i64().is_none_or(|at| at > now + SKEW)
    {
        return Err(wrong("exp"));
    }
    if claims["nonce"] != nonce {
        return Err(wrong("nonce"));
    }
    let subject = text(&claims, "sub")?;
    if subject.is_empty() || subject.len() > 255 {
        return Err(wrong("sub"));
    }
    Ok(subject.to_owned())
}

fn wrong(what: &str) -> Error {
    Error::new(
        format!("身份提供方的答复不能用（{what}）；请重新登录，或改用密码"),
        format!("the identity provider's answer is of no use ({what}); sign in again, or by password"),
    )
}

fn failed(e: &dyn std::fmt::Display) -> Error {
    Error::new(
        format!("身份提供方没有应答（{e}）；请稍后再试，或改用密码"),
        format!("the identity provider did not answer ({e}); try again later, or sign in by password"),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use evidence::json::json;
    use ring::{
        rand::SystemRandom,
        signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
    };

    #[test]
    fn an_id_token_is_looked_at_in_every_part() {
        let random = SystemRandom::new();
        let pair = || {
            let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).unwrap()
        };
        let (own, others) = (pair(), pair());
        let point = own.public_key().as_ref();
        let key = json!({"kty": "EC", "kid": "1", "x": B64.encode(&point[1..33]), "y": B64.encode(&point[33..])});
        let keys = json!({"keys": [key]});
        let token = |by: &EcdsaKeyPair, header: Value, claims: &Value| {
            let signed = format!("{}.{}", B64.encode(header.to_string()), B64.encode(claims.to_string()));
            let seal = by.sign(&random, signed.as_bytes()).unwrap();
            format!("{signed}.{}", B64.encode(seal))
        };
        let good =
            json!({"iss": "https://id.example", "aud": "quezao", "exp": 2000, "iat": 900, "nonce": "n", "sub": "s-1"});
        let header = || json!({"alg": "ES256", "kid": "1"});
        let check = |token: &str| checked(token, &keys, "https://id.example", "quezao", "n", 1000).map_err(|e| e.en);
        assert_eq!(check(&token(&own, header(), &good)).unwrap(), "s-1");
        for (name, value) in [
            ("iss", json!("https://evil.example")),
            ("aud", json!("another")),
            ("aud", json!(["quezao", "another"])),
            ("exp", json!(800)),
            ("exp", json!(null)),
            ("iat", json!(5000)),
            ("nonce", json!("m")),
            ("sub", json!("")),
        ] {
            let mut bad = good.clone();
            bad[name] = value;
            assert!(check(&token(&own, header(), &bad)).is_err(), "{name}");
        }
        let mut several = good.clone();
        several["aud"] = json!(["quezao", "another"]);
        several["azp"] = json!("quezao");
        assert!(check(&token(&own, header(), &several)).is_ok());
        assert!(check(&token(&others, header(), &good)).unwrap_err().contains("signature"));
        assert!(check(&token(&own, json!({"alg": "ES256", "kid": "2"}), &good)).unwrap_err().contains("kid"));
        for bad in ["none", "HS256", "RS256"] {
            assert!(check(&token(&own, json!({"alg": bad, "kid": "1"}), &good)).is_err(), "{bad}");
        }
        for bad in ["", "a.b", "a.b.c.d", "..", "é.é.é"] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
