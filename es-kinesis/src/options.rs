//! How a data stream is connected.

use std::sync::Arc;

use aws_config::SdkConfig;
use es_aws::Connection;
use es_core::{Clock, Entropy, Result, SystemClock, SystemEntropy};

use crate::data_stream::{DataStream, SERVICE};

/// The key that AWS manages for Kinesis in each account.
pub(crate) const AWS_MANAGED_KEY: &str = "alias/aws/kinesis";
/// As long as Kinesis keeps records without being told.
pub(crate) const DEFAULT_RETENTION_HOURS: u32 = 24;

/// How to connect to a [`DataStream`]; from [`DataStream::builder`].
///
/// Region, credentials, profile and endpoint are found as in every AWS program: the environment
/// (`AWS_REGION`, `AWS_PROFILE`, `AWS_ENDPOINT_URL`, …), the files in `~/.aws`, the role of the
/// container or instance. What is said here goes first.
///
/// ```no_run
/// # async fn example() -> es_core::Result<()> {
/// use es_kinesis::DataStream;
///
/// let stream = DataStream::builder("pharmacy-events")
///     .endpoint_url("http://127.0.0.1:4566")
///     .region("eu-central-1")
///     .connect()
///     .await?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
#[must_use = "a data stream is connected by `connect`"]
pub struct DataStreamOptions {
    pub(crate) name: String,
    pub(crate) connection: Connection,
    pub(crate) encryption_key: String,
    pub(crate) retention_hours: u32,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
}

impl DataStreamOptions {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            connection: Connection::default(),
            encryption_key: AWS_MANAGED_KEY.to_owned(),
            retention_hours: DEFAULT_RETENTION_HOURS,
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

    /// The profile of the AWS configuration files, before what the environment says.
    pub fn profile(mut self, profile: impl Into<String>) -> Self {
        self.connection.profile = Some(profile.into());
        self
    }

    /// Where Kinesis answers, as of a local server; by default where AWS says for the region.
    pub fn endpoint_url(mut self, url: impl Into<String>) -> Self {
        self.connection.endpoint_url = Some(url.into());
        self
    }

    /// Where a local server answers, as [`endpoint_url`](Self::endpoint_url). Such a server takes any
    /// region and credentials, so none need be configured, and those of the environment stay here.
    pub fn local_endpoint(mut self, url: impl Into<String>) -> Self {
        self.connection.is_local = true;
        self.endpoint_url(url)
    }

    /// The key of KMS that the stream is encrypted with when it is [made](DataStream::ensure): its ARN, id or
    /// alias. Each use of it is charged. Default: `alias/aws/kinesis`, the one that AWS manages for
    /// Kinesis in the account.
    pub fn encryption_key(mut self, key: impl Into<String>) -> Self {
        self.encryption_key = key.into();
        self
    }

    /// How long the stream keeps records when it is [made](DataStream::ensure), in hours: 24 to
    /// [8,760](https://docs.aws.amazon.com/streams/latest/dev/kinesis-extended-retention.html). More than
    /// 24 is charged. A consumer that stands still for longer has lost what comes next, and is told so by
    /// [`Error::FeedTrimmed`](es_core::Error::FeedTrimmed). Default: 24.
    pub fn retention_hours(mut self, hours: u32) -> Self {
        self.retention_hours = hours;
        self
    }

    /// The clock that waiting and backing off go by. Default: the machine's.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// What delays are made from. Default: the machine's.
    pub fn entropy(mut self, entropy: Arc<dyn Entropy>) -> Self {
        self.entropy = entropy;
        self
    }

    /// Connects with the configuration that is found. No request is sent.
    ///
    /// Requests have 3 s to connect, 10 s per attempt and 30 s over all, and are sent up to 5 times,
    /// unless the configuration says otherwise.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidId`](es_core::Error::InvalidId) when no stream can have the name,
    /// [`Error::Misuse`](es_core::Error::Misuse) when no region is configured, and when the endpoint is
    /// no URL.
    pub async fn connect(self) -> Result<DataStream> {
        let config = self.connection.sdk_config().await;
        self.with_config(&config)
    }

    /// Connects with a configuration that the program has made itself, as with credentials of its own.
    /// No request is sent.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    pub fn with_config(mut self, config: &SdkConfig) -> Result<DataStream> {
        self.connection.adopt(config, SERVICE)?;
        self.with_client(aws_sdk_kinesis::Client::new(config))
    }

    /// Uses a client that the program has configured itself. No request is sent.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidId`](es_core::Error::InvalidId) when no stream can have the name.
    pub fn with_client(self, client: aws_sdk_kinesis::Client) -> Result<DataStream> {
        DataStream::new(self, client)
    }
}
