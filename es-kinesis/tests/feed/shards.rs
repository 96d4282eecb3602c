//! Shards that are split and merged while they are read.

use std::collections::BTreeMap;

use es_core::{Checkpoint, Commit, Feed as _, PartitionId};
use es_kinesis::Begin;

use crate::scene::{STREAM, Scene, shards_of};

/// Reads partitions to their end, parents first, and gives their commits in the order of reading.
async fn read_all(scene: &Scene) -> Vec<Commit> {
    let feed = scene.feed(Begin::Horizon);
    let (mut ended, mut commits) = (BTreeMap::<PartitionId, bool>::new(), Vec::new());
    for partition in feed.partitions().await.unwrap() {
        let parents = partition.parents.iter().filter(|id| id.as_str().starts_with("shardId-"));
        assert!(parents.into_iter().all(|id| ended[id]), "parents end first, and are listed first");
        let mut after = Checkpoint::start();
        loop {
            let page = feed.read(&partition.id, &after, 3).await.unwrap();
            let is_over = page.ended || page.commits.is_empty();
            commits.extend(page.commits);
            after = page.checkpoint;
            if is_over {
                ended.insert(partition.id, page.ended);
                break;
            }
        }
    }
    commits
}

#[tokio::test]
async fn the_order_of_each_stream_is_that_of_its_shards_parents_first() {
    let scene = Scene::new(3);
    for round in 0..6 {
        scene.credit_all(7).await;
        if round % 2 == 0 { scene.split_all() } else { scene.merge_all() }
    }
    scene.credit_all(7).await;
    let commits = read_all(&scene).await;
    assert_eq!(commits.len(), 49);
    for n in 0..7 {
        let id = format!("a-{n}");
        let of_stream: Vec<_> =
            commits.iter().filter(|it| it.stream().id() == id).cloned().collect();
        assert_eq!(of_stream, scene.commits(&id).await);
    }
}

#[tokio::test]
async fn no_shard_is_asked_before_its_parents_have_ended() {
    let scene = Scene::new(2);
    scene.credit_all(8).await;
    scene.split_all();
    scene.credit_all(8).await;
    scene.merge_all();
    scene.credit_all(8).await;
    // One record in each answer: it takes many to come to the end of a shard.
    let feed = scene.feed(Begin::Horizon).records_per_request(1);
    scene.statements(feed).with_batch_size(1).catch_up().await.unwrap();
    scene.assert_all_shown().await;
    let requests = scene.kinesis.requests();
    // Which request began which shard.
    let begun: BTreeMap<&str, usize> = requests
        .iter()
        .enumerate()
        .filter(|(_, request)| request.operation == "GetShardIterator")
        .filter_map(|(at, request)| Some((request.body["ShardId"].as_str()?, at)))
        .collect();
    let (shards, records) = (scene.kinesis.shards(STREAM), scene.kinesis.records(STREAM));
    assert_eq!(begun.len(), shards.len());
    for child in &shards {
        for parent in &child.parents {
            let (from, to) = (begun[&**parent], begun[&*child.id]);
            assert!(from < to, "{parent} comes before {}", child.id);
            let asked = requests[from..to].iter().filter(|it| it.operation == "GetRecords");
            assert!(asked.count() >= records[parent].len(), "all of {parent} was read between");
        }
    }
}

#[tokio::test]
async fn children_of_a_shard_that_ends_are_read_in_the_same_call() {
    let scene = Scene::new(2);
    let statements = scene.statements(scene.feed(Begin::Horizon));
    statements.catch_up().await.unwrap();
    for _ in 0..3 {
        scene.credit_all(8).await;
        scene.split_all();
        scene.credit_all(8).await;
        scene.merge_all();
        scene.credit_all(8).await;
        // No time goes by in which a list could grow old.
        assert_eq!(statements.catch_up().await.unwrap().applied, 24);
        scene.assert_all_shown().await;
    }
}

#[tokio::test]
async fn shards_that_were_read_to_their_end_are_not_asked_again() {
    let scene = Scene::new(2);
    let statements = scene.statements(scene.feed(Begin::Horizon));
    scene.credit_all(8).await;
    scene.split_all();
    statements.catch_up().await.unwrap();
    let before = scene.kinesis.count("GetRecords");
    statements.catch_up().await.unwrap();
    assert_eq!(scene.kinesis.count("GetRecords") - before, 4, "the open ones, once each");
}

#[tokio::test]
async fn the_end_of_a_shard_may_come_alone_behind_its_last_records() {
    let scene = Scene::new(1);
    scene.kinesis.set_options(|options| options.end_comes_alone = true);
    scene.credit_all(8).await;
    scene.split_all();
    scene.credit_all(8).await;
    let statements = scene.statements(scene.feed(Begin::Horizon));
    statements.catch_up().await.unwrap();
    scene.assert_all_shown().await;
}

#[tokio::test]
async fn a_list_of_shards_in_pages_is_one_list() {
    let scene = Scene::new(5);
    scene.kinesis.set_options(|options| options.shards_per_page = 2);
    scene.split_all();
    assert_eq!(shards_of(&scene.feed(Begin::Horizon)).await.len(), 15);
    scene.credit_all(20).await;
    scene.statements(scene.feed(Begin::Horizon)).catch_up().await.unwrap();
    scene.assert_all_shown().await;
}
