//! Looking at dispenses.

use es_core::{Error, Version, ViewQuery};
use futures::TryStreamExt as _;

use crate::command_line::{AnyError, print};
use crate::dispensary::domain::Status;
use crate::dispensary::history;
use crate::dispensary::report::{dispenses_table, events_table};
use crate::dispensary::service::Dispensary;
use crate::dispensary::views::{DispenseDetail, DispenseSummary};

use super::opened::Opened;
use super::place::Place;

pub(super) async fn list(place: Place, status: Option<Status>, json: bool) -> Result<(), AnyError> {
    let opened = Opened::existing(place).await?;
    match opened.dispensary.list.catch_up().await {
        // An old list is better than none.
        Err(Error::Paused { consumer }) => {
            eprintln!("note: {consumer} is paused; this is the list as it was then");
        }
        caught_up => drop(caught_up?),
    }
    let dispenses = summaries(&opened.dispensary, status).await?;
    print(json, &dispenses, || dispenses_table(&dispenses))?;
    opened.close().await
}

pub(super) async fn show(place: Place, id: &str, version: Option<u64>) -> Result<(), AnyError> {
    let opened = Opened::existing(place).await?;
    let dispenses = &opened.dispensary.dispenses;
    let loaded = match version {
        Some(version) => dispenses.load_at(id, Version::new(version)).await?,
        None => dispenses.load(id).await?,
    };
    let version = loaded.version().get();
    let detail = DispenseDetail::of(id, version, loaded.into_state())
        .ok_or_else(|| format!("there is no dispense {id}"))?;
    // JSON is what people read best here, too.
    print(true, &detail, String::new)?;
    opened.close().await
}

pub(super) async fn events(place: Place, id: &str, json: bool) -> Result<(), AnyError> {
    let opened = Opened::existing(place).await?;
    let events = history::of(&opened.dispensary.dispenses, id).await?;
    if events.is_empty() {
        return Err(format!("there is no dispense {id}").into());
    }
    print(json, &events, || events_table(&events))?;
    opened.close().await
}

/// All dispenses of the list, page by page.
pub(super) async fn summaries(
    dispensary: &Dispensary,
    status: Option<Status>,
) -> Result<Vec<DispenseSummary>, AnyError> {
    const PAGE: usize = 500;
    let mut query = ViewQuery::default().limit(PAGE);
    if let Some(status) = status {
        query = query.equals("status", status.as_str());
    }
    let all = dispensary.list.view().all(query);
    Ok(all.map_ok(|(_, summary)| summary).try_collect().await?)
}
