//! What was published is saved, in as many steps as the store needs.

use std::sync::Arc;

use async_trait::async_trait;
use es_core::memory::MemoryStore;
use es_core::testing::faults::{Call, Faults as StoreFaults, FaultyCheckpointStore};
use es_core::{
    Adopted, Adoption, CheckpointStore, ConsumerId, DeadLetter, DeadLetterCount, DeadLetterQuery,
    PartitionId, Position, Progress, Result, StreamId, StreamProgress,
};

use crate::scene::Scene;
use crate::support::fake_kinesis::Options;

#[tokio::test]
async fn a_store_that_takes_little_in_a_step_does_not_make_requests_small() {
    let log = MemoryStore::with_max_step_items(10);
    let scene = Scene::of(1, 1, Options::default(), log);
    scene.append_to_each(300).await;
    let faults = StoreFaults::none();
    let checkpoints = FaultyCheckpointStore::new(scene.log.clone(), faults.clone());
    let publisher =
        scene.publishing().from(scene.log.clone(), scene.log.clone(), Arc::new(checkpoints));
    publisher.expect("valid").catch_up().await.expect("nothing is in the way");
    assert_eq!(scene.records_of_requests(), [300]);
    assert!(faults.calls(Call::SaveProgress) >= 30);
    scene.publisher().catch_up().await.expect("nothing is in the way");
    assert_eq!(scene.count_of_arrivals(), 300, "all of it was saved");
}

/// A store may take less than it says, in bytes: dead letters are as large as their commits.
#[tokio::test]
async fn a_step_that_is_too_large_is_divided_and_nothing_is_published_twice() {
    let log = MemoryStore::with_max_step_items(10);
    let scene = Scene::of(1, 1, Options::default(), log);
    scene.append_to_each(30).await;
    for number in 0..20 {
        scene.append_bytes(&format!("s-{number}"), 3_000).await;
    }
    let checkpoints = Arc::new(SaysNothing(scene.log.clone()));
    let publisher = scene.publishing().limits(2_000, 1 << 20).from(
        scene.log.clone(),
        scene.log.clone(),
        checkpoints,
    );
    let publisher = publisher.expect("valid");
    let caught_up = publisher.catch_up().await.expect("nothing is in the way");
    assert_eq!((caught_up.applied, caught_up.parked), (30, 20));
    assert_eq!(scene.records_of_requests(), [30]);
    assert_eq!(publisher.health().await.expect("it is there").dead_letters, 20);
}

/// Does not say how much it takes.
#[derive(Debug)]
struct SaysNothing(Arc<MemoryStore>);

#[async_trait]
impl CheckpointStore for SaysNothing {
    async fn load(&self, consumer: &ConsumerId, partition: &PartitionId) -> Result<Position> {
        self.0.load(consumer, partition).await
    }

    async fn stream_progress(
        &self,
        consumer: &ConsumerId,
        streams: &[StreamId],
    ) -> Result<Vec<StreamProgress>> {
        self.0.stream_progress(consumer, streams).await
    }

    async fn save(&self, progress: Progress) -> Result<()> {
        CheckpointStore::save(&*self.0, progress).await
    }

    async fn reset(&self, consumer: &ConsumerId) -> Result<()> {
        self.0.reset(consumer).await
    }

    async fn adopt(&self, adoption: &Adoption) -> Result<Adopted> {
        CheckpointStore::adopt(&*self.0, adoption).await
    }

    async fn dead_letters(
        &self,
        consumer: &ConsumerId,
        query: &DeadLetterQuery,
    ) -> Result<Vec<DeadLetter>> {
        self.0.dead_letters(consumer, query).await
    }

    async fn dead_letter_count(&self, consumer: &ConsumerId) -> Result<DeadLetterCount> {
        self.0.dead_letter_count(consumer).await
    }

    async fn set_paused(&self, consumer: &ConsumerId, paused: bool) -> Result<()> {
        self.0.set_paused(consumer, paused).await
    }

    async fn is_paused(&self, consumer: &ConsumerId) -> Result<bool> {
        self.0.is_paused(consumer).await
    }
}
