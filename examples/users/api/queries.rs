//! The requests that look.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use es_core::{Version, ViewQuery};
use serde::{Deserialize, Serialize};

use crate::http::{PreferredWait, Problem, Query, etag};
use crate::users::domain::{Status, User};
use crate::users::history;
use crate::users::service::Users;
use crate::users::views::{UserDetail, UserSummary};

type App = State<Arc<Users>>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListParameters {
    status: Option<String>,
    after: Option<String>,
    limit: Option<usize>,
    of: Option<String>,
    at_least: Option<u64>,
}

/// A page of the list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Page {
    users: Vec<Summary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// A user in the list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Summary {
    #[serde(rename = "UserID")]
    user_id: String,
    name: String,
    status: &'static str,
    sequence: u64,
}

impl From<UserSummary> for Summary {
    fn from(summary: UserSummary) -> Self {
        let UserSummary { user_id, name, status, sequence, .. } = summary;
        Self { user_id, name: name.as_str().to_owned(), status: status.as_str(), sequence }
    }
}

pub(super) async fn list(
    State(app): App,
    wait: PreferredWait,
    Query(parameters): Query<ListParameters>,
) -> Result<Response, Problem> {
    let ListParameters { status, after, limit, of, at_least } = parameters;
    let limit = checked_limit(limit)?;
    match (of, at_least) {
        (Some(user_id), Some(sequence)) => {
            worth_waiting_for(&app, &user_id).await?;
            app.list_shows(&user_id, Version::new(sequence), patience(wait)).await?;
        }
        (None, None) => {}
        _ => return Err(Problem::bad_request("of and at_least go together")),
    }
    if let Some(user_id) = &after {
        User::stream(user_id)?;
    }
    let mut query = ViewQuery { after, limit, ..ViewQuery::default() };
    if let Some(status) = status {
        let status: Status = status.parse().map_err(Problem::bad_request)?;
        query = query.equals("status", status.as_str());
    }
    let page = app.summaries.view().list(&query).await?;
    let next = (page.len() == limit).then(|| page.last().map(|(key, _)| key.clone())).flatten();
    let users = page.into_iter().map(|(_, summary)| summary.into()).collect();
    Ok(axum::Json(Page { users, next }).into_response())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DetailParameters {
    user_id: String,
    at_least: Option<u64>,
}

/// A user in full.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Detail {
    #[serde(rename = "UserID")]
    user_id: String,
    name: String,
    email: String,
    /// In cents.
    balance: u64,
}

impl From<UserDetail> for Detail {
    fn from(detail: UserDetail) -> Self {
        let UserDetail { user_id, account, .. } = detail;
        Self {
            user_id,
            name: account.name.as_str().to_owned(),
            email: account.email.as_str().to_owned(),
            balance: account.balance.as_cents(),
        }
    }
}

pub(super) async fn detail(
    State(app): App,
    wait: PreferredWait,
    Query(parameters): Query<DetailParameters>,
) -> Result<Response, Problem> {
    let DetailParameters { user_id, at_least } = parameters;
    // Keys of documents may be longer than ids.
    User::stream(&user_id)?;
    if let Some(sequence) = at_least {
        worth_waiting_for(&app, &user_id).await?;
        app.detail_shows(&user_id, Version::new(sequence), patience(wait)).await?;
    }
    let detail = app.details.view().get(&user_id).await?.ok_or_else(no_such_user)?;
    let tag = etag(Version::new(detail.sequence));
    Ok(([(header::ETAG, tag)], axum::Json(Detail::from(detail))).into_response())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HistoryParameters {
    user_id: String,
    after: Option<u64>,
    limit: Option<usize>,
}

/// A page of the history.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct History {
    events: Vec<history::Entry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<u64>,
}

pub(super) async fn history(
    State(app): App,
    Query(parameters): Query<HistoryParameters>,
) -> Result<Response, Problem> {
    let HistoryParameters { user_id, after, limit } = parameters;
    let limit = checked_limit(limit)?;
    let events = history::of(&app.users, &user_id, after.unwrap_or(0), limit).await?;
    if events.is_empty() && !app.exists(&user_id).await? {
        return Err(no_such_user());
    }
    let next = (events.len() == limit).then(|| events.last().map(|last| last.sequence)).flatten();
    Ok(axum::Json(History { events, next }).into_response())
}

/// Who was never created is not worth waiting for.
async fn worth_waiting_for(app: &Users, user_id: &str) -> Result<(), Problem> {
    match app.exists(user_id).await? {
        true => Ok(()),
        false => Err(no_such_user()),
    }
}

/// How long a request waits for a read model. Clients ask again.
fn patience(wait: PreferredWait) -> Duration {
    const PATIENCE: Duration = Duration::from_secs(5);
    /// Well before the server gives a request up.
    const LONGEST: Duration = Duration::from_secs(20);
    wait.0.unwrap_or(PATIENCE).min(LONGEST)
}

fn checked_limit(limit: Option<usize>) -> Result<usize, Problem> {
    const MAX_LIMIT: usize = 1000;
    match limit.unwrap_or(100) {
        limit @ 1..=MAX_LIMIT => Ok(limit),
        limit => {
            Err(Problem::bad_request(format!("limit is {limit}; it goes from 1 to {MAX_LIMIT}")))
        }
    }
}

fn no_such_user() -> Problem {
    Problem::not_found("there is no such user")
}
