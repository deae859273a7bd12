//! The first revision: the pages as they were drawn, and the attached files.
//!
//! Every byte is accounted for: objects 1, 2, 3 … stand one after another, the cross-reference table is the one
//! that follows from them, and the trailer ends the revision. So nothing can lie outside the table or in it twice.

use super::{
    malformed,
    syntax::{Cursor, Value},
};
use evidence::{Error, Result};
use std::collections::BTreeSet;

const HEADER: &[u8] = b"%PDF-1.7\n%\x80\x80\x80\x80\n\n";
/// Most objects of the first revision.
const MAX_OBJECTS: usize = 100_000;
/// Most bytes of one attached file, unpacked.
const MAX_ATTACHMENT: usize = 16 << 20;
/// What a verification report speaks of.
pub(crate) const MAX_EVIDENCE: usize = 48 << 20;
/// Most bytes of all attached files, unpacked.
const MAX_ATTACHED: usize = 64 << 20;
const MAX_ATTACHMENTS: usize = 256;

/// Keys that bring actions, layers, forms, comments, encryption or files from outside; wherever they stand.
const FORBIDDEN: &[&str] = &[
    "AA",
    "AcroForm",
    "Annots",
    "Collection",
    "DSS",
    "Encrypt",
    "FFilter",
    "JS",
    "JavaScript",
    "Launch",
    "OC",
    "OCGs",
    "OCProperties",
    "OpenAction",
    "Perms",
    "RichMedia",
    "Requirements",
    "SubmitForm",
    "URI",
    "XFA",
    "Alternates",
    "OPI",
    "PS",
    "Ref",
    "Prev",
    "XRefStm",
    "ObjStm",
    "Extensions",
    "Version",
    "Dests",
    "Renditions",
    "Threads",
    // Other readers take the object after a linearization dictionary for the cross-reference table.
    "Linearized",
    // Some readers take it for DecodeParms.
    "DP",
    "RF",
    "GoToR",
    "GoToE",
    "GoToDp",
    "ImportData",
    "ResetForm",
    "Named",
    "Hide",
];
const SPECIFICATION: &[&str] = &["Type", "F", "UF", "EF", "Desc", "AFRelationship"];
const EMBEDDED: &[&str] = &["Type", "Subtype", "Length", "Filter", "Params"];
const TREE: &[&str] = &["Type", "Kids", "Count"];
const CATALOG: &[&str] = &[
    "Type",
    "Pages",
    "Metadata",
    "OutputIntents",
    "Lang",
    "StructTreeRoot",
    "MarkInfo",
    "ViewerPreferences",
    "Names",
    "AF",
];
const PAGE: &[&str] = &[
    "Type",
    "Resources",
    "MediaBox",
    "StructParents",
    "Parent",
    "Contents",
    "Tabs",
    "Group",
    "CropBox",
    "TrimBox",
    "BleedBox",
    "ArtBox",
];

/// The first revision, read.
pub(crate) struct First<'b> {
    /// Its bytes, `%%EOF` included.
    pub(crate) bytes: &'b [u8],
    objects: Vec<Object<'b>>,
    /// Where its cross-reference table stands.
    pub(crate) startxref: usize,
    /// Object number of the catalog.
    pub(crate) root: u32,
    /// Object number of the first page.
    pub(crate) page: u32,
    /// `/Info …/ID[…]` of the trailer, as written.
    pub(crate) kept: &'b [u8],
}

struct Object<'b> {
    value: Value,
    /// The value as written.
    text: &'b [u8],
    stream: Option<&'b [u8]>,
}

