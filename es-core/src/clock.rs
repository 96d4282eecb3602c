//! Time, as a dependency.

use std::fmt::Debug;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use async_trait::async_trait;

pub use jiff::Timestamp;

/// Tells the time and lets time pass. Everything in the framework that stamps, waits or backs off
/// does it through a clock, so that tests run on [virtual time](crate::testing).
///
/// ```
/// use std::time::Duration;
///
/// use es_core::{Clock, SystemClock};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let before = SystemClock.now();
/// SystemClock.sleep(Duration::from_millis(1)).await;
/// println!("{}", SystemClock.now().duration_since(before));
/// # }
/// ```
#[async_trait]
pub trait Clock: Debug + Send + Sync + 'static {
    /// The wall-clock time. It may jump; nothing is decided on it alone.
    fn now(&self) -> Timestamp;

    /// The time since some moment that stays the same while the program runs. It never goes back, and
    /// does not jump when the wall clock is set, so it says how long something took. It says nothing to
    /// other processes.
    ///
    /// The default is the machine's monotonic clock.
    fn monotonic(&self) -> Duration {
        static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
        BEGAN.elapsed()
    }

    /// Returns when `duration` has passed on the clock.
    async fn sleep(&self, duration: Duration);
}

/// The machine's clock; it sleeps on tokio's timer.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// Returns at that time of the monotonic clock, however long timers sleep and wherever the wall clock jumps.
pub(crate) async fn reaches(clock: &dyn Clock, time: Duration) {
    loop {
        let left = time.saturating_sub(clock.monotonic());
        if left.is_zero() {
            break;
        }
        clock.sleep(left).await;
    }
}

/// What `work` comes to, if it does so within the time; otherwise it is dropped. Work that does not wait needs no
/// timer, and no more does [`Duration::MAX`], which is no limit.
///
/// ```
/// use std::time::Duration;
///
/// use es_core::{SystemClock, within};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let hour = Duration::from_secs(60 * 60);
/// assert_eq!(within(&SystemClock, hour, async { 7 }).await, Some(7));
/// assert_eq!(within(&SystemClock, Duration::ZERO, std::future::pending::<()>()).await, None);
/// # }
/// ```
pub async fn within<T>(
    clock: &dyn Clock,
    limit: Duration,
    work: impl Future<Output = T>,
) -> Option<T> {
    if limit == Duration::MAX {
        return Some(work.await);
    }
    let until = clock.monotonic().saturating_add(limit);
    tokio::select! {
        biased;
        done = work => Some(done),
        () = reaches(clock, until) => None,
    }
}

/// The time without what is finer than microseconds: as every store keeps it.
pub(crate) fn whole_microseconds(time: Timestamp) -> Timestamp {
    // Not by way of `from_microsecond`, which refuses the last second that there is.
    Timestamp::new(time.as_second(), time.subsec_microsecond() * 1_000).unwrap_or(time)
}
