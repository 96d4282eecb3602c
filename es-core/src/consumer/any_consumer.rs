use std::fmt::Debug;

use async_trait::async_trait;

use crate::checkpoint_store::ConsumerId;
use crate::dead_letter::{DeadLetter, DeadLetterQuery};
use crate::error::Result;
use crate::stream_id::StreamId;

use super::{CatchUp, Consumer, DeadLetterFilter, Handler, Health, Retried, RewindTo, Rewindable};

/// A projection or policy, whatever its type is: for programs that operate several.
#[async_trait]
pub trait AnyConsumer: Debug + Send + Sync + 'static {
    /// [`Consumer::id`].
    fn id(&self) -> &ConsumerId;

    /// [`Consumer::health`].
    async fn health(&self) -> Result<Health>;

    /// [`Consumer::pause`].
    async fn pause(&self) -> Result<()>;

    /// [`Consumer::resume`].
    async fn resume(&self) -> Result<()>;

    /// [`Consumer::rewind`].
    async fn rewind(&self, to: RewindTo) -> Result<CatchUp>;

    /// [`Consumer::dead_letters`].
    async fn dead_letters(&self, query: &DeadLetterQuery) -> Result<Vec<DeadLetter>>;

    /// [`Consumer::retry_dead_letters`].
    async fn retry_dead_letters(&self, filter: &DeadLetterFilter) -> Result<Retried>;

    /// [`Consumer::drop_dead_letter`].
    async fn drop_dead_letter(&self, stream: &StreamId, reason: &str)
    -> Result<Option<DeadLetter>>;
}

#[async_trait]
impl<H: Rewindable + Handler> AnyConsumer for Consumer<H> {
    fn id(&self) -> &ConsumerId {
        self.id()
    }

    async fn health(&self) -> Result<Health> {
        self.health().await
    }

    async fn pause(&self) -> Result<()> {
        self.pause().await
    }

    async fn resume(&self) -> Result<()> {
        self.resume().await
    }

    async fn rewind(&self, to: RewindTo) -> Result<CatchUp> {
        self.rewind(to, |_| {}).await
    }

    async fn dead_letters(&self, query: &DeadLetterQuery) -> Result<Vec<DeadLetter>> {
        self.dead_letters(query).await
    }

    async fn retry_dead_letters(&self, filter: &DeadLetterFilter) -> Result<Retried> {
        self.retry_dead_letters(filter).await
    }

    async fn drop_dead_letter(
        &self,
        stream: &StreamId,
        reason: &str,
    ) -> Result<Option<DeadLetter>> {
        self.drop_dead_letter(stream, reason).await
    }
}
