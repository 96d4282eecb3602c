//! What is seen of a consumer from outside.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::worked::Worked;
use crate::clock::Timestamp;
use crate::consumer::{ConsumerState, LastError};
use crate::dead_letter::Failure;
use crate::telemetry;

/// What this object knows of its shifts.
#[derive(Debug)]
pub(super) struct Observed {
    consumer: String,
    seen: Mutex<Seen>,
}

impl Seen {
    fn noticed(&mut self, error: &str, at: Timestamp) {
        let cut = error.floor_char_boundary(Failure::MAX_ERROR_LEN);
        let error = error.get(..cut).unwrap_or_default().to_owned();
        self.last_error = Some(LastError { error, at });
    }
}

#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    pub(super) state: ConsumerState,
    pub(super) last_error: Option<LastError>,
    pub(super) in_hand: usize,
    pub(super) worked: Worked,
    /// How many shifts there are now.
    shifts: usize,
}

impl Observed {
    pub(super) fn new(consumer: &str) -> Self {
        Self { consumer: consumer.to_owned(), seen: Mutex::default() }
    }

    pub(super) fn seen(&self) -> Seen {
        self.lock().clone()
    }

    /// A shift begins. It ends when what is returned is dropped.
    pub(super) fn begin(&self) -> Shown<'_> {
        let mut seen = self.lock();
        seen.state = ConsumerState::Running;
        seen.shifts = seen.shifts.saturating_add(1);
        Shown { observed: self, in_hand: 0, worked: Worked::default() }
    }

    /// The queue cannot be looked at before a shift begins.
    pub(super) fn is_unavailable(&self, error: &str, at: Timestamp) {
        let mut seen = self.lock();
        seen.noticed(error, at);
        seen.state = ConsumerState::Retrying;
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a shift shows of itself.
#[derive(Debug)]
pub(super) struct Shown<'a> {
    observed: &'a Observed,
    in_hand: usize,
    worked: Worked,
}

impl Shown<'_> {
    /// How many messages are in the hand, and what the shift came to so far.
    pub(super) fn holds(&mut self, in_hand: usize, worked: Worked) {
        if (in_hand, worked) == (self.in_hand, self.worked) {
            return;
        }
        let mut seen = self.observed.lock();
        seen.in_hand = (seen.in_hand + in_hand).saturating_sub(self.in_hand);
        seen.worked = seen.worked.plus(worked.minus(self.worked));
        (self.in_hand, self.worked) = (in_hand, worked);
        let consumer = self.observed.consumer.clone();
        metrics::gauge!(telemetry::MESSAGES_IN_HAND, "consumer" => consumer)
            .set(seen.in_hand as f64);
    }

    /// An error that changes what the consumer does.
    pub(super) fn met(&self, error: &str, state: ConsumerState, at: Timestamp) {
        self.noticed(error, at);
        self.observed.lock().state = state;
    }

    /// An error that concerns one message.
    pub(super) fn noticed(&self, error: &str, at: Timestamp) {
        self.observed.lock().noticed(error, at);
    }

    /// What had failed succeeds again.
    pub(super) fn is_well(&self) {
        let mut seen = self.observed.lock();
        if seen.state == ConsumerState::Retrying {
            seen.state = ConsumerState::Running;
        }
    }
}

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        self.holds(0, self.worked);
        let mut seen = self.observed.lock();
        seen.shifts = seen.shifts.saturating_sub(1);
        if seen.shifts == 0 && seen.state != ConsumerState::Failed {
            seen.state = ConsumerState::Idle;
        }
    }
}
