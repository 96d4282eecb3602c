//! The system as its template has made it.

use std::sync::Arc;

use clap::Parser as _;
use es_core::QueueName;
use es_dynamodb::DynamoStore;
use es_lambda::HandlerName;

use super::{CATCH_UP, DEAD_RECORDS};
use crate::aws::{ConnectionArguments, LogStream, NamedTopic, feed_of};
use crate::command_line::AnyError;
use crate::orders::backend::{Aws, AwsOptions, Backend};
use crate::orders::channels::Channels;
use crate::orders::payments::SimulatedPayments;
use crate::orders::service::Orders;
use crate::orders::time_to_live::TimeToLive;

/// The parts that functions are made of. Nobody was asked for anything yet.
#[derive(Debug)]
pub struct Deployed {
    /// The system.
    pub orders: Orders,
    /// The stream of its log.
    pub log: LogStream,
}

/// The environment of the functions, as the template sets it.
#[derive(Debug, clap::Parser)]
struct Environment {
    #[arg(long, env = "TABLE_NAME")]
    table_prefix: String,
    #[arg(long, env = "TOPIC_ARN")]
    topic: String,
    #[arg(long, env = "TTL_DAYS", default_value = "7")]
    ttl_days: TimeToLive,
    #[arg(long, env = "BROKEN_FOR", value_delimiter = ',')]
    broken_for: Vec<String>,
}

impl Deployed {
    /// What the function of this name needs, as its environment says. The one that catches up follows the log itself; to
    /// all others commits are pushed, and they may not read the stream of the table beside that.
    ///
    /// # Errors
    ///
    /// A sentence about a variable that is missing or wrong.
    pub async fn for_function(handler: &HandlerName) -> Result<Self, AnyError> {
        let environment = Environment::try_parse_from(["orders-functions"])?;
        let Environment { table_prefix, topic, ttl_days, broken_for } = environment;
        let topic = NamedTopic::of(&topic)?;
        let channels = Channels::new(&table_prefix, Some(topic.name))?;
        let options = AwsOptions {
            channels,
            account: topic.account.map(str::to_owned),
            connection: ConnectionArguments::default(),
            create: false,
            table_prefix: table_prefix.clone(),
        };
        let aws = Aws::deployed(options).await?;
        let feed = feed_of(handler, CATCH_UP, aws.store());
        let backend = Backend { feed, ..aws.backend() };
        let payments = Arc::new(SimulatedPayments::broken_for(broken_for));
        let (log, queues) = (DynamoStore::clone(aws.store()), backend.queues.clone());
        let dead_records = QueueName::new(&format!("{table_prefix}{DEAD_RECORDS}"))?;
        let log = LogStream { log, queues, dead_records };
        Ok(Self { orders: Orders::assembled(backend, ttl_days, payments)?, log })
    }
}
