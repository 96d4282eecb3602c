use std::sync::Arc;

use aws_lambda_events::sqs::SqsBatchResponse;
use es_core::QueueConsumer;
use es_lambda::{FunctionError, SqsFunction, sqs};
use serde_json::{Value, json};

use crate::kit::{Desk, Printer, SECOND, fixture};

/// The fixture's record, once for each body, with the body as id.
pub(crate) fn batch(bodies: &[&str]) -> Value {
    let record = &fixture!("sqs")["Records"][0];
    let with_body = |body: &&str| {
        let mut record = record.clone();
        (record["messageId"], record["body"]) = (json!(body), json!(body));
        record
    };
    json!({ "Records": bodies.iter().map(with_body).collect::<Vec<_>>() })
}

/// The same for a FIFO queue: the first letter of a body is its group.
fn fifo_batch(bodies: &[&str]) -> Value {
    let record = &fixture!("sqs_fifo")["Records"][0];
    let with_body = |body: &&str| {
        let mut record = record.clone();
        (record["messageId"], record["body"]) = (json!(body), json!(body));
        record["attributes"]["MessageGroupId"] = json!(&body[..1]);
        record
    };
    json!({ "Records": bodies.iter().map(with_body).collect::<Vec<_>>() })
}

fn function(desk: &Desk, consumer: QueueConsumer) -> SqsFunction {
    sqs(consumer).with_clock(desk.clock.clone())
}

fn failures(answer: &SqsBatchResponse) -> Vec<&str> {
    let names = answer.batch_item_failures.iter();
    names.map(|failure| failure.item_identifier.as_str()).collect()
}

async fn answer(desk: &Desk, printer: &Arc<Printer>, event: &Value) -> SqsBatchResponse {
    let function = function(desk, desk.consumer(printer.clone()));
    function.invoke(desk.event(event)).await.unwrap()
}

#[tokio::test]
async fn the_answer_names_the_messages_that_must_come_again_and_no_others() {
    let (desk, printer) = (Desk::new().await, Arc::new(Printer::default()));
    let answer = answer(&desk, &printer, &batch(&["1", "fail", "2"])).await;
    let json = serde_json::to_value(&answer).unwrap();
    assert_eq!(json, json!({ "batchItemFailures": [{ "itemIdentifier": "fail" }] }));
    assert_eq!(printer.printed(), ["1", "2"]);
}

#[tokio::test]
async fn a_message_is_to_its_handler_what_a_receive_of_the_queue_makes_it() {
    let (desk, printer) = (Desk::new().await, Arc::new(Printer::default()));
    answer(&desk, &printer, &fixture!("sqs")).await;
    answer(&desk, &printer, &fixture!("sqs_fifo")).await;
    let began = printer.began.lock().unwrap();
    let attributes: Vec<_> =
        began[0].attributes().iter().map(|(name, value)| (&**name, &**value)).collect();
    assert_eq!(attributes, [("logo", "aGVsbG8="), ("printer", "ward-7")]);
    assert_eq!(began[0].id(), "059f36b4-87a3-44ab-83d2-661975830a7d");
    assert_eq!((began[0].group(), began[0].deduplication_id()), (None, None));
    assert_eq!((began[1].group(), began[1].deduplication_id()), (Some("a"), Some("own")));
}

#[tokio::test]
async fn what_cannot_be_decoded_or_fails_for_good_is_in_the_dead_letters_and_no_failure() {
    let (desk, printer) = (Desk::new().await, Arc::new(Printer::default()));
    let half = r#"{"specversion":"1.0","id":"1"}"#;
    let answer = answer(&desk, &printer, &batch(&[half, "poison", "1"])).await;
    assert_eq!(failures(&answer).len(), 0);
    let mut buried: Vec<_> = desk.buried().await.into_iter().map(|it| it.body).collect();
    buried.sort_unstable();
    assert_eq!(buried, ["poison", half]);
    assert_eq!(printer.printed(), ["1"]);
}

