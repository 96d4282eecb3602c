use std::time::Duration;

use comfy_table::Cell;
use es_core::ConsumerState;
use indicatif::HumanDuration;

use crate::command_line::{number, printable, table};

use super::{ConsumerHealth, HealthReport};

/// A table of all of them.
pub fn health_table(report: &HealthReport) -> String {
    let mut table =
        table(["Consumer", "State", "Position", "Lag", "Parked streams", "Dead letters", "Errors"]);
    for consumer in &report.consumers {
        table.add_row([
            Cell::new(&consumer.consumer),
            Cell::new(state(consumer.state)),
            Cell::new(position(consumer)),
            Cell::new(lag(consumer)),
            number(consumer.parked_streams),
            number(consumer.dead_letters),
            Cell::new(errors(consumer)),
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

/// What it met last, and why the feed cannot be read where it is.
fn errors(consumer: &ConsumerHealth) -> String {
    let last = consumer.last_error.iter();
    let met = last.map(|last| format!("{} ({})", printable(&last.error), last.at));
    let unreadable = consumer.positions.iter().filter_map(|position| {
        let error = position.error.as_ref()?;
        Some(format!("{}: {}", position.partition, printable(error)))
    });
    let errors: Vec<String> = met.chain(unreadable).collect();
    if errors.is_empty() { "–".to_owned() } else { errors.join("\n") }
}

fn lag(consumer: &ConsumerHealth) -> String {
    if consumer.positions.iter().any(|position| position.error.is_some()) {
        return "not known".to_owned();
    }
    let time = Duration::try_from_secs_f64(consumer.lag_seconds).unwrap_or_default();
    match consumer.lag_commits {
        Some(0) => "none".to_owned(),
        Some(1) => format!("1 commit, {}", HumanDuration(time)),
        Some(commits) => format!("{commits} commits, {}", HumanDuration(time)),
        None => HumanDuration(time).to_string(),
    }
}
