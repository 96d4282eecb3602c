//! What is in the directory of an embedded system's data.

use std::io;
use std::path::{Path, PathBuf};

/// Whether there is a database in `file`. An empty one was never written.
pub fn has_database(file: &Path) -> bool {
    std::fs::metadata(file).is_ok_and(|file| file.is_file() && file.len() > 0)
}

/// A file or a directory cannot be removed.
#[derive(Debug, thiserror::Error)]
#[error("{} cannot be removed", .path.display())]
pub struct CannotRemove {
    /// Which one.
    pub path: PathBuf,
    /// The reason.
    pub source: io::Error,
}

/// Removes the database of this name from `directory`, and the directory itself if nothing else is in it. No
/// program may have it open.
///
/// # Errors
///
/// The first thing that cannot be removed.
pub fn remove_database(directory: &Path, name: &str) -> Result<(), CannotRemove> {
    // The database last: as long as it is there, this can be repeated.
    for end in ["-wal", "-shm", ""] {
        let path = directory.join(format!("{name}{end}"));
        match std::fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(CannotRemove { path, source });
            }
            _ => {}
        }
    }
    // What somebody else has put there stays.
    match std::fs::remove_dir(directory) {
        Err(source) if source.kind() != io::ErrorKind::DirectoryNotEmpty => {
            Err(CannotRemove { path: directory.to_owned(), source })
        }
        _ => Ok(()),
    }
}
