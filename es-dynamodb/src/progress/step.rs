//! What is written together, or not at all.

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::CancellationReason;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use es_core::{ConsumerId, Error, Result};

use super::write::Write;
use crate::item_size::MAX_ITEM_SIZE;
use crate::store::DynamoStore;

/// The most items of a transaction.
pub(crate) const MAX_ITEMS: usize = 100;
/// The most bytes of a transaction.
pub(crate) const MAX_STEP_BYTES: usize = 4 * 1024 * 1024;

/// The writes of one transaction, each to another item.
#[derive(Debug)]
pub(crate) struct Step {
    what: String,
    consumer: ConsumerId,
    writes: Vec<(Write, Refusal)>,
}

/// What it means that the conditions of a write do not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Somebody else has moved on what the step is based on.
    Fenced,
    /// What was read for the step is not there any more: it is to be put together again, from the reads
    /// on.
    StartOver,
}

/// What became of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(crate) enum Sent {
    /// All of it is written.
    Done,
    /// Nothing is.
    Refused(Refusal),
}

impl Step {
    /// A step without writes. `what` is for errors, as in "saving the progress of orders".
    pub(crate) fn new(what: impl Into<String>, consumer: &ConsumerId) -> Self {
        Self { what: what.into(), consumer: consumer.clone(), writes: Vec::new() }
    }

    /// Adds a write. Every item can be written once in a step.
    pub(crate) fn add(&mut self, write: Write, on_failed_condition: Refusal) {
        self.writes.push((write, on_failed_condition));
    }

    /// How many writes it has.
    pub(crate) fn len(&self) -> usize {
        self.writes.len()
    }

    fn size(&self) -> usize {
        self.writes.iter().map(|(write, _)| write.size()).sum()
    }

    /// Refuses what DynamoDB does not take at once, before it is sent.
    fn check_size(&self) -> Result<()> {
        let largest = self.writes.iter().map(|(write, _)| write.size()).max().unwrap_or(0);
        for (what, actual, limit) in [
            ("the number of items", self.len(), MAX_ITEMS),
            ("the size in bytes of an item", largest, MAX_ITEM_SIZE),
            ("the size in bytes", self.size(), MAX_STEP_BYTES),
        ] {
            if actual > limit {
                let consumer = self.consumer.to_string();
                let (actual, limit) = (actual as u64, limit as u64);
                return Err(Error::StepTooLarge { consumer, what, actual, limit });
            }
        }
        Ok(())
    }
}

impl DynamoStore {
    /// Sends a step. One without writes is done.
    ///
    /// # Errors
    ///
    /// [`Error::StepTooLarge`], [`Error::Unavailable`], [`Error::Backend`].
    pub(crate) async fn send(&self, step: Step) -> Result<Sent> {
        step.check_size()?;
        if step.writes.is_empty() {
            return Ok(Sent::Done);
        }
        let mut refusals = Vec::with_capacity(step.len());
        let mut items = Vec::with_capacity(step.len());
        let counted = step.size();
        for (write, refusal) in step.writes {
            refusals.push(refusal);
            let item = write.into_item();
            items.push(item.map_err(|error| Error::Backend {
                what: step.what.clone(),
                source: error.into(),
            })?);
        }
        let request = self.dynamodb().transact_write_items().set_transact_items(Some(items));
        let sent = self.past_transactions(|| request.clone().send()).await;
        let Err(error) = sent else { return Ok(Sent::Done) };
        if let Some(refusal) = error.as_service_error().and_then(|error| refusal(error, &refusals))
        {
            return Ok(Sent::Refused(refusal));
        }
        if error.as_service_error().is_some_and(is_about_size) {
            let consumer = step.consumer.to_string();
            let what = "the size that DynamoDB refused, in bytes as counted here,";
            let (actual, limit) = (counted as u64, MAX_STEP_BYTES as u64);
            return Err(Error::StepTooLarge { consumer, what, actual, limit });
        }
        Err(self.failed(&step.what, &self.tables().state, error))
    }
}

/// What the failed conditions of a transaction come to. A fence is for good, whatever else there is.
fn refusal(error: &TransactWriteItemsError, refusals: &[Refusal]) -> Option<Refusal> {
    let failed =
        reasons(error).iter().zip(refusals).filter_map(|(reason, &refusal)| match reason.code() {
            Some("ConditionalCheckFailed") => Some(refusal),
            _ => None,
        });
    failed.max_by_key(|&refusal| refusal == Refusal::Fenced)
}

/// The sizes were checked before: this is where DynamoDB counts otherwise.
fn is_about_size(error: &TransactWriteItemsError) -> bool {
    let refused = error.code() == Some("ValidationException");
    let message = error.message().filter(|_| refused);
    let invalid = |reason: &&CancellationReason| reason.code() == Some("ValidationError");
    let messages = reasons(error).iter().filter(invalid).filter_map(CancellationReason::message);
    messages.chain(message).any(|message| message.to_lowercase().contains("size"))
}

/// Why the transaction was cancelled, one for each of its items.
fn reasons(error: &TransactWriteItemsError) -> &[CancellationReason] {
    match error {
        TransactWriteItemsError::TransactionCanceledException(cancelled) => {
            cancelled.cancellation_reasons()
        }
        _ => &[],
    }
}
