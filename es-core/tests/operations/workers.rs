//! Workers: how they stop, how they back off, and what they notice while they have nothing to do.

use std::sync::Arc;
use std::time::Duration;

use es_core::memory::MemoryStore;
use es_core::testing::faults::{Call, Fault, Faults, FaultyViewStore};
use es_core::testing::{SeededEntropy, VirtualClock};
use es_core::{Backoff, ConsumerState, Consumers, RewindTo, Version, Workers};
use futures::poll;
use tokio::sync::Notify;

use crate::moody::{
    Mood, account, balances, credit, credit_all, expected, projection, projection_on,
};
use crate::support::views_held_up_and_failing_at;
use crate::turns::within_turns;

#[tokio::test]
async fn a_worker_that_is_stopped_during_a_step_that_fails_leaves_it_to_the_next_run() {
    let store = MemoryStore::new();
    credit(&store, "a", 1).await;
    let (views, hold_up) =
        views_held_up_and_failing_at(&store, Call::WriteDocuments, 1, Fault::LostRequest);
    let moody = projection_on(Arc::new(store.clone()), &store, views, &Mood::refusing(&[]));
    let stop = Notify::new();
    // Like most futures, this one must not be asked again when it has been ready.
    let shutdown = async { stop.notified().await };
    let (ended, ()) = futures::join!(moody.run(shutdown), async {
        hold_up.reached().await;
        stop.notify_one();
        // The worker learns that it is to stop before the step fails.
        tokio::task::yield_now().await;
        hold_up.let_go();
    });
    ended.unwrap();
    assert_eq!(moody.catch_up().await.unwrap().applied, 1);
}

#[tokio::test]
async fn a_run_that_was_dropped_is_not_running() {
    let moody = projection(&MemoryStore::new(), &Mood::refusing(&[]));
    let state = async || moody.health().await.unwrap().state;
    {
        let mut run = std::pin::pin!(moody.run(std::future::pending()));
        assert!(poll!(&mut run).is_pending());
        assert_eq!(state().await, ConsumerState::Running);
    }
    assert_eq!(state().await, ConsumerState::Idle);
}

#[tokio::test]
async fn whoever_moves_on_between_two_failures_does_not_wait_longer_and_longer() {
    const FAILURES: u64 = 12;
    let store = MemoryStore::new();
    for _ in 0..=FAILURES * 4 {
        credit(&store, "a", 1).await;
    }
    let faults = Faults::none();
    for nth in 1..=FAILURES {
        faults.at(Call::WriteDocuments, nth * 5, Fault::LostRequest);
    }
    let views = Arc::new(FaultyViewStore::new(Arc::new(store.clone()), faults.clone()));
    let clock = Arc::new(VirtualClock::auto_advancing("2026-01-01T00:00:00Z"));
    let base = Duration::from_millis(100);
    let moody = projection_on(Arc::new(store.clone()), &store, views, &Mood::refusing(&[]))
        .with_batch_size(1)
        .with_clock(clock.clone())
        .with_entropy(Arc::new(SeededEntropy::new(7)))
        .with_backoff(Backoff { base, max: Duration::from_secs(3_600) });
    let last_failure_met = async {
        while clock.slept().len() < usize::try_from(FAILURES).unwrap() {
            tokio::task::yield_now().await;
        }
    };
    moody.run(last_failure_met).await.unwrap();
    assert_eq!(faults.injections().len() as u64, FAILURES);
    assert!(clock.slept().iter().all(|slept| *slept <= base), "{:?}", clock.slept());
}

#[tokio::test]
async fn a_worker_with_nothing_to_do_notices_that_another_process_has_rewound() {
    let store = MemoryStore::new();
    credit_all(&store, &[("a", 1), ("b", 2)]).await;
    let mood = Mood::refusing(&[]);
    let clock = Arc::new(VirtualClock::at("2026-01-01T00:00:00Z"));
    let worker = Arc::new(projection(&store, &mood).with_clock(clock.clone()));
    let mut workers = Workers::new();
    workers.start(Arc::clone(&worker));
    let minute = Duration::from_secs(60);
    worker.wait_for_version(&account("b"), 1.into(), minute).await.unwrap();
    projection(&store, &mood).rewind(RewindTo::Start, |_| {}).await.unwrap();
    assert_eq!(balances(&worker.view()).await, expected(&[]));
    // Nothing is appended: only its clock wakes it.
    let noticed = async {
        while balances(&worker.view()).await != expected(&[("a", 1), ("b", 2)]) {
            clock.advance(Duration::from_secs(1));
            tokio::task::yield_now().await;
        }
    };
    within_turns(1_000, noticed).await.unwrap();
    workers.shutdown().await.unwrap();
}

#[tokio::test]
async fn all_consumers_of_a_program_are_started_and_stopped_together() {
    let (one, other) = (MemoryStore::new(), MemoryStore::new());
    let mut consumers = Consumers::new();
    for store in [&one, &other] {
        credit(store, "a", 1).await;
        consumers = consumers.with(Arc::new(projection(store, &Mood::refusing(&[]))));
    }
    let views = [&one, &other].map(|store| projection(store, &Mood::refusing(&[])));
    let workers = consumers.start();
    for view in &views {
        let (account, patience) = (account("a"), Duration::from_secs(60));
        view.wait_for_version(&account, Version::new(1), patience).await.unwrap();
    }
    workers.shutdown().await.unwrap();
    for health in consumers.health().await.unwrap() {
        assert_eq!(health.state, ConsumerState::Idle);
    }
}
