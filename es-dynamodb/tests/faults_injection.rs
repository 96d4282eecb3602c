//! The faults that other tests rely on do what they say.
//!
//! These tests speak to the server through the SDK alone, without a store.

mod support;

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, Put, TransactWriteItem};
use aws_sdk_dynamodbstreams::types::ShardIteratorType;
use support::Server;
use support::faults::{Fault, Faults};

/// A table of the log, for items of any kind.
struct Scene {
    faults: Faults,
    faulty: Client,
    plain: Client,
    streams: aws_sdk_dynamodbstreams::Client,
    table: String,
    _server: Server,
}

impl Scene {
    async fn with(faults: Faults) -> Self {
        let server = Server::start().await;
        let prefix = Server::prefix();
        server.store_with(server.options(&prefix)).await;
        Self {
            faulty: faults.dynamodb(&server),
            plain: server.dynamodb(),
            streams: faults.streams(&server),
            table: format!("{prefix}events"),
            faults,
            _server: server,
        }
    }

    async fn put(&self, client: &Client, sk: u64) -> Result<(), String> {
        let put = client.put_item().table_name(&self.table).set_item(Some(item(sk)));
        let put = put.condition_expression("attribute_not_exists(pk)").send().await;
        put.map(drop)
            .map_err(|error| error.into_service_error().code().unwrap_or("none").to_owned())
    }

    async fn transact(&self, sk: u64) -> Result<(), String> {
        let put = Put::builder().table_name(&self.table).set_item(Some(item(sk)));
        let put = TransactWriteItem::builder().put(put.build().expect("complete")).build();
        let done = self.faulty.transact_write_items().transact_items(put).send().await;
        done.map(drop).map_err(|error| match error.into_service_error() {
            TransactWriteItemsError::TransactionCanceledException(cancelled) => {
                cancelled.cancellation_reasons()[0].code().unwrap_or_default().to_owned()
            }
            other => other.code().unwrap_or_default().to_owned(),
        })
    }

    async fn stored(&self) -> usize {
        let all = self.plain.query().table_name(&self.table);
        let all = all.key_condition_expression("pk = :pk");
        let all = all.expression_attribute_values(":pk", AttributeValue::S("a".into()));
        all.send().await.expect("the server answers").items().len()
    }

    /// The sort keys of the table's stream, as pages of `limit` records have them.
    async fn follow(&self) -> Vec<u64> {
        let listed = self.streams.list_streams().table_name(&self.table).send().await;
        let arn = listed.expect("streams").streams()[0].stream_arn().expect("an ARN").to_owned();
        let described = self.streams.describe_stream().stream_arn(&arn).send().await;
        let described = described.expect("the stream").stream_description.expect("a description");
        let shard = described.shards()[0].shard_id().expect("an id");
        let iterator = self.streams.get_shard_iterator().stream_arn(&arn).shard_id(shard);
        let iterator = iterator.shard_iterator_type(ShardIteratorType::TrimHorizon).send().await;
        let mut iterator = iterator.expect("an iterator").shard_iterator;
        let (mut seen, mut numbers) = (Vec::new(), Vec::new());
        // Pages of ten, and two that are empty.
        for _ in 0..5 {
            let page = self.streams.get_records().set_shard_iterator(iterator).limit(10);
            let page = page.send().await.expect("records");
            for record in page.records.unwrap_or_default() {
                let change = record.dynamodb.expect("a change");
                numbers.push(change.sequence_number.expect("a number"));
                let aws_sdk_dynamodbstreams::types::AttributeValue::N(sk) =
                    &change.keys.expect("keys")["sk"]
                else {
                    panic!("sort keys of the log are numbers");
                };
                seen.push(sk.parse().expect("a number"));
            }
            iterator = page.next_shard_iterator;
        }
        if self.faults.injected(Fault::RepeatedRecords) == 0 {
            assert!(numbers.is_sorted(), "sequence numbers grow: {numbers:?}");
        }
        seen
    }
}

fn item(sk: u64) -> HashMap<String, AttributeValue> {
    HashMap::from([
        ("pk".to_owned(), AttributeValue::S("a".into())),
        ("sk".to_owned(), AttributeValue::N(sk.to_string())),
    ])
}

#[tokio::test]
async fn a_lost_request_does_nothing_and_a_lost_answer_hides_what_was_done() {
    let scene = Scene::with(Faults::none()).await;
    scene.faults.at("PutItem", 1, Fault::LostRequest);
    scene.put(&scene.faulty, 1).await.expect("the SDK asked again");
    scene.faults.at("PutItem", 1, Fault::LostAnswer);
    let repeated = scene.put(&scene.faulty, 2).await;
    assert_eq!(repeated, Err("ConditionalCheckFailedException".into()), "it was there already");
    assert_eq!(scene.stored().await, 2);
    assert_eq!(scene.faults.requests("PutItem"), 4);
    assert!(scene.faults.slept() > Duration::ZERO, "the SDK backed off, in no time");
}

#[tokio::test]
async fn a_late_request_arrives_behind_a_later_one() {
    let scene = Scene::with(Faults::none()).await;
    for _ in 0..5 {
        scene.faults.at("PutItem", 1, Fault::LateRequest);
        scene.put(&scene.faulty, 1).await.ok();
        for sk in 2..8 {
            scene.put(&scene.faulty, sk).await.ok();
        }
    }
    let statuses: Vec<_> = scene.faults.sent().iter().map(|sent| sent.status).collect();
    assert_eq!(statuses[..2], [None, Some(200)], "given up, and sent again");
    assert_eq!(scene.stored().await, 7);
}

