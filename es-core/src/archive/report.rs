use std::time::Duration;

use super::digest::LogDigest;
use crate::commit::Commit;

/// How far an export, an import or a verification has come, and at the end what it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Report {
    /// The commits of the archive that were written, imported or checked.
    pub commits: u64,
    /// Their events.
    pub events: u64,
    /// Of an import: those of the commits that were in the store already. Of an export: the commits
    /// that the feed delivered again, and that are in the archive once.
    pub skipped: u64,
    /// The bytes of the archive that were written or read.
    pub bytes: u64,
    /// Of an export: the commits that are left in the feed, where it can tell.
    pub remaining: Option<u64>,
    /// How long it has taken so far.
    pub elapsed: Duration,
    /// The digest of the commits.
    pub digest: LogDigest,
}

impl Report {
    /// Commits per second so far; `None` before any time has passed.
    pub fn rate(&self) -> Option<f64> {
        let seconds = self.elapsed.as_secs_f64();
        (seconds > 0.0).then(|| self.commits as f64 / seconds)
    }

    /// How long what is left of an export will take at the rate so far, where the feed can tell.
    pub fn time_left(&self) -> Option<Duration> {
        let rate = self.rate().filter(|rate| *rate > 0.0)?;
        Duration::try_from_secs_f64(self.remaining? as f64 / rate).ok()
    }

    /// Counts one more commit of the archive.
    pub(super) fn add(&mut self, commit: &Commit) {
        self.commits += 1;
        self.events += commit.events().len() as u64;
        self.digest.add(commit);
    }
}
