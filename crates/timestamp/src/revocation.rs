//! Revocation lists of outside authorities (CRL; RFC 5280, 5), had from where their certificates say.
//!
//! Rules:
//! - Plain http, as such lists are signed: the very address in the certificate, no redirect, no proxy, at most
//!   [`MAX_LIST`], all lists of a token together within the authority's time-out.
//! - A list counts that the certificate's issuer signed. It is held until it says that there is a newer one; an older
//!   one never takes its place.
//! - A certificate that a list names is refused, however old the list and whatever a newer one says: revocation does
//!   not lapse. A list that cannot be
//!   had is said and refuses nothing, or whoever silences a web server would silence the clock.

use std::{
    fs,
    io::{Read, Write},
    path::{Path, PathBuf},
    time::Instant,
};

use der::{
    AnyRef, Decode, Encode, Reader, Sequence, SliceReader,
    asn1::{BitString, ObjectIdentifier},
};
use evidence::{
    digest::sha256,
    hex,
    time::{SECOND, Utc},
    token::{Root, Token, signed_by},
};
use spki::AlgorithmIdentifierOwned;
use x509_cert::{
    Certificate, Version,
    crl::TbsCertList,
    ext::pkix::{
        BasicConstraints, CrlDistributionPoints, CrlReason, IssuingDistributionPoint, KeyUsage,
        name::{DistributionPointName, GeneralName},
    },
    name::Name,
    time::Time,
};

use crate::{Error, Result, remote::printable};

/// Most bytes of a list.
pub const MAX_LIST: usize = 1 << 20;
/// Most addresses of one certificate, and the longest.
const MAX_ADDRESSES: usize = 4;
const MAX_ADDRESS: usize = 1000;
/// What could not be had is not asked for again before an hour is over: each asking may cost a time-out.
const RETRY: i64 = 3_600 * SECOND;
/// A list that names no end is held so long.
const DAY: i64 = 86_400 * SECOND;
/// id-ce-issuingDistributionPoint.
const ISSUING_DISTRIBUTION_POINT: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.28");

/// What is known of one list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List {
    /// Where the certificate says it is.
    pub url: String,
    /// DER; `None` where none that counts was ever had.
    pub der: Option<Vec<u8>>,
    /// When it was asked for last.
    pub asked_at: Option<Utc>,
    /// Why that gave nothing, or nothing current.
    pub reason: Option<String>,
    /// Whose it is, where another issuer's list of the same address is held.
    beside: Option<String>,
}

impl List {
    /// As it lies in `dir`: `HEX.crl`, and `HEX.txt` with address, moment and outcome of the last asking; HEX is the
    /// first 16 digits of the address's SHA-256, and where another issuer's list of that address is held already, `-` and
    /// as many of its issuer's key. What cannot be read is as good as nothing.
    pub fn held(dir: &Path, url: &str) -> Self {
        Self::read(dir, url, None)
    }

    fn read(dir: &Path, url: &str, beside: Option<String>) -> Self {
        let [crl, note] = files(dir, url, beside.as_deref());
        let note = fs::read_to_string(note).unwrap_or_default();
        let mut lines = note.lines().skip(1);
        Self {
            url: url.to_owned(),
            der: bounded(&crl),
            asked_at: lines.next().and_then(|at| Utc::parse_micros(at).ok()),
            reason: lines.next().filter(|reason| !reason.is_empty()).map(str::to_owned),
            beside,
        }
    }

    /// Until when it needs no newer one.
    pub fn until(&self) -> Option<Utc> {
        self.der.as_deref().and_then(|der| Crl::parse(der).ok()).map(|crl| crl.until)
    }

    /// A folder that takes nothing costs further asking, no token.
    fn keep(&self, dir: &Path) {
        let [crl, note] = files(dir, &self.url, self.beside.as_deref());
        let asked_at = self.asked_at.map(Utc::to_micros).unwrap_or_default();
        let text = format!("{}\n{asked_at}\n{}\n", self.url, self.reason.as_deref().unwrap_or_default());
        let _ = fs::create_dir_all(dir);
        if let Some(der) = &self.der {
            let _ = replace(&crl, der);
        }
        let _ = replace(&note, text.as_bytes());
    }
}

/// DER of the lists held in `dir` that speak of a token's certificates.
pub fn lists_about(dir: &Path, token: &Token) -> Vec<Vec<u8>> {
    let inside = token.certificates().iter().filter_map(|der| Certificate::from_der(der).ok());
    let issuers: Vec<Name> = inside.map(|c| c.tbs_certificate().issuer().clone()).collect();
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        let der = if path.extension().is_some_and(|e| e == "crl") { bounded(&path) } else { None };
        found.extend(der.filter(|der| issuer(der).is_some_and(|issuer| issuers.contains(&issuer))));
    }
    found
}

/// One look at a token's certificates.
pub(crate) struct Look<'a> {
    /// Where lists are held.
    pub(crate) dir: &'a Path,
    pub(crate) agent: &'a ureq::Agent,
    pub(crate) now: Utc,
    /// For all lists together.
    pub(crate) deadline: Instant,
    /// Asks again whatever was asked just now: for a check by hand.
    pub(crate) again: bool,
}

