//! The first occurrences of a stream's commits are in the order of the log.

use std::sync::Arc;

use es_core::Feed;
use es_core::testing::faults::{
    Fault as StoreFault, Faults as StoreFaults, FaultyCheckpointStore, FaultyFeed, crash_at,
};
use es_kinesis::{Publisher, PublisherOptions};

use crate::scene::{STREAM, Scene, catch_up};
use crate::support::fake_kinesis::Options;
use crate::support::faults::Fault;

const SEEDS: std::ops::Range<u64> = 0..16;

#[tokio::test]
async fn it_is_the_order_of_the_log_whatever_a_request_meets() {
    for seed in SEEDS {
        let scene = Scene::with(seed, 2, Options::default());
        scene.append_at_random(150, 12).await;
        scene.kinesis.faults().set_rates(Fault::PASSING, 0.06);
        catch_up(&scene.publisher_with(|options| options.records_per_request(5))).await;
        scene.kinesis.let_late_requests_arrive();
        println!("seed {seed}: {} faults", scene.kinesis.faults().injections().len());
        scene.assert_published().await;
    }
}

/// One fault at a time, so that each is met for sure.
#[tokio::test]
async fn it_is_the_order_of_the_log_with_each_fault_at_every_second_request() {
    for &fault in Fault::PASSING.iter().filter(|fault| fault.can_meet("PutRecords")) {
        let scene = Scene::with(3, 9, Options::default());
        scene.append_at_random(80, 7).await;
        scene.kinesis.faults().set_rates(&[fault], 0.5);
        catch_up(&scene.publisher_with(|options| options.records_per_request(3))).await;
        scene.kinesis.let_late_requests_arrive();
        assert!(scene.kinesis.faults().injected(fault) > 3, "{fault:?}");
        scene.assert_published().await;
        let repeats = [Fault::LostAnswer, Fault::LateRequest, Fault::InternalErrorAfterwards];
        let duplicates = scene.count_of_arrivals() - 80;
        assert_eq!(duplicates > 0, repeats.contains(&fault), "{fault:?}: {duplicates} duplicates");
    }
}

#[tokio::test]
async fn a_late_request_puts_an_old_commit_behind_a_newer_one_and_the_first_ones_are_in_order() {
    let scene = Scene::new(1);
    for _ in 0..6 {
        scene.append("a", 1).await;
    }
    scene.kinesis.faults().at("PutRecords", 1, Fault::LateRequest);
    scene.publisher().catch_up().await.expect("it is asked again");
    scene.kinesis.let_late_requests_arrive();
    let versions = scene.arrivals().into_iter().map(|it| it.commit.first_version().get());
    let versions: Vec<u64> = versions.collect();
    assert!(!versions.is_sorted(), "{versions:?}");
    scene.assert_published().await;
}

#[tokio::test]
async fn a_feed_that_delivers_twice_and_out_of_order_is_repaired() {
    for seed in SEEDS {
        let scene = Scene::with(seed, 2, Options::default());
        scene.append_at_random(120, 9).await;
        let publisher =
            scene.publishing().from(scrambled(&scene, seed), scene.log.clone(), scene.log.clone());
        publisher.expect("valid").with_batch_size(20).catch_up().await.expect("nothing fails");
        assert_eq!(scene.count_of_arrivals(), 120, "seed {seed}: nothing twice");
        scene.assert_published().await;
    }
}

fn scrambled(scene: &Scene, seed: u64) -> Arc<dyn Feed> {
    let delivery = [StoreFault::Duplicates, StoreFault::Reordering, StoreFault::LateDelivery];
    let faults = StoreFaults::seeded(seed).with_rates(&delivery, 0.5);
    Arc::new(FaultyFeed::new(scene.log.clone(), faults))
}

/// Everything at once: a feed on a bad day, a Kinesis on a bad day, a store that forgets and saves late,
/// and a process that is killed again and again.
#[tokio::test]
async fn it_outlasts_everything_at_once() {
    type Set = fn(PublisherOptions) -> PublisherOptions;
    let ways: [(&str, Set); 2] = [
        ("plain", |options| options.records_per_request(4)),
        ("aggregated", |options| options.aggregated(2_000)),
    ];
    for (way, options) in ways {
        for seed in SEEDS {
            let scene = Scene::with(seed, 2, Options::default());
            scene.append_at_random(100, 10).await;
            let feed = scrambled(&scene, seed);
            let faults = StoreFaults::seeded(seed).with_rates(StoreFault::TRANSIENT, 0.05);
            let checkpoints = FaultyCheckpointStore::new(scene.log.clone(), faults.suspending());
            let checkpoints = Arc::new(checkpoints);
            scene.kinesis.faults().set_rates(Fault::PASSING, 0.04);
            let started = || -> Publisher {
                let publisher = options(scene.publishing()).from(
                    feed.clone(),
                    scene.log.clone(),
                    checkpoints.clone(),
                );
                publisher.expect("valid").with_batch_size(15)
            };
            let mut rng = fastrand::Rng::with_seed(seed);
            let mut crashes = 0;
            loop {
                match crash_at(rng.usize(1..150), catch_up(&started())).await {
                    Ok(()) => break,
                    Err(_) => crashes += 1,
                }
            }
            scene.kinesis.let_late_requests_arrive();
            let met = scene.kinesis.faults().injections().len();
            let shards = scene.kinesis.shards(STREAM).len();
            println!("{way}, seed {seed}: {met} faults, {crashes} crashes, {shards} shards");
            scene.assert_published().await;
            scene.assert_in_order(scene.arrivals_by_the_client_library()).await;
        }
    }
}

#[tokio::test]
async fn two_publishers_at_once_publish_some_twice_and_keep_the_order() {
    for seed in SEEDS {
        let scene = Scene::with(seed, 2, Options::default());
        scene.append_at_random(100, 8).await;
        scene.kinesis.faults().set_rates(&[Fault::PartialFailure, Fault::LostAnswer], 0.2);
        let publisher = || scene.publisher_with(|options| options.records_per_request(3));
        let (one, other) = (publisher().with_batch_size(20), publisher().with_batch_size(30));
        tokio::join!(catch_up(&one), catch_up(&other));
        scene.assert_published().await;
    }
}

/// The place of a shard that is split or merged is taken while requests are on their way.
#[tokio::test]
async fn it_is_the_order_of_the_log_while_shards_split_and_merge() {
    for seed in SEEDS {
        let scene = Scene::with(seed, 2, Options::default());
        scene.append_at_random(120, 10).await;
        let reshaping =
            [Fault::SplitBefore, Fault::SplitAfter, Fault::MergeBefore, Fault::MergeAfter];
        scene.kinesis.faults().set_rates(&reshaping, 0.3);
        let publisher = scene.publisher_with(|options| options.records_per_request(4));
        publisher.catch_up().await.expect("nothing fails");
        assert!(scene.kinesis.shards(STREAM).len() > 10, "seed {seed}");
        assert_eq!(scene.count_of_arrivals(), 120, "seed {seed}: nothing twice");
        scene.assert_published().await;
    }
}
