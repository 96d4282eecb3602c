//! How a bus is connected.

use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use es_aws::Connection;
use es_core::{Backoff, Clock, Entropy, Error, Result, SystemClock, SystemEntropy};

use crate::bus::{EventBridgeBus, SERVICE};

/// How to connect to an [`EventBridgeBus`]; from [`EventBridgeBus::builder`].
///
/// Region, credentials, profile and endpoint are found as in every AWS program. What is said here goes first.
#[derive(Debug, Clone)]
#[must_use = "a bus is connected by `connect`"]
pub struct EventBridgeOptions {
    pub(crate) bus: String,
    pub(crate) connection: Connection,
    pub(crate) name_prefix: String,
    pub(crate) owner: String,
    pub(crate) max_event_bytes: usize,
    pub(crate) max_request_bytes: usize,
    pub(crate) requests_in_flight: usize,
    pub(crate) attempts: u32,
    pub(crate) backoff: Backoff,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
}

impl EventBridgeOptions {
    /// What one request and one event may have, by the documents of EventBridge that say the least.
    const DEFAULT_MAX_BYTES: usize = 256 * 1024;

    pub(crate) fn new(bus: String) -> Self {
        Self {
            bus,
            connection: Connection::default(),
            name_prefix: String::new(),
            owner: "rule-file".to_owned(),
            max_event_bytes: Self::DEFAULT_MAX_BYTES,
            max_request_bytes: Self::DEFAULT_MAX_BYTES,
            requests_in_flight: 4,
            attempts: 8,
            backoff: Backoff { base: Duration::from_millis(50), max: Duration::from_secs(2) },
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
        }
    }

    /// Where and as whom to ask, all of it at once, in the place of what was said before.
    pub fn connection(mut self, connection: Connection) -> Self {
        self.connection = connection;
        self
    }

    /// The region, before what the environment says.
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.connection.region = Some(region.into());
        self
    }

    /// Where EventBridge and SQS answer, as of a local server; by default where AWS says for the region.
    pub fn endpoint_url(mut self, url: impl Into<String>) -> Self {
        self.connection.endpoint_url = Some(url.into());
        self
    }

    /// Where a local server answers, as [`endpoint_url`](Self::endpoint_url). Such a server takes any region and
    /// credentials, so none need be configured, and those of the environment stay here.
    pub fn local_endpoint(mut self, url: impl Into<String>) -> Self {
        self.connection.is_local = true;
        self.endpoint_url(url)
    }

    /// What the names of the bus and of the queues of its rules begin with in the account, as `staging-`: that of
    /// the queues' own options. Default: nothing.
    pub fn name_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.name_prefix = prefix.into();
        self
    }

    /// Whose rules [`ensure`](EventBridgeBus::ensure) makes and removes, for when several programs deploy rules of
    /// their own to one bus: each says another name then. 1–256 ASCII letters, digits, `.`, `-` and `_`. Default:
    /// `rule-file`.
    pub fn owner(mut self, owner: impl Into<String>) -> Self {
        self.owner = owner.into();
        self
    }

    /// The most bytes of an event and of a request, as [`NewBusEvent::size`](es_routing::NewBusEvent::size) counts
    /// them; more events go in several requests. EventBridge's documents say
    /// [256 KB](https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevent-size.html), which is the
    /// default here, and newer ones 1 MB.
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_event_bytes = bytes;
        self.max_request_bytes = bytes;
        self
    }

    /// How many requests are on their way at the same time, at least one. Default: 4.
    pub fn requests_in_flight(mut self, requests: usize) -> Self {
        self.requests_in_flight = requests.max(1);
        self
    }

    /// How often an event is put before it is given up, at least once. Default: 8 times.
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// How long events that were refused for now wait before they are put again. Default: 50 ms at first, 2 s at
    /// most.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// The clock that waits go by. Default: the machine's.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// What the jitter of waits is made from. Default: the machine's.
    pub fn entropy(mut self, entropy: Arc<dyn Entropy>) -> Self {
        self.entropy = entropy;
        self
    }

    /// Connects with the configuration that is found. No request is sent.
    ///
    /// Requests have 3 s to connect, 10 s per attempt and 30 s over all, and are sent up to 5 times, unless the
    /// configuration says otherwise.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidId`] when no bus can have the name, [`Error::Misuse`] when no region is configured, and
    /// when the endpoint is no URL.
    pub async fn connect(self) -> Result<EventBridgeBus> {
        let config = self.connection.sdk_config().await;
        self.with_config(&config)
    }

    /// Connects with a configuration that the program has made itself. No request is sent.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    pub fn with_config(mut self, config: &SdkConfig) -> Result<EventBridgeBus> {
        self.connection.adopt(config, SERVICE)?;
        let sqs = aws_sdk_sqs::Client::new(config);
        self.with_clients(aws_sdk_eventbridge::Client::new(config), sqs)
    }

    /// Uses clients that the program has configured itself; that of SQS for the policies of the queues that rules
    /// send to. No request is sent.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidId`] when no bus, or no owner, can have the name.
    pub fn with_clients(
        self,
        events: aws_sdk_eventbridge::Client,
        sqs: aws_sdk_sqs::Client,
    ) -> Result<EventBridgeBus> {
        check_name(&format!("{}{}", self.name_prefix, self.bus))?;
        check_text("owner", &self.owner)?;
        Ok(EventBridgeBus::new(self, events, sqs))
    }
}

/// As [CreateEventBus](https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_CreateEventBus.html) has it
/// for buses of one's own.
pub(crate) fn check_name(name: &str) -> Result<()> {
    check_text("event bus", name)
}

fn check_text(what: &'static str, name: &str) -> Result<()> {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let reason = if !(1..=256).contains(&name.len()) {
        "it is empty or longer than 256 bytes"
    } else if !name.bytes().all(letter) {
        "it may have ASCII letters, digits, '.', '-' and '_' only"
    } else {
        return Ok(());
    };
    let value = name.chars().take(64).collect();
    Err(Error::InvalidId { what, value, reason })
}
