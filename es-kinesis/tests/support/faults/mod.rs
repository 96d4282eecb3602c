//! Which faults the requests to a Kinesis in memory meet, by a plan or from a seed.
//!
//! ```ignore
//! let kinesis = FakeKinesis::new(clock, 7);
//! kinesis.faults().at("PutRecords", 3, Fault::LostAnswer);      // from now on, the third one
//! kinesis.faults().set_rates(Fault::PASSING, 0.05);             // the others as the seed says
//! kinesis.client().put_records()..;
//! assert_eq!(kinesis.faults().injected(Fault::LostAnswer), 1);
//! ```

mod fault;
mod passage;
mod sleepless;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use serde_json::Value;

use super::fault_plan::FaultPlan;

pub(crate) use super::fault_plan::Injection;
pub(crate) use fault::Fault;
pub(crate) use passage::Passage;
pub(crate) use sleepless::Sleepless;

/// Decides what happens to the requests of a server's clients, by a [`FaultPlan`]. Clones are the same one.
#[derive(Clone)]
pub(crate) struct Faults(Arc<Shared>);

struct Shared {
    plan: FaultPlan<Fault>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    before: BTreeMap<(String, u64), BoxFuture<'static, ()>>,
    in_flight: usize,
    most_in_flight: usize,
    late: Vec<Late>,
    slept: Duration,
}

/// A request whose caller has given it up, and that is still on its way.
#[derive(Debug, Clone)]
pub(crate) struct Late {
    pub(crate) operation: String,
    pub(crate) asked: Value,
    /// How many requests overtake it.
    overtaken_by: u32,
}

impl Faults {
    /// Faults that follow from `seed` and the order of the requests. None is planned, none has a rate yet.
    pub(crate) fn seeded(seed: u64) -> Self {
        let plan = FaultPlan::seeded(seed, Fault::can_meet);
        Self(Arc::new(Shared { plan, state: Mutex::default() }))
    }

    /// Runs `first` to its end before the `nth` request of an operation from now goes to the server.
    pub(crate) fn before(
        &self,
        operation: &str,
        nth: u64,
        first: impl Future<Output = ()> + Send + 'static,
    ) {
        let request = self.nth_from_now(operation, nth);
        self.state().before.insert(request, Box::pin(first));
    }

    /// The most requests that were on their way at the same time, since the last call.
    pub(crate) fn take_most_in_flight(&self) -> usize {
        let mut state = self.state();
        let now = state.in_flight;
        std::mem::replace(&mut state.most_in_flight, now)
    }

    /// How long the SDK would have slept between its tries, all together.
    pub(crate) fn slept(&self) -> Duration {
        self.state().slept
    }

    /// The late requests that are due when one more is made.
    pub(crate) fn take_late(&self) -> Vec<Late> {
        let state = &mut *self.state();
        for late in &mut state.late {
            late.overtaken_by = late.overtaken_by.saturating_sub(1);
        }
        let late = std::mem::take(&mut state.late);
        let (due, later) = late.into_iter().partition(|late| late.overtaken_by == 0);
        state.late = later;
        due
    }

    /// All requests that are late.
    pub(crate) fn take_all_late(&self) -> Vec<Late> {
        std::mem::take(&mut self.state().late)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Deref for Faults {
    type Target = FaultPlan<Fault>;

    fn deref(&self) -> &FaultPlan<Fault> {
        &self.0.plan
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults").field("plan", &self.0.plan).finish_non_exhaustive()
    }
}
