//! From an error to what is kept of it.

use std::error::Error as StdError;

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

/// The error and its causes in one line.
pub(super) fn text_of(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let reason = error.to_string();
        // Some errors repeat their cause in their own text.
        if !text.contains(&reason) {
            text.push_str(": ");
            text.push_str(&reason);
        }
        cause = error.source();
    }
    text.truncate(text.floor_char_boundary(Failure::MAX_ERROR_LEN));
    text
}
