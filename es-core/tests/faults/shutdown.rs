//! A worker that is told to stop finishes the step at hand; the next start goes on from there.

use es_core::testing::faults::{Call, Fault, Faults};

use crate::read_side::Scene;

/// Ready when it has been asked so many times.
async fn after(polls: usize) {
    for _ in 0..polls {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_worker_stops_at_any_moment_between_two_steps_and_another_one_goes_on() {
    let mut moments = std::collections::BTreeSet::new();
    for polls in 0..60 {
        let scene = Scene::new(Faults::none().suspending(), 9).await;
        scene.projection().run(after(polls)).await.unwrap();
        // A step begins with the documents that it changes.
        let (begun, done) =
            (scene.faults.calls(Call::GetDocuments), scene.faults.calls(Call::WriteDocuments));
        assert_eq!(begun, done, "a step that has begun is finished");
        moments.insert(done);

        scene.projection().catch_up().await.unwrap();
        scene.assert_shown().await;
    }
    assert!(moments.len() > 3, "it stopped behind {moments:?} steps");
}

#[tokio::test]
async fn a_worker_that_waits_for_a_retry_stops_at_once() {
    let scene = Scene::new(Faults::none().with_rate(Fault::LostRequest, 1.0), 5).await;
    let standing = std::sync::Arc::new(es_core::testing::VirtualClock::at("2026-01-01T00:00:00Z"));
    let projection = scene.projection().with_clock(standing);
    projection.run(after(3)).await.unwrap();
    assert_eq!(scene.faults.calls(Call::PrepareView), 1);
}
