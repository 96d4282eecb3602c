//! How queues are connected.

use std::sync::Arc;

use aws_config::SdkConfig;
use es_aws::Connection;
use es_core::{Clock, Entropy, Error, QueueName, Result, SystemClock, SystemEntropy};

use super::{SERVICE, SqsQueues};
use crate::batch;

/// How to connect to [`SqsQueues`]; from [`SqsQueues::builder`].
///
/// Region, credentials, profile and endpoint are found as in every AWS program: the environment
/// (`AWS_REGION`, `AWS_PROFILE`, `AWS_ENDPOINT_URL`, …), the files in `~/.aws`, the role of the
/// container or instance. What is said here goes first.
///
/// ```no_run
/// # async fn example() -> es_core::Result<()> {
/// use es_sns_sqs::SqsQueues;
///
/// let queues = SqsQueues::builder()
///     .name_prefix("staging-")
///     .endpoint_url("http://127.0.0.1:4566")
///     .region("eu-central-1")
///     .connect()
///     .await?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
#[must_use = "queues are connected by `connect`"]
pub struct SqsOptions {
    pub(crate) connection: Connection,
    /// The endpoint that the program has said, before one that is found.
    given_endpoint: Option<String>,
    pub(crate) name_prefix: String,
    pub(crate) encryption_key: Option<String>,
    pub(crate) max_request_bytes: usize,
    pub(crate) receipts_remembered: usize,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
}

impl SqsOptions {
    pub(crate) fn new() -> Self {
        Self {
            connection: Connection::default(),
            given_endpoint: None,
            name_prefix: String::new(),
            encryption_key: None,
            max_request_bytes: batch::DEFAULT_MAX_BYTES,
            receipts_remembered: 100_000,
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
        }
    }

    /// Where and as whom to ask, all of it at once, in the place of what was said before.
    pub fn connection(mut self, connection: Connection) -> Self {
        self.given_endpoint.clone_from(&connection.endpoint_url);
        self.connection = connection;
        self
    }

    /// The region, before what the environment says.
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.connection.region = Some(region.into());
        self
    }

    /// The profile of the AWS configuration files, before what the environment says.
    pub fn profile(mut self, profile: impl Into<String>) -> Self {
        self.connection.profile = Some(profile.into());
        self
    }

    /// Where SQS answers, and [SNS](crate::SnsTopics), as of a local server; by default where AWS says for
    /// the region.
    pub fn endpoint_url(mut self, url: impl Into<String>) -> Self {
        self.given_endpoint = Some(url.into());
        self.connection.endpoint_url.clone_from(&self.given_endpoint);
        self
    }

    /// Where a local server answers, as [`endpoint_url`](Self::endpoint_url). Such a server takes any
    /// region and credentials, so none need be configured, and those of the environment stay here.
    pub fn local_endpoint(mut self, url: impl Into<String>) -> Self {
        self.connection.is_local = true;
        self.endpoint_url(url)
    }

    /// What the names of queues and topics begin with in the account, as `staging-`: the program says
    /// `orders` and uses `staging-orders`. SQS takes 80 characters in all. Default: nothing.
    pub fn name_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.name_prefix = prefix.into();
        self
    }

    /// A key of KMS that queues are encrypted with when they are [configured](SqsQueues): its ARN, id or
    /// alias. Each use of it is charged. Topics that send to such a queue need the key's policy to let
    /// `sns.amazonaws.com` use it
    /// ([SNS](https://docs.aws.amazon.com/sns/latest/dg/sns-enable-encryption-for-topic-sqs-queue-subscriptions.html)).
    /// Default: none; queues are encrypted with a key that SQS manages, without charge, and one that has a
    /// key already keeps it.
    pub fn encryption_key(mut self, key: impl Into<String>) -> Self {
        self.encryption_key = Some(key.into());
        self
    }

    /// The most bytes of messages in one request; larger batches are sent in several. The service's
    /// limit differs between its documents: 256 KiB, the default here, and
    /// [1 MiB](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html).
    /// A single message may be as large as its queue takes, whatever is set here.
    pub fn max_request_bytes(mut self, bytes: usize) -> Self {
        self.max_request_bytes = bytes;
        self
    }

    /// How many receipts are remembered, the newest ones, to see that one does not count any more where
    /// SQS would not say so: see [`SqsQueues`]. Some 200 bytes each. Default: 100,000.
    pub fn receipts_remembered(mut self, receipts: usize) -> Self {
        self.receipts_remembered = receipts;
        self
    }

    /// The clock that holds and waits go by. Default: the machine's.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// What ids of FIFO messages are made from. Default: the machine's.
    pub fn entropy(mut self, entropy: Arc<dyn Entropy>) -> Self {
        self.entropy = entropy;
        self
    }

    /// Connects with the configuration that is found. No request is sent.
    ///
    /// Requests have 3 s to connect, 10 s per attempt and 30 s over all, and are sent up to 5 times,
    /// unless the configuration says otherwise. A receive has the time that it waits on top.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidId`] when no queue can have the prefix, [`Error::Misuse`] when no region is
    /// configured, and when the endpoint is no URL.
    pub async fn connect(self) -> Result<SqsQueues> {
        let config = self.connection.sdk_config().await;
        self.with_config(&config)
    }

    /// Connects with a configuration that the program has made itself, as with credentials of its own.
    /// No request is sent.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    pub fn with_config(mut self, config: &SdkConfig) -> Result<SqsQueues> {
        self.connection.adopt(config, SERVICE)?;
        self.with_client(aws_sdk_sqs::Client::new(config))
    }

    /// Uses a client that the program has configured itself. No request is sent.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidId`] when no queue can have the prefix.
    pub fn with_client(self, client: aws_sdk_sqs::Client) -> Result<SqsQueues> {
        self.check_prefix()?;
        Ok(SqsQueues::new(self, client))
    }

    /// How SNS is to be connected, too. An endpoint that was found for SQS is not one of SNS.
    pub(crate) fn given_connection(&self) -> Connection {
        Connection { endpoint_url: self.given_endpoint.clone(), ..self.connection.clone() }
    }

    fn check_prefix(&self) -> Result<()> {
        let shortest = format!("{}q", self.name_prefix);
        match QueueName::new(&shortest) {
            Ok(_) => Ok(()),
            Err(Error::InvalidId { reason, .. }) => {
                let value = self.name_prefix.chars().take(64).collect();
                Err(Error::InvalidId { what: "prefix of queues", value, reason })
            }
            Err(error) => Err(error),
        }
    }
}
