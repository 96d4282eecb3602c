use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;

use crate::backoff::Backoff;
use crate::clock::{Clock, SystemClock};
use crate::testing::VirtualClock;

/// By which time queues, records and their consumers go in a test.
#[derive(Debug, Clone)]
pub enum Time {
    /// It passes when everybody waits for it, on a clock made by [`VirtualClock::at`].
    Virtual(Arc<VirtualClock>),
    /// It passes, as on a server outside of the test. Everything is ten times as fast: holds are a second,
    /// the shortest that SQS can do.
    Real,
}

impl Time {
    /// What is waited for at most before a test says that it does not come, in steps of virtual time.
    const PATIENCE: Duration = Duration::from_secs(500);
    /// The same in real time: many times what a test needs, as steps on a busy machine come no faster.
    const REAL_PATIENCE: Duration = Duration::from_secs(120);

    pub(crate) fn is_real(&self) -> bool {
        matches!(self, Self::Real)
    }

    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        match self {
            Self::Virtual(clock) => clock.clone(),
            Self::Real => Arc::new(SystemClock),
        }
    }

    /// How long something takes that is to take this long in virtual time.
    pub(crate) fn paced(&self, duration: Duration) -> Duration {
        match self {
            Self::Virtual(_) => duration,
            Self::Real => duration / 10,
        }
    }

    /// How failures are tried again. In real time at once: a queue that counts in seconds would make a whole
    /// one of each part.
    pub(crate) fn backoff(&self, backoff: Backoff) -> Backoff {
        match self {
            Self::Virtual(_) => backoff,
            Self::Real => Backoff { base: Duration::ZERO, max: Duration::ZERO },
        }
    }

    /// How often is looked, a `step` apart, before a test says that something does not come.
    pub(crate) fn patience(&self, step: Duration) -> u32 {
        let patience = match self {
            Self::Virtual(_) => Self::PATIENCE,
            Self::Real => Self::REAL_PATIENCE,
        };
        patience.div_duration_f64(step) as u32
    }

    /// Runs all of them: one after the other where they share a virtual clock, side by side in real time.
    pub(crate) async fn all<F: Future>(&self, them: impl IntoIterator<Item = F>) -> Vec<F::Output> {
        match self {
            Self::Real => join_all(them).await,
            Self::Virtual(_) => {
                let mut outputs = Vec::new();
                for one in them {
                    outputs.push(one.await);
                }
                outputs
            }
        }
    }
}

/// A clock that nobody moves.
impl From<Arc<VirtualClock>> for Time {
    fn from(clock: Arc<VirtualClock>) -> Self {
        Self::Virtual(clock)
    }
}

/// The machine's.
impl From<SystemClock> for Time {
    fn from(_: SystemClock) -> Self {
        Self::Real
    }
}
