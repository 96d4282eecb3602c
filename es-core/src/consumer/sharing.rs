//! Workers that share the partitions of a feed through leases.

use std::collections::HashSet;
use std::future::Future;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _};

use crate::error::Result;
use crate::feed::{Partition, PartitionId};
use crate::lease_coordinator::{LeaseChanges, LeaseCoordinator};
use crate::lease_store::{LeaseStore, NewLease, WorkerId};

use super::handler::Handler;
use super::{Consumer, LIST_AGAIN};

/// How a worker takes part.
#[derive(Debug)]
pub(super) struct Sharing {
    store: Arc<dyn LeaseStore>,
    worker: WorkerId,
    duration: Duration,
    /// Made when it is first needed: the clock may be given after the store.
    coordinator: OnceLock<LeaseCoordinator>,
    survey: Mutex<Option<Survey>>,
}

/// The partitions that there was work in, at a time of the monotonic clock.
#[derive(Debug)]
struct Survey {
    at: Duration,
    with_work: Vec<NewLease>,
    /// How often only what was not known to have ended was looked at.
    trusting: u32,
}

/// Which partitions a round is about.
#[derive(Debug, Clone, Copy)]
pub(super) enum Share<'a> {
    /// All of them.
    All,
    /// Those whose leases the worker has.
    Leased(&'a LeaseCoordinator),
}

impl Share<'_> {
    pub(super) fn has(self, partition: &PartitionId) -> bool {
        match self {
            Self::All => true,
            Self::Leased(leases) => leases.lease_of(partition).is_some(),
        }
    }

    /// Does the work if the partition is of the share, for as long as it is: what another worker may do
    /// by now is dropped, wherever it waits. `None` if it did not come to its end.
    pub(super) async fn work_in<T>(
        self,
        partition: &PartitionId,
        work: impl Future<Output = T> + Send,
    ) -> Option<T> {
        let leases = match self {
            Self::All => return Some(work.await),
            Self::Leased(leases) => leases,
        };
        let held = leases.lease_of(partition)?;
        tokio::select! {
            biased;
            done = work => Some(done),
            () = held.lost() => None,
        }
    }

    /// Follows what the share has.
    pub(super) fn changes(self) -> ShareChanges {
        ShareChanges(match self {
            Self::All => None,
            Self::Leased(leases) => Some(leases.changes()),
        })
    }
}

/// Tells when a share has changed.
#[derive(Debug)]
pub(super) struct ShareChanges(Option<LeaseChanges>);

impl ShareChanges {
    /// Never returns for a share that stays.
    pub(super) async fn next(&mut self) {
        match &mut self.0 {
            Some(changes) => changes.next().await,
            None => std::future::pending().await,
        }
    }
}

