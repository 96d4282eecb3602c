//! Requests from pages of other origins.

use std::time::Duration;

use axum::http::{HeaderValue, Method, header};
use tower_http::cors::{Any, CorsLayer};

/// Lets pages of these origins ask, or of all when none are named. Who asks has no rights of its own here, so
/// browsers send no credentials.
pub fn cors(origins: Vec<HeaderValue>) -> CorsLayer {
    let layer = CorsLayer::new()
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([header::CONTENT_TYPE])
        .expose_headers([header::LOCATION, header::RETRY_AFTER])
        .max_age(Duration::from_secs(60 * 60));
    match origins.is_empty() {
        true => layer.allow_origin(Any),
        false => layer.allow_origin(origins),
    }
}
