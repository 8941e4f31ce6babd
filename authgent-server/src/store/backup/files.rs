//! Names and places of files: what a backup may be written to and read from.

use super::{BackupError, StoreError, wrong};
use std::fs::File;
use std::path::{Path, PathBuf};

/// What SQLite keeps beside a database file while it is open, or after a crash.
pub(super) const COMPANIONS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// That `file` may be written, and is nothing of the database itself.
pub(super) fn check_target(database: &Path, file: &Path, overwrite: bool) -> Result<(), BackupError> {
    if !directory_of(file).is_dir() {
        return Err(wrong(file, "cannot be made because its directory does not exist: create it"));
    }
    if file.is_dir() {
        return Err(wrong(file, "is a directory: name a file in it"));
    }
    if file.exists() && !file.is_file() {
        return Err(wrong(file, "is no regular file: choose another name"));
    }
    if belongs_to(database, file) {
        return Err(wrong(file, "is the database itself: choose another name"));
    }
    if !overwrite && file.symlink_metadata().is_ok() {
        return Err(wrong(file, "exists already and is not overwritten: choose another name, or repeat with --force"));
    }
    if !overwrite
        && let Some(left) = COMPANIONS.map(|suffix| with_suffix(file, suffix)).into_iter().find(|left| left.exists())
    {
        // SQLite would apply it to the backup.
        return Err(wrong(&left, "was left by a database that is gone: remove it, or choose another name"));
    }
    Ok(())
}

/// That `file` can be a backup, as far as its name and what lies beside it tell.
pub(super) fn check_source(database: &Path, file: &Path) -> Result<(), BackupError> {
    if !directory_of(database).is_dir() {
        return Err(StoreError::MissingDirectory { path: directory_of(database).to_owned() }.into());
    }
    if database.is_dir() {
        return Err(wrong(database, "is a directory"));
    }
    if !file.is_file() {
        return Err(wrong(file, "is not there, or is no file"));
    }
    if belongs_to(database, file) {
        return Err(wrong(file, "is the database itself: name a backup"));
    }
    if std::fs::metadata(with_suffix(file, "-wal")).is_ok_and(|metadata| metadata.len() > 0) {
        let problem = "is a database that was not closed, part of which is in the file that ends in -wal: make a backup of it with `authgent backup`";
        return Err(wrong(file, problem));
    }
    // An empty file is a sound database to SQLite.
    if std::fs::metadata(file).is_ok_and(|metadata| metadata.len() == 0) {
        return Err(wrong(file, "is empty"));
    }
    Ok(())
}

/// Whether `file` is the database or what lies beside it, under whatever name.
fn belongs_to(database: &Path, file: &Path) -> bool {
    let resolved = |path: &Path| {
        // What does not exist yet is told by its directory.
        std::fs::canonicalize(path).ok().or_else(|| {
            let directory = std::fs::canonicalize(directory_of(path)).ok()?;
            Some(directory.join(path.file_name()?))
        })
    };
    let (Some(database), Some(file)) = (resolved(database), resolved(file)) else { return false };
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let identity = |path: &Path| std::fs::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()));
        if identity(&file).is_some_and(|file| identity(&database) == Some(file)) {
            return true;
        }
    }
    file == database || COMPANIONS.iter().any(|suffix| file == with_suffix(&database, suffix))
}

pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

pub(super) fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A name is on the disk when its directory is.
pub(super) fn sync_directory(path: &Path) -> Result<(), BackupError> {
    let synced = File::open(directory_of(path)).and_then(|directory| directory.sync_all());
    synced.map_err(|error| wrong(directory_of(path), format!("cannot be brought to the disk: {error}")))
}
