//! What a supplier says of single lines, passed on by a person.

use super::decide::{Decided, decide};
use super::find_purchase_order;
use crate::arguments::{Person, Said};
use crate::{Exit, Installation, say};
use domain::order::answer::{Rejection, RejectionReason};
use domain::order::decide::{Command, LineOutcome, LineStatus};
use jiff::civil::Date;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Backordered {
    supplier_sku: String,
    quantity: u32,
    until: Option<Date>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rejected {
    supplier_sku: String,
    quantity: u32,
    reason: RejectionReason,
}

pub(crate) fn backordered(text: &str) -> Result<Backordered, String> {
    let (supplier_sku, rest) = sku(text, "SUPPLIER_SKU=QTY or SUPPLIER_SKU=QTY@YYYY-MM-DD")?;
    let (units, until) = match rest.split_once('@') {
        Some((units, day)) => {
            let day: Result<Date, _> = day.trim().parse();
            let day = day.map_err(|_| "the day is written YYYY-MM-DD, such as 2026-12-01")?;
            (units, Some(day))
        }
        None => (rest, None),
    };
    Ok(Backordered {
        supplier_sku,
        quantity: quantity(units)?,
        until,
    })
}

pub(crate) fn rejected(text: &str) -> Result<Rejected, String> {
    let form = "SUPPLIER_SKU=QTY:REASON";
    let (supplier_sku, rest) = sku(text, form)?;
    let (units, reason) = rest
        .split_once(':')
        .ok_or_else(|| format!("expected {form}"))?;
    let reason = RejectionReason::parse(reason.trim()).ok_or_else(|| {
        let names = RejectionReason::ALL.map(RejectionReason::name);
        format!(
            "{reason:?} is no reason; expected one of {}",
            names.join(", ")
        )
    })?;
    Ok(Rejected {
        supplier_sku,
        quantity: quantity(units)?,
        reason,
    })
}

/// A supplier's SKU may hold any of the marks, but what follows it holds no other `=`.
fn sku<'a>(text: &'a str, form: &str) -> Result<(String, &'a str), String> {
    match text.rsplit_once('=') {
        Some((sku, rest)) if !sku.trim().is_empty() => Ok((sku.trim().to_owned(), rest)),
        Some(_) | None => Err(format!("expected {form}")),
    }
}

fn quantity(text: &str) -> Result<u32, String> {
    let quantity = text.trim().parse().ok().filter(|quantity| *quantity > 0);
    quantity.ok_or_else(|| format!("{text:?} is no quantity"))
}

pub(crate) async fn acknowledge(
    at: &Installation,
    purchase_order: &str,
    said: Said,
    person: Person,
) -> anyhow::Result<Exit> {
    let (number, id) = find_purchase_order(at.index.as_ref(), purchase_order).await?;
    let backordered = said.backorder.into_iter().map(|said| LineOutcome {
        supplier_sku: said.supplier_sku,
        quantity: said.quantity,
        status: LineStatus::Backordered(said.until),
    });
    let rejected = said.reject.into_iter().map(|said| LineOutcome {
        supplier_sku: said.supplier_sku,
        quantity: said.quantity,
        status: LineStatus::Rejected(Rejection {
            reason: said.reason,
            detail: format!("told to {}", person.who),
            evidence: None,
        }),
    });
    let command = Command::Acknowledge {
        number: number.clone(),
        lines: rejected.chain(backordered).collect(),
        who: person.who.clone(),
        why: person.why.clone(),
    };
    let decided = decide(at, &id, &command).await?;
    if let Decided::Refused(order) = &decided
        && let Some(own) = order.purchase_order(&number)
    {
        for line in &own.lines {
            say(format_args!(
                "{number} has {} x {}",
                own.remaining(line),
                line.supplier_sku
            ));
        }
    }
    Ok(decided.exit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_supplier_says_of_a_line_is_read() {
        let said = backordered("NW=100=2@2026-12-01").unwrap();
        assert_eq!(said.supplier_sku, "NW=100");
        assert_eq!(said.quantity, 2);
        assert_eq!(said.until.unwrap().to_string(), "2026-12-01");
        assert_eq!(backordered("NW-100=2").unwrap().until, None);
        let said = rejected("NW:100=1:inventory-out-of-stock").unwrap();
        assert_eq!(said.supplier_sku, "NW:100");
        assert_eq!(said.reason, RejectionReason::InventoryOutOfStock);
    }

    #[test]
    fn what_is_none_is_refused_with_what_is_expected() {
        for (text, why) in [
            ("NW-100", "expected SUPPLIER_SKU=QTY"),
            ("=2", "expected SUPPLIER_SKU=QTY"),
            ("NW-100=0", "\"0\" is no quantity"),
            ("NW-100=two", "\"two\" is no quantity"),
            ("NW-100=2@soon", "YYYY-MM-DD"),
        ] {
            let refused = backordered(text).unwrap_err();
            assert!(refused.contains(why), "{text}: {refused}");
        }
        let refused = rejected("NW-100=1:gone").unwrap_err();
        for reason in RejectionReason::ALL {
            assert!(refused.contains(reason.name()), "{refused}");
        }
        assert!(rejected("NW-100=1").unwrap_err().contains("QTY:REASON"));
    }
}
