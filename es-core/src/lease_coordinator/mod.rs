//! Workers share partitions through leases.
//!
//! | file | what it is about |
//! |---|---|
//! | `sightings` | since when leases have not changed |
//! | `balance` | which leases a worker takes |
//! | `held_lease` | a lease in hand, and losing it |

use std::collections::{BTreeMap, HashSet};
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio::sync::watch;

use crate::checkpoint_store::ConsumerId;
use crate::clock::{Clock, SystemClock};
use crate::entropy::{Entropy, SystemEntropy};
use crate::error::{Error, Result};
use crate::feed::PartitionId;
use crate::lease_store::{Lease, LeaseProgress, LeaseStore, NewLease, WorkerId};

use balance::Balance;
use sightings::{Sighted, Sightings};

mod balance;
mod held_lease;
mod sightings;

pub use held_lease::HeldLease;

/// One worker's part in sharing the partitions of a consumer: takes leases that nobody has, renews them,
/// and gives them back.
///
/// Each worker sees the leases of all in the [`LeaseStore`], and decides for itself. A lease whose counter
/// did not change for its [duration](Self::with_duration), on this worker's monotonic clock, has expired:
/// its worker is gone. Workers take free and expired leases up to their share, and, when there are none,
/// one lease at a time from the worker that has most, until no worker has two more than another. A
/// partition whose worker dies is taken over within two durations by one that has lived so long.
///
/// A lease is a promise of order, not of exclusion: a worker that is suspended for a while finds out late
/// that it lost its lease. What it writes must be fenced, as the steps of a
/// [`Consumer`](crate::Consumer) are.
///
/// ```
/// use std::sync::Arc;
///
/// use es_core::memory::MemoryStore;
/// use es_core::{ConsumerId, LeaseCoordinator, NewLease, PartitionId, WorkerId};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> es_core::Result<()> {
/// let (store, consumer) = (Arc::new(MemoryStore::new()), ConsumerId::new("statements_v1")?);
/// let shards = [PartitionId::new("shard-1")?, PartitionId::new("shard-2")?].map(NewLease::new);
/// let one = LeaseCoordinator::new(store.clone(), consumer.clone(), WorkerId::new("one")?);
/// let two = LeaseCoordinator::new(store, consumer, WorkerId::new("two")?);
///
/// one.round(&shards).await?;
/// assert_eq!(one.held().len(), 2);
/// // Another worker comes and takes its share; the first one notices when it renews.
/// two.round(&shards).await?;
/// one.round(&shards).await?;
/// assert_eq!((one.held().len(), two.held().len()), (1, 1));
/// # Ok(())
/// # }
/// ```
pub struct LeaseCoordinator {
    store: Arc<dyn LeaseStore>,
    consumer: ConsumerId,
    worker: WorkerId,
    duration: Duration,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    held: watch::Sender<BTreeMap<PartitionId, HeldLease>>,
    sightings: Mutex<Sightings>,
}

/// How many requests about leases are under way at the same time.
const CONCURRENCY: usize = 16;

impl LeaseCoordinator {
    /// How long a lease lasts after its last renewal unless [`with_duration`](Self::with_duration) says
    /// otherwise.
    pub const DEFAULT_DURATION: Duration = Duration::from_secs(10);

    /// A worker that has no lease yet. Its id must be [its own](WorkerId::generate).
    pub fn new(store: Arc<dyn LeaseStore>, consumer: ConsumerId, worker: WorkerId) -> Self {
        Self {
            store,
            consumer,
            worker,
            duration: Self::DEFAULT_DURATION,
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            held: watch::Sender::default(),
            sightings: Mutex::default(),
        }
    }

    /// Lets leases last for `duration` after their last renewal. They are renewed three times in that
    /// time. All workers of a consumer should have the same. A short one finds out earlier that a worker is
    /// gone, and costs more requests.
    #[must_use]
    pub fn with_duration(mut self, duration: Duration) -> Self {
        self.duration = duration;
        self
    }

    /// Judges time by `clock`.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Chooses among leases by `entropy`.
    #[must_use]
    pub fn with_entropy(mut self, entropy: Arc<dyn Entropy>) -> Self {
        self.entropy = entropy;
        self
    }

