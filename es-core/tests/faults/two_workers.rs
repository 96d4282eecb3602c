//! Several processes run the same consumer: each effect is there once.

use es_core::testing::faults::{Fault, Faults};
use futures::future::join_all;

use crate::read_side::Scene;

/// Workers with the same work lose time to each other, and nothing else.
fn rivalry(seed: u64) -> Faults {
    Faults::seeded(seed)
        .with_rates(&[Fault::Delay, Fault::Duplicates, Fault::Reordering, Fault::LateDelivery], 0.3)
        .suspending()
}

#[tokio::test]
async fn workers_of_one_projection_show_the_log_together() {
    for seed in 0..60 {
        let scene = Scene::new(rivalry(seed), 25).await;
        let workers = join_all((0..3).map(async |_| scene.projection().catch_up().await.unwrap()));
        let applied: u64 = workers.await.iter().map(|done| done.applied).sum();
        assert_eq!(applied, 25, "a step that is refused is not applied");
        scene.assert_shown().await;
    }
}

#[tokio::test]
async fn workers_of_one_policy_have_each_effect_once() {
    for seed in 0..25 {
        let scene = Scene::new(rivalry(seed), 12).await;
        let workers = join_all((0..3).map(async |_| scene.reactor().catch_up().await));
        for done in workers.await {
            done.unwrap();
        }
        scene.assert_copied().await;
    }
}

#[tokio::test]
async fn a_worker_that_lost_its_answers_is_fenced_by_its_own_step_and_goes_on() {
    for seed in 0..60 {
        let faults = rivalry(seed).with_rate(Fault::LostAcknowledgement, 0.2);
        let scene = Scene::new(faults, 25).await;
        let worker = async || {
            let projection = scene.projection();
            while let Err(error) = projection.catch_up().await {
                assert!(error.is_transient(), "{error:?}");
            }
        };
        futures::join!(worker(), worker());
        scene.assert_shown().await;
    }
}
