//! `restored`: the orders table was restored from a backup, and somebody knows.

use crate::Opened;
use async_trait::async_trait;
use aws::clock::SystemClock;
use aws::dynamodb::DynamoDb;
use domain::cases::CaseKind;
use ports::{
    Clock as _, Closing, IncidentStore as _, OrderStore as _, Provenance, StoreError, Unavailable,
};
use std::sync::Arc;
use waybill::{Exit, Health, say};

/// The incident goes last: as long as it is open, the command is to be repeated.
pub(crate) async fn take_note(opened: &Opened, who: String) -> anyhow::Result<Exit> {
    let store = opened.orders();
    let at = SystemClock.now();
    store.adopt_restored(at).await?;
    let why = "took note of the restore".to_owned();
    let closing = Closing { who, why, at };
    let kind = CaseKind::DataRestored;
    for incident in store.incidents().await? {
        if incident.kind == kind {
            store
                .close_incident(kind, &incident.cause, &closing)
                .await?;
        }
    }
    say(format_args!(
        "{} counts as restored at {at:.0}: what may have been sent before is looked up or becomes a case",
        opened.outputs.orders_table
    ));
    Ok(Exit::Done)
}

/// A table that was restored, and nobody took note of it.
pub(crate) struct OfTable(pub(crate) Arc<DynamoDb>);

#[async_trait]
impl Health for OfTable {
    async fn damage(&self) -> Result<Vec<String>, Unavailable> {
        match self.0.provenance().await {
            Ok(Provenance::Known { .. }) => Ok(Vec::new()),
            Ok(Provenance::Suspect(why)) => Ok(vec![why]),
            Err(StoreError::Unavailable(error)) => Err(error),
            Err(StoreError::Corrupt(what)) => Ok(vec![what]),
        }
    }
}
