//! The bytes of an answer as a text and a tree, whatever encoding the supplier chose.
//!
//! gzip is undone though nobody asked for it. The text is decoded by its byte order mark, else by the
//! charset of `Content-Type` (as browsers read its names: ISO-8859-1 is windows-1252), else by the
//! XML declaration, else as UTF-8, where bytes that are none become U+FFFD.

use super::xml;
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};
use flate2::read::MultiGzDecoder;
use serde_json::Value;
use std::io::Read as _;

/// Bytes of an answer after decompression; a longer one is not read.
const LONGEST: u64 = 1024 * 1024;
const GZIP: [u8; 3] = [0x1f, 0x8b, 8];
/// Root elements of pages that happen to be well-formed XML.
const HTML: [&str; 18] = [
    "html", "head", "body", "title", "meta", "center", "div", "p", "span", "pre", "b", "font",
    "table", "h1", "h2", "h3", "h4", "hr",
];

/// What an answer's body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Empty,
    /// An object or array of JSON, or an XML document that is no HTML.
    Tree,
    /// A single value of JSON: a text, a number, true, false or null.
    Value,
    /// Anything else: HTML, plain text, what cannot be decompressed.
    Page,
}

pub(super) struct Decoded {
    /// The bytes as they came, without their compression.
    pub(super) bytes: Vec<u8>,
    pub(super) text: String,
    /// Null where the text is neither JSON nor XML.
    pub(super) body: Value,
    pub(super) form: Form,
}

/// Reads a body; `content_type` is the header's value.
pub(super) fn decode(content_type: Option<&str>, bytes: Vec<u8>) -> Decoded {
    let bytes = if bytes.starts_with(&GZIP) {
        match decompressed(&bytes) {
            Some(plain) => plain,
            None => {
                return Decoded {
                    bytes,
                    text: String::new(),
                    body: Value::Null,
                    form: Form::Page,
                };
            }
        }
    } else {
        bytes
    };
    let (text, _) = encoding(content_type, &bytes).decode_with_bom_removal(&bytes);
    let text = text.into_owned();
    let (body, form) = tree(&text);
    Decoded {
        bytes,
        text,
        body,
        form,
    }
}

fn decompressed(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    let mut limited = MultiGzDecoder::new(bytes).take(LONGEST + 1);
    limited.read_to_end(&mut plain).ok()?;
    (plain.len() as u64 <= LONGEST).then_some(plain)
}

fn encoding(content_type: Option<&str>, bytes: &[u8]) -> &'static Encoding {
    if let Some((marked, _)) = Encoding::for_bom(bytes) {
        return marked;
    }
    let declared = content_type
        .and_then(charset)
        .or_else(|| declaration(bytes))
        .and_then(|name| Encoding::for_label(name.as_bytes()));
    match (declared, bytes) {
        // The name UTF-16 leaves open which byte comes first; JSON and XML begin with an ASCII one.
        (Some(encoding), [0, _, ..]) if encoding == UTF_16LE => UTF_16BE,
        (Some(encoding), _) => encoding,
        (None, [0, high, ..]) if *high != 0 => UTF_16BE,
        (None, [low, 0, ..]) if *low != 0 => UTF_16LE,
        (None, _) => UTF_8,
    }
}

/// Of `application/json; charset="iso-8859-1"`.
fn charset(content_type: &str) -> Option<String> {
    content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let is_charset = name.trim().eq_ignore_ascii_case("charset");
        is_charset.then(|| value.trim().trim_matches(['"', '\'']).to_owned())
    })
}

/// Of `<?xml version="1.0" encoding="ISO-8859-1"?>`.
fn declaration(bytes: &[u8]) -> Option<String> {
    let head = String::from_utf8_lossy(bytes.get(..bytes.len().min(200))?).into_owned();
    let declaration = head
        .trim_start()
        .strip_prefix("<?xml")?
        .split("?>")
        .next()?;
    let (_, rest) = declaration.split_once("encoding")?;
    let value = rest.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|mark| "\"'".contains(*mark))?;
    let (name, _) = value.get(1..)?.split_once(quote)?;
    // Whoever reads the declaration byte for byte knows that it is not UTF-16.
    (!name.to_ascii_lowercase().starts_with("utf-16")).then(|| name.to_owned())
}

fn tree(text: &str) -> (Value, Form) {
    if text.trim().is_empty() {
        return (Value::Null, Form::Empty);
    }
    if let Ok(body) = serde_json::from_str::<Value>(text) {
        let form = if body.is_object() || body.is_array() {
            Form::Tree
        } else {
            Form::Value
        };
        return (body, form);
    }
    let document = text.trim_start();
    let parsed = document.starts_with('<').then(|| xml::parse(document).ok());
    match parsed.flatten() {
        Some(body) if !is_html(&body) => (body, Form::Tree),
        Some(_) | None => (Value::Null, Form::Page),
    }
}