#[tokio::test]
async fn without_dead_letters_a_poison_message_is_a_failure() {
    let (desk, printer) = (Desk::new().await, Arc::new(Printer::default()));
    let queue = es_core::QueueName::new("labels").unwrap();
    let consumer =
        QueueConsumer::new("printing", desk.queues.clone(), queue, printer.clone()).unwrap();
    let function = function(&desk, consumer.with_clock(desk.clock.clone()));
    let half = r#"{"specversion":"1.0"}"#;
    let answer = function.invoke(desk.event(&batch(&[half, "poison", "1"]))).await.unwrap();
    assert_eq!(failures(&answer), [half, "poison"]);
}

#[tokio::test]
async fn a_group_stops_at_its_first_failure_and_the_others_go_on() {
    let (desk, printer) = (Desk::new().await, Arc::new(Printer::default()));
    let event = fifo_batch(&["a1", "b1", "a-fail", "c1", "a2", "b2", "a3"]);
    let answer = answer(&desk, &printer, &event).await;
    assert_eq!(failures(&answer), ["a-fail", "a2", "a3"]);
    let mut printed = printer.printed();
    printed.sort_unstable();
    assert_eq!(printed, ["a1", "b1", "b2", "c1"]);
    assert!(!printer.began().contains(&"a2".to_owned()));
}

#[tokio::test]
async fn a_group_waits_for_its_record_that_cannot_be_read() {
    let (desk, printer) = (Desk::new().await, Arc::new(Printer::default()));
    let mut event = fifo_batch(&["a1", "a2", "b1", "a3", "b2"]);
    event["Records"][1]["body"] = Value::Null;
    let answer = answer(&desk, &printer, &event).await;
    assert_eq!(failures(&answer), ["a2", "a3"]);
    let mut printed = printer.printed();
    printed.sort_unstable();
    assert_eq!(printed, ["a1", "b1", "b2"]);
}

#[tokio::test]
async fn all_groups_wait_for_a_record_that_does_not_say_its_own() {
    let (desk, printer) = (Desk::new().await, Arc::new(Printer::default()));
    let mut event = fifo_batch(&["a1", "?", "b1"]);
    event["Records"][1]["attributes"] = json!(7);
    let answer = answer(&desk, &printer, &event).await;
    assert_eq!(failures(&answer), ["?", "b1"]);
    assert_eq!(printer.printed(), ["a1"]);
}

#[tokio::test]
async fn groups_of_a_queue_that_is_no_fifo_queue_have_no_order() {
    let (desk, printer) = (Desk::new().await, Arc::new(Printer::default()));
    let answer = answer(&desk, &printer, &batch(&["fail", "1"])).await;
    assert_eq!(failures(&answer), ["fail"]);
}

#[tokio::test]
async fn a_message_that_is_delivered_again_has_its_effect_once() {
    let (desk, printer) = (Desk::new().await, Arc::new(Printer::default()));
    for _ in 0..2 {
        // Each time another process.
        let answer = answer(&desk, &printer, &batch(&["1", "1", "2"])).await;
        assert_eq!(failures(&answer).len(), 0);
    }
    assert_eq!(printer.printed(), ["1", "2"]);
}

#[tokio::test]
async fn what_is_not_done_shortly_before_the_end_of_the_invocation_comes_again() {
    let (desk, printer) = (Desk::new().await, Arc::new(Printer::default()));
    let consumer = desk.consumer(printer.clone()).concurrency(1).handler_timeout(100 * SECOND);
    let function = function(&desk, consumer);
    let event = desk.event_with(&batch(&["1", "hang", "2"]), 10 * SECOND);
    let answered_at = async {
        let answer = function.invoke(event).await.unwrap();
        (answer, es_core::Clock::monotonic(&*desk.clock))
    };
    let (answer, at) = desk.within(12 * SECOND, answered_at).await;
    assert_eq!(failures(&answer), ["hang", "2"]);
    assert_eq!(at, 9 * SECOND);
    assert_eq!(printer.began(), ["1", "hang"]);
}

#[tokio::test]
async fn an_invocation_without_any_time_handles_nothing_and_answers() {
    let (desk, printer) = (Desk::new().await, Arc::new(Printer::default()));
    let function = function(&desk, desk.consumer(printer.clone()));
    let event = desk.event_with(&batch(&["1", "2"]), std::time::Duration::ZERO);
    assert_eq!(failures(&function.invoke(event).await.unwrap()), ["1", "2"]);
    assert!(printer.began().is_empty());
}

