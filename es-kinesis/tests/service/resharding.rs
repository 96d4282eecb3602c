//! Shards that split and merge while a log is published and read. Not every local server can.

use std::ops::Range;
use std::sync::Arc;

use aws_sdk_kinesis::types::{Shard, StreamStatus};
use es_core::{Compression, Workers};
use es_kinesis::{Begin, Publisher};

use crate::scene::Scene;

impl Scene {
    /// The open shards, in the order of their hash keys.
    async fn open_shards(&self) -> Vec<Shard> {
        let listed = self.client().list_shards().stream_name(self.name()).send().await;
        let mut shards = listed.expect("the shards").shards.expect("a list");
        shards.retain(|shard| {
            let numbers = shard.sequence_number_range.as_ref();
            numbers.is_some_and(|numbers| numbers.ending_sequence_number.is_none())
        });
        shards.sort_by_key(|shard| hash_keys(shard).0);
        shards
    }

    async fn split(&self, shard: &Shard) {
        let (start, end) = hash_keys(shard);
        let middle = start + (end - start) / 2 + 1;
        let split = self.client().split_shard().stream_name(self.name());
        let split = split.shard_to_split(&shard.shard_id).new_starting_hash_key(middle.to_string());
        split.send().await.expect("it is split");
    }

    async fn merge(&self, low: &Shard, high: &Shard) {
        let merge = self.client().merge_shards().stream_name(self.name());
        let merge = merge.shard_to_merge(&low.shard_id).adjacent_shard_to_merge(&high.shard_id);
        merge.send().await.expect("they are merged");
    }

    async fn is_changing(&self) -> bool {
        let summary = self.client().describe_stream_summary().stream_name(self.name()).send().await;
        let summary = summary.expect("the stream").stream_description_summary;
        summary.expect("a summary").stream_status != StreamStatus::Active
    }

    /// Publishes these streams once, and others until the shards are not changing.
    async fn publish(&self, publisher: &Publisher, once: Range<u32>) {
        self.count(once).await;
        loop {
            let is_changing = self.is_changing().await;
            self.count(GOING_ON).await;
            publisher.catch_up().await.expect("all is published");
            if !is_changing {
                return;
            }
        }
    }

    /// Splits a shard, and merges two, with something published before, meanwhile and then. Some streams
    /// go on, others are in the shards that end only: what is lost there nobody repairs.
    async fn reshard_while_publishing(&self, publisher: &Publisher) {
        self.publish(publisher, 10..20).await;
        let open = self.open_shards().await;
        self.split(&open[0]).await;
        self.publish(publisher, 20..30).await;
        let open = self.open_shards().await;
        self.merge(&open[1], &open[2]).await;
        self.publish(publisher, 30..40).await;
        assert_eq!(self.open_shards().await.len(), 2);
    }
}

/// The streams that go on all the time.
const GOING_ON: Range<u32> = 0..8;

fn hash_keys(shard: &Shard) -> (u128, u128) {
    let range = shard.hash_key_range.as_ref().expect("hash keys");
    let parse = |key: &str| key.parse().expect("a hash key");
    (parse(&range.starting_hash_key), parse(&range.ending_hash_key))
}

#[tokio::test]
async fn a_view_that_follows_shows_everything_in_order() {
    let scene = Scene::new(2).await;
    let projection = Arc::new(scene.projection(scene.feed(Begin::Horizon)));
    let mut workers = Workers::new();
    workers.start(projection.clone());
    scene.reshard_while_publishing(&scene.publisher()).await;
    scene.wait_until_shown(&projection).await;
    workers.shutdown().await.expect("it runs without an error");
}

#[tokio::test]
async fn a_view_that_comes_later_shows_everything_in_order() {
    let scene = Scene::new(2).await;
    let aggregating =
        scene.publisher_with(|options| options.aggregated(51_200).compression(Compression::Zstd));
    scene.reshard_while_publishing(&aggregating).await;
    scene.run_until_shown(scene.projection(scene.feed(Begin::Horizon))).await;
}

#[tokio::test]
async fn workers_with_leases_hand_on_from_parents_to_children() {
    let scene = Scene::new(2).await;
    let shared = [scene.sharing_worker(), scene.sharing_worker()];
    let mut workers = Workers::new();
    shared.iter().for_each(|worker| workers.start(worker.clone()));
    scene.reshard_while_publishing(&scene.publisher()).await;
    scene.wait_until_shown(&shared[0]).await;
    workers.shutdown().await.expect("they run without an error");
}
