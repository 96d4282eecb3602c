//! Pausing, and what an operator sees.

use std::sync::Arc;
use std::time::Duration;

use es_core::memory::MemoryStore;
use es_core::testing::VirtualClock;
use es_core::testing::faults::{Call, Fault, Faults, FaultyFeed};
use es_core::{AnyConsumer, Backoff, ConsumerState, Error, Timestamp, Workers};

use crate::moody::{Mood, balances, credit, credit_all, expected, projection, projection_on};
use crate::support::views_failing_at;

#[tokio::test]
async fn a_paused_consumer_does_nothing_until_it_is_resumed() {
    let store = MemoryStore::new();
    credit(&store, "a", 1).await;
    let mood = Mood::refusing(&[]);
    // No time passes: the worker is woken.
    let clock = Arc::new(VirtualClock::at("2026-01-01T00:00:00Z"));
    let moody = Arc::new(projection(&store, &mood).with_clock(clock));
    let mut workers = Workers::new();
    workers.start(Arc::clone(&moody));
    let first = credit(&store, "a", 2).await;
    let minute = Duration::from_secs(60);
    moody.wait_for_version(first.stream(), first.last_version(), minute).await.unwrap();

    // By another process, as far as the worker knows.
    let operator = projection(&store, &mood);
    operator.pause().await.unwrap();
    let second = credit(&store, "a", 4).await;
    assert_eq!(moody.health().await.unwrap().state, ConsumerState::Paused);
    // The worker has its turns, and does nothing with them.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(balances(&moody.view()).await, expected(&[("a", 3)]));
    let refused = operator.catch_up().await.unwrap_err();
    assert!(matches!(refused, Error::Paused { .. }), "{refused:?}");
    let refused = projection(&store, &mood).catch_up().await.unwrap_err();
    assert!(matches!(refused, Error::Paused { .. }), "it survives a restart: {refused:?}");

    moody.resume().await.unwrap();
    moody.wait_for_version(second.stream(), second.last_version(), minute).await.unwrap();
    assert_eq!(balances(&moody.view()).await, expected(&[("a", 7)]));
    workers.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_worker_that_another_process_resumes_notices_by_its_clock() {
    let store = MemoryStore::new();
    let mood = Mood::refusing(&[]);
    let clock = Arc::new(VirtualClock::at("2026-01-01T00:00:00Z"));
    let moody = Arc::new(projection(&store, &mood).with_clock(clock.clone()));
    let operator = projection(&store, &mood);
    operator.pause().await.unwrap();
    let mut workers = Workers::new();
    workers.start(Arc::clone(&moody));
    credit(&store, "a", 1).await;
    while moody.health().await.unwrap().state != ConsumerState::Paused {
        tokio::task::yield_now().await;
    }
    operator.resume().await.unwrap();
    moody.prepare().await.unwrap();
    while balances(&moody.view()).await.is_empty() {
        clock.advance(Duration::from_secs(1));
        tokio::task::yield_now().await;
    }
    workers.shutdown().await.unwrap();
}

#[tokio::test]
async fn health_tells_position_lag_and_dead_letters_from_any_process() {
    let store = MemoryStore::new();
    let mood = Mood::refusing(&[13]);
    let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let health = async || {
        // Nobody has run this one: it knows what is stored.
        let clock = Arc::new(VirtualClock::at("2026-01-01T00:00:00Z"));
        let moody = projection(&store, &mood).with_clock(clock);
        AnyConsumer::health(&moody).await.unwrap()
    };
    let at_first = health().await;
    assert_eq!((at_first.lag_commits, at_first.lag_time), (Some(0), Duration::ZERO));
    assert!(at_first.is_well());
    assert_eq!((at_first.consumer.as_str(), at_first.state), ("moody_v1", ConsumerState::Idle));

    for seconds in [60, 50, 40] {
        let id = format!("a-{seconds}");
        let events = [crate::support::credited(if seconds == 50 { 13 } else { 1 })];
        recorded_at(&store, &id, &events, now - Duration::from_secs(seconds)).await;
    }
    let behind = health().await;
    assert_eq!((behind.lag_commits, behind.lag_time), (Some(3), Duration::from_secs(60)));
    projection(&store, &mood).with_batch_size(2).catch_up().await.unwrap();
    recorded_at(&store, "b", &[crate::support::credited(1)], now + Duration::from_secs(5)).await;
    let caught_up = health().await;
    assert_eq!(caught_up.lag_commits, Some(1));
    assert_eq!(caught_up.lag_time, Duration::ZERO, "recorded by a clock that is ahead");
    assert_eq!((caught_up.parked_streams, caught_up.dead_letters), (1, 1));
    assert_eq!(caught_up.partitions[0].checkpoint.as_str(), "3");
    assert!(!caught_up.is_well());
    let json = serde_json::to_value(&caught_up).unwrap();
    assert_eq!((&json["state"], &json["dead_letters"]), (&"idle".into(), &1.into()));
    assert_eq!(json["lag_seconds"], 0.0);
}

async fn recorded_at(
    store: &MemoryStore,
    id: &str,
    events: &[crate::support::AccountEvent],
    at: Timestamp,
) {
    use es_core::{
        Codec, CommitId, Compression, EncodedEvents, EventStore, Expected, NewCommit, SystemEntropy,
    };
    let encoded = EncodedEvents::encode(events, Codec::Json, Compression::None, 0).unwrap();
    let commit_id = CommitId::generate(at, &SystemEntropy);
    let commit = NewCommit::new(commit_id, at, Default::default(), encoded);
    store.append(&crate::moody::account(id), Expected::Any, commit).await.unwrap();
}

#[tokio::test]
async fn health_tells_what_a_worker_does_and_the_last_error_that_it_met() {
    let store = MemoryStore::new();
    credit_all(&store, &[("a", 1)]).await;
    let mood = Mood::refusing(&[]);
    let views = views_failing_at(&store, Call::WriteDocuments, 1, Fault::LostRequest);
    let clock = Arc::new(VirtualClock::at("2026-01-01T00:00:00Z"));
    let backoff = Backoff { base: Duration::from_secs(100), max: Duration::from_secs(100) };
    let moody = projection_on(Arc::new(store.clone()), &store, views, &mood);
    let moody = Arc::new(moody.with_clock(clock.clone()).with_backoff(backoff));
    let state = async || moody.health().await.unwrap().state;
    let mut workers = Workers::new();
    workers.start(Arc::clone(&moody));
    while state().await != ConsumerState::Retrying {
        tokio::task::yield_now().await;
    }
    let last_error = moody.health().await.unwrap().last_error.unwrap();
    assert!(last_error.error.contains("is not available"), "{}", last_error.error);
    assert_eq!(last_error.at.to_string(), "2026-01-01T00:00:00Z");
    while state().await != ConsumerState::Running {
        clock.advance(Duration::from_secs(1));
        tokio::task::yield_now().await;
    }
    workers.shutdown().await.unwrap();
    assert_eq!(state().await, ConsumerState::Idle);
    assert!(moody.health().await.unwrap().last_error.is_some(), "it stays to be read");

    credit(&store, "a", 13).await;
    mood.refuse(&[13]);
    let moody = projection(&store, &mood).with_dead_letter_limit(0);
    moody.run(std::future::pending()).await.unwrap_err();
    let health = moody.health().await.unwrap();
    assert_eq!(health.state, ConsumerState::Failed);
    assert!(health.last_error.as_ref().unwrap().error.contains("13 is bad luck"));
    assert!(!health.is_well());
}

#[tokio::test]
async fn health_of_a_consumer_that_stopped_at_damage_says_which_partition_cannot_be_read() {
    let store = MemoryStore::new();
    credit(&store, "a", 1).await;
    let damaged = Faults::seeded(1).with_rate(Fault::CorruptBytes, 1.0);
    let feed = Arc::new(FaultyFeed::new(Arc::new(store.clone()), damaged));
    let views = Arc::new(store.clone());
    let moody = projection_on(feed, &store, views, &Mood::refusing(&[]));
    let stopped = moody.run(std::future::pending()).await.unwrap_err();
    let health = moody.health().await.unwrap();
    assert_eq!(health.state, ConsumerState::Failed);
    let unreadable = health.partitions[0].error.as_ref().unwrap();
    assert!(unreadable.contains(&stopped.to_string()), "{unreadable} is not {stopped}");
    assert_eq!(health.lag_commits, None);
    assert!(!health.is_well());
}
