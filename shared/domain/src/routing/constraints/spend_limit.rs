//! What goes to a supplier on one day may not come to more than its spend limit. First a grouping is
//! looked for whose purchase orders all go on the first day they can; where there is none, they may
//! wait for a day that has room.

use super::Grouping;
use crate::routing::violation::Violation;

pub(in crate::routing) fn check(grouping: &Grouping) -> Option<Violation> {
    grouping.packages.iter().find_map(|package| {
        let budget = grouping.sources.get(package.source)?.budget.as_ref()?;
        match package.spends {
            Some(amount) => budget.slot(amount, grouping.waits, grouping.order).err(),
            None => Some(grouping.cost_unknown()),
        }
    })
}
