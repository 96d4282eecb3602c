//! The main job: prescription files in, dispenses out.
//!
//! Each file goes through its whole life by the API's own code path: the same router that `serve`
//! puts on a port, called in process.

use std::path::{Path, PathBuf};

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use http_body_util::BodyExt as _;
use serde::Deserialize;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::domain::Drug;
use super::files::{FileError, PrescriptionFiles};
use super::prescription::PrescribedDrug;
use super::views::DispenseDetail;

/// A prescription to be dispensed.
#[derive(Debug)]
pub struct PrescriptionText {
    /// Where it was read from.
    pub path: PathBuf,
    /// What it says.
    pub text: String,
}

/// Why prescriptions cannot be taken from a directory, or a dispense could not go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JourneyError {
    /// The directory cannot be read.
    #[error("the directory {} cannot be read", .path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// There is nothing to do.
    #[error("there are no .txt files in {}", .0.display())]
    Empty(PathBuf),
    /// A file cannot be read.
    #[error("the file {} cannot be read", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// A file is no prescription text.
    #[error("the file {} cannot be taken", .path.display())]
    Refused {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: FileError,
    },
    /// The API refused a request.
    #[error("{request} was answered {status}: {problem}")]
    Api {
        /// The request.
        request: String,
        /// The status code.
        status: StatusCode,
        /// The problem's type, as in `/problems/parked`.
        kind: String,
        /// The problem's details.
        problem: String,
    },
    /// The API gave an answer that is none.
    #[error("{request} was answered with something unexpected")]
    Answer {
        /// The request.
        request: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// Reads all `.txt` files of a directory, in the order of their names. Nothing is begun before all
/// of them can be taken.
///
/// # Errors
///
/// [`JourneyError`] naming the directory or the file.
pub fn read_prescriptions(directory: &Path) -> Result<Vec<PrescriptionText>, JourneyError> {
    let cannot = |source| JourneyError::Directory { path: directory.to_owned(), source };
    let mut paths = std::fs::read_dir(directory)
        .map_err(cannot)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(cannot)?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
    paths.sort();
    if paths.is_empty() {
        return Err(JourneyError::Empty(directory.to_owned()));
    }
    paths.into_iter().map(read_prescription).collect()
}

fn read_prescription(path: PathBuf) -> Result<PrescriptionText, JourneyError> {
    let content = match std::fs::read(&path) {
        Ok(content) => content,
        Err(source) => return Err(JourneyError::Unreadable { path, source }),
    };
    if let Err(source) = PrescriptionFiles::check("text/plain", &content) {
        return Err(JourneyError::Refused { path, source });
    }
    match String::from_utf8(content) {
        Ok(text) => Ok(PrescriptionText { path, text }),
        Err(_) => Err(JourneyError::Refused { path, source: FileError::NotText }),
    }
}

/// A dispense that does not go on before an operator has looked at it.
#[derive(Debug, thiserror::Error)]
#[error("the dispense {id} of {} does not go on: {reason}", .prescription.display())]
pub struct ParkedDispense {
    /// Its id.
    pub id: String,
    /// Where its prescription was read from.
    pub prescription: PathBuf,
    /// What holds it up.
    pub reason: String,
}

/// How one dispense ended.
type Dispensed = Result<(), ParkedDispense>;

/// Dispenses prescriptions through the API.
#[derive(Debug, Clone)]
pub struct Journey {
    router: Router,
}

/// The type of the problem that an operator has to look at.
const PARKED: &str = "/problems/parked";

/// What the API answers to a command.
#[derive(Debug, Deserialize)]
struct Accepted {
    id: String,
    version: u64,
}

impl Journey {
    /// Journeys through `router`, whose workers run.
    pub fn new(router: Router) -> Self {
        Self { router }
    }

    /// Drives every prescription through its life, several at a time, and waits until the views
    /// show all of it. Returns the dispenses that an operator has to look at; the others do not wait
    /// for them.
    ///
    /// # Errors
    ///
    /// The first request that was refused.
    pub async fn dispense_all(
        &self,
        prescriptions: Vec<PrescriptionText>,
    ) -> Result<Vec<ParkedDispense>, JourneyError> {
        const AT_A_TIME: usize = 8;
        let dispensed: Vec<Dispensed> = stream::iter(prescriptions)
            .map(|prescription| self.dispense(prescription))
            .buffer_unordered(AT_A_TIME)
            .try_collect()
            .await?;
        Ok(dispensed.into_iter().filter_map(Result::err).collect())
    }

    async fn dispense(&self, prescription: PrescriptionText) -> Result<Dispensed, JourneyError> {
        let PrescriptionText { path, text } = prescription;
        let Accepted { id, .. } = self.command("/dispenses", Body::empty(), None).await?;
        match self.go_through_life(&id, text).await {
            Err(JourneyError::Api { kind, problem, .. }) if kind == PARKED => {
                Ok(Err(ParkedDispense { id, prescription: path, reason: problem }))
            }
            lived => lived.map(Ok),
        }
    }

    async fn go_through_life(&self, id: &str, prescription: String) -> Result<(), JourneyError> {
        let at = |step: &str| format!("/dispenses/{id}/{step}");
        let text = Body::from(prescription);
        let uploaded = self.command(&at("prescription"), text, Some("text/plain")).await?;
        // The event after the upload is the analysis.
        let analyzed = self.detail(id, uploaded.version + 1).await?;
        let Some(findings) = analyzed.findings else { return Ok(()) };

        let mut version = analyzed.version;
        if let Some(reason) = findings.cancelled {
            version = self.command_json(&at("cancel"), json!({ "reason": reason })).await?.version;
        } else {
            if let Some(patient) = &findings.patient {
                let body = json!({
                    "name": patient.name,
                    "date_of_birth": patient.date_of_birth,
                });
                version = self.command_json(&at("patient"), body).await?.version;
            }
            let drugs: Vec<Drug> = findings.items.iter().map(Drug::from).collect();
            let legible = findings.patient.is_some() && findings.unreadable.is_empty();
            let can_complete = legible && !drugs.is_empty();
            if !drugs.is_empty() {
                version = self.command_json(&at("drugs"), json!({ "drugs": drugs })).await?.version;
            }
            if can_complete {
                version = self.command(&at("complete"), Body::empty(), None).await?.version;
            }
            // What could not be read in full stays ready: a pharmacist has to look at it.
        }
        self.detail(id, version).await.map(drop)
    }

    async fn command_json(&self, path: &str, body: Value) -> Result<Accepted, JourneyError> {
        self.command(path, Body::from(body.to_string()), Some("application/json")).await
    }

    async fn command(
        &self,
        path: &str,
        body: Body,
        content_type: Option<&str>,
    ) -> Result<Accepted, JourneyError> {
        let mut request = Request::post(path);
        if let Some(content_type) = content_type {
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        self.ask(format!("POST {path}"), request.body(body)).await
    }

    /// The detail, once the views show at least `version`.
    async fn detail(&self, id: &str, version: u64) -> Result<DispenseDetail, JourneyError> {
        /// Each try waits for the views on the server's side; together they are a minute.
        const TRIES: u32 = 12;
        let path = format!("/dispenses/{id}?at_least={version}");
        let mut tries = 1;
        loop {
            let request = Request::get(&path).body(Body::empty());
            match self.ask(format!("GET {path}"), request).await {
                Err(JourneyError::Api { status: StatusCode::SERVICE_UNAVAILABLE, .. })
                    if tries < TRIES =>
                {
                    tries += 1;
                }
                result => return result,
            }
        }
    }

    async fn ask<T: for<'de> Deserialize<'de>>(
        &self,
        what: String,
        request: Result<Request<Body>, axum::http::Error>,
    ) -> Result<T, JourneyError> {
        let unexpected = |problem: String| JourneyError::Api {
            request: what.clone(),
            status: StatusCode::INTERNAL_SERVER_ERROR,
            kind: String::new(),
            problem,
        };
        let request = request.map_err(|error| unexpected(error.to_string()))?;
        let response = match self.router.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        let status = response.status();
        let body = response.into_body().collect().await;
        let body = body.map_err(|error| unexpected(error.to_string()))?.to_bytes();
        if !status.is_success() {
            let problem: Value = serde_json::from_slice(&body).unwrap_or_default();
            let text = |field: &str| problem[field].as_str().map(str::to_owned);
            let kind = text("type").unwrap_or_default();
            let problem = text("detail").unwrap_or_else(|| "no details".to_owned());
            return Err(JourneyError::Api { request: what, status, kind, problem });
        }
        serde_json::from_slice(&body)
            .map_err(|source| JourneyError::Answer { request: what, source })
    }
}

impl From<&PrescribedDrug> for Drug {
    fn from(item: &PrescribedDrug) -> Self {
        Self {
            name: item.drug.clone(),
            strength: item.strength.as_ref().map(ToString::to_string),
            directions: directions(item),
            quantity: item.quantity.as_ref().map(ToString::to_string),
        }
    }
}

/// How the drug is to be used, in words; `None` if the prescription does not say.
fn directions(item: &PrescribedDrug) -> Option<String> {
    let parts = [
        item.dose.map(|dose| dose.to_string()),
        item.route.map(|route| route.to_string()),
        item.frequency.as_ref().map(ToString::to_string),
        item.food.map(|food| food.to_string()),
        item.duration.map(|course| course.to_string()),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().chain(item.remarks.clone()).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}
