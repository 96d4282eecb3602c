//! From an error to what is kept of it.

use crate::clock::Timestamp;
use crate::commit::Commit;
use crate::dead_letter::Failure;
use crate::error::Error;
use crate::version::Version;

/// How `commit` failed.
pub(super) fn of(commit: &Commit, error: &Error, attempts: u32, now: Timestamp) -> Failure {
    let version = version_of(error).unwrap_or_else(|| commit.first_version());
    Failure { version, error: text_of(error), attempts, last_attempt_at: now }
}

fn version_of(error: &Error) -> Option<Version> {
    match error {
        Error::Handler { version, .. } | Error::Decode { version, .. } => Some(*version),
        _ => None,
    }
}

/// The error with its causes, as far as it is kept.
pub(super) fn text_of(error: &Error) -> String {
    let mut text = error.with_causes();
    text.truncate(text.floor_char_boundary(Failure::MAX_ERROR_LEN));
    text
}
