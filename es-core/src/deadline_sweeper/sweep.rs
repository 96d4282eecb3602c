//! One way through all that is due.

use std::time::Duration;

use serde::Serialize;

use crate::clock::Timestamp;
use crate::deadline_store::DueQuery;
use crate::error::Result;
use crate::telemetry;

use super::DeadlineSweeper;
use super::book::Turn;
use super::shift::Shift;

/// What a sweep came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Swept {
    /// The deadlines that fired.
    pub fired: u64,
    /// Those that failed, or took longer than they may.
    pub failed: u64,
    /// Those that were not tried: they failed before and wait, or one of their instance is under way in a
    /// [run](DeadlineSweeper::run) of the same object.
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

/// What a walk through the store has seen.
#[derive(Debug, Default)]
pub(super) struct Walked {
    /// How many deadlines are due.
    due: u64,
    /// Those among them that are not tried now.
    waiting: u64,
    /// The time of the first that is not due, if it was seen.
    pub(super) next: Option<Timestamp>,
}

impl DeadlineSweeper {
    /// Fires, once, what is due now, and returns when all of that has fired or failed. For tests, scheduled jobs and
    /// command lines. Deadlines that failed before are left alone until their time has come again.
    ///
    /// # Errors
    ///
    /// Those of the store; what has fired before stays fired. That single deadlines failed is no error:
    /// see [`Swept::failed`].
    pub async fn sweep(&self) -> Result<Swept> {
        let mut shift = Shift::new(self);
        let walked = shift.walk().await;
        let ended = shift.comes_to_its_end().await.inspect_err(|error| self.note(error));
        self.tell_what_fails();
        let Walked { due, waiting, next } = walked?;
        ended?;
        let next = next.filter(|_| due == 0);
        let waiting = waiting + shift.waiting();
        Ok(Swept { fired: shift.fired, failed: shift.failed, waiting, next })
    }

    fn tell_what_fails(&self) {
        let (overdue, stuck) = {
            let book = self.book();
            (book.failing().len(), book.count_failed(Self::STUCK_AFTER))
        };
        let consumer = self.process.to_string();
        metrics::gauge!(telemetry::DEADLINES_OVERDUE, "consumer" => consumer.clone())
            .set(overdue as f64);
        metrics::gauge!(telemetry::DEADLINES_STUCK, "consumer" => consumer).set(stuck as f64);
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

impl Shift<'_> {
    /// Goes through all that is due, and lines it up. What can begin meanwhile does, and the walk goes on as there
    /// is room; at its end, some may still be firing or waiting.
    pub(super) async fn walk(&mut self) -> Result<Walked> {
        let _turn = self.beside(self.sweeper.turn.lock()).await;
        let began_at = self.sweeper.clock.now();
        let outcome = self.walk_until(began_at).await;
        if let Err(error) = &outcome {
            self.sweeper.note(error);
        }
        self.sweeper.tell_what_fails();
        outcome
    }

    async fn walk_until(&mut self, until: Timestamp) -> Result<Walked> {
        let sweeper = self.sweeper;
        let (store, process) = (&sweeper.store, &sweeper.process);
        let mut walked = Walked::default();
        sweeper.book().begin_walk();
        // What cannot be removed now is removed by the next sweep; it holds nothing up.
        let mut removed = self.remove_fired_at_last().await;
        // The cheaper question: mostly, nothing is due.
        let next = self.beside(store.next(process)).await?;
        if next.is_none_or(|next| next > until) {
            sweeper.book().end_walk(until, 0);
            return removed.map(|()| Walked { next, ..walked });
        }
        // What comes before the next poll is seen coming.
        let horizon = until.saturating_add(sweeper.poll_interval).unwrap_or(Timestamp::MAX);
        let mut query = DueQuery::new(process.clone(), horizon).limit(sweeper.page_size);
        loop {
            let page = self.beside(store.due(&query)).await?;
            let last = page.deadlines.last().cloned().filter(|_| page.more);
            for deadline in page.deadlines {
                if deadline.due() > until {
                    walked.next = Some(deadline.due());
                    break;
                }
                match self.line_up(deadline) {
                    Turn::Remove => continue,
                    Turn::Wait => walked.waiting += 1,
                    Turn::First | Turn::Again | Turn::InHand => {}
                }
                walked.due += 1;
            }
            removed = removed.and(self.has_room().await);
            let Some(last) = last.filter(|_| walked.next.is_none()) else { break };
            query.after = Some(last);
            // Thousands may be due: others have their turn between pages.
            self.beside(tokio::task::yield_now()).await;
        }
        sweeper.book().end_walk(until, walked.due);
        removed.map(|()| walked)
    }
}