impl<'b> First<'b> {
    /// Reads the revision that `bytes` begin with.
    pub(crate) fn read(bytes: &'b [u8]) -> Result<Self> {
        let mut cursor = Cursor::new(bytes, 0);
        cursor.expect(HEADER)?;
        let (mut objects, mut offsets) = (Vec::new(), Vec::new());
        while !cursor.rest().starts_with(b"xref\n") {
            if objects.len() >= MAX_OBJECTS {
                let (found, limit) = (objects.len() as u64 + 1, MAX_OBJECTS as u64);
                return Err(Error::TooLarge { what: "PDF objects", found, limit });
            }
            offsets.push(cursor.at);
            objects.push(object(&mut cursor, objects.len() + 1)?);
        }
        let startxref = cursor.at;
        let mut table = format!("xref\n0 {}\n0000000000 65535 f\r\n", objects.len() + 1);
        offsets.iter().for_each(|at| table.push_str(&format!("{at:010} 00000 n\r\n")));
        cursor.expect(table.as_bytes()).map_err(|_| {
            malformed("another cross-reference table", "the table of exactly the objects that stand in the file")
        })?;
        cursor.expect(b"trailer\n")?;
        let from = cursor.at;
        let trailer = cursor.value()?;
        let text = &bytes[from..cursor.at];
        cursor.expect(format!("\nstartxref\n{startxref}\n%%EOF").as_bytes())?;

        let start = format!("<</Size {}/Root ", objects.len() + 1);
        let root = trailer.get("Root").and_then(Value::reference).unwrap_or_default();
        let kept = text.strip_prefix(format!("{start}{root} 0 R").as_bytes()).and_then(|t| t.strip_suffix(b">>"));
        let kept = kept.filter(|_| keys(&trailer) == ["Size", "Root", "Info", "ID"]);
        let kept = kept.ok_or_else(|| malformed("another trailer", "a trailer of Size, Root, Info and ID"))?;
        let mut first = Self { bytes: &bytes[..cursor.at], objects, startxref, root, page: 0, kept };
        first.refuse_active_parts()?;
        first.page = first.pages()?;
        Ok(first)
    }

    /// Number of the first object that is not there.
    pub(crate) fn size(&self) -> u32 {
        self.objects.len() as u32 + 1
    }

