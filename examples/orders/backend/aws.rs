use std::sync::Arc;
use std::time::Duration;

use es_core::Error;
use es_dynamodb::DynamoStore;
use es_sns_sqs::{SnsTopics, SqsQueues};

use super::{Backend, OpenError};
use crate::aws::ConnectionArguments;
use crate::orders::channels::Channels;

/// Orders as they are on AWS: log, views, progress and records in DynamoDB, queues in SQS, the topic in
/// SNS.
#[derive(Debug)]
pub struct Aws {
    store: Arc<DynamoStore>,
    queues: Arc<SqsQueues>,
    topics: Arc<SnsTopics>,
    channels: Channels,
}

/// Which tables, queues and topic.
#[derive(Debug, Clone)]
pub struct AwsOptions {
    /// What the names of the tables begin with.
    pub table_prefix: String,
    /// What queues and topic are called.
    pub channels: Channels,
    /// The account of the topic; by default it is looked for among all topics that can be seen.
    pub account: Option<String>,
    /// Where AWS answers.
    pub connection: ConnectionArguments,
    /// Whether what is missing is made, instead of being an error.
    pub create: bool,
}

impl AwsOptions {
    /// Which tables, queues and topic these are, for people.
    pub fn place(&self) -> String {
        let Self { table_prefix, channels, connection, .. } = self;
        let (topic, place) = (&channels.notifications, connection.place());
        format!("tables and queues {table_prefix}*, topic {topic} {place}")
    }
}

impl Aws {
    /// Connects, and makes what is missing if that is asked for.
    ///
    /// # Errors
    ///
    /// [`OpenError::MissingTables`] when there is no data and none is to be made; [`OpenError::Store`].
    pub async fn open(options: AwsOptions) -> Result<Self, OpenError> {
        let aws = Self::connected(options.clone()).await?;
        let Self { store, queues, topics, .. } = &aws;
        if options.create {
            store.ensure_tables().await?;
            options.channels.topology()?.ensure(&**queues, &**topics).await?;
        } else {
            let missing = store.missing_tables().await?;
            if !missing.is_empty() {
                return Err(OpenError::MissingTables { place: options.place(), missing });
            }
        }
        Ok(aws)
    }

    async fn connected(options: AwsOptions) -> Result<Self, Error> {
        let connection = options.connection.connection();
        let store = options.connection.tables(&options.table_prefix, options.create);
        let store = store.connect().await?;
        let queues = SqsQueues::builder().connection(connection).connect().await?;
        let mut topics = SnsTopics::builder(&queues);
        if let Some(account) = &options.account {
            topics = topics.account(account);
        }
        let topics = topics.connect().await?;
        let (store, queues, topics) = (Arc::new(store), Arc::new(queues), Arc::new(topics));
        Ok(Self { store, queues, topics, channels: options.channels })
    }

    /// Connects to what a template has made. Nothing is asked before it is used.
    ///
    /// # Errors
    ///
    /// [`OpenError::Store`].
    pub async fn deployed(options: AwsOptions) -> Result<Self, OpenError> {
        Ok(Self::connected(options).await?)
    }

    /// The log and what else is in tables.
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
            // SQS looks at a part of its servers where it is not given time.
            patience: Duration::from_secs(1),
            channels: self.channels.clone(),
        }
    }
}
