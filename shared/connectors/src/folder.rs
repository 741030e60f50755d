//! A configuration in a folder of the merchant's, as one machine has it.

use async_trait::async_trait;
use domain::digest::Digest;
use ports::Unavailable;
use ports::configuration::{BadBundle, Bundle, Bundles};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// Its bundles hold every file, `offers.csv` included. None is kept once the files have changed.
pub struct FolderBundles {
    folder: PathBuf,
    given: Mutex<Option<Digest>>,
    /// At the last look whether the files rest.
    seen: Mutex<Option<Digest>>,
}

impl FolderBundles {
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            given: Mutex::new(None),
            seen: Mutex::new(None),
        }
    }

    /// Whether the files are as they were at the last look: whoever writes them may be half way.
    pub fn are_at_rest(&self) -> bool {
        let found = digest(&self.read());
        replaced(&self.seen, &found) == Some(found)
    }

    fn read(&self) -> Result<Bundle, BadBundle> {
        let read = configuration::read_dir(&self.folder);
        let files = read.map_err(|error| BadBundle {
            // A folder that cannot be read has a digest, too, so that its going is a change.
            digest: Digest::of(error.to_string().as_bytes()),
            why: configuration::unreadable(&self.folder, &error).to_string(),
        })?;
        let digests = configuration::digests(&files);
        Ok(Bundle { digests, files })
    }
}

fn digest(bundle: &Result<Bundle, BadBundle>) -> Digest {
    match bundle {
        Ok(bundle) => Digest::of_value(&bundle.digests),
        Err(bad) => bad.digest.clone(),
    }
}

fn replaced(last: &Mutex<Option<Digest>>, found: &Digest) -> Option<Digest> {
    let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
    last.replace(found.clone())
}

#[async_trait]
impl Bundles for FolderBundles {
    async fn newer(&self) -> Result<Option<Result<Bundle, BadBundle>>, Unavailable> {
        let bundle = self.read();
        let found = digest(&bundle);
        let is_new = replaced(&self.given, &found) != Some(found);
        Ok(is_new.then_some(bundle))
    }

    async fn former(&self) -> Result<Vec<Result<Bundle, BadBundle>>, Unavailable> {
        Ok(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn files_are_given_once_and_a_missing_folder_is_a_change() {
        let folder = tempfile::tempdir().unwrap();
        let bundles = FolderBundles::new(folder.path().join("config"));
        let gone = bundles.newer().await.unwrap().unwrap().unwrap_err();
        assert!(gone.why.contains("cannot be read"), "{gone}");
        assert_eq!(bundles.newer().await.unwrap(), None);

        std::fs::create_dir(folder.path().join("config")).unwrap();
        std::fs::write(folder.path().join("config/offers.csv"), "sku").unwrap();
        let bundle = bundles.newer().await.unwrap().unwrap().unwrap();
        assert_eq!(bundle.files["offers.csv"], b"sku");
        assert_eq!(bundles.newer().await.unwrap(), None);
    }

    #[test]
    fn files_that_change_do_not_rest() {
        let folder = tempfile::tempdir().unwrap();
        let bundles = FolderBundles::new(folder.path());
        let write = |text: &str| std::fs::write(folder.path().join("rules.toml"), text).unwrap();
        assert!(!bundles.are_at_rest());
        assert!(bundles.are_at_rest());
        write("one");
        assert!(!bundles.are_at_rest());
        write("two");
        assert!(!bundles.are_at_rest());
        assert!(bundles.are_at_rest());
    }
}
