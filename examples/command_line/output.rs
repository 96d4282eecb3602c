use std::fmt::Display;
use std::io::Write as _;

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};
use serde::Serialize;

use super::AnyError;

/// Prints what a command came to: as JSON, or for people.
///
/// # Errors
///
/// When it cannot be written. A reader that has seen enough, as `head`, is no error.
pub fn print<T: Serialize>(
    json: bool,
    value: &T,
    text: impl FnOnce() -> String,
) -> Result<(), AnyError> {
    print_line(if json { serde_json::to_string_pretty(value)? } else { text() })
}

/// Prints a line, at once.
///
/// # Errors
///
/// As [`print()`].
pub fn print_line(line: impl Display) -> Result<(), AnyError> {
    let mut out = std::io::stdout();
    match writeln!(out, "{line}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

/// Text of clients, without what a terminal would obey.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{FFFD}' } else { c }).collect()
}

/// An empty table with these columns.
pub fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(header);
    table
}

/// A number in a table.
pub fn number(n: u64) -> Cell {
    Cell::new(n).set_alignment(CellAlignment::Right)
}
