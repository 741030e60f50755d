//! Why a plan is as it is: what each trigger said, each offer's fate, and how groupings compared.
//! Written with the plan.

use crate::cases::CaseKind;
use crate::digest::Digest;
use crate::ids::{LineId, Sku, SupplierId, SupplierSku};
use crate::money::{BasisPoints, Money};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    pub configuration: Digest,
    pub at: Timestamp,
    pub triggers: Vec<TriggerTrace>,
    pub lines: Vec<LineTrace>,
    /// How lines came together in purchase orders.
    pub grouping: String,
    /// The chosen grouping and the best of the others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groupings: Vec<GroupingTrace>,
    /// Purchase orders that are not sent at once, or by a service of the supplier.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
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
    /// Several where the line was divided.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chosen: Vec<Chosen>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chosen {
    pub supplier: SupplierId,
    pub quantity: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    pub supplier: SupplierId,
    pub supplier_sku: SupplierSku,
    pub priority: u32,
    /// Every criterion that it fails, the most fundamental first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<Failed>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    pub criterion: String,
    /// The case that the line becomes if this is what keeps it.
    pub kind: CaseKind,
    pub why: String,
    /// The cause, where the whole line waits for it whatever other offers there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holds: Option<String>,
}

/// Amounts are in one currency; none where one of them is not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupingTrace {
    pub suppliers: Vec<SupplierId>,
    pub landed: Option<Money>,
    pub items: Option<Money>,
    pub fees: Option<Money>,
    pub shipping: Option<Money>,
    /// Of what the customer pays for these articles.
    pub margin_basis_points: Option<i64>,
    /// Units from suppliers that do not prefer the destination.
    pub units_elsewhere: u64,
    /// `chosen`, the rule it breaks, or the comparison that it loses.
    pub verdict: String,
}

impl Trace {
    /// For people, a line a fact.
    pub fn explain(&self) -> Vec<String> {
        let mut told: Vec<String> = self
            .triggers
            .iter()
            .filter(|trigger| trigger.verdict != "pass")
            .map(|trigger| format!("trigger {}: {}", trigger.name, trigger.verdict))
            .collect();
        for line in &self.lines {
            let sku = line.sku.as_ref().map_or("without SKU", Sku::as_str);
            told.push(format!(
                "line {}, {} x {sku}:{}",
                line.line,
                line.quantity,
                if line.judged.is_empty() {
                    " no offer"
                } else {
                    ""
                }
            ));
            for judged in &line.judged {
                let chosen = line
                    .chosen
                    .iter()
                    .find(|chosen| chosen.supplier == judged.supplier);
                let fate = match chosen {
                    Some(chosen) if chosen.quantity == line.quantity => "chosen".to_owned(),
                    Some(chosen) => format!("chosen for {}", chosen.quantity),
                    None if judged.failed.is_empty() => "fits".to_owned(),
                    None => judged
                        .failed
                        .iter()
                        .map(|failed| format!("{}: {}", failed.criterion, failed.why))
                        .collect::<Vec<_>>()
                        .join("; "),
                };
                told.push(format!(
                    "  {} ({}), priority {}: {fate}",
                    judged.supplier, judged.supplier_sku, judged.priority
                ));
            }
        }
        if !self.grouping.is_empty() {
            told.push(format!("grouping: {}", self.grouping));
        }
        told.extend(self.groupings.iter().map(GroupingTrace::explain));
        told.extend(self.notes.iter().cloned());
        told
    }
}

impl GroupingTrace {
    fn explain(&self) -> String {
        let suppliers: Vec<_> = self.suppliers.iter().map(SupplierId::as_str).collect();
        let mut figures = match self.landed {
            Some(landed) => format!("landed {landed}"),
            None => "landed cost unknown".to_owned(),
        };
        let known = |money: Option<Money>| money.filter(|money| money.minor != 0);
        if let (Some(items), true) = (
            self.items,
            known(self.fees).is_some() || known(self.shipping).is_some(),
        ) {
            let _ = write!(figures, " (items {items}");
            if let Some(fees) = known(self.fees) {
                let _ = write!(figures, ", fees {fees}");
            }
            if let Some(shipping) = known(self.shipping) {
                let _ = write!(figures, ", shipping {shipping}");
            }
            figures.push(')');
        }
        if let Some(margin) = self.margin_basis_points {
            let _ = write!(figures, ", margin {}", BasisPoints(margin));
        }
        format!("  {}: {figures}; {}", suppliers.join(" + "), self.verdict)
    }
}
