//! Which worker works on which partition.

use std::collections::BTreeSet;
use std::fmt::{self, Debug};
use std::sync::Arc;

use async_trait::async_trait;

use crate::checkpoint_store::ConsumerId;
use crate::entropy::Entropy;
use crate::error::Result;
use crate::feed::{Checkpoint, PartitionId};
use crate::stream_id::check_id;

/// Keeps the leases by which the workers of a consumer share its partitions: one [`Lease`] per
/// partition, held by one worker or by none.
///
/// # What an implementation promises
///
/// Every change is one atomic step, conditional on the lease's [counter](Lease::counter): it is made
/// if nobody changed the lease since it had that counter, which is one more afterwards. So of several
/// workers that want the same lease one gets it, and a worker that lost its lease without noticing can
/// change nothing any more. A condition that does not hold is an ordinary outcome, `None`.
///
/// A change that comes again, because its answer was lost, is answered as it was the first time, as
/// long as nobody has changed the lease since. That takes workers for one who have the same
/// [`WorkerId`], so each run of a program needs one of its own.
///
/// The store knows no time. A worker shows that it lives by [renewing](Self::renew); another one that
/// sees the same counter for as long as leases last, on a clock of its own that does not jump, takes the
/// lease for expired and [takes](Self::take) it. [`LeaseCoordinator`](crate::LeaseCoordinator) does that.
///
/// ```
/// use es_core::memory::MemoryStore;
/// use es_core::{ConsumerId, LeaseStore, NewLease, PartitionId, WorkerId};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> es_core::Result<()> {
/// let store = MemoryStore::new();
/// let consumer = ConsumerId::new("statements_v1")?;
/// let (one, two) = (WorkerId::new("one")?, WorkerId::new("two")?);
/// store.create(&consumer, NewLease::new(PartitionId::new("shard-1")?)).await?;
///
/// // Both see a free lease, and the first one to take it has it.
/// let seen = store.leases(&consumer).await?.remove(0);
/// let taken = store.take(&consumer, &seen, &one).await?.expect("nobody was faster");
/// assert!(store.take(&consumer, &seen, &two).await?.is_none());
///
/// // The other one takes it away. The first one finds out when it renews.
/// assert!(store.take(&consumer, &taken, &two).await?.is_some());
/// let fence = taken.fence().expect("it is held");
/// assert!(store.renew(&consumer, &fence).await?.is_none());
/// # Ok(())
/// # }
/// ```
#[async_trait]
pub trait LeaseStore: Debug + Send + Sync + 'static {
    /// Makes a free lease at counter 0, unless the partition has one. Says whether it was made.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`](crate::Error::Unavailable): it may have been made.
    async fn create(&self, consumer: &ConsumerId, lease: NewLease) -> Result<bool>;

    /// All leases of the consumer, ordered by partition (byte order), as they are now.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`](crate::Error::Unavailable), [`Error::Corrupt`](crate::Error::Corrupt).
    async fn leases(&self, consumer: &ConsumerId) -> Result<Vec<Lease>>;

    /// Makes a change, and gives the lease as it is then; `None` if the lease is not as the change
    /// [expects](LeaseChange::based_on) it, or is not there. [`LeaseChange::outcome`] decides; the
    /// methods below say what changes there are.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`](crate::Error::Unavailable): it may have been made. [`Error::Corrupt`](crate::Error::Corrupt).
    async fn change(&self, consumer: &ConsumerId, change: LeaseChange) -> Result<Option<Lease>>;

    /// Removes a lease that nobody changed since it was `seen`. Says whether there is none any more.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`](crate::Error::Unavailable): it may have been removed.
    async fn delete(&self, consumer: &ConsumerId, seen: &Lease) -> Result<bool>;

    /// Takes a lease that nobody changed since it was `seen`, whoever has it.
    ///
    /// # Errors
    ///
    /// As [`change`](Self::change).
    async fn take(
        &self,
        consumer: &ConsumerId,
        seen: &Lease,
        by: &WorkerId,
    ) -> Result<Option<Lease>> {
        self.change(consumer, LeaseChange::take(seen, by)).await
    }

    /// Shows that the worker lives. `None`: the lease is lost.
    ///
    /// # Errors
    ///
    /// As [`change`](Self::change).
    async fn renew(&self, consumer: &ConsumerId, held: &LeaseFence) -> Result<Option<Lease>> {
        self.change(consumer, LeaseChange::renew(held)).await
    }

    /// Writes how far the partition is done, which renews the lease as well. `None`: the lease is lost,
    /// or another checkpoint was written on this fence before; nothing was written. So an older
    /// checkpoint that comes late changes nothing.
    ///
    /// # Errors
    ///
    /// As [`change`](Self::change).
    async fn checkpoint(
        &self,
        consumer: &ConsumerId,
        held: &LeaseFence,
        progress: LeaseProgress,
    ) -> Result<Option<Lease>> {
        self.change(consumer, LeaseChange::checkpoint(held, progress)).await
    }

    /// Gives the lease back, so that another worker can take it at once. `None`: it was lost before.
    ///
    /// # Errors
    ///
    /// As [`change`](Self::change).
    async fn release(&self, consumer: &ConsumerId, held: &LeaseFence) -> Result<Option<Lease>> {
        self.change(consumer, LeaseChange::release(held)).await
    }
}

