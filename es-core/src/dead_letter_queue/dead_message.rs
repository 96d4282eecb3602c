use std::collections::BTreeMap;
use std::fmt;

use super::DeadLetterReason;
use super::envelope::Envelope;
use crate::clock::Timestamp;
use crate::incoming::{Incoming, Undecodable};
use crate::message_queue::{MessageId, NewMessage, QueueName, ReceivedMessage};

/// A message that could not be handled, as it was when it was sent, and what became of it.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeadMessage {
    /// Its identity in the dead-letter queue.
    pub id: MessageId,
    /// The queue that it was in, if that is known.
    pub origin: Option<QueueName>,
    /// Its identity there.
    pub message_id: MessageId,
    /// The text, as it was sent.
    pub body: String,
    /// What stood beside it, as it was sent.
    pub attributes: BTreeMap<String, String>,
    /// Its group, on a FIFO queue.
    pub group: Option<String>,
    /// Its deduplication id, if it was sent with one.
    pub deduplication_id: Option<String>,
    /// When it was sent, or redriven.
    pub sent_at: Timestamp,
    /// How it failed, if a consumer sent it here. A redrive policy does not say.
    pub failure: Option<MessageFailure>,
    /// How often it was received in the dead-letter queue, also by looking at it.
    pub receive_count: u32,
}

/// How a message failed.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MessageFailure {
    /// The consumer that gave it up.
    pub consumer: String,
    /// Why.
    pub reason: DeadLetterReason,
    /// The last error, with its causes, cut after
    /// [`Failure::MAX_ERROR_LEN`](crate::Failure::MAX_ERROR_LEN) bytes, and earlier where the message
    /// leaves less room.
    pub error: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was received for the first time.
    pub first_received_at: Timestamp,
    /// When it was given up, after the last attempt.
    pub at: Timestamp,
}

impl fmt::Debug for MessageFailure {
    /// Without the error, which may say what was in the message.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageFailure")
            .field("consumer", &self.consumer)
            .field("reason", &self.reason)
            .field("attempts", &self.attempts)
            .field("first_received_at", &self.first_received_at)
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

impl DeadMessage {
    /// What is in a dead-letter queue: the letter of a consumer, or a message that was moved there as it
    /// was.
    pub(super) fn of(received: &ReceivedMessage) -> Self {
        let received = received.clone();
        let Some(envelope) = Envelope::of(&received) else {
            return Self {
                id: received.id.clone(),
                origin: received.dead_letter_source,
                message_id: received.id,
                body: received.body,
                attributes: received.attributes,
                group: received.group,
                deduplication_id: received.deduplication_id,
                sent_at: received.sent_at,
                failure: None,
                receive_count: received.receive_count,
            };
        };
        Self {
            id: received.id,
            origin: QueueName::new(&envelope.queue).ok(),
            message_id: MessageId::from_stored(&envelope.message_id),
            body: received.body,
            attributes: envelope.attributes,
            group: envelope.group,
            deduplication_id: envelope.deduplication_id,
            sent_at: envelope.sent_at,
            failure: Some(MessageFailure {
                consumer: envelope.consumer,
                reason: envelope.reason,
                error: envelope.error,
                attempts: envelope.attempts,
                first_received_at: envelope.first_received_at,
                at: envelope.dead_lettered_at,
            }),
            receive_count: received.receive_count,
        }
    }

    /// What came in it, as a handler gets it.
    ///
    /// # Errors
    ///
    /// [`Undecodable`], which may be what it is here for.
    pub fn incoming(&self) -> Result<Vec<Incoming>, Undecodable> {
        Incoming::of(&ReceivedMessage {
            id: self.message_id.clone(),
            receipt: crate::message_queue::ReceiptHandle::from_stored(""),
            body: self.body.clone(),
            attributes: self.attributes.clone(),
            group: self.group.clone(),
            deduplication_id: self.deduplication_id.clone(),
            sent_at: self.sent_at,
            first_received_at: self.sent_at,
            receive_count: self.receive_count,
            moved_by_policy: self.failure.is_none(),
            dead_letter_source: self.origin.clone(),
        })
    }

    /// When it died; when it was sent, where nobody says.
    pub(super) fn died_at(&self) -> Timestamp {
        self.failure.as_ref().map_or(self.sent_at, |failure| failure.at)
    }

    /// The message as it goes back, with this body.
    pub(super) fn sent_again(&self, origin: &QueueName, body: String) -> NewMessage {
        let mut message = NewMessage::new(body);
        message.attributes = self.attributes.clone();
        if origin.is_fifo() {
            let group = self.group.clone().unwrap_or_else(|| self.message_id.to_string());
            // Not the id that it had, under which the queue may still know it. After a crash it is the
            // same again.
            let id = format!("{}.{}", self.id, self.died_at().as_microsecond());
            return message.group(group).deduplication_id(id);
        }
        message
    }
}

impl fmt::Debug for DeadMessage {
    /// Without what is in it: that does not belong into logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadMessage")
            .field("id", &self.id)
            .field("origin", &self.origin)
            .field("message_id", &self.message_id)
            .field("reason", &self.failure.as_ref().map(|failure| &failure.reason))
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}
