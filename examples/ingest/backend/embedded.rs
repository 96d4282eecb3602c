use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use es_core::Error;
use es_sqlite::SqliteStore;

use super::{Backend, OpenError};
use crate::data_directory::has_database;
use crate::ingest::documents::Directory;
use crate::ingest::names::Names;

/// The embedded backend: a database in a directory, and the directory that is watched.
#[derive(Debug)]
pub struct Embedded {
    store: Arc<SqliteStore>,
    watched: Directory,
    names: Names,
}

impl Embedded {
    const DATABASE: &'static str = "ingest.db";

    /// Opens the data in `directory`, making what is not there, and takes files from `watched`.
    ///
    /// # Errors
    ///
    /// [`OpenError`].
    pub async fn open(
        directory: &Path,
        watched: Directory,
        names: Names,
    ) -> Result<Self, OpenError> {
        for path in [directory, watched.path()] {
            let cannot = |source| OpenError::Directory { path: path.to_owned(), source };
            std::fs::create_dir_all(path).map_err(cannot)?;
        }
        let store = SqliteStore::open(directory.join(Self::DATABASE)).await?;
        names.topology()?.ensure(&store, &store).await?;
        Ok(Self { store: Arc::new(store), watched, names })
    }

    /// Opens the data in `directory`, to look at it: makes no directory, no queue and no topic, and sets none up.
    ///
    /// # Errors
    ///
    /// [`OpenError::Missing`] when there is no data; [`OpenError::Store`] with [`Error::NoSuchQueue`] or
    /// [`Error::NoSuchTopic`] when there is none of such a name in it.
    pub async fn open_existing(
        directory: &Path,
        watched: Directory,
        names: Names,
    ) -> Result<Self, OpenError> {
        if !has_database(&directory.join(Self::DATABASE)) {
            return Err(OpenError::Missing(directory.to_owned()));
        }
        let store = SqliteStore::open(directory.join(Self::DATABASE)).await?;
        names.topology()?.check_there(&store, &store).await?;
        Ok(Self { store: Arc::new(store), watched, names })
    }

    /// The backend.
    pub fn backend(&self) -> Backend {
        Backend {
            log: self.store.clone(),
            feed: self.store.clone(),
            views: self.store.clone(),
            checkpoints: self.store.clone(),
            idempotency: self.store.clone(),
            queues: self.store.clone(),
            topics: self.store.clone(),
            documents: Arc::new(self.watched.clone()),
            directory: Some(self.watched.clone()),
            names: self.names.clone(),
            browsing_wait: Duration::ZERO,
        }
    }

    /// Waits until everything is on disk and closes the database.
    ///
    /// # Errors
    ///
    /// The database's.
    pub async fn close(self) -> Result<(), Error> {
        self.store.close().await
    }
}
