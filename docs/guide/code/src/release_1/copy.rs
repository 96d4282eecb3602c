//! A copy of a book: acquired, lent, taken back.

// ANCHOR: commands
use es_core::{Aggregate, Command, Event};
use jiff::civil::Date;

/// What can be asked for.
#[derive(Debug, Clone, Command)]
pub enum CopyCommand {
    Acquire { title: String },
    Lend { reader: String, on: Date, weeks: u8 },
    TakeBack { on: Date },
}
// ANCHOR_END: commands

// ANCHOR: events
/// What can happen. Stored as `Copy:Acquired`, `Copy:Lent`, `Copy:Returned`.
#[derive(Debug, PartialEq, Event)]
#[event(prefix = "Copy")]
pub enum CopyEvent {
    Acquired { title: String },
    Lent { reader: String, on: Date, weeks: u8 },
    Returned { reader: String, on: Date },
}
// ANCHOR_END: events

// ANCHOR: errors
/// Why a command is rejected.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum CopyError {
    #[error("the library has no such copy")]
    Unknown,
    #[error("it is lent to {0}")]
    Lent(String),
    #[error("it is not lent")]
    NotLent,
}
// ANCHOR_END: errors

// ANCHOR: state
/// What decisions need to know: no more.
#[derive(Debug, Default, PartialEq)]
pub struct BookCopy {
    acquired: bool,
    lent_to: Option<String>,
}
// ANCHOR_END: state

// ANCHOR: aggregate
impl Aggregate for BookCopy {
    const CATEGORY: &'static str = "copy";
    type Command = CopyCommand;
    type Event = CopyEvent;
    type Error = CopyError;

    fn handle(
        &self,
        command: CopyCommand,
    ) -> Result<Vec<CopyEvent>, CopyError> {
        match (command, &self.lent_to) {
            // Acquired before: there is nothing to do, and nothing wrong.
            (CopyCommand::Acquire { .. }, _) if self.acquired => Ok(vec![]),
            (CopyCommand::Acquire { title }, _) => {
                Ok(vec![CopyEvent::Acquired { title }])
            }
            _ if !self.acquired => Err(CopyError::Unknown),
            (CopyCommand::Lend { .. }, Some(reader)) => {
                Err(CopyError::Lent(reader.clone()))
            }
            (CopyCommand::Lend { reader, on, weeks }, None) => {
                Ok(vec![CopyEvent::Lent { reader, on, weeks }])
            }
            (CopyCommand::TakeBack { .. }, None) => Err(CopyError::NotLent),
            (CopyCommand::TakeBack { on }, Some(reader)) => {
                let reader = reader.clone();
                Ok(vec![CopyEvent::Returned { reader, on }])
            }
        }
    }

    fn apply(&mut self, event: CopyEvent) {
        match event {
            CopyEvent::Acquired { .. } => self.acquired = true,
            CopyEvent::Lent { reader, .. } => self.lent_to = Some(reader),
            CopyEvent::Returned { .. } => self.lent_to = None,
        }
    }
}
// ANCHOR_END: aggregate

#[cfg(test)]
// ANCHOR: tests
mod tests {
    use es_core::testing::Given;
    use jiff::civil::date;

    use super::*;

    fn acquired() -> CopyEvent {
        CopyEvent::Acquired { title: "Middlemarch".into() }
    }

    fn lent_to_ada() -> CopyEvent {
        let on = date(2026, 3, 2);
        CopyEvent::Lent { reader: "ada".into(), on, weeks: 4 }
    }

    #[test]
    fn a_copy_that_is_lent_cannot_be_lent_again() {
        let on = date(2026, 3, 3);
        Given::<BookCopy>::events([acquired(), lent_to_ada()])
            .when(CopyCommand::Lend { reader: "bob".into(), on, weeks: 4 })
            .then_rejected(CopyError::Lent("ada".into()));
    }

    #[test]
    fn a_copy_that_was_returned_can_be_lent_again() {
        let on = date(2026, 3, 30);
        Given::<BookCopy>::events([acquired(), lent_to_ada()])
            .command(CopyCommand::TakeBack { on })
            .when(CopyCommand::Lend { reader: "bob".into(), on, weeks: 2 })
            .then_events([CopyEvent::Lent {
                reader: "bob".into(),
                on,
                weeks: 2,
            }]);
    }

    #[test]
    fn a_copy_is_acquired_once() {
        Given::<BookCopy>::events([acquired()])
            .when(CopyCommand::Acquire { title: "Middlemarch".into() })
            .then_nothing();
    }

    #[test]
    fn what_the_library_does_not_have_cannot_be_taken_back() {
        Given::<BookCopy>::nothing()
            .when(CopyCommand::TakeBack { on: date(2026, 3, 2) })
            .then_rejected(CopyError::Unknown);
    }
}
// ANCHOR_END: tests

#[cfg(test)]
// ANCHOR: properties
mod properties {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    fn any_command() -> impl Strategy<Value = CopyCommand> {
        let on = date(2026, 3, 2);
        let reader = "ada|bob".prop_map(String::from);
        prop_oneof![
            Just(CopyCommand::Acquire { title: "Emma".into() }),
            reader.prop_map(move |reader| CopyCommand::Lend {
                reader,
                on,
                weeks: 4
            }),
            Just(CopyCommand::TakeBack { on }),
        ]
    }

    es_core::aggregate_properties!(
        BookCopy,
        any_command(),
        [
            handle_is_deterministic,
            events_can_be_applied,
            events_survive_storage,
            replay_gives_the_state,
        ],
    );
}
// ANCHOR_END: properties
