//! What was received, sent and answered, byte for byte.

use crate::{Exit, Installation, say};
use domain::timeline::counted;
use ports::Area;
use std::io::Write as _;

const MOST: usize = 1000;

/// The bytes of one key, or the keys that contain the text.
pub(crate) async fn evidence(at: &Installation, text: &str) -> anyhow::Result<Exit> {
    let keys = at.listing.evidence(text, MOST).await?;
    if keys.iter().any(|key| key == text)
        && let Some(bytes) = at.files.get(Area::Evidence, text).await?
    {
        // A reader that went away is no failure.
        drop(std::io::stdout().write_all(&bytes));
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
