use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio::io::AsyncWrite;

use super::error::ArchiveError;
use super::partitions::Partitions;
use super::report::Report;
use super::stream_ends::{OutOfOrder, StreamEnds};
use super::writer::ArchiveWriter;
use crate::clock::{Clock, SystemClock};
use crate::commit::Commit;
use crate::error::{Error, Result};
use crate::event_store::{EventStore, ReadStream};
use crate::feed::{Checkpoint, Feed, FeedPage, PartitionId};
use crate::version::Version;

/// Writes a log into an archive; see [the module](super) for its form.
///
/// The feed is read to where it ends for now. The log may be written to meanwhile: a commit that is
/// appended then may be in the archive or not, and if it is, so is all that is before it in its stream.
/// A feed that is behind its log is exported as far as it is.
#[derive(Debug, Clone)]
pub struct Export {
    feed: Arc<dyn Feed>,
    log: Arc<dyn EventStore>,
    clock: Arc<dyn Clock>,
    page_size: usize,
    concurrency: usize,
}

impl Export {
    /// How many partitions of the feed are read at the same time unless
    /// [`with_concurrency`](Self::with_concurrency) says otherwise.
    pub const DEFAULT_CONCURRENCY: usize = 4;

    /// An export of what `feed` delivers. From `log`, whose commits they are, is read what the feed
    /// delivers too late for the order of a stream.
    pub fn new(feed: Arc<dyn Feed>, log: Arc<dyn EventStore>) -> Self {
        let clock = Arc::new(SystemClock);
        Self { feed, log, clock, page_size: 1_000, concurrency: Self::DEFAULT_CONCURRENCY }
    }

    /// Tells by `clock` how long it takes.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Reads up to so many commits at once, at least one. Feeds also bound the bytes of a page.
    #[must_use]
    pub fn with_page_size(mut self, commits: usize) -> Self {
        self.page_size = commits.max(1);
        self
    }

    /// Reads up to so many partitions of the feed at the same time, at least one.
    #[must_use]
    pub fn with_concurrency(mut self, partitions: usize) -> Self {
        self.concurrency = partitions.max(1);
        self
    }

    /// Writes the archive to `sink`, which is flushed at the end.
    ///
    /// # Errors
    ///
    /// [`ArchiveError::Log`], [`ArchiveError::Io`] and [`ArchiveError::TooLarge`]. What was written
    /// until then is no whole archive: begin anew.
    pub async fn write_to(
        &self,
        sink: impl AsyncWrite + Unpin + Send,
    ) -> Result<Report, ArchiveError> {
        self.write_to_with(sink, |_| {}).await
    }

    /// Like [`write_to`](Self::write_to), and calls `report` after each page of the feed.
    ///
    /// # Errors
    ///
    /// As [`write_to`](Self::write_to).
    pub async fn write_to_with(
        &self,
        sink: impl AsyncWrite + Unpin + Send,
        mut report: impl FnMut(Report) + Send,
    ) -> Result<Report, ArchiveError> {
        let began = self.clock.now();
        let elapsed =
            || Duration::try_from(self.clock.now().duration_since(began)).unwrap_or_default();
        // Before the first commit is read, so that nothing is between the history and these places.
        let mut anchors: HashMap<_, _> = self.feed.anchors().await?.into_iter().collect();
        let mut partitions = Partitions::of(&*self.feed).await?;
        let mut archive = Archive::begin(sink, &*self.log).await?;
        let mut reading = FuturesUnordered::new();
        loop {
            while reading.len() < self.concurrency
                && let Some(partition) = partitions.begin_next()
            {
                let start = anchors.remove(&partition).unwrap_or_else(Checkpoint::start);
                reading.push(self.read(partition, start));
            }
            let Some((partition, page)) = reading.next().await else {
                if partitions.list_again(&*self.feed).await? {
                    continue;
                }
                break;
            };
            let page = page?;
            let at_end = page.commits.is_empty() || page.remaining == Some(0);
            archive.page(&partition, page.commits, page.remaining).await?;
            report(Report { elapsed: elapsed(), ..archive.report() });
            if page.ended {
                partitions.ended(&partition);
            } else if !at_end {
                reading.push(self.read(partition, page.checkpoint));
            }
        }
        let total = Report { elapsed: elapsed(), ..archive.end().await? };
        report(total);
        Ok(total)
    }

    async fn read(
        &self,
        partition: PartitionId,
        after: Checkpoint,
    ) -> (PartitionId, Result<FeedPage>) {
        let page = self.feed.read(&partition, &after, self.page_size).await;
        (partition, page)
    }
}

/// The archive that is being written: from deliveries, at least once and in any order, it takes each
/// commit once, in the order of its stream.
struct Archive<'a, W> {
    writer: ArchiveWriter<W>,
    log: &'a dyn EventStore,
    ends: StreamEnds,
    skipped: u64,
    remaining: HashMap<PartitionId, Option<u64>>,
}

impl<'a, W: AsyncWrite + Unpin> Archive<'a, W> {
    async fn begin(sink: W, log: &'a dyn EventStore) -> Result<Self, ArchiveError> {
        let writer = ArchiveWriter::begin(sink).await?;
        let (ends, remaining) = (StreamEnds::default(), HashMap::new());
        Ok(Self { writer, log, ends, skipped: 0, remaining })
    }

    async fn page(
        &mut self,
        partition: &PartitionId,
        commits: Vec<Commit>,
        remaining: Option<u64>,
    ) -> Result<(), ArchiveError> {
        for commit in &commits {
            let next = self.ends.next(commit.stream());
            if commit.last_version() < next {
                self.skipped += 1;
                continue;
            }
            if commit.first_version() > next {
                self.write_missing(commit, next).await?;
            }
            self.write(commit).await?;
        }
        self.remaining.insert(partition.clone(), remaining);
        Ok(())
    }

    /// Writes from the log what the feed has not delivered (yet) before `commit`, from `next` on.
    async fn write_missing(&mut self, commit: &Commit, next: Version) -> Result<(), ArchiveError> {
        let log = self.log;
        let mut pages = log.read(ReadStream::new(commit.stream().clone()).from(next));
        while let Some(page) = pages.next().await {
            for missing in page? {
                if missing.first_version() >= commit.first_version() {
                    return Ok(());
                }
                self.write(&missing).await?;
            }
        }
        Ok(())
    }

    async fn write(&mut self, commit: &Commit) -> Result<(), ArchiveError> {
        self.ends.advance(commit).map_err(|OutOfOrder { expected }| {
            let (stream, found) = (commit.stream().clone(), commit.first_version());
            Error::Gap { stream, expected, found }
        })?;
        self.writer.commit(commit).await
    }

    async fn end(self) -> Result<Report, ArchiveError> {
        let (skipped, remaining) = (self.skipped, self.remaining());
        Ok(Report { skipped, remaining, ..self.writer.end().await? })
    }

    fn report(&self) -> Report {
        let (skipped, remaining) = (self.skipped, self.remaining());
        Report { skipped, remaining, ..self.writer.report() }
    }

    fn remaining(&self) -> Option<u64> {
        self.remaining.values().copied().sum()
    }
}
