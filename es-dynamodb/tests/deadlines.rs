//! What deadlines cost, how they lie in the state table, and that nothing is left out when DynamoDB cuts
//! answers short.

mod support;

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use es_core::{
    ConsumerId, Cost, Deadline, DeadlineId, DeadlineStore as _, DueQuery, Error, Timestamp,
};
use es_dynamodb::DynamoStore;
use sha2::{Digest as _, Sha256};
use support::Server;
use support::faults::{Fault, Faults};

/// How many partitions a process's deadlines are in.
const SHARDS: u64 = 4;

fn process() -> ConsumerId {
    ConsumerId::new("checkout").expect("a valid name")
}

fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn noon() -> Timestamp {
    time("2026-03-01T12:00:00Z")
}

fn deadline(instance: &str, due: Timestamp) -> Deadline {
    let id = DeadlineId::from_bytes([0xab; 16]);
    Deadline::new(process(), instance, id, due).expect("a valid deadline")
}

fn orders(count: usize) -> Vec<Deadline> {
    let mut orders: Vec<_> =
        (0..count).map(|n| deadline(&format!("order-{n:04}"), noon())).collect();
    orders.sort();
    orders
}

async fn due(store: &DynamoStore, limit: usize) -> Vec<Deadline> {
    let query = DueQuery::new(process(), noon()).limit(limit);
    store.due(&query).await.expect("an answer").deadlines
}

/// Runs `work` and panics unless it is so many requests, read units and write units.
async fn costing<T>(
    what: &str,
    figures: (u64, f64, f64),
    work: impl Future<Output = es_core::Result<T>>,
) -> T {
    let (output, cost) = Cost::of(work).await;
    assert_eq!((cost.requests, cost.read_units, cost.write_units), figures, "the cost of {what}");
    output.unwrap_or_else(|error| panic!("{what} failed: {error}"))
}

#[tokio::test]
async fn a_poll_with_nothing_due_is_a_request_and_a_unit_for_each_partition() {
    let server = Server::start().await;
    let store = server.store().await;
    let poll = (SHARDS, SHARDS as f64, 0.0);
    assert_eq!(costing("a poll of nothing", poll, store.next(&process())).await, None);
    let late = orders(100);
    store.set(&late).await.expect("set");
    let next = costing("a poll beside many that are to come", poll, store.next(&process())).await;
    assert_eq!(next, Some(noon()));
    let early = DueQuery::new(process(), time("2026-03-01T11:59:59Z"));
    let page = costing("a page of nothing", poll, store.due(&early)).await;
    assert!(page.deadlines.is_empty() && !page.more);
}

#[tokio::test]
async fn a_deadline_is_one_request_and_one_unit_to_set_and_as_much_to_remove() {
    let server = Server::start().await;
    let store = server.store().await;
    let longest = "x".repeat(Deadline::MAX_INSTANCE_LEN);
    for instance in ["order-17", &longest] {
        let one = [deadline(instance, noon())];
        costing("setting one", (1, 0.0, 1.0), store.set(&one)).await;
        costing("setting it again", (1, 0.0, 1.0), store.set(&one)).await;
        costing("removing one", (1, 0.0, 1.0), store.remove(&one)).await;
    }
    costing("setting none", (0, 0.0, 0.0), store.set(&[])).await;
    let many = orders(60);
    costing("setting 60", (3, 0.0, 60.0), store.set(&many)).await;
    // Some 100 bytes each, from all partitions, and a unit is for 4 KB.
    costing(
        "a page of 60",
        (SHARDS, SHARDS as f64, 0.0),
        store.due(&DueQuery::new(process(), noon())),
    )
    .await;
    costing("removing 60", (3, 0.0, 60.0), store.remove(&many)).await;
}

#[tokio::test]
async fn a_deadline_lies_in_the_state_table_by_its_time() {
    let server = Server::start().await;
    let prefix = Server::prefix();
    let store = server.store_with(server.options(&prefix)).await;
    store.set(&[deadline("order-17", noon())]).await.expect("set");
    let all = server.dynamodb().scan().table_name(format!("{prefix}state")).send().await;
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let sort_key = format!("09225144403254775808#{}#order-17", "ab".repeat(16));
    let item = HashMap::from([
        ("pk".to_owned(), text("deadlines#02#checkout")),
        ("sk".to_owned(), text(&sort_key)),
        ("dueAt".to_owned(), text("2026-03-01T12:00:00Z")),
    ]);
    assert_eq!(all.expect("the table is there").items(), [item]);
}

