//! A comparison's document becomes what its sheet prints. Only a document that the verdict holds gets here.

use evidence::comparison::{self, Against, Captured, Comparison, IMAGE_RESULTS, NOT_COMPARED, Scan};
use evidence::hex;
use evidence::time::Utc;

use crate::compared::{
    Changes, Compared, Counts, Likeness, Likenesses, MAX_CHANGES, MAX_LICENCES, MAX_LISTED, MAX_SHOWN, Near, Side,
};
use crate::error::{Error, printable};
use crate::held::second;
use crate::report::cut;
use crate::sheet::Words;

/// Characters of a line that a page said.
const LINE: usize = 160;

impl Compared {
    /// `pictures` are those that could be made, by the SHA-256 of their files.
    pub(crate) fn of(document: &Comparison, pictures: &Likenesses) -> Result<Self, Error> {
        let (scan, earlier, differences) = match &document.against {
            Against::Registered(scan) => (Some(scan), None, None),
            Against::Earlier(earlier, differences) => (None, Some(earlier), Some(differences)),
        };
        let text = differences.and_then(|d| d.text.as_ref()).map(|t| changes(t, |line| cut(line, LINE)));
        let facts = differences.and_then(|d| d.facts.as_ref()).map(|facts| {
            let value = |v: &Option<String>| v.as_ref().map(|v| cut(v, LINE));
            facts.iter().map(|f| (Words::same(cut(&f.name, LINE)), value(&f.earlier), value(&f.later))).collect()
        });
        let notice = comparison::NOTICE;
        Ok(Self {
            at: second(document.compared_at),
            page: side(&document.capture)?,
            earlier: earlier.map(|e| side(e)).transpose()?,
            counts: scan.map(counts),
            pairs: scan.map_or(Ok(Vec::new()), |scan| pairs(scan, pictures))?,
            pairs_found: scan.map_or(0, |s| s.pairs_found),
            licences: document.licences.as_ref().map(|l| {
                let said = |l| verify::licence_words(l, &document.capture);
                let said = l.listed.iter().take(MAX_LICENCES).map(said);
                said.map(|s| Words::new(cut(&s.zh, 400), cut(&s.en, 400))).collect()
            }),
            licences_found: document.licences.as_ref().map_or(0, |l| l.found),
            thresholds: thresholds(),
            text,
            images: differences.map(|d| changes(&d.images, |digest| hex::encode(digest))),
            facts,
            notice: Words::new(notice.0, notice.1),
        })
    }
}

/// What the two words mean, by the format's own numbers.
fn thresholds() -> Words {
    let (dct, gradient) = comparison::CLOSE;
    let loose = |zh: bool| {
        let one = |(d, g): &(u64, u64)| match (*g >= 512, zh) {
            (true, _) => format!("dct-256 ≤ {d}"),
            (false, true) => format!("dct-256 ≤ {d} 且 gradient-512 ≤ {g}"),
            (false, false) => format!("dct-256 ≤ {d} and gradient-512 ≤ {g}"),
        };
        comparison::POSSIBLE.iter().map(one).collect::<Vec<_>>().join(if zh { "，或 " } else { ", or " })
    };
    Words::new(
        format!("相近：dct-256 ≤ {dct} 且 gradient-512 ≤ {gradient}；可能相近：{}", loose(true)),
        format!("close: dct-256 ≤ {dct} and gradient-512 ≤ {gradient}; possible: {}", loose(false)),
    )
}

/// The pairs that are printed with their pictures: whose files a caller looks for.
pub fn shown_pairs(document: &Comparison) -> Vec<([u8; 32], [u8; 32])> {
    let Against::Registered(scan) = &document.against else { return Vec::new() };
    let image = |p: &comparison::Pair| scan.images.get(p.image).map(|i| (i.sha256, p.record.sha256));
    scan.pairs.iter().take(MAX_SHOWN).filter_map(image).collect()
}

fn side(captured: &Captured) -> Result<Side, Error> {
    Ok(Side {
        id: captured.record.id.clone(),
        at: stamped(&captured.gen_time)?,
        url: captured.url.as_ref().map(|u| cut(u, 400)),
        sha256: hex::encode(&captured.sha256),
    })
}

