//! Logs as JSON lines on stdout, for `CloudWatch`. What is logged holds no personal data; the crates
//! of others may log requests, so they are heard from a warning on only.

use std::str::FromStr as _;
use tracing::Level;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Crates of ours that say something while functions run.
const OURS: &[&str] = &[
    "aws",
    "channels",
    "exceptions",
    "exceptions_lambda",
    "forwarding",
    "forwarding_lambda",
    "http_client",
    "order_webhook",
    "order_webhook_lambda",
    "routing",
    "routing_lambda",
    "suppliers",
    "connectors",
];

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("LOG_LEVEL is {0:?}, not one of error, warn, info, debug, trace")]
pub struct NoLevel(String);

/// From `LOG_LEVEL`, `info` where it is not set.
pub fn begin() -> Result<(), NoLevel> {
    let level = level(crate::environment::variable("LOG_LEVEL"))?;
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false);
    // Who began to log before goes on with it.
    drop(
        tracing_subscriber::registry()
            .with(lines.with_ansi(false))
            .with(heard(level))
            .try_init(),
    );
    Ok(())
}

fn level(named: Option<String>) -> Result<Level, NoLevel> {
    let Some(named) = named else {
        return Ok(Level::INFO);
    };
    Level::from_str(&named).map_err(|_| NoLevel(named))
}

fn heard(level: Level) -> Targets {
    let others = LevelFilter::WARN.min(LevelFilter::from_level(level));
    Targets::new()
        .with_default(others)
        .with_targets(OURS.iter().map(|target| (*target, level)))
        // `aws` begins their names, too.
        .with_target("aws_", others)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_are_heard_only_when_something_is_wrong() {
        for level in [Level::INFO, Level::TRACE] {
            let heard = heard(level);
            assert!(heard.would_enable("forwarding::send", &level));
            assert!(heard.would_enable("aws::sqs", &level));
            for other in [
                "aws_smithy_runtime::client",
                "aws_sdk_s3",
                "hyper",
                "reqwest",
            ] {
                assert!(heard.would_enable(other, &Level::WARN), "{other}");
                assert!(!heard.would_enable(other, &Level::INFO), "{other}");
            }
        }
        let quiet = super::heard(Level::ERROR);
        assert!(!quiet.would_enable("aws_sdk_s3", &Level::WARN));
    }

    #[test]
    fn a_level_is_one_of_five() {
        assert_eq!(level(None), Ok(Level::INFO));
        assert_eq!(level(Some("debug".to_owned())), Ok(Level::DEBUG));
        assert!(level(Some("loud".to_owned())).is_err());
    }
}
