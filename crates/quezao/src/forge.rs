//! The attacker's walk of `demo --forge`: one honest package, its picture, and the platform's own keys in the wrong hands.
//!
//! Each forgery is as consistent as its author can make it: signed and stamped again with the platform's keys
//! wherever that helps him, so that only the rule in question stands in his way.

mod page;
mod world;
mod zip;

use evidence::{
    cosignature::Cosigner,
    digest::{self, FileDigests},
    disclosure::{self, Disclosure},
    hex,
    json::{self, Value, json},
    note::Signer,
    time::SECOND,
};
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};
use timestamp::Authority;
use world::{Entries, Made, Platform, Result, made, proof};

/// One attempt, and where it has to fail.
pub(crate) struct Forgery {
    /// Its story is the message `forge-NAME`.
    pub name: &'static str,
    pub package: Vec<u8>,
    /// Where it is not the honest one.
    pub picture: Option<Vec<u8>>,
    /// Where the reader does not simply trust the demo's platform.
    pub trust: Option<Vec<(String, Vec<u8>)>>,
    /// The check that must not pass, and the exit code.
    pub check: &'static str,
    pub exit: u8,
}

/// What the attacker starts from.
pub(crate) struct Loot<'a> {
    /// An honest package and another one of the same ledger.
    pub package: &'a [u8],
    pub other: &'a [u8],
    pub certificate: &'a [u8],
    pub picture: &'a [u8],
    /// The reader's trust folder, which knows the platform.
    pub trust: &'a [(String, Vec<u8>)],
    pub signer: Signer,
    pub authority: Authority,
    pub origin: String,
    /// Microseconds that the authority's clock is turned forward.
    pub clock: Arc<AtomicI64>,
}

/// Every attempt, one after another.
pub(crate) fn all(loot: Loot<'_>) -> Result<Vec<Forgery>> {
    let honest = entries(loot.package)?;
    let other = entries(loot.other)?;
    let digests = FileDigests::of(loot.picture);
    let platform = Platform { signer: Arc::new(loot.signer), authority: Arc::new(loot.authority), origin: loot.origin };
    let leaf0 = Made {
        statement: Vec::new(),
        record: get(&honest, "operator-record.json")?.to_vec(),
        tokens: Vec::new(),
        disclosures: get(&honest, "operator-disclosure.json")?.to_vec(),
    };
    let walk = Walk { honest, other, digests, platform, leaf0, trust: loot.trust, clock: loot.clock };
    let mut found = walk.of_the_file(loot.package, loot.picture)?;
    found.extend(of_the_certificate(loot.certificate));
    found.extend(walk.of_the_record()?);
    found.extend(walk.of_the_ledger()?);
    found.extend(walk.of_the_keys()?);
    found.extend(walk.of_the_page()?);
    Ok(found)
}

struct Walk<'a> {
    honest: Entries,
    other: Entries,
    digests: FileDigests,
    platform: Platform,
    leaf0: Made,
    trust: &'a [(String, Vec<u8>)],
    clock: Arc<AtomicI64>,
}

