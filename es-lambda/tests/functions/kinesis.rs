use std::sync::Arc;

use aws_lambda_events::streams::KinesisEventResponse;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use es_core::Commit;
use es_core::cloud_events::{Source, encode, encode_reference};
use es_core::memory::MemoryStore;
use es_kinesis::PushedRecords;
use es_kinesis::aggregation::{RecordAggregator, UserRecord};
use es_lambda::{FunctionError, KinesisFunction, kinesis};
use serde_json::{Value, json};

use crate::kit::{Desk, fixture};
use crate::ledger::{balances, credit, credited, ledger};

/// The fixture's record with these data.
pub(crate) fn record(number: u64, key: &str, data: &[u8]) -> Value {
    let mut record = fixture!("kinesis")["Records"][0].clone();
    record["kinesis"]["sequenceNumber"] = json!(number.to_string());
    record["eventID"] = json!(format!("shardId-000000000006:{number}"));
    record["kinesis"]["partitionKey"] = json!(key);
    record["kinesis"]["data"] = json!(STANDARD.encode(data));
    record
}

fn source() -> Source {
    Source::new("/bank").unwrap()
}

fn of_commit(number: u64, commit: &Commit) -> Value {
    record(number, &commit.stream().to_string(), &encode(commit, &source()).unwrap())
}

pub(crate) fn batch(records: &[Value]) -> Value {
    json!({ "Records": records })
}

/// The commits in records 8, 9, 10 and so on: such numbers are not in the order of texts.
pub(crate) fn of_commits(commits: &[Commit]) -> Vec<Value> {
    (8..).zip(commits).map(|(number, commit)| of_commit(number, commit)).collect()
}

/// What reads the records, and has the log.
pub(crate) fn log_of(store: &MemoryStore) -> PushedRecords {
    PushedRecords::of("bank-events", Arc::new(store.clone()))
}

fn function(desk: &Desk, store: &MemoryStore, refused: &[u64]) -> KinesisFunction {
    kinesis(ledger(store, desk, refused), log_of(store))
        .dead_records_to(desk.queues.clone(), desk.dead.clone())
        .with_clock(desk.clock.clone())
}

pub(crate) fn failures(answer: &KinesisEventResponse) -> Vec<&str> {
    let names = answer.batch_item_failures.iter();
    names.map(|failure| failure.item_identifier.as_deref().unwrap()).collect()
}

async fn answer(desk: &Desk, store: &MemoryStore, event: &Value) -> KinesisEventResponse {
    function(desk, store, &[]).invoke(desk.event(event)).await.unwrap()
}

#[tokio::test]
async fn a_batch_has_its_effect_once_however_often_and_in_which_halves_it_comes() {
    let (desk, store) = (Desk::new().await, MemoryStore::new());
    let commits = credited(&store, &[("a", 1), ("b", 2), ("a", 4), ("b", 8)]).await;
    let records = of_commits(&commits);
    // A whole batch, its halves after a bisection, the later one first, and a record that is there twice.
    let twice = [records[1].clone(), records[1].clone()];
    for records in [&records[2..], &records[..], &records[..2], &twice[..], &records[1..3]] {
        let answer = answer(&desk, &store, &batch(records)).await;
        assert_eq!(serde_json::to_value(answer).unwrap(), json!({ "batchItemFailures": [] }));
    }
    assert_eq!(balances(&store).await, [("a", 5), ("b", 10)]);
}

#[tokio::test]
async fn a_gap_is_filled_from_the_log() {
    let (desk, store) = (Desk::new().await, MemoryStore::new());
    let commits = credited(&store, &[("a", 1), ("a", 2), ("a", 4)]).await;
    let answer = answer(&desk, &store, &batch(&[of_commit(7, &commits[2])])).await;
    assert_eq!(failures(&answer).len(), 0);
    assert_eq!(balances(&store).await, [("a", 7)]);
}

