//! A copy of a book: acquired, lent until a day, taken back.

use es_core::{Aggregate, Command, Event};
use jiff::ToSpan as _;
use jiff::civil::Date;
use serde::Deserialize;

// ANCHOR: commands
#[derive(Debug, Clone, Command)]
pub enum CopyCommand {
    Acquire { title: String },
    Lend { reader: String, on: Date, due: Date },
    TakeBack { on: Date },
}
// ANCHOR_END: commands

// ANCHOR: events
#[derive(Debug, PartialEq, Event)]
#[event(prefix = "Copy")]
pub enum CopyEvent {
    Acquired {
        title: String,
    },
    #[event(version = 2, upcast(from = 1, with = due_after_weeks))]
    Lent {
        reader: String,
        on: Date,
        due: Date,
    },
    Returned {
        reader: String,
        on: Date,
        /// Not there in events of release 1.
        days_late: Option<u32>,
    },
}
// ANCHOR_END: events

// ANCHOR: upcaster
/// `Copy:Lent` as release 1 wrote it.
#[derive(Deserialize)]
struct LentV1 {
    reader: String,
    on: Date,
    weeks: u8,
}

fn due_after_weeks(lent: LentV1) -> CopyEvent {
    let LentV1 { reader, on, weeks } = lent;
    let weeks = i64::from(weeks).weeks();
    // Saturating: an upcaster cannot fail, whatever is in the log.
    CopyEvent::Lent { reader, on, due: on.saturating_add(weeks) }
}
// ANCHOR_END: upcaster

#[derive(Debug, PartialEq, thiserror::Error)]
pub enum CopyError {
    #[error("the library has no such copy")]
    Unknown,
    #[error("it is lent to {0}")]
    Lent(String),
    #[error("it is not lent")]
    NotLent,
}

// ANCHOR: state
#[derive(Debug, Default)]
pub struct BookCopy {
    acquired: bool,
    loan: Option<Loan>,
}

#[derive(Debug)]
struct Loan {
    reader: String,
    due: Date,
}
// ANCHOR_END: state

// ANCHOR: days_late
impl Loan {
    /// How many days after the due day `on` is; 0 for a day before it.
    fn days_late(&self, on: Date) -> u32 {
        let days = on.duration_since(self.due).as_hours() / 24;
        days.try_into().unwrap_or(0)
    }
}
// ANCHOR_END: days_late

impl Aggregate for BookCopy {
    const CATEGORY: &'static str = "copy";
    type Command = CopyCommand;
    type Event = CopyEvent;
    type Error = CopyError;

    fn handle(
        &self,
        command: CopyCommand,
    ) -> Result<Vec<CopyEvent>, CopyError> {
        match (command, &self.loan) {
            (CopyCommand::Acquire { .. }, _) if self.acquired => Ok(vec![]),
            (CopyCommand::Acquire { title }, _) => {
                Ok(vec![CopyEvent::Acquired { title }])
            }
            _ if !self.acquired => Err(CopyError::Unknown),
            (CopyCommand::Lend { .. }, Some(loan)) => {
                Err(CopyError::Lent(loan.reader.clone()))
            }
            (CopyCommand::Lend { reader, on, due }, None) => {
                Ok(vec![CopyEvent::Lent { reader, on, due }])
            }
            // ANCHOR: take_back
            (CopyCommand::TakeBack { on }, Some(loan)) => {
                let reader = loan.reader.clone();
                let days_late = Some(loan.days_late(on));
                Ok(vec![CopyEvent::Returned { reader, on, days_late }])
            }
            // ANCHOR_END: take_back
            (CopyCommand::TakeBack { .. }, None) => Err(CopyError::NotLent),
        }
    }

    fn apply(&mut self, event: CopyEvent) {
        match event {
            CopyEvent::Acquired { .. } => self.acquired = true,
            CopyEvent::Lent { reader, due, .. } => {
                self.loan = Some(Loan { reader, due });
            }
            CopyEvent::Returned { .. } => self.loan = None,
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    // ANCHOR: tests
    use es_core::testing::Given;
    use es_core::{EncodedEvent, Payload};

    #[test]
    fn a_loan_of_weeks_is_read_as_one_until_a_day() {
        let stored = EncodedEvent {
            name: "Copy:Lent",
            schema_version: 1,
            payload: Payload::Json(
                r#"{"reader":"ada","on":"2026-03-02","weeks":4}"#,
            ),
        };
        let (on, due) = (date(2026, 3, 2), date(2026, 3, 30));
        assert_eq!(
            CopyEvent::decode(stored).unwrap(),
            CopyEvent::Lent { reader: "ada".into(), on, due }
        );
    }

    #[test]
    fn a_return_of_release_1_does_not_say_whether_it_was_late() {
        let stored = EncodedEvent {
            name: "Copy:Returned",
            schema_version: 1,
            payload: Payload::Json(r#"{"reader":"ada","on":"2026-03-02"}"#),
        };
        let on = date(2026, 3, 2);
        assert_eq!(
            CopyEvent::decode(stored).unwrap(),
            CopyEvent::Returned { reader: "ada".into(), on, days_late: None }
        );
    }

    #[test]
    fn lateness_is_counted_from_the_due_day() {
        for (on, late) in [(date(2026, 3, 30), 0), (date(2026, 4, 2), 3)] {
            Given::<BookCopy>::events([
                CopyEvent::Acquired { title: "Middlemarch".into() },
                CopyEvent::Lent {
                    reader: "ada".into(),
                    on: date(2026, 3, 2),
                    due: date(2026, 3, 30),
                },
            ])
            .when(CopyCommand::TakeBack { on })
            .then_events([CopyEvent::Returned {
                reader: "ada".into(),
                on,
                days_late: Some(late),
            }]);
        }
    }
    // ANCHOR_END: tests

    // ANCHOR: lock
    use es_core::testing::{GoldenFiles, SchemaLock};

    const HERE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/stored");

    #[test]
    fn the_form_of_stored_events_does_not_change() {
        SchemaLock::at(format!("{HERE}/events.lock"))
            .json_only()
            .check::<CopyEvent>();
    }

    #[test]
    fn stored_events_are_read_as_they_always_were() {
        let (reader, on) = (|| "ada".to_owned(), date(2026, 3, 2));
        let due = date(2026, 3, 30);
        GoldenFiles::in_directory(format!("{HERE}/golden")).check([
            CopyEvent::Acquired { title: "Middlemarch".into() },
            CopyEvent::Lent { reader: reader(), on, due },
            CopyEvent::Returned { reader: reader(), on, days_late: Some(3) },
        ]);
    }
    // ANCHOR_END: lock
}
