//! Enhanced fan-out: records that are sent.

use std::sync::Arc;

use es_core::Workers;
use es_kinesis::Begin;

use crate::scene::Scene;

#[tokio::test]
async fn what_is_sent_is_shown() {
    let scene = Scene::new(2).await;
    let publisher = scene.publisher();
    scene.count(0..6).await;
    publisher.catch_up().await.expect("all is published");
    let feed = scene.feed(Begin::Horizon).fan_out("tallies");
    let projection = Arc::new(scene.projection(feed));
    let mut workers = Workers::new();
    workers.start(projection.clone());
    for _ in 0..3 {
        scene.wait_until_shown(&projection).await;
        scene.count(0..6).await;
        publisher.catch_up().await.expect("all is published");
    }
    scene.wait_until_shown(&projection).await;
    workers.shutdown().await.expect("it runs without an error");
}
