//! Several commits in one record, and stops in between.

use std::sync::Arc;

use async_trait::async_trait;
use es_core::testing::faults::crash_at;
use es_core::{Checkpoint, Commit, Compression, Feed, FeedPage, Partition, PartitionId, Result};
use es_kinesis::{Begin, KinesisFeed, Oversized, PublisherOptions};

use crate::scene::{STREAM, Scene, only_shard_of};
use crate::support::fake_kinesis::Record;

/// All that the stream has, read at once.
async fn published(scene: &Scene) -> Vec<Commit> {
    let feed = scene.feed(Begin::Horizon);
    let shard = only_shard_of(&feed).await;
    feed.read(&shard, &Checkpoint::start(), 1_000).await.unwrap().commits
}

/// Several commits of several streams in each record.
async fn aggregated(commits: u64) -> Scene {
    let scene = Scene::with(1, |options| options.aggregated(51_200));
    for n in 0..commits {
        scene.credit_unseen(&format!("a-{}", n % 4), n + 1).await;
    }
    scene.publish().await;
    let records = scene.kinesis.records(STREAM);
    assert_eq!(records.values().map(Vec::len).sum::<usize>(), 1, "one aggregate");
    scene
}

#[tokio::test]
async fn a_place_is_a_record_and_how_many_of_it_are_before() {
    let scene = aggregated(3).await;
    let number = scene.kinesis.records(STREAM).values().next().unwrap()[0].sequence_number.clone();
    let (number, time) = (number.as_str(), 1_772_366_400);
    let feed = scene.feed(Begin::Horizon);
    let shard = only_shard_of(&feed).await;
    let mut after = Checkpoint::start();
    for expected in
        [format!("{number}:1@{time}"), format!("{number}:2@{time}"), format!("{number}@{time}")]
    {
        let page = feed.read(&shard, &after, 1).await.unwrap();
        assert_eq!((page.commits.len(), page.checkpoint.as_str()), (1, &*expected));
        after = page.checkpoint;
    }
}

#[tokio::test]
async fn a_program_that_stops_inside_an_aggregate_goes_on_inside_it() {
    let scene = aggregated(9).await;
    for page_size in 1..10 {
        let (mut after, mut commits) = (Checkpoint::start(), Vec::new());
        while commits.len() < 9 {
            // Another program each time: nothing is in memory.
            let feed = scene.feed(Begin::Horizon);
            let page = feed.read(&only_shard_of(&feed).await, &after, page_size).await.unwrap();
            assert_eq!(page.commits.len(), page_size.min(9 - commits.len()));
            commits.extend(page.commits);
            after = page.checkpoint;
        }
        assert_eq!(commits, published(&scene).await, "pages of {page_size}");
    }
}

/// A feed that lets others go first, so that there is an await before each page.
#[derive(Debug)]
struct Hesitant(KinesisFeed);

#[async_trait]
impl Feed for Hesitant {
    async fn partitions(&self) -> Result<Vec<Partition>> {
        self.0.partitions().await
    }

    async fn anchors(&self) -> Result<Vec<(PartitionId, Checkpoint)>> {
        self.0.anchors().await
    }

    async fn read(&self, id: &PartitionId, after: &Checkpoint, max: usize) -> Result<FeedPage> {
        tokio::task::yield_now().await;
        self.0.read(id, after, max).await
    }

    async fn wait(&self, id: &PartitionId, after: &Checkpoint) -> Result<()> {
        self.0.wait(id, after).await
    }
}

#[tokio::test]
async fn a_consumer_that_stops_inside_an_aggregate_has_each_effect_once() {
    let scene = aggregated(9).await;
    let mut crashes = 0;
    loop {
        let feed = Arc::new(Hesitant(scene.feed(Begin::Horizon)));
        let statements = scene.statements_on(feed).with_batch_size(1);
        match crash_at(12 + crashes % 9, statements.catch_up()).await {
            Ok(caught_up) => {
                assert!(caught_up.unwrap().applied < 9, "some had their effect before");
                break;
            }
            Err(_) => crashes += 1,
        }
    }
    assert!(crashes > 2, "{crashes} crashes");
    scene.assert_all_shown().await;
}

fn is_reference(data: &[u8]) -> bool {
    let text = String::from_utf8_lossy(data);
    text.contains("dataref")
}

#[tokio::test]
async fn aggregates_compressed_records_plain_ones_and_references_are_mixed_in_any_way() {
    let kinds: [fn(PublisherOptions) -> PublisherOptions; 5] = [
        |options| options.named("kind 0"),
        |options| options.named("kind 1").aggregated(51_200),
        |options| options.named("kind 2").compression(Compression::Zstd),
        |options| options.named("kind 3").aggregated(51_200).compression(Compression::Zstd),
        // No commit has room in a record: each is referred to.
        |options| options.named("kind 4").oversized(Oversized::Refer).limits(380, 5 << 20),
    ];
    let mut scene = Scene::new(1);
    for round in 0..10 {
        for n in 0..5 {
            scene.credit_unseen(&format!("a-{}", n % 3), round * 5 + n + 1).await;
        }
        // Each publishes all that there is: most of it comes again.
        scene.publish_by(kinds[round as usize % kinds.len()]).await;
    }
    let records = scene.kinesis.records(STREAM);
    let has_reference = |record: &&Record| is_reference(&record.data);
    let references = records.values().flatten().filter(has_reference);
    assert_eq!(references.count(), 50);
    for batch_size in [1, 3, 100] {
        scene.forget_views();
        let statements = scene.statements(scene.feed(Begin::Horizon)).with_batch_size(batch_size);
        assert_eq!(statements.catch_up().await.unwrap().applied, 50);
        scene.assert_all_shown().await;
    }
}
