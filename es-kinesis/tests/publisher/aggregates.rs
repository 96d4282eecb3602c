//! Several commits in one record.

use es_core::StreamId;

use crate::scene::{STREAM, Scene};
use crate::support::fake_kinesis::{Options, hash_key};
use crate::support::faults::Fault;

/// What the library takes by default.
const BYTES: usize = 51_200;

fn records(scene: &Scene) -> usize {
    scene.kinesis.records(STREAM).values().map(Vec::len).sum()
}

#[tokio::test]
async fn far_fewer_records_have_all_commits() {
    let scene = Scene::new(3);
    scene.append_to_each(1_000).await;
    let publisher = scene.publisher_with(|options| options.aggregated(BYTES));
    publisher.catch_up().await.expect("nothing is in the way");
    assert_eq!(scene.kinesis.count("PutRecords"), 1);
    let (records, commits) = (records(&scene), scene.count_of_arrivals());
    assert!((3..20).contains(&records), "{records} records");
    let largest = scene.kinesis.records(STREAM).into_values().flatten();
    let largest = largest.map(|record| record.data.len()).max().expect("there are some");
    assert!(largest <= BYTES && largest > BYTES * 9 / 10, "{largest} bytes");
    assert_eq!(commits, 1_000);
    scene.assert_published().await;
    scene.assert_in_order(scene.arrivals_by_the_client_library()).await;
}

#[tokio::test]
async fn the_commits_of_one_stream_go_together() {
    let scene = Scene::new(2);
    for _ in 0..100 {
        scene.append("a", 2).await;
    }
    let publisher = scene.publisher_with(|options| options.aggregated(1 << 20));
    publisher.catch_up().await.expect("nothing is in the way");
    assert_eq!(records(&scene), 1);
    scene.assert_published().await;
}

#[tokio::test]
async fn a_commit_alone_is_not_aggregated() {
    let scene = Scene::new(1);
    scene.append("a", 1).await;
    scene.append_bytes("b", 3_000).await;
    let publisher = scene.publisher_with(|options| options.aggregated(1_000));
    publisher.catch_up().await.expect("nothing is in the way");
    let records: Vec<_> = scene.kinesis.records(STREAM).into_values().flatten().collect();
    assert!(records.iter().all(|record| record.data.starts_with(b"[")), "each is plain JSON");
    assert_eq!(records.len(), 2);
    scene.assert_published().await;
}

/// What was put together for the shards that were is not what belongs together now.
#[tokio::test]
async fn what_came_to_a_shard_that_is_not_its_own_is_published_again() {
    for after in [None, Some(Fault::SplitAfter), Some(Fault::MergeAfter)] {
        let scene = Scene::new(2);
        scene.append_to_each(60).await;
        scene.kinesis.faults().at("PutRecords", 1, Fault::SplitBefore);
        if let Some(after) = after {
            scene.kinesis.faults().at("PutRecords", 1, after);
        }
        let publisher = scene.publisher_with(|options| options.aggregated(BYTES));
        publisher.catch_up().await.expect("nothing is in the way");
        assert!(scene.count_of_arrivals() > 60, "{after:?}: some are there twice");
        scene.assert_published().await;
        scene.assert_in_order(scene.arrivals_by_the_client_library()).await;
    }
}

/// The answer comes when there are no records any more for the shard that took them.
#[tokio::test]
async fn what_came_to_its_own_shard_is_not_published_again_when_that_is_closed_by_then() {
    let scene = Scene::new(1);
    scene.append_to_each(60).await;
    for fault in [Fault::SplitBefore, Fault::SplitAfter] {
        scene.kinesis.faults().at("PutRecords", 1, fault);
    }
    let publisher = scene.publisher_with(|options| {
        options.aggregated(BYTES).hash_key(|stream| stream.as_str().len() as u128)
    });
    publisher.catch_up().await.expect("nothing is in the way");
    let shards = scene.kinesis.shards(STREAM);
    let shard = shards.iter().find(|shard| shard.id == scene.arrivals()[0].shard);
    assert!(shard.is_some_and(|shard| !shard.parents.is_empty() && !shard.is_open));
    assert_eq!(scene.count_of_arrivals(), 60);
    scene.assert_in_order(scene.arrivals_by_the_client_library()).await;
}

/// Nothing is taken for sent while it is not known whose shard took it.
#[tokio::test]
async fn while_the_shards_cannot_be_listed_an_aggregate_goes_again() {
    let scene = Scene::new(1);
    scene.append_to_each(60).await;
    let publisher = scene.publisher_with(|options| options.aggregated(BYTES));
    scene.kinesis.faults().at("PutRecords", 1, Fault::SplitBefore);
    scene.kinesis.faults().at("ListShards", 2, Fault::InternalError);
    publisher.catch_up().await.expect("it passes");
    assert_eq!(scene.kinesis.faults().injected(Fault::InternalError), 1);
    scene.assert_in_order(scene.arrivals_by_the_client_library()).await;
}

#[tokio::test]
async fn readers_of_the_client_library_have_all_in_order_while_shards_split_and_merge() {
    for seed in 0..16 {
        let scene = Scene::with(seed, 3, Options::default());
        scene.append_at_random(200, 30).await;
        let reshaping =
            [Fault::SplitBefore, Fault::SplitAfter, Fault::MergeBefore, Fault::MergeAfter];
        scene.kinesis.faults().set_rates(&reshaping, 0.3);
        let publisher = scene.publisher_with(|options| options.aggregated(4_000));
        let publisher = publisher.with_batch_size(25);
        crate::scene::catch_up(&publisher).await;
        println!("seed {seed}: {} shards", scene.kinesis.shards(STREAM).len());
        assert!(scene.kinesis.shards(STREAM).len() > 6);
        scene.assert_published().await;
        scene.assert_in_order(scene.arrivals_by_the_client_library()).await;
    }
}

#[tokio::test]
async fn explicit_hash_keys_decide_about_the_shard() {
    // The other half than that of the stream's own.
    let of_stream = |stream: &StreamId| !hash_key(stream.as_str());
    for aggregate_bytes in [None, Some(2_000)] {
        let scene = Scene::new(4);
        scene.append_at_random(100, 25).await;
        let publisher = scene.publisher_with(|options| {
            let options = options.hash_key(of_stream);
            match aggregate_bytes {
                Some(bytes) => options.aggregated(bytes),
                None => options,
            }
        });
        publisher.catch_up().await.expect("nothing is in the way");
        let shards = scene.kinesis.shards(STREAM);
        for arrival in scene.arrivals() {
            let key = of_stream(arrival.commit.stream());
            let shard = shards.iter().find(|shard| shard.id == arrival.shard).expect("listed");
            assert_eq!(arrival.explicit_hash_key, Some(key));
            assert!(shard.hash_keys.contains(&key));
        }
        scene.assert_in_order(scene.arrivals_by_the_client_library()).await;
    }
}