/// A token's genTime, to the next full second: "no later than".
fn stamped(gen_time: &str) -> Result<String, Error> {
    Utc::parse_generalized(gen_time).map(second).map_err(|_| Error::Malformed {
        what: "genTime of a compared record",
        found: printable(gen_time),
        expected: "a GeneralizedTime".into(),
    })
}

fn counts(scan: &Scan) -> Counts {
    let word = |name: &str| match name {
        "not-image" => Words::new("不是图片", "no picture"),
        "not-held" => Words::new("未留存原件", "original not kept"),
        "damaged" => Words::new("留存的原件已损坏", "kept original damaged"),
        "format" => Words::new("不解码的格式", "format not decoded"),
        "broken" => Words::new("无法解码", "did not decode"),
        "too-large" => Words::new("超出解码上限", "beyond the limits of a decode"),
        "small" => Words::new("太小", "too small"),
        "flat" => Words::new("内容太少", "too little in it"),
        "unlisted" => Words::new("未列出", "not listed"),
        other => Words::same(other),
    };
    let others = NOT_COMPARED.iter().zip(scan.not_compared).filter(|(_, n)| *n > 0);
    let images = IMAGE_RESULTS.iter().filter(|name| **name != "compared");
    let images = images.map(|name| (*name, scan.images.iter().filter(|i| i.result == *name).count() as u64));
    let unlisted = scan.images_found.saturating_sub(scan.images.len() as u64);
    let images = images.chain([("unlisted", unlisted)]).filter(|(_, n)| *n > 0);
    Counts {
        left_images: images.map(|(name, n)| (word(name), n)).collect(),
        images: (scan.images_found, scan.images.iter().filter(|i| i.result == "compared").count() as u64),
        records: (scan.records, scan.compared),
        others: others.map(|(name, n)| (word(name), n)).collect(),
    }
}

fn pairs(scan: &Scan, pictures: &Likenesses) -> Result<Vec<Likeness>, Error> {
    let mut out = Vec::new();
    for (i, pair) in scan.pairs.iter().take(MAX_LISTED).enumerate() {
        let Some(image) = scan.images.get(pair.image) else { continue };
        let there = |sha256: &[u8; 32]| i < MAX_SHOWN && pictures.contains_key(sha256);
        out.push(Likeness {
            similarity: pair.similarity().as_str().into(),
            url: image.url.as_ref().map(|u| cut(u, LINE)),
            sha256: hex::encode(&image.sha256),
            size: (image.width, image.height),
            place: image.place,
            occurrences: image.occurrences,
            record: pair.record.record.id.clone(),
            record_at: stamped(&pair.record.gen_time)?,
            record_sha256: hex::encode(&pair.record.sha256),
            found: pair.found.as_ref().map(|m| Near {
                parts: (part(&m.page_part), part(&m.registered_part)),
                mirrored: m.mirrored,
                dct: m.dct,
                gradient: m.gradient,
            }),
            drawn: (there(&image.sha256), there(&pair.record.sha256)),
        });
    }
    Ok(out)
}

fn part(name: &str) -> Words {
    match name {
        "whole" => Words::new("整幅", "whole"),
        "trimmed" => Words::new("去边部分", "part without borders"),
        "inner-95" => Words::new("中央 95%", "inner 95%"),
        "inner-90" => Words::new("中央 90%", "inner 90%"),
        "inner-80" => Words::new("中央 80%", "inner 80%"),
        "square" => Words::new("中央方形", "middle square"),
        "without-top" => Words::new("除上边的部分", "part without its top"),
        "without-bottom" => Words::new("除下边的部分", "part without its bottom"),
        "without-left" => Words::new("除左边的部分", "part without its left side"),
        "without-right" => Words::new("除右边的部分", "part without its right side"),
        other => Words::same(cut(other, 40)),
    }
}

fn changes<T>(list: &comparison::Changes<T>, text: impl Fn(&T) -> String) -> Changes {
    Changes {
        added: list.added.iter().take(MAX_CHANGES).map(&text).collect(),
        removed: list.removed.iter().take(MAX_CHANGES).map(&text).collect(),
        found: (list.added_found, list.removed_found),
        unchanged: list.unchanged,
    }
}
