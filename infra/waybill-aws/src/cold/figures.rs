//! What processes used, beside the budget.

use serde_json::{Value, json};
use std::collections::BTreeMap;

/// One process.
pub(super) struct Sample {
    /// CPU until it asked for its first event.
    pub(super) init_nanos: u64,
    /// CPU until it asked for its second.
    pub(super) nanos: u64,
    /// The most it held until then.
    pub(super) resident_kib: u64,
    /// TLS connections by service, until it asked for its first event.
    pub(super) connections_of_init: BTreeMap<&'static str, usize>,
    pub(super) connections: BTreeMap<&'static str, usize>,
}

/// Of one function.
pub(super) struct Figures {
    pub(super) function: &'static str,
    pub(super) zipped_bytes: u64,
    pub(super) samples: Vec<Sample>,
}

impl Figures {
    fn median(&self, of: impl Fn(&Sample) -> u64) -> u64 {
        let mut sorted: Vec<u64> = self.samples.iter().map(of).collect();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).copied().unwrap_or_default()
    }

    fn most<N: Ord + Default>(&self, of: impl Fn(&Sample) -> N) -> N {
        self.samples.iter().map(of).max().unwrap_or_default()
    }

    fn init_micros(&self) -> u64 {
        self.median(|sample| sample.init_nanos) / 1000
    }

    fn call_micros(&self) -> u64 {
        self.median(|sample| sample.nanos.saturating_sub(sample.init_nanos)) / 1000
    }

    fn micros(&self) -> u64 {
        self.median(|sample| sample.nanos) / 1000
    }

    fn worst_micros(&self) -> u64 {
        self.most(|sample| sample.nanos) / 1000
    }

    fn resident_kib(&self) -> u64 {
        self.most(|sample| sample.resident_kib)
    }

    /// Of the process that made most.
    fn connections(&self) -> BTreeMap<&'static str, usize> {
        let by_number = |sample: &&Sample| sample.connections.values().sum::<usize>();
        let most = self.samples.iter().max_by_key(by_number);
        most.map(|sample| sample.connections.clone())
            .unwrap_or_default()
    }

    fn endpoints_of_init(&self) -> usize {
        self.most(|sample| sample.connections_of_init.len())
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "function": self.function,
            "zipped_bytes": self.zipped_bytes,
            "tls_endpoints_of_init": self.endpoints_of_init(),
            "tls_connections": self.connections(),
            "init_cpu_micros": self.init_micros(),
            "call_cpu_micros": self.call_micros(),
            "cpu_micros": self.micros(),
            "worst_cpu_micros": self.worst_micros(),
            "resident_kib": self.resident_kib(),
        })
    }

    fn row(&self) -> String {
        let connections = self.connections();
        let tls = format!(
            "{} / {} / {}",
            self.endpoints_of_init(),
            connections.len(),
            connections.values().sum::<usize>()
        );
        let resident = self.resident_kib() * 1024;
        row([
            self.function,
            &tenths(self.zipped_bytes, 1_000_000),
            &tls,
            &tenths(self.init_micros(), 1000),
            &tenths(self.call_micros(), 1000),
            &tenths(self.micros(), 1000),
            &tenths(self.worst_micros(), 1000),
            &tenths(resident, 1_000_000),
        ])
    }
}

pub(super) fn table(times: u32, figures: &[Figures]) -> Vec<String> {
    let head = [
        format!(
            "New processes until the end of the first call, {times} of each: CPU in ms (median), MB"
        ),
        String::new(),
        row([
            "", "zipped", "TLS", "init", "call", "CPU", "worst", "resident",
        ]),
    ];
    let budget = row(["budget", "3.5", "", "", "", "8.0", "", "30.0"]);
    let notes = [
        String::new(),
        "The budget of forwarding is 4.5 MB zipped. TLS: endpoints in init / in all / connections to them."
            .to_owned(),
    ];
    let rows = figures.iter().map(Figures::row);
    let lines = head.into_iter().chain(rows).chain([budget]).chain(notes);
    lines.collect()
}

fn row([function, zipped, tls, cells @ ..]: [&str; 8]) -> String {
    let cells = cells.map(|cell| format!("{cell:>9}")).concat();
    format!("{function:<14}{zipped:>7}{tls:>12}{cells}")
        .trim_end()
        .to_owned()
}

/// Rounded to a tenth.
fn tenths(number: u64, of: u64) -> String {
    let tenths = (number * 10 + of / 2) / of;
    format!("{}.{}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(init: u64, all: u64, kib: u64, sqs: usize) -> Sample {
        let dynamodb = BTreeMap::from([("DYNAMODB", 1)]);
        let mut connections = dynamodb.clone();
        connections.insert("SQS", sqs);
        Sample {
            init_nanos: init * 1_000_000,
            nanos: all * 1_000_000,
            resident_kib: kib,
            connections_of_init: dynamodb,
            connections,
        }
    }

    #[test]
    fn the_median_is_told_and_the_most() {
        let figures = Figures {
            function: "routing",
            zipped_bytes: 3_961_000,
            samples: vec![
                sample(3, 9, 20_000, 1),
                sample(4, 5, 22_000, 2),
                sample(5, 7, 21_000, 1),
            ],
        };
        assert_eq!(
            figures.json(),
            json!({
                "function": "routing", "zipped_bytes": 3_961_000,
                "tls_endpoints_of_init": 1, "tls_connections": {"DYNAMODB": 1, "SQS": 2},
                "init_cpu_micros": 4000, "call_cpu_micros": 2000, "cpu_micros": 7000,
                "worst_cpu_micros": 9000, "resident_kib": 22_000,
            })
        );
        let table = table(3, &[figures]);
        let cells: Vec<&str> = table[3].split_whitespace().collect();
        assert_eq!(
            cells.join(" "),
            "routing 4.0 1 / 2 / 3 4.0 2.0 7.0 9.0 22.5"
        );
    }
}
