//! A data stream: the client, and what publishers and feeds share.

use std::fmt;
use std::sync::Arc;

use es_aws::{Connection, Endpoint, Requests};
use es_core::{Clock, Entropy, Error, Result};

use crate::options::DataStreamOptions;
use crate::shard_list::ShardLists;
use crate::summary::Summaries;
use crate::telemetry;

/// The service's name, for errors.
pub(crate) const SERVICE: &str = "Kinesis";

/// A Kinesis data stream. Cloning is cheap, and clones share everything.
#[derive(Clone)]
pub struct DataStream {
    shared: Arc<Shared>,
}

struct Shared {
    client: aws_sdk_kinesis::Client,
    endpoint: Endpoint,
    shard_lists: ShardLists,
    summaries: Summaries,
    options: DataStreamOptions,
}

impl DataStream {
    /// How to connect to the data stream of this name.
    pub fn builder(name: &str) -> DataStreamOptions {
        DataStreamOptions::new(name)
    }

    pub(crate) fn new(options: DataStreamOptions, client: aws_sdk_kinesis::Client) -> Result<Self> {
        check_name("data stream", &options.name)?;
        let endpoint = Endpoint::default();
        let requests = Requests::counted(telemetry::REQUESTS, "stream", &options.name);
        let config = client.config().to_builder();
        let config = config.interceptor(endpoint.clone()).interceptor(requests);
        let client = aws_sdk_kinesis::Client::from_conf(config.build());
        let (shard_lists, summaries) = (ShardLists::default(), Summaries::default());
        let shared = Shared { client, endpoint, shard_lists, summaries, options };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.shared.options.name
    }

    pub(crate) fn client(&self) -> &aws_sdk_kinesis::Client {
        &self.shared.client
    }

    pub(crate) fn shard_lists(&self) -> &ShardLists {
        &self.shared.shard_lists
    }

    pub(crate) fn summaries(&self) -> &Summaries {
        &self.shared.summaries
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.shared.options.clock
    }

    pub(crate) fn entropy(&self) -> &dyn Entropy {
        &*self.shared.options.entropy
    }

    /// What it is encrypted with when it is made.
    pub(crate) fn encryption_key(&self) -> &str {
        &self.shared.options.encryption_key
    }

    /// How long it keeps records when it is made.
    pub(crate) fn retention_hours(&self) -> i32 {
        i32::try_from(self.shared.options.retention_hours).unwrap_or(i32::MAX)
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.shared.options.connection
    }

    /// Where requests go, for errors.
    pub(crate) fn place(&self) -> String {
        let configured = self.connection().endpoint_url.as_deref();
        self.shared.endpoint.place(SERVICE, configured, self.client().config().region())
    }
}

pub(crate) const MAX_NAME_LEN: usize = 128;

/// The names that Kinesis takes for [streams](https://docs.aws.amazon.com/kinesis/latest/APIReference/API_CreateStream.html)
/// and for [consumers](https://docs.aws.amazon.com/kinesis/latest/APIReference/API_RegisterStreamConsumer.html).
pub(crate) fn check_name(what: &'static str, name: &str) -> Result<()> {
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    if (1..=MAX_NAME_LEN).contains(&name.len()) && name.bytes().all(valid) {
        return Ok(());
    }
    Err(Error::InvalidId {
        what,
        value: name.chars().take(64).collect(),
        reason: "it may have 1 to 128 ASCII letters, digits, '_', '.' and '-'",
    })
}

impl fmt::Debug for DataStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataStream")
            .field("name", &self.name())
            .field("place", &self.place())
            .finish_non_exhaustive()
    }
}
