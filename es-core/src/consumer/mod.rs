//! What follows a feed: projections and policies on one engine.
//!
//! | file | what it is about |
//! |---|---|
//! | `handler` | what is done with commits: `projecting` (and `fold`), `reacting` |
//! | `step`, `contiguity`, `attempts`, `failure` | one step: order, effect, dead letters, progress |
//! | `round`, `until` | the partitions of a feed, and how far they are read |
//! | `anchors`, `trimmed` | feeds that keep commits for a limited time |
//! | `sharing` | several workers, through leases |
//! | `catch_up`, `workers` | once to the end, and for ever |
//! | `inline`, `pushed` | in the call of a command, and of somebody else who reads the feed |
//! | `beside`, `together`, `in_memory` | building views again |
//! | `control`, `health`, `dead_letters`, `any_consumer` | for operators |

mod anchors;
mod any_consumer;
mod attempts;
mod beside;
mod catch_up;
mod contiguity;
mod control;
mod dead_letters;
mod division;
mod failure;
mod fold;
mod handler;
mod health;
mod in_memory;
mod inline;
mod projecting;
mod pushed;
mod reacting;
mod round;
mod sharing;
mod step;
mod together;
mod trimmed;
mod until;
mod workers;

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OnceCell};

use crate::backoff::Backoff;
use crate::checkpoint_store::{ConsumerId, Position, Revision, StreamProgress};
use crate::clock::{Clock, SystemClock};
use crate::entropy::{Entropy, SystemEntropy};
use crate::error::{Error, Result};
use crate::event_store::EventStore;
use crate::feed::{Checkpoint, Feed, PartitionId};
use crate::repository::Receipt;
use crate::stream_id::StreamId;
use crate::telemetry;
use crate::version::Version;

use anchors::Anchors;
use attempts::Attempts;
use catch_up::Tally;
use control::Control;
use round::{Round, Stop, can_be_tried_again};
use sharing::{Share, ShareChanges, Sharing};
use trimmed::Rebuild;
use until::Until;

pub use any_consumer::{AnyConsumer, Consumers};
pub use beside::RewindTo;
pub use catch_up::CatchUp;
pub use control::{ConsumerState, LastError};
pub use dead_letters::{DeadLetterFilter, Retried};
pub(crate) use fold::Fold;
pub(crate) use handler::panicked;
pub use handler::{Batch, Failed, Handled, Handler, Rewindable};
pub(crate) use health::HEALTH_TIME_LIMIT;
pub use health::{Health, PartitionHealth};
pub(crate) use inline::Inline;
pub use projecting::{Projecting, Projection};
pub use pushed::Pushed;
pub use reacting::{Passing, Reacting, Reactor};
pub(crate) use round::parents_first;
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
/// A commit that fails for good does not stop the others: it is parked among the
/// [dead letters](crate::DeadLetter), and the later commits of its stream behind it, until an operator
/// [tries them again](Consumer::retry_dead_letters) or [drops](Consumer::drop_dead_letter) the one
/// that failed. Parking is part of the step. When there are too many dead letters, or they cannot be
/// kept, the consumer stops.
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
    concurrency: usize,
    dead_letter_limit: u64,
    /// How many bytes a rebuild keeps in memory before it saves them.
    rebuild_memory: usize,
    attempts: Attempts,
    /// The consumer that this one is to take the place of.
    in_place_of: Option<ConsumerId>,
    /// What every step is based on: the mark of a rebuild.
    based_on: Vec<(PartitionId, Revision)>,
    /// Where the consumer is in each partition, as far as this object knows; locked for a step.
    positions: Mutex<HashMap<PartitionId, KnownPosition>>,
    /// What this object knows of the feed's anchors.
    anchors: Mutex<Anchors>,
    /// What is done when the feed was trimmed, instead of stopping.
    when_trimmed: Option<Rebuild<H>>,
    /// How the partitions are shared with other workers.
    sharing: Option<Sharing>,
    /// Whether the handler was made ready.
    prepared: OnceCell<()>,
    stepped: Notify,
    resumed: Notify,
    control: Control,
}

type KnownPosition = Arc<tokio::sync::Mutex<Option<Position>>>;

impl<H: Handler> Consumer<H> {
    /// How many streams, and how many partitions, are at work at the same time unless
    /// [`with_concurrency`](Self::with_concurrency) says otherwise.
    pub const DEFAULT_CONCURRENCY: usize = 16;

