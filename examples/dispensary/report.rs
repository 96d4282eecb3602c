//! What the program prints.

mod dead_letters;

use std::collections::BTreeMap;
use std::time::Duration;

use comfy_table::{Cell, CellAlignment};
use serde::Serialize;

use crate::command_line::{number, printable, table};

use super::domain::Status;
use super::history::Entry;
use super::journey::ParkedDispense;
use super::views::DispenseSummary;

pub use dead_letters::{dead_letters_table, stream_letters_text};

/// The totals over all dispenses of a data directory.
#[derive(Debug, Serialize)]
pub struct Totals {
    /// How many dispenses there are.
    pub dispenses: u64,
    /// How many events they have.
    pub events: u64,
    /// How many are at which station.
    pub by_status: BTreeMap<&'static str, u64>,
    /// Lines of prescriptions that could not be read.
    pub unreadable_lines: u64,
    /// The dispenses of this run that do not go on before an operator has looked at them.
    pub parked: Vec<String>,
    /// How long this run took.
    pub seconds: f64,
    /// Where the data is.
    pub data: String,
}

impl Totals {
    /// Adds up.
    pub fn of(
        dispenses: &[DispenseSummary],
        parked: &[ParkedDispense],
        took: Duration,
        data: &str,
    ) -> Self {
        let mut by_status: BTreeMap<_, _> =
            Status::ALL.map(|status| (status.as_str(), 0)).into_iter().collect();
        for dispense in dispenses {
            *by_status.entry(dispense.status.as_str()).or_default() += 1;
        }
        Self {
            dispenses: dispenses.len() as u64,
            events: dispenses.iter().map(|dispense| dispense.events).sum(),
            by_status,
            unreadable_lines: dispenses.iter().map(|dispense| dispense.unreadable_lines).sum(),
            parked: parked.iter().map(|dispense| dispense.id.clone()).collect(),
            seconds: took.as_secs_f64(),
            data: data.to_owned(),
        }
    }

    /// The totals for people.
    pub fn to_text(&self) -> String {
        let by_status: Vec<String> = Status::ALL
            .iter()
            .map(|status| (status.as_str(), self.by_status.get(status.as_str()).unwrap_or(&0)))
            .filter(|(_, count)| **count > 0)
            .map(|(status, count)| format!("{count} {status}"))
            .collect();
        format!(
            "dispenses: {} ({})\nevents: {}\nunreadable lines: {}\nseconds: {:.2}\ndata: {}",
            self.dispenses,
            by_status.join(", "),
            self.events,
            self.unreadable_lines,
            self.seconds,
            self.data
        )
    }
}

/// A table of dispenses.
pub fn dispenses_table(dispenses: &[DispenseSummary]) -> String {
    let mut table = table(["Id", "Status", "Patient", "Drugs", "Unreadable", "Events", "Time"]);
    for dispense in dispenses {
        let took = dispense.updated_at.duration_since(dispense.started_at);
        table.add_row([
            Cell::new(&dispense.id),
            Cell::new(dispense.status.as_str()),
            Cell::new(printable(dispense.patient.as_deref().unwrap_or("–"))),
            Cell::new(if dispense.drugs.is_empty() {
                "–".to_owned()
            } else {
                printable(&dispense.drugs.join(", "))
            }),
            number(dispense.unreadable_lines),
            number(dispense.events),
            Cell::new(format!("{:.0} ms", took.as_secs_f64() * 1000.0))
                .set_alignment(CellAlignment::Right),
        ]);
    }
    table.to_string()
}

/// A table of events.
pub fn events_table(events: &[Entry]) -> String {
    let mut table = table(["Version", "Event", "Recorded at", "Data"]);
    for event in events {
        table.add_row([
            number(event.version),
            Cell::new(event.name),
            Cell::new(event.recorded_at),
            Cell::new(event.data.get()),
        ]);
    }
    table.to_string()
}