/// The right of one worker to work on a partition, as long as it renews it.
///
/// It has room for everything that the Kinesis Client Library keeps in a row of its lease table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The partition.
    pub partition: PartitionId,
    /// Who has it; `None`: it is free.
    pub owner: Option<WorkerId>,
    /// Grows by one with each change: what the next change must present.
    pub counter: u64,
    /// How far the partition is done, for consumers that keep this with the lease.
    pub progress: LeaseProgress,
    /// How often a worker took it away from another since the last checkpoint: what is taken again and
    /// again without a checkpoint may be what stops the workers.
    pub owner_switches: u64,
    /// The partitions that must be finished before this one begins.
    pub parents: BTreeSet<PartitionId>,
    /// The keys that belong to the partition.
    pub hash_range: Option<HashRange>,
}

impl Lease {
    /// What the owner presents to renew, to write a checkpoint or to release; `None` for a free lease.
    pub fn fence(&self) -> Option<LeaseFence> {
        let owner = self.owner.clone()?;
        Some(LeaseFence { partition: self.partition.clone(), owner, counter: self.counter })
    }
}

/// How far a partition is done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LeaseProgress {
    /// The place behind what was done.
    pub checkpoint: Checkpoint,
    /// Of a record at that place which has several parts: how many of them were done.
    pub sub_sequence: u64,
    /// The partitions that follow, told at the end of this one.
    pub children: BTreeSet<PartitionId>,
}

/// The keys of a partition, both ends included, as Kinesis hashes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashRange {
    /// The first key.
    pub start: u128,
    /// The last key.
    pub end: u128,
}

/// A lease that is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLease {
    /// The partition.
    pub partition: PartitionId,
    /// Where work on it begins.
    pub checkpoint: Checkpoint,
    /// The partitions that must be finished before.
    pub parents: BTreeSet<PartitionId>,
    /// The keys that belong to the partition.
    pub hash_range: Option<HashRange>,
}

impl NewLease {
    /// The lease of a partition that begins at its start.
    pub fn new(partition: PartitionId) -> Self {
        let (checkpoint, parents) = (Checkpoint::start(), BTreeSet::new());
        Self { partition, checkpoint, parents, hash_range: None }
    }

    /// The lease as it is when it was made. For stores.
    pub fn into_free(self) -> Lease {
        let Self { partition, checkpoint, parents, hash_range } = self;
        let progress = LeaseProgress { checkpoint, ..LeaseProgress::default() };
        Lease {
            partition,
            owner: None,
            counter: 0,
            progress,
            owner_switches: 0,
            parents,
            hash_range,
        }
    }
}

/// What the owner of a lease presents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseFence {
    /// The partition.
    pub partition: PartitionId,
    /// Who has the lease.
    pub owner: WorkerId,
    /// The counter that it has.
    pub counter: u64,
}