    /// How many dead letters there may be unless
    /// [`with_dead_letter_limit`](Self::with_dead_letter_limit) says otherwise.
    pub const DEFAULT_DEAD_LETTER_LIMIT: u64 = 10_000;

    /// About how many bytes a rebuild keeps in memory unless
    /// [`with_rebuild_memory`](Self::with_rebuild_memory) says otherwise: 16 MiB.
    pub const DEFAULT_REBUILD_MEMORY: usize = 16 * 1024 * 1024;

    /// A consumer with a handler of its own kind, which saves its progress as `id`, and takes up to
    /// `batch_size` commits in one step. Projections and policies have constructors of their own.
    pub fn with_handler(
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
            batch_size: batch_size.max(1),
            concurrency: Self::DEFAULT_CONCURRENCY,
            dead_letter_limit: Self::DEFAULT_DEAD_LETTER_LIMIT,
            rebuild_memory: Self::DEFAULT_REBUILD_MEMORY,
            attempts: Attempts::default(),
            in_place_of: None,
            based_on: Vec::new(),
            positions: Mutex::default(),
            anchors: Mutex::default(),
            when_trimmed: None,
            sharing: None,
            prepared: OnceCell::new(),
            stepped: Notify::new(),
            resumed: Notify::new(),
            control: Control::default(),
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

    /// Handles up to so many streams, and reads up to so many partitions, at the same time; at least
    /// one. The commits of one stream are always handled one after the other. What is held in memory
    /// is one page of each partition at work.
    #[must_use]
    pub fn with_concurrency(mut self, streams: usize) -> Self {
        self.concurrency = streams.max(1);
        self
    }

    /// Parks up to `letters` commits as dead letters; the next one stops the consumer with
    /// [`Error::DeadLettersFull`]. With 0 nothing is parked, and the first error that trying again
    /// cannot help stops the consumer as it is.
    #[must_use]
    pub fn with_dead_letter_limit(mut self, letters: u64) -> Self {
        self.dead_letter_limit = letters;
        self
    }

    /// Keeps about `bytes` bytes of documents and progress in memory while a view is
    /// [built again](Consumer::rebuild), before it saves them in one step and goes on with nothing in memory. As a
    /// rebuild that is broken off begins anew, nothing is lost by saving late; the more documents fit, the fewer of
    /// them are written more than once. What is read ahead comes on top, a few MiB, and so does what is saved, as JSON,
    /// until it is written. With 0 each page is saved that has a commit of the projector's categories.
    ///
    /// It is saved, too, when there are 500,000 documents and streams in memory, and when fifteen seconds have passed since
    /// it was saved before. A store with one writer, as SQLite, appends nothing while it writes all that: writers in this
    /// process wait, and those in other processes get [`Error::Unavailable`] if it takes longer than their busy timeout.
    /// Less memory lets them wait less long at a time. Views that are
    /// [built together](crate::Consumers::rebuild) are saved one after the other, and others have their turn in between.
    ///
    /// It is no limit for a store that takes only [so much](crate::CheckpointStore::max_step_items) in one step, nor
    /// for a feed of several partitions: there each page is saved in any case.
    #[must_use]
    pub fn with_rebuild_memory(mut self, bytes: usize) -> Self {
        self.rebuild_memory = bytes;
        self
    }

    /// Parks a commit also when it has failed `attempts` times with an error that trying again can
    /// help. Without, it is tried for as long as it takes, and later commits of its partition wait.
    /// The attempts of this object are counted: another process, or another object in its place,
    /// begins anew.
    #[must_use]
    pub fn with_max_attempts(mut self, attempts: u32) -> Self {
        self.attempts.max = Some(attempts.max(1));
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
    /// Any error of the feed, the log or the store, [`Error::Paused`], and a transient error of the
    /// handler. What was handled before is saved; a later call goes on from there. Commits that fail
    /// for good are counted in [`CatchUp::parked`].
    pub async fn catch_up(&self) -> Result<CatchUp> {
        self.catch_up_with(|_| {}).await
    }

    /// Like [`catch_up`](Self::catch_up), and calls `report` after each step.
    ///
    /// # Errors
    ///
    /// As [`catch_up`](Self::catch_up).
    pub async fn catch_up_with(&self, report: impl FnMut(CatchUp) + Send) -> Result<CatchUp> {
        let mut tally = Tally::default();
        let mut report = report;
        loop {
            match self.catch_up_until(Until::End, &mut tally, &mut report).await {
                // Another worker is at it: go on from where it is.
                Err(Error::Fenced { .. }) => {}
                Err(error) => self.rebuild_when_trimmed(error).await?,
                Ok(()) => return Ok(tally.total()),
            }
        }
    }

    /// One round.
    async fn catch_up_until(
        &self,
        until: Until,
        tally: &mut Tally,
        report: &mut (dyn FnMut(CatchUp) + Send),
    ) -> Result<()> {
        let earlier = tally.total().elapsed;
        let began = self.clock.now();
        let counting = Mutex::new((tally, report));
        let add = |partition: &PartitionId, step: &step::Step| {
            let elapsed = Duration::try_from(self.clock.now().duration_since(began));
            let (tally, report) = &mut *counting.lock().unwrap_or_else(PoisonError::into_inner);
            tally.add(partition, step, earlier + elapsed.unwrap_or_default());
            report(tally.total());
        };
        self.round(until, Share::All, &Stop::default(), &add).await.map(drop)
    }

    /// Handles what the feed has and what comes, until `shutdown` is ready. The steps at hand are
    /// finished first.
    ///
    /// Errors that trying again can help are tried again with backoff, for as long as it takes.
    /// Commits that fail for good are parked. While the consumer is [paused](Self::pause), it waits.
    ///
    /// # Errors
    ///
    /// The first error that trying again cannot help and that is not about one stream alone: a
    /// damaged commit, [too many dead letters](Error::DeadLettersFull). Nothing is skipped: the next
    /// run begins at it.
    pub async fn run(&self, shutdown: impl Future<Output = ()> + Send) -> Result<()> {
        self.sharing(self.follow(shutdown)).await
    }

    async fn follow(&self, shutdown: impl Future<Output = ()> + Send) -> Result<()> {
        let mut shutdown = std::pin::pin!(shutdown);
        let mut failures = 0;
        let mut changes = self.share().changes();
        let _running = self.control.run();
        loop {
            // Registered before the look, so that a call in between is not missed.
            let mut resumed = std::pin::pin!(self.resumed.notified());
            resumed.as_mut().enable();
            let mut moved = false;
            let advanced = match self.advance(&mut shutdown, &mut changes, &mut moved).await {
                // A rebuild may be broken off anywhere.
                Err(error) => tokio::select! {
                    biased;
                    () = &mut shutdown => return Ok(()),
                    rebuilt = self.rebuild_when_trimmed(error) => rebuilt.map(|()| Advanced::Stepped),
                },
                advanced => advanced,
            };
            let wait = match advanced {
                Ok(Advanced::Shutdown) => return Ok(()),
                Ok(Advanced::Stepped) => {
                    failures = 0;
                    continue;
                }
                Err(Error::Paused { .. }) => {
                    self.control.enter(ConsumerState::Paused);
                    LOOK_AGAIN
                }
                Err(error) => {
                    failures = if moved { 1 } else { failures + 1 };
                    let delay = self.backoff.delay(failures, &*self.entropy);
                    self.failed(error, failures, delay)?;
                    delay
                }
            };
            tokio::select! {
                biased;
                () = &mut shutdown => return Ok(()),
                () = resumed => {}
                () = self.clock.sleep(wait) => {}
            }
        }
    }

    /// Notes the error, and gives it back if the worker has to stop at it.
    fn failed(&self, error: Error, failures: u32, delay: Duration) -> Result<()> {
        let (consumer, cause) = (&self.id, &error as &dyn std::error::Error);
        if matches!(error, Error::Fenced { .. }) {
            // Nothing is wrong: several workers share the work, and another one was faster.
            tracing::debug!(%consumer, cause, ?delay, "a step was taken by another worker");
        } else if error.is_transient() {
            tracing::warn!(%consumer, cause, failures, ?delay, "a step failed and is tried again");
            self.control.met(&error, ConsumerState::Retrying, self.clock.now());
        } else {
            tracing::error!(%consumer, cause, "stopped at an error that trying again cannot help");
            self.control.met(&error, ConsumerState::Failed, self.clock.now());
            return Err(error);
        }
        metrics::counter!(telemetry::CONSUMER_RETRIES, "consumer" => self.id.to_string())
            .increment(1);
        Ok(())
    }

    /// One round; waits if no partition had anything.
    async fn advance<S: Future<Output = ()> + Send>(
        &self,
        shutdown: &mut std::pin::Pin<&mut S>,
        changes: &mut ShareChanges,
        moved: &mut bool,
    ) -> Result<Advanced> {
        let any_step = AtomicBool::new(false);
        let report = |_: &PartitionId, step: &step::Step| {
            if step.applied + step.parked > 0 {
                any_step.store(true, Ordering::Release);
            }
        };
        let stop = Stop::default();
        let mut round = std::pin::pin!(self.round(Until::End, self.share(), &stop, &report));
        let round = tokio::select! {
            biased;
            () = &mut *shutdown => {
                stop.ask();
                return match round.await {
                    // What would be tried again, or rests, is left to the next run.
                    Err(error) if !(can_be_tried_again(&error)
                        || matches!(error, Error::Paused { .. })) => Err(error),
                    _ => Ok(Advanced::Shutdown),
                };
            }
            // Another round is about what the worker has to do now.
            () = changes.next() => {
                stop.ask();
                round.await
            }
            round = &mut round => round,
        };
        *moved = any_step.load(Ordering::Acquire);
        let Round::Done(open) = round? else { return Ok(Advanced::Stepped) };
        self.control.enter(ConsumerState::Running);
        if *moved {
            return Ok(Advanced::Stepped);
        }
        let waits = open.iter().map(|partition| Box::pin(self.wait(partition)));
        let mut woken: futures::stream::FuturesUnordered<_> = waits.collect();
        tokio::select! {
            biased;
            () = shutdown => Ok(Advanced::Shutdown),
            () = changes.next() => Ok(Advanced::Stepped),
            Some(woken) = futures::StreamExt::next(&mut woken) => woken.map(|()| Advanced::Stepped),
            () = self.clock.sleep(LIST_AGAIN) => Ok(Advanced::Stepped),
        }
    }

    async fn wait(&self, partition: &PartitionId) -> Result<()> {
        let known = self.positions().get(partition).cloned();
        let checkpoint = match known {
            Some(known) => known.lock().await.as_ref().map(|position| position.checkpoint.clone()),
            None => None,
        };
        match self.feed.wait(partition, &checkpoint.unwrap_or_else(Checkpoint::start)).await {
            // Another worker may have read what is gone. The next step looks where the consumer is.
            Err(Error::FeedTrimmed { .. }) => Ok(()),
            waited => waited,
        }
    }

    fn positions(&self) -> MutexGuard<'_, HashMap<PartitionId, KnownPosition>> {
        self.positions.lock().unwrap_or_else(PoisonError::into_inner)
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
    /// [`Error::DeadlineExceeded`] after `timeout`; [`Error::Parked`] when the stream waits in the
    /// dead letters; [`Error::Misuse`] when the consumer does not follow the stream's category.
    pub async fn wait_for_version(
        &self,
        stream: &StreamId,
        version: Version,
        timeout: Duration,
    ) -> Result<()> {
        /// Another process may do the work, so that no notification comes from it.
        const POLL: Duration = Duration::from_millis(20);
        const SLOWEST_POLL: Duration = Duration::from_millis(320);
        if !self.handler.handles(stream.category()) {
            let (consumer, category) = (&self.id, stream.category());
            return Err(Error::Misuse(format!("{consumer} does not follow category {category}")));
        }
        let seen = async {
            let mut poll = POLL;
            loop {
                let mut stepped = std::pin::pin!(self.stepped.notified());
                // Registered before the look, so that a step between the two is not missed.
                stepped.as_mut().enable();
                if self.has_seen(stream, version).await? {
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
    async fn stream_progress_of(&self, stream: &StreamId) -> Result<StreamProgress> {
        let streams = std::slice::from_ref(stream);
        let progress = self.handler.checkpoints().stream_progress(&self.id, streams).await?;
        Ok(progress.first().copied().unwrap_or_default())
    }

    async fn has_seen(&self, stream: &StreamId, version: Version) -> Result<bool> {
        let progress = self.stream_progress_of(stream).await?;
        if progress.version >= version {
            return Ok(true);
        }
        if progress.is_parked() {
            let (consumer, stream) = (self.id.to_string(), stream.clone());
            return Err(Error::Parked { consumer, stream });
        }
        Ok(false)
    }
}

/// How long until the partitions are listed again while none of the known ones has anything.
const LIST_AGAIN: Duration = Duration::from_secs(10);

/// How long until a paused worker looks whether it was resumed by another process.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

enum Advanced {
    Stepped,
    Shutdown,
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
