use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::checkpoint_store::{
    Adopted, Adoption, CheckpointStore, ConsumerId, Position, Progress, StreamProgress,
};
use crate::dead_letter::{DeadLetter, DeadLetterCount, DeadLetterQuery};
use crate::error::Result;
use crate::feed::PartitionId;
use crate::stream_id::StreamId;

use super::late::LateRequests;
use super::request::Request;
use super::{Call, Fault, Faults, damage};

/// A store of progress whose requests meet faults.
pub struct FaultyCheckpointStore {
    inner: Arc<dyn CheckpointStore>,
    faults: Faults,
    late: LateRequests<Progress>,
}

impl FaultyCheckpointStore {
    /// `inner`, with `faults` before it.
    pub fn new(inner: Arc<dyn CheckpointStore>, faults: Faults) -> Self {
        Self { inner, faults, late: LateRequests::default() }
    }

    async fn begin(&self, call: Call) -> Result<Request<'_>> {
        for progress in self.late.arriving() {
            // Nobody waits for the answer any more.
            let _ = self.inner.save(progress).await;
        }
        self.faults.begin(call).await
    }
}

#[async_trait]
impl CheckpointStore for FaultyCheckpointStore {
    async fn load(&self, consumer: &ConsumerId, partition: &PartitionId) -> Result<Position> {
        let request = self.begin(Call::LoadPosition).await?;
        request.end(self.inner.load(consumer, partition).await).await
    }

    async fn stream_progress(
        &self,
        consumer: &ConsumerId,
        streams: &[StreamId],
    ) -> Result<Vec<StreamProgress>> {
        let request = self.begin(Call::LoadStreamProgress).await?;
        request.end(self.inner.stream_progress(consumer, streams).await).await
    }

    fn max_step_items(&self) -> usize {
        self.inner.max_step_items()
    }

    async fn save(&self, progress: Progress) -> Result<()> {
        let request = self.begin(Call::SaveProgress).await?;
        if request.is_due(Fault::LateRequest) {
            self.late.hold_up(progress, self.faults.lateness());
            return Err(request.unavailable(Fault::LateRequest));
        }
        request.end(self.inner.save(progress).await).await
    }

    async fn reset(&self, consumer: &ConsumerId) -> Result<()> {
        let request = self.begin(Call::ResetProgress).await?;
        request.end(self.inner.reset(consumer).await).await
    }

    async fn adopt(&self, adoption: &Adoption) -> Result<Adopted> {
        let request = self.begin(Call::AdoptProgress).await?;
        request.end(self.inner.adopt(adoption).await).await
    }

    async fn dead_letters(
        &self,
        consumer: &ConsumerId,
        query: &DeadLetterQuery,
    ) -> Result<Vec<DeadLetter>> {
        let request = self.begin(Call::ListDeadLetters).await?;
        let letters = request.end(self.inner.dead_letters(consumer, query).await).await?;
        match letters.first() {
            Some(letter) if request.meets(Fault::CorruptBytes) => {
                Err(damage::noticed(&letter.commit))
            }
            _ => Ok(letters),
        }
    }

    async fn dead_letter_count(&self, consumer: &ConsumerId) -> Result<DeadLetterCount> {
        let request = self.begin(Call::CountDeadLetters).await?;
        request.end(self.inner.dead_letter_count(consumer).await).await
    }

    async fn set_paused(&self, consumer: &ConsumerId, paused: bool) -> Result<()> {
        let request = self.begin(Call::SetPaused).await?;
        request.end(self.inner.set_paused(consumer, paused).await).await
    }

    async fn is_paused(&self, consumer: &ConsumerId) -> Result<bool> {
        let request = self.begin(Call::IsPaused).await?;
        request.end(self.inner.is_paused(consumer).await).await
    }
}

impl fmt::Debug for FaultyCheckpointStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyCheckpointStore")
            .field("inner", &self.inner)
            .field("faults", &self.faults)
            .field("late", &self.late.len())
            .finish()
    }
}
