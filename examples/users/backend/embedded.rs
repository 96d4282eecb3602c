use std::path::Path;
use std::sync::Arc;

use es_core::Error;
use es_sqlite::SqliteStore;

use super::{Backend, OpenError};
use crate::data_directory::{has_database, remove_database};

/// The embedded backend: a database in a directory.
#[derive(Debug)]
pub struct Embedded {
    store: Arc<SqliteStore>,
}

const DATABASE: &str = "users.db";

impl Embedded {
    /// Opens the data in `directory`, making what is not there.
    ///
    /// # Errors
    ///
    /// [`OpenError`].
    pub async fn open(directory: &Path) -> Result<Self, OpenError> {
        let cannot = |source| OpenError::Directory { path: directory.to_owned(), source };
        std::fs::create_dir_all(directory).map_err(cannot)?;
        let store = SqliteStore::open(directory.join(DATABASE)).await?;
        Ok(Self { store: Arc::new(store) })
    }

    /// Opens the data in `directory`, which must be there.
    ///
    /// # Errors
    ///
    /// [`OpenError::Missing`] when it is not, and as [`open`](Self::open).
    pub async fn open_existing(directory: &Path) -> Result<Self, OpenError> {
        if !has_database(&directory.join(DATABASE)) {
            return Err(OpenError::Missing(directory.to_owned()));
        }
        Self::open(directory).await
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
            snapshots: self.store.clone(),
            views: self.store.clone(),
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
