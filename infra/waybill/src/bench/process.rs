//! Parts of the measurement in processes of their own, and what a process used.

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

/// What a process used up to a moment; read from `/proc`, hence known on Linux only.
#[derive(Clone, Copy)]
pub(super) struct Usage {
    pub(super) user_micros: u64,
    pub(super) system_micros: u64,
    /// The most it ever held.
    pub(super) resident_kib: u64,
    pub(super) disk_bytes: u64,
}

/// Of the clock in which `/proc` counts CPU time: a hundredth of a second on every Linux.
const TICK_MICROS: u64 = 10_000;

impl Usage {
    pub(super) fn of(process: u32) -> Option<Self> {
        let read = |name: &str| std::fs::read_to_string(format!("/proc/{process}/{name}")).ok();
        let stat = read("stat")?;
        // The name of the program, in brackets, may hold anything.
        let after_name = stat.rsplit_once(')')?.1;
        let mut fields = after_name.split_whitespace().skip(11);
        let mut micros = || Some(fields.next()?.parse::<u64>().ok()? * TICK_MICROS);
        Some(Self {
            user_micros: micros()?,
            system_micros: micros()?,
            resident_kib: field(&read("status")?, "VmHWM:")?,
            disk_bytes: field(&read("io")?, "write_bytes:")?,
        })
    }

    /// Memory is no difference: it is the most of all.
    pub(super) fn since(self, before: Self) -> Self {
        Self {
            user_micros: self.user_micros.saturating_sub(before.user_micros),
            system_micros: self.system_micros.saturating_sub(before.system_micros),
            disk_bytes: self.disk_bytes.saturating_sub(before.disk_bytes),
            ..self
        }
    }
}

fn field(text: &str, name: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next()?.parse().ok()
}
