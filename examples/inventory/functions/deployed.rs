//! The system as its template has made it.

use std::sync::Arc;

use clap::Parser as _;
use es_core::{QueueName, Repository, SystemClock};
use es_dynamodb::DynamoStore;
use es_lambda::HandlerName;

use super::{CATCH_UP, DEAD_RECORDS};
use crate::aws::{ConnectionArguments, LogStream, feed_of};
use crate::command_line::AnyError;
use crate::inventory::backend::{Aws, AwsOptions, Backend};
use crate::inventory::chance::Chance;
use crate::inventory::payments::{Rates, SimulatedProvider};
use crate::inventory::service::Inventory;

/// The parts that functions are made of. Nobody was asked for anything yet.
#[derive(Debug)]
pub struct Deployed {
    /// The system.
    pub inventory: Inventory,
    /// The stream of its log.
    pub log: LogStream,
}

/// The environment of the functions, as the template sets it.
#[derive(Debug, clap::Parser)]
struct Environment {
    #[arg(long, env = "TABLE_PREFIX")]
    table_prefix: String,
    /// The part of the payments that is declined, from 0 to 1.
    #[arg(long, env = "DECLINE_RATE")]
    decline_rate: f64,
}

impl Deployed {
    /// What the function of this name needs, as its environment says. The one that catches up follows the log itself; to
    /// all others commits are pushed, and they may not read the stream of the table beside that.
    ///
    /// # Errors
    ///
    /// A sentence about a variable that is missing or wrong.
    pub async fn for_function(handler: &HandlerName) -> Result<Self, AnyError> {
        let environment = Environment::try_parse_from(["inventory-functions"])?;
        let Environment { table_prefix, decline_rate } = environment;
        let connection = ConnectionArguments::default();
        let options = AwsOptions { prefix: table_prefix, connection, create: false };
        let aws = Aws::deployed(&options).await?;
        let feed = feed_of(handler, CATCH_UP, aws.store());
        let backend = Backend { feed, ..aws.backend() };
        let books = Repository::new(backend.log.clone());
        let rates = Rates { declined: decline_rate, ..Rates::default() };
        let provider = SimulatedProvider::new(books, Chance::from_seed(1), rates);
        let (log, queues) = (DynamoStore::clone(aws.store()), backend.queues.clone());
        let log = LogStream { log, queues, dead_records: QueueName::new(DEAD_RECORDS)? };
        let inventory = Inventory::assembled(backend, Arc::new(provider), Arc::new(SystemClock))?;
        Ok(Self { inventory, log })
    }
}
