//! Properties of aggregates: kept by a sound one, and broken by each fault in the one that names it.

use std::collections::HashMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use es_core::testing::AggregateProperties;
use es_core::{Aggregate, Command, Event, Snapshot};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use crate::support::{Account, AccountCommand};
use crate::{assert_says, failure};

fn any_movement() -> impl Strategy<Value = AccountCommand> {
    prop_oneof![
        (0..10_u64).prop_map(AccountCommand::Credit),
        (0..10_u64).prop_map(AccountCommand::Debit),
    ]
}

mod of_a_sound_aggregate {
    es_core::aggregate_properties!(super::Account, super::any_movement());
}

mod that_are_named {
    es_core::aggregate_properties!(
        super::Account,
        super::any_movement(),
        [handle_is_deterministic, replay_gives_the_state],
    );

    // Would be defined twice if all properties were tests.
    #[test]
    fn snapshots_change_nothing() {
        es_core::testing::AggregateProperties::<super::Account, _>::new(super::any_movement())
            .cases(8)
            .max_commands(4)
            .snapshots_change_nothing();
    }
}

#[derive(Debug, Clone, Command)]
enum Move {
    Put(u8),
    Take(u8),
    Count,
}

fn any_move() -> impl Strategy<Value = Move> {
    prop_oneof![(0..4_u8).prop_map(Move::Put), (0..4_u8).prop_map(Move::Take), Just(Move::Count)]
}

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("there is not as much")]
struct NotAsMuch;

#[derive(Debug, PartialEq, Event)]
#[event(prefix = "Box")]
enum Moved {
    Put { number: u32 },
    Taken { number: u32 },
    Counted { numbers: Vec<u32> },
}

/// A box whose decisions and folds are those of a type: `F` is its fault.
trait Fault: Sized + Send + Sync + 'static {
    type Event: Event + std::fmt::Debug + PartialEq;
    type State: Default
        + std::fmt::Debug
        + PartialEq
        + Serialize
        + for<'de> Deserialize<'de>
        + Send
        + Sync;

    fn handle(state: &Self::State, command: Move) -> Result<Vec<Self::Event>, NotAsMuch>;
    fn apply(state: &mut Self::State, event: Self::Event);
}

#[derive(Serialize, Deserialize)]
#[serde(transparent, bound = "")]
struct Faulty<F: Fault>(F::State);

impl<F: Fault> Default for Faulty<F> {
    fn default() -> Self {
        Self(F::State::default())
    }
}

impl<F: Fault> std::fmt::Debug for Faulty<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl<F: Fault> PartialEq for Faulty<F> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<F: Fault> Aggregate for Faulty<F> {
    const CATEGORY: &'static str = "box";
    type Command = Move;
    type Event = F::Event;
    type Error = NotAsMuch;

    fn handle(&self, command: Move) -> Result<Vec<F::Event>, NotAsMuch> {
        F::handle(&self.0, command)
    }

    fn apply(&mut self, event: F::Event) {
        F::apply(&mut self.0, event);
    }
}

impl<F: Fault> Snapshot for Faulty<F> {
    const SCHEMA_VERSION: u32 = 1;
}

/// What `F` breaks, with what is said about it. The seed makes the tests the same in every run.
#[track_caller]
fn broken<F: Fault>(property: fn(AggregateProperties<Faulty<F>, BoxedStrategy<Move>>)) -> String {
    let properties = AggregateProperties::new(any_move().boxed()).seed(7);
    let message = failure(|| property(properties));
    assert_says(&message, &["breaks the property `", "ES_PROPERTY_SEED=7", "    1. "]);
    message
}

/// What a sound box does.
fn sound(total: u32, command: Move) -> Result<Vec<Moved>, NotAsMuch> {
    match command {
        Move::Put(number) => Ok(vec![Moved::Put { number: number.into() }]),
        Move::Take(number) if u32::from(number) > total => Err(NotAsMuch),
        Move::Take(number) => Ok(vec![Moved::Taken { number: number.into() }]),
        Move::Count => Ok(vec![]),
    }
}

fn change(total: &mut u32, event: &Moved) {
    match event {
        Moved::Put { number } => *total += number,
        Moved::Taken { number } => *total = total.saturating_sub(*number),
        Moved::Counted { .. } => {}
    }
}

/// A count of calls that goes into events.
struct CountsCalls;

#[derive(Debug, Default, Serialize, Deserialize)]
struct Calls {
    total: u32,
    #[serde(skip)]
    calls: AtomicU32,
}

impl PartialEq for Calls {
    fn eq(&self, other: &Self) -> bool {
        self.total == other.total
    }
}

impl Fault for CountsCalls {
    type Event = Moved;
    type State = Calls;

