//! The HTTP interface.
//!
//! | request | answer |
//! |---|---|
//! | `POST /dispenses` | 201, starts a dispense |
//! | `GET /dispenses?status=&after=&limit=` | 200, a page of the list, ordered by id |
//! | `GET /dispenses/{id}` | 200, the detail view; `?version=N` the state at that version, `?at_least=N` waits until the views show that version: 5 seconds, or as long as `Prefer: wait=SECONDS` says, up to 20 |
//! | `GET /dispenses/{id}/events` | 200, the event history |
//! | `POST /dispenses/{id}/prescription` | 202, takes a `text/plain` file; it is analyzed in the background |
//! | `POST /dispenses/{id}/patient`, `/drugs`, `/complete`, `/cancel` | 200 |
//! | `GET /health` | how the policy and the projections are: 200, or 503 when something needs an operator |
//!
//! Every answer to a command has the new version as `ETag`. Commands take `If-Match` and
//! `Idempotency-Key`; errors are problem details (RFC 9457).
//!
//! What waits in the dead letters answers `?at_least=N` at once, with a 500 of the type
//! `/problems/parked`: a 503 would ask clients to try again, and that does not help before an operator
//! has looked at it. What is paused is a 503 of the type `/problems/paused`. All other requests are
//! answered as ever: commands, and views as far as they have come.

mod commands;
mod health;
mod queries;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::routing::{get, post};
use es_core::ExecuteError;

use crate::http::Problem;

use super::domain::DispenseError;
use super::files::{FileError, PrescriptionFiles};
use super::service::Dispensary;

/// The routes, on a dispensary whose workers run.
pub fn router(dispensary: Arc<Dispensary>) -> Router {
    // One byte more than a prescription may have, so that the refusal can say what the limit is.
    const BODY_LIMIT: usize = PrescriptionFiles::MAX_SIZE + 1;
    Router::new()
        .route("/dispenses", post(commands::start).get(queries::list))
        .route("/dispenses/{id}", get(queries::detail))
        .route("/dispenses/{id}/events", get(queries::events))
        .route("/dispenses/{id}/prescription", post(commands::upload_prescription))
        .route("/dispenses/{id}/patient", post(commands::add_patient))
        .route("/dispenses/{id}/drugs", post(commands::add_drugs))
        .route("/dispenses/{id}/complete", post(commands::complete))
        .route("/dispenses/{id}/cancel", post(commands::cancel))
        .route("/health", get(health::health))
        .fallback(async || Problem::not_found("there is no such resource"))
        .method_not_allowed_fallback(async || {
            Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method-not-allowed",
                "The resource does not have this method",
                "see the Allow header",
            )
        })
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(dispensary)
}

impl From<ExecuteError<DispenseError>> for Problem {
    fn from(error: ExecuteError<DispenseError>) -> Self {
        match error {
            ExecuteError::Failed(error) => error.into(),
            ExecuteError::Rejected(DispenseError::NotStarted) => {
                Self::not_found(DispenseError::NotStarted)
            }
            ExecuteError::Rejected(
                rejection @ (DispenseError::PatientWithoutName
                | DispenseError::InvalidDateOfBirth
                | DispenseError::NoDrugs
                | DispenseError::DrugWithoutName
                | DispenseError::ReasonMissing),
            ) => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "incomplete",
                "The request lacks something",
                rejection,
            ),
            ExecuteError::Rejected(rejection) => Self::new(
                StatusCode::CONFLICT,
                "not-allowed-now",
                "The dispense's state does not allow it",
                rejection,
            ),
        }
    }
}

impl From<FileError> for Problem {
    fn from(error: FileError) -> Self {
        let (code, kind, title) = match &error {
            FileError::TooLarge(_) => {
                (StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The file is too large")
            }
            FileError::ContentType(_) => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "media-type",
                "Files of this type are not taken",
            ),
            FileError::Empty | FileError::NotText => {
                (StatusCode::UNPROCESSABLE_ENTITY, "bad-file", "The file cannot be used")
            }
            FileError::Missing(_) | FileError::Damaged(_) | FileError::Store(_) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "a file is not available"
                );
                return Self::unavailable();
            }
        };
        Self::new(code, kind, title, error)
    }
}