impl Walk<'_> {
    /// Bytes changed from outside, without any key.
    fn of_the_file(&self, package: &[u8], picture: &[u8]) -> Result<Vec<Forgery>> {
        let mut pixel = picture.to_vec();
        let middle = pixel.len() / 2;
        pixel[middle] ^= 1;
        let appended = [package, b"\n"].concat();
        let renamed = |from: &str, to: &str| {
            let mut all = self.honest.clone();
            all.iter_mut().filter(|e| e.0 == from).for_each(|e| e.0 = to.to_owned());
            packed(&all)
        };
        Ok(vec![
            Forgery { picture: Some(pixel), ..attempt("changed-pixel", package.to_vec(), "file", 1) },
            attempt("appended-bytes", appended, "form", 1),
            attempt("same-name-twice", renamed("checkpoint.txt", "statement.json")?, "form", 1),
            attempt("path-upwards", renamed("VERIFY.txt", "../../.bashrc")?, "form", 1),
        ])
    }

    /// The platform lies about one record and signs and stamps everything again.
    fn of_the_record(&self) -> Result<Vec<Forgery>> {
        let p = &self.platform;
        let (mine, theirs) = (p.image("林晚", self.digests)?, p.image("Mallory", self.digests)?);
        let (statement, disclosures) = p.image_statement("林晚", self.digests)?;
        let under = |made: Made| p.package(&self.honest, &[self.leaf0.clone(), made, theirs.clone()], 1, &[]);

        // The owner is somebody else now; record and tokens are fresh, the ledger is not.
        let mut changed = self.honest.clone();
        for (name, bytes) in [
            ("statement.json", &theirs.statement),
            ("record.json", &theirs.record),
            ("disclosure.json", &theirs.disclosures),
        ] {
            set(&mut changed, name, bytes.clone())?;
        }
        set(&mut changed, "timestamp-1.tsr", theirs.tokens[0].clone())?;

        // Only what opens the commitment is exchanged.
        let mut opened = self.honest.clone();
        let swapped: Vec<Disclosure> = disclosure::parse_set(get(&self.honest, "disclosure.json")?)?
            .into_iter()
            .map(|d| {
                if d.name() == "owner_name" { Disclosure::new(&[7; 16], "owner_name", json!("Mallory")) } else { Ok(d) }
            })
            .collect::<evidence::Result<_>>()?;
        set(&mut opened, "disclosure.json", disclosure::set_to_bytes(&swapped)?)?;

        // One slot commits to two owners, so that either can be shown.
        let second = Disclosure::new(&[8; 16], "owner_name", json!("Mallory"))?;
        let mut two: Value = serde_json::from_slice(&statement.to_bytes()?)?;
        let slot = &mut two["claims"]["owner_name"]["_sd"];
        *slot = json!([slot[0], second.digest()]);
        let two_owners = under(p.made_of(&two, &disclosures)?)?;

        // One slot, two openings in the package.
        let mut twice = under(mine.clone())?;
        let mut lines: Vec<String> = serde_json::from_slice(get(&twice, "disclosure.json")?)?;
        let at = lines.iter().position(|l| Disclosure::parse(l).is_ok_and(|d| d.name() == "owner_name")).unwrap_or(0);
        lines.insert(at + 1, second.encoded().to_owned());
        set(&mut twice, "disclosure.json", json::to_bytes("disclosure", &json!(lines))?)?;

        // The token, and that there ever was one, are gone.
        let mut bare = mine.clone();
        let mut record: Value = serde_json::from_slice(&bare.record)?;
        record["timestamps"] = json!([]);
        bare.record = json::to_bytes("record", &record)?;
        bare.tokens.clear();

        // A good token of this authority, but over somebody else's statement.
        let moved = made(&statement, theirs.tokens.clone(), &disclosures)?;

        // Statement of one honest package, record and proof of another.
        let mut spliced = self.other.clone();
        for name in ["statement.json", "disclosure.json", "timestamp-1.tsr"] {
            set(&mut spliced, name, get(&self.honest, name)?.to_vec())?;
        }
        Ok(vec![
            attempt("changed-statement", packed(&changed)?, "inclusion", 1),
            attempt("changed-disclosure", packed(&opened)?, "disclosures", 1),
            attempt("two-owners", packed(&two_owners)?, "statement", 1),
            attempt("two-disclosures", packed(&twice)?, "disclosures", 1),
            attempt("token-removed", packed(&under(bare)?)?, "form", 1),
            attempt("token-moved", packed(&under(moved)?)?, "statement-token-1", 1),
            attempt("spliced", packed(&spliced)?, "statement", 1),
        ])
    }

    /// The platform lies about the ledger, or about the time.
    fn of_the_ledger(&self) -> Result<Vec<Forgery>> {
        let p = &self.platform;
        let record = p.image("林晚", self.digests)?;
        let ledger = [self.leaf0.clone(), record.clone(), p.image("Mallory", self.digests)?];

        // The path leads to the root of one tree, the signature is on another.
        let note = p.checkpoint(&ledger, &[]);
        let mut other_tree = p.package_under(&self.honest, &ledger, 1, &note)?;
        set(&mut other_tree, "proof.tlog-proof", proof(&ledger[..2], 1, &note))?;

        // The same record in a second ledger, which this reader happens to know too.
        let (second, _) = Platform::unknown(2, "second.example", "Second Example TSA")?;
        let second = Platform { authority: p.authority.clone(), ..second };
        let replayed = [second.operator("Second Example")?, record];
        let key = second.signer.verifier_key().to_string();
        let mut knows_both = self.trust.to_vec();
        edit(&mut knows_both, "policy", |text| format!("log {key}\n{text}"))?;
        let replayed = second.package(&self.honest, &replayed, 1, &[])?;

        // The clock is turned for the statement's token, and back again for the seal.
        self.clock.store(30 * SECOND, Ordering::SeqCst);
        let late = p.image("林晚", self.digests);
        self.clock.store(0, Ordering::SeqCst);
        let turned = p.package(&self.honest, &[self.leaf0.clone(), late?], 1, &[])?;
        Ok(vec![
            attempt("other-tree", packed(&other_tree)?, "inclusion", 1),
            Forgery { trust: Some(knows_both), ..attempt("replayed", packed(&replayed)?, "ledger-binding", 1) },
            attempt("clock-turned", packed(&turned)?, "times", 1),
        ])
    }

    /// Keys that only the package vouches for; what the reader asks for is not there.
    fn of_the_keys(&self) -> Result<Vec<Forgery>> {
        let p = &self.platform;
        let (own, root) = Platform::unknown(1, "quezao.local", "National Time Service Center 国家授时中心")?;
        let ledger = [own.operator("National Time Service Center 国家授时中心")?, own.image("林晚", self.digests)?];
        let mut scratch = own.package(&self.honest, &ledger, 1, &[])?;
        vouch(&mut scratch, &own, &root)?;

        // The ledger is the known one, but time comes from that authority.
        let borrowed =
            Platform { signer: p.signer.clone(), origin: p.origin.clone(), authority: own.authority.clone() };
        let famous = [self.leaf0.clone(), borrowed.image("林晚", self.digests)?];
        let mut famous = borrowed.package(&self.honest, &famous, 1, &[])?;
        vouch(&mut famous, &own, &root)?;

        let ledger = [self.leaf0.clone(), p.image("林晚", self.digests)?];
        let witness = |name: &str, seed| Cosigner::from_seed(name, &digest::sha256(&[b'w', seed]));
        let (court, notary) = (witness("court.example", 1)?, witness("notary.example", 2)?);
        // The reader knows the court's key; the platform made itself another one under the court's name.
        let puppet = witness("court.example", 3)?;
        let mut sock_puppet = p.package(&self.honest, &ledger, 1, &[&puppet])?;
        let quorum = |keys: &[(&str, &Cosigner)], quorum: &str| {
            let lines: String = keys.iter().map(|(n, k)| format!("witness {n} {}\n", k.verifier_key())).collect();
            format!("log {}\n{lines}{quorum}\n", p.signer.verifier_key())
        };
        set(&mut sock_puppet, "trust-policy", quorum(&[("court", &puppet)], "quorum court").into_bytes())?;
        let mut asks_court = self.trust.to_vec();
        edit(&mut asks_court, "policy", |_| quorum(&[("court", &court)], "quorum court"))?;

        let one_of_two = p.package(&self.honest, &ledger, 1, &[&court])?;
        let mut asks_both = self.trust.to_vec();
        let both = "group both all court notary\nquorum both";
        edit(&mut asks_both, "policy", |_| quorum(&[("court", &court), ("notary", &notary)], both))?;

        let mut unsealed = p.package(&self.honest, &ledger, 1, &[])?;
        unsealed.retain(|e| e.0 != "checkpoint.tsr");
        Ok(vec![
            attempt("from-scratch", packed(&scratch)?, "log-signature", 3),
            attempt("famous-authority", packed(&famous)?, "statement-token-1", 3),
            Forgery { trust: Some(asks_court), ..attempt("sock-puppet", packed(&sock_puppet)?, "policy", 3) },
            Forgery { trust: Some(asks_both), ..attempt("quorum-unmet", packed(&one_of_two)?, "policy", 3) },
            attempt("seal-removed", packed(&unsealed)?, "sealing-token-1", 3),
        ])
    }
}

