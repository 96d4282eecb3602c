//! What a sweeper remembers between requests.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::clock::Timestamp;
use crate::consumer::{ConsumerState, LastError};
use crate::deadline_store::Deadline;

use super::sweep::Swept;

/// All of it may be lost: then deadlines fire again, and at once.
#[derive(Debug, Default)]
pub(super) struct Book {
    pub(super) state: ConsumerState,
    pub(super) last_error: Option<LastError>,
    /// What the last sweep came to, and when it began.
    pub(super) last_sweep: Option<(Timestamp, Swept)>,
    /// Those that have fired and may still be in the store.
    fired: BTreeSet<Deadline>,
    /// Those that failed.
    failing: BTreeMap<Deadline, Failing>,
}

#[derive(Debug, Default)]
struct Failing {
    attempts: u32,
    /// When it is tried again, on the monotonic clock.
    again_at: Duration,
    seen: bool,
}

/// What is to be done with a deadline that is due.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Fire,
    /// It failed, and waits to be tried again.
    Wait,
    /// It has fired, and was not removed.
    Remove,
}

impl Book {
    /// A sweep begins: what it does not see of the failing ones was cancelled.
    pub(super) fn begin_sweep(&mut self) {
        self.failing.values_mut().for_each(|failing| failing.seen = false);
    }

    pub(super) fn turn_of(&mut self, deadline: &Deadline, now: Duration) -> Turn {
        if self.fired.contains(deadline) {
            return Turn::Remove;
        }
        match self.failing.get_mut(deadline) {
            Some(failing) => {
                failing.seen = true;
                if failing.again_at > now { Turn::Wait } else { Turn::Fire }
            }
            None => Turn::Fire,
        }
    }

    pub(super) fn has_fired(&mut self, deadline: &Deadline) {
        self.failing.remove(deadline);
        self.fired.insert(deadline.clone());
    }

    /// Says how often it has failed.
    pub(super) fn has_failed(&mut self, deadline: &Deadline) -> u32 {
        let failing = self.failing.entry(deadline.clone()).or_default();
        failing.seen = true;
        failing.attempts = failing.attempts.saturating_add(1);
        failing.attempts
    }

    pub(super) fn try_again_at(&mut self, deadline: &Deadline, again_at: Duration) {
        if let Some(failing) = self.failing.get_mut(deadline) {
            failing.again_at = again_at;
        }
    }

    /// A sweep has seen all that is due.
    pub(super) fn end_sweep(&mut self) {
        self.failing.retain(|_, failing| failing.seen);
    }

    pub(super) fn to_be_removed(&self) -> Vec<Deadline> {
        self.fired.iter().cloned().collect()
    }

    pub(super) fn were_removed(&mut self, deadlines: &[Deadline]) {
        for deadline in deadlines {
            self.fired.remove(deadline);
        }
    }

    /// When the next of those that failed is tried again, on the monotonic clock.
    pub(super) fn next_try(&self) -> Option<Duration> {
        self.failing.values().map(|failing| failing.again_at).min()
    }

    /// The first of those that failed.
    pub(super) fn longest_overdue(&self) -> Option<&Deadline> {
        self.failing.keys().next()
    }

    pub(super) fn count_overdue(&self) -> u64 {
        self.failing.len() as u64
    }
}
