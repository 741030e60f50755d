//! XML as a tree of JSON, so that one kind of expression reads every answer.
//!
//! An element with nothing but text is that text. Any other is an object of its attributes (`@name`),
//! its text (`#text`) and its children by their names without a prefix; a child that comes more than
//! once is a list. The whole document is an object with the root element in it.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use serde_json::{Map, Value};

/// Deeper than any answer, and shallow enough for every stack.
const DEEPEST: usize = 64;

#[derive(Default)]
struct Element {
    name: String,
    members: Map<String, Value>,
    text: String,
}

/// Why it is no XML document.
pub(super) fn parse(text: &str) -> Result<Value, String> {
    if text.chars().any(forbidden) {
        return Err("a character that XML cannot hold".to_owned());
    }
    let mut reader = Reader::from_str(text);
    // The lowest is the document itself.
    let mut open = vec![Element::default()];
    loop {
        let event = reader.read_event().map_err(|error| error.to_string())?;
        match event {
            Event::Start(start) => {
                if open.len() > DEEPEST {
                    return Err("elements nest too deeply".to_owned());
                }
                open.push(element(&start)?);
            }
            Event::Empty(start) => {
                let empty = element(&start)?;
                close(&mut open, empty);
            }
            Event::End(_) => {
                if let Some(closed) = open.pop() {
                    close(&mut open, closed);
                }
            }
            Event::Text(text) => add(&mut open, &text.xml10_content()),
            Event::CData(text) => add(&mut open, &text.xml10_content()),
            Event::GeneralRef(entity) => {
                let name = entity.xml10_content();
                let resolved = entity
                    .resolve_char_ref()
                    .map_err(|error| error.to_string())?
                    .map(String::from)
                    .or_else(|| {
                        quick_xml::escape::resolve_predefined_entity(&name).map(str::to_owned)
                    })
                    .ok_or_else(|| format!("the entity &{name}; is not known"))?;
                add(&mut open, &resolved);
            }
            // An answer that brings entities of its own is none that we read.
            Event::DocType(_) => return Err("a document type".to_owned()),
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
            Event::Eof => break,
        }
    }
    match (open.pop(), open.is_empty()) {
        (Some(document), true)
            if document.members.len() == 1 && document.text.trim().is_empty() =>
        {
            Ok(Value::Object(document.members))
        }
        _ => Err("not one closed root element".to_owned()),
    }
}

/// XML 1.0 has no word for these, not even an escaped one.
fn forbidden(character: char) -> bool {
    matches!(character, '\u{0}'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
}

fn element(start: &BytesStart<'_>) -> Result<Element, String> {
    let mut element = Element {
        name: start.local_name().as_ref().to_string(),
        ..Element::default()
    };
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| error.to_string())?;
        let value = attribute
            .normalized_value(quick_xml::XmlVersion::Implicit1_0)
            .map_err(|error| error.to_string())?;
        let name = format!("@{}", attribute.key.local_name().as_ref());
        element
            .members
            .insert(name, Value::String(value.into_owned()));
    }
    Ok(element)
}

fn add(open: &mut [Element], text: &str) {
    if let Some(innermost) = open.last_mut() {
        innermost.text.push_str(text);
    }
}

fn close(open: &mut [Element], closed: Element) {
    let Some(parent) = open.last_mut() else {
        return;
    };
    let text = closed.text.trim();
    let value = if closed.members.is_empty() {
        Value::String(text.to_owned())
    } else {
        let mut members = closed.members;
        if !text.is_empty() {
            members.insert("#text".to_owned(), Value::String(text.to_owned()));
        }
        Value::Object(members)
    };
    match parent.members.get_mut(&closed.name) {
        None => {
            parent.members.insert(closed.name, value);
        }
        Some(Value::Array(list)) => list.push(value),
        Some(first) => *first = Value::Array(vec![first.take(), value]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_document_becomes_a_tree() {
        let text = r#"<?xml version="1.0"?><a:order xmlns:a="urn:x" id="7"><no>A &amp; B &#228;</no>
            <line sku="L1">2</line><line sku="L2"><![CDATA[<3>]]></line><empty/></a:order>"#;
        assert_eq!(
            parse(text).unwrap(),
            json!({"order": {
                "@a": "urn:x", "@id": "7", "no": "A & B ä", "empty": "",
                "line": [{"@sku": "L1", "#text": "2"}, {"@sku": "L2", "#text": "<3>"}],
            }})
        );
    }

    #[test]
    fn what_is_no_document_is_refused() {
        let deep = "<a>".repeat(100);
        for text in [
            "",
            "plain",
            "<a>",
            "<a></b>",
            "<a/><b/>",
            "<a>&unknown;</a>",
            "<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>",
            "<a>\u{8}</a>",
            &deep,
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
