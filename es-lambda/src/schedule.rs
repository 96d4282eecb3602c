//! A schedule.

use std::sync::Arc;
use std::time::Duration;

use es_core::{DeadlineSweeper, Swept, Timestamp};
use lambda_runtime::LambdaEvent;
use serde_json::value::RawValue;

use crate::error::FunctionError;
use crate::running::{options_of_time, run};
use crate::time_left::TimeLeft;

/// A function that a schedule invokes, and that fires what is due; made by [`schedule`](crate::schedule).
///
/// # What it promises
///
/// What [`DeadlineSweeper::sweep`] promises. Each invocation sweeps until nothing is due, and waits for what
/// becomes due before [the next invocation](Self::with_lookahead), as far as its time goes: schedules have whole
/// minutes, deadlines have not. What is not done in time stays in the store, for the next invocation.
///
/// Two invocations at the same time may fire a deadline twice, as the sweeper's deadlines do at least once in any
/// case. To pay for one only, reserve a concurrency of one.
///
/// What the event says does not matter: every schedule, rule or test event starts a sweep.
#[derive(Debug)]
#[must_use = "a function does nothing until it runs"]
pub struct ScheduleFunction {
    sweeper: Arc<DeadlineSweeper>,
    time: TimeLeft,
    lookahead: Duration,
}

impl ScheduleFunction {
    pub(crate) fn new(sweeper: Arc<DeadlineSweeper>) -> Self {
        Self { sweeper, time: TimeLeft::default(), lookahead: Duration::ZERO }
    }

    options_of_time!();

    /// Waits for deadlines that become due within `time` of the beginning of an invocation; unless given, for
    /// none. With the interval of the schedule deadlines fire at their time, as far as they were set when the
    /// invocation looked. Waiting is paid for as work.
    pub fn with_lookahead(mut self, time: Duration) -> Self {
        self.lookahead = time;
        self
    }

    run!();

    /// Sweeps once, for a runtime with layers of its own, and for tests. What came of it, all rounds together.
    ///
    /// # Errors
    ///
    /// Those of the store. That single deadlines failed is no error: see [`Swept::failed`].
    pub async fn invoke(&self, event: LambdaEvent<Box<RawValue>>) -> Result<Swept, FunctionError> {
        let clock = self.time.clock();
        let until = clock.monotonic().saturating_add(self.time.of(&event.context));
        let horizon = clock.now().saturating_add(self.lookahead).unwrap_or(Timestamp::MAX);
        let mut total = Swept::default();
        loop {
            let left = until.saturating_sub(clock.monotonic());
            let swept = tokio::select! {
                biased;
                swept = self.sweeper.sweep() => swept?,
                // What was firing stays in the store, and fires again.
                () = clock.sleep(left) => break,
            };
            total.fired += swept.fired;
            total.failed += swept.failed;
            total.waiting = swept.waiting;
            total.next = swept.next;
            let wait = match swept.next {
                _ if swept.fired > 0 => Duration::ZERO,
                Some(next) if next <= horizon => {
                    Duration::try_from(next.duration_since(clock.now())).unwrap_or_default()
                }
                _ => break,
            };
            let left = until.saturating_sub(clock.monotonic());
            if wait >= left {
                break;
            }
            clock.sleep(wait).await;
        }
        tracing::info!(
            process = %self.sweeper.process(), fired = total.fired, failed = total.failed,
            waiting = total.waiting, "swept"
        );
        Ok(total)
    }
}
