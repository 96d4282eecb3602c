//! What is looked at before the first receive: whether queue, dead letters and consumer fit together.

use std::sync::Arc;

use super::QueueConsumer;
use crate::dead_letter_queue::DeadLetterQueue;
use crate::error::{Error, Result};
use crate::message_queue::QueueName;

impl QueueConsumer {
    /// Whether the queue itself moves what was received too often.
    pub(super) async fn redrives(&self) -> Result<bool> {
        let (consumer, queue) = (&self.name, &self.queue);
        let options = match self.queues.options(queue).await {
            Ok(options) => options,
            Err(error) if error.is_transient() || matches!(error, Error::NoSuchQueue { .. }) => {
                return Err(error);
            }
            // It may be received from all the same.
            Err(error) => {
                let cause = &error as &dyn std::error::Error;
                tracing::warn!(%consumer, %queue, cause, "the options of the queue cannot be read");
                return Ok(false);
            }
        };
        self.check_room_of_dead_letters(options.max_message_size).await;
        let redrive_policy = options.redrive_policy;
        match (&self.dead_letters, &redrive_policy) {
            (None, None) => tracing::warn!(
                %consumer, %queue, "there are no dead letters: what fails comes again until the \
                queue's retention is over"
            ),
            (Some(_), Some(policy)) if policy.max_receive_count <= self.max_attempts => {
                tracing::warn!(
                    %consumer, %queue, policy.max_receive_count, self.max_attempts,
                    "the queue gives messages up before the consumer does, without a reason"
                );
            }
            _ => {}
        }
        if let Some(policy) = &redrive_policy
            && !queue.is_fifo()
        {
            self.check_retention_of(&policy.dead_letter_queue).await;
        }
        Ok(redrive_policy.is_some())
    }

    /// Warns of dead letters that are to be smaller than the messages.
    async fn check_room_of_dead_letters(&self, max_message_size: usize) {
        let Some(dead_letters) = &self.dead_letters else { return };
        // Where that cannot be read, the first dead letter tells.
        let Ok(options) = self.queues.options(dead_letters).await else { return };
        if options.max_message_size < max_message_size {
            tracing::warn!(
                consumer = %self.name, queue = %self.queue, %dead_letters,
                "the dead-letter queue takes only smaller messages than the queue: what does not fit \
                there comes again until its retention is over"
            );
        }
    }

    /// Warns of dead letters that a policy moves and that are forgotten no later than the messages: on a
    /// standard queue of SQS their time goes on.
    async fn check_retention_of(&self, dead_letters: &QueueName) {
        let dead_letters = DeadLetterQueue::new(Arc::clone(&self.queues), dead_letters.clone());
        if let Ok(Some(short)) = dead_letters.check_retention(&self.queue).await {
            tracing::warn!(consumer = %self.name, queue = %self.queue, "{short}");
        }
    }

    /// The same, asked until there is an answer.
    pub(super) async fn redrives_at_last(&self) -> Result<bool> {
        let mut failures = 0;
        loop {
            let error = match self.redrives().await {
                Err(error) if error.is_transient() => error,
                redrives => return redrives,
            };
            self.note_unavailable(&error);
            failures += 1;
            self.clock.sleep(Self::REQUESTS.delay(failures, &*self.entropy)).await;
        }
    }

    fn note_unavailable(&self, error: &Error) {
        let (consumer, queue) = (&self.name, &self.queue);
        let cause = error as &dyn std::error::Error;
        tracing::warn!(%consumer, %queue, cause, "the queue cannot be looked at; this is tried again");
        self.observed.is_unavailable(&error.with_causes(), self.clock.now());
    }
}