    /// Who holds the leases.
    pub fn worker(&self) -> &WorkerId {
        &self.worker
    }

    /// The leases that this worker has now, by partition.
    pub fn held(&self) -> Vec<HeldLease> {
        self.held.borrow().values().filter(|held| !held.is_lost()).cloned().collect()
    }

    /// The lease of the partition, if this worker has it.
    pub fn lease_of(&self, partition: &PartitionId) -> Option<HeldLease> {
        self.held.borrow().get(partition).filter(|held| !held.is_lost()).cloned()
    }

    /// Follows the leases of this worker: changed when one is taken, lost or given back.
    pub fn changes(&self) -> LeaseChanges {
        LeaseChanges(self.held.subscribe())
    }

    /// Holds leases of the partitions that `wanted` gives, until the future is dropped: renews what this
    /// worker has, and takes what it lacks, each three times per [duration](Self::with_duration). Then
    /// [give them back](Self::release_all).
    ///
    /// Errors are logged and tried again, those of `wanted` too.
    pub async fn run<F, W>(&self, mut wanted: F) -> Infallible
    where
        F: FnMut() -> W + Send,
        W: Future<Output = Result<Vec<NewLease>>> + Send,
    {
        // Apart from each other: a slow listing must not hold renewals up.
        let renewing = async {
            loop {
                self.clock.sleep(self.period()).await;
                self.log("leases cannot be renewed", self.renew().await);
            }
        };
        let balancing = async {
            loop {
                let balanced = match wanted().await {
                    Ok(wanted) => self.balance(&wanted).await,
                    Err(error) => Err(error),
                };
                self.log("leases cannot be shared", balanced);
                self.clock.sleep(self.period()).await;
            }
        };
        tokio::select! { never = renewing => never, never = balancing => never }
    }

    fn log(&self, what: &str, outcome: Result<()>) {
        if let Err(error) = outcome {
            let (consumer, worker) = (&self.consumer, &self.worker);
            let cause = &error as &dyn std::error::Error;
            tracing::warn!(%consumer, %worker, cause, "{what}; this is tried again");
        }
    }

    /// One [renewal](Self::renew) and one [balancing](Self::balance).
    ///
    /// # Errors
    ///
    /// Those of the store. What was done before stands.
    pub async fn round(&self, wanted: &[NewLease]) -> Result<()> {
        let renewed = self.renew().await;
        self.balance(wanted).await?;
        renewed
    }

    /// Renews all leases of this worker. What is lost is not held any more.
    ///
    /// # Errors
    ///
    /// The first error of the store. The others were renewed nevertheless; those that were not are lost
    /// when their time is over.
    pub async fn renew(&self) -> Result<()> {
        let renew = |held: HeldLease| async move {
            let _turn = held.turn().await;
            self.renew_one(&held).await
        };
        self.each(self.all_held(), renew).await
    }

    /// In the lease's turn.
    async fn renew_one(&self, held: &HeldLease) -> Result<()> {
        let Some(fence) = held.renewing().fence().filter(|_| !held.is_lost()) else {
            self.lose(held, "its time is over");
            return Ok(());
        };
        match self.in_time(self.store.renew(&self.consumer, &fence)).await? {
            Some(lease) => held.renewed(lease, self.duration),
            None => self.lose(held, "another worker has it"),
        }
        Ok(())
    }

    /// Makes leases of those partitions that have none, and takes what this worker should have. Leases of
    /// other partitions are given back, and forgotten after a while unless they have a
    /// [checkpoint](LeaseProgress).
    ///
    /// # Errors
    ///
    /// Those of the store. What was done before stands.
    pub async fn balance(&self, wanted: &[NewLease]) -> Result<()> {
        /// Whoever is slower looks again, at once, a few times: what it lost may not be all that there is.
        const LOOKS: usize = 3;
        let wanted: BTreeMap<&PartitionId, &NewLease> =
            wanted.iter().map(|lease| (&lease.partition, lease)).collect();
        self.release_all_but(&wanted).await?;
        for _ in 0..LOOKS {
            if self.look_and_take(&wanted).await? {
                break;
            }
        }
        Ok(())
    }

