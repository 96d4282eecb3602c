//! Taking over what is new into files that are checked in.

use std::fs;
use std::path::Path;

/// The environment variable that lets tests write.
pub(super) const VARIABLE: &str = "ES_ACCEPT_SCHEMA";

/// Whether whoever runs the tests wants what is new to be written.
pub(super) fn accepting() -> bool {
    std::env::var_os(VARIABLE).is_some_and(|value| value == "1")
}

/// Writes a file that is checked in, and the directories that it is in.
///
/// # Panics
///
/// When it cannot be written.
#[track_caller]
pub(super) fn write(path: &Path, content: &str) {
    let directory = path.parent().map_or(Ok(()), fs::create_dir_all);
    if let Err(error) = directory.and_then(|()| fs::write(path, content)) {
        panic!("{} cannot be written: {error}", path.display());
    }
}

/// Reads a file that is checked in; `None` when there is none.
///
/// # Panics
///
/// When it cannot be read.
#[track_caller]
pub(super) fn read(path: &Path) -> Option<String> {
    match fs::read_to_string(path) {
        // A checkout may have other line ends.
        Ok(text) => Some(text.replace("\r\n", "\n")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => panic!("{} cannot be read: {error}", path.display()),
    }
}
