//! The request of probes.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::dispensary::health;
use crate::dispensary::service::Dispensary;
use crate::http::Problem;

/// The same report whether all is well or not: it is an answer, not a failed request.
pub(super) async fn health(State(app): State<Arc<Dispensary>>) -> Result<Response, Problem> {
    let report = health::of(&app).await?;
    let status = if report.well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let as_it_is = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((status, as_it_is, axum::Json(report)).into_response())
}
