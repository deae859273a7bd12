//! Fonts: a subset of Noto inside the program (GB 2312, names beyond it, Latin as Europe and Vietnam write it), and
//! behind it the full fonts of the system (CJK, and the scripts of Tibet, Xinjiang and Inner Mongolia), opened only
//! when a text needs them. So an ordinary certificate is the same
//! on every machine. The subsets are made by `scripts/subset_fonts.py`.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use typst::foundations::Bytes;
use typst::text::{Font, FontBook};
use typst::utils::LazyHash;

const EMBEDDED: [&[u8]; 8] = [
    include_bytes!("../fonts/QuezaoSans-Regular.otf"),
    include_bytes!("../fonts/QuezaoSans-Medium.otf"),
    include_bytes!("../fonts/QuezaoSerif-SemiBold.otf"),
    include_bytes!("../fonts/QuezaoSerif-Regular.otf"),
    include_bytes!("../fonts/QuezaoMono-Regular.ttf"),
    include_bytes!("../fonts/QuezaoQuotes-Regular.otf"),
    include_bytes!("../fonts/QuezaoLatin-Regular.ttf"),
    include_bytes!("../fonts/QuezaoLatinSerif-Bold.ttf"),
];
/// Files looked for on the system, the better weight first; of a collection only the faces in [`FAMILIES`] are kept.
const FILES: [&str; 12] = [
    "NotoSansCJK-Regular.ttc",
    "NotoSansCJKsc-Regular.otf",
    "NotoSerifCJK-SemiBold.ttc",
    "NotoSerifCJKsc-SemiBold.otf",
    "NotoSerifCJK-Bold.ttc",
    "NotoSerifCJKsc-Bold.otf",
    "NotoSerifCJK-Regular.ttc",
    "NotoSerifCJKsc-Regular.otf",
    "NotoSans-Regular.ttf",
    "NotoSerifTibetan-Regular.ttf",
    "NotoNaskhArabic-Regular.ttf",
    "NotoSansMongolian-Regular.ttf",
];
/// As the layout names them (`parts.typ`).
const FAMILIES: [&str; 6] = [
    "Noto Sans CJK SC",
    "Noto Serif CJK SC",
    "Noto Sans",
    "Noto Serif Tibetan",
    "Noto Naskh Arabic",
    "Noto Sans Mongolian",
];
/// Bounds of the walk through font folders.
const MAX_DEPTH: usize = 5;
const MAX_ENTRIES: usize = 20_000;
/// The largest font file that is opened.
const MAX_FONT: u64 = 128 << 20;

/// The fonts that certificates are set in.
pub struct Fonts {
    embedded: Faces,
    folders: Vec<PathBuf>,
    /// The embedded ones, and the system's behind them.
    all: OnceLock<Faces>,
}

/// Fonts in the typesetter's order, with what it asks of all of them: the same for every sheet, so made once.
pub(crate) struct Faces {
    pub(crate) fonts: Vec<Font>,
    pub(crate) book: LazyHash<FontBook>,
    /// A bit for each character that one of them has.
    covered: Vec<u64>,
}

impl Faces {
    fn new(fonts: Vec<Font>) -> Self {
        let mut covered = vec![0u64; 0x11_0000 / 64];
        for c in fonts.iter().flat_map(|f| f.info().coverage.iter()) {
            if let Some(word) = covered.get_mut(c as usize / 64) {
                *word |= 1 << (c % 64);
            }
        }
        Self { book: LazyHash::new(FontBook::from_fonts(fonts.iter())), fonts, covered }
    }

    fn has(&self, c: char) -> bool {
        let c = u32::from(c);
        self.covered.get(c as usize / 64).is_some_and(|word| word >> (c % 64) & 1 == 1)
    }
}

impl Fonts {
    /// The program's own alone: the same on every machine.
    pub fn embedded() -> Self {
        let embedded = EMBEDDED.iter().flat_map(|d| Font::iter(Bytes::new(*d))).collect();
        Self { embedded: Faces::new(embedded), folders: Vec::new(), all: OnceLock::new() }
    }

    /// The program's own, then the system's Noto CJK for what is missing.
    pub fn with_system() -> Self {
        let mut folders: Vec<PathBuf> =
            ["/usr/local/share/fonts", "/usr/share/fonts", "/Library/Fonts"].iter().map(Into::into).collect();
        if let Some(home) = std::env::var_os("HOME") {
            folders.push(Path::new(&home).join(".local/share/fonts"));
            folders.push(Path::new(&home).join("Library/Fonts"));
        }
        Self::with_folders(folders)
    }

    /// The program's own, then Noto CJK below these folders, first folder first.
    pub fn with_folders(folders: Vec<PathBuf>) -> Self {
        Self { folders, ..Self::embedded() }
    }

