//! SNS topics and SQS queues for [`es_core`].
