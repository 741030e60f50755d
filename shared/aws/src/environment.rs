//! What a function is told by its environment: complete at start, or the process ends.

/// Variables that are missing, empty or no text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not set: {}", .0.join(", "))]
pub struct Missing(pub Vec<String>);

#[expect(
    clippy::disallowed_methods,
    reason = "a function is told by its environment where everything is"
)]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
