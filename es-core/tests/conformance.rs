//! The in-memory backend keeps every contract.

use std::sync::Arc;

use es_core::memory::{MemoryIdempotency, MemoryQueues, MemoryStore};
use es_core::testing::conformance::{self, holding};
use es_core::testing::{SeededEntropy, VirtualClock};

async fn store() -> MemoryStore {
    MemoryStore::new()
}

async fn queues() -> (MemoryQueues, Arc<VirtualClock>) {
    let clock = Arc::new(VirtualClock::at("2026-03-01T12:00:00Z"));
    let entropy = Arc::new(SeededEntropy::new(1));
    (MemoryQueues::new(clock.clone(), entropy), clock)
}

async fn records() -> (MemoryIdempotency, Arc<VirtualClock>) {
    let clock = Arc::new(VirtualClock::at("2026-03-01T12:00:00Z"));
    let entropy = Arc::new(SeededEntropy::new(1));
    (MemoryIdempotency::new(clock.clone(), entropy), clock)
}

mod event_store {
    es_core::event_store_conformance!(super::store);
}

mod feed {
    es_core::feed_conformance!(super::store);
}

mod ordered_feed {
    es_core::ordered_feed_conformance!(super::store);
}

mod archive {
    es_core::archive_conformance!(super::store);
}

mod snapshot_store {
    es_core::snapshot_store_conformance!(super::store);
}

/// The form with attributes and a closure.
mod snapshot_store_in_another_runtime {
    es_core::snapshot_store_conformance!(
        #[tokio::test(flavor = "current_thread")]
        || async { super::MemoryStore::default() }
    );
}

mod checkpoint_store {
    es_core::checkpoint_store_conformance!(super::store);
}

async fn queues_and_records() -> (MemoryQueues, MemoryIdempotency, Arc<VirtualClock>) {
    let (queues, clock) = queues().await;
    let records = MemoryIdempotency::new(clock.clone(), Arc::new(SeededEntropy::new(2)));
    (queues, records, clock)
}

mod queue_consumer {
    es_core::queue_consumer_conformance!(super::queues_and_records);
}

mod view_store {
    es_core::view_store_conformance!(super::store);
}

mod lease_store {
    es_core::lease_store_conformance!(super::store);
}

mod deadline_store {
    es_core::deadline_store_conformance!(super::store);
}

mod idempotency_store {
    es_core::idempotency_store_conformance!(super::records);
}

mod message_queue {
    es_core::message_queue_conformance!(super::queues);
}

mod topic {
    es_core::topic_conformance!(super::queues);
}

#[tokio::test]
async fn one_call_runs_a_whole_suite() {
    conformance::snapshot_store(store).await;
    conformance::checkpoint_store(|| async { MemoryStore::new() }).await;
}

#[tokio::test]
async fn a_factory_may_hand_over_what_its_store_needs() {
    let rule = conformance::snapshot_store::SUITE.rule("a_deleted_snapshot_is_gone");
    let directory = std::sync::Arc::new("a directory that is removed with its last handle");
    rule.hold(|| async { holding(store().await, directory.clone()) }).await;
    assert_eq!(std::sync::Arc::strong_count(&directory), 1, "it is dropped when the rule is done");
}

#[tokio::test]
async fn a_log_and_its_feed_may_be_two_objects() {
    let pair = || async {
        let store = MemoryStore::new();
        holding((store.clone(), store), "something else")
    };
    conformance::feed::SUITE.rule("every_commit_is_delivered").hold(pair).await;
}