    /// A dictionary as written, without its closing `>>`.
    pub(crate) fn open_dictionary(&self, number: u32) -> Result<&'b [u8]> {
        let text = self.object(number)?.text;
        text.strip_suffix(b">>").ok_or_else(|| malformed(format!("object {number}"), "a dictionary"))
    }

    /// The catalog's language.
    pub(crate) fn language(&self) -> Result<String> {
        let lang = self.object(self.root)?.value.get("Lang").and_then(Value::string);
        Ok(String::from_utf8_lossy(lang.ok_or_else(|| malformed("no Lang", "the catalog's language"))?).into_owned())
    }

    /// The attached files by name, ascending: each is in the name tree and in `AF`, once, and `F` is `UF`.
    pub(crate) fn attachments(&self) -> Result<Vec<(String, Vec<u8>)>> {
        let catalog = &self.object(self.root)?.value;
        let names = catalog.get("Names").and_then(|n| n.get("EmbeddedFiles")).and_then(|n| n.get("Names"));
        let names = names.and_then(Value::array).unwrap_or_default();
        let listed = catalog.get("AF").and_then(Value::array).unwrap_or_default();
        if names.len() != 2 * listed.len() || names.chunks(2).zip(listed).any(|(pair, af)| pair[1] != *af) {
            return Err(malformed("AF and EmbeddedFiles that differ", "every attached file in both, in one order"));
        }
        if listed.len() > MAX_ATTACHMENTS {
            let (found, limit) = (listed.len() as u64, MAX_ATTACHMENTS as u64);
            return Err(Error::TooLarge { what: "attached files", found, limit });
        }
        let (mut files, mut streams, mut left) = (Vec::<(String, Vec<u8>)>::new(), BTreeSet::new(), MAX_ATTACHED);
        for pair in names.chunks(2) {
            let name = String::from_utf8_lossy(pair[0].string().unwrap_or_default()).into_owned();
            if files.last().is_some_and(|(last, _)| *last >= name) {
                return Err(malformed(format!("{name} at its place"), "attached files in ascending order, each once"));
            }
            let (number, stream) = self.file(&name, &pair[1])?;
            if !streams.insert(number) {
                return Err(malformed(
                    format!("{name} shares its bytes"),
                    "a stream of its own for each attached file",
                ));
            }
            let bytes = unpack(&name, stream, left)?;
            left -= bytes.len();
            files.push((name, bytes));
        }
        let specifications = self.objects.iter().filter(|o| is_type(&o.value, "Filespec")).count();
        let embedded = self.objects.iter().filter(|o| is_type(&o.value, "EmbeddedFile")).count();
        let count = |key| self.objects.iter().map(|o| holders(&o.value, key)).sum::<usize>();
        if count("EF") != files.len() || count("AF") > 1 {
            return Err(malformed("a file beside those listed", "EF and AF of the listed files only"));
        }
        if (specifications, embedded) != (files.len(), files.len()) {
            let found = format!("{specifications} file specifications, {embedded} embedded files");
            return Err(malformed(found, &format!("{} of each, as listed", files.len())));
        }
        Ok(files)
    }

    /// The stream of one file specification.
    fn file(&self, name: &str, reference: &Value) -> Result<(u32, &Object<'b>)> {
        let refuse = || malformed(format!("the specification of {name}"), "F equal to UF, and one embedded file");
        let specification = &self.object(reference.reference().ok_or_else(refuse)?)?.value;
        let is = |key| specification.get(key).and_then(Value::string) == Some(name.as_bytes());
        let inside = specification.get("EF").ok_or_else(refuse)?;
        let number = inside.get("F").and_then(Value::reference).ok_or_else(refuse)?;
        let same = inside.get("UF").and_then(Value::reference) == Some(number) && keys(inside) == ["F", "UF"];
        let stream = self.object(number)?;
        only(specification, SPECIFICATION).and_then(|()| only(&stream.value, EMBEDDED))?;
        if is("F") && is("UF") && same && is_type(specification, "Filespec") && is_type(&stream.value, "EmbeddedFile") {
            return Ok((number, stream));
        }
        Err(refuse())
    }

    fn object(&self, number: u32) -> Result<&Object<'b>> {
        let index = (number as usize).checked_sub(1);
        let object = index.and_then(|i| self.objects.get(i));
        object.ok_or_else(|| malformed(format!("object {number}"), "an object of this file"))
    }

    fn refuse_active_parts(&self) -> Result<()> {
        for object in &self.objects {
            innocent(&object.value)?;
            let external = object.stream.is_some() && object.value.get("F").is_some();
            if external || ["ObjStm", "XRef", "Sig", "Action", "Annot"].iter().any(|t| is_type(&object.value, t)) {
                return Err(malformed("an active or hidden part", "pages and attached files only"));
            }
        }
        let catalog = &self.object(self.root)?.value;
        if !is_type(catalog, "Catalog") {
            return Err(malformed("no catalog at Root", "the catalog"));
        }
        only(catalog, CATALOG)?;
        match catalog.get("Names") {
            Some(names) => only(names, &["EmbeddedFiles"])
                .and_then(|()| names.get("EmbeddedFiles").map_or(Ok(()), |tree| only(tree, &["Names"]))),
            None => Ok(()),
        }
    }

    /// A flat list of pages; returns the first.
    fn pages(&self) -> Result<u32> {
        let refuse = || malformed("another page tree", "one flat list of pages");
        let tree = self.object(self.root)?.value.get("Pages").and_then(Value::reference).ok_or_else(refuse)?;
        let tree_node = &self.object(tree)?.value;
        only(tree_node, TREE)?;
        let kids = tree_node.get("Kids").and_then(Value::array).ok_or_else(refuse)?;
        if !is_type(tree_node, "Pages")
            || tree_node.get("Count").and_then(Value::integer) != i64::try_from(kids.len()).ok()
        {
            return Err(refuse());
        }
        let kids = kids.iter().map(|k| k.reference().ok_or_else(refuse)).collect::<Result<Vec<u32>>>()?;
        for kid in &kids {
            let page = &self.object(*kid)?.value;
            only(page, PAGE)?;
            if !is_type(page, "Page") || page.get("Parent").and_then(Value::reference) != Some(tree) {
                return Err(refuse());
            }
        }
        let pages = self.objects.iter().filter(|o| is_type(&o.value, "Page")).count();
        kids.first().copied().filter(|_| pages == kids.len()).ok_or_else(refuse)
    }
}

/// `N 0 obj`, a value, perhaps a stream, `endobj`.
fn object<'b>(cursor: &mut Cursor<'b>, number: usize) -> Result<Object<'b>> {
    cursor.expect(format!("{number} 0 obj\n").as_bytes())?;
    let from = cursor.at;
    let value = cursor.value()?;
    let text = &cursor.bytes[from..cursor.at];
    let stream = if cursor.skip(b"\nstream\n") {
        let length = value.get("Length").and_then(Value::integer).and_then(|n| usize::try_from(n).ok());
        let length = length.ok_or_else(|| malformed("a stream without Length", "its length, directly"))?;
        let bytes = cursor.take(length)?;
        cursor.expect(b"\nendstream")?;
        Some(bytes)
    } else {
        None
    };
    cursor.expect(b"\nendobj\n")?;
    Ok(Object { value, text, stream })
}

