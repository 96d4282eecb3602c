//! What is published comes out, in the order of each stream.

use std::sync::Arc;

use es_core::{Compression, Workers};
use es_kinesis::{Begin, Oversized};

use crate::scene::Scene;

#[tokio::test]
async fn what_is_published_is_shown() {
    let scene = Scene::new(2).await;
    for _ in 0..4 {
        scene.count(0..12).await;
    }
    let published = scene.publisher().catch_up().await.expect("all is published");
    assert_eq!((published.applied, published.parked), (48, 0));
    scene.run_until_shown(scene.projection(scene.feed(Begin::Horizon))).await;
}

#[tokio::test]
async fn what_is_published_while_a_view_follows_is_shown() {
    let scene = Scene::new(2).await;
    scene.count(0..5).await;
    let projection = Arc::new(scene.projection(scene.feed(Begin::Horizon)));
    let mut workers = Workers::new();
    workers.start(Arc::new(scene.publisher()));
    workers.start(projection.clone());
    for _ in 0..3 {
        scene.count(0..5).await;
        scene.wait_until_shown(&projection).await;
    }
    workers.shutdown().await.expect("they run without an error");
}

#[tokio::test]
async fn aggregated_and_compressed_records_come_through() {
    let scene = Scene::new(2).await;
    for _ in 0..4 {
        scene.count(0..12).await;
    }
    let publisher =
        scene.publisher_with(|options| options.aggregated(51_200).compression(Compression::Zstd));
    assert_eq!(publisher.catch_up().await.expect("all is published").applied, 48);
    // Some that are as they are behind them.
    scene.count(0..12).await;
    scene.publisher().catch_up().await.expect("all is published");
    scene.run_until_shown(scene.projection(scene.feed(Begin::Horizon))).await;
}

#[tokio::test]
async fn what_is_too_large_for_a_record_is_read_from_the_log() {
    let scene = Scene::new(1).await;
    scene.count(0..2).await;
    scene.count_with(0..2, &"x".repeat(20_000)).await;
    scene.count(0..2).await;
    let publisher =
        scene.publisher_with(|options| options.limits(10_000, 1 << 20).oversized(Oversized::Refer));
    let published = publisher.catch_up().await.expect("all is published");
    assert_eq!((published.applied, published.parked), (6, 0));
    scene.run_until_shown(scene.projection(scene.feed(Begin::Horizon))).await;
}

#[tokio::test]
async fn after_a_restart_both_go_on_where_they_were() {
    let mut scene = Scene::new(2).await;
    for (round, commits) in [(1, 12), (2, 12), (3, 12)] {
        scene.count(0..12).await;
        let published = scene.publisher().catch_up().await.expect("all is published");
        assert_eq!(published.passed, commits, "only what is new, in round {round}");
        scene.run_until_shown(scene.projection(scene.feed(Begin::Horizon))).await;
        scene = scene.restart().await;
    }
    let again = scene.publisher().catch_up().await.expect("there is nothing to do");
    assert_eq!(again.passed, 0);
    let again = scene.projection(scene.feed(Begin::Horizon)).catch_up().await;
    assert_eq!(again.expect("there is nothing to do").passed, 0);
}