#[tokio::test]
async fn two_functions_that_are_given_the_same_batch_have_its_effect_once() {
    let (desk, store) = (Desk::new().await, MemoryStore::new());
    let mut commits = Vec::new();
    for n in 0..30 {
        commits.push(credit(&store, &format!("a{}", n % 3), 1).await);
    }
    let event = batch(&of_commits(&commits));
    let functions = [function(&desk, &store, &[]), function(&desk, &store, &[])];
    let invoke = |one: usize| functions[one].invoke(desk.event(&event));
    let (one, other) = futures::join!(invoke(0), invoke(1));
    assert_eq!(failures(&one.unwrap()).len() + failures(&other.unwrap()).len(), 0);
    assert_eq!(balances(&store).await, [("a0", 10), ("a1", 10), ("a2", 10)]);
}

#[tokio::test]
async fn the_answer_is_the_lowest_number_of_each_shard_that_was_not_taken_care_of() {
    let (desk, store, elsewhere) = (Desk::new().await, MemoryStore::new(), MemoryStore::new());
    let own = credited(&store, &[("a", 1), ("b", 2)]).await;
    // Their first commits are not in the log, so these can have no effect.
    let lost = credited(&elsewhere, &[("x", 1), ("x", 2), ("y", 1), ("y", 2)]).await;
    let mut other_shard = of_commit(3, &lost[3]);
    other_shard["eventID"] = json!("shardId-000000000007:3");
    let records = [
        of_commit(8, &own[0]),
        of_commit(10, &lost[1]),
        of_commit(9, &lost[1]),
        other_shard,
        of_commit(11, &own[1]),
    ];
    let answer = answer(&desk, &store, &batch(&records)).await;
    assert_eq!(failures(&answer), ["9", "3"]);
    assert_eq!(balances(&store).await, [("a", 1), ("b", 2)]);
}

#[tokio::test]
async fn a_commit_that_fails_for_good_is_parked_and_no_failure() {
    let (desk, store) = (Desk::new().await, MemoryStore::new());
    let commits = credited(&store, &[("a", 13), ("b", 2), ("a", 3)]).await;
    let event = desk.event(&batch(&of_commits(&commits)));
    let answer = function(&desk, &store, &[13]).invoke(event).await.unwrap();
    assert_eq!(failures(&answer).len(), 0);
    assert_eq!(balances(&store).await, [("b", 2)]);
    let all = es_core::DeadLetterFilter::all();
    ledger(&store, &desk, &[]).retry_dead_letters(&all).await.unwrap();
    assert_eq!(balances(&store).await, [("a", 16), ("b", 2)]);
}

#[tokio::test]
async fn a_damaged_record_of_a_stream_of_the_log_is_read_there() {
    let (desk, store) = (Desk::new().await, MemoryStore::new());
    credited(&store, &[("a", 1), ("a", 2)]).await;
    let answer = answer(&desk, &store, &batch(&[record(8, "account:a", b"damaged")])).await;
    assert_eq!(failures(&answer).len(), 0);
    assert_eq!(balances(&store).await, [("a", 3)]);
}

#[tokio::test]
async fn aggregates_and_references_to_the_log_are_read() {
    let (desk, store) = (Desk::new().await, MemoryStore::new());
    let commits = credited(&store, &[("a", 1), ("b", 2), ("c", 4)]).await;
    let mut aggregator = RecordAggregator::new();
    for commit in &commits[..2] {
        aggregator.add(&UserRecord {
            partition_key: commit.stream().to_string().into(),
            explicit_hash_key: None,
            data: encode(commit, &source()).unwrap().into(),
        });
    }
    let reference = encode_reference(&commits[2], &source()).unwrap();
    let records =
        [record(8, "account:a", &aggregator.finish()), record(9, "account:c", &reference)];
    let answer = answer(&desk, &store, &batch(&records)).await;
    assert_eq!(failures(&answer).len(), 0);
    assert_eq!(balances(&store).await, [("a", 1), ("b", 2), ("c", 4)]);
}

/// Records that cannot be read, for all reasons that there are.
fn poison() -> Vec<Value> {
    let mut no_base64 = record(9, "account:x", b"");
    no_base64["kinesis"]["data"] = json!("%%%");
    let mut no_data = record(10, "account:x", b"");
    no_data["kinesis"].as_object_mut().unwrap().remove("data");
    let mut no_text = record(11, "account:x", b"");
    no_text["kinesis"]["data"] = json!({ "text": 7 });
    vec![record(8, "foreign", b"no commit"), no_base64, no_data, no_text]
}

