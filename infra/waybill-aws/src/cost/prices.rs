//! The price list, and a bill of what was counted.

use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// List prices of us-east-1 without free tiers, November 2026, from the price pages of each service
/// (aws.amazon.com/SERVICE/pricing). In billionths of a dollar for one.
const HTTP_API_REQUEST: u64 = 1_000;
const LAMBDA_REQUEST: u64 = 200;
/// 30 ms of 256 MB on arm64, at 13,333.4 for a second of one GB. The time is assumed: the local AWS
/// says nothing of it, and a call to `DynamoDB` is about 4 ms.
const LAMBDA_TIME: u64 = 100;
const SQS_REQUEST: u64 = 400;
const WRITE_UNIT: u64 = 625;
const READ_UNIT: u64 = 125;
const S3_PUT: u64 = 5_000;
const S3_GET: u64 = 400;
const MAIL: u64 = 100_000;

/// The event source receives and deletes what we send.
const OF_A_MESSAGE: u64 = 3;

/// Of a number of orders.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) orders: u64,
    /// Calls of our code, by service and action.
    pub(super) requests: BTreeMap<String, u64>,
    pub(super) read_halves: u64,
    pub(super) write_halves: u64,
    pub(super) webhooks: u64,
    pub(super) messages: u64,
    pub(super) files_put: u64,
    pub(super) files_got: u64,
    pub(super) mails: u64,
}

/// What is paid for, how many of it for an order in hundredths, and what a thousand orders cost of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Line {
    pub(super) what: &'static str,
    hundredths: u64,
    billionths: u64,
}

impl Counted {
    pub(super) fn requests(&self) -> u64 {
        self.requests.values().sum()
    }

    /// Each line with its price.
    pub(super) fn bill(&self) -> Vec<Line> {
        // The webhook is an invocation, and each message may be one.
        let invocations = self.webhooks + self.messages;
        let line = |what, halves: u64, price: u64| Line {
            what,
            hundredths: hundredths(halves, self.orders * 2),
            billionths: halves * price * 1000 / (self.orders * 2).max(1),
        };
        vec![
            line("HTTP API requests", self.webhooks * 2, HTTP_API_REQUEST),
            line("Lambda requests", invocations * 2, LAMBDA_REQUEST),
            line(
                "Lambda times of 30 ms at 256 MB (assumed)",
                invocations * 2,
                LAMBDA_TIME,
            ),
            line(
                "SQS requests (sent; received and deleted by Lambda)",
                self.messages * OF_A_MESSAGE * 2,
                SQS_REQUEST,
            ),
            line("DynamoDB write units", self.write_halves, WRITE_UNIT),
            line("DynamoDB read units", self.read_halves, READ_UNIT),
            line("S3 objects put", self.files_put * 2, S3_PUT),
            line("S3 objects read", self.files_got * 2, S3_GET),
            line("mails", self.mails * 2, MAIL),
        ]
    }

    pub(super) fn dollars_per_thousand(&self) -> String {
        dollars(self.bill().iter().map(|line| line.billionths).sum())
    }

    pub(super) fn rows(&self) -> Vec<[String; 3]> {
        let mut rows: Vec<_> = self
            .requests
            .iter()
            .map(|(what, count)| {
                let each = hundredths(count * 2, self.orders * 2);
                [format!("  {what}"), decimal(each), String::new()]
            })
            .collect();
        let all = hundredths(self.requests() * 2, self.orders * 2);
        rows.push([
            "requests of our code".to_owned(),
            decimal(all),
            String::new(),
        ]);
        rows.extend(self.bill().into_iter().map(|line| {
            [
                line.what.to_owned(),
                decimal(line.hundredths),
                dollars(line.billionths),
            ]
        }));
        rows
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "orders": self.orders,
            "requests": self.requests,
            "write_units": decimal(hundredths(self.write_halves, self.orders * 2)),
            "read_units": decimal(hundredths(self.read_halves, self.orders * 2)),
            "dollars_per_thousand": self.dollars_per_thousand(),
        })
    }
}

fn hundredths(count: u64, of: u64) -> u64 {
    count * 100 / of.max(1)
}

fn decimal(hundredths: u64) -> String {
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

/// Of billionths, to a hundredth of a cent.
fn dollars(billionths: u64) -> String {
    let rounded = (billionths + 50_000) / 100_000;
    format!("{}.{:04}", rounded / 10_000, rounded % 10_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bill_is_what_was_counted_at_list_prices() {
        let counted = Counted {
            orders: 2,
            requests: BTreeMap::from([("sqs SendMessage".to_owned(), 4)]),
            write_halves: 40,
            read_halves: 10,
            webhooks: 2,
            messages: 4,
            ..Counted::default()
        };
        let bill = counted.bill();
        let of = |what: &str| {
            let line = bill
                .iter()
                .find(|line| line.what.starts_with(what))
                .unwrap();
            (decimal(line.hundredths), dollars(line.billionths))
        };
        let told = |each: &str, price: &str| (each.to_owned(), price.to_owned());
        assert_eq!(of("HTTP API"), told("1.00", "0.0010"));
        assert_eq!(of("Lambda requests"), told("3.00", "0.0006"));
        assert_eq!(of("SQS"), told("6.00", "0.0024"));
        assert_eq!(of("Lambda times"), told("3.00", "0.0003"));
        assert_eq!(of("DynamoDB write"), told("10.00", "0.0063"));
        assert_eq!(of("DynamoDB read"), told("2.50", "0.0003"));
        assert_eq!(of("mails"), told("0.00", "0.0000"));
        assert_eq!(counted.dollars_per_thousand(), "0.0109");
    }
}
