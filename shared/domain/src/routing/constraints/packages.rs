//! Not more purchase orders than the merchant allows one order, those on their way included.

use super::Grouping;
use crate::cases::CaseKind;
use crate::routing::violation::Violation;

pub(in crate::routing) fn check(grouping: &Grouping) -> Option<Violation> {
    let most = usize::try_from(grouping.rules.max_packages?).unwrap_or(usize::MAX);
    let packages = grouping.packages.len() + grouping.order.live().count();
    (packages > most).then(|| Violation {
        kind: CaseKind::TooManyPackages,
        cause: grouping.cause(&packages.to_string()),
        reason: format!("{packages} packages, and max_packages is {most}"),
        again: false,
    })
}
