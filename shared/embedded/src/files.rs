//! Files that are written once. A supplier deletes what it fetched, so the outbox folder alone
//! cannot say what was put: a row says so, and names the staged file that becomes the published one
//! by a rename.

use crate::Embedded;
use crate::access::{
    FileGroup, Restricted, create_folder, create_shared, for_owner, restrict, share_file,
};
use crate::columns::limited;
use crate::database::Broken;
use async_trait::async_trait;
use domain::digest::Digest;
use ports::{Area, Files, Put, Unavailable};
use rusqlite::{OptionalExtension, params};
use std::fs::File;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::{fs, io};

/// Both on one file system, so that a rename publishes a whole file.
pub(crate) struct Folders {
    outbox: PathBuf,
    staging: PathBuf,
    /// Who else may read what is published.
    group: RwLock<Option<FileGroup>>,
}

impl Folders {
    pub(crate) fn create(outbox: &Path) -> io::Result<Self> {
        let staging = outbox.with_file_name(".staging");
        create_folder(outbox)?;
        create_folder(&staging)?;
        if let Some(parent) = outbox.parent() {
            sync(parent)?;
        }
        Ok(Self {
            outbox: outbox.to_owned(),
            staging,
            group: RwLock::default(),
        })
    }

    pub(crate) fn restrict(&self, data: &Path, group: Option<FileGroup>) -> Restricted {
        // First, so that what is published meanwhile is the new group's.
        *self.group.write().unwrap_or_else(PoisonError::into_inner) = group;
        restrict(data, &self.outbox, group)
    }

