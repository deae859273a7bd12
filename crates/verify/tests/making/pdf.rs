//! A certificate file written by hand, apart from the product's own writer, so that a vector can break any one rule:
//! empty pages with attached files, and the revisions that sign them.

use super::world::Entries;
use evidence::hex;

/// One object of the first revision.
pub struct Object {
    pub number: u32,
    pub generation: u16,
    /// Whether the cross-reference table names it.
    pub listed: bool,
    pub body: Vec<u8>,
}

/// The first revision, object by object.
pub struct First {
    pub objects: Vec<Object>,
    pub root: u32,
    pub page: u32,
    pub info: u32,
    /// Names of the attached files, in order; object numbers of their specifications begin at 3.
    pub files: Vec<String>,
}

impl First {
    /// One empty page, and these files.
    pub fn new(entries: &Entries, deflate: bool) -> Self {
        let mut files = entries.clone();
        files.sort();
        let count = files.len() as u32;
        let mut this = Self { objects: Vec::new(), root: 0, page: 2, info: 0, files: Vec::new() };
        this.add("<</Type/Pages/Count 1/Kids[2 0 R]>>");
        this.add("<</Type/Page/Resources<<>>/MediaBox[0 0 595 842]/Parent 1 0 R>>");
        for (n, (name, _)) in (3..).zip(&files) {
            let stream = n + count;
            this.add(&format!(
                "<</Type/Filespec/F({name})/UF({name})/AFRelationship/Data/EF<</F {stream} 0 R/UF {stream} 0 R>>>>"
            ));
            this.files.push(name.clone());
        }
        for (_, bytes) in &files {
            let packed = if deflate { miniz_oxide::deflate::compress_to_vec_zlib(bytes, 9) } else { bytes.clone() };
            let filter = if deflate { "/Filter/FlateDecode" } else { "" };
            let size = bytes.len();
            let head = format!("<</Length {}/Type/EmbeddedFile{filter}/Params<</Size {size}>>>>", packed.len());
            this.add_bytes([head.as_bytes(), b"\nstream\n", &packed, b"\nendstream"].concat());
        }
        this.info = this.add("<</Title(A vector)>>");
        let pair = |(n, name): (u32, &String)| (format!("({name}){n} 0 R"), format!("{n} 0 R"));
        let (names, listed): (Vec<_>, Vec<_>) = (3..).zip(&this.files).map(pair).unzip();
        this.root = this.add(&format!(
            "<</Type/Catalog/Pages 1 0 R/Lang(zh-CN)/Names<</EmbeddedFiles<</Names[{}]>>>>/AF[{}]>>",
            names.concat(),
            listed.join(" ")
        ));
        this
    }

    /// One more object; its number.
    pub fn add(&mut self, body: &str) -> u32 {
        self.add_bytes(body.as_bytes().to_vec())
    }

    fn add_bytes(&mut self, body: Vec<u8>) -> u32 {
        let number = self.objects.iter().map(|o| o.number).max().unwrap_or_default() + 1;
        self.objects.push(Object { number, generation: 0, listed: true, body });
        number
    }

    /// Another text at the one place of an object where it stands.
    pub fn replace(&mut self, number: u32, from: &str, to: &str) {
        let object = self.objects.iter_mut().find(|o| o.number == number).unwrap();
        object.body = replaced(&object.body, from, to);
    }

    pub fn catalog(&mut self, from: &str, to: &str) {
        self.replace(self.root, from, to);
    }

    /// Number of the specification of a file.
    pub fn file(&self, name: &str) -> u32 {
        3 + self.files.iter().position(|f| f == name).unwrap() as u32
    }

    /// Number of the stream of a file.
    pub fn stream(&self, name: &str) -> u32 {
        self.file(name) + self.files.len() as u32
    }

