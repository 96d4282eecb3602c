//! A wrapper without faults changes nothing: it keeps every rule that the wrapped store keeps.

use std::sync::Arc;

use es_core::memory::{MemoryIdempotency, MemoryQueues, MemoryStore};
use es_core::testing::faults::{
    Fault, Faults, FaultyCheckpointStore, FaultyDeadlineStore, FaultyEventStore, FaultyFeed,
    FaultyIdempotencyStore, FaultyMessageQueue, FaultySnapshotStore, FaultyTopic, FaultyViewStore,
};
use es_core::testing::{SeededEntropy, VirtualClock};

fn store() -> Arc<MemoryStore> {
    Arc::new(MemoryStore::new())
}

async fn log() -> FaultyEventStore {
    FaultyEventStore::new(store(), Faults::none().suspending())
}

async fn log_and_feed() -> (MemoryStore, FaultyFeed) {
    let store = store();
    ((*store).clone(), FaultyFeed::new(store, Faults::none().suspending()))
}

async fn snapshots() -> FaultySnapshotStore {
    FaultySnapshotStore::new(store(), Faults::none().suspending())
}

async fn checkpoints() -> FaultyCheckpointStore {
    FaultyCheckpointStore::new(store(), Faults::none().suspending())
}

async fn views() -> FaultyViewStore {
    FaultyViewStore::new(store(), Faults::none().suspending())
}

async fn deadlines() -> FaultyDeadlineStore {
    FaultyDeadlineStore::new(store(), Faults::none().suspending())
}

fn clock() -> Arc<VirtualClock> {
    Arc::new(VirtualClock::at("2026-03-01T12:00:00Z"))
}

async fn records() -> (FaultyIdempotencyStore, Arc<VirtualClock>) {
    let clock = clock();
    let records = MemoryIdempotency::new(clock.clone(), Arc::new(SeededEntropy::new(1)));
    (FaultyIdempotencyStore::new(Arc::new(records), Faults::none().suspending()), clock)
}

fn memory_queues() -> (Arc<MemoryQueues>, Arc<VirtualClock>) {
    let clock = clock();
    (Arc::new(MemoryQueues::new(clock.clone(), Arc::new(SeededEntropy::new(1)))), clock)
}

async fn queues() -> (FaultyMessageQueue, Arc<VirtualClock>) {
    let (queues, clock) = memory_queues();
    (FaultyMessageQueue::new(queues, Faults::none().suspending()), clock)
}

async fn topics() -> (FaultyTopic, FaultyMessageQueue, Arc<VirtualClock>) {
    let (queues, clock) = memory_queues();
    let faults = Faults::none().suspending();
    let topics = FaultyTopic::new(queues.clone(), faults.clone());
    (topics, FaultyMessageQueue::new(queues, faults), clock)
}

mod event_store {
    es_core::event_store_conformance!(super::log);
}

mod feed {
    es_core::feed_conformance!(super::log_and_feed);
}

mod ordered_feed {
    es_core::ordered_feed_conformance!(super::log_and_feed);
}

mod snapshot_store {
    es_core::snapshot_store_conformance!(super::snapshots);
}

mod checkpoint_store {
    es_core::checkpoint_store_conformance!(super::checkpoints);
}

mod view_store {
    es_core::view_store_conformance!(super::views);
}

mod message_queue {
    es_core::message_queue_conformance!(super::queues);
}

mod topic {
    es_core::topic_conformance!(super::topics);
}

mod deadline_store {
    es_core::deadline_store_conformance!(super::deadlines);
}

mod idempotency_store {
    es_core::idempotency_store_conformance!(super::records);
}

mod progress_in_a_view_store {
    es_core::checkpoint_store_conformance!(super::views);
}

/// What a feed may do to its consumers, it does without breaking its own promises.
mod feed_on_a_bad_day {
    use es_core::testing::conformance;

    use super::*;

    async fn log_and_feed(faults: Faults) -> (MemoryStore, FaultyFeed) {
        let store = store();
        ((*store).clone(), FaultyFeed::new(store, faults))
    }

    async fn disordered() -> (MemoryStore, FaultyFeed) {
        let faults = [Fault::Reordering, Fault::LateDelivery, Fault::TornPage, Fault::Delay];
        log_and_feed(Faults::seeded(7).with_rates(&faults, 0.5)).await
    }

    es_core::feed_conformance!(disordered);

    /// The other rules count deliveries, or expect them again.
    #[tokio::test]
    async fn with_duplicates_every_commit_is_still_delivered() {
        for seed in 0..20 {
            let repeating = || log_and_feed(Faults::seeded(seed).with_rate(Fault::Duplicates, 0.5));
            conformance::feed::SUITE.rule("every_commit_is_delivered").hold(repeating).await;
        }
    }
}