/// What follows the signature of a certificate is not the certificate.
fn of_the_certificate(certificate: &[u8]) -> Vec<Forgery> {
    let ends: Vec<usize> = (1..=certificate.len()).filter(|end| certificate[..*end].ends_with(b"%%EOF\n")).collect();
    let signed = ends.len().checked_sub(2).map_or(certificate.len(), |n| ends[n]);
    let update = [certificate, b"1 0 obj\n<<>>\nendobj\n"].concat();
    vec![
        attempt("certificate-continued", update, "certificate-signature", 3),
        attempt("certificate-cut", certificate[..signed].to_vec(), "certificate-signature", 3),
    ]
}

fn attempt(name: &'static str, package: Vec<u8>, check: &'static str, exit: u8) -> Forgery {
    Forgery { name, package, picture: None, trust: None, check, exit }
}

/// The package vouches for these keys by itself: policy, roles, root.
fn vouch(entries: &mut Entries, own: &Platform, root: &str) -> Result<()> {
    let key = own.signer.verifier_key();
    let fingerprint = hex::encode(&own.authority.root().fingerprint());
    let line = |key: String, role: &str| {
        json!({"key": key, "role": role, "name": "National Time Service Center 国家授时中心", "independent": true,
               "from": null, "until": null})
    };
    let roles = json!([line(key.to_string(), "platform"), line(format!("sha256:{fingerprint}"), "time-authority")]);
    set(entries, "trust-policy", format!("log {key}\nquorum none\n").into_bytes())?;
    set(entries, "trust-roles.json", json::to_bytes("roles.json", &roles)?)?;
    let place = entries.iter().position(|e| e.0.starts_with("trust-tsa-")).ok_or("no root in the package")?;
    entries.retain(|e| !e.0.starts_with("trust-tsa-"));
    entries.insert(place, (format!("trust-tsa-{}.pem", &fingerprint[..16]), root.as_bytes().to_vec()));
    Ok(())
}

