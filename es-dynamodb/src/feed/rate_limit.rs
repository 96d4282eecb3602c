use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use es_core::{Clock, Timestamp};

/// Spreads the capacity that scans consume over time.
///
/// What a request consumes is known by its answer only, so it is let through when what was consumed
/// before is worked off. Requests that are under way at the same time can exceed the rate for a moment,
/// and the next ones wait the longer for it.
pub(super) struct RateLimit {
    units_per_second: Option<f64>,
    clock: Arc<dyn Clock>,
    owed: Mutex<Owed>,
}

/// The units that are not worked off yet.
#[derive(Debug, Clone, Copy)]
struct Owed {
    units: f64,
    at: Timestamp,
}

impl RateLimit {
    pub(super) fn new(units_per_second: Option<u32>, clock: Arc<dyn Clock>) -> Self {
        let owed = Mutex::new(Owed { units: 0.0, at: clock.now() });
        Self { units_per_second: units_per_second.map(f64::from), clock, owed }
    }

    /// Returns when a request may be made.
    pub(super) async fn admitted(&self) {
        let Some(rate) = self.units_per_second else { return };
        loop {
            let owed = self.settled(rate).units;
            // Less than a nanosecond is nothing that a clock can wait for.
            let wait = Duration::from_secs_f64(owed / rate);
            if wait.is_zero() {
                return;
            }
            self.clock.sleep(wait).await;
        }
    }

    /// Counts what an answer says to have consumed.
    pub(super) fn charge(&self, units: f64) {
        let Some(rate) = self.units_per_second else { return };
        self.settled(rate).units += units;
    }

    /// What is owed now. A clock that is set back works nothing off, and costs nothing either.
    fn settled(&self, rate: f64) -> MutexGuard<'_, Owed> {
        let mut owed = self.owed.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        let elapsed = Duration::try_from(now.duration_since(owed.at)).unwrap_or_default();
        owed.units = (owed.units - elapsed.as_secs_f64() * rate).max(0.0);
        owed.at = now;
        owed
    }
}

impl fmt::Debug for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimit")
            .field("units_per_second", &self.units_per_second)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use es_core::testing::VirtualClock;

    use super::*;

    fn limit(units_per_second: u32) -> (Arc<VirtualClock>, RateLimit) {
        let clock = Arc::new(VirtualClock::auto_advancing("2026-01-01T00:00:00Z"));
        (clock.clone(), RateLimit::new(Some(units_per_second), clock))
    }

    fn slept(clock: &VirtualClock) -> Duration {
        clock.slept().iter().sum()
    }

    #[tokio::test]
    async fn requests_take_as_long_together_as_their_units() {
        let (clock, limit) = limit(100);
        for _ in 0..20 {
            limit.admitted().await;
            limit.charge(50.0);
        }
        limit.admitted().await;
        assert_eq!(slept(&clock), Duration::from_secs(10));
    }

    #[tokio::test]
    async fn time_without_requests_pays_for_what_was_before_and_not_for_what_comes() {
        let (clock, limit) = limit(10);
        limit.charge(20.0);
        clock.advance(Duration::from_secs(3_600));
        limit.admitted().await;
        assert_eq!(slept(&clock), Duration::ZERO);
        limit.charge(20.0);
        limit.admitted().await;
        assert_eq!(slept(&clock), Duration::from_secs(2));
    }

    #[tokio::test]
    async fn a_clock_that_is_set_back_holds_nobody_up_for_that() {
        let (clock, limit) = limit(10);
        limit.charge(20.0);
        clock.set("2020-01-01T00:00:00Z".parse().unwrap());
        limit.admitted().await;
        assert_eq!(slept(&clock), Duration::from_secs(2));
    }
}
