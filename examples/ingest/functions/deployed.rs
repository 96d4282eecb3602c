//! The system as its template has made it.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use clap::Parser as _;
use es_core::{Backoff, QueueName, TopicName};
use es_dynamodb::DynamoStore;
use es_lambda::HandlerName;

use super::{API, CATCH_UP, DEAD_RECORDS};
use crate::aws::{ConnectionArguments, LogStream, NamedTopic, feed_of, views_of};
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
    /// The stream of its log.
    pub log: LogStream,
}

/// How long a message that failed is hidden. Three attempts are over within some twenty seconds; what is away for
/// longer makes dead letters, which a redrive brings back.
const BACKOFF: Backoff = Backoff { base: Duration::from_secs(8), max: Duration::from_secs(60) };

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
    /// What the function of this name needs, as its environment says. The one that catches up follows the log itself; to
    /// all others commits are pushed, and they may not read the stream of the table beside that.
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
            backoff: BACKOFF,
            register: Arc::new(Unreliable::new(KnownStations, outages)),
        };
        let views = views_of(handler, API, aws.store());
        let feed = feed_of(handler, CATCH_UP, aws.store());
        let backend = Backend { feed, views, ..aws.backend() };
        let log = DynamoStore::clone(aws.store());
        let log = LogStream { log, queues: backend.queues.clone(), dead_records };
        Ok(Self { ingest: Arc::new(Ingest::assembled(backend, options)?), log })
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
