//! The ZIP of an XLSX and the XML in it, unpacked within bounds.

use super::broken;
use crate::Refusal;
use flate2::bufread::DeflateDecoder;
use quick_xml::{
    Reader,
    events::{BytesStart, Event},
};
use rawzip::{CompressionMethod, ZipArchive, ZipArchiveEntryWayfinder};
use std::{
    collections::BTreeMap,
    io::{self, BufReader, Read},
};

/// Most bytes of one unpacked part.
const MAX_PART: u64 = 64 << 20;
/// Most parts.
const MAX_PARTS: usize = 4096;

/// The parts by name, without a leading slash.
pub(super) struct Parts<'b> {
    archive: rawzip::ZipSliceArchive<&'b [u8]>,
    found: BTreeMap<String, (CompressionMethod, ZipArchiveEntryWayfinder)>,
}

impl<'b> Parts<'b> {
    pub(super) fn open(bytes: &'b [u8]) -> Result<Self, Vec<Refusal>> {
        // A compound file is an old .xls, or an .xlsx behind a password.
        if bytes.starts_with(&[0xd0, 0xcf, 0x11, 0xe0]) {
            return Err(vec![Refusal::whole(
                "文件加了密码，或是旧的 .xls；请去掉密码并另存为 .xlsx",
                "the file has a password, or is an old .xls; remove the password and save it as .xlsx",
            )]);
        }
        let archive = ZipArchive::from_slice(bytes).map_err(|e| broken(&e.to_string()))?;
        let mut found = BTreeMap::new();
        let mut entries = archive.entries();
        while let Some(entry) = entries.next_entry().map_err(|e| broken(&e.to_string()))? {
            let name = String::from_utf8_lossy(entry.file_path().as_ref()).into_owned();
            let value = (entry.compression_method(), entry.wayfinder());
            if found.len() == MAX_PARTS || found.insert(name.clone(), value).is_some() {
                return Err(broken(&name));
            }
        }
        Ok(Self { archive, found })
    }

    /// Whether a part or the list of types speaks of macros.
    pub(super) fn has_macros(&self) -> Result<bool, Vec<Refusal>> {
        let named = |name: &String| name.to_ascii_lowercase().contains("vbaproject") || name.contains("macrosheets");
        if self.found.keys().any(named) {
            return Ok(true);
        }
        let mut types = self.xml("[Content_Types].xml")?;
        while let Some(event) = types.next()? {
            let Event::Start(e) = event else { continue };
            if attribute(&e, "ContentType").is_some_and(|t| t.contains("macroEnabled") || t.contains("vbaProject")) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A part as XML.
    pub(super) fn xml(&self, name: &str) -> Result<Xml<'_>, Vec<Refusal>> {
        let (method, place) = self.found.get(name).ok_or_else(|| broken(name))?;
        let data = self.archive.get_entry(*place).map_err(|e| broken(&e.to_string()))?.data();
        let unpacked: Box<dyn Read> = match *method {
            CompressionMethod::STORE => Box::new(data),
            CompressionMethod::DEFLATE => Box::new(DeflateDecoder::new(data)),
            _ => return Err(broken("packed in an unusual way")),
        };
        let bounded = Bounded { from: unpacked, left: MAX_PART };
        let mut reader = Reader::from_reader(BufReader::new(bounded));
        // `<c/>` is `<c></c>`.
        reader.config_mut().expand_empty_elements = true;
        Ok(Xml { reader, buffer: Vec::new(), name: name.to_owned() })
    }

    /// The part that `of` (the package itself: "") relates to by this type.
    pub(super) fn related(&self, of: &str, kind: &str) -> Result<Option<String>, Vec<Refusal>> {
        self.relation(of, |e| attribute(e, "Type").is_some_and(|t| t.rsplit('/').next() == Some(kind)))
    }

    /// The part that `of` relates to by this id.
    pub(super) fn by_id(&self, of: &str, id: &str) -> Result<Option<String>, Vec<Refusal>> {
        self.relation(of, |e| attribute(e, "Id").as_deref() == Some(id))
    }

    fn relation(&self, of: &str, fits: impl Fn(&BytesStart<'_>) -> bool) -> Result<Option<String>, Vec<Refusal>> {
        let (folder, name) = of.rsplit_once('/').unwrap_or(("", of));
        let within = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let mut relations = self.xml(&format!("{within}_rels/{name}.rels"))?;
        while let Some(event) = relations.next()? {
            let Event::Start(e) = event else { continue };
            if e.local_name().as_ref() == "Relationship" && fits(&e) {
                let Some(target) = attribute(&e, "Target") else { continue };
                return Ok(Some(match target.strip_prefix('/') {
                    Some(absolute) => absolute.to_owned(),
                    None => format!("{within}{target}"),
                }));
            }
        }
        Ok(None)
    }
}

/// An attribute by its name without prefix.
pub(super) fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let mut found = element.attributes().flatten().filter(|a| a.key.local_name().as_ref() == name);
    let value = found.next()?.normalized_value(quick_xml::XmlVersion::Explicit1_0).ok()?;
    Some(value.into_owned())
}

/// One part's events.
pub(super) struct Xml<'p> {
    reader: Reader<BufReader<Bounded<'p>>>,
    buffer: Vec<u8>,
    name: String,
}

impl Xml<'_> {
    /// The next event, `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Event<'_>>, Vec<Refusal>> {
        self.buffer.clear();
        match self.reader.read_event_into(&mut self.buffer) {
            Ok(Event::Eof) => Ok(None),
            // Entities of its own would be a second way to unpack to gigabytes.
            Ok(Event::DocType(_)) => Err(broken("a document type")),
            Ok(event) => Ok(Some(event)),
            Err(quick_xml::Error::Io(e)) if e.kind() == io::ErrorKind::FileTooLarge => Err(vec![Refusal::whole(
                format!("{} 解压后超过 {} MiB；不再读下去", self.name, MAX_PART >> 20),
                format!("{} unpacks to more than {} MiB; it is not read further", self.name, MAX_PART >> 20),
            )]),
            Err(e) => Err(broken(&format!("{}: {e}", self.name))),
        }
    }

    /// Adds an event's text.
    pub(super) fn text(event: &Event<'_>, to: &mut String) -> Result<(), Vec<Refusal>> {
        match event {
            Event::Text(t) => to.push_str(&t.xml10_content()),
            Event::CData(t) => to.push_str(&t.xml10_content()),
            Event::GeneralRef(r) => match (r.resolve_char_ref(), &*r.xml10_content()) {
                (Ok(Some(c)), _) => to.push(c),
                (_, "amp") => to.push('&'),
                (_, "lt") => to.push('<'),
                (_, "gt") => to.push('>'),
                (_, "quot") => to.push('"'),
                (_, "apos") => to.push('\''),
                (_, other) => return Err(broken(&format!("&{other};"))),
            },
            _ => {}
        }
        Ok(())
    }
}

/// Fails instead of unpacking on.
struct Bounded<'p> {
    from: Box<dyn Read + 'p>,
    left: u64,
}

impl Read for Bounded<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.from.read(buffer)?;
        self.left = self.left.checked_sub(n as u64).ok_or(io::ErrorKind::FileTooLarge)?;
        Ok(n)
    }
}
