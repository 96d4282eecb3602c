//! How those are who follow a feed, as policies and projections, for people and for probes.

mod table;

use es_core::{Checkpoint, ConsumerState, Consumers, Error, Health, LastError};
use serde::Serialize;

pub use table::health_table;

/// How all of them are.
#[derive(Debug, Serialize)]
pub struct HealthReport {
    /// Whether nothing needs an operator.
    pub well: bool,
    /// Each of them.
    pub consumers: Vec<ConsumerHealth>,
}

/// How one is.
#[derive(Debug, Serialize)]
pub struct ConsumerHealth {
    /// Its name.
    pub consumer: String,
    /// Whether it needs no operator.
    pub well: bool,
    /// What it does in the process that was asked; paused if it is so anywhere.
    pub state: ConsumerState,
    /// The last error that it met in the process that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<LastError>,
    /// Where it is in each partition of the feed.
    pub positions: Vec<Position>,
    /// The commits that it has not handled, where the feed can tell.
    pub lag_commits: Option<u64>,
    /// How long ago the oldest of them was recorded.
    pub lag_seconds: f64,
    /// The streams that wait in its dead letters.
    pub parked_streams: u64,
    /// The commits that wait in its dead letters.
    pub dead_letters: u64,
}

/// A place in a partition of the feed.
#[derive(Debug, Serialize)]
pub struct Position {
    /// The partition.
    pub partition: String,
    /// The place behind what was handled, in the feed's notation; empty at the start.
    pub checkpoint: Checkpoint,
    /// Why the feed cannot be read there; its lag is not known then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Looks at all of them.
///
/// # Errors
///
/// Those of the backend.
pub async fn of(consumers: &Consumers) -> Result<HealthReport, Error> {
    let health = consumers.health().await?;
    let consumers: Vec<ConsumerHealth> = health.into_iter().map(ConsumerHealth::from).collect();
    Ok(HealthReport { well: consumers.iter().all(|consumer| consumer.well), consumers })
}

impl HealthReport {
    /// What needs an operator, in one sentence; `None` when nothing does.
    pub fn complaint(&self) -> Option<String> {
        let complaints: Vec<String> =
            self.consumers.iter().filter_map(ConsumerHealth::complaint).collect();
        (!complaints.is_empty()).then(|| complaints.join("; "))
    }
}

impl ConsumerHealth {
    fn complaint(&self) -> Option<String> {
        if self.well {
            return None;
        }
        let state = match self.state {
            ConsumerState::Paused => Some("is paused".to_owned()),
            ConsumerState::Retrying => Some("tries a step again that failed".to_owned()),
            ConsumerState::Failed => Some("has stopped at an error".to_owned()),
            _ => None,
        };
        let letters = (self.dead_letters > 0).then(|| {
            format!("has dead letters: {}", waiting(self.dead_letters, self.parked_streams))
        });
        let unreadable = self.positions.iter().filter_map(Position::complaint);
        let complaints: Vec<String> =
            [state, letters].into_iter().flatten().chain(unreadable).collect();
        Some(format!("{} {}", self.consumer, complaints.join(" and ")))
    }
}

impl Position {
    fn complaint(&self) -> Option<String> {
        let error = self.error.as_ref()?;
        Some(format!("cannot read {} of its feed: {error}", self.partition))
    }
}

fn waiting(letters: u64, streams: u64) -> String {
    let commits = if letters == 1 { "commit" } else { "commits" };
    let streams_word = if streams == 1 { "stream" } else { "streams" };
    format!("{letters} {commits} of {streams} {streams_word}")
}

impl From<Health> for ConsumerHealth {
    fn from(health: Health) -> Self {
        let well = health.is_well();
        let positions = health.partitions.into_iter().map(|partition| Position {
            partition: partition.partition,
            checkpoint: partition.checkpoint,
            error: partition.error,
        });
        Self {
            well,
            positions: positions.collect(),
            consumer: health.consumer,
            state: health.state,
            last_error: health.last_error,
            lag_commits: health.lag_commits,
            lag_seconds: health.lag_time.as_secs_f64(),
            parked_streams: health.parked_streams,
            dead_letters: health.dead_letters,
        }
    }
}

#[cfg(test)]
mod tests;
