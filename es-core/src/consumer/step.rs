//! One step: read, check the order, handle, save.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::checkpoint_store::{Advance, Position, Progress, StreamProgress};
use crate::commit::Commit;
use crate::dead_letter::{DeadLetter, DeadLetterChange};
use crate::error::{BoxError, Error, Result};
use crate::feed::{Checkpoint, FeedPage, PartitionId};
use crate::stream_id::StreamId;
use crate::telemetry;
use crate::version::Version;

use super::anchors::Anchored;
use super::contiguity::{self, Accepted};
use super::handler::{Batch, Failed, Handled, Handler};
use super::round::Ready;
use super::until::Until;
use super::{Consumer, failure};

/// What one step did.
#[derive(Debug, Default)]
pub(super) struct Step {
    pub(super) applied: u64,
    pub(super) parked: u64,
    /// The commits of the page, when all of it was taken care of.
    pub(super) passed: u64,
    pub(super) remaining: Option<u64>,
    /// The feed had nothing (more) at the time.
    pub(super) at_end: bool,
    /// The position was moved on.
    pub(super) saved: bool,
    /// The partition has ended for good, and all of it is done.
    pub(super) ended: bool,
    /// Somebody else has moved the partition, perhaps set it back.
    pub(super) moved_elsewhere: bool,
}

/// Where a step moves a position of the consumer, and what that is based on.
#[derive(Debug, Clone)]
pub(super) struct Move {
    pub(super) advance: Advance,
    pub(super) anchored: Anchored,
}

/// What became of some commits.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) applied: u64,
    pub(super) parked: u64,
    /// Whether all of them were taken care of. What was not comes again.
    pub(super) complete: bool,
}

/// What became of the commits of one step.
#[derive(Debug)]
pub(super) struct TakenPart {
    pub(super) applied: u64,
    pub(super) parked: u64,
    pub(super) complete: bool,
    /// The error of what is to be tried again as it is.
    pub(super) held: Option<Error>,
}

impl<H: Handler> Consumer<H> {
    /// Reads one page, lets it have its effect and saves the progress.
    pub(super) async fn step(&self, partition: &Ready, until: Until) -> Result<Step> {
        let Ready { id, .. } = partition;
        let known = self.known_position(id);
        let mut known = known.lock().await;
        let position = match known.take() {
            Some(position) => position,
            None => self.handler.checkpoints().load(&self.id, id).await?,
        };
        if position.checkpoint.is_end() {
            *known = Some(position);
            return Ok(Step { remaining: Some(0), ended: true, ..Step::default() });
        }
        // Whatever goes wrong from here on, the stored position is looked at again.
        let page = match self.read(partition, &position, until).await {
            Ok(page) => page,
            // It is no loss to a consumer that somebody has set back or built again meanwhile.
            Err(Error::FeedTrimmed { .. }) if self.is_elsewhere(id, &position).await? => {
                return Ok(Step { moved_elsewhere: true, ..Step::default() });
            }
            Err(error) => return Err(error),
        };
        let checkpoint = if page.ended { Checkpoint::end() } else { page.checkpoint };
        let mut step = Step {
            remaining: page.remaining,
            at_end: page.commits.is_empty() || page.remaining == Some(0),
            ended: page.ended,
            ..Step::default()
        };
        if let Some(remaining) = page.remaining {
            let behind = remaining + page.commits.len() as u64;
            metrics::gauge!(telemetry::LAG, "consumer" => self.id.to_string(),
                "partition" => id.to_string())
            .set(behind as f64);
        }
        if checkpoint == position.checkpoint {
            // Nothing is saved here, so nothing would be fenced: somebody may have set the consumer
            // back.
            let stored = self.handler.checkpoints().load(&self.id, id).await?;
            step.moved_elsewhere = stored.revision != position.revision;
            *known = Some(stored);
            return Ok(step);
        }
        let advance = Advance {
            partition: id.clone(),
            based_on: position.revision,
            checkpoint: checkpoint.clone(),
        };
        let moves = Move { advance, anchored: self.basis_of_step_after(&position.checkpoint) };
        let passed = page.commits.len() as u64;
        let taken = self.take(page.commits, Some(moves)).await?;
        (step.applied, step.parked) = (taken.applied, taken.parked);
        if taken.complete {
            (step.passed, step.saved) = (passed, true);
            *known = Some(Position { checkpoint, revision: position.revision.next() });
        } else {
            (step.at_end, step.ended) = (false, false);
            *known = Some(position);
        }
        Ok(step)
    }

