//! A value that is replaced as a whole while others work by it.

use std::sync::{Arc, PoisonError, RwLock};

/// Clones are of one value: whoever replaces it replaces it for all. What somebody got stays as it is.
#[derive(Debug, Default)]
pub struct Shared<T>(Arc<RwLock<Arc<T>>>);

impl<T> Shared<T> {
    pub fn new(value: T) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(value))))
    }

    pub fn get(&self) -> Arc<T> {
        // The value is whole even where somebody panicked: it is only ever replaced.
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub fn replace(&self, value: T) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(value);
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_got_stays_and_clones_are_one() {
        let shared = Shared::new(1);
        let (clone, got) = (shared.clone(), shared.get());
        clone.replace(2);
        assert_eq!((*got, *shared.get()), (1, 2));
    }
}