    fn handle(state: &Calls, command: Move) -> Result<Vec<Moved>, NotAsMuch> {
        match command {
            Move::Count => {
                let calls = state.calls.fetch_add(1, Ordering::Relaxed);
                Ok(vec![Moved::Counted { numbers: vec![calls] }])
            }
            command => sound(state.total, command),
        }
    }

    fn apply(state: &mut Calls, event: Moved) {
        change(&mut state.total, &event);
    }
}

#[test]
fn a_decision_that_depends_on_how_often_it_is_made_is_found_out() {
    let message = broken::<CountsCalls>(AggregateProperties::handle_is_deterministic);
    assert_says(
        &message,
        &["`handle_is_deterministic`", "    1. Count\n\nCount, handled again, has another outcome"],
    );
    assert!(!message.contains("    2. "), "{message}");
}

/// The order of a map that goes into events.
struct OrderOfAMap;

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Counts(HashMap<u32, u32>);

impl Fault for OrderOfAMap {
    type Event = Moved;
    type State = Counts;

    fn handle(state: &Counts, command: Move) -> Result<Vec<Moved>, NotAsMuch> {
        match command {
            Move::Count => Ok(vec![Moved::Counted { numbers: state.0.keys().copied().collect() }]),
            command => sound(u32::MAX, command),
        }
    }

    fn apply(state: &mut Counts, event: Moved) {
        if let Moved::Put { number } = event {
            *state.0.entry(number).or_default() += 1;
        }
    }
}

#[test]
fn a_decision_that_depends_on_the_order_of_a_map_is_found_out() {
    let message = broken::<OrderOfAMap>(AggregateProperties::handle_is_deterministic);
    assert_says(&message, &["on another instance of the same state", "- ", "+ "]);
}

/// A decision that changes the state.
struct CountsRejections;

#[derive(Debug, Default, Serialize, Deserialize)]
struct Rejections {
    total: u32,
    rejections: AtomicU32,
}

impl PartialEq for Rejections {
    fn eq(&self, other: &Self) -> bool {
        let rejections = |state: &Self| state.rejections.load(Ordering::Relaxed);
        (self.total, rejections(self)) == (other.total, rejections(other))
    }
}

impl Fault for CountsRejections {
    type Event = Moved;
    type State = Rejections;

    fn handle(state: &Rejections, command: Move) -> Result<Vec<Moved>, NotAsMuch> {
        sound(state.total, command).inspect_err(|_| {
            state.rejections.fetch_add(1, Ordering::Relaxed);
        })
    }

    fn apply(state: &mut Rejections, event: Moved) {
        change(&mut state.total, &event);
    }
}

#[test]
fn a_rejected_command_that_changes_the_state_is_found_out() {
    let message = broken::<CountsRejections>(AggregateProperties::handle_changes_nothing);
    assert_says(
        &message,
        &[
            "`handle_changes_nothing`",
            "Take(1) was rejected, and changed the state",
            "+     rejections: 2",
        ],
    );
}

/// An event that the state cannot take.
struct Overflows;

impl Fault for Overflows {
    type Event = Moved;
    type State = u32;

    fn handle(state: &u32, command: Move) -> Result<Vec<Moved>, NotAsMuch> {
        sound(*state, command)
    }

    fn apply(state: &mut u32, event: Moved) {
        change(state, &event);
        assert!(*state < 4, "the box is full");
    }
}

#[test]
fn an_event_that_the_state_cannot_take_is_found_out() {
    let message = broken::<Overflows>(AggregateProperties::events_can_be_applied);
    assert_says(&message, &["`events_can_be_applied`", "Put(", "the box is full"]);
}

/// An event that loses something when it is stored.
struct LosesAField;

#[derive(Debug, PartialEq, Event)]
#[event(prefix = "Box")]
enum Lossy {
    Put {
        number: u32,
        #[serde(skip)]
        double: u32,
    },
}

impl Fault for LosesAField {
    type Event = Lossy;
    type State = u32;

    fn handle(_: &u32, command: Move) -> Result<Vec<Lossy>, NotAsMuch> {
        match command {
            Move::Put(number) => {
                let number = number.into();
                Ok(vec![Lossy::Put { number, double: number * 2 }])
            }
            _ => Ok(vec![]),
        }
    }

    fn apply(state: &mut u32, Lossy::Put { number, .. }: Lossy) {
        *state += number;
    }
}

#[test]
fn an_event_that_loses_something_in_storage_is_found_out() {
    let message = broken::<LosesAField>(AggregateProperties::events_survive_storage);
    assert_says(
        &message,
        &[
            "`events_survive_storage`",
            "    1. Put(1)\n\nstored events are read as something else",
            "-         double: 2",
            "+         double: 0",
        ],
    );
}

/// A fold that uses more than state and event.
struct UsesAStatic;

static APPLIED: AtomicU32 = AtomicU32::new(0);

impl Fault for UsesAStatic {
    type Event = Moved;
    type State = u32;

