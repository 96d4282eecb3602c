use std::path::Path;
use std::sync::Arc;

use es_core::Error;
use es_sqlite::SqliteStore;
use object_store::ObjectStore;

use crate::data_directory::has_database;

use super::{Backend, OpenError, make, open_objects};

/// The embedded backend: one directory with a database and the prescription files.
#[derive(Debug)]
pub struct Embedded {
    store: Arc<SqliteStore>,
    objects: Arc<dyn ObjectStore>,
}

impl Embedded {
    const DATABASE: &'static str = "dispensary.db";

    /// Opens the data in `directory`, making it if it is not there.
    ///
    /// # Errors
    ///
    /// [`OpenError`].
    pub async fn open(directory: &Path) -> Result<Self, OpenError> {
        make(directory)?;
        let objects = open_objects(directory)?;
        let store = SqliteStore::open(directory.join(Self::DATABASE)).await?;
        Ok(Self { store: Arc::new(store), objects })
    }

    /// Opens the data in `directory`, which must be there.
    ///
    /// # Errors
    ///
    /// [`OpenError::Missing`] when it is not, and as [`open`](Self::open).
    pub async fn open_existing(directory: &Path) -> Result<Self, OpenError> {
        if !has_database(&directory.join(Self::DATABASE)) {
            return Err(OpenError::Missing(directory.to_owned()));
        }
        Self::open(directory).await
    }

    /// The backend.
    pub fn backend(&self) -> Backend {
        Backend {
            log: self.store.clone(),
            feed: self.store.clone(),
            snapshots: self.store.clone(),
            views: self.store.clone(),
            checkpoints: self.store.clone(),
            objects: self.objects.clone(),
            pipeline: None,
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
