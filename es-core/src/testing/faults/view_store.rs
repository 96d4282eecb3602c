use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::checkpoint_store::{
    Adopted, Adoption, CheckpointStore, ConsumerId, Position, Progress, StreamProgress,
};
use crate::dead_letter::{DeadLetter, DeadLetterCount, DeadLetterQuery};
use crate::error::{Error, Result};
use crate::feed::PartitionId;
use crate::stream_id::StreamId;
use crate::view_store::{ViewChange, ViewDocument, ViewName, ViewQuery, ViewSchema, ViewStore};

use super::late::LateRequests;
use super::request::Request;
use super::{Call, Fault, Faults, FaultyCheckpointStore, damage};

/// A store of views whose requests meet faults.
pub struct FaultyViewStore {
    inner: Arc<dyn ViewStore>,
    progress: FaultyCheckpointStore,
    faults: Faults,
    late: LateRequests<(Vec<ViewChange>, Progress)>,
}

impl FaultyViewStore {
    /// `inner`, with `faults` before it.
    pub fn new(inner: Arc<dyn ViewStore>, faults: Faults) -> Self {
        let progress = FaultyCheckpointStore::new(inner.clone(), faults.clone());
        Self { inner, progress, faults, late: LateRequests::default() }
    }

    async fn begin(&self, call: Call) -> Result<Request<'_>> {
        for (changes, progress) in self.late.arriving() {
            // Nobody waits for the answer any more.
            let _ = self.inner.write(changes, progress).await;
        }
        self.faults.begin(call).await
    }
}

#[async_trait]
impl ViewStore for FaultyViewStore {
    async fn prepare(&self, view: &ViewSchema) -> Result<()> {
        let request = self.begin(Call::PrepareView).await?;
        request.end(self.inner.prepare(view).await).await
    }

    async fn get(&self, view: &ViewName, keys: &[&str]) -> Result<Vec<Option<String>>> {
        let request = self.begin(Call::GetDocuments).await?;
        let mut documents = request.end(self.inner.get(view, keys).await).await?;
        damage_one(documents.iter_mut().flatten().collect(), view, &request)?;
        Ok(documents)
    }

    async fn list(&self, view: &ViewName, query: &ViewQuery) -> Result<Vec<ViewDocument>> {
        let request = self.begin(Call::ListDocuments).await?;
        let mut documents = request.end(self.inner.list(view, query).await).await?;
        damage_one(
            documents.iter_mut().map(|found| &mut found.document).collect(),
            view,
            &request,
        )?;
        Ok(documents)
    }

    async fn write(&self, changes: Vec<ViewChange>, progress: Progress) -> Result<()> {
        let request = self.begin(Call::WriteDocuments).await?;
        if request.is_due(Fault::LateRequest) {
            self.late.hold_up((changes, progress), self.faults.lateness());
            return Err(request.unavailable(Fault::LateRequest));
        }
        request.end(self.inner.write(changes, progress).await).await
    }

    async fn clear(&self, view: &ViewName, progress_of: &ConsumerId) -> Result<()> {
        let request = self.begin(Call::ClearView).await?;
        request.end(self.inner.clear(view, progress_of).await).await
    }

    async fn swap(&self, from: &ViewName, to: &ViewName, adoption: &Adoption) -> Result<Adopted> {
        let request = self.begin(Call::SwapViews).await?;
        request.end(self.inner.swap(from, to, adoption).await).await
    }
}

#[async_trait]
impl CheckpointStore for FaultyViewStore {
    async fn load(&self, consumer: &ConsumerId, partition: &PartitionId) -> Result<Position> {
        self.progress.load(consumer, partition).await
    }

    async fn stream_progress(
        &self,
        consumer: &ConsumerId,
        streams: &[StreamId],
    ) -> Result<Vec<StreamProgress>> {
        self.progress.stream_progress(consumer, streams).await
    }

    fn max_step_items(&self) -> usize {
        self.inner.max_step_items()
    }

    async fn save(&self, progress: Progress) -> Result<()> {
        self.progress.save(progress).await
    }

    async fn reset(&self, consumer: &ConsumerId) -> Result<()> {
        self.progress.reset(consumer).await
    }

    async fn adopt(&self, adoption: &Adoption) -> Result<Adopted> {
        self.progress.adopt(adoption).await
    }

    async fn dead_letters(
        &self,
        consumer: &ConsumerId,
        query: &DeadLetterQuery,
    ) -> Result<Vec<DeadLetter>> {
        self.progress.dead_letters(consumer, query).await
    }

    async fn dead_letter_count(&self, consumer: &ConsumerId) -> Result<DeadLetterCount> {
        self.progress.dead_letter_count(consumer).await
    }

    async fn set_paused(&self, consumer: &ConsumerId, paused: bool) -> Result<()> {
        self.progress.set_paused(consumer, paused).await
    }

    async fn is_paused(&self, consumer: &ConsumerId) -> Result<bool> {
        self.progress.is_paused(consumer).await
    }
}

/// Damages one of the documents, if that is due; or is the error of a store that finds it damaged.
fn damage_one(
    mut documents: Vec<&mut String>,
    view: &ViewName,
    request: &Request<'_>,
) -> Result<()> {
    if documents.is_empty() {
        return Ok(());
    }
    let noticed = || Error::Corrupt {
        what: format!("a document of view {view}"),
        reason: "its bytes are not what was written (injected)".to_owned(),
    };
    if request.meets(Fault::CorruptBytes) {
        return Err(noticed());
    }
    if request.meets(Fault::DamagedBytes) {
        let index = request.index(documents.len());
        let bytes = damage::flipped(documents[index].as_bytes(), request.random());
        let text = bytes.and_then(|bytes| String::from_utf8(bytes.into()).ok());
        *documents[index] = text.ok_or_else(noticed)?;
    }
    Ok(())
}

impl fmt::Debug for FaultyViewStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyViewStore")
            .field("inner", &self.inner)
            .field("faults", &self.faults)
            .field("late", &self.late.len())
            .finish_non_exhaustive()
    }
}
