//! The process stops anywhere, also between an effect and its checkpoint: started again, it comes to
//! what the log says, and what was acknowledged is there.

use std::cell::Cell;
use std::sync::Arc;

use es_core::memory::MemoryStore;
use es_core::testing::faults::{
    Fault, Faults, FaultyEventStore, FaultySnapshotStore, crash_at, crash_at_every_await,
};
use es_core::{ExecuteOptions, Repository, SnapshotPolicy};

use crate::ledger::{Ledger, enter, entered, folded, ledgers};
use crate::read_side::Scene;

/// A feed on a bad day, so that gaps are repaired when the crash comes.
fn disorder(seed: u64) -> Faults {
    Faults::seeded(seed)
        .with_rates(&[Fault::Duplicates, Fault::Reordering, Fault::LateDelivery], 0.4)
        .suspending()
}

#[tokio::test]
async fn a_projection_that_crashes_at_any_await_shows_the_log_when_it_is_started_again() {
    for seed in 0..8 {
        let crashes = crash_at_every_await(
            async || Scene::new(disorder(seed), 12).await,
            async |scene: &Scene| scene.projection().catch_up().await.unwrap(),
            async |scene| {
                scene.projection().catch_up().await.unwrap();
                scene.assert_shown().await;
            },
        );
        assert!(crashes.await > 20);
    }
}

#[tokio::test]
async fn a_projection_that_crashes_again_while_it_recovers_shows_the_log_in_the_end() {
    crash_at_every_await(
        async || Scene::new(disorder(1), 6).await,
        async |scene: &Scene| scene.projection().catch_up().await.unwrap(),
        async |scene| {
            let mut suspension = 1;
            while crash_at(suspension, scene.projection().catch_up()).await.is_err() {
                suspension += 1;
            }
            scene.assert_shown().await;
        },
    )
    .await;
}

#[tokio::test]
async fn a_policy_that_crashes_at_any_await_has_each_effect_once() {
    for seed in 0..2 {
        let crashes = crash_at_every_await(
            async || Scene::new(disorder(seed), 8).await,
            async |scene: &Scene| scene.reactor().catch_up().await.unwrap(),
            async |scene| {
                scene.reactor().catch_up().await.unwrap();
                scene.assert_copied().await;
            },
        );
        assert!(crashes.await > 50);
    }
}

struct Client {
    store: Arc<MemoryStore>,
    ledgers: Repository<Ledger>,
    /// How many commands were acknowledged.
    acknowledged: Cell<u64>,
}

impl Client {
    /// With a snapshot after each command, so that a crash can come before, in and behind its save.
    fn new() -> Self {
        let faults = Faults::none().suspending();
        let store = Arc::new(MemoryStore::new());
        let log = FaultyEventStore::new(store.clone(), faults.clone());
        let snapshots = FaultySnapshotStore::new(store.clone(), faults);
        let ledgers = ledgers(Arc::new(log), 1)
            .with_snapshots(Arc::new(snapshots), SnapshotPolicy::Every(1))
            .with_cache(4);
        Self { store, ledgers, acknowledged: Cell::new(0) }
    }

    async fn ask(&self) {
        for number in 1..=3 {
            let key = ExecuteOptions::new().idempotency_key(format!("request-{number}"));
            self.ledgers.execute_with("a", enter(number), key).await.unwrap();
            self.acknowledged.set(self.acknowledged.get().max(number));
        }
    }
}

#[tokio::test]
async fn what_was_acknowledged_survives_and_what_is_asked_again_happens_once() {
    let crashes = crash_at_every_await(
        async || Client::new(),
        Client::ask,
        async |client| {
            let survived = entered(&*client.store, "a").await;
            let acknowledged: Vec<u64> = (1..=client.acknowledged.get()).collect();
            assert!(survived.starts_with(&acknowledged), "{survived:?} without {acknowledged:?}");

            client.ask().await;
            assert_eq!(entered(&*client.store, "a").await, [1, 2, 3]);
            let loaded = client.ledgers.load("a").await.unwrap();
            assert_eq!(loaded.lines, folded(&*client.store, "a").await);
        },
    );
    assert!(crashes.await > 10);
}
