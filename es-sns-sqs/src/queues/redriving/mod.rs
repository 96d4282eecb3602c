//! Moving dead letters back to the queues that gave them up.
//!
//! SQS cannot look for messages, nor move some of them: letters are received, those that are asked for are
//! sent to their queues and deleted here, in this order, and the others are given back.

use aws_sdk_sqs::types::{MessageAttributeValue, SendMessageBatchRequestEntry};
use aws_smithy_types::error::operation::BuildError;
use es_core::{MessageId, QueueName, ReceivedMessage, Redrive, Result};

use self::letters::Letters;
use self::move_task::MovedByTheService;
use super::SqsQueues;
use super::receiving::TypedAttributes;
use crate::batch::{self, Checked};
use crate::fifo_ids;

mod letters;
mod move_task;

impl SqsQueues {
    pub(super) async fn redrive_messages(
        &self,
        dead_letters: &QueueName,
        redrive: &Redrive,
    ) -> Result<u64> {
        let known = self.known(dead_letters).await?;
        let mut by_the_service = 0;
        if *redrive == Redrive::all() {
            match self.move_by_the_service(dead_letters, &known).await? {
                MovedByTheService::All(moved) => return Ok(moved),
                MovedByTheService::Some(moved) => by_the_service = moved,
            }
        }
        let mut letters = Letters::of(self, dead_letters, redrive);
        let moved = letters.redrive().await;
        // Also when something failed; what cannot be given back comes back by itself.
        let given_back = letters.give_back().await;
        let moved = moved?;
        given_back.map(|()| by_the_service.saturating_add(moved))
    }

    /// Sends letters to the queue that gave them up, and tells which of them it has.
    async fn send_again(
        &self,
        queue: &QueueName,
        letters: &[Letter],
    ) -> Result<Vec<Result<MessageId>>> {
        let known = self.known(queue).await?;
        let entry = |n: usize| Some(self.repetition(n, letters.get(n)?));
        let checked = letters.iter().map(|letter| Checked { size: Ok(letter.size()) });
        let max_bytes = self.shared.options.max_request_bytes;
        batch::send(checked, max_bytes, |entries| {
            let request: Result<Vec<_>, _> = entries.iter().filter_map(|n| entry(*n)).collect();
            self.send_entries(queue, &known, entries, request)
        })
        .await
    }

    fn repetition(
        &self,
        n: usize,
        letter: &Letter,
    ) -> Result<SendMessageBatchRequestEntry, BuildError> {
        let Letter { message, attributes } = letter;
        let own = message.deduplication_id.as_deref();
        let deduplication_id = message
            .group
            .is_some()
            .then(|| fifo_ids::of_repetition(own, &*self.shared.options.entropy));
        SendMessageBatchRequestEntry::builder()
            .id(n.to_string())
            .message_body(&message.body)
            .set_message_attributes(Some(attributes.clone()))
            .set_message_group_id(message.group.clone())
            .set_message_deduplication_id(deduplication_id)
            .build()
    }
}

/// A message that was received from a dead-letter queue.
struct Letter {
    message: ReceivedMessage,
    attributes: TypedAttributes,
}

impl Letter {
    /// Its bytes, as SQS counts them.
    fn size(&self) -> usize {
        let attribute = |(name, value): (&String, &MessageAttributeValue)| {
            let text = value.string_value.as_ref().map_or(0, String::len);
            let binary = value.binary_value.as_ref().map_or(0, |bytes| bytes.as_ref().len());
            name.len() + value.data_type.len() + text + binary
        };
        self.message.body.len() + self.attributes.iter().map(attribute).sum::<usize>()
    }
}
