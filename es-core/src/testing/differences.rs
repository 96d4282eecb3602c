//! What failed assertions show.

use std::error::Error;
use std::fmt::Write as _;

use similar::{ChangeTag, TextDiff};

use crate::codec::{Codec, Payload};
use crate::encoded_events::EncodedEvents;
use crate::event::Event;

/// How many lines that are alike are shown around those that differ.
const CONTEXT: usize = 4;

/// The lines of two texts: `-` what was expected, `+` what there is.
pub(super) fn difference(expected: &str, actual: &str) -> String {
    let diff = TextDiff::from_lines(expected, actual);
    let mut shown = "  - expected\n  + actual\n".to_owned();
    for group in diff.grouped_ops(CONTEXT) {
        shown.push('\n');
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let sign = match change.tag() {
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
                ChangeTag::Equal => ' ',
            };
            // Writing to a string does not fail.
            let _ = writeln!(shown, "  {sign} {}", change.value().trim_end_matches('\n'));
        }
    }
    shown
}

/// Panics with `message` and the differing lines, unless the texts are the same.
#[track_caller]
pub(super) fn assert_same(message: &str, expected: &str, actual: &str) {
    assert!(expected == actual, "{message}\n{}", difference(expected, actual));
}

/// Events as they are stored, one after the other, with readable payloads.
///
/// # Panics
///
/// When one cannot be encoded.
#[track_caller]
pub(super) fn written<E: Event>(events: &[E]) -> String {
    if events.is_empty() {
        return NO_EVENTS.to_owned();
    }
    match EncodedEvents::encode(events, Codec::Json, Default::default(), 0) {
        Ok(encoded) => stored(&encoded),
        Err(error) => panic!("{}", chain(&error)),
    }
}

const NO_EVENTS: &str = "no events\n";

/// The events of a commit, as [`written`] shows them.
#[track_caller]
pub(super) fn stored(events: &EncodedEvents) -> String {
    let open = match events.open() {
        Ok(open) => open,
        Err(error) => panic!("a stored commit cannot be opened: {error}"),
    };
    let mut text = String::new();
    for event in open.iter() {
        let payload = match event.payload {
            Payload::Json(json) => indented(json),
            other => format!("{:02x?}", other.as_bytes()),
        };
        let _ = writeln!(text, "{} v{} {payload}", event.name, event.schema_version);
    }
    text
}

/// An error with its causes.
pub(super) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let message = error.to_string();
        // An error that is transparent says what its cause says.
        if !text.ends_with(&message) {
            let _ = write!(text, ": {message}");
        }
        cause = error.source();
    }
    text
}

/// Lays out a JSON text over lines. Everything that is a value stays as it is written: the order of
/// keys, and numbers of any size.
pub(super) fn indented(json: &str) -> String {
    let mut layout = Layout::default();
    let mut rest = json.trim();
    while let Some(first) = rest.chars().next() {
        let token = token(rest, first);
        layout.take(token);
        rest = rest[token.len()..].trim_start();
    }
    layout.text
}

/// The token at the beginning of a valid JSON text.
fn token(rest: &str, first: char) -> &str {
    let end = match first {
        '"' => string_end(rest),
        '{' | '}' | '[' | ']' | ',' | ':' => first.len_utf8(),
        _ => rest.find(|c: char| c.is_whitespace() || "{}[],:\"".contains(c)).unwrap_or(rest.len()),
    };
    &rest[..end]
}

fn string_end(rest: &str) -> usize {
    let mut escaped = false;
    for (index, c) in rest.char_indices().skip(1) {
        match c {
            '"' if !escaped => return index + 1,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    rest.len()
}

#[derive(Default)]
struct Layout {
    text: String,
    depth: usize,
    /// The token before opened an object or a list, of which nothing is written yet.
    opened: bool,
}

impl Layout {
    fn take(&mut self, token: &str) {
        match token {
            "{" | "[" => {
                self.break_if_opened();
                self.text.push_str(token);
                self.depth += 1;
                self.opened = true;
            }
            "}" | "]" => {
                self.depth = self.depth.saturating_sub(1);
                if !self.opened {
                    self.break_line();
                }
                self.opened = false;
                self.text.push_str(token);
            }
            "," => {
                self.text.push(',');
                self.break_line();
            }
            ":" => self.text.push_str(": "),
            value => {
                self.break_if_opened();
                self.text.push_str(value);
            }
        }
    }

    fn break_if_opened(&mut self) {
        if std::mem::take(&mut self.opened) {
            self.break_line();
        }
    }

    fn break_line(&mut self) {
        self.text.push('\n');
        self.text.push_str(&"  ".repeat(self.depth));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn json_is_laid_out_with_its_order_and_its_numbers() {
        let json = r#"{"b":123456789012345678901234567890,"a":[],"c":{},"d":[1,{"e":"x,\"}"}]}"#;
        let expected = r#"{
  "b": 123456789012345678901234567890,
  "a": [],
  "c": {},
  "d": [
    1,
    {
      "e": "x,\"}"
    }
  ]
}"#;
        assert_eq!(indented(json), expected);
    }

    #[test]
    fn a_difference_shows_what_differs_with_what_is_around_it() {
        let lines = |changed: &str| {
            let mut lines: Vec<String> = (0..20).map(|n| format!("line {n}")).collect();
            lines[10] = changed.to_owned();
            lines.join("\n")
        };
        let shown = difference(&lines("old"), &lines("new"));
        assert!(shown.contains("  - old\n  + new\n"), "{shown}");
        assert!(shown.contains("line 9\n") && !shown.contains("line 1\n"), "{shown}");
    }

    proptest! {
        #[test]
        fn laid_out_json_says_the_same(text in "\\PC*", number: i64, list: Vec<Option<bool>>) {
            let value = serde_json::json!({ text.clone(): [text, number, list, {}] });
            let json = serde_json::to_string(&value).unwrap();
            let back: serde_json::Value = serde_json::from_str(&indented(&json)).unwrap();
            prop_assert_eq!(back, value);
        }
    }
}
