//! The dispensary as its template has made it.

use std::sync::Arc;

use axum::Router;
use clap::Parser as _;
use es_core::{AnyConsumer, Consumers, Feed, NoFeed, QueueName};
use es_dynamodb::DynamoStore;
use es_kinesis::{DataStream, PushedRecords};
use es_lambda::{CatchUpFunction, DynamoFunction, HandlerName, KinesisFunction};
use es_sns_sqs::SqsQueues;

use super::{API, CATCH_UP, DATA_STREAM, DEAD_RECORDS};
use crate::aws::{BucketObjects, ConnectionArguments, LogStream, feed_of, views_of};
use crate::command_line::AnyError;
use crate::dispensary::api;
use crate::dispensary::backend::{Backend, Pipeline, published, publishing_to};
use crate::dispensary::service::Dispensary;
use crate::http::prepared;

/// The parts that functions are made of. Nobody was asked for anything yet.
#[derive(Debug)]
pub struct Deployed {
    dispensary: Arc<Dispensary>,
    publisher: Arc<dyn AnyConsumer>,
    log: DynamoStore,
    data_stream: String,
    queues: Arc<SqsQueues>,
    dead_records: QueueName,
}

/// The environment of the functions, as the template sets it.
#[derive(Debug, clap::Parser)]
struct Environment {
    #[arg(long, env = "TABLE_PREFIX")]
    table_prefix: String,
    #[arg(long, env = "BUCKET_NAME")]
    bucket: String,
}

impl Deployed {
    /// What the function of this name needs, as its environment says. The one that catches up reads the stream of the
    /// table, and the data stream; to all others commits are pushed.
    ///
    /// # Errors
    ///
    /// A sentence about a variable that is missing or wrong.
    pub async fn for_function(handler: &HandlerName) -> Result<Self, AnyError> {
        let environment = Environment::try_parse_from(["dispensary-functions"])?;
        let Environment { table_prefix, bucket } = environment;
        let connection = ConnectionArguments::default().connection();
        let store = DynamoStore::builder(&table_prefix).connection(connection.clone());
        let store = Arc::new(store.connect().await?);
        let data_stream = format!("{table_prefix}{DATA_STREAM}");
        let stream = DataStream::builder(&data_stream).connection(connection.clone());
        let stream = stream.connect().await?;
        let objects = BucketObjects::connect(&bucket, &connection).await?;
        let queues = SqsQueues::builder().connection(connection).connect().await?;

        let feed = feed_of(handler, CATCH_UP, &store);
        let publisher = publishing_to(&stream)?;
        let publisher = publisher.from(feed.clone(), store.clone(), store.clone())?;
        let publisher: Arc<dyn AnyConsumer> = Arc::new(publisher);
        let behind_stream: Arc<dyn Feed> = match handler.as_str() == CATCH_UP {
            true => Arc::new(published(&stream, &store)),
            false => Arc::new(NoFeed),
        };
        let (publisher_here, leases) = (publisher.clone(), store.clone());
        let pipeline = Pipeline { publisher: publisher_here, feed: behind_stream, leases };
        let views = views_of(handler, API, &store);
        let backend = Backend {
            log: store.clone(),
            feed,
            snapshots: store.clone(),
            views,
            checkpoints: store.clone(),
            objects: objects.store(),
            pipeline: Some(pipeline),
        };
        Ok(Self {
            dispensary: Arc::new(Dispensary::assembled(backend)?),
            publisher,
            log: DynamoStore::clone(&store),
            data_stream,
            queues: Arc::new(queues),
            dead_records: QueueName::new(&format!("{table_prefix}{DEAD_RECORDS}"))?,
        })
    }

    /// The routes. The views, which may be new, are opened with the first request.
    pub fn router(&self) -> Router {
        let dispensary = self.dispensary.clone();
        prepared(api::router(self.dispensary.clone()), move || {
            let dispensary = dispensary.clone();
            async move { dispensary.prepare().await }
        })
    }

    /// Who publishes the log, behind the stream of its table.
    pub fn publisher(&self) -> DynamoFunction {
        let log = self.log.clone();
        let (queues, dead_records) = (self.queues.clone(), self.dead_records.clone());
        LogStream { log, queues, dead_records }.function(self.publisher.clone())
    }

    /// Who keeps the view for lists, behind the data stream.
    pub fn list(&self) -> KinesisFunction {
        self.behind_the_data_stream(self.dispensary.list.clone())
    }

    /// Who keeps the view for details, behind the data stream.
    pub fn details(&self) -> KinesisFunction {
        self.behind_the_data_stream(self.dispensary.details.clone())
    }

    /// Who analyzes prescriptions, behind the data stream.
    pub fn analyst(&self) -> KinesisFunction {
        self.behind_the_data_stream(self.dispensary.analysis.clone())
    }

    /// What brings all of them what was never pushed: the data stream what it lacks, and then those behind it.
    pub fn catch_up(&self) -> CatchUpFunction {
        let Dispensary { analysis, list, details, .. } = &*self.dispensary;
        let consumers = Consumers::new().with(self.publisher.clone()).with(analysis.clone());
        es_lambda::catch_up(consumers.with(list.clone()).with(details.clone()))
    }

    fn behind_the_data_stream(&self, consumer: impl Into<Consumers>) -> KinesisFunction {
        let records = PushedRecords::of(&self.data_stream, Arc::new(self.log.clone()));
        let function = es_lambda::kinesis(consumer, records);
        function.dead_records_to(self.queues.clone(), self.dead_records.clone())
    }
}
