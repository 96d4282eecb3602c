//! What waits to be told to the queue, several at a time.

use std::time::Duration;

use super::in_hand::Token;
use crate::message_queue::MAX_BATCH;

/// Messages that the queue is to be told of, in the order in which they were done.
#[derive(Debug, Default)]
pub(super) struct Outbox(Vec<Entry>);

/// A message that the queue is to be told of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) token: Token,
    /// How often it was told already, without success.
    pub(super) tries: u32,
    /// When it is told with or without others.
    due: Duration,
    /// When it may be told: later than now after a failure.
    not_before: Duration,
}

impl Outbox {
    /// Tells of a message with others, or at the latest after `linger`.
    pub(super) fn put(&mut self, token: Token, now: Duration, linger: Duration) {
        self.0.push(Entry { token, tries: 0, due: now + linger, not_before: now });
    }

    /// Tells of it again after `delay`.
    pub(super) fn put_back(&mut self, entry: Entry, now: Duration, delay: Duration) {
        let not_before = now + delay;
        let tries = entry.tries.saturating_add(1);
        self.0.push(Entry { tries, due: not_before, not_before, ..entry });
    }

    /// A batch, if one is full or due, or if nothing else will fill it: `alone`.
    pub(super) fn take(&mut self, now: Duration, alone: bool) -> Option<Vec<Entry>> {
        let ready = |entry: &&Entry| entry.not_before <= now;
        let count = self.0.iter().filter(ready).count();
        let due = self.0.iter().filter(ready).any(|entry| alone || entry.due <= now);
        if count < MAX_BATCH && !due {
            return None;
        }
        let mut room = MAX_BATCH;
        let taken = self.0.extract_if(.., |entry| {
            let takes = entry.not_before <= now && room > 0;
            room -= usize::from(takes);
            takes
        });
        Some(taken.collect())
    }

    /// When the next batch is due, unless it is full before.
    pub(super) fn next_due(&self) -> Option<Duration> {
        self.0.iter().map(|entry| entry.due).min()
    }

    pub(super) fn forget(&mut self, token: Token) {
        self.0.retain(|entry| entry.token != token);
    }
}
