//! The HTTP interface.
//!
//! | request | answer |
//! |---|---|
//! | `POST /events` | 202, the event's id and the digest of the reading, when the document is valid and published; 409 when the id is known to belong to another reading; with the role `api` |
//! | `GET /events/{id}` | 200 and what became of the event, or 404 while nothing is known of it; with the role `api` |
//! | `GET /metrics` | the metrics of this process, for Prometheus |
//! | `GET /health` | how the parts are: 200, or 503 when something needs an operator |
//!
//! Pages of other origins may submit events and ask for results (CORS), but not for metrics and health: those are
//! for operators. Errors are problem details (RFC 9457).

mod events;
mod operations;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, StatusCode};
use axum::routing::{get, post};

use crate::http::{Metrics, Problem, cors};

use super::reading::Document;
use super::service::Ingest;

/// What requests are answered with.
#[derive(Debug, Clone)]
pub struct App {
    /// The system.
    pub ingest: Arc<Ingest>,
    /// What this process has counted.
    pub metrics: Metrics,
}

/// All routes. Pages of these origins may submit and ask for results, or of all when none are named.
pub fn router(app: App, origins: Vec<HeaderValue>) -> Router {
    with_fallback(events().layer(cors(origins)).merge(operations()), app)
}

/// The routes for those who submit and ask for results. Somebody in front of them answers pages of other origins, and tells
/// operators how it goes.
pub fn events_router(app: App) -> Router {
    with_fallback(events(), app)
}

/// The routes of a process that answers operators only.
pub fn operations_router(app: App) -> Router {
    with_fallback(operations(), app)
}

fn events() -> Router<App> {
    // One byte more than a document may have, so that the refusal can say what the limit is.
    const BODY_LIMIT: usize = Document::MAX_SIZE + 1;
    Router::new()
        .route("/events", post(events::submit))
        .route("/events/{id}", get(events::result))
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
}

fn operations() -> Router<App> {
    Router::new()
        .route("/metrics", get(operations::metrics))
        .route("/health", get(operations::health))
        .method_not_allowed_fallback(method_not_allowed)
}

async fn method_not_allowed() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method-not-allowed",
        "The resource does not have this method",
        "see the Allow header",
    )
}

fn with_fallback(routes: Router<App>, app: App) -> Router {
    routes.fallback(async || Problem::not_found("there is no such resource")).with_state(app)
}
