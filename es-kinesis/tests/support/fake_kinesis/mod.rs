//! A Kinesis in memory, reached through the SDK without a network: a request is a call, and what happens
//! follows from the seed and from the clock alone.
//!
//! ```ignore
//! let clock = Arc::new(VirtualClock::at("2026-01-01T00:00:00Z"));
//! let kinesis = FakeKinesis::new(clock.clone(), 7);
//! kinesis.create_stream("orders", 2);
//! kinesis.client().put_record().stream_name("orders")..;
//! let [low, high] = kinesis.split("orders", "shardId-000000000000");
//! assert_eq!(kinesis.records("orders")["shardId-000000000000"].len(), 1);
//! ```

mod asked;
mod connector;
mod consumers;
mod event_stream;
mod hash_key;
mod listing;
mod model;
mod moment;
mod options;
mod reading;
mod refusal;
mod resharding;
mod sequence_number;
mod shard;
mod stream;
mod subscription;
mod throughput;
mod token;
mod writing;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::config::retry::{RetryConfig, RetryPartition, TokenBucket};
use aws_sdk_kinesis::config::timeout::TimeoutConfig;
use aws_sdk_kinesis::config::{
    BehaviorVersion, Credentials, Region, SharedHttpClient, StalledStreamProtectionConfig,
};
use aws_smithy_runtime_api::client::http::{SharedHttpConnector, http_client_fn};
use bytes::Bytes;
use es_core::Clock;
use futures::stream::Stream as Frames;
use serde_json::Value;
use tokio::sync::watch;

use connector::Connector;
use model::Model;
use refusal::Refusal;
use stream::{Mode, Stream};
use subscription::Subscription;
use writing::Failing;

use super::faults::{Faults, Late, Sleepless};

pub(crate) use consumers::Ending;
pub(crate) use hash_key::hash_key;
pub(crate) use moment::Moment;
pub(crate) use options::{BehindHorizon, Options};
pub(crate) use sequence_number::SequenceNumber;
pub(crate) use shard::Record;

/// The server. Clones are the same one.
#[derive(Clone)]
pub(crate) struct FakeKinesis(Arc<Shared>);

struct Shared {
    faults: Faults,
    clock: Arc<dyn Clock>,
    /// Tells the subscriptions that something may have come.
    changes: watch::Sender<()>,
    model: Mutex<Model>,
    requests: Mutex<Requests>,
}

#[derive(Default)]
struct Requests {
    counts: BTreeMap<String, u64>,
    kept: Vec<Request>,
}

/// A request that the SDK made; each time that it made it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Request {
    /// As `PutRecords`.
    pub(crate) operation: String,
    /// What it says, in Kinesis' JSON.
    pub(crate) body: Value,
    /// How it was answered: the HTTP status, or `None` without an answer.
    pub(crate) status: Option<u16>,
}

/// A shard as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ShardState {
    pub(crate) id: String,
    /// None, the one that was split, or the two that were merged.
    pub(crate) parents: Vec<String>,
    pub(crate) hash_keys: RangeInclusive<u128>,
    pub(crate) is_open: bool,
}

impl FakeKinesis {
    /// Without streams, and as AWS is set up, without its limits of throughput.
    pub(crate) fn new(clock: Arc<dyn Clock>, seed: u64) -> Self {
        Self::with_options(clock, seed, Options::default())
    }

    pub(crate) fn with_options(clock: Arc<dyn Clock>, seed: u64, options: Options) -> Self {
        Self(Arc::new(Shared {
            faults: Faults::seeded(seed),
            model: Mutex::new(Model::new(clock.clone(), seed, options)),
            clock,
            changes: watch::Sender::default(),
            requests: Mutex::default(),
        }))
    }

    /// Sets it up otherwise from now on.
    pub(crate) fn set_options(&self, change: impl FnOnce(&mut Options)) {
        change(&mut self.model().options);
    }

