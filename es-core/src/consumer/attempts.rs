use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::commit::Commit;
use crate::stream_id::StreamId;
use crate::version::Version;

/// Counts how often the commit at the front of a stream has failed, as far as this object knows.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    /// How many there are before an error counts as permanent; `None` for no end.
    pub(super) max: Option<u32>,
    failed: Mutex<HashMap<StreamId, (Version, u32)>>,
}

impl Attempts {
    /// Counts one more attempt, and says how many there were.
    pub(super) fn count(&self, commit: &Commit) -> u32 {
        let mut failed = self.failed();
        let known = failed.entry(commit.stream().clone()).or_default();
        if known.0 != commit.first_version() {
            *known = (commit.first_version(), 0);
        }
        known.1 = known.1.saturating_add(1);
        known.1
    }

    /// Whether so many are enough.
    pub(super) fn are_over(&self, attempts: u32) -> bool {
        self.max.is_some_and(|max| attempts >= max)
    }

    /// The streams have moved on.
    pub(super) fn forget<'a>(&self, streams: impl Iterator<Item = &'a StreamId>) {
        let mut failed = self.failed();
        if failed.is_empty() {
            return;
        }
        for stream in streams {
            failed.remove(stream);
        }
    }

    fn failed(&self) -> MutexGuard<'_, HashMap<StreamId, (Version, u32)>> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
