use std::sync::Arc;
use std::time::Duration;

use es_dynamodb::DynamoStore;
use es_sns_sqs::{SnsTopics, SqsQueues};

use super::bucket::S3;
use super::{Backend, OpenError};
use crate::aws::ConnectionArguments;
use crate::ingest::names::Names;

/// The system as it is on AWS: log, records and progress in DynamoDB, queues in SQS, the topic in SNS, files in
/// a bucket of S3 that tells the topic of new ones.
#[derive(Debug)]
pub struct Aws {
    store: Arc<DynamoStore>,
    queues: Arc<SqsQueues>,
    topics: Arc<SnsTopics>,
    s3: S3,
    names: Names,
}

/// Which tables, queues, topic and bucket.
#[derive(Debug, Clone)]
pub struct AwsOptions {
    /// What the names of the tables begin with.
    pub table_prefix: String,
    /// What topic and queues are called.
    pub names: Names,
    /// The account of the topic; by default it is looked for among all topics that can be seen.
    pub account: Option<String>,
    /// What the bucket is called.
    pub bucket: String,
    /// Whether the bucket is made with what else is missing, instead of having to be there.
    pub create_bucket: bool,
    /// Where AWS answers.
    pub connection: ConnectionArguments,
    /// Whether tables, topic and queues that are missing are made, instead of being an error.
    pub create: bool,
}

impl AwsOptions {
    /// Which tables, topic and bucket these are, for people.
    pub fn place(&self) -> String {
        let Self { table_prefix, names, bucket, connection, .. } = self;
        let (topic, place) = (&names.topic, connection.place());
        format!("tables {table_prefix}*, topic {topic}, bucket {bucket} {place}")
    }

    /// How to ask for them on the command line.
    pub fn arguments(&self) -> String {
        let Self { table_prefix, names, bucket, connection, .. } = self;
        let Names { topic, queue, confirmations, dead_letters } = names;
        let mut arguments = vec!["--backend aws".to_owned()];
        arguments.extend(connection.flags());
        arguments.push(format!(
            "--table-prefix {table_prefix} --topic {topic} --queue {queue} \
             --confirmation-queue {confirmations} --dead-letter-queue {dead_letters} --bucket {bucket}"
        ));
        arguments.join(" ")
    }
}

impl Aws {
    /// How long a look at a queue waits: SQS looks at a part of its servers otherwise.
    const BROWSING_WAIT: Duration = Duration::from_secs(1);

    /// Connects, and makes what is missing if that is asked for.
    ///
    /// # Errors
    ///
    /// [`OpenError::MissingTables`] when there is no data and none is to be made; [`OpenError::Store`],
    /// [`OpenError::Bucket`].
    pub async fn open(options: AwsOptions) -> Result<Self, OpenError> {
        let aws = Self::connected(&options).await?;
        let Self { store, queues, topics, names, s3 } = &aws;
        if options.create {
            if !options.create_bucket {
                s3.check_there().await?;
            }
            store.ensure_tables().await?;
            names.topology()?.ensure(&**queues, &**topics).await?;
            if options.create_bucket {
                s3.ensure_bucket(&topics.topic_arn(&names.topic).await?).await?;
            }
        } else {
            let missing = store.missing_tables().await?;
            if !missing.is_empty() {
                return Err(OpenError::MissingTables { place: options.place(), missing });
            }
        }
        Ok(aws)
    }

    /// Connects to what a template has made. Nothing is asked before it is used.
    ///
    /// # Errors
    ///
    /// [`OpenError::Store`], [`OpenError::Bucket`] when the AWS configuration does not say enough.
    pub async fn deployed(options: &AwsOptions) -> Result<Self, OpenError> {
        Self::connected(options).await
    }

    /// That the bucket is there, and may be used: for who reads files or puts them there.
    ///
    /// # Errors
    ///
    /// [`OpenError::Bucket`].
    pub async fn check_bucket(&self) -> Result<(), OpenError> {
        self.s3.check_there().await
    }

    async fn connected(options: &AwsOptions) -> Result<Self, OpenError> {
        let AwsOptions { table_prefix, names, account, bucket, connection, create, .. } = options;
        let store = connection.tables(table_prefix, *create).connect().await?;
        let connection = connection.connection();
        let queues = SqsQueues::builder().connection(connection.clone()).connect().await?;
        let mut topics = SnsTopics::builder(&queues);
        if let Some(account) = account {
            topics = topics.account(account);
        }
        let topics = topics.connect().await?;
        let s3 = S3::connect(bucket, &connection).await?;
        let (store, queues, topics) = (Arc::new(store), Arc::new(queues), Arc::new(topics));
        Ok(Self { store, queues, topics, s3, names: names.clone() })
    }

    /// The log, and what else is in tables.
    pub fn store(&self) -> &Arc<DynamoStore> {
        &self.store
    }

    /// The backend.
    pub fn backend(&self) -> Backend {
        Backend {
            log: self.store.clone(),
            feed: self.store.clone(),
            views: self.store.clone(),
            checkpoints: self.store.clone(),
            idempotency: self.store.clone(),
            queues: self.queues.clone(),
            topics: self.topics.clone(),
            documents: Arc::new(self.s3.files()),
            directory: None,
            names: self.names.clone(),
            browsing_wait: Self::BROWSING_WAIT,
        }
    }
}
