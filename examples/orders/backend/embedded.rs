use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use es_core::Error;
use es_sqlite::SqliteStore;

use super::{Backend, OpenError};
use crate::data_directory::{has_database, remove_database};
use crate::orders::channels::Channels;

/// The embedded backend: a database in a directory.
#[derive(Debug)]
pub struct Embedded {
    store: Arc<SqliteStore>,
    channels: Channels,
}

const DATABASE: &str = "orders.db";

impl Embedded {
    /// Opens the data in `directory`, making what is not there.
    ///
    /// # Errors
    ///
    /// [`OpenError`].
    pub async fn open(directory: &Path, channels: Channels) -> Result<Self, OpenError> {
        let cannot = |source| OpenError::Directory { path: directory.to_owned(), source };
        std::fs::create_dir_all(directory).map_err(cannot)?;
        let store = SqliteStore::open(directory.join(DATABASE)).await?;
        channels.topology()?.ensure(&store, &store).await?;
        Ok(Self { store: Arc::new(store), channels })
    }

    /// Opens the data in `directory`, to look at it: makes no queue and no topic, and sets none up.
    ///
    /// # Errors
    ///
    /// [`OpenError::Missing`] when there is no data; [`OpenError::Store`] with [`Error::NoSuchQueue`] or
    /// [`Error::NoSuchTopic`] when there is none of such a name in it.
    pub async fn open_existing(directory: &Path, channels: Channels) -> Result<Self, OpenError> {
        if !has_database(&directory.join(DATABASE)) {
            return Err(OpenError::Missing(directory.to_owned()));
        }
        let store = SqliteStore::open(directory.join(DATABASE)).await?;
        channels.topology()?.check_there(&store, &store).await?;
        Ok(Self { store: Arc::new(store), channels })
    }

    /// Removes the data in `directory`, and the directory itself if nothing else is in it. No program may
    /// have it open.
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
            views: self.store.clone(),
            checkpoints: self.store.clone(),
            idempotency: self.store.clone(),
            queues: self.store.clone(),
            topics: self.store.clone(),
            // It gives what there is.
            patience: Duration::ZERO,
            channels: self.channels.clone(),
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