    /// Whether this object has seen the partition to its end: then it is neither read nor looked up.
    pub(super) async fn remembers_end_of(&self, partition: &PartitionId) -> bool {
        let known = self.positions().get(partition).cloned();
        match known {
            Some(known) => known.lock().await.as_ref().is_some_and(|at| at.checkpoint.is_end()),
            None => false,
        }
    }

    pub(super) fn known_position(
        &self,
        partition: &PartitionId,
    ) -> Arc<tokio::sync::Mutex<Option<Position>>> {
        Arc::clone(self.positions().entry(partition.clone()).or_default())
    }

    async fn is_elsewhere(&self, partition: &PartitionId, remembered: &Position) -> Result<bool> {
        let stored = self.handler.checkpoints().load(&self.id, partition).await?;
        Ok(stored.revision != remembered.revision)
    }

    /// A page that goes no further than `until`.
    async fn read(&self, partition: &Ready, position: &Position, until: Until) -> Result<FeedPage> {
        let after = &position.checkpoint;
        self.check_parents(partition, after).await?;
        let partition = &partition.id;
        let room = until.room(after, self.batch_size)?;
        if room == 0 {
            return Ok(until.reached(after));
        }
        let page = self.feed.read(partition, after, room).await?;
        match until.cut(&page.commits) {
            None => Ok(page),
            Some(0) => Ok(until.reached(after)),
            // The feed alone knows the place behind a part of the page.
            Some(commits) => self.feed.read(partition, after, commits).await,
        }
    }

    /// Lets commits have their effect, or parks them, and saves that with the progress.
    pub(super) async fn take(
        &self,
        mut delivered: Vec<Commit>,
        moves: Option<Move>,
    ) -> Result<Taken> {
        delivered.retain(|commit| self.handler.handles(commit.stream().category()));
        let seen = self.stream_progress(&delivered).await?;
        let mut taken = seen.iter().map(|(stream, at)| (stream.clone(), at.taken())).collect();
        let accepted =
            contiguity::in_order(delivered, &mut taken, &*self.log, &self.id, self.batch_size);
        let Accepted { commits, complete } = accepted.await?;
        self.take_in_parts(commits, seen, complete, moves).await
    }

    /// Lets commits that follow on what was `seen` have their effect, or parks them, in one step.
    pub(super) async fn take_part(
        &self,
        commits: &[Commit],
        seen: HashMap<StreamId, StreamProgress>,
        moves: Option<Move>,
    ) -> Result<TakenPart> {
        let is_parked =
            |commit: &&Commit| seen.get(commit.stream()).is_some_and(|at| at.is_parked());
        let (waiting, due): (Vec<_>, Vec<_>) = commits.iter().partition(is_parked);
        let due: Vec<Commit> = due.into_iter().cloned().collect();

        let batch = self.batch(&due, self.concurrency);
        let Handled { effect, failed } = self.handle(&batch).await?;
        let outcome = self.judge(&due, failed, &waiting).await?;
        match self.save(effect, outcome, seen.clone(), moves.clone()).await {
            // A commit that no step has room for is nothing that trying again can mend.
            Err(error @ Error::StepTooLarge { .. }) if due.len() == 1 && waiting.is_empty() => {
                let failed = vec![Failed { at: 0, error }];
                let outcome = self.judge(&due, failed, &waiting).await?;
                self.save(H::Effect::default(), outcome, seen, moves).await
            }
            saved => saved,
        }
    }

    pub(super) fn batch<'a>(&'a self, commits: &'a [Commit], concurrency: usize) -> Batch<'a> {
        Batch { consumer: &self.id, commits, concurrency, clock: &*self.clock }
    }

