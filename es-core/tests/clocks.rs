//! Clocks jump, and differ between machines. Nothing is decided on them alone.

mod support;

use std::sync::Arc;
use std::time::Duration;

use es_core::memory::MemoryStore;
use es_core::testing::VirtualClock;
use es_core::{ExecuteOptions, Projection, Repository, Version};
use support::{Account, AccountCommand, Statements};

/// In this order the clock of the writers shows these times.
const TIMES: [&str; 4] = [
    "2026-06-01T00:00:00Z",
    "2025-01-01T00:00:00Z",
    "2027-01-01T00:00:00Z",
    "1971-01-01T00:00:00Z",
];

#[tokio::test]
async fn a_clock_that_jumps_changes_neither_versions_nor_states_nor_views() {
    let store = Arc::new(MemoryStore::new());
    let clock = Arc::new(VirtualClock::at(TIMES[0]));
    let accounts = Repository::<Account>::new(store.clone()).with_clock(clock.clone());
    let statements = Projection::new(Statements, store.clone(), store.clone(), store).unwrap();
    for (amount, time) in (1..).zip(TIMES) {
        clock.set(time.parse().unwrap());
        let receipt = accounts.execute("a", AccountCommand::Credit(amount)).await.unwrap();
        assert_eq!(receipt.version(), Version::new(amount));
        statements.catch_up().await.unwrap();
    }
    assert_eq!(accounts.load("a").await.unwrap().balance, 1 + 2 + 3 + 4);
    let statement = statements.view().get("a").await.unwrap().unwrap();
    assert_eq!((statement.balance, statement.movements), (1 + 2 + 3 + 4, 4));
    assert_eq!(statements.rebuild(|_| {}).await.unwrap().applied, 4);
}

#[tokio::test]
async fn a_request_is_recognised_whatever_the_clock_shows() {
    let clock = Arc::new(VirtualClock::at(TIMES[0]));
    let accounts =
        Repository::<Account>::new(Arc::new(MemoryStore::new())).with_clock(clock.clone());
    for (n, time) in TIMES.into_iter().enumerate() {
        clock.set(time.parse().unwrap());
        let request = ExecuteOptions::new().idempotency_key("request-1");
        let receipt = accounts.execute_with("a", AccountCommand::Credit(5), request).await.unwrap();
        assert_eq!(receipt.is_replay(), n > 0, "{time}");
    }
    assert_eq!(accounts.load("a").await.unwrap().balance, 5);
}

#[tokio::test]
async fn a_commit_from_the_future_is_no_time_behind() {
    let store = Arc::new(MemoryStore::new());
    let ahead = Arc::new(VirtualClock::at("2026-06-01T00:00:00Z"));
    let accounts = Repository::<Account>::new(store.clone()).with_clock(ahead);
    accounts.execute("a", AccountCommand::Credit(1)).await.unwrap();
    let behind = Arc::new(VirtualClock::at("2026-05-31T23:59:00Z"));
    let statements = Projection::new(Statements, store.clone(), store.clone(), store).unwrap();
    let health = statements.with_clock(behind).health().await.unwrap();
    assert_eq!((health.lag_commits, health.lag_time), (Some(1), Duration::ZERO));
}

#[tokio::test]
async fn commit_ids_grow_along_a_stream_whatever_the_clock_shows() {
    let clock = Arc::new(VirtualClock::at(TIMES[0]));
    let accounts =
        Repository::<Account>::new(Arc::new(MemoryStore::new())).with_clock(clock.clone());
    let mut ids = Vec::new();
    for time in TIMES.into_iter().flat_map(|time| [time; 20]) {
        clock.set(time.parse().unwrap());
        let receipt = accounts.execute("a", AccountCommand::Credit(1)).await.unwrap();
        ids.push(receipt.commit_id().unwrap());
    }
    assert!(ids.is_sorted() && ids.iter().all(|id| id.is_generated()), "{ids:?}");
}
