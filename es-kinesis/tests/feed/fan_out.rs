//! Records that are sent: subscriptions, their ends, and who takes over.

use std::time::Duration;

use es_core::{Checkpoint, Clock as _, Feed as _};
use es_kinesis::{Begin, KinesisFeed};
use futures::FutureExt as _;

use crate::scene::{STREAM, Scene, only_shard_of, shards_of};
use crate::support::fake_kinesis::Ending;
use crate::support::faults::Fault;

fn feed(scene: &Scene) -> KinesisFeed {
    scene.feed(Begin::Horizon).fan_out("statements")
}

#[tokio::test]
async fn a_consumer_is_registered_once_and_found_by_the_next_program() {
    let scene = Scene::new(2);
    scene.credit_all(4).await;
    for _ in 0..3 {
        scene.statements(feed(&scene)).catch_up().await.unwrap();
        scene.pass(Duration::from_secs(5));
    }
    scene.assert_all_shown().await;
    assert_eq!(scene.kinesis.count("RegisterStreamConsumer"), 1);
    assert_eq!(scene.kinesis.count("GetRecords"), 0);
}

#[tokio::test]
async fn a_consumer_that_somebody_has_removed_is_registered_again() {
    let scene = Scene::new(1);
    let statements = scene.statements(feed(&scene));
    scene.credit("a", 1).await;
    statements.catch_up().await.unwrap();
    let client = scene.kinesis.plain_client();
    let described = client.describe_stream_summary().stream_name(STREAM).send().await.unwrap();
    let arn = described.stream_description_summary.unwrap().stream_arn;
    let remove = client.deregister_stream_consumer().stream_arn(arn).consumer_name("statements");
    remove.send().await.unwrap();
    scene.credit("a", 2).await;
    scene.pass(Duration::from_secs(5));
    statements.catch_up().await.unwrap();
    scene.assert_all_shown().await;
    assert_eq!(scene.kinesis.count("RegisterStreamConsumer"), 2);
}

#[tokio::test]
async fn however_a_subscription_ends_nothing_is_skipped() {
    for ending in [Ending::Over, Ending::Broken, Ending::Failed("InternalFailureException")] {
        let scene = Scene::new(1);
        let statements = scene.statements(feed(&scene));
        for n in 1..=5 {
            scene.credit("a", n).await;
            statements.catch_up().await.unwrap();
            scene.pass(Duration::from_secs(5));
            scene.kinesis.end_subscriptions(STREAM, ending);
            scene.credit("b", n).await;
            statements.catch_up().await.unwrap();
            scene.assert_all_shown().await;
        }
    }
}

#[tokio::test]
async fn a_subscription_that_is_cut_off_anywhere_is_gone_on_with() {
    for seed_like in 1..=12 {
        let scene = Scene::new(1);
        scene.kinesis.set_options(|options| options.records_per_answer = 2);
        for nth in 1..=seed_like {
            scene.kinesis.faults().at("SubscribeToShard", nth, Fault::SubscriptionCut);
        }
        scene.credit_all(9).await;
        scene.credit_all(9).await;
        scene.statements(feed(&scene)).catch_up().await.unwrap();
        scene.assert_all_shown().await;
    }
}

#[tokio::test]
async fn after_five_minutes_another_subscription_goes_on_where_the_last_one_was() {
    let scene = Scene::new(1);
    let statements = scene.statements(feed(&scene));
    scene.credit("a", 1).await;
    statements.catch_up().await.unwrap();
    for n in 2..6 {
        let before = scene.kinesis.count("SubscribeToShard");
        scene.pass(Duration::from_secs(301));
        scene.credit("a", n).await;
        statements.catch_up().await.unwrap();
        scene.assert_all_shown().await;
        assert_eq!(scene.kinesis.count("SubscribeToShard"), before + 1);
    }
    let requests = scene.kinesis.requests();
    let starts = requests.iter().filter(|it| it.operation == "SubscribeToShard");
    let kinds: Vec<_> = starts.map(|it| it.body["StartingPosition"]["Type"].clone()).collect();
    assert_eq!(kinds[0], "TRIM_HORIZON");
    assert!(kinds[1..].iter().all(|kind| kind == "AFTER_SEQUENCE_NUMBER"), "{kinds:?}");
}

