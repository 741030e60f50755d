//! Why a plan is as it is: what each trigger said, and each offer's fate. Written with the plan.

use crate::digest::Digest;
use crate::ids::{LineId, Sku, SupplierId, SupplierSku};
use crate::order::attention::CaseKind;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    pub configuration: Digest,
    pub at: Timestamp,
    pub triggers: Vec<TriggerTrace>,
    pub lines: Vec<LineTrace>,
    /// How lines came together in purchase orders.
    pub grouping: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TriggerTrace {
    pub name: String,
    pub verdict: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineTrace {
    pub line: LineId,
    pub sku: Option<Sku>,
    pub quantity: u32,
    /// Every offer of the SKU, the best first.
    pub judged: Vec<Judged>,
    pub chosen: Option<SupplierId>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    pub supplier: SupplierId,
    pub supplier_sku: SupplierSku,
    pub priority: u32,
    /// The criterion, the case it would be, and the reason.
    pub excluded: Option<(String, CaseKind, String)>,
}
