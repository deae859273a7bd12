//! Whose signatures make the ledger's proofs final: the witness policy of a folder, examined before it is used.
//!
//! Rules:
//! - `trust/policy` is a C2SP tlog-policy, byte for byte as the operator gave it; whom a witness key belongs to stands in
//!   `trust/roles.json`. An institution is a name there.
//! - An institution counts once; a key of the operator's own counts as none. Any two quorums share an institution: else
//!   two histories could both be final without anybody lying but the operator.
//! - Names that look alike are refused, since people tell institutions apart by them; so are two institutions at one
//!   address, whose one machine could sign for both.

mod quorum;
mod shape;

use crate::{
    Error, Folder, Result, clock,
    error::{read_file, show_path},
    folder::ledger_error,
    seal::replace,
    witness,
};
use evidence::{
    json::Value,
    note::{Note, VerifierKey},
    policy::Policy,
};
use quorum::Seat;
use serde::Serialize;
use shape::Shape;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};
use unicode_normalization::UnicodeNormalization;
use verify::Role;

const MAX_POLICY: u64 = 64 << 10;
/// A checkpoint holds sixteen signature lines (C2SP signed-note), one of them the log's.
const MAX_WITNESSES: usize = evidence::note::MAX_LINES - 1;

/// What a policy says, and what follows from it. Also the keys of `--json`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PolicyReport {
    /// The quorum in words, `2 of 3 (courts)`; `none` asks for nobody.
    pub quorum: String,
    /// Institutions in the quorum, the operator's own keys not among them.
    pub institutions: usize,
    /// So many of them may be silent, whichever they are.
    pub may_miss: usize,
    /// So many of them would have to sign two histories before the operator could show both with a quorum.
    pub liars: usize,
    /// In the policy's order.
    pub cosigners: Vec<Cosigner>,
}

/// A witness of a policy, and what it could do alone.
#[derive(Clone, Debug, Serialize)]
pub struct Cosigner {
    /// In the policy.
    pub name: String,
    /// Its vkey.
    pub key: String,
    /// `Ed25519` or `ML-DSA-44`.
    pub key_type: &'static str,
    /// Where it is asked.
    pub url: String,
    /// Whose it is.
    pub institution: String,
    /// As in `roles.json`.
    pub role: &'static str,
    /// It is the operator's own, and counts as none.
    pub own: bool,
    /// Its institution is part of the quorum.
    pub counts: bool,
    /// Without it no proof becomes final.
    pub needed: bool,
    /// If it signed two histories, the operator alone could show both with a quorum.
    pub forks: bool,
}

/// Where something stands in a policy.
#[derive(Clone, Debug)]
struct Place {
    number: usize,
    line: String,
}

/// A policy that passed, with the lines of `roles.json` about its witnesses.
struct Examined {
    report: PolicyReport,
    roles: Vec<Value>,
}

impl Folder {
    /// Examines a policy file, with the `roles.json` beside it, and changes nothing.
    pub fn check_policy(&self, file: &Path) -> Result<PolicyReport> {
        Ok(self.examined(file)?.1.report)
    }

    /// The policy of this folder.
    pub fn show_policy(&self) -> Result<PolicyReport> {
        self.check_policy(&self.trust_dir().join("policy"))
    }

    /// What is wrong with the policy in use, (zh, en): somebody may have written the file by hand. It is used all the same,
    /// or nothing would be recorded any more.
    pub(crate) fn doubtful_policy(&self) -> Option<(String, String)> {
        let e = self.show_policy().err()?;
        Some((
            format!(
                "正在使用的见证策略通不过检查，见证可能起不到作用；请改正，并用 quezao admin policy set FILE --data DIR 设定。{}",
                e.zh
            ),
            format!(
                "the witness policy in use would be refused, and may protect nobody; correct it, and set it with quezao admin policy set FILE --data DIR. {}",
                e.en
            ),
        ))
    }