    /// What its clients meet, all but the [plain](Self::plain_client) ones.
    pub(crate) fn faults(&self) -> &Faults {
        &self.0.faults
    }

    /// A client that asks once.
    pub(crate) fn client(&self) -> Client {
        self.client_with(RetryConfig::disabled(), self.http_client())
    }

    /// A client that asks so often. It never sleeps: what it would have slept is in [`Faults::slept`].
    pub(crate) fn client_with_attempts(&self, attempts: u32) -> Client {
        self.client_with(RetryConfig::standard().with_max_attempts(attempts), self.http_client())
    }

    /// A client that asks once and meets no faults: a test's own.
    pub(crate) fn plain_client(&self) -> Client {
        self.client_with(RetryConfig::disabled(), self.http_client_meeting(Faults::seeded(0)))
    }

    /// What the SDK takes for its HTTP client, for a client that is configured otherwise.
    pub(crate) fn http_client(&self) -> SharedHttpClient {
        self.http_client_meeting(self.faults().clone())
    }

    fn http_client_meeting(&self, faults: Faults) -> SharedHttpClient {
        let connector = SharedHttpConnector::new(Connector::new(self.clone(), faults));
        http_client_fn(move |_, _| connector.clone())
    }

    /// Makes a stream that is active at once.
    pub(crate) fn create_stream(&self, stream: &str, shards: u64) {
        let mut model = self.model();
        let now = model.now();
        let created = Stream::create(stream, Mode::Provisioned, shards, now);
        let there = model.streams.insert(stream.to_owned(), created);
        assert!(there.is_none(), "there is a stream {stream}");
    }

    /// The shards that are listed, in the order in which they were opened.
    pub(crate) fn shards(&self, stream: &str) -> Vec<ShardState> {
        self.with_stream(stream, |stream, now| {
            let states = stream.shards(now).map(|shard| ShardState {
                id: shard.id(),
                parents: shard.parents.clone(),
                hash_keys: shard.hash_keys.clone(),
                is_open: shard.is_open(),
            });
            states.collect()
        })
    }

    /// The names of the open shards, in the order of their hash keys.
    pub(crate) fn open_shards(&self, stream: &str) -> Vec<String> {
        self.with_stream(stream, |stream, _| {
            stream.open_shards().iter().map(|shard| shard.id()).collect()
        })
    }

    /// The name of the open shard that records with this partition key go to.
    pub(crate) fn shard_of(&self, stream: &str, partition_key: &str) -> String {
        self.with_stream(stream, |stream, _| stream.shard_of(hash_key(partition_key)).id())
    }

    /// Splits an open shard in its middle, and returns the names of those that follow.
    pub(crate) fn split(&self, stream: &str, shard: &str) -> [String; 2] {
        self.with_stream(stream, |stream, now| {
            let middle = hash_key::middle(&stream.shard(shard, now).expect("a shard").hash_keys);
            stream.split(shard, middle, now).expect("it can be split")
        })
    }

    /// Merges two open shards that are neighbours, in the order of their hash keys, and returns the name of
    /// the one that follows.
    pub(crate) fn merge(&self, stream: &str, low: &str, high: &str) -> String {
        self.with_stream(stream, |stream, now| {
            stream.merge(low, high, now).expect("they can be merged")
        })
    }

    /// Forgets all records that there are, and the shards that are closed.
    pub(crate) fn trim(&self, stream: &str) {
        self.with_stream(stream, |stream, now| {
            stream.trim_before(now);
            stream.forget(now);
        });
    }

    /// Forgets all records that came before this one, on all shards, and the shards that were closed before.
    pub(crate) fn trim_before(&self, stream: &str, record: &Record) {
        self.with_stream(stream, |stream, now| {
            stream.trim_before(record.arrived);
            stream.forget(now);
        });
    }

