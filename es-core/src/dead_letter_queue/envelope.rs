//! What stands beside the body of a dead letter.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::DeadLetterReason;
use crate::clock::Timestamp;
use crate::dead_letter::Failure;
use crate::message_queue::{NewMessage, QueueName, ReceivedMessage};

/// The attribute that a consumer writes, as JSON. The body stays byte for byte what it was.
///
/// It has the original attributes in it, so that a dead letter has one attribute, however many the
/// message had: a queue takes ten.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Envelope {
    pub(super) consumer: String,
    pub(super) queue: String,
    pub(super) message_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) group: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) deduplication_id: Option<String>,
    pub(super) reason: DeadLetterReason,
    pub(super) error: String,
    pub(super) attempts: u32,
    pub(super) sent_at: Timestamp,
    pub(super) first_received_at: Timestamp,
    pub(super) dead_lettered_at: Timestamp,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) attributes: BTreeMap<String, String>,
}

impl fmt::Debug for Envelope {
    /// Without the error and the attributes, which may say what was in the message.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Envelope")
            .field("consumer", &self.consumer)
            .field("queue", &self.queue)
            .field("message_id", &self.message_id)
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}

/// Why a message is given up.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct GivenUp {
    pub(crate) reason: DeadLetterReason,
    pub(crate) error: String,
    pub(crate) attempts: u32,
}

impl fmt::Debug for GivenUp {
    /// Without the error, which may say what was in the message.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GivenUp")
            .field("reason", &self.reason)
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}

impl Envelope {
    /// The name of the attribute.
    pub(super) const ATTRIBUTE: &'static str = "deadletter";

    /// The lengths to which the error is cut, the later ones where there is no room for more.
    pub(crate) const ERROR_LENGTHS: [usize; 3] = [Failure::MAX_ERROR_LEN, 256, 0];

    pub(crate) fn new(
        consumer: &str,
        queue: &QueueName,
        message: &ReceivedMessage,
        given_up: &GivenUp,
        now: Timestamp,
    ) -> Self {
        Self {
            consumer: consumer.to_owned(),
            queue: queue.to_string(),
            message_id: message.id.to_string(),
            group: message.group.clone(),
            deduplication_id: message.deduplication_id.clone(),
            reason: given_up.reason.clone(),
            error: given_up.error.clone(),
            attempts: given_up.attempts,
            sent_at: message.sent_at,
            first_received_at: message.first_received_at,
            dead_lettered_at: now,
            attributes: message.attributes.clone(),
        }
    }

    /// What a dead letter says about itself, if a consumer wrote it. One that a redrive policy moved was
    /// written by a producer, who does not say where an operator sends it.
    pub(super) fn of(message: &ReceivedMessage) -> Option<Self> {
        if message.moved_by_policy {
            return None;
        }
        serde_json::from_str(message.attributes.get(Self::ATTRIBUTE)?).ok()
    }

    /// The dead letter for `queue`, with an error of up to `error_len` bytes.
    pub(crate) fn message(&self, body: &str, queue: &QueueName, error_len: usize) -> NewMessage {
        let mut envelope = self.clone();
        // Legal in JSON, and not in a message.
        envelope.error = envelope.error.replace(['\u{FFFE}', '\u{FFFF}'], "\u{FFFD}");
        envelope.error.truncate(envelope.error.floor_char_boundary(error_len));
        // It is texts, numbers and times: there is nothing in it that JSON does not have.
        let json = serde_json::to_string(&envelope).unwrap_or_default();
        let message = NewMessage::new(body).attribute(Self::ATTRIBUTE, json);
        if !queue.is_fifo() {
            return message;
        }
        // Sent again after a crash it is the same letter, and not when the message was redriven since.
        let id = format!("{}.{}", self.message_id, self.sent_at.as_microsecond());
        let group = self.group.clone().unwrap_or_else(|| self.message_id.clone());
        message.group(group).deduplication_id(id)
    }
}
