//! What leases and idempotency records cost, and how they lie in the state table.

mod support;

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use es_core::{
    Begun, Checkpoint, ConsumerId, Cost, HashRange, IdempotencyStore as _, IdempotentRequest,
    LeaseProgress, LeaseStore as _, NewLease, PartitionId, Settled, WorkerId,
};
use support::Server;

const HOLD: Duration = Duration::from_secs(60);

fn consumer() -> ConsumerId {
    ConsumerId::new("statements_v1").expect("a valid name")
}

fn worker(id: &str) -> WorkerId {
    WorkerId::new(id).expect("a valid id")
}

fn partition(name: &str) -> PartitionId {
    PartitionId::new(name).expect("a valid name")
}

/// Runs `work` and panics unless it is this many requests and units.
async fn costing<T>(what: &str, cost: (f64, f64), work: impl Future<Output = T>) -> T {
    let (output, measured) = Cost::of(work).await;
    assert_eq!(measured.requests, 1, "the requests of {what}");
    assert_eq!((measured.read_units, measured.write_units), cost, "the units of {what}");
    output
}

async fn state_item(server: &Server, prefix: &str, pk: &str, sk: &str) -> Item {
    let item = server
        .dynamodb()
        .get_item()
        .table_name(format!("{prefix}state"))
        .key("pk", AttributeValue::S(pk.to_owned()))
        .key("sk", AttributeValue::S(sk.to_owned()))
        .send()
        .await
        .expect("the table is there");
    item.item.unwrap_or_else(|| panic!("there is no item {pk} {sk}"))
}

type Item = HashMap<String, AttributeValue>;

#[tokio::test]
async fn each_operation_on_a_lease_is_one_request() {
    const WRITE: (f64, f64) = (0.0, 1.0);
    let server = Server::start().await;
    let (store, consumer, one) = (server.store().await, consumer(), worker("one"));
    let new = NewLease::new(partition("shardId-000000000000"));
    costing("a creation", WRITE, store.create(&consumer, new)).await.expect("made");
    let listed = costing("a listing", (1.0, 0.0), store.leases(&consumer)).await;
    let free = listed.expect("listed").remove(0);
    let taken = costing("a take", WRITE, store.take(&consumer, &free, &one)).await;
    let fence = taken.expect("asked").expect("taken").fence().expect("held");
    let renewed = costing("a renewal", WRITE, store.renew(&consumer, &fence)).await;
    let fence = renewed.expect("asked").expect("renewed").fence().expect("held");
    let progress = LeaseProgress::default();
    let written =
        costing("a checkpoint", WRITE, store.checkpoint(&consumer, &fence, progress)).await;
    let fence = written.expect("asked").expect("written").fence().expect("held");
    // The service charges a refused write as well, and does not tell.
    let lost = costing("a lost take", (0.0, 0.0), store.take(&consumer, &free, &one)).await;
    assert!(lost.expect("asked").is_none(), "taken as it was seen long ago");
    let released = costing("a release", WRITE, store.release(&consumer, &fence)).await;
    let released = released.expect("asked").expect("released");
    assert!(costing("a deletion", WRITE, store.delete(&consumer, &released)).await.expect("asked"));
}

#[tokio::test]
async fn each_operation_on_a_record_is_one_request() {
    const WRITE: (f64, f64) = (0.0, 1.0);
    let server = Server::start().await;
    let store = server.store().await;
    let request = IdempotentRequest::new("payments", "order-17", b"{}").expect("a valid request");
    let begun = costing("a begin", WRITE, store.begin(&request, HOLD)).await;
    let Begun::Started(claim) = begun.expect("asked") else { panic!("nobody has begun it") };
    assert_eq!(
        costing("an abandonment", WRITE, store.abandon(&claim)).await.expect("asked"),
        Settled::Done
    );
    let begun = store.begin(&request, HOLD).await;
    let Begun::Started(claim) = begun.expect("asked") else { panic!("it was abandoned") };
    let completed = costing("a completion", WRITE, store.complete(&claim, "r".into(), HOLD)).await;
    assert_eq!(completed.expect("asked"), Settled::Done);
    let again = costing("a repetition", (0.0, 0.0), store.begin(&request, HOLD)).await;
    assert_eq!(again.expect("asked"), Begun::Completed("r".into()), "told in the same request");
}

