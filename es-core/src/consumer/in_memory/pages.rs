//! The pages of a log, read while earlier ones are decoded.

use std::sync::Arc;

use futures::future::BoxFuture;
use futures::stream::{FuturesOrdered, StreamExt as _};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tracing::Instrument as _;

use crate::error::{Error, Result};
use crate::feed::{Checkpoint, Feed, FeedPage, PartitionId};

use super::group::{Decoded, Decoder};

/// How many pages are read ahead of the one that is folded.
const AHEAD: usize = 8;

/// Gives pages in their order. Where the runtime has several threads, a task of its own reads, so that nobody who folds
/// holds it up. Otherwise it is done in the task of the caller, one thing after the other.
pub(super) enum Pages {
    Here(Box<Reading>),
    InTask {
        pages: mpsc::Receiver<Result<Next>>,
        /// Ends with this.
        _task: JoinSet<()>,
    },
}

/// What comes next in a log.
pub(super) enum Next {
    Page(DecodedPage),
    /// Nothing: for now, or for good. What ends a partition for good is not given.
    End {
        for_good: bool,
    },
}

impl Pages {
    pub(super) fn of(reading: Reading) -> Self {
        let Some(runtime) = several_threads() else { return Self::Here(Box::new(reading)) };
        let (sender, pages) = mpsc::channel(1);
        let mut task = JoinSet::new();
        task.spawn_on(reading.send_to(sender).in_current_span(), &runtime);
        Self::InTask { pages, _task: task }
    }

    pub(super) async fn next(&mut self) -> Result<Next> {
        match self {
            Self::Here(reading) => reading.next().await,
            Self::InTask { pages, .. } => pages.recv().await.unwrap_or_else(|| {
                Err(Error::Unavailable {
                    what: "the task that reads the feed".to_owned(),
                    source: "it has ended".into(),
                })
            }),
        }
    }
}

/// The runtime, if it has several threads.
fn several_threads() -> Option<Handle> {
    let runtime = Handle::try_current().ok()?;
    (runtime.runtime_flavor() != RuntimeFlavor::CurrentThread).then_some(runtime)
}

pub(super) struct Reading {
    feed: Arc<dyn Feed>,
    partition: PartitionId,
    page_size: usize,
    decoders: Arc<[Decoder]>,
    /// Where the next page begins.
    next: Checkpoint,
    reading: Option<BoxFuture<'static, Result<FeedPage>>>,
    decoding: FuturesOrdered<BoxFuture<'static, Result<DecodedPage>>>,
    all_read: bool,
    has_ended: bool,
}

/// A page, and its events as each decoder has them.
pub(super) type DecodedPage = (FeedPage, Vec<Decoded>);

impl Reading {
    pub(super) fn of(
        feed: Arc<dyn Feed>,
        partition: PartitionId,
        after: Checkpoint,
        page_size: usize,
        decoders: Vec<Decoder>,
    ) -> Self {
        Self {
            feed,
            partition,
            page_size,
            decoders: decoders.into(),
            next: after,
            reading: None,
            decoding: FuturesOrdered::new(),
            all_read: false,
            has_ended: false,
        }
    }

    async fn send_to(mut self, pages: mpsc::Sender<Result<Next>>) {
        loop {
            let next = self.next().await;
            let is_last = !matches!(next, Ok(Next::Page(_)));
            if pages.send(next).await.is_err() || is_last {
                return;
            }
        }
    }

    async fn next(&mut self) -> Result<Next> {
        loop {
            if !self.all_read && self.decoding.len() < AHEAD && self.reading.is_none() {
                let (feed, partition) = (Arc::clone(&self.feed), self.partition.clone());
                let (after, size) = (self.next.clone(), self.page_size);
                self.reading =
                    Some(Box::pin(async move { feed.read(&partition, &after, size).await }));
            }
            let is_idle = self.reading.is_none() && self.decoding.is_empty();
            let reading = async {
                match &mut self.reading {
                    Some(reading) => reading.await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                // First, so that the next page is read while one is decoded.
                biased;
                page = reading => self.take(page?),
                Some(decoded) = self.decoding.next() => return decoded.map(Next::Page),
                () = std::future::ready(()), if is_idle => {
                    return Ok(Next::End { for_good: self.has_ended });
                }
            }
        }
    }

    fn take(&mut self, page: FeedPage) {
        self.reading = None;
        self.has_ended = page.ended;
        self.all_read = page.ended || page.commits.is_empty() || page.remaining == Some(0);
        if !page.ended && page.checkpoint != self.next {
            self.next.clone_from(&page.checkpoint);
            self.decoding.push_back(decode(Arc::clone(&self.decoders), page));
        }
    }
}

/// Decodes a page on another core, where the runtime has several threads.
fn decode(decoders: Arc<[Decoder]>, page: FeedPage) -> BoxFuture<'static, Result<DecodedPage>> {
    let decode = move || {
        let decoded = decoders.iter().map(|decode| decode(&page.commits)).collect();
        (page, decoded)
    };
    let Some(runtime) = several_threads() else { return Box::pin(async move { Ok(decode()) }) };
    let task = runtime.spawn(async move { decode() });
    Box::pin(async move {
        task.await.map_err(|error| Error::Unavailable {
            what: "the runtime, which is shutting down,".to_owned(),
            source: error.into(),
        })
    })
}
