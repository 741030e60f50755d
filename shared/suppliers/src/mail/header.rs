//! What may stand in a mail's header, and nothing that could end it.

use registry::SettingsError;

/// One address and nothing that could end a header or add a second receiver. Letters beyond ASCII
/// would ask more of the way than every mail server gives.
pub(super) fn is_address(text: &str) -> bool {
    let forbidden =
        |character: char| !character.is_ascii_graphic() || "<>()[],;:\\\"".contains(character);
    text.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && !domain.is_empty() && !domain.contains('@') && text.len() <= 254
    }) && !text.contains(forbidden)
}

/// One address or a list of them.
pub(super) fn addresses(
    value: &serde_json::Value,
    path: &str,
) -> Result<Vec<String>, SettingsError> {
    let texts: Option<Vec<&str>> = match value.as_array() {
        Some(list) => list.iter().map(serde_json::Value::as_str).collect(),
        None => value.as_str().map(|text| vec![text]),
    };
    let wrong = |message: String| {
        SettingsError::new(path, message).expecting("one mail address or a list of them")
    };
    let texts = texts.ok_or_else(|| wrong("neither a text nor a list of texts".to_owned()))?;
    if texts.is_empty() {
        return Err(wrong("a list without a mail address".to_owned()));
    }
    texts.into_iter().map(|text| address(text, path)).collect()
}

pub(super) fn address(text: &str, path: &str) -> Result<String, SettingsError> {
    if is_address(text) {
        Ok(text.to_owned())
    } else {
        let message = format!("{text:?} is not one mail address");
        Err(SettingsError::new(path, message)
            .expecting("an address such as orders@supplier.example"))
    }
}

/// A text that stays within its header.
pub(super) fn header_text(text: &str) -> String {
    one_line(text)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

/// Line and paragraph separators end a line for some readers too.
pub(super) fn one_line(text: &str) -> String {
    text.chars()
        .map(|character| {
            if character.is_control() || matches!(character, '\u{2028}' | '\u{2029}') {
                ' '
            } else {
                character
            }
        })
        .collect()
}