    /// Decides what becomes of each commit.
    async fn judge(
        &self,
        due: &[Commit],
        failed: Vec<Failed>,
        waiting: &[&Commit],
    ) -> Result<Outcome> {
        let mut outcome = Outcome { complete: true, ..Outcome::default() };
        self.sort(due, first_of_each_stream(failed, due), &mut outcome).await?;
        for &commit in waiting {
            outcome.parked.push(DeadLetter::new(commit.clone(), self.clock.now(), None));
        }
        self.keep_within_limit(&mut outcome).await?;
        Ok(outcome)
    }

    async fn save(
        &self,
        effect: H::Effect,
        mut outcome: Outcome,
        seen: HashMap<StreamId, StreamProgress>,
        moves: Option<Move>,
    ) -> Result<TakenPart> {
        let applied = outcome.applied;
        let parked = outcome.parked.len() as u64;
        let (advance, anchored) = match moves {
            Some(Move { advance, anchored }) => (Some(advance), anchored),
            None => (None, None),
        };
        if let Some(mut progress) = outcome.progress(&self.id, seen, advance) {
            progress.based_on.clone_from(&self.based_on);
            progress.based_on.extend(anchored);
            self.handler.save(effect, progress).await?;
            self.stepped.notify_waiters();
        }
        self.count(applied, parked);
        Ok(TakenPart { applied, parked, complete: outcome.complete, held: outcome.held })
    }

    pub(super) async fn stream_progress(
        &self,
        commits: &[Commit],
    ) -> Result<HashMap<StreamId, StreamProgress>> {
        let streams: BTreeSet<&StreamId> = commits.iter().map(Commit::stream).collect();
        let streams: Vec<StreamId> = streams.into_iter().cloned().collect();
        let progress = self.handler.checkpoints().stream_progress(&self.id, &streams).await?;
        Ok(streams.into_iter().zip(progress).collect())
    }