#[tokio::test]
async fn records_that_cannot_be_read_are_in_the_dead_letters_as_they_came_and_no_failure() {
    for poison in poison() {
        let (desk, store) = (Desk::new().await, MemoryStore::new());
        let commits = credited(&store, &[("a", 1), ("b", 2)]).await;
        let records = [of_commit(6, &commits[0]), poison.clone(), of_commit(12, &commits[1])];
        let answer = answer(&desk, &store, &batch(&records)).await;
        assert_eq!(failures(&answer).len(), 0, "{poison}");
        assert_eq!(balances(&store).await, [("a", 1), ("b", 2)]);
        let buried = desk.buried().await;
        let body: Value = serde_json::from_str(&buried[0].body).unwrap();
        assert_eq!(body, batch(&[poison]));
        assert_eq!(buried[0].attributes["consumer"], "ledger_v1");
    }
}

#[tokio::test]
async fn a_dead_record_is_an_event_that_has_its_effect_when_the_cause_is_gone() {
    let (desk, store) = (Desk::new().await, MemoryStore::new());
    // The log that it is to be read from does not have its stream yet.
    answer(&desk, &store, &batch(&[record(8, "account:a", b"damaged")])).await;
    let letter = desk.buried().await.remove(0);
    credited(&store, &[("a", 1), ("a", 2)]).await;
    let event = serde_json::from_str(&letter.body).unwrap();
    assert_eq!(failures(&answer(&desk, &store, &event).await).len(), 0);
    assert_eq!(balances(&store).await, [("a", 3)]);
    assert_eq!(desk.buried().await.len(), 0, "and it is no dead letter again");
}

#[tokio::test]
async fn a_record_of_another_data_stream_fails_the_invocation_before_anything_is_handled() {
    let (desk, store) = (Desk::new().await, MemoryStore::new());
    let commits = credited(&store, &[("a", 1), ("b", 2)]).await;
    let mut records = of_commits(&commits);
    let arn = "arn:aws:kinesis:eu-central-1:123456789012:stream/bank-audit";
    records[1]["eventSourceARN"] = json!(arn);
    let outcome = function(&desk, &store, &[]).invoke(desk.event(&batch(&records))).await;
    let Err(error @ FunctionError::NotTheEvent { .. }) = outcome else { panic!("{outcome:?}") };
    assert!(error.to_string().contains("bank-audit"), "{error}");
    assert_eq!(balances(&store).await, []);
    assert_eq!(desk.buried().await.len(), 0);
}

#[tokio::test]
async fn records_that_come_by_an_enhanced_fan_out_are_those_of_the_data_stream() {
    let (desk, store) = (Desk::new().await, MemoryStore::new());
    let mut records = of_commits(&credited(&store, &[("a", 1)]).await);
    let arn =
        "arn:aws:kinesis:eu-central-1:123456789012:stream/bank-events/consumer/ledger:1545084650";
    records[0]["eventSourceARN"] = json!(arn);
    assert_eq!(failures(&answer(&desk, &store, &batch(&records)).await).len(), 0);
    assert_eq!(balances(&store).await, [("a", 1)]);
}

#[tokio::test]
async fn records_that_cannot_be_read_and_find_no_dead_letters_are_failures() {
    let (desk, store) = (Desk::new().await, MemoryStore::new());
    let commits = credited(&store, &[("a", 1), ("b", 2)]).await;
    let records = [of_commit(6, &commits[0]), poison().remove(0), of_commit(12, &commits[1])];
    let log = log_of(&store);
    let without =
        || kinesis(ledger(&store, &desk, &[]), log.clone()).with_clock(desk.clock.clone());
    let nowhere = es_core::QueueName::new("nowhere").unwrap();
    for function in [without(), without().dead_records_to(desk.queues.clone(), nowhere)] {
        let answer = function.invoke(desk.event(&batch(&records))).await.unwrap();
        assert_eq!(failures(&answer), ["8"]);
    }
    assert_eq!(balances(&store).await, [("a", 1), ("b", 2)], "what can be read had its effect");
}

