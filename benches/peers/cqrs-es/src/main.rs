//! cqrs-es with its memory store, with a repository that keeps bytes in memory, and with sqlite-es.

mod bytes;
mod domain;
mod framework;
mod sqlite;

use cqrs_es::mem_store::MemStore;
use es_benches::driver::{Driver, Failure, version};
use es_benches::workload::Keeps;

use crate::domain::CqrsOrder;
use crate::framework::{Cqrs, Opened};

const LOCK_FILE: &str = include_str!("../../Cargo.lock");

fn main() -> Result<(), Failure> {
    let cqrs_es = format!("cqrs-es {}", version(LOCK_FILE, "cqrs-es")?);
    let sqlite_es = version(LOCK_FILE, "sqlite-es")?;
    Driver::new()?
        .with::<Cqrs<Memory>>(
            format!(
                "{cqrs_es}, memory (typed events: nothing is encoded or decoded; commands: loaded for each)"
            ),
            Keeps::InMemory,
        )
        .with::<Cqrs<bytes::Bytes>>(
            format!("{cqrs_es}, persisted (bytes in memory, JSON; commands: loaded for each)"),
            Keeps::InMemory,
        )
        .with::<Cqrs<sqlite::Sqlite>>(
            format!(
                "{cqrs_es}, sqlite-es {sqlite_es} (file, JSON, not synced; commands: loaded for each)"
            ),
            Keeps::Unsynced,
        )
        .serve()
}

struct Memory(MemStore<CqrsOrder>);

impl Opened for Memory {
    type Store = MemStore<CqrsOrder>;

    async fn open() -> Result<Self, Failure> {
        Ok(Self(MemStore::default()))
    }

    fn store(&self) -> MemStore<CqrsOrder> {
        self.0.clone()
    }
}
