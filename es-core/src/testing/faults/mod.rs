//! Faults of stores and networks, injected from a seed or by a script.
//!
//! | wrapper | of | its own faults |
//! |---|---|---|
//! | [`FaultyEventStore`] | [`EventStore`](crate::EventStore) | a rival's commit gets in first; a read breaks off between pages |
//! | [`FaultyFeed`] | [`Feed`](crate::Feed) | commits twice, out of order, late; short pages |
//! | [`FaultySnapshotStore`] | [`SnapshotStore`](crate::SnapshotStore) | |
//! | [`FaultyCheckpointStore`] | [`CheckpointStore`](crate::CheckpointStore) | |
//! | [`FaultyViewStore`] | [`ViewStore`](crate::ViewStore) | |
//! | [`FaultyMessageQueue`] | [`MessageQueue`](crate::MessageQueue) | a message once more, in any order, late; fewer than there are; single entries of a batch fail |
//! | [`FaultyTopic`] | [`Topic`](crate::Topic) | a message twice; single entries of a batch fail |
//! | [`FaultyDeadlineStore`] | [`DeadlineStore`](crate::DeadlineStore) | |
//! | [`FaultyIdempotencyStore`] | [`IdempotencyStore`](crate::IdempotencyStore) | |
//!
//! Each implements the trait that it wraps, so anything can be run on them: a system of your own, or a
//! backend. All can lose a request or its acknowledgement, be throttled or slow, have a write arrive
//! after its caller has given it up, and find stored bytes damaged; [`Call::faults`] has the whole list.
//! Without faults they are transparent: they pass the [conformance suites](super::conformance).
//!
//! The wrappers of one test share a [`Faults`], which decides what happens to each request. What it
//! decides follows from its seed and the order of the requests; when a test fails, it prints the seed
//! and what it has injected.
//!
//! ```
//! # mod doc {
//! #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/account.rs"));
//! # }
//! # use doc::*;
//! use std::sync::Arc;
//!
//! use es_core::memory::MemoryStore;
//! use es_core::testing::VirtualClock;
//! use es_core::testing::faults::{Call, Fault, Faults, FaultyEventStore};
//! use es_core::{ExecuteOptions, Repository};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! for seed in 0..20 {
//!     let faults = Faults::seeded(seed).with_rates(Fault::TRANSIENT, 0.2);
//!     // Whatever the seed: the acknowledgement of the first append is lost.
//!     faults.at(Call::Append, 1, Fault::LostAcknowledgement);
//!     let log = FaultyEventStore::new(Arc::new(MemoryStore::new()), faults.clone());
//!     let accounts = Repository::<Account>::new(Arc::new(log))
//!         .with_clock(Arc::new(VirtualClock::auto_advancing("2026-01-01T00:00:00Z")));
//!
//!     // A client asks until it has an answer.
//!     let request = || ExecuteOptions::new().idempotency_key("request-7");
//!     while accounts.execute_with("a-1", AccountCommand::Credit(5), request()).await.is_err() {}
//!
//!     faults.stop();
//!     assert_eq!(accounts.load("a-1").await?.balance, 5, "once, not twice");
//!     assert!(faults.injected(Fault::LostAcknowledgement) > 0);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Crashes are not faults of a request but of the program that makes it: [`crash_at`] drops a future
//! at one of its suspension points, [`crash_at_every_await`] at each of them in turn.

mod call;
mod checkpoint_store;
mod crash;
mod damage;
mod deadline_store;
mod entries;
mod event_store;
mod fault;
mod feed;
mod idempotency_store;
mod late;
mod message_queue;
mod request;
mod snapshot_store;
mod topic;
mod view_store;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Clock;

use super::VirtualClock;

pub use call::Call;
pub use checkpoint_store::FaultyCheckpointStore;
pub use crash::{Crashed, crash_at, crash_at_every_await};
pub use deadline_store::FaultyDeadlineStore;
pub use event_store::FaultyEventStore;
pub use fault::{Fault, Injection};
pub use feed::FaultyFeed;
pub use idempotency_store::FaultyIdempotencyStore;
pub use message_queue::FaultyMessageQueue;
pub use snapshot_store::FaultySnapshotStore;
pub use topic::FaultyTopic;
pub use view_store::FaultyViewStore;

/// Decides what happens to the requests of the wrappers that share it. Clones are the same one.
#[derive(Clone)]
pub struct Faults(Arc<Shared>);

struct Shared {
    seed: u64,
    state: Mutex<State>,
}

struct State {
    rng: fastrand::Rng,
    rates: BTreeMap<Fault, f64>,
    script: BTreeSet<(Call, u64, Fault)>,
    clock: Arc<dyn Clock>,
    delay: Duration,
    throttling: u32,
    lateness: u64,
    /// How many of the next requests are still throttled.
    throttled: u32,
    suspends: bool,
    calls: BTreeMap<Call, u64>,
    injections: Vec<Injection>,
}

impl Faults {
    /// No fault but those that are [scripted](Self::at).
    pub fn none() -> Self {
        Self::seeded(0)
    }