    /// Says whether the leases were as they were seen.
    async fn look_and_take(&self, wanted: &BTreeMap<&PartitionId, &NewLease>) -> Result<bool> {
        let asked_at = self.clock.monotonic();
        let leases = self.in_time(self.store.leases(&self.consumer)).await?;
        let answered_at = self.clock.monotonic();
        if self.create_missing(wanted, &leases).await? {
            return Ok(false);
        }
        self.lose_what_others_have(&leases);
        let (choice, useless) = {
            let mut sightings = self.sightings.lock().unwrap_or_else(PoisonError::into_inner);
            let sighted = sightings.note(&leases, asked_at, answered_at);
            let (shared, others): (Vec<_>, Vec<_>) =
                sighted.into_iter().partition(|seen| wanted.contains_key(&seen.lease.partition));
            let useless = others.into_iter().filter(|seen| self.is_useless(seen));
            let useless: Vec<&Lease> = useless.map(|seen| seen.lease).collect();
            (self.choose(shared), useless)
        };
        let all_taken = AtomicBool::new(true);
        let take = |seen| {
            let all_taken = &all_taken;
            async move {
                let taken = self.take(seen, asked_at).await?;
                all_taken.fetch_and(taken, Ordering::Relaxed);
                Ok(())
            }
        };
        self.each(choice, take).await?;
        let forget = |seen| async move {
            self.in_time(self.store.delete(&self.consumer, seen)).await.map(drop)
        };
        self.each(useless, forget).await?;
        Ok(all_taken.into_inner())
    }

    /// Says whether there were partitions without a lease.
    async fn create_missing(
        &self,
        wanted: &BTreeMap<&PartitionId, &NewLease>,
        leases: &[Lease],
    ) -> Result<bool> {
        let known: HashSet<&PartitionId> = leases.iter().map(|lease| &lease.partition).collect();
        let missing: Vec<NewLease> = wanted
            .values()
            .filter(|lease| !known.contains(&lease.partition))
            .map(|&lease| lease.clone())
            .collect();
        let any = !missing.is_empty();
        let create = |lease| async move {
            self.in_time(self.store.create(&self.consumer, lease)).await.map(drop)
        };
        self.each(missing, create).await?;
        Ok(any)
    }

    fn lose_what_others_have(&self, leases: &[Lease]) {
        let own: HashSet<&PartitionId> = leases
            .iter()
            .filter(|lease| lease.owner.as_ref() == Some(&self.worker))
            .map(|lease| &lease.partition)
            .collect();
        for held in self.all_held() {
            if !own.contains(held.partition()) {
                self.lose(&held, "another worker has it");
            }
        }
    }

