//! Marks beside the database and in the outbox: which installation they belong to, and how many groups
//! of writes it had committed. They are written after each group and never synced, so that they lag
//! behind the database and never lead; one that leads shows that the database is older than what was
//! done with it.

use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::{fs, io};

/// Which database, and how far it went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) installation: String,
    pub(crate) commits: u64,
}

impl Mark {
    /// Always of the same length, so that one write replaces the whole of it.
    fn line(&self) -> String {
        format!("{} {:020}\n", self.installation, self.commits)
    }

    /// `None` where nobody wrote one to its end: it says nothing.
    fn parse(text: &str) -> Option<Self> {
        let (installation, commits) = text.strip_suffix('\n')?.split_once(' ')?;
        Some(Self {
            installation: installation.to_owned(),
            commits: commits.parse().ok()?,
        })
    }
}

/// In the data folder, and in the outbox that lies in it.
fn places(data: &Path) -> [PathBuf; 2] {
    [data.join("mark"), data.join("outbox").join(".mark")]
}

/// Those that can be read.
pub(crate) fn read(data: &Path) -> io::Result<Vec<Mark>> {
    let mut marks = Vec::new();
    let [own, shared] = places(data);
    marks.extend(read_one(&own)?);
    // Whoever shares the outbox may have made one that nobody else can read.
    marks.extend(read_one(&shared).unwrap_or_default());
    Ok(marks)
}

/// A link is no mark: others may write into the outbox, and must not decide what is read or written.
fn is_link(place: &Path) -> bool {
    fs::symlink_metadata(place).is_ok_and(|found| found.is_symlink())
}

fn read_one(place: &Path) -> io::Result<Option<Mark>> {
    if is_link(place) {
        return Ok(None);
    }
    match fs::read_to_string(place) {
        Ok(text) => Ok(Mark::parse(&text)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::InvalidData) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Both, open for as long as somebody writes.
#[derive(Debug)]
pub(crate) struct Marks {
    files: Vec<File>,
    failed: AtomicBool,
}

impl Marks {
    /// With this content, unless they have newer of the same installation. Durable, so that a mark that
    /// was made once is there after a loss of power.
    pub(crate) fn create(data: &Path, mark: &Mark) -> io::Result<Self> {
        let [own, shared] = places(data);
        let mut files = vec![create_one(&own, mark)?];
        match create_one(&shared, mark) {
            Ok(file) => files.push(file),
            Err(error) => {
                tracing::warn!(%error, place = %shared.display(), "the mark in the outbox cannot be written");
            }
        }
        Ok(Self {
            files,
            failed: AtomicBool::new(false),
        })
    }

    /// One that cannot be written lags further behind, which the log says once.
    pub(crate) fn write(&self, mark: &Mark) {
        let line = mark.line();
        for file in &self.files {
            if let Err(error) = file.write_all_at(line.as_bytes(), 0)
                && !self.failed.swap(true, Ordering::Relaxed)
            {
                tracing::error!(%error, "a mark of the database cannot be written");
            }
        }
    }
}

fn create_one(place: &Path, mark: &Mark) -> io::Result<File> {
    if is_link(place) {
        fs::remove_file(place)?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    let file = options.custom_flags(nix::libc::O_NOFOLLOW).open(place)?;
    if read_one(place)?.is_none_or(|known| known.installation != mark.installation) {
        file.write_all_at(mark.line().as_bytes(), 0)?;
        file.sync_all()?;
        if let Some(folder) = place.parent() {
            crate::files::sync(folder)?;
        }
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_as_it_was_written_and_half_of_one_says_nothing() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("outbox")).unwrap();
        let mut mark = Mark {
            installation: "0123456789abcdef0123456789abcdef".to_owned(),
            commits: 99,
        };
        let marks = Marks::create(folder.path(), &mark).unwrap();
        mark.commits = 100;
        marks.write(&mark);
        assert_eq!(read(folder.path()).unwrap(), [mark.clone(), mark.clone()]);
        let line = mark.line();
        for end in 0..line.len() {
            assert_eq!(Mark::parse(&line[..end]), None, "{end}");
        }
    }
}
