use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use es_core::memory::MemoryStore;
use es_core::{
    Adopted, Adoption, CheckpointStore, ConsumerId, DeadLetter, DeadLetterCount, DeadLetterQuery,
    Error, PartitionId, Position, Progress, Result, StreamId, StreamProgress, ViewChange,
    ViewDocument, ViewName, ViewQuery, ViewSchema, ViewStore,
};
use tokio::sync::Notify;

/// Views to whose n-th write from now, or swap, something happens.
#[derive(Debug)]
pub struct MeddledViews {
    inner: MemoryStore,
    countdown: AtomicUsize,
    meddling: Meddling,
}

/// What happens.
#[derive(Debug, Clone)]
pub enum Meddling {
    /// The process crashes before it is done.
    CrashBefore,
    /// The process crashes when it is done.
    CrashAfter,
    /// The store cannot be reached.
    Unavailable,
    /// It is held up: the first is notified, and then it waits for the second.
    HoldUp(Arc<Notify>, Arc<Notify>),
}

impl MeddledViews {
    pub fn at(inner: MemoryStore, nth_write: usize, meddling: Meddling) -> Self {
        Self { inner, countdown: AtomicUsize::new(nth_write), meddling }
    }

    async fn meddle<T>(&self, write: impl Future<Output = Result<T>>) -> Result<T> {
        if self.countdown.fetch_sub(1, Ordering::SeqCst) != 1 {
            return write.await;
        }
        match &self.meddling {
            Meddling::CrashBefore => crash(),
            Meddling::CrashAfter => {
                write.await?;
                crash()
            }
            Meddling::Unavailable => Err(Error::Unavailable {
                what: "the store of the views".to_owned(),
                source: "nobody answers".into(),
            }),
            Meddling::HoldUp(reached, go) => {
                reached.notify_one();
                go.notified().await;
                write.await
            }
        }
    }
}

fn crash<T>() -> Result<T> {
    Err(Error::Backend { what: "the process".to_owned(), source: "it crashed".into() })
}

#[async_trait]
impl CheckpointStore for MeddledViews {
    async fn load(&self, consumer: &ConsumerId, partition: &PartitionId) -> Result<Position> {
        CheckpointStore::load(&self.inner, consumer, partition).await
    }

    async fn stream_progress(
        &self,
        consumer: &ConsumerId,
        streams: &[StreamId],
    ) -> Result<Vec<StreamProgress>> {
        self.inner.stream_progress(consumer, streams).await
    }

    async fn save(&self, progress: Progress) -> Result<()> {
        CheckpointStore::save(&self.inner, progress).await
    }

    async fn reset(&self, consumer: &ConsumerId) -> Result<()> {
        self.inner.reset(consumer).await
    }

    async fn adopt(&self, adoption: &Adoption) -> Result<Adopted> {
        self.inner.adopt(adoption).await
    }

    async fn dead_letters(
        &self,
        consumer: &ConsumerId,
        query: &DeadLetterQuery,
    ) -> Result<Vec<DeadLetter>> {
        self.inner.dead_letters(consumer, query).await
    }

    async fn dead_letter_count(&self, consumer: &ConsumerId) -> Result<DeadLetterCount> {
        self.inner.dead_letter_count(consumer).await
    }

    async fn set_paused(&self, consumer: &ConsumerId, paused: bool) -> Result<()> {
        self.inner.set_paused(consumer, paused).await
    }

    async fn is_paused(&self, consumer: &ConsumerId) -> Result<bool> {
        self.inner.is_paused(consumer).await
    }
}

#[async_trait]
impl ViewStore for MeddledViews {
    async fn prepare(&self, view: &ViewSchema) -> Result<()> {
        self.inner.prepare(view).await
    }

    async fn get(&self, view: &ViewName, keys: &[&str]) -> Result<Vec<Option<String>>> {
        self.inner.get(view, keys).await
    }

    async fn list(&self, view: &ViewName, query: &ViewQuery) -> Result<Vec<ViewDocument>> {
        self.inner.list(view, query).await
    }

    async fn write(&self, changes: Vec<ViewChange>, progress: Progress) -> Result<()> {
        self.meddle(self.inner.write(changes, progress)).await
    }

    async fn clear(&self, view: &ViewName, progress_of: &ConsumerId) -> Result<()> {
        self.inner.clear(view, progress_of).await
    }

    async fn swap(&self, from: &ViewName, to: &ViewName, adoption: &Adoption) -> Result<Adopted> {
        self.meddle(self.inner.swap(from, to, adoption)).await
    }
}
