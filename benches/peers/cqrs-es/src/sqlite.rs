//! sqlite-es with the pool that it makes (WAL, `synchronous=NORMAL`) and the tables of its migration.

use cqrs_es::persist::PersistedEventStore;
use es_benches::driver::Failure;
use sqlite_es::{SqliteEventRepository, default_sqlite_pool};
use sqlx::Pool;
use tempfile::TempDir;

use crate::domain::CqrsOrder;
use crate::framework::Opened;

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
    pool: Pool<sqlx::Sqlite>,
    _directory: TempDir,
}

impl Opened for Sqlite {
    type Store = PersistedEventStore<SqliteEventRepository, CqrsOrder>;

    async fn open() -> Result<Self, Failure> {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("log.db");
        let pool = default_sqlite_pool(&format!("sqlite://{}", path.display())).await;
        sqlx::query(EVENTS).execute(&pool).await?;
        Ok(Self { pool, _directory: directory })
    }

    fn store(&self) -> Self::Store {
        PersistedEventStore::new_event_store(SqliteEventRepository::new(self.pool.clone()))
    }
}
