//! Faults between the SDK's clients and the server, by a script or from a seed.
//!
//! The clients of [`Faults::dynamodb`] and [`Faults::streams`] are configured as a store's own, except
//! that they never sleep: what they would have slept is in [`Faults::slept`].
//!
//! ```ignore
//! let faults = Faults::none();
//! let store = server.store_behind(&faults).await;
//! faults.at("PutItem", 1, Fault::LostAnswer);          // from now on, the first one
//! faults.before("PutItem", 2, async move { rival.append(..).await });  // the SDK's second try
//! store.append(..).await.expect("..");
//! assert_eq!(faults.requests("PutItem"), 2);
//! ```

mod connector;
mod disturbance;
mod fault;
mod sleepless;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_sdk_dynamodb::config::retry::{RetryConfig, RetryPartition, TokenBucket};
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{SharedHttpClient, StalledStreamProtectionConfig};
use aws_smithy_http_client::Builder;
use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use futures::future::BoxFuture;
use serde_json::Value;

use super::Server;
use connector::FaultyClient;
use disturbance::StreamHistory;
use sleepless::Sleepless;

pub(crate) use fault::{Fault, Injection};

/// Decides what happens to the requests of its clients. Clones are the same one.
#[derive(Clone)]
pub(crate) struct Faults(Arc<Shared>);

struct Shared {
    seed: u64,
    state: Mutex<State>,
}

struct State {
    rng: fastrand::Rng,
    rates: BTreeMap<Fault, f64>,
    script: BTreeSet<(String, u64, Fault)>,
    standing: BTreeSet<(String, Fault)>,
    before: BTreeMap<(String, u64), BoxFuture<'static, ()>>,
    counts: BTreeMap<String, u64>,
    sent: Vec<Sent>,
    in_flight: usize,
    most_in_flight: usize,
    late: Vec<Late>,
    history: StreamHistory,
    slept: Duration,
    injections: Vec<Injection>,
}

/// A request that the SDK made; each time that it made it.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    /// As `PutItem`.
    pub(crate) operation: String,
    /// What it says, in DynamoDB's JSON.
    pub(crate) body: Value,
    /// How it was answered: the HTTP status, or `None` without an answer.
    pub(crate) status: Option<u16>,
}

/// A request whose caller has given it up, and that is still on its way.
struct Late {
    request: HttpRequest,
    to: SharedHttpConnector,
    /// How many requests overtake it.
    overtaken_by: u32,
}

impl Faults {
    /// No fault but those that are [scripted](Self::at).
    pub(crate) fn none() -> Self {
        Self::seeded(0)
    }

    /// Faults that follow from `seed` and the order of the requests. None has a rate yet.
    pub(crate) fn seeded(seed: u64) -> Self {
        let state = State {
            rng: fastrand::Rng::with_seed(seed),
            rates: BTreeMap::new(),
            script: BTreeSet::new(),
            standing: BTreeSet::new(),
            before: BTreeMap::new(),
            counts: BTreeMap::new(),
            sent: Vec::new(),
            in_flight: 0,
            most_in_flight: 0,
            late: Vec::new(),
            history: StreamHistory::default(),
            slept: Duration::ZERO,
            injections: Vec::new(),
        };
        Self(Arc::new(Shared { seed, state: Mutex::new(state) }))
    }

    /// Gives each of `faults` this probability, from 0 to 1, at each request that can meet it.
    pub(crate) fn with_rates(self, faults: &[Fault], rate: f64) -> Self {
        self.set_rates(faults, rate);
        self
    }

    /// As [`with_rates`](Self::with_rates), from now on.
    pub(crate) fn set_rates(&self, faults: &[Fault], rate: f64) {
        self.state().rates.extend(faults.iter().map(|fault| (*fault, rate)));
    }

    /// Lets the `nth` request of an operation from now, counted from 1, meet `fault`, and others only
    /// if they are scripted too. A request that the SDK repeats counts each time.
    pub(crate) fn at(&self, operation: &str, nth: u64, fault: Fault) {
        assert!(fault.can_meet(operation), "{operation} cannot meet {fault:?}");
        let mut state = self.state();
        let nth = state.count(operation) + nth;
        state.script.insert((operation.to_owned(), nth, fault));
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
        state.script.clear();
        state.standing.clear();
    }

    /// How many requests of an operation there were, those that the SDK repeated counted each time.
    pub(crate) fn requests(&self, operation: &str) -> u64 {
        self.state().count(operation)
    }

    /// How many requests of all operations there were.
    pub(crate) fn all_requests(&self) -> u64 {
        self.state().counts.values().sum()
    }

    /// All requests, in the order in which they were made.
    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.state().sent.clone()
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

    /// How long the clients would have slept between their tries, all together.
    pub(crate) fn slept(&self) -> Duration {
        self.state().slept
    }

    /// A client of `server` with these faults.
    pub(crate) fn dynamodb(&self, server: &Server) -> aws_sdk_dynamodb::Client {
        let config = server
            .dynamodb_config()
            .http_client(self.http_client_over(server.way_to_tables()))
            .sleep_impl(Sleepless(self.clone()))
            .timeout_config(TimeoutConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .retry_config(RetryConfig::standard().with_max_attempts(5))
            .retry_partition(unlimited_retries());
        aws_sdk_dynamodb::Client::from_conf(config.build())
    }

    /// A client of `server`'s streams with these faults.
    pub(crate) fn streams(&self, server: &Server) -> aws_sdk_dynamodbstreams::Client {
        let config = server
            .streams_config()
            .http_client(self.http_client_over(server.way_to_streams()))
            .sleep_impl(Sleepless(self.clone()))
            .timeout_config(TimeoutConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .retry_config(RetryConfig::standard().with_max_attempts(5))
            .retry_partition(unlimited_retries());
        aws_sdk_dynamodbstreams::Client::from_conf(config.build())
    }

    /// For a client that is configured otherwise.
    pub(crate) fn http_client(&self) -> SharedHttpClient {
        self.http_client_over(Builder::new().build_http())
    }

    fn http_client_over(&self, real: SharedHttpClient) -> SharedHttpClient {
        SharedHttpClient::new(FaultyClient::new(self.clone(), real))
    }

    /// For a client that is configured otherwise: every sleep is over at once, time-outs included, so
    /// that a request that is not answered [at all](Fault::Silence) is given up at once, and any other
    /// too.
    pub(crate) fn sleepless(&self) -> impl aws_sdk_dynamodb::config::AsyncSleep + 'static {
        Sleepless(self.clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state()
    }
}

/// Without the quota of retries that all clients of a process share: one test would use up another's.
fn unlimited_retries() -> RetryPartition {
    RetryPartition::custom("faults").token_bucket(TokenBucket::unlimited()).build()
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
        let script = &mut self.script;
        let scripted: BTreeSet<_> = Fault::PASSING
            .iter()
            .chain(&[Fault::Silence])
            .copied()
            .filter(|fault| script.remove(&(operation.to_owned(), nth, *fault)))
            .collect();
        // Diced in any case, so that a script leaves the later requests as they are.
        let rng = &mut self.rng;
        let diced: BTreeSet<_> = self
            .rates
            .iter()
            .filter(|(fault, rate)| fault.can_meet(operation) && rng.f64() < **rate)
            .map(|(fault, _)| *fault)
            .collect();
        let mut due = if scripted.is_empty() { diced } else { scripted };
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
            eprintln!("faults of seed {}, {} injected:", self.seed, injections.len());
            for injection in injections {
                eprintln!("  {injection}");
            }
        }
    }
}