    /// Takes a policy that passes: from the next opening on its witnesses are asked, and records wait for its quorum. What
    /// witnesses of the policy before it signed stays readable: their lines of `roles.json` stay.
    pub fn set_policy(&self, file: &Path) -> Result<PolicyReport> {
        let (bytes, Examined { report, roles }) = self.examined(file)?;
        let path = self.trust_dir().join("roles.json");
        let mut lines = role_lines(&read_file(&path)?)?;
        let new: BTreeSet<&str> = roles.iter().filter_map(|line| line["key"].as_str()).collect();
        lines.retain(|line| line["key"].as_str().is_none_or(|key| !new.contains(key)));
        lines.extend(roles.iter().cloned());
        let ledger = &self.writer()?.ledger;
        // Nothing is sealed any more from here on: the next seal is asked for under the new policy.
        ledger.flush_and_close().map_err(|e| ledger_error(&e))?;
        let asked = report.quorum != "none";
        if !asked || !self.meets_already(&bytes)? {
            ledger.ask_quorum(asked).map_err(|e| ledger_error(&e))?;
        }
        replace(&path, &evidence::json::to_bytes("roles.json", &Value::Array(lines))?, 0o644)?;
        replace(&self.trust_dir().join("policy"), &bytes, 0o644)?;
        // Alarms of before were looked at by whoever sets a policy.
        report.cosigners.iter().try_for_each(|cosigner| witness::forget(&self.store, &cosigner.name))?;
        Ok(report)
    }

    /// Whether the newest final seal is so by this policy too: then nothing has to be asked for again.
    fn meets_already(&self, policy: &[u8]) -> Result<bool> {
        if asked(&read_file(&self.trust_dir().join("policy"))?)?.witnesses.is_empty() {
            return Ok(false);
        }
        let Some(last) = self.reach()?.last.checked_sub(1) else { return Ok(false) };
        let Some(sealed) = self.reader.final_covering(last).map_err(|e| ledger_error(&e))? else { return Ok(false) };
        let note = Note::parse(&sealed.note)?;
        Ok(Policy::parse(policy)?.evaluate(&note, &self.origin).met)
    }

    fn examined(&self, file: &Path) -> Result<(Vec<u8>, Examined)> {
        let size = fs::metadata(file).map_err(|e| Error::io(file, &e))?.len();
        if size > MAX_POLICY {
            let shown = show_path(file);
            return Err(Error::new(
                format!("{shown}：有 {size} 字节，policy 最多 {MAX_POLICY} 字节"),
                format!("{shown}: {size} bytes, a policy has at most {MAX_POLICY}"),
            ));
        }
        let bytes = read_file(file)?;
        let beside = file.with_file_name("roles.json");
        let roles = match fs::read(&beside) {
            Ok(roles) => roles,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => b"[]".to_vec(),
            Err(e) => return Err(Error::io(&beside, &e)),
        };
        let examined = self.examine(&bytes, &roles).map_err(|e| {
            let shown = show_path(file);
            Error::new(format!("{shown}：{}", e.zh), format!("{shown}: {}", e.en))
        })?;
        Ok((bytes, examined))
    }

