//! Where the dispensary keeps everything: one value with the parts, and the places they come from.

#[cfg(feature = "aws")]
mod aws;
#[cfg(feature = "aws")]
mod dynamodb;
mod embedded;
mod pipeline;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use es_core::{CheckpointStore, Error, EventStore, Feed, SnapshotStore, ViewStore};
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use object_store::prefix::PrefixStore;

#[cfg(feature = "aws")]
use crate::aws::BucketError;

#[cfg(feature = "aws")]
pub use aws::{Aws, AwsOptions, published, publishing_to};
#[cfg(feature = "aws")]
pub use dynamodb::{DynamoDb, DynamoDbOptions};
pub use embedded::Embedded;
pub use pipeline::{Pipeline, share};

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
    /// By what way commits come to the policy and the projections, if not by the log's feed.
    pub pipeline: Option<Pipeline>,
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
    /// There are no tables where some are to be used.
    #[cfg(feature = "aws")]
    #[error(
        "there is no dispensary data in {place}: there is no table {}; `--create-tables` makes them",
        .missing.join(", ")
    )]
    MissingTables {
        /// Where they are looked for.
        place: String,
        /// Their names.
        missing: Vec<String>,
    },
    /// The object store cannot be opened.
    #[error("the prescription files cannot be opened")]
    Objects(#[from] object_store::Error),
    /// The bucket with the prescription files cannot be used.
    #[cfg(feature = "aws")]
    #[error(transparent)]
    Bucket(#[from] BucketError),
    /// The log cannot be opened.
    #[error(transparent)]
    Store(#[from] Error),
    /// The local server cannot be started.
    #[cfg(feature = "aws")]
    #[error("the local DynamoDB cannot be started: {0}")]
    LocalServer(String),
}

/// Where the prescription files of a data directory are.
pub fn files_in(directory: &Path) -> PathBuf {
    directory.join("objects")
}

/// Makes `directory`, unless it is there.
fn make(directory: &Path) -> Result<(), OpenError> {
    let cannot = |source| OpenError::Directory { path: directory.to_owned(), source };
    std::fs::create_dir_all(directory).map_err(cannot)
}

/// The prescription files in `directory`. It is made with the first of them.
fn open_objects(directory: &Path) -> Result<Arc<dyn ObjectStore>, OpenError> {
    let cannot = |source| OpenError::Directory { path: directory.to_owned(), source };
    let prefix = files_in(&std::path::absolute(directory).map_err(cannot)?);
    let prefix =
        object_store::path::Path::from_absolute_path(prefix).map_err(object_store::Error::from)?;
    // A file must not be lost when its event is kept.
    let files = LocalFileSystem::new().with_fsync(true);
    Ok(Arc::new(PrefixStore::new(files, prefix)))
}
