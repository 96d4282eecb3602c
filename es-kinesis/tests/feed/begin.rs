//! Where consumers begin.

use std::sync::Arc;
use std::time::Duration;

use es_core::testing::VirtualClock;
use es_core::{Checkpoint, Clock as _, Feed as _, Timestamp};
use es_kinesis::{Begin, DataStream, KinesisFeed};

use crate::scene::{Balances, OVER_A_DAY, STREAM, Scene, assert_trimmed, only_shard_of, shards_of};

fn balances<const N: usize>(entries: [(&str, u64); N]) -> Balances {
    entries.into_iter().map(|(id, balance)| (id.to_owned(), balance)).collect()
}

/// What a consumer that begins now shows then.
async fn shown_from(scene: &Scene, begin: Begin) -> Balances {
    let statements = scene.statements(scene.feed(begin));
    statements.catch_up().await.expect("nothing is lost");
    scene.shown().await
}

/// A stream that has forgotten what its log begins with.
async fn with_forgotten() -> Scene {
    let scene = Scene::new(2);
    scene.credit("goes on", 1).await;
    scene.credit("is over", 2).await;
    scene.pass(OVER_A_DAY);
    scene.credit("goes on", 4).await;
    scene.credit("is new", 8).await;
    scene
}

#[tokio::test]
async fn after_the_history_nothing_is_missing_however_old_the_log_is() {
    let scene = with_forgotten().await;
    shown_from(&scene, scene.after_history()).await;
    scene.assert_all_shown().await;
    let statements = scene.statements(scene.feed(scene.after_history()));
    scene.credit("is over", 16).await;
    assert_eq!(statements.catch_up().await.unwrap().applied, 1, "the history is not read again");
    scene.assert_all_shown().await;
}

#[tokio::test]
async fn what_is_appended_while_the_history_is_read_has_its_effect_once() {
    let scene = with_forgotten().await;
    scene.credit_all(30).await;
    let statements = scene.statements(scene.feed(scene.after_history())).with_batch_size(2);
    let writing = async {
        for n in 0..30 {
            scene.credit(&format!("a-{}", n % 7), 100).await;
        }
    };
    let (caught_up, ()) = tokio::join!(statements.catch_up(), writing);
    assert!(caught_up.unwrap().applied < 64, "they were at work at the same time");
    statements.catch_up().await.unwrap();
    scene.assert_all_shown().await;
}

#[tokio::test]
async fn at_the_horizon_what_the_stream_has_forgotten_is_missed_unless_its_stream_goes_on() {
    let scene = with_forgotten().await;
    let shown = shown_from(&scene, Begin::Horizon).await;
    assert_eq!(shown, balances([("goes on", 5), ("is new", 8)]));
}

#[tokio::test]
async fn at_the_latest_only_what_is_published_from_now_on_is_read() {
    let scene = Scene::new(2);
    scene.credit("before", 1).await;
    scene.pass(Duration::from_secs(1));
    let statements = scene.statements(scene.feed(Begin::Latest));
    assert_eq!(statements.catch_up().await.unwrap().applied, 0);
    scene.credit("after", 2).await;
    // The place was kept when it began, though nothing was read since.
    shown_from(&scene, Begin::Latest).await;
    assert_eq!(scene.shown().await, balances([("after", 2)]));
}

#[tokio::test]
async fn at_a_time_what_was_published_then_or_later_is_read() {
    let scene = Scene::new(2);
    scene.credit("before", 1).await;
    scene.pass(Duration::from_secs(60));
    let time = scene.clock.now();
    scene.credit("after", 2).await;
    scene.pass(Duration::from_secs(3_600));
    scene.credit("later", 4).await;
    assert_eq!(shown_from(&scene, Begin::At(time)).await, balances([("after", 2), ("later", 4)]));
}

#[tokio::test]
async fn a_time_before_all_that_the_stream_keeps_is_told_unless_there_was_no_stream() {
    let scene = Scene::new(1);
    let long_ago: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    scene.credit("a", 1).await;
    assert_eq!(shown_from(&scene, Begin::At(long_ago)).await, balances([("a", 1)]));

    let scene = with_forgotten().await;
    let statements = scene.statements(scene.feed(Begin::At(long_ago)));
    assert_trimmed(statements.catch_up().await);
    assert_eq!(scene.shown().await, Balances::new());
}

