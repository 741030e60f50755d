//! How far a command has come, for a person who waits at a terminal: one line on stderr, which is
//! gone at the end. Elsewhere nothing is written.

use std::io::{IsTerminal as _, Write};

pub(super) struct Progress<W: Write> {
    /// `None` where nobody waits.
    line: Option<W>,
    is_shown: bool,
}

impl Progress<std::io::Stderr> {
    pub(super) fn on_stderr() -> Self {
        let stderr = std::io::stderr();
        Self::new(stderr.is_terminal().then_some(stderr))
    }
}

impl<W: Write> Progress<W> {
    fn new(line: Option<W>) -> Self {
        Self {
            line,
            is_shown: false,
        }
    }

    pub(super) fn reached(&mut self, orders: usize) {
        if let Some(line) = &mut self.line {
            self.is_shown = true;
            drop(write!(line, "\r{orders} orders read"));
            drop(line.flush());
        }
    }
}

impl<W: Write> Drop for Progress<W> {
    fn drop(&mut self) {
        if let Some(line) = self.line.as_mut().filter(|_| self.is_shown) {
            // To the start of the line, and erased from there.
            drop(write!(line, "\r\x1b[K"));
            drop(line.flush());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_is_written_over_and_gone_at_the_end() {
        let mut written = Vec::new();
        let mut progress = Progress::new(Some(&mut written));
        progress.reached(500);
        progress.reached(1000);
        drop(progress);
        assert_eq!(
            String::from_utf8(written).unwrap(),
            "\r500 orders read\r1000 orders read\r\u{1b}[K"
        );
    }

    #[test]
    fn where_nothing_was_read_or_nobody_waits_nothing_is_written() {
        let mut written = Vec::new();
        drop(Progress::new(Some(&mut written)));
        assert!(written.is_empty());
        Progress::<Vec<u8>>::new(None).reached(500);
    }
}
