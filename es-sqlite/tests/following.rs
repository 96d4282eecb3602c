//! The feed: its order, its checkpoints, and waiting for what comes.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use es_core::{Checkpoint, Error, Feed as _, PartitionId};
use es_sqlite::SqliteStore;
use support::{Place, StandingClock, append, partition, read_feed, stream};

fn at(position: &str) -> Checkpoint {
    Checkpoint::from_stored(position)
}

#[tokio::test]
async fn the_feed_has_all_streams_in_the_order_of_their_appends() {
    let place = Place::new();
    let store = place.open().await;
    let mut appended = Vec::new();
    for n in 0..25 {
        let stream = stream(&(n % 3).to_string());
        appended.push(append(&store, &stream, &["one", "two"]).await);
    }
    for page in [1, 7, 25, 1000] {
        assert_eq!(read_feed(&store, page).await.unwrap(), appended);
    }
    let page = store.read(&partition(), &at("5"), 4).await.unwrap();
    assert_eq!(page.commits, appended[5..9]);
    assert_eq!((page.checkpoint, page.remaining, page.ended), (at("9"), Some(16), false));
    let page = store.read(&partition(), &at("25"), 4).await.unwrap();
    assert_eq!((page.commits.len(), page.checkpoint, page.remaining), (0, at("25"), Some(0)));
}

#[tokio::test]
async fn a_page_of_large_commits_is_bounded_in_bytes() {
    let place = Place::new();
    let store = place.open().await;
    let text = "x".repeat(600_000);
    for _ in 0..5 {
        append(&store, &stream("a"), &[&text]).await;
    }
    let page = store.read(&partition(), &Checkpoint::start(), 100).await.unwrap();
    assert_eq!((page.commits.len(), page.remaining), (2, Some(3)));
    assert_eq!(read_feed(&store, 100).await.unwrap().len(), 5);
}

#[tokio::test]
async fn a_checkpoint_that_is_no_place_in_the_log_is_refused() {
    let place = Place::new();
    let store = place.open().await;
    append(&store, &stream("a"), &["one"]).await;
    for text in ["x", "-1", "+1", "1.0", " 1", "99999999999999999999", "2"] {
        let error = store.read(&partition(), &at(text), 10).await.unwrap_err();
        assert!(matches!(error, Error::Corrupt { .. }), "{text:?}: {error:?}");
    }
    let nowhere = PartitionId::new("elsewhere").unwrap();
    let error = store.read(&nowhere, &Checkpoint::start(), 10).await.unwrap_err();
    assert!(matches!(error, Error::Misuse(_)), "{error:?}");
}

#[tokio::test]
async fn waiting_ends_when_this_process_appends() {
    let place = Place::new();
    let clock = Arc::new(StandingClock::default());
    let store = SqliteStore::builder(place.db()).clock(clock.clone()).open().await.unwrap();
    for n in 0..20 {
        let after = Checkpoint::from_stored(n.to_string());
        let following = store.clone();
        let waiting = tokio::spawn(async move { following.wait(&partition(), &after).await });
        clock.asleep().await;
        append(&store, &stream("a"), &["one"]).await;
        // No time passes on this clock: only the append can have woken it.
        waiting.await.unwrap().unwrap();
    }
    // What is there already is not waited for.
    store.wait(&partition(), &at("3")).await.unwrap();
}

#[tokio::test]
async fn waiting_ends_when_another_process_appends() {
    let place = Place::new();
    let following = SqliteStore::builder(place.db())
        .poll_interval(Duration::from_millis(1))
        .open()
        .await
        .unwrap();
    // Another store on the file knows nothing of this one, like one in another process.
    let other = place.open().await;
    for n in 0..3 {
        let after = Checkpoint::from_stored(n.to_string());
        let partition = partition();
        let target = stream("a");
        let waiting = following.wait(&partition, &after);
        let (woken, _) = tokio::join!(waiting, append(&other, &target, &["one"]));
        woken.unwrap();
    }
}

#[tokio::test]
async fn waiting_on_a_store_that_is_closed_ends_with_an_error() {
    let place = Place::new();
    let clock = Arc::new(StandingClock::default());
    let store = SqliteStore::builder(place.db()).clock(clock.clone()).open().await.unwrap();
    let following = store.clone();
    let waiting =
        tokio::spawn(async move { following.wait(&partition(), &Checkpoint::start()).await });
    clock.asleep().await;
    store.close().await.unwrap();
    let error = waiting.await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Misuse(_)), "{error:?}");
}
