//! Receiving.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use aws_sdk_sqs::config::timeout::TimeoutConfig;
use aws_sdk_sqs::types::{Message, MessageAttributeValue, MessageSystemAttributeName as Name};
use aws_smithy_types::base64;
use es_core::{
    MessageId, QueueName, ReceiptHandle, ReceiveOptions, ReceivedMessage, Result, Timestamp,
};

use super::{SqsQueues, rounded_up, seconds};
use crate::{fifo_ids, telemetry};

/// How long the answer to a long poll is on its way, at the most that is counted with. A poll that has
/// waited says nothing about when its messages came, and so when their holds began, but that it was
/// shortly before the answer.
const ON_ITS_WAY: Duration = Duration::from_secs(1);

impl SqsQueues {
    pub(super) async fn receive_messages(
        &self,
        queue: &QueueName,
        options: &ReceiveOptions,
    ) -> Result<Vec<ReceivedMessage>> {
        let received = self.receive_with_types(queue, options).await?;
        Ok(received.into_iter().map(|(message, _)| message).collect())
    }

    /// Messages, each with its attributes as SQS has them.
    pub(super) async fn receive_with_types(
        &self,
        queue: &QueueName,
        options: &ReceiveOptions,
    ) -> Result<Vec<(ReceivedMessage, TypedAttributes)>> {
        let known = self.known(queue).await?;
        // Always said, so that queue and program agree on it while somebody changes the queue's.
        let timeout = options.visibility_timeout.map(rounded_up);
        let timeout = timeout.unwrap_or(known.attributes.options().visibility_timeout);
        let wait = rounded_down(options.wait);
        // A receive that the SDK repeats as its answer was lost gets the same messages.
        let attempt_id =
            queue.is_fifo().then(|| format!("{:016x}", self.shared.options.entropy.next_u64()));
        let request = self
            .shared
            .client
            .receive_message()
            .queue_url(&known.url)
            .max_number_of_messages(i32::try_from(options.max_messages).unwrap_or(i32::MAX))
            .wait_time_seconds(seconds(wait))
            .visibility_timeout(seconds(timeout))
            .set_receive_request_attempt_id(attempt_id)
            .set_message_system_attribute_names(Some(SYSTEM_ATTRIBUTES.to_vec()))
            .message_attribute_names("All")
            .customize()
            .config_override(
                aws_sdk_sqs::Config::builder().timeout_config(self.timeouts_of_a_wait(wait)),
            );
        let asked = self.monotonic();
        let answer = request.send().await;
        let answer = answer.map_err(|error| self.failed("receiving from", queue, error))?;
        let since = asked.max(self.monotonic().saturating_sub(ON_ITS_WAY));
        let hold = (since, since.saturating_add(timeout));
        let messages = answer.messages.unwrap_or_default();
        let received: Vec<_> =
            messages.into_iter().filter_map(|message| self.received(queue, message)).collect();
        for (message, _) in &received {
            self.shared.holds.received(queue, &message.id, &message.receipt, hold);
        }
        let labels = [("queue", queue.to_string())];
        let count = received.len().try_into().unwrap_or(u64::MAX);
        metrics::counter!(telemetry::MESSAGES_RECEIVED, &labels).increment(count);
        Ok(received)
    }

    /// Those of the client, with the time that a receive waits on top.
    fn timeouts_of_a_wait(&self, wait: Duration) -> TimeoutConfig {
        let timeouts = self.shared.client.config().timeout_config().cloned();
        let mut longer =
            timeouts.as_ref().map_or_else(TimeoutConfig::builder, TimeoutConfig::to_builder);
        let timeouts = timeouts.unwrap_or_else(TimeoutConfig::disabled);
        let with_wait = |timeout: Option<Duration>| timeout.map(|it| it.saturating_add(wait));
        longer.set_read_timeout(with_wait(timeouts.read_timeout()));
        longer.set_operation_attempt_timeout(with_wait(timeouts.operation_attempt_timeout()));
        longer.set_operation_timeout(with_wait(timeouts.operation_timeout()));
        longer.build()
    }

    /// `None` for something without receipt or id, which SQS never gives.
    fn received(
        &self,
        queue: &QueueName,
        message: Message,
    ) -> Option<(ReceivedMessage, TypedAttributes)> {
        let now = self.shared.options.clock.now();
        let system = message.attributes.unwrap_or_default();
        let time = |name| {
            let millis = system.get(&name)?.parse().ok()?;
            Timestamp::from_millisecond(millis).ok()
        };
        let of_fifo =
            |name| queue.is_fifo().then(|| system.get(&name).map(String::as_str)).flatten();
        let count = system.get(&Name::ApproximateReceiveCount);
        let source = system.get(&Name::DeadLetterQueueSourceArn);
        let typed = message.message_attributes.unwrap_or_default();
        let message = ReceivedMessage {
            id: MessageId::from_stored(&message.message_id?),
            receipt: ReceiptHandle::from_stored(&message.receipt_handle?),
            body: message.body.unwrap_or_default(),
            attributes: texts(&typed),
            group: of_fifo(Name::MessageGroupId).map(str::to_owned),
            deduplication_id: of_fifo(Name::MessageDeduplicationId)
                .and_then(fifo_ids::own)
                .map(str::to_owned),
            sent_at: time(Name::SentTimestamp).unwrap_or(now),
            first_received_at: time(Name::ApproximateFirstReceiveTimestamp).unwrap_or(now),
            receive_count: count.and_then(|count| count.parse().ok()).unwrap_or(1),
            moved_by_policy: source.is_some(),
            dead_letter_source: source.and_then(|arn| self.named_by(arn)),
        };
        Some((message, typed))
    }
}

/// A wait in the whole seconds of SQS. Who wants a message held for longer than the wait says so in both,
/// and rounded up the wait could outlast the hold.
fn rounded_down(wait: Duration) -> Duration {
    Duration::from_secs(wait.as_secs())
}

const SYSTEM_ATTRIBUTES: [Name; 6] = [
    Name::ApproximateFirstReceiveTimestamp,
    Name::ApproximateReceiveCount,
    Name::DeadLetterQueueSourceArn,
    Name::MessageDeduplicationId,
    Name::MessageGroupId,
    Name::SentTimestamp,
];

/// Attributes with their types.
pub(super) type TypedAttributes = HashMap<String, MessageAttributeValue>;

fn texts(attributes: &TypedAttributes) -> BTreeMap<String, String> {
    let text = |value: &MessageAttributeValue| {
        let binary = || value.binary_value.as_ref().map(base64::encode);
        value.string_value.clone().or_else(binary)
    };
    attributes.iter().filter_map(|(name, value)| Some((name.clone(), text(value)?))).collect()
}
