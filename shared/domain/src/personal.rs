//! Personal data has a type whose `Debug` hides it, so that no log or error shows an address.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A value about a person. Serialised only into payload items and artifacts.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Personal<T>(T);

impl<T> Personal<T> {
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// Named so that each place that looks at personal data can be found.
    pub fn reveal(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Personal<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[personal]")
    }
}
