use std::sync::{Arc, Mutex};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_lambda_events::streams::DynamoDbEventResponse;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use es_core::memory::MemoryStore;
use es_core::{EventStore, Expected, Projection, StreamId};
use es_dynamodb::DynamoStore;
use es_lambda::{DynamoFunction, FunctionError, dynamodb};
use serde_json::{Value, json};

use crate::kit::{Desk, fixture};
use crate::ledger::{Balances, balances, ledger, new_credit};

/// A DynamoDB that takes everything, and keeps what it was asked.
#[derive(Debug, Clone, Default)]
struct Table(Arc<Mutex<Vec<Value>>>);

impl HttpConnector for Table {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let body = request.body().bytes().unwrap_or_default();
        self.0.lock().unwrap().push(serde_json::from_slice(body).unwrap());
        let ok = StatusCode::try_from(200).unwrap();
        HttpConnectorFuture::ready(Ok(HttpResponse::new(ok, SdkBody::from("{}"))))
    }
}

impl Table {
    fn requests(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    fn store(&self) -> DynamoStore {
        let connector = SharedHttpConnector::new(self.clone());
        let keys = Credentials::for_tests();
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(SharedCredentialsProvider::new(keys))
            .http_client(http_client_fn(move |_, _| connector.clone()))
            .build();
        DynamoStore::builder("bank-").with_config(&config).unwrap()
    }
}

/// The log, once in DynamoDB's form and once where the function reads it.
pub(crate) struct Bank {
    pub(crate) desk: Desk,
    table: Table,
    pub(crate) store: MemoryStore,
}

impl Bank {
    pub(crate) async fn new() -> Self {
        Self { desk: Desk::new().await, table: Table::default(), store: MemoryStore::new() }
    }

    /// Appends credits, and gives the records that the table's stream has of them, numbered from 8 on.
    pub(crate) async fn credited(&self, credits: &[(&str, u64)]) -> Vec<Value> {
        let dynamo = self.table.store();
        let mut records = Vec::new();
        for (number, (id, amount)) in (8..).zip(credits) {
            let stream = StreamId::new("account", id).unwrap();
            let commit = new_credit(*amount);
            let head = self.store.head_of(&stream).await;
            dynamo.append(&stream, head, commit.clone()).await.unwrap();
            self.store.append(&stream, head, commit).await.unwrap();
            let put = self.table.0.lock().unwrap().last().unwrap().clone();
            records.push(record(number, put["Item"].clone()));
        }
        records
    }

    fn function(&self, refused: &[u64]) -> DynamoFunction {
        self.function_without_dead_letters(refused)
            .dead_records_to(self.desk.queues.clone(), self.desk.dead.clone())
    }

    pub(crate) fn function_without_dead_letters(&self, refused: &[u64]) -> DynamoFunction {
        dynamodb(ledger(&self.store, &self.desk, refused), self.table.store())
            .with_clock(self.desk.clock.clone())
    }

