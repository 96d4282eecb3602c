//! What of an event is marked as personal, as it is in the file.

use std::collections::BTreeSet;

use crate::event::{Event, PersonalPart};

const EVERYTHING: &str = "everything";

/// The marks of each event of the type, by stored name.
pub(super) fn marks<E: Event>() -> impl Iterator<Item = (String, String)> {
    E::PERSONAL.iter().map(|data| (data.event.to_owned(), written(data.part)))
}

fn written(part: PersonalPart) -> String {
    match part {
        PersonalPart::Everything => EVERYTHING.to_owned(),
        PersonalPart::Fields(fields) => {
            let fields: BTreeSet<&str> = fields.iter().copied().collect();
            let lines: String = fields.into_iter().map(|field| format!("    {field}\n")).collect();
            format!("{{\n{lines}}}")
        }
    }
}

/// What was marked and is not any more, though it is still stored in the newest `form`.
pub(super) fn taken_away(locked: &str, now: &str, form: &str) -> Vec<String> {
    if now == EVERYTHING {
        return Vec::new();
    }
    if locked == EVERYTHING {
        return vec![EVERYTHING.to_owned()];
    }
    let now: BTreeSet<&str> = fields(now).collect();
    let lost = fields(locked).filter(|field| !now.contains(field) && is_stored(field, form));
    lost.map(str::to_owned).collect()
}

fn fields(marks: &str) -> impl Iterator<Item = &str> {
    marks.lines().filter_map(|line| line.strip_prefix("    "))
}

/// Whether an object of this form has the field itself, not in what is nested in it.
fn is_stored(field: &str, form: &str) -> bool {
    let is_here = |line: &str| {
        let rest = line.strip_prefix("    ").and_then(|line| line.strip_prefix(field));
        rest.is_some_and(|rest| [":", "?:", "(?):"].iter().any(|mark| rest.starts_with(mark)))
    };
    form.lines().any(is_here)
}
