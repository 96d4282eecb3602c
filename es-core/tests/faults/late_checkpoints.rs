//! Progress that is written late, by a worker that others have passed or by a request that was given
//! up: it changes nothing, and a checkpoint never goes back.

use es_core::testing::faults::{Call, Fault, Faults};
use es_core::{CheckpointStore as _, ConsumerId, PartitionId};

use crate::read_side::Scene;

async fn position(scene: &Scene, consumer: &ConsumerId) -> u64 {
    let partition = PartitionId::new("log").unwrap();
    scene.store.load(consumer, &partition).await.unwrap().checkpoint.position().unwrap()
}

#[tokio::test]
async fn a_step_that_arrives_behind_its_repetition_changes_nothing() {
    for late in 1..=3 {
        let scene = Scene::new(Faults::none(), 20).await;
        scene.faults.at(Call::WriteDocuments, late, Fault::LateRequest);
        let error = scene.projection().catch_up().await.unwrap_err();
        assert!(error.is_transient(), "{error:?}");
        scene.projection().catch_up().await.unwrap();
        scene.assert_shown().await;
    }
}

#[tokio::test]
async fn progress_of_a_policy_that_arrives_behind_its_repetition_changes_nothing() {
    for late in 1..=3 {
        let scene = Scene::new(Faults::none(), 20).await;
        scene.faults.at(Call::SaveProgress, late, Fault::LateRequest);
        let error = scene.reactor().catch_up().await.unwrap_err();
        assert!(error.is_transient(), "{error:?}");
        scene.reactor().catch_up().await.unwrap();
        scene.assert_copied().await;
    }
}

/// A step without any effect is fenced by its position alone.
#[tokio::test]
async fn a_step_past_commits_of_others_that_arrives_long_after_changes_nothing() {
    for seed in 0..20 {
        let scene = Scene::new(Faults::seeded(seed).with_lateness(60), 10).await;
        // Two pages of the ledgers, one with both, and this one.
        scene.faults.at(Call::WriteDocuments, 4, Fault::LateRequest);
        scene.projection().catch_up().await.unwrap_err();
        let projection = scene.projection();
        projection.catch_up().await.unwrap();
        for _ in 0..60 {
            assert_eq!(position(&scene, projection.id()).await, 10 + 9);
            projection.view().get("a").await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_checkpoint_never_goes_back() {
    let mut late = 0;
    for seed in 0..150 {
        let faults = Faults::seeded(seed)
            .with_rate(Fault::LateRequest, 0.4)
            .with_rate(Fault::LostAcknowledgement, 0.2);
        let scene = Scene::new(faults, 30).await;
        let consumer = scene.projection().id().clone();
        let mut before = 0;
        while scene.projection().catch_up().await.is_err() {
            let after = position(&scene, &consumer).await;
            assert!(after >= before, "seed {seed}: from {before} back to {after}");
            before = after;
        }
        scene.faults.stop();
        // Whatever is still under way arrives before one of these.
        for _ in 0..8 {
            scene.projection().catch_up().await.unwrap();
        }
        assert_eq!(position(&scene, &consumer).await, 30 + 3 * 9, "the end of the log");
        scene.assert_shown().await;
        late += scene.faults.injected(Fault::LateRequest);
    }
    assert!(late > 100);
}
