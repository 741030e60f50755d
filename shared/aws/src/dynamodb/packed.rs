//! JSON as it is stored: deflated, since a write is billed by each begun kilobyte of the whole item.
//!
//! The text is packed as if it went on from a dictionary, a text that has our field names and the
//! usual values: so an order's history stays below one kilobyte. A dictionary never changes, since
//! what was packed with it is read with it; a better one gets the next number.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

const DICTIONARY_1: &[u8] = include_bytes!("dictionary-1.txt");

/// What is stored is not what this module wrote.
#[derive(Debug, thiserror::Error)]
#[error("it cannot be unpacked")]
pub(crate) struct Unreadable;

/// The number of the dictionary, then what follows it in one stream of deflate.
pub(crate) fn pack(text: &str) -> Vec<u8> {
    let mut stream = Compress::new(Compression::best(), false);
    // Before the first byte it is never refused.
    let _ = stream.set_dictionary(DICTIONARY_1);
    let mut packed = vec![1];
    let mut rest = text.as_bytes();
    loop {
        packed.reserve(64 + rest.len() / 2);
        let before = stream.total_in();
        let status = stream.compress_vec(rest, &mut packed, FlushCompress::Finish);
        let taken = usize::try_from(stream.total_in() - before).unwrap_or(rest.len());
        rest = rest.get(taken..).unwrap_or_default();
        if matches!(status, Ok(Status::StreamEnd) | Err(_)) {
            return packed;
        }
    }
}

pub(crate) fn unpack(packed: &[u8]) -> Result<String, Unreadable> {
    let (&1, mut rest) = packed.split_first().ok_or(Unreadable)? else {
        return Err(Unreadable);
    };
    let mut stream = Decompress::new(false);
    let known = stream.set_dictionary(DICTIONARY_1);
    known.map_err(|_| Unreadable)?;
    let mut text = Vec::new();
    loop {
        text.reserve(256 + 4 * rest.len());
        let (taken_before, made_before) = (stream.total_in(), stream.total_out());
        let status = stream
            .decompress_vec(rest, &mut text, FlushDecompress::None)
            .map_err(|_| Unreadable)?;
        let taken = stream.total_in() - taken_before;
        rest = usize::try_from(taken)
            .ok()
            .and_then(|taken| rest.get(taken..))
            .ok_or(Unreadable)?;
        match status {
            Status::StreamEnd => return String::from_utf8(text).map_err(|_| Unreadable),
            // Cut off: nothing more comes of it.
            Status::Ok | Status::BufError if taken == 0 && stream.total_out() == made_before => {
                return Err(Unreadable);
            }
            Status::Ok | Status::BufError => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::digest::Digest;

    /// Another text would make everything unreadable that was stored with it.
    #[test]
    fn a_dictionary_never_changes() {
        let digest = Digest::of(DICTIONARY_1);
        assert_eq!(
            digest.as_str(),
            "3cb6e3281025076869538d8e42bf1acad1d093f290d21b89a3c70d6271a0f47f"
        );
        assert!(u16::try_from(DICTIONARY_1.len()).is_ok());
    }

    #[test]
    fn texts_of_all_sizes_come_back() {
        let long: String = (0..50_000)
            .map(|number: u32| Digest::of(&number.to_be_bytes()).short().to_owned())
            .collect();
        for length in [0, 1, 2, 255, 256, 4_000, 32_768, 65_536, 600_000] {
            let text = &long[..length];
            assert_eq!(unpack(&pack(text)).unwrap(), text, "{length}");
        }
        let same = "0".repeat(1_000_000);
        assert_eq!(unpack(&pack(&same)).unwrap(), same);
    }

    /// As another implementation packs it with the same dictionary.
    #[test]
    fn what_was_stored_is_read() {
        let packed = [0x01, 0xc3, 0x53, 0x7f, 0x12, 0x5f, 0x52, 0xc5, 0x02, 0x00];
        let text = r#"[{"at":"2026-11-23T10:00:00Z","event":{"channel":"payment_received"}}]"#;
        assert_eq!(unpack(&packed).unwrap(), text);
        assert!(pack(text).len() <= packed.len() + 2);
    }

    #[test]
    fn what_is_broken_is_refused() {
        let packed = pack("a text that is long enough to be cut");
        for length in 0..packed.len() {
            assert!(unpack(&packed[..length]).is_err(), "{length}");
        }
        assert!(unpack(&[2, 3, 0]).is_err(), "another dictionary");
        assert!(unpack(&[1, 0xff, 0xff]).is_err());
    }
}
