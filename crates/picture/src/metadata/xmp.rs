//! An XMP packet: RDF/XML, of which four properties are wanted, as elements or as attributes.

use super::{OwnWords, date, field, join};
use quick_xml::{Reader, XmlVersion, events::Event};

/// Most events of a packet: sidecars of editors hold whole histories, but the wanted properties stand early.
const MAX_EVENTS: usize = 100_000;

pub(super) fn read(packet: &[u8]) -> OwnWords {
    let (mut words, mut authors) = (OwnWords::default(), Vec::new());
    // What was read before a fault counts.
    let _ = walk(packet, &mut |name, text| {
        let Some(text) = field(text) else { return };
        match name {
            "dc:title" => words.title = words.title.take().or(Some(text)),
            "dc:creator" => authors.push(text),
            "dc:rights" => words.notice = words.notice.take().or(Some(text)),
            "photoshop:DateCreated" => words.created = date(&text).or(words.created.take()),
            "xmp:CreateDate" => words.created = words.created.take().or(date(&text)),
            _ => {}
        }
    });
    words.author = join(&authors);
    words
}

/// Tells every text with the property that it belongs to: the innermost element that is not RDF's own.
fn walk(packet: &[u8], tell: &mut dyn FnMut(&str, &str)) -> Result<(), quick_xml::Error> {
    let mut reader = Reader::from_reader(packet);
    reader.config_mut().expand_empty_elements = true;
    let (mut path, mut text, mut buffer) = (Vec::<String>::new(), String::new(), Vec::new());
    for _ in 0..MAX_EVENTS {
        buffer.clear();
        match reader.read_event_into(&mut buffer)? {
            Event::Eof | Event::DocType(_) => break,
            Event::Start(e) => {
                let name = e.name().as_ref().to_owned();
                for attribute in e.attributes().flatten().filter(|_| name == "rdf:Description") {
                    if let Ok(value) = attribute.normalized_value(XmlVersion::Explicit1_0) {
                        tell(attribute.key.as_ref(), &value);
                    }
                }
                path.push(name);
                text.clear();
            }
            Event::Text(t) => text.push_str(&t.xml10_content()),
            Event::CData(t) => text.push_str(&t.xml10_content()),
            Event::GeneralRef(r) => match (r.resolve_char_ref()?, &*r.xml10_content()) {
                (Some(c), _) => text.push(c),
                (_, "amp") => text.push('&'),
                (_, "lt") => text.push('<'),
                (_, "gt") => text.push('>'),
                (_, "quot") => text.push('"'),
                (_, "apos") => text.push('\''),
                _ => {}
            },
            Event::End(_) => {
                if let Some(property) = path.iter().rev().find(|name| !name.starts_with("rdf:")) {
                    tell(property, &text);
                }
                text.clear();
                path.pop();
            }
            _ => {}
        }
    }
    Ok(())
}
