//! The names of the metrics that this backend emits. The labels `queue` and `topic` are names without the
//! prefix.

/// Counter: requests, each counted once however often it was sent. Labels: `service` (SQS or SNS),
/// `operation` (as SendMessageBatch).
pub const REQUESTS: &str = "es_sns_sqs_requests_total";
/// Counter: messages that a queue has taken. Label: `queue`.
pub const MESSAGES_SENT: &str = "es_sns_sqs_messages_sent_total";
/// Counter: messages that a topic has taken. Label: `topic`.
pub const MESSAGES_PUBLISHED: &str = "es_sns_sqs_messages_published_total";
/// Counter: messages that were received, each time that they were. Label: `queue`.
pub const MESSAGES_RECEIVED: &str = "es_sns_sqs_messages_received_total";
/// Counter: messages that were acknowledged. Label: `queue`.
pub const MESSAGES_ACKNOWLEDGED: &str = "es_sns_sqs_messages_acknowledged_total";
/// Counter: entries of batches that were refused while others were taken. Labels: `operation`, `reason`
/// (the code of the error).
pub const ENTRIES_FAILED: &str = "es_sns_sqs_entries_failed_total";
/// Counter: uses of receipts that did not count any more. Label: `queue`.
pub const RECEIPTS_LOST: &str = "es_sns_sqs_receipts_lost_total";
