//! Everything that a person reads goes through here: texts of shops, suppliers and files must not move
//! what the terminal shows.

use domain::text::{shown, shown_on_one_line};
use std::io::{self, IsTerminal as _, Write};
use tracing_subscriber::fmt::MakeWriter;

/// Prints one line; an empty one before it where the line begins with a line break. A reader that went
/// away (`| head`) is no failure.
pub fn say(line: std::fmt::Arguments<'_>) {
    let line = line.to_string();
    let text = line.trim_start_matches('\n');
    let above = &line[..line.len() - text.len()];
    write_all(&mut io::stdout(), &[above, &shown_on_one_line(text), "\n"]);
}

/// Prints a text of several lines. Foreign texts in it may not have line breaks of their own, as in
/// JSON they have none.
pub fn say_lines(text: std::fmt::Arguments<'_>) {
    write_all(&mut io::stdout(), &[&shown(&text.to_string()), "\n"]);
}

/// Prints a foreign text to stdout, with the ends of its lines as they are here and nothing added.
pub(crate) fn write_text(text: &str) {
    write_all(&mut io::stdout(), &[&shown(&text.replace("\r\n", "\n"))]);
}

/// Prints a part of a JSON document, in which foreign texts have no line breaks of their own.
pub(crate) fn write_json(part: &str) {
    write_all(&mut io::stdout(), &[&shown(part)]);
}

/// Writes a file to stdout; to a terminal as a text.
pub(crate) fn write_file(bytes: &[u8]) {
    if io::stdout().is_terminal() {
        write_text(&String::from_utf8_lossy(bytes));
    } else {
        drop(io::stdout().write_all(bytes));
    }
}

/// Prints to stderr what is no part of the answer.
pub(crate) fn remark(text: std::fmt::Arguments<'_>) {
    write_all(&mut io::stderr(), &[&shown(&text.to_string()), "\n"]);
}

fn write_all(output: &mut impl Write, parts: &[&str]) {
    drop(output.write_all(parts.concat().as_bytes()));
}

/// A log on stderr in which each event is one line, whatever its texts are.
pub(crate) fn log(level: &str) {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(level));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(Lines(io::stderr))
        .init();
}

/// Makes writers that are given one event each.
struct Lines<M>(M);

impl<'a, M: MakeWriter<'a>> MakeWriter<'a> for Lines<M> {
    type Writer = Line<M::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        Line(self.0.make_writer())
    }
}

struct Line<W>(W);

impl<W: Write> Write for Line<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let line = text.strip_suffix('\n').unwrap_or(&text);
        let line = [&shown_on_one_line(line), "\n"].concat();
        self.0.write_all(line.as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[test]
    fn an_event_is_one_line_and_moves_nothing() {
        let written = Arc::new(Mutex::new(Vec::new()));
        let into = written.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(Lines(move || Into(into.clone())))
            .without_time()
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            let detail = "one\n2026-11-28 ERROR forged\u{1b}[2J\u{202e}";
            tracing::warn!(%detail, "refused");
            tracing::info!("the next");
        });
        let written = String::from_utf8(written.lock().unwrap().clone()).unwrap();
        assert_eq!(written.lines().count(), 2, "{written}");
        assert!(!written.contains(['\u{1b}', '\u{202e}']), "{written}");
        assert!(
            written.contains("one\\u000a2026-11-28 ERROR forged"),
            "{written}"
        );
    }

    struct Into(Arc<Mutex<Vec<u8>>>);

    impl Write for Into {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
}