#[tokio::test]
async fn one_damaged_record_is_a_failure_and_keeps_no_other_from_being_handled() {
    let (desk, printer) = (Desk::new().await, Arc::new(Printer::default()));
    let mut event = batch(&["no body", "no base64", "no text", "1"]);
    event["Records"][0].as_object_mut().unwrap().remove("body");
    event["Records"][1]["messageAttributes"]["logo"]["binaryValue"] = json!("%%%");
    event["Records"][2]["body"] = json!(17);
    let answer = answer(&desk, &printer, &event).await;
    assert_eq!(failures(&answer), ["no body", "no base64", "no text"]);
    assert_eq!(printer.printed(), ["1"]);
}

#[tokio::test]
async fn numbers_larger_than_any_integer_and_missing_fields_are_no_reason_not_to_handle() {
    let (desk, printer) = (Desk::new().await, Arc::new(Printer::default()));
    let mut event = batch(&["1", "2", "3"]);
    let huge = "99999999999999999999999999";
    for name in ["ApproximateReceiveCount", "SentTimestamp", "ApproximateFirstReceiveTimestamp"] {
        event["Records"][0]["attributes"][name] = json!(huge);
    }
    for name in ["attributes", "messageAttributes", "receiptHandle", "eventSourceARN", "awsRegion"]
    {
        event["Records"][1].as_object_mut().unwrap().remove(name);
        event["Records"][2][name] = json!(null);
    }
    let answer = answer(&desk, &printer, &event).await;
    assert_eq!(failures(&answer).len(), 0);
    assert_eq!(printer.printed(), ["1", "2", "3"]);
}

#[tokio::test]
async fn a_record_that_has_no_id_fails_the_batch_and_the_others_are_done() {
    for id in [json!(null), json!(""), json!(17)] {
        let (desk, printer) = (Desk::new().await, Arc::new(Printer::default()));
        let mut event = batch(&["1", "2"]);
        event["Records"][0]["messageId"] = id;
        let function = function(&desk, desk.consumer(printer.clone()));
        let error = function.invoke(desk.event(&event)).await.unwrap_err();
        assert!(matches!(error, FunctionError::Unnamed { records: 1, .. }), "{error}");
        assert_eq!(printer.printed(), ["2"]);
    }
}

#[tokio::test]
async fn a_function_behind_something_else_than_a_queue_handles_nothing_and_fails() {
    let mut mixed = batch(&["1", "2"]);
    mixed["Records"][1]["eventSource"] = json!("aws:kinesis");
    for event in [
        mixed,
        fixture!("kinesis"),
        fixture!("event_bridge"),
        json!({}),
        json!([]),
        json!({ "Records": null }),
        json!({ "Records": {} }),
    ] {
        let (desk, printer) = (Desk::new().await, Arc::new(Printer::default()));
        let function = function(&desk, desk.consumer(printer.clone()));
        let error = function.invoke(desk.event(&event)).await.unwrap_err();
        assert!(matches!(error, FunctionError::NotTheEvent { .. }), "{event} {error}");
        assert!(printer.began().is_empty(), "{event}");
    }
}

#[tokio::test]
async fn a_batch_of_nothing_is_done() {
    let (desk, printer) = (Desk::new().await, Arc::new(Printer::default()));
    let answer = answer(&desk, &printer, &json!({ "Records": [] })).await;
    assert_eq!(serde_json::to_value(&answer).unwrap(), json!({ "batchItemFailures": [] }));
}

#[tokio::test]
async fn an_error_does_not_say_what_was_in_a_record() {
    let (desk, printer) = (Desk::new().await, Arc::new(Printer::default()));
    let function = function(&desk, desk.consumer(printer));
    let mut event = batch(&["secret"]);
    event["Records"][0]["messageId"] = json!(null);
    event["Records"][0]["body"] = json!({ "name": "secret" });
    let error = function.invoke(desk.event(&event)).await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
}
