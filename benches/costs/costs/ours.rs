//! Commands on es-dynamodb.

use std::sync::Arc;

use es_core::{Cost, ExecuteOptions, IdempotencyKey, Repository, SnapshotPolicy};
use es_dynamodb::DynamoStore;

use crate::AnyError;
use crate::order::{Order, OrderCommand};

/// How the repository is set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setup {
    /// Nothing but the log.
    Plain,
    /// A snapshot every 50 events.
    Snapshots,
    /// States are kept after commands.
    Cached,
}

/// Orders on tables of their own.
pub struct Ours {
    orders: Repository<Order>,
}

impl Ours {
    pub async fn new(url: &str, setup: Setup) -> Result<Self, AnyError> {
        let prefix = format!("{setup:?}-");
        let store = DynamoStore::builder(&prefix).local_endpoint(url).connect().await?;
        store.ensure_tables().await?;
        let store = Arc::new(store);
        let orders = Repository::<Order>::new(store.clone());
        let orders = match setup {
            Setup::Plain => orders,
            Setup::Snapshots => orders.with_snapshots(store, SnapshotPolicy::Every(50)),
            Setup::Cached => orders.with_cache(100),
        };
        Ok(Self { orders })
    }

    /// A command that leads to so many events.
    pub async fn note(&self, id: &str, events: usize) -> Result<Cost, AnyError> {
        Ok(self.orders.execute(id, OrderCommand::Note(events)).await?.cost())
    }

    /// The same, under an idempotency key.
    pub async fn note_once(&self, id: &str, events: usize, key: &str) -> Result<Cost, AnyError> {
        let options = ExecuteOptions::new().idempotency_key(IdempotencyKey::new(key));
        let command = OrderCommand::Note(events);
        Ok(self.orders.execute_with(id, command, options).await?.cost())
    }

    /// What reading the state costs.
    pub async fn load(&self, id: &str) -> Result<Cost, AnyError> {
        let (loaded, cost) = Cost::of(self.orders.load(id)).await;
        loaded?;
        Ok(cost)
    }
}
