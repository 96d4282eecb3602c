use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;

use crate::clock::{Clock, Timestamp};

/// A clock that a test moves by hand. Give it to everything that takes a clock: repositories,
/// projections and reactors then stamp, wait and back off in virtual time, and no test sleeps.
///
/// ```
/// use std::time::Duration;
/// use es_core::testing::VirtualClock;
/// use es_core::Clock;
///
/// let clock = VirtualClock::at("2026-01-31T12:00:00Z");
/// clock.advance(Duration::from_secs(90));
/// assert_eq!(clock.now().to_string(), "2026-01-31T12:01:30Z");
/// ```
///
/// Who sleeps on it waits until the test has moved it far enough. With
/// [`auto_advancing`](Self::auto_advancing) a sleep moves the clock instead, and the test looks at
/// what was [slept](Self::slept):
///
/// ```
/// use std::time::Duration;
/// use es_core::testing::VirtualClock;
/// use es_core::Clock;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let clock = VirtualClock::auto_advancing("2026-01-31T12:00:00Z");
/// clock.sleep(Duration::from_secs(90)).await;
/// assert_eq!(clock.now().to_string(), "2026-01-31T12:01:30Z");
/// assert_eq!(clock.slept(), [Duration::from_secs(90)]);
/// # }
/// ```
///
/// With [`SeededEntropy`](super::SeededEntropy) beside it, everything that a repository writes is
/// the same in every run, commit ids included.
#[derive(Debug)]
pub struct VirtualClock {
    now: watch::Sender<Timestamp>,
    /// How far the test has moved the clock, without its jumps.
    advanced: Mutex<Duration>,
    sleeping: SleepMode,
    slept: Mutex<Vec<Duration>>,
}

#[derive(Debug)]
enum SleepMode {
    /// A sleeper waits until the test has moved the clock far enough.
    UntilAdvanced,
    /// A sleeper moves the clock itself and goes on.
    AdvancesTheClock,
}

impl VirtualClock {
    /// A clock that stands at `time` (RFC 3339) and moves with [`advance`](Self::advance) only.
    ///
    /// # Panics
    ///
    /// When `time` is not a time.
    #[track_caller]
    pub fn at(time: &str) -> Self {
        Self::new(time, SleepMode::UntilAdvanced)
    }

    /// A clock that also moves when somebody sleeps on it: waits take no time, and the clock shows
    /// how long they would have been. What has a limit of time, and waits for something else than this clock, as for a
    /// server, is over its limit at once.
    ///
    /// # Panics
    ///
    /// When `time` is not a time.
    #[track_caller]
    pub fn auto_advancing(time: &str) -> Self {
        Self::new(time, SleepMode::AdvancesTheClock)
    }

    #[track_caller]
    fn new(time: &str, sleeping: SleepMode) -> Self {
        let now = watch::Sender::new(Self::parse(time));
        Self { now, advanced: Mutex::default(), sleeping, slept: Mutex::default() }
    }

    #[track_caller]
    pub(super) fn parse(time: &str) -> Timestamp {
        match time.parse() {
            Ok(time) => time,
            Err(error) => panic!("{time:?} is not a time: {error}"),
        }
    }

    /// Moves the clock on and wakes the sleepers whose time has come.
    pub fn advance(&self, by: Duration) {
        *self.advanced.lock().unwrap_or_else(PoisonError::into_inner) += by;
        self.now.send_modify(|now| *now = now.saturating_add(by).unwrap_or(*now));
    }

    /// Sets the clock, also back: clocks jump. The [monotonic](Clock::monotonic) time stays.
    pub fn set(&self, time: Timestamp) {
        self.now.send_replace(time);
    }

    /// How long each sleep was asked to be, in order.
    pub fn slept(&self) -> Vec<Duration> {
        self.lock_slept().clone()
    }

    fn lock_slept(&self) -> MutexGuard<'_, Vec<Duration>> {
        self.slept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        *self.now.borrow()
    }

    fn monotonic(&self) -> Duration {
        *self.advanced.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn sleep(&self, duration: Duration) {
        self.lock_slept().push(duration);
        if matches!(self.sleeping, SleepMode::AdvancesTheClock) {
            self.advance(duration);
            return tokio::task::yield_now().await;
        }
        let until = self.now().saturating_add(duration).unwrap_or(Timestamp::MAX);
        // The sender lives in `self`, so the channel is open.
        let _ = self.now.subscribe().wait_for(|now| *now >= until).await;
    }
}
