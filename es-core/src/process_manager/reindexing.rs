//! The index of deadlines, made again from the streams.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream;

use crate::archive::Partitions;
use crate::clock::Timestamp;
use crate::commit::CommitId;
use crate::error::{Error, Result};
use crate::event_store::ReadStream;
use crate::feed::{Checkpoint, Feed, FeedPage};
use crate::stream_id::StreamId;

use super::carrying_out::{NET, records_of};
use super::processes::Processes;
use super::{ProcessManager, ProcessRecord, Retry};

/// How many commits of the feed are read at once.
const PAGE_SIZE: usize = 1_000;

/// How many streams are read at the same time.
const CONCURRENCY: usize = 8;

/// How far [`Processes::reindex_all`] has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Reindexed {
    /// The processes whose deadlines are in the index.
    pub processes: u64,
    /// Their deadlines, next attempts at commands, and commits that are looked at again.
    pub deadlines: u64,
    /// The processes that could not be read. They are in the log, each with the reason.
    pub failed: u64,
    /// The commits that are left in the feed, of all categories, where it can tell.
    pub remaining: Option<u64>,
    /// How long it has taken so far.
    pub elapsed: Duration,
}

impl<P: ProcessManager> Processes<P> {
    /// Puts what the process `id` waits for into the index of deadlines, as its stream has it: its deadlines, the next
    /// attempts at its commands, and a second look at each commit with a command whose outcome is not written, unless an
    /// event led to it, which is delivered again. Returns how many there are. For an index that was lost, or is not
    /// trusted.
    ///
    /// It takes nothing out of the index, and does nothing twice: what is there already is set again, and what does not
    /// count any more finds so in the stream when it fires. So it can be repeated, and done beside running orchestrators
    /// and sweepers.
    ///
    /// The second look executes a command once more whose success is not written, under its key: it has its effect once,
    /// where who executes it still knows the key. Others than aggregates may know keys for a limited time: have their
    /// commands [confirmed](super::Decision::confirmed_command), so that it is written that they succeeded.
    ///
    /// # Errors
    ///
    /// As [`Repository::load`](crate::Repository::load), and those of the [`DeadlineStore`](crate::DeadlineStore).
    pub async fn reindex(&self, id: &str) -> Result<u64> {
        let (stream, waited_for) = self.read_waited_for(id).await?;
        self.index(&stream, &waited_for).await?;
        Ok(waited_for.len() as u64)
    }

    /// The stream of a process, and what it waits for.
    async fn read_waited_for(&self, id: &str) -> Result<(StreamId, Vec<Retry>)> {
        let process = self.load(id).await?;
        let mut waited_for = process.waited_for();
        let unfinished = process.unfinished();
        if !unfinished.is_empty() {
            waited_for.extend(self.second_looks(process.stream(), &unfinished).await?);
        }
        Ok((process.stream().clone(), waited_for))
    }

    /// Of those that are not on an event: an event is delivered again until all that was decided on it is done. They are
    /// looked at when somebody would have looked anyway, so that reindexing again gives the same.
    async fn second_looks(
        &self,
        stream: &StreamId,
        unfinished: &HashSet<CommitId>,
    ) -> Result<Vec<Retry>> {
        let mut looks = Vec::new();
        let mut pages = self.instances.store().read(ReadStream::new(stream.clone()));
        while let Some(page) = pages.next().await {
            for commit in page?.iter().filter(|commit| unfinished.contains(&commit.id())) {
                let met = records_of(commit)?.into_iter().next();
                if !matches!(met, Some(ProcessRecord::EventReceived { .. })) {
                    let due = commit.recorded_at().saturating_add(NET).unwrap_or(Timestamp::MAX);
                    looks.push(Retry { due, id: commit.id() });
                }
            }
        }
        Ok(looks)
    }

    /// [Reindexes](Self::reindex) every process that `feed` has a commit of, and calls `report` after each page of the
    /// feed. Processes that begin meanwhile are in the index anyway.
    ///
    /// It leaves no progress behind: broken off, it is begun anew, and does what is done already once more.
    ///
    /// Do it when an index was lost, beside the workers or before they start. What a worker had set just before the loss
    /// and had not yet written into its stream is not seen; so where workers ran while the index was lost, do it once
    /// more a minute later.
    ///
    /// A feed without a history, as that of a Kinesis stream, tells of processes that have a commit within its retention.
    /// Others are reindexed one by one, as from a view of [`ProcessStatuses`](super::ProcessStatuses).
    ///
    /// It needs memory for the id of each process.
    ///
    /// # Errors
    ///
    /// Those of the feed and of the [`DeadlineStore`](crate::DeadlineStore), and
    /// [transient](crate::Error::is_transient) ones of the log. A process that cannot be read stops no others: see
    /// [`Reindexed::failed`].
    pub async fn reindex_all(
        &self,
        feed: &dyn Feed,
        mut report: impl FnMut(Reindexed) + Send,
    ) -> Result<Reindexed> {
        let began = self.now();
        let mut all = Reindexed::default();
        let (mut seen, mut remaining) = (HashSet::new(), HashMap::new());
        let mut anchors: HashMap<_, _> = feed.anchors().await?.into_iter().collect();
        let mut partitions = Partitions::of(feed).await?;
        loop {
            while let Some(partition) = partitions.begin_next() {
                let mut after = anchors.remove(&partition).unwrap_or_else(Checkpoint::start);
                loop {
                    let page = feed.read(&partition, &after, PAGE_SIZE).await?;
                    remaining.insert(partition.clone(), page.remaining);
                    self.reindex_those_in(&page, &mut seen, &mut all).await?;
                    all.remaining = remaining.values().copied().sum();
                    all.elapsed =
                        Duration::try_from(self.now().duration_since(began)).unwrap_or_default();
                    report(all);
                    if page.ended {
                        partitions.ended(&partition);
                    }
                    if page.ended || page.commits.is_empty() || page.remaining == Some(0) {
                        break;
                    }
                    after = page.checkpoint;
                }
            }
            if !partitions.list_again(feed).await? {
                return Ok(all);
            }
        }
    }

    /// Those that have a commit in the page and were not seen before.
    async fn reindex_those_in(
        &self,
        page: &FeedPage,
        seen: &mut HashSet<String>,
        all: &mut Reindexed,
    ) -> Result<()> {
        let mut ids = Vec::new();
        for commit in &page.commits {
            let stream = commit.stream();
            if stream.category() == P::NAME && seen.insert(stream.id().to_owned()) {
                ids.push(stream.id().to_owned());
            }
        }
        let reindexing = ids.into_iter().map(|id| async move {
            let outcome = match self.read_waited_for(&id).await {
                Ok((stream, waited_for)) => {
                    // An index that cannot be written fails for all, and is no fault of this process.
                    self.index(&stream, &waited_for).await?;
                    Ok(waited_for.len() as u64)
                }
                Err(error) => Err(error),
            };
            Ok::<_, Error>((id, outcome))
        });
        let mut outcomes = stream::iter(reindexing).buffer_unordered(CONCURRENCY);
        while let Some(reindexed) = outcomes.next().await {
            let (id, outcome) = reindexed?;
            match outcome {
                Ok(deadlines) => {
                    all.processes += 1;
                    all.deadlines += deadlines;
                }
                Err(error) if error.is_transient() => return Err(error),
                Err(error) => {
                    all.failed += 1;
                    let cause = &error as &dyn std::error::Error;
                    tracing::error!(process = P::NAME, id, cause, "a process cannot be reindexed");
                }
            }
        }
        Ok(())
    }
}
