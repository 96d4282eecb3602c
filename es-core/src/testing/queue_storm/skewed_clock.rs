use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::SignedDuration;

use crate::clock::{Clock, Timestamp};

/// The clock of one worker, whose wall time is another one than that of the stores.
#[derive(Debug)]
pub(crate) struct SkewedClock {
    inner: Arc<dyn Clock>,
    skew: Mutex<SignedDuration>,
}

impl SkewedClock {
    pub(crate) fn new(inner: Arc<dyn Clock>) -> Self {
        Self { inner, skew: Mutex::default() }
    }

    /// Sets the wall clock to this much ahead of the stores', or behind them.
    pub(crate) fn jump(&self, skew: SignedDuration) {
        *self.skew() = skew;
    }

    fn skew(&self) -> MutexGuard<'_, SignedDuration> {
        self.skew.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Clock for SkewedClock {
    fn now(&self) -> Timestamp {
        let now = self.inner.now();
        now.checked_add(*self.skew()).unwrap_or(now)
    }

    fn monotonic(&self) -> Duration {
        self.inner.monotonic()
    }

    async fn sleep(&self, duration: Duration) {
        self.inner.sleep(duration).await;
    }
}