impl<H: Handler> Consumer<H> {
    /// Lets [`run`](Self::run) work in those partitions only whose leases it has, so that several workers
    /// share the feed instead of doing the same steps: each takes its share of the leases in `store`, and
    /// those of workers that did not renew theirs for `duration`, 10 s as a rule. A partition is begun
    /// when its parents are done, whichever worker did them. When a lease is lost, the work in its
    /// partition ends at once: the step at hand is dropped, also in the middle of the handler, as if the
    /// process had crashed there. A step that is being saved is fenced as all are.
    ///
    /// `worker` must be [generated](WorkerId::generate) for this object. [`catch_up`](Self::catch_up)
    /// works in all partitions. A consumer that was set back begins partitions which had ended again
    /// within a minute or so.
    ///
    /// ```
    /// # mod doc {
    /// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/account.rs"));
    /// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/statements.rs"));
    /// # }
    /// # use doc::*;
    /// use std::sync::Arc;
    /// use std::time::Duration;
    ///
    /// use es_core::memory::MemoryStore;
    /// use es_core::{Projection, SystemEntropy, WorkerId, Workers};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> es_core::Result<()> {
    /// let store = Arc::new(MemoryStore::new());
    /// let worker = WorkerId::generate("host-1", &SystemEntropy)?;
    /// let statements = Projection::on(Statements, store.clone())?
    ///     .with_leases(store, worker, Duration::from_secs(10));
    /// let mut workers = Workers::new();
    /// workers.start(Arc::new(statements));
    /// // In the end: leases are given back.
    /// workers.shutdown().await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_leases(
        mut self,
        store: Arc<dyn LeaseStore>,
        worker: WorkerId,
        duration: Duration,
    ) -> Self {
        let (coordinator, survey) = (OnceLock::new(), Mutex::default());
        self.sharing = Some(Sharing { store, worker, duration, coordinator, survey });
        self
    }

    /// The leases of this worker, if it [shares](Self::with_leases) the feed with others.
    pub fn leases(&self) -> Option<&LeaseCoordinator> {
        let sharing = self.sharing.as_ref()?;
        Some(sharing.coordinator.get_or_init(|| {
            let (store, worker) = (Arc::clone(&sharing.store), sharing.worker.clone());
            LeaseCoordinator::new(store, self.id.clone(), worker)
                .with_duration(sharing.duration)
                .with_clock(Arc::clone(&self.clock))
                .with_entropy(Arc::clone(&self.entropy))
        }))
    }

    pub(super) fn share(&self) -> Share<'_> {
        self.leases().map_or(Share::All, Share::Leased)
    }

    /// Holds leases while `work` runs, and gives them back then.
    pub(super) async fn sharing<T>(&self, work: impl Future<Output = T> + Send) -> T {
        let Some(leases) = self.leases() else { return work.await };
        let done = tokio::select! {
            biased;
            done = work => done,
            never = leases.run(|| self.partitions_with_work()) => match never {},
        };
        if let Err(error) = leases.release_all().await {
            let (consumer, cause) = (&self.id, &error as &dyn std::error::Error);
            tracing::warn!(%consumer, cause, "leases are not given back, and will expire");
        }
        done
    }

    /// The partitions that have not ended, and whose parents have.
    async fn partitions_with_work(&self) -> Result<Vec<NewLease>> {
        let Some(sharing) = &self.sharing else { return Ok(Vec::new()) };
        let now = self.clock.monotonic();
        let trusting = match sharing.last_survey(now, LIST_AGAIN) {
            Some(known) if !self.has_finished_one_of(&known) => return Ok(known),
            Some(_) | None => sharing.next_trusting(),
        };
        let listed = self.feed.partitions().await?;
        let ended = self.ended_of(&listed, trusting > 0).await?;
        let ids: HashSet<&PartitionId> = listed.iter().map(|partition| &partition.id).collect();
        let has_work = |partition: &&Partition| {
            !ended.contains(&partition.id)
                && partition.parents.iter().all(|id| ended.contains(id) || !ids.contains(id))
        };
        let with_work: Vec<NewLease> = listed.iter().filter(has_work).map(lease_of).collect();
        sharing.keep(Survey { at: now, with_work: with_work.clone(), trusting });
        Ok(with_work)
    }

    fn has_finished_one_of(&self, with_work: &[NewLease]) -> bool {
        with_work.iter().any(|lease| self.remembers_end_now(&lease.partition))
    }

    /// Those that have ended. What this worker has a lease of has not, until it has seen the end itself;
    /// `trusting`, it goes by what it remembers of others, too.
    async fn ended_of(&self, listed: &[Partition], trusting: bool) -> Result<HashSet<PartitionId>> {
        let share = self.share();
        let looks = listed.iter().map(|partition| async move {
            let id = &partition.id;
            let ended = if share.has(id) {
                self.remembers_end_now(id)
            } else {
                self.has_ended(id, trusting).await?
            };
            Ok::<_, crate::error::Error>(ended.then(|| id.clone()))
        });
        let looks: Vec<_> = looks.map(Box::pin).collect();
        let ended = futures::stream::iter(looks).buffer_unordered(self.concurrency.max(1));
        ended.try_filter_map(|ended| async move { Ok(ended) }).try_collect().await
    }

    /// Leaves those partitions to others whose leases they have. What is begun here waits for their
    /// parents all the same.
    pub(super) async fn leave_to_others(
        &self,
        share: Share<'_>,
        waiting: &mut Vec<Partition>,
        unfinished: &mut HashSet<PartitionId>,
    ) -> Result<()> {
        if matches!(share, Share::All) {
            return Ok(());
        }
        waiting.retain(|partition| share.has(&partition.id));
        let parents: HashSet<&PartitionId> = waiting.iter().flat_map(|own| &own.parents).collect();
        for parent in parents {
            let is_of_another = unfinished.contains(parent) && !share.has(parent);
            if is_of_another && self.has_ended(parent, true).await? {
                unfinished.remove(parent);
            }
        }
        Ok(())
    }

    /// Whether the stored position of a partition is its end. An end is remembered.
    async fn has_ended(&self, partition: &PartitionId, trusting: bool) -> Result<bool> {
        if trusting && self.remembers_end_now(partition) {
            return Ok(true);
        }
        let position = self.handler.checkpoints().load(&self.id, partition).await?;
        let ended = position.checkpoint.is_end();
        let known = self.known_position(partition);
        // Where a step is at work, the partition's position is its own matter.
        if let Ok(mut known) = known.try_lock() {
            *known = ended.then_some(position);
        }
        Ok(ended)
    }

    /// Whether this object has seen the partition to its end, without waiting for a step at work there.
    fn remembers_end_now(&self, partition: &PartitionId) -> bool {
        let known = self.positions().get(partition).cloned();
        known.is_some_and(|known| {
            let known = known.try_lock();
            known.is_ok_and(|known| known.as_ref().is_some_and(|at| at.checkpoint.is_end()))
        })
    }
}

/// The lease that a partition needs.
fn lease_of(partition: &Partition) -> NewLease {
    let parents = partition.parents.iter().cloned().collect();
    NewLease { parents, ..NewLease::new(partition.id.clone()) }
}

impl Sharing {
    /// What was found last, unless that is older than `age`.
    fn last_survey(&self, now: Duration, age: Duration) -> Option<Vec<NewLease>> {
        let survey = self.survey.lock().unwrap_or_else(PoisonError::into_inner);
        let known = survey.as_ref().filter(|known| now.saturating_sub(known.at) < age)?;
        Some(known.with_work.clone())
    }

    /// Now and then, 0: somebody may have set the consumer back, and nobody is fenced where nobody is at
    /// work.
    fn next_trusting(&self) -> u32 {
        const ALL_AFTER: u32 = 6;
        let survey = self.survey.lock().unwrap_or_else(PoisonError::into_inner);
        survey.as_ref().map_or(0, |known| (known.trusting + 1) % ALL_AFTER)
    }

    fn keep(&self, survey: Survey) {
        *self.survey.lock().unwrap_or_else(PoisonError::into_inner) = Some(survey);
    }
}
