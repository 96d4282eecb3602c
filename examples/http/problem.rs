//! Errors as problem details (RFC 9457).

use std::error::Error as StdError;

use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// An error as a client gets it: `application/problem+json`.
#[derive(Debug, Clone, Serialize)]
pub struct Problem {
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    status: u16,
    detail: String,
    #[serde(skip)]
    code: StatusCode,
}

impl Problem {
    /// A problem of a `kind` that clients can tell apart, as in `version-mismatch`.
    pub fn new(code: StatusCode, kind: &str, title: &'static str, detail: impl ToString) -> Self {
        let (status, kind) = (code.as_u16(), format!("/problems/{kind}"));
        Self { kind, title, status, detail: detail.to_string(), code }
    }

    /// A request that cannot be understood.
    pub fn bad_request(detail: impl ToString) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", "The request is not valid", detail)
    }

    /// Something that may work later. Why it does not now is for the log: it names what is inside.
    pub fn unavailable() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "It did not work now; try again",
            "the operator finds the reason in the log",
        )
    }

    /// Something that is not there.
    pub fn not_found(detail: impl ToString) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "There is no such thing", detail)
    }
}

impl From<es_core::Error> for Problem {
    fn from(error: es_core::Error) -> Self {
        use es_core::Error;
        match &error {
            Error::InvalidId { .. } => Self::bad_request(error),
            Error::NoSuchVersion { .. } => Self::not_found(error),
            Error::VersionMismatch { .. } => Self::new(
                StatusCode::PRECONDITION_FAILED,
                "version-mismatch",
                "It has changed since it was read",
                error,
            ),
            Error::IdempotencyKeyReused { .. } => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "idempotency-key-reused",
                "The idempotency key belongs to another request",
                error,
            ),
            Error::LimitExceeded { .. } => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "It is too large", error)
            }
            Error::MetadataTooLarge { .. } => Self::bad_request(error),
            Error::DeadlineExceeded { .. } => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "not-yet",
                "It has not come that far yet; try again",
                error,
            ),
            Error::Paused { .. } => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "paused",
                "It rests; try again later",
                error,
            ),
            // Not a 503: trying again helps only after an operator has looked at it.
            Error::Parked { .. } => Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "parked",
                "It waits for an operator",
                error,
            ),
            _ if error.is_transient() => {
                tracing::warn!(error = &error as &dyn StdError, "a request did not work for now");
                Self::unavailable()
            }
            _ => {
                // What is broken inside is for the log, not for the client.
                tracing::error!(error = &error as &dyn StdError, "a request failed");
                Self::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "internal",
                    "Something is broken",
                    "the operator finds the reason in the log",
                )
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_string(&self).unwrap_or_default();
        let mut response = (self.code, body).into_response();
        let headers = response.headers_mut();
        let kind = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, kind);
        if self.code == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

/// A JSON request body whose refusals are problems too.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<T, S> FromRequest<S> for Json<T>
where
    axum::Json<T>: FromRequest<S, Rejection = JsonRejection>,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        match axum::Json::from_request(request, state).await {
            Ok(axum::Json(body)) => Ok(Self(body)),
            Err(rejection) => Err(Problem::new(
                rejection.status(),
                "bad-body",
                "The request body is not valid",
                rejection.body_text(),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use es_core::StreamId;

    use super::*;

    #[test]
    fn only_who_need_not_wait_for_an_operator_is_asked_to_try_again() {
        let (consumer, stream) = ("policy".to_owned(), StreamId::new("dispense", "d").unwrap());
        let paused = es_core::Error::Paused { consumer: consumer.clone() };
        let parked = es_core::Error::Parked { consumer, stream };
        for (error, status, again) in [(paused, 503, true), (parked, 500, false)] {
            let response = Problem::from(error).into_response();
            assert_eq!(response.status(), status);
            assert_eq!(response.headers().contains_key(header::RETRY_AFTER), again);
        }
    }
}
