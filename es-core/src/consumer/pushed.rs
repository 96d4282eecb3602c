//! Commits that are pushed by somebody else than the feed.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::commit::Commit;
use crate::error::{Error, Result};
use crate::stream_id::StreamId;

use super::Consumer;
use super::handler::Handler;
use super::round::can_be_tried_again;

/// What became of commits that were [pushed](Consumer::push).
#[derive(Debug, Default)]
#[must_use = "what was not taken care of must be pushed again"]
#[non_exhaustive]
pub struct Pushed {
    /// The commits that had their effect, those that were read from the log to fill a gap included.
    pub applied: u64,
    /// The commits that were parked as dead letters.
    pub parked: u64,
    /// Which of the pushed commits were not taken care of, in ascending order, counted from 0. They have to be
    /// pushed again. None: all had their effect, now or before, were parked, or are of a category that is not
    /// followed.
    pub left: Vec<usize>,
    /// Why, as far as it is known: the first error that was met.
    pub error: Option<Error>,
}

impl<H: Handler> Consumer<H> {
    /// Takes care of commits that somebody else has read from a feed and pushes here, as AWS Lambda does with
    /// the records of a shard, in the way of [`run`](Self::run): duplicates are dropped, gaps are filled from the
    /// log, effects and the progress of the streams are saved in one fenced step, what fails for good is parked.
    ///
    /// Commits of one stream should come in their order; a commit may come again any number of times, in any
    /// batch, and at the same time in another process. What comes before and beside it does not matter, as all
    /// progress that counts is [kept per stream](crate::StreamProgress). The places in the partitions of the
    /// consumer's own feed stay as they are: it can be [caught up](Self::catch_up) from its feed at any time, also
    /// while commits are pushed. That brings what was never pushed: streams that ended before the pushes
    /// began, and those whose last commits whoever pushes has given up.
    ///
    /// When `time_limit` is over, no further step is begun and the one at hand is dropped, which to the progress
    /// is a crash at that place. What is not done by then is in [`Pushed::left`], and may have had its effect all
    /// the same.
    ///
    /// Nothing is tried again here, but what another worker came between; an error that concerns one stream
    /// leaves the others their effects. Attempts are [counted](Self::with_max_attempts) from push to push.
    pub async fn push(&self, commits: Vec<Commit>, time_limit: Duration) -> Pushed {
        let until = self.clock.monotonic().saturating_add(time_limit);
        let mut pushed = Pushed::default();
        let ready = async {
            self.prepared.get_or_try_init(|| self.handler.prepare()).await?;
            self.check_not_paused().await
        };
        match self.before(until, ready).await {
            Some(Ok(())) => {}
            stopped => {
                pushed.left = self.followed(&commits, 0);
                pushed.error = Some(
                    stopped.and_then(Result::err).unwrap_or_else(|| self.too_late(time_limit)),
                );
                return pushed;
            }
        }
        let mut behind: BTreeSet<StreamId> = BTreeSet::new();
        for (chunk_at, chunk) in commits.chunks(self.batch_size).enumerate() {
            let at = chunk_at * self.batch_size;
            // What comes behind a commit of its stream that was left has to wait for it.
            let due: Vec<Commit> =
                chunk.iter().filter(|commit| !behind.contains(commit.stream())).cloned().collect();
            if self.before(until, self.push_chunk(due, &mut pushed)).await.is_none() {
                pushed.error.get_or_insert_with(|| self.too_late(time_limit));
                pushed.left.extend(self.followed(&commits[at..], at));
                break;
            }
            if pushed.error.is_none() {
                continue;
            }
            let left = self.before(until, self.left_of(chunk)).await;
            let left = left.and_then(Result::ok).unwrap_or_else(|| self.followed(chunk, 0));
            behind.extend(left.iter().map(|&left| chunk[left].stream().clone()));
            pushed.left.extend(left.into_iter().map(|left| at + left));
        }
        pushed
    }

    async fn push_chunk(&self, commits: Vec<Commit>, pushed: &mut Pushed) {
        let Err(error) = self.push_together(commits.clone(), pushed).await else { return };
        let streams: BTreeSet<&StreamId> = commits.iter().map(Commit::stream).collect();
        // A transient error was met by one stream after the others had their effect, or it concerns all.
        let concerns_one = !can_be_tried_again(&error) && streams.len() > 1;
        if !concerns_one {
            pushed.error.get_or_insert(error);
            return;
        }
        // A damaged commit in the log, say, must not keep other streams from their effects.
        for stream in streams {
            let of_stream = commits.iter().filter(|commit| commit.stream() == stream);
            if let Err(error) = self.push_together(of_stream.cloned().collect(), pushed).await {
                pushed.error.get_or_insert(error);
            }
        }
    }

    /// Takes steps until all of the commits are taken care of.
    async fn push_together(&self, commits: Vec<Commit>, pushed: &mut Pushed) -> Result<()> {
        /// Others that write the same documents or streams come in between at most so often.
        const ATTEMPTS: u32 = 8;
        let mut fenced = 0;
        loop {
            match self.take(commits.clone(), None).await {
                Ok(taken) => {
                    pushed.applied += taken.applied;
                    pushed.parked += taken.parked;
                    // A long gap, and what an operator has dropped, takes several steps.
                    if taken.complete {
                        return Ok(());
                    }
                }
                Err(Error::Fenced { .. }) if fenced < ATTEMPTS => {
                    fenced += 1;
                    self.clock.sleep(self.backoff.delay(fenced, &*self.entropy)).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Which of the commits were not taken care of.
    async fn left_of(&self, commits: &[Commit]) -> Result<Vec<usize>> {
        let followed = self.followed(commits, 0);
        let of_interest: Vec<Commit> = followed.iter().map(|&at| commits[at].clone()).collect();
        let progress = self.stream_progress(&of_interest).await?;
        let is_left = |at: &usize| {
            let commit = &commits[*at];
            progress.get(commit.stream()).is_none_or(|of| of.taken() < commit.last_version())
        };
        Ok(followed.into_iter().filter(is_left).collect())
    }

    /// Where commits of categories that are followed are, counted from `first`.
    fn followed(&self, commits: &[Commit], first: usize) -> Vec<usize> {
        let follows = |commit: &Commit| self.handler.handles(commit.stream().category());
        let places = commits.iter().enumerate().filter(|(_, commit)| follows(commit));
        places.map(|(at, _)| first + at).collect()
    }

    fn too_late(&self, waited: Duration) -> Error {
        Error::DeadlineExceeded { what: format!("{}, pushed", self.id), waited }
    }

    /// What `work` comes to before that time of the monotonic clock.
    async fn before<T>(&self, until: Duration, work: impl Future<Output = T>) -> Option<T> {
        let left = until.saturating_sub(self.clock.monotonic());
        if left.is_zero() {
            return None;
        }
        crate::clock::within(&*self.clock, left, work).await
    }
}
