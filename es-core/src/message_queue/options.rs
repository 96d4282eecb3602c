//! How a queue is set up.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::QueueName;
use crate::error::{Error, Result};

/// How a queue treats its messages. The ranges are those of SQS, so that options that are taken by a
/// local queue are taken there.
///
/// ```
/// use std::time::Duration;
/// use es_core::{QueueName, QueueOptions};
///
/// let options = QueueOptions::default()
///     .visibility_timeout(Duration::from_secs(60))
///     .dead_letters(QueueName::new("orders-dead")?, 5);
/// # Ok::<(), es_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueOptions {
    /// How long a received message is invisible to others unless the receive says otherwise. More
    /// than zero, at most 12 hours. Default: 30 s.
    pub visibility_timeout: Duration,
    /// How long a message is kept that nobody acknowledges, from when it came into this queue. 60 s
    /// to 14 days. Default: 4 days.
    pub retention: Duration,
    /// How long a message is invisible after it was sent, unless it has a delay of its own. At most
    /// 15 minutes. Default: none.
    pub delay: Duration,
    /// The most bytes of a message, as [`NewMessage::size`](crate::NewMessage::size) counts them.
    /// 1 KiB to 1 MiB. Default: 256 KiB.
    pub max_message_size: usize,
    /// What becomes of messages that are received again and again. Default: nothing, they come back
    /// until their retention is over.
    pub redrive_policy: Option<RedrivePolicy>,
}

/// When a message is given up, and where it goes then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedrivePolicy {
    /// The queue that it is moved to: another one of the same kind, FIFO or not, that exists.
    pub dead_letter_queue: QueueName,
    /// How often it is received before. 1 to 1,000.
    pub max_receive_count: u32,
}

impl QueueOptions {
    /// The longest visibility timeout, and the longest time in all that one receive can hold a
    /// message, however often it is extended: 12 hours.
    pub const MAX_VISIBILITY_TIMEOUT: Duration = Duration::from_secs(12 * 60 * 60);
    /// The longest delay: 15 minutes.
    pub const MAX_DELAY: Duration = Duration::from_secs(15 * 60);
    /// How long messages can be kept: 60 s to 14 days.
    pub const RETENTION: RangeInclusive<Duration> =
        Duration::from_secs(60)..=Duration::from_secs(14 * 24 * 60 * 60);
    /// What the limit on the bytes of a message can be: 1 KiB to 1 MiB.
    pub const MESSAGE_SIZE: RangeInclusive<usize> = 1024..=1024 * 1024;
    /// How often a message can be received before it is given up.
    pub const RECEIVE_COUNT: RangeInclusive<u32> = 1..=1_000;

    /// The options of a queue for dead letters: it keeps them as long as it can, 14 days, so that somebody
    /// can look at them. A queue keeps its messages for less time than its dead-letter queue does.
    pub fn for_dead_letters() -> Self {
        Self::default().retention(*Self::RETENTION.end())
    }

    /// Sets how long a received message is invisible.
    #[must_use]
    pub fn visibility_timeout(mut self, timeout: Duration) -> Self {
        self.visibility_timeout = timeout;
        self
    }

    /// Sets how long messages are kept.
    #[must_use]
    pub fn retention(mut self, retention: Duration) -> Self {
        self.retention = retention;
        self
    }

    /// Sets the delay of messages without one of their own.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Sets the most bytes of a message.
    #[must_use]
    pub fn max_message_size(mut self, bytes: usize) -> Self {
        self.max_message_size = bytes;
        self
    }

    /// Moves messages that were received `max_receive_count` times to `queue`.
    #[must_use]
    pub fn dead_letters(mut self, queue: QueueName, max_receive_count: u32) -> Self {
        self.redrive_policy = Some(RedrivePolicy { dead_letter_queue: queue, max_receive_count });
        self
    }

    /// Whether `queue` can be set up so. Whether its dead-letter queue exists is the store's to see.
    /// For stores.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidQueueOptions`].
    pub fn check(&self, queue: &QueueName) -> Result<()> {
        let policy = self.redrive_policy.as_ref();
        let reason = if !is_visibility_timeout(self.visibility_timeout) {
            "the visibility timeout is not more than zero and at most 12 hours"
        } else if !Self::RETENTION.contains(&self.retention) {
            "the retention is not 60 seconds to 14 days"
        } else if self.delay > Self::MAX_DELAY {
            "the delay is over 15 minutes"
        } else if !Self::MESSAGE_SIZE.contains(&self.max_message_size) {
            "the limit on the size of messages is not 1 KiB to 1 MiB"
        } else if policy.is_some_and(|to| !Self::RECEIVE_COUNT.contains(&to.max_receive_count)) {
            "the maximum receive count is not 1 to 1,000"
        } else if policy.is_some_and(|to| to.dead_letter_queue == *queue) {
            "the queue is its own dead-letter queue"
        } else if policy.is_some_and(|to| to.dead_letter_queue.is_fifo() != queue.is_fifo()) {
            "of the queue and its dead-letter queue one is FIFO and one is not"
        } else {
            return Ok(());
        };
        Err(self.refused(queue, reason))
    }

    /// The error about a dead-letter queue that does not exist. For stores.
    pub fn no_dead_letter_queue(&self, queue: &QueueName) -> Error {
        self.refused(queue, "its dead-letter queue does not exist")
    }

    fn refused(&self, queue: &QueueName, reason: &'static str) -> Error {
        Error::InvalidQueueOptions { queue: queue.clone(), reason }
    }
}

impl Default for QueueOptions {
    fn default() -> Self {
        Self {
            visibility_timeout: Duration::from_secs(30),
            retention: Duration::from_secs(4 * 24 * 60 * 60),
            delay: Duration::ZERO,
            max_message_size: 256 * 1024,
            redrive_policy: None,
        }
    }
}

pub(super) fn is_visibility_timeout(timeout: Duration) -> bool {
    !timeout.is_zero() && timeout <= QueueOptions::MAX_VISIBILITY_TIMEOUT
}
