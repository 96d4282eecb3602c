//! Where records go that cannot be read.

use std::fmt;
use std::sync::Arc;

use es_core::{Error, InvalidMessage, MessageQueue, NewMessage, QueueName};
use serde_json::json;

use super::Place;

/// The queue that takes records which cannot be read. They are no commits, so they have no place among the
/// [dead letters](es_core::DeadLetter) of the consumer, and no messages, so no queue is where they came from: a letter
/// is an event with one record, which its function takes again.
#[derive(Clone)]
pub(super) struct DeadRecords {
    queues: Arc<dyn MessageQueue>,
    queue: QueueName,
}

impl DeadRecords {
    pub(super) fn to(queues: Arc<dyn MessageQueue>, queue: QueueName) -> Self {
        Self { queues, queue }
    }

    /// Sends an event with the record as it came; when the queue does not take it, as it is too large, where it is to be found.
    /// Whether that succeeded.
    pub(super) async fn bury(&self, consumer: &str, place: &Place<'_>, error: &Error) -> bool {
        let whole = format!(r#"{{"Records":[{}]}}"#, place.record.get());
        let mut sent =
            self.queues.send(&self.queue, self.letter(consumer, place, error, whole)).await;
        if matches!(&sent, Err(Error::InvalidMessage { source, .. }) if !matches!(source, InvalidMessage::TooManyAttributes { .. }))
        {
            let reference =
                json!({ "shard": place.shard, "sequenceNumber": place.sequence_number });
            let letter = self.letter(consumer, place, error, reference.to_string());
            sent = self.queues.send(&self.queue, letter).await;
        }
        if let Err(error) = &sent {
            let cause = error as &dyn std::error::Error;
            tracing::error!(consumer, queue = %self.queue, cause, "a dead record could not be sent; it comes again");
        }
        sent.is_ok()
    }

    fn letter(&self, consumer: &str, place: &Place<'_>, error: &Error, body: String) -> NewMessage {
        let mut reason = error.with_causes();
        reason.truncate(reason.floor_char_boundary(1_024));
        let letter = NewMessage::new(body)
            .attribute("consumer", consumer)
            .attribute("reason", "undecodable")
            .attribute("error", reason);
        let Some(number) = place.sequence_number.as_deref().filter(|_| self.queue.is_fifo()) else {
            return match self.queue.is_fifo() {
                true => letter.group("unknown"),
                false => letter,
            };
        };
        // The same record again, after an answer that was lost, is the same letter.
        letter.group("records").deduplication_id(number)
    }
}

impl fmt::Debug for DeadRecords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadRecords").field("queue", &self.queue).finish_non_exhaustive()
    }
}
