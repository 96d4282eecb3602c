//! How DynamoDB's errors become the framework's.
//!
//! The question that decides is whether the same call can succeed later:
//!
//! | DynamoDB | becomes |
//! |---|---|
//! | no connection, no answer in time, an answer that cannot be read | [`Error::Unavailable`] |
//! | throttling, internal errors, a transaction in the way, after the SDK's own retries | [`Error::Unavailable`] |
//! | credentials that cannot be fetched at the moment | [`Error::Unavailable`] |
//! | a table that does not exist | [`Error::Backend`], naming it and what makes it |
//! | credentials or a region that are missing; no permission | [`Error::Backend`], saying so |
//! | all the rest | [`Error::Backend`] |
//!
//! Each says in one line what was tried and where, and what the service said.

use std::any::Any;
use std::error::Error as StdError;
use std::fmt;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use es_core::Error;

use crate::store::DynamoStore;
use crate::tables::TableNames;

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

/// Why an item of a transaction is refused that will be refused again.
const LASTING: [&str; 3] = ["ValidationError", "ItemCollectionSizeLimitExceeded", "DuplicateItem"];

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
        R: fmt::Debug + Send + Sync + 'static,
    {
        match error.as_service_error() {
            Some(service) => self.refused(what, table, Refusal::of(service, error.raw_response())),
            None => self.not_answered(what, error),
        }
    }

    fn refused(&self, what: &str, table: &str, refusal: Refusal) -> Error {
        let place = self.place();
        if refusal.passes() {
            let what = format!("{what} at {place}");
            return Error::Unavailable { what, source: refusal.into() };
        }
        let what = if refusal.code == "ResourceNotFoundException" {
            let what_makes_it = self.tables().what_makes(table);
            format!(
                "{what} (there is no table {table} at {place}: {what_makes_it} makes it, or the \
                 CloudFormation template; check prefix, region and endpoint, too)"
            )
        } else if UNAUTHORIZED.contains(&&*refusal.code) {
            format!("{what} (not allowed at {place}: check credentials, region and permissions)")
        } else {
            format!("{what} at {place}")
        };
        Error::Backend { what, source: refusal.into() }
    }

    fn not_answered<E, R>(&self, what: &str, error: SdkError<E, R>) -> Error
    where
        E: StdError + Send + Sync + 'static,
        R: fmt::Debug + Send + Sync + 'static,
    {
        let place = self.place();
        let what = match Obstacle::of(&error) {
            Obstacle::OnTheWay => {
                let what = format!("{what} at {place}");
                return Error::Unavailable { what, source: error.into() };
            }
            Obstacle::FetchingCredentials => {
                let what = format!("{what} (fetching AWS credentials for {place})");
                return Error::Unavailable { what, source: error.into() };
            }
            Obstacle::NoCredentials => {
                let profile = self.options().named_profile();
                format!("{what} (no AWS credentials were found for {place}{profile})")
            }
            Obstacle::NoRequest => format!("{what} (no request to {place} could be made)"),
        };
        Error::Backend { what, source: error.into() }
    }
}

impl TableNames {
    /// What makes the table in a development environment.
    fn what_makes(&self, table: &str) -> &'static str {
        if table == self.events || table == self.state {
            "DynamoStore::ensure_tables"
        } else {
            "preparing the view with TableCreation::IfMissing"
        }
    }
}

/// What the service said, in one line.
#[derive(Debug)]
struct Refusal {
    code: String,
    message: String,
    /// What AWS's support asks for.
    request_id: Option<String>,
}

impl Refusal {
    fn of<R: 'static>(service: &impl ProvideErrorMetadata, answer: Option<&R>) -> Self {
        // What has no code may come from anything that speaks HTTP.
        let answer = answer.and_then(|answer| (answer as &dyn Any).downcast_ref::<HttpResponse>());
        let no_code = || match answer {
            Some(answer) => format!("an error without a code, HTTP status {}", answer.status()),
            None => "an error without a code".to_owned(),
        };
        Self {
            code: service.code().map_or_else(no_code, str::to_owned),
            message: service.message().unwrap_or("it says no more").to_owned(),
            request_id: service.meta().extra("aws_request_id").map(str::to_owned),
        }
    }

    /// Whether the same request may be taken later.
    fn passes(&self) -> bool {
        // The message of a cancelled transaction lists why each of its items was refused.
        let lasts = || LASTING.iter().any(|reason| self.message.contains(reason));
        let is_transaction = self.code == "TransactionCanceledException";
        PASSING.contains(&&*self.code) && !(is_transaction && lasts())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { code, message, request_id } = self;
        write!(f, "{code}: {message}")?;
        request_id.iter().try_for_each(|id| write!(f, " (request {id})"))
    }
}

impl StdError for Refusal {}

/// Why there is no answer.
enum Obstacle {
    /// Requests were made, and did not come through.
    OnTheWay,
    /// There are credentials, and they could not be fetched.
    FetchingCredentials,
    /// Nobody can sign requests.
    NoCredentials,
    /// The configuration does not say enough: where DynamoDB is, perhaps.
    NoRequest,
}

impl Obstacle {
    fn of<E, R>(error: &SdkError<E, R>) -> Self
    where
        E: StdError + 'static,
        R: fmt::Debug + 'static,
    {
        match error {
            SdkError::ConstructionFailure(_) => Self::NoRequest,
            // Not of the connector: the SDK did not get as far as that.
            SdkError::DispatchFailure(failure)
                if failure.is_other() && failure.as_other().is_none() =>
            {
                match cause::<CredentialsError>(error) {
                    Some(
                        CredentialsError::ProviderTimedOut(_) | CredentialsError::ProviderError(_),
                    ) => Self::FetchingCredentials,
                    Some(_) => Self::NoCredentials,
                    None => Self::NoRequest,
                }
            }
            _ => Self::OnTheWay,
        }
    }
}

/// The first of the causes that is of this type.
fn cause<'a, C: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a C> {
    let mut next = error.source();
    while let Some(cause) = next {
        if let Some(cause) = cause.downcast_ref() {
            return Some(cause);
        }
        next = cause.source();
    }
    None
}
