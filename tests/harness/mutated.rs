//! Suppliers that are wrong in one way.

use crate::faults::Mutant;
use async_trait::async_trait;
use domain::order::answer::Progress;
use domain::sending::via::Via;
use jiff::Timestamp;
use ports::{
    Artifact, Attempt, Batches, Decoded, Endpoint, Handover, PrepareError, SendAnswer, SendLookup,
    SendSubject, Sender, Supplier,
};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What was rendered first for each purchase order, over all configurations.
#[derive(Clone, Default)]
pub(crate) struct FirstArtifacts(Arc<Mutex<BTreeMap<String, Artifact>>>);

/// The supplier, wrong in the way of the mutant where that concerns it.
pub(crate) fn mutated(
    supplier: Box<dyn Supplier>,
    mutant: Mutant,
    first: &FirstArtifacts,
) -> Box<dyn Supplier> {
    if !matches!(
        mutant,
        Mutant::AbsenceByAnyWay | Mutant::FirstArtifactForEver
    ) {
        return supplier;
    }
    Box::new(Wrong {
        supplier,
        mutant,
        first: first.clone(),
    })
}

struct Wrong {
    supplier: Box<dyn Supplier>,
    mutant: Mutant,
    first: FirstArtifacts,
}

impl Supplier for Wrong {
    fn orders(&self) -> &dyn Endpoint {
        self
    }

    fn cancels(&self) -> Option<&dyn Endpoint> {
        self.supplier.cancels()
    }

    fn batches(&self) -> Option<&dyn Batches> {
        self.supplier.batches()
    }
}

impl Endpoint for Wrong {
    fn prepare(&self, handover: &Handover, progress: &Progress) -> Result<Artifact, PrepareError> {
        let artifact = self.supplier.orders().prepare(handover, progress)?;
        if self.mutant != Mutant::FirstArtifactForEver {
            return Ok(artifact);
        }
        let key = format!("{} {}", handover.number, progress.steps.len());
        let mut first = self.first.0.lock().unwrap();
        Ok(first.entry(key).or_insert(artifact).clone())
    }

    fn decode(&self, artifact: &Artifact) -> Result<Decoded, PrepareError> {
        if self.mutant != Mutant::FirstArtifactForEver {
            return self.supplier.orders().decode(artifact);
        }
        // As before anybody asked whether it is faithful in another form.
        let text = String::from_utf8_lossy(&artifact.bytes).into_owned();
        Ok(Decoded::one("any", vec![vec![text]]))
    }

    fn sender(&self) -> &dyn Sender {
        self
    }
}

#[async_trait]
impl Sender for Wrong {
    fn via(&self, id: &SendSubject, steps_done: usize) -> Via {
        if self.mutant == Mutant::AbsenceByAnyWay {
            return Via::new("any", "anywhere");
        }
        self.supplier.orders().sender().via(id, steps_done)
    }

    fn timeout(&self) -> Duration {
        self.supplier.orders().sender().timeout()
    }

    async fn send(&self, artifact: &Artifact, attempt: &Attempt) -> SendAnswer {
        let sender = self.supplier.orders().sender();
        sender.send(artifact, attempt).await
    }

    fn lookup(&self) -> Option<&dyn SendLookup> {
        self.supplier.orders().sender().lookup()
    }

    fn not_before(&self, now: &ports::Moment, retried_at: Option<Timestamp>) -> Option<Timestamp> {
        let sender = self.supplier.orders().sender();
        sender.not_before(now, retried_at)
    }
}
