//! Shows that a kind of channel and a method of a supplier are a file and a line each: nothing outside
//! of this package knows them. Its program is Waybill's command line with other slices; its tests run
//! `check`, a story, the contract suite and `supplier test`.

mod spool;
mod stall;

use registry::Registry;

pub use stall::{SIGNATURE, sign};

/// What the program knows, and nothing else.
pub const REGISTRY: Registry = Registry {
    channels: &[stall::ENTRY],
    suppliers: &[spool::ENTRY],
};
