//! Where users are kept: one value with the parts, and the places they come from.

#[cfg(feature = "aws")]
mod aws;
mod embedded;

use std::path::PathBuf;
use std::sync::Arc;

use es_core::{Error, EventStore, Feed, SnapshotStore, ViewStore};

use crate::data_directory::CannotRemove;

#[cfg(feature = "aws")]
pub use aws::{Aws, AwsOptions};
pub use embedded::Embedded;

/// Where everything is kept.
#[derive(Debug, Clone)]
pub struct Backend {
    /// The log.
    pub log: Arc<dyn EventStore>,
    /// Its commits, as they come.
    pub feed: Arc<dyn Feed>,
    /// Snapshots of users.
    pub snapshots: Arc<dyn SnapshotStore>,
    /// The read models.
    pub views: Arc<dyn ViewStore>,
}

/// Why the data cannot be used.
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
    /// Data cannot be removed.
    #[error(transparent)]
    Remove(#[from] CannotRemove),
    /// There is no data where some is to be read.
    #[error("there are no users in {}", .0.display())]
    Missing(PathBuf),
    /// There are no tables where some are to be used.
    #[cfg(feature = "aws")]
    #[error(
        "there are no users in {place}: there is no table {}; `--create` makes what is missing",
        .missing.join(", ")
    )]
    MissingTables {
        /// Where they are looked for.
        place: String,
        /// Their names.
        missing: Vec<String>,
    },
    /// The store does not do what it is asked for.
    #[error(transparent)]
    Store(#[from] Error),
}