#[tokio::test]
async fn a_record_too_large_for_the_dead_letters_is_named_there() {
    let (desk, store) = (Desk::new().await, MemoryStore::new());
    let large = record(8, "foreign", &vec![b'x'; 1 << 20]);
    let answer = answer(&desk, &store, &batch(&[large])).await;
    assert_eq!(failures(&answer).len(), 0);
    let body: Value = serde_json::from_str(&desk.buried().await[0].body).unwrap();
    assert_eq!(body, json!({ "shard": "shardId-000000000006", "sequenceNumber": "8" }));
}

#[tokio::test]
async fn a_failed_record_without_a_number_fails_the_batch_and_the_others_have_their_effect() {
    let (desk, store) = (Desk::new().await, MemoryStore::new());
    let commits = credited(&store, &[("a", 1)]).await;
    let log = log_of(&store);
    for number in [json!(null), json!(""), json!("abc"), json!(12)] {
        let mut unnamed = record(8, "foreign", b"no commit");
        unnamed["kinesis"]["sequenceNumber"] = number;
        unnamed["eventID"] = json!("no number");
        let function = kinesis(ledger(&store, &desk, &[]), log.clone());
        let function = function.with_clock(desk.clock.clone());
        let event = batch(&[unnamed, of_commit(9, &commits[0])]);
        let error = function.invoke(desk.event(&event)).await.unwrap_err();
        assert!(matches!(error, FunctionError::Unnamed { records: 1, .. }), "{error}");
    }
    assert_eq!(balances(&store).await, [("a", 1)]);
}

#[tokio::test]
async fn missing_fields_and_huge_numbers_beside_a_commit_are_no_reason_not_to_read_it() {
    let (desk, store) = (Desk::new().await, MemoryStore::new());
    let commits = credited(&store, &[("a", 1), ("a", 2)]).await;
    let mut bare = of_commit(8, &commits[0]);
    for name in ["awsRegion", "eventSourceARN", "eventName", "invokeIdentityArn", "eventVersion"] {
        bare.as_object_mut().unwrap().remove(name);
    }
    bare["kinesis"].as_object_mut().unwrap().remove("approximateArrivalTimestamp");
    let mut huge = of_commit(9, &commits[1]);
    huge["kinesis"]["approximateArrivalTimestamp"] = json!(1e300);
    huge["kinesis"]["kinesisSchemaVersion"] = json!(u64::MAX);
    let answer = answer(&desk, &store, &batch(&[bare, huge])).await;
    assert_eq!(failures(&answer).len(), 0);
    assert_eq!(desk.buried().await.len(), 0);
    assert_eq!(balances(&store).await, [("a", 3)]);
}

#[tokio::test]
async fn an_invocation_without_any_time_has_no_effect_and_comes_again() {
    let (desk, store) = (Desk::new().await, MemoryStore::new());
    let commits = credited(&store, &[("a", 1), ("a", 2)]).await;
    let event = desk.event_with(&batch(&of_commits(&commits)), std::time::Duration::ZERO);
    let answer = function(&desk, &store, &[]).invoke(event).await.unwrap();
    assert_eq!(failures(&answer), ["8"]);
    assert_eq!(balances(&store).await, []);
}

#[tokio::test]
async fn a_function_behind_something_else_than_a_data_stream_has_no_effect_and_fails() {
    let (desk, store) = (Desk::new().await, MemoryStore::new());
    let commits = credited(&store, &[("a", 1)]).await;
    let mut mixed = of_commits(&[commits[0].clone(), commits[0].clone()]);
    mixed[1]["eventSource"] = json!("aws:unknown");
    for event in [batch(&mixed), fixture!("sqs"), fixture!("dynamodb"), json!({ "Records": 7 })] {
        let outcome = function(&desk, &store, &[]).invoke(desk.event(&event)).await;
        assert!(matches!(outcome, Err(FunctionError::NotTheEvent { .. })), "{event} {outcome:?}");
    }
    assert_eq!(balances(&store).await, []);
    let nothing = answer(&desk, &store, &batch(&[])).await;
    assert_eq!(failures(&nothing).len(), 0);
}
