//! Cases without an order.

use domain::cases::CaseKind;
use ports::{Clock, Incident, IncidentStore, StoreError};

/// Opens the incident, unless one of that kind and cause is open; whether it did.
pub async fn open_incident(
    incidents: &dyn IncidentStore,
    clock: &dyn Clock,
    kind: CaseKind,
    cause: impl Into<String>,
    detail: String,
) -> Result<bool, StoreError> {
    let incident = Incident {
        kind,
        cause: cause.into(),
        detail,
        opened_at: clock.now(),
    };
    let is_new = incidents.open_incident(&incident).await?;
    if is_new {
        tracing::error!(kind = %incident.kind, detail = %incident.detail, "incident opened");
    }
    Ok(is_new)
}
