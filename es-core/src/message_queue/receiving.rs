//! Receiving: what is asked for, and what comes.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::options::is_visibility_timeout;
use super::{MAX_BATCH, MessageId, QueueName, QueueOptions};
use crate::clock::Timestamp;
use crate::entropy::Entropy;
use crate::error::{Error, Result};

/// What a receive asks for.
///
/// ```
/// use std::time::Duration;
/// use es_core::ReceiveOptions;
///
/// // Up to ten messages; wait up to 20 s for the first; hold them for a minute.
/// let options = ReceiveOptions::up_to(10)
///     .wait(Duration::from_secs(20))
///     .visibility_timeout(Duration::from_secs(60));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReceiveOptions {
    /// The most messages, 1 to [`MAX_BATCH`]. Fewer come when there are fewer, and may come when
    /// there are not: a service looks at a part of its servers at a time.
    pub max_messages: usize,
    /// How long to wait for the first message, at most [`MAX_WAIT`](Self::MAX_WAIT): a long poll.
    /// Zero looks once.
    pub wait: Duration,
    /// How long the messages are invisible to others, more than zero and at most 12 hours; `None` for
    /// the queue's own timeout.
    pub visibility_timeout: Option<Duration>,
}

impl ReceiveOptions {
    /// The longest wait: 20 seconds, that of SQS.
    pub const MAX_WAIT: Duration = Duration::from_secs(20);

    /// Up to `max_messages` messages that are there now, invisible for the queue's timeout.
    pub fn up_to(max_messages: usize) -> Self {
        Self { max_messages, wait: Duration::ZERO, visibility_timeout: None }
    }

    /// Sets how long to wait for the first message.
    #[must_use]
    pub fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// Sets how long the messages are invisible to others.
    #[must_use]
    pub fn visibility_timeout(mut self, timeout: Duration) -> Self {
        self.visibility_timeout = Some(timeout);
        self
    }

    /// Whether it can be asked for. For stores.
    ///
    /// # Errors
    ///
    /// [`Error::Misuse`].
    pub fn check(&self) -> Result<()> {
        if !(1..=MAX_BATCH).contains(&self.max_messages) {
            let asked = self.max_messages;
            let message = format!("a receive gives 1 to {MAX_BATCH} messages, {asked} were asked");
            return Err(Error::Misuse(message));
        }
        if self.wait > Self::MAX_WAIT {
            let (asked, limit) = (self.wait, Self::MAX_WAIT);
            let message = format!("a receive waits up to {limit:?}, {asked:?} were asked");
            return Err(Error::Misuse(message));
        }
        self.visibility_timeout.map_or(Ok(()), check_visibility_timeout)
    }
}

impl Default for ReceiveOptions {
    /// As many as a receive gives, of what is there now.
    fn default() -> Self {
        Self::up_to(MAX_BATCH)
    }
}

fn check_visibility_timeout(timeout: Duration) -> Result<()> {
    if is_visibility_timeout(timeout) {
        return Ok(());
    }
    let message = format!("a visibility timeout is more than zero and up to 12 h, not {timeout:?}");
    Err(Error::Misuse(message))
}

/// Whether a message that was received at `received_at` can be hidden until `until`. For stores.
///
/// # Errors
///
/// [`Error::HeldTooLong`].
pub fn check_hold(queue: &QueueName, received_at: Timestamp, until: Timestamp) -> Result<()> {
    let limit = QueueOptions::MAX_VISIBILITY_TIMEOUT;
    let held = until.duration_since(received_at);
    if held.is_positive() && held.unsigned_abs() > limit {
        return Err(Error::HeldTooLong { queue: queue.clone(), limit });
    }
    Ok(())
}

/// Whether a hold can be extended by this. For stores.
///
/// # Errors
///
/// [`Error::Misuse`] for zero, which would give the message back and keep the receipt.
pub fn check_extension(timeout: Duration) -> Result<()> {
    if timeout.is_zero() {
        return Err(Error::Misuse("a message is given back by a release".to_owned()));
    }
    Ok(())
}

/// A message in the hands of a receiver.
#[derive(Clone, PartialEq, Eq)]
pub struct ReceivedMessage {
    /// Its identity.
    pub id: MessageId,
    /// What extends, releases and acknowledges it, until it is received again.
    pub receipt: ReceiptHandle,
    /// The text, as it was sent.
    pub body: String,
    /// What stands beside it, as it was sent.
    pub attributes: BTreeMap<String, String>,
    /// Its group, on a FIFO queue.
    pub group: Option<String>,
    /// Its deduplication id, if it was sent with one: a key for idempotent receivers.
    pub deduplication_id: Option<String>,
    /// When it was sent; when it was moved back, if it was [redriven](super::MessageQueue::redrive).
    pub sent_at: Timestamp,
    /// When it was received for the first time.
    pub first_received_at: Timestamp,
    /// How often it was received from this queue, this time included.
    pub receive_count: u32,
    /// Whether a redrive policy moved it here.
    pub moved_by_policy: bool,
    /// The queue that gave it up, if a redrive policy moved it here and that queue has a name here.
    pub dead_letter_source: Option<QueueName>,
}

impl fmt::Debug for ReceivedMessage {
    /// Without what is in it and its receipt: they do not belong into logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceivedMessage")
            .field("id", &self.id)
            .field("bytes", &self.body.len())
            .field("attributes", &self.attributes.len())
            .field("sent_at", &self.sent_at)
            .field("receive_count", &self.receive_count)
            .finish_non_exhaustive()
    }
}

/// Names one receive of one message. Each receive gives a new one, so that a receiver which was too
/// slow cannot touch what somebody else has received since.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReceiptHandle(Arc<str>);

impl ReceiptHandle {
    /// A new receipt for the message at `place`, a number of the store's own. For stores.
    pub fn generate(place: u64, entropy: &dyn Entropy) -> Self {
        Self(format!("{place}.{:016x}", entropy.next_u64()).into())
    }

    /// The receipt that a store has kept, or a service has given.
    pub fn from_stored(receipt: &str) -> Self {
        Self(receipt.into())
    }

    /// The place that the receipt was [generated](Self::generate) for. For stores.
    pub fn place(&self) -> Option<u64> {
        self.0.split_once('.')?.0.parse().ok()
    }

    /// The receipt as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ReceiptHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ReceiptHandle {
    /// Without what it is: who has it can take the message away.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReceiptHandle(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SystemEntropy;

    #[test]
    fn what_no_receive_gives_is_refused() {
        let second = Duration::from_secs(1);
        let hours = |n: u64| Duration::from_secs(n * 60 * 60);
        let fine = ReceiveOptions::up_to(10).wait(20 * second).visibility_timeout(hours(12));
        assert!(fine.check().is_ok());
        let refused = [
            ReceiveOptions::up_to(0),
            ReceiveOptions::up_to(11),
            fine.wait(20 * second + Duration::from_nanos(1)),
            fine.visibility_timeout(Duration::ZERO),
            fine.visibility_timeout(hours(12) + second),
        ];
        for options in refused {
            assert!(matches!(options.check(), Err(Error::Misuse(_))), "{options:?}");
        }
    }

    #[test]
    fn a_receipt_knows_its_place() {
        let receipt = ReceiptHandle::generate(7, &SystemEntropy);
        assert_eq!(receipt.place(), Some(7));
        assert_ne!(receipt, ReceiptHandle::generate(7, &SystemEntropy));
        for text in ["", "7", ".", "-1.x", "x.7", "99999999999999999999.x"] {
            assert_eq!(ReceiptHandle::from_stored(text).place(), None, "{text:?}");
        }
    }
}
