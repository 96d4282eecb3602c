//! A queue in SQS.

mod held_back;
mod received;

use std::sync::Arc;

use aws_lambda_events::sqs::SqsBatchResponse;
use es_core::{QueueConsumer, ReceiptHandle, ReceivedMessage, Verdict};
use lambda_runtime::LambdaEvent;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::batch;
use crate::error::FunctionError;
use crate::running::{options_of_time, run};
use crate::time_left::TimeLeft;

use held_back::HeldBack;

/// A function behind a queue in SQS; made by [`sqs`](crate::sqs).
///
/// # What it promises
///
/// What a [`QueueConsumer`] promises, with Lambda in the place of its receives, heartbeats and acknowledgements:
///
/// - **Nothing is lost.** A message is left out of the answer's failures, and so deleted by Lambda, only when it
///   was handled, was found to have been handled before, or is in the dead-letter queue. The event source mapping
///   must have `ReportBatchItemFailures` among its `FunctionResponseTypes`: without, Lambda takes every answer for
///   a success of all.
/// - **Order.** In a FIFO queue the messages of a group are handled one after the other; when one must come again,
///   it and the later ones of its group are failures, and other groups flow. So it is behind a record that cannot be
///   read; where that does not say its group, all that follows it is a failure.
/// - **No poison.** What cannot be decoded, fails for good or too often goes to the consumer's
///   [dead letters](QueueConsumer::dead_letters_to). Where it has none, or it cannot be reached, the message comes
///   again until the queue's redrive policy moves it: a queue behind a function should have one.
/// - **In time.** No message is begun, and none goes on, when the invocation is about to be over. What is not done
///   comes again.
///
/// - **Backoff.** A message that failed is hidden as the consumer's [`backoff`](QueueConsumer::backoff) says, which
///   doubles with its receives, or as long as its handler asked for; a FIFO queue's group waits for it, and for nothing
///   else. The queue is [told so](QueueConsumer::release_pushed), through the consumer's queues, only when something
///   failed. When it cannot be told, as when the function's role lacks `sqs:ChangeMessageVisibility`, that is logged and
///   the message is hidden until the queue's visibility timeout is over. So is a message that could not be read, and
///   one that nobody tried to handle: because there was no time for it, because its body could not be fetched, or because
///   the records of an [idempotent](QueueConsumer::idempotent) consumer could not be asked about it.
///
/// Choose the visibility timeout six times as long as the function's, as
/// [Lambda asks](https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html), and the consumer's
/// [`handler_timeout`](QueueConsumer::handler_timeout) shorter than the function's.
///
/// Bodies that a claim check stands for are fetched when the consumer's queues are wrapped for them, as in a service,
/// for up to half of the time that there is. What cannot be fetched for now comes again.
#[derive(Debug)]
#[must_use = "a function does nothing until it runs"]
pub struct SqsFunction {
    consumer: Arc<QueueConsumer>,
    time: TimeLeft,
}

/// What of a record an answer needs, whatever else is wrong with it.
#[derive(Deserialize)]
struct Name {
    #[serde(rename = "messageId")]
    id: Option<String>,
}

impl SqsFunction {
    pub(crate) fn new(consumer: Arc<QueueConsumer>) -> Self {
        Self { consumer, time: TimeLeft::default() }
    }

    options_of_time!();

    run!();

    /// Handles one event, for a runtime with layers of its own, and for tests.
    ///
    /// # Errors
    ///
    /// [`FunctionError::NotTheEvent`] for an event that is not of SQS, [`FunctionError::Unnamed`] for messages
    /// without an id. Everything else is in the answer.
    pub async fn invoke(
        &self,
        event: LambdaEvent<Box<RawValue>>,
    ) -> Result<SqsBatchResponse, FunctionError> {
        let LambdaEvent { payload, context } = event;
        let records = batch::records(&payload, "aws:sqs", "SQS")?;
        let now = self.time.clock().now();
        let mut failures: Vec<String> = Vec::new();
        let mut unnamed: Vec<String> = Vec::new();
        let mut messages: Vec<ReceivedMessage> = Vec::with_capacity(records.len());
        let mut held_back = HeldBack::among(&records);
        for record in records {
            match received::message(record, now) {
                Ok(message) if held_back.has(&message) => failures.push(message.id.to_string()),
                Ok(message) => messages.push(message),
                Err(reason) => {
                    held_back.comes_again(record);
                    let id = batch::read::<Name>(record).ok().and_then(|name| name.id);
                    let message_id = id.as_deref().unwrap_or("without an id");
                    tracing::error!(
                        consumer = self.consumer.name(),
                        message_id,
                        reason,
                        "a record cannot be read"
                    );
                    match id.filter(|id| !id.is_empty()) {
                        Some(id) => failures.push(id),
                        None => unnamed.push(reason),
                    }
                }
            }
        }
        let (ids, receipts): (Vec<String>, Vec<ReceiptHandle>) = messages
            .iter()
            .map(|message| (message.id.to_string(), message.receipt.clone()))
            .unzip();
        let verdicts = self.consumer.settle_pushed(messages, self.time.of(&context)).await;
        let settled = receipts.into_iter().zip(&verdicts);
        self.consumer.release_pushed(settled, self.time.at_the_end_of(&context)).await;
        let again = ids.into_iter().zip(&verdicts);
        failures.extend(again.filter(|(_, it)| !may_be_deleted(it)).map(|(id, _)| id));
        if let Some(reason) = unnamed.first() {
            return Err(FunctionError::Unnamed { records: unnamed.len(), reason: reason.clone() });
        }
        let mut answer = SqsBatchResponse::default();
        answer.set_failures(failures);
        Ok(answer)
    }
}

/// Lambda deletes what is not among the failures. A verdict that this program does not know is no reason to.
fn may_be_deleted(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Done | Verdict::Duplicate | Verdict::DeadLetter { .. })
}