    fn group(&self) -> Option<FileGroup> {
        *self.group.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Durable under a name that no other process or thread makes.
    fn stage(&self, key: &str, bytes: &[u8]) -> io::Result<String> {
        let name = staged_name(key);
        let mut options = for_owner();
        let options = options.write(true).create_new(true);
        let mut file = options.open(self.staging.join(&name))?;
        file.write_all(bytes)?;
        file.sync_all()?;
        sync(&self.staging)?;
        Ok(name)
    }

    /// Does nothing but sync where another was first: their rename may not be durable yet.
    fn publish(&self, staged: &str, key: &str) -> io::Result<()> {
        let source = self.staging.join(staged);
        let target = self.outbox.join(key);
        if source.try_exists()? {
            self.create_folders_of(&target)?;
            // Here and not when it was staged: another group may have been named since.
            match share_file(&source, self.group()) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            match fs::rename(&source, &target) {
                Err(error) if error.kind() != ErrorKind::NotFound || source.try_exists()? => {
                    return Err(error);
                }
                _ => {}
            }
        }
        for folder in target
            .ancestors()
            .skip(1)
            .take_while(|folder| folder.starts_with(&self.outbox))
        {
            sync(folder)?;
        }
        sync(&self.staging)
    }

    /// Those below the outbox.
    fn create_folders_of(&self, target: &Path) -> io::Result<()> {
        let above = target.ancestors().skip(1);
        let mut missing: Vec<_> = above
            .take_while(|folder| folder.starts_with(&self.outbox) && !folder.is_dir())
            .collect();
        missing.reverse();
        let mut folders = missing.into_iter();
        folders.try_for_each(|folder| create_shared(folder, self.group()))
    }

    fn discard(&self, staged: &str) -> io::Result<()> {
        fs::remove_file(self.staging.join(staged))
    }

    fn is_staged(&self, staged: &str) -> io::Result<bool> {
        self.staging.join(staged).try_exists()
    }

    fn read(&self, key: &str) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.outbox.join(key)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// A folder that a supplier removed needs no sync.
pub(crate) fn sync(folder: &Path) -> io::Result<()> {
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    match File::open(folder) {
        Ok(folder) => folder.sync_all(),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// A process id alone comes back after a restart in a container; the random part does not.
fn staged_name(key: &str) -> String {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let counter = COUNTER.fetch_add(1, Ordering::Relaxed);
    let random = RandomState::new().build_hasher().finish();
    format!(
        "{}-{counter}-{random:016x}-{}",
        std::process::id(),
        Digest::of(key.as_bytes()).short()
    )
}

/// Keys come from ids that a channel or a file may have named.
fn check(key: &str) -> Result<(), Unavailable> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let segment = |text: &str| !matches!(text, "" | "." | "..") && text.bytes().all(plain);
    if key.split('/').all(segment) {
        Ok(())
    } else {
        Err(Unavailable::new(format!("{key:?} is no file key")))
    }
}

#[async_trait]
impl Files for Embedded {
    async fn put_new(&self, area: Area, key: &str, bytes: &[u8]) -> Result<Put, Unavailable> {
        check(key)?;
        match area {
            Area::Evidence => self.put_evidence(key, bytes).await,
            Area::Outbox => self.put_outbox(key, bytes).await,
        }
    }

    async fn get(&self, area: Area, key: &str) -> Result<Option<Vec<u8>>, Unavailable> {
        check(key)?;
        let key = key.to_owned();
        match area {
            Area::Evidence => Ok(self.evidence(key).await?),
            Area::Outbox => self.on_disk(move |folders| folders.read(&key)).await,
        }
    }

    async fn was_published(&self, key: &str) -> Result<bool, Unavailable> {
        check(key)?;
        match self.staged(key).await? {
            Some(staged) => Ok(!self
                .on_disk(move |folders| folders.is_staged(&staged))
                .await?),
            None => Ok(false),
        }
    }
}

impl Embedded {
    async fn put_evidence(&self, key: &str, bytes: &[u8]) -> Result<Put, Unavailable> {
        let (key, bytes) = (key.to_owned(), bytes.to_owned());
        let sql = "INSERT OR IGNORE INTO evidence (key, bytes) VALUES (?1, ?2)";
        let inserted = self
            .database
            .write_at_once(move |connection| {
                Ok::<_, Broken>(
                    connection
                        .prepare_cached(sql)?
                        .execute(params![key, bytes])?,
                )
            })
            .await?;
        Ok(if inserted == 0 {
            Put::AlreadyThere
        } else {
            Put::Created
        })
    }

    /// Keys of evidence that contain the text, in their order.
    pub async fn evidence_keys(
        &self,
        containing: &str,
        limit: usize,
    ) -> Result<Vec<String>, Unavailable> {
        let containing = containing.to_owned();
        let sql = "SELECT key FROM evidence WHERE instr(key, ?1) > 0 ORDER BY key LIMIT ?2";
        let found = self.database.read(move |connection| {
            let mut statement = connection.prepare_cached(sql)?;
            let keys = statement
                .query_map(params![containing, limited(limit)], |row| row.get(0))?
                .collect::<Result<_, _>>()?;
            Ok(keys)
        });
        Ok(found.await?)
    }

    async fn evidence(&self, key: String) -> Result<Option<Vec<u8>>, Broken> {
        let sql = "SELECT bytes FROM evidence WHERE key = ?1";
        self.database
            .read(move |connection| {
                Ok(connection
                    .prepare_cached(sql)?
                    .query_row([key], |row| row.get(0))
                    .optional()?)
            })
            .await
    }

    async fn put_outbox(&self, key: &str, bytes: &[u8]) -> Result<Put, Unavailable> {
        if let Some(earlier) = self.staged(key).await? {
            self.publish(earlier, key).await?;
            return Ok(Put::AlreadyThere);
        }
        let staged = self.stage(key, bytes).await?;
        // When this fails the row may be there all the same, so the staged file stays.
        if self.claim(key, &staged).await? {
            self.publish(staged, key).await?;
            return Ok(Put::Created);
        }
        self.on_disk(move |folders| folders.discard(&staged))
            .await?;
        if let Some(winner) = self.staged(key).await? {
            self.publish(winner, key).await?;
        }
        Ok(Put::AlreadyThere)
    }

    async fn stage(&self, key: &str, bytes: &[u8]) -> Result<String, Unavailable> {
        let (key, bytes) = (key.to_owned(), bytes.to_owned());
        self.on_disk(move |folders| folders.stage(&key, &bytes))
            .await
    }

    async fn publish(&self, staged: String, key: &str) -> Result<(), Unavailable> {
        let key = key.to_owned();
        self.on_disk(move |folders| folders.publish(&staged, &key))
            .await
    }

    /// The name staged for the key, whether or not it was published since.
    async fn staged(&self, key: &str) -> Result<Option<String>, Broken> {
        let key = key.to_owned();
        let sql = "SELECT staged FROM outbox WHERE key = ?1";
        self.database
            .read(move |connection| {
                Ok(connection
                    .prepare_cached(sql)?
                    .query_row([key], |row| row.get(0))
                    .optional()?)
            })
            .await
    }

    /// From here on the key is this file's for ever; `false` where another was first.
    async fn claim(&self, key: &str, staged: &str) -> Result<bool, Broken> {
        let (key, staged) = (key.to_owned(), staged.to_owned());
        let sql = "INSERT INTO outbox (key, staged) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
        self.database
            .write(move |connection| {
                Ok(connection.prepare_cached(sql)?.execute([key, staged])? == 1)
            })
            .await
    }

    async fn on_disk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Folders) -> io::Result<T> + Send + 'static,
    ) -> Result<T, Unavailable> {
        let folders = Arc::clone(&self.folders);
        tokio::task::spawn_blocking(move || work(&folders))
            .await
            .map_err(|error| Unavailable::because("the file work was broken off", error))?
            .map_err(|error| Unavailable::because("the data directory did not answer", error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_crash_between_row_and_rename_is_finished_by_the_next_put() {
        let dir = tempfile::tempdir().unwrap();
        let store = Embedded::open(dir.path()).unwrap();
        let staged = store.stage("acme/one.json", b"first").await.unwrap();
        assert!(store.claim("acme/one.json", &staged).await.unwrap());
        assert!(!store.was_published("acme/one.json").await.unwrap());
        assert_eq!(
            store.get(Area::Outbox, "acme/one.json").await.unwrap(),
            None
        );

        let put = store
            .put_new(Area::Outbox, "acme/one.json", b"second")
            .await
            .unwrap();
        assert_eq!(put, Put::AlreadyThere);
        assert!(store.was_published("acme/one.json").await.unwrap());
        assert_eq!(
            store
                .get(Area::Outbox, "acme/one.json")
                .await
                .unwrap()
                .unwrap(),
            b"first"
        );
    }

    #[tokio::test]
    async fn a_crash_before_the_row_leaves_the_key_free() {
        let dir = tempfile::tempdir().unwrap();
        let store = Embedded::open(dir.path()).unwrap();
        store.stage("one", b"first").await.unwrap();
        assert!(!store.was_published("one").await.unwrap());
        assert_eq!(
            store.put_new(Area::Outbox, "one", b"second").await.unwrap(),
            Put::Created
        );
        assert_eq!(
            store.get(Area::Outbox, "one").await.unwrap().unwrap(),
            b"second"
        );
    }

    #[test]
    fn keys_stay_inside_the_folder() {
        for key in [
            "",
            "/",
            "a/",
            "/etc/passwd",
            "..",
            "a/../b",
            ".",
            "a//b",
            "a b",
            "a\\b",
            "ä",
        ] {
            assert!(check(key).is_err(), "{key}");
        }
        check("mail/SH1-1001-1-X.eml").unwrap();
    }
}
