//! Submitting events, and asking what became of them.

use axum::body::Bytes;
use axum::extract::{FromRequest as _, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use es_core::cloud_events::Source;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::http::{Id, Problem};

use crate::ingest::reading::{Document, EventId, Invalid, Reading};
use crate::ingest::results::Results as _;
use crate::ingest::submission::Submission;

use super::App;

/// The answer to a submission.
#[derive(Debug, Serialize)]
struct Submitted {
    /// The event's id.
    id: EventId,
    /// What tells the reading from others. The result has one, too: where it is another one, so is the reading.
    digest: String,
    /// Where its result is to be had.
    result: String,
}

pub(super) async fn submit(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    check_content_type(&request)?;
    let content = Bytes::from_request(request, &()).await.map_err(|rejection| {
        let (code, detail) = (rejection.status(), rejection.body_text());
        Problem::new(code, "bad-body", "The document was not taken", detail)
    })?;
    // Who asks is there to hear what is wrong; what comes in a file is told to the dead letters.
    let Document { id, reading } = Document::read(&content);
    let reading = reading?;
    check_id_is_free(&app, &id, &reading).await?;
    let document: Box<RawValue> = serde_json::from_slice(&content).map_err(Invalid::from)?;
    let submission = Submission::of_document(&id, &document, Source::new("/ingest/http")?)?;
    app.ingest.publisher.publish(&submission).await?;
    let result = format!("/events/{id}");
    let location = [(header::LOCATION, result.clone())];
    let submitted = Submitted { id, digest: reading.digest(), result };
    Ok((StatusCode::ACCEPTED, location, axum::Json(submitted)).into_response())
}

/// Refuses another reading under an id that is known to have one. As far as it is known: two that come at the same
/// time are both published, and one of them becomes a dead letter.
async fn check_id_is_free(app: &App, id: &EventId, reading: &Reading) -> Result<(), Problem> {
    // Without records it is decided later, by the log.
    let Ok(Some(record)) = app.ingest.records.find(id).await else { return Ok(()) };
    match record.reading {
        Some(accepted) if accepted != *reading => Err(Problem::new(
            StatusCode::CONFLICT,
            "another-reading",
            "The id belongs to another reading",
            format!(
                "the digest of that one is {}, and of this one {}",
                accepted.digest(),
                reading.digest()
            ),
        )),
        _ => Ok(()),
    }
}

fn check_content_type(request: &Request) -> Result<(), Problem> {
    let given = request.headers().get(header::CONTENT_TYPE).map(|value| value.as_bytes());
    let given = String::from_utf8_lossy(given.unwrap_or_default());
    let media_type = given.split(';').next().unwrap_or_default().trim();
    if media_type.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "media-type",
        "Documents of this type are not taken",
        format!("the document is {given:?}; application/json is taken"),
    ))
}

pub(super) async fn result(State(app): State<App>, Id(id): Id) -> Result<Response, Problem> {
    let id: EventId = id.parse().map_err(|invalid: Invalid| Problem::bad_request(invalid))?;
    match app.ingest.records.find(&id).await? {
        Some(record) => Ok(axum::Json(record).into_response()),
        None => Err(Problem::not_found(format!("nothing is known of the event {id}, or no more"))),
    }
}

impl From<Invalid> for Problem {
    fn from(invalid: Invalid) -> Self {
        let (code, kind, title) = match &invalid {
            Invalid::TooLarge => {
                (StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The document is too large")
            }
            Invalid::NotText | Invalid::NotJson { .. } => {
                (StatusCode::BAD_REQUEST, "bad-body", "The document cannot be read")
            }
            _ => (StatusCode::UNPROCESSABLE_ENTITY, "invalid", "The document is not valid"),
        };
        Self::new(code, kind, title, invalid)
    }
}
