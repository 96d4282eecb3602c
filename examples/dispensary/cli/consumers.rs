//! Operating the policy and the projections.

use clap::Args;
use es_core::{RewindTo, Timestamp};
use serde_json::json;

use crate::command_line::{AnyError, print};
use crate::health::{self, health_table};

use super::bar::Bar;
use super::opened::Opened;
use super::place::Place;
use super::rebuild::handled;

/// The place to go to: exactly one of them.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct RewindPlace {
    /// Before the first commit
    #[arg(long)]
    to_start: bool,
    /// Behind everything that there is now
    #[arg(long)]
    to_end: bool,
    /// Behind the first N commits of the log
    #[arg(long, value_name = "N")]
    to_position: Option<u64>,
    /// Before the first commit that was recorded at this time or later, as in 2026-03-01T12:00:00Z
    #[arg(long, value_name = "T")]
    to_time: Option<Timestamp>,
}

pub(super) async fn health(place: Place, json: bool) -> Result<(), AnyError> {
    let opened = Opened::existing(place).await?;
    let report = health::of(&opened.dispensary.consumers).await?;
    print(json, &report, || health_table(&report))?;
    opened.close().await?;
    match report.complaint() {
        Some(complaint) => Err(complaint.into()),
        None => Ok(()),
    }
}

pub(super) async fn pause(place: Place, consumer: &str, json: bool) -> Result<(), AnyError> {
    let opened = Opened::existing(place).await?;
    opened.consumer(consumer)?.pause().await?;
    let done = json!({ "consumer": consumer, "paused": true });
    print(json, &done, || format!("{consumer} rests, in all processes, until it is resumed"))?;
    opened.close().await
}

pub(super) async fn resume(place: Place, consumer: &str, json: bool) -> Result<(), AnyError> {
    let opened = Opened::existing(place).await?;
    opened.consumer(consumer)?.resume().await?;
    let done = json!({ "consumer": consumer, "paused": false });
    print(json, &done, || format!("{consumer} goes on, in all processes"))?;
    opened.close().await
}

pub(super) async fn rewind(
    place: Place,
    consumer: &str,
    to: RewindPlace,
    json: bool,
) -> Result<(), AnyError> {
    let opened = Opened::existing(place).await?;
    let found = opened.consumer(consumer)?;
    let bar = Bar::of_commits(consumer)?;
    let commits = handled(found.rewind(to.to(), &mut |progress| bar.show(progress)).await?);
    drop(bar);
    let done = json!({ "consumer": consumer, "commits_before": commits });
    print(json, &done, || match commits {
        0 => format!("{consumer} is set to the start; its workers go on from there"),
        n => format!("{consumer} is set behind {n} commits; its workers go on from there"),
    })?;
    opened.close().await
}

impl RewindPlace {
    fn to(&self) -> RewindTo {
        match (self.to_position, self.to_time) {
            (Some(position), _) => RewindTo::Position(position),
            (None, Some(time)) => RewindTo::Time(time),
            (None, None) if self.to_end => RewindTo::End,
            (None, None) => RewindTo::Start,
        }
    }
}