#[tokio::test]
async fn a_lease_has_the_attributes_of_the_kinesis_client_library() {
    let server = Server::start().await;
    let prefix = Server::prefix();
    let store = server.store_with(server.options(&prefix)).await;
    let (consumer, one) = (consumer(), worker("one"));
    let new = NewLease {
        checkpoint: Checkpoint::from_stored("TRIM_HORIZON"),
        parents: [partition("p")].into(),
        hash_range: Some(HashRange { start: 0, end: u128::MAX }),
        ..NewLease::new(partition("shard"))
    };
    store.create(&consumer, new).await.expect("made");
    let free = store.leases(&consumer).await.expect("listed").remove(0);
    let taken = store.take(&consumer, &free, &one).await.expect("asked").expect("taken");
    let progress = LeaseProgress {
        checkpoint: Checkpoint::from_stored("SHARD_END"),
        sub_sequence: 3,
        children: [partition("a"), partition("b")].into(),
    };
    let fence = taken.fence().expect("held");
    store.checkpoint(&consumer, &fence, progress).await.expect("asked").expect("written");

    let item = state_item(&server, &prefix, "leases#statements_v1", "shard").await;
    let text = |name: &str| item[name].as_s().map(String::as_str).expect("a string");
    let number = |name: &str| item[name].as_n().map(String::as_str).expect("a number");
    assert_eq!((text("leaseKey"), text("leaseOwner")), ("shard", "one"));
    assert_eq!((number("leaseCounter"), number("ownerSwitchesSinceCheckpoint")), ("2", "0"));
    assert_eq!((text("checkpoint"), number("checkpointSubSequenceNumber")), ("SHARD_END", "3"));
    let max = "340282366920938463463374607431768211455";
    assert_eq!((text("startingHashKey"), text("endingHashKey")), ("0", max));
    assert_eq!(item["parentShardId"].as_ss().expect("a set"), &["p"]);
    let mut children = item["childShardIds"].as_ss().expect("a set").clone();
    children.sort_unstable();
    assert_eq!(children, ["a", "b"]);
}

#[tokio::test]
async fn a_record_expires_by_time_to_live_when_it_is_of_no_use_any_more() {
    const DAY: i64 = 24 * 60 * 60;
    let server = Server::start().await;
    let prefix = Server::prefix();
    let clock = es_core::testing::VirtualClock::at("2126-03-01T12:00:00.5Z");
    let now = es_core::Clock::now(&clock).as_second();
    let options = server.options(&prefix).clock(std::sync::Arc::new(clock));
    let store = server.store_with(options).await;
    let request = IdempotentRequest::new("payments", "order-17", b"{}").expect("a valid request");
    let expires_at = async || {
        let item = state_item(&server, &prefix, "idempotency#payments", "order-17").await;
        item["es_expires_at"].as_n().expect("a number").parse::<i64>().expect("seconds")
    };
    let begun = store.begin(&request, HOLD).await.expect("asked");
    assert_eq!(expires_at().await, now + 60 + DAY + 1, "its owner may come late");
    let Begun::Started(claim) = begun else { panic!("nobody has begun it") };
    assert_eq!(store.complete(&claim, "r".into(), HOLD).await.expect("asked"), Settled::Done);
    assert_eq!(expires_at().await, now + 60 + 1, "kept as long as asked");
}

#[tokio::test]
async fn a_key_that_looks_like_the_hash_of_another_does_not_take_its_place() {
    let server = Server::start().await;
    let prefix = Server::prefix();
    let store = server.store_with(server.options(&prefix)).await;
    let begin = async |key: &str| {
        let request = IdempotentRequest::new("payments", key, b"{}").expect("a valid request");
        store.begin(&request, HOLD).await.expect("asked")
    };
    assert!(matches!(begin(&"x".repeat(4096)).await, Begun::Started(_)));
    let listed = server.dynamodb().scan().table_name(format!("{prefix}state")).send().await;
    let listed = listed.expect("the table is there").items.unwrap_or_default();
    let stored = listed[0]["sk"].as_s().expect("a string");
    assert!(stored.starts_with("sha256#") && stored.len() == 71, "{stored}");
    assert!(matches!(begin(stored).await, Begun::Started(_)), "another request");
}

/// Always the same bits: a second request is then as if the SDK had sent the first one again.
#[derive(Debug)]
struct SameBits;

impl es_core::Entropy for SameBits {
    fn next_u64(&self) -> u64 {
        7
    }
}

#[tokio::test]
async fn a_lost_acknowledgement_of_a_begin_is_not_somebody_else() {
    let server = Server::start().await;
    let options = server.options(&Server::prefix()).entropy(std::sync::Arc::new(SameBits));
    let store = server.store_with(options).await;
    let request = IdempotentRequest::new("payments", "order-17", b"{}").expect("a valid request");
    let first = store.begin(&request, HOLD).await.expect("asked");
    assert!(matches!(first, Begun::Started(_)), "{first:?}");
    assert_eq!(store.begin(&request, HOLD).await.expect("asked"), first);
}
