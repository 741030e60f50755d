//! What was received, sent and answered, as a text or byte for byte.

use crate::output::{remark, write_text};
use crate::{Exit, Installation, say};
use domain::text::counted;
use ports::Area;
use std::io::Write as _;

const MOST: usize = 1000;

/// What one key holds, or the keys that contain the text. With `raw` the bytes themselves, which may
/// move what a terminal shows.
pub(crate) async fn evidence(at: &Installation, text: &str, raw: bool) -> anyhow::Result<Exit> {
    let keys = at.listing.evidence(text, MOST).await?;
    if keys.iter().any(|key| key == text)
        && let Some(bytes) = at.files.get(Area::Evidence, text).await?
    {
        match std::str::from_utf8(&bytes) {
            // A reader that went away is no failure.
            _ if raw => drop(std::io::stdout().write_all(&bytes)),
            Ok(text) => write_text(text),
            Err(_) => {
                write_text(&String::from_utf8_lossy(&bytes));
                remark(format_args!(
                    "\nnot all of it is text; --raw writes the bytes"
                ));
            }
        }
        return Ok(Exit::Done);
    }
    for key in &keys {
        say(format_args!("{key}"));
    }
    if keys.is_empty() {
        say(format_args!(
            "no evidence has {text:?} in its key; a purchase order number finds what was sent and answered"
        ));
        return Ok(Exit::NotFound);
    }
    say(format_args!(
        "{}; name one to see it whole",
        counted(keys.len(), "key")
    ));
    Ok(Exit::Done)
}
