//! Where the orders are kept: one value with the parts, and the places they come from.

#[cfg(feature = "aws")]
mod aws;
mod embedded;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use es_core::{
    CheckpointStore, Error, EventStore, Feed, IdempotencyStore, MessageQueue, Topic, ViewStore,
};

use super::channels::Channels;
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
    /// The read model.
    pub views: Arc<dyn ViewStore>,
    /// The progress of the announcers.
    pub checkpoints: Arc<dyn CheckpointStore>,
    /// Which messages were handled.
    pub idempotency: Arc<dyn IdempotencyStore>,
    /// The queues.
    pub queues: Arc<dyn MessageQueue>,
    /// The topic.
    pub topics: Arc<dyn Topic>,
    /// How long a queue is asked before it counts as empty.
    pub patience: Duration,
    /// What queues and topic are called.
    pub channels: Channels,
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
    #[error("there are no orders in {}", .0.display())]
    Missing(PathBuf),
    /// There are no tables where some are to be used.
    #[cfg(feature = "aws")]
    #[error(
        "there are no orders in {place}: there is no table {}; `--create` makes what is missing",
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
