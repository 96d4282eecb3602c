use std::sync::Arc;
use std::time::Duration;

use es_dynamodb::DynamoStore;
use es_eventbridge::EventBridgeBus;
use es_sns_sqs::{SnsTopics, SqsQueues};

use super::{Backend, Delivery, OpenError};
use crate::aws::ConnectionArguments;
use crate::inventory::bus;

/// The inventory as it is on AWS: log, views, progress and deadlines in DynamoDB, the bus in EventBridge, the queues
/// behind it in SQS.
#[derive(Debug)]
pub struct Aws {
    store: Arc<DynamoStore>,
    bus: Arc<EventBridgeBus>,
    queues: Arc<SqsQueues>,
}

/// Which tables, bus and queues.
#[derive(Debug, Clone)]
pub struct AwsOptions {
    /// What the names of tables, bus and queues begin with.
    pub prefix: String,
    /// Where AWS answers.
    pub connection: ConnectionArguments,
    /// Whether what is missing is made, instead of being an error.
    pub create: bool,
}

impl AwsOptions {
    /// Which tables, bus and queues these are, for people.
    pub fn place(&self) -> String {
        format!("tables, bus and queues {}* {}", self.prefix, self.connection.place())
    }

    async fn connect(&self) -> Result<Aws, OpenError> {
        let (prefix, connection) = (&self.prefix, self.connection.connection());
        let store = self.connection.tables(prefix, self.create).connect().await?;
        let queues = SqsQueues::builder().name_prefix(prefix).connection(connection.clone());
        let bus = EventBridgeBus::builder(bus::NAME).name_prefix(prefix).connection(connection);
        Ok(Aws {
            store: Arc::new(store),
            queues: Arc::new(queues.connect().await?),
            bus: Arc::new(bus.connect().await?),
        })
    }
}

impl Aws {
    /// Connects to work there, and makes what is missing if that is asked for.
    ///
    /// # Errors
    ///
    /// [`OpenError::MissingTables`] when there is no data and none is to be made, [`OpenError::Rules`] when the bus
    /// sends events elsewhere; [`OpenError::Store`].
    pub async fn open(options: AwsOptions) -> Result<Self, OpenError> {
        if !options.create {
            let aws = Self::open_existing(options).await?;
            aws.check_rules().await?;
            return Ok(aws);
        }
        let aws = options.connect().await?;
        aws.store.ensure_tables().await?;
        let topics = SnsTopics::builder(&aws.queues).connect().await?;
        bus::topology()?.ensure(&*aws.queues, &topics).await?;
        aws.bus.ensure(&bus::rules()?).await?;
        Ok(aws)
    }

    /// Connects to what is there. Nothing is made.
    ///
    /// # Errors
    ///
    /// [`OpenError::MissingTables`] when there is no data; [`OpenError::Store`].
    pub async fn open_existing(options: AwsOptions) -> Result<Self, OpenError> {
        let aws = AwsOptions { create: false, ..options.clone() }.connect().await?;
        match aws.store.missing_tables().await? {
            missing if missing.is_empty() => Ok(aws),
            missing => Err(OpenError::MissingTables { place: options.place(), missing }),
        }
    }

    /// Connects to what a template has made. Nothing is asked before it is used.
    ///
    /// # Errors
    ///
    /// [`OpenError::Store`] when the AWS configuration does not say enough.
    pub async fn deployed(options: &AwsOptions) -> Result<Self, OpenError> {
        options.connect().await
    }

    async fn check_rules(&self) -> Result<(), OpenError> {
        let differences = self.bus.check(&bus::rules()?).await?;
        if differences.is_empty() {
            return Ok(());
        }
        let differences: Vec<String> = differences.iter().map(ToString::to_string).collect();
        Err(OpenError::Rules { bus: self.bus.name(), differences: differences.join("; ") })
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
            // The stream of a table forgets after a day.
            history: Arc::new(self.store.history()),
            snapshots: self.store.clone(),
            views: self.store.clone(),
            checkpoints: self.store.clone(),
            deadlines: self.store.clone(),
            bus: self.bus.clone(),
            queues: self.queues.clone(),
            // Events take some hundreds of milliseconds through EventBridge, and commits through the stream.
            delivery: Delivery::ByServices { patience: Duration::from_secs(1) },
        }
    }
}
