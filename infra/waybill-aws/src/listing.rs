//! Which files lie in the two buckets.
//!
//! S3 lists keys by how they begin, so that a text is looked for at the beginning: of keys, and of
//! what follows the folder of each kind of evidence, which are purchase order numbers, batches and
//! channels. Only where nothing begins so every key is read.

use async_trait::async_trait;
use aws_sdk_s3::Client;
use ports::Unavailable;
use std::collections::BTreeSet;
use waybill::FileListing;

/// Where the functions put evidence.
const FOLDERS: [&str; 4] = ["answer/", "artifact/", "batch/", "quarantine/"];
/// What suppliers fetch.
const OUTBOX: &str = "out/";

pub(crate) struct Buckets {
    pub(crate) s3: Client,
    pub(crate) artifacts: String,
    pub(crate) drops: String,
}

#[async_trait]
impl FileListing for Buckets {
    async fn evidence(&self, text: &str, limit: usize) -> Result<Vec<String>, Unavailable> {
        let mut found = BTreeSet::new();
        for prefix in prefixes(text) {
            found.extend(self.list(&self.artifacts, &prefix, limit, |_| true).await?);
        }
        if found.is_empty() {
            for folder in FOLDERS {
                let contains = |key: &str| key.contains(text);
                found.extend(self.list(&self.artifacts, folder, limit, contains).await?);
            }
        }
        Ok(found.into_iter().take(limit).collect())
    }

    async fn published(&self, name: &str) -> Result<Option<String>, Unavailable> {
        let is_named = |key: &str| stem(key) == name;
        let named = self.list(&self.drops, OUTBOX, 1, is_named).await?.pop();
        Ok(named.map(|key| format!("s3://{}/{key}", self.drops)))
    }
}

impl Buckets {
    async fn list(
        &self,
        bucket: &str,
        prefix: &str,
        limit: usize,
        is_meant: impl Fn(&str) -> bool,
    ) -> Result<Vec<String>, Unavailable> {
        let mut keys = Vec::new();
        let mut pages = self
            .s3
            .list_objects_v2()
            .bucket(bucket)
            .prefix(prefix)
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| {
                Unavailable::because(format!("{bucket} cannot be listed"), error)
            })?;
            let found = page.contents().iter().filter_map(|object| object.key());
            keys.extend(found.filter(|key| is_meant(key)).map(str::to_owned));
            if keys.len() >= limit {
                break;
            }
        }
        keys.truncate(limit);
        Ok(keys)
    }
}

/// Under which the keys that the text means begin.
fn prefixes(text: &str) -> Vec<String> {
    let own = FOLDERS.iter().any(|folder| text.starts_with(folder));
    if own {
        return vec![text.to_owned()];
    }
    let of_folders = FOLDERS.map(|folder| format!("{folder}{text}"));
    let begun = FOLDERS.iter().filter(|folder| folder.starts_with(text));
    of_folders
        .into_iter()
        .chain(begun.map(|folder| (*folder).to_owned()))
        .collect()
}

/// The file's name without its ending.
fn stem(key: &str) -> &str {
    let name = key.rsplit('/').next().unwrap_or(key);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_looked_for_in_every_folder() {
        assert_eq!(
            prefixes("SH-1001-1-X"),
            [
                "answer/SH-1001-1-X",
                "artifact/SH-1001-1-X",
                "batch/SH-1001-1-X",
                "quarantine/SH-1001-1-X"
            ]
        );
        assert_eq!(
            prefixes("artifact/SH-1001-1-X/step-2"),
            ["artifact/SH-1001-1-X/step-2"]
        );
        assert!(prefixes("batch").contains(&"batch/".to_owned()));
        assert!(prefixes("batch").contains(&"artifact/batch".to_owned()));
    }

    #[test]
    fn a_file_is_known_by_its_name_without_the_ending() {
        assert_eq!(
            stem("out/lakeside/lakeside-20261101.csv"),
            "lakeside-20261101"
        );
        assert_eq!(stem("out/name"), "name");
    }
}
