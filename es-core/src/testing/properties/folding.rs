//! Properties of `handle` and `apply`, without a store.

use std::fmt::Debug;

use crate::aggregate::Aggregate;
use crate::codec::Codec;
use crate::encoded_events::EncodedEvents;
use crate::event::Event;
use crate::testing::differences::chain;

use super::{Check, Outcome, same};

/// Two states that are folded from the same commands: one is asked twice each time, so that what
/// depends on the number of calls shows, too.
pub(super) fn handle_is_deterministic<A>(commands: &[A::Command]) -> Check
where
    A: Aggregate<Command: Debug, Event: Debug + PartialEq>,
{
    let (mut one, mut other) = (A::default(), A::default());
    for command in commands {
        let outcome = decide(&one, command);
        let again = decide(&one, command);
        same(&format!("{command:?}, handled again, has another outcome"), &outcome, &again)?;
        let elsewhere = decide(&other, command);
        same(
            &format!("{command:?} has another outcome on another instance of the same state"),
            &outcome,
            &elsewhere,
        )?;
        apply(&mut one, outcome.into_events());
        apply(&mut other, elsewhere.into_events());
    }
    Ok(())
}

/// Of two states that take the same events only one decides.
pub(super) fn handle_changes_nothing<A>(commands: &[A::Command]) -> Check
where
    A: Aggregate<Command: Debug, Event: Debug + PartialEq> + Debug + PartialEq,
{
    let (mut deciding, mut untouched) = (A::default(), A::default());
    for command in commands {
        // Events need not be cloneable, so they are asked for twice.
        let (outcome, again) = (decide(&deciding, command), decide(&deciding, command));
        let message = match &outcome {
            Outcome::Events(_) => {
                format!("the decision on {command:?} changed the state by itself")
            }
            Outcome::Rejected(_) => format!("{command:?} was rejected, and changed the state"),
        };
        same(&message, &untouched, &deciding)?;
        apply(&mut deciding, outcome.into_events());
        apply(&mut untouched, again.into_events());
    }
    Ok(())
}

/// A panic fails the check.
pub(super) fn events_can_be_applied<A>(commands: &[A::Command]) -> Check
where
    A: Aggregate<Command: Debug, Event: Debug + PartialEq>,
{
    let mut state = A::default();
    for command in commands {
        let events = decide(&state, command).into_events();
        apply(&mut state, events);
    }
    Ok(())
}

pub(super) fn events_survive_storage<A>(commands: &[A::Command]) -> Check
where
    A: Aggregate<Command: Debug, Event: Debug + PartialEq>,
{
    let mut state = A::default();
    for command in commands {
        let events = decide(&state, command).into_events();
        same("stored events are read as something else", &events, &stored_and_read(&events)?)?;
        apply(&mut state, events);
    }
    Ok(())
}

pub(super) fn replay_gives_the_state<A>(commands: &[A::Command]) -> Check
where
    A: Aggregate<Command: Debug, Event: Debug + PartialEq> + Debug + PartialEq,
{
    let mut state = A::default();
    let mut history = Vec::new();
    for command in commands {
        let events = decide(&state, command).into_events();
        history.extend(stored_and_read(&events)?);
        apply(&mut state, events);
    }
    let mut replayed = A::default();
    apply(&mut replayed, history);
    same("the replayed state is not the one that took the events as they came", &state, &replayed)
}

fn decide<A: Aggregate>(state: &A, command: &A::Command) -> Outcome<A::Event> {
    Outcome::of(state.handle(command.clone()))
}

fn apply<A: Aggregate>(state: &mut A, events: Vec<A::Event>) {
    for event in events {
        state.apply(event);
    }
}

/// Events as they come back from storage.
fn stored_and_read<E: Event>(events: &[E]) -> Result<Vec<E>, String> {
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let encoded = EncodedEvents::encode(events, Codec::Json, Default::default(), 0)
        .map_err(|error| chain(&error))?;
    let open = encoded.open().map_err(|error| chain(&error))?;
    let read = open.iter().map(|stored| {
        let name = stored.name;
        E::decode(stored).map_err(|error| format!("{name} cannot be read back: {}", chain(&error)))
    });
    read.collect()
}