fn innocent(value: &Value) -> Result<()> {
    match value {
        Value::Dictionary(pairs) => pairs.iter().try_for_each(|(key, value)| {
            if FORBIDDEN.iter().any(|f| f.as_bytes() == key) {
                let found = format!("/{}", String::from_utf8_lossy(key));
                return Err(malformed(found, "no script, form, layer, annotation, encryption or outside file"));
            }
            innocent(value)
        }),
        Value::Array(items) => items.iter().try_for_each(innocent),
        Value::Name(name) if FORBIDDEN.iter().any(|f| f.len() > 2 && f.as_bytes() == name) => {
            Err(malformed(format!("/{}", String::from_utf8_lossy(name)), "no active part"))
        }
        _ => Ok(()),
    }
}

fn only(value: &Value, allowed: &[&str]) -> Result<()> {
    match keys(value).into_iter().find(|k| !allowed.contains(k)) {
        Some(key) => Err(malformed(format!("/{key}"), &format!("only {}", allowed.join(", ")))),
        None => Ok(()),
    }
}

fn keys(value: &Value) -> Vec<&str> {
    match value {
        Value::Dictionary(pairs) => pairs.iter().map(|(k, _)| std::str::from_utf8(k).unwrap_or("?")).collect(),
        _ => Vec::new(),
    }
}

/// How many dictionaries inside `value` have this key.
fn holders(value: &Value, key: &str) -> usize {
    match value {
        Value::Dictionary(pairs) => {
            usize::from(value.get(key).is_some()) + pairs.iter().map(|(_, v)| holders(v, key)).sum::<usize>()
        }
        Value::Array(items) => items.iter().map(|v| holders(v, key)).sum(),
        _ => 0,
    }
}

fn is_type(value: &Value, name: &str) -> bool {
    value.get("Type").is_some_and(|t| t.is_name(name))
}

/// A stream's bytes, inflated where it says so.
fn unpack(name: &str, object: &Object<'_>, left: usize) -> Result<Vec<u8>> {
    let packed = object.stream.ok_or_else(|| malformed(format!("{name} without bytes"), "a stream"))?;
    let most = match name {
        "items.zip" => crate::items::MAX_BYTES as usize,
        "evidence.pdf" | "evidence.zip" => MAX_EVIDENCE,
        _ => MAX_ATTACHMENT,
    };
    let limit = left.min(most);
    let too_large = || Error::TooLarge { what: "attached file", found: limit as u64 + 1, limit: limit as u64 };
    let bytes = match object.value.get("Filter") {
        None if packed.len() > limit => return Err(too_large()),
        None => packed.to_vec(),
        Some(filter) if filter.is_name("FlateDecode") && object.value.get("DecodeParms").is_none() => {
            inflate(packed, limit).map_err(|full| if full { too_large() } else { broken(name) })?
        }
        Some(_) => return Err(malformed(format!("another filter of {name}"), "FlateDecode or none")),
    };
    let stated = object.value.get("Params").and_then(|p| p.get("Size")).and_then(Value::integer);
    if stated != i64::try_from(bytes.len()).ok() {
        let stated = stated.map_or_else(|| "none".to_owned(), |n| n.to_string());
        return Err(Error::mismatch("size of an attached file", stated, bytes.len()));
    }
    Ok(bytes)
}

/// One zlib stream (RFC 1950) and nothing after it. `Err(true)`: more than `limit` bytes.
fn inflate(packed: &[u8], limit: usize) -> std::result::Result<Vec<u8>, bool> {
    use miniz_oxide::{DataFormat, MZFlush, MZStatus, inflate::stream};
    let mut state = stream::InflateState::new_boxed(DataFormat::Zlib);
    let (mut out, mut piece, mut at) = (Vec::new(), vec![0; 64 << 10], 0);
    loop {
        let step = stream::inflate(&mut state, &packed[at..], &mut piece, MZFlush::None);
        at += step.bytes_consumed;
        out.extend_from_slice(&piece[..step.bytes_written]);
        if out.len() > limit {
            return Err(true);
        }
        match step.status {
            Ok(MZStatus::StreamEnd) if at == packed.len() => return Ok(out),
            Ok(MZStatus::Ok) if step.bytes_consumed + step.bytes_written > 0 => {}
            _ => return Err(false),
        }
    }
}

fn broken(name: &str) -> Error {
    malformed(format!("{name} damaged"), "one whole zlib stream")
}
