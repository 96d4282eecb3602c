//! A service as it is asked: where it is, and what its errors become.

use std::error::Error as StdError;
use std::fmt;

use aws_config::Region;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use es_aws::{Attempt, Connection, Endpoint, Refusal};
use es_core::Error;

/// Codes of refusals that pass, of requests and of entries: see
/// [PutEvents](https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsResultEntry.html) and the
/// [common errors](https://docs.aws.amazon.com/eventbridge/latest/APIReference/CommonErrors.html).
const PASSING: [&str; 10] = [
    "ConcurrentModificationException",
    "InternalException",
    "InternalFailure",
    "OperationDisabledException",
    "RequestThrottled",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
];

/// EventBridge, or SQS where rules are deployed to.
#[derive(Debug)]
pub(crate) struct Service {
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

    /// The error of a request about `what`, as in "putting events on bus shop".
    pub(crate) fn failed<E, R>(&self, what: &str, error: SdkError<E, R>) -> Error
    where
        E: StdError + ProvideErrorMetadata + Send + Sync + 'static,
        R: fmt::Debug + Send + Sync + 'static,
    {
        let (place, connection) = (&self.place(), &self.connection);
        let name = self.name;
        let passes = |refusal: &Refusal| passes(&refusal.code);
        Attempt { what, place, connection }.failed(error, passes, |refusal| {
            is_missing(&refusal.code).then(|| {
                format!(
                    "{name} at {place} has it not: EventBridgeBus::ensure makes bus and rules, or the \
                     CloudFormation template, and queues are made by who owns them; check name, prefix, account, \
                     region and endpoint, too"
                )
            })
        })
    }
}

/// Codes of refusals for what is in a request: see the
/// [common errors](https://docs.aws.amazon.com/eventbridge/latest/APIReference/CommonErrors.html).
const ABOUT_CONTENT: [&str; 4] = [
    "RequestEntityTooLargeException",
    "SerializationException",
    "ValidationError",
    "ValidationException",
];

/// Whether a request of several may have been refused for one of them.
pub(crate) fn is_about_content<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    /// Larger than the front of the service takes.
    const TOO_LARGE: u16 = 413;
    let is_too_large = error.raw_response().is_some_and(|it| it.status().as_u16() == TOO_LARGE);
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
    is_too_large || code.is_some_and(|code| ABOUT_CONTENT.contains(&code))
}

/// The error of one entry of a request that was answered.
pub(crate) fn entry_failed(what: String, code: &str, message: Option<&str>) -> Error {
    let message: String =
        message.unwrap_or("it says no more").chars().take(Refusal::MAX_MESSAGE_CHARS).collect();
    let source = format!("{code}: {message}").into();
    match passes(code) {
        true => Error::Unavailable { what, source },
        false => Error::Backend { what, source },
    }
}

/// Whether what failed with this code may be taken later.
fn passes(code: &str) -> bool {
    PASSING.contains(&code)
}

/// Whether it is the code of something that is not there.
pub(crate) fn is_missing(code: &str) -> bool {
    matches!(
        code,
        "ResourceNotFoundException"
            | "QueueDoesNotExist"
            | "AWS.SimpleQueueService.NonExistentQueue"
    )
}