#[tokio::test]
async fn a_server_that_refuses_does_nothing() {
    let scene = Scene::with(Faults::none()).await;
    for (fault, told) in [
        (Fault::Throttled, "ProvisionedThroughputExceededException"),
        (Fault::InternalError, "InternalServerError"),
        (Fault::TransactionConflict, "TransactionConflictException"),
        (Fault::Timeout, "none"),
    ] {
        scene.faults.always("PutItem", fault);
        assert_eq!(scene.put(&scene.faulty, 1).await, Err(told.into()));
        scene.faults.stop();
    }
    for (fault, told) in [
        (Fault::ItemThrottled, "ProvisionedThroughputExceeded"),
        (Fault::TransactionConflict, "TransactionConflict"),
    ] {
        scene.faults.at("TransactWriteItems", 1, fault);
        assert_eq!(scene.transact(1).await, Err(told.into()));
    }
    assert_eq!(scene.stored().await, 0);
    scene.faults.always("PutItem", Fault::InternalErrorAfterwards);
    scene.put(&scene.faulty, 1).await.expect_err("it failed, it says");
    assert_eq!(scene.stored().await, 1);
}

#[tokio::test]
async fn something_can_happen_between_two_requests() {
    let scene = Scene::with(Faults::none()).await;
    let (rival, table) = (scene.plain.clone(), scene.table.clone());
    scene.faults.before("PutItem", 1, async move {
        rival.put_item().table_name(table).set_item(Some(item(1))).send().await.expect("first");
    });
    let late = scene.put(&scene.faulty, 1).await;
    assert_eq!(late, Err("ConditionalCheckFailedException".into()));
}

#[tokio::test]
async fn short_pages_say_that_there_is_more() {
    let scene = Scene::with(Faults::none()).await;
    for sk in 1..=10 {
        scene.put(&scene.plain, sk).await.expect("there is none yet");
    }
    scene.faults.always("Query", Fault::ShortPage);
    let query = || {
        let query = scene.faulty.query().table_name(&scene.table);
        let query = query.key_condition_expression("pk = :pk");
        query.expression_attribute_values(":pk", AttributeValue::S("a".into()))
    };
    let mut items = 0;
    let mut next = None;
    loop {
        let page = query().set_exclusive_start_key(next).send().await.expect("a page");
        assert!(page.items().len() <= 3);
        items += page.items().len();
        next = page.last_evaluated_key;
        if next.is_none() {
            break;
        }
    }
    assert_eq!(items, 10);
}

#[tokio::test]
async fn unprocessed_keys_come_back() {
    let scene = Scene::with(Faults::none()).await;
    for sk in 1..=10 {
        scene.put(&scene.plain, sk).await.expect("there is none yet");
    }
    scene.faults.always("BatchGetItem", Fault::Unprocessed);
    let keys = KeysAndAttributes::builder().set_keys(Some((1..=10).map(item).collect()));
    let keys = keys.consistent_read(true).build().expect("complete");
    let got = scene.faulty.batch_get_item().request_items(&scene.table, keys).send().await;
    let got = got.expect("an answer");
    let unprocessed = &got.unprocessed_keys().expect("some")[&scene.table];
    let found = got.responses().expect("some")[&scene.table].len();
    assert!(found > 0 && !unprocessed.keys().is_empty());
    assert_eq!(found + unprocessed.keys().len(), 10);
    assert_eq!(unprocessed.consistent_read(), Some(true), "as it was asked for");
}

#[tokio::test]
async fn records_change_places_once_and_come_again() {
    let scene = Scene::with(Faults::seeded(7)).await;
    for sk in 1..=30 {
        scene.put(&scene.plain, sk).await.expect("there is none yet");
    }
    scene.faults.always("GetRecords", Fault::ReorderedRecords);
    let first = scene.follow().await;
    assert_ne!(first, (1..=30).collect::<Vec<_>>());
    scene.faults.stop();
    assert_eq!(scene.follow().await, first, "a stream has one order");
    scene.faults.always("GetRecords", Fault::RepeatedRecords);
    let mut repeated = scene.follow().await;
    assert!(repeated.len() > 30);
    repeated.sort_unstable();
    repeated.dedup();
    assert_eq!(repeated, (1..=30).collect::<Vec<_>>());
}

#[tokio::test]
async fn requests_that_go_side_by_side_are_counted() {
    let scene = Scene::with(Faults::none()).await;
    scene.put(&scene.faulty, 1).await.expect("there is none yet");
    scene.put(&scene.faulty, 2).await.expect("there is none yet");
    assert_eq!(scene.faults.take_most_in_flight(), 1);
    let both = tokio::join!(scene.put(&scene.faulty, 3), scene.put(&scene.faulty, 4));
    assert_eq!(both, (Ok(()), Ok(())));
    assert_eq!(scene.faults.take_most_in_flight(), 2);
    assert_eq!(scene.faults.take_most_in_flight(), 0);
}

#[tokio::test]
async fn the_same_seed_injects_the_same_faults() {
    let mut runs = Vec::new();
    for seed in [5, 5, 6] {
        let scene = Scene::with(Faults::seeded(seed).with_rates(Fault::PASSING, 0.2)).await;
        for sk in 1..=20 {
            scene.put(&scene.faulty, sk).await.ok();
        }
        runs.push(scene.faults.injections());
    }
    assert!(!runs[0].is_empty());
    assert_eq!(runs[0], runs[1]);
    assert_ne!(runs[0], runs[2]);
}
