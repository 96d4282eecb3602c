//! The HTTP interface.
//!
//! | request | answer |
//! |---|---|
//! | `POST /events` | 202 and the event's id, when the document is valid and published; with the role `api` |
//! | `GET /events/{id}` | 200 and what became of the event, or 404 while nothing is known of it; with the role `api` |
//! | `GET /metrics` | the metrics of this process, for Prometheus |
//! | `GET /health` | how the parts are: 200, or 503 when something needs an operator |
//!
//! Pages of other origins may ask (CORS). Errors are problem details (RFC 9457).

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

/// All routes. Pages of these origins may ask, or of all when none are named.
pub fn router(app: App, origins: Vec<HeaderValue>) -> Router {
    // One byte more than a document may have, so that the refusal can say what the limit is.
    const BODY_LIMIT: usize = Document::MAX_SIZE + 1;
    let events = Router::new()
        .route("/events", post(events::submit))
        .route("/events/{id}", get(events::result))
        .layer(DefaultBodyLimit::max(BODY_LIMIT));
    with_fallbacks(events.merge(operations()), app).layer(cors(origins))
}

/// The routes of a process that answers operators only.
pub fn operations_router(app: App) -> Router {
    with_fallbacks(operations(), app)
}

fn operations() -> Router<App> {
    Router::new()
        .route("/metrics", get(operations::metrics))
        .route("/health", get(operations::health))
}

fn with_fallbacks(routes: Router<App>, app: App) -> Router {
    routes
        .fallback(async || Problem::not_found("there is no such resource"))
        .method_not_allowed_fallback(async || {
            Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method-not-allowed",
                "The resource does not have this method",
                "see the Allow header",
            )
        })
        .with_state(app)
}
