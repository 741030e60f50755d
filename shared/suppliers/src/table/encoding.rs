//! What bytes a table's text becomes.

use serde::Deserialize;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub(super) enum Encoding {
    #[default]
    #[serde(rename = "utf-8")]
    Utf8,
    /// With the mark by which Excel knows it.
    #[serde(rename = "utf-8-bom")]
    Utf8Bom,
    /// With its mark.
    #[serde(rename = "utf-16le")]
    Utf16Le,
    #[serde(rename = "windows-1252")]
    Windows1252,
    #[serde(rename = "iso-8859-1")]
    Latin1,
}

const MARK: char = '\u{feff}';

impl Encoding {
    /// As MIME names it.
    pub(super) fn charset(self) -> &'static str {
        match self {
            Self::Utf8 | Self::Utf8Bom => "utf-8",
            Self::Utf16Le => "utf-16le",
            Self::Windows1252 => "windows-1252",
            Self::Latin1 => "iso-8859-1",
        }
    }

    /// The first character that it cannot hold.
    pub(super) fn unable(self, text: &str) -> Option<char> {
        text.chars().find(|character| match self {
            Self::Utf8 | Self::Utf8Bom | Self::Utf16Le => false,
            Self::Windows1252 => {
                encoding_rs::WINDOWS_1252
                    .encode(character.encode_utf8(&mut [0; 4]))
                    .2
            }
            // The library means windows-1252 by this name, as browsers do.
            Self::Latin1 => u8::try_from(*character).is_err(),
        })
    }

    /// What it cannot hold in the letters that it has: `Łódź` as `Lódz`. A character that no letters
    /// stand for stays.
    pub(super) fn spelling(self) -> fn(&str) -> String {
        match self {
            Self::Utf8 | Self::Utf8Bom | Self::Utf16Le => str::to_owned,
            Self::Windows1252 => |text| spelled(text, Self::Windows1252),
            Self::Latin1 => |text| spelled(text, Self::Latin1),
        }
    }

    /// `None` where it cannot hold the text.
    pub(super) fn encode(self, text: &str) -> Option<Vec<u8>> {
        match self {
            Self::Utf8 => Some(text.as_bytes().to_vec()),
            Self::Utf8Bom => Some(format!("{MARK}{text}").into_bytes()),
            Self::Utf16Le => Some(
                format!("{MARK}{text}")
                    .encode_utf16()
                    .flat_map(u16::to_le_bytes)
                    .collect(),
            ),
            Self::Windows1252 => {
                let (bytes, _, unmappable) = encoding_rs::WINDOWS_1252.encode(text);
                (!unmappable).then(|| bytes.into_owned())
            }
            Self::Latin1 => text
                .chars()
                .map(|character| u8::try_from(character).ok())
                .collect(),
        }
    }

    /// `None` where the bytes are not in this encoding.
    pub(super) fn decode(self, bytes: &[u8]) -> Option<String> {
        match self {
            Self::Utf8 => String::from_utf8(bytes.to_vec()).ok(),
            Self::Utf8Bom => {
                let text = std::str::from_utf8(bytes).ok()?;
                text.strip_prefix(MARK).map(str::to_owned)
            }
            Self::Utf16Le => {
                let (units, odd) = bytes.as_chunks::<2>();
                let units: Vec<u16> = units.iter().map(|unit| u16::from_le_bytes(*unit)).collect();
                let text = String::from_utf16(&units).ok().filter(|_| odd.is_empty())?;
                text.strip_prefix(MARK).map(str::to_owned)
            }
            Self::Windows1252 => encoding_rs::WINDOWS_1252
                .decode_without_bom_handling_and_without_replacement(bytes)
                .map(std::borrow::Cow::into_owned),
            Self::Latin1 => Some(bytes.iter().copied().map(char::from).collect()),
        }
    }
}

fn spelled(text: &str, encoding: Encoding) -> String {
    let mut spelled = String::with_capacity(text.len());
    for character in text.chars() {
        let mut buffer = [0; 4];
        let own = &*character.encode_utf8(&mut buffer);
        let letters = encoding
            .unable(own)
            .and_then(deunicode::deunicode_char)
            .filter(|letters| !letters.is_empty());
        spelled.push_str(letters.unwrap_or(own));
    }
    spelled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_encoding_cannot_hold_is_spelled_with_what_it_can() {
        let spell = |encoding: Encoding, text: &str| encoding.spelling()(text);
        assert_eq!(
            spell(Encoding::Windows1252, "Łódź, Straße 5 €"),
            "Lódz, Straße 5 €"
        );
        assert_eq!(spell(Encoding::Latin1, "Jiří Dvořák"), "Jirí Dvorák");
        assert_eq!(spell(Encoding::Windows1252, "Αθήνα"), "Athena");
        assert_eq!(spell(Encoding::Utf8, "Łódź"), "Łódź");
        // Nothing stands for it.
        assert_eq!(spell(Encoding::Latin1, "a\u{fdd0}"), "a\u{fdd0}");
    }

    #[test]
    fn each_encoding_gives_its_bytes_and_takes_them_back() {
        for (encoding, bytes) in [
            (Encoding::Utf8, &b"\xc3\xbc"[..]),
            (Encoding::Utf8Bom, b"\xef\xbb\xbf\xc3\xbc"),
            (Encoding::Utf16Le, b"\xff\xfe\xfc\x00"),
            (Encoding::Windows1252, b"\xfc"),
            (Encoding::Latin1, b"\xfc"),
        ] {
            assert_eq!(encoding.encode("ü").unwrap(), bytes);
            assert_eq!(encoding.decode(bytes).unwrap(), "ü");
        }
        assert_eq!(Encoding::Windows1252.encode("€").unwrap(), b"\x80");
        assert_eq!(Encoding::Windows1252.unable("€ł"), Some('ł'));
        assert_eq!(Encoding::Latin1.unable("ü€"), Some('€'));
        assert_eq!(Encoding::Latin1.encode("€"), None);
        assert_eq!(Encoding::Utf8.decode(b"\xfc"), None);
        assert_eq!(Encoding::Utf16Le.decode(b"\xff\xfe\xfc"), None);
    }
}
