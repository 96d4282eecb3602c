use std::time::Duration;

use comfy_table::Cell;
use es_core::ConsumerState;
use indicatif::HumanDuration;

use crate::dispensary::health::{ConsumerHealth, HealthReport};

use super::{number, printable, table};

/// A table of the policy and the projections.
pub fn health_table(report: &HealthReport) -> String {
    let mut table = table([
        "Consumer",
        "State",
        "Position",
        "Lag",
        "Parked streams",
        "Dead letters",
        "Last error",
    ]);
    for consumer in &report.consumers {
        let error = consumer.last_error.as_ref();
        table.add_row([
            Cell::new(&consumer.consumer),
            Cell::new(state(consumer.state)),
            Cell::new(position(consumer)),
            Cell::new(lag(consumer)),
            number(consumer.parked_streams),
            number(consumer.dead_letters),
            Cell::new(error.map_or("–".to_owned(), |last| {
                format!("{} ({})", printable(&last.error), last.at)
            })),
        ]);
    }
    table.to_string()
}

/// This program is not the one that runs them, usually: what it does not see is not "idle".
fn state(state: ConsumerState) -> &'static str {
    match state {
        ConsumerState::Idle => "not run here",
        ConsumerState::Running => "running",
        ConsumerState::Paused => "paused",
        ConsumerState::Retrying => "retrying",
        ConsumerState::Failed => "failed",
        _ => "unknown",
    }
}

fn position(consumer: &ConsumerHealth) -> String {
    let places = consumer.positions.iter().map(|position| {
        let place = position.checkpoint.as_str();
        let place = if place.is_empty() { "start" } else { place };
        // One partition, as embedded stores have, needs no name.
        if consumer.positions.len() == 1 {
            return place.to_owned();
        }
        format!("{}: {place}", position.partition)
    });
    places.collect::<Vec<_>>().join("\n")
}

fn lag(consumer: &ConsumerHealth) -> String {
    let time = Duration::try_from_secs_f64(consumer.lag_seconds).unwrap_or_default();
    match consumer.lag_commits {
        Some(0) => "none".to_owned(),
        Some(1) => format!("1 commit, {}", HumanDuration(time)),
        Some(commits) => format!("{commits} commits, {}", HumanDuration(time)),
        None => HumanDuration(time).to_string(),
    }
}
