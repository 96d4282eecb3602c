//! The HTTP interface.
//!
//! | request | answer |
//! |---|---|
//! | `POST /command` | 200, [records what happens](#commands) |
//! | `GET /list?status=&after=&limit=` | 200, a page of the summaries, ordered by the user's id |
//! | `GET /detail?user_id=` | 200, one user; the sequence number as `ETag` |
//! | `GET /history?user_id=&after=&limit=` | 200, the keys, types and times of the user's events; no payloads |
//! | `GET /health` | how the projections are: 200, or 503 when something needs an operator |
//!
//! Errors are problem details (RFC 9457). Nothing in them says what a user is called or has.
//!
//! # Commands
//!
//! ```json
//! {"user_id": "u-1", "event_type": "BALANCE_CREDITED", "payload": {"amount": 1250}}
//! {"message": "it is recorded", "aggregate_id": "u-1", "event_type": "BALANCE_CREDITED", "sequence": 2}
//! ```
//!
//! The event types and what they take are those of [`EventType`](super::domain::EventType). The client chooses the
//! user's id: up to 200 bytes without control characters. An amount is a whole number of cents, from 1 to
//! 9007199254740991. The sequence number, which is also the `ETag`, is the user's newest after the command; a command
//! that changes nothing, as a name that the user has already, leaves it as it was.
//!
//! `Idempotency-Key` lets a request be repeated: it has its effect once, and each time the same answer. A key belongs
//! to one request about one user; other users have keys of their own. `If-Match` lets a request have its effect only
//! if the user is still at that sequence number.
//!
//! | status | type | |
//! |---|---|---|
//! | 400 | `/problems/bad-body`, `/problems/bad-request` | it is no JSON; the id or a header cannot be one |
//! | 404 | `/problems/not-found` | there is no such user |
//! | 409 | `/problems/not-allowed-now` | the user exists already, is deactivated, or the balance does not allow it |
//! | 412 | `/problems/version-mismatch` | the user is at another sequence number than `If-Match` says |
//! | 413 | `/problems/bad-body` | it is larger than 16 KiB |
//! | 415 | `/problems/bad-body` | it is not `application/json` |
//! | 422 | `/problems/unknown-event-type`, `/problems/bad-command`, `/problems/idempotency-key-reused` | it says something that cannot be meant |
//!
//! # Queries
//!
//! ```json
//! {"UserID": "u-1", "Name": "Ada Example", "Email": "ada@example.org", "Balance": 1250}
//! {"Users": [{"UserID": "u-1", "Name": "Ada Example", "Status": "active", "Sequence": 2}], "Next": "u-1"}
//! {"Events": [{"AggregateID": "u-1", "Sequence": 1, "Type": "USER_CREATED", "Time": "2026-03-01T12:00:00Z"}]}
//! ```
//!
//! The balance is in cents. `Next` is what to give as `after` for the next page, and absent on the last one. A
//! user who is deactivated has a detail as before.
//!
//! List and detail follow the log and may be behind. `GET /detail?user_id=U&at_least=N` waits until the detail shows
//! the user at the sequence number N that a command was answered with, and `GET /list?of=U&at_least=N` until the list
//! does. They wait 5 seconds, or as long as `Prefer: wait=SECONDS` says, up to 20, and are then answered with a 503 of
//! the type `/problems/not-yet`: the command stands, and it can be asked again. What waits in the dead letters
//! is a 500 of the type `/problems/parked` at once, and what is paused a 503 of the type `/problems/paused`. The history
//! is read from the log itself, and is never behind.

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

use super::command_request::InvalidRequest;
use super::domain::UserError;
use super::service::Users;

/// The routes, on a system whose workers run.
pub fn router(users: Arc<Users>) -> Router {
    /// Far more than any command has.
    const BODY_LIMIT: usize = 16 * 1024;
    Router::new()
        .route("/command", post(commands::command))
        .route("/list", get(queries::list))
        .route("/detail", get(queries::detail))
        .route("/history", get(queries::history))
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
        .with_state(users)
}

impl From<InvalidRequest> for Problem {
    fn from(error: InvalidRequest) -> Self {
        let (kind, title) = match error {
            InvalidRequest::UnknownType(_) => {
                ("unknown-event-type", "There is no such type of event")
            }
            _ => ("bad-command", "The request is no command"),
        };
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, kind, title, error)
    }
}

impl From<ExecuteError<UserError>> for Problem {
    fn from(error: ExecuteError<UserError>) -> Self {
        match error {
            ExecuteError::Failed(error) => error.into(),
            ExecuteError::Rejected(rejection @ UserError::NotCreated) => Self::not_found(rejection),
            ExecuteError::Rejected(rejection @ UserError::NoAmount) => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "bad-command",
                "The request is no command",
                rejection,
            ),
            ExecuteError::Rejected(
                rejection @ (UserError::AlreadyCreated
                | UserError::Deactivated
                | UserError::InsufficientBalance
                | UserError::BalanceTooLarge),
            ) => Self::new(
                StatusCode::CONFLICT,
                "not-allowed-now",
                "The user's state does not allow it",
                rejection,
            ),
        }
    }
}
