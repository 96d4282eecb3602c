//! How the work goes: the figures that operators look at, beside those of the library.
//!
//! | metric | kind | what |
//! |---|---|---|
//! | [`PROCESSED_PER_MINUTE`] | gauge | events that were processed in the last minute |
//! | [`PROCESSING_SECONDS`] | histogram | how long the handling of a message took, by `outcome` |
//! | [`ERRORS`] | counter | attempts that failed, by `kind`: `invalid`, `unavailable`, `refused`, `internal` |
//! | [`RETRIES`] | counter | attempts that failed and are followed by another |
//! | [`EVENTS`] | counter | messages handled, by `outcome`: `processed`, `duplicate`, `ignored`, `failed` |
//! | [`DEAD_LETTERS`] | gauge | messages in the dead-letter queue |
//! | [`UNNAMEABLE_FILES`] | gauge | files that are never published, because no message can name them |

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use es_core::Clock;
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use serde::Serialize;

use super::watcher::LastScan;

/// Gauge: events that were processed in the last minute, in this process.
pub const PROCESSED_PER_MINUTE: &str = "ingest_events_processed_per_minute";
/// Histogram: seconds that the handling of a message took. Label: `outcome`.
pub const PROCESSING_SECONDS: &str = "ingest_processing_seconds";
/// Counter: attempts that failed. Label: `kind`.
pub const ERRORS: &str = "ingest_errors_total";
/// Counter: attempts that failed and are followed by another.
pub const RETRIES: &str = "ingest_retries_total";
/// Counter: messages handled. Label: `outcome`.
pub const EVENTS: &str = "ingest_events_total";
/// Gauge: messages in the dead-letter queue, as the queue counts them.
pub const DEAD_LETTERS: &str = "ingest_dead_letter_messages";
/// Gauge: files in the watched directory that are never published, because no message can name them.
pub const UNNAMEABLE_FILES: &str = "ingest_unnameable_files";

/// How the handling of a message ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The event is processed now.
    Processed,
    /// It was processed before.
    Duplicate,
    /// The message tells of something that nothing is done about.
    Ignored,
    /// It failed.
    Failed(Failure),
}

/// Why an attempt failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The document is not valid.
    Invalid,
    /// Something did not answer.
    Unavailable {
        /// Whether another attempt follows.
        again: bool,
    },
    /// The message, or the id of the event, cannot be taken.
    Refused,
    /// Something is broken.
    Internal,
}

/// Counts what a process does.
#[derive(Debug)]
pub struct Figures {
    clock: Arc<dyn Clock>,
    counted: Mutex<Counted>,
}

#[derive(Debug, Default)]
struct Counted {
    totals: Totals,
    /// When the last ones were processed, oldest first, on the monotonic clock.
    recent: VecDeque<Duration>,
    last_scan: Option<LastScan>,
}

/// What came of the messages that a process handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Totals {
    /// Events that were processed.
    pub processed: u64,
    /// Messages about events that were processed before.
    pub duplicates: u64,
    /// Attempts that failed and are followed by another.
    pub retries: u64,
    /// Attempts that failed.
    pub errors: u64,
}

