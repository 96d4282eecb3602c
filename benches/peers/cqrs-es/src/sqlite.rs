//! sqlite-es with the pool that it makes (WAL, `synchronous=NORMAL`) and the tables of its migration.

use cqrs_es::persist::PersistedEventStore;
use cqrs_es::{CqrsFramework, EventStore as _};
use es_benches::driver::{Failure, Peer};
use es_benches::order::{Order, OrderEvent};
use sqlite_es::{SqliteEventRepository, default_sqlite_pool};
use tempfile::TempDir;

use crate::domain::{CqrsOrder, Record};

type Store = PersistedEventStore<SqliteEventRepository, CqrsOrder>;

/// As sqlite-es's `migrations/20221114171845_init.sql` has it.
const EVENTS: &str = "CREATE TABLE events (
  aggregate_type text                          NOT NULL,
  aggregate_id   text                          NOT NULL,
  sequence       integer CHECK (sequence >= 0) NOT NULL,
  event_type     text                          NOT NULL,
  event_version  text                          NOT NULL,
  payload        text                          NOT NULL,
  metadata       text                          NOT NULL,
  PRIMARY KEY (aggregate_type, aggregate_id, sequence)
) STRICT";

pub(crate) struct Sqlite {
    store: Store,
    framework: CqrsFramework<CqrsOrder, Store>,
    _directory: TempDir,
}

impl Peer for Sqlite {
    type Command = Record;

    async fn open() -> Result<Self, Failure> {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("log.db");
        let pool = default_sqlite_pool(&format!("sqlite://{}", path.display())).await;
        sqlx::query(EVENTS).execute(&pool).await?;
        let store =
            || PersistedEventStore::new_event_store(SqliteEventRepository::new(pool.clone()));
        let framework = CqrsFramework::new(store(), Vec::new(), ());
        Ok(Self { framework, store: store(), _directory: directory })
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
