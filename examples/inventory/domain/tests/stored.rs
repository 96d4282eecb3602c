//! That what was ever stored can be read for ever.
//!
//! `events.lock` has the form of every event, `golden/` a stored payload of each. With
//! `ES_ACCEPT_SCHEMA=1` in the environment these tests add what is new to them.

use es_core::Event;
use es_core::testing::{GoldenFiles, SchemaLock};

use super::*;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/inventory/domain");

/// Everything that is stored.
#[derive(Debug, Clone, PartialEq, Event)]
#[event(union)]
enum AnyEvent {
    Order(OrderEvent),
    Stock(StockEvent),
    Payment(PaymentEvent),
    Workflow(WorkflowEvent),
    Notification(NotificationEvent),
}

#[test]
fn the_form_of_stored_events_does_not_change() {
    SchemaLock::at(format!("{FOLDER}/events.lock")).json_only().check::<AnyEvent>();
}

#[test]
fn stored_events_are_read_as_they_always_were() {
    let OrderRequest { customer_id, items } = request("c-1");
    let (order, quantity, amount) = ("o-1".to_owned(), 6, AMOUNT);
    let (workflow_id, total) = ("workflow-o-1".to_owned(), AMOUNT);
    GoldenFiles::in_directory(format!("{FOLDER}/golden")).check([
        AnyEvent::Order(OrderEvent::Created { customer_id, items: items.clone(), total }),
        AnyEvent::Order(OrderEvent::Accepted),
        AnyEvent::Order(OrderEvent::Completed),
        AnyEvent::Order(OrderEvent::Cancelled),
        AnyEvent::Stock(StockEvent::Restocked { quantity }),
        AnyEvent::Stock(StockEvent::Reserved { order: order.clone(), quantity }),
        AnyEvent::Stock(StockEvent::Released { order: order.clone(), quantity }),
        AnyEvent::Stock(StockEvent::Barred { order: order.clone() }),
        AnyEvent::Stock(StockEvent::Shipped { order, quantity }),
        AnyEvent::Payment(PaymentEvent::Requested { amount }),
        AnyEvent::Payment(PaymentEvent::Captured { reference: "charge-o-1".to_owned() }),
        AnyEvent::Payment(PaymentEvent::Declined { reason: "payment declined".to_owned() }),
        AnyEvent::Payment(PaymentEvent::CalledOff),
        AnyEvent::Payment(PaymentEvent::Refunded { amount }),
        AnyEvent::Workflow(WorkflowEvent::Triggered { workflow_id, items, total }),
        AnyEvent::Notification(NotificationEvent::Sent),
    ]);
}
