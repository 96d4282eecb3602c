use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use es_core::{
    Appended, Commit, CommitId, EventStore, Expected, Head, Limits, NewCommit, Page, ReadStream,
    Result, StreamId,
};
use futures::stream::{BoxStream, StreamExt as _};

/// A log that says that it is far away, and counts the commits that it hands out.
#[derive(Debug)]
pub struct Remote {
    log: Arc<dyn EventStore>,
    handed_out: AtomicUsize,
}

impl Remote {
    pub fn new(log: Arc<dyn EventStore>) -> Self {
        Self { log, handed_out: AtomicUsize::new(0) }
    }

    pub fn handed_out(&self) -> usize {
        self.handed_out.load(Ordering::SeqCst)
    }
}

#[async_trait::async_trait]
impl EventStore for Remote {
    async fn append(
        &self,
        stream: &StreamId,
        expected: Expected,
        commit: NewCommit,
    ) -> Result<Appended> {
        self.log.append(stream, expected, commit).await
    }

    fn read(&self, query: ReadStream) -> BoxStream<'_, Result<Page>> {
        let pages = self.log.read(query).inspect(|page| {
            let commits = page.as_ref().map_or(0, |page| page.len());
            self.handed_out.fetch_add(commits, Ordering::SeqCst);
        });
        pages.boxed()
    }

    async fn find(&self, stream: &StreamId, id: CommitId) -> Result<Option<Commit>> {
        self.log.find(stream, id).await
    }

    async fn head(&self, stream: &StreamId) -> Result<Option<Head>> {
        self.log.head(stream).await
    }

    fn limits(&self) -> Limits {
        self.log.limits()
    }

    fn reads_are_remote(&self) -> bool {
        true
    }
}
