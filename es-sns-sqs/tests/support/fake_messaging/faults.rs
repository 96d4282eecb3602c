//! Which faults the requests meet, by a plan or from a seed.

use std::collections::BTreeSet;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_sdk_sqs::config::{AsyncSleep, Sleep};

use crate::support::fault_plan::{FaultPlan, Injection};

/// What can happen to a request between the SDK and the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Fault {
    /// The connection breaks before the server has the request.
    LostRequest,
    /// The server acts, and the connection breaks before the answer is there.
    LostAnswer,
    /// The server does nothing: `ThrottlingException`.
    Throttled,
    /// The server fails with a 500, and does nothing.
    InternalError,
    /// The server does nothing, as the caller may not ask for it.
    AccessDenied,
    /// The server takes some entries of a batch and fails with the others: at least one, and maybe all.
    PartialFailure,
    /// A standard queue gives messages out, and can give them out again at once.
    Duplicate,
    /// An answer leaves an entry out.
    EntryLeftOut,
    /// A queue that was made is not found yet.
    NotSeenYet,
    /// A subscription that is listed has ended.
    Ended,
}

impl Fault {
    /// Those that asking again gets a correct program over.
    pub(crate) const PASSING: [Self; 6] = [
        Self::LostRequest,
        Self::LostAnswer,
        Self::Throttled,
        Self::InternalError,
        Self::PartialFailure,
        Self::Duplicate,
    ];
}

/// Decides what happens to the requests of a server's clients, by a [`FaultPlan`]. Clones are the same one.
#[derive(Debug, Clone)]
pub(crate) struct Faults(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    plan: FaultPlan<Fault>,
    slept: Mutex<Duration>,
}

impl Faults {
    /// None is planned, none has a rate yet.
    pub(crate) fn seeded(seed: u64) -> Self {
        let plan = FaultPlan::seeded(seed, |_, _| true);
        Self(Arc::new(Shared { plan, slept: Mutex::default() }))
    }

    /// How long the SDK would have slept between its tries, all together.
    pub(crate) fn slept(&self) -> Duration {
        *self.slept_for()
    }

    fn slept_for(&self) -> MutexGuard<'_, Duration> {
        self.0.slept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Deref for Faults {
    type Target = FaultPlan<Fault>;

    fn deref(&self) -> &FaultPlan<Fault> {
        &self.0.plan
    }
}

/// A request on its way, and the faults that it is to meet.
pub(super) struct Passage {
    faults: Faults,
    operation: String,
    nth: u64,
    due: BTreeSet<Fault>,
}

impl Passage {
    pub(super) fn begin(faults: &Faults, operation: &str) -> Self {
        let (nth, due) = faults.decide(operation);
        Self { faults: faults.clone(), operation: operation.to_owned(), nth, due }
    }

    /// Whether the fault is due; if so it counts as injected, and the caller sees to it.
    pub(super) fn meets(&self, fault: Fault) -> bool {
        let is_due = self.due.contains(&fault);
        if is_due {
            let (operation, nth) = (self.operation.clone(), self.nth);
            self.faults.inject(Injection { operation, nth, fault });
        }
        is_due
    }

    /// Those of so many entries that fail, if that is due.
    pub(super) fn failing(&self, entries: usize) -> BTreeSet<usize> {
        if entries == 0 || !self.meets(Fault::PartialFailure) {
            return BTreeSet::new();
        }
        let failing = |rng: &mut fastrand::Rng| {
            let count = rng.usize(1..=entries);
            rng.choose_multiple(0..entries, count)
        };
        self.faults.with_rng(failing).into_iter().collect()
    }
}

/// Every sleep of the SDK is over as soon as other tasks had their turn, and is added up.
#[derive(Debug)]
pub(crate) struct Sleepless(pub(crate) Faults);

impl AsyncSleep for Sleepless {
    fn sleep(&self, duration: Duration) -> Sleep {
        let faults = self.0.clone();
        Sleep::new(async move {
            tokio::task::yield_now().await;
            *faults.slept_for() += duration;
        })
    }
}
