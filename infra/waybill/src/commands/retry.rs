//! `retry`: what waits at a supplier is tried again at once, whatever it was waited for.

use super::decide::{decide, decide_at_supplier};
use super::{Instead, find_purchase_order};
use crate::arguments::Person;
use crate::{Exit, Installation, say};
use domain::ids::SupplierId;
use domain::order::decide::{Command, Which};
use domain::purchase_order_number::PurchaseOrderNumber;

pub(crate) async fn retry(at: &Installation, what: &str, person: Person) -> anyhow::Result<Exit> {
    if PurchaseOrderNumber::parse(what).is_ok() {
        let (number, id) = find_purchase_order(at.index.as_ref(), what).await?;
        let retry = command(Which::PurchaseOrder(number), &person);
        return Ok(decide(at, &id, &retry).await?.exit());
    }
    let Ok(supplier) = SupplierId::parse(what) else {
        let said = format!("{what:?} is neither a supplier nor a purchase order");
        return Err(Instead::not_found(said).into());
    };
    let retry = command(Which::Supplier(supplier.clone()), &person);
    let tried = decide_at_supplier(at, &supplier, retry).await?;
    if tried == 0 {
        say(format_args!("nothing waits at {supplier}; nothing changed"));
        return Ok(Exit::No);
    }
    Ok(Exit::Done)
}

fn command(which: Which, person: &Person) -> Command {
    Command::Retry {
        which,
        who: person.who.clone(),
        why: person.why.clone(),
    }
}
