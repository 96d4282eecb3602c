//! What is in the directory of an embedded system's data.

use std::path::Path;

/// Whether there is a database in `file`. An empty one was never written.
pub fn has_database(file: &Path) -> bool {
    std::fs::metadata(file).is_ok_and(|file| file.is_file() && file.len() > 0)
}
