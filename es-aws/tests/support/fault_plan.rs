//! Which faults the requests of a test meet: by a plan, from a seed, or all of them.
#![allow(dead_code, reason = "each test file uses a part")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Debug};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Decides which faults requests meet.
pub(crate) struct FaultPlan<F: Debug> {
    seed: u64,
    can_meet: fn(F, &str) -> bool,
    state: Mutex<State<F>>,
}

struct State<F> {
    rng: fastrand::Rng,
    rates: BTreeMap<F, f64>,
    planned: BTreeMap<(String, u64), BTreeSet<F>>,
    standing: BTreeSet<(String, F)>,
    counts: BTreeMap<String, u64>,
    injections: Vec<Injection<F>>,
}

/// A fault that a request met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Injection<F> {
    /// As `PutItem`.
    pub(crate) operation: String,
    /// Which request of its operation, counted from 1; one that the SDK repeats counts each time.
    pub(crate) nth: u64,
    pub(crate) fault: F,
}

impl<F: Copy + Ord + Debug> FaultPlan<F> {
    /// Faults that follow from `seed` and the order of the requests. None is planned, none has a rate yet.
    /// `can_meet` says which of them a request of an operation can meet.
    pub(crate) fn seeded(seed: u64, can_meet: fn(F, &str) -> bool) -> Self {
        let state = State {
            rng: fastrand::Rng::with_seed(seed),
            rates: BTreeMap::new(),
            planned: BTreeMap::new(),
            standing: BTreeSet::new(),
            counts: BTreeMap::new(),
            injections: Vec::new(),
        };
        Self { seed, can_meet, state: Mutex::new(state) }
    }

    /// Gives each of `faults` this probability, from 0 to 1, at each request from now on that can meet it.
    pub(crate) fn set_rates(&self, faults: &[F], rate: f64) {
        self.state().rates.extend(faults.iter().map(|fault| (*fault, rate)));
    }

    /// Lets the `nth` request of an operation from now, counted from 1, meet `fault`, and others only
    /// if they are planned too. A request that the SDK repeats counts each time.
    pub(crate) fn at(&self, operation: &str, nth: u64, fault: F) {
        self.check(operation, fault);
        let request = self.nth_from_now(operation, nth);
        self.state().planned.entry(request).or_default().insert(fault);
    }

    /// Lets every request of an operation meet `fault` from now on, until [`stop`](Self::stop).
    pub(crate) fn always(&self, operation: &str, fault: F) {
        self.check(operation, fault);
        self.state().standing.insert((operation.to_owned(), fault));
    }

    fn check(&self, operation: &str, fault: F) {
        assert!((self.can_meet)(fault, operation), "{operation} cannot meet {fault:?}");
    }

    /// The `nth` request of an operation from now: which one it is from the beginning.
    pub(crate) fn nth_from_now(&self, operation: &str, nth: u64) -> (String, u64) {
        (operation.to_owned(), self.requests(operation) + nth)
    }

    /// Ends all faults.
    pub(crate) fn stop(&self) {
        let mut state = self.state();
        state.rates.clear();
        state.planned.clear();
        state.standing.clear();
    }

    /// How many requests of an operation there were, those that the SDK repeated counted each time.
    pub(crate) fn requests(&self, operation: &str) -> u64 {
        self.state().counts.get(operation).copied().unwrap_or_default()
    }

    /// How many requests of all operations there were.
    pub(crate) fn all_requests(&self) -> u64 {
        self.state().counts.values().sum()
    }

    /// Counts a request: its number among those of its operation, and the faults that it is to meet.
    pub(crate) fn decide(&self, operation: &str) -> (u64, BTreeSet<F>) {
        let State { rng, rates, planned, standing, counts, .. } = &mut *self.state();
        let nth = counts.entry(operation.to_owned()).or_default();
        *nth += 1;
        let nth = *nth;
        // Diced in any case, so that a plan leaves the later requests as they are.
        let diced: BTreeSet<F> = rates
            .iter()
            .filter(|(fault, rate)| (self.can_meet)(**fault, operation) && rng.f64() < **rate)
            .map(|(fault, _)| *fault)
            .collect();
        let mut due = planned.remove(&(operation.to_owned(), nth)).unwrap_or(diced);
        due.extend(standing.iter().filter(|(of, _)| of == operation).map(|(_, fault)| *fault));
        (nth, due)
    }

    /// What decides how a fault is, from the seed.
    pub(crate) fn with_rng<T>(&self, decide: impl FnOnce(&mut fastrand::Rng) -> T) -> T {
        decide(&mut self.state().rng)
    }

    /// Counts a fault as injected.
    pub(crate) fn inject(&self, injection: Injection<F>) {
        self.state().injections.push(injection);
    }

    /// How often `fault` was injected.
    pub(crate) fn injected(&self, fault: F) -> usize {
        self.state().injections.iter().filter(|injection| injection.fault == fault).count()
    }

    /// All that was injected, in order.
    pub(crate) fn injections(&self) -> Vec<Injection<F>> {
        self.state().injections.clone()
    }
}

impl<F: Debug> FaultPlan<F> {
    fn state(&self) -> MutexGuard<'_, State<F>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<F: Debug> Drop for FaultPlan<F> {
    /// A test that fails says what to repeat it with.
    fn drop(&mut self) {
        if std::thread::panicking() {
            let injections = std::mem::take(&mut self.state().injections);
            eprintln!("faults of seed {}, {} injected:", self.seed, injections.len());
            for injection in injections {
                eprintln!("  {injection}");
            }
        }
    }
}

impl<F: Debug> fmt::Debug for FaultPlan<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultPlan").field("seed", &self.seed).finish_non_exhaustive()
    }
}

impl<F: Debug> fmt::Display for Injection<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "injected {:?} at {} {}", self.fault, self.operation, self.nth)
    }
}

impl<F: Debug> std::error::Error for Injection<F> {}
