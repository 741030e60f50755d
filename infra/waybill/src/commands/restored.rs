//! Copies of the database, and what is in doubt since one took the place of the data.

use super::Instead;
use super::decide::decide_at_supplier;
use crate::arguments::Person;
use crate::installation::{Installation, opened};
use crate::{Exit, say};
use anyhow::Context as _;
use domain::ids::SupplierId;
use domain::order::decide::{Command, Verdict};
use domain::purchase_order_number::PurchaseOrderNumber;
use std::path::Path;

/// `backup`: one file with everything that the database holds.
pub(crate) async fn back_up(data: &Path, file: &Path) -> anyhow::Result<Exit> {
    Installation::look_for_data(data)?;
    let name = file.display();
    let copied = opened(data)?.back_up(file).await;
    copied.with_context(|| format!("no copy was made in {name}"))?;
    say(format_args!(
        "copied to {name}; whoever puts it in the place of {} starts `waybill serve --restored`",
        data.join("waybill.db").display()
    ));
    Ok(Exit::Done)
}

/// The supplier, where the text can be no purchase order.
pub(super) fn supplier(text: &str) -> Option<SupplierId> {
    let is_number = PurchaseOrderNumber::parse(text).is_ok();
    SupplierId::parse(text).ok().filter(|_| !is_number)
}

/// `resolve` of everything at the supplier that is in doubt since the data was restored.
pub(super) async fn resolve(
    at: &Installation,
    supplier: SupplierId,
    verdict: Verdict,
    person: Person,
) -> anyhow::Result<Exit> {
    if matches!(verdict, Verdict::Cancel(_)) {
        let why = "of a whole supplier only --sent or --not-sent can be said";
        return Err(Instead::refused(why).into());
    }
    let resolve = Command::ResolveSuspected {
        supplier: supplier.clone(),
        verdict,
        who: person.who,
        why: person.why,
    };
    if decide_at_supplier(at, &supplier, resolve).await? == 0 {
        say(format_args!(
            "nothing at {supplier} is in doubt since a restore; nothing changed"
        ));
        return Ok(Exit::No);
    }
    Ok(Exit::Done)
}
