//! Building the views again.

use std::path::PathBuf;
use std::time::Duration;

use es_core::{CatchUp, Error, Projection, Projector};
use indicatif::{HumanCount, HumanDuration, ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::dispensary::service::Dispensary;

use super::dispenses::summaries;
use super::opened::Opened;
use super::signal::shutdown_signal;
use super::{AnyError, print};

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

pub(super) async fn run(data_dir: Option<PathBuf>, json: bool) -> Result<(), AnyError> {
    let opened = Opened::existing(data_dir).await?;
    let rebuilt = tokio::select! {
        rebuilt = rebuild(&opened.dispensary) => rebuilt?,
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
async fn rebuild(dispensary: &Dispensary) -> Result<Rebuilt, AnyError> {
    let views =
        vec![rebuild_view(&dispensary.list).await?, rebuild_view(&dispensary.details).await?];
    let dispenses = summaries(dispensary, None).await?.len();
    Ok(Rebuilt { dispenses, views })
}

async fn rebuild_view<P: Projector>(projection: &Projection<P>) -> Result<RebuiltView, AnyError> {
    let view = projection.id().to_string();
    let bar = bar(&view)?;
    let rebuilt = projection.rebuild(|progress| show(&bar, progress)).await;
    bar.finish_and_clear();
    match rebuilt {
        Ok(total) => Ok(RebuiltView {
            view,
            commits: total.applied,
            parked: total.parked,
            seconds: total.elapsed.as_secs_f64(),
            commits_per_second: total.rate(),
        }),
        Err(Error::Fenced { .. }) => {
            Err(format!("another rebuild of {view} began meanwhile; that one goes on").into())
        }
        Err(error) => Err(error.into()),
    }
}

fn bar(view: &str) -> Result<ProgressBar, AnyError> {
    let style = ProgressStyle::with_template("{prefix} {wide_bar} {pos}/{len} commits{msg}")?;
    let bar = ProgressBar::new(0).with_style(style).with_prefix(view.to_owned());
    // Seen at once, also when the first step takes long.
    bar.tick();
    Ok(bar)
}

fn show(bar: &ProgressBar, progress: CatchUp) {
    let done = progress.applied + progress.parked;
    let rate = progress.rate().map(|rate| format!(", {}/s", HumanCount(rate as u64)));
    let left = progress.time_left().map(|left| format!(", {} left", HumanDuration(left)));
    bar.set_message([rate, left].into_iter().flatten().collect::<String>());
    bar.set_length(done + progress.remaining.unwrap_or(0));
    bar.set_position(done);
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
