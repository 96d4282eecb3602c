//! Doing the work again beside what is there, and putting it in its place when it is done.

use std::sync::Arc;

use crate::checkpoint_store::{Adopted, Adoption, Advance, ConsumerId, Progress};
use crate::clock::Timestamp;
use crate::commit::CommitId;
use crate::dead_letter::DeadLetterQuery;
use crate::error::{Error, Result};
use crate::feed::{Checkpoint, PartitionId};
use crate::projector::Projector;
use crate::stream_id::StreamId;

use super::catch_up::Tally;
use super::handler::{Handler, Rewindable};
use super::until::Until;
use super::{CatchUp, Consumer, Projecting};

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
        let beside = Beside::begin(self).await?;
        let mut tally = Tally::default();
        beside.catch_up(until, &mut tally, &mut report).await?;
        match beside.adopt(true).await? {
            Adopted::Done => Ok(tally.total()),
            Adopted::Parked(count) => Err(Error::Misuse(format!(
                "{} has {} dead letters, which would be lost: retry or drop them first",
                self.id, count.letters
            ))),
            // It may go backwards.
            Adopted::Behind(stream) => Err(Error::Parked { consumer: self.id.to_string(), stream }),
        }
    }
}

impl<P: Projector> Consumer<Projecting<P>> {
    /// Builds the view again from the log, beside the live one, and puts it in its place when it
    /// shows at least as much of every stream: readers see the old view until then and the new one
    /// from then on, never a part. Workers stay at work meanwhile. `report` is called after each
    /// step.
    ///
    /// A projector has no side effects, so a rebuild has none. A rebuild that was broken off leaves
    /// the live view as it was, and the next one begins anew. Commits that were dropped from the dead
    /// letters are tried again; those that still fail stay dropped.
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
        let beside = Beside::begin(self).await?;
        let mut tally = Tally::default();
        loop {
            beside.catch_up(Until::End, &mut tally, report).await?;
            match beside.adopt(false).await? {
                Adopted::Done => return Ok(tally.total()),
                Adopted::Behind(stream) => beside.check_parked(stream).await?,
                Adopted::Parked(_) => {}
            }
        }
    }
}

/// A consumer that does the work of another again.
struct Beside<'a, H: Rewindable> {
    live: &'a Consumer<H>,
    again: Consumer<H::Beside>,
    /// Kept in the place of a partition: tells this work from another of the same name.
    mark: Checkpoint,
}

impl<'a, H: Rewindable> Beside<'a, H> {
    /// Begins with nothing.
    async fn begin(live: &'a Consumer<H>) -> Result<Self> {
        let id = ConsumerId::new(&format!("{}_rebuild", live.id))?;
        let handler = live.handler.beside()?;
        live.handler.start_over(&handler, &id).await?;
        let (feed, log) = (Arc::clone(&live.feed), Arc::clone(&live.log));
        let mut again = Consumer::with_handler(handler, id, feed, log, live.batch_size)
            .with_clock(Arc::clone(&live.clock))
            .with_entropy(Arc::clone(&live.entropy))
            .with_concurrency(live.concurrency)
            .with_dead_letter_limit(live.dead_letter_limit);
        again.in_place_of = Some(live.id.clone());
        let mark = CommitId::generate(live.clock.now(), &*live.entropy).to_string();
        let beside = Self { live, again, mark: Checkpoint::from_stored(mark) };
        beside.sign().await?;
        Ok(beside)
    }

    fn marked() -> Result<PartitionId> {
        PartitionId::new("rebuild")
    }

    async fn sign(&self) -> Result<()> {
        let partition = Self::marked()?;
        let checkpoints = self.again.handler.checkpoints();
        let based_on = checkpoints.load(&self.again.id, &partition).await?.revision;
        let checkpoint = self.mark.clone();
        let advance = Advance { partition, based_on, checkpoint };
        checkpoints.save(Progress::new(self.again.id.clone(), Some(advance))).await
    }

    /// Handles the feed, for as long as nobody else has begun the same.
    async fn catch_up(
        &self,
        until: Until,
        tally: &mut Tally,
        report: &mut (dyn FnMut(CatchUp) + Send),
    ) -> Result<()> {
        loop {
            let Err(error) = self.again.catch_up_until(until, tally, report).await else {
                return Ok(());
            };
            match self.explain(error).await? {
                // Two partitions have written the same document.
                Error::Fenced { .. } => {}
                error => return Err(error),
            }
        }
    }

    /// The error, unless the reason for it is that another rebuild has taken the ground away.
    async fn explain(&self, error: Error) -> Result<Error> {
        let checkpoints = self.again.handler.checkpoints();
        let mark = checkpoints.load(&self.again.id, &Self::marked()?).await?;
        if mark.checkpoint == self.mark {
            return Ok(error);
        }
        Err(Error::Fenced { consumer: self.again.id.to_string(), partition: None })
    }

    async fn adopt(&self, backwards: bool) -> Result<Adopted> {
        let partition = Self::marked()?;
        let checkpoints = self.again.handler.checkpoints();
        let mark = checkpoints.load(&self.again.id, &partition).await?;
        let adoption = Adoption {
            from: self.again.id.clone(),
            to: self.live.id.clone(),
            based_on: vec![(partition, mark.revision)],
            backwards,
            replaces_dead_letters: true,
        };
        if mark.checkpoint != self.mark {
            return Err(adoption.fenced());
        }
        let adopted = match self.live.handler.adopt(&self.again.handler, &adoption).await {
            Ok(adopted) => adopted,
            Err(error) => return Err(self.explain(error).await?),
        };
        if adopted == Adopted::Done {
            self.live.positions().clear();
            self.live.stepped.notify_waiters();
        }
        Ok(adopted)
    }

    /// An error if the stream waits in the dead letters of the rebuilt view, so that it will not come
    /// further.
    async fn check_parked(&self, stream: StreamId) -> Result<()> {
        let query = DeadLetterQuery::default().stream(stream.clone()).limit(1);
        let letters = self.again.handler.checkpoints().dead_letters(&self.again.id, &query).await?;
        let Some(letter) = letters.into_iter().next() else { return Ok(()) };
        let reason = letter.failure.map_or_else(String::new, |failure| failure.error);
        let consumer = self.live.id.to_string();
        Err(Error::RebuildParked { consumer, stream, source: reason.into() })
    }
}
