use comfy_table::Cell;
use es_core::StreamId;

use crate::command_line::{printable, table};
use crate::dispensary::dead_letters::{LetterDetail, LetterSummary};

/// A table of dead letters.
pub fn dead_letters_table(letters: &[LetterSummary]) -> String {
    let mut table = table(["Consumer", "Stream", "Version", "Events", "Parked at", "Why"]);
    for letter in letters {
        table.add_row([
            Cell::new(&letter.consumer),
            Cell::new(printable(letter.stream.as_str())),
            Cell::new(letter.versions()),
            Cell::new(printable(&letter.events.join(", "))),
            Cell::new(letter.parked_at),
            Cell::new(printable(&why(letter))),
        ]);
    }
    table.to_string()
}

/// Why a letter is there, in one sentence.
fn why(letter: &LetterSummary) -> String {
    match (&letter.dropped, &letter.failure) {
        (Some(dropped), _) => format!("dropped at {}: {}", dropped.at, dropped.reason),
        (None, Some(failure)) => {
            let times = match failure.attempts {
                1 => "once".to_owned(),
                attempts => format!("{attempts} times"),
            };
            format!("failed {times}, last at {}: {}", failure.last_attempt_at, failure.error)
        }
        (None, None) => "waits behind the one before".to_owned(),
    }
}

/// Everything about the dead letters of one stream.
pub fn stream_letters_text(stream: &StreamId, letters: &[LetterDetail]) -> String {
    let mut text = format!("stream: {}", printable(stream.as_str()));
    if let Some(letter) = letters.first() {
        push_line(&mut text, &format!("consumer: {}", letter.summary.consumer));
    }
    for letter in letters {
        push_letter(&mut text, letter);
    }
    text
}

fn push_letter(text: &mut String, letter: &LetterDetail) {
    let LetterDetail { summary, metadata, stored_events } = letter;
    push_line(text, "");
    push_line(text, &format!("version {}: {}", summary.versions(), printable(&why(summary))));
    if let (Some(_), Some(failure)) = (&summary.dropped, &summary.failure) {
        push_line(text, &format!("  error: {}", printable(&failure.error)));
    }
    if let Some(failure) = &summary.failure {
        push_line(text, &format!("  failed event: version {}", failure.version));
    }
    push_line(text, &format!("  commit: {}", summary.commit));
    push_line(text, &format!("  recorded at: {}", summary.recorded_at));
    push_line(text, &format!("  parked at: {}", summary.parked_at));
    if let Some(metadata) = metadata {
        push_line(text, &format!("  metadata: {}", printable(metadata.get())));
    }
    for event in stored_events {
        let (version, name, schema) = (event.version, printable(&event.name), event.schema_version);
        push_line(text, &format!("  event {version}: {name}, schema version {schema}"));
        push_line(text, &format!("    {}", printable(event.data.get())));
    }
}

fn push_line(text: &mut String, line: &str) {
    text.push('\n');
    text.push_str(line);
}
