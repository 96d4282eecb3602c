//! A view is built again while the log grows, the process crashes, or somebody else does it too.

use es_core::Error;
use es_core::testing::faults::{Fault, Faults, crash_at_every_await};

use crate::read_side::Scene;

#[tokio::test]
async fn a_rebuild_while_others_write_shows_the_whole_log() {
    for seed in 0..20 {
        let faults = Faults::seeded(seed).with_rate(Fault::Delay, 0.3).suspending();
        let scene = Scene::new(faults, 10).await;
        let projection = scene.projection();
        projection.catch_up().await.unwrap();
        let writing = async {
            for number in 11..=30 {
                scene.commit(number).await;
                tokio::task::yield_now().await;
            }
        };
        let (rebuilt, ()) = futures::join!(projection.rebuild(|_| {}), writing);
        rebuilt.unwrap();
        projection.catch_up().await.unwrap();
        scene.assert_shown().await;
    }
}

#[tokio::test]
async fn a_rebuild_that_crashes_at_any_await_is_finished_by_the_next_start() {
    let crashes = crash_at_every_await(
        async || {
            let scene = Scene::new(Faults::none().suspending(), 10).await;
            scene.projection().catch_up().await.unwrap();
            scene
        },
        async |scene: &Scene| scene.projection().rebuild(|_| {}).await.unwrap(),
        async |scene| {
            scene.commit(11).await;
            scene.projection().catch_up().await.unwrap();
            scene.assert_shown().await;
        },
    );
    assert!(crashes.await > 20);
}

#[tokio::test]
async fn two_rebuilds_and_a_worker_at_once_show_the_log() {
    for seed in 0..60 {
        let faults = Faults::seeded(seed)
            .with_rates(&[Fault::Delay, Fault::Reordering, Fault::LateDelivery], 0.3)
            .suspending();
        let scene = Scene::new(faults, 20).await;
        let (one, two, three) = (scene.projection(), scene.projection(), scene.projection());
        let (one, two, three) =
            futures::join!(one.rebuild(|_| {}), two.rebuild(|_| {}), three.catch_up());
        three.unwrap();
        assert!(one.is_ok() || two.is_ok(), "{one:?} and {two:?}");
        for fenced in [one, two].into_iter().filter_map(Result::err) {
            assert!(matches!(fenced, Error::Fenced { .. }), "{fenced:?}");
        }
        scene.projection().catch_up().await.unwrap();
        scene.assert_shown().await;
    }
}