impl Look<'_> {
    /// Refuses a token where a certificate on its path ([`Token::certification_path`]) was revoked. `urls` takes the
    /// addresses looked at.
    pub(crate) fn check(&self, path: &[Vec<u8>], urls: &mut Vec<String>) -> Result<()> {
        let parse = |der: &Vec<u8>| {
            Certificate::from_der(der).map_err(|e| Error::structure("certificate of a time authority", e))
        };
        let path = path.iter().map(parse).collect::<Result<Vec<_>>>()?;
        for (certificate, issuer) in path.iter().zip(path.iter().skip(1)) {
            for url in addresses(certificate) {
                urls.push(url.clone());
                let Some(crl) = self.list(&url, certificate, issuer)? else { continue };
                crl.heed(&url, certificate)?;
                if self.now < crl.until {
                    break;
                }
            }
        }
        Ok(())
    }

    /// The list at this address, if one counts: as it is held, or had anew. What the held one says is heeded first.
    fn list(&self, url: &str, certificate: &Certificate, issuer: &Certificate) -> Result<Option<Crl>> {
        let counts = |list: &List| list.der.as_deref().and_then(|der| Crl::of(der, certificate, issuer).ok());
        let mut list = List::held(self.dir, url);
        let mut held = counts(&list);
        if held.is_none() && list.der.is_some() {
            // That one is about others, and stays.
            let key = issuer.tbs_certificate().subject_public_key_info().to_der().unwrap_or_default();
            list = List::read(self.dir, url, Some(short(&key)));
            held = counts(&list);
        }
        if let Some(held) = &held {
            held.heed(url, certificate)?;
        }
        let current = held.as_ref().is_some_and(|crl| self.now < crl.until);
        let just_asked = list.asked_at.is_some_and(|at| (at..at.plus(RETRY)).contains(&self.now));
        if current || just_asked && !self.again {
            return Ok(held);
        }
        let got = self.fetch(url).and_then(|der| {
            let crl = Crl::of(&der, certificate, issuer)?;
            match held.as_ref().filter(|held| crl.begins < held.begins) {
                Some(held) => Err(format!("it is of {}, older than the one held", held.begins.to_micros())),
                None => Ok((der, crl)),
            }
        });
        list.asked_at = Some(self.now);
        let (crl, reason) = match got {
            Ok((der, crl)) => {
                list.der = Some(der);
                let ended = (crl.until <= self.now).then(|| format!("it ended on {}", crl.until.to_micros()));
                (Some(crl), ended)
            }
            Err(reason) => (held, Some(reason)),
        };
        list.reason = reason.map(|reason| printable(&reason));
        list.keep(self.dir);
        Ok(crl)
    }

    fn fetch(&self, url: &str) -> std::result::Result<Vec<u8>, String> {
        if !is_http(url) || url.contains('@') || url.len() > MAX_ADDRESS {
            return Err(format!("not a plain http address of at most {MAX_ADDRESS} characters"));
        }
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err("other lists took all the time there was".to_owned());
        }
        let get = self.agent.get(url).config().timeout_global(Some(left)).build();
        let answer = get.call().map_err(|e| e.to_string())?;
        if answer.status() != 200 {
            return Err(format!("HTTP {}", answer.status()));
        }
        let mut body = Vec::new();
        let mut reader = answer.into_body().into_reader().take(MAX_LIST as u64 + 1);
        reader.read_to_end(&mut body).map_err(|e| e.to_string())?;
        if body.len() > MAX_LIST {
            return Err(format!("longer than {MAX_LIST} bytes"));
        }
        evidence::document::crl_to_der(&body).map_err(|e| e.to_string())
    }
}

/// A list, read.
struct Crl {
    list: TbsCertList,
    begins: Utc,
    until: Utc,
}

/// CertificateList, the signed part as it stands.
#[derive(Sequence)]
struct Signed<'a> {
    list: AnyRef<'a>,
    algorithm: AlgorithmIdentifierOwned,
    signature: BitString,
}

impl Crl {
    fn parse(der: &[u8]) -> std::result::Result<Self, String> {
        let signed = Signed::from_der(der).map_err(|e| format!("not a CRL: {e}"))?;
        let list: TbsCertList = signed.list.decode_as().map_err(|e| format!("not a CRL: {e}"))?;
        let begins = utc(list.this_update);
        let until = list.next_update.map_or(begins.plus(DAY), utc);
        Ok(Self { list, begins, until })
    }

