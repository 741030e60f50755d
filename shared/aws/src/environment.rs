//! What a function is told by its environment: complete at start, or the process ends.

/// Variables that are missing, empty or no text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not set: {}", .0.join(", "))]
pub struct Missing(pub Vec<String>);

/// All of them, or the names of all that are missing.
pub fn needed<const N: usize>(names: [&'static str; N]) -> Result<[String; N], Missing> {
    let values = names.map(variable);
    let missing: Vec<_> = names
        .iter()
        .zip(&values)
        .filter(|(_, value)| value.is_none())
        .map(|(name, _)| (*name).to_owned())
        .collect();
    if missing.is_empty() {
        Ok(values.map(Option::unwrap_or_default))
    } else {
        Err(Missing(missing))
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a function is told by its environment where everything is"
)]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
