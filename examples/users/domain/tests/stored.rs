//! That what was ever stored can be read for ever.
//!
//! `events.lock` has the form of every event, `golden/` a stored payload of each. With
//! `ES_ACCEPT_SCHEMA=1` in the environment these tests add what is new to them.

use es_core::testing::{GoldenFiles, SchemaLock};

use super::*;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/users/domain");

pub(super) fn one_of_each() -> [UserEvent; 6] {
    [
        UserEvent::Created { name: ada(), email: ada_at_home() },
        UserEvent::NameChanged { name: Name::new("Ada Other").unwrap() },
        UserEvent::EmailChanged { email: Email::new("ada@example.net").unwrap() },
        UserEvent::BalanceCredited { amount: cents(1250) },
        UserEvent::BalanceDebited { amount: Money::MAX },
        UserEvent::Deactivated,
    ]
}

#[test]
fn the_form_of_stored_events_does_not_change() {
    SchemaLock::at(format!("{FOLDER}/events.lock")).json_only().check::<UserEvent>();
}

#[test]
fn stored_events_are_read_as_they_always_were() {
    GoldenFiles::in_directory(format!("{FOLDER}/golden")).check(one_of_each());
}
