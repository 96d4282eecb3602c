//! The requests that change something.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use es_core::{CommitId, Receipt, StreamId};
use serde::{Deserialize, Serialize};

use crate::http::{Id, Json, Preconditions, Problem, etag};

use crate::dispensary::domain::{DispenseCommand, Drug, Patient};
use crate::dispensary::files::{FileError, PrescriptionFiles};
use crate::dispensary::service::Dispensary;

type App = State<Arc<Dispensary>>;

/// The answer to a command.
#[derive(Debug, Serialize)]
struct Accepted<'a> {
    id: &'a str,
    version: u64,
    /// The names of the events that the command led to.
    events: Vec<&'a str>,
}

fn accepted(status: StatusCode, receipt: &Receipt) -> Response {
    let events = receipt.commit().map(|commit| commit.events().names().map(|(name, _)| name));
    let body = Accepted {
        id: receipt.stream().id(),
        version: receipt.version().get(),
        events: events.into_iter().flatten().collect(),
    };
    (status, [(header::ETAG, etag(receipt.version()))], axum::Json(body)).into_response()
}

pub(super) async fn start(
    State(app): App,
    preconditions: Preconditions,
) -> Result<Response, Problem> {
    // The id comes from the idempotency key, so that the repeated request is for the same dispense.
    let id = match preconditions.idempotency_key() {
        Some(key) => {
            // Checked here, as the key ends up inside another name.
            StreamId::new("start", key)?;
            CommitId::derive(&StreamId::new("dispense", "start")?, key).to_string()
        }
        None => uuid::Uuid::now_v7().to_string(),
    };
    let options = preconditions.options(&"start")?;
    let receipt = app.dispenses.execute_with(&id, DispenseCommand::Start, options).await?;
    let mut response = accepted(StatusCode::CREATED, &receipt);
    if let Ok(location) = format!("/dispenses/{id}").parse() {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

pub(super) async fn upload_prescription(
    State(app): App,
    Id(id): Id,
    preconditions: Preconditions,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Problem> {
    let content_type = match headers.get(header::CONTENT_TYPE) {
        Some(value) => String::from_utf8_lossy(value.as_bytes()).into_owned(),
        None => return Err(FileError::ContentType(String::new()).into()),
    };
    let content = Bytes::from_request(request, &()).await.map_err(|rejection| {
        Problem::new(
            rejection.status(),
            "bad-body",
            "The file was not taken",
            rejection.body_text(),
        )
    })?;
    let file = PrescriptionFiles::check(&content_type, &content)?;
    // A file is stored only for a dispense that is there: before the event that speaks of it.
    let stream = StreamId::new("dispense", &id)?;
    if app.dispenses.store().head(&stream).await?.is_none() {
        return Err(Problem::not_found("there is no such dispense"));
    }
    app.files.store(&file, content).await?;
    let options = preconditions.options(&("prescription", &file.sha256))?;
    let command = DispenseCommand::UploadPrescription(file);
    let receipt = app.dispenses.execute_with(&id, command, options).await?;
    Ok(accepted(StatusCode::ACCEPTED, &receipt))
}

pub(super) async fn add_patient(
    State(app): App,
    Id(id): Id,
    preconditions: Preconditions,
    Json(patient): Json<Patient>,
) -> Result<Response, Problem> {
    let options = preconditions.options(&("patient", &patient))?;
    execute(&app, &id, DispenseCommand::AddPatient(patient), options).await
}

/// The body of `POST …/drugs`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Drugs {
    drugs: Vec<Drug>,
}

pub(super) async fn add_drugs(
    State(app): App,
    Id(id): Id,
    preconditions: Preconditions,
    Json(body): Json<Drugs>,
) -> Result<Response, Problem> {
    let options = preconditions.options(&("drugs", &body))?;
    execute(&app, &id, DispenseCommand::AddDrugs(body.drugs), options).await
}

pub(super) async fn complete(
    State(app): App,
    Id(id): Id,
    preconditions: Preconditions,
) -> Result<Response, Problem> {
    let options = preconditions.options(&"complete")?;
    execute(&app, &id, DispenseCommand::Complete, options).await
}

/// The body of `POST …/cancel`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cancellation {
    reason: String,
}

pub(super) async fn cancel(
    State(app): App,
    Id(id): Id,
    preconditions: Preconditions,
    Json(body): Json<Cancellation>,
) -> Result<Response, Problem> {
    let options = preconditions.options(&("cancel", &body))?;
    execute(&app, &id, DispenseCommand::Cancel { reason: body.reason }, options).await
}

async fn execute(
    app: &Dispensary,
    id: &str,
    command: DispenseCommand,
    options: es_core::ExecuteOptions,
) -> Result<Response, Problem> {
    let receipt = app.dispenses.execute_with(id, command, options).await?;
    Ok(accepted(StatusCode::OK, &receipt))
}
