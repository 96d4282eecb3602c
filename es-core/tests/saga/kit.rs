use es_core::saga::{SagaPhase, SagaRun, TurnBackCause};
use es_core::testing::GivenProcess;

use crate::shop::{Fulfilment, OrderEvent, PaymentEvent, StockError, TIME, TIME_TO_PAY};

fn placed() -> es_core::testing::ThenDecided<SagaRun<Fulfilment>> {
    GivenProcess::<SagaRun<Fulfilment>>::nothing().when_event(
        "order",
        "o-1",
        OrderEvent::Placed { quantity: 3 },
    )
}

#[test]
fn a_saga_is_tested_without_a_store() {
    placed()
        .then_commands_named(["Reserve", "Request"])
        .then_deadline("saga", TIME)
        .then_deadline("step payment", TIME_TO_PAY)
        .when_succeeded("Reserve")
        .then_commands_named([])
        .when_event("payment", "o-1", PaymentEvent::Captured { number: 7 })
        .then_commands_named(["Ship"])
        .when_succeeded("Ship")
        // It was answered, and is not asked for again.
        .then_withdrawn(["Request"])
        .then_completed("completed");
}

#[test]
fn what_a_saga_undoes_is_tested_without_a_store() {
    placed()
        .when_event("payment", "o-1", PaymentEvent::Captured { number: 7 })
        .when_rejected("Reserve", StockError::SoldOut(2))
        .then_commands_named(["Refund"])
        .then_state(|saga| assert_eq!(saga.phase(), SagaPhase::Compensating))
        .when_succeeded("Refund")
        .then_commands_named(["Release"])
        .when_succeeded("Release")
        .then_completed("compensated");
}

#[test]
fn a_saga_that_an_operator_turns_back_is_tested_without_a_store() {
    placed()
        .when_succeeded("Reserve")
        .when_turned_back("enough")
        .then_withdrawn(["Request"])
        .then_cancelled("saga")
        .then_cancelled("step payment")
        .then_commands_named(["Release"])
        .then_state(|saga| assert_eq!(saga.phase(), SagaPhase::Compensating))
        .when_turned_back("once more")
        .then_ignored()
        .when_succeeded("Release")
        .then_commands_named(["Refund"])
        .when_succeeded("Refund")
        .then_completed("compensated");
}

#[test]
#[should_panic(expected = "delivery has begun, which cannot be undone")]
fn a_saga_behind_the_point_of_no_return_is_not_turned_back() {
    let _ = placed()
        .when_succeeded("Reserve")
        .when_event("payment", "o-1", PaymentEvent::Captured { number: 7 })
        .then_commands_named(["Ship"])
        .when_turned_back("please");
}

#[test]
#[should_panic(expected = "there is no step \"delivery\" that waits for an answer")]
fn an_answer_about_a_step_that_waits_for_none_is_refused() {
    let _ = placed().when_event("order", "o-1", OrderEvent::Delivered);
}

#[test]
fn what_a_saga_says_of_itself_has_no_data_in_it() {
    let refused = placed().when_rejected("Reserve", StockError::SoldOut(123_456));
    refused.then_state(|saga| {
        let shown = format!("{saga:?} {:?}", saga.turned_back());
        assert!(shown.contains("stock") && !shown.contains("123456"), "{shown}");
        assert_eq!(saga.turn_back_reason(), Some("there are 123456 left"));
        assert_eq!(saga.turned_back(), Some(&TurnBackCause::StepFailed("stock".to_owned())));
    });
}

#[test]
fn what_made_a_saga_turn_back_is_kept_in_bounds() {
    placed().when_rejected("Reserve", "x".repeat(100_000)).then_state(|saga| {
        assert_eq!(saga.turn_back_reason().map(str::len), Some(2048));
    });
}
