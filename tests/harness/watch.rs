//! Reads everything that is logged in a process of tests, at every level: what a customer of the
//! [`doubles`] tells, and what the shop signs with, must not be in it. A process that logs such a thing
//! ends at once, for a panic could be taken for a fault that a story plays.

use std::io::{self, Write};
use std::sync::Once;

/// Of every order of [`doubles::shop::ShopOrder`], and of stories.
const PERSONAL: [&str; 5] = [
    "Ada Example",
    "Sample Street",
    "ada@customer.example",
    "502 555 0100",
    "For Ada",
];
/// As `cargo test` itself ends where a test failed.
const FAILED: i32 = 101;

/// From now on, once in a process.
pub fn the_log(secret: &'static str) {
    static BEGUN: Once = Once::new();
    BEGUN.call_once(|| {
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
            .with_writer(move || Watch { secret });
        // A test that looks at its log itself was first.
        drop(subscriber.try_init());
    });
}

/// Whether the event has something that no log may have.
pub fn is_leak(event: &str, secret: &str) -> bool {
    let mut words = PERSONAL.iter().chain([&secret]);
    words.any(|word| event.contains(word) || event.contains(&bytes(word)))
}

/// As `Debug` writes bytes.
fn bytes(word: &str) -> String {
    let bytes = format!("{:?}", word.as_bytes());
    bytes.trim_matches(['[', ']']).to_owned()
}

struct Watch {
    secret: &'static str,
}

impl Write for Watch {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        if is_leak(&text, self.secret) {
            // Not by a macro, whose text the test's runner would keep for the end.
            drop(writeln!(
                io::stderr(),
                "something secret or personal is logged: {text}"
            ));
            std::process::exit(FAILED);
        }
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_customer_tells_and_a_secret_are_leaks() {
        let secret = "hush";
        for event in [
            "to Ada Example,",
            "with hush",
            &format!("{:?}", b"ada@customer.example."),
        ] {
            assert!(is_leak(event, secret), "{event}");
        }
        assert!(!is_leak("SH-1001-1-A sent by Ada", secret));
    }
}
