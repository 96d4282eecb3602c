//! The system as its template has made it.

use std::sync::Arc;

use clap::Parser as _;
use es_core::{QueueName, Repository, SystemClock};
use es_dynamodb::DynamoStore;

use super::DEAD_RECORDS;
use crate::aws::{ConnectionArguments, LogStream};
use crate::command_line::AnyError;
use crate::inventory::backend::{Aws, AwsOptions};
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
    /// What the environment of the function says.
    ///
    /// # Errors
    ///
    /// A sentence about a variable that is missing or wrong.
    pub async fn from_environment() -> Result<Self, AnyError> {
        let environment = Environment::try_parse_from(["inventory-functions"])?;
        let Environment { table_prefix, decline_rate } = environment;
        let connection = ConnectionArguments::default();
        let options = AwsOptions { prefix: table_prefix, connection, create: false };
        let aws = Aws::deployed(&options).await?;
        let backend = aws.backend_of_functions();
        let books = Repository::new(backend.log.clone());
        let rates = Rates { declined: decline_rate, ..Rates::default() };
        let provider = SimulatedProvider::new(books, Chance::from_seed(1), rates);
        let (log, queues) = (DynamoStore::clone(aws.store()), backend.queues.clone());
        let log = LogStream { log, queues, dead_records: QueueName::new(DEAD_RECORDS)? };
        let inventory = Inventory::assembled(backend, Arc::new(provider), Arc::new(SystemClock))?;
        Ok(Self { inventory, log })
    }
}
