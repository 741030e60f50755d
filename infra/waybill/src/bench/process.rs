//! Parts of the measurement in processes of their own.

use anyhow::Context as _;
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdout, Command, Stdio};

/// A process of this program that is told in lines and answers in lines of JSON.
pub(super) struct Part {
    process: Child,
    said: BufReader<ChildStdout>,
}

impl Part {
    pub(super) fn start(role: &str, arguments: &[&str]) -> anyhow::Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["bench", "--part", role])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let said = process.stdout.take().context("it has no output")?;
        let said = BufReader::new(said);
        Ok(Self { process, said })
    }

    pub(super) fn tell(&mut self, word: &str) -> anyhow::Result<()> {
        let input = self.process.stdin.as_mut().context("it has no input")?;
        writeln!(input, "{word}")?;
        Ok(input.flush()?)
    }

    pub(super) fn hear(&mut self) -> anyhow::Result<Value> {
        let mut line = String::new();
        self.said.read_line(&mut line)?;
        serde_json::from_str(&line).with_context(|| format!("it said {line:?}"))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
