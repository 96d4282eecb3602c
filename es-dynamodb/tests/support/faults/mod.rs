//! Faults between the SDK's clients and the server, by a plan or from a seed.
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

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;
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
use super::fault_plan::{FaultPlan, Injection};
use connector::FaultyClient;
use disturbance::StreamHistory;
use sleepless::Sleepless;

pub(crate) use fault::Fault;

/// Decides what happens to the requests of its clients, by a [`FaultPlan`]. Clones are the same one.
#[derive(Clone)]
pub(crate) struct Faults(Arc<Shared>);

struct Shared {
    plan: FaultPlan<Fault>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    before: BTreeMap<(String, u64), BoxFuture<'static, ()>>,
    sent: Vec<Sent>,
    in_flight: usize,
    most_in_flight: usize,
    late: Vec<Late>,
    history: StreamHistory,
    slept: Duration,
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
    /// No fault but those that are [planned](FaultPlan::at).
    pub(crate) fn none() -> Self {
        Self::seeded(0)
    }

    /// Faults that follow from `seed` and the order of the requests. None has a rate yet.
    pub(crate) fn seeded(seed: u64) -> Self {
        let plan = FaultPlan::seeded(seed, Fault::can_meet);
        Self(Arc::new(Shared { plan, state: Mutex::default() }))
    }

    /// Gives each of `faults` this probability, from 0 to 1, at each request that can meet it.
    pub(crate) fn with_rates(self, faults: &[Fault], rate: f64) -> Self {
        self.set_rates(faults, rate);
        self
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
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Deref for Faults {
    type Target = FaultPlan<Fault>;

    fn deref(&self) -> &FaultPlan<Fault> {
        &self.0.plan
    }
}

/// Without the quota of retries that all clients of a process share: one test would use up another's.
fn unlimited_retries() -> RetryPartition {
    RetryPartition::custom("faults").token_bucket(TokenBucket::unlimited()).build()
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults").field("plan", &self.0.plan).finish_non_exhaustive()
    }
}
