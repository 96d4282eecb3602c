//! How AWS's errors become the framework's.
//!
//! The question that decides is whether the same call can succeed later:
//!
//! | AWS | becomes |
//! |---|---|
//! | no connection, no answer in time, an answer that cannot be read | [`Error::Unavailable`] |
//! | a refusal that passes, as throttling, after the SDK's own retries | [`Error::Unavailable`] |
//! | credentials that cannot be fetched at the moment | [`Error::Unavailable`] |
//! | something that does not exist | [`Error::Backend`], naming it and what makes it |
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

use crate::connection::Connection;

/// Codes of refusals of who asks.
const UNAUTHORIZED: [&str; 18] = [
    "AccessDenied",
    "AccessDeniedException",
    "AuthorizationError",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "IncompleteSignatureException",
    "InvalidClientTokenId",
    "InvalidSecurity",
    "InvalidSignatureException",
    "KMS.AccessDeniedException",
    "KMSAccessDenied",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "NotAuthorizedException",
    "OptInRequired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
];

/// A request, for the error that it ends with.
#[derive(Debug, Clone, Copy)]
pub struct Attempt<'a> {
    /// What was tried, as in "appending to order:1".
    pub what: &'a str,
    /// Where.
    pub place: &'a str,
    /// How it was connected.
    pub connection: &'a Connection,
}

impl Attempt<'_> {
    /// The error of the request. `passes` says whether the same request may be taken later, `advice` what
    /// helps, in the middle of a sentence, when it will not.
    pub fn failed<E, R>(
        self,
        error: SdkError<E, R>,
        passes: impl FnOnce(&Refusal) -> bool,
        advice: impl FnOnce(&Refusal) -> Option<String>,
    ) -> Error
    where
        E: StdError + ProvideErrorMetadata + Send + Sync + 'static,
        R: fmt::Debug + Send + Sync + 'static,
    {
        let Some(service) = error.as_service_error() else { return self.not_answered(error) };
        let refusal = Refusal::of(service, error.raw_response());
        let Self { what, place, .. } = self;
        if passes(&refusal) {
            return Error::Unavailable {
                what: format!("{what} at {place}"),
                source: refusal.shortened().into(),
            };
        }
        let what = if let Some(advice) = advice(&refusal) {
            format!("{what} ({advice})")
        } else if refusal.is_about_who_asks() {
            format!("{what} (not allowed at {place}: check credentials, region and permissions)")
        } else {
            format!("{what} at {place}")
        };
        Error::Backend { what, source: refusal.shortened().into() }
    }

    fn not_answered<E, R>(self, error: SdkError<E, R>) -> Error
    where
        E: StdError + Send + Sync + 'static,
        R: fmt::Debug + Send + Sync + 'static,
    {
        let Self { what, place, connection } = self;
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
                let profile = connection.named_profile();
                format!("{what} (no AWS credentials were found for {place}{profile})")
            }
            Obstacle::NoRequest => format!("{what} (no request to {place} could be made)"),
        };
        Error::Backend { what, source: error.into() }
    }
}

/// What the service said, in one line.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// The error's code, as `ResourceNotFoundException`.
    pub code: String,
    /// What it says, of which an error repeats [`MAX_MESSAGE_CHARS`](Self::MAX_MESSAGE_CHARS).
    pub message: String,
    /// What AWS's support asks for.
    pub request_id: Option<String>,
}

impl Refusal {
    /// The longest message of a service that an error repeats, in characters. It can quote what it refuses.
    pub const MAX_MESSAGE_CHARS: usize = 512;

    /// As an error repeats it. Who decides what becomes of it looks at all that the service says.
    fn shortened(mut self) -> Self {
        if let Some((end, _)) = self.message.char_indices().nth(Self::MAX_MESSAGE_CHARS) {
            self.message.truncate(end);
        }
        self
    }

    /// What an error of the service says.
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

    /// Whether other credentials, or other permissions, may help.
    fn is_about_who_asks(&self) -> bool {
        UNAUTHORIZED.contains(&&*self.code)
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
    /// The configuration does not say enough: where the service is, perhaps.
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

#[cfg(test)]
mod tests {
    use aws_smithy_types::error::ErrorMetadata;
    use aws_smithy_types::error::metadata::Builder;

    use super::*;

    fn failed(metadata: Builder) -> Error {
        let error: SdkError<ErrorMetadata, ()> = SdkError::service_error(metadata.build(), ());
        let (what, place) = ("reading order:1", "http://127.0.0.1:8000");
        let attempt = Attempt { what, place, connection: &Connection::default() };
        let advice = |refusal: &Refusal| {
            (refusal.code == "ResourceNotFoundException").then(|| "make it".to_owned())
        };
        attempt.failed(error, |refusal| refusal.code == "ThrottlingException", advice)
    }

    fn refused(code: &str) -> Error {
        let metadata = ErrorMetadata::builder().code(code).message("no");
        failed(metadata.custom("aws_request_id", "R1"))
    }

    #[test]
    fn a_refusal_that_passes_can_be_tried_again() {
        let error = refused("ThrottlingException");
        assert!(error.is_transient());
        assert_eq!(
            error.with_causes(),
            "reading order:1 at http://127.0.0.1:8000 is not available: ThrottlingException: no \
             (request R1)"
        );
    }

    #[test]
    fn who_may_not_is_told_so() {
        for code in UNAUTHORIZED {
            let error = refused(code);
            assert!(!error.is_transient());
            assert_eq!(
                error.with_causes(),
                format!(
                    "reading order:1 (not allowed at http://127.0.0.1:8000: check credentials, region \
                     and permissions) failed: {code}: no (request R1)"
                )
            );
        }
    }

    #[test]
    fn of_a_long_message_an_error_repeats_the_beginning_and_all_of_it_is_looked_at() {
        let message = format!("{}the reason", "ä".repeat(Refusal::MAX_MESSAGE_CHARS));
        for transient in [true, false] {
            let metadata = ErrorMetadata::builder().code("Cancelled").message(&message).build();
            let error: SdkError<ErrorMetadata, ()> = SdkError::service_error(metadata, ());
            let attempt = Attempt { what: "x", place: "y", connection: &Connection::default() };
            let says_why = |refusal: &Refusal| refusal.message.ends_with("the reason");
            let error = attempt.failed(error, |refusal| says_why(refusal) == transient, |_| None);
            assert_eq!(error.is_transient(), transient);
            let source = std::error::Error::source(&error).expect("what the service said");
            let expected = "ä".repeat(Refusal::MAX_MESSAGE_CHARS);
            assert_eq!(source.to_string(), format!("Cancelled: {expected}"));
            assert!(!format!("{error:?}").contains("the reason"));
        }
    }

    #[test]
    fn advice_stands_beside_what_was_tried() {
        let expected =
            "reading order:1 (make it) failed: ResourceNotFoundException: no (request R1)";
        assert_eq!(refused("ResourceNotFoundException").with_causes(), expected);
    }

    #[test]
    fn any_other_refusal_is_told_as_it_is() {
        let expected = "reading order:1 at http://127.0.0.1:8000 failed: ValidationException: no \
                        (request R1)";
        assert_eq!(refused("ValidationException").with_causes(), expected);
        assert_eq!(
            failed(ErrorMetadata::builder()).with_causes(),
            "reading order:1 at http://127.0.0.1:8000 failed: an error without a code: it says no \
             more"
        );
    }
}
