use std::sync::Arc;

use es_core::{Incoming, MessageId, ReceiptHandle, ReceivedMessage, Timestamp};
use es_lambda::{FunctionError, event_bridge};
use serde_json::{Value, json};

use crate::kit::{Desk, Printer, SECOND, fixture};

async fn invoke(desk: &Desk, printer: &Arc<Printer>, event: &Value) -> Result<(), FunctionError> {
    let function = event_bridge(desk.consumer(printer.clone())).with_clock(desk.clock.clone());
    function.invoke(desk.event(event)).await
}

fn with_detail(detail: Value) -> Value {
    let mut event = fixture!("event_bridge");
    event["detail"] = detail;
    event
}

#[tokio::test]
async fn an_event_is_to_its_handler_what_it_is_by_way_of_a_queue() {
    let (desk, printer) = (Desk::new().await, Arc::new(Printer::default()));
    let event = fixture!("event_bridge");
    invoke(&desk, &printer, &event).await.unwrap();
    let by_queue = Incoming::of(&ReceivedMessage {
        id: MessageId::from_stored("another"),
        receipt: ReceiptHandle::from_stored(""),
        body: event.to_string(),
        attributes: Default::default(),
        group: None,
        deduplication_id: None,
        sent_at: Timestamp::UNIX_EPOCH,
        first_received_at: Timestamp::UNIX_EPOCH,
        receive_count: 1,
        moved_by_policy: false,
        dead_letter_source: None,
    });
    let (by_queue, began) = (by_queue.unwrap().remove(0), printer.began.lock().unwrap());
    assert_eq!(began[0].id(), by_queue.id());
    assert_eq!((began[0].kind(), began[0].body()), (Some("Label:Printed"), by_queue.body()));
}

#[tokio::test]
async fn an_event_that_comes_again_has_its_effect_once() {
    let (desk, printer) = (Desk::new().await, Arc::new(Printer::default()));
    for _ in 0..3 {
        invoke(&desk, &printer, &fixture!("event_bridge")).await.unwrap();
    }
    assert_eq!(printer.printed().len(), 1);
}

#[tokio::test]
async fn an_event_that_was_not_handled_fails_the_invocation_so_that_it_comes_again() {
    let (desk, printer) = (Desk::new().await, Arc::new(Printer::default()));
    let error = invoke(&desk, &printer, &with_detail(json!("fail"))).await.unwrap_err();
    assert!(matches!(error, FunctionError::Again { .. }), "{error}");
}

#[tokio::test]
async fn poison_events_are_in_the_dead_letters_as_they_came() {
    let (desk, printer) = (Desk::new().await, Arc::new(Printer::default()));
    let mut no_source = fixture!("event_bridge");
    no_source.as_object_mut().unwrap().remove("source");
    let mut half = with_detail(json!({ "specversion": "1.0" }));
    half["id"] = json!("another");
    let mut poison = with_detail(json!("poison"));
    poison["id"] = json!("a third");
    for event in [&no_source, &half, &poison] {
        invoke(&desk, &printer, event).await.unwrap();
    }
    let bodies: Vec<Value> =
        desk.buried().await.iter().map(|it| serde_json::from_str(&it.body).unwrap()).collect();
    assert_eq!(bodies.len(), 3);
    assert!([no_source, half, poison].iter().all(|event| bodies.contains(event)));
}

#[tokio::test]
async fn an_event_of_something_else_is_not_handled_and_fails() {
    let (desk, printer) = (Desk::new().await, Arc::new(Printer::default()));
    for event in [fixture!("sqs"), json!({}), json!("text"), json!({ "id": 7, "detail-type": "x" })]
    {
        let error = invoke(&desk, &printer, &event).await.unwrap_err();
        assert!(matches!(error, FunctionError::NotTheEvent { .. }), "{event} {error}");
    }
    assert!(printer.began().is_empty());
}

#[tokio::test]
async fn an_event_that_takes_too_long_fails_before_the_invocation_is_over() {
    let (desk, printer) = (Desk::new().await, Arc::new(Printer::default()));
    let function = event_bridge(desk.consumer(printer.clone())).with_clock(desk.clock.clone());
    let event = desk.event_with(&with_detail(json!("hang")), 10 * SECOND);
    let answer = desk.within(10 * SECOND, function.invoke(event)).await;
    assert!(matches!(answer, Err(FunctionError::Again { .. })), "{answer:?}");
    assert_eq!(es_core::Clock::monotonic(&*desk.clock), 9 * SECOND);
}
