//! Who may read what lies in the data folder: its owner alone. Where the merchant names a group, that
//! group may also fetch what lies in the outbox, and put files beside it.

use nix::unistd::{Gid, Group, getegid, geteuid, getgroups};
use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, chown,
};
use std::path::{Path, PathBuf};

const OWNER_FILE: u32 = 0o600;
const OWNER_FOLDER: u32 = 0o700;
/// Through the data folder to the outbox, and nothing else of it.
const PASSAGE: u32 = 0o710;
const GROUP_FILE: u32 = 0o640;
/// What is made inside belongs to the group, too.
const GROUP_FOLDER: u32 = 0o2770;
/// Of a mode: permissions, and who a program runs as.
const MODE: u32 = 0o7777;

/// A group of this machine that the process may give files to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileGroup(Gid);

#[derive(Debug, thiserror::Error)]
pub enum GroupError {
    #[error("this machine has no group {0:?}")]
    Unknown(String),
    #[error("the user that runs Waybill is no member of the group {0:?}")]
    NoMember(String),
    #[error("the groups of this machine cannot be read")]
    Unreadable(#[source] nix::Error),
}

impl FileGroup {
    pub fn named(name: &str) -> Result<Self, GroupError> {
        let found = Group::from_name(name).map_err(GroupError::Unreadable)?;
        let group = found.ok_or_else(|| GroupError::Unknown(name.to_owned()))?;
        let own = getgroups().map_err(GroupError::Unreadable)?;
        let is_member = own.contains(&group.gid) || getegid() == group.gid;
        if is_member || geteuid().is_root() {
            Ok(Self(group.gid))
        } else {
            Err(GroupError::NoMember(name.to_owned()))
        }
    }
}

/// What was open to others and is not any more, or still is.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Restricted {
    pub changed: usize,
    /// One of them, for the log.
    pub example: Option<PathBuf>,
    /// What belongs to somebody else and stays as it was.
    pub failed: Vec<PathBuf>,
}

/// Creates the folder, and those above it, where it is missing.
pub(crate) fn create_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(OWNER_FOLDER)
        .create(path)
}

/// To create files with, which are the owner's whatever the umask is.
pub(crate) fn for_owner() -> OpenOptions {
    let mut options = File::options();
    options.mode(OWNER_FILE);
    options
}

/// Makes a file the owner's that may be there already; nothing where it is missing.
pub(crate) fn narrow_file(path: &Path) -> io::Result<()> {
    match path.symlink_metadata() {
        Ok(metadata) if metadata.is_file() => set_mode(path, metadata.mode(), OWNER_FILE).map(drop),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Creates a folder of the outbox where it is missing, for the group where there is one.
pub(crate) fn create_shared(path: &Path, group: Option<FileGroup>) -> io::Result<()> {
    match DirBuilder::new().mode(OWNER_FOLDER).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        // As whoever made it left it.
        Err(_) => Ok(()),
        Ok(()) => set(path, GROUP_FOLDER, group),
    }
}

/// Lets the group read a file that is about to be published.
pub(crate) fn share_file(path: &Path, group: Option<FileGroup>) -> io::Result<()> {
    set(path, GROUP_FILE, group)
}

fn set(path: &Path, mode: u32, group: Option<FileGroup>) -> io::Result<()> {
    let Some(FileGroup(group)) = group else {
        return Ok(());
    };
    // First, for a change of the owner takes marks off the mode.
    chown(path, None, Some(group.as_raw()))?;
    std::fs::set_permissions(path, Permissions::from_mode(mode))
}

/// Sets the modes of everything below `data`, the folder itself last: what is cut off is begun again.
pub(crate) fn restrict(data: &Path, outbox: &Path, group: Option<FileGroup>) -> Restricted {
    let mut restricted = Restricted::default();
    for part in parts(data, &mut restricted) {
        let shared = group.filter(|_| part.path.starts_with(outbox));
        let mode = match (shared, part.is_folder) {
            (Some(_), true) => GROUP_FOLDER,
            (Some(_), false) => GROUP_FILE,
            (None, true) if part.path == data && group.is_some() => PASSAGE,
            (None, true) => OWNER_FOLDER,
            (None, false) => OWNER_FILE,
        };
        let owned = group.filter(|_| shared.is_some() || part.path == data);
        let set = give(&part, owned).and_then(|()| set_mode(&part.path, part.mode, mode));
        match set {
            Ok(was_open) if was_open => {
                restricted.changed += 1;
                restricted.example.get_or_insert(part.path);
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(_) => restricted.failed.push(part.path),
        }
    }
    restricted
}

struct Part {
    path: PathBuf,
    is_folder: bool,
    mode: u32,
    group: u32,
}

/// Files and folders, what is in a folder before the folder. What a link leads to is not ours.
fn parts(folder: &Path, restricted: &mut Restricted) -> Vec<Part> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(path) = open.pop() {
        let Ok(metadata) = path.symlink_metadata() else {
            continue;
        };
        if metadata.is_dir() {
            match std::fs::read_dir(&path) {
                Ok(entries) => open.extend(entries.flatten().map(|entry| entry.path())),
                Err(_) => restricted.failed.push(path.clone()),
            }
        }
        if metadata.is_dir() || metadata.is_file() {
            found.push(Part {
                is_folder: metadata.is_dir(),
                mode: metadata.mode() & MODE,
                group: metadata.gid(),
                path,
            });
        }
    }
    found.reverse();
    found
}

fn give(part: &Part, group: Option<FileGroup>) -> io::Result<()> {
    match group {
        Some(FileGroup(group)) if part.group != group.as_raw() => {
            chown(&part.path, None, Some(group.as_raw()))
        }
        _ => Ok(()),
    }
}

/// Whether it was open to somebody to whom it is not any more.
fn set_mode(path: &Path, found: u32, wanted: u32) -> io::Result<bool> {
    if found & MODE == wanted {
        return Ok(false);
    }
    std::fs::set_permissions(path, Permissions::from_mode(wanted))?;
    Ok(found & 0o077 & !wanted != 0)
}
