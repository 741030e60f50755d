//! A marked test order, sent step by step before a real one goes out.

use async_trait::async_trait;
use ports::{Handover, PrepareError};
use std::collections::BTreeMap;
use std::fmt;

/// A supplier as its sandbox knows it.
#[async_trait]
pub trait Rehearsal: Send + Sync {
    /// Sends the steps one after another until the last, or until one is not done. The hand-over's
    /// number must be one of a test.
    async fn perform(&self, handover: &Handover) -> Result<Vec<StepReport>, PrepareError>;
}

/// What one step of a rehearsal did; its `Display` is for the merchant's terminal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StepReport {
    pub step: String,
    /// Method, URL, headers and body as sent, without what secrets added.
    pub request: String,
    /// What the supplier would not find in the request though the order has it.
    pub missing: Vec<String>,
    pub status: Option<u16>,
    /// The answer as evidence would keep it.
    pub answer: String,
    /// In which class it falls, and why.
    pub judged: String,
    /// It went as a real one should: accepted, or done.
    pub went_well: bool,
    pub extracted: BTreeMap<String, Vec<String>>,
    /// What the step's look-up says right afterwards, where it has one.
    pub looked_up: Option<String>,
}

impl fmt::Display for StepReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let indented = |text: &str| {
            text.lines()
                .map(|line| format!("    {line}").trim_end().to_owned())
                .collect::<Vec<_>>()
                .join("\n")
        };
        writeln!(formatter, "step {}", self.step)?;
        writeln!(formatter, "  sent\n{}", indented(&self.request))?;
        if !self.missing.is_empty() {
            let missing = self.missing.join(", ");
            writeln!(formatter, "  lacks {missing}: a real order would be held")?;
        }
        if self.status.is_some() {
            writeln!(formatter, "  answered\n{}", indented(&self.answer))?;
        }
        writeln!(formatter, "  judged: {}", self.judged)?;
        for (name, values) in &self.extracted {
            writeln!(formatter, "  extracted {name} = {}", values.join(", "))?;
        }
        if let Some(looked_up) = &self.looked_up {
            writeln!(formatter, "  looked up: {looked_up}")?;
        }
        Ok(())
    }
}
