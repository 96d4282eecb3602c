//! Looking at what became of events, as far as the records have come: `serve` brings them up to date.

use std::time::Duration;

use es_core::{Projection, ViewQuery};
use futures::TryStreamExt as _;

use crate::command_line::{AnyError, print};
use crate::ingest::domain::Status;
use crate::ingest::reading::EventId;
use crate::ingest::records::{Record, Records};
use crate::ingest::report::records_table;
use crate::ingest::results::{Patience, Results};

use super::opened::Opened;
use super::place::Place;

pub(super) async fn list(
    place: &Place,
    status: Option<Status>,
    json: bool,
) -> Result<(), AnyError> {
    let opened = Opened::existing(place).await?;
    let records = all(&opened.ingest.records, status).await?;
    print(json, &records, || records_table(&records))?;
    opened.close().await
}

/// All records, page by page.
async fn all(
    records: &Projection<Records>,
    status: Option<Status>,
) -> Result<Vec<Record>, AnyError> {
    const PAGE: usize = 500;
    let mut query = ViewQuery::default().limit(PAGE);
    if let Some(status) = status {
        query = query.equals("status", status.as_str());
    }
    let all = records.view().all(query);
    Ok(all.map_ok(|(_, record)| record).try_collect().await?)
}

pub(super) async fn result(
    place: &Place,
    id: &EventId,
    wait: Option<Duration>,
) -> Result<(), AnyError> {
    let opened = Opened::existing(place).await?;
    let results = &*opened.ingest.records;
    let record = match wait {
        Some(deadline) => Patience::of(deadline).wait_for(id, results).await?,
        None => results
            .find(id)
            .await?
            .ok_or_else(|| format!("nothing is known of the event {id}, or no more"))?,
    };
    // JSON is what people read best here, too.
    print(true, &record, String::new)?;
    opened.close().await
}
