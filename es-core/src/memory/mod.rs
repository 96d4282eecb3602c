//! Everything in memory: the whole contract of a backend, and nothing to install.
//!
//! [`MemoryStore`] is log, feed, snapshots, checkpoints, views, leases and deadlines in one. It is for
//! tests, for trying things out, and a reference for authors of backends: it passes the same conformance
//! suites as the durable ones. What it holds is gone with its last clone. [`MemoryQueues`] is queues and topics,
//! [`MemoryIdempotency`] idempotency records; they stand apart as they need a clock.
//!
//! ```
//! use es_core::memory::MemoryStore;
//! use es_core::{EventStore, StreamId};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> es_core::Result<()> {
//! let store = MemoryStore::new();
//! assert_eq!(store.head(&StreamId::new("dispense", "d-1")?).await?, None);
//! # Ok(())
//! # }
//! ```

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::checkpoint_store::Progress;
use crate::error::Result;
use crate::event_store::Limits;

mod checkpoints;
mod chunks;
mod commit_ids;
mod deadlines;
mod feed;
mod idempotency;
mod leases;
mod log;
mod queues;
mod snapshots;
mod views;

pub use idempotency::MemoryIdempotency;
pub use queues::MemoryQueues;

/// A backend in memory. Clones share what is stored.
#[derive(Clone)]
pub struct MemoryStore {
    shared: Arc<Shared>,
}

struct Shared {
    limits: Limits,
    max_step_items: usize,
    log: log::Log,
    snapshots: Mutex<snapshots::Snapshots>,
    leases: Mutex<leases::Leases>,
    deadlines: Mutex<deadlines::Deadlines>,
    /// Views and progress are under one lock: they are written in one step.
    read_side: Mutex<ReadSide>,
}

#[derive(Default)]
struct ReadSide {
    progress: checkpoints::ProgressBook,
    views: views::Views,
}

impl MemoryStore {
    /// What a commit may have unless [`with_limits`](Self::with_limits) says otherwise: 1,000 events
    /// and 4 MiB.
    pub const DEFAULT_LIMITS: Limits = Limits { max_events: 1_000, max_bytes: 4 << 20 };

    /// An empty store.
    pub fn new() -> Self {
        Self::with_limits(Self::DEFAULT_LIMITS)
    }

    /// An empty store that takes commits up to `limits`, as to test against those of another backend.
    pub fn with_limits(limits: Limits) -> Self {
        Self::with_all_limits(limits, usize::MAX)
    }

    /// An empty store that takes steps of consumers up to so many items, as to test against a service
    /// with transactions of limited size.
    pub fn with_max_step_items(items: usize) -> Self {
        Self::with_all_limits(Self::DEFAULT_LIMITS, items)
    }

    fn with_all_limits(limits: Limits, max_step_items: usize) -> Self {
        Self {
            shared: Arc::new(Shared {
                limits,
                max_step_items,
                log: log::Log::default(),
                snapshots: Mutex::default(),
                leases: Mutex::default(),
                deadlines: Mutex::default(),
                read_side: Mutex::default(),
            }),
        }
    }

    /// Refuses a step of more items than the store takes.
    fn check_step(&self, progress: &Progress, documents: usize) -> Result<()> {
        let (actual, limit) = (progress.count_items() + documents, self.shared.max_step_items);
        if actual > limit {
            return Err(progress.too_large("the number of items", actual as u64, limit as u64));
        }
        Ok(())
    }

    fn read_side(&self) -> MutexGuard<'_, ReadSide> {
        lock(&self.shared.read_side)
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStore {
    /// Says how much there is, never what: payloads do not belong into logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("commits", &self.shared.log.len())
            .field("limits", &self.shared.limits)
            .finish_non_exhaustive()
    }
}

/// Locks also after a panic elsewhere: every critical section here checks first and changes then, so
/// what it leaves behind is whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
