//! An SQS and an SNS in memory, reached through the SDK without a network: a request is a call, and what
//! happens follows from the seed and from the clock alone.
//!
//! They sit on the queues in memory, and misbehave as the services do: old receipts of standard queues are
//! answered with success, a topic sends to queues that let it only, numbers are compared with numbers.
//!
//! ```ignore
//! let messaging = FakeMessaging::new(clock, 7);
//! let queues = SqsQueues::builder().with_client(messaging.sqs())?;
//! messaging.faults().at("SendMessageBatch", 1, Fault::LostAnswer);
//! assert_eq!(messaging.count("SendMessageBatch"), 0);
//! ```

mod connector;
mod faults;
mod move_tasks;
mod policy;
mod query;
mod refusal;
mod sns;
mod sqs;
mod standing;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_sdk_sqs::config::retry::{RetryConfig, RetryPartition, TokenBucket};
use aws_sdk_sqs::config::timeout::TimeoutConfig;
use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region, SharedHttpClient};
use aws_smithy_runtime_api::client::http::{SharedHttpConnector, http_client_fn};
use es_core::memory::MemoryQueues;
use es_core::testing::SeededEntropy;
use es_core::{Clock, MessageQueue as _, QueueName};
use serde_json::Value;

use connector::Connector;
use move_tasks::MoveTask;
use sns::FakeTopic;
use sqs::FakeQueue;
use standing::Issued;

pub(crate) use faults::{Fault, Faults, Sleepless};

const REGION: &str = "us-east-1";
const ACCOUNT: &str = "123456789012";

/// The servers. Clones are the same ones.
#[derive(Clone)]
pub(crate) struct FakeMessaging(Arc<Shared>);

struct Shared {
    clock: Arc<dyn Clock>,
    /// Under the names that queues have in the account.
    memory: MemoryQueues,
    faults: Faults,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    queues: BTreeMap<String, FakeQueue>,
    /// By ARN.
    topics: BTreeMap<String, FakeTopic>,
    subscriptions_made: u64,
    /// All receipts that were ever given.
    issued: HashMap<String, Issued>,
    /// The types of attributes, by message.
    types: HashMap<String, BTreeMap<String, String>>,
    /// What receives with an attempt id were answered.
    attempts: HashMap<String, Value>,
    /// Of each queue by ARN, the newest last.
    move_tasks: Option<HashMap<String, Vec<MoveTask>>>,
    /// Somebody cancels them as soon as they are begun.
    cancels_move_tasks: bool,
    /// The most bytes of a request to SQS.
    max_request: usize,
    requests: Vec<Request>,
}

/// A request that the SDK made; each time that it made it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Request {
    /// As `SendMessageBatch`.
    pub(crate) operation: String,
    /// What it says: SQS' JSON, or the parameters of SNS as an object of texts.
    pub(crate) body: Value,
}

impl FakeMessaging {
    /// Without queues and topics, and without faults.
    pub(crate) fn new(clock: Arc<dyn Clock>, seed: u64) -> Self {
        let memory = MemoryQueues::new(clock.clone(), Arc::new(SeededEntropy::new(seed)));
        let (move_tasks, max_request) = (Some(HashMap::new()), 256 * 1024);
        let state = State { move_tasks, max_request, ..State::default() };
        let state = Mutex::new(state);
        Self(Arc::new(Shared { clock, memory, faults: Faults::seeded(seed), state }))
    }

    /// As a local server that moves no dead letters by itself.
    pub(crate) fn without_move_tasks(self) -> Self {
        self.state().move_tasks = None;
        self
    }

    /// Whose operator cancels every redrive.
    pub(crate) fn with_cancelled_move_tasks(self) -> Self {
        self.state().cancels_move_tasks = true;
        self
    }

    /// As SQS is by now, by some of its documents: it takes 1 MiB in a request.
    pub(crate) fn with_large_requests(self) -> Self {
        self.state().max_request = 1024 * 1024;
        self
    }

    /// What its clients meet.
    pub(crate) fn faults(&self) -> &Faults {
        &self.0.faults
    }

    /// A client that asks once.
    pub(crate) fn sqs(&self) -> aws_sdk_sqs::Client {
        self.sqs_with(RetryConfig::disabled())
    }

    /// A client that asks so often. It never sleeps.
    pub(crate) fn sqs_with_attempts(&self, attempts: u32) -> aws_sdk_sqs::Client {
        self.sqs_with(RetryConfig::standard().with_max_attempts(attempts))
    }

    /// A client that asks once.
    pub(crate) fn sns(&self) -> aws_sdk_sns::Client {
        self.sns_with(RetryConfig::disabled())
    }

