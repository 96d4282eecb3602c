//! What follows a feed: projections and policies on one engine.

mod contiguity;
mod projecting;
mod reacting;
mod workers;

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::{FutureExt as _, StreamExt as _};
use tokio::sync::{Mutex, Notify};

use crate::backoff::Backoff;
use crate::checkpoint_store::{CheckpointStore, ConsumerId, Position, Progress, Revision};
use crate::clock::{Clock, SystemClock};
use crate::commit::Commit;
use crate::entropy::{Entropy, SystemEntropy};
use crate::error::{Error, Result};
use crate::event_store::EventStore;
use crate::feed::{Feed, Partition, PartitionId};
use crate::repository::Receipt;
use crate::stream_id::StreamId;
use crate::telemetry;
use crate::version::Version;

pub use projecting::{Projecting, Projection};
pub use reacting::{Reacting, Reactor};
pub use workers::Workers;

/// Follows a feed and gives every commit of its categories to a handler: in the order of its stream,
/// once in effect, none left out.
///
/// Feeds deliver at least once and may be out of order. The consumer keeps, per stream, the version
/// up to which events have had their effect: what is not newer is dropped, and what is missing before
/// a delivery is read from the log. Effects and progress are saved in one fenced step, so a crash
/// leaves both or neither, and of two workers that do the same work one has its step refused and
/// goes on from where the other is.
///
/// Several workers may run the same consumer. A step is fenced by the position in its partition, by
/// the versions of its streams, and by the documents that it changes, so workers in different
/// partitions cannot undo each other's steps either.
///
/// The two forms are [`Projection`] and [`Reactor`].
pub struct Consumer<H> {
    handler: H,
    id: ConsumerId,
    feed: Arc<dyn Feed>,
    log: Arc<dyn EventStore>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    backoff: Backoff,
    batch_size: usize,
    /// Where the consumer is, as far as this object knows. One step at a time.
    positions: Mutex<HashMap<PartitionId, Position>>,
    stepped: Notify,
}

/// What is done with the commits. Implemented by [`Projecting`] and [`Reacting`].
#[async_trait]
pub trait Handler: Send + Sync + 'static {
    /// The categories that are handled.
    fn categories(&self) -> &'static [&'static str];

    /// Where the progress is kept.
    fn checkpoints(&self) -> &dyn CheckpointStore;

    /// Makes ready to handle; called before each run.
    async fn prepare(&self) -> Result<()>;

    /// Lets the commits have their effect and saves `progress`.
    async fn handle(&self, commits: &[Commit], progress: Progress) -> Result<Revision>;
}

/// How far a consumer has come in catching up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CatchUp {
    /// The commits that had their effect.
    pub applied: u64,
    /// The commits that are left, where the feed can tell.
    pub remaining: Option<u64>,
}

/// What one step did.
struct Step {
    applied: u64,
    remaining: Option<u64>,
    /// The feed had nothing (more) at the time.
    at_end: bool,
    /// The partition has ended for good, and all of it is done.
    ended: bool,
}

impl<H: Handler> Consumer<H> {
    fn with_handler(
        handler: H,
        id: ConsumerId,
        feed: Arc<dyn Feed>,
        log: Arc<dyn EventStore>,
        batch_size: usize,
    ) -> Self {
        Self {
            handler,
            id,
            feed,
            log,
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            backoff: Backoff { base: Duration::from_millis(50), max: Duration::from_secs(10) },
            batch_size,
            positions: Mutex::default(),
            stepped: Notify::new(),
        }
    }

    /// Waits by `clock`.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Makes jitter from `entropy`.
    #[must_use]
    pub fn with_entropy(mut self, entropy: Arc<dyn Entropy>) -> Self {
        self.entropy = entropy;
        self
    }

    /// Waits as `backoff` says before a step that failed is tried again.
    #[must_use]
    pub fn with_backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// Takes up to `commits` commits of the feed in one step, at least one.
    #[must_use]
    pub fn with_batch_size(mut self, commits: usize) -> Self {
        self.batch_size = commits.max(1);
        self
    }

    /// The name that the progress is stored under.
    pub fn id(&self) -> &ConsumerId {
        &self.id
    }

    /// Handles everything that the feed has, and returns.
    ///
    /// # Errors
    ///
    /// Any error of the handler, the feed, the log or the store. What was handled before is saved;
    /// a later call goes on from there.
    pub async fn catch_up(&self) -> Result<CatchUp> {
        self.catch_up_with(|_| {}).await
    }

    /// Like [`catch_up`](Self::catch_up), and calls `report` after each step.
    ///
    /// # Errors
    ///
    /// As [`catch_up`](Self::catch_up).
    pub async fn catch_up_with(&self, mut report: impl FnMut(CatchUp)) -> Result<CatchUp> {
        let mut total = CatchUp::default();
        loop {
            let round = self.round(
                || false,
                |step| {
                    total.applied += step.applied;
                    total.remaining = step.remaining;
                    report(total);
                },
            );
            match round.await {
                // Another worker is at it: go on from where it is.
                Err(Error::Fenced { .. }) => {}
                round => return round.map(|_| total),
            }
        }
    }

