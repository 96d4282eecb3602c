//! Which faults the requests meet, by a plan or from a seed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_sdk_sqs::config::{AsyncSleep, Sleep};

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

/// Decides what happens to the requests of a server's clients. Clones are the same one.
#[derive(Clone)]
pub(crate) struct Faults(Arc<Mutex<State>>);

struct State {
    seed: u64,
    rng: fastrand::Rng,
    rates: BTreeMap<Fault, f64>,
    plan: BTreeSet<(String, u64, Fault)>,
    standing: BTreeSet<(String, Fault)>,
    counts: BTreeMap<String, u64>,
    slept: Duration,
    injected: Vec<(String, Fault)>,
}

impl Faults {
    /// None is planned, none has a rate yet.
    pub(crate) fn seeded(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            seed,
            rng: fastrand::Rng::with_seed(seed),
            rates: BTreeMap::new(),
            plan: BTreeSet::new(),
            standing: BTreeSet::new(),
            counts: BTreeMap::new(),
            slept: Duration::ZERO,
            injected: Vec::new(),
        })))
    }

    /// Gives each of `faults` this probability, from 0 to 1, at each request from now on.
    pub(crate) fn set_rates(&self, faults: &[Fault], rate: f64) {
        self.state().rates.extend(faults.iter().map(|fault| (*fault, rate)));
    }

    /// Lets the `nth` request of an operation from now, counted from 1, meet `fault`.
    pub(crate) fn at(&self, operation: &str, nth: u64, fault: Fault) {
        let mut state = self.state();
        let nth = state.counts.get(operation).copied().unwrap_or_default() + nth;
        state.plan.insert((operation.to_owned(), nth, fault));
    }

    /// Lets every request of an operation meet `fault` from now on.
    pub(crate) fn always(&self, operation: &str, fault: Fault) {
        self.state().standing.insert((operation.to_owned(), fault));
    }

    /// Ends all faults.
    pub(crate) fn stop(&self) {
        let mut state = self.state();
        state.rates.clear();
        state.plan.clear();
        state.standing.clear();
    }

    /// How often `fault` was injected.
    pub(crate) fn injected(&self, fault: Fault) -> usize {
        self.state().injected.iter().filter(|(_, it)| *it == fault).count()
    }

    /// How long the SDK would have slept between its tries, all together.
    pub(crate) fn slept(&self) -> Duration {
        self.state().slept
    }

    /// What the next request of the operation meets.
    pub(super) fn decide(&self, operation: &str) -> Passage {
        let state = &mut *self.state();
        let nth = state.counts.entry(operation.to_owned()).or_default();
        *nth += 1;
        let nth = *nth;
        let planned = |fault: &Fault| state.plan.contains(&(operation.to_owned(), nth, *fault));
        let others = [Fault::AccessDenied, Fault::EntryLeftOut, Fault::NotSeenYet, Fault::Ended];
        let all = Fault::PASSING.into_iter().chain(others);
        let mut due: BTreeSet<_> = all.filter(planned).collect();
        let rng = &mut state.rng;
        let diced = state.rates.iter().filter(|(_, rate)| rng.f64() < **rate);
        due.extend(diced.map(|(fault, _)| *fault));
        due.extend(
            state.standing.iter().filter(|(of, _)| of == operation).map(|(_, fault)| *fault),
        );
        Passage { faults: self.clone(), operation: operation.to_owned(), due }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request on its way, and the faults that it is to meet.
pub(super) struct Passage {
    faults: Faults,
    operation: String,
    due: BTreeSet<Fault>,
}

impl Passage {
    /// Whether the fault is due; if so it counts as injected, and the caller sees to it.
    pub(super) fn meets(&self, fault: Fault) -> bool {
        let is_due = self.due.contains(&fault);
        if is_due {
            self.faults.state().injected.push((self.operation.clone(), fault));
        }
        is_due
    }

    /// Those of so many entries that fail, if that is due.
    pub(super) fn failing(&self, entries: usize) -> BTreeSet<usize> {
        if entries == 0 || !self.meets(Fault::PartialFailure) {
            return BTreeSet::new();
        }
        let rng = &mut self.faults.state().rng;
        let count = rng.usize(1..=entries);
        rng.choose_multiple(0..entries, count).into_iter().collect()
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults").field("seed", &self.state().seed).finish_non_exhaustive()
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
            faults.state().slept += duration;
        })
    }
}
