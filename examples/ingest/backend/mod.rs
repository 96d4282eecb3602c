//! Where everything is kept: one value with the parts, and the places they come from.

#[cfg(feature = "aws")]
mod aws;
#[cfg(feature = "aws")]
mod bucket;
mod embedded;
#[cfg(feature = "aws")]
mod notifications;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use es_core::{
    CheckpointStore, Error, EventStore, Feed, IdempotencyStore, MessageQueue, Topic, ViewStore,
};

use super::documents::{Directory, Documents};
use super::names::Names;

#[cfg(feature = "aws")]
use crate::aws::BucketError;

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
    /// The read model.
    pub views: Arc<dyn ViewStore>,
    /// The progress of the announcer.
    pub checkpoints: Arc<dyn CheckpointStore>,
    /// Which messages were handled, and which files published.
    pub idempotency: Arc<dyn IdempotencyStore>,
    /// The queues.
    pub queues: Arc<dyn MessageQueue>,
    /// The topic.
    pub topics: Arc<dyn Topic>,
    /// The files.
    pub documents: Arc<dyn Documents>,
    /// The directory that is watched, where files are not in a bucket.
    pub directory: Option<Directory>,
    /// What topic and queues are called.
    pub names: Names,
    /// How long a look at the dead letters waits for the servers of a queue.
    pub browsing_wait: Duration,
}

/// Why the data cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// A directory cannot be made.
    #[error("the directory {} cannot be made", .path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// There is no data where some is to be read.
    #[error("there is no ingest data in {}", .0.display())]
    Missing(PathBuf),
    /// There are no tables where some are to be used.
    #[cfg(feature = "aws")]
    #[error(
        "there is no ingest data in {place}: there is no table {}; `--create` makes what is missing",
        .missing.join(", ")
    )]
    MissingTables {
        /// Where they are looked for.
        place: String,
        /// Their names.
        missing: Vec<String>,
    },
    /// The bucket cannot be used, or made.
    #[cfg(feature = "aws")]
    #[error(transparent)]
    Bucket(#[from] BucketError),
    /// The store does not do what it is asked for.
    #[error(transparent)]
    Store(#[from] Error),
}
