//! Doing the work again beside what is there, and putting it in its place when it is done.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt as _;

use crate::checkpoint_store::{Adopted, Adoption, Advance, ConsumerId, Progress};
use crate::clock::Timestamp;
use crate::commit::CommitId;
use crate::error::{Error, Result};
use crate::event_store::ReadStream;
use crate::feed::{Checkpoint, PartitionId};
use crate::projector::Projector;
use crate::stream_id::StreamId;

use super::catch_up::Tally;
use super::handler::{Handler, Rewindable};
use super::in_memory::{Building, BuiltFrom};
use super::round::Ready;
use super::together::{self, BuiltBeside, ToBuild};
use super::until::Until;
use super::{CatchUp, Consumer, DeadLetterFilter, Projecting};

/// A place to go back to, or forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RewindTo {
    /// Before everything.
    Start,
    /// Behind the first so many commits of a feed that counts them, as that of an embedded store.
    Position(u64),
    /// In each partition before the first commit that was recorded at this time or later.
    Time(Timestamp),
    /// Behind everything that there is now: where a new policy begins that does not care for the past.
    End,
}

impl<H: Rewindable> Consumer<H> {
    /// Sets the consumer back, or forward, to a place: it is then as if it had handled what comes
    /// before and nothing else, and its workers go on from there. A projection's documents show just
    /// that. A policy reacts again to what comes behind the place: its commands still have their
    /// effect once, anything else it does is done again.
    ///
    /// The state of that place is made beside the live one, which readers see until it is complete.
    /// `report` is called after each step.
    ///
    /// # Errors
    ///
    /// As [`catch_up`](Consumer::catch_up), and [`Error::Fenced`] when another rebuild or rewind of
    /// the consumer began meanwhile: that one goes on. [`Error::Misuse`] for a policy that has dead
    /// letters: they would be lost. [`Error::Corrupt`] for a position in a feed that does not count.
    pub async fn rewind(
        &self,
        to: RewindTo,
        report: impl FnMut(CatchUp) + Send,
    ) -> Result<CatchUp> {
        let until = match to {
            RewindTo::Start => Until::Position(0),
            RewindTo::Position(position) => Until::Position(position),
            RewindTo::Time(time) => Until::Time(time),
            RewindTo::End => Until::End,
        };
        let mut report = report;
        let mut beside = Beside::of(self)?;
        beside.begin().await?;
        let mut tally = Tally::default();
        beside.catch_up(until, &mut tally, &mut report).await?;
        match beside.adopt(true).await? {
            Adopted::Done => Ok(tally.total()),
            Adopted::Parked(count) => Err(Error::Misuse(format!(
                "{} has {} dead letters, which would be lost: retry or drop them first",
                self.id, count.letters
            ))),
            Adopted::Behind(stream) => Err(Error::Backend {
                what: format!("setting {} back", self.id),
                source: format!("the store refuses to go backwards in {stream}").into(),
            }),
        }
    }
}

impl<P: Projector> Consumer<Projecting<P>> {
    /// Builds the view again from the log, beside the live one, and puts it in its place when it
    /// shows at least as much of every stream: readers see the old view until then and the new one
    /// from then on, never a part. Workers stay at work meanwhile. `report` is called after each
    /// step.
    ///
    /// A view that was never built comes into being in one piece, too: build first, then serve.
    ///
    /// A projector has no side effects, so a rebuild has none. A rebuild that was broken off leaves
    /// the live view as it was, and the next one begins anew. Commits that were dropped from the dead
    /// letters are tried again; those that still fail stay dropped.
    ///
    /// What is folded counts in the reports, [saved](Consumer::with_rebuild_memory) or not. After an error that trying
    /// again has helped, and before a commit that the projector refuses, the numbers go back to what is saved: what was
    /// not is folded again.
    ///
    /// Meanwhile a document may take in many events before it is written and read again: it has to come out of its JSON
    /// as it was. A field that is [skipped](https://serde.rs/attr-skip-serializing.html), or a `NaN`, which JSON has not,
    /// makes a view depend on how far a step goes, in a rebuild as well as in following.
    ///
    /// # Errors
    ///
    /// As [`catch_up`](Consumer::catch_up), and [`Error::Fenced`] when another rebuild of the view
    /// began meanwhile: that one goes on. [`Error::RebuildParked`] when the projector cannot handle
    /// a commit now that the live view shows. The live view stays in all these cases.
    pub async fn rebuild(&self, report: impl FnMut(CatchUp) + Send) -> Result<CatchUp> {
        let mut report = report;
        self.build_again(&mut report).await
    }
}

impl<H: Rewindable> Consumer<H> {
    pub(super) async fn build_again(
        &self,
        report: &mut (dyn FnMut(CatchUp) + Send),
    ) -> Result<CatchUp> {
        let view = ToBuild(Box::new(Beside::of(self)?));
        let mut built = together::build(&mut [view], &mut |_, done| report(done)).await?;
        Ok(built.pop().unwrap_or_default())
    }
}