    /// A client that asks so often. It never sleeps.
    pub(crate) fn sns_with_attempts(&self, attempts: u32) -> aws_sdk_sns::Client {
        self.sns_with(RetryConfig::standard().with_max_attempts(attempts))
    }

    fn sqs_with(&self, retries: RetryConfig) -> aws_sdk_sqs::Client {
        let config = aws_sdk_sqs::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(REGION))
            .credentials_provider(Credentials::for_tests())
            .timeout_config(TimeoutConfig::disabled())
            .retry_config(retries)
            .retry_partition(unlimited_retries())
            .sleep_impl(Sleepless(self.faults().clone()))
            .http_client(self.http_client());
        aws_sdk_sqs::Client::from_conf(config.build())
    }

    fn sns_with(&self, retries: RetryConfig) -> aws_sdk_sns::Client {
        let config = aws_sdk_sns::Config::builder()
            .behavior_version(aws_sdk_sns::config::BehaviorVersion::latest())
            .region(Region::new(REGION))
            .credentials_provider(Credentials::for_tests())
            .timeout_config(TimeoutConfig::disabled())
            .retry_config(retries)
            .retry_partition(unlimited_retries())
            .sleep_impl(Sleepless(self.faults().clone()))
            .http_client(self.http_client());
        aws_sdk_sns::Client::from_conf(config.build())
    }

    /// What the SDK takes for its HTTP client.
    pub(crate) fn http_client(&self) -> SharedHttpClient {
        let connector = SharedHttpConnector::new(Connector::new(self.clone()));
        http_client_fn(move |_, _| connector.clone())
    }

    /// All requests, in the order in which they were made.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.state().requests.clone()
    }

    /// How many requests of an operation there were, those that the SDK repeated counted each time.
    pub(crate) fn count(&self, operation: &str) -> usize {
        self.state().requests.iter().filter(|request| request.operation == operation).count()
    }

    /// The attributes of a queue as they were set, those of topics included.
    pub(crate) fn attributes(&self, queue: &str) -> BTreeMap<String, String> {
        self.state().queues.get(queue).map(|queue| queue.attributes.clone()).unwrap_or_default()
    }

    /// The attributes of a topic as they were set.
    pub(crate) fn topic_attributes(&self, topic: &str) -> BTreeMap<String, String> {
        self.state().topics.get(&topic_arn(topic)).expect("the topic is there").attributes.clone()
    }

    /// The ARNs of the queues that follow a topic, each with the attributes of its subscription.
    pub(crate) fn subscriptions(&self, topic: &str) -> Vec<(String, BTreeMap<String, String>)> {
        let state = self.state();
        let topic = state.topics.get(&topic_arn(topic)).expect("the topic is there");
        let subscriptions = topic.subscriptions.iter();
        subscriptions.map(|it| (it.queue_arn.clone(), it.attributes.clone())).collect()
    }

    /// Sets an attribute of a queue behind everybody's back.
    pub(crate) fn set_attribute(&self, queue: &str, name: &str, value: &str) {
        let mut state = self.state();
        let queue = state.queues.get_mut(queue).expect("the queue is there");
        queue.attributes.insert(name.to_owned(), value.to_owned());
    }

    /// Lets a queue take less, behind everybody's back.
    pub(crate) async fn lower_message_size(&self, queue: &str, bytes: usize) {
        let name = queue_name(queue);
        let options = self.memory().options(&name).await.expect("the queue is there");
        let configured = self.memory().configure(&name, options.max_message_size(bytes)).await;
        configured.expect("a size that queues can have");
        self.set_attribute(queue, "MaximumMessageSize", &bytes.to_string());
    }

    /// Removes a queue behind everybody's back.
    pub(crate) fn remove_queue(&self, queue: &str) {
        assert!(self.state().queues.remove(queue).is_some(), "the queue is there");
    }

    fn clock(&self) -> &dyn Clock {
        &*self.0.clock
    }

    fn memory(&self) -> &MemoryQueues {
        &self.0.memory
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn queue_arn(name: &str) -> String {
    format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{name}")
}

fn topic_arn(name: &str) -> String {
    format!("arn:aws:sns:{REGION}:{ACCOUNT}:{name}")
}

/// The last part of an ARN or URL.
fn name_in(address: &str) -> &str {
    address.rsplit([':', '/']).next().unwrap_or(address)
}

fn queue_name(name: &str) -> QueueName {
    QueueName::new(name).expect("the library asks for queues with valid names")
}

/// Without the quota of retries that all clients of a process share: one test would use up another's.
fn unlimited_retries() -> RetryPartition {
    RetryPartition::custom("fake-messaging").token_bucket(TokenBucket::unlimited()).build()
}

impl fmt::Debug for FakeMessaging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeMessaging").field("faults", self.faults()).finish_non_exhaustive()
    }
}