    async fn answer(&self, records: &[Value]) -> DynamoDbEventResponse {
        self.function(&[]).invoke(self.desk.event(&batch(records))).await.unwrap()
    }
}

/// Where a stream ends.
trait HeadOf {
    async fn head_of(&self, stream: &StreamId) -> Expected;
}

impl HeadOf for MemoryStore {
    async fn head_of(&self, stream: &StreamId) -> Expected {
        use futures::TryStreamExt as _;
        let query = es_core::ReadStream::new(stream.clone()).backwards().page_size(1);
        let page = self.read(query).try_next().await.unwrap();
        let last = page.and_then(|page| page.into_iter().next());
        last.map_or(Expected::NoStream, |commit| Expected::Head(commit.head()))
    }
}

fn record(number: u64, image: Value) -> Value {
    let mut record = fixture!("dynamodb")["Records"][0].clone();
    record["dynamodb"]["Keys"] = json!({ "pk": image["pk"], "sk": image["sk"] });
    record["dynamodb"]["NewImage"] = image;
    record["dynamodb"]["SequenceNumber"] = json!(number.to_string());
    record
}

pub(crate) fn batch(records: &[Value]) -> Value {
    json!({ "Records": records })
}

fn failures(answer: &DynamoDbEventResponse) -> Vec<&str> {
    let names = answer.batch_item_failures.iter();
    names.map(|failure| failure.item_identifier.as_deref().unwrap()).collect()
}

#[tokio::test]
async fn a_batch_has_its_effect_once_however_often_and_in_which_order_it_comes() {
    let bank = Bank::new().await;
    let records = bank.credited(&[("a", 1), ("b", 2), ("a", 4), ("b", 8)]).await;
    // The stream keeps no order between the items of a stream.
    let reversed: Vec<Value> = records.iter().rev().cloned().collect();
    for records in [&records[2..], &reversed[..], &records[..]] {
        let answer = bank.answer(records).await;
        assert_eq!(serde_json::to_value(answer).unwrap(), json!({ "batchItemFailures": [] }));
    }
    assert_eq!(balances(&bank.store).await, [("a", 5), ("b", 10)]);
}

#[tokio::test]
async fn making_a_function_and_reading_commits_asks_dynamodb_for_nothing() {
    let bank = Bank::new().await;
    let records = bank.credited(&[("a", 1)]).await;
    let before = bank.table.requests();
    bank.answer(&records).await;
    assert_eq!(bank.table.requests(), before);
}

#[tokio::test]
async fn a_projection_asks_dynamodb_for_nothing_before_its_first_event() {
    let bank = Bank::new().await;
    let records = bank.credited(&[("a", 1)]).await;
    let before = bank.table.requests();
    let store = Arc::new(bank.table.store());
    let projection = Projection::on(Balances::default(), store.clone()).unwrap();
    let function = dynamodb(projection, bank.table.store()).with_clock(bank.desk.clock.clone());
    assert_eq!(bank.table.requests(), before);
    let _ = function.invoke(bank.desk.event(&batch(&records))).await;
    assert!(bank.table.requests() > before, "it is asked with the first event");
}

#[tokio::test]
async fn a_commit_that_fails_for_good_is_parked_and_no_failure() {
    let bank = Bank::new().await;
    let records = bank.credited(&[("a", 13), ("b", 2), ("a", 3)]).await;
    let event = bank.desk.event(&batch(&records));
    let answer = bank.function(&[13]).invoke(event).await.unwrap();
    assert_eq!(failures(&answer).len(), 0);
    assert_eq!(balances(&bank.store).await, [("b", 2)]);
}

#[tokio::test]
async fn a_removal_is_passed_over() {
    let bank = Bank::new().await;
    let mut records = bank.credited(&[("a", 1), ("b", 2)]).await;
    records[0]["eventName"] = json!("REMOVE");
    records[0]["dynamodb"].as_object_mut().unwrap().remove("NewImage");
    assert_eq!(failures(&bank.answer(&records).await).len(), 0);
    assert_eq!(balances(&bank.store).await, [("b", 2)]);
    assert_eq!(bank.desk.buried().await.len(), 0);
}

#[tokio::test]
async fn a_record_of_another_table_fails_the_invocation_before_anything_is_handled() {
    let bank = Bank::new().await;
    let mut records = bank.credited(&[("a", 1), ("b", 2)]).await;
    let arn = "arn:aws:dynamodb:eu-central-1:123456789012:table/bank-state/stream/2026-03-01T00:00:00.000";
    records[1]["eventSourceARN"] = json!(arn);
    let outcome = bank.function(&[]).invoke(bank.desk.event(&batch(&records))).await;
    let Err(error @ FunctionError::NotTheEvent { .. }) = outcome else { panic!("{outcome:?}") };
    assert!(error.to_string().contains("bank-state"), "{error}");
    assert_eq!(balances(&bank.store).await, []);
}

type Damage = fn(&mut Value);

/// Each a way in which a record can be damaged.
fn damages() -> Vec<(&'static str, Damage)> {
    vec![
        ("no image, as of a stream of keys", |record| {
            record["dynamodb"].as_object_mut().unwrap().remove("NewImage");
        }),
        ("an empty image", |record| record["dynamodb"]["NewImage"] = json!({})),
        ("no map", |record| record["dynamodb"]["NewImage"] = json!([7])),
        ("no version", |record| {
            record["dynamodb"]["NewImage"].as_object_mut().unwrap().remove("sk");
        }),
        ("a version larger than any integer", |record| {
            record["dynamodb"]["NewImage"]["sk"] = json!({ "N": "9".repeat(38) });
        }),
        ("an attribute of no kind", |record| {
            record["dynamodb"]["NewImage"]["pk"] = json!({ "X": "account:a" });
        }),
        ("wrong base64", |record| {
            record["dynamodb"]["NewImage"]["extra"] = json!({ "B": "%%%" });
        }),
        ("an unknown change", |record| record["eventName"] = json!("REPLACE")),
        ("no change", |record| {
            record.as_object_mut().unwrap().remove("eventName");
        }),
    ]
}

#[tokio::test]
async fn records_that_cannot_be_read_are_in_the_dead_letters_as_they_came_and_no_failure() {
    for (what, damage) in damages() {
        let bank = Bank::new().await;
        let mut records = bank.credited(&[("b", 2), ("a", 1), ("c", 4)]).await;
        damage(&mut records[1]);
        assert_eq!(failures(&bank.answer(&records).await).len(), 0, "{what}");
        assert_eq!(balances(&bank.store).await, [("b", 2), ("c", 4)], "{what}");
        let buried = bank.desk.buried().await;
        assert_eq!(buried.len(), 1, "{what}");
        let body: Value = serde_json::from_str(&buried[0].body).unwrap();
        assert_eq!(body, batch(&records[1..2]), "{what}");
    }
}

#[tokio::test]
async fn records_that_cannot_be_read_and_find_no_dead_letters_are_failures() {
    for (what, damage) in damages() {
        let bank = Bank::new().await;
        let mut records = bank.credited(&[("b", 2), ("a", 1), ("c", 4)]).await;
        damage(&mut records[1]);
        let event = bank.desk.event(&batch(&records));
        let answer = bank.function_without_dead_letters(&[]).invoke(event).await.unwrap();
        assert_eq!(failures(&answer), ["9"], "{what}");
    }
}

#[tokio::test]
async fn a_record_without_a_number_fails_the_batch_and_the_others_have_their_effect() {
    let bank = Bank::new().await;
    let mut records = bank.credited(&[("a", 1), ("b", 2)]).await;
    records[0]["dynamodb"].as_object_mut().unwrap().remove("SequenceNumber");
    let function = bank.function_without_dead_letters(&[]);
    let outcome = function.invoke(bank.desk.event(&batch(&records))).await;
    assert!(matches!(outcome, Err(FunctionError::Unnamed { records: 1, .. })), "{outcome:?}");
    assert_eq!(balances(&bank.store).await, [("b", 2)]);
}

#[tokio::test]
async fn missing_fields_and_huge_numbers_beside_a_commit_are_no_reason_not_to_read_it() {
    let bank = Bank::new().await;
    let mut records = bank.credited(&[("a", 1), ("b", 2)]).await;
    for name in ["awsRegion", "eventID", "eventVersion", "eventSourceARN", "eventSource"] {
        records[0].as_object_mut().unwrap().remove(name);
    }
    records[1]["dynamodb"]["ApproximateCreationDateTime"] = json!(1e300);
    records[1]["dynamodb"]["SizeBytes"] = json!(u64::MAX);
    assert_eq!(failures(&bank.answer(&records).await).len(), 0);
    assert_eq!(bank.desk.buried().await.len(), 0);
    assert_eq!(balances(&bank.store).await, [("a", 1), ("b", 2)]);
}

#[tokio::test]
async fn a_function_behind_something_else_than_a_table_has_no_effect_and_fails() {
    let bank = Bank::new().await;
    for event in [fixture!("kinesis"), fixture!("sqs"), json!({}), json!({ "Records": "x" })] {
        let outcome = bank.function(&[]).invoke(bank.desk.event(&event)).await;
        assert!(matches!(outcome, Err(FunctionError::NotTheEvent { .. })), "{event} {outcome:?}");
    }
    assert_eq!(failures(&bank.answer(&[]).await).len(), 0);
}