    /// The characters of `text` that cannot be printed, each once, in order: no font has a glyph, or they are control
    /// or direction characters, which may not stand on a page that is compared by eye.
    pub fn missing(&self, text: &str) -> Vec<char> {
        let shapes = shapers(text);
        let has = |c: char| self.embedded.has(c) || self.all().has(c);
        let printable = |c: &char| (!hidden(*c) || shapes.contains(c)) && has(*c);
        each(text).into_iter().filter(|c| !printable(c)).collect()
    }

    /// Whether the program's own fonts print this character.
    pub(crate) fn inside(&self, c: char) -> bool {
        !hidden(c) && self.embedded.has(c)
    }

    /// The fonts for `text`: the embedded alone where they cover it.
    pub(crate) fn covering(&self, text: &str) -> &Faces {
        if text.chars().all(|c| self.embedded.has(c)) { &self.embedded } else { self.all() }
    }

    fn all(&self) -> &Faces {
        self.all.get_or_init(|| {
            let mut found: Vec<PathBuf> = Vec::new();
            let mut budget = MAX_ENTRIES;
            for folder in &self.folders {
                walk(folder, 0, &mut budget, &mut found);
            }
            // Nothing of the order in which a folder is listed reaches the page.
            found.sort_by_key(|p| (rank(p), p.clone()));
            let mut fonts = self.embedded.fonts.clone();
            for path in found {
                // A font that cannot be read is a font that is not there.
                let Ok(data) = std::fs::read(&path) else { continue };
                let faces = Font::iter(Bytes::new(data));
                fonts.extend(faces.filter(|f| FAMILIES.contains(&f.info().family.as_str())));
            }
            Faces::new(fonts)
        })
    }
}

impl std::fmt::Debug for Fonts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fonts").field("embedded", &self.embedded.fonts.len()).field("folders", &self.folders).finish()
    }
}

/// Its characters, each once, in order.
fn each(text: &str) -> Vec<char> {
    let mut seen = HashSet::new();
    text.chars().filter(|c| seen.insert(*c)).collect()
}

fn rank(path: &Path) -> usize {
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
    FILES.iter().position(|f| *f == name).unwrap_or(FILES.len())
}

fn walk(folder: &Path, depth: usize, budget: &mut usize, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        if *budget == 0 {
            return;
        }
        *budget -= 1;
        let path = entry.path();
        let Ok(meta) = std::fs::metadata(&path) else { continue };
        if meta.is_dir() && depth < MAX_DEPTH {
            walk(&path, depth + 1, budget, found);
        } else if meta.is_file() && meta.len() <= MAX_FONT && rank(&path) < FILES.len() {
            found.push(path);
        }
    }
}

/// Joiners and variation selectors that only ever follow a letter whose form they choose: they print as nothing, but
/// without them Mongolian and Uyghur are misspelt. One that follows anything else, somewhere in the text, is hidden.
fn shapers(text: &str) -> HashSet<char> {
    let shaper = |c: char| matches!(c, '\u{180b}'..='\u{180f}' | '\u{200c}' | '\u{200d}');
    let joining = |c: char| matches!(c, '\u{620}'..='\u{6ff}' | '\u{750}'..='\u{77f}' | '\u{1820}'..='\u{18aa}');
    let (mut good, mut stray, mut before) = (HashSet::new(), HashSet::new(), ' ');
    for c in text.chars() {
        if shaper(c) {
            if joining(before) {
                good.insert(c)
            } else {
                stray.insert(c)
            };
        }
        before = c;
    }
    good.difference(&stray).copied().collect()
}

/// Control characters, direction marks and overrides, and other characters that print as nothing.
fn hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffd}'
            | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_beyond_gb2312_are_inside() {
        let fonts = Fonts::embedded();
        assert_eq!(
            fonts.missing("林喆珺 朱镕基 李燊 Zoë Müller Wałęsa Őszi Škoda Ğül Nguyễn Ștefan 2026（秋）“釉”·—…"),
            Vec::<char>::new()
        );
    }

    #[test]
    fn says_each_missing_character_once() {
        let fonts = Fonts::embedded();
        assert_eq!(fonts.missing("王𠮷明𠮷😀"), vec!['𠮷', '😀']);
    }

    #[test]
    fn what_prints_as_nothing_is_missing() {
        let fonts = Fonts::embedded();
        assert_eq!(fonts.missing("a\u{202e}b\u{200b}\0"), vec!['\u{202e}', '\u{200b}', '\0']);
    }

    #[test]
    fn joiners_stand_only_where_they_shape() {
        assert_eq!(shapers("ᠭ\u{180b} ᠠ\u{180e}").len(), 2);
        assert_eq!(shapers("ᠭ\u{180b}林\u{180b}"), HashSet::new(), "one that is stray spoils them all");
        assert_eq!(shapers("林\u{200d}晚"), HashSet::new());
        assert_eq!(shapers("ئۇ\u{200c}ي").len(), 1);
    }

    #[test]
    fn a_folder_without_fonts_adds_none() {
        let fonts = Fonts::with_folders(vec!["/nonexistent".into()]);
        assert_eq!(fonts.missing("𠮷"), vec!['𠮷']);
    }
}