    fn choose<'a>(&self, leases: Vec<Sighted<'a>>) -> Vec<&'a Lease> {
        let held: HashSet<PartitionId> = self.held.borrow().keys().cloned().collect();
        let (worker, duration, period) = (&self.worker, self.duration, self.period());
        Balance { worker, held: &held, leases, duration, period }.choose(&*self.entropy)
    }

    /// Of a lease that nobody wants, as far as this worker knows. Another one may know better.
    fn is_useless(&self, seen: &Sighted<'_>) -> bool {
        seen.unchanged_for >= self.duration && seen.lease.progress == LeaseProgress::default()
    }

    /// Says whether the lease was still as it was seen, in a listing that was asked for then.
    async fn take(&self, seen: &Lease, asked_at: Duration) -> Result<bool> {
        let taken = self.in_time(self.store.take(&self.consumer, seen, &self.worker)).await?;
        let Some(lease) = taken else { return Ok(false) };
        let (consumer, worker, partition) = (&self.consumer, &self.worker, &seen.partition);
        let from = seen.owner.as_ref().map(WorkerId::as_str);
        tracing::info!(%consumer, %worker, %partition, from, "took a lease");
        // The lease may have been taken by a request before whose answer was lost, but not before it was
        // seen.
        let held = HeldLease::new(lease, asked_at + self.duration, Arc::clone(&self.clock));
        self.held.send_modify(|all| drop(all.insert(seen.partition.clone(), held)));
        Ok(true)
    }

    /// Gives all leases back, so that other workers can take them at once.
    ///
    /// # Errors
    ///
    /// The first error of the store. The others were given back nevertheless; the rest expires.
    pub async fn release_all(&self) -> Result<()> {
        self.release_all_but(&BTreeMap::new()).await
    }

    async fn release_all_but(&self, wanted: &BTreeMap<&PartitionId, &NewLease>) -> Result<()> {
        let mut unwanted = self.all_held();
        unwanted.retain(|held| !wanted.contains_key(held.partition()));
        let release = |held: HeldLease| async move {
            let _turn = held.turn().await;
            self.lose(&held, "it is given back");
            match held.lease().fence() {
                Some(fence) => {
                    self.in_time(self.store.release(&self.consumer, &fence)).await.map(drop)
                }
                None => Ok(()),
            }
        };
        self.each(unwanted, release).await
    }

    /// Writes how far a partition is done into its lease, which renews it. Says whether this worker has
    /// the lease; if not, nothing was written.
    ///
    /// # Errors
    ///
    /// Those of the store. It may have been written.
    pub async fn checkpoint(&self, held: &HeldLease, progress: LeaseProgress) -> Result<bool> {
        let _turn = held.turn().await;
        if held.is_unsure() {
            self.renew_one(held).await?;
        }
        let Some(fence) = held.renewing().fence().filter(|_| !held.is_lost()) else {
            return Ok(false);
        };
        let written = self.store.checkpoint(&self.consumer, &fence, progress);
        match self.in_time(written).await? {
            Some(lease) => {
                held.renewed(lease, self.duration);
                Ok(true)
            }
            None => {
                self.lose(held, "another worker has it");
                Ok(false)
            }
        }
    }

    fn lose(&self, held: &HeldLease, why: &str) {
        let (consumer, worker, partition) = (&self.consumer, &self.worker, held.partition());
        tracing::info!(%consumer, %worker, %partition, why, "a lease is gone");
        held.give_up();
        self.held.send_if_modified(|all| {
            let is_held = all.get(held.partition()).is_some_and(|known| known.is(held));
            if is_held {
                all.remove(held.partition());
            }
            is_held
        });
    }

    /// Those that may be lost meanwhile, too.
    fn all_held(&self) -> Vec<HeldLease> {
        self.held.borrow().values().cloned().collect()
    }

    /// How often leases are renewed and looked at.
    fn period(&self) -> Duration {
        self.duration / 3
    }

    /// The answer, if it comes before it is time to ask again: a request that hangs must not hold the
    /// others up.
    async fn in_time<T>(&self, request: impl Future<Output = Result<T>>) -> Result<T> {
        let waited = self.period();
        tokio::select! {
            biased;
            answer = request => answer,
            () = self.clock.sleep(waited) => {
                let what = format!("an answer about the leases of {}", self.consumer);
                Err(Error::DeadlineExceeded { what, waited })
            }
        }
    }

    /// Does the work on all, several at a time, and gives the first error.
    async fn each<T, W: Future<Output = Result<()>>>(
        &self,
        all: Vec<T>,
        work: impl Fn(T) -> W,
    ) -> Result<()> {
        let mut waiting = all.into_iter();
        let mut running: FuturesUnordered<W> =
            waiting.by_ref().take(CONCURRENCY).map(&work).collect();
        let mut outcome = Ok(());
        while let Some(done) = running.next().await {
            outcome = outcome.and(done);
            running.extend(waiting.next().map(&work));
        }
        outcome
    }
}

/// Tells when a worker's leases have changed.
#[derive(Debug)]
pub struct LeaseChanges(watch::Receiver<BTreeMap<PartitionId, HeldLease>>);

impl LeaseChanges {
    /// Returns when a lease was taken, lost or given back since the last call, or never if the coordinator
    /// is gone.
    pub async fn next(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl fmt::Debug for LeaseCoordinator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeaseCoordinator")
            .field("consumer", &self.consumer)
            .field("worker", &self.worker)
            .field("duration", &self.duration)
            .field("held", &self.held.borrow().keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