    pub fn write(&self) -> File {
        let mut bytes = b"%PDF-1.7\n%\x80\x80\x80\x80\n\n".to_vec();
        let mut table = Vec::new();
        for object in &self.objects {
            if object.listed {
                table.push((object.number, format!("{:010} {:05} n\r\n", bytes.len(), object.generation)));
            }
            bytes.extend(format!("{} {} obj\n", object.number, object.generation).as_bytes());
            bytes.extend_from_slice(&object.body);
            bytes.extend(b"\nendobj\n");
        }
        table.sort();
        let (at, size) = (bytes.len(), table.len() as u32 + 1);
        bytes.extend(format!("xref\n0 {size}\n0000000000 65535 f\r\n").as_bytes());
        table.iter().for_each(|(_, line)| bytes.extend(line.as_bytes()));
        let kept = format!("/Info {} 0 R/ID[(vector)(vector)]", self.info);
        let trailer = format!("trailer\n<</Size {size}/Root {} 0 R{kept}>>\nstartxref\n{at}\n%%EOF", self.root);
        bytes.extend(trailer.as_bytes());
        let open = |number: u32| {
            let body = &self.objects.iter().find(|o| o.number == number && o.listed).unwrap().body;
            String::from_utf8(body.strip_suffix(b">>").unwrap().to_vec()).unwrap()
        };
        let (page, catalog) = ((self.page, open(self.page)), (self.root, open(self.root)));
        let attached = self.files.clone();
        File { bytes, size, first_size: size, prev: at, page, catalog, kept, fields: Vec::new(), dss: None, attached }
    }
}

/// How Contents is written, and what is said about it.
#[derive(Clone, Copy)]
pub struct Contents {
    pub room: usize,
    /// Bytes after Contents that the ByteRange leaves out too.
    pub beyond: usize,
    pub upper: bool,
    /// Last digit of the padding.
    pub last: u8,
}

impl Default for Contents {
    fn default() -> Self {
        Self { room: 8192, beyond: 0, upper: false, last: b'0' }
    }
}

pub const SIGNATURE: &str = "/Type/Sig/Filter/Adobe.PPKLite/SubFilter/ETSI.CAdES.detached";
pub const TIMESTAMP: &str = "/Type/DocTimeStamp/Filter/Adobe.PPKLite/SubFilter/ETSI.RFC3161";

/// A file to which revisions are added.
#[derive(Clone)]
pub struct File {
    pub bytes: Vec<u8>,
    /// Number of the first object that is not there.
    pub size: u32,
    first_size: u32,
    prev: usize,
    /// Number, and the dictionary without `>>`.
    page: (u32, String),
    pub catalog: (u32, String),
    kept: String,
    fields: Vec<u32>,
    dss: Option<u32>,
    /// Names of the attached files, in order.
    pub attached: Vec<String>,
}

impl File {
    /// A revision with a signature or a document time-stamp, made by `make` over what its ByteRange names.
    pub fn sign(&mut self, opening: &str, field: &str, how: Contents, make: impl Fn(&[u8]) -> Vec<u8>) {
        let start = self.bytes.len();
        let (value, number, form) = (self.size, self.size + 1, self.first_size + 2);
        let first = self.fields.is_empty();
        self.fields.push(number);
        let fields: Vec<String> = self.fields.iter().map(|f| format!("{f} 0 R")).collect();
        let (fields, page) = (fields.join(" "), self.page.0);
        let range = "/ByteRange[0000000000 0000000000 0000000000 0000000000]";
        let zeros = "0".repeat(2 * how.room);
        let mut objects = vec![
            (value, format!("<<{opening}{range}/Contents<{zeros}>>>")),
            (
                number,
                format!(
                    "<</Type/Annot/Subtype/Widget/FT/Sig/T({field})/V {value} 0 R/P {page} 0 R/Rect[0 0 0 0]/F 132>>"
                ),
            ),
            (form, format!("<</Fields[{fields}]/SigFlags 3>>")),
            (page, format!("{}/Annots[{fields}]>>", self.page.1)),
        ];
        if first {
            objects.push((self.catalog.0, self.signed_catalog()));
        }
        self.update(objects.into_iter().map(|(n, text)| (n, text.into_bytes())).collect(), form.max(number) + 1);

        let from = start + find(&self.bytes[start..], "/Contents<") + "/Contents".len();
        let to = from + 2 * how.room + 2;
        let end = self.bytes.len();
        let stated = format!("/ByteRange[{:010} {from:010} {:010} {:010}]", 0, to + how.beyond, end - to - how.beyond);
        let at = from - "/Contents".len() - range.len();
        self.bytes[at..at + range.len()].copy_from_slice(stated.as_bytes());
        let der = make(&[&self.bytes[..from], &self.bytes[to + how.beyond..]].concat());
        let text = if how.upper { hex::encode(&der).to_uppercase() } else { hex::encode(&der) };
        self.bytes[from + 1..from + 1 + text.len()].copy_from_slice(text.as_bytes());
        if text.len() < 2 * how.room {
            self.bytes[to - 2] = how.last;
        }
    }

