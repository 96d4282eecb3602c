//! A lease in the hands of this worker.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::clock::Clock;
use crate::feed::PartitionId;
use crate::lease_store::Lease;

/// A lease that a worker has got: it works on the partition until the lease is lost. Clones are the same
/// lease.
#[derive(Clone)]
pub struct HeldLease {
    partition: PartitionId,
    clock: Arc<dyn Clock>,
    state: Arc<watch::Sender<State>>,
    /// Requests about one lease wait for each other: each presents the counter that the one before left.
    turn: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Debug, Clone)]
struct State {
    lease: Lease,
    /// Until when nobody else takes it for expired, on the monotonic clock.
    until: Duration,
    /// When a renewal was first asked for since the last one that was answered: if it was made, then at
    /// that time or later.
    asked_at: Option<Duration>,
    given_up: bool,
}

impl HeldLease {
    pub(super) fn new(lease: Lease, until: Duration, clock: Arc<dyn Clock>) -> Self {
        let partition = lease.partition.clone();
        let state = State { lease, until, asked_at: None, given_up: false };
        Self { partition, clock, state: Arc::new(watch::Sender::new(state)), turn: Arc::default() }
    }

    /// The partition.
    pub fn partition(&self) -> &PartitionId {
        &self.partition
    }

    /// The lease as it was last known.
    pub fn lease(&self) -> Lease {
        self.state.borrow().lease.clone()
    }

    /// Whether another worker has the lease, or may have it: it could not be renewed for as long as it
    /// lasts. It stays so.
    pub fn is_lost(&self) -> bool {
        let state = self.state.borrow();
        state.given_up || self.clock.monotonic() >= state.until
    }

    /// Returns when the lease [is lost](Self::is_lost).
    pub async fn lost(&self) {
        let mut state = self.state.subscribe();
        loop {
            let until = state.borrow_and_update().until;
            if self.is_lost() {
                return;
            }
            let left = until.saturating_sub(self.clock.monotonic());
            tokio::select! {
                // The sender lives in `self`, so the channel is open.
                _ = state.changed() => {}
                () = self.clock.sleep(left) => {}
            }
        }
    }

    /// Whether this is the same hold, and not a later one of the same lease.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.state, &other.state)
    }

    pub(super) async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// Whether a renewal was asked for and not answered: the stored lease may have the next counter.
    pub(super) fn is_unsure(&self) -> bool {
        self.state.borrow().asked_at.is_some()
    }

    /// A renewal is about to be asked for.
    pub(super) fn renewing(&self) -> Lease {
        let now = self.clock.monotonic();
        self.state.send_if_modified(|state| {
            state.asked_at.get_or_insert(now);
            false
        });
        self.lease()
    }

    /// The lease was renewed, and lasts for `duration` from when that was first asked for.
    pub(super) fn renewed(&self, lease: Lease, duration: Duration) {
        let now = self.clock.monotonic();
        self.state.send_modify(|state| {
            state.until = state.until.max(state.asked_at.take().unwrap_or(now) + duration);
            state.lease = lease;
        });
    }

    /// The lease is not this worker's any more.
    pub(super) fn give_up(&self) {
        self.state.send_modify(|state| state.given_up = true);
    }
}

impl fmt::Debug for HeldLease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeldLease")
            .field("partition", &self.partition)
            .field("is_lost", &self.is_lost())
            .finish_non_exhaustive()
    }
}
