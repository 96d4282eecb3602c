//! Where a view begins.

use es_core::{Clock as _, SystemClock};
use es_kinesis::Begin;

use crate::scene::Scene;

/// What was published before is missed, but for streams that go on: they are read from the log.
#[tokio::test]
async fn a_view_that_begins_now_shows_streams_that_go_on_as_a_whole() {
    let scene = Scene::new(2).await;
    let publisher = scene.publisher();
    scene.count(0..6).await;
    publisher.catch_up().await.expect("all is published");
    let projection = scene.projection(scene.feed(Begin::Latest));
    projection.catch_up().await.expect("it begins");
    scene.count(0..6).await;
    publisher.catch_up().await.expect("all is published");
    scene.run_until_shown(projection).await;
}

#[tokio::test]
async fn a_view_that_begins_at_a_time_shows_what_was_published_since() {
    let scene = Scene::new(2).await;
    let before = SystemClock.now();
    scene.count(0..6).await;
    scene.publisher().catch_up().await.expect("all is published");
    scene.run_until_shown(scene.projection(scene.feed(Begin::At(before)))).await;
}