#[tokio::test]
async fn a_connection_that_is_dead_is_given_up_when_its_subscription_is_over() {
    let scene = Scene::new(1);
    let feed = feed(&scene);
    let shard = only_shard_of(&feed).await;
    let page = feed.read(&shard, &Checkpoint::start(), 1).await.unwrap();
    let before = scene.kinesis.count("SubscribeToShard");
    // The one in memory never ends a subscription without news by itself: as a connection that is dead.
    let began = scene.clock.monotonic();
    while scene.clock.monotonic() - began < Duration::from_secs(320) {
        feed.wait(&shard, &page.checkpoint).await.unwrap();
    }
    assert_eq!(scene.kinesis.count("SubscribeToShard"), before + 1);
}

#[tokio::test]
async fn another_program_takes_over_from_one_that_is_still_subscribed() {
    let scene = Scene::new(2);
    let (one, two) = (feed(&scene), feed(&scene));
    scene.credit_all(4).await;
    let first = scene.statements(one);
    first.catch_up().await.unwrap();
    // Less than five seconds later it is refused at first.
    scene.credit_all(4).await;
    scene.statements(two).catch_up().await.unwrap();
    scene.assert_all_shown().await;
    let refused = scene.kinesis.requests();
    let refused =
        refused.iter().filter(|it| it.operation == "SubscribeToShard" && it.status == Some(400));
    assert!(refused.count() > 0);
    // And the first one has it back.
    scene.credit_all(4).await;
    first.catch_up().await.unwrap();
    scene.assert_all_shown().await;
}

#[tokio::test]
async fn a_read_has_an_end_though_nothing_is_sent() {
    let scene = Scene::new(1);
    let feed = feed(&scene);
    let shard = only_shard_of(&feed).await;
    let before = scene.clock.monotonic();
    let page = feed.read(&shard, &Checkpoint::start(), 1).await.unwrap();
    assert_eq!(page.remaining, Some(0));
    feed.read(&shard, &page.checkpoint, 1).await.unwrap();
    assert!(scene.clock.monotonic() - before < Duration::from_secs(1), "nobody has waited");
    scene.clock.advance(Duration::from_secs(6));
    // The subscription is taken away, and the next one is refused for a while.
    scene.kinesis.faults().always("SubscribeToShard", Fault::SubscriptionCut);
    scene.kinesis.end_subscriptions(STREAM, Ending::Broken);
    let before = scene.clock.monotonic();
    let _ = feed.read(&shard, &page.checkpoint, 1).await;
    let took = scene.clock.monotonic() - before;
    assert!(took < Duration::from_secs(150), "{took:?}");
}

#[tokio::test]
async fn a_waiter_that_is_dropped_keeps_its_subscription() {
    let scene = Scene::new(1);
    let feed = feed(&scene);
    let shard = only_shard_of(&feed).await;
    let page = feed.read(&shard, &Checkpoint::start(), 1).await.unwrap();
    for _ in 0..10 {
        let mut waiting = Box::pin(feed.wait(&shard, &page.checkpoint));
        assert!(waiting.as_mut().now_or_never().is_none());
    }
    scene.credit("a", 1).await;
    let page = feed.read(&shard, &page.checkpoint, 1).await.unwrap();
    assert_eq!(page.commits.len(), 1);
    assert_eq!(scene.kinesis.count("SubscribeToShard"), 1);
}

#[tokio::test]
async fn the_end_of_a_shard_comes_with_its_last_records_or_alone_and_its_children_follow() {
    for end_comes_alone in [false, true] {
        let scene = Scene::new(2);
        scene.kinesis.set_options(|options| options.end_comes_alone = end_comes_alone);
        let statements = scene.statements(feed(&scene));
        for _ in 0..2 {
            scene.credit_all(6).await;
            statements.catch_up().await.unwrap();
            scene.split_all();
            scene.credit_all(6).await;
            scene.pass(Duration::from_secs(6));
            statements.catch_up().await.unwrap();
            scene.merge_all();
            scene.credit_all(6).await;
            scene.pass(Duration::from_secs(6));
            statements.catch_up().await.unwrap();
            scene.assert_all_shown().await;
        }
        assert!(shards_of(&feed(&scene)).await.len() > 6);
    }
}
