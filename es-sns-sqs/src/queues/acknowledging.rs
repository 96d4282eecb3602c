//! Acknowledging: SQS calls it deleting.

use aws_sdk_sqs::types::DeleteMessageBatchRequestEntry;
use aws_smithy_types::error::operation::BuildError;
use es_core::{Error, QueueName, ReceiptHandle, Result, check_batch};

use super::SqsQueues;
use super::holds::lost;
use crate::batch::Answers;
use crate::telemetry;

const DOING: &str = "acknowledging messages of";

impl SqsQueues {
    pub(super) async fn delete_messages(
        &self,
        queue: &QueueName,
        receipts: &[ReceiptHandle],
    ) -> Result<Vec<Result<()>>> {
        check_batch(receipts.len())?;
        let known = self.known(queue).await?;
        let mut answers = Answers::none();
        let mut entries = Vec::new();
        for (n, receipt) in receipts.iter().enumerate() {
            match self.check_receipt(queue, receipt) {
                Ok(()) => entries.push(n),
                Err(error) => answers.set(n, Err(error)),
            }
        }
        if !entries.is_empty() {
            self.delete_request(queue, &known.url, receipts, &entries, &mut answers).await?;
        }
        let answers = answers.into_results();
        self.count_lost(queue, &answers);
        Ok(answers)
    }

    fn check_receipt(&self, queue: &QueueName, receipt: &ReceiptHandle) -> Result<()> {
        // SQS takes the lack of a text for the lack of a parameter.
        if receipt.as_str().is_empty() {
            return Err(lost(queue));
        }
        self.shared.holds.check_acknowledgement(queue, receipt)
    }

    async fn delete_request(
        &self,
        queue: &QueueName,
        url: &str,
        receipts: &[ReceiptHandle],
        entries: &[usize],
        answers: &mut Answers<()>,
    ) -> Result<()> {
        let what = self.attempt(DOING, queue);
        let of_entry = |&n: &usize| {
            let entry = DeleteMessageBatchRequestEntry::builder().id(n.to_string());
            Some(entry.receipt_handle(receipts.get(n)?.as_str()).build())
        };
        let asked: Result<Vec<_>, BuildError> = entries.iter().filter_map(of_entry).collect();
        let asked =
            asked.map_err(|error| Error::Backend { what: what.clone(), source: error.into() })?;
        let request = self.shared.client.delete_message_batch().queue_url(url);
        let answer = request.set_entries(Some(asked)).send().await;
        let answer = answer.map_err(|error| self.failed(DOING, queue, error))?;

        for done in &answer.successful {
            if let Some(receipt) = receipt_of(&done.id, receipts) {
                self.shared.holds.used_up(receipt);
            }
            answers.put(&done.id, Ok(()));
        }
        let labels = [("queue", queue.to_string())];
        let taken = answers.taken();
        metrics::counter!(telemetry::MESSAGES_ACKNOWLEDGED, &labels).increment(taken);
        let error = |failure| self.receipt_failed(queue, &what, failure);
        answers.fail("DeleteMessageBatch", &answer.failed, error);
        answers.fill(entries, || self.shared.service.entry_left_out(&what));
        Ok(())
    }

    /// Counts the receipts that did not count.
    pub(super) fn count_lost(&self, queue: &QueueName, answers: &[Result<()>]) {
        let is_lost = |answer: &&Result<()>| matches!(answer, Err(Error::ReceiptLost { .. }));
        let lost = answers.iter().filter(is_lost).count().try_into().unwrap_or(u64::MAX);
        let labels = [("queue", queue.to_string())];
        metrics::counter!(telemetry::RECEIPTS_LOST, &labels).increment(lost);
    }
}

/// The receipt of the entry with this id.
pub(super) fn receipt_of<'a>(id: &str, receipts: &'a [ReceiptHandle]) -> Option<&'a ReceiptHandle> {
    receipts.get(id.parse::<usize>().ok()?)
}
