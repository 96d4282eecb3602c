//! Writes that wait share a transaction; each can fail alone.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::time::Duration;

use es_core::{Error, EventStore as _, Expected};
use es_sqlite::SqliteStore;
use futures::future::join_all;
use support::{Place, append, assert_names, commit, read_all, read_feed, stream};

/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(120);

/// Queues appends while another connection holds the lock, so that all wait by the time the writer
/// gets it. `f` makes the futures; they are polled once, which puts them into the queue.
macro_rules! queued_behind_a_lock {
    ($place:expr, $futures:expr) => {{
        let lock = $place.raw();
        lock.execute_batch("BEGIN IMMEDIATE").unwrap();
        let mut futures: Vec<_> = $futures.into_iter().collect();
        for future in &mut futures {
            assert!(futures::poll!(&mut *future).is_pending());
        }
        lock.execute_batch("COMMIT").unwrap();
        join_all(futures).await
    }};
}

async fn patient(place: &Place) -> SqliteStore {
    SqliteStore::builder(place.db()).busy_timeout(LONG).open().await.unwrap()
}

#[tokio::test]
async fn writes_that_wait_share_a_transaction() {
    let place = Place::new();
    let store = patient(&place).await;
    let streams: Vec<_> = (0..64).map(|n| stream(&n.to_string())).collect();
    let before = store.writer_stats();
    let appended = queued_behind_a_lock!(
        place,
        streams.iter().map(|stream| store.append(stream, Expected::NoStream, commit(&["x"])))
    );
    assert!(appended.iter().all(Result::is_ok));
    let after = store.writer_stats();
    assert_eq!(after.jobs - before.jobs, 64);
    assert_eq!(after.groups - before.groups, 1);
    assert_eq!(read_feed(&store, 10).await.unwrap().len(), 64);
}

#[tokio::test]
async fn a_group_is_bounded() {
    let place = Place::new();
    let store =
        SqliteStore::builder(place.db()).busy_timeout(LONG).max_group(10).open().await.unwrap();
    let target = stream("a");
    let before = store.writer_stats();
    let appended = queued_behind_a_lock!(
        place,
        (0..25).map(|_| store.append(&target, Expected::Any, commit(&["x"])))
    );
    assert!(appended.iter().all(Result::is_ok));
    assert_eq!(store.writer_stats().groups - before.groups, 3);
}

#[tokio::test]
async fn an_append_that_fails_undoes_only_itself() {
    let place = Place::new();
    let store = patient(&place).await;
    let target = stream("a");
    let twice = commit(&["twice"]);
    let expected = [Expected::NoStream, Expected::NoStream, Expected::Any, Expected::NoStream];
    let commits = [twice.clone(), commit(&["late"]), commit(&["any"]), twice];
    let results = queued_behind_a_lock!(
        place,
        expected
            .into_iter()
            .zip(commits)
            .map(|(expected, commit)| store.append(&target, expected, commit))
    );
    assert_eq!(store.writer_stats().groups, 1);
    let versions = |n: usize| results[n].as_ref().unwrap().commit.first_version().get();
    assert_eq!((versions(0), versions(2), versions(3)), (1, 2, 1));
    assert!(results[3].as_ref().unwrap().duplicate);
    let Err(Error::Conflict(conflict)) = &results[1] else { panic!("{results:?}") };
    assert_eq!(conflict.actual, Some(results[0].as_ref().unwrap().commit.head()));
    assert_eq!(conflict.winner.as_ref(), Some(&results[0].as_ref().unwrap().commit));
    // The failed one burned no position.
    assert_eq!(read_feed(&store, 10).await.unwrap().len(), 2);
}

#[tokio::test]
async fn an_append_dropped_in_the_queue_is_not_written() {
    let place = Place::new();
    let store = patient(&place).await;
    let target = stream("a");
    let lock = place.raw();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut first = store.append(&target, Expected::Any, commit(&["first"]));
    assert!(futures::poll!(&mut first).is_pending());
    let mut dropped = store.append(&target, Expected::Any, commit(&["dropped"]));
    assert!(futures::poll!(&mut dropped).is_pending());
    drop(dropped);
    lock.execute_batch("COMMIT").unwrap();
    first.await.unwrap();
    append(&store, &target, &["last"]).await;
    assert_eq!(read_all(&store, &target).await.len(), 2);
}

