//! event-store-adapter-rs with its memory store and with SQLite.

mod adapter;

use es_benches::driver::{Driver, Failure, version};
use es_benches::order::{Order, OrderEvent};
use es_benches::workload::Keeps;
use event_store_adapter_rs::{
    EventStoreForMemory, EventStoreForSqlite, MemoryStorage, RetentionSettings, SqliteOptions,
    initialize_sqlite_store,
};
use tempfile::TempDir;

use crate::adapter::{Adapter, Opened, OrderId};

const LOCK_FILE: &str = include_str!("../Cargo.lock");

fn main() -> Result<(), Failure> {
    let adapter =
        format!("event-store-adapter-rs {}", version(LOCK_FILE, "event-store-adapter-rs")?);
    Driver::new()?
        .with::<Adapter<InMemory>>(
            format!("{adapter}, memory (bytes, JSON; commands: loaded for each)"),
            Keeps::InMemory,
        )
        .with::<Adapter<File>>(
            format!("{adapter}, SQLite (file, JSON, synced; commands: loaded for each)"),
            Keeps::Synced,
        )
        .serve()
}

struct InMemory(EventStoreForMemory<OrderId, Order, OrderEvent>);

impl Opened for InMemory {
    type Store = EventStoreForMemory<OrderId, Order, OrderEvent>;

    async fn open() -> Result<Self, Failure> {
        let storage = MemoryStorage::new(RetentionSettings::current_only())?;
        Ok(Self(EventStoreForMemory::new(storage)))
    }

    fn store(&self) -> &Self::Store {
        &self.0
    }
}

struct File {
    store: EventStoreForSqlite<OrderId, Order, OrderEvent>,
    _directory: TempDir,
}

impl Opened for File {
    type Store = EventStoreForSqlite<OrderId, Order, OrderEvent>;

    async fn open() -> Result<Self, Failure> {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("log.db");
        let options = SqliteOptions::default();
        initialize_sqlite_store(&path, &options)?;
        Ok(Self { store: EventStoreForSqlite::open(&path, options)?, _directory: directory })
    }

    fn store(&self) -> &Self::Store {
        &self.store
    }
}
