//! cqrs-es with its memory store, with a repository that keeps bytes in memory, and with sqlite-es.

mod bytes;
mod domain;
mod sqlite;

use cqrs_es::mem_store::MemStore;
use cqrs_es::{CqrsFramework, EventStore as _};
use es_benches::driver::{Driver, Failure, Peer, version};
use es_benches::order::{Order, OrderEvent};
use es_benches::workload::Keeps;

use crate::domain::{CqrsOrder, Record};

const LOCK_FILE: &str = include_str!("../../Cargo.lock");

fn main() -> Result<(), Failure> {
    let cqrs_es = format!("cqrs-es {}", version(LOCK_FILE, "cqrs-es")?);
    let sqlite_es = version(LOCK_FILE, "sqlite-es")?;
    Driver::new()?
        .with::<Memory>(
            format!("{cqrs_es}, memory (typed events: nothing is encoded or decoded)"),
            Keeps::InMemory,
        )
        .with::<bytes::Bytes>(
            format!("{cqrs_es}, persisted (bytes in memory, JSON)"),
            Keeps::InMemory,
        )
        .with::<sqlite::Sqlite>(
            format!("{cqrs_es}, sqlite-es {sqlite_es} (file, JSON, not synced)"),
            Keeps::Unsynced,
        )
        .serve()
}

struct Memory {
    store: MemStore<CqrsOrder>,
    framework: CqrsFramework<CqrsOrder, MemStore<CqrsOrder>>,
}

impl Peer for Memory {
    type Command = Record;

    async fn open() -> Result<Self, Failure> {
        let store = MemStore::default();
        Ok(Self { framework: CqrsFramework::new(store.clone(), Vec::new(), ()), store })
    }

    fn command(_id: &str, events: Vec<OrderEvent>) -> Record {
        Record::of(events)
    }

    async fn fill(&mut self, id: &str, events: Vec<OrderEvent>) -> Result<(), Failure> {
        self.execute(id, Record::of(events)).await
    }

    async fn execute(&mut self, id: &str, command: Record) -> Result<(), Failure> {
        Ok(self.framework.execute(id, command).await?)
    }

    async fn load(&mut self, id: &str) -> Result<Order, Failure> {
        Ok(self.store.load_aggregate(id).await?.aggregate.0)
    }
}
