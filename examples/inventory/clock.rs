//! Time that can be skipped.

use std::time::Duration;

use async_trait::async_trait;
use es_core::{Clock, SystemClock, Timestamp};
use tokio::sync::watch;

/// The machine's clock, ahead of it by what was skipped: whoever sleeps on it wakes up when his time is skipped.
/// With it a run in which nobody does anything for five minutes need not take five minutes.
#[derive(Debug, Default)]
pub struct SkippingClock {
    skipped: watch::Sender<Duration>,
}

impl SkippingClock {
    /// Goes on at `time`, if that is later.
    pub fn skip_to(&self, time: Timestamp) {
        if let Ok(ahead) = Duration::try_from(time.duration_since(self.now())) {
            self.skipped.send_modify(|skipped| *skipped = skipped.saturating_add(ahead));
        }
    }

    fn skipped(&self) -> Duration {
        *self.skipped.borrow()
    }
}

#[async_trait]
impl Clock for SkippingClock {
    fn now(&self) -> Timestamp {
        SystemClock.now().saturating_add(self.skipped()).unwrap_or(Timestamp::MAX)
    }

    fn monotonic(&self) -> Duration {
        SystemClock.monotonic().saturating_add(self.skipped())
    }

    async fn sleep(&self, duration: Duration) {
        let end = self.monotonic().saturating_add(duration);
        let mut skips = self.skipped.subscribe();
        loop {
            skips.mark_unchanged();
            let left = end.saturating_sub(self.monotonic());
            if left.is_zero() {
                return;
            }
            tokio::select! {
                () = SystemClock.sleep(left) => {}
                // The sender lives in `self`, so the channel is open.
                _ = skips.changed() => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn who_sleeps_wakes_up_when_his_time_is_skipped() {
        const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
        let clock = Arc::new(SkippingClock::default());
        let (before, began) = (clock.now(), clock.monotonic());
        let sleeping = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep(YEAR).await }
        });
        tokio::task::yield_now().await;
        // Once more, as the sleeper may have begun after the first.
        while !sleeping.is_finished() {
            clock.skip_to(clock.now().saturating_add(YEAR).expect("a time"));
            tokio::task::yield_now().await;
        }
        assert!(clock.now() >= before.saturating_add(YEAR).expect("a time"));
        assert!(clock.monotonic() >= began + YEAR);
    }

    #[test]
    fn it_never_goes_back() {
        let clock = SkippingClock::default();
        let before = clock.now();
        clock.skip_to(Timestamp::UNIX_EPOCH);
        assert!(clock.now() >= before);
    }
}