    /// Handles what the feed has and what comes, until `shutdown` is ready. The step at hand is
    /// finished first.
    ///
    /// Errors that trying again can help are tried again with backoff, for as long as it takes.
    ///
    /// # Errors
    ///
    /// The first error that trying again cannot help: a damaged commit, an event that cannot be
    /// decoded, a refusal of the handler. Nothing is skipped: the next run begins at it.
    pub async fn run(&self, shutdown: impl Future<Output = ()> + Send) -> Result<()> {
        let mut shutdown = std::pin::pin!(shutdown);
        let mut failures = 0;
        loop {
            let error = match self.advance(&mut shutdown).await {
                Ok(Advance::Shutdown) => return Ok(()),
                Ok(Advance::Stepped) => {
                    failures = 0;
                    continue;
                }
                Err(error) => error,
            };
            failures += 1;
            let delay = self.backoff.delay(failures, &*self.entropy);
            self.log_failure(&error, failures, delay);
            if !(error.is_transient() || matches!(error, Error::Fenced { .. })) {
                return Err(error);
            }
            metrics::counter!(telemetry::CONSUMER_RETRIES, "consumer" => self.id.to_string())
                .increment(1);
            tokio::select! {
                biased;
                () = &mut shutdown => return Ok(()),
                () = self.clock.sleep(delay) => {}
            }
        }
    }

    fn log_failure(&self, error: &Error, failures: u32, delay: Duration) {
        let (consumer, cause) = (&self.id, error as &dyn std::error::Error);
        if matches!(error, Error::Fenced { .. }) {
            // Nothing is wrong: several workers share the work, and another one was faster.
            tracing::debug!(%consumer, cause, ?delay, "a step was taken by another worker");
        } else if error.is_transient() {
            tracing::warn!(%consumer, cause, failures, ?delay, "a step failed and is tried again");
        } else {
            tracing::error!(%consumer, cause, "stopped at an error that trying again cannot help");
        }
    }

    /// One round; waits if no partition had anything.
    async fn advance<S: Future<Output = ()>>(
        &self,
        shutdown: &mut std::pin::Pin<&mut S>,
    ) -> Result<Advance> {
        /// How long until the partitions are listed again while none of the known ones has anything.
        const LIST_AGAIN: Duration = Duration::from_secs(10);
        let mut moved = false;
        let round = self
            .round(|| shutdown.as_mut().now_or_never().is_some(), |step| moved |= step.applied > 0);
        let Some(open) = round.await? else { return Ok(Advance::Shutdown) };
        if moved {
            return Ok(Advance::Stepped);
        }
        let positions = self.positions.lock().await.clone();
        let waits = open.iter().map(|partition| {
            let checkpoint = positions.get(partition).cloned().unwrap_or_default().checkpoint;
            Box::pin(async move { self.feed.wait(partition, &checkpoint).await })
        });
        let mut woken: futures::stream::FuturesUnordered<_> = waits.collect();
        tokio::select! {
            biased;
            () = shutdown => Ok(Advance::Shutdown),
            Some(woken) = woken.next() => woken.map(|()| Advance::Stepped),
            () = self.clock.sleep(LIST_AGAIN) => Ok(Advance::Stepped),
        }
    }

    /// Takes steps in every partition until it has no more, parents first; the children of those that
    /// have not ended wait. Asks before each step whether to stop: a step itself is never cut off.
    /// Returns the partitions that have not ended, or `None` if it was stopped.
    async fn round(
        &self,
        mut stop: impl FnMut() -> bool,
        mut report: impl FnMut(&Step),
    ) -> Result<Option<Vec<PartitionId>>> {
        self.handler.prepare().await?;
        let mut open = Vec::new();
        for Partition { id, parents } in parents_first(self.feed.partitions().await?)? {
            if parents.iter().any(|parent| open.contains(parent)) {
                open.push(id);
                continue;
            }
            loop {
                if stop() {
                    return Ok(None);
                }
                let step = self.step(&id).await?;
                report(&step);
                if step.ended {
                    break;
                }
                if step.at_end {
                    open.push(id);
                    break;
                }
            }
        }
        Ok(Some(open))
    }

