//! Writes that are refused for what passes at once, and that the SDK does not try again: a transaction of
//! somebody else on the same item, and an item of a transaction that is throttled.

use std::future::Future;
use std::time::Duration;

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_smithy_runtime_api::client::result::SdkError;
use es_core::Backoff;

use crate::store::DynamoStore;

/// How often a request is sent until the other transactions have passed.
const ATTEMPTS: u32 = 8;

/// Between the attempts. A transaction takes some ten milliseconds.
const BACKOFF: Backoff =
    Backoff { base: Duration::from_millis(20), max: Duration::from_millis(500) };

/// Why a transaction is cancelled that may go through the next time.
const PASSING: [&str; 3] =
    ["ProvisionedThroughputExceeded", "ThrottlingError", "TransactionConflict"];

/// An error that may say that a transaction was in the way. The SDK does not try these again.
pub(crate) trait Contended {
    /// Whether the request was refused for that alone.
    fn is_contended(&self) -> bool;
}

impl Contended for PutItemError {
    fn is_contended(&self) -> bool {
        self.is_transaction_conflict_exception()
    }
}

impl Contended for UpdateItemError {
    fn is_contended(&self) -> bool {
        self.is_transaction_conflict_exception()
    }
}

impl Contended for TransactWriteItemsError {
    fn is_contended(&self) -> bool {
        let Self::TransactionCanceledException(cancelled) = self else { return false };
        let mut codes = cancelled.cancellation_reasons().iter().filter_map(|reason| reason.code());
        // A condition that failed is an answer, and trying again would not change it.
        codes.clone().all(|code| code != "ConditionalCheckFailed")
            && codes.any(|code| PASSING.contains(&code))
    }
}

impl DynamoStore {
    /// Sends a request, and again while a transaction is in its way, a few times.
    pub(crate) async fn past_transactions<T, E, R, F>(
        &self,
        send: impl Fn() -> F,
    ) -> Result<T, SdkError<E, R>>
    where
        E: Contended,
        F: Future<Output = Result<T, SdkError<E, R>>>,
    {
        let mut attempt = 1;
        loop {
            let answer = send().await;
            let contended = match &answer {
                Err(SdkError::ServiceError(refusal)) => refusal.err().is_contended(),
                _ => false,
            };
            if !contended || attempt == ATTEMPTS {
                return answer;
            }
            let options = self.options();
            options.clock.sleep(BACKOFF.delay(attempt, &*options.entropy)).await;
            attempt += 1;
        }
    }
}
