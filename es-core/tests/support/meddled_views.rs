use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use es_core::memory::MemoryStore;
use es_core::{
    CheckpointStore, ConsumerId, Error, PartitionId, Position, Progress, Result, Revision,
    StreamId, Version, ViewChange, ViewDocument, ViewName, ViewQuery, ViewSchema, ViewStore,
};

/// Views whose n-th write from now fails, before it is done or after.
#[derive(Debug)]
pub struct CrashingViews {
    pub inner: MemoryStore,
    countdown: AtomicUsize,
    after_writing: bool,
}

impl CrashingViews {
    pub fn at(inner: MemoryStore, nth_write: usize, after_writing: bool) -> Self {
        Self { inner, countdown: AtomicUsize::new(nth_write), after_writing }
    }

    fn crashes_now(&self) -> bool {
        self.countdown.fetch_sub(1, Ordering::SeqCst) == 1
    }
}

fn crash() -> Error {
    Error::Backend { what: "the process".to_owned(), source: "it crashed".into() }
}

#[async_trait]
impl CheckpointStore for CrashingViews {
    async fn load(&self, consumer: &ConsumerId, partition: &PartitionId) -> Result<Position> {
        CheckpointStore::load(&self.inner, consumer, partition).await
    }

    async fn stream_versions(
        &self,
        consumer: &ConsumerId,
        streams: &[StreamId],
    ) -> Result<Vec<Version>> {
        self.inner.stream_versions(consumer, streams).await
    }

    async fn save(&self, progress: Progress) -> Result<Revision> {
        let now = self.crashes_now();
        if now && !self.after_writing {
            return Err(crash());
        }
        let revision = CheckpointStore::save(&self.inner, progress).await?;
        if now { Err(crash()) } else { Ok(revision) }
    }

    async fn reset(&self, consumer: &ConsumerId) -> Result<()> {
        self.inner.reset(consumer).await
    }
}

#[async_trait]
impl ViewStore for CrashingViews {
    async fn prepare(&self, view: &ViewSchema) -> Result<()> {
        self.inner.prepare(view).await
    }

    async fn get(&self, view: &ViewName, keys: &[&str]) -> Result<Vec<Option<String>>> {
        self.inner.get(view, keys).await
    }

    async fn list(&self, view: &ViewName, query: &ViewQuery) -> Result<Vec<ViewDocument>> {
        self.inner.list(view, query).await
    }

    async fn write(&self, changes: Vec<ViewChange>, progress: Progress) -> Result<Revision> {
        let now = self.crashes_now();
        if now && !self.after_writing {
            return Err(crash());
        }
        let revision = self.inner.write(changes, progress).await?;
        if now { Err(crash()) } else { Ok(revision) }
    }

    async fn clear(&self, view: &ViewName, progress_of: &ConsumerId) -> Result<()> {
        self.inner.clear(view, progress_of).await
    }
}
