//! How DynamoDB's errors become the framework's.
//!
//! The question that decides is whether the same call can succeed later:
//!
//! | DynamoDB | becomes |
//! |---|---|
//! | no connection, no answer in time, an answer that cannot be read | [`Error::Unavailable`], naming the endpoint |
//! | throttling, internal errors, a transaction in the way, after the SDK's own retries | [`Error::Unavailable`] |
//! | a table that does not exist | [`Error::Backend`], naming it and what creates it |
//! | credentials that are missing, wrong or expired; no permission | [`Error::Backend`] |
//! | all the rest | [`Error::Backend`] |

use std::error::Error as StdError;

use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use es_core::Error;

use crate::store::DynamoStore;

/// Codes of refusals that pass: see "Error handling with DynamoDB" in its developer guide.
const PASSING: [&str; 12] = [
    "InternalFailure",
    "InternalServerError",
    "ItemCollectionSizeLimitExceededException",
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "ThrottlingException",
    "TransactionCanceledException",
    "TransactionConflictException",
    "TransactionInProgressException",
];

/// Codes of refusals of who asks.
const UNAUTHORIZED: [&str; 8] = [
    "AccessDeniedException",
    "ExpiredTokenException",
    "IncompleteSignature",
    "IncompleteSignatureException",
    "InvalidSignatureException",
    "MissingAuthenticationTokenException",
    "NotAuthorizedException",
    "UnrecognizedClientException",
];

impl DynamoStore {
    /// The error of a request about `what`, as in "appending to order:1", to `table`.
    pub(crate) fn failed<E, R>(&self, what: &str, table: &str, error: SdkError<E, R>) -> Error
    where
        E: StdError + ProvideErrorMetadata + Send + Sync + 'static,
        R: std::fmt::Debug + Send + Sync + 'static,
    {
        let place = self.place();
        let Some(service) = error.as_service_error() else {
            return match error {
                SdkError::ConstructionFailure(_) => Error::Backend {
                    what: format!("{what} (no request to {place} could be made)"),
                    source: error.into(),
                },
                // Without credentials no request is sent, and none will be.
                SdkError::DispatchFailure(_) if is_about_credentials(&error) => Error::Backend {
                    what: format!("{what} (no AWS credentials were found for {place})"),
                    source: error.into(),
                },
                error => {
                    Error::Unavailable { what: format!("{what} at {place}"), source: error.into() }
                }
            };
        };
        let code = service.code().unwrap_or_default();
        if PASSING.contains(&code) {
            return Error::Unavailable {
                what: format!("{what} at {place}"),
                source: error.into_source_of_service(),
            };
        }
        let what = if code == "ResourceNotFoundException" {
            format!(
                "{what}: there is no table {table} at {place}; it is created by \
                 DynamoStore::ensure_tables, by \"prepare\" with TableCreation::IfMissing for views, or \
                 by the CloudFormation fragment; {what}"
            )
        } else if UNAUTHORIZED.contains(&code) {
            format!("{what} (not allowed at {place}: check credentials, region and permissions)")
        } else {
            format!("{what} at {place}")
        };
        Error::Backend { what, source: error.into_source_of_service() }
    }
}

/// Whether the connector was never reached because there is nobody to sign the request.
fn is_about_credentials<E, R>(error: &SdkError<E, R>) -> bool
where
    E: StdError + 'static,
    R: std::fmt::Debug,
{
    let mut cause = StdError::source(error);
    while let Some(found) = cause {
        if found.is::<aws_credential_types::provider::error::CredentialsError>() {
            return true;
        }
        cause = found.source();
    }
    false
}

trait IntoSourceOfService {
    /// The service's own error, without the SDK's "service error" around it.
    fn into_source_of_service(self) -> es_core::BoxError;
}

impl<E, R> IntoSourceOfService for SdkError<E, R>
where
    E: StdError + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    fn into_source_of_service(self) -> es_core::BoxError {
        match self {
            Self::ServiceError(context) => Box::new(context.into_err()),
            other => Box::new(other),
        }
    }
}
