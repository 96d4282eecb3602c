use std::path::Path;
use std::sync::Arc;

use es_core::{Clock, Error};
use es_sqlite::SqliteStore;

use super::{Backend, OpenError};
use crate::data_directory::has_database;
use crate::inventory::bus;

/// The embedded backend: a database in a directory.
#[derive(Debug)]
pub struct Embedded {
    store: Arc<SqliteStore>,
}

const DATABASE: &str = "inventory.db";

impl Embedded {
    /// Opens the data in `directory`, making what is not there. Queues hide messages by `clock`.
    ///
    /// # Errors
    ///
    /// [`OpenError`].
    pub async fn open(directory: &Path, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let cannot = |source| OpenError::Directory { path: directory.to_owned(), source };
        std::fs::create_dir_all(directory).map_err(cannot)?;
        let embedded = Self::opened(directory, clock).await?;
        bus::topology()?.ensure(&*embedded.store, &*embedded.store).await?;
        Ok(embedded)
    }

    /// Opens the data in `directory`, which must be there. Nothing is made.
    ///
    /// # Errors
    ///
    /// [`OpenError::Missing`] when it is not, and as [`open`](Self::open).
    pub async fn open_existing(directory: &Path, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        if !has_database(&directory.join(DATABASE)) {
            return Err(OpenError::Missing(directory.to_owned()));
        }
        Self::opened(directory, clock).await
    }

    async fn opened(directory: &Path, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let store = SqliteStore::builder(directory.join(DATABASE)).clock(clock).open().await?;
        Ok(Self { store: Arc::new(store) })
    }

    /// The backend.
    pub fn backend(&self) -> Backend {
        Backend {
            log: self.store.clone(),
            feed: self.store.clone(),
            snapshots: self.store.clone(),
            views: self.store.clone(),
            checkpoints: self.store.clone(),
            deadlines: self.store.clone(),
            queues: self.store.clone(),
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
