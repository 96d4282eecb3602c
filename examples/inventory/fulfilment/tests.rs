use es_core::saga::{SagaPhase, SagaRun};
use es_core::testing::{GivenProcess, ThenDecided};

use super::*;
use crate::inventory::domain::StockError;

type Run = SagaRun<Fulfilment>;

const TOTAL: Money = Money::cents(750);

fn triggered() -> ThenDecided<Run> {
    let item = OrderedItem { item_id: "tea".to_owned(), quantity: 3, price: Money::cents(250) };
    let triggered = WorkflowEvent::Triggered {
        workflow_id: "workflow-o-1".to_owned(),
        items: vec![item],
        total: TOTAL,
    };
    GivenProcess::<Run>::nothing().when_event("workflow", "o-1", triggered)
}

fn captured() -> PaymentEvent {
    PaymentEvent::Captured { reference: "charge-o-1".to_owned() }
}

fn declined() -> PaymentEvent {
    PaymentEvent::Declined { reason: "payment declined".to_owned() }
}

#[test]
fn order_payment_and_stock_go_on_at_the_same_time() {
    triggered()
        .then_commands_named(["AcceptOrder", "RequestPayment", "ReserveStock"])
        .then_deadline("saga", TIME);
}

#[test]
fn goods_are_sent_when_all_three_are_done_in_whatever_order() {
    triggered()
        .when_event("payment", "o-1", captured())
        .then_commands_named([])
        .when_succeeded("ReserveStock")
        .then_commands_named([])
        .when_succeeded("AcceptOrder")
        .then_commands_named(["ShipStock"])
        .when_succeeded("ShipStock")
        .then_commands_named(["CompleteOrder"])
        .when_succeeded("CompleteOrder")
        .then_completed("completed");
}

#[test]
fn a_payment_that_is_declined_undoes_the_others_and_not_itself() {
    triggered()
        .when_succeeded("AcceptOrder")
        .then_commands_named([])
        .when_succeeded("ReserveStock")
        .then_commands_named([])
        .when_event("payment", "o-1", declined())
        .then_commands_named(["ReleaseStock"])
        .when_succeeded("ReleaseStock")
        .then_commands_named(["CancelOrder"])
        .when_succeeded("CancelOrder")
        .then_completed("compensated")
        .then_state(|run| assert_eq!(run.turn_back_reason(), Some("payment declined")));
}

#[test]
fn stock_that_is_refused_gives_the_money_back() {
    triggered()
        .when_succeeded("AcceptOrder")
        .then_commands_named([])
        .when_event("payment", "o-1", captured())
        .then_commands_named([])
        .when_rejected("ReserveStock", StockError::NotEnough)
        .then_state(|run| {
            assert_eq!(run.turn_back_reason(), Some("not enough stock"));
            assert_eq!(run.phase(), SagaPhase::Compensating);
        });
}

#[test]
fn five_minutes_without_an_answer_undo_everything() {
    triggered()
        .when_succeeded("AcceptOrder")
        .then_commands_named([])
        .when_succeeded("ReserveStock")
        .then_commands_named([])
        .when_deadline("saga")
        .then_commands_named(["ReleaseStock"])
        .when_succeeded("ReleaseStock")
        .then_commands_named(["CancelOrder"])
        .when_succeeded("CancelOrder")
        .then_commands_named(["TakePaymentBack"])
        .when_succeeded("TakePaymentBack")
        .then_completed("compensated");
}
