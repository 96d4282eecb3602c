//! What appends and loads cost: requests, and capacity as the server counts it.

#[path = "support/notes.rs"]
mod notes;
mod support;

use std::sync::Arc;
use std::time::Duration;

use es_core::testing::VirtualClock;
use es_core::testing::faults::{Call, Fault, Faults, FaultyEventStore, FaultySnapshotStore};
use es_core::{
    Commit, Cost, EventStore, ExecuteOptions, Expected, ReadStream, Repository, SnapshotPolicy,
};
use es_dynamodb::DynamoStore;
use futures::{FutureExt as _, TryStreamExt as _};
use notes::{Note, Notes, new_commit, stream};
use support::Server;

const SHORT: Note = Note { texts: 1, bytes: 300 };

async fn start() -> (Server, Arc<DynamoStore>) {
    let server = Server::start().await;
    let store = Arc::new(server.store().await);
    (server, store)
}

/// Requests, read units and write units.
fn figures(cost: Cost) -> (u64, f64, f64) {
    assert_eq!((cost.retries, cost.throttles), (0, 0));
    (cost.requests, cost.read_units, cost.write_units)
}

async fn append_costs(store: &DynamoStore, expected: Expected, note: Note) -> (u64, f64, f64) {
    let stream = stream();
    let (appended, cost) = Cost::of(store.append(&stream, expected, new_commit(note))).await;
    appended.expect("the append succeeds");
    figures(cost)
}

#[tokio::test]
async fn a_commit_of_a_kilobyte_is_one_request_and_one_write_unit_however_many_events_it_has() {
    for note in [Note { texts: 1, bytes: 800 }, Note { texts: 10, bytes: 40 }] {
        let (_server, store) = start().await;
        assert_eq!(append_costs(&store, Expected::NoStream, note.clone()).await, (1, 0.0, 1.0));
        let head = store.head(&stream()).await.expect("a head").expect("a stream");
        assert_eq!(append_costs(&store, Expected::Head(head), note).await, (1, 0.0, 1.0));
    }
}

#[tokio::test]
async fn ten_events_of_300_bytes_are_one_request_and_at_most_four_write_units() {
    let (_server, store) = start().await;
    let note = Note { texts: 10, bytes: 300 };
    let (requests, reads, writes) = append_costs(&store, Expected::NoStream, note).await;
    assert_eq!((requests, reads), (1, 0.0));
    assert!(writes <= 4.0, "{writes}");
}

#[tokio::test]
async fn an_append_anywhere_reads_the_end_first() {
    let (_server, store) = start().await;
    append_costs(&store, Expected::NoStream, SHORT).await;
    assert_eq!(append_costs(&store, Expected::Any, SHORT).await, (2, 1.0, 1.0));
}

#[tokio::test]
async fn a_command_on_a_cold_aggregate_is_one_read_and_one_write() {
    let (_server, store) = start().await;
    let notes = Repository::<Notes>::new(store);
    for _ in 0..3 {
        let receipt = notes.execute("n-1", SHORT).await.expect("a receipt");
        assert_eq!(figures(receipt.cost()), (2, 1.0, 1.0));
    }
}

#[tokio::test]
async fn a_command_on_a_cached_aggregate_is_one_write() {
    let (_server, store) = start().await;
    let notes = Repository::<Notes>::new(store).with_cache(10);
    notes.execute("n-1", SHORT).await.expect("a receipt");
    for _ in 0..3 {
        let receipt = notes.execute("n-1", SHORT).await.expect("a receipt");
        assert_eq!(figures(receipt.cost()), (1, 0.0, 1.0));
    }
}

#[tokio::test]
async fn a_command_with_an_idempotency_key_is_one_transaction_of_four_write_units() {
    let (_server, store) = start().await;
    let notes = Repository::<Notes>::new(store).with_cache(10);
    notes.execute("n-1", SHORT).await.expect("a receipt");
    let key = |n: u32| ExecuteOptions::new().idempotency_key(format!("request-{n}"));
    for n in 0..3 {
        let receipt = notes.execute_with("n-1", SHORT, key(n)).await.expect("a receipt");
        assert_eq!(figures(receipt.cost()), (1, 0.0, 4.0));
    }
    let receipt = notes.execute_with("n-1", SHORT, key(0)).await.expect("a receipt");
    assert!(receipt.is_replay());
    // The refused transaction, and the commit that its marker names.
    assert_eq!(figures(receipt.cost()), (2, 1.0, 0.0));
}

#[tokio::test]
async fn a_command_after_one_with_a_key_reads_the_end_once_more() {
    let (_server, store) = start().await;
    let notes = Repository::<Notes>::new(store).with_cache(10);
    notes.execute("n-1", SHORT).await.expect("a receipt");
    let keyed = ExecuteOptions::new().idempotency_key("request");
    notes.execute_with("n-1", SHORT, keyed).await.expect("a receipt");
    let receipt = notes.execute("n-1", SHORT).await.expect("a receipt");
    assert_eq!(figures(receipt.cost()), (2, 1.0, 1.0));
    let receipt = notes.execute("n-1", SHORT).await.expect("a receipt");
    assert_eq!(figures(receipt.cost()), (1, 0.0, 1.0));
}