    #[tracing::instrument(name = "projection.batch", level = "debug", skip_all, fields(
        consumer = %self.id, commits = batch.commits.len()))]
    async fn handle(&self, batch: &Batch<'_>) -> Result<Handled<H::Effect>> {
        if batch.commits.is_empty() {
            return Ok(Handled { effect: H::Effect::default(), failed: Vec::new() });
        }
        self.handler.handle(batch).await
    }

    /// Decides for each commit whether it had its effect, is parked, or is held until the next try.
    async fn sort(
        &self,
        due: &[Commit],
        mut failures: HashMap<&StreamId, Failed>,
        outcome: &mut Outcome,
    ) -> Result<()> {
        /// What happens to the commits of a stream behind the first that failed.
        enum Behind {
            Parked,
            Held,
        }
        let mut behind: HashMap<&StreamId, Behind> = HashMap::new();
        for (at, commit) in due.iter().enumerate() {
            let stream = commit.stream();
            match behind.get(stream) {
                Some(Behind::Held) => continue,
                Some(Behind::Parked) => {
                    let letter = DeadLetter::new(commit.clone(), self.clock.now(), None);
                    outcome.parked.push(letter);
                    continue;
                }
                None => {}
            }
            let fails = failures.get(stream).is_some_and(|failed| failed.at == at);
            let Some(Failed { error, .. }) = fails.then(|| failures.remove(stream)).flatten()
            else {
                outcome.had_effect(commit);
                continue;
            };
            let attempts = self.attempts.count(commit);
            if error.is_transient() && !self.attempts.are_over(attempts) {
                outcome.hold(error);
                behind.insert(stream, Behind::Held);
            } else if self.was_dropped(commit).await? {
                // The decision to drop it stands until it can be handled.
                outcome.passed(commit);
                behind.insert(stream, Behind::Held);
            } else {
                outcome.parked.push(self.letter(commit, &error, attempts));
                outcome.cause.get_or_insert(error);
                behind.insert(stream, Behind::Parked);
            }
        }
        self.attempts.forget(outcome.reached.keys());
        self.attempts.forget(outcome.parked.iter().map(|letter| letter.commit.stream()));
        Ok(())
    }

    fn letter(&self, commit: &Commit, error: &Error, attempts: u32) -> DeadLetter {
        let now = self.clock.now();
        let failure = failure::of(commit, error, attempts, now);
        tracing::error!(
            consumer = %self.id, stream = %commit.stream(), version = %failure.version,
            error = error as &dyn std::error::Error, "parked as a dead letter"
        );
        DeadLetter::new(commit.clone(), now, Some(failure))
    }

    /// Whether an operator has given up the commit before, here or in the consumer that this one is
    /// to take the place of.
    pub(super) async fn was_dropped(&self, commit: &Commit) -> Result<bool> {
        for consumer in [Some(&self.id), self.in_place_of.as_ref()].into_iter().flatten() {
            let dropped = self.dropped(consumer, commit.stream(), commit.first_version()).await?;
            if dropped.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Holds what would be one dead letter too many.
    async fn keep_within_limit(&self, outcome: &mut Outcome) -> Result<()> {
        let Some(next) = outcome.parked.first() else { return Ok(()) };
        let stream = next.commit.stream().clone();
        let limit = self.dead_letter_limit;
        let count = self.handler.checkpoints().dead_letter_count(&self.id).await?.letters;
        if count + outcome.parked.len() as u64 <= limit {
            return Ok(());
        }
        let cause = outcome.cause.take();
        let error = match cause {
            Some(error) if limit == 0 => error,
            cause => Error::DeadLettersFull {
                consumer: self.id.to_string(),
                stream,
                letters: count,
                limit,
                source: cause.map_or_else(|| "an earlier one is parked".into(), BoxError::from),
            },
        };
        outcome.parked.clear();
        outcome.complete = false;
        outcome.held = Some(error);
        Ok(())
    }

    fn count(&self, applied: u64, parked: u64) {
        metrics::counter!(telemetry::COMMITS_CONSUMED, "consumer" => self.id.to_string())
            .increment(applied);
        if parked > 0 {
            metrics::counter!(telemetry::DEAD_LETTERS, "consumer" => self.id.to_string())
                .increment(parked);
        }
    }
}

/// What is to be saved.
#[derive(Debug, Default)]
struct Outcome {
    applied: u64,
    /// How far each stream has come, by effects or by what was dropped before.
    reached: HashMap<StreamId, Version>,
    parked: Vec<DeadLetter>,
    /// The first error that parked something.
    cause: Option<Error>,
    /// The error of what is to be tried again as it is.
    held: Option<Error>,
    complete: bool,
}

impl Outcome {
    fn had_effect(&mut self, commit: &Commit) {
        self.applied += 1;
        self.reached.insert(commit.stream().clone(), commit.last_version());
    }

    /// Moves past a commit without its effect. Those behind it had none either: they come again.
    fn passed(&mut self, commit: &Commit) {
        self.reached.insert(commit.stream().clone(), commit.last_version());
        self.complete = false;
    }

    fn hold(&mut self, error: Error) {
        self.complete = false;
        self.held.get_or_insert(error);
    }

    /// The step, or `None` if there is nothing to save. The place in the partition moves only when
    /// everything up to it was taken care of.
    fn progress(
        &mut self,
        consumer: &crate::checkpoint_store::ConsumerId,
        seen: HashMap<StreamId, StreamProgress>,
        advance: Option<Advance>,
    ) -> Option<Progress> {
        let mut progress = Progress::new(consumer.clone(), advance.filter(|_| self.complete));
        let parked: BTreeSet<&StreamId> =
            self.parked.iter().map(|letter| letter.commit.stream()).collect();
        progress.seen = seen
            .into_iter()
            .filter(|(stream, _)| self.reached.contains_key(stream) || parked.contains(stream))
            .collect();
        progress.streams = std::mem::take(&mut self.reached).into_iter().collect();
        let parked = std::mem::take(&mut self.parked);
        progress.dead_letters =
            parked.into_iter().map(|letter| DeadLetterChange::Park(Box::new(letter))).collect();
        let empty = progress.advance.is_none()
            && progress.streams.is_empty()
            && progress.dead_letters.is_empty();
        (!empty).then_some(progress)
    }
}

fn first_of_each_stream(failed: Vec<Failed>, due: &[Commit]) -> HashMap<&StreamId, Failed> {
    let mut first: HashMap<&StreamId, Failed> = HashMap::new();
    for failed in failed {
        let Some(commit) = due.get(failed.at) else { continue };
        match first.get(commit.stream()) {
            Some(known) if known.at <= failed.at => {}
            _ => drop(first.insert(commit.stream(), failed)),
        }
    }
    first
}
