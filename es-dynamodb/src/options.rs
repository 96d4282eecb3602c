//! How a store is connected.

use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use es_aws::Connection;
use es_core::{Clock, Entropy, Limits, Result, SystemClock, SystemEntropy};

use crate::store::{DynamoStore, SERVICE};

/// How to connect a [`DynamoStore`]; from [`DynamoStore::builder`].
///
/// Region, credentials, profile and endpoint are found as in every AWS program: the environment
/// (`AWS_REGION`, `AWS_PROFILE`, `AWS_ENDPOINT_URL`, …), the files in `~/.aws`, the role of the
/// container or instance. What is said here goes first.
///
/// ```no_run
/// # async fn example() -> es_core::Result<()> {
/// use es_dynamodb::{DynamoStore, TableCreation};
///
/// let store = DynamoStore::builder("pharmacy-")
///     .endpoint_url("http://127.0.0.1:8000")
///     .region("eu-central-1")
///     .table_creation(TableCreation::IfMissing)
///     .connect()
///     .await?;
/// store.ensure_tables().await?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
#[must_use = "a store is connected by `connect`"]
pub struct DynamoOptions {
    pub(crate) prefix: String,
    pub(crate) connection: Connection,
    pub(crate) heads: Heads,
    pub(crate) table_creation: TableCreation,
    pub(crate) encryption_key: Option<String>,
    pub(crate) limits: Limits,
    pub(crate) scan_segments: u32,
    pub(crate) scan_units_per_second: Option<u32>,
    pub(crate) poll_interval: Duration,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
}

/// How far the heads that appends are based on are to be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Heads {
    /// They come from a read of this log, as those of a [`Repository`](es_core::Repository) always do,
    /// and a generated commit id comes again only under the head of its first time: an append is a
    /// single request. A head that was never one is taken for one. Ids of commands with an idempotency
    /// key are recognised under any head.
    #[default]
    Trusted,
    /// They may be made up, and commit ids may come again under any head: each append first looks at
    /// the end of the stream, which costs a read, and further back if the id may be there. For imports
    /// and for programs that hand on positions from outside.
    Checked,
}

/// Whether tables and indexes that are missing are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum TableCreation {
    /// Never: a missing table is an error that names it. In production tables come from a template,
    /// and the program's role may not create any.
    #[default]
    Never,
    /// When a view is prepared. For development and tests.
    IfMissing,
}

impl DynamoOptions {
    pub(crate) fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
            connection: Connection::default(),
            heads: Heads::default(),
            table_creation: TableCreation::default(),
            encryption_key: None,
            limits: Limits { max_events: 10_000, max_bytes: 4 * 1024 * 1024 },
            scan_segments: 4,
            scan_units_per_second: None,
            poll_interval: Duration::from_millis(250),
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

    /// Where DynamoDB answers, as of a local server; by default where AWS says for the region.
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

    /// How far the heads that appends are based on are to be trusted. Default: [`Heads::Trusted`].
    pub fn heads(mut self, heads: Heads) -> Self {
        self.heads = heads;
        self
    }

    /// Whether missing tables of views are made. Default: [`TableCreation::Never`].
    pub fn table_creation(mut self, creation: TableCreation) -> Self {
        self.table_creation = creation;
        self
    }

    /// The key of KMS that tables are encrypted with when they are made: its ARN, id or alias. Each use of
    /// it is charged. Default: a key that DynamoDB owns, free of charge; nothing is stored unencrypted.
    pub fn encryption_key(mut self, key: impl Into<String>) -> Self {
        self.encryption_key = Some(key.into());
        self
    }

    /// The most that one commit may have. Default: 10,000 events and 4 MiB. A commit that does not fit
    /// in one item of 400 KB is kept in several.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// In how many segments, read side by side, the feed scans the history; 0 counts as 1. When this
    /// changes, consumers read the history anew before they go on, and know most of it. Default: 4.
    pub fn scan_segments(mut self, segments: u32) -> Self {
        self.scan_segments = segments.max(1);
        self
    }

    /// The most read capacity units per second that scans of the history may consume, in this store
    /// and its clones together. Default: no limit.
    pub fn scan_units_per_second(mut self, units: u32) -> Self {
        self.scan_units_per_second = Some(units.max(1));
        self
    }

    /// How often a waiting feed asks for new commits. Default: 250 ms. Each consumer asks for itself, and
    /// DynamoDB slows down more than a few requests per second about one shard: with several consumers
    /// in all programs together, let it be longer.
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.poll_interval = interval;
        self
    }

    /// The clock that waiting and backing off go by. Default: the machine's.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// What names and delays are made from. Default: the machine's.
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
    /// [`Error::InvalidId`](es_core::Error::InvalidId) when the prefix cannot be part of a table's name,
    /// [`Error::Misuse`](es_core::Error::Misuse) when no
    /// region is configured, and when the endpoint is no URL.
    pub async fn connect(self) -> Result<DynamoStore> {
        let config = self.connection.sdk_config().await;
        self.with_config(&config)
    }

    /// Connects with a configuration that the program has made itself, as with credentials of its own.
    /// No request is sent.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    pub fn with_config(mut self, config: &SdkConfig) -> Result<DynamoStore> {
        self.connection.adopt(config, SERVICE)?;
        let dynamodb = aws_sdk_dynamodb::Client::new(config);
        let streams = aws_sdk_dynamodbstreams::Client::new(config);
        self.with_clients(dynamodb, streams)
    }

    /// Uses clients that the program has configured itself. No request is sent.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    pub fn with_clients(
        self,
        dynamodb: aws_sdk_dynamodb::Client,
        streams: aws_sdk_dynamodbstreams::Client,
    ) -> Result<DynamoStore> {
        DynamoStore::new(self, dynamodb, streams)
    }
}
