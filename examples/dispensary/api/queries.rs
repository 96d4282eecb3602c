//! The requests that look.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use es_core::{StreamId, Version, ViewQuery};
use serde::{Deserialize, Serialize};

use crate::http::{Id, PreferredWait, Problem, Query, etag};

use crate::dispensary::domain::Status;
use crate::dispensary::history;
use crate::dispensary::service::Dispensary;
use crate::dispensary::views::{DispenseDetail, DispenseSummary};

type App = State<Arc<Dispensary>>;

/// How long a request waits for the views. Clients ask again.
fn patience(wait: PreferredWait) -> Duration {
    const PATIENCE: Duration = Duration::from_secs(5);
    /// Well before the server gives a request up.
    const LONGEST: Duration = Duration::from_secs(20);
    wait.0.unwrap_or(PATIENCE).min(LONGEST)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListParameters {
    status: Option<String>,
    after: Option<String>,
    limit: Option<usize>,
}

/// A page of the list.
#[derive(Debug, Serialize)]
struct Page {
    dispenses: Vec<DispenseSummary>,
    /// What to give as `after` for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

pub(super) async fn list(
    State(app): App,
    Query(parameters): Query<ListParameters>,
) -> Result<Response, Problem> {
    const MAX_LIMIT: usize = 1000;
    let ListParameters { status, after, limit } = parameters;
    let limit = limit.unwrap_or(100);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Problem::bad_request(format!(
            "limit is {limit}; it goes from 1 to {MAX_LIMIT}"
        )));
    }
    let mut query = ViewQuery { after, limit, ..ViewQuery::default() };
    if let Some(status) = status {
        let status: Status = status.parse().map_err(Problem::bad_request)?;
        query = query.equals("status", status.as_str());
    }
    let page = app.list.view().list(&query).await?;
    let next = (page.len() == limit).then(|| page.last().map(|(key, _)| key.clone())).flatten();
    let dispenses = page.into_iter().map(|(_, summary)| summary).collect();
    Ok(axum::Json(Page { dispenses, next }).into_response())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DetailParameters {
    version: Option<u64>,
    at_least: Option<u64>,
}

pub(super) async fn detail(
    State(app): App,
    Id(id): Id,
    wait: PreferredWait,
    Query(parameters): Query<DetailParameters>,
) -> Result<Response, Problem> {
    let detail = match parameters {
        DetailParameters { version: Some(_), at_least: Some(_) } => {
            return Err(Problem::bad_request("version and at_least exclude each other"));
        }
        DetailParameters { version: Some(version), .. } => {
            let past = app.dispenses.load_at(&id, Version::new(version)).await?;
            DispenseDetail::of(&id, version, past.into_state())
        }
        DetailParameters { at_least, .. } => {
            if let Some(version) = at_least {
                // What was never started is not worth waiting for.
                let stream = StreamId::new("dispense", &id)?;
                if app.dispenses.store().head(&stream).await?.is_none() {
                    return Err(Problem::not_found("there is no such dispense"));
                }
                app.views_show(&id, Version::new(version), patience(wait)).await?;
            }
            app.details.view().get(&id).await?
        }
    };
    let detail = detail.ok_or_else(|| Problem::not_found("there is no such dispense"))?;
    let tag = etag(Version::new(detail.version));
    Ok(([(header::ETAG, tag)], axum::Json(detail)).into_response())
}

#[derive(Debug, Serialize)]
struct History {
    events: Vec<history::Entry>,
}

pub(super) async fn events(State(app): App, Id(id): Id) -> Result<Response, Problem> {
    let events = history::of(&app.dispenses, &id).await?;
    if events.is_empty() {
        return Err(Problem::not_found("there is no such dispense"));
    }
    Ok(axum::Json(History { events }).into_response())
}