#[tokio::test]
async fn a_write_waits_for_a_lock_no_longer_than_it_should() {
    let place = Place::new();
    let store = SqliteStore::builder(place.db())
        .busy_timeout(Duration::from_millis(20))
        .open()
        .await
        .unwrap();
    let lock = place.raw();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    let target = stream("a");
    let again = commit(&["x"]);
    let results =
        join_all((0..20).map(|_| store.append(&target, Expected::Any, again.clone()))).await;
    for result in results {
        let error = result.unwrap_err();
        assert!(matches!(error, Error::Unavailable { .. }) && error.is_transient(), "{error:?}");
        assert_names(&error, &place.db());
    }
    // Reads go on beside the lock.
    assert_eq!(store.head(&target).await.unwrap(), None);
    drop(lock);
    let appended = store.append(&target, Expected::NoStream, again).await.unwrap();
    assert!(!appended.duplicate);
}

#[tokio::test]
async fn opening_waits_for_a_lock_no_longer_than_it_should() {
    let place = Place::new();
    let lock = place.raw();
    lock.execute_batch("PRAGMA journal_mode = WAL; BEGIN EXCLUSIVE").unwrap();
    let error = SqliteStore::builder(place.db())
        .busy_timeout(Duration::from_millis(20))
        .open()
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Unavailable { .. }), "{error:?}");
    assert_names(&error, &place.db());
}

#[tokio::test]
async fn a_full_disk_refuses_what_does_not_fit_and_keeps_the_rest() {
    let place = Place::new();
    let store = SqliteStore::builder(place.db()).max_file_size(512 * 1024).open().await.unwrap();
    let target = stream("a");
    let text = "x".repeat(20_000);
    let mut kept = Vec::new();
    let error = loop {
        match store.append(&target, Expected::Any, commit(&[&text])).await {
            Ok(appended) => kept.push(appended.commit),
            Err(error) => break error,
        }
        assert!(kept.len() < 1000, "the limit is never reached");
    };
    assert!(matches!(error, Error::Unavailable { .. }) && error.is_transient(), "{error:?}");
    assert!(error.to_string().contains("disk space"), "{error}");
    assert_names(&error, &place.db());
    assert!(kept.len() > 10, "{}", kept.len());
    assert_eq!(read_all(&store, &target).await, kept);

    // What fits is still taken, and with more room it goes on, without a gap.
    store.close().await.unwrap();
    let store = place.open().await;
    kept.push(append(&store, &target, &[&text]).await);
    assert_eq!(read_all(&store, &target).await, kept);
    assert_eq!(read_feed(&store, 7).await.unwrap(), kept);
}

#[tokio::test]
async fn a_full_disk_fails_everything_in_the_group_or_only_what_does_not_fit() {
    let place = Place::new();
    let store = SqliteStore::builder(place.db())
        .max_file_size(512 * 1024)
        .busy_timeout(LONG)
        .open()
        .await
        .unwrap();
    let small = stream("small");
    let large = stream("large");
    let text = "x".repeat(1_000_000);
    let results = queued_behind_a_lock!(
        place,
        [
            store.append(&small, Expected::Any, commit(&["before"])),
            store.append(&large, Expected::Any, commit(&[&text])),
            store.append(&small, Expected::Any, commit(&["behind"])),
        ]
    );
    assert!(matches!(results[1], Err(Error::Unavailable { .. })), "{:?}", results[1]);
    // Whatever SQLite rolled back, what was acknowledged is what is there.
    let acknowledged: Vec<_> =
        results.iter().flatten().map(|appended| appended.commit.clone()).collect();
    assert_eq!(read_all(&store, &small).await, acknowledged);
    assert_eq!(read_feed(&store, 10).await.unwrap(), acknowledged);
    assert_eq!(store.head(&large).await.unwrap(), None);
}