fn is_html(document: &Value) -> bool {
    let root = document
        .as_object()
        .and_then(|members| members.keys().next());
    root.is_some_and(|root| HTML.contains(&root.to_ascii_lowercase().as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use serde_json::json;
    use std::io::Write as _;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn utf_16(text: &str, little: bool) -> Vec<u8> {
        let bytes = |unit: u16| {
            if little {
                unit.to_le_bytes()
            } else {
                unit.to_be_bytes()
            }
        };
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn every_encoding_gives_the_same_tree() {
        let text = r#"{"id": "S77", "name": "Müller"}"#;
        let latin: Vec<u8> = text
            .chars()
            .map(|one| u8::try_from(one as u32).unwrap())
            .collect();
        let with = |mark: &[u8], bytes: Vec<u8>| [mark, &bytes].concat();
        let utf_8 = text.as_bytes().to_vec();
        for (content_type, bytes) in [
            (None, utf_8.clone()),
            (None, with(&[0xef, 0xbb, 0xbf], utf_8.clone())),
            // The mark is right though the header is not.
            (
                Some("application/json; charset=iso-8859-1"),
                with(&[0xef, 0xbb, 0xbf], utf_8.clone()),
            ),
            (Some("application/json; charset=ISO-8859-1"), latin.clone()),
            (Some("application/json;Charset=\"windows-1252\""), latin),
            (None, with(&[0xff, 0xfe], utf_16(text, true))),
            (None, with(&[0xfe, 0xff], utf_16(text, false))),
            (Some("application/json; charset=utf-16"), utf_16(text, true)),
            (
                Some("application/json; charset=utf-16"),
                utf_16(text, false),
            ),
            (
                Some("application/json; charset=utf-16be"),
                utf_16(text, false),
            ),
            (None, utf_16(text, true)),
            (None, utf_16(text, false)),
            (None, gzip(&utf_8)),
            (None, gzip(&with(&[0xff, 0xfe], utf_16(text, true)))),
        ] {
            let decoded = decode(content_type, bytes.clone());
            assert_eq!(
                decoded.body,
                json!({"id": "S77", "name": "Müller"}),
                "{bytes:?}"
            );
            assert_eq!((decoded.text.as_str(), decoded.form), (text, Form::Tree));
        }
        // Latin-1 that nobody declares: what is ASCII in it is exact, the rest is marked as unread.
        let decoded = decode(None, b"{\"id\": \"S77\", \"name\": \"M\xfcller\"}".to_vec());
        assert_eq!(decoded.body, json!({"id": "S77", "name": "M\u{fffd}ller"}));
    }

    #[test]
    fn an_xml_declaration_names_the_encoding() {
        let bytes = b"<?xml version='1.0' encoding='ISO-8859-1'?><r><id>\xe9</id></r>".to_vec();
        let decoded = decode(Some("text/xml"), bytes);
        assert_eq!(decoded.body, json!({"r": {"id": "é"}}));
        let marked = "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><r><id>7</id></r>";
        assert_eq!(decode(None, marked.into()).body, json!({"r": {"id": "7"}}));
    }

    #[test]
    fn pages_and_trees_are_told_apart() {
        for (text, expected) in [
            ("", Form::Empty),
            (" \r\n", Form::Empty),
            ("\u{feff}", Form::Empty),
            ("{}", Form::Tree),
            ("[]", Form::Tree),
            ("<error><code>7</code></error>", Form::Tree),
            ("<?xml version='1.0'?><r/>", Form::Tree),
            ("OK", Form::Page),
            ("404", Form::Value),
            ("null", Form::Value),
            ("\"no such article\"", Form::Value),
            ("<html>404 nginx</html>", Form::Page),
            ("<HTML><BODY>busy</BODY></HTML>", Form::Page),
            ("<!DOCTYPE html><html><body><hr></body></html>", Form::Page),
            ("<h1>Not Found</h1>", Form::Page),
            ("Warning: mysqli in /srv/a.php\n{\"id\": 7}", Form::Page),
            ("{\"id\": 7} trailing", Form::Page),
        ] {
            let decoded = decode(None, text.as_bytes().to_vec());
            assert_eq!(decoded.form, expected, "{text:?}");
        }
        // Though it is well-formed, nothing is read out of a page.
        assert_eq!(
            decode(None, b"<html><id>7</id></html>".to_vec()).body,
            Value::Null
        );
    }

    #[test]
    fn what_unpacks_to_too_much_or_to_nothing_is_not_read() {
        let most = format!("\"{}\"", "a".repeat(1024 * 1024 - 2));
        assert_eq!(decode(None, gzip(most.as_bytes())).text, most);
        let more = gzip(format!("{most} ").as_bytes());
        let mut broken = gzip(b"{\"id\": 7}");
        broken.truncate(15);
        for bytes in [more, broken] {
            let decoded = decode(None, bytes.clone());
            assert_eq!((decoded.text.as_str(), decoded.form), ("", Form::Page));
            assert!(decoded.body.is_null() && decoded.bytes == bytes);
        }
    }
}
