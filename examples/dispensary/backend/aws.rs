use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use es_core::cloud_events::Source;
use es_core::{Error, LeaseStore};
use es_dynamodb::DynamoStore;
use es_kinesis::{Begin, Capacity, DataStream, KinesisFeed, PublisherOptions, Publishing};
use object_store::ObjectStore;

use crate::aws::BucketObjects;

use super::dynamodb::{DynamoDb, DynamoDbOptions};
use super::pipeline::{Pipeline, share};
use super::{Backend, OpenError};

/// The dispensary as it is on AWS: everything but the prescription files in DynamoDB tables, with a Kinesis data stream from the log
/// to the policy and the projections.
#[derive(Debug)]
pub struct Aws {
    tables: DynamoDb,
    /// In a bucket; otherwise they are where the tables have them.
    objects: Option<Arc<dyn ObjectStore>>,
    pipeline: Pipeline,
}

/// Which tables, which data stream, and where prescription files are.
#[derive(Debug, Clone)]
pub struct AwsOptions {
    /// The tables. The data stream is made where they are.
    pub tables: DynamoDbOptions,
    /// The name of the data stream; by default `events` behind the prefix of the tables.
    pub data_stream: Option<String>,
    /// Where Kinesis answers; by default where DynamoDB does.
    pub kinesis_endpoint_url: Option<String>,
    /// The bucket with the prescription files; without it they are in a directory.
    pub bucket: Option<String>,
}

/// How often a shard is asked for what is new: there are three readers, and Kinesis answers five requests
/// per second about it.
const POLL_INTERVAL: Duration = Duration::from_millis(750);

/// What a data stream that is made here has: enough to be shared by two processes.
const SHARDS: u32 = 2;

impl AwsOptions {
    fn stream_name(&self) -> String {
        self.data_stream.clone().unwrap_or_else(|| format!("{}events", self.tables.table_prefix))
    }

    /// Which tables and which data stream these are, for people.
    pub fn place(&self) -> String {
        let (tables, stream) = (self.tables.place(), self.stream_name());
        match &self.kinesis_endpoint_url {
            Some(url) => format!("{tables}, data stream {stream} at {url}"),
            None => format!("{tables}, data stream {stream}"),
        }
    }

    /// How to ask for them on the command line.
    pub fn arguments(&self) -> String {
        let mut arguments = format!("--backend aws {}", self.tables.flags());
        let given = [
            ("--data-stream", &self.data_stream),
            ("--kinesis-endpoint-url", &self.kinesis_endpoint_url),
        ];
        for (flag, value) in given {
            if let Some(value) = value {
                arguments.push_str(&format!(" {flag} {value}"));
            }
        }
        arguments
    }

    async fn connect(&self) -> Result<DataStream, Error> {
        let tables = &self.tables.connection;
        let connection = match &self.kinesis_endpoint_url {
            Some(url) => tables.at(url).connection(),
            None => tables.connection(),
        };
        let builder = DataStream::builder(&self.stream_name()).connection(connection);
        let stream = builder.connect().await?;
        if self.tables.create_tables {
            stream.ensure(Capacity::Shards(SHARDS)).await?;
        }
        Ok(stream)
    }
}

/// How the log is published to a data stream.
///
/// # Errors
///
/// None: the source is valid.
pub fn publishing_to(stream: &DataStream) -> Result<PublisherOptions, Error> {
    Ok(Publishing::to(stream, Source::new("/dispensary")?))
}

/// The feed of what is published, after what the log had before. A consumer keeps to one feed: programs and functions
/// have the same.
pub fn published(stream: &DataStream, store: &Arc<DynamoStore>) -> KinesisFeed {
    let history = Begin::AfterHistory(Arc::new(store.history()));
    KinesisFeed::of(stream, store.clone(), history)
}

impl Aws {
    /// Connects to tables and data stream, and opens the files: those in the bucket, which must be there, or in
    /// `directory`.
    ///
    /// # Errors
    ///
    /// [`OpenError`].
    pub async fn open(directory: &Path, options: AwsOptions) -> Result<Self, OpenError> {
        let objects = match &options.bucket {
            Some(bucket) => {
                let connection = options.tables.connection.connection();
                let objects = BucketObjects::connect(bucket, &connection).await?;
                objects.check_there().await?;
                Some(objects.store())
            }
            None => None,
        };
        let stream = options.connect().await?;
        let tables = DynamoDb::open(directory, options.tables).await?;
        let store = tables.store();
        let leases: Arc<dyn LeaseStore> = store.clone();
        let publisher = publishing_to(&stream)?.on(store.clone())?;
        let feed = published(&stream, store).poll_interval(POLL_INTERVAL);
        let publisher = Arc::new(share(publisher, &leases)?);
        let pipeline = Pipeline { publisher, feed: Arc::new(feed), leases };
        Ok(Self { tables, objects, pipeline })
    }

    /// The backend.
    pub fn backend(&self) -> Backend {
        let tables = self.tables.backend();
        let objects = self.objects.clone().unwrap_or_else(|| tables.objects.clone());
        Backend { objects, pipeline: Some(self.pipeline.clone()), ..tables }
    }

    /// Ends with the tables.
    pub async fn close(self) {
        drop(self.pipeline);
        self.tables.close().await;
    }
}
