//! No commit id gets into a stream twice, in whatever order ids come.

#[path = "support/notes.rs"]
mod notes;
mod support;

use es_core::{CommitId, EventStore as _, Expected, NewCommit, SystemEntropy, Timestamp};
use es_dynamodb::DynamoStore;
use notes::{Note, new_commit, stream};
use support::Server;

/// A commit with the id of a clock that shows so many seconds.
fn commit_at(second: i64) -> NewCommit {
    let time = Timestamp::from_second(second).expect("a time in range");
    let id = CommitId::generate(time, &SystemEntropy);
    NewCommit { id, ..new_commit(Note { texts: 1, bytes: 20 }) }
}

/// Appends behind the end of the stream, as it was read.
async fn append(store: &DynamoStore, commit: &NewCommit) {
    let end = Expected::end(store.head(&stream()).await.expect("a read"));
    let appended = store.append(&stream(), end, commit.clone()).await.expect("an append");
    assert!(!appended.duplicate);
}

#[tokio::test]
async fn an_id_of_a_fast_clock_is_found_behind_those_of_slow_ones() {
    let server = Server::start().await;
    let prefix = Server::prefix();
    let store = server.store_with(server.options(&prefix)).await;
    let fast = commit_at(1_000);
    append(&store, &fast).await;
    let derived = CommitId::derive(&stream(), "a request");
    append(&store, &NewCommit { id: derived, ..commit_at(0) }).await;
    // Nothing tells their writers, in two processes, that an id before the request's is greater.
    append(&store, &commit_at(10)).await;
    append(&store, &commit_at(20)).await;
    let other = server.store_with(server.options(&prefix)).await;
    append(&other, &commit_at(30)).await;
    append(&other, &commit_at(2_000)).await;
    append(&other, &commit_at(3_000)).await;

    let found = store.find(&stream(), fast.id).await.expect("a read");
    assert_eq!(found.map(|commit| commit.id()), Some(fast.id));
    let again = store.append(&stream(), Expected::Any, fast).await.expect("an append");
    assert!(again.duplicate, "it is in the stream twice");
}
