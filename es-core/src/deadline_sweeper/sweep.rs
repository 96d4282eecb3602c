//! One way through all that is due.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt as _;
use serde::Serialize;
use tracing::Instrument as _;

use crate::clock::Timestamp;
use crate::consumer::panicked;
use crate::deadline_store::{Deadline, DueQuery};
use crate::error::{Error, Result};
use crate::telemetry;

use super::DeadlineSweeper;
use super::book::Turn;

/// What a sweep came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Swept {
    /// The deadlines that fired.
    pub fired: u64,
    /// Those that failed.
    pub failed: u64,
    /// Those that failed before and were not tried, as they wait.
    pub waiting: u64,
    /// The time of the earliest deadline, if the sweep found nothing due and there is one.
    pub next: Option<Timestamp>,
}

impl Swept {
    /// How many deadlines were due.
    pub fn due(&self) -> u64 {
        self.fired + self.failed + self.waiting
    }
}

impl DeadlineSweeper {
    /// Fires, once, what is due now. For tests, scheduled jobs and command lines. Deadlines that failed
    /// before are left alone until their time has come again.
    ///
    /// # Errors
    ///
    /// Those of the store; what has fired before stays fired. That single deadlines failed is no error:
    /// see [`Swept::failed`].
    pub async fn sweep(&self) -> Result<Swept> {
        let _turn = self.turn.lock().await;
        let began_at = self.clock.now();
        let outcome = self.sweep_until(began_at).await;
        match &outcome {
            Ok(swept) => self.book().last_sweep = Some((began_at, *swept)),
            Err(error) => self.note(error),
        }
        metrics::gauge!(telemetry::DEADLINES_OVERDUE, "consumer" => self.process.to_string())
            .set(self.book().count_overdue() as f64);
        outcome
    }

    async fn sweep_until(&self, until: Timestamp) -> Result<Swept> {
        let mut swept = Swept::default();
        self.book().begin_sweep();
        // What cannot be removed now is removed by the next sweep; it holds nothing up.
        let mut removed = self.remove_fired().await;
        // The cheaper question: mostly, nothing is due.
        let next = self.store.next(&self.process).await?;
        if next.is_none_or(|next| next > until) {
            self.book().end_sweep();
            return removed.map(|()| Swept { next, ..swept });
        }
        let mut query = DueQuery::new(self.process.clone(), until).limit(self.page_size);
        loop {
            let page = self.store.due(&query).await?;
            for deadline in &page.deadlines {
                self.take(deadline, &mut swept).await;
            }
            removed = removed.and(self.remove_fired().await);
            let Some(last) = page.deadlines.into_iter().next_back().filter(|_| page.more) else {
                break;
            };
            query.after = Some(last);
            // Thousands may be due: others have their turn between pages.
            tokio::task::yield_now().await;
        }
        self.book().end_sweep();
        removed.map(|()| swept)
    }

    async fn take(&self, deadline: &Deadline, swept: &mut Swept) {
        let turn = self.book().turn_of(deadline, self.clock.monotonic());
        match turn {
            Turn::Remove => {}
            Turn::Wait => swept.waiting += 1,
            Turn::Fire => match self.fire(deadline).await {
                Ok(()) => swept.fired += 1,
                Err(error) => {
                    self.has_failed(deadline, &error);
                    swept.failed += 1;
                }
            },
        }
    }

    async fn fire(&self, deadline: &Deadline) -> Result<()> {
        let span = tracing::info_span!(
            "deadline",
            consumer = %self.process,
            instance = deadline.instance(),
            due = %deadline.due(),
        );
        let firing = AssertUnwindSafe(self.handler.fire(deadline)).catch_unwind().instrument(span);
        // A handler that panics fails on this deadline; the others still fire.
        let fired = firing.await.unwrap_or_else(|panic| {
            let what = format!("the deadline of {} for {}", deadline.instance(), self.process);
            Err(Error::Backend { what, source: panicked(&*panic) })
        });
        let outcome = if fired.is_ok() { "fired" } else { "failed" };
        let consumer = self.process.to_string();
        metrics::counter!(telemetry::DEADLINES, "consumer" => consumer.clone(), "outcome" => outcome)
            .increment(1);
        fired?;
        let late = self.since(deadline.due());
        metrics::histogram!(telemetry::DEADLINE_DELAY, "consumer" => consumer)
            .record(late.as_secs_f64());
        self.book().has_fired(deadline);
        Ok(())
    }

    fn has_failed(&self, deadline: &Deadline, error: &Error) {
        self.note(error);
        let attempts = self.book().has_failed(deadline);
        let wait = self.backoff.delay(attempts, &*self.entropy);
        self.book().try_again_at(deadline, self.clock.monotonic().saturating_add(wait));
        let (consumer, instance, id) = (&self.process, deadline.instance(), deadline.id());
        let cause = error as &dyn std::error::Error;
        tracing::warn!(%consumer, instance, %id, attempts, ?wait, cause, "a deadline failed; it is tried again");
    }

    /// Removes what has fired.
    pub(super) async fn remove_fired(&self) -> Result<()> {
        let fired = self.book().to_be_removed();
        if fired.is_empty() {
            return Ok(());
        }
        self.store.remove(&fired).await?;
        self.book().were_removed(&fired);
        Ok(())
    }

    /// How long ago that was; zero if it is to come.
    pub(super) fn since(&self, time: Timestamp) -> Duration {
        Duration::try_from(self.clock.now().duration_since(time)).unwrap_or_default()
    }
}
