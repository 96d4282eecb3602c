//! The request that changes something.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use es_core::Receipt;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::http::{Json, Preconditions, Problem, etag};
use crate::users::command_request::CommandRequest;
use crate::users::service::Users;

/// The answer to a command.
#[derive(Debug, Serialize)]
struct Accepted<'a> {
    message: &'static str,
    aggregate_id: &'a str,
    event_type: &'static str,
    sequence: u64,
}

pub(super) async fn command(
    State(app): State<Arc<Users>>,
    preconditions: Preconditions,
    // Raw, as a reader of more would quote in its errors where in the body it was.
    Json(body): Json<Box<RawValue>>,
) -> Result<Response, Problem> {
    let CommandRequest { user_id, event_type, command } = CommandRequest::of(&value_of(&body)?)?;
    let options = preconditions.options(&command)?;
    let receipt = app.users.execute_with(&user_id, command, options).await?;
    let accepted = Accepted {
        message: message_of(&receipt),
        aggregate_id: receipt.stream().id(),
        event_type: event_type.as_str(),
        sequence: receipt.version().get(),
    };
    Ok(([(header::ETAG, etag(receipt.version()))], axum::Json(accepted)).into_response())
}

/// What is JSON by its signs can still be nested too deeply, or have numbers that no computer has.
fn value_of(body: &RawValue) -> Result<Value, Problem> {
    serde_json::from_str(body.get()).map_err(|_| {
        Problem::new(
            StatusCode::BAD_REQUEST,
            "bad-body",
            "The request body is not valid",
            "it is nested too deeply, or has a number that is too large",
        )
    })
}

/// A repeated request is answered as it was the first time.
fn message_of(receipt: &Receipt) -> &'static str {
    match receipt.commit() {
        Some(_) => "it is recorded",
        None => "nothing has changed",
    }
}
