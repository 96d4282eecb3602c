//! The pages of a log, read while earlier ones are folded.

use std::sync::Arc;

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tracing::Instrument as _;

use crate::error::{Error, Result};
use crate::feed::{Checkpoint, Feed, FeedPage, PartitionId};

use super::group::{Decoded, Decoder};

/// How many pages may lie ready. They even out what makes reading or folding wait for a moment; what is read ahead
/// of a page that is left to steps is read in vain.
const AHEAD: usize = 4;

/// Gives pages in their order, decoded. Where the runtime has several threads, a task of its own reads, so that nobody
/// who folds holds it up. Otherwise it is done in the task of the caller, one thing after the other.
pub(super) struct Pages {
    source: Source,
    decoders: Arc<[Decoder]>,
}

enum Source {
    Here(Reading),
    InTask {
        pages: mpsc::Receiver<Result<Read>>,
        /// Ends with this.
        _task: JoinSet<()>,
    },
}

/// What was read.
enum Read {
    Page {
        page: FeedPage,
        /// `None` when that is left to who folds.
        decoded: Option<Vec<Decoded>>,
    },
    End {
        for_good: bool,
    },
}

/// What comes next in a log.
pub(super) enum Next {
    /// A page, and its events as each decoder has them.
    Page(FeedPage, Vec<Decoded>),
    /// Nothing: for now, or for good. What ends a partition for good is not given.
    End { for_good: bool },
}

impl Pages {
    pub(super) fn of(reading: Reading, decoders: Vec<Decoder>) -> Self {
        let decoders: Arc<[Decoder]> = decoders.into();
        let Some(runtime) = several_threads() else {
            return Self { source: Source::Here(reading), decoders };
        };
        let (sender, pages) = mpsc::channel(AHEAD);
        let mut task = JoinSet::new();
        let sending = reading.send_to(sender, Arc::clone(&decoders));
        task.spawn_on(sending.in_current_span(), &runtime);
        Self { source: Source::InTask { pages, _task: task }, decoders }
    }

    pub(super) async fn next(&mut self) -> Result<Next> {
        let read = match &mut self.source {
            Source::Here(reading) => reading.next().await,
            Source::InTask { pages, .. } => pages.recv().await.unwrap_or_else(|| {
                Err(Error::Unavailable {
                    what: "the task that reads the feed".to_owned(),
                    source: "it has ended".into(),
                })
            }),
        };
        Ok(match read? {
            Read::Page { page, decoded } => {
                // Events are allocated and freed again by one thread as often as possible: allocators are much
                // slower at freeing what another thread has allocated.
                let decoded = decoded.unwrap_or_else(|| decode(&self.decoders, &page));
                Next::Page(page, decoded)
            }
            Read::End { for_good } => Next::End { for_good },
        })
    }
}

fn decode(decoders: &[Decoder], page: &FeedPage) -> Vec<Decoded> {
    decoders.iter().map(|decode| decode(&page.commits)).collect()
}

/// The runtime, if it has several threads.
fn several_threads() -> Option<Handle> {
    let runtime = Handle::try_current().ok()?;
    (runtime.runtime_flavor() != RuntimeFlavor::CurrentThread).then_some(runtime)
}

/// Reads the pages of a partition, one after the other.
pub(super) struct Reading {
    feed: Arc<dyn Feed>,
    partition: PartitionId,
    page_size: usize,
    /// Where the next page begins.
    next: Checkpoint,
    /// Whether that is the end, and for good.
    end: Option<bool>,
}

impl Reading {
    pub(super) fn of(
        feed: Arc<dyn Feed>,
        partition: PartitionId,
        after: Checkpoint,
        page_size: usize,
    ) -> Self {
        Self { feed, partition, page_size, next: after, end: None }
    }

    async fn send_to(mut self, pages: mpsc::Sender<Result<Read>>, decoders: Arc<[Decoder]>) {
        loop {
            let mut next = self.next().await;
            // Who folds has enough to do: better than to wait is to take some of it over. So both are busy all
            // the time, whichever of reading and folding takes longer.
            if pages.capacity() == 0
                && let Ok(Read::Page { page, decoded }) = &mut next
            {
                *decoded = Some(decode(&decoders, page));
            }
            let is_last = !matches!(next, Ok(Read::Page { .. }));
            if pages.send(next).await.is_err() || is_last {
                return;
            }
        }
    }

    async fn next(&mut self) -> Result<Read> {
        if let Some(for_good) = self.end {
            return Ok(Read::End { for_good });
        }
        let page = self.feed.read(&self.partition, &self.next, self.page_size).await?;
        if page.ended || page.commits.is_empty() || page.remaining == Some(0) {
            self.end = Some(page.ended);
        }
        // A page that does not move on gives nothing, however often it is read.
        if page.ended || page.checkpoint == self.next {
            return Ok(Read::End { for_good: page.ended });
        }
        self.next.clone_from(&page.checkpoint);
        Ok(Read::Page { page, decoded: None })
    }
}
