//! Receipts, and what SQS says about old ones.

use es_core::{Error, MessageQueue as _, ReceiptHandle, Timestamp};
use serde_json::Value;

use super::refusal::Refusal;
use super::{FakeMessaging, queue_name};
use std::time::Duration;

/// A receipt that was given.
#[derive(Debug, Clone)]
pub(super) struct Issued {
    pub(super) queue: String,
    /// When the hold ends.
    pub(super) until: Timestamp,
}

impl FakeMessaging {
    /// SQS knows what it has given, and nothing else.
    fn issued(&self, queue: &str, receipt: &str) -> Result<Issued, Refusal> {
        let issued = self.state().issued.get(receipt).cloned();
        issued.filter(|issued| issued.queue == queue).ok_or_else(|| {
            let message = format!("The input receipt handle \"{receipt}\" is not a valid one.");
            Refusal::new("ReceiptHandleIsInvalid", message)
        })
    }

    /// One entry of `DeleteMessageBatch`. What is gone, and what somebody else has by now, is answered with
    /// success; only a FIFO queue refuses a receipt whose time is over.
    pub(super) async fn delete(&self, queue: &str, entry: &Value) -> Result<(), Refusal> {
        let receipt = entry["ReceiptHandle"].as_str().unwrap_or_default();
        let issued = self.issued(queue, receipt)?;
        if queue.ends_with(".fifo") && issued.until <= self.clock().now() {
            return Err(expired(receipt));
        }
        let receipt = ReceiptHandle::from_stored(receipt);
        match self.memory().acknowledge(&queue_name(queue), &receipt).await {
            Ok(()) | Err(Error::ReceiptLost { .. }) => Ok(()),
            Err(error) => panic!("{error}"),
        }
    }

    /// One entry of `ChangeMessageVisibilityBatch`. On a standard queue a receipt whose time is not over
    /// is answered with success, also when another receive has the message.
    pub(super) async fn change_visibility(
        &self,
        queue: &str,
        entry: &Value,
    ) -> Result<(), Refusal> {
        let receipt = entry["ReceiptHandle"].as_str().unwrap_or_default();
        let timeout = Duration::from_secs(entry["VisibilityTimeout"].as_u64().unwrap_or_default());
        let issued = self.issued(queue, receipt)?;
        let (name, handle) = (queue_name(queue), ReceiptHandle::from_stored(receipt));
        let changed = if timeout.is_zero() {
            self.memory().release(&name, &handle, timeout).await
        } else {
            self.memory().extend(&name, &handle, timeout).await
        };
        let now = self.clock().now();
        match changed {
            Ok(()) => {
                let until = now + timeout;
                self.state().issued.insert(receipt.to_owned(), Issued { until, ..issued });
                Ok(())
            }
            Err(Error::HeldTooLong { .. }) => Err(Refusal::invalid_value(format!(
                "Value {} for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout \
                 for the message is beyond the limit [43200 seconds].",
                timeout.as_secs()
            ))),
            Err(Error::ReceiptLost { .. }) if queue.ends_with(".fifo") => Err(expired(receipt)),
            Err(Error::ReceiptLost { .. }) if issued.until > now => Ok(()),
            Err(Error::ReceiptLost { .. }) => Err(Refusal::new(
                "AWS.SimpleQueueService.MessageNotInflight",
                "The message referred to is not in flight.",
            )),
            Err(error) => panic!("{error}"),
        }
    }
}

fn expired(receipt: &str) -> Refusal {
    Refusal::invalid_value(format!(
        "Value {receipt} for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired."
    ))
}
