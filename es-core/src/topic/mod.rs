//! One message to many queues.

use std::fmt::{self, Debug};
use std::sync::Arc;

use async_trait::async_trait;

use crate::error::{Error, Result};
use crate::message_queue::{InvalidMessage, MessageId, NewMessage, QueueName, check_name, is_fifo};

mod filter_policy;

pub use filter_policy::{FilterPolicy, InvalidFilterPolicy};

/// Topics: who publishes to one does not know the queues behind it. Shaped after Amazon SNS with
/// subscribed SQS queues and raw message delivery.
///
/// ```
/// use es_core::memory::MemoryQueues;
/// use es_core::{MessageQueue, NewMessage, QueueName, QueueOptions, Topic, TopicName};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let queues = MemoryQueues::default();
/// let topic = TopicName::new("orders")?;
/// queues.create_topic(&topic).await?;
/// for (queue, filter) in [
///     ("billing", r#"{"kind":["placed","cancelled"]}"#),
///     ("large-orders", r#"{"kind":["placed"],"total":[{"numeric":[">=",1000]}]}"#),
/// ] {
///     let queue = QueueName::new(queue)?;
///     queues.configure(&queue, QueueOptions::default()).await?;
///     queues.subscribe(&topic, &queue, filter.parse()?).await?;
/// }
///
/// let small = NewMessage::new("{}").attribute("kind", "placed").attribute("total", "12.50");
/// queues.publish(&topic, small).await?;
/// assert_eq!(queues.counts(&QueueName::new("billing")?).await?.visible, 1);
/// assert_eq!(queues.counts(&QueueName::new("large-orders")?).await?.visible, 0);
/// # Ok(())
/// # }
/// ```
///
/// # What is promised
///
/// Subscriptions are kept as durably as messages are. A message is sent to every queue that is
/// subscribed at the time of its publishing and whose [`FilterPolicy`] takes it, with body,
/// attributes and group. From there the promises of [`MessageQueue`](crate::MessageQueue) hold in each
/// queue by itself. A topic keeps no messages: what nobody is subscribed to goes nowhere.
///
/// When [`publish`](Self::publish) returns, all of those queues have the message, or will: SNS
/// delivers behind the answer, at least once. The stores of this project do it in one step: all queues
/// have it or none. A publish whose answer was lost may be repeated, and then queues may have
/// the message twice. (A filter or subscription that SNS was just told takes up to 15 minutes until it
/// holds.)
///
/// A FIFO topic, whose name ends in `.fifo`, keeps the order of its groups in the FIFO queues behind
/// it. Standard queues can be subscribed to it, too, and get the messages without groups and
/// deduplication ids.
///
/// The suite `es_core::testing::conformance::topic` holds any implementation to this.
#[async_trait]
pub trait Topic: Debug + Send + Sync + 'static {
    /// Makes sure that there is a topic of this name.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    async fn create_topic(&self, topic: &TopicName) -> Result<()>;

    /// Has the queue get what is published from now on and passes the filter. A queue that is
    /// subscribed already gets the new filter.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchTopic`], [`Error::NoSuchQueue`], and [`Error::Misuse`] for a FIFO queue and a
    /// topic that is not.
    async fn subscribe(
        &self,
        topic: &TopicName,
        queue: &QueueName,
        filter: FilterPolicy,
    ) -> Result<()>;

    /// Ends a subscription, if there is one. What was published before stays in the queue.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchTopic`].
    async fn unsubscribe(&self, topic: &TopicName, queue: &QueueName) -> Result<()>;

    /// Who is subscribed, ordered by queue.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchTopic`], and [`Error::Corrupt`] for a stored filter that cannot be read.
    async fn subscriptions(&self, topic: &TopicName) -> Result<Vec<Subscription>>;

    /// Sends a message to all queues whose filters take it. Returns the id of this publishing, which
    /// is for logs: in each queue the message has an id of its own.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchTopic`] and [`Error::InvalidMessage`]: nothing was sent. A message can be
    /// invalid for the topic, and, where publishing is one step, for one of the queues, by its size.
    /// [`Error::Unavailable`]: it may have been sent.
    async fn publish(&self, topic: &TopicName, message: NewMessage) -> Result<MessageId> {
        match self.publish_batch(topic, vec![message]).await?.pop() {
            Some(published) => published,
            None => Err(Error::Backend {
                what: format!("publishing to topic {topic}"),
                source: "the store gave no answer for the only entry of a batch".into(),
            }),
        }
    }

    /// Publishes up to [`MAX_BATCH`](crate::MAX_BATCH) messages, each for itself: the results are in the
    /// order of the messages, and some can fail while others are published. On a FIFO topic the messages
    /// have the order of the batch; when one fails, later ones of its group may have been published.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchTopic`], and [`Error::Misuse`] for a batch that is empty or too large: nothing was
    /// published. [`Error::Unavailable`]: some or all may have been.
    async fn publish_batch(
        &self,
        topic: &TopicName,
        messages: Vec<NewMessage>,
    ) -> Result<Vec<Result<MessageId>>>;

    /// How many bytes of a request the message takes, of which a request has a limited number. That is its
    /// [size](NewMessage::size), unless its body is kept elsewhere.
    fn size_of(&self, message: &NewMessage) -> usize {
        message.size()
    }
}

/// A queue behind a topic.
#[derive(Debug, Clone, PartialEq)]
pub struct Subscription {
    /// The queue.
    pub queue: QueueName,
    /// Which messages it gets.
    pub filter: FilterPolicy,
}

/// The name of a topic, unique in its store: 1–256 ASCII letters, digits, `_` and `-`; that of a FIFO
/// topic ends in `.fifo` on top, within the 256.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicName(Arc<str>);

impl TopicName {
    /// The longest name, in bytes: that of SNS.
    pub const MAX_LEN: usize = 256;

    /// A topic's name.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidId`] when it is empty, longer than [`MAX_LEN`](Self::MAX_LEN) or has other
    /// characters.
    pub fn new(name: &str) -> Result<Self> {
        check_name("topic", name, Self::MAX_LEN)?;
        Ok(Self(name.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the topic keeps the order of its message groups.
    pub fn is_fifo(&self) -> bool {
        is_fifo(&self.0)
    }

    /// Whether the queue can be subscribed to the topic. For stores.
    ///
    /// # Errors
    ///
    /// [`Error::Misuse`] for a FIFO queue and a topic that is not: its messages have no groups.
    pub fn check_subscriber(&self, queue: &QueueName) -> Result<()> {
        if queue.is_fifo() && !self.is_fifo() {
            let message =
                format!("FIFO queue {queue} cannot follow topic {self}, which is not FIFO");
            return Err(Error::Misuse(message));
        }
        Ok(())
    }

    /// Whether the message can be published to the topic; its size is for each queue to judge. For
    /// stores.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidMessage`].
    pub fn check_message(&self, message: &NewMessage) -> Result<()> {
        let checked = match message.delay {
            Some(_) => Err(InvalidMessage::DelayOnTopic),
            None => message.check_text().and_then(|()| message.check_fifo(self.is_fifo())),
        };
        checked.map_err(|source| Error::InvalidMessage {
            destination: format!("topic {self}"),
            source,
        })
    }

    /// The message as it is sent on to a queue. For stores.
    pub fn message_for(&self, queue: &QueueName, message: &NewMessage) -> NewMessage {
        let message = message.clone();
        if queue.is_fifo() {
            return message;
        }
        NewMessage { group: None, deduplication_id: None, ..message }
    }
}

impl fmt::Display for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TopicName({:?})", &*self.0)
    }
}
