//! Catching up by schedule.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use es_core::{AnyConsumer, CatchUp, Consumers, Error, within};
use lambda_runtime::LambdaEvent;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::error::FunctionError;
use crate::running::{options_of_time, run};
use crate::time_left::TimeLeft;

/// A function that a schedule invokes, and that brings consumers what was never pushed to them; made by
/// [`catch_up`](crate::catch_up()).
///
/// An event source mapping gives a record up after its attempts or its age, and what was written before there was a
/// mapping it does not push at all. The log has both. Each invocation catches the consumers up from their own feeds,
/// as [`Consumer::catch_up`](es_core::Consumer::catch_up) does, and ends where the feed ends for now.
///
/// # What it promises
///
/// - **Beside the mapping.** Commits may be pushed to the same consumers at the same time: what counts is the
///   progress per stream, which each step is fenced by, so each effect is had once and in order, whoever brings it.
/// - **In time.** Work ends before the invocation is over. What was done by then is saved, and the next invocation goes on
///   from there. So does a first invocation, which reads the whole log where the feed has it.
/// - **One after the other.** A shard of a table's stream has two readers, and mappings are some of them: consumers
///   do not read at the same time here. Each gets an equal share of the time that is left, so one that has much to catch
///   up with, or hangs, does not keep those behind it from their turn.
/// - **No standstill.** A consumer whose share is over before it came one commit further is an error of the
///   invocation: it would not come further in the next one either.
/// - **A paused consumer** stays as it is, and is no failure.
///
/// What the event says does not matter: every schedule, rule or test event starts it. A feed keeps its records for a
/// time (a table's stream for 24 hours): the schedule must be shorter than that, less the age at which the mapping gives
/// up. A consumer that fails for longer misses them, which is
/// [`Error::FeedTrimmed`](es_core::Error::FeedTrimmed) in each invocation until it is rebuilt.
#[derive(Debug)]
#[must_use = "a function does nothing until it runs"]
pub struct CatchUpFunction {
    consumers: Consumers,
    time: TimeLeft,
}

/// How far one consumer was caught up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CaughtUp {
    /// Its name.
    pub consumer: String,
    /// The commits that had their effect, and had not had it before.
    pub applied: u64,
    /// The commits that were parked as dead letters.
    pub parked: u64,
    /// The commits of the feed that were passed, handled or not.
    pub passed: u64,
    /// Where that ended.
    pub ended: CatchUpEnded,
}

/// Why a consumer was not caught up any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CatchUpEnded {
    /// It has all that its feed had.
    AtTheEnd,
    /// Its time was over, and it had come some way. The next invocation goes on.
    OutOfTime,
    /// It is paused.
    Paused,
}

impl CatchUpFunction {
    pub(crate) fn new(consumers: Consumers) -> Self {
        Self { consumers, time: TimeLeft::default() }
    }

    options_of_time!();

    run!();

    /// Catches all consumers up, for a runtime with layers of its own, and for tests. How far each has come, in their
    /// order.
    ///
    /// # Errors
    ///
    /// [`FunctionError::Again`] with all errors that were met, when all consumers had their turn. Lambda tries again, and
    /// then the schedule does. [`FunctionError::NoConsumer`] when there is none.
    pub async fn invoke(
        &self,
        event: LambdaEvent<Box<RawValue>>,
    ) -> Result<Vec<CaughtUp>, FunctionError> {
        let clock = self.time.clock();
        let until = clock.monotonic().saturating_add(self.time.of(&event.context));
        let (mut all, mut errors) = (Vec::new(), Vec::new());
        let mut waiting = u32::try_from(self.consumers.iter().count()).unwrap_or(u32::MAX);
        if waiting == 0 {
            return Err(FunctionError::NoConsumer);
        }
        for consumer in self.consumers.iter() {
            let share = until.saturating_sub(clock.monotonic()) / waiting.max(1);
            waiting = waiting.saturating_sub(1);
            match self.bring_forward(&**consumer, share).await {
                Ok(caught_up) => {
                    let CaughtUp { consumer, applied, parked, passed, ended } = &caught_up;
                    tracing::info!(consumer, applied, parked, passed, ?ended, "caught up");
                    all.push(caught_up);
                }
                Err(error) => {
                    let (consumer, cause) = (consumer.id(), error.with_causes());
                    tracing::error!(%consumer, cause, "could not be caught up");
                    errors.push(format!("{consumer}: {cause}"));
                }
            }
        }
        match errors.is_empty() {
            true => Ok(all),
            false => Err(FunctionError::Again { error: errors.join("; ") }),
        }
    }

    async fn bring_forward(
        &self,
        consumer: &dyn AnyConsumer,
        time: Duration,
    ) -> Result<CaughtUp, Error> {
        let so_far = Mutex::new(CatchUp::default());
        let mut report = |now: CatchUp| {
            *so_far.lock().unwrap_or_else(PoisonError::into_inner) = now;
        };
        let ended = match within(self.time.clock(), time, consumer.catch_up(&mut report)).await {
            Some(Ok(_)) => CatchUpEnded::AtTheEnd,
            Some(Err(Error::Paused { .. })) => CatchUpEnded::Paused,
            Some(Err(error)) => return Err(error),
            None => CatchUpEnded::OutOfTime,
        };
        let CatchUp { applied, parked, passed, .. } =
            *so_far.lock().unwrap_or_else(PoisonError::into_inner);
        if ended == CatchUpEnded::OutOfTime && applied + parked + passed == 0 {
            // It would not get any further the next time either, and nobody would know.
            return Err(Error::DeadlineExceeded { what: "a first step".to_owned(), waited: time });
        }
        let consumer = consumer.id().to_string();
        Ok(CaughtUp { consumer, applied, parked, passed, ended })
    }
}
