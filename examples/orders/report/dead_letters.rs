use comfy_table::Cell;
use serde_json::Value;

use crate::command_line::{number, printable, table};
use crate::orders::dead_letters::{LetterDetail, LetterSummary};

/// A table of dead letters.
pub fn letters_table(letters: &[LetterSummary]) -> String {
    let mut table = table(["Id", "Order", "Reason", "Attempts", "Given up at", "Error"]);
    for letter in letters {
        let text = |text: &Option<String>| Cell::new(shown(text.as_deref()));
        table.add_row([
            Cell::new(&letter.id),
            text(&letter.order),
            text(&letter.reason),
            letter.attempts.map_or_else(|| Cell::new("–"), |n| number(n.into())),
            Cell::new(letter.given_up_at.map_or_else(|| "–".to_owned(), |at| at.to_string())),
            text(&letter.error),
        ]);
    }
    table.to_string()
}

/// Everything about one dead letter.
pub fn letter_text(letter: &LetterDetail) -> String {
    let LetterDetail { summary, event, text } = letter;
    let time = |at: Option<es_core::Timestamp>| at.map(|at| at.to_string());
    let lines = [
        ("dead letter", Some(summary.id.clone())),
        ("order", summary.order.clone()),
        ("from", summary.origin.clone()),
        ("reason", summary.reason.clone()),
        ("error", summary.error.clone()),
        ("attempts", summary.attempts.map(|n| n.to_string())),
        ("first received at", time(summary.first_received_at)),
        ("given up at", time(summary.given_up_at)),
    ];
    let mut lines: Vec<String> =
        lines.map(|(name, value)| format!("{name}: {}", shown(value.as_deref()))).into();
    match event.as_ref().and_then(|event| serde_json::from_str::<Value>(event.get()).ok()) {
        // Its strings are escaped: a terminal has nothing to obey in it.
        Some(event) => lines.push(format!("event: {event:#}")),
        None => lines.push(format!("text: {}", shown(text.as_deref()))),
    }
    lines.join("\n")
}

fn shown(text: Option<&str>) -> String {
    text.map_or_else(|| "–".to_owned(), printable)
}