    fn handle(_: &u32, command: Move) -> Result<Vec<Moved>, NotAsMuch> {
        sound(u32::MAX, command)
    }

    fn apply(state: &mut u32, _: Moved) {
        *state = APPLIED.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_fold_that_uses_more_than_state_and_event_is_found_out() {
    let message = broken::<UsesAStatic>(AggregateProperties::replay_gives_the_state);
    assert_says(&message, &["`replay_gives_the_state`", "the replayed state is not the one"]);
    // It is seen wherever two states are compared that took the same events.
    let message = broken::<UsesAStatic>(AggregateProperties::compression_changes_nothing);
    assert_says(&message, &["`compression_changes_nothing`", "with compression, the state after"]);
}

/// A state that is not all in its snapshot.
struct ForgetsInSnapshots;

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Forgetful {
    total: u32,
    #[serde(skip)]
    taken: u32,
}

impl Fault for ForgetsInSnapshots {
    type Event = Moved;
    type State = Forgetful;

    fn handle(state: &Forgetful, command: Move) -> Result<Vec<Moved>, NotAsMuch> {
        sound(state.total, command)
    }

    fn apply(state: &mut Forgetful, event: Moved) {
        change(&mut state.total, &event);
        if let Moved::Taken { number } = event {
            state.taken += number;
        }
    }
}

#[test]
fn a_snapshot_that_loses_something_is_found_out() {
    let message = broken::<ForgetsInSnapshots>(AggregateProperties::snapshots_change_nothing);
    assert_says(
        &message,
        &[
            "`snapshots_change_nothing`",
            "with a snapshot every 1 events, the state after Take(1) is another one",
            "-     taken: 1",
            "+     taken: 0",
        ],
    );
}

/// A decision that the state keeps for itself.
struct KeepsADecision;

#[derive(Debug, Default, Serialize, Deserialize)]
struct Keeping {
    total: u32,
    #[serde(skip)]
    first: OnceLock<u8>,
}

impl PartialEq for Keeping {
    fn eq(&self, other: &Self) -> bool {
        self.total == other.total
    }
}

impl Fault for KeepsADecision {
    type Event = Moved;
    type State = Keeping;

    fn handle(state: &Keeping, command: Move) -> Result<Vec<Moved>, NotAsMuch> {
        match command {
            Move::Put(number) if *state.first.get_or_init(|| number) != number => Err(NotAsMuch),
            command => sound(state.total, command),
        }
    }

    fn apply(state: &mut Keeping, event: Moved) {
        change(&mut state.total, &event);
    }
}

#[test]
fn a_state_that_keeps_more_than_events_say_is_found_out() {
    let message = broken::<KeepsADecision>(AggregateProperties::caching_changes_nothing);
    assert_says(
        &message,
        &["`caching_changes_nothing`", "with a cache, Put(", "+ Rejected(\n  +     \"NotAsMuch\""],
    );
}

/// An event that postcard cannot store.
struct NotForPostcard;

#[derive(Debug, PartialEq, Event)]
#[event(prefix = "Box")]
enum SometimesShorter {
    Put {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        number: Option<u32>,
        last: bool,
    },
}

impl Fault for NotForPostcard {
    type Event = SometimesShorter;
    type State = u32;

    fn handle(_: &u32, command: Move) -> Result<Vec<SometimesShorter>, NotAsMuch> {
        match command {
            Move::Put(number) => {
                let number = (number > 1).then(|| number.into());
                Ok(vec![SometimesShorter::Put { number, last: true }])
            }
            _ => Ok(vec![]),
        }
    }

    fn apply(state: &mut u32, SometimesShorter::Put { number, .. }: SometimesShorter) {
        *state += number.unwrap_or_default();
    }
}

#[test]
fn an_event_that_postcard_cannot_store_is_found_out() {
    let message = broken::<NotForPostcard>(AggregateProperties::postcard_changes_nothing);
    assert_says(&message, &["`postcard_changes_nothing`", "    1. Put(0)\n\nPut(0) failed"]);
    // JSON can.
    AggregateProperties::<Faulty<NotForPostcard>, _>::new(any_move()).events_survive_storage();
}

#[test]
fn the_seed_makes_the_same_commands() {
    let failure = || broken::<LosesAField>(AggregateProperties::events_survive_storage);
    assert_eq!(failure(), failure());
}

#[test]
fn a_strategy_that_makes_nothing_is_no_proof() {
    let nothing = any_move().prop_filter("none is good", |_| false);
    let properties = AggregateProperties::<Faulty<Overflows>, _>::new(nothing).max_commands(1);
    // It makes lists without commands only, and is given up after it was asked for others often enough.
    let message = failure(|| properties.cases(5_000_000).events_can_be_applied());
    assert_says(&message, &["the strategy makes no commands"]);
}