    fn examine(&self, policy: &[u8], roles: &[u8]) -> Result<Examined> {
        let shape = Shape::read(policy)?;
        let key = VerifierKey::parse(&self.store.meta("ledger_key")?.unwrap_or_default())?;
        if !shape.policy.logs().contains(&key) {
            return Err(Error::new(
                format!("policy 没有列出本账本；请加上这一行：log {key}"),
                format!("the policy does not list this ledger; add the line: log {key}"),
            ));
        }
        if shape.witnesses.len() > MAX_WITNESSES {
            let found = shape.witnesses.len();
            return Err(Error::new(
                format!("policy 有 {found} 个见证密钥；检查点最多容纳 {MAX_WITNESSES} 个见证签名"),
                format!("{found} witness keys; a checkpoint has room for {MAX_WITNESSES} cosignatures"),
            ));
        }
        let trust = verify::Trust::from_files([("roles.json".to_owned(), roles.to_vec())]).map_err(|e| {
            Error::new(
                format!("policy 旁的 roles.json 不可用（{}）", e.reason.zh()),
                format!("the roles.json beside the policy cannot be used: {}", e.reason),
            )
        })?;

        let operators: BTreeSet<String> =
            [Some(&self.owner), self.operator.as_ref()].into_iter().flatten().map(|party| looks(&party.name)).collect();
        // Institutions by how their names look; `None` is the operator's own.
        let (mut known, mut names): (BTreeMap<String, usize>, Vec<String>) = Default::default();
        let (mut whose, mut cosigners) = (Vec::new(), Vec::new());
        for witness in &shape.witnesses {
            let place = &witness.place;
            let line = trust.role_of_key(&witness.key, clock::now()).ok_or_else(|| {
                place.refuse(
                    "旁边的 roles.json 没有写明这个密钥属于哪个机构；请加上该机构公布的那一行（quezao node key）",
                    "the roles.json beside it does not say whose key this is; add the line that the institution publishes (quezao node key)",
                )
            })?;
            if line.name.trim().is_empty() {
                return Err(place.refuse(
                    "旁边的 roles.json 没有写出机构名称（name 为空）",
                    "the roles.json beside it names no institution (name is empty)",
                ));
            }
            let url = check_url(witness.url.as_deref(), place, &witness.name)?;
            let own = !line.independent
                || matches!(line.role, Role::Platform | Role::Owner)
                || operators.contains(&looks(&line.name));
            whose.push(match own {
                true => None,
                false => {
                    let n = *known.entry(looks(&line.name)).or_insert(names.len());
                    match names.get(n) {
                        None => names.push(line.name.clone()),
                        Some(other) if *other != line.name => return Err(place.alike(other, &line.name)),
                        Some(_) => {}
                    }
                    Some(n)
                }
            });
            cosigners.push(Cosigner {
                name: witness.name.clone(),
                key: witness.key.to_string(),
                key_type: shape::kind(&witness.key),
                url,
                institution: line.name.clone(),
                role: role_word(line.role),
                own,
                counts: false,
                needed: false,
                forks: false,
            });
        }
        tell_apart(&shape)?;
        places_apart(&shape, &whose, &cosigners)?;

        let mut report = PolicyReport { quorum: "none".to_owned(), cosigners, ..PolicyReport::default() };
        if let Some(node) = &shape.quorum {
            let seat = node.seat(&whose);
            once(&seat, node, &whose, &shape, &names)?;
            if let Some([a, b]) = seat.apart() {
                return Err(two_quorums(&shape, &names, &a, &b));
            }
            report.quorum = in_words(&shape.policy);
            report.institutions = seat.institutions().len();
            report.may_miss = seat.silent().saturating_sub(1).min(report.institutions);
            report.liars = seat.liars(None);
            let counted: BTreeSet<usize> = node.witnesses().into_iter().collect();
            for (n, cosigner) in report.cosigners.iter_mut().enumerate() {
                let Some(institution) = whose[n].filter(|_| counted.contains(&n)) else { continue };
                cosigner.counts = true;
                cosigner.needed = seat.needs(institution);
                cosigner.forks = seat.liars(Some(institution)) == 0;
            }
        }
        let keys: BTreeSet<&str> = report.cosigners.iter().map(|c| c.key.as_str()).collect();
        let mut roles = role_lines(roles)?;
        roles.retain(|line| line["key"].as_str().is_some_and(|key| keys.contains(key)));
        Ok(Examined { report, roles })
    }
}

/// Whom a policy in use has the ledger ask; nobody where it asks for no quorum.
pub(crate) struct Asked {
    pub(crate) policy: Policy,
    /// Name, key and address.
    pub(crate) witnesses: Vec<(String, VerifierKey, String)>,
}

pub(crate) fn asked(policy: &[u8]) -> Result<Asked> {
    let shape = Shape::read(policy)?;
    let reached = |w: shape::Witness| Some((w.name, w.key, w.url?.trim_end_matches('/').to_owned()));
    let witnesses = match shape.quorum {
        Some(_) => shape.witnesses.into_iter().filter_map(reached).collect(),
        None => Vec::new(),
    };
    Ok(Asked { policy: shape.policy, witnesses })
}

impl Place {
    fn refuse(&self, zh: &str, en: &str) -> Error {
        let (number, line) = (self.number, show_path(Path::new(&self.line)));
        Error::new(format!("第 {number} 行“{line}”：{zh}"), format!("line {number}, \"{line}\": {en}"))
    }

