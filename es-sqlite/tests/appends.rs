//! Appends change everything or nothing, and the writer knows no more than what is in the file.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::time::Duration;

use es_core::{Error, EventStore as _, Expected};
use es_sqlite::SqliteStore;
use support::{Place, append, commit, read_all, read_feed, stream};

#[tokio::test]
async fn what_another_connection_appended_is_seen_by_the_next_append() {
    let place = Place::new();
    let (one, other) = (place.open().await, place.open().await);
    let first = append(&one, &stream("a"), &["1"]).await;
    let second = append(&other, &stream("a"), &["2"]).await;
    let stale = Expected::Head(first.head());
    let error = one.append(&stream("a"), stale, commit(&["3"])).await.unwrap_err();
    let Error::Conflict(conflict) = error else { panic!("{error:?}") };
    assert_eq!(conflict.actual, Some(second.head()));
    let third = append(&one, &stream("a"), &["3"]).await;
    assert_eq!(read_all(&one, &stream("a")).await, [first, second, third]);
}

#[tokio::test]
async fn what_was_changed_by_hand_is_seen_by_the_next_append() {
    let place = Place::new();
    let store = place.open().await;
    append(&store, &stream("a"), &["1"]).await;
    append(&store, &stream("a"), &["2"]).await;
    place.tamper("DELETE FROM commits WHERE first_version = 2");
    let error = store.append(&stream("a"), Expected::Any, commit(&["3"])).await.unwrap_err();
    assert!(matches!(error, Error::CorruptCommit { .. }), "{error:?}");
}

#[tokio::test]
async fn a_repetition_at_the_end_of_a_known_stream_is_one_and_leaves_no_gap() {
    let place = Place::new();
    let store = place.open().await;
    let repeated = commit(&["1"]);
    let original = store.append(&stream("a"), Expected::NoStream, repeated.clone()).await.unwrap();
    let second = append(&store, &stream("a"), &["2"]).await;
    for expected in [Expected::Any, Expected::Head(second.head()), Expected::NoStream] {
        let again = store.append(&stream("a"), expected, repeated.clone()).await.unwrap();
        assert!(again.duplicate, "{expected}");
        assert_eq!(again.commit, original.commit);
    }
    let mut other = commit(&["another"]);
    other.id = repeated.id;
    let error = store.append(&stream("a"), Expected::Any, other).await.unwrap_err();
    assert!(matches!(error, Error::CommitIdReused(_)), "{error:?}");
    // The feed counts positions, and would tell of one that is missing.
    let third = append(&store, &stream("b"), &["3"]).await;
    assert_eq!(read_feed(&store, 10).await.unwrap(), [original.commit, second, third]);
}

#[tokio::test]
async fn a_first_commit_that_is_refused_leaves_no_stream_and_harms_no_neighbour() {
    let place = Place::new();
    let store = SqliteStore::builder(place.db())
        .busy_timeout(Duration::from_secs(120))
        .open()
        .await
        .unwrap();
    let kept = append(&store, &stream("kept"), &["1"]).await;
    // A commit without a stream, where the next new stream will be.
    place.tamper(
        "INSERT INTO commits SELECT position + 1, stream + 1, first_version, event_count, \
         commit_id, recorded_at, encoding, manifest, payloads, metadata, checksum FROM commits",
    );
    let lock = place.raw();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (new, old) = (stream("new"), stream("kept"));
    let mut refused = store.append(&new, Expected::NoStream, commit(&["2"]));
    let mut neighbour = store.append(&old, Expected::Any, commit(&["3"]));
    assert!(futures::poll!(&mut refused).is_pending());
    assert!(futures::poll!(&mut neighbour).is_pending());
    drop(lock);
    let (refused, neighbour) = futures::future::join(refused, neighbour).await;
    assert!(matches!(refused, Err(Error::Backend { .. })), "{refused:?}");
    assert_eq!(store.writer_stats().groups, 2, "the two were in one transaction");
    assert_eq!(read_all(&store, &old).await, [kept, neighbour.unwrap().commit]);
    let streams: i64 =
        place.raw().query_row("SELECT count(*) FROM streams", [], |row| row.get(0)).unwrap();
    assert_eq!(streams, 1);
}

#[tokio::test]
async fn a_commit_that_cannot_become_the_head_is_not_kept() {
    let place = Place::new();
    let store = place.open().await;
    let first = append(&store, &stream("a"), &["1"]).await;
    place
        .raw()
        .execute_batch(
            "CREATE TRIGGER stuck BEFORE UPDATE ON streams \
             BEGIN SELECT RAISE(ABORT, 'it is stuck'); END",
        )
        .unwrap();
    let error = store.append(&stream("a"), Expected::Any, commit(&["2"])).await.unwrap_err();
    assert!(matches!(error, Error::Backend { .. }), "{error:?}");
    assert_eq!(read_all(&store, &stream("a")).await, std::slice::from_ref(&first));
    place.raw().execute_batch("DROP TRIGGER stuck").unwrap();
    let second = append(&store, &stream("a"), &["3"]).await;
    assert_eq!(read_all(&store, &stream("a")).await, [first.clone(), second.clone()]);
    assert_eq!(read_feed(&store, 10).await.unwrap(), [first, second]);
}
