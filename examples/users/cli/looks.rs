//! Looking at users, and at how the projections are.

use es_core::{Error, ViewQuery};
use futures::TryStreamExt as _;

use crate::aws::Place;
use crate::command_line::{AnyError, Limit, print};
use crate::health::{self, health_table};
use crate::users::domain::Status;
use crate::users::history;
use crate::users::report::{history_table, user_text, users_table};
use crate::users::service::Users;
use crate::users::views::{UserDetail, UserSummary};

use super::opened::Opened;

pub(super) async fn list(
    place: &Place,
    status: Option<Status>,
    json: bool,
) -> Result<(), AnyError> {
    let opened = Opened::existing(place).await?;
    match opened.users.summaries.catch_up().await {
        // An old list is better than none.
        Err(Error::Paused { consumer }) => {
            eprintln!("note: {consumer} is paused; this is the list as it was then");
        }
        caught_up => drop(caught_up?),
    }
    let users = summaries(&opened.users, status).await?;
    print(json, &users, || match users.as_slice() {
        [] => "there are none".to_owned(),
        users => users_table(users),
    })?;
    opened.close().await
}

/// All users of the list, page by page.
async fn summaries(users: &Users, status: Option<Status>) -> Result<Vec<UserSummary>, AnyError> {
    const PAGE: usize = 500;
    let mut query = ViewQuery::default().limit(PAGE);
    if let Some(status) = status {
        query = query.equals("status", status.as_str());
    }
    let all = users.summaries.view().all(query);
    Ok(all.map_ok(|(_, summary)| summary).try_collect().await?)
}

/// From the log, which is never behind.
pub(super) async fn show(place: &Place, user_id: &str, json: bool) -> Result<(), AnyError> {
    let opened = Opened::existing(place).await?;
    let loaded = opened.users.users.load(user_id).await?;
    let sequence = loaded.version().get();
    let detail = UserDetail::of(user_id, sequence, loaded.into_state())
        .ok_or_else(|| format!("there is no user {user_id}"))?;
    print(json, &detail, || user_text(&detail))?;
    opened.close().await
}

pub(super) async fn history(
    place: &Place,
    user_id: &str,
    after: u64,
    limit: Limit,
    json: bool,
) -> Result<(), AnyError> {
    let opened = Opened::existing(place).await?;
    let mut entries = history::of(&opened.users.users, user_id, after, limit.asked()).await?;
    if entries.is_empty() && !opened.users.exists(user_id).await? {
        return Err(format!("there is no user {user_id}").into());
    }
    limit.cut(&mut entries);
    print(json, &entries, || history_table(&entries))?;
    opened.close().await
}

pub(super) async fn health(place: &Place, json: bool) -> Result<(), AnyError> {
    let opened = Opened::existing(place).await?;
    let report = health::of(&opened.users.consumers()).await?;
    print(json, &report, || health_table(&report))?;
    opened.close().await?;
    match report.complaint() {
        Some(complaint) => Err(complaint.into()),
        None => Ok(()),
    }
}
