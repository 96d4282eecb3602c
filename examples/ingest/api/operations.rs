//! What operators ask.

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use es_core::{Health, QueueConsumer, QueueHealth};
use futures::future::try_join_all;
use serde::Serialize;

use crate::http::Problem;
use crate::ingest::watcher::LastScan;

use super::App;

pub(super) async fn metrics(State(app): State<App>) -> Response {
    match app.ingest.dead_letter_count().await {
        Ok(dead_letters) => app.ingest.figures.refresh(dead_letters),
        // The other figures are worth something without it.
        Err(error) => {
            let cause = &error as &dyn std::error::Error;
            tracing::warn!(cause, "the dead letters cannot be counted");
        }
    }
    (&app.metrics).into_response()
}

/// How the parts are.
#[derive(Debug, Serialize)]
struct Report {
    /// Whether nothing needs an operator.
    well: bool,
    /// Those that follow the log.
    consumers: Vec<Health>,
    /// Those that follow a queue.
    queues: Vec<QueueHealth>,
    /// What the last look at the watched directory came to, in a process that watches one.
    directory: Option<LastScan>,
}

pub(super) async fn health(State(app): State<App>) -> Result<Response, Problem> {
    let (consumers, queues) = (app.ingest.consumers(), app.ingest.queue_consumers());
    let queues = try_join_all(queues.into_iter().map(|queue| QueueConsumer::health(queue)));
    let (consumers, queues) = tokio::try_join!(consumers.health(), queues)?;
    let directory = app.ingest.figures.last_scan();
    let well = consumers.iter().all(Health::is_well)
        && queues.iter().all(QueueHealth::is_well)
        && directory.as_ref().is_none_or(LastScan::is_well);
    let code = if well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let report = Report { well, consumers, queues, directory };
    let as_it_is = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((code, as_it_is, axum::Json(report)).into_response())
}