    /// The revision with validation material.
    pub fn validate(&mut self, certificates: &[Vec<u8>], crls: &[Vec<u8>]) {
        let mut objects = Vec::new();
        let mut number = self.size;
        let mut list = |items: &[Vec<u8>]| {
            let mut references = Vec::new();
            for der in items {
                let head = format!("<</Length {}>>\nstream\n", der.len());
                objects.push((number, [head.as_bytes(), der, b"\nendstream"].concat()));
                references.push(format!("{number} 0 R"));
                number += 1;
            }
            references.join(" ")
        };
        let (certificates, crls) = (list(certificates), list(crls));
        objects.push((number, format!("<</Type/DSS/Certs[{certificates}]/CRLs[{crls}]>>").into_bytes()));
        self.dss = Some(number);
        objects.push((self.catalog.0, self.signed_catalog().into_bytes()));
        self.update(objects, number + 1);
    }

    fn signed_catalog(&self) -> String {
        let form = self.first_size + 2;
        let dss = self.dss.map(|n| format!("/DSS {n} 0 R")).unwrap_or_default();
        let extensions = "/Extensions<</ESIC<</BaseVersion/1.7/ExtensionLevel 1>>>>";
        format!("{}{extensions}/AcroForm {form} 0 R{dss}>>", self.catalog.1)
    }

    /// Any incremental update.
    pub fn update(&mut self, objects: Vec<(u32, Vec<u8>)>, size: u32) {
        self.bytes.push(b'\n');
        let mut placed = Vec::new();
        for (number, body) in objects {
            placed.push((number, self.bytes.len()));
            self.bytes.extend(format!("{number} 0 obj\n").as_bytes());
            self.bytes.extend(body);
            self.bytes.extend(b"\nendobj\n");
        }
        placed.sort_unstable();
        let at = self.bytes.len();
        self.bytes.extend(b"xref\n");
        for run in placed.chunk_by(|a, b| a.0 + 1 == b.0) {
            self.bytes.extend(format!("{} {}\n", run[0].0, run.len()).as_bytes());
            run.iter().for_each(|(_, offset)| self.bytes.extend(format!("{offset:010} 00000 n\r\n").as_bytes()));
        }
        let (root, kept, prev) = (self.catalog.0, &self.kept, self.prev);
        let trailer = format!("trailer\n<</Size {size}/Root {root} 0 R{kept}/Prev {prev}>>\nstartxref\n{at}\n%%EOF");
        self.bytes.extend(trailer.as_bytes());
        (self.size, self.prev) = (size, at);
    }
}

/// Another text at the one place where it stands.
pub fn replaced(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    let at = find(bytes, from);
    [&bytes[..at], to.as_bytes(), &bytes[at + from.len()..]].concat()
}

fn find(bytes: &[u8], text: &str) -> usize {
    bytes.windows(text.len()).position(|w| w == text.as_bytes()).unwrap_or_else(|| panic!("no {text}"))
}
