//! Where evento keeps events, with its own settings but for SQLite's journal.

use es_benches::driver::Failure;
use evento::migrator::{Migrate as _, Plan};
use evento::{Executor, Fjall, Sqlite};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};
use tempfile::TempDir;

pub(crate) trait Store: Sized + 'static {
    type Executor: Executor;

    async fn open() -> Result<Self, Failure>;

    fn executor(&self) -> &Self::Executor;
}

pub(crate) struct SqliteFile {
    executor: Sqlite,
    _directory: TempDir,
}

impl Store for SqliteFile {
    type Executor = Sqlite;

    async fn open() -> Result<Self, Failure> {
        let directory = tempfile::tempdir()?;
        // Ahead of the file, as the others write; `synchronous` is SQLite's own, FULL.
        let options = SqliteConnectOptions::new()
            .filename(directory.path().join("log.db"))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal);
        let pool = SqlitePoolOptions::new().connect_with(options).await?;
        let mut connection = pool.acquire().await?;
        evento::sql_migrator::new::<sqlx::Sqlite>()?
            .run(&mut *connection, &Plan::apply_all())
            .await?;
        drop(connection);
        Ok(Self { executor: pool.into(), _directory: directory })
    }

    fn executor(&self) -> &Sqlite {
        &self.executor
    }
}

/// A folder that is removed with it.
pub(crate) struct FjallFolder(Fjall);

impl Store for FjallFolder {
    type Executor = Fjall;

    async fn open() -> Result<Self, Failure> {
        Ok(Self(Fjall::temporary()?))
    }

    fn executor(&self) -> &Fjall {
        &self.0
    }
}
