//! Letters that the certificate can print.
//!
//! Rules:
//! - A name of owner or operator, and every typed claim, must be printable on this machine, or it is refused before
//!   anything is recorded: what a person typed, a person can change, and its certificate shall show it as typed.
//! - The name of a file is taken as it is: on the sheet a character that no font has stands as `[U+XXXX]`.
//! - ASCII costs nothing; the program's own fonts are looked at next, the system's only for what those lack.

use crate::{Error, Result};
use certificate::Fonts;
use std::sync::OnceLock;
use unicode_normalization::UnicodeNormalization;

/// This machine's fonts, read once.
pub(crate) fn fonts() -> &'static Fonts {
    static FONTS: OnceLock<Fonts> = OnceLock::new();
    FONTS.get_or_init(Fonts::with_system)
}

/// Refuses a text with a character that no font here has; `zh` and `en` say what the text is.
pub(crate) fn check(text: &str, zh: &str, en: &str) -> Result<()> {
    if text.bytes().all(|b| (0x20..0x7f).contains(&b)) {
        return Ok(());
    }
    let missing = fonts().missing(text);
    if missing.is_empty() {
        return Ok(());
    }
    let shown = |quotes| missing.iter().map(|c| named(*c, quotes)).collect::<Vec<_>>();
    let (way_zh, way_en) = way_out(&missing);
    Err(Error::new(
        format!("{zh}中有证书无法印出的字符：{}；{way_zh}", shown(["“", "”（", "）"]).join("、")),
        format!(
            "{en} has a character that the certificate cannot print: {}; {way_en}",
            shown(["\"", "\" (", ")"]).join(", ")
        ),
    ))
}

/// What may look like another name than it is, (zh, en): seldom meant, and a way to look like somebody else.
pub(crate) fn look_alike(name: &str) -> Option<(String, String)> {
    let latin = |c: char| c.is_alphabetic() && (u32::from(c) < 0x250 || (0x1E00..=0x1EFF).contains(&u32::from(c)));
    let han = |c: char| matches!(u32::from(c), 0x3400..=0x9FFF | 0x20000..=0x3FFFF);
    // Greek, Cyrillic, Armenian, Cherokee, Coptic, Lisu: whole words of them read as Latin ones.
    let other = |c: char| {
        matches!(u32::from(c), 0x250..=0x2AF | 0x370..=0x58F | 0x1F00..=0x1FFF | 0x13A0..=0x13FF | 0x1C80..=0x1C8F)
            || matches!(u32::from(c), 0x2C80..=0x2DFF | 0xA4D0..=0xA4FF | 0xA640..=0xA69F | 0xAB30..=0xABBF)
    };
    if let Some(odd) = name.chars().find(|c| other(*c)) {
        let shown = format!("{odd} (U+{:04X})", u32::from(odd));
        return Some(if name.chars().any(latin) {
            (
                format!("名称混用了两种字母：{shown} 不是拉丁字母，只是看起来像；请确认是否有意"),
                format!(
                    "the name mixes two alphabets: {shown} is no Latin letter and may only look like one; confirm that it is meant"
                ),
            )
        } else {
            (
                format!("名称用的不是汉字或拉丁字母：{shown} 可能看起来像别的字母；请确认是否有意"),
                format!(
                    "the name is written in neither Chinese nor Latin letters: {shown} may look like another letter; confirm that it is meant"
                ),
            )
        });
    }
    // Of punctuation the full width is how Chinese names have it.
    let wide = |c: char| matches!(u32::from(c), 0xFF01..=0xFF0F | 0xFF1A..=0xFF20 | 0xFF3B..=0xFF40 | 0xFF5B..=0xFF65 | 0x2026);
    let changed = |c: &char| !wide(*c) && !std::iter::once(*c).nfkc().eq([*c]);
    // Radicals and strokes, and where there are Han characters, kana and bopomofo that are drawn like some.
    let drawn = |c: &char| {
        matches!(u32::from(*c), 0x2E80..=0x2EFF | 0x31C0..=0x31EF)
            || (matches!(u32::from(*c), 0x30A1..=0x30FA | 0x30FC | 0x3105..=0x312F) && name.chars().any(han))
    };
    let odd = name.chars().find(|c| changed(c) || drawn(c))?;
    let (number, usual) = (format!("{odd} (U+{:04X})", u32::from(odd)), odd.nfkc().collect::<String>());
    let (zh, en) = if usual == odd.to_string() {
        (String::new(), String::new())
    } else {
        (format!("，通常写作“{usual}”"), format!(", usually written \"{usual}\""))
    };
    Some((
        format!("名称中的 {number} 不是普通的字{zh}，可能被看成别的名称；请确认是否有意"),
        format!(
            "{number} in the name is no ordinary character{en}, and may be taken for another name; confirm that it is meant"
        ),
    ))
}