#[async_trait]
impl<H: Rewindable> BuiltBeside for Beside<'_, H> {
    fn id(&self) -> &ConsumerId {
        &self.live.id
    }

    async fn begin(&mut self) -> Result<()> {
        self.live.handler.start_over(&self.again.handler, &self.again.id).await?;
        self.sign().await
    }

    fn building(&self) -> Option<Building> {
        let (in_memory, views) = self.again.handler.in_memory()?;
        Some(Building {
            consumer: self.again.id.clone(),
            from: BuiltFrom {
                feed: Arc::clone(&self.again.feed),
                page_size: self.again.batch_size,
            },
            clock: Arc::clone(&self.again.clock),
            based_on: self.again.based_on.clone(),
            memory: self.live.rebuild_memory,
            views,
            in_memory,
        })
    }

    async fn take_page(
        &self,
        partition: &PartitionId,
        tally: &mut Tally,
        report: &mut (dyn FnMut(CatchUp) + Send),
    ) -> Result<bool> {
        let began = self.again.clock.now();
        let earlier = tally.total().elapsed;
        // They were moved on without this object.
        self.again.forget_positions();
        self.again.keep_anchors().await?;
        let partition = Ready { id: partition.clone(), gone_parents: Vec::new() };
        loop {
            let step = self.again.step(&partition, Until::End).await?;
            let elapsed = Duration::try_from(self.again.clock.now().duration_since(began));
            tally.add(&partition.id, &step, earlier + elapsed.unwrap_or_default());
            report(tally.total());
            // A long gap, or a commit that was dropped, takes several steps before the position moves on.
            if step.saved || step.at_end || step.ended || step.moved_elsewhere {
                return Ok(step.saved && !step.ended);
            }
        }
    }

    async fn wait_after(&self, error: Error, failures: &mut u32) -> Result<()> {
        self.wait_after(error, failures).await
    }

    async fn finish(
        &self,
        tally: &mut Tally,
        report: &mut (dyn FnMut(CatchUp) + Send),
    ) -> Result<()> {
        self.again.forget_positions();
        let mut known = tally.total();
        let is_behind_a_pass = known.passed > 0;
        let mut report = |done: CatchUp| {
            let is_news = CatchUp { elapsed: known.elapsed, ..done } != known;
            known = done;
            if is_news || !is_behind_a_pass {
                report(done);
            }
        };
        loop {
            self.catch_up(Until::End, tally, &mut report).await?;
            match self.adopt(false).await? {
                Adopted::Done => return Ok(()),
                Adopted::Behind(stream) => self.bring_forward(stream).await?,
                Adopted::Parked(_) => {}
            }
        }
    }
}

/// A consumer that does the work of another again.
pub(super) struct Beside<'a, H: Rewindable> {
    live: &'a Consumer<H>,
    again: Consumer<H::Beside>,
    /// Kept in the place of a partition: tells this work from another of the same name.
    mark: Checkpoint,
}

impl<'a, H: Rewindable> Beside<'a, H> {
    /// Nothing is done until it is begun.
    pub(super) fn of(live: &'a Consumer<H>) -> Result<Self> {
        let id = live.id.rebuild();
        let handler = live.handler.beside()?;
        let (feed, log) = (Arc::clone(&live.feed), Arc::clone(&live.log));
        let mut again = Consumer::with_handler(handler, id, feed, log, live.batch_size)
            .with_clock(Arc::clone(&live.clock))
            .with_entropy(Arc::clone(&live.entropy))
            .with_backoff(live.backoff)
            .with_concurrency(live.concurrency)
            .with_dead_letter_limit(live.dead_letter_limit);
        again.in_place_of = Some(live.id.clone());
        let mark = CommitId::generate(live.clock.now(), &*live.entropy).to_string();
        Ok(Self { live, again, mark: Checkpoint::from_stored(mark) })
    }

    /// Sets the mark, and fences every step by it.
    async fn sign(&mut self) -> Result<()> {
        let partition = PartitionId::rebuild_mark();
        let checkpoints = self.again.handler.checkpoints();
        let found = checkpoints.load(&self.again.id, &partition).await?;
        if !found.checkpoint.is_start() {
            // Somebody has begun since the place was cleared, and may have done something there.
            return Err(self.overtaken());
        }
        let (based_on, checkpoint) = (found.revision, self.mark.clone());
        let advance = Advance { partition: partition.clone(), based_on, checkpoint };
        checkpoints.save(Progress::new(self.again.id.clone(), Some(advance))).await?;
        self.again.based_on = vec![(partition, based_on.next())];
        Ok(())
    }