    fn alike(&self, one: &str, other: &str) -> Error {
        let [one, other] = [one, other].map(|name| show_path(Path::new(name)));
        self.refuse(
            &format!("“{one}”与“{other}”看上去一样；同一机构请写同一个名称，不同机构请用分得清的名称"),
            &format!(
                "\"{one}\" and \"{other}\" look alike; write one institution one way, and give others a name that nobody can mistake"
            ),
        )
    }
}

/// How a name looks, by Unicode's table of confusable characters (UTS 39), whatever its case and width.
fn looks(name: &str) -> String {
    let plain: String = name.nfkc().flat_map(char::to_lowercase).filter(|c| !c.is_whitespace()).collect();
    unicode_security::skeleton(&plain).collect()
}

/// No two names of witnesses, groups or keys may be taken for each other, nor hide a character.
fn tell_apart(shape: &Shape) -> Result<()> {
    let groups = shape.groups.iter().map(|(name, place)| (name.as_str(), place));
    let witnesses = shape.witnesses.iter().map(|w| (w.name.as_str(), &w.place));
    let keys = shape.witnesses.iter().map(|w| (w.key.name(), &w.place));
    for (list, same) in [(witnesses.chain(groups).collect::<Vec<_>>(), false), (keys.collect(), true)] {
        let mut seen: BTreeMap<String, &str> = BTreeMap::new();
        for (name, place) in list {
            evidence::json::check_string("name", name).map_err(|e| {
                place.refuse(&format!("名称不可用（{}）", e.zh()), &format!("the name cannot be used: {e}"))
            })?;
            match seen.insert(looks(name), name) {
                // One witness may have a key of each type under one name.
                Some(other) if !(same && other == name) => return Err(place.alike(other, name)),
                _ => {}
            }
        }
    }
    Ok(())
}

/// One address is one machine, whatever institutions are said to be there.
fn places_apart(shape: &Shape, whose: &[Option<usize>], cosigners: &[Cosigner]) -> Result<()> {
    let mut seen: BTreeMap<(String, u16), usize> = BTreeMap::new();
    for (n, cosigner) in cosigners.iter().enumerate() {
        let (host, port) = authority(&cosigner.url);
        let first = *seen.entry((host.clone(), port)).or_insert(n);
        if whose[first] != whose[n] {
            let [one, other] =
                [&cosigners[first].institution, &cosigner.institution].map(|name| show_path(Path::new(name)));
            let at = show_path(Path::new(&format!("{host}:{port}")));
            return Err(shape.witnesses[n].place.refuse(
                &format!("“{one}”与“{other}”在同一地址 {at}；一台机器就能代两家签署，请写各机构自己的节点地址"),
                &format!("\"{one}\" and \"{other}\" are at one address, {at}, where one machine could sign for both; write each institution's own"),
            ));
        }
    }
    Ok(())
}

/// Host and port of an address that [`check_url`] took.
fn authority(url: &str) -> (String, u16) {
    let default = if url.starts_with("https:") { 443 } else { 80 };
    let uri = ureq::http::Uri::try_from(url).unwrap_or_default();
    let host = uri.host().unwrap_or_default().trim_end_matches('.').to_ascii_lowercase();
    (host, uri.port_u16().unwrap_or(default))
}

/// Refuses an institution that stands at two places of the quorum.
fn once(seat: &Seat, node: &shape::Node, whose: &[Option<usize>], shape: &Shape, names: &[String]) -> Result<()> {
    let mut seen = BTreeSet::new();
    let Some(twice) = seat.institutions().into_iter().find(|n| !seen.insert(*n)) else { return Ok(()) };
    let keys: Vec<usize> = node.witnesses().into_iter().filter(|n| whose[*n] == Some(twice)).collect();
    let listed = keys.iter().map(|n| shape.witnesses[*n].name.as_str()).collect::<Vec<_>>().join(" ");
    let place = &shape.witnesses[keys[keys.len() - 1]].place;
    let name = show_path(Path::new(&names[twice]));
    Err(place.refuse(
        &format!("机构“{name}”会被计算不止一次（{listed}）；一个机构只算一次，请把它的密钥放进同一个 any 组：group NAME any {listed}"),
        &format!("the institution \"{name}\" would count more than once ({listed}); put its keys into one group of which any will do: group NAME any {listed}"),
    ))
}