#[tokio::test]
async fn pages_that_are_cut_short_are_followed() {
    let (server, faults) = (Server::start().await, Faults::none());
    let store = server.store_behind(&faults).await;
    let all = orders(60);
    store.set(&all).await.expect("set");
    faults.always("Query", Fault::ShortPage);
    assert_eq!(due(&store, 100).await, all);
    assert_eq!(due(&store, 17).await, all[..17]);
    assert!(faults.injected(Fault::ShortPage) > 0);
}

#[tokio::test]
async fn more_than_a_page_of_the_service_is_read_in_order() {
    let server = Server::start().await;
    let store = server.store().await;
    // Over a megabyte in one of the partitions.
    let long = "x".repeat(190);
    let is_in_the_first = |instance: &String| Sha256::digest(instance)[0] % 4 == 0;
    let instances = (0..).map(|n| format!("{n:05}-{long}")).filter(is_in_the_first);
    let mut all: Vec<_> = instances.take(4_000).map(|one| deadline(&one, noon())).collect();
    store.set(&all).await.expect("set");
    all.sort();
    let (found, cost) = Cost::of(due(&store, usize::MAX)).await;
    assert_eq!(found.len(), all.len());
    assert!(found == all, "another order");
    assert_eq!(cost.requests, SHARDS + 1);
}

#[tokio::test]
async fn what_is_left_unprocessed_is_written_all_the_same() {
    let (server, faults) = (Server::start().await, Faults::none());
    let store = server.store_behind(&faults).await;
    let all = orders(60);
    for nth in 1..=3 {
        faults.at("BatchWriteItem", nth, Fault::Unprocessed);
    }
    store.set(&all).await.expect("set");
    assert_eq!(due(&store, 100).await, all);
    faults.at("BatchWriteItem", 2, Fault::Unprocessed);
    store.remove(&all).await.expect("removed");
    assert_eq!(due(&store, 100).await, []);
    assert_eq!(faults.injected(Fault::Unprocessed), 4);
}

#[tokio::test]
async fn an_answer_that_was_lost_does_no_harm() {
    let (server, faults) = (Server::start().await, Faults::none());
    let store = server.store_behind(&faults).await;
    let all = orders(30);
    for fault in [Fault::LostAnswer, Fault::LostRequest, Fault::InternalErrorAfterwards] {
        faults.at("BatchWriteItem", 1, fault);
        store.set(&all).await.expect("the SDK asks again");
        assert_eq!(due(&store, 100).await, all, "{fault:?}");
        store.remove(&all).await.expect("removed");
        assert_eq!(faults.injected(fault), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn a_damaged_deadline_is_told() {
    let server = Server::start().await;
    let prefix = Server::prefix();
    let store = server.store_with(server.options(&prefix)).await;
    let id = "ab".repeat(16);
    let damaged = [
        "09225144403254775808".to_owned(),
        format!("00000000000000000000#{id}#order-17"),
        format!("0922514440325477580x#{id}#order-17"),
        "09225144403254775808#ab#order-17".to_owned(),
        format!("09225144403254775808#{id}#"),
    ];
    for sort_key in damaged {
        let item = [("pk", "deadlines#00#checkout"), ("sk", &*sort_key)];
        let item: HashMap<_, _> =
            item.map(|(name, text)| (name.to_owned(), AttributeValue::S(text.to_owned()))).into();
        let table = format!("{prefix}state");
        let put = server.dynamodb().put_item().table_name(&table).set_item(Some(item.clone()));
        put.send().await.expect("the table is there");
        let next = store.next(&process()).await;
        assert!(matches!(next, Err(Error::Corrupt { .. })), "{sort_key}: {next:?}");
        let delete = server.dynamodb().delete_item().table_name(&table).set_key(Some(item));
        delete.send().await.expect("it is there");
    }
}
