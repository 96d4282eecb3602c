//! Extending holds and giving messages back: both set for how long a message stays hidden.

use std::time::Duration;

use aws_sdk_sqs::types::ChangeMessageVisibilityBatchRequestEntry;
use aws_smithy_types::error::operation::BuildError;
use es_core::{
    Error, QueueName, QueueOptions, ReceiptHandle, Result, check_batch, check_extension,
};

use super::holds::{Shortened, lost};
use super::{SqsQueues, rounded_up, seconds};
use crate::batch::Answers;
use crate::doubt::Doubt;
use crate::service::EntryFailure;

/// What becomes of the receipts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    Extend,
    Release,
}

impl Change {
    fn doing(self) -> &'static str {
        match self {
            Self::Extend => "extending holds on",
            Self::Release => "releasing messages of",
        }
    }
}

impl SqsQueues {
    pub(super) async fn extend_holds(
        &self,
        queue: &QueueName,
        holds: &[(ReceiptHandle, Duration)],
    ) -> Result<Vec<Result<()>>> {
        self.hide(Change::Extend, queue, holds).await
    }

    pub(super) async fn release_holds(
        &self,
        queue: &QueueName,
        releases: &[(ReceiptHandle, Duration)],
    ) -> Result<Vec<Result<()>>> {
        self.hide(Change::Release, queue, releases).await
    }

    async fn hide(
        &self,
        change: Change,
        queue: &QueueName,
        messages: &[(ReceiptHandle, Duration)],
    ) -> Result<Vec<Result<()>>> {
        check_batch(messages.len())?;
        let known = self.known(queue).await?;
        let asked = self.monotonic();
        let mut answers = Answers::none();
        let (mut entries, mut begun) = (Vec::new(), Vec::new());
        for (n, (receipt, timeout)) in messages.iter().enumerate() {
            match self.begin_hiding(change, queue, receipt, asked, *timeout) {
                Ok(shortened) => {
                    entries.push(n);
                    begun.extend(shortened.map(|shortened| (n, receipt, shortened)));
                }
                Err(error) => answers.set(n, Err(error)),
            }
        }
        if !entries.is_empty() {
            let (request, doubt) = ((&*known.url, asked, &*entries), Doubt::default());
            let refused =
                self.hide_request(change, queue, messages, request, &doubt, &mut answers).await;
            if !doubt.is_there() {
                let is_refused =
                    |n: &usize| refused.as_ref().map_or(true, |refused| refused.contains(n));
                for (_, receipt, shortened) in begun.iter().filter(|(n, ..)| is_refused(n)) {
                    self.shared.holds.refused(receipt, shortened);
                }
            }
            refused?;
        }
        let answers = answers.into_results();
        self.count_lost(queue, &answers);
        Ok(answers)
    }

    fn begin_hiding(
        &self,
        change: Change,
        queue: &QueueName,
        receipt: &ReceiptHandle,
        asked: Duration,
        timeout: Duration,
    ) -> Result<Option<Shortened>> {
        if change == Change::Extend {
            check_extension(timeout)?;
        }
        let (timeout, limit) = (rounded_up(timeout), QueueOptions::MAX_VISIBILITY_TIMEOUT);
        if receipt.as_str().is_empty() {
            return Err(lost(queue));
        }
        let shortened = self.shared.holds.begin_hiding(queue, receipt, asked, timeout)?;
        if timeout > limit {
            return Err(Error::HeldTooLong { queue: queue.clone(), limit });
        }
        Ok(shortened)
    }

    /// Asks for the entries, and returns which of them SQS says it refuses; all, when the request fails
    /// as a whole and there is no doubt about it.
    async fn hide_request(
        &self,
        change: Change,
        queue: &QueueName,
        messages: &[(ReceiptHandle, Duration)],
        (url, asked, entries): (&str, Duration, &[usize]),
        doubt: &Doubt,
        answers: &mut Answers<()>,
    ) -> Result<Vec<usize>> {
        let what = self.attempt(change.doing(), queue);
        let of_entry = |&n: &usize| {
            let (receipt, timeout) = messages.get(n)?;
            let entry = ChangeMessageVisibilityBatchRequestEntry::builder().id(n.to_string());
            let entry = entry.receipt_handle(receipt.as_str());
            Some(entry.visibility_timeout(seconds(*timeout)).build())
        };
        let request: Result<Vec<_>, BuildError> = entries.iter().filter_map(of_entry).collect();
        let request =
            request.map_err(|error| Error::Backend { what: what.clone(), source: error.into() })?;
        let call = self.shared.client.change_message_visibility_batch().queue_url(url);
        let call = call.set_entries(Some(request)).customize().interceptor(doubt.clone());
        let answer = call.send().await;
        let answer = answer.map_err(|error| self.failed(change.doing(), queue, error))?;

        for done in &answer.successful {
            let n: Option<usize> = done.id.parse().ok();
            if let Some((receipt, timeout)) = n.and_then(|n| messages.get(n)) {
                match change {
                    Change::Extend => {
                        let until = asked.saturating_add(rounded_up(*timeout));
                        self.shared.holds.hidden(receipt, until);
                    }
                    Change::Release => self.shared.holds.used_up(receipt),
                }
            }
            answers.put(&done.id, Ok(()));
        }
        let error = |failure| self.receipt_failed(queue, &what, failure);
        answers.fail("ChangeMessageVisibilityBatch", &answer.failed, error);
        answers.fill(entries, || self.shared.service.entry_left_out(&what));
        Ok(answer.failed.iter().filter_map(|failed| failed.id.parse().ok()).collect())
    }

    /// What SQS says about a receipt. Its codes are few, and the
    /// [reasons](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html)
    /// are in the text: "Value … for parameter ReceiptHandle is invalid. Reason: The receipt handle has
    /// expired." and "Value … for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for
    /// the message is beyond the limit [43200 seconds]".
    pub(super) fn receipt_failed(
        &self,
        queue: &QueueName,
        what: &str,
        failure: EntryFailure<'_>,
    ) -> Error {
        let text = failure.message.unwrap_or_default();
        match failure.code {
            "ReceiptHandleIsInvalid"
            | "MessageNotInflight"
            | "AWS.SimpleQueueService.MessageNotInflight" => lost(queue),
            "InvalidParameterValue" if text.contains("beyond the limit") => {
                let limit = QueueOptions::MAX_VISIBILITY_TIMEOUT;
                Error::HeldTooLong { queue: queue.clone(), limit }
            }
            "InvalidParameterValue" if text.contains("ReceiptHandle") => lost(queue),
            _ => self.shared.service.entry_failed(what, failure),
        }
    }
}
