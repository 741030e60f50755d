//! A sample of the tellings that there are too many of to wait for each time.

/// Every third of them; all where `WAYBILL_EXHAUSTIVE` is set. Three has no factor in common with the
/// kinds of fault, nor with the effects of a message, so that each kind meets each effect.
pub struct Sample {
    every: usize,
    passed: usize,
}

impl Sample {
    pub fn new() -> Self {
        let everything = std::env::var_os("WAYBILL_EXHAUSTIVE").is_some();
        Self {
            every: if everything { 1 } else { 3 },
            passed: 0,
        }
    }

    /// A sample of so many times as many, all of which would take too long even a third at a time.
    pub fn thinner(mut self, times: usize) -> Self {
        if self.every > 1 {
            self.every *= times;
        }
        self
    }

    /// Whether the next one is in it.
    pub fn takes(&mut self) -> bool {
        self.passed += 1;
        self.passed.is_multiple_of(self.every)
    }
}

impl Default for Sample {
    fn default() -> Self {
        Self::new()
    }
}