impl Figures {
    /// Nothing counted yet. Says what the metrics mean.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        describe_gauge!(PROCESSED_PER_MINUTE, "Events that were processed in the last minute");
        describe_histogram!(PROCESSING_SECONDS, "Seconds that the handling of a message took");
        describe_counter!(ERRORS, "Attempts that failed");
        describe_counter!(RETRIES, "Attempts that failed and are followed by another");
        describe_counter!(EVENTS, "Messages handled");
        describe_gauge!(DEAD_LETTERS, "Messages in the dead-letter queue");
        describe_gauge!(UNNAMEABLE_FILES, "Files that are never published");
        // They are there from the beginning, so that a rate can be taken of the first one.
        counter!(RETRIES).absolute(0);
        for outcome in ["processed", "duplicate", "ignored", "failed"] {
            counter!(EVENTS, "outcome" => outcome).absolute(0);
        }
        for kind in ["invalid", "unavailable", "refused", "internal"] {
            counter!(ERRORS, "kind" => kind).absolute(0);
        }
        Self { clock, counted: Mutex::default() }
    }

    /// When the handling of a message begins.
    pub fn begin(&self) -> Duration {
        self.clock.monotonic()
    }

    /// Counts a message whose handling began then.
    pub fn count(&self, outcome: Outcome, began: Duration) {
        let took = self.clock.monotonic().saturating_sub(began);
        histogram!(PROCESSING_SECONDS, "outcome" => outcome.name()).record(took.as_secs_f64());
        counter!(EVENTS, "outcome" => outcome.name()).increment(1);
        let mut counted = self.counted();
        match outcome {
            Outcome::Processed => {
                counted.totals.processed += 1;
                counted.note_recent(self.clock.monotonic());
            }
            Outcome::Duplicate => counted.totals.duplicates += 1,
            Outcome::Ignored => {}
            Outcome::Failed(failure) => {
                counter!(ERRORS, "kind" => failure.name()).increment(1);
                counted.totals.errors += 1;
                if failure == (Failure::Unavailable { again: true }) {
                    counter!(RETRIES).increment(1);
                    counted.totals.retries += 1;
                }
            }
        }
    }

    /// Notes what the last look at the watched directory came to.
    pub fn note_scan(&self, scan: LastScan) {
        if let LastScan::Done(scan) = &scan {
            gauge!(UNNAMEABLE_FILES).set(scan.unnameable as f64);
        }
        self.counted().last_scan = Some(scan);
    }

    /// What the last look at the watched directory came to; nothing where none is watched.
    pub fn last_scan(&self) -> Option<LastScan> {
        self.counted().last_scan.clone()
    }

    /// What was counted so far.
    pub fn totals(&self) -> Totals {
        self.counted().totals
    }

    /// How many events were processed in the last minute.
    pub fn processed_per_minute(&self) -> usize {
        let mut counted = self.counted();
        counted.forget_old(self.clock.monotonic());
        counted.recent.len()
    }

    /// Sets the gauges, which are asked for when somebody looks.
    pub fn refresh(&self, dead_letters: u64) {
        gauge!(PROCESSED_PER_MINUTE).set(self.processed_per_minute() as f64);
        gauge!(DEAD_LETTERS).set(dead_letters as f64);
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counted {
    /// For how long an event counts as recent.
    const MINUTE: Duration = Duration::from_secs(60);

    fn note_recent(&mut self, now: Duration) {
        self.recent.push_back(now);
        self.forget_old(now);
    }

    fn forget_old(&mut self, now: Duration) {
        let is_old = |then: &Duration| now.saturating_sub(*then) >= Self::MINUTE;
        while self.recent.front().is_some_and(is_old) {
            self.recent.pop_front();
        }
    }
}

impl Outcome {
    fn name(self) -> &'static str {
        match self {
            Self::Processed => "processed",
            Self::Duplicate => "duplicate",
            Self::Ignored => "ignored",
            Self::Failed(_) => "failed",
        }
    }
}

impl Failure {
    fn name(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Unavailable { .. } => "unavailable",
            Self::Refused => "refused",
            Self::Internal => "internal",
        }
    }
}

#[cfg(test)]
mod tests {
    use es_core::testing::VirtualClock;

    use super::*;

    #[test]
    fn an_event_counts_for_a_minute() {
        let clock = Arc::new(VirtualClock::at("2026-03-01T12:00:00Z"));
        let figures = Figures::new(clock.clone());
        let second = Duration::from_secs(1);
        figures.count(Outcome::Processed, figures.begin());
        clock.advance(59 * second);
        figures.count(Outcome::Processed, figures.begin());
        figures.count(Outcome::Duplicate, figures.begin());
        assert_eq!(figures.processed_per_minute(), 2);
        clock.advance(second);
        assert_eq!(figures.processed_per_minute(), 1);
        clock.advance(59 * second);
        assert_eq!(figures.processed_per_minute(), 0);
        let totals = Totals { processed: 2, duplicates: 1, ..Totals::default() };
        assert_eq!(figures.totals(), totals, "the totals forget nothing");
    }

    #[test]
    fn only_what_comes_again_is_a_retry() {
        let figures = Figures::new(Arc::new(VirtualClock::at("2026-03-01T12:00:00Z")));
        for failure in [
            Failure::Invalid,
            Failure::Refused,
            Failure::Internal,
            Failure::Unavailable { again: false },
            Failure::Unavailable { again: true },
        ] {
            figures.count(Outcome::Failed(failure), figures.begin());
        }
        assert_eq!(figures.totals(), Totals { errors: 5, retries: 1, ..Totals::default() });
    }
}