/// What somebody called something, fit to be shown to others: composed, on one line, without what is hidden or steers
/// the text, at most so many characters.
pub(crate) fn shown(text: &str, most: usize) -> String {
    let plain = |c: &char| evidence::json::check_string("text", c.encode_utf8(&mut [0; 4])).is_ok();
    text.nfc().filter(plain).take(most).collect()
}

/// The character, where a terminal may show it, and its number.
fn named(c: char, [open, middle, close]: [&str; 3]) -> String {
    let number = format!("U+{:04X}", u32::from(c));
    let steers = c.is_control() || evidence::json::check_string("character", c.encode_utf8(&mut [0; 4])).is_err();
    if steers || matches!(u32::from(c), 0x180B..=0x180F | 0x200C..=0x200D | 0xFE00..=0xFE0F) {
        return number;
    }
    format!("{open}{c}{middle}{number}{close}")
}

/// Which font would help, by what the characters are.
fn way_out(missing: &[char]) -> (&'static str, &'static str) {
    let all = |good: fn(u32) -> bool| missing.iter().all(|c| good(u32::from(*c)));
    if all(|c| matches!(c, 0x2E80..=0x9FFF | 0xAC00..=0xD7FF | 0xF900..=0xFAFF | 0x20000..=0x3FFFF)) {
        return (
            "请安装字体 Noto Sans CJK（Debian：apt-get install fonts-noto-cjk fonts-noto-cjk-extra）后重试，或改用其他写法",
            "install Noto Sans CJK (Debian: apt-get install fonts-noto-cjk fonts-noto-cjk-extra) and try again, or write it otherwise",
        );
    }
    // Letters of Europe, and the scripts of Uyghur, Tibetan and Mongolian.
    let core = |c| {
        matches!(c, 0x80..=0x52F | 0x600..=0x6FF | 0x750..=0x77F | 0xF00..=0xFFF | 0x1800..=0x18AF | 0x1E00..=0x1FFF)
            || matches!(c, 0x2C60..=0x2C7F | 0x2DE0..=0x2DFF | 0xA640..=0xA69F | 0xA720..=0xA7FF)
    };
    if all(core) {
        return (
            "请安装 Noto 字体（Debian：apt-get install fonts-noto-core）后重试，或改用其他写法",
            "install the Noto fonts (Debian: apt-get install fonts-noto-core) and try again, or write it otherwise",
        );
    }
    (
        "请去掉这些字符，或安装含有它们的 Noto 字体（Debian：fonts-noto-cjk、fonts-noto-core）后重试",
        "leave them out, or install a Noto font that has them (Debian: fonts-noto-cjk, fonts-noto-core) and try again",
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_prints_is_taken_and_what_does_not_is_named() {
        for good in ["Lin Wan", "林喆珺", "Wałęsa Nguyễn", "釉色杯系列（秋）"] {
            check(good, "名称", "the name").unwrap();
        }
        let e = check("猫😺", "作品名称", "the title").unwrap_err();
        assert!(
            e.zh.contains("作品名称") && e.zh.contains("“😺”（U+1F63A）") && e.en.contains("\"😺\" (U+1F63A)"),
            "{e:?}"
        );
        // A hidden character is named by its number alone.
        let e = check("林\u{200d}晚", "名称", "the name").unwrap_err();
        assert!(e.zh.contains("：U+200D；") && !e.zh.contains('\u{200d}'), "{e:?}");
    }

    #[test]
    fn a_name_that_may_look_like_another_is_asked_about() {
        for plain in [
            "林晚",
            "福州海棠文化有限公司",
            "海棠（福州）文化有限公司·二店",
            "Wałęsa Nguyễn & Co.",
            "〇一餐饮",
            "さくら",
            "サクラ",
            "བོད",
        ] {
            assert_eq!(look_alike(plain), None, "{plain}");
        }
        for (odd, says) in [
            ("Bаidu", "U+0430"),
            ("Аррӏе", "U+0410"),
            ("⽂化", "文"),
            ("ＡＢＣ公司", "A"),
            ("⻘岛", "U+2ED8"),
            ("力ロ工", "U+30ED"),
            ("Ⅱ号店", "II"),
            ("ꓓꓲꓳ", "U+A4D3"),
        ] {
            let (zh, en) = look_alike(odd).unwrap_or_else(|| panic!("{odd}"));
            assert!(zh.contains(says) && en.contains(says), "{odd}: {zh} {en}");
        }
        assert_eq!(shown("a\u{202e}gpj.\u{200b}证\n书", 6), "agpj.证");
        assert_eq!(shown("e\u{301}", 9), "é");
    }

    #[test]
    fn the_way_out_fits_the_script() {
        assert!(way_out(&['𠮷']).1.contains("fonts-noto-cjk-extra"));
        for script in ['Ѫ', 'བ', 'ئ', 'ᠮ'] {
            assert!(way_out(&[script]).1.contains("fonts-noto-core"), "{script}");
        }
        assert!(way_out(&['😺', '𠮷']).1.contains("leave them out"));
    }
}
