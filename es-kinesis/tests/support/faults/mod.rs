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

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use serde_json::Value;

pub(crate) use fault::{Fault, Injection};
pub(crate) use passage::Passage;
pub(crate) use sleepless::Sleepless;

/// Decides what happens to the requests of a server's clients. Clones are the same one.
#[derive(Clone)]
pub(crate) struct Faults(Arc<Shared>);

struct Shared {
    seed: u64,
    state: Mutex<State>,
}

struct State {
    rng: fastrand::Rng,
    rates: BTreeMap<Fault, f64>,
    plan: BTreeSet<(String, u64, Fault)>,
    standing: BTreeSet<(String, Fault)>,
    before: BTreeMap<(String, u64), BoxFuture<'static, ()>>,
    counts: BTreeMap<String, u64>,
    in_flight: usize,
    most_in_flight: usize,
    late: Vec<Late>,
    slept: Duration,
    injections: Vec<Injection>,
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
        let state = State {
            rng: fastrand::Rng::with_seed(seed),
            rates: BTreeMap::new(),
            plan: BTreeSet::new(),
            standing: BTreeSet::new(),
            before: BTreeMap::new(),
            counts: BTreeMap::new(),
            in_flight: 0,
            most_in_flight: 0,
            late: Vec::new(),
            slept: Duration::ZERO,
            injections: Vec::new(),
        };
        Self(Arc::new(Shared { seed, state: Mutex::new(state) }))
    }

    /// Gives each of `faults` this probability, from 0 to 1, at each request from now on that can meet it.
    pub(crate) fn set_rates(&self, faults: &[Fault], rate: f64) {
        self.state().rates.extend(faults.iter().map(|fault| (*fault, rate)));
    }

    /// Lets the `nth` request of an operation from now, counted from 1, meet `fault`, and others only
    /// if they are planned too. A request that the SDK repeats counts each time.
    pub(crate) fn at(&self, operation: &str, nth: u64, fault: Fault) {
        assert!(fault.can_meet(operation), "{operation} cannot meet {fault:?}");
        let mut state = self.state();
        let nth = state.count(operation) + nth;
        state.plan.insert((operation.to_owned(), nth, fault));
    }

    /// Lets every request of an operation meet `fault` from now on, until [`stop`](Self::stop).
    pub(crate) fn always(&self, operation: &str, fault: Fault) {
        assert!(fault.can_meet(operation), "{operation} cannot meet {fault:?}");
        self.state().standing.insert((operation.to_owned(), fault));
    }

    /// Runs `first` to its end before the `nth` request of an operation from now goes to the server.
    pub(crate) fn before(
        &self,
        operation: &str,
        nth: u64,
        first: impl Future<Output = ()> + Send + 'static,
    ) {
        let mut state = self.state();
        let nth = state.count(operation) + nth;
        state.before.insert((operation.to_owned(), nth), Box::pin(first));
    }

    /// Ends all faults. Requests that are late still arrive.
    pub(crate) fn stop(&self) {
        let mut state = self.state();
        state.rates.clear();
        state.plan.clear();
        state.standing.clear();
    }

    /// The most requests that were on their way at the same time, since the last call.
    pub(crate) fn take_most_in_flight(&self) -> usize {
        let mut state = self.state();
        let now = state.in_flight;
        std::mem::replace(&mut state.most_in_flight, now)
    }

    /// How often `fault` was injected.
    pub(crate) fn injected(&self, fault: Fault) -> usize {
        self.state().injections.iter().filter(|injection| injection.fault == fault).count()
    }

    /// All that was injected, in order.
    pub(crate) fn injections(&self) -> Vec<Injection> {
        self.state().injections.clone()
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
        self.0.state()
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn count(&self, operation: &str) -> u64 {
        self.counts.get(operation).copied().unwrap_or_default()
    }

    /// The number of the request among those of its operation, and the faults that it is to meet.
    fn decide(&mut self, operation: &str) -> (u64, BTreeSet<Fault>) {
        let nth = self.counts.entry(operation.to_owned()).or_default();
        *nth += 1;
        let nth = *nth;
        let plan = &mut self.plan;
        let planned: BTreeSet<_> = Fault::PASSING
            .iter()
            .chain(&[Fault::Silence, Fault::AccessDenied])
            .copied()
            .filter(|fault| plan.remove(&(operation.to_owned(), nth, *fault)))
            .collect();
        // Diced in any case, so that a plan leaves the later requests as they are.
        let rng = &mut self.rng;
        let diced: BTreeSet<_> = self
            .rates
            .iter()
            .filter(|(fault, rate)| fault.can_meet(operation) && rng.f64() < **rate)
            .map(|(fault, _)| *fault)
            .collect();
        let mut due = if planned.is_empty() { diced } else { planned };
        due.extend(self.standing.iter().filter(|(of, _)| of == operation).map(|(_, fault)| *fault));
        (nth, due)
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults").field("seed", &self.0.seed).finish_non_exhaustive()
    }
}

impl Drop for Shared {
    /// A test that fails says what to repeat it with.
    fn drop(&mut self) {
        if std::thread::panicking() {
            let injections = std::mem::take(&mut self.state().injections);
            eprintln!("Kinesis of seed {}, {} faults injected:", self.seed, injections.len());
            for injection in injections {
                eprintln!("  {injection}");
            }
        }
    }
}
