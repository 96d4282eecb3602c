//! What a sweeper remembers between requests.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::clock::Timestamp;
use crate::consumer::{ConsumerState, LastError};
use crate::deadline_store::Deadline;

/// All of it may be lost: then deadlines fire again, and at once.
#[derive(Debug, Default)]
pub(super) struct Book {
    pub(super) state: ConsumerState,
    pub(super) last_error: Option<LastError>,
    /// When the last sweep that has seen all began, and how many deadlines were due.
    pub(super) last_sweep: Option<(Timestamp, u64)>,
    /// Those that have fired and may still be in the store.
    fired: BTreeSet<Deadline>,
    /// Those that failed.
    failing: BTreeMap<Deadline, Failing>,
    /// When those of them that are in nobody's hands are tried again, on the monotonic clock.
    retries: BTreeSet<(Duration, Deadline)>,
    /// What is under way for each instance.
    under_way: BTreeMap<String, UnderWay>,
    /// How many of those failed before.
    retrying: usize,
}

/// What is known of a deadline that failed.
#[derive(Debug)]
pub(super) struct Failing {
    pub(super) attempts: u32,
    /// When it failed for the first time.
    pub(super) since: Timestamp,
    pub(super) last_error: LastError,
    /// When it is tried again, on the monotonic clock; `None` while it is in somebody's hands.
    again_at: Option<Duration>,
    seen: bool,
}

/// A deadline that is firing.
#[derive(Debug)]
pub(super) struct UnderWay {
    pub(super) deadline: Deadline,
    /// Since when, on the monotonic clock.
    pub(super) since: Duration,
    /// Whether it failed before.
    is_retry: bool,
}

/// What is to be done with a deadline that is due.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// It has not been tried yet.
    First,
    /// It failed, and its time has come again.
    Again,
    /// It failed, and waits to be tried again.
    Wait,
    /// It is in somebody's hands.
    InHand,
    /// It has fired, and was not removed.
    Remove,
}

impl Book {
    /// A walk through what is due begins: what it does not see of the failing ones was cancelled.
    pub(super) fn begin_walk(&mut self) {
        self.failing.values_mut().for_each(|failing| failing.seen = false);
    }

    /// What is to be done with a deadline that is there. One that is to be tried again is the caller's from then on.
    pub(super) fn turn_of(&mut self, deadline: &Deadline, now: Duration) -> Turn {
        if self.fired.contains(deadline) {
            return Turn::Remove;
        }
        if let Some(failing) = self.failing.get_mut(deadline) {
            failing.seen = true;
            return match failing.again_at {
                None => Turn::InHand,
                Some(again_at) if again_at > now => Turn::Wait,
                Some(again_at) => {
                    failing.again_at = None;
                    self.retries.remove(&(again_at, deadline.clone()));
                    Turn::Again
                }
            };
        }
        match self.under_way.get(deadline.instance()) {
            Some(under_way) if under_way.deadline == *deadline => Turn::InHand,
            _ => Turn::First,
        }
    }

    /// Those whose time has come again. They are the caller's from then on.
    pub(super) fn take_retries(&mut self, now: Duration) -> Vec<(Duration, Deadline)> {
        let mut taken = Vec::new();
        while self.retries.first().is_some_and(|(again_at, _)| *again_at <= now)
            && let Some(retry) = self.retries.pop_first()
        {
            if let Some(failing) = self.failing.get_mut(&retry.1) {
                failing.again_at = None;
                taken.push(retry);
            }
        }
        taken
    }

    /// Nobody has that one in hand any more: it is tried again then, if it failed before.
    pub(super) fn give_back(&mut self, deadline: &Deadline, again_at: Duration) {
        if let Some(failing) = self.failing.get_mut(deadline)
            && failing.again_at.is_none()
        {
            failing.again_at = Some(again_at);
            self.retries.insert((again_at, deadline.clone()));
        }
    }

    /// Whether a deadline of the instance is firing.
    pub(super) fn is_busy(&self, instance: &str) -> bool {
        self.under_way.contains_key(instance)
    }

    /// A deadline begins to fire, unless it has fired or another one of its instance is firing. The caller has seen
    /// that there is room.
    pub(super) fn begins(&mut self, deadline: &Deadline, is_retry: bool, now: Duration) -> bool {
        if self.fired.contains(deadline) || self.is_busy(deadline.instance()) {
            return false;
        }
        let under_way = UnderWay { deadline: deadline.clone(), since: now, is_retry };
        self.retrying += usize::from(is_retry);
        self.under_way.insert(deadline.instance().to_owned(), under_way);
        true
    }

    /// It fires no longer, however that came.
    pub(super) fn ends(&mut self, deadline: &Deadline, now: Duration) {
        let ended = self.under_way.remove(deadline.instance());
        self.retrying -= usize::from(ended.is_some_and(|ended| ended.is_retry));
        self.give_back(deadline, now);
    }

    pub(super) fn has_fired(&mut self, deadline: &Deadline) {
        self.forget(deadline);
        self.fired.insert(deadline.clone());
    }

    /// Says how often it has failed.
    pub(super) fn has_failed(&mut self, deadline: &Deadline, last_error: LastError) -> u32 {
        let failing = self.failing.entry(deadline.clone()).or_insert_with(|| Failing {
            attempts: 0,
            since: last_error.at,
            last_error: last_error.clone(),
            again_at: None,
            seen: true,
        });
        failing.seen = true;
        failing.attempts = failing.attempts.saturating_add(1);
        failing.last_error = last_error;
        failing.attempts
    }

    /// A walk has seen all that is due, which was so many.
    pub(super) fn end_walk(&mut self, began_at: Timestamp, due: u64) {
        self.last_sweep = Some((began_at, due));
        let gone = self.failing.iter().filter(|(_, failing)| !failing.seen);
        let gone: Vec<Deadline> = gone.map(|(deadline, _)| deadline.clone()).collect();
        for deadline in &gone {
            self.forget(deadline);
        }
    }

    /// It does not fail any more, or nobody cares.
    pub(super) fn forget(&mut self, deadline: &Deadline) {
        if let Some(Failing { again_at: Some(again_at), .. }) = self.failing.remove(deadline) {
            self.retries.remove(&(again_at, deadline.clone()));
        }
    }

    pub(super) fn to_be_removed(&self) -> Vec<Deadline> {
        self.fired.iter().cloned().collect()
    }

    pub(super) fn count_fired(&self) -> usize {
        self.fired.len()
    }

    pub(super) fn were_removed(&mut self, deadlines: &[Deadline]) {
        for deadline in deadlines {
            self.fired.remove(deadline);
        }
    }

    /// When the next of those that failed is tried again, on the monotonic clock.
    pub(super) fn next_try(&self) -> Option<Duration> {
        self.retries.first().map(|(again_at, _)| *again_at)
    }

    /// Those that failed, the first that was due first.
    pub(super) fn failing(&self) -> &BTreeMap<Deadline, Failing> {
        &self.failing
    }

    /// How many have failed at least so often.
    pub(super) fn count_failed(&self, times: u32) -> u64 {
        self.failing.values().filter(|failing| failing.attempts >= times).count() as u64
    }

    /// How many of those that are firing failed before.
    pub(super) fn count_retrying(&self) -> usize {
        self.retrying
    }

    /// What is firing.
    pub(super) fn under_way(&self) -> impl ExactSizeIterator<Item = &UnderWay> {
        self.under_way.values()
    }
}
