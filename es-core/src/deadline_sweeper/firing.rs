//! One deadline fires.

use std::panic::AssertUnwindSafe;
use std::sync::MutexGuard;
use std::time::Duration;

use futures::FutureExt as _;
use tracing::Instrument as _;

use crate::clock::within;
use crate::consumer::{LastError, panicked};
use crate::deadline_store::Deadline;
use crate::error::{Error, Result};
use crate::telemetry;

use super::DeadlineSweeper;
use super::book::Book;

/// The longest text of an error that is kept of each deadline that fails, in bytes: thousands may fail.
const MAX_ERROR_LEN: usize = 512;

/// A deadline that is firing. Nothing else of its instance fires until this is dropped.
#[derive(Debug)]
pub(super) struct Firing<'a> {
    sweeper: &'a DeadlineSweeper,
    deadline: Deadline,
    since: Duration,
}

impl<'a> Firing<'a> {
    /// Begins, unless it has fired or another deadline of its instance is firing. The book is that in which the caller
    /// has seen that there is room.
    pub(super) fn begin(
        sweeper: &'a DeadlineSweeper,
        mut book: MutexGuard<'_, Book>,
        deadline: Deadline,
        is_retry: bool,
    ) -> Option<Self> {
        let since = sweeper.clock.monotonic();
        if !book.begins(&deadline, is_retry, since) {
            book.give_back(&deadline, since);
            return None;
        }
        drop(book);
        sweeper.tell_how_many_are_under_way();
        Some(Self { sweeper, deadline, since })
    }

    /// Fires it, and notes how that went; whether it succeeded.
    pub(super) async fn fire(self) -> bool {
        let sweeper = self.sweeper;
        let span = tracing::info_span!(
            "deadline",
            consumer = %sweeper.process,
            instance = self.deadline.instance(),
            due = %self.deadline.due(),
        );
        let limit = sweeper.time_limit;
        let handling = async { sweeper.handler.fire(&self.deadline).await };
        // What is dropped as its time is over may panic as well.
        let firing = AssertUnwindSafe(within(&*sweeper.clock, limit, handling)).catch_unwind();
        let (outcome, fired) = match firing.instrument(span).await {
            Ok(Some(Ok(()))) => ("fired", Ok(())),
            Ok(Some(Err(error))) => ("failed", Err(error)),
            Ok(None) => {
                let (what, waited) = (format!("the end of {}", self.what()), limit);
                ("timed_out", Err(Error::DeadlineExceeded { what, waited }))
            }
            // A handler that panics fails on this deadline; the others still fire.
            Err(panic) => {
                let (what, source) = (self.what(), panicked(&*panic));
                ("failed", Err(Error::Backend { what, source }))
            }
        };
        let consumer = sweeper.process.to_string();
        metrics::counter!(telemetry::DEADLINES, "consumer" => consumer, "outcome" => outcome)
            .increment(1);
        self.note(fired).is_ok()
    }

    fn note(&self, fired: Result<()>) -> Result<(), ()> {
        let (sweeper, deadline) = (self.sweeper, &self.deadline);
        let Err(error) = fired else {
            let late = sweeper.since(deadline.due());
            let consumer = sweeper.process.to_string();
            metrics::histogram!(telemetry::DEADLINE_DELAY, "consumer" => consumer)
                .record(late.as_secs_f64());
            sweeper.book().has_fired(deadline);
            return Ok(());
        };
        sweeper.note(&error);
        let mut text = error.with_causes();
        text.truncate(text.floor_char_boundary(MAX_ERROR_LEN));
        let last_error = LastError { error: text, at: sweeper.clock.now() };
        let attempts = sweeper.book().has_failed(deadline, last_error);
        let wait = sweeper.backoff.delay(attempts, &*sweeper.entropy);
        let again_at = sweeper.clock.monotonic().saturating_add(wait);
        sweeper.book().give_back(deadline, again_at);
        let (consumer, instance, id) = (&sweeper.process, deadline.instance(), deadline.id());
        let cause = &error as &dyn std::error::Error;
        tracing::warn!(%consumer, instance, %id, attempts, ?wait, cause, "a deadline failed; it is tried again");
        if attempts == DeadlineSweeper::STUCK_AFTER {
            tracing::error!(%consumer, instance, %id, attempts, cause, "a deadline is stuck: it fails each time, and is tried on");
        }
        Err(())
    }

    fn what(&self) -> String {
        format!("the deadline of {} for {}", self.deadline.instance(), self.sweeper.process)
    }
}

impl Drop for Firing<'_> {
    /// It may be dropped in the middle as well: then it is tried again at once.
    fn drop(&mut self) {
        self.sweeper.book().ends(&self.deadline, self.since);
        self.sweeper.room.notify_waiters();
        self.sweeper.tell_how_many_are_under_way();
    }
}

impl DeadlineSweeper {
    fn tell_how_many_are_under_way(&self) {
        let under_way = self.book().under_way().len();
        let consumer = self.process.to_string();
        metrics::gauge!(telemetry::DEADLINES_UNDER_WAY, "consumer" => consumer)
            .set(under_way as f64);
    }
}
