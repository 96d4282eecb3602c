//! The system as its template has made it.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use clap::Parser as _;
use es_core::{Backoff, MessageQueue, QueueName, TopicName, ViewStore};
use es_dynamodb::DynamoStore;
use es_lambda::HandlerName;

use super::{API, DEAD_RECORDS};
use crate::aws::{ConnectionArguments, NamedTopic};
use crate::command_line::AnyError;
use crate::http::{Metrics, prepared};
use crate::ingest::api::{self, App};
use crate::ingest::backend::{Aws, AwsOptions, Backend};
use crate::ingest::names::Names;
use crate::ingest::service::{Ingest, Options};
use crate::ingest::stations::{KnownStations, Outage, Unreliable};

/// The parts that functions are made of. Nobody was asked for anything yet.
#[derive(Debug)]
pub struct Deployed {
    /// The system.
    pub ingest: Arc<Ingest>,
    /// The log.
    pub log: DynamoStore,
    /// The queues.
    pub queues: Arc<dyn MessageQueue>,
    /// The queue for records of the log that could not be read.
    pub dead_records: QueueName,
}

/// The environment of the functions, as the template sets it.
#[derive(Debug, clap::Parser)]
struct Environment {
    #[arg(long, env = "TABLE_NAME")]
    table_prefix: String,
    #[arg(long, env = "TOPIC_ARN")]
    topic: String,
    #[arg(long, env = "BUCKET_NAME")]
    bucket: String,
    #[arg(long, env = "TTL_DAYS", value_parser = clap::value_parser!(u64).range(1..=3650))]
    ttl_days: u64,
    /// None, or several with commas between.
    #[arg(long, env = "OUTAGES")]
    outages: String,
}

impl Deployed {
    /// What the function of this name needs, as its environment says.
    ///
    /// # Errors
    ///
    /// A sentence about a variable that is missing or wrong.
    pub async fn for_function(handler: &HandlerName) -> Result<Self, AnyError> {
        let environment = Environment::try_parse_from(["ingest-functions"])?;
        let Environment { table_prefix, topic, bucket, ttl_days, outages } = environment;
        let topic = NamedTopic::of(&topic)?;
        let names =
            Names { topic: TopicName::new(topic.name)?, ..Names::beginning_with(&table_prefix)? };
        let dead_records = QueueName::new(&format!("{table_prefix}{DEAD_RECORDS}"))?;
        let options = AwsOptions {
            table_prefix,
            names,
            account: topic.account.map(str::to_owned),
            bucket,
            create_bucket: false,
            connection: ConnectionArguments::default(),
            create: false,
        };
        let aws = Aws::deployed(&options).await?;
        let outages = outages.split(',').filter(|outage| !outage.is_empty());
        let outages = outages.map(str::parse).collect::<Result<Vec<Outage>, String>>()?;
        let options = Options {
            keep: Duration::from_secs(ttl_days * 24 * 60 * 60),
            backoff: Backoff::default(),
            register: Arc::new(Unreliable::new(KnownStations, outages)),
        };
        // Whoever answers requests only reads the records: others write them, and make what they lack.
        let views: Arc<dyn ViewStore> = match handler.as_str() {
            API => Arc::new(aws.store().reading_views()),
            _ => aws.store().clone(),
        };
        let backend = Backend { views, ..aws.backend_of_functions() };
        Ok(Self {
            log: DynamoStore::clone(aws.store()),
            queues: backend.queues.clone(),
            ingest: Arc::new(Ingest::assembled(backend, options)?),
            dead_records,
        })
    }

    /// The routes. The records, which may be new, are opened with the first request.
    pub fn router(&self) -> Router {
        let app = App { ingest: self.ingest.clone(), metrics: Metrics::none() };
        let records = self.ingest.records.clone();
        prepared(api::events_router(app), move || {
            let records = records.clone();
            async move { records.prepare().await }
        })
    }
}
