//! A mail as its readers see it: one in plain text, one in HTML, one with the attached table.

use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::html::html_to_text;
use mail_parser::{Message, MimeHeaders, PartType};

/// The lines of the plain text.
pub(super) fn text(message: &Message<'_>) -> Option<Vec<Vec<String>>> {
    let part = message.part(*message.text_body.first()?)?;
    let PartType::Text(text) = &part.body else {
        return None;
    };
    Some(lines(text))
}

/// What a browser shows: a line for each row of a table, paragraph and break.
pub(super) fn html(message: &Message<'_>) -> Option<Vec<Vec<String>>> {
    let part = message.part(*message.html_body.first()?)?;
    let PartType::Html(html) = &part.body else {
        return None;
    };
    Some(lines(&html_to_text(&broken(html))))
}

/// The bytes of an attachment, which are in Base64.
pub(super) fn attachment(message: &Message<'_>, name: &str) -> Option<Vec<u8>> {
    let part = message
        .attachments()
        .find(|part| part.attachment_name() == Some(name))?;
    let start = usize::try_from(part.offset_body).ok()?;
    let end = usize::try_from(part.offset_end).ok()?;
    base64_decode(message.raw_message.get(start..end)?)
}

fn lines(text: &str) -> Vec<Vec<String>> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(|line| vec![line.to_owned()])
        .collect()
}

/// Elements that begin and end on a line of their own.
const BLOCKS: &[&str] = &[
    "address",
    "article",
    "blockquote",
    "caption",
    "dd",
    "div",
    "dl",
    "dt",
    "footer",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "li",
    "main",
    "ol",
    "p",
    "pre",
    "section",
    "table",
    "tbody",
    "tfoot",
    "thead",
    "tr",
    "ul",
];

/// With a break at every block, since the library knows of them only at paragraphs, and a space
/// between the cells of a row.
fn broken(html: &str) -> String {
    // A line of the source is none of the page.
    let html = html.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut pieces = html.split('<');
    let mut broken = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let name = piece.strip_prefix('/').unwrap_or(piece);
        let name = name.split(|character: char| !character.is_ascii_alphanumeric());
        let name = name
            .into_iter()
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase();
        if BLOCKS.contains(&name.as_str()) {
            broken.push_str("<br>");
        } else if matches!(name.as_str(), "td" | "th") {
            broken.push(' ');
        }
        broken.push('<');
        broken.push_str(piece);
    }
    broken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_is_read_as_it_is_shown() {
        let html = "<head><title>9 hidden</title><style>td { width: 9px }</style></head><body>\
            <p>To<br/>Ada &amp; Co</p><!-- <p>phone 5</p> --><TABLE class=\"a\">\n<tr>\n<td>LS-1</td>\
            <td>2</td></tr><tr><td>LS-2</td>\n<td>13</td></tr></table><div>end</div>now";
        let shown: Vec<String> = lines(&html_to_text(&broken(html)))
            .into_iter()
            .flatten()
            .collect();
        assert_eq!(shown, ["To", "Ada & Co", "LS-1 2", "LS-2 13", "end", "now"]);
    }
}
