//! Messages that could not be handled.
//!
//! | file | what it is about |
//! |---|---|
//! | `envelope`, `reason` | what a consumer writes beside the body |
//! | `dead_message`, `filter` | what is found, and which |
//! | `browsing` | looking through a queue |
//! | `redriving` | sending back |

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, SystemClock};
use crate::error::Result;
use crate::message_queue::{MAX_BATCH, MessageId, MessageQueue, QueueName, ReceiveOptions};

mod browsing;
mod dead_message;
mod envelope;
mod filter;
mod reason;
mod redriving;

pub use dead_message::{DeadMessage, MessageFailure};
pub(crate) use envelope::{Envelope, GivenUp};
pub use filter::DeadMessageFilter;
pub use reason::DeadLetterReason;
pub use redriving::{DeadMessageRedrive, Redriven};

use browsing::Browsing;

/// A queue of messages that could not be handled, for who operates the system: to look at them, to send
/// them back when the cause is gone, or to drop them.
///
/// It has the letters that a [`QueueConsumer`](crate::QueueConsumer) sent, which say why, and messages
/// that a redrive policy moved, which do not.
///
/// ```
/// use std::sync::Arc;
///
/// use async_trait::async_trait;
/// use es_core::memory::MemoryQueues;
/// use es_core::{
///     DeadLetterQueue, DeadLetterReason, DeadMessageFilter, DeadMessageRedrive, Incoming, MessageError,
///     MessageHandler, MessageQueue, NewMessage, QueueConsumer, QueueName, QueueOptions,
/// };
///
/// struct Numbers;
///
/// #[async_trait]
/// impl MessageHandler for Numbers {
///     async fn handle(&self, message: &Incoming) -> Result<(), MessageError> {
///         message.json::<u32>().map(drop).map_err(MessageError::permanent)
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> es_core::Result<()> {
/// let queues = Arc::new(MemoryQueues::default());
/// let (numbers, dead) = (QueueName::new("numbers")?, QueueName::new("numbers-dead")?);
/// for queue in [&numbers, &dead] {
///     queues.configure(queue, QueueOptions::default()).await?;
/// }
/// let consumer = QueueConsumer::new("counting", queues.clone(), numbers.clone(), Numbers)?
///     .dead_letters_to(dead.clone());
/// queues.send(&numbers, NewMessage::new("seven")).await?;
/// consumer.work_off().await?;
///
/// let dead_letters = DeadLetterQueue::new(queues, dead);
/// let found = dead_letters.list(&DeadMessageFilter::all(), 100).await?;
/// let failure = found[0].failure.as_ref().expect("a consumer sent it");
/// assert_eq!((failure.reason.clone(), failure.attempts), (DeadLetterReason::Permanent, 1));
/// assert_eq!(found[0].body, "seven");
///
/// let spelled_out = DeadMessageRedrive::all().transform(|_| Ok("7".to_owned()));
/// assert_eq!(dead_letters.redrive(&spelled_out).await?.moved, 1);
/// assert_eq!(consumer.work_off().await?.done, 1);
/// # Ok(())
/// # }
/// ```
///
/// # What looking costs
///
/// Queues cannot be read without being received from. A look holds the messages for two minutes at a time,
/// gives them back at the end, and raises their receive counts: give a dead-letter queue no redrive policy
/// of its own. Two looks at the same time see parts of the queue each, and a redrive during one leaves what
/// that one holds. A look that is broken off leaves what it has seen hidden for up to two minutes. On a FIFO
/// queue it sees of each group what one receive gives: up to ten.
pub struct DeadLetterQueue {
    queues: Arc<dyn MessageQueue>,
    queue: QueueName,
    clock: Arc<dyn Clock>,
    wait: Duration,
}

impl DeadLetterQueue {
    /// The dead letters in `queue`.
    pub fn new(queues: Arc<dyn MessageQueue>, queue: QueueName) -> Self {
        Self { queues, queue, clock: Arc::new(SystemClock), wait: Duration::ZERO }
    }

    /// Judges time and waits by `clock`.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Waits so long for messages before the queue counts as seen through; at most 20 s. Unless given it
    /// does not wait, and asks a queue a few times that gives nothing although it counts some: a queue of
    /// SQS looks at a part of its servers then. Its counts are late by up to a minute: give it a second
    /// there.
    #[must_use]
    pub fn with_wait(mut self, wait: Duration) -> Self {
        self.wait = wait.min(ReceiveOptions::MAX_WAIT);
        self
    }

    /// The queue's name.
    pub fn queue(&self) -> &QueueName {
        &self.queue
    }

    /// Up to `limit` messages that the filter takes, in no order that could be relied on.
    ///
    /// # Errors
    ///
    /// Those of the queue.
    pub async fn list(&self, filter: &DeadMessageFilter, limit: usize) -> Result<Vec<DeadMessage>> {
        let mut browsing = Browsing::new(self);
        let found = find(&mut browsing, filter, limit).await;
        browsing.end().await;
        found
    }

    /// The message with this id, in this queue or where it was.
    ///
    /// # Errors
    ///
    /// Those of the queue.
    pub async fn show(&self, id: &MessageId) -> Result<Option<DeadMessage>> {
        let filter = DeadMessageFilter::all().ids([id.clone()]);
        Ok(self.list(&filter, 1).await?.pop())
    }

    /// Removes the message with this id for good, and returns it.
    ///
    /// # Errors
    ///
    /// Those of the queue: it may have been removed. [`Error::ReceiptLost`](crate::Error::ReceiptLost): somebody else has it at hand.
    pub async fn drop_message(&self, id: &MessageId) -> Result<Option<DeadMessage>> {
        let filter = DeadMessageFilter::all().ids([id.clone()]);
        let mut browsing = Browsing::new(self);
        let dropped = match find(&mut browsing, &filter, 1).await {
            Ok(mut found) => match found.pop() {
                Some(dead) => browsing.remove(&dead.id).await.map(|()| Some(dead)),
                None => Ok(None),
            },
            Err(error) => Err(error),
        };
        browsing.end().await;
        dropped
    }

    /// Whether messages are kept here for longer than in `source`. A standard queue of SQS goes on
    /// counting the retention of what a redrive policy moves, from when it was first sent: what comes late
    /// is gone at once where the retention is not longer.
    ///
    /// # Errors
    ///
    /// Those of the queue.
    pub async fn check_retention(&self, source: &QueueName) -> Result<Option<ShortRetention>> {
        let of_source = self.queues.options(source).await?.retention;
        let of_dead_letters = self.queues.options(&self.queue).await?.retention;
        let (source, queue) = (source.clone(), self.queue.clone());
        let short = ShortRetention { source, of_source, queue, of_dead_letters };
        Ok((of_dead_letters <= of_source).then_some(short))
    }
}

/// A dead-letter queue that keeps messages no longer than the queue that they come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShortRetention {
    /// Where they come from.
    pub source: QueueName,
    /// How long they are kept there.
    pub of_source: Duration,
    /// The dead-letter queue.
    pub queue: QueueName,
    /// How long they are kept here.
    pub of_dead_letters: Duration,
}

impl fmt::Display for ShortRetention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source, of_source, queue, of_dead_letters } = self;
        write!(
            f,
            "{queue} keeps dead letters for {of_dead_letters:?}, which is not longer than the \
             {of_source:?} of {source}"
        )
    }
}

/// Up to `limit` messages that the filter takes.
async fn find(
    browsing: &mut Browsing<'_>,
    filter: &DeadMessageFilter,
    limit: usize,
) -> Result<Vec<DeadMessage>> {
    let mut found = Vec::new();
    while found.len() < limit {
        let received = browsing.next(MAX_BATCH).await?;
        if received.is_empty() {
            break;
        }
        found.extend(received.iter().map(DeadMessage::of).filter(|dead| filter.matches(dead)));
    }
    found.truncate(limit);
    Ok(found)
}

impl fmt::Debug for DeadLetterQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadLetterQueue")
            .field("queue", &self.queue)
            .field("queues", &self.queues)
            .finish_non_exhaustive()
    }
}