    /// Reads one page, lets it have its effect and saves the progress.
    async fn step(&self, partition: &PartitionId) -> Result<Step> {
        let mut positions = self.positions.lock().await;
        let position = match positions.get(partition) {
            Some(position) => position.clone(),
            None => self.handler.checkpoints().load(&self.id, partition).await?,
        };
        // Whatever goes wrong from here on, the stored position is looked at again.
        positions.remove(partition);
        let page = self.feed.read(partition, &position.checkpoint, self.batch_size).await?;
        let at_end = page.commits.is_empty() || page.remaining == Some(0);
        let (remaining, ended) = (page.remaining, page.ended);
        if page.checkpoint == position.checkpoint {
            positions.insert(partition.clone(), position);
            return Ok(Step { applied: 0, remaining, at_end, ended });
        }
        let categories = self.handler.categories();
        let mut delivered = page.commits;
        delivered.retain(|commit| categories.contains(&commit.stream().category()));

        let streams: Vec<StreamId> = delivered
            .iter()
            .map(Commit::stream)
            .collect::<BTreeSet<_>>()
            .into_iter()
            .cloned()
            .collect();
        let seen = self.handler.checkpoints().stream_versions(&self.id, &streams).await?;
        let seen: HashMap<StreamId, Version> = streams.into_iter().zip(seen).collect();
        let mut versions = seen.clone();
        let accepted = contiguity::in_order(delivered, &mut versions, &*self.log, &self.id).await?;

        let reached: HashMap<StreamId, Version> =
            accepted.iter().map(|c| (c.stream().clone(), c.last_version())).collect();
        let progress = Progress {
            consumer: self.id.clone(),
            partition: partition.clone(),
            based_on: position.revision,
            seen: seen.into_iter().filter(|(stream, _)| reached.contains_key(stream)).collect(),
            checkpoint: page.checkpoint.clone(),
            streams: reached.into_iter().collect(),
        };
        let revision = self.handle(&accepted, progress).await?;
        positions.insert(partition.clone(), Position { checkpoint: page.checkpoint, revision });
        drop(positions);
        self.stepped.notify_waiters();

        let applied = accepted.len() as u64;
        metrics::counter!(telemetry::COMMITS_CONSUMED, "consumer" => self.id.to_string())
            .increment(applied);
        if let Some(remaining) = page.remaining {
            metrics::gauge!(telemetry::LAG, "consumer" => self.id.to_string(),
                "partition" => partition.to_string())
            .set(remaining as f64);
        }
        Ok(Step { applied, remaining, at_end, ended })
    }

    #[tracing::instrument(name = "projection.batch", level = "debug", skip_all, fields(
        consumer = %self.id, partition = %progress.partition, commits = commits.len()))]
    async fn handle(&self, commits: &[Commit], progress: Progress) -> Result<Revision> {
        self.handler.handle(commits, progress).await
    }

    /// Returns when the effect of the command that `receipt` is for is there, whichever worker of
    /// the consumer brought it about.
    ///
    /// # Errors
    ///
    /// As [`wait_for_version`](Self::wait_for_version).
    pub async fn wait_for(&self, receipt: &Receipt, timeout: Duration) -> Result<()> {
        self.wait_for_version(receipt.stream(), receipt.version(), timeout).await
    }

    /// Returns when the events of `stream` up to `version` have had their effect.
    ///
    /// # Errors
    ///
    /// [`Error::DeadlineExceeded`] after `timeout`; [`Error::Misuse`] when the consumer does not
    /// follow the stream's category.
    pub async fn wait_for_version(
        &self,
        stream: &StreamId,
        version: Version,
        timeout: Duration,
    ) -> Result<()> {
        /// Another process may do the work, so that no notification comes from it.
        const POLL: Duration = Duration::from_millis(20);
        const SLOWEST_POLL: Duration = Duration::from_millis(320);
        if !self.handler.categories().contains(&stream.category()) {
            let (consumer, category) = (&self.id, stream.category());
            return Err(Error::Misuse(format!("{consumer} does not follow category {category}")));
        }
        let seen = async {
            let mut poll = POLL;
            loop {
                let mut stepped = std::pin::pin!(self.stepped.notified());
                // Registered before the look, so that a step between the two is not missed.
                stepped.as_mut().enable();
                let checkpoints = self.handler.checkpoints();
                let versions =
                    checkpoints.stream_versions(&self.id, std::slice::from_ref(stream)).await?;
                if versions.first().is_some_and(|seen| *seen >= version) {
                    return Ok(());
                }
                tokio::select! {
                    () = stepped => {}
                    () = self.clock.sleep(poll) => poll = (poll * 2).min(SLOWEST_POLL),
                }
            }
        };
        tokio::select! {
            biased;
            seen = seen => seen,
            () = self.clock.sleep(timeout) => Err(Error::DeadlineExceeded {
                what: format!("{} reaching version {version} of {stream}", self.id),
                waited: timeout,
            }),
        }
    }
}

enum Advance {
    Stepped,
    Shutdown,
}

/// Orders partitions so that each comes after its parents. Parents that are not listed are gone.
fn parents_first(partitions: Vec<Partition>) -> Result<Vec<Partition>> {
    let mut waiting = partitions;
    let mut ordered = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let open: BTreeSet<PartitionId> = waiting.iter().map(|p| p.id.clone()).collect();
        let (ready, later): (Vec<_>, Vec<_>) =
            waiting.into_iter().partition(|p| p.parents.iter().all(|id| !open.contains(id)));
        if ready.is_empty() {
            return Err(Error::Corrupt {
                what: "the list of the feed's partitions".to_owned(),
                reason: "partitions are each other's parents".to_owned(),
            });
        }
        ordered.extend(ready);
        waiting = later;
    }
    Ok(ordered)
}

impl<H> fmt::Debug for Consumer<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer")
            .field("id", &self.id)
            .field("feed", &self.feed)
            .field("batch_size", &self.batch_size)
            .finish_non_exhaustive()
    }
}
