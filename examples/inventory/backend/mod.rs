//! Where everything is kept: one value with the parts, and the place they come from.

mod embedded;

use std::path::PathBuf;
use std::sync::Arc;

use es_core::{
    CheckpointStore, DeadlineStore, Error, EventStore, Feed, MessageQueue, SnapshotStore, ViewStore,
};

pub use embedded::Embedded;

/// Where everything is kept.
#[derive(Debug, Clone)]
pub struct Backend {
    /// The log.
    pub log: Arc<dyn EventStore>,
    /// Its commits, as they come.
    pub feed: Arc<dyn Feed>,
    /// Snapshots of the stock: each order is two or three events of each of its items.
    pub snapshots: Arc<dyn SnapshotStore>,
    /// The read models.
    pub views: Arc<dyn ViewStore>,
    /// The progress of the processors.
    pub checkpoints: Arc<dyn CheckpointStore>,
    /// What is due when.
    pub deadlines: Arc<dyn DeadlineStore>,
    /// The queues behind the bus.
    pub queues: Arc<dyn MessageQueue>,
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
    /// There is no data where some is to be read.
    #[error("there is no inventory in {}", .0.display())]
    Missing(PathBuf),
    /// The store does not do what it is asked for.
    #[error(transparent)]
    Store(#[from] Error),
}