    /// Ends all subscriptions to a stream's shards.
    pub(crate) fn end_subscriptions(&self, stream: &str, ending: Ending) {
        self.with_stream(stream, |stream, _| stream.consumers.end_subscriptions(ending));
    }

    /// The records that are not trimmed, in the order of each listed shard.
    pub(crate) fn records(&self, stream: &str) -> BTreeMap<String, Vec<Record>> {
        self.with_stream(stream, |stream, now| {
            let shards = stream.shards(now);
            shards.map(|shard| (shard.id(), shard.records().cloned().collect())).collect()
        })
    }

    /// All requests, in the order in which they were made.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.noted().kept.clone()
    }

    /// Lets all requests arrive that are late.
    pub(crate) fn let_late_requests_arrive(&self) {
        self.serve_late(self.faults().take_all_late());
    }

    /// How many requests of an operation there were, those that the SDK repeated counted each time.
    pub(crate) fn count(&self, operation: &str) -> u64 {
        self.noted().counts.get(operation).copied().unwrap_or_default()
    }

    fn client_with(&self, retries: RetryConfig, way: SharedHttpClient) -> Client {
        let config = aws_sdk_kinesis::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::for_tests())
            .timeout_config(TimeoutConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .retry_config(retries)
            .retry_partition(unlimited_retries())
            .sleep_impl(Sleepless(self.faults().clone()))
            .http_client(way);
        Client::from_conf(config.build())
    }

    fn answer(&self, operation: &str, asked: &Value, failing: &Failing) -> Result<Value, Refusal> {
        let answer = self.model().answer(operation, asked, failing);
        self.0.changes.send_replace(());
        answer
    }

    /// What comes into a shard from now on, as frames of events.
    fn subscribe(
        &self,
        asked: &Value,
        cut: Option<(u64, Ending)>,
    ) -> Result<impl Frames<Item = io::Result<Bytes>> + Send + 'static, Refusal> {
        let what = self.model().subscribe_to_shard(asked)?;
        self.0.changes.send_replace(());
        Ok(Subscription::new(self.clone(), self.0.changes.subscribe(), what, cut).frames())
    }

    /// Serves requests whose callers have given them up: nobody gets the answers.
    fn serve_late(&self, requests: Vec<Late>) {
        for Late { operation, asked, .. } in requests {
            let _ = self.answer(&operation, &asked, &Failing::new());
        }
    }

    /// Notes a request on its way, and returns where.
    fn note(&self, operation: &str, asked: &Value) -> Option<usize> {
        let is_kept = self.model().options.requests_are_kept;
        let mut requests = self.noted();
        *requests.counts.entry(operation.to_owned()).or_default() += 1;
        let place = requests.kept.len();
        let (operation, body) = (operation.to_owned(), asked.clone());
        is_kept.then(|| requests.kept.push(Request { operation, body, status: None }))?;
        Some(place)
    }

    fn note_status(&self, place: Option<usize>, status: u16) {
        if let Some(place) = place {
            self.noted().kept[place].status = Some(status);
        }
    }

    /// What a test does to a stream.
    #[track_caller]
    fn with_stream<T>(&self, name: &str, act: impl FnOnce(&mut Stream, Moment) -> T) -> T {
        let mut model = self.model();
        let now = model.now();
        let done = act(model.stream_mut(name, now).expect("the stream is there"), now);
        self.0.changes.send_replace(());
        done
    }

    fn clock(&self) -> Arc<dyn Clock> {
        self.0.clock.clone()
    }

    fn model(&self) -> MutexGuard<'_, Model> {
        self.0.model.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn noted(&self) -> MutexGuard<'_, Requests> {
        self.0.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Without the quota of retries that all clients of a process share: one test would use up another's.
fn unlimited_retries() -> RetryPartition {
    RetryPartition::custom("fake-kinesis").token_bucket(TokenBucket::unlimited()).build()
}

impl fmt::Debug for FakeKinesis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeKinesis").field("faults", self.faults()).finish_non_exhaustive()
    }
}
