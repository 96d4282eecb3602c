use std::collections::HashMap;
use std::time::Duration;

use crate::feed::PartitionId;

use super::step::Step;

/// How far a consumer has come in catching up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CatchUp {
    /// The commits that had their effect.
    pub applied: u64,
    /// The commits that were parked as dead letters.
    pub parked: u64,
    /// The commits of the feed that were passed, of all categories, handled or not.
    pub passed: u64,
    /// The commits of the feed that are left, of all categories, where the feed can tell.
    pub remaining: Option<u64>,
    /// How long it has taken so far.
    pub elapsed: Duration,
}

impl CatchUp {
    /// Commits of the feed per second so far, of all categories; `None` before any time has passed.
    pub fn rate(&self) -> Option<f64> {
        let seconds = self.elapsed.as_secs_f64();
        (seconds > 0.0).then(|| self.passed as f64 / seconds)
    }

    /// How long what is left will take at the rate so far, where the feed can tell.
    pub fn time_left(&self) -> Option<Duration> {
        let rate = self.rate().filter(|rate| *rate > 0.0)?;
        Duration::try_from_secs_f64(self.remaining? as f64 / rate).ok()
    }
}

/// Adds up steps.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    total: CatchUp,
    remaining: HashMap<PartitionId, Option<u64>>,
}

impl Tally {
    pub(super) fn add(&mut self, partition: &PartitionId, step: &Step, elapsed: Duration) {
        self.remaining.insert(partition.clone(), step.remaining);
        self.total.applied += step.applied;
        self.total.parked += step.parked;
        self.total.passed += step.passed;
        self.total.remaining = self.remaining.values().copied().sum();
        self.total.elapsed = elapsed;
    }

    pub(super) fn total(&self) -> CatchUp {
        self.total
    }
}
