//! A rule of EventBridge.

use std::sync::Arc;

use es_core::{MessageId, QueueConsumer, ReceiptHandle, ReceivedMessage, Verdict};
use lambda_runtime::LambdaEvent;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::batch;
use crate::error::FunctionError;
use crate::running::{options_of_time, run};
use crate::time_left::TimeLeft;

/// A function that is the target of rules of EventBridge; made by [`event_bridge`](crate::event_bridge).
///
/// # What it promises
///
/// The event goes the way of a message of a queue, through the [`QueueConsumer`]: the handler is given what is in
/// it, as an [`Incoming`](es_core::Incoming) with the same id as by way of a queue, so an
/// [idempotent](QueueConsumer::idempotent) consumer recognises an event whichever way it comes. Nothing is received
/// from the consumer's queue: it is where an operator sends a dead letter back to.
///
/// EventBridge invokes asynchronously. When a handler fails, so does the invocation, and Lambda tries it again as
/// the function's `EventInvokeConfig` says, twice by default, and then hands it to the function's destination for
/// failures. Give it one. What cannot be decoded or fails for good goes to the consumer's
/// [dead letters](QueueConsumer::dead_letters_to) at once; without any it takes the way of all failures. Attempts
/// are Lambda's and not counted here.
#[derive(Debug)]
#[must_use = "a function does nothing until it runs"]
pub struct EventBridgeFunction {
    consumer: Arc<QueueConsumer>,
    time: TimeLeft,
}

/// What of an event names it.
#[derive(Deserialize)]
struct Name {
    id: String,
    #[serde(rename = "detail-type")]
    _kind: serde::de::IgnoredAny,
}

impl EventBridgeFunction {
    pub(crate) fn new(consumer: Arc<QueueConsumer>) -> Self {
        Self { consumer, time: TimeLeft::default() }
    }

    options_of_time!();

    run!();

    /// Handles one event, for a runtime with layers of its own, and for tests.
    ///
    /// # Errors
    ///
    /// [`FunctionError::NotTheEvent`] for what is no event of EventBridge, [`FunctionError::Again`] when it was
    /// not handled.
    pub async fn invoke(&self, event: LambdaEvent<Box<RawValue>>) -> Result<(), FunctionError> {
        let LambdaEvent { payload, context } = event;
        let not_the_event = |reason| FunctionError::NotTheEvent { expected: "EventBridge", reason };
        let name: Name = batch::read(&payload).map_err(not_the_event)?;
        let now = self.time.clock().now();
        let message = ReceivedMessage {
            id: MessageId::from_stored(&name.id),
            receipt: ReceiptHandle::from_stored(&context.request_id),
            body: payload.get().to_owned(),
            attributes: Default::default(),
            group: None,
            deduplication_id: None,
            sent_at: now,
            first_received_at: now,
            receive_count: 1,
            moved_by_policy: false,
            dead_letter_source: None,
        };
        let verdicts = self.consumer.settle_pushed(vec![message], self.time.of(&context)).await;
        match verdicts.into_iter().next() {
            Some(Verdict::Done | Verdict::Duplicate | Verdict::DeadLetter { .. }) => Ok(()),
            Some(Verdict::Again { error, .. }) => Err(FunctionError::Again { error }),
            _ => Err(FunctionError::Again { error: "it was not handled".to_owned() }),
        }
    }
}