    fn overtaken(&self) -> Error {
        Error::Fenced { consumer: self.again.id.to_string(), partition: None }
    }

    /// Handles the feed, for as long as nobody else has begun the same.
    async fn catch_up(
        &self,
        until: Until,
        tally: &mut Tally,
        report: &mut (dyn FnMut(CatchUp) + Send),
    ) -> Result<()> {
        let mut failures = 0;
        loop {
            let passed = tally.total().passed;
            let Err(error) = self.again.catch_up_until(until, tally, report).await else {
                return Ok(());
            };
            if tally.total().passed > passed {
                failures = 0;
            }
            match self.explain(error).await? {
                // Two partitions have written the same document.
                Error::Fenced { .. } => {}
                error => self.wait_after(error, &mut failures).await?,
            }
        }
    }

    /// Returns when a transient error can be tried again after, up to so many in a row. A rebuild is
    /// long, and one call that fails is no reason to do it anew.
    async fn wait_after(&self, error: Error, failures: &mut u32) -> Result<()> {
        const ATTEMPTS: u32 = 10;
        if !error.is_transient() || *failures >= ATTEMPTS {
            return Err(error);
        }
        *failures += 1;
        let delay = self.again.backoff.delay(*failures, &*self.again.entropy);
        let (consumer, cause) = (&self.again.id, error.with_causes());
        tracing::warn!(%consumer, cause, ?delay, "a step of a rebuild is tried again");
        self.again.clock.sleep(delay).await;
        Ok(())
    }

    /// The error, unless the reason for it is that another rebuild has taken the ground away.
    async fn explain(&self, error: Error) -> Result<Error> {
        let checkpoints = self.again.handler.checkpoints();
        let mark = checkpoints.load(&self.again.id, &PartitionId::rebuild_mark()).await?;
        if mark.checkpoint == self.mark { Ok(error) } else { Err(self.overtaken()) }
    }

    async fn adopt(&self, backwards: bool) -> Result<Adopted> {
        let adoption = Adoption {
            from: self.again.id.clone(),
            to: self.live.id.clone(),
            based_on: self.again.based_on.clone(),
            backwards,
            replaces_dead_letters: true,
        };
        let mut failures = 0;
        let adopted = loop {
            match self.live.handler.adopt(&self.again.handler, &adoption).await {
                Ok(adopted) => break adopted,
                // It was done, and only the answer was lost.
                Err(_) if self.is_live().await? => break Adopted::Done,
                Err(error) => {
                    let error = self.explain(error).await?;
                    self.wait_after(error, &mut failures).await?;
                }
            }
        };
        if adopted == Adopted::Done {
            self.live.forget_positions();
            self.live.stepped.notify_waiters();
        }
        Ok(adopted)
    }

    /// Whether the mark, and with it all else, is in the live one's place.
    async fn is_live(&self) -> Result<bool> {
        let checkpoints = self.live.handler.checkpoints();
        let mark = checkpoints.load(&self.live.id, &PartitionId::rebuild_mark()).await?;
        Ok(mark.checkpoint == self.mark)
    }

    /// Brings a stream to where the live view shows it, though the feed does not deliver it (yet): the
    /// live view may be inline, or the feed may not reach back so far.
    async fn bring_forward(&self, stream: StreamId) -> Result<()> {
        let consumer = || self.live.id.to_string();
        if !self.again.handler.handles(stream.category()) {
            return Err(Error::Misuse(format!(
                "the live view of {} shows {stream}, whose category the projector does not follow \
                 any more: that needs a new version",
                consumer()
            )));
        }
        let before = self.again.stream_progress_of(&stream).await?;
        // What an operator has dropped from the live one meanwhile is dropped here, too.
        let filter = DeadLetterFilter::stream(stream.clone());
        let retried = self.again.retry_dead_letters(&filter).await?;
        if let Some((stream, error)) = retried.failed.into_iter().next() {
            return Err(Error::RebuildParked {
                consumer: consumer(),
                stream,
                source: error.into(),
            });
        }
        self.again.take_from_log(&stream).await?;
        let now = self.again.stream_progress_of(&stream).await?;
        let live = self.live.stream_progress_of(&stream).await?;
        if now == before && now.version < live.version {
            return Err(Error::Corrupt {
                what: format!("the log of {stream}"),
                reason: format!("{} shows more of it than there is", consumer()),
            });
        }
        Ok(())
    }
}

impl<H: Handler> Consumer<H> {
    /// Handles what the log has of a stream, beside the feed.
    async fn take_from_log(&self, stream: &StreamId) -> Result<()> {
        let seen = self.stream_progress_of(stream).await?;
        let mut pages = self.log.read(ReadStream::new(stream.clone()).from(seen.taken().next()));
        while let Some(page) = pages.next().await {
            self.take(page?.into_vec(), None).await?;
        }
        Ok(())
    }
}
