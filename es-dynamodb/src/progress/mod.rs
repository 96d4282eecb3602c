//! Progress of consumers and their dead letters, in the state table.
//!
//! How it lies there is in `docs/decisions/0012-dynamodb-layout.md`. Whatever changes progress is a
//! [step](step::Step): it is put together from what was read, sent as one transaction, and put together again when
//! what was read is not there any more. Views add their own writes to it.

use async_trait::async_trait;
use es_core::{
    Adopted, Adoption, CheckpointStore, ConsumerId, DeadLetter, DeadLetterCount, DeadLetterQuery,
    PartitionId, Position, Progress, Result, StreamId, StreamProgress,
};

use crate::attempts::Attempts;
use crate::store::DynamoStore;

mod control;
mod garbage;
mod handover;
mod known_books;
mod letter_changes;
mod letter_item;
mod letters;
mod position;
mod save;
mod step;
mod stream_state;
mod touched_stream;
mod write;

pub(crate) use garbage::Garbage;
pub(crate) use handover::AdoptionStep;
pub(crate) use known_books::KnownBooks;
use position::SavedPosition;
use step::MAX_ITEMS;
pub(crate) use step::{Refusal, Sent};
use stream_state::StreamState;
pub(crate) use write::{Condition, Write};

/// Why a step is put together again.
pub(crate) const OTHERS: &str = "other writers were faster";

#[async_trait]
impl CheckpointStore for DynamoStore {
    async fn load(&self, consumer: &ConsumerId, partition: &PartitionId) -> Result<Position> {
        let what = format!("loading the position of {consumer} in {partition}");
        let keys = |book: &str| vec![SavedPosition::key(book, partition)];
        let (control, items) = self.control_and_items(&what, consumer, keys).await?;
        let found = items.into_iter().next().map(|item| SavedPosition::read(consumer, item));
        let position = found.transpose()?.map(|(_, position)| position).unwrap_or_default();
        Ok(position.of(&control))
    }

    async fn stream_progress(
        &self,
        consumer: &ConsumerId,
        streams: &[StreamId],
    ) -> Result<Vec<StreamProgress>> {
        if streams.is_empty() {
            return Ok(Vec::new());
        }
        let what = format!("loading how far {consumer} is with its streams");
        let asked: std::collections::BTreeSet<&StreamId> = streams.iter().collect();
        let keys = |book: &str| asked.iter().map(|stream| StreamState::key(book, stream)).collect();
        let (_, items) = self.control_and_items(&what, consumer, keys).await?;
        let states = StreamState::read_all(consumer, items)?;
        let of = |stream: &StreamId| states.get(stream.as_str()).copied().unwrap_or_default();
        Ok(streams.iter().map(|stream| of(stream).progress).collect())
    }

    async fn save(&self, progress: Progress) -> Result<()> {
        let mut attempts = Attempts::default();
        loop {
            let step = self.progress_step(&progress).await?;
            match self.send(step).await? {
                Sent::Done => return Ok(()),
                Sent::Refused(Refusal::Fenced) => return Err(progress.fenced()),
                Sent::Refused(Refusal::StartOver) => {
                    let what = format!("saving the progress of {}", progress.consumer);
                    attempts.pause(self, &what, OTHERS).await?;
                }
            }
        }
    }

    fn max_step_items(&self) -> usize {
        MAX_ITEMS
    }

    async fn reset(&self, consumer: &ConsumerId) -> Result<()> {
        let mut attempts = Attempts::default();
        loop {
            let step = self.reset_step(consumer).await?;
            if self.send(step).await? == Sent::Done {
                self.sweep().await;
                return Ok(());
            }
            attempts.pause(self, &format!("resetting {consumer}"), OTHERS).await?;
        }
    }

    async fn adopt(&self, adoption: &Adoption) -> Result<Adopted> {
        let mut attempts = Attempts::default();
        loop {
            let step = match self.adoption_step(adoption).await? {
                AdoptionStep::Refused(refused) => return Ok(refused),
                AdoptionStep::Ready(step) => step,
            };
            if self.send(step).await? == Sent::Done {
                self.sweep().await;
                return Ok(Adopted::Done);
            }
            let what = format!("giving the progress of {} to {}", adoption.from, adoption.to);
            attempts.pause(self, &what, OTHERS).await?;
        }
    }

    async fn dead_letters(
        &self,
        consumer: &ConsumerId,
        query: &DeadLetterQuery,
    ) -> Result<Vec<DeadLetter>> {
        self.list_letters(consumer, query).await
    }

    async fn dead_letter_count(&self, consumer: &ConsumerId) -> Result<DeadLetterCount> {
        self.count_letters(consumer).await
    }

    async fn set_paused(&self, consumer: &ConsumerId, paused: bool) -> Result<()> {
        self.pause(consumer, paused).await
    }

    async fn is_paused(&self, consumer: &ConsumerId) -> Result<bool> {
        Ok(self.control(consumer).await?.paused)
    }
}
