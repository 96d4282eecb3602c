//! What events are delivered to.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use es_core::{MessageError, MessageQueue, NewMessage, QueueName, Topic, TopicName};

use crate::bus_event::BusEvent;

/// Takes events. Queues, topics and functions are targets; a program can have others.
///
/// A delivery is repeated after an error, after a crash, and when an event is put again: what a target does has
/// to be idempotent.
#[async_trait]
pub trait Target: fmt::Debug + Send + Sync + 'static {
    /// Takes one delivery.
    ///
    /// # Errors
    ///
    /// [`MessageError`] says whether trying again can help. Its text becomes the `ERROR_MESSAGE` of a dead letter:
    /// it says what went wrong, and nothing of what is in the event. A panic is like
    /// [`MessageError::permanent`].
    async fn deliver(&self, delivery: &Delivery) -> Result<(), MessageError>;
}

/// One event on its way to one target.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Delivery {
    /// The event.
    pub event: Arc<BusEvent>,
    /// What the target gets of it.
    pub input: DeliveryInput,
    /// The rule.
    pub rule: Arc<str>,
    /// The target's id in it.
    pub target: Arc<str>,
}

/// What a target gets of an event: its [input](crate::Input). `Debug` says how many bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct DeliveryInput(pub(crate) Arc<str>);

impl DeliveryInput {
    /// The text, which is JSON.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for DeliveryInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeliveryInput({} bytes)", self.0.len())
    }
}

/// Sends to a queue.
#[derive(Debug)]
pub(crate) struct ToQueue {
    pub(crate) queues: Arc<dyn MessageQueue>,
    pub(crate) queue: QueueName,
}

#[async_trait]
impl Target for ToQueue {
    async fn deliver(&self, delivery: &Delivery) -> Result<(), MessageError> {
        let message = NewMessage::new(delivery.input.as_str());
        self.queues.send(&self.queue, message).await?;
        Ok(())
    }
}

/// Publishes to a topic.
#[derive(Debug)]
pub(crate) struct ToTopic {
    pub(crate) topics: Arc<dyn Topic>,
    pub(crate) topic: TopicName,
}

#[async_trait]
impl Target for ToTopic {
    async fn deliver(&self, delivery: &Delivery) -> Result<(), MessageError> {
        let message = NewMessage::new(delivery.input.as_str());
        self.topics.publish(&self.topic, message).await?;
        Ok(())
    }
}

/// Calls a function.
pub(crate) struct ToFunction<F>(pub(crate) F);

#[async_trait]
impl<F, Done> Target for ToFunction<F>
where
    F: Fn(Delivery) -> Done + Send + Sync + 'static,
    Done: Future<Output = Result<(), MessageError>> + Send,
{
    async fn deliver(&self, delivery: &Delivery) -> Result<(), MessageError> {
        (self.0)(delivery.clone()).await
    }
}

impl<F> fmt::Debug for ToFunction<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ToFunction")
    }
}