    /// Faults that follow from `seed`. None has a [rate](Self::with_rate) yet.
    pub fn seeded(seed: u64) -> Self {
        let state = State {
            rng: fastrand::Rng::with_seed(seed),
            rates: BTreeMap::new(),
            script: BTreeSet::new(),
            clock: Arc::new(VirtualClock::auto_advancing("2026-01-01T00:00:00Z")),
            delay: Duration::from_secs(1),
            throttling: 3,
            lateness: 3,
            throttled: 0,
            suspends: false,
            calls: BTreeMap::new(),
            injections: Vec::new(),
        };
        Self(Arc::new(Shared { seed, state: Mutex::new(state) }))
    }

    /// Gives `fault` a probability, from 0 to 1, at each request that can meet it.
    #[must_use]
    pub fn with_rate(self, fault: Fault, rate: f64) -> Self {
        self.with_rates(&[fault], rate)
    }

    /// Gives each of `faults` this probability.
    #[must_use]
    pub fn with_rates(self, faults: &[Fault], rate: f64) -> Self {
        self.state().rates.extend(faults.iter().map(|fault| (*fault, rate)));
        self
    }

    /// Lets [delays](Fault::Delay) pass on `clock`. Unless given, it is a clock on which they take no
    /// time: a request that is delayed only lets other tasks go first.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        self.state().clock = clock;
        self
    }

    /// How long a [delay](Fault::Delay) is; unless given, a second.
    #[must_use]
    pub fn with_delay(self, delay: Duration) -> Self {
        self.state().delay = delay;
        self
    }

    /// How many requests a [throttling](Fault::Throttling) is for; unless given, three.
    #[must_use]
    pub fn with_throttling(self, requests: u32) -> Self {
        self.state().throttling = requests;
        self
    }

    /// How many later requests to the same store a [late](Fault::LateRequest) one lets pass at most;
    /// unless given, three.
    #[must_use]
    pub fn with_lateness(self, requests: u64) -> Self {
        self.state().lateness = requests;
        self
    }

    /// Makes every request wait once on its way there and once on its way back, as over a network:
    /// other tasks run meanwhile, and a [crash](crash_at) can come between.
    #[must_use]
    pub fn suspending(self) -> Self {
        self.state().suspends = true;
        self
    }

    /// Lets the `nth` request of a kind from now, counted from 1, meet `fault`, and others only if they
    /// are scripted too.
    ///
    /// # Panics
    ///
    /// When such requests [cannot](Call::faults) meet it.
    pub fn at(&self, call: Call, nth: u64, fault: Fault) {
        assert!(call.faults().contains(&fault), "{call:?} cannot meet {fault:?}");
        let mut state = self.state();
        let before = state.calls.get(&call).copied().unwrap_or_default();
        state.script.insert((call, before + nth, fault));
    }

    /// Ends all faults. Writes that are late still arrive.
    pub fn stop(&self) {
        let mut state = self.state();
        state.rates.clear();
        state.script.clear();
        state.throttled = 0;
    }

    /// How many requests of a kind there were.
    pub fn calls(&self, call: Call) -> u64 {
        self.state().calls.get(&call).copied().unwrap_or_default()
    }

    /// How often `fault` was injected.
    pub fn injected(&self, fault: Fault) -> usize {
        self.state().injections.iter().filter(|injection| injection.fault == fault).count()
    }

    /// All that was injected, in order.
    pub fn injections(&self) -> Vec<Injection> {
        self.state().injections.clone()
    }

    /// How many requests overtake the one that is late now.
    fn lateness(&self) -> u64 {
        let State { rng, lateness, .. } = &mut *self.state();
        rng.u64(..=*lateness)
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
    /// The number of the request among those of its kind, and the faults that it is to meet.
    fn decide(&mut self, call: Call) -> (u64, Vec<Fault>) {
        let nth = self.calls.entry(call).or_default();
        *nth += 1;
        let nth = *nth;
        let (script, faults) = (&mut self.script, call.faults());
        let scripted: Vec<_> =
            faults.iter().copied().filter(|fault| script.remove(&(call, nth, *fault))).collect();
        // Diced in any case, so that a script leaves the later requests as they are.
        let (rates, rng) = (&self.rates, &mut self.rng);
        let mut hit = |fault: &Fault| rates.get(fault).is_some_and(|rate| rng.f64() < *rate);
        let diced: Vec<_> = faults.iter().copied().filter(|fault| hit(fault)).collect();
        let due = if scripted.is_empty() { diced } else { scripted };
        (nth, due)
    }

    /// Whether a request is throttled: because it `begins`, or began before.
    fn throttle(&mut self, begins: bool) -> bool {
        if begins {
            self.throttled = self.throttled.max(self.throttling);
        }
        let throttled = self.throttled > 0;
        self.throttled = self.throttled.saturating_sub(1);
        throttled
    }

    fn delay(&self) -> (Arc<dyn Clock>, Duration) {
        (Arc::clone(&self.clock), self.delay)
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("Faults")
            .field("seed", &self.0.seed)
            .field("rates", &state.rates)
            .field("script", &state.script)
            .field("injections", &state.injections.len())
            .finish_non_exhaustive()
    }
}

impl Drop for Shared {
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
