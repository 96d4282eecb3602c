//! Messages between parts of a system: sent once, received until somebody says that they are done.

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;

use crate::error::{Error, Result};

mod message;
mod name;
mod options;
mod receiving;
mod redrive;

pub(crate) use message::is_fifo_id;
pub use message::{InvalidMessage, MessageId, NewMessage};
pub use name::QueueName;
pub(crate) use name::{check_name, is_fifo};
pub use options::{QueueOptions, RedrivePolicy};
pub use receiving::{ReceiptHandle, ReceiveOptions, ReceivedMessage, check_extension, check_hold};
pub use redrive::Redrive;

/// The most messages or receipts of one call: that of SQS.
pub const MAX_BATCH: usize = 10;

/// Durable queues of messages, shaped after Amazon SQS, so that a program is written against one
/// trait and runs on a queue in a file or on the service.
///
/// ```
/// use std::time::Duration;
///
/// use es_core::memory::MemoryQueues;
/// use es_core::{Error, MessageQueue, NewMessage, QueueName, QueueOptions, ReceiveOptions};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> es_core::Result<()> {
/// let queues = MemoryQueues::default();
/// let (orders, dead) = (QueueName::new("orders")?, QueueName::new("orders-dead")?);
/// queues.configure(&dead, QueueOptions::default()).await?;
/// queues.configure(&orders, QueueOptions::default().dead_letters(dead, 3)).await?;
///
/// let order = NewMessage::new(r#"{"order":17}"#).attribute("kind", "placed");
/// let id = queues.send(&orders, order).await?;
///
/// // A receiver takes messages, works on each, and says which are done.
/// let long_poll = ReceiveOptions::up_to(10).wait(Duration::from_secs(20));
/// for message in queues.receive(&orders, long_poll).await? {
///     assert_eq!((&message.id, message.receive_count), (&id, 1));
///     // More time than the queue's visibility timeout gives:
///     queues.extend(&orders, &message.receipt, Duration::from_secs(120)).await?;
///     queues.acknowledge(&orders, &message.receipt).await?;
///     // It is gone. Who holds the receipt has no say any more.
///     let again = queues.acknowledge(&orders, &message.receipt).await;
///     assert!(matches!(again, Err(Error::ReceiptLost { .. })));
/// }
/// # Ok(())
/// # }
/// ```
///
/// # What is promised
///
/// **At least once.** A message whose send succeeded is stored durably (as durable as the store is),
/// and comes back until it is acknowledged, becomes a dead letter, is purged, or has been in the queue
/// for its [retention](QueueOptions::retention). There is no moment in which a crash of a sender, a
/// receiver or the store takes it away. What is *not* promised is "once": a receiver that dies, or is
/// slower than the visibility timeout, leaves the message to somebody else, and its work may have been
/// done by then. A send whose answer was lost may have succeeded, and sending again makes a second
/// message, unless a FIFO queue compares deduplication ids. Receivers must be idempotent;
/// [`ReceivedMessage::id`] is the key that stays the same.
///
/// **In one hand at a time.** A receive hides its messages for the visibility timeout. Until it is
/// over nobody else receives them, from whatever process. (SQS promises this of FIFO queues; a
/// standard queue there can, rarely, give a message twice.)
///
/// **The receipt decides who has it.** Each receive of a message has a [`ReceiptHandle`] of its own,
/// and only the newest one counts: what comes with an older one is [`Error::ReceiptLost`] and changes
/// nothing. A receiver that meets it stops, as somebody else has the message or is about to. Three
/// cases are told apart:
///
/// | | while the timeout runs | when it is over, and nobody has received the message since | after that |
/// |---|---|---|---|
/// | [`extend`](Self::extend), [`release`](Self::release) | done | `ReceiptLost` | `ReceiptLost` |
/// | [`acknowledge`](Self::acknowledge) | done | done: the work is complete, and repeating it helps nobody | `ReceiptLost` |
///
/// (SQS refuses the late acknowledgement on FIFO queues. To acknowledgements with old receipts of standard
/// queues it answers success, whether they have an effect or not: a program is told `ReceiptLost` there for
/// what it has itself received again, used up or held for too long, and not when *another* process has the
/// message by now, or when it has become a dead letter or is forgotten. A receiver that acknowledges in its
/// time loses nothing by that; one that is late cannot take the success for a proof.)
///
/// **Order.** A standard queue gives messages roughly in the order of their becoming visible and
/// promises none. A FIFO queue keeps the order of each *group*: a message is given out only when every
/// earlier one of its group was acknowledged or has become a dead letter — or together with them, in
/// one receive, in order; a receiver works on those one after the other. While any message of a group
/// is in flight, the rest of the group waits, other groups flow. A message that is released or whose
/// timeout ends comes again before the later ones.
///
/// **Deduplication.** Messages to a FIFO queue with one deduplication id within
/// [five minutes](NewMessage::DEDUPLICATION) are one: the later sends answer the id of the first and
/// store nothing, also when the first was received and acknowledged meanwhile, and whatever the later
/// bodies are.
///
/// **Dead letters.** A message that was received as often as the queue's
/// [`RedrivePolicy`] allows, and would be received once more, is moved to the dead-letter queue
/// instead, in one step with that receive: it is in one of the two queues at any moment. It keeps
/// its id, body, attributes, group and times; it says [where it came
/// from](ReceivedMessage::dead_letter_source); its receive count and its retention begin anew (a
/// standard queue of SQS goes on counting the retention from the first send: give the dead-letter queue
/// there the longer one). As the step is taken by a receive, a queue that nobody receives from gives
/// nothing up.
///
/// **Time** is the clock of whoever is asked: all processes on a store should agree on it to less
/// than the visibility timeout. Where they do not, or a clock jumps, messages come early or late and
/// perhaps twice; receipts still let only one receiver complete. Durations are taken to the
/// microsecond here and rounded up to seconds by SQS.
///
/// # For those who implement it
///
/// What is asked can be checked with what is here: [`QueueOptions::check`], [`NewMessage::check`],
/// [`ReceiveOptions::check`], [`check_batch`](crate::check_batch),
/// [`check_extension`](crate::check_extension), [`check_hold`](crate::check_hold).
/// The suite `es_core::testing::conformance::message_queue` holds any implementation to this.
#[async_trait]
pub trait MessageQueue: Debug + Send + Sync + 'static {
    /// Makes sure that there is a queue of this name and that it is set up so. For a queue that exists
    /// new options take effect at once: a changed timeout or delay for messages received or sent from
    /// then on, the rest for those that are there, too.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidQueueOptions`], also when the dead-letter queue does not exist.
    async fn configure(&self, queue: &QueueName, options: QueueOptions) -> Result<()>;

    /// How the queue is set up.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchQueue`].
    async fn options(&self, queue: &QueueName) -> Result<QueueOptions>;

    /// Sends a message and returns its id. It is durable then.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidMessage`] and [`Error::NoSuchQueue`]: nothing was sent.
    /// [`Error::Unavailable`]: it may have been sent.
    async fn send(&self, queue: &QueueName, message: NewMessage) -> Result<MessageId> {
        match self.send_batch(queue, vec![message]).await?.pop() {
            Some(sent) => sent,
            None => Err(no_answer("a send", queue)),
        }
    }

    /// Sends up to [`MAX_BATCH`] messages, each for itself: the results are in the order of the
    /// messages, and some can fail while others are sent. On a FIFO queue the messages have the order
    /// of the batch; when one fails, later ones of its group may have been sent.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchQueue`], and [`Error::Misuse`] for a batch that is empty or too large: nothing
    /// was sent. [`Error::Unavailable`]: some or all may have been sent.
    async fn send_batch(
        &self,
        queue: &QueueName,
        messages: Vec<NewMessage>,
    ) -> Result<Vec<Result<MessageId>>>;

    /// Receives messages and hides them from others. An empty list when there are none, after the
    /// wait that was asked for.
    ///
    /// A receive whose future is dropped may have taken messages: they come back after their
    /// visibility timeout.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchQueue`], [`Error::Misuse`] for options that are out of range,
    /// [`Error::Unavailable`].
    async fn receive(
        &self,
        queue: &QueueName,
        options: ReceiveOptions,
    ) -> Result<Vec<ReceivedMessage>>;

    /// Hides a message for `visibility_timeout` from now: the heartbeat of work that takes long, and
    /// with a shorter time than is left, the opposite.
    ///
    /// # Errors
    ///
    /// - [`Error::ReceiptLost`]: the message is not in flight under this receipt any more.
    /// - [`Error::HeldTooLong`]: it would be hidden for longer than
    ///   [12 hours](QueueOptions::MAX_VISIBILITY_TIMEOUT) in all, counted from its receive; it stays
    ///   hidden as long as before.
    /// - [`Error::Misuse`]: the timeout is zero (see [`release`](Self::release)).
    async fn extend(
        &self,
        queue: &QueueName,
        receipt: &ReceiptHandle,
        visibility_timeout: Duration,
    ) -> Result<()>;

    /// [Extends](Self::extend) up to [`MAX_BATCH`] holds, each for itself: the results are in the order
    /// of the receipts. The default extends one after the other.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchQueue`], and [`Error::Misuse`] for a batch that is empty or too large: no hold
    /// was extended. [`Error::Unavailable`]: some or all may have been.
    async fn extend_batch(
        &self,
        queue: &QueueName,
        holds: &[(ReceiptHandle, Duration)],
    ) -> Result<Vec<Result<()>>> {
        check_batch(holds.len())?;
        let mut extended = Vec::with_capacity(holds.len());
        for (receipt, timeout) in holds {
            extended.push(each_for_itself(self.extend(queue, receipt, *timeout).await)?);
        }
        Ok(extended)
    }

    /// Says that the work on a message is done: it never comes again. When this returns, that is
    /// durable.
    ///
    /// # Errors
    ///
    /// [`Error::ReceiptLost`]: somebody has received the message since, or it was acknowledged,
    /// released, purged or moved.
    async fn acknowledge(&self, queue: &QueueName, receipt: &ReceiptHandle) -> Result<()> {
        match self.acknowledge_batch(queue, std::slice::from_ref(receipt)).await?.pop() {
            Some(acknowledged) => acknowledged,
            None => Err(no_answer("an acknowledgement", queue)),
        }
    }

    /// Acknowledges up to [`MAX_BATCH`] messages, each for itself: the results are in the order of
    /// the receipts.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchQueue`], and [`Error::Misuse`] for a batch that is empty or too large: nothing
    /// was acknowledged. [`Error::Unavailable`]: some or all may have been.
    async fn acknowledge_batch(
        &self,
        queue: &QueueName,
        receipts: &[ReceiptHandle],
    ) -> Result<Vec<Result<()>>>;

    /// Gives a message back, to be received again after `delay`, which is how a receiver backs off;
    /// zero: at once. The receipt is used up. On a FIFO queue its group waits for it.
    ///
    /// # Errors
    ///
    /// [`Error::ReceiptLost`] and [`Error::HeldTooLong`], as [`extend`](Self::extend).
    async fn release(
        &self,
        queue: &QueueName,
        receipt: &ReceiptHandle,
        delay: Duration,
    ) -> Result<()>;

    /// [Releases](Self::release) up to [`MAX_BATCH`] messages, each for itself: the results are in the
    /// order of the receipts. The default releases one after the other.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchQueue`], and [`Error::Misuse`] for a batch that is empty or too large: nothing
    /// was released. [`Error::Unavailable`]: some or all may have been.
    async fn release_batch(
        &self,
        queue: &QueueName,
        releases: &[(ReceiptHandle, Duration)],
    ) -> Result<Vec<Result<()>>> {
        check_batch(releases.len())?;
        let mut released = Vec::with_capacity(releases.len());
        for (receipt, delay) in releases {
            released.push(each_for_itself(self.release(queue, receipt, *delay).await)?);
        }
        Ok(released)
    }

    /// Moves dead letters back to the queues that gave them up, oldest first, and returns how many.
    /// Each is moved in one step. There it is as if sent now, behind what is there: it is visible at
    /// once, its receive count begins anew, and so do its retention and its times. It keeps body,
    /// attributes and group, and its id where the implementation can (SQS gives it a new one).
    ///
    /// Messages in flight are left where they are, and so are those that were sent to this queue and
    /// not given up by another.
    ///
    /// (On SQS a move is a send and a delete: a crash in between leaves the message in both queues. What is
    /// left was received, and [`Redrive::until`] goes by when a message was sent.)
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchQueue`]. [`Error::Unavailable`]: some may have been moved.
    async fn redrive(&self, dead_letters: &QueueName, redrive: Redrive) -> Result<u64>;

    /// Removes all messages of the queue, also those in flight. Deduplication ids stay known. (SQS takes up to
    /// a minute for it, and can be asked once a minute.)
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchQueue`], [`Error::Unavailable`].
    async fn purge(&self, queue: &QueueName) -> Result<()>;

    /// How many messages the queue has, for health checks and scaling. A service gives approximate
    /// numbers.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchQueue`], [`Error::Unavailable`].
    async fn counts(&self, queue: &QueueName) -> Result<QueueCounts>;

    /// Does to messages that somebody else has received, as the pollers of AWS Lambda do, what a receive through
    /// this queue does: queues that keep large bodies elsewhere fetch them, within about `time_limit`. Others have
    /// nothing to do.
    ///
    /// The answers are in the order of the messages. A message without a body that can ever be had stays as it is,
    /// and is no error, as in a receive.
    ///
    /// # Errors
    ///
    /// Each for itself, when a body cannot be had for now: the message must not be handled, and has to come again.
    async fn make_whole(
        &self,
        queue: &QueueName,
        messages: &mut [ReceivedMessage],
        time_limit: Duration,
    ) -> Vec<Result<()>> {
        let _ = (queue, time_limit);
        messages.iter().map(|_| Ok(())).collect()
    }

    /// How many bytes of a request the message takes, of which a request has a limited number. That is its
    /// [size](NewMessage::size), unless its body is kept elsewhere.
    fn size_of(&self, message: &NewMessage) -> usize {
        message.size()
    }
}

/// How many messages a queue has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct QueueCounts {
    /// Those that can be received now. On a FIFO queue also those whose group is blocked.
    pub visible: u64,
    /// Those that were received and hidden, and are not acknowledged yet.
    pub in_flight: u64,
    /// Those that nobody holds and whose delay runs. SQS counts a message that was released with a
    /// delay as in flight.
    pub delayed: u64,
}

/// Whether a batch has a length that is taken. For stores.
///
/// # Errors
///
/// [`Error::Misuse`].
pub fn check_batch(len: usize) -> Result<()> {
    if (1..=MAX_BATCH).contains(&len) {
        return Ok(());
    }
    Err(Error::Misuse(format!("a batch has 1 to {MAX_BATCH} entries, not {len}")))
}

/// Of the result for one entry, what concerns the whole batch.
fn each_for_itself(result: Result<()>) -> Result<Result<()>> {
    match result {
        Err(error @ (Error::NoSuchQueue { .. } | Error::Unavailable { .. })) => Err(error),
        result => Ok(result),
    }
}

fn no_answer(what: &str, queue: &QueueName) -> Error {
    Error::Backend {
        what: format!("{what} on queue {queue}"),
        source: "the store gave no answer for the only entry of a batch".into(),
    }
}
