//! A service as it is asked: where it is, and what its errors become.

use std::error::Error as StdError;
use std::fmt;

use aws_config::Region;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use es_aws::{Attempt, Connection, Endpoint, Refusal};
use es_core::{BoxError, Error};

/// Codes of refusals that pass: see the common errors of
/// [SQS](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html) and
/// [SNS](https://docs.aws.amazon.com/sns/latest/api/CommonErrors.html), and those of each operation.
/// `OverLimit`: too many messages are in flight, so some have to be acknowledged first.
const PASSING: [&str; 18] = [
    "AWS.SimpleQueueService.PurgeQueueInProgress",
    "AWS.SimpleQueueService.QueueDeletedRecently",
    "ConcurrentAccess",
    "InternalError",
    "InternalFailure",
    "KMS.ThrottlingException",
    "KMSThrottling",
    "OverLimit",
    "PurgeQueueInProgress",
    "QueueDeletedRecently",
    "RequestThrottled",
    "ServiceFailure",
    "ServiceUnavailable",
    "Throttled",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
];

/// Codes of batches with more bytes than the service takes.
const TOO_LONG: [&str; 2] = ["AWS.SimpleQueueService.BatchRequestTooLong", "BatchRequestTooLong"];

/// SQS or SNS.
#[derive(Debug)]
pub(crate) struct Service {
    /// As "SQS".
    pub(crate) name: &'static str,
    pub(crate) endpoint: Endpoint,
    pub(crate) connection: Connection,
    pub(crate) region: Option<Region>,
}

impl Service {
    /// Where requests go.
    pub(crate) fn place(&self) -> String {
        let configured = self.connection.endpoint_url.as_deref();
        self.endpoint.place(self.name, configured, self.region.as_ref())
    }

    /// The error of a request about `what`, as in "sending to queue orders".
    pub(crate) fn failed<E, R>(&self, what: &str, error: SdkError<E, R>) -> Error
    where
        E: StdError + ProvideErrorMetadata + Send + Sync + 'static,
        R: fmt::Debug + Send + Sync + 'static,
    {
        let (place, connection) = (&self.place(), &self.connection);
        let passes = |refusal: &Refusal| passes(&refusal.code);
        Attempt { what, place, connection }.failed(error, passes, |refusal| {
            TOO_LONG.contains(&&*refusal.code).then(|| {
                format!("{} at {place} takes smaller requests: lower max_request_bytes", self.name)
            })
        })
    }

    /// The error of one entry of a batch.
    pub(crate) fn entry_failed(&self, what: &str, entry: EntryFailure<'_>) -> Error {
        let EntryFailure { code, message, sender_fault, .. } = entry;
        let what = format!("{what} at {}", self.place());
        let message = message.unwrap_or("it says no more");
        let source: BoxError = format!("{code}: {message}").into();
        if sender_fault && !passes(code) {
            return Error::Backend { what, source };
        }
        Error::Unavailable { what, source }
    }

    /// The error of an entry that the answer leaves out.
    pub(crate) fn entry_left_out(&self, what: &str) -> Error {
        let source = "the answer does not mention an entry of the batch".into();
        Error::Unavailable { what: format!("{what} at {}", self.place()), source }
    }
}

/// Why an entry of a batch failed, as the service says it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EntryFailure<'a> {
    pub(crate) id: &'a str,
    pub(crate) code: &'a str,
    pub(crate) message: Option<&'a str>,
    /// Whether the same entry would fail again.
    pub(crate) sender_fault: bool,
}

fn passes(code: &str) -> bool {
    PASSING.contains(&code)
}

/// The error of a request as one of each of its entries has it.
pub(crate) fn for_one_entry(error: &Error) -> Error {
    let (what, source) = ("a request with several messages".to_owned(), error.with_causes().into());
    if error.is_transient() {
        return Error::Unavailable { what, source };
    }
    Error::Backend { what, source }
}

impl<'a> From<&'a aws_sdk_sqs::types::BatchResultErrorEntry> for EntryFailure<'a> {
    fn from(entry: &'a aws_sdk_sqs::types::BatchResultErrorEntry) -> Self {
        let (id, code, message) = (entry.id(), entry.code(), entry.message());
        Self { id, code, message, sender_fault: entry.sender_fault() }
    }
}

impl<'a> From<&'a aws_sdk_sns::types::BatchResultErrorEntry> for EntryFailure<'a> {
    fn from(entry: &'a aws_sdk_sns::types::BatchResultErrorEntry) -> Self {
        let (id, code, message) = (entry.id(), entry.code(), entry.message());
        Self { id, code, message, sender_fault: entry.sender_fault() }
    }
}
