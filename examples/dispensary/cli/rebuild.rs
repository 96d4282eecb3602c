//! Building the views again.

use std::time::Duration;

use es_core::{AnyConsumer, CatchUp, Error};
use serde::Serialize;

use crate::command_line::{AnyError, print, shutdown_signal};

use super::bar::Bar;
use super::dispenses::summaries;
use super::opened::Opened;
use super::place::Place;

/// What was done.
#[derive(Debug, Serialize)]
struct Rebuilt {
    /// How many dispenses the list shows.
    dispenses: usize,
    views: Vec<RebuiltView>,
}

#[derive(Debug, Serialize)]
struct RebuiltView {
    view: String,
    commits: u64,
    /// Those that it cannot handle: they wait in its dead letters, as before.
    parked: u64,
    seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    commits_per_second: Option<f64>,
}

pub(super) async fn run(place: Place, views: Vec<String>, json: bool) -> Result<(), AnyError> {
    let opened = Opened::existing(place).await?;
    let rebuilt = tokio::select! {
        rebuilt = rebuild(&opened, &views) => rebuilt?,
        signal = shutdown_signal() => {
            signal?;
            let message = "the rebuild was broken off; the views are whole, and the next rebuild \
                           begins anew";
            return Err(message.into());
        }
    };
    print(json, &rebuilt, || rebuilt.to_text())?;
    opened.close().await
}

/// One view after the other: they share a disk.
async fn rebuild(opened: &Opened, views: &[String]) -> Result<Rebuilt, AnyError> {
    let all = [opened.dispensary.list.id(), opened.dispensary.details.id()];
    let all = all.map(ToString::to_string);
    let names = if views.is_empty() { &all } else { views };
    // Nothing is begun before all of them are known.
    let found: Result<Vec<_>, _> = names.iter().map(|name| opened.consumer(name)).collect();
    let mut views = Vec::new();
    for view in found? {
        views.push(rebuild_view(view).await?);
    }
    let dispenses = summaries(&opened.dispensary, None).await?.len();
    Ok(Rebuilt { dispenses, views })
}

async fn rebuild_view(consumer: &dyn AnyConsumer) -> Result<RebuiltView, AnyError> {
    let view = consumer.id().to_string();
    let bar = Bar::of_commits(&view)?;
    match consumer.rebuild(&mut |progress| bar.show(progress)).await {
        Ok(total) => Ok(RebuiltView {
            view,
            commits: handled(total),
            parked: total.parked,
            seconds: total.elapsed.as_secs_f64(),
            commits_per_second: per_second(total),
        }),
        Err(Error::Fenced { .. }) => {
            Err(format!("another rebuild of {view} began meanwhile; that one goes on").into())
        }
        Err(error) => Err(error.into()),
    }
}

/// A feed may give a commit twice, from the history and from the stream. Here each counts once.
pub(super) fn handled(total: CatchUp) -> u64 {
    total.applied + total.parked
}

fn per_second(total: CatchUp) -> Option<f64> {
    let seconds = total.elapsed.as_secs_f64();
    (seconds > 0.0).then(|| handled(total) as f64 / seconds)
}

impl Rebuilt {
    fn to_text(&self) -> String {
        let views: Vec<String> = self.views.iter().map(RebuiltView::to_text).collect();
        format!("{}\nthe views are built again: {} dispenses", views.join("\n"), self.dispenses)
    }
}

impl RebuiltView {
    fn to_text(&self) -> String {
        let Self { view, commits, parked, seconds, .. } = self;
        let took = Duration::try_from_secs_f64(*seconds).unwrap_or_default();
        let parked = match parked {
            0 => String::new(),
            parked => format!(", {parked} in the dead letters"),
        };
        format!("{view}: {commits} commits in {took:.1?}{parked}")
    }
}
