//! A health report as an answer.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::health::HealthReport;

impl IntoResponse for HealthReport {
    /// The same report whether all is well or not: it is an answer, not a failed request.
    fn into_response(self) -> Response {
        let status = if self.well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        let as_it_is = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
        (status, as_it_is, axum::Json(self)).into_response()
    }
}
