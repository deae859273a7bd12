//! What a file says about itself (XMP, IPTC), as defaults of claims that nobody made.
//!
//! Anybody can write such fields, so the statement says where they come from: `basis` names the claims that are the
//! file's own words. EXIF may say where somebody lives; it is shown to the owner and never claimed.

use crate::{Folder, Result, Warnings, letters};
use std::{collections::BTreeMap, fs::File, path::Path};

/// Adds what the file says to `claims`, marked as its own words; says what of it could not be used.
pub(crate) fn fill(path: &Path, media_type: &str, claims: &mut BTreeMap<String, String>) -> Warnings {
    let bytes = File::open(path).and_then(|file| picture::beginning(file, media_type)).unwrap_or_default();
    let words = picture::own_words(&bytes, media_type);
    let (mut taken, mut warnings) = (Vec::new(), Vec::new());
    for (name, value) in [("title", words.title), ("author", words.author), ("completed_at", words.created)] {
        let Some(value) = value.filter(|_| !claims.contains_key(name)) else { continue };
        if let Some(value) = usable(name, value, &mut warnings) {
            claims.insert(name.to_owned(), value);
            taken.push(name);
        }
    }
    let notice = words.notice.and_then(|notice| usable("basis", notice, &mut warnings));
    if taken.is_empty() && notice.is_none() {
        return warnings;
    }
    let mut mark = Vec::new();
    if !taken.is_empty() {
        mark.push(format!("文件自带的文字（XMP/IPTC） · the file's own words: {}", taken.join(", ")));
    }
    mark.extend(notice.map(|notice| format!("文件自带的权利说明 · the file's own notice: {notice}")));
    let mut basis: Vec<String> = claims.get("basis").cloned().into_iter().collect();
    basis.extend(mark);
    let basis = basis.join(" · ");
    // Without room for the mark nothing of the file's is claimed.
    if basis.len() > evidence::statement::MAX_TEXT {
        taken.iter().for_each(|name| drop(claims.remove(*name)));
        warnings.push((
            "权利依据太长，放不下“文件自带的文字”的说明，因此没有采用文件中的文字".into(),
            "the basis is too long to say which claims are the file's own words, so none of them was taken".into(),
        ));
    } else {
        claims.insert("basis".into(), basis);
    }
    warnings
}

impl Folder {
    /// The EXIF of a kept picture, for its owner's eyes: it is never claimed, nor exported.
    pub fn exif(&self, id: &str) -> Result<Vec<(String, String)>> {
        let record = self.stored(id)?;
        let Some(path) = self.kept_path(&record)?.filter(|_| record.kind == "image") else { return Ok(Vec::new()) };
        let Ok(file) = File::open(path) else { return Ok(Vec::new()) };
        let statement = evidence::record::Record::parse(&record.record)?.statement;
        let media_type = statement.file.map(|f| f.media_type).unwrap_or_default();
        Ok(picture::exif(&picture::beginning(file, &media_type).unwrap_or_default()))
    }
}

/// A field as a claim may hold it and a certificate print it.
fn usable(name: &str, value: String, warnings: &mut Warnings) -> Option<String> {
    use unicode_normalization::UnicodeNormalization;
    let value: String = value.nfc().collect();
    let json = evidence::json::Value::from(value.as_str());
    let fits = evidence::json::check_string("value", &value)
        .and_then(|()| evidence::statement::check_claim(name, &json))
        .map_err(|e| (e.zh(), e.to_string()))
        .and_then(|()| letters::check(&value, "值", "the value").map_err(|e| (e.zh, e.en)));
    match fits {
        Ok(()) => Some(value),
        Err((zh, en)) => {
            warnings.push((
                format!("文件自带的 {name} 不能采用：{zh}"),
                format!("the file's own {name} cannot be used: {en}"),
            ));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn jpeg(dir: &Path, title: &str) -> std::path::PathBuf {
        let packet = format!(
            "http://ns.adobe.com/xap/1.0/\0<x><rdf:Description xmp:CreateDate=\"2025-10-03T08:00:00Z\"><dc:title>\
             <rdf:li>{title}</rdf:li></dc:title><dc:creator><rdf:li>林晚</rdf:li></dc:creator></rdf:Description></x>"
        );
        let length = u16::try_from(packet.len() + 2).unwrap().to_be_bytes();
        let path = dir.join("a.jpg");
        std::fs::write(&path, [b"\xff\xd8\xff\xe1", &length[..], packet.as_bytes(), b"\xff\xda\0\x02"].concat())
            .unwrap();
        path
    }

    #[test]
    fn what_nobody_claimed_is_taken_and_marked() {
        let dir = tempfile::tempdir().unwrap();
        let mut claims = BTreeMap::from([("author".to_owned(), "陈清".to_owned()), ("basis".into(), "合同".into())]);
        assert!(fill(&jpeg(dir.path(), "杯"), "image/jpeg", &mut claims).is_empty());
        assert_eq!((&*claims["title"], &*claims["author"], &*claims["completed_at"]), ("杯", "陈清", "2025-10-03"));
        assert_eq!(claims["basis"], "合同 · 文件自带的文字（XMP/IPTC） · the file's own words: title, completed_at");
    }

    #[test]
    fn what_cannot_be_printed_or_marked_is_not_taken() {
        let dir = tempfile::tempdir().unwrap();
        let mut claims = BTreeMap::new();
        let warnings = fill(&jpeg(dir.path(), "猫\u{1f63a}"), "image/jpeg", &mut claims);
        assert!(warnings[0].1.contains("U+1F63A") && !claims.contains_key("title") && claims.contains_key("author"));
        let mut claims = BTreeMap::from([("basis".to_owned(), "x".repeat(4090))]);
        let warnings = fill(&jpeg(dir.path(), "杯"), "image/jpeg", &mut claims);
        assert_eq!((warnings.len(), claims.len()), (1, 1));
        let mut claims = BTreeMap::new();
        assert!(fill(Path::new("/nonexistent"), "image/jpeg", &mut claims).is_empty() && claims.is_empty());
    }
}
