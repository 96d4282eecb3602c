//! From a record of the event to a message as a queue gives it.

use std::collections::BTreeMap;

use aws_lambda_events::sqs::{SqsMessage, SqsMessageAttribute};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use es_core::{MessageId, ReceiptHandle, ReceivedMessage, Timestamp};
use serde_json::value::RawValue;

use crate::batch;

/// The message that a record is, or why it is none.
pub(super) fn message(record: &RawValue, now: Timestamp) -> Result<ReceivedMessage, String> {
    let record: SqsMessage = batch::read(record)?;
    let id = record.message_id.filter(|id| !id.is_empty()).ok_or("it has no message id")?;
    let body = record.body.ok_or("it has no body")?;
    let system = record.attributes;
    let time = |name: &str| {
        let millis = system.get(name)?.parse().ok()?;
        Timestamp::from_millisecond(millis).ok()
    };
    // Queues that are no FIFO queues have groups too, for fairness; those have no order.
    let is_fifo = record.event_source_arn.is_some_and(|arn| arn.ends_with(".fifo"));
    let of_fifo = |name: &str| is_fifo.then(|| system.get(name).map(String::as_str)).flatten();
    let count = system.get("ApproximateReceiveCount");
    Ok(ReceivedMessage {
        id: MessageId::from_stored(&id),
        receipt: ReceiptHandle::from_stored(&record.receipt_handle.unwrap_or_default()),
        body,
        attributes: texts(&record.message_attributes),
        group: of_fifo("MessageGroupId").map(str::to_owned),
        deduplication_id: of_fifo("MessageDeduplicationId")
            .and_then(es_sns_sqs::own_deduplication_id)
            .map(str::to_owned),
        sent_at: time("SentTimestamp").unwrap_or(now),
        first_received_at: time("ApproximateFirstReceiveTimestamp").unwrap_or(now),
        receive_count: count.and_then(|count| count.parse().ok()).unwrap_or(1),
        moved_by_policy: system.contains_key("DeadLetterQueueSourceArn"),
        dead_letter_source: None,
    })
}

/// Attributes as the queue's own receives give them: what is binary as base64.
fn texts(
    attributes: &std::collections::HashMap<String, SqsMessageAttribute>,
) -> BTreeMap<String, String> {
    let text = |value: &SqsMessageAttribute| {
        let binary = || value.binary_value.as_ref().map(|bytes| STANDARD.encode(&bytes.0));
        value.string_value.clone().or_else(binary)
    };
    attributes.iter().filter_map(|(name, value)| Some((name.clone(), text(value)?))).collect()
}