    /// A list that speaks of `certificate`, signed by its issuer.
    fn of(der: &[u8], certificate: &Certificate, issuer: &Certificate) -> std::result::Result<Self, String> {
        let crl = Self::parse(der)?;
        let name = issuer.tbs_certificate().subject();
        if crl.list.issuer != *name {
            return Err(format!("it is the list of {}, not of {name}", crl.list.issuer));
        }
        let signed = Signed::from_der(der).map_err(|e| e.to_string())?;
        let content = signed.list.to_der().map_err(|e| e.to_string())?;
        let usage = issuer.tbs_certificate().get_extension::<KeyUsage>().map_err(|e| e.to_string())?;
        if usage.is_some_and(|(_, usage)| !usage.crl_sign())
            || !signed_by(&content, &signed.algorithm, &signed.signature, issuer)
        {
            return Err(format!("its signature is not {name}'s"));
        }
        for extension in crl.list.crl_extensions.iter().flatten() {
            let whole = if extension.extn_id == ISSUING_DISTRIBUTION_POINT {
                IssuingDistributionPoint::from_der(extension.extn_value.as_bytes())
                    .is_ok_and(|point| covers(&point, certificate))
            } else {
                !extension.critical
            };
            if !whole {
                return Err(format!("it is a partial list ({}), not one for this certificate", extension.extn_id));
            }
        }
        Ok(crl)
    }

    fn heed(&self, url: &str, certificate: &Certificate) -> Result<()> {
        let tbs = certificate.tbs_certificate();
        let named = self.list.revoked_certificates.iter().flatten().find(|r| r.serial_number == *tbs.serial_number());
        let Some(named) = named else { return Ok(()) };
        let reason = named.crl_entry_extensions.as_ref().and_then(|extensions| {
            let reason = extensions.iter().find(|e| e.extn_id == <CrlReason as der::oid::AssociatedOid>::OID)?;
            CrlReason::from_der(reason.extn_value.as_bytes()).ok()
        });
        Err(Error::Revoked {
            certificate: Root { der: certificate.to_der().unwrap_or_default() }.name(),
            serial: hex::encode(tbs.serial_number().as_bytes()),
            at: utc(named.revocation_date).to_micros(),
            reason: format!("{:?}", reason.unwrap_or(CrlReason::Unspecified)),
            url: printable(url),
        })
    }
}

/// Whether a list of such certificates alone is one for this (RFC 5280, 6.3.3 (b)(2)). One that names where it is
/// published must name a distribution point of the certificate, or it could be the list of others of the issuer's.
fn covers(point: &IssuingDistributionPoint, certificate: &Certificate) -> bool {
    let constraints = certificate.tbs_certificate().get_extension::<BasicConstraints>();
    let ca = constraints.is_ok_and(|found| found.is_some_and(|(_, constraints)| constraints.ca));
    let asked = match &point.distribution_point {
        None => true,
        Some(DistributionPointName::FullName(names)) => names.iter().any(|name| points(certificate).contains(name)),
        Some(DistributionPointName::NameRelativeToCRLIssuer(_)) => false,
    };
    let partial = point.indirect_crl
        || point.only_contains_attribute_certs
        || point.only_some_reasons.is_some()
        || point.only_contains_user_certs && ca
        || point.only_contains_ca_certs && !ca;
    asked && !partial
}

/// Where a certificate says its issuer's lists are, those of http first.
fn addresses(certificate: &Certificate) -> Vec<String> {
    let mut urls: Vec<String> = points(certificate)
        .into_iter()
        .filter_map(|name| match name {
            GeneralName::UniformResourceIdentifier(url) => Some(url.to_string()),
            _ => None,
        })
        .collect();
    urls.sort_by_key(|url| !is_http(url));
    urls.truncate(MAX_ADDRESSES);
    urls
}

/// The names of a certificate's distribution points.
fn points(certificate: &Certificate) -> Vec<GeneralName> {
    let Ok(Some((_, points))) = certificate.tbs_certificate().get_extension::<CrlDistributionPoints>() else {
        return Vec::new();
    };
    let names = points.0.into_iter().filter_map(|point| match point.distribution_point {
        Some(DistributionPointName::FullName(names)) => Some(names),
        _ => None,
    });
    names.flatten().collect()
}

fn is_http(url: &str) -> bool {
    url.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http://"))
}

/// Whose list it is, without reading what it lists.
fn issuer(der: &[u8]) -> Option<Name> {
    let signed = Signed::from_der(der).ok()?;
    let mut reader = SliceReader::new(signed.list.value()).ok()?;
    reader.decode::<Option<Version>>().ok()?;
    reader.decode::<AlgorithmIdentifierOwned>().ok()?;
    reader.decode().ok()
}

fn utc(time: Time) -> Utc {
    Utc(i64::try_from(time.to_unix_duration().as_micros()).unwrap_or(i64::MAX))
}

fn files(dir: &Path, url: &str, beside: Option<&str>) -> [PathBuf; 2] {
    let name = [short(url.as_bytes())].into_iter().chain(beside.map(str::to_owned)).collect::<Vec<_>>().join("-");
    [dir.join(format!("{name}.crl")), dir.join(format!("{name}.txt"))]
}

fn short(bytes: &[u8]) -> String {
    hex::encode(&sha256(bytes))[..16].to_owned()
}

fn bounded(path: &Path) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    fs::File::open(path).ok()?.take(MAX_LIST as u64 + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() <= MAX_LIST).then_some(bytes)
}

/// The whole file or the one before, beside other processes that do the same.
fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let new = path.with_extension(format!("{}.new", std::process::id()));
    let mut file = fs::File::create(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&new, path)
}