fn two_quorums(shape: &Shape, names: &[String], a: &[usize], b: &[usize]) -> Error {
    let list = |side: &[usize], none: &str, and: &str| match side {
        [] => none.to_owned(),
        some => some.iter().map(|n| show_path(Path::new(&names[*n]))).collect::<Vec<_>>().join(and),
    };
    let quorum = in_words(&shape.policy);
    Error::new(
        format!(
            "quorum {quorum} 不可用：{} 与 {} 各自就够，却没有共同的机构，运营者可以让两套历史都达到规则；请提高门槛（运营者自己的密钥不计）",
            list(a, "运营者自己", "、"),
            list(b, "运营者自己", "、")
        ),
        format!(
            "quorum {quorum}: {} alone meet it, and so do {}, and they share no institution, so the operator could make two histories final; ask for more (keys of the operator's own count as none)",
            list(a, "the operator's own keys", " and "),
            list(b, "the operator's own keys", " and ")
        ),
    )
}

/// Its quorum, `2 of 3 (courts)`.
pub(crate) fn in_words(policy: &Policy) -> String {
    policy.evaluate(&Note { text: String::new(), signatures: Vec::new() }, "").quorum
}

/// Whatever is wrong with an address, it is not repeated: it may hold a password.
fn check_url(url: Option<&str>, place: &Place, name: &str) -> Result<String> {
    let place = Place { number: place.number, line: format!("witness {name}") };
    let url = url.ok_or_else(|| {
        place.refuse(
            "没有地址；请在行末写上见证者的提交地址（https://…），否则账本无法请它签署",
            "no address; end the line with the witness's submission prefix (https://…), else the ledger cannot ask it",
        )
    })?;
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let host = rest.and_then(|rest| rest.split('/').next()).unwrap_or_default();
    if host.is_empty() || url.contains(['@', '?', '#']) || url.len() > 1024 || ureq::http::Uri::try_from(url).is_err() {
        return Err(place.refuse(
            "地址须为 http:// 或 https://，只有主机与路径（不含用户、口令、查询）",
            "an address has http:// or https://, a host and a path alone: no user, password or query",
        ));
    }
    Ok(url.trim_end_matches('/').to_owned())
}

fn role_lines(bytes: &[u8]) -> Result<Vec<Value>> {
    serde_json::from_slice(bytes)
        .map_err(|e| Error::new(format!("roles.json 不可用（{e}）"), format!("roles.json cannot be used: {e}")))
}

pub(crate) fn role_word(role: Role) -> &'static str {
    match role {
        Role::Platform => "platform",
        Role::Owner => "owner",
        Role::Court => "court",
        Role::Notary => "notary",
        Role::TimeAuthority => "time-authority",
        Role::Other => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::{authority, looks};

    #[test]
    fn one_machine_has_one_address_however_it_is_written() {
        let at = |host: &str, port| (host.to_owned(), port);
        for url in ["https://Court.example/a", "https://court.example:443", "https://court.example./b/"] {
            assert_eq!(authority(url), at("court.example", 443), "{url}");
        }
        assert_eq!(authority("http://[::1]:8090/node"), at("[::1]", 8090));
        assert_ne!(authority("http://court.example"), authority("https://court.example"));
    }

    #[test]
    fn names_that_people_take_for_each_other_look_the_same() {
        for (a, b) in [
            ("court.example", "cоurt.example"),
            ("Court A", "court a"),
            ("北京法院", "北京 法院"),
            ("ＡＢＣ", "abc"),
            ("paypal", "pаypаl"),
            ("rn", "m"),
        ] {
            assert_eq!(looks(a), looks(b), "{a} {b}");
        }
        assert_ne!(looks("court-a"), looks("court-b"));
        assert_ne!(looks("杭州互联网法院"), looks("北京互联网法院"));
    }
}
