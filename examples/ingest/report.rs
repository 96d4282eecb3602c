//! What the program prints.

use std::time::Duration;

use comfy_table::Cell;
use serde::Serialize;

use crate::command_line::{number, printable, table};

use super::dead_letters::{LetterDetail, LetterSummary};
use super::journey::Journeyed;
use super::records::Record;

/// The totals of a run.
#[derive(Debug, Serialize)]
pub struct Totals {
    /// What happened.
    #[serde(flatten)]
    pub journeyed: Journeyed,
    /// Events that were published, counted over this run.
    pub published_per_minute: f64,
    /// Events that were processed, counted over this run.
    pub processed_per_minute: f64,
    /// How long this run took.
    pub seconds: f64,
    /// Where the data is.
    pub data: String,
}

impl Totals {
    /// Adds up.
    pub fn of(journeyed: Journeyed, took: Duration, data: &str) -> Self {
        let seconds = took.as_secs_f64();
        let per_minute = |events: u64| match seconds > 0.0 {
            true => (events as f64 * 60.0 / seconds).round(),
            false => 0.0,
        };
        Self {
            published_per_minute: per_minute(journeyed.published),
            processed_per_minute: per_minute(journeyed.processed),
            journeyed,
            seconds,
            data: data.to_owned(),
        }
    }

    /// The totals for people.
    pub fn to_text(&self) -> String {
        let Journeyed {
            published,
            accepted,
            processed,
            confirmed,
            duplicates,
            retried,
            dead_lettered,
            redriven,
            dead_letters,
        } = &self.journeyed;
        format!(
            "published: {published} ({} per minute)\naccepted: {accepted}\n\
             processed: {processed} ({} per minute), {confirmed} confirmed\n\
             duplicates: {duplicates}\nretried: {retried}\ndead-lettered: {dead_lettered}\n\
             redriven: {redriven}\nin the dead letters: {dead_letters}\nseconds: {:.2}\ndata: {}",
            self.published_per_minute, self.processed_per_minute, self.seconds, self.data
        )
    }
}

/// A table of records.
pub fn records_table(records: &[Record]) -> String {
    let mut table =
        table(["Event", "Status", "Station", "Measured", "Failures", "Received at", "Why"]);
    for record in records {
        let station = record.reading.as_ref().map_or("–", |reading| &reading.station);
        let measured = record.measurement.map_or_else(|| "–".to_owned(), |it| it.to_string());
        let reason = record.reason.as_deref().unwrap_or_default();
        table.add_row([
            Cell::new(&record.id),
            Cell::new(record.status.as_str()),
            Cell::new(station),
            Cell::new(measured),
            number(record.failed_attempts.into()),
            Cell::new(record.received_at),
            Cell::new(printable(reason)),
        ]);
    }
    table.to_string()
}

/// A table of dead letters.
pub fn dead_letters_table(letters: &[LetterSummary]) -> String {
    let mut table = table(["Id", "Queue", "About", "Reason", "Why"]);
    for letter in letters {
        let reason = letter.failure.as_ref().map_or("–", |failure| &failure.reason);
        table.add_row([
            Cell::new(&letter.id),
            Cell::new(letter.queue.as_deref().unwrap_or("–")),
            Cell::new(printable(letter.about.as_deref().unwrap_or("–"))),
            Cell::new(printable(reason)),
            Cell::new(printable(&why(letter))),
        ]);
    }
    table.to_string()
}

/// Why a letter is there, in one sentence.
fn why(letter: &LetterSummary) -> String {
    match &letter.failure {
        Some(failure) => {
            let times = match failure.attempts {
                1 => "once".to_owned(),
                attempts => format!("{attempts} times"),
            };
            format!("failed {times}, last at {}: {}", failure.at, failure.error)
        }
        None => "received too often, without an end".to_owned(),
    }
}

/// Everything about a dead letter.
pub fn letter_text(letter: &LetterDetail) -> String {
    let LetterDetail { summary, sent_at, attributes, body } = letter;
    let line = |name: &str, text: &str| format!("{name}: {}", printable(text));
    let mut lines = vec![
        line("id", &summary.id),
        line("queue", summary.queue.as_deref().unwrap_or("not known")),
        line("about", summary.about.as_deref().unwrap_or("not known")),
        line("why", &why(summary)),
        line("sent at", &sent_at.to_string()),
    ];
    if let Some(failure) = &summary.failure {
        lines.push(line("reason", &failure.reason));
        lines.push(line("first received at", &failure.first_received_at.to_string()));
    }
    lines.extend(attributes.iter().map(|(name, value)| line(&format!("attribute {name}"), value)));
    lines.push(line("body", body));
    lines.join("\n")
}
