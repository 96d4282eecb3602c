//! What every aggregate should keep, with commands that are made up.

use proptest::prelude::*;

use super::*;

/// Few names and items, so that commands meet each other's effects.
fn any_command() -> impl Strategy<Value = OrderCommand> {
    prop_oneof![
        3 => any_request().prop_map(OrderCommand::Create),
        2 => "p-1|p-2".prop_map(|reference| OrderCommand::Process(payment(&reference))),
    ]
}

fn any_request() -> impl Strategy<Value = OrderRequest> {
    let item = prop_oneof![Just(item("tea:2:4.50")), Just(item("cup:1000:100000"))];
    ("|Ada|Bo", "ada|ada@example.org", prop::collection::vec(item, 0..3))
        .prop_map(|(name, email, items)| OrderRequest { customer: Customer { name, email }, items })
}

// An order has two events: snapshots of it would save nothing.
es_core::aggregate_properties!(
    Order,
    any_command(),
    [
        handle_is_deterministic,
        handle_changes_nothing,
        events_can_be_applied,
        events_survive_storage,
        replay_gives_the_state,
        caching_changes_nothing,
    ]
);
