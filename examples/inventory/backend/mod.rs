//! Where everything is kept: one value with the parts, and the place they come from.

#[cfg(feature = "aws")]
mod aws;
mod embedded;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use es_core::{
    CheckpointStore, DeadlineStore, Error, EventStore, Feed, MessageQueue, SnapshotStore, ViewStore,
};
use es_routing::EventBus;

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
    /// All commits that there are, for who reads all of them: a feed forgets what is old where it is a service.
    pub history: Arc<dyn Feed>,
    /// Snapshots of the stock: each order is two or three events of each of its items.
    pub snapshots: Arc<dyn SnapshotStore>,
    /// The read models.
    pub views: Arc<dyn ViewStore>,
    /// The progress of the processors.
    pub checkpoints: Arc<dyn CheckpointStore>,
    /// What is due when.
    pub deadlines: Arc<dyn DeadlineStore>,
    /// The bus.
    pub bus: Arc<dyn EventBus>,
    /// The queues behind it.
    pub queues: Arc<dyn MessageQueue>,
    /// How what is on its way comes.
    pub delivery: Delivery,
}

/// How events and messages come to those who wait for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// At once. What a queue hides it hides by the clock of the system: it is there when its time is skipped.
    InProcess,
    /// By services, which have clocks of their own: nobody skips their time.
    ByServices {
        /// How long nothing may come before it counts as nothing.
        patience: Duration,
    },
}

impl Delivery {
    /// How far beyond the next deadline the time is skipped. Where patience is needed after each skip, one is for all
    /// deadlines of half a minute.
    pub fn leap(self) -> Duration {
        match self {
            Self::InProcess => Duration::ZERO,
            Self::ByServices { .. } => Duration::from_secs(30),
        }
    }
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
    #[error("there is no inventory in {}", .0.display())]
    Missing(PathBuf),
    /// There are no tables where some are to be used.
    #[cfg(feature = "aws")]
    #[error(
        "there is no inventory in {place}: there is no table {}; `--create` makes what is missing",
        .missing.join(", ")
    )]
    MissingTables {
        /// Where they are looked for.
        place: String,
        /// Their names.
        missing: Vec<String>,
    },
    /// The rules of the bus are others than those that this program goes by.
    #[cfg(feature = "aws")]
    #[error("the bus {bus} is not as it should be: {differences}; `--create` makes it so")]
    Rules {
        /// Its name.
        bus: String,
        /// What is different.
        differences: String,
    },
    /// The store does not do what it is asked for.
    #[error(transparent)]
    Store(#[from] Error),
}