#[tokio::test]
async fn an_append_that_loses_is_one_request_and_carries_the_winner() {
    let (_server, store) = start().await;
    append_costs(&store, Expected::NoStream, SHORT).await;
    let stream = stream();
    let late = store.append(&stream, Expected::NoStream, new_commit(SHORT));
    let (outcome, cost) = Cost::of(late).await;
    let Err(es_core::Error::Conflict(conflict)) = outcome else { panic!("{outcome:?}") };
    assert_eq!(conflict.winner.map(|winner| winner.head()), conflict.actual);
    assert_eq!(figures(cost), (1, 0.0, 0.0), "DynamoDB does not tell what a refusal costs");
}

#[tokio::test]
async fn a_head_is_one_read() {
    let (_server, store) = start().await;
    let notes = Repository::<Notes>::new(store.clone());
    for _ in 0..30 {
        notes.execute("n-1", SHORT).await.expect("a receipt");
    }
    let (_, cost) = Cost::of(store.head(&stream())).await;
    assert_eq!(figures(cost), (1, 1.0, 0.0));
}

#[tokio::test]
async fn a_commit_with_a_key_is_found_with_two_reads_in_a_stream_of_any_length() {
    let (_server, store) = start().await;
    let notes = Repository::<Notes>::new(store.clone()).with_cache(1);
    let keyed = ExecuteOptions::new().idempotency_key("request");
    let receipt = notes.execute_with("n-1", SHORT, keyed).await.expect("a receipt");
    let id = receipt.commit_id().expect("a commit");
    for _ in 0..60 {
        notes.execute("n-1", SHORT).await.expect("a receipt");
    }
    let (found, cost) = Cost::of(store.find(&stream(), id)).await;
    assert_eq!(found.expect("a search").as_ref().map(Commit::id), Some(id));
    assert_eq!(figures(cost), (2, 2.0, 0.0));
}

/// 1,000 commits of one event of 300 bytes.
async fn a_thousand_commits(store: &Arc<DynamoStore>) {
    let notes = Repository::<Notes>::new(store.clone())
        .with_cache(1)
        .with_snapshots(store.clone(), SnapshotPolicy::Every(50));
    for _ in 0..1_000 {
        notes.execute("n-1", SHORT).await.expect("a receipt");
    }
}

#[tokio::test]
async fn loading_a_thousand_commits_with_snapshots_is_two_requests_and_four_read_units() {
    let (_server, store) = start().await;
    a_thousand_commits(&store).await;
    let notes = Repository::<Notes>::new(store.clone())
        .with_snapshots(store.clone(), SnapshotPolicy::Never);
    for (more, count) in [(0, 1_000), (1, 1_001), (23, 1_024)] {
        for _ in 0..more {
            notes.execute("n-1", SHORT).await.expect("a receipt");
        }
        let (loaded, cost) = Cost::of(notes.load("n-1")).await;
        assert_eq!(loaded.expect("a state").count, count);
        let (requests, reads, writes) = figures(cost);
        assert_eq!((requests, writes), (2, 0.0));
        assert!(reads <= 4.0, "{reads}");
    }
}

#[tokio::test]
async fn the_snapshot_and_the_end_of_the_stream_are_requested_in_one_round_trip_time() {
    let (_server, store) = start().await;
    let clock = Arc::new(VirtualClock::at("2026-01-01T00:00:00Z"));
    let delayed = Faults::none().with_clock(clock.clone()).with_delay(Duration::from_secs(1));
    delayed.at(Call::LoadSnapshot, 1, Fault::Delay);
    delayed.at(Call::ReadStream, 1, Fault::Delay);
    let log = Arc::new(FaultyEventStore::new(store.clone(), delayed.clone()));
    let snapshots = Arc::new(FaultySnapshotStore::new(store, delayed.clone()));
    let notes = Repository::<Notes>::new(log).with_snapshots(snapshots, SnapshotPolicy::Every(50));
    let mut command = Box::pin(notes.execute("n-1", SHORT));
    assert!((&mut command).now_or_never().is_none(), "its requests are under way");
    assert_eq!((delayed.calls(Call::LoadSnapshot), delayed.calls(Call::ReadStream)), (1, 1));
    clock.advance(Duration::from_secs(1));
    let receipt = command.await.expect("a receipt");
    assert_eq!(figures(receipt.cost()), (3, 2.0, 1.0));
}

#[tokio::test]
async fn loading_a_thousand_commits_without_snapshots_is_a_read_unit_for_four_kilobytes() {
    let (_server, store) = start().await;
    a_thousand_commits(&store).await;
    let notes = Repository::<Notes>::new(store.clone());
    let (loaded, cost) = Cost::of(notes.load("n-1")).await;
    assert_eq!(loaded.expect("a state").count, 1_000);
    let pages: Vec<_> =
        store.read(ReadStream::new(stream())).try_collect().await.expect("the stream can be read");
    let content: usize = pages
        .iter()
        .flatten()
        .map(|commit| commit.events().stored_len() + commit.encoded_metadata().as_str().len())
        .sum();
    let (requests, reads, _) = figures(cost);
    assert_eq!(requests, 1);
    // Keys, times, ids and checksums are the rest.
    let kilobytes = (content + 1_000 * 80) as f64 / 4096.0;
    assert!((kilobytes * 0.9..=kilobytes * 1.1).contains(&reads), "{reads}, {kilobytes} expected");
}
