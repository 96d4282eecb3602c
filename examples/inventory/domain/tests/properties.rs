//! What every aggregate should keep, with commands that are made up.

use es_core::Aggregate as _;
use proptest::prelude::*;

use super::*;

/// Few orders and pieces, so that commands meet each other's effects.
fn any_stock_command() -> impl Strategy<Value = StockCommand> {
    prop_oneof![
        2 => (0..20_u32).prop_map(|quantity| StockCommand::Restock { quantity }),
        4 => ("[a-d]", 0..8_u32).prop_map(|(order, quantity)| reserve(&order, quantity)),
        2 => "[a-d]".prop_map(|order| release(&order)),
        2 => "[a-d]".prop_map(|order| ship(&order)),
    ]
}

fn any_payment_command() -> impl Strategy<Value = PaymentCommand> {
    prop_oneof![
        (1..3_u64).prop_map(|cents| PaymentCommand::Request { amount: Money::cents(cents) }),
        Just(capture()),
        Just(decline()),
        proptest::option::of(1..3_u64)
            .prop_map(|cents| PaymentCommand::TakeBack { returned: cents.map(Money::cents) }),
    ]
}

fn any_order_command() -> impl Strategy<Value = OrderCommand> {
    prop_oneof![
        2 => "c-1|c-2|".prop_map(|customer| OrderCommand::Create(request(&customer))),
        1 => Just(OrderCommand::Accept),
        1 => Just(OrderCommand::Complete),
        1 => Just(OrderCommand::Cancel),
    ]
}

proptest! {
    #[test]
    fn pieces_are_neither_made_nor_lost_nor_promised_twice(
        commands in prop::collection::vec(any_stock_command(), 0..40),
    ) {
        let mut stock = Stock::default();
        for command in commands {
            for event in stock.handle(command).unwrap_or_default() {
                stock.apply(event);
            }
            let there = stock.on_hand + stock.reserved() + stock.shipped();
            prop_assert_eq!(stock.received, there);
        }
    }
}

mod stock {
    es_core::aggregate_properties!(super::Stock, super::any_stock_command());
}

mod payment {
    es_core::aggregate_properties!(
        super::Payment,
        super::any_payment_command(),
        [
            handle_is_deterministic,
            handle_changes_nothing,
            events_can_be_applied,
            events_survive_storage,
            replay_gives_the_state,
            caching_changes_nothing,
        ]
    );
}

mod order {
    es_core::aggregate_properties!(
        super::Order,
        super::any_order_command(),
        [
            handle_is_deterministic,
            handle_changes_nothing,
            events_can_be_applied,
            events_survive_storage,
            replay_gives_the_state,
            caching_changes_nothing,
        ]
    );
}
