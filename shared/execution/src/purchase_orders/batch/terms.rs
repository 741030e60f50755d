//! What a batch is finished by, whatever the settings say by then.

use super::file::key;
use domain::batch::BatchName;
use ports::{Area, Batches, Files, Put, StepError, Supplier};

/// The supplier as a batch has it: by the settings in force until its first claim, then by the terms
/// that were stored before that claim.
pub(super) struct Terms<'a> {
    files: &'a dyn Files,
    name: &'a BatchName,
    pub(super) in_force: &'a dyn Supplier,
    begun: Option<Box<dyn Supplier>>,
}

impl<'a> Terms<'a> {
    /// By the terms that are stored where the batch is begun.
    pub(super) async fn of(
        files: &'a dyn Files,
        name: &'a BatchName,
        in_force: &'a dyn Supplier,
    ) -> Result<Self, StepError> {
        let mut terms = Self {
            files,
            name,
            in_force,
            begun: None,
        };
        if let Some(stored) = files.get(Area::Evidence, &terms.key()).await? {
            terms.apply(&stored)?;
        }
        Ok(terms)
    }

    pub(super) fn supplier(&self) -> &dyn Supplier {
        self.begun.as_deref().unwrap_or(self.in_force)
    }

    pub(super) fn batches(&self) -> Result<&dyn Batches, StepError> {
        let batches = self.supplier().batches();
        batches.ok_or_else(|| StepError::Permanent(format!("batch {}: no batches", self.name)))
    }

    pub(super) fn is_begun(&self) -> bool {
        self.begun.is_some()
    }

    /// Begins the batch; `false` where somebody did so by other settings.
    pub(super) async fn begin(&mut self) -> Result<bool, StepError> {
        if self.is_begun() {
            return Ok(true);
        }
        let ours = self.batches()?.terms();
        let (area, key) = (Area::Evidence, self.key());
        let stored = match self.files.put_new(area, &key, &ours).await? {
            Put::Created => None,
            Put::AlreadyThere => self.files.get(area, &key).await?,
        };
        let stored = stored.as_ref().unwrap_or(&ours);
        self.apply(stored)?;
        Ok(*stored == ours)
    }

    fn apply(&mut self, stored: &[u8]) -> Result<(), StepError> {
        let begun = self.batches()?.under(stored);
        let begun =
            begun.map_err(|error| StepError::Permanent(format!("batch {}: {error}", self.name)))?;
        self.begun = Some(begun);
        Ok(())
    }

    fn key(&self) -> String {
        format!("{}/terms", key(self.name))
    }
}
