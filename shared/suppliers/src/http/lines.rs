//! What an answer says of single lines.

use super::answer::reference;
use super::settings::{LineRule, LineState, Ordered};
use crate::templates::Templates;
use domain::order::answer::{Rejection, RejectionReason};
use jiff::civil::Date;
use minijinja::{Value, context};
use ports::{LineOutcome, LineStatus};
use std::collections::BTreeMap;

/// The supplier's words for refusals, in ours.
#[derive(Default)]
pub(super) struct Reasons(BTreeMap<String, RejectionReason>);

impl Reasons {
    pub(super) fn new(words: &BTreeMap<String, String>) -> Self {
        let known = words
            .iter()
            .filter_map(|(word, reason)| Some((word.clone(), RejectionReason::parse(reason)?)));
        Self(known.collect())
    }

    /// Whether the settings translate the supplier's word.
    pub(super) fn knows(&self, word: Option<&Value>) -> bool {
        let word = word.and_then(reference);
        word.is_some_and(|word| self.0.contains_key(&word))
    }

    /// The reason, and the word where it is a code and no text: foreign text is for evidence only.
    pub(super) fn read(&self, word: Option<&Value>) -> (RejectionReason, Option<String>) {
        let Some(word) = word.and_then(reference) else {
            return (RejectionReason::Unknown, None);
        };
        let reason = self.0.get(&word).copied();
        let is_code = word.len() <= 40
            && word
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte));
        (
            reason.unwrap_or(RejectionReason::Unknown),
            is_code.then_some(word),
        )
    }
}

/// What is backordered or rejected. An entry that cannot be read is an error: a line that the
/// supplier will not ship must not pass for one that it takes.
pub(super) fn answers(
    templates: &Templates,
    rules: &[LineRule],
    seen: &Value,
    reasons: &Reasons,
) -> Result<Vec<LineOutcome>, String> {
    let mut answers = Vec::new();
    for rule in rules {
        for (entry, supplier_sku, quantity) in
            entries(templates, &rule.each, &rule.sku, &rule.quantity, seen)?
        {
            if quantity == 0 {
                continue;
            }
            let value = |expression: &Option<String>| {
                let value = templates.evaluate(expression.as_deref()?, &entry);
                value.ok().filter(|value| !value.is_undefined())
            };
            let status = match rule.status {
                LineState::Backordered => {
                    LineStatus::Backordered(value(&rule.until).as_ref().and_then(day))
                }
                LineState::Rejected => {
                    let (reason, code) = reasons.read(value(&rule.reason).as_ref());
                    let detail = code.map_or_else(
                        || "the supplier refuses it".to_owned(),
                        |code| format!("the supplier refuses it: {code}"),
                    );
                    LineStatus::Rejected(Rejection {
                        reason,
                        detail,
                        evidence: None,
                    })
                }
            };
            answers.push(LineOutcome {
                supplier_sku,
                quantity,
                status,
            });
        }
    }
    Ok(answers)
}

/// How many of each SKU the supplier has in its order.
pub(super) fn ordered(
    templates: &Templates,
    ordered: &Ordered,
    seen: &Value,
) -> Result<BTreeMap<String, u64>, String> {
    let entries = entries(
        templates,
        &ordered.each,
        &ordered.sku,
        &ordered.quantity,
        seen,
    )?;
    Ok(summed(
        entries
            .into_iter()
            .map(|(_, sku, quantity)| (sku, quantity)),
    ))
}

pub(super) fn summed(lines: impl IntoIterator<Item = (String, u32)>) -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::new();
    for (sku, quantity) in lines {
        *sums.entry(sku).or_default() += u64::from(quantity);
    }
    sums
}

/// Each entry as its expressions see it, with its SKU and quantity.
fn entries(
    templates: &Templates,
    each: &str,
    sku: &str,
    quantity: &str,
    seen: &Value,
) -> Result<Vec<(Value, String, u32)>, String> {
    let list = templates
        .evaluate(each, seen)
        .map_err(|error| error.to_string())?;
    if list.is_undefined() || list.is_none() {
        return Ok(Vec::new());
    }
    let list = list.try_iter().map_err(|error| error.to_string())?;
    list.map(|it| {
        let entry = context! { it, ..seen.clone() };
        let of = |expression: &str| {
            templates
                .evaluate(expression, &entry)
                .map_err(|error| error.to_string())
        };
        let sku = reference(&of(sku)?).ok_or("a line without a SKU")?;
        let quantity = number(&of(quantity)?).ok_or_else(|| format!("the quantity of {sku}"))?;
        Ok((entry, sku, quantity))
    })
    .collect()
}

fn number(value: &Value) -> Option<u32> {
    match value.as_str() {
        Some(text) => text.trim().parse().ok(),
        None => u32::try_from(value.clone()).ok(),
    }
}

/// Of a date or of a moment that begins with one.
fn day(value: &Value) -> Option<Date> {
    value.as_str()?.trim().get(..10)?.parse().ok()
}
