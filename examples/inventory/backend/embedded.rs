use std::path::Path;
use std::sync::Arc;

use es_core::{Clock, Error};
use es_routing::EventBus;
use es_sqlite::SqliteStore;

use super::{Backend, Delivery, OpenError};
use crate::data_directory::{has_database, remove_database};
use crate::inventory::bus;

/// The embedded backend: a database in a directory.
#[derive(Debug)]
pub struct Embedded {
    store: Arc<SqliteStore>,
    bus: Arc<dyn EventBus>,
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
        let store = SqliteStore::builder(directory.join(DATABASE)).clock(clock.clone());
        let store = Arc::new(store.open().await?);
        let bus = Arc::new(bus::local(store.clone(), clock)?);
        Ok(Self { store, bus })
    }

    /// Removes the data in `directory`, and the directory itself if nothing else is in it. No program may have it
    /// open.
    ///
    /// # Errors
    ///
    /// [`OpenError::Missing`], [`OpenError::Remove`].
    pub fn remove(directory: &Path) -> Result<(), OpenError> {
        if !has_database(&directory.join(DATABASE)) {
            return Err(OpenError::Missing(directory.to_owned()));
        }
        Ok(remove_database(directory, DATABASE)?)
    }

    /// The backend.
    pub fn backend(&self) -> Backend {
        Backend {
            log: self.store.clone(),
            feed: self.store.clone(),
            // It keeps everything.
            history: self.store.clone(),
            snapshots: self.store.clone(),
            views: self.store.clone(),
            checkpoints: self.store.clone(),
            deadlines: self.store.clone(),
            bus: self.bus.clone(),
            queues: self.store.clone(),
            delivery: Delivery::InProcess,
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
