//! How long an invocation may go on.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use es_core::{Clock, SystemClock, Timestamp};
use lambda_runtime::Context;

/// Tells how much of an invocation's time is left for work.
#[derive(Clone)]
pub(crate) struct TimeLeft {
    clock: Arc<dyn Clock>,
    reserve: Duration,
}

impl TimeLeft {
    /// What is kept for the end: for the records of what was done, and for the answer.
    const RESERVE: Duration = Duration::from_secs(1);

    pub(crate) fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    pub(crate) fn with_reserve(self, reserve: Duration) -> Self {
        Self { reserve, ..self }
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// How long work may go on: up to the reserve before the end of the invocation, or half of what is left
    /// where that is less than two reserves, so that a function with a short timeout does something.
    pub(crate) fn of(&self, context: &Context) -> Duration {
        let left = self.until_the_end_of(context);
        left.saturating_sub(self.reserve).max(left.min(self.reserve) / 2)
    }

    /// How long may be spent on the records of what was done: half of what is left, the other half is for the answer.
    #[cfg_attr(not(feature = "sqs"), allow(dead_code, reason = "queues alone are told something"))]
    pub(crate) fn at_the_end_of(&self, context: &Context) -> Duration {
        self.until_the_end_of(context) / 2
    }

    fn until_the_end_of(&self, context: &Context) -> Duration {
        let end = i64::try_from(context.deadline).ok();
        let end = end.and_then(|millis| Timestamp::from_millisecond(millis).ok());
        // A time that no clock shows is no limit that could be kept.
        let end = end.unwrap_or(Timestamp::MAX);
        Duration::try_from(end.duration_since(self.clock.now())).unwrap_or_default()
    }
}

impl Default for TimeLeft {
    fn default() -> Self {
        Self { clock: Arc::new(SystemClock), reserve: Self::RESERVE }
    }
}

impl fmt::Debug for TimeLeft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimeLeft").field("reserve", &self.reserve).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use es_core::testing::VirtualClock;

    use super::*;

    fn left(millis_to_the_end: i64) -> Duration {
        let clock = VirtualClock::at("2026-03-01T12:00:00Z");
        let mut context = Context::default();
        let end = clock.now().as_millisecond() + millis_to_the_end;
        context.deadline = end.try_into().unwrap();
        TimeLeft::default().with_clock(Arc::new(clock)).of(&context)
    }

    #[test]
    fn work_ends_before_the_invocation_does() {
        assert_eq!(left(30_000), Duration::from_secs(29));
    }

    #[test]
    fn a_function_with_a_short_timeout_has_half_of_it_for_work() {
        assert_eq!(left(1_000), Duration::from_millis(500));
        assert_eq!(left(1_600), Duration::from_millis(600));
    }

    #[test]
    fn an_invocation_whose_time_is_over_has_none_left() {
        assert_eq!(left(0), Duration::ZERO);
        assert_eq!(left(-5_000), Duration::ZERO);
    }

    #[test]
    fn an_end_that_no_clock_shows_is_no_limit() {
        let mut context = Context::default();
        context.deadline = u64::MAX;
        assert!(TimeLeft::default().of(&context) > Duration::from_secs(365 * 24 * 60 * 60));
    }
}
