//! The figures beside their budgets.

use crate::usage::Usage;

/// What the store of `serve` counted.
pub(super) struct Stored {
    pub(super) transactions: u64,
    pub(super) writes: u64,
    pub(super) reads: u64,
}

impl Stored {
    /// Out of the last words of `serve`.
    pub(super) fn told(words: &str) -> Option<Self> {
        let last = words.lines().rev().find(|line| line.contains("stopped"))?;
        let number = |name: &str| {
            let mut fields = last.split_whitespace();
            fields.find_map(|field| field.strip_prefix(name)?.strip_prefix('=')?.parse().ok())
        };
        Some(Self {
            transactions: number("transactions")?,
            writes: number("writes")?,
            reads: number("reads")?,
        })
    }
}

/// Times are microseconds.
pub(super) struct Figures {
    pub(super) orders: u64,
    pub(super) connections: u64,
    /// Before it began.
    pub(super) load: String,
    /// From the first webhook to the last purchase order that the supplier took.
    pub(super) micros: u64,
    /// From the first webhook to the last that was accepted.
    pub(super) accept_micros: u64,
    pub(super) p50: u64,
    pub(super) p99: u64,
    pub(super) longest: u64,
    pub(super) used: Option<Usage>,
    pub(super) stored: Option<Stored>,
    /// Nanoseconds a plan, by how lines may be split.
    pub(super) plan: Vec<(&'static str, u64)>,
}

impl Figures {
    pub(super) fn table(&self) -> Vec<String> {
        let a_second = |micros: u64| (self.orders * 1_000_000) / micros.max(1);
        let mut rows = vec![
            row(
                "orders/s, webhook to two purchase orders sent",
                a_second(self.micros).to_string(),
                "1500",
            ),
            row(
                "webhooks accepted/s meanwhile",
                a_second(self.accept_micros).to_string(),
                "",
            ),
            row(
                &format!("accept p50, {} connections", self.connections),
                milliseconds(self.p50),
                "",
            ),
            row(
                &format!("accept p99, {} connections", self.connections),
                milliseconds(self.p99),
                "20 ms",
            ),
            row("accept, the longest", milliseconds(self.longest), ""),
        ];
        if let Some(used) = self.used {
            let cpu = used.user_micros + used.system_micros;
            let per_order = |amount: u64| amount / self.orders;
            rows.extend([
                row("CPU an order", milliseconds(per_order(cpu)), "0.5 ms"),
                row(
                    "  of it in the kernel",
                    milliseconds(per_order(used.system_micros)),
                    "",
                ),
                row(
                    "resident memory, the most",
                    format!("{} MB", used.resident_kib * 1024 / 1_000_000),
                    "100 MB",
                ),
                row(
                    "written to disk an order",
                    format!("{} KB", per_order(used.disk_bytes) / 1000),
                    "",
                ),
            ]);
        }
        if let Some(stored) = &self.stored {
            let hundredths = |count: u64| {
                let hundredths = count * 100 / self.orders;
                format!("{}.{:02}", hundredths / 100, hundredths % 100)
            };
            rows.extend([
                row("writes an order", hundredths(stored.writes), ""),
                row(
                    "transactions (one fsync each) an order",
                    hundredths(stored.transactions),
                    "",
                ),
                row("reads an order", hundredths(stored.reads), ""),
            ]);
        }
        for (split, nanos) in &self.plan {
            rows.push(row(
                &format!("plan, 5 lines, 20 offers, 30 rules, split = {split:?}"),
                format!("{}.{} µs", nanos / 1000, nanos % 1000 / 100),
                "20 µs",
            ));
        }
        let head = vec![
            format!(
                "{} orders; {} cores; load before {}",
                self.orders,
                std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
                self.load,
            ),
            row("", "measured", "budget"),
        ];
        [head, rows].concat()
    }
}

/// The machine's, of the last minute.
pub(super) fn load() -> String {
    let read = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    read.split(' ').next().unwrap_or("unknown").to_owned()
}

fn milliseconds(micros: u64) -> String {
    format!("{}.{:03} ms", micros / 1000, micros % 1000)
}

fn row(what: &str, measured: impl AsRef<str>, budget: &str) -> String {
    format!("{what:<60} {:>12} {budget:>8}", measured.as_ref())
        .trim_end()
        .to_owned()
}