/// A feed of a program whose clock is ahead of Kinesis' by so much.
fn feed_ahead(scene: &Scene, ahead: Duration, begin: Begin) -> KinesisFeed {
    let clock = Arc::new(VirtualClock::auto_advancing(&scene.clock.now().to_string()));
    clock.advance(ahead);
    let stream = DataStream::builder(STREAM).clock(clock).with_client(scene.kinesis.client());
    KinesisFeed::of(&stream.unwrap(), scene.log.clone(), begin)
}

#[tokio::test]
async fn a_time_that_is_still_to_come_for_kinesis_is_that_of_the_next_record() {
    for fanned_out in [false, true] {
        let scene = Scene::new(1);
        scene.credit("before", 1).await;
        scene.pass(Duration::from_secs(1));
        let feed = || {
            let feed = feed_ahead(&scene, Duration::from_secs(60), Begin::Latest);
            if fanned_out { feed.fan_out("statements") } else { feed }
        };
        let statements = scene.statements(feed());
        assert_eq!(statements.catch_up().await.unwrap().applied, 0);
        scene.credit("after", 2).await;
        statements.catch_up().await.unwrap();
        assert_eq!(scene.shown().await, balances([("after", 2)]), "fanned out: {fanned_out}");
    }
}

#[tokio::test]
async fn a_stream_whose_oldest_shards_are_gone_can_be_begun_anywhere() {
    for begin in [0, 1, 2, 3] {
        let scene = Scene::new(2);
        scene.credit_all(6).await;
        scene.split_all();
        scene.credit_all(6).await;
        scene.merge_all();
        scene.pass(OVER_A_DAY);
        let feed = scene.feed(Begin::Horizon);
        assert_eq!(shards_of(&feed).await.len(), 2, "their parents are gone");
        let begin =
            [Begin::Horizon, Begin::Latest, Begin::At(scene.clock.now()), scene.after_history()]
                [begin]
                .clone();
        let statements = scene.statements(scene.feed(begin));
        statements.catch_up().await.unwrap();
        scene.split_all();
        scene.credit_all(6).await;
        statements.catch_up().await.unwrap();
        scene.assert_all_shown().await;
    }
}

#[tokio::test]
async fn a_consumer_that_began_goes_on_when_parents_that_it_has_read_are_gone() {
    let scene = Scene::new(2);
    let statements = scene.statements(scene.feed(Begin::Horizon));
    scene.credit_all(6).await;
    scene.split_all();
    scene.credit_all(6).await;
    statements.catch_up().await.unwrap();
    for _ in 0..30 {
        scene.pass(Duration::from_secs(3_600));
        scene.credit_all(1).await;
        statements.catch_up().await.unwrap();
    }
    assert_eq!(shards_of(&scene.feed(Begin::Horizon)).await.len(), 4);
    scene.assert_all_shown().await;
}

#[tokio::test]
async fn whoever_comes_to_the_horizon_too_late_is_told() {
    let scene = Scene::new(1);
    let feed = scene.feed(Begin::Horizon);
    let anchors = feed.anchors().await.unwrap();
    let shard = only_shard_of(&feed).await;
    let (_, place) = anchors.into_iter().find(|(id, _)| *id == shard).expect("it has a place");
    scene.credit("a", 1).await;
    scene.pass(OVER_A_DAY);
    scene.credit("b", 2).await;
    assert_trimmed(feed.read(&shard, &place, 10).await);
    let again = scene.feed(Begin::Horizon);
    assert_trimmed(again.read(&shard, &place, 10).await);
}

#[tokio::test]
async fn whoever_comes_to_a_child_when_its_parents_are_gone_is_told() {
    let scene = Scene::new(1);
    let shard = only_shard_of(&scene.feed(Begin::Horizon)).await;
    scene.split_all();
    scene.credit_all(4).await;
    let children = shards_of(&scene.feed(Begin::Horizon)).await;
    let children: Vec<_> = children.into_iter().filter(|id| *id != shard).collect();
    scene.pass(Duration::from_secs(23 * 3_600));
    for child in &children {
        let feed = scene.feed(Begin::Horizon);
        let page = feed.read(child, &Checkpoint::start(), 10).await.unwrap();
        assert!(!page.commits.is_empty(), "all of it is there");
    }
    scene.pass(Duration::from_secs(2 * 3_600));
    scene.credit_all(4).await;
    for child in &children {
        let feed = scene.feed(Begin::Horizon);
        assert_trimmed(feed.read(child, &Checkpoint::start(), 10).await);
    }
}