/// Entries of an honest package but its list and its certificate, which any change would contradict.
fn entries(package: &[u8]) -> Result<Entries> {
    let read = archive::package::read(package)?;
    Ok(read.entries.into_iter().filter(|e| !matches!(e.0.as_str(), "package.json" | "certificate.pdf")).collect())
}

/// A package of these entries that lists them as it should, whatever they are called.
fn packed(entries: &[(String, Vec<u8>)]) -> Result<Vec<u8>> {
    let list = archive::package::manifest(entries)?;
    Ok(zip::write(&[&[("package.json".to_owned(), list)], entries].concat()))
}

fn get<'e>(entries: &'e Entries, name: &str) -> Result<&'e [u8]> {
    let found = entries.iter().find(|e| e.0 == name);
    found.map(|e| e.1.as_slice()).ok_or_else(|| format!("the package has no {name}").into())
}

fn set(entries: &mut Entries, name: &str, bytes: Vec<u8>) -> Result<()> {
    entries.iter_mut().find(|e| e.0 == name).ok_or_else(|| format!("the package has no {name}"))?.1 = bytes;
    Ok(())
}

/// A text file of a trust folder, changed.
fn edit(files: &mut Entries, name: &str, change: impl FnOnce(&str) -> String) -> Result<()> {
    let changed = change(std::str::from_utf8(get(files, name)?)?);
    set(files, name, changed.into_bytes())
}
