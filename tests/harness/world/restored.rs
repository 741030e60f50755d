//! Data on disk that is copied while time goes on, and put back.

use super::{Outside, Setup, World};
use crate::faults::Faults;
use domain::ids::SupplierId;
use domain::order::Order;
use domain::order::decide::{Command, Verdict};
use embedded::{Embedded, OpenError, Restored};
use ports::Clock as _;
use std::path::PathBuf;

impl World {
    /// With its database on disk, of which copies can be made.
    pub async fn on_disk(faults: Faults) -> Self {
        let outside = Outside::default();
        let store = Embedded::open(outside.folder.path()).unwrap();
        Self::over(store, outside, Setup::default(), faults).await
    }

    /// Handles messages until none is visible, or the process dies.
    pub async fn pump_until_death(&mut self) {
        while self.pump_one().await == Some(true) {}
    }

    pub async fn back_up(&self) -> PathBuf {
        let file = self.folder.path().join("copy.db");
        self.store.back_up(&file).await.unwrap();
        file
    }

    /// The copy takes the place of the data, and a process begins on it that knows of the restore;
    /// whoever would begin without knowing is refused.
    pub async fn restore(&mut self, copy: PathBuf) {
        let data = self.folder.path();
        std::fs::rename(copy, data.join("waybill.db")).unwrap();
        for left in ["waybill.db-wal", "waybill.db-shm"] {
            std::fs::remove_file(data.join(left)).unwrap();
        }
        let refused = Embedded::open(data).err();
        assert!(
            matches!(refused, Some(OpenError::Restored(Restored::Copy))),
            "{refused:?}"
        );
        let store = Embedded::open_restored(data, self.clock.now()).unwrap();
        store.release_leases().await.unwrap();
        let outside = Outside {
            folder: self.folder.clone(),
            clock: self.clock.clone(),
            supplier: self.supplier.clone(),
            elsewhere: self.elsewhere.clone(),
            printful: self.printful.clone(),
            mail: self.mail.clone(),
        };
        let unanswered = std::mem::take(&mut self.unanswered);
        let setup = Setup {
            registry: self.registry,
            ..Setup::default()
        };
        *self = Self::over(store, outside, setup, self.faults.clone()).await;
        self.unanswered = unanswered;
    }

    /// Suppliers fetch, and delete, every file that is there for them.
    pub fn take_files_away(&self) {
        let mut folders = vec![self.folder.path().join("outbox")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else if !entry.file_name().to_string_lossy().starts_with('.') {
                    std::fs::remove_file(path).unwrap();
                }
            }
        }
    }

    /// A person says what became of everything at that supplier that is in doubt since the restore.
    pub async fn resolve_suspected(&mut self, supplier: &str, verdict: Verdict) {
        let supplier = SupplierId::parse(supplier).unwrap();
        let resolve = |_: &Order| {
            Some(Command::ResolveSuspected {
                supplier: supplier.clone(),
                verdict: verdict.clone(),
                who: "Ada".to_owned(),
                why: "their list of today".to_owned(),
            })
        };
        self.decides(resolve).await;
        self.pump().await;
    }
}
