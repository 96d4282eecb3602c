//! Where the dispensary keeps everything: one value with the parts, and the places they come from.

#[cfg(feature = "aws")]
mod dynamodb;
mod embedded;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use es_core::{CheckpointStore, Error, EventStore, Feed, SnapshotStore, ViewStore};
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;

#[cfg(feature = "aws")]
pub use dynamodb::{DynamoDb, DynamoDbOptions};
pub use embedded::Embedded;

/// Where everything is kept.
#[derive(Debug, Clone)]
pub struct Backend {
    /// The log.
    pub log: Arc<dyn EventStore>,
    /// Its commits, as they come.
    pub feed: Arc<dyn Feed>,
    /// Snapshots of dispenses.
    pub snapshots: Arc<dyn SnapshotStore>,
    /// The read models.
    pub views: Arc<dyn ViewStore>,
    /// The policy's progress.
    pub checkpoints: Arc<dyn CheckpointStore>,
    /// The prescription files.
    pub objects: Arc<dyn ObjectStore>,
}

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// A directory cannot be made.
    #[error("the data directory {} cannot be made", .path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// There is no data where some is to be read.
    #[error("there is no dispensary data in {}", .0.display())]
    Missing(PathBuf),
    /// The object store cannot be opened.
    #[error("the prescription files cannot be opened")]
    Objects(#[from] object_store::Error),
    /// The log cannot be opened.
    #[error(transparent)]
    Store(#[from] Error),
    /// The local server cannot be started.
    #[cfg(feature = "aws")]
    #[error("the local DynamoDB cannot be started: {0}")]
    LocalServer(String),
}

/// The prescription files in `directory`, which is made if it is not there.
fn open_objects(directory: &Path) -> Result<LocalFileSystem, OpenError> {
    let cannot = |source| OpenError::Directory { path: directory.to_owned(), source };
    let objects = directory.join("objects");
    std::fs::create_dir_all(&objects).map_err(cannot)?;
    // A file must not be lost when its event is kept.
    Ok(LocalFileSystem::new_with_prefix(objects)?.with_fsync(true))
}
