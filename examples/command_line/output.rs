use std::fmt::Display;
use std::io::Write as _;

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};
use serde::Serialize;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory as _};

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

/// Text of clients, without what a terminal would obey, and without what is not seen but changes how the rest is:
/// controls, line and paragraph separators, and what Unicode calls format characters, as those that turn the
/// direction of writing.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || is_format(c) { '\u{FFFD}' } else { c }).collect()
}

fn is_format(c: char) -> bool {
    use GeneralCategory::{Format, LineSeparator, ParagraphSeparator};
    matches!(c.general_category(), Format | LineSeparator | ParagraphSeparator)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_turns_or_hides_text_is_shown_as_what_it_is_not() {
        for c in
            ["\u{1b}", "\n", "\u{85}", "\u{202e}", "\u{2066}", "\u{200f}", "\u{feff}", "\u{e0041}"]
        {
            assert_eq!(printable(&format!("a{c}b")), "a\u{fffd}b", "{c:?}");
        }
        for text in ["Müller & Söhne", "u\u{308}", "名前", "عمر", "a\u{a0}b"] {
            assert_eq!(printable(text), text);
        }
    }
}
