//! Who somebody says that he is: names and numbers, held against their checksums, never verified here.

use crate::{Error, Result, Warnings, letters};

/// An owner or operator as declared.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Party {
    /// `individual` or `enterprise`.
    pub kind: String,
    /// Legal name.
    pub name: String,
    /// 统一社会信用代码 of an enterprise.
    pub code: Option<String>,
    /// 居民身份证 number of an individual.
    pub id: Option<String>,
}

impl Party {
    /// Checks name and numbers. Warnings are (zh, en).
    pub(crate) fn check(&self) -> Result<Warnings> {
        self.check_name()?;
        let mut warnings = Vec::new();
        match (self.kind.as_str(), &self.code, &self.id) {
            ("individual", None, id) => {
                if let Some(id) = id {
                    check_resident_number(id)?;
                }
            }
            ("enterprise", code, None) => {
                if let Some(code) = code {
                    warnings.extend(check_credit_code(code)?);
                }
            }
            ("individual", Some(_), _) => {
                return Err(Error::new(
                    "个人没有统一社会信用代码；请去掉 --owner-code，或改用 --owner-kind enterprise",
                    "an individual has no unified social credit code; drop --owner-code, or use --owner-kind enterprise",
                ));
            }
            ("enterprise", _, Some(_)) => {
                return Err(Error::new(
                    "企业不填身份证号；请去掉 --owner-id，或改用 --owner-kind individual",
                    "an enterprise has no identity number; drop --owner-id, or use --owner-kind individual",
                ));
            }
            (other, ..) => {
                return Err(Error::new(
                    format!("主体类型“{other}”不存在；请用 individual 或 enterprise"),
                    format!("there is no owner kind \"{other}\"; use individual or enterprise"),
                ));
            }
        }
        Ok(warnings)
    }

    /// Checks the name alone.
    pub(crate) fn check_name(&self) -> Result<()> {
        check_name(&self.name)
    }

    /// The number with all but its first and last character hidden.
    pub(crate) fn masked_id(&self) -> Option<String> {
        let id = self.id.as_deref()?;
        let (first, last) = (id.chars().next()?, id.chars().next_back()?);
        Some(format!("{first}{}{last}", "*".repeat(id.chars().count().saturating_sub(2))))
    }
}

fn check_name(name: &str) -> Result<()> {
    let trimmed = name.trim();
    if trimmed.is_empty() || trimmed != name || name.len() > 300 {
        return Err(Error::new(
            format!("名称“{name}”不能为空、首尾不能有空格、不超过 100 个汉字"),
            format!("the name \"{name}\" must not be empty, begin or end with a space, or exceed 300 bytes"),
        ));
    }
    evidence::json::check_string("name", name).map_err(|e| {
        Error::new(
            format!("名称中有不能登记的字符（{}）；请改正后重试", e.zh()),
            format!("the name cannot be recorded ({e}); correct it and try again"),
        )
    })?;
    letters::check(name, &format!("名称“{name}”"), &format!("the name \"{name}\""))
}

/// GB 11643: seventeen digits and a check character.
fn check_resident_number(id: &str) -> Result<()> {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let refuse = |zh: &str, en: &str| {
        Err(Error::new(
            format!("身份证号{zh}；请核对后重新输入"),
            format!("the identity number {en}; check it and enter it again"),
        ))
    };
    let bytes = id.as_bytes();
    if bytes.len() != 18 || !bytes[..17].iter().all(u8::is_ascii_digit) {
        return refuse("须为 17 位数字加 1 位校验码", "must be 17 digits and a check character");
    }
    let sum: u32 = WEIGHTS.iter().zip(bytes).map(|(w, b)| w * u32::from(b - b'0')).sum();
    if b"10X98765432"[(sum % 11) as usize] != bytes[17] {
        return refuse("校验码不符", "has a wrong check character");
    }
    Ok(())
}

/// GB 32100. A wrong check character is only warned about: real companies have such codes.
fn check_credit_code(code: &str) -> Result<Option<(String, String)>> {
    const ALPHABET: &[u8] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
    let values: Option<Vec<usize>> = code.bytes().map(|b| ALPHABET.iter().position(|a| *a == b)).collect();
    let Some(values) = values.filter(|v| v.len() == 18) else {
        return Err(Error::new(
            format!("统一社会信用代码“{code}”须为 18 位数字或大写字母（不含 I O S V Z）"),
            format!("the unified social credit code \"{code}\" must be 18 digits or capitals without I, O, S, V, Z"),
        ));
    };
    let mut weight = 1;
    let mut sum = 0;
    for value in &values[..17] {
        sum += value * weight;
        weight = weight * 3 % 31;
    }
    Ok(((31 - sum % 31) % 31 != values[17]).then(|| {
        (
            format!("统一社会信用代码 {code} 的校验码不符；确有企业如此，已照录，请核对"),
            format!("the check character of {code} is wrong; some real companies have such codes, so it was recorded as given: please check it"),
        )
    }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn person(id: &str) -> Party {
        Party { kind: "individual".into(), name: "林晚".into(), code: None, id: Some(id.into()) }
    }

    #[test]
    fn identity_numbers_are_held_against_their_checksum() {
        assert!(person("11010519491231002X").check().unwrap().is_empty());
        assert!(person("110105194912310021").check().is_err());
        assert!(person("1101051949123100").check().is_err());
        assert_eq!(person("11010519491231002X").masked_id().unwrap(), "1****************X");
    }

    #[test]
    fn a_real_company_with_a_wrong_check_character_is_only_warned_about() {
        for good in ["91350100M000100Y43", "91110000101623741K"] {
            assert!(check_credit_code(good).unwrap().is_none(), "{good}");
        }
        assert!(check_credit_code("91350211M0000XUF46").unwrap().is_some());
        assert!(check_credit_code("91350211M0000XUFI6").is_err());
    }

    #[test]
    fn names_with_hidden_characters_are_refused() {
        for bad in ["", " 林晚", "林\u{202e}晚", "林\0晚"] {
            assert!(Party { name: bad.into(), ..person("11010519491231002X") }.check().is_err(), "{bad:?}");
        }
    }
}
