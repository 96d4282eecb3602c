//! What every aggregate should keep, with commands that are made up.

use proptest::prelude::*;

use super::*;

/// Few readings and reasons, so that commands meet each other's effects.
fn any_command() -> impl Strategy<Value = IntakeCommand> {
    let any_reading = || prop_oneof![Just(reading(4.5)), Just(reading(5.0))];
    let any_origin = || prop_oneof![Just(file()), Just(http())];
    prop_oneof![
        2 => (any_origin(), any_reading()).prop_map(|(origin, reading)| {
            IntakeCommand::Process { origin, reading, measurement: measurement() }
        }),
        2 => (any_origin(), any_reading(), any::<bool>()).prop_map(|(origin, reading, is_last)| {
            let reason = "no answer".to_owned();
            IntakeCommand::RecordFailure { origin, reading, reason, is_last }
        }),
        1 => "a|b".prop_map(|reason| reject(&reason)),
        1 => Just(IntakeCommand::Confirm),
    ]
}

es_core::aggregate_properties!(
    Intake,
    any_command(),
    [
        handle_is_deterministic,
        handle_changes_nothing,
        events_can_be_applied,
        events_survive_storage,
        replay_gives_the_state,
        caching_changes_nothing,
    ],
);
