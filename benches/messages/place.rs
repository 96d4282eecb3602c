//! Where messages go, and the messages.

use std::sync::Arc;

use es_core::cloud_events::{CloudEvent, Source};
use es_core::memory::{MemoryIdempotency, MemoryQueues};
use es_core::{
    FilterPolicy, IdempotencyStore, MessageQueue, QueueName, QueueOptions, Topic, TopicName,
    Topology,
};
use es_sqlite::SqliteStore;
use tempfile::TempDir;

use crate::AnyError;

/// A topic with a queue behind it.
pub(crate) struct Place {
    pub(crate) name: &'static str,
    pub(crate) topics: Arc<dyn Topic>,
    pub(crate) queues: Arc<dyn MessageQueue>,
    /// What has been handled, for consumers that ask.
    pub(crate) records: Arc<dyn IdempotencyStore>,
    /// How many messages a row is about.
    pub(crate) messages: usize,
    /// The directory of a file; it lives as long.
    _directory: Option<TempDir>,
}

/// How much is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    /// Enough to be measured.
    Full,
    /// Enough to see that it works.
    Small,
}

impl Size {
    pub(crate) fn of(self, messages: usize) -> usize {
        match self {
            Self::Full => messages,
            Self::Small => messages.min(100),
        }
    }
}

impl Place {
    pub(crate) async fn embedded(size: Size) -> Result<[Self; 2], AnyError> {
        let memory = Arc::new(MemoryQueues::default());
        let records = Arc::new(MemoryIdempotency::default());
        let memory = Self::new("memory", memory.clone(), memory, records, size.of(20_000), None);
        let directory = tempfile::tempdir()?;
        let store = Arc::new(SqliteStore::open(directory.path().join("bench.db")).await?);
        let sqlite = Self::new(
            "SQLite",
            store.clone(),
            store.clone(),
            store,
            size.of(5_000),
            Some(directory),
        );
        for place in [&memory, &sqlite] {
            place.set_up().await?;
        }
        Ok([memory, sqlite])
    }

    /// The embedded ones, and the service if there is one.
    pub(crate) async fn all(size: Size) -> Result<Vec<Self>, AnyError> {
        let embedded = Vec::from(Self::embedded(size).await?);
        #[cfg(feature = "aws")]
        if let Some(endpoint) = crate::plain_api::endpoint() {
            let service = crate::plain_api::place(&endpoint).await?;
            return Ok(embedded.into_iter().chain([service]).collect());
        }
        Ok(embedded)
    }

    pub(crate) fn new(
        name: &'static str,
        topics: Arc<dyn Topic>,
        queues: Arc<dyn MessageQueue>,
        records: Arc<dyn IdempotencyStore>,
        messages: usize,
        directory: Option<TempDir>,
    ) -> Self {
        Self { name, topics, queues, records, messages, _directory: directory }
    }

    /// Makes the topic and the queue.
    pub(crate) async fn set_up(&self) -> Result<(), AnyError> {
        let topology = Topology::builder()
            .queue(&queue()?, QueueOptions::default())
            .topic(&topic()?)
            .subscription(&topic()?, &queue()?, FilterPolicy::everything())
            .build()?;
        Ok(topology.ensure(&*self.queues, &*self.topics).await?)
    }

    /// The events of a row. Each call gives others, so that none was handled before.
    pub(crate) fn events(&self) -> Result<Vec<CloudEvent>, AnyError> {
        events(self.messages)
    }
}

pub(crate) fn topic() -> Result<TopicName, AnyError> {
    Ok(TopicName::new("bench")?)
}

pub(crate) fn queue() -> Result<QueueName, AnyError> {
    Ok(QueueName::new("bench")?)
}

/// So many events of about 300 bytes.
pub(crate) fn events(count: usize) -> Result<Vec<CloudEvent>, AnyError> {
    use std::sync::atomic::{AtomicU64, Ordering};
    static ROUND: AtomicU64 = AtomicU64::new(0);
    let round = ROUND.fetch_add(1, Ordering::Relaxed);
    let source = Source::new("/benches")?;
    let event = |n| {
        let event = CloudEvent::new(&format!("{round}-{n}"), source.clone(), "Order:Placed")?;
        event.with_subject(&format!("order:{n}"))?.with_data(&"x".repeat(150))
    };
    Ok((0..count).map(event).collect::<es_core::Result<_>>()?)
}
