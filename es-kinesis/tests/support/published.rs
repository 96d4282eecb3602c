//! A log whose commits are published before an append returns.

use std::sync::Arc;

use async_trait::async_trait;
use es_core::cloud_events::Source;
use es_core::memory::MemoryStore;
use es_core::{
    Appended, EventStore, Expected, Head, Limits, NewCommit, Page, ReadStream, Result, StreamId,
};
use es_kinesis::{DataStream, Publisher, PublisherOptions, Publishing};
use futures::stream::BoxStream;
use tokio::sync::Mutex;

/// The log.
#[derive(Debug)]
pub(crate) struct Published {
    pub(crate) log: Arc<MemoryStore>,
    /// One at a time.
    publisher: Mutex<Publisher>,
}

impl Published {
    /// An empty log, published to `stream`, as `options` say.
    pub(crate) fn to(
        stream: &DataStream,
        options: impl FnOnce(PublisherOptions) -> PublisherOptions,
    ) -> Self {
        let log = Arc::new(MemoryStore::new());
        let source = Source::new("/tests").expect("a valid source");
        let publisher = options(Publishing::to(stream, source)).on(log.clone());
        let publisher = publisher.expect("a valid publisher");
        Self { log, publisher: Mutex::new(publisher) }
    }
}

#[async_trait]
impl EventStore for Published {
    async fn append(
        &self,
        stream: &StreamId,
        expected: Expected,
        commit: NewCommit,
    ) -> Result<Appended> {
        let appended = self.log.append(stream, expected, commit).await?;
        self.publisher.lock().await.catch_up().await?;
        Ok(appended)
    }

    fn read(&self, query: ReadStream) -> BoxStream<'_, Result<Page>> {
        EventStore::read(&*self.log, query)
    }

    async fn head(&self, stream: &StreamId) -> Result<Option<Head>> {
        self.log.head(stream).await
    }

    fn limits(&self) -> Limits {
        self.log.limits()
    }
}