/// A conditional change of a lease. For stores; workers have the methods of [`LeaseStore`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseChange {
    /// The partition.
    pub partition: PartitionId,
    /// The counter that the lease must have. It has the next one afterwards.
    pub based_on: u64,
    /// Who must have the lease; `None`: whoever has it, or nobody.
    pub held_by: Option<WorkerId>,
    /// Who has it afterwards.
    pub owner: Option<WorkerId>,
    /// How far the partition is done; `None`: as before.
    pub progress: Option<LeaseProgress>,
    /// The [owner switches](Lease::owner_switches); `None`: as before.
    pub owner_switches: Option<u64>,
}

impl LeaseChange {
    /// See [`LeaseStore::take`].
    pub fn take(seen: &Lease, by: &WorkerId) -> Self {
        let from_another = seen.owner.as_ref().is_some_and(|owner| owner != by);
        Self {
            partition: seen.partition.clone(),
            based_on: seen.counter,
            held_by: None,
            owner: Some(by.clone()),
            progress: None,
            owner_switches: from_another.then(|| seen.owner_switches.saturating_add(1)),
        }
    }

    /// See [`LeaseStore::renew`].
    pub fn renew(held: &LeaseFence) -> Self {
        Self {
            partition: held.partition.clone(),
            based_on: held.counter,
            held_by: Some(held.owner.clone()),
            owner: Some(held.owner.clone()),
            progress: None,
            owner_switches: None,
        }
    }

    /// See [`LeaseStore::checkpoint`].
    pub fn checkpoint(held: &LeaseFence, progress: LeaseProgress) -> Self {
        Self { progress: Some(progress), owner_switches: Some(0), ..Self::renew(held) }
    }

    /// See [`LeaseStore::release`].
    pub fn release(held: &LeaseFence) -> Self {
        Self { owner: None, ..Self::renew(held) }
    }

    /// The counter that the lease has afterwards.
    pub fn next_counter(&self) -> u64 {
        self.based_on.saturating_add(1)
    }

    /// What becomes of the change with the lease that is stored.
    pub fn outcome(self, stored: Lease) -> LeaseOutcome {
        let held_by = self.held_by.as_ref();
        let is_due = stored.counter == self.based_on
            && (held_by.is_none() || held_by == stored.owner.as_ref());
        if is_due {
            return LeaseOutcome::Due(self.made_to(stored));
        }
        if self.was_made(&stored) { LeaseOutcome::Made(stored) } else { LeaseOutcome::Lost }
    }

    fn made_to(self, stored: Lease) -> Lease {
        Lease {
            counter: self.next_counter(),
            owner: self.owner,
            progress: self.progress.unwrap_or(stored.progress),
            owner_switches: self.owner_switches.unwrap_or(stored.owner_switches),
            ..stored
        }
    }

    /// Whether the stored lease shows this change, so that only its answer was lost.
    fn was_made(&self, stored: &Lease) -> bool {
        stored.counter == self.next_counter()
            && stored.owner == self.owner
            && self.progress.as_ref().is_none_or(|progress| *progress == stored.progress)
    }
}

/// What becomes of a [`LeaseChange`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeaseOutcome {
    /// This is to be stored, and answered.
    Due(Lease),
    /// It was made before: this is to be answered.
    Made(Lease),
    /// The lease is not as the change expects it.
    Lost,
}

/// Names one run of one worker.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkerId(Arc<str>);

impl WorkerId {
    /// The longest name that [`generate`](Self::generate) takes, in bytes.
    pub const MAX_NAME_LEN: usize = 100;

    /// A worker's id. It must be one that no other run of any worker has, as one of before a restart:
    /// see [`generate`](Self::generate).
    ///
    /// # Errors
    ///
    /// [`Error::InvalidId`](crate::Error::InvalidId) when it is empty, longer than 200 bytes, has control characters, or white
    /// space at an end.
    pub fn new(id: &str) -> Result<Self> {
        check_id("worker", id, 200)?;
        Ok(Self(id.into()))
    }

    /// An id of `name`, as of the host, and 64 random bits.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new), for a name of up to [`MAX_NAME_LEN`](Self::MAX_NAME_LEN) bytes.
    pub fn generate(name: &str, entropy: &dyn Entropy) -> Result<Self> {
        check_id("worker", name, Self::MAX_NAME_LEN)?;
        Ok(Self(format!("{name}-{:016x}", entropy.next_u64()).into()))
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WorkerId({:?})", &*self.0)
    }
}
