//! Connectors to reach a supplier. A method is one file here and one line in [`SUPPLIERS`]; the rest of
//! Waybill knows only the traits of `ports`.
//!
//! Every method keeps the same promises: `prepare` is pure and repeats its bytes exactly, `send` is
//! one step without a retry below it, and whatever is not known to have failed is in doubt.

mod csv;
mod http;
mod mail;
mod sample;
mod table;
mod templates;
#[cfg(test)]
mod testing;

use domain::order::answer::Progress;
use ports::PrepareError;
use registry::SupplierEntry;

/// Every method there is.
pub const SUPPLIERS: &[SupplierEntry] = &[mail::ENTRY, csv::ENTRY, http::ENTRY];

/// For methods that hand everything over at once. Steps that are done were made under other
/// settings, and what they handed over must not go a second time.
fn no_steps(progress: &Progress) -> Result<(), PrepareError> {
    progress.steps.first().map_or(Ok(()), |step| {
        Err(PrepareError(format!(
            "the step {step:?} is done, but the settings know no such step"
        )))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_is_found_once() {
        for method in ["mail", "csv", "http"] {
            let of_method = SUPPLIERS.iter().filter(|entry| entry.kind == method);
            assert_eq!(of_method.count(), 1);
        }
        assert_eq!(SUPPLIERS.len(), 3);
    }
}
